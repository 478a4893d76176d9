"""A small classifier of labelled images, trained once and cached: its features are the space that distances measure in.

    with Classifier.load_or_train(dataset, test) as classifier:
        features = classifier.features(images)

An Inception network, which published scores use, has never seen digits, and would have to be downloaded.
"""

import hashlib
import json
import math
import time
import zipfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1 import devices, files
from tfgan_v1._tensorflow import tf
from tfgan_v1.data import Dataset, splits
from tfgan_v1.errors import UserError, note, warn
from tfgan_v1.gan import noise
from tfgan_v1.gan.layers import RngKey, conv2d, dense, dropout, max_pool
from tfgan_v1.sampling.generator import run_in_batches
from tfgan_v1.streams import watched

VERSION = 2  # of networks, training and cache; entries of other versions are ignored
FEATURES = 128
STEPS, BATCH, RATE, WARM_UP = 1500, 128, 2e-3, 0.05  # the last: share of the steps in which the rate rises
TURN, SCALE, SHEAR, SHIFT = 0.15, 0.1, 0.1, 2 / 28  # most of the augmentation's warps; the shift is a share of the side
HELD_OUT = 0.1  # share of the images that measure the accuracy where there are no test images
STEPS_OF_ACCURACY = 400  # of `train_and_classify`: five epochs of 10,000 images
_STREAM = 0xA06  # of the augmentation's random numbers: see noise.draw
_PIXELS = 400_000  # of a batch at inference
MOST_SCALED = 5000  # images that give the features' scale
_MOST_BYTES = 2**28  # of a cached classifier


class About(NamedTuple):
    """What identifies a classifier, and how good it is."""

    trained_on: str  # the name of the data
    num_images: int  # that it has learned from
    accuracy: float  # in [0, 1]
    tested_on: str  # such as "10,000 test images"
    seed: int
    seconds: float  # of training
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    sha256: str  # of the weights


class Classifier(AbstractContextManager):
    """A trained classifier with its session; close it, or use it in a with block.

    Images are uint8, or float in [0, 1], [n, h, w, c] of the shape that it was trained on; the results depend on
    nothing but the image and the weights.
    """

    def __init__(self, about, weights):
        self.about = about
        batch = max(1, _PIXELS // math.prod(about.image_shape[:2]))  # constant, as in generator.BATCH
        with devices.new_graph() as graph:
            self._images = tf.placeholder(tf.float32, [batch, *about.image_shape])
            self._features, logits = _network(self._images, len(about.classes), None)
            self._probabilities = tf.nn.softmax(logits)
            shapes = {variable.op.name: tuple(variable.shape.as_list()) for variable in tf.global_variables()}
            if {name: values.shape for name, values in weights.items()} != shapes:
                raise ValueError("these weights are of another network")
            initializers = {variable.op.name: variable.initializer for variable in tf.global_variables()}
            self._session = tf.Session(graph=graph, config=devices.session_config("cpu"))
        values = {initializer.inputs[1]: weights[name] for name, initializer in initializers.items()}
        self._session.run(list(initializers.values()), values)  # the weights in place of the initial values

    @classmethod
    def load_or_train(cls, dataset, test=None, *, seed=0, cache_dir=None, steps=STEPS):
        """The classifier of a data.Dataset with labels: from the cache, or trained in a minute or two and cached.

        test: the Dataset whose images measure the accuracy; without one, a tenth of the images is not trained on and
        measures it. seed: of weights, order and augmentation; another seed is an independent classifier. cache_dir:
        the folder to keep it in, instead of the user's cache. steps: of training. The same arguments give the same
        weights, on one machine with the same versions and number of threads. Raises UserError without two classes.
        """
        import pooch

        if dataset.labels is None or len(dataset.classes) < 2:
            raise UserError(f"{dataset.name} has no labels of two or more classes; a classifier cannot learn from it")
        test = test if test is not None and test.labels is not None else None
        path = Path(cache_dir or pooch.os_cache("tfgan_v1")) / f"classifier-{_key(dataset, test, seed, steps)}.npz"
        if (saved := _load(path, dataset)) is not None:
            with suppress(ValueError):  # which has nothing else to say of two arguments: it is trained again
                return cls(*saved)
        note(f"training a classifier on {dataset.name}, once: a minute or two; it is kept for the next time")
        about, weights = _train(dataset, test, seed, steps)
        try:
            files.make_folder(path.parent, private=True)
            with files.writing(path) as file:
                np.savez(file, about=np.array(json.dumps(about._asdict())), **weights)
        except OSError as error:
            warn(f"the classifier cannot be kept in {path} ({error.strerror or error}); the next call trains again")
        return cls(about, weights)

    def features(self, images):
        """The last hidden layer, 128 ReLUs: float32 [n, 128]; over the training images, their mean square is 1."""
        return self._run(self._features, images)

    def probabilities(self, images):
        """The probability of each class: float32 [n, classes]; each row sums to 1."""
        return self._run(self._probabilities, images)

    def _run(self, tensor, images):
        images = np.asarray(images)
        if images.shape[1:] != self.about.image_shape:
            given, needed = ("x".join(map(str, shape)) for shape in (images.shape[1:], self.about.image_shape))
            raise UserError(f"the images are {given}, and the classifier was trained on {needed}; give such images")
        scale = np.float32(255 if images.dtype == np.uint8 else 1)
        return run_in_batches(self._session, tensor, {self._images: images}, lambda rows: np.float32(rows) / scale)

    def close(self):
        """Closes the session and frees its memory."""
        self._session.close()

    def __exit__(self, *_):
        self.close()


class StackedClassifier:
    """A classifier of digits on each color channel: for stacked_mnist, whose 1,000 classes are its 10 three times."""

    def __init__(self, digits):
        self._digits = digits
        self.about = digits.about

    def features(self, images):
        """The features of the three channels, side by side: float32 [n, 384]."""
        return np.concatenate([self._digits.features(images[..., [channel]]) for channel in range(3)], axis=1)

    def probabilities(self, images):
        """The products of the channels' probabilities: float32 [n, 1000]."""
        red, green, blue = (self._digits.probabilities(images[..., [channel]]) for channel in range(3))
        return (red[:, :, None, None] * green[:, None, :, None] * blue[:, None, None, :]).reshape(len(red), -1)

    def close(self):
        """Closes the classifier of digits."""
        self._digits.close()


def _network(images, num_classes, training):
    """(features, logits): three convolutions with two max pools between them, and two dense layers."""
    height, width = images.shape.as_list()[1:3]
    stride = max(1, min(height, width) // 28)  # so that large images take no longer
    with tf.variable_scope("classifier", reuse=tf.AUTO_REUSE, use_resource=True):
        x = tf.nn.relu(conv2d(images, 32, 2 * stride + 3, "conv_1", stride))
        x = tf.nn.relu(conv2d(_halve(x), 64, 3, "conv_2"))
        x = tf.nn.relu(conv2d(_halve(x), 64, 3, "conv_3"))
        x = tf.reshape(x, [-1, math.prod(x.shape.as_list()[1:])])  # 2304 for 28x28
        features = tf.nn.relu(dense(x, FEATURES, "features"))
        return features, dense(dropout(features, 0.5, training, "dropout"), num_classes, "logits")


def _halve(x):
    return max_pool(x) if min(x.shape.as_list()[1:3]) >= 8 else x


def _warped(images, seed, step):
    """Each image turned, scaled, sheared and shifted a little about its middle: an affine map, bilinear."""
    batch, height, width, _ = images.shape.as_list()
    uniform = tf.unstack(noise.draw("uniform", seed, _STREAM, step, 1, [batch, 6])[0], axis=1)  # in [-1, 1)
    turn, shear = TURN * uniform[0], SHEAR * uniform[1]
    across, down = 1 + SCALE * uniform[2], 1 + SCALE * uniform[3]
    x, y = (width - 1) / 2, (height - 1) / 2
    right, below = x + SHIFT * width * uniform[4], y + SHIFT * height * uniform[5]
    slant, none = shear - turn, tf.zeros_like(turn)
    rows = [across, slant, right - across * x - slant * y, turn, down, below - turn * x - down * y, none, none]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(rows, axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def train_and_classify(images, labels, num_classes, others, seed=0):
    """The classes that a new classifier, which learns from images [n, ...] and labels int [n], sees in others: [m]."""
    note(f"training a classifier on {len(images):,} images, for the class accuracy: less than a minute")
    dataset = Dataset("", images, labels=np.asarray(labels, np.int32), classes=tuple(map(str, range(num_classes))))
    nothing = dataset._replace(images=images[:0], labels=dataset.labels[:0])  # so that it learns from all images
    with Classifier(*_train(dataset, nothing, seed, STEPS_OF_ACCURACY)) as classifier:
        return classifier.probabilities(others).argmax(1)


def _train(dataset, test, seed, steps):
    """(About, weights by name) of a new classifier."""
    held_out, used = splits.split(dataset, HELD_OUT, seed) if test is None else ([], np.arange(len(dataset.images)))
    started, shape = time.monotonic(), dataset.images.shape[1:]
    with devices.new_graph() as graph:
        tf.set_random_seed(seed)
        images, labels = tf.placeholder(tf.uint8, [BATCH, *shape]), tf.placeholder(tf.int32, [BATCH])
        step = tf.placeholder(tf.int64, [])
        pixels = tf.cast(images, tf.float32) / 255
        # Half of a batch is not warped: interpolation smooths images, and features that were trained on smooth images
        # alone would take sharp strokes for noise.
        batch = tf.concat([_warped(pixels[: BATCH // 2], seed, step), pixels[BATCH // 2 :]], 0)
        _, logits = _network(batch, len(dataset.classes), RngKey(seed, step))
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        done = tf.cast(step, tf.float32) / steps
        rate = RATE * tf.minimum(1.0, (done + 1 / steps) / WARM_UP) * (1 + tf.cos(math.pi * done)) / 2
        update = tf.train.AdamOptimizer(rate).minimize(loss)
        with tf.Session(graph=graph, config=devices.session_config("cpu")) as session:
            session.run(tf.global_variables_initializer())
            train = session.make_callable(update, [images, labels, step])
            for number, rows in enumerate(watched(_batches(used, seed, steps), steps, "steps", lambda _: 1)):
                train(dataset.images[rows], dataset.labels[rows], number)
            weights = session.run({variable.op.name: variable for variable in tf.trainable_variables()})
    about = About(dataset.name, len(used), 0.0, "", seed, time.monotonic() - started, dataset.classes, shape, "")
    _scale(weights, about, dataset.images[used[:MOST_SCALED]])
    with Classifier(about, weights) as classifier:
        if test is None:
            right = classifier.probabilities(dataset.images[held_out]).argmax(1) == dataset.labels[held_out]
            tested_on = f"{len(held_out):,} training images that it has not seen"
        else:
            names = np.array(dataset.classes)[classifier.probabilities(test.images).argmax(1)]
            right = names == np.array(test.classes)[test.labels]  # by name: the indices may differ
            tested_on = f"{len(test.images):,} {'held-out' if splits.is_held_out(dataset, test) else 'test'} images"
    accuracy = float(np.mean(right)) if len(right) else float("nan")
    return about._replace(accuracy=accuracy, tested_on=tested_on, sha256=_digest(weights)), weights


def _scale(weights, about, images):
    """Scales features to a mean square of 1, as those of any classifier have, and the layer after them inversely."""
    with Classifier(about, weights) as classifier:
        root = np.sqrt(np.mean(np.square(classifier.features(images), dtype=np.float64)))
    scale = np.float32(root if root > 0 else 1)
    for name in ("kernel", "bias"):
        weights[f"classifier/features/{name}"] /= scale
    weights["classifier/logits/kernel"] *= scale


def _batches(used, seed, steps):
    """Indices of the images of each step: all images in a new order for each epoch, without the last, smaller batch."""
    epoch = 0
    while steps > 0:
        order = np.random.default_rng([seed, epoch, _STREAM]).permutation(used)
        order = np.resize(order, max(1, len(order) // BATCH) * BATCH).reshape(-1, BATCH)[:steps]
        yield from order
        epoch, steps = epoch + 1, steps - len(order)


def _key(dataset, test, seed, steps):
    """The cache key: what the weights and the accuracy depend on."""

    def key(data):
        return data and [data.facts()["sha256"], hashlib.sha256(data.labels).hexdigest(), data.classes]

    content = [VERSION, key(dataset), dataset.images.shape, key(test), seed, steps]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _digest(weights):
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"{name} {weights[name].shape} ".encode())
        digest.update(np.ascontiguousarray(weights[name], np.float32))
    return digest.hexdigest()


def _load(path, dataset):
    """(About, weights) in the cache, or None if they are missing, damaged, or not a classifier of this data."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                return None
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            weights = {name: arrays[name] for name in arrays.files if name != "about"}
        about = About(**{**about, "classes": tuple(about["classes"]), "image_shape": tuple(about["image_shape"])})
        fits = (about.classes, about.image_shape) == (dataset.classes, dataset.images.shape[1:])
        forms = {"num_images": range(2**40), "seed": range(2**32), "seconds": float}
        fits &= files.fits(about._asdict(), forms | dict.fromkeys(("trained_on", "tested_on", "sha256"), str))
        fits &= type(about.accuracy) is float and not abs(about.accuracy - 0.5) > 0.5  # or NaN, of no images
        fits &= all(values.dtype == np.float32 and np.isfinite(values).all() for values in weights.values())
        return (about._replace(trained_on=dataset.name), weights) if fits and _digest(weights) == about.sha256 else None
    except Exception:  # missing or damaged in any way: it is trained again
        return None
