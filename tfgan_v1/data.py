"""Every data set becomes images, uint8 [n, height, width, channels]; and which of them a training step sees."""

import functools
import gzip
import hashlib
import math
import os
import struct
import sys
import threading
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.errors import UserError, warn

CONNECT_SECONDS = 3  # how long a run without --dataset waits for the network before it is content with digits


class Dataset(NamedTuple):
    """Images to learn from."""

    name: str
    images: np.ndarray  # uint8 [n, height, width, channels]

    def facts(self):
        """What config.json keeps, to know the same images again."""
        count, *shape = self.images.shape
        return {"name": self.name, "num_images": count, "image_shape": shape, "sha256": _sha256(self.images)}


class Published(NamedTuple):
    """A published data set in IDX form, and where its files may lie below a place that is searched."""

    title: str
    files: tuple[str, ...]  # newest habit first
    url: str
    sha256: str  # of the file behind the url
    pixels_sha256: str  # of the 60,000 x 28 x 28 bytes in it


_IDX_FILES = tuple(f"train-images{dot}idx3-ubyte{gz}" for dot in "-." for gz in (".gz", ""))
PUBLISHED = {
    "mnist": Published(
        "MNIST",
        (
            *(f"{folder}{file}" for folder in ("mnist/", "MNIST/raw/", "") for file in _IDX_FILES),
            "mnist.npz",
            "mnist/mnist.npz",
        ),
        "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    "fashion_mnist": Published(
        "Fashion-MNIST",
        tuple(
            f"{folder}{file}"
            for folder in ("fashion-mnist/", "fashion_mnist/", "FashionMNIST/raw/", "")
            for file in _IDX_FILES
        ),
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/train-images-idx3-ubyte.gz",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    ),
}


def load(name, data_dir=None, *, download=True):
    """The Dataset of a name; for None, MNIST if it is there or can be had quickly, otherwise `digits`.

    data_dir: the folder to look in first. download: whether the network may be used; without it, blank images stand for
    those that would be downloaded. Raises UserError if there are no such images or their file is broken.
    """
    if data_dir is not None and not Path(data_dir).is_dir():
        raise UserError(f"--data-dir {data_dir} is no folder; name the one that holds the data set")
    if name == "digits":
        return Dataset(name, digits())
    published = PUBLISHED[name or "mnist"]
    places = search_places(data_dir)
    path = find(published, places)
    if path is None and not download:
        warn(f"{published.title} is not here; it would be downloaded from {published.url}, as far as that can be done")
        return Dataset(name or "mnist", np.broadcast_to(np.uint8(0), (60_000, 28, 28, 1)))
    if path is None:
        path, reason = fetch(published, CONNECT_SECONDS if name is None else 10)
    if path is not None:
        return Dataset(name or "mnist", read_published(path, published))
    if name is None:
        warn(
            f"MNIST is neither here nor to be downloaded ({reason}), so scikit-learn's 1,797 digits take its place and "
            f"want --epochs 1000; for MNIST put {published.url} into {places[-1] / 'mnist'}, or name its --data-dir"
        )
        return Dataset("digits", digits())
    wanted = f"{Path(published.files[0]).stem}[.gz]{' or mnist.npz' if 'mnist.npz' in published.files else ''}"
    raise UserError(
        f"{published.title} is neither here nor to be downloaded ({reason}): looked for {wanted} in "
        f"{', '.join(map(str, places))}; name its folder by --data-dir or $TFGAN_DATA, or take --dataset digits"
    )


def search_places(data_dir):
    """The folders to look in, in this order: data_dir, $TFGAN_DATA, Keras' cache."""
    given = [Path(place) for place in (data_dir, os.environ.get("TFGAN_DATA")) if place]
    return [*given, keras_cache()]


def keras_cache():
    """The folder in which Keras keeps its data sets."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or os.path.expanduser("~/.keras")) / "datasets"


def find(published, places):
    """The first file of a data set in the places, or None."""
    candidates = (place / file for place in places for file in published.files)
    return next((path for path in candidates if path.is_file()), None)


def fetch(published, connect_seconds):
    """Downloads a data set into Keras' cache, with a progress bar and a checksum.

    Returns (path, None), or (None, the reason why not).
    """
    import pooch
    import requests

    answer = []

    def connect():
        try:
            requests.head(published.url, timeout=connect_seconds).raise_for_status()
            answer.append(None)
        except (OSError, ValueError) as error:
            answer.append(f"no connection to {published.url.split('/')[2]} ({type(error).__name__})")

    # In a thread of its own, because looking up a host's name knows no time limit.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(connect_seconds)
    reason = answer[0] if answer else f"no answer within {connect_seconds} seconds"
    if reason is not None:
        return None, reason
    folder = keras_cache() / published.files[0].split("/")[0]
    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=(connect_seconds, 60))
    try:
        path = pooch.retrieve(
            published.url, f"sha256:{published.sha256}", Path(published.files[0]).name, folder, downloader=downloader
        )
    except (OSError, ValueError) as error:
        return None, str(error)
    return Path(path), None


def read_published(path, published):
    """The images of a published data set's file, .npz or IDX. Raises UserError if it is another data set's."""
    images = read_npz(path) if path.suffix == ".npz" else read_idx(path)
    sha256 = _sha256(images)
    for other in PUBLISHED.values():  # the files of both go by the same names
        if other is not published and sha256 == other.pixels_sha256:
            raise UserError(
                f"{path} holds {other.title} and not {published.title}; name the right folder by --data-dir"
            )
    return images


def read_idx(path):
    """Images of an IDX file, gzipped or not: uint8 [n, h, w, 1].

    The format: two zero bytes, type 8 (unsigned byte), number of dimensions, each dimension as a big-endian 32-bit
    number, then the pixels. Raises UserError if the file is not exactly that; a header that promises more than the file
    can hold is refused before memory is taken for it.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else open(path, "rb") as file:
            header = file.read(16)
            if len(header) < 16 or header[:4] != b"\0\0\x08\x03":
                raise UserError(
                    f"{path} is not an IDX file of images (it begins with {header[:4].hex(' ') or 'nothing'})"
                )
            count, height, width = struct.unpack(">3I", header[4:])
            promised = count * height * width
            if promised == 0:
                raise UserError(f"{path} holds no images, but {count:,} of {height}x{width}; get it anew")
            if promised > size * (1032 if packed else 1):  # deflate makes at most 1,032 bytes of one
                raise UserError(
                    f"{path} claims {count:,} images of {height}x{width}, which its {size:,} bytes cannot hold"
                )
            pixels = file.read(promised + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged or cut off ({error}); get it anew") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if len(pixels) != promised:
        than = "more" if len(pixels) > promised else "less"
        raise UserError(
            f"{path} holds {than} than the {count:,} images of {height}x{width} that it claims; get it anew"
        )
    return np.frombuffer(pixels, np.uint8).reshape(count, height, width, 1)


def read_npz(path):
    """Images of the array `x_train` in a NumPy archive such as Keras' mnist.npz: uint8 [n, h, w, 1].

    Raises UserError if there is no such array of bytes. Nothing is unpickled.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("x_train.npy") as file:
            major, _ = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read_header(file)
            promised = math.prod(shape)
            whole = all(type(size) is int and size > 0 for size in shape)
            if dtype != np.uint8 or len(shape) != 3 or fortran or not whole:
                order = " in Fortran's order" if fortran else ""
                raise UserError(f"{path}: x_train is {dtype} {shape}{order}, where uint8 [n, height, width] is meant")
            if file.tell() + promised != archive.getinfo("x_train.npy").file_size:
                raise UserError(f"{path}: x_train claims {shape}, which is not the size that it has")
            pixels = file.read(promised)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged header is read as Python, which can raise anything at all
        raise UserError(f"{path} is no NumPy archive with an array x_train, or a damaged one ({error})") from None
    return np.frombuffer(pixels, np.uint8).reshape(*shape, 1)


def digits():
    """scikit-learn's 1,797 handwritten digits, 8x8 with 17 greys, enlarged: uint8 [1797, 28, 28, 1].

    They fill the frame. Set in its middle, as MNIST sets its own, they are too small and too alike to be learned from.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    small = (load_digits().images * (255 / 16)).round().astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return np.stack(large)[..., None]


def batch_order(seed, num_images, batch_size, first_step, num_steps):
    """Which images the steps from first_step on see: int32 [num_steps, batch_size], a function of its arguments alone.

    Each epoch goes through all images in a new order, in whole batches; what is left over at its end is left out.
    """
    per_epoch = num_images // batch_size
    rows = []
    for step in range(first_step, first_step + num_steps):
        epoch, position = divmod(step, per_epoch)
        rows.append(_permutation(seed, epoch, num_images)[position * batch_size : (position + 1) * batch_size])
    return np.stack(rows)


@functools.lru_cache(maxsize=2)
def _permutation(seed, epoch, num_images):
    return np.random.default_rng([seed, epoch]).permutation(num_images).astype(np.int32)


def _sha256(images):
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
