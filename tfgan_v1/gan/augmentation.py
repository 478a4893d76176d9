"""Differentiable augmentation of what D sees, real and generated alike: arXiv:2006.10738.

G gets its gradient through the augmentation, so that it learns the images as they are. Each function maps images
[batch, height, width, channels] and random numbers [batch, n], uniform in [0, 1), to images of the same shape.
"""

import zlib
from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import data_parallel, noise

SHIFT = 8  # images are moved by up to an 8th of their side
CUT = 2  # the square that is cut out has half of an image's sides


def augment(images, names, key, strength=None):
    """Images [batch, *shape] with augmentations by name, one after the other. key: the layers.RngKey of the call.

    strength: a scalar, the probability with which each image gets each of them (arXiv:2006.06676, sec. 2.2); None: 1.
    """
    for name in names:
        function, draws = AUGMENTATIONS[name]
        columns = draws + (strength is not None)

        def draw(shape, part=None, name=name):
            stream = zlib.crc32(f"augment/{name}/{shape[0]}".encode())
            return noise.draw("unit", key.seed, stream, key.number, 1, shape, part)[0]

        drawn = data_parallel.draw(key.shard, [images.shape.as_list()[0], columns], draw)
        changed = function(images, drawn[:, :draws])
        chosen = None if strength is None else (drawn[:, draws] < strength)[:, None, None, None]
        images = changed if strength is None else tf.where_v2(chosen, changed, images)
    return images


def translate(images, draws):
    """Moves each image by a whole number of pixels in both directions; its edge pixels fill the gap."""
    return _move_rows(_transposed(_move_rows(_transposed(images), draws[:, 1])), draws[:, 0])


def _transposed(images):
    return tf.transpose(images, [0, 2, 1, 3])


def _move_rows(images, draws):
    _, height, width, channels = images.shape.as_list()
    moved = tf.matmul(_moves(draws, height), tf.reshape(images, [-1, height, width * channels]))
    return tf.reshape(moved, [-1, height, width, channels])


def _moves(draws, side):
    """Matrices [batch, side, side] that each move the rows of an image. As products, they have exact gradients."""
    most = side // SHIFT
    shift = tf.cast(tf.floor(draws * (2 * most + 1)), tf.int32) - most
    source = tf.clip_by_value(tf.range(side)[None] - shift[:, None], 0, side - 1)  # [batch, row]
    return tf.one_hot(source, side)


def cutout(images, draws):
    """Sets a rectangle with half of an image's sides, centered anywhere in it, to 0."""
    _, height, width, _ = images.shape.as_list()
    inside = [_window(draws[:, axis], side) for axis, side in enumerate((height, width))]
    return tf.where_v2((inside[0][:, :, None] & inside[1][:, None, :])[..., None], tf.zeros_like(images), images)


def _window(draws, side):
    """Which rows are in a window of half the side: bool [batch, side]."""
    first = tf.cast(tf.floor(draws * (side + 1)), tf.int32)[:, None] - side // CUT // 2
    rows = tf.range(side)[None]
    return (rows >= first) & (rows < first + side // CUT)


def colour(images, draws):
    """Changes brightness by up to half a unit, saturation by 0 to 2 and contrast by 0.5 to 1.5 times."""
    brightness, saturation, contrast = (draws[:, i, None, None, None] for i in range(3))
    images += brightness - 0.5
    gray = tf.reduce_mean(images, 3, keepdims=True)
    images = gray + (images - gray) * 2 * saturation if images.shape.as_list()[3] > 1 else images
    mean = tf.reduce_mean(images, [1, 2, 3], keepdims=True)
    return mean + (images - mean) * (contrast + 0.5)


def flip(images, draws):
    """Mirrors half of the images, left to right."""
    return tf.where_v2(draws[:, 0, None, None, None] < 0.5, tf.reverse(images, [2]), images)


class Augmentation(NamedTuple):
    """An augmentation."""

    function: Callable  # (images [batch, h, w, c], random numbers [batch, draws]) -> images
    draws: int  # random numbers for each image


AUGMENTATIONS = {
    "translate": Augmentation(translate, 2),
    "cutout": Augmentation(cutout, 2),
    "colour": Augmentation(colour, 3),
    "flip": Augmentation(flip, 1),
}
