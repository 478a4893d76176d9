"""A trained generator that is to be exported, and sessions with its weights."""

from contextlib import contextmanager
from typing import Any, NamedTuple

from tfgan_v1 import devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.gan.conditioning import Condition
from tfgan_v1.gan.models import Model
from tfgan_v1.sampling.generator import images_of
from tfgan_v1.storage import checkpoints


class Trained(NamedTuple):
    """A trained generator on disk."""

    config: Config
    image_shape: tuple[int, ...]  # (height, width, channels), or (1,) for points
    model: Model
    condition: Condition | None  # of a conditional run
    checkpoint: Any  # manifest.Checkpoint
    facts: dict  # facts.facts_of: what every exported file says of it

    @classmethod
    def of(cls, found, facts):
        """The Trained of a generator.SavedGenerator."""
        return cls(found.saved.config, found.image_shape, found.model, found.condition, found.checkpoint, facts)

    def images(self, z, labels, reuse=None):
        """The images of noise in the current graph: see sampling.images_of."""
        return images_of(self.model, self.condition, z, self.image_shape, labels, reuse)

    def placeholders(self):
        """The inputs by name: noise, float32 [n, noise_size], and in a conditional run labels, float32 [n, classes]."""
        sizes = {"noise": self.config.noise_size} | ({"labels": self.condition.num_classes} if self.condition else {})
        return {name: tf.placeholder(tf.float32, [None, size], name) for name, size in sizes.items()}

    @contextmanager
    def session(self, build):
        """Yields (session, build()) with the restored weights. build: creates tensors in a new graph.

        TensorFlow's notes that its graph functions are of its first version are not shown.
        """
        logger = tf.get_logger()
        level = logger.level
        logger.setLevel("ERROR")
        try:
            with devices.new_graph() as graph:
                tensors = build()
                saver = checkpoints.make_saver(tf.global_variables("generator/"))
                with tf.Session(graph=graph, config=devices.session_config("cpu")) as session:
                    checkpoints.restore(saver, session, self.checkpoint)
                    yield session, tensors
        finally:
            logger.setLevel(level)

    def plain(self):
        """({name: placeholder}, images), for any number of images at once: float32 [n, *image_shape]."""
        inputs = self.placeholders()
        return inputs, tf.identity(self.images(inputs["noise"], inputs.get("labels")), "images")
