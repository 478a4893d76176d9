"""In a step, each read of a variable comes before or after each update of it, whatever the threads do meanwhile.

Inside the loop, which is a tf.function, TensorFlow adds this order itself; a step in a plain graph has only ours.
"""

import time

import numpy as np
import pytest

from running import POINTS, SMALL, Running, config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.penalties import r1

PASSED_ON = ("Switch", "Enter", "Identity")  # operations through which a variable gets into a tf.cond or a loop
UPDATES = ("ResourceApply", "Assign")


def before(fetch):
    """operation -> (its number, the numbers of all operations that must come before it, as the bits of an int)."""
    found, todo = {}, [fetch]
    while todo:
        op = todo[-1]
        inputs = [tensor.op for tensor in op.inputs] + list(op.control_inputs)
        missing = [each for each in inputs if each not in found]
        todo += missing
        if not missing:
            bits = 0
            for number, earlier in (found[each] for each in inputs):
                bits |= earlier | 1 << number
            found.setdefault(op, (len(found), bits))
            todo.pop()
    return found


def unordered(fetch):
    """The pairs (update, other use of the same variable) of which either may come first."""
    found, uses = before(fetch), {}
    for op in found:
        if op.inputs and op.inputs[0].dtype == tf.resource and op.type not in PASSED_ON:
            variable = op.inputs[0].op
            while variable.type in PASSED_ON:
                variable = variable.inputs[0].op
            uses.setdefault(variable, []).append(op)
    for ops in uses.values():
        for update in (op for op in ops if op.type.startswith(UPDATES)):
            number, earlier = found[update]
            for op in ops:
                if op is not update and not earlier >> found[op][0] & 1 and not found[op][1] >> number & 1:
                    yield update.name, op.name


@pytest.mark.parametrize(
    "options",
    [
        {"model": "mlp", "penalty": "r1", "loss": "relativistic_average", "average": 0.9},
        {"model": "conv", "penalty": "wgan_gp", "d_steps": 2, "clip_gradients": 0.1, "g_decay": 0.1},
        {"model": "gaussian", "spectral_norm": True, "loss": "hinge", "g_noise": "fresh"},
        {"model": "dcgan", "penalty": "dragan", "penalty_every": 2, "d_batches": "separate", "pack": 2},
        {"model": "dcgan_upsample", "loss": "wasserstein", "clip_weights": 0.1},
        {"model": "tuned", "minibatch_stddev": True},
    ],
    ids=lambda options: options["model"],
)
def test_reads_and_updates_of_each_variable_are_ordered(options):
    with Running(config(**options), 1, POINTS if options["model"] == "gaussian" else SMALL) as running:
        step = running.single_step.metrics.op
        assert len(before(step)) > 300 and list(unordered(step)) == []


def late(discriminate, real, fake):
    """R1 by a thread that always comes last."""

    def nap():
        time.sleep(0.1)
        return np.float32(0)

    with tf.control_dependencies([tf.numpy_function(nap, [], tf.float32)]):
        return r1(discriminate, real, fake)


def test_a_penalty_that_takes_longer_than_all_else_changes_no_bit():
    found = []
    for penalty in (r1, late):
        parts = {"loss": LOSSES["non_saturating"]._replace(penalty=penalty)}
        with Running(config(optimizer="adam", d_lr=0.1), 1, **parts) as running:
            found.append((np.stack([running.plain_step(step) for step in range(2)]).tobytes(), running.bits()))
    assert found[0] == found[1]
