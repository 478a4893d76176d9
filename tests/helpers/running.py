"""A training graph with a session, on 40 random images or points, for tests of single steps."""

import functools
import zlib

import numpy as np

from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import batches, noise, train_graph
from tfgan_v1.gan.conditioning import Batch

SHAPE, NUM_IMAGES, BATCH, NOISE = (6, 6, 1), 40, 8, 10
PIXELS = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, *SHAPE)).astype(np.uint8)
SMALL = np.random.default_rng(2).integers(0, 256, (NUM_IMAGES, 8, 8, 1)).astype(np.uint8)
POINTS = np.random.default_rng(1).normal(size=(NUM_IMAGES, 1)).astype(np.float32)


def config(**options):
    return Config(**{"batch_size": BATCH, "noise_size": NOISE, "xla": "off", **options})


class Running:
    """A training graph with a session."""

    def __init__(self, options, chunk, data=PIXELS, labels=None, **parts):
        self.config, self.chunk, self.data, self.labels, self.graph = options, chunk, data, labels, tf.Graph()
        counts = None if labels is None else np.bincount(labels)
        spec = train_graph.DataSpec(data.shape[1:], data.dtype, len(data), len(data), counts)
        with self.graph.as_default():
            self.gan = train_graph.build(options, spec, chunk, train_graph.CustomParts(**parts))
        self.inputs, self._spec = self.gan.inputs, spec
        self.of_g = train_graph.batches_of_real(options, self.gan.spec.loss) > options.d_steps
        self.session = tf.Session(graph=self.graph)
        self.session.run(self.gan.initialize, train_graph.feed(self.inputs.images, data, labels))
        self.initial = self.values()

    @functools.cached_property
    def single_step(self):
        with self.graph.as_default():
            return train_graph.build_single_step(self.gan.spec, self._spec, self.inputs.first_step)

    def reset(self):
        """Sets all variables to their initial values; the initializers would draw others now."""
        initializers = [v.initializer for v in self.gan.state]
        self.session.run(
            initializers, {op.inputs[1]: v for op, v in zip(initializers, self.initial.values(), strict=True)}
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def train(self, first_step, steps):
        """The metrics of each of the steps."""
        order = batches.order(self.config, len(self.data), first_step, self.chunk, self.of_g)
        feed = {self.inputs.first_step: first_step, self.inputs.num_steps: steps, self.inputs.order: order}
        return self.session.run(self.gan.metrics, feed)[:steps]

    def train_one(self, real, z, step=0, labels=None, z_labels=None):
        """One plain step, on [d_steps, batch, ...] of images and noise, and the class of each in a conditional run."""
        plain = self.single_step
        feed = train_graph.feed(plain.real, real, labels) | train_graph.feed(plain.z, z, z_labels)
        return self.session.run(plain.metrics, {**feed, self.inputs.first_step: step})

    def plain_step(self, step):
        """One plain step on what the loop would take for it."""
        order = batches.order(self.config, len(self.data), step, 1, self.of_g)[0]
        drawn = [each for each in self._noise if each is not None]  # noise and, in a conditional run, classes
        z, *z_labels = self.session.run(drawn, {self.inputs.first_step: step})
        labels = () if self.labels is None else (self.labels[order], *z_labels)
        return self.train_one(self.data[order], z, step, *labels)

    @functools.cached_property
    def _noise(self):
        streams, shape = (noise.TRAINING, noise.TRAINING_CLASSES), self.single_step.z.values.shape.as_list()[:2]
        with self.graph.as_default():
            return train_graph.draw_noise(self.gan.spec, streams, self.inputs.first_step, 1, shape).part(0)

    def preview(self, step):
        """Samples at a step."""
        return self.session.run(self.gan.samplers.preview, {self.inputs.first_step: step})

    def logits(self, images, labels=None, key=None):
        """The tensor of D's logits of images."""
        return self.gan.networks.discriminate(Batch(images, labels), key)

    def values(self):
        return self.session.run({v.op.name: v for v in self.gan.state})

    def bits(self):
        return {name: value.tobytes() for name, value in self.values().items()}


def draw(seed, stream, step, shape, distribution="uniform"):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        return session.run(noise.draw(distribution, seed, stream, step, 1, shape))[0]


def sums_after_three_steps():
    """A checksum of every variable, without and with XLA."""
    sums = []
    for xla in ("off", "on"):
        with Running(config(xla=xla), chunk=3) as running:
            running.train(0, 3)
            sums += [zlib.crc32(bits) for _, bits in sorted(running.bits().items())]
    return sums
