"""Loads every kind of input as images, uint8 [n, height, width, channels], or points, float32 [n, d]."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.data import arrays, published
from tfgan_v1.data.datasets import DATASETS, LoadRequest, canonical, license_note, mnist_or_warped, unknown  # noqa: F401
from tfgan_v1.data.labels import Labelled, attach, classify_folders
from tfgan_v1.data.shapes import LARGEST_SIDE, POINTS, Shaping  # noqa: F401, for importers of `data`
from tfgan_v1.errors import UserError, brief, count_of, note, warn

ARRAY = "an array"  # the name of images that are passed in Python
FULL_CONTRAST = 128  # of 255: images with a smaller range may hold 7 bits, percents, or fractions -0.5 to 0.5
ALMOST_BLACK = 17  # likewise, of pictures: 12 bits in a 16-bit file have less
_AS_IT_IS = Shaping()


class Dataset(NamedTuple):
    """The images or points to train on."""

    name: str  # the published name, or the path as it was given
    images: np.ndarray  # uint8 [n, h, w, c], perhaps memory-mapped; or points, float32 [n, d]
    files: tuple = ()  # of a folder: (path relative to it, "" or why it was left out), sorted
    sha256: str | None = None  # of the pixels, if known without reading them
    labels: np.ndarray | None = None  # int32 [n], each an index of `classes`; None if the images have none
    classes: tuple[str, ...] = ()  # the names of the classes
    why: str = ""  # there are no labels: see Labelled
    unread: tuple = ()  # as `files`: what else is in the folder and is not read
    columns: tuple[str, ...] = ()  # of points, their names, if a table has them

    def indices(self, names):
        """The labels of classes by name: int32 [len(names)]."""
        positions = {name: index for index, name in enumerate(self.classes)}
        return np.array([positions[name] for name in names], np.int32)

    def left_out(self):
        """Of a folder: (path, why it is not used), sorted."""
        return sorted(pair for pair in self.files + self.unread if pair[1])

    def facts(self):
        """What config.json records: by this a resume recognizes the images, even in another folder."""
        name = self.name if self.name in DATASETS else Path(os.path.abspath(self.name)).name
        count, *shape = self.images.shape
        sha256 = self.sha256 or hashlib.sha256(np.ascontiguousarray(self.images)).hexdigest()
        return {"name": name, "num_images": count, "image_shape": shape, "sha256": sha256}


def load(
    name, data_dir=None, shaping=_AS_IT_IS, *, mean=0.0, std=1.0, seed=0, strict=False, cache_dir=None, download=True,
    labels=None,
):  # fmt: skip
    """Loads a Dataset by name or path; None is MNIST if it is found or downloads quickly, else `mnist_warped`.

    name: one of DATASETS, or the path of a file or a folder of pictures: see `canonical`. data_dir: the folder to
    search first for published data sets. mean, std, seed: of `gaussian`. strict: whether a picture that cannot be read
    is an error. cache_dir: the folder for decoded pictures, instead of the user's cache. download: whether to use the
    network; without it, blank images replace those to download. labels: the path of a file with a label for each image,
    instead of the data set's own: see `label_files.relabel`. Raises UserError if the images or the labels are missing
    or unreadable, or the images cannot have the shape.
    """
    request = LoadRequest(data_dir, download, mean, std, seed)
    if labels is None:
        return _load(name, request, shaping, strict, cache_dir)
    from tfgan_v1.data import label_files

    label_files.find_reader(labels)  # a wrong path is an error before minutes of decoding
    return label_files.relabel(_load(name, request, shaping, strict, cache_dir), labels)


def _load(name, request, shaping, strict, cache_dir):
    """The Dataset with its own labels: see `load`."""
    if request.data_dir is not None and not Path(request.data_dir).is_dir():
        raise UserError(f"--data-dir {request.data_dir} is not a folder; give the folder that holds the data set")
    shaping.check()
    if name is None:
        _refuse_pictures(request.data_dir)
        return _dataset(*mnist_or_warped(request), shaping)
    name = canonical(name)
    if name in DATASETS:
        if DATASETS[name].composed and shaping.channels == 1:
            raise UserError(f"{name} has a digit in each of three color channels; leave out --channels 1")
        return _dataset(name, DATASETS[name].load(request), shaping)
    from tfgan_v1.data import detect, folders

    path = Path(os.path.expanduser(name))
    if os.path.isdir(path):  # Path.is_dir raises for a text that cannot be a path
        _refuse_points(name, shaping)
        return _folder(name, folders.read(path, shaping, cache_dir), strict)
    if not os.path.exists(path):
        raise unknown(name)
    return _dataset(name, detect.read(path, shaping.size), shaping)


def _refuse_points(name, shaping):
    """Raises UserError for images that are to be read as points."""
    if shaping.size == POINTS:
        raise UserError(f"--points is for tables and arrays of numbers, and {name} holds images; leave it out")


def _refuse_pictures(data_dir):
    """Raises UserError for a folder of pictures, and not of MNIST: other programs call it the data folder."""
    from tfgan_v1.data.folders import SUFFIXES

    if data_dir is None or published.find(DATASETS["mnist"].published, [Path(data_dir)]):
        return
    if any(path.suffix.lower() in SUFFIXES for path in Path(data_dir).iterdir()):
        raise UserError(f"--data-dir {data_dir} holds pictures and no MNIST; train on them with --dataset {data_dir}")


def from_array(images, labels=None, shaping=_AS_IT_IS):
    """The Dataset of an array in memory: that of a .npy file with the same content.

    images: [n, h, w], [n, h, w, 1 or 3] or flat [n, h * w], of any type and range in arrays.VALUE_RANGES, which must
    not change during a training; or points, floats [n] or [n, d]. labels: whole numbers or texts [n], or one-hot rows
    [n, k]. Raises UserError for anything else.
    """
    shaping.check()
    array, labels = _as_array(images, "images"), None if labels is None else _as_array(labels, "labels")
    if 0 in (array.shape or (0,)):
        raise UserError(f"images is {array.dtype} {list(array.shape)}, which is not a list of anything")
    content = Labelled(arrays.to_images_or_points(array, "images", shaping.size))
    if labels is not None:
        content = attach(content.images, labels, "images", "labels")
        if content.labels is None:
            raise UserError(content.why)
    return _dataset(ARRAY, content, shaping)


def reshaped(dataset, shaping):
    """A Dataset of images in another shape; itself if it has that shape, and if it is of points."""
    from tfgan_v1.data import decoding

    if dataset.images.ndim == 2:
        return dataset
    images = decoding.resize_all(dataset.images, shaping)
    return dataset if images is dataset.images else dataset._replace(images=images, sha256=None)


def _as_array(values, name):
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:  # lists of unequal lengths, tensors on a GPU
        raise UserError(f"{name} is not an array ({brief(str(error))}); pass a NumPy array") from None


def load_test(name, data_dir=None, shaping=_AS_IT_IS, *, mean=0.0, std=1.0, seed=0, download=True, labels=None):
    """The Dataset of a data set's own test images, or None if it has none or they are not found.

    Those of `mnist_warped` are MNIST's, if they are on disk; those of `stacked_mnist` are made of MNIST's; those of
    `gaussian` are other draws. The arguments and errors are those of `load`. With a file of `labels`, which is for the
    training images, there are none: they would be of other classes.
    """
    name = canonical(name)
    row = DATASETS.get(name) if labels is None else None
    content = row and row.load_test(LoadRequest(data_dir, download, mean, std, seed))
    return content and _dataset(name, content, shaping)


def _dataset(name, content, shaping):
    """The Dataset of Labelled images in the shape, or of points, which have none."""
    images, labels, classes, why, columns = content
    if images.ndim == 2:
        if shaping.size or shaping.channels:
            raise UserError(f"{name} holds points, not images; leave out --image-size and --channels")
        return Dataset(name, images, labels=labels, classes=classes, why=why, columns=columns)
    _refuse_points(name, shaping)
    from tfgan_v1.data import decoding

    _warn_of_contrast(name, images)
    return Dataset(name, decoding.resize_all(images, shaping), labels=labels, classes=classes, why=why)


def _folder(name, folder, strict):
    """The Dataset of a folder; warns of pictures that were left out, and of images that are all almost black."""
    from tfgan_v1.data import folders

    unread = tuple(pair for pair in folder.unread if pair[1])
    dataset = Dataset(name, folder.images, folder.files, folder.sha256, *classify_folders(name, folder.files), unread)
    left_out, animated = dataset.left_out(), [path for path, reason in folder.unread if not reason]
    pages = " and pages" * any(reason == folders.PAGES for _, reason in left_out)
    count = f"{len(left_out):,} of {count_of(len(folder.images) + len(left_out), 'file')}{pages} in {name}"
    such = folders.summary(left_out)
    if left_out and strict:
        raise UserError(f"{count} cannot be used, {such}; repair or remove them, or leave out --strict")
    if left_out:
        warn(f"{count} left out, such as {such}; files.csv in the samples folder lists them")
    if animated:
        frames = f"of {count_of(len(animated), 'animation')}, such as {animated[0]}, the first frame"
        note(f"In {name}, {frames} is used.")
    _warn_of_contrast(name, folder.images, ALMOST_BLACK)
    return dataset


def _warn_of_contrast(name, images, enough=FULL_CONTRAST):
    """Warns of images, uint8 [n, h, w, c], that are all almost black, or gray: their values may have another range."""
    lowest, highest = 255, 0
    for start in range(0, len(images) if any(images.strides) else 0, 1024):
        block = images[start : start + 1024]
        lowest, highest = min(lowest, block.min()), max(highest, block.max())
        if highest - lowest >= enough:
            return
    if lowest < highest:
        warn(
            f"no pixel in {name} is darker than {lowest} or brighter than {highest} of 255; if these are meant as "
            "black and white, scale the values to 0 to 255, fractions to 0 to 1, or 12 of 16 bits by 16"
        )
