"""Adaptive augmentation: its strength follows how much D overfits (arXiv:2006.06676, sec. 3).

The paper's eq. 1 has two measures. This one, r_v, compares D's outputs on training images with those on images that are
held out from training: 0 without overfitting, 1 where D takes held-out images for generated ones.
"""

from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import noise
from tfgan_v1.gan.conditioning import Batch
from tfgan_v1.gan.optimizers import zeros

ADAPTIVE = "adaptive"  # in place of a strength
TARGET = 0.5  # of r_v, as in the paper's fig. 5
EVERY = 4  # steps from one adjustment to the next
RAMP = 1000  # steps in which the strength can go from 0 to 1
DECAY = 0.95  # of the averages of D's outputs from one adjustment to the next
_STREAM = 0x0ADA  # of the choice of held-out images, which is no other's
_CALLS = 2**40  # the numbers of D's calls here begin where those of training steps never come


class Steering(NamedTuple):
    """The strength of the augmentation, and what steers it: variables that the state has."""

    strength: Any  # float32 scalar in [0, 1]
    outputs: Any  # float32 [3], averages of D's output on training, held-out and generated images

    @classmethod
    def create(cls):
        """A Steering of strength 0, in the current graph."""
        return cls(zeros("augment/strength", []), zeros("augment/outputs", [3]))

    def after(self, metrics, step, held_out_output):
        """STEP_METRICS of a step, after which, every EVERY steps, the strength is adjusted.

        held_out_output: (number of a call of D) -> its mean output on held-out images, a scalar.
        """

        def adjust():
            now = tf.stack([metrics[2], held_out_output(_CALLS + step), metrics[3]])
            with tf.control_dependencies([self.outputs.assign(DECAY * self.outputs + (1 - DECAY) * now)]):
                training, held_out, generated = tf.unstack(self.outputs.read_value())
            too_much = training - held_out > TARGET * tf.maximum(training - generated, 0)  # r_v > TARGET
            change = tf.where_v2(too_much, 1.0, -1.0) * EVERY / RAMP
            with tf.control_dependencies([self.strength.assign(tf.clip_by_value(self.strength + change, 0, 1))]):
                return tf.identity(metrics)

        return tf.cond(tf.equal(step % EVERY, 0), adjust, lambda: metrics)


def held_out_batch(config, resident, held_out, number):
    """A Batch for a call of D, drawn with replacement from a resident Batch of all images. held_out: int32 indices."""
    draws = noise.draw("unit", config.seed, _STREAM, number, 1, [config.batch_size])[0]
    rows = tf.gather(held_out, tf.cast(draws * len(held_out), tf.int32))
    return resident.gather(Batch(rows))
