"""A trained generator that is to be exported, and sessions with its weights."""

from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tfgan_v1 import __version__, devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import RUN_PLACES
from tfgan_v1.data import DATASETS, license_note
from tfgan_v1.errors import UserError
from tfgan_v1.sampling.generator import SavedGenerator, images_of
from tfgan_v1.storage import checkpoints, run_folder


class Unsupported(UserError):
    """A format that cannot express the generator's network; nothing of it is written."""


def metadata_of(generator):
    """What every exported file says of a SavedGenerator: a dict for JSON, without the user's own folders."""
    saved = generator.saved
    private = (*RUN_PLACES, *run_folder.PATHS)
    name = str(saved.data["name"])
    return {
        "generator": generator.kind,
        "step": generator.checkpoint.step,
        "image_shape": list(saved.data["image_shape"]),
        "noise": {"distribution": saved.config.noise, "size": saved.config.noise_size},
        "classes": list(saved.data.get("classes", ())),
        "licence": license_note(name),
        "data": {**saved.data, "name": name if name in DATASETS else Path(name).name},
        "config": {name: value for name, value in saved.config.values().items() if name not in private},
        "custom": list(saved.custom),
        "made_by": saved.made_by,
        "exported_by": f"tfgan_v1 {__version__}",
    }


class Trained(NamedTuple):
    """A trained generator on disk, and what its exported files say of it."""

    generator: SavedGenerator
    metadata: dict  # see metadata_of
    float16: bool = False  # whether the page's weights are
    discriminator: bool = False  # whether tf1 and keras have it, too

    def images(self, z, labels, reuse=None):
        """The images of noise in the current graph: see generator.images_of."""
        saved = self.generator
        return images_of(saved.model, saved.condition, z, saved.image_shape, labels, reuse)

    def placeholders(self):
        """The inputs by name: noise, float32 [n, noise_size], and in a conditional run labels, float32 [n, classes]."""
        condition = self.generator.condition
        sizes = {"noise": self.generator.saved.config.noise_size}
        sizes |= {"labels": condition.num_classes} if condition else {}
        return {name: tf.placeholder(tf.float32, [None, size], name) for name, size in sizes.items()}

    @contextmanager
    def session(self, build):
        """Yields (session, build()) with the restored weights. build: creates tensors in a new graph."""
        logger = tf.get_logger()
        level = logger.level
        logger.setLevel("ERROR")  # it warns of functions that belong to TensorFlow 1
        try:
            with devices.new_graph() as graph:
                tensors = build()
                saver = checkpoints.make_saver(tf.global_variables("generator/"))
                with tf.Session(graph=graph, config=devices.session_config("cpu")) as session:
                    checkpoints.restore(saver, session, self.generator.checkpoint)
                    yield session, tensors
        finally:
            logger.setLevel(level)

    def plain(self):
        """({name: placeholder}, images), for any number of images at once: float32 [n, *image_shape]."""
        inputs = self.placeholders()
        return inputs, tf.identity(self.images(inputs["noise"], inputs.get("labels")), "images")
