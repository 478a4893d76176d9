"""The networks, by the name of their preset.

A generator turns noise [batch, noise_size] into logits of the image shape [batch, height, width, channels], a
discriminator turns images into logits [batch, 1]. Both are plain functions of tensors: who calls them opens the
variable scope, `generator` or `discriminator`, and says whether it reuses what is there.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.layers import dense


class Output(NamedTuple):
    """How a generator's logits become images, and what images are to the networks."""

    activation: Callable  # logits -> images as the networks see them
    encode: Callable  # uint8 pixels as float32 [0, 255] -> images as the networks see them
    decode: Callable  # images as the networks see them -> [0, 1]


TANH = Output(activation=tf.tanh, encode=lambda pixels: pixels / 127.5 - 1, decode=lambda images: (images + 1) / 2)


class Model(NamedTuple):
    """A pair of networks and the output between them."""

    generator: Callable  # (noise, image_shape) -> logits
    discriminator: Callable  # (images) -> logits
    output: Output


def mlp_generator(noise, image_shape):
    """Two dense layers with a leaky ReLU of slope 0.01 between them."""
    hidden = tf.nn.leaky_relu(dense(noise, 128, "hidden"), 0.01)  # [batch, 128]
    logits = dense(hidden, math.prod(image_shape), "logits")  # [batch, 784] for 28x28x1
    return tf.reshape(logits, [-1, *image_shape])


def mlp_discriminator(images):
    """Two dense layers with a leaky ReLU of slope 0.01 between them."""
    pixels = tf.reshape(images, [-1, math.prod(images.shape[1:])])  # [batch, 784] for 28x28x1
    hidden = tf.nn.leaky_relu(dense(pixels, 128, "hidden"), 0.01)  # [batch, 128]
    return dense(hidden, 1, "logits")


MODELS = {
    "mlp": Model(mlp_generator, mlp_discriminator, TANH),
}
