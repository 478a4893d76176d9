"""Gradient penalties: terms of D's loss that bound the slope of its logits.

Each is a function (discriminate, real, fake) -> scalar, before its weight, where real and fake are batches of images
[batch, *shape] in the networks' range, as in a custom losses.Loss.
"""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import data_parallel, noise
from tfgan_v1.gan.conditioning import Batch
from tfgan_v1.gan.layers import RngKey
from tfgan_v1.gan.networks import Networks, check_tensor
from tfgan_v1.gan.schedules import value_at

_TINY = 1e-12  # added to squared norms: the slope of a square root at 0 is infinite
SIGMA = 0.01  # deviation of the noise of the approximate penalties


class Discriminate(NamedTuple):
    """D while training: `discriminate(images)`, and random numbers that are a function of the seed and the step."""

    networks: Networks
    key: RngKey  # with the Shard of the batch
    real_labels: Any = None  # in a conditional run, the classes of the real images, one-hot [batch, classes]
    fake_labels: Any = None  # and of the generated ones

    def __call__(self, images, labels=None):
        """The logits of images [batch, *shape] in the networks' range: [batch / pack, 1].

        labels: in a conditional run, the class of each; None for those of the real images.
        """
        labels = self.real_labels if labels is None else labels
        return self.networks.discriminate(Batch(images, labels, self.key.shard), self.key)

    def uniform(self, shape, name=""):
        """Random numbers in [0, 1): float32 of a static shape. Another name gives independent ones.

        If the first axis has the length of the batch, it is the batch's: in a cluster, each worker has other numbers.
        """
        return self._draw("unit", shape, name)

    def normal(self, shape, name=""):
        """Random numbers of mean 0 and deviation 1; see `uniform`."""
        return self._draw("normal", shape, name)

    def squared_slopes(self, images, labels=None):
        """The squared norm of the gradient of each logit with respect to its images: float32 [batch / pack].

        Batch norm and the minibatch deviation let a logit depend on other images; then the gradient is that of the sum
        of all logits. labels: as in a call.
        """
        images = tf.identity(images)
        logits = self(images, labels)
        slopes = tf.gradients(logits, images)[0]
        return tf.reduce_sum(tf.square(tf.reshape(slopes, [tf.shape(logits)[0], -1])), 1)

    def deviation(self, images):
        """The standard deviation of all values of the batch, a scalar: in a cluster, of the images of all workers."""
        return data_parallel.deviation(images, self.key.shard)

    def _draw(self, distribution, shape, name):
        def draw(shape, part=None):
            stream = zlib.crc32(f"penalty/{distribution}/{name}/{shape}".encode())
            return noise.draw(distribution, self.key.seed, stream, self.key.number, 1, shape, part)[0]

        shard = self.key.shard
        return data_parallel.draw(shard if shard and shape and shape[0] == shard.count else None, shape, draw)


def wgan_gp(discriminate, real, fake):
    """E[(|grad D(x)| - 1)^2] at x between a real and a generated image: arXiv:1704.00028, eq. 3.

    In a conditional run, x has the class of the real image.
    """
    share = discriminate.uniform(_one_for_each(real))
    return _slopes_other_than_one(discriminate, real + share * (fake - real))


def dragan(discriminate, real, fake):
    """E[(|grad D(x)| - 1)^2] at x between a real image and the same with noise: arXiv:1705.07215, sec. 2.3.

    As in the authors' program: the noise is uniform in [0, 1), times half the deviation of the batch's pixels.
    """
    share = discriminate.uniform(_one_for_each(real))
    noise = 0.5 * discriminate.deviation(real) * discriminate.uniform(real.shape.as_list(), "noise")
    return _slopes_other_than_one(discriminate, real + share * noise)


def r1(discriminate, real, fake):
    """E[|grad D(x)|^2] / 2 at real images: arXiv:1801.04406, eq. 9."""
    return tf.reduce_mean(discriminate.squared_slopes(real)) / 2


def r2(discriminate, real, fake):
    """E[|grad D(x)|^2] / 2 at generated images: arXiv:1801.04406, eq. 10."""
    return tf.reduce_mean(discriminate.squared_slopes(fake, discriminate.fake_labels)) / 2


def approximate_r1(discriminate, real, fake):
    """`r1` without second derivatives: E[(D(x) - D(x + sigma e))^2] / (2 sigma^2), e normal: arXiv:2501.08316, eq. 4.

    With sigma to 0, its mean over e is R1.
    """
    return _squared_changes(discriminate, real, discriminate.real_labels)


def approximate_r2(discriminate, real, fake):
    """`r2` without second derivatives: see `approximate_r1`."""
    return _squared_changes(discriminate, fake, discriminate.fake_labels)


def _squared_changes(discriminate, images, labels):
    moved = images + SIGMA * discriminate.normal(images.shape.as_list(), "approximate")
    change = (discriminate(moved, labels) - discriminate(images, labels)) / SIGMA
    return tf.reduce_mean(tf.square(change)) / 2


class Penalty(NamedTuple):
    """A gradient penalty."""

    function: Callable  # (discriminate, real, fake) -> scalar
    weight: float  # the paper's


PENALTIES = {
    "wgan_gp": Penalty(wgan_gp, 10.0),
    "dragan": Penalty(dragan, 10.0),
    "r1": Penalty(r1, 10.0),
    "r2": Penalty(r2, 10.0),
    "approximate_r1": Penalty(approximate_r1, 0.02),
    "approximate_r2": Penalty(approximate_r2, 0.02),
}


def make_penalty(config, loss):
    """The penalty of a run: the loss's own, or the sum of the configuration's; None if there is none.

    With their weights, unless these change with the steps: then `penalty_gradients` has the weight.
    """
    if loss.penalty or not config.penalties:
        return loss.penalty
    rows, weight = [PENALTIES[name] for name in config.penalties], config.penalty_weight
    weights = [row.weight if weight is None else 1.0 if isinstance(weight, str) else weight for row in rows]
    pairs = [(weight, row.function) for weight, row in zip(weights, rows, strict=True)]
    return lambda discriminate, real, fake: sum(weight * of(discriminate, real, fake) for weight, of in pairs)


def penalty_gradients(spec, real, fake, key, step):
    """The gradients of a train_step.TrainSpec's penalty for D's variables, or None without a penalty.

    With `--penalty-every N`, N times the gradients in every N-th step, and zeros in the others (lazy regularization,
    arXiv:1912.04958, app. B). real, fake: Batches of images. key: the layers.RngKey of the call of D for the real
    images. step: int64 scalar.
    """
    every, variables = spec.config.penalty_every, spec.networks.d_vars
    if spec.penalty is None:
        return None

    def due():
        second_order = key.of(real.shard)._replace(second_order=True)
        discriminate = Discriminate(spec.networks, second_order, real.labels, fake.labels)
        penalty = spec.penalty(discriminate, real.values, fake.values)
        check_tensor("the loss's penalty", penalty, [])
        gradients = tf.gradients(data_parallel.scale_loss(every * penalty, real.shard), variables)
        if isinstance(spec.config.penalty_weight, str) and not spec.loss.penalty:
            # Not the penalty itself: TensorFlow would move the factor within the gradients, where images are streamed.
            weight = value_at(spec.config.penalty_weight, step)
            gradients = [None if gradient is None else weight * gradient for gradient in gradients]
        pairs = zip(gradients, variables, strict=True)
        return [tf.zeros_like(variable) if gradient is None else gradient for gradient, variable in pairs]

    if every == 1:
        return due()
    return tf.cond(tf.equal(step % every, 0), due, lambda: [tf.zeros_like(variable) for variable in variables])


def _slopes_other_than_one(discriminate, images):
    norms = tf.sqrt(discriminate.squared_slopes(images) + _TINY)
    return tf.reduce_mean(tf.square(norms - 1))


def _one_for_each(images):
    return [images.shape.as_list()[0]] + [1] * (images.shape.rank - 1)
