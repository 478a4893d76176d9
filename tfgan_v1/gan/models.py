"""The presets: published GANs, each with its two networks and all of its numbers. Any flag overrides any number.

A generator maps noise [batch, noise_size] to logits [batch, height, width, channels] or, for points, [batch, d]; a
discriminator maps such images to logits [batch, 1]. Both are plain functions of tensors: the caller opens the variable
scope, `generator` or `discriminator`, and sets its `reuse`. `training` is None at inference, and otherwise a
layers.RngKey, for batch normalization and dropout. `labels`, one-hot [batch, classes], are given in conditional runs
alone: see conditioning.py.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.layers import (
    batch_norm,
    class_logits,
    conv2d,
    conv2d_transpose,
    dense,
    dropout,
    max_pool,
    upsample_conv2d,
)


class Output(NamedTuple):
    """The output activation, and how images are scaled to its range. Points stay as they are, or are standardized."""

    activation: Callable  # logits -> images in the networks' range
    encode: Callable  # uint8 pixels as float32 [0, 255] -> images in the networks' range
    decode: Callable  # images in the networks' range -> [0, 1]
    standardized: bool = False  # whether the networks get points minus their mean, divided by their standard deviation


def _symmetric(activation):
    return Output(activation, encode=lambda pixels: pixels / 127.5 - 1, decode=lambda images: (images + 1) / 2)


TANH = _symmetric(lambda logits: tf.tanh(logits))  # images in [-1, 1]
SIGMOID = Output(
    lambda logits: tf.sigmoid(logits), encode=lambda pixels: pixels / 255, decode=lambda images: images
)  # images in [0, 1]
LINEAR = _symmetric(lambda logits: tf.identity(logits))._replace(
    decode=lambda images: tf.clip_by_value((images + 1) / 2, 0, 1)
)  # for points; images are in [-1, 1], with no bound on the generated ones
STANDARDIZED = LINEAR._replace(standardized=True)  # for points in any unit


class Model(NamedTuple):
    """A generator, a discriminator, the output activation between them; of a preset, also what suits these networks."""

    generator: Callable  # (noise, shape, training) -> logits; in a conditional run, with labels as the last argument
    discriminator: Callable  # (images, training) -> logits; the same
    output: Output
    convolutional: bool = True  # False of dense networks: XLA compiles their short steps, in calls of any length
    size_multiple: int | None = None  # the sides of images are multiples of it, from 8; None: any images or points
    largest_size: int = 128  # of the sides
    options: dict[str, Any] | None = None  # of Config, by name: those in which the preset differs from their defaults
    clustered: dict[str, Any] | None = None  # the same, where clusters are the classes


def encode(model, batch):
    """Pixels, uint8 [..., h, w, c], or points [..., d] -> images or points in the range of the networks."""
    if batch.dtype == tf.uint8:
        return model.output.encode(tf.cast(batch, tf.float32))
    if not model.output.standardized:
        return batch
    center, scale = standardization(batch.shape[-1])
    return (batch - center) / scale


def decode(model, generated):
    """Images [batch, h, w, c] or points [batch, d] in the range of the networks -> in [0, 1], or in the data's."""
    if generated.shape.rank == 4:
        return model.output.decode(generated)
    if not model.output.standardized:
        return generated
    center, scale = standardization(generated.shape[-1])
    return generated * scale + center


def standardization(columns):
    """The mean and the standard deviation of the training points: variables [columns] of the generator.

    A generator's checkpoint has them. `train_graph.initial_values` sets them; before, they are 0 and 1.
    """
    with tf.variable_scope("generator", reuse=tf.AUTO_REUSE, use_resource=True):
        return [
            tf.get_variable(name, [columns], initializer=initializer(), trainable=False)
            for name, initializer in (("center", tf.zeros_initializer), ("scale", tf.ones_initializer))
        ]


def dense_networks(units, activation, d_activation=None, layers=(1, 1)):
    """(generator, discriminator) of so many dense layers, with an activation after each, then a last one without."""

    def hidden(x, count, activation):
        for layer in range(1, count + 1):
            x = activation(dense(x, units, f"hidden_{layer}" if count > 1 else "hidden"))  # [batch, units]
        return x

    def generator(noise, shape, training):
        logits = dense(hidden(noise, layers[0], activation), math.prod(shape), "logits")  # 784 for 28x28x1
        return tf.reshape(logits, [-1, *shape])

    def discriminator(images, training, labels=None):
        return class_logits(hidden(_flat(images), layers[1], d_activation or activation), labels, "logits")

    return generator, discriminator


def conv_generator(noise, shape, training, labels=None):
    """Dense, then twice upsampling and a 3x3 convolution; batch normalization after each ReLU."""
    height, width, channels = shape
    x = tf.nn.relu(dense(noise, height // 4 * (width // 4) * 64, "dense"))  # [batch, 3136] for 28x28
    x = batch_norm(x, training, "dense_norm", labels)
    x = tf.reshape(x, [-1, height // 4, width // 4, 64])  # [batch, 7, 7, 64]
    x = tf.nn.relu(upsample_conv2d(x, 32, 3, "conv_1"))  # [batch, 14, 14, 32]
    x = batch_norm(x, training, "norm_1", labels)
    x = tf.nn.relu(upsample_conv2d(x, 16, 3, "conv_2"))  # [batch, 28, 28, 16]
    x = batch_norm(x, training, "norm_2", labels)
    return conv2d(x, channels, 3, "logits")


def conv_discriminator(images, training, labels=None):
    """Twice two 3x3 convolutions with 16 filters and a max pool, then dense."""
    x = images
    for block in ("1", "2"):
        x = tf.nn.relu(conv2d(x, 16, 3, f"conv_{block}a"))
        x = tf.nn.relu(conv2d(x, 16, 3, f"conv_{block}b"))
        x = max_pool(x)  # 28x28 to 13x13 to 6x6
    return class_logits(_flat(x), labels, "logits")  # from 576


def dcgan_generator(noise, shape, training, labels=None):
    """Dense, then four transposed 5x5 convolutions, two of them doubling the size; batch norm and ReLU before each."""
    height, width, channels = shape
    x = dense(noise, height // 4 * (width // 4) * 128, "dense")
    x = tf.reshape(x, [-1, height // 4, width // 4, 128])  # [batch, 7, 7, 128] for 28x28
    for layer, (filters, stride) in enumerate(((128, 2), (64, 2), (32, 1), (channels, 1)), 1):
        x = tf.nn.relu(batch_norm(x, training, f"norm_{layer}", labels))
        x = conv2d_transpose(x, filters, 5, f"conv_{layer}", stride)
    return x


def dcgan_discriminator(images, training, labels=None):
    """Four 5x5 convolutions, three of them halving the size, a leaky ReLU of slope 0.2 before each; then dense."""
    x = images
    for layer, (filters, stride) in enumerate(((32, 2), (64, 2), (128, 2), (256, 1)), 1):
        x = conv2d(tf.nn.leaky_relu(x, 0.2), filters, 5, f"conv_{layer}", stride)
    return class_logits(_flat(x), labels, "logits")  # from 4x4x256 = 4096 for 28x28


def dcgan_upsample_generator(noise, shape, training, labels=None):
    """Dense, then twice upsampling and a 5x5 convolution, with leaky ReLUs of slope 0.2 and batch norm."""
    height, width, channels = shape
    x = tf.nn.leaky_relu(dense(noise, height // 4 * (width // 4) * 128, "dense"), 0.2)  # [batch, 6272] for 28x28
    x = batch_norm(x, training, "dense_norm", labels)
    x = tf.reshape(x, [-1, height // 4, width // 4, 128])
    x = upsample_conv2d(x, 64, 5, "conv_1")  # [batch, 14, 14, 64]
    x = tf.nn.leaky_relu(batch_norm(x, training, "norm_1", labels), 0.2)
    return upsample_conv2d(x, channels, 5, "logits")  # [batch, 28, 28, channels]


def dcgan_upsample_discriminator(images, training, labels=None):
    """Two 5x5 convolutions at stride 2, each with a leaky ReLU of slope 0.2 and a dropout of 0.3; then dense."""
    x = images
    for layer, filters in enumerate((64, 128), 1):
        x = tf.nn.leaky_relu(conv2d(x, filters, 5, f"conv_{layer}", stride=2), 0.2)
        x = dropout(x, 0.3, training, f"dropout_{layer}")
    return class_logits(_flat(x), labels, "logits")  # from 7x7x128 = 6272 for 28x28


def tuned_generator(noise, shape, training, labels=None):
    """Dense, then transposed 4x4 convolutions that double the size; the last doubling is by sub-pixel convolution.

    Batch norm and ReLU before each. The image's size decides how many there are: see `_halvings`.
    """
    *sizes, (height, width) = _halvings(shape)
    x = tf.reshape(dense(noise, height * width * 64, "dense"), [-1, height, width, 64])  # [batch, 7, 7, 64] for 28x28
    for layer, (height, width) in enumerate(reversed(sizes), 1):
        x = tf.nn.relu(batch_norm(x, training, f"norm_{layer}", labels))
        if layer == len(sizes):  # arXiv:1609.05158
            x = tf.nn.depth_to_space(conv2d(x, 4 * shape[2], 3, "logits"), 2)
        else:
            x = conv2d_transpose(x, 32, 4, f"conv_{layer}", 2)  # [batch, 14, 14, 32]
        x = x[:, :height, :width]  # of an odd size, one row or column is too many
    return x


def tuned_discriminator(images, training, labels=None):
    """A 3x3 convolution of 2x2 blocks of pixels, then 4x4 convolutions at stride 2, a dense layer of 256, and dense.

    A leaky ReLU of slope 0.2 after each.
    """
    sizes = _halvings(images.shape.as_list()[1:])
    even = tf.pad(images, [[0, 0], [0, sizes[0][0] % 2], [0, sizes[0][1] % 2], [0, 0]])
    x = tf.nn.leaky_relu(conv2d(tf.nn.space_to_depth(even, 2), 32, 3, "conv_1"), 0.2)  # [batch, 14, 14, 32]
    for layer in range(2, len(sizes)):
        x = tf.nn.leaky_relu(conv2d(x, min(128, 16 * 2**layer), 4, f"conv_{layer}", 2), 0.2)  # [batch, 7, 7, 64]
    x = tf.nn.leaky_relu(dense(_flat(x), 256, "hidden"), 0.2)
    return class_logits(x, labels, "logits")


def _halvings(shape):
    """The sizes of an image that is halved until no side is above 8, at least once: 28x28, 14x14, 7x7."""
    sizes = [tuple(shape[:2])]
    while len(sizes) < 2 or max(sizes[-1]) > 8:
        sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
    return sizes


def _flat(images):
    return tf.reshape(images, [-1, math.prod(images.shape.as_list()[1:])])


MODELS = {
    # MNIST, fully connected; Adam with TensorFlow's default epsilon.
    "mlp": Model(
        *dense_networks(128, lambda x: tf.nn.leaky_relu(x, 0.01)),
        TANH,
        convolutional=False,
        options={
            **{"epochs": 100, "batch_size": 100, "smooth": 0.1, "d_loss": "sum"},
            **{"optimizer": "adam", "d_lr": 0.002, "g_lr": 0.002, "epsilon": 1e-8},
        },
    ),
    # MNIST from a CSV file, convolution and upsampling.
    "conv": Model(
        *(conv_generator, conv_discriminator, SIGMOID),
        size_multiple=4,
        options={
            **{"steps": 2000, "sample_every": 100, "num_samples": 64, "record": "steps"},
            **{"batch_size": 64, "batches": "random", "noise": "unit", "noise_size": 10},
            **{"d_lr": 0.001, "g_lr": 0.002},
        },
    ),
    # A normal distribution in one dimension; labels smoothed on both sides. With 1,000 samples, not 10,000, empty bins
    # alone would give a perfect generator a KL of 0.21.
    "gaussian": Model(
        *dense_networks(32, lambda x: tf.nn.relu(x)),
        LINEAR,
        convolutional=False,
        options={
            **{"dataset": "gaussian", "epochs": 1000, "sample_every": 10, "num_samples": 10_000, "batch_size": 333},
            **{"batches": "whole", "noise_size": 16, "smooth": 0.1, "fake_label": 0.1, "g_label": 0.9},
            **{"d_lr": 0.001, "g_lr": 0.0005},
        },
    ),
    # MNIST, transposed convolutions.
    "dcgan": Model(
        *(dcgan_generator, dcgan_discriminator, SIGMOID),
        size_multiple=4,
        options={
            **{"steps": 40_000, "sample_every": 500, "record": "steps"},
            **{"batch_size": 64, "batches": "random", "g_noise": "fresh"},
            **{"d_lr": 2e-4, "g_lr": 1e-4, "d_decay": 6e-8, "g_decay": 3e-8},
        },
    ),
    # MNIST or faces; upsampling in the generator, dropout in the discriminator.
    "dcgan_upsample": Model(
        *(dcgan_upsample_generator, dcgan_upsample_discriminator, TANH),
        size_multiple=4,
        options={
            **{"steps": 40_001, "sample_every": 200, "num_samples": 25, "record": "steps", "sheets": "each"},
            **{"batch_size": 32, "batches": "random", "noise": "normal", "d_batches": "in_turn"},
            **{"optimizer": "adam", "d_lr": 0.001, "g_lr": 0.001},
        },
    ),
    # Our own recommendation for images of any size from 8 to 256, found by experiment: see benchmarks/NOTES.md.
    "tuned": Model(
        *(tuned_generator, tuned_discriminator, TANH),
        size_multiple=1,
        largest_size=256,
        options={
            **{"steps": 20_000, "sample_every": 500, "num_samples": 36, "record": "steps"},
            **{"batch_size": 32, "noise": "normal", "noise_size": 64, "penalty": "r1"},
            **{"penalty_weight": 1.0, "penalty_every": 16, "average": 0.999, "d_loss": "sum"},
            **{"optimizer": "adam", "d_lr": 0.001, "g_lr": 0.002, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8},
        },
        clustered={"penalty_weight": 0.2, "d_lr": "cosine:0.001:0.0005", "g_lr": "cosine:0.002:0.001"},
    ),
    # Our own, for points in any dimension, found by experiment: see benchmarks/NOTES.md.
    "points": Model(
        *dense_networks(128, lambda x: tf.nn.relu(x), lambda x: tf.nn.leaky_relu(x, 0.2), layers=(4, 3)),
        STANDARDIZED,
        convolutional=False,
        options={
            **{"steps": 6000, "sample_every": 100, "num_samples": 2500, "batch_size": 256},
            **{"batches": "random", "noise": "normal", "noise_size": 2, "d_loss": "sum"},
            **{"penalty": "r1", "penalty_weight": 0.1, "average": 0.999},
            **{"optimizer": "adam", "d_lr": 0.002, "g_lr": 0.002, "d_decay": 5e-4, "g_decay": 5e-4},
            **{"beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8},
        },
    ),
}
