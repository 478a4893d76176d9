"""Published data sets: finds, downloads and verifies their files."""

import hashlib
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.arrays import read_idx, read_npz
from tfgan_v1.data.labels import Labelled, rename
from tfgan_v1.errors import UserError, warn

CONNECT_SECONDS = 3  # that a run without --dataset waits for the network


class Published(NamedTuple):
    """A published data set in IDX format."""

    title: str
    files: tuple[str, ...]  # usual paths below a folder that is searched, most usual first
    url: str
    sha256: str  # of the file at the URL
    pixels_sha256: str  # of the 60,000 x 28 x 28 bytes in it
    classes: tuple[str, ...]  # the names of labels 0 to 9


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
        tuple("0123456789"),
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
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
}


def load(name, data_dir=None, *, download=True):
    """The Labelled images of a published data set: uint8 [60000, 28, 28, 1]. A download has no labels.

    name: one of PUBLISHED; or None for MNIST, if it is found or downloads quickly, else for a warning and None.
    data_dir: the folder to search first. download: whether to use the network; without it, blank images replace those
    to download. Raises UserError if the images cannot be found or downloaded, or their file is damaged.
    """
    published = PUBLISHED[name or "mnist"]
    places = search_places(data_dir)
    path = find(published, places)
    if path is None and not download:
        otherwise = "" if name else ", and without a network use mnist_warped"
        warn(f"{published.title} was not found; the run would try to download it from {published.url}{otherwise}")
        return Labelled(np.broadcast_to(np.uint8(0), (60_000, 28, 28, 1)))
    if path is None:
        path, reason = fetch(published, CONNECT_SECONDS if name is None else 10)
    if path is not None:
        return read_published(path, published)
    if name is None:
        warn(
            f"MNIST was not found and cannot be downloaded ({reason}), so this run uses mnist_warped, 5,000 MNIST "
            f"digits warped into 60,000; for the whole MNIST, save {published.url} in {places[-1] / 'mnist'}, or give "
            "its folder by --data-dir"
        )
        return None
    wanted = f"{Path(published.files[0]).stem}[.gz]{' or mnist.npz' if 'mnist.npz' in published.files else ''}"
    raise UserError(
        f"{published.title} was not found and cannot be downloaded ({reason}): looked for {wanted} in "
        f"{', '.join(map(str, places))}; give its folder by --data-dir or $TFGAN_DATA, or use --dataset mnist_warped"
    )


def search_places(data_dir):
    """The folders to search, in order: data_dir, $TFGAN_DATA, Keras' cache."""
    given = [Path(place) for place in (data_dir, os.environ.get("TFGAN_DATA")) if place]
    return [*given, keras_cache()]


def keras_cache():
    """The folder where Keras keeps its data sets."""
    home = os.environ.get("KERAS_HOME")
    return Path(home or os.path.expanduser("~/.keras")) / "datasets"


def find(published, places):
    """The first file of a data set in the places, or None."""
    candidates = (place / file for place in places for file in published.files)
    return next((path for path in candidates if path.is_file()), None)


def fetch(published, connect_seconds):
    """Downloads a data set into Keras' cache, with a progress bar and a checksum.

    Returns (path, None), or (None, why not).
    """
    import pooch
    import requests

    reached = threading.Event()

    def connect():
        with suppress(OSError, ValueError):
            requests.head(published.url, timeout=connect_seconds).raise_for_status()
            reached.set()

    # A DNS lookup has no timeout, so it runs in a thread that may be abandoned.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(connect_seconds)
    if not reached.is_set():
        return None, f"{published.url.split('/')[2]} cannot be reached"
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
    """The Labelled images of a published data set's file, .npz or IDX. Raises UserError if it is another data set's."""
    content = read_npz(path) if path.suffix == ".npz" else read_idx(path)
    images = content.images
    if images.ndim != 4:
        raise UserError(f"{path} holds points, not {published.title}; give the right folder by --data-dir")
    sha256 = hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
    for other in PUBLISHED.values():  # both use the same file names
        if other is not published and sha256 == other.pixels_sha256:
            raise UserError(f"{path} holds {other.title}, not {published.title}; give the right folder by --data-dir")
    return rename(content, published.classes)
