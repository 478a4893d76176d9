"""The benchmark compares equal networks, batches and noise. Needs no other framework."""

import itertools
import math

import numpy as np
import pytest

import choices
import worker
from frameworks import floor, ours, systems
from tfgan_v1 import devices
from tfgan_v1.gan.layers import NUMERICS


@pytest.mark.parametrize("name", systems.NETWORKS)
def test_the_tables_of_layers_have_the_parameters_of_the_models(name):
    networks, config = systems.system(name)

    def count(layers, shape):
        sizes = {
            "dense": lambda before, units: (before[0] + 1) * units,
            "conv": lambda before, filters, size, stride: (size**2 * before[2] + 1) * filters,
            "transposed": lambda before, filters, size, stride: (size**2 * before[2] + 1) * filters,
            "norm": lambda before: 4 * before[-1],
        }
        return sum(
            sizes[kind](before, *numbers) for kind, numbers, before, _ in systems.walk(layers, shape) if kind in sizes
        )

    g, d = count(networks.generator, (config.noise_size,)), count(networks.discriminator, networks.shape)
    assert (g, d) == networks.parameters
    assert list(systems.walk(networks.generator, (config.noise_size,)))[-1][-1] == networks.shape
    assert list(systems.walk(networks.discriminator, networks.shape))[-1][-1] == (1,)


@pytest.mark.parametrize("name", systems.NETWORKS)
def test_the_floor_counts_the_products_of_these_layers(name):
    """The direct form of each layer, except for upsampling followed by a convolution, which has a cheaper form."""

    def products(layers, shape):
        upsampled = False
        for kind, numbers, before, after in systems.walk(layers, shape):
            pixels = math.prod((after if kind == "conv" else before)[:2])
            if kind == "dense":
                yield before[0] * numbers[0]
            if kind in ("conv", "transposed"):
                filters, size, _ = numbers
                taps = pixels * size**2
                if upsampled:  # four kernels, each as wide as the source pixels that they see, on a quarter of them
                    taps = pixels * (size // 2 + 1) ** 2
                yield taps * before[2] * filters
            upsampled = kind == "upsample"

    networks, config = systems.system(name)
    g, d = floor.PRODUCTS[name]
    assert tuple(products(networks.generator, (config.noise_size,))) == g
    assert tuple(products(networks.discriminator, networks.shape)) == d


def test_a_step_of_mlp_has_186_million_operations():
    g, g_back = 100 * 128 + 128 * 784, 128 * 784  # forward, and to the hidden layer; likewise of D
    d, d_back = 784 * 128 + 128, 128
    # D on two batches: forward, kernels, back; G: forward once, through D forward and back, kernels, back.
    by_hand = 2 * 100 * (2 * (d + d + d_back) + g + 2 * d + g + g_back)
    assert floor.step_flops("mlp") == by_hand == 185_958_400


def test_a_step_of_dcgan_upsample_has_8_billion_operations_and_of_gaussian_half_a_million():
    g = [627_200, 14_450_688, 451_584]
    d = [313_600, 10_035_200, 6_272]
    upsample = 2 * 32 * (3 * sum(g) - g[0] + 8 * sum(d) - 2 * d[0])
    assert floor.step_flops("dcgan_upsample") == upsample == 8_203_173_888
    assert floor.step_flops("gaussian", 1000) == pytest.approx(2 * 1000 / 3 * (3 * 544 - 512 + 8 * 64 - 2 * 32))


def test_fresh_noise_takes_another_pass_of_the_generator():
    g, d = floor.PRODUCTS["dcgan"]
    assert floor.step_flops("dcgan") == 2 * 64 * (4 * sum(g) - g[0] + 8 * sum(d) - 2 * d[0])


def test_batches_are_those_of_the_trainer():
    random = np.random.default_rng(0)
    config = systems.system("gaussian").config
    epoch = list(itertools.islice(systems.batches(config, 1000, random), 3))
    assert [len(batch) for batch in epoch] == [333, 333, 334]
    assert sorted(np.concatenate(epoch)) == list(range(1000))
    epoch = list(itertools.islice(systems.batches(systems.system("mlp").config, 250, random), 2))
    assert [len(batch) for batch in epoch] == [100, 100] and len(set(np.concatenate(epoch))) == 200
    drawn = next(systems.batches(systems.system("dcgan").config, 7, random))
    assert len(drawn) == 64 and set(drawn) <= set(range(7))


@pytest.mark.parametrize(("name", "low", "high"), [("mlp", -1, 1), ("conv", 0, 1), ("dcgan_upsample", -6, 6)])
def test_noise_has_the_distribution_of_the_preset(name, low, high):
    config = systems.system(name).config
    drawn = systems.noise(config, np.random.default_rng(0), 500)
    assert drawn.shape == (500, config.noise_size) and drawn.dtype == np.float32
    assert low <= drawn.min() < low + 3 and high - 3 < drawn.max() <= high
    assert drawn.mean() == pytest.approx((low + high) / 2, abs=0.05)


class Fake:
    """A trainer that does nothing."""

    def __init__(self, losses=(0.5, 0.6), parameters=(1, 2), chunk=10):
        self.losses, self.parameters, self.chunk, self.calls = lambda: losses, parameters, chunk, 0

    def train(self):
        self.calls += 1


def test_a_trainer_is_warmed_up_and_checked():
    fake = Fake()
    worker.check(fake, [1, 2], 35)
    assert fake.calls == 4
    with pytest.raises(ValueError, match="parameters"):
        worker.check(Fake(), (1, 3), 0)
    with pytest.raises(ValueError, match="losses"):
        worker.check(Fake(losses=(math.nan, 1)), (1, 2), 0)


def test_the_benchmark_measures_every_choice_and_knows_what_the_code_chooses():
    assert {*choices.CASES} == {"xla", *NUMERICS["cpu"]._fields}
    for model, dense in (("mlp", True), ("dcgan_upsample", False)):
        assert choices.chosen("cpu", "xla", model) == dense
        assert choices.chosen("cpu", "bfloat16", model) != dense
    assert choices.chosen("cpu", "phase_kernels", "conv")
    assert [choices.advice(ratios) for ratios in ([1.1, 2], [0.5, 0.9], [0.9, 1.1], [])] == [
        "with", "without", "either", "without",
    ]  # fmt: skip


def test_our_own_framework_trains_and_returns_its_losses(tmp_path, monkeypatch):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(1000, 1)))
    monkeypatch.setattr(devices, "check_bfloat16", devices.check_bfloat16)  # which the trainer replaces
    trainer = ours.trainer("gaussian", str(tmp_path / "points.npy"))
    worker.check(trainer, systems.NETWORKS["gaussian"].parameters, least=60)
