"""The trained generator alone: restored from a run's checkpoint folder, it maps seeds and classes to images."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from numbers import Integral
from typing import NamedTuple

import numpy as np

from tfgan_v1 import devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.data.labels import find_class
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan import noise
from tfgan_v1.gan.conditioning import Batch, Condition, generator_logits, make_condition
from tfgan_v1.gan.models import Model, decode
from tfgan_v1.gan.train_graph import CustomParts
from tfgan_v1.sampling import latents
from tfgan_v1.storage import checkpoints, manifest, run_folder

# Images in each call of the graph: constant, since the last digits of a matrix product may change with its shape.
BATCH = 64


class SavedGenerator(NamedTuple):
    """A trained generator on disk, checked and not yet built."""

    saved: run_folder.Saved
    kind: str  # in names.GENERATORS
    checkpoint: manifest.Checkpoint
    model: Model
    condition: Condition | None  # of a conditional run

    @property
    def image_shape(self):  # (height, width, channels), or (1,) for points
        return tuple(self.saved.data["image_shape"])


def find(folder, call, *, model=None, kind=None, step=None):
    """The SavedGenerator in a run's folder: see Generator.restore. call: how to pass a custom model, for an error."""
    CustomParts(model=model).check()
    saved = run_folder.read(Config(ckpt=folder))
    custom = {part for part in saved.custom if part != "model"} | ({"model"} if model else set())
    run_folder.check_same_parts(saved, custom, call)
    kind = kind or ("average" if saved.config.averages else "latest")
    checkpoint = checkpoints.newest_generator(saved.config.ckpt_folder, kind, step)
    network = model or saved.config.network
    condition = make_condition(saved.config, saved.data.get("class_counts"), network, custom=model is not None)
    return SavedGenerator(saved, kind, checkpoint, network, condition)


class Generator(AbstractContextManager):
    """A trained generator.

        with Generator.restore("checkpoints") as generator:
            images = generator(range(16))  # float32 [16, 28, 28, 1] in [0, 1]
            sevens = generator(range(16), "7")  # of a conditional run

    The image of a seed depends on nothing but the checkpoint, the seed, and the class.
    """

    def __init__(self, trained):
        config, condition = trained.saved.config, trained.condition
        self.step = trained.checkpoint.step  # number of training steps
        self.kind = trained.kind  # "latest", "average" or "best"
        self.noise, self.noise_size = config.noise, config.noise_size
        self.image_shape = trained.image_shape  # (height, width, channels), or (1,) for points
        self.classes = tuple(trained.saved.data.get("classes", ()))  # of a conditional run, by name; otherwise ()
        with devices.new_graph() as graph:  # the tensors have BATCH rows, and each of them may be fed
            self._seeds = tf.placeholder(tf.int64, [BATCH], "seeds")
            self._z = noise_of(config, self._seeds)
            self._classes = condition and classes_of(condition, self._seeds)  # None unless the run is conditional
            self._labels = condition and condition.one_hot(self._classes)
            self._images = images_of(trained.model, condition, self._z, self.image_shape, self._labels)
            saver = checkpoints.make_saver(tf.global_variables("generator/"))
            self._session = tf.Session(graph=graph, config=devices.session_config("cpu"))  # the same image everywhere
            try:
                checkpoints.restore(saver, self._session, trained.checkpoint)
            except BaseException:
                self.close()
                raise

    def __repr__(self):
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"Generator({self.kind} of step {self.step:,}: {'x'.join(map(str, self.image_shape))}{classes})"

    @classmethod
    def restore(cls, folder, *, model=None, kind=None, step=None):
        """The generator of the newest checkpoint in a run's folder, or of the run of a Progress that `train` returned.

        model: the custom models.Model that the run was trained with, if any. kind: "latest", "average" for the average
        of the weights, "best" for the best so far of a run with `--evaluate-every`; None for the average if the run
        keeps one, otherwise the latest. step: one of the last steps at which the run saved its generator, in place of
        the newest. Raises UserError if the folder holds no run, no intact checkpoint, or another model's.
        """
        folder = folder.config.ckpt_folder if hasattr(folder, "config") else folder
        return cls(find(folder, "Generator.restore(folder, model=...)", model=model, kind=kind, step=step))

    def __call__(self, seeds=range(16), classes=None):
        """The images of seeds, ints in [0, 2**32): float32 [len(seeds), h, w, c] in [0, 1]; or points [n, d].

        classes: in a conditional run, the name of the class to draw, or a list with one for each seed; None for those
        of `seed_classes`. Raises UserError for any other value.
        """
        feeds = {self._seeds: _checked_seeds(seeds)}
        if classes is not None:
            feeds[self._labels] = self.labels(classes, len(seeds))
        return run_in_batches(self._session, self._images, feeds)

    def latents(self, seeds=range(16), truncate=None):
        """The noise of seeds: float32 [len(seeds), noise_size].

        truncate: in a run with normal noise, the largest absolute value: see latents.truncate.
        """
        if truncate is not None:
            latents.check_truncation(truncate, self.noise)
        z = run_in_batches(self._session, self._z, {self._seeds: _checked_seeds(seeds)})
        return z if truncate is None else latents.truncate(z, truncate)

    def seed_classes(self, seeds=range(16)):
        """The names of the classes that seeds have where none are given, as often as in training: a list of str."""
        self._check_conditional()
        indices = run_in_batches(self._session, self._classes, {self._seeds: _checked_seeds(seeds)})
        return [self.classes[index] for index in indices]

    def labels(self, classes, count):
        """Classes as `from_latents` takes them: a name, or a list of `count` names -> one-hot [count, classes]."""
        self._check_conditional()
        names = [classes] * count if isinstance(classes, str | Integral) else classes
        if not isinstance(names, Iterable) or not all(isinstance(each, str | Integral) for each in names):
            raise UserError(f"classes must be a name, or a list with one for each image, not {brief(classes)}")
        names = [str(each) for each in names]
        if len(names) != count:
            raise UserError(f"there are {len(names):,} classes and {count:,} images; give one class, or one for each")
        indices = {name: find_class(name, self.classes, "the class") for name in {*names}}
        return np.eye(len(self.classes), dtype=np.float32)[[indices[name] for name in names]]

    def from_latents(self, z, labels=None):
        """The images of noise [n, noise_size], with labels [n, classes] in a conditional run: as a call returns them.

        labels: the rows sum to 1; between two one-hot rows lies a mixture of two classes. Raises UserError for other
        shapes.
        """
        feeds = {self._z: _checked_rows("noise", z, self.noise_size)}
        if labels is not None:
            self._check_conditional()
            feeds[self._labels] = _checked_rows("labels", labels, len(self.classes), len(feeds[self._z]))
        elif self.classes:
            raise UserError(
                "this generator is conditional; pass labels, such as generator.labels(NAME, number of images)"
            )
        return run_in_batches(self._session, self._images, feeds)

    def _check_conditional(self):
        if not self.classes:
            raise UserError("this generator takes no class, for its run is not conditional; train with --conditional")

    def close(self):
        """Closes the session and frees its memory."""
        self._session.close()

    def __exit__(self, *_):
        self.close()


def run_in_batches(session, tensor, feeds, prepare=np.asarray):
    """The rows of a tensor for feeds with any number of rows, {tensor: [n, ...]}: as many at once as the tensor has.

    prepare: a function of the rows that are fed at once.
    """
    devices.check_no_fork()
    (size, *shape), count = tensor.shape.as_list(), len(next(iter(feeds.values())))
    results = [np.zeros((0, *shape), tensor.dtype.as_numpy_dtype)]
    for start in range(0, count, size):
        parts = {each: prepare(rows[start : start + size]) for each, rows in feeds.items()}
        filled = {each: np.resize(part, (size, *part.shape[1:])) for each, part in parts.items()}
        results.append(session.run(tensor, filled)[: count - start])
    return np.concatenate(results)


def noise_of(config, seeds):
    """The noise of seeds, int64 [n]: float32 [n, noise_size]."""
    size = [config.noise_size]
    return _map(lambda seed: noise.draw(config.noise, 0, noise.SEEDS, seed, 1, size)[0], seeds, tf.float32)


def classes_of(condition, seeds):
    """The classes that seeds, int64 [n], have where none are given: int32 [n]."""
    return _map(lambda seed: condition.draw(0, noise.SEED_CLASSES, seed, 1, [])[0], seeds, tf.int32)


def _map(function, seeds, dtype):
    return tf.map_fn(tf.autograph.experimental.do_not_convert(function), seeds, fn_output_signature=dtype)


def images_of(model, condition, z, image_shape, labels, reuse=None):
    """The images of noise [n, noise_size], with one-hot labels in a conditional run: [n, *image_shape] in [0, 1].

    reuse: of the variables, as in `tf.variable_scope`.
    """
    with tf.variable_scope("generator", use_resource=True, reuse=reuse):
        logits = generator_logits(model, condition, Batch(z, labels), image_shape)
        images = model.output.activation(logits)
    return decode(model, images)


def _checked_seeds(seeds):
    seeds = np.asarray(seeds)
    whole = seeds.dtype.kind in "iu" or seeds.size == 0  # an empty list becomes floats
    if seeds.ndim != 1 or not whole or ((seeds < 0) | (seeds >= 2**32)).any():
        raise UserError("seeds must be whole numbers from 0 to 4,294,967,295, such as range(16)")
    return seeds.astype(np.int64)


def _checked_rows(what, values, size, count=None):
    """Numbers as float32 [n, size]. Raises UserError for another shape, or for other rows than `count`."""
    try:
        values = np.asarray(values, np.float32)
    except (ValueError, TypeError):
        values = np.zeros(0)
    if values.ndim != 2 or values.shape[1] != size or count not in (None, len(values)):
        raise UserError(f"{what} must be {'n' if count is None else count} rows of {size} numbers, not {brief(values)}")
    return values
