"""Many steps in one call: what single steps do, in any chunks, with nothing added on the way."""

import subprocess
import sys

import numpy as np
import pytest

from running import PIXELS, POINTS, SMALL, Running, config, sums_after_three_steps
from tfgan_v1.gan import batches
from tfgan_v1.gan.train_step import STEP_METRICS

# Every preset, and every option that shapes a step.
PAIRS = {"loss": "relativistic", "penalty": "r1,r2", "penalty_weight": 0.1}
SCHEDULES = {"d_lr": "cosine:0.01:0.001:4", "beta2": "linear:0.9:0.99:5", "average_halflife": "linear:0:9:5"}
SYSTEMS = {
    "mlp": ({}, PIXELS),
    "conv": ({"model": "conv"}, SMALL),
    "gaussian": ({"model": "gaussian"}, POINTS),
    "dcgan": ({"model": "dcgan"}, SMALL),
    "dcgan_upsample": ({"model": "dcgan_upsample"}, SMALL),
    "bfloat16": ({"model": "dcgan_upsample", "precision": "bfloat16"}, SMALL),
    "colour": ({"model": "dcgan_upsample"}, SMALL.repeat(3, 3)),
    "compiled": ({"xla": "on"}, PIXELS),
    "compiled points": ({"model": "gaussian", "xla": "on"}, POINTS),
    "minimax": ({"loss": "minimax"}, PIXELS),
    "two D steps": ({"d_steps": 2, "g_noise": "fresh"}, PIXELS),
    "D in turn, twice": ({"d_steps": 2, "d_batches": "in_turn"}, PIXELS),
    "D separate": ({"d_batches": "separate"}, PIXELS),
    "schedules": ({**PAIRS, **SCHEDULES}, PIXELS),
    "pairs, compiled": ({**PAIRS, "d_steps": 2, "xla": "on"}, PIXELS),
    "decay": ({"optimizer": "rmsprop", "d_decay": 0.5, "g_decay": 0.1, "xla": "on"}, PIXELS),
}
COMPILED = {"compiled convolutions": ({"model": "dcgan_upsample", "xla": "on"}, SMALL)}
LOOP_ONLY = {
    "D first": ({"d_first": 3, "xla": "on"}, PIXELS),
    "whole": ({"model": "gaussian", "batch_size": 7}, POINTS),
}
ALL = {**SYSTEMS, **COMPILED, **LOOP_ONLY}
SHAPED = ("mlp", "dcgan_upsample", "compiled points", "whole")  # tried with placeholders of another length, too
SLOW = ("compiled convolutions", "conv", "D first")
THOROUGHLY = ("colour", "compiled")  # of which others have each part


def case(name):
    marks = [pytest.mark.slow] * (name in SLOW) + [pytest.mark.thorough] * (name in THOROUGHLY)
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [case(name) for name in ALL])
def test_the_loop_equals_single_steps_and_the_chunk_size_changes_no_bit(name):
    options, images = ALL[name]
    options = config(**{"seed": 2**32 - 1, **options})

    def six_steps(running, chunk):
        """Six steps from the start, in calls of `chunk` steps: (values, metrics)."""
        running.reset()
        metrics = [running.train(start, min(chunk, 6 - start)) for start in range(0, 6, chunk)]
        return running.values(), np.concatenate(metrics)

    def bits(values, metrics):
        return {key: value.tobytes() for key, value in values.items()}, metrics.tobytes()

    with Running(options, 6, images) as long:
        values, metrics = six_steps(long, 6)
        for chunk in (1, 4):
            assert bits(*six_steps(long, chunk)) == bits(values, metrics), chunk
        if name in SHAPED:
            with Running(options, 4, images) as short:
                assert bits(*six_steps(short, 4)) == bits(values, metrics)
        if name in LOOP_ONLY:  # options of the loop that a single step does not know
            return
        long.reset()
        for step in range(6):
            assert np.allclose(metrics[step], long.plain_step(step), rtol=1e-3, atol=1e-5)
        for key, value in long.values().items():
            assert np.allclose(values[key], value, rtol=3e-3, atol=3e-5), key


def test_a_call_of_zero_steps_changes_nothing():
    with Running(config(xla="on"), chunk=3) as running:
        before = running.bits()
        running.train(0, 0)
        assert running.bits() == before


def test_training_adds_nothing_to_the_graph():
    with Running(config(), chunk=3) as running:
        running.graph.finalize()
        before = len(running.graph.get_operations())
        for step in range(0, 9, 3):
            running.train(step, 3)
            running.preview(step)
        assert len(running.graph.get_operations()) == before


def test_g_is_frozen_for_the_first_d_first_steps():
    with Running(config(d_first=3), chunk=4) as running:
        start = running.values()
        running.train(0, 3)
        alone = running.values()
        running.train(3, 1)
        after = running.values()
    for name in start:
        if name.endswith("kernel"):
            assert np.array_equal(start[name], alone[name]) == name.startswith("generator"), name
            assert not np.array_equal(alone[name], after[name])


def test_with_batches_whole_the_last_batch_takes_the_leftover_images():
    """Of 11 points and batches of 5, the second has 6: D(x) is their mean, of a D that stands still."""
    options = config(model="gaussian", batch_size=5, d_lr=1e-30, g_lr=1e-30)
    with Running(options, 4, POINTS[:11]) as running:
        metrics, order = running.train(0, 4), batches.order(options, 11, 0, 4)[:, 0]
        w = running.values()
    hidden = np.maximum(POINTS[:11] @ w["discriminator/hidden/kernel"] + w["discriminator/hidden/bias"], 0)
    logits = hidden @ w["discriminator/logits/kernel"] + w["discriminator/logits/bias"]
    for step, size in enumerate([5, 6, 5, 6]):
        d_x = 1 / (1 + np.exp(-logits[order[step, :size]]))
        assert np.isclose(metrics[step, STEP_METRICS[False].index("D(x)")], d_x.mean(), rtol=1e-5)


OLD_NOTEBOOK = """
import sys
sys.path[:0] = {path!r}
from tfgan_v1._tensorflow import tf
tf.disable_v2_behavior()
from running import sums_after_three_steps
print(sums_after_three_steps())
"""


@pytest.mark.thorough
def test_disable_v2_behavior_changes_no_bit():
    script = OLD_NOTEBOOK.format(path=sys.path)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(sums_after_three_steps())
