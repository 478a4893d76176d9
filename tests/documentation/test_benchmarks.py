"""The benchmark compares equal networks, batches and noise. Needs no other framework."""

import itertools
import math

import numpy as np
import pytest

import choices
import modes
import quality
import runs
import stacked
import worker
from frameworks import floor, ours, systems
from tfgan_v1 import Config, devices
from tfgan_v1.commands import train
from tfgan_v1.data import points
from tfgan_v1.errors import Diverged
from tfgan_v1.gan.layers import NUMERICS
from tfgan_v1.storage import names, records


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


RING = points.MODES["ring"]


def test_points_are_scored_by_the_protocols_of_veegan_and_pacgan():
    """Three points on a mode, one of them just within 3 deviations, one on another, and one just beside a third."""
    offsets = [[0.0, 0.0], [-0.02, 0.0], [0.0, 0.0299], [0.0, 0.0], [0.0301, 0.0]]
    drawn = RING.centers[[0, 0, 0, 4, 2]] + offsets
    off = math.exp(-9 / 2)
    each = (1 - off) / 8
    assert modes.score(drawn, RING) == {
        "modes": 2,
        "on_mode": 0.8,
        "reverse_kl": pytest.approx(0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8)),
        "with_off": pytest.approx(0.6 * math.log(0.6 / each) + 0.2 * math.log(0.2 / each) + 0.2 * math.log(0.2 / off)),
    }
    assert modes.reverse_kl(RING.centers, RING) == pytest.approx(0)
    assert modes.reverse_kl(RING.centers[:1], RING) == pytest.approx(math.log(8))
    assert modes.score(2 * RING.centers, RING) == {
        "modes": 0, "on_mode": 0, "reverse_kl": None, "with_off": pytest.approx(4.5),
    }  # fmt: skip


def test_real_points_have_the_share_of_the_mixture_and_other_seeds_other_points():
    found = modes.real_results("grid", [3, 4])
    assert found[3] != found[4]
    for each in (result["scores"] for result in found.values()):
        assert each["modes"] == 25 and each["on_mode"] == pytest.approx(1 - math.exp(-4.5), abs=0.01)


@pytest.mark.parametrize(
    "flags",
    [modes.command("ring", title, 8) for title in modes.METHODS] + [list(row.command) for row in stacked.rows(8)],
    ids=lambda flags: " ".join(map(str, flags[-6:])),
)
def test_the_rows_of_the_benchmarks_of_modes_are_commands_of_train(flags):
    options = train.parse("train.py", [str(part) for part in flags])
    start = {name: options.pop(name) for name in ("resume", "overwrite", "dry_run", "seeds", "workers", "wait")}
    assert Config(**options).steps in (8, 16) and not start["dry_run"]


def trains(monkeypatch, codes):
    """Lets each command draw one sample on each mode of the ring, and exit with its code. Returns the commands."""
    commands = []

    def run(command, may=()):
        folder = command[command.index("--samples") + 1]
        folder.mkdir(parents=True, exist_ok=True)
        records.write_samples(folder / names.SAMPLES, [RING.centers] * 4)
        commands.append(runs.words(command))
        return runs.Ran(2.0, 3.0, codes[len(commands) - 1])

    monkeypatch.setattr(runs, "run", run)
    return commands


def test_a_stopped_benchmark_continues_and_makes_results_of_other_flags_again(tmp_path, monkeypatch):
    commands = trains(monkeypatch, codes=[0, 0, 0])
    for seed, steps in ((0, 8), (0, 8), (1, 8), (1, 9)):
        modes.measure("ring", "R1", steps, seed, tmp_path)
    assert len(commands) == 3 and "--steps 9 --sample-every 3" in commands[2]
    assert [*modes.results("ring", "R1", 8, tmp_path)] == [0] and [*modes.results("ring", "R1", 9, tmp_path)] == [1]


def test_the_table_of_modes_has_medians_ranges_and_the_seeds_that_diverged(tmp_path, monkeypatch):
    trains(monkeypatch, codes=[0, Diverged.exit_code, 0])
    for seed in range(3):
        modes.measure("ring", "PacGAN2", 8, seed, tmp_path)
    path = tmp_path / "ring_PacGAN2-2.json"
    runs.keep(path, modes.results("ring", "PacGAN2", 8, tmp_path)[2] | {"scores": modes.score(RING.centers[:3], RING)})
    text = modes.report(tmp_path, 8)
    assert (
        "| PacGAN2 | 3, 1 diverged | 5.5 (3 to 8) | 1 | 1.000 | 0.490 (0.000 to 0.981) "
        "| 0.502 (0.011 to 0.992) | 2 | 3 | `--pack 2` |"
    ) in text
    assert "| real points | 3 | 8 | 3 | 0.98" in text and "| PacGAN | 7.9 |" in text
    assert "## grid" not in text and "| R1 |" not in text
    assert modes.cell([None, 1, 2], "g") == "1.5 (1 to 2), 2 seeds" and modes.cell([None], "g") == "-"
    assert modes.picture(tmp_path, 8).startswith(b"\x89PNG")


def test_the_floor_of_stacked_mnist_is_that_of_draws_that_are_as_likely():
    """And the digits' own shares add their divergence, as the product of three."""
    draws = np.random.default_rng(0).multinomial(26_000, np.full(1000, 1 / 1000), 400) / 26_000
    simulated = np.sum(draws * np.log(np.maximum(1000 * draws, 1e-9)), 1)
    mean, deviation = stacked.by_chance(1000, 26_000)
    assert mean == pytest.approx(simulated.mean(), rel=0.02) and deviation == pytest.approx(simulated.std(), rel=0.15)
    assert stacked.imbalance(np.arange(10)) == pytest.approx(0)
    shares = np.array([3, 1]) / 4
    product = np.einsum("i,j,k", shares, shares, shares).ravel()
    assert stacked.imbalance(np.array([0, 0, 0, 1])) == pytest.approx(np.sum(product * np.log(8 * product)))


def test_the_table_of_stacked_mnist_has_both_judges_and_leaves_out_results_of_other_flags(tmp_path):
    row = stacked.rows(9000)[0]
    for seed, (count, divergence) in enumerate([(1000, 0.03), (999, 0.05), (1000, 0.04)]):
        figures = {"0": {"modes": [count], "modes_divergence": [divergence]}}
        figures["1"] = {"modes": [1000], "modes_divergence": [divergence / 2]}
        content = {"seconds": 100 + seed, "command": runs.words(row.command), "figures": figures}
        runs.keep(quality.result_path(row, seed, tmp_path), content)
    assert stacked.line(row.title, quality.results(row, tmp_path), row.command) == [
        row.title, 3, "1,000 (999 to 1,000); 1,000", "2; 3",
        "0.040 (0.030 to 0.050); 0.020 (0.015 to 0.025)", "101 (100 to 102)", f"`{runs.words(row.command)}`",
    ]  # fmt: skip
    short = stacked.rows(50)[0]
    assert stacked.line(short.title, quality.results(short, tmp_path)) is None
