"""Loads every kind of input as images, uint8 [n, height, width, channels], or points, float32 [n, 1]."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.data import decoding, detect, embedded, folders, published
from tfgan_v1.data.labels import classify_folders
from tfgan_v1.data.shapes import Shaping
from tfgan_v1.data.warped import mnist_warped
from tfgan_v1.errors import UserError, warn

EMBEDDED = {"mnist_warped": mnist_warped, "digits": embedded.digits}  # images that need no file of the user's
NAMES = (*published.PUBLISHED, *EMBEDDED, "gaussian")
ALMOST_BLACK = 16  # of 255: the brightest that 12 bits become in a 16-bit file
_AS_IT_IS = Shaping()


class Dataset(NamedTuple):
    """The images or points to train on."""

    name: str  # the published name, or the path as it was given
    images: np.ndarray  # uint8 [n, h, w, c], perhaps memory-mapped; or points, float32 [n, 1]
    files: tuple = ()  # of a folder: (path relative to it, "" or why it was left out), sorted
    sha256: str | None = None  # of the pixels, if known without reading them
    labels: np.ndarray | None = None  # int32 [n], each an index of `classes`; None if the images have none
    classes: tuple[str, ...] = ()  # the names of the classes

    def facts(self):
        """What config.json records: by this a resume recognizes the images, even in another folder."""
        name = self.name if self.name in NAMES else Path(os.path.abspath(self.name)).name
        count, *shape = self.images.shape
        sha256 = self.sha256 or hashlib.sha256(np.ascontiguousarray(self.images)).hexdigest()
        return {"name": name, "num_images": count, "image_shape": shape, "sha256": sha256}


def load(
    name, data_dir=None, shaping=_AS_IT_IS, *, mean=0.0, std=1.0, seed=0, strict=False, cache_dir=None, download=True
):
    """Loads a Dataset by name or path; None is MNIST if it is found or downloads quickly, else `mnist_warped`.

    name: one of NAMES, or the path of a file or a folder of pictures; a name takes precedence over a path. data_dir:
    the folder to search first for published data sets. mean, std, seed: of `gaussian`. strict: whether a picture that
    cannot be read is an error. cache_dir: the folder for decoded pictures, instead of the user's cache. download:
    whether to use the network; without it, blank images replace those to download. Raises UserError if the images are
    missing or unreadable, or cannot have the shape.
    """
    if data_dir is not None and not Path(data_dir).is_dir():
        raise UserError(f"--data-dir {data_dir} is not a folder; give the folder that holds the data set")
    shaping.check()
    name = None if name is None else os.fspath(name)
    if name == "gaussian":
        return _points(name, embedded.gaussian(mean, std, seed), shaping)
    if name is None or name in published.PUBLISHED:
        content = published.load(name, data_dir, download=download)
        if content is not None:
            return _images(name or "mnist", content, shaping)
        name = "mnist_warped"
    if name in EMBEDDED:
        return _images(name, EMBEDDED[name](), shaping)
    path = Path(os.path.expanduser(name))
    if os.path.isdir(path):  # Path.is_dir raises for a text that cannot be a path
        return _folder(name, folders.read(path, shaping, cache_dir), strict)
    if not os.path.exists(path):
        raise UserError(f"{name} is not one of {', '.join(NAMES)}, and no file or folder has that name")
    content = detect.read(path, shaping.size)
    return _points(name, content.images, shaping) if content.images.ndim == 2 else _images(name, content, shaping)


def _images(name, content, shaping):
    images = decoding.resize_all(content.images, shaping)
    return Dataset(name, images, labels=content.labels, classes=content.classes)


def _points(name, points, shaping):
    if shaping.size or shaping.channels:
        raise UserError(f"{name} holds points, not images; leave out --image-size and --channels")
    return Dataset(name, points)


def _folder(name, folder, strict):
    """The Dataset of a folder; warns of pictures that were left out, and of images that are all almost black."""
    left_out = [(path, reason) for path, reason in folder.files if reason]
    if left_out:
        path, reason = left_out[0]
        if strict:
            raise UserError(
                f"{len(left_out):,} of {len(folder.files):,} files in {name} cannot be used, first {path} ({reason}); "
                "repair or remove them, or leave out --strict"
            )
        warn(
            f"{len(left_out):,} of {len(folder.files):,} files in {name} left out, such as {path} ({reason}); "
            "files.csv in the samples folder lists them"
        )
    if folder.brightest <= ALMOST_BLACK:
        warn(
            f"no pixel in {name} is brighter than {folder.brightest} of 255, as if 16-bit files held 12 bits; multiply "
            "their values by 16, or save them in 8 bits"
        )
    return Dataset(name, folder.images, folder.files, folder.sha256, *classify_folders(folder.files))
