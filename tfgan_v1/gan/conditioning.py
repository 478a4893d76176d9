"""Conditional GANs: the class of each image as an input of both networks (Mirza & Osindero 2014, arXiv:1411.1784).

Labels are int32 [batch] until they reach a network, which gets them one-hot: float32 [batch, classes].
"""

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.gan import noise
from tfgan_v1.gan.layers import dense, embedding

EMBEDDING = 32  # numbers beside the noise
G_ARGUMENTS, D_ARGUMENTS = "noise, shape, training", "images, training"  # of a network without labels


class Batch(NamedTuple):
    """Images, or the noise to draw them from, and in a conditional run the class of each."""

    values: Any  # [batch, ...]
    labels: Any = None  # [batch, ...]
    shard: Any = None  # the data_parallel.Shard of the whole batch that these are, in a cluster

    def part(self, index, shard=None):
        """A part of the first axis, by an index or a slice. shard: which it is of the whole batch."""
        return Batch(self.values[index], None if self.labels is None else self.labels[index], shard)

    def gather(self, indices):
        """The images with the indices in a Batch."""
        labels = None if self.labels is None else tf.gather(self.labels, indices.values)
        return Batch(tf.gather(self.values, indices.values), labels, indices.shard)


def concat(first, second):
    """Two Batches as one, the first before the second."""
    labels = None if first.labels is None else tf.concat([first.labels, second.labels], 0)
    shard = None if first.shard is None else first.shard.concat(second.shard)
    return Batch(tf.concat([first.values, second.values], 0), labels, shard)


class Condition(NamedTuple):
    """How the networks of a conditional run get the class, and how often generated images have each."""

    frequencies: np.ndarray  # float64 [classes], sum 1
    g: Callable  # (generator, noise, shape, training, one-hot labels) -> logits
    d: Callable  # (discriminator, images, training, one-hot labels) -> logits

    @property
    def num_classes(self):
        """The number of classes."""
        return len(self.frequencies)

    def one_hot(self, labels):
        """Labels, int32 [...], as the networks get them: float32 [..., classes]. None stays None."""
        return None if labels is None else tf.one_hot(labels, self.num_classes)

    @property
    def upper(self):
        """How often generated images have each class or one before it: float32 [classes]."""
        upper = np.cumsum(self.frequencies).astype(np.float32)
        upper[self.frequencies.nonzero()[0][-1] :] = 1  # the sum, without rounding
        return upper

    def draw(self, seed, stream, index, count, shape):
        """Classes of generated images, as often as `frequencies` says: int32 [count, *shape]. As `noise.draw`."""
        below = noise.draw("unit", seed, stream, index, count, shape)
        return tf.reshape(tf.searchsorted(self.upper, tf.reshape(below, [-1]), side="right"), [count, *shape])


CLASS_FREQUENCIES = {  # the numbers of images of each class -> how often generated images have it
    "data": lambda counts: counts / counts.sum(),
    "uniform": lambda counts: np.full(len(counts), 1 / len(counts)),
}


def make_condition(config, class_counts, model, custom=False):
    """The Condition of a configuration, or None if it is not conditional.

    class_counts: the number of images of each class. model: the models.Model. custom: whether it is the caller's own,
    whose networks take the labels as their last argument in a conditional run. Raises UserError if they do not, or if
    they do in any other.
    """
    if custom:
        _check_signatures(model, config.conditional)
    if not config.conditional:
        return None
    frequencies = CLASS_FREQUENCIES[config.class_frequencies](np.asarray(class_counts, np.float64))
    if custom:
        return Condition(frequencies, pass_labels, pass_labels)
    d_condition = D_CONDITIONS[config.d_condition]["convolutional" if model.convolutional else "dense"]
    return Condition(frequencies, G_CONDITIONS[config.g_condition], d_condition)


def takes(network, arguments):
    """Whether a function can be called with these arguments by position: "noise, shape, training"."""
    try:
        inspect.signature(network).bind(*arguments.split(", "))
    except TypeError:
        return False
    except ValueError:  # a function of C, which has no signature
        pass
    return True


def _check_signatures(model, conditional):
    for name, arguments in (("generator", G_ARGUMENTS), ("discriminator", D_ARGUMENTS)):
        wanted = f"{arguments}, labels" if conditional else arguments
        if not takes(getattr(model, name), wanted):
            what = "a conditional run" if conditional else "a run without --conditional"
            raise UserError(
                f"in {what}, a custom {name} takes ({wanted}); change the function, or the run; labels are one-hot, "
                "float32 [batch, classes]"
            )


def generator_logits(model, condition, z, shape, training=None):
    """The logits of a model's generator: a Batch of noise [batch, noise_size] -> [batch, *shape]."""
    if condition is None:
        return model.generator(z.values, shape, training)
    return condition.g(model.generator, z.values, shape, training, z.labels)


def pass_labels(network, *arguments):
    """The labels as the network's last argument: it knows what to do with them.

    A built-in generator has a scale and an offset for each class in every batch norm (arXiv:1610.07629, sec. 2.2). A
    built-in discriminator adds an inner product of the class and its features (arXiv:1802.05637, eq. 3).
    """
    return network(*arguments)


def concat_noise(generator, z, shape, training, labels):
    """A vector of EMBEDDING numbers for each class beside the noise."""
    return generator(tf.concat([z, embedding(labels, EMBEDDING, "class")], 1), shape, training)


def concat_channel(discriminator, images, training, labels):
    """A learned image of each class as one more channel, for convolutions."""
    sides = images.shape.as_list()[1:-1]
    channel = tf.reshape(dense(labels, math.prod(sides), "class"), [-1, *sides, 1])
    return discriminator(tf.concat([images, channel], -1), training)


def concat_one_hot(discriminator, images, training, labels):
    """The one-hot labels beside the pixels, for dense layers.

    A whole image of the class would let D's rate act 784 times on each unit: mlp's discriminator wins for good.
    """
    pixels = tf.reshape(images, [-1, math.prod(images.shape.as_list()[1:])])
    return discriminator(tf.concat([pixels, labels], 1), training)


G_CONDITIONS = {"embedding": concat_noise, "batch_norm": pass_labels}
D_CONDITIONS = {  # by the kind of the discriminator's first layer
    "projection": {"dense": pass_labels, "convolutional": pass_labels},
    "concatenation": {"dense": concat_one_hot, "convolutional": concat_channel},
}
