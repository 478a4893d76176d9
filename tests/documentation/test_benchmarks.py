"""The benchmark: networks, operation counts, tables and the protocol of its workers. Needs no other framework."""

import io
import itertools
import math
import sys

import numpy as np
import pytest

import choices
import profile_steps
import tables
import turns
import worker
from frameworks import FLOOR, FRAMEWORKS, OURS, PUBLISHED, floor, ours, systems
from tfgan_v1.config.presets import CHOICES, Choices


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
                if (
                    upsampled
                ):  # four kernels, each as wide as the source pixels that they see, on a quarter of the pixels
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


def test_ratios_are_taken_round_by_round():
    assert tables.ratios([2.0, None, 9.0, 8.0], [1.0, 2.0, 3.0, None]) == [2.0, 3.0]
    assert tables.spread([3.0, 1.0, 2.0, 10.0]) == (1.0, 2.5, 10.0)


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.12")]
)
def test_numbers_are_rounded_to_three_digits(value, text):
    assert tables.digits(value) == text


RESULTS = {
    PUBLISHED: [100.0, 90.0, 110.0],
    "torch": [500.0, 50.0, 500.0],
    "torch_compiled": [None, None, None],
    "jax": [200.0, 200.0, 220.0],
    OURS: [400.0, 360.0, 440.0],
    FLOOR: [1000.0, 1000.0, 1000.0],
}


def test_the_fastest_peer_has_the_highest_median():
    assert tables.fastest_peer(RESULTS) == "torch"
    assert tables.fastest_peer({OURS: [1.0], FLOOR: [2.0]}) is None


def test_a_row_of_targets_has_the_speedup_and_the_verdict():
    row = tables.target_row("mlp", RESULTS)
    assert row == [
        "`mlp`",
        "4.00 (4.00 to 4.00), target 3.00: reached",
        "0.88 (0.80 to 7.20) PyTorch, target 1.25: **not reached**",
        "40% (36% to 44%), target 60%: **not reached**",
    ]
    assert tables.target_row("gaussian", RESULTS)[-1] == "-"
    assert tables.target_row("mlp", {**RESULTS, OURS: [None] * 3}) == ["`mlp`", "-", "-", "-"]


def test_a_framework_that_did_not_run_is_in_the_table_with_the_reason():
    notes = dict.fromkeys(FRAMEWORKS, "") | {"torch_compiled": "not run: no compiler"}
    rows = {row[1]: row[2:] for row in tables.speed_rows("mlp", RESULTS, notes)}
    assert rows["PyTorch, `torch.compile`"] == ["-", "-", "not run: no compiler"]
    assert rows["JAX"] == ["200 (200 to 220)", "2.00 (1.80 to 2.00)", ""]
    assert rows["tfgan_v1"] == ["400 (360 to 440)", "-", ""]


def test_a_table_is_markdown():
    assert tables.markdown(["a", "b"], [[1, "x|y"]]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"


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


def test_each_line_is_a_turn_and_an_empty_line_ends_the_worker():
    fake, answers = Fake(), []
    worker.serve(fake, io.StringIO("run 0.001\nrun 0.001\n\nrun 1\n"), answers.append)
    assert len(answers) == 2 and sum(answer["steps"] for answer in answers) == 10 * fake.calls
    assert all(answer["seconds"] >= 0.001 for answer in answers)


def test_reasons_are_short():
    assert worker.reason(ModuleNotFoundError("No module named 'jax'", name="jax")) == "jax is not installed"
    assert worker.reason(systems.Unavailable("a step trains the wrong network")) == "a step trains the wrong network"
    assert worker.reason(RuntimeError("no compiler\nand more")) == "RuntimeError: no compiler"


def talk(tmp_path, script):
    """A turns.Worker whose process runs a script instead of worker.py."""
    path = tmp_path / "script.py"
    path.write_text(script)
    return turns.Worker("ours", "mlp", "images.npy", None, (sys.executable, path))


def test_workers_take_turns(tmp_path):
    answers = 'import sys\nprint(\'{"ready": "quick"}\', flush=True)\nfor line in sys.stdin:\n    '
    steady = talk(tmp_path, answers + 'print(\'{"steps": 10, "seconds": %s}\' % line.split()[1], flush=True)')
    assert (steady.note, steady.unavailable) == ("quick", None)
    assert turns.take_turns({"steady": lambda: steady.run(2.0)}, 3) == {"steady": [5.0, 5.0, 5.0]}
    steady.close()
    assert steady.process.returncode == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('print(\'{"unavailable": "jax is not installed"}\')', "jax is not installed"),
        ("exit(3)", "ended with exit code 3"),
    ],
)
def test_a_worker_that_cannot_run_is_not_fatal(tmp_path, script, reason):
    unavailable = talk(tmp_path, script)
    assert unavailable.unavailable == reason and unavailable.run(1) is None
    unavailable.close()


def test_a_worker_that_ends_early_is_not_fatal(tmp_path):
    brief = talk(tmp_path, 'print(\'{"ready": ""}\', flush=True)\ninput()\nexit(4)')
    assert brief.run(1) is None and brief.unavailable == "ended with exit code 4"
    assert brief.run(1) is None
    brief.close()


def test_turns_are_in_rounds():
    seen = []
    results = turns.take_turns({name: lambda name=name: seen.append(name) for name in "abc"}, 2)
    assert "".join(seen) == "abcabc" and results == {"a": [None] * 2, "b": [None] * 2, "c": [None] * 2}


def test_a_profile_names_operations_by_their_kind():
    names = {
        "gradients/discriminator/Conv2D_1_grad/y:_MklNativeConv2DBackpropInput": "Conv2DBackpropInput",
        "generator/dense/MatMul:_MklMatMul": "MatMul",
        "MatMul_1.9": "MatMul",
        "add_tanh_fusion": "add_tanh_fusion",
        "divide_subtract_fusion.7": "divide_subtract_fusion",
    }
    assert {name: profile_steps.kind_of(name) for name in names} == names


def test_the_benchmark_measures_every_choice_and_says_what_to_choose():
    assert tuple(choices.CASES) == Choices._fields
    assert [choices.advice(ratios) for ratios in ([1.1, 2], [0.5, 0.9], [0.9, 1.1], [])] == [
        "with", "without", "either", "without",
    ]  # fmt: skip
    now = {field: choices.chosen("cpu", field) for field in choices.CASES}
    assert choices.row(now) == CHOICES["cpu"]
    assert choices.row({**now, "fused_pooling": []}) == CHOICES["cpu"]._replace(fused_pooling=False)


def test_our_own_framework_trains_and_returns_its_losses(tmp_path):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(1000, 1)))
    trainer = ours.trainer("gaussian", str(tmp_path / "points.npy"))
    worker.check(trainer, systems.NETWORKS["gaussian"].parameters, least=60)
