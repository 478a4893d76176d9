"""What both networks do on points at one moment: D's output in the plane, G's image of the noise, and the gradients.

Goodfellow et al. 2014 (arXiv:1406.2661), fig. 1, draws the same in one dimension.
"""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import noise
from tfgan_v1.gan.conditioning import Batch
from tfgan_v1.gan.models import decode, encode, standardization
from tfgan_v1.gan.train_step import d_output, generator_loss

D_GRID, G_GRID = {1: 121, 2: 41}, {1: 121, 2: 21}  # values on each axis, by the number of dimensions
FAKE = {1: 1000, 2: 256}  # generated points; as many of more dimensions as of two
MARGIN = 0.2  # of the box, as a share of the data's range
MOST_ROWS = 2**16  # of points that D judges for one view


class Views(NamedTuple):
    """Tensors, or arrays, of one moment. Empty where there are none: see `layout`."""

    d: Any  # D's outputs at the grid of `box`, [121] or, row by row from the lowest, [41 * 41]
    g: Any  # G's image of the grid of noise, [121, 1] or [21 * 21, 2]
    fake: Any  # generated points, of the same noise in all of the run, [n, d]
    gradient: Any  # at each of them, the direction in which G's loss falls, [n, d]


def layout(config, dimensions, classes):
    """The shapes of the Views of a run.

    D's output depends on all points of a group (--pack, --minibatch-stddev), and in a conditional run on the class: the
    grid shows one point as a whole group, and its most likely class. G's image of a grid needs one class.
    """
    count = FAKE.get(dimensions, FAKE[2]) // config.group * config.group
    at = D_GRID.get(dimensions, 0) ** dimensions
    at = at if at * config.group * max(classes, 1) <= MOST_ROWS else 0
    images = 0 if classes else G_GRID.get(dimensions, 0) ** min(dimensions, config.noise_size)
    return Views((at,), (images, dimensions), (count, dimensions), (count, dimensions))


def split(values, shapes):
    """The Views, as arrays, in a recorded row."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    parts = np.split(values.ravel(), np.cumsum(sizes)[:-1])
    return Views(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))


def box(points):
    """(lowest, highest) of each column of the picture of points [n, d]: of nearly all of them, and a margin."""
    low, high = np.quantile(points[:100_000], [0.001, 0.999], axis=0)
    margin = MARGIN * np.where(high > low, high - low, np.maximum(1, np.abs(high)))
    return low - margin, high + margin


def d_grid(low, high):
    """The points at which D is asked: float32 [121, 1] or [41 * 41, 2]."""
    axes = [np.linspace(*pair, D_GRID[len(low)]) for pair in zip(low, high, strict=True)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes)], 1).astype(np.float32)


def noise_axis(config, dimensions):
    """The values of the first axes of the noise grid, evenly spread in probability: all of its cells are as likely."""
    count = G_GRID[dimensions]
    return noise.DISTRIBUTIONS[config.noise].quantile((np.arange(count) + 0.5) / count).astype(np.float32)


def build(spec, points, draw):
    """The Views of a spec as one row [1, n], which `split` reads; None for images.

    points: of the training data, float32 [n, d], or None. draw: number of generated points -> Batch of noise, classes.
    """
    networks, config = spec.networks, spec.config
    if points is None:
        return None
    dimensions, condition = points.shape[1], networks.condition
    shapes = layout(config, dimensions, condition.num_classes if condition else 0)

    def discriminated(values):  # as a whole group of equal points
        rows = tf.repeat(tf.constant(values), config.group, 0)
        each = [None] if condition is None else range(condition.num_classes)
        labels = [k if k is None else condition.one_hot(tf.fill([rows.shape[0]], k)) for k in each]
        outputs = [networks.discriminate(Batch(encode(networks.model, rows), label)) for label in labels]
        return d_output(spec.loss, tf.reduce_max(outputs, 0))[:: config.group // config.pack, 0]

    def images(axis):
        axes = min(dimensions, config.noise_size)
        z = np.stack([each.ravel() for each in np.meshgrid(*[axis] * axes)], 1)
        z = np.pad(z, [(0, 0), (0, config.noise_size - axes)])
        return decode(networks.model, networks.generate(Batch(tf.constant(z)), average=average).values)

    average, fixed = config.averages, draw(shapes.fake[0])
    fake = networks.generate(fixed, average=average)
    real = Batch(encode(networks.model, tf.constant(np.resize(points, shapes.fake))), fixed.labels)
    loss = generator_loss(spec, real, fake, None).loss * shapes.fake[0]  # of each point, not of their mean
    gradient = -tf.gradients(loss, fake.values)[0]
    if networks.model.output.standardized:
        gradient *= standardization(dimensions)[1]
    d = discriminated(d_grid(*box(points))) if shapes.d[0] else tf.zeros([0])
    g = images(noise_axis(config, dimensions)) if shapes.g[0] else tf.zeros([0, dimensions])
    views = Views(d, g, decode(networks.model, fake.values), gradient)
    return tf.concat([tf.reshape(part, [1, -1]) for part in views], 1)
