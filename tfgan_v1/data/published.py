"""Published data sets: finds, downloads and verifies their files."""

import hashlib
import os
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.arrays import read_idx, read_npz
from tfgan_v1.data.labels import Labelled, rename
from tfgan_v1.errors import UserError, warn

CONNECT_SECONDS = 3  # that a run without --dataset waits for the network


class Published(NamedTuple):
    """A published data set in IDX format: a part of its row in `datasets`."""

    title: str
    files: tuple[str, ...]  # usual paths of the training images below a searched folder, most usual first
    url: str  # of the training images; the other files are in the same place
    sha256: str  # of the file at the URL
    pixels_sha256: str  # of the 60,000 x 28 x 28 bytes in it
    classes: tuple[str, ...]  # the names of labels 0 to 9
    others: dict[str, str]  # names of the other files -> their SHA-256
    test_pixels_sha256: str  # of the 10,000 x 28 x 28 bytes of the test images


TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = (
    f"{name}-ubyte.gz" for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)


def load(published, data_dir, titles, *, download=True, otherwise=None):
    """The Labelled images of a Published data set: uint8 [60000, 28, 28, 1].

    data_dir, download: see `data.load`. titles: see `read_published`. otherwise: the data set to name in a warning, and
    to return None for, if the images are not found and do not download quickly. Raises UserError if they cannot be
    found, downloaded or read.
    """
    places = search_places(data_dir)
    path = find(published, places)
    if path is None and not download:
        offline = f", and without a network use {otherwise}" if otherwise else ""
        warn(f"{published.title} was not found; the run would try to download it from {published.url}{offline}")
        labels = np.arange(60_000, dtype=np.int32) % len(published.classes)
        return Labelled(np.broadcast_to(np.uint8(0), (60_000, 28, 28, 1)), labels, published.classes)
    if path is None:
        path, reason = fetch(published, CONNECT_SECONDS if otherwise else 10)
        if path:
            fetch(published, CONNECT_SECONDS, TRAIN_LABELS)  # without them, the images are still worth having
    if path:
        return read_published(path, published, titles)
    if otherwise:
        warn(
            f"MNIST was not found and cannot be downloaded ({reason}), so this run uses {otherwise}, 5,000 warped "
            f"digits; for MNIST, save {published.url} in {places[-1] / 'mnist'}, or give its folder by --data-dir"
        )
        return None
    wanted = f"{Path(published.files[0]).stem}[.gz]{' or mnist.npz' if 'mnist.npz' in published.files else ''}"
    raise UserError(
        f"{published.title} was not found and cannot be downloaded ({reason}): looked for {wanted} in "
        f"{', '.join(map(str, places))}; give its folder by --data-dir or $TFGAN_DATA, or use --dataset mnist_warped"
    )


def load_test(published, data_dir, titles, *, download=True):
    """The Labelled test images, uint8 [10000, 28, 28, 1], searched for as those for training are; None if not found."""
    path = find(published, search_places(data_dir), test=True)
    if path is None and download:
        path, _ = fetch(published, CONNECT_SECONDS, TEST_IMAGES)
        if path:
            fetch(published, CONNECT_SECONDS, TEST_LABELS)
    return path and read_published(path, published, titles, test=True)


def search_places(data_dir):
    """The folders that may hold published data sets, in the order of the search: Paths."""
    return [*(Path(place) for place in (data_dir, os.environ.get("TFGAN_DATA")) if place), keras_cache()]


def keras_cache():
    """The folder where Keras keeps its data sets."""
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"), "datasets")


def find(published, places, *, test=False):
    """The first file in the folders that holds the training images, or the test images, or None."""
    files = [file.replace("train-", "t10k-") if test else file for file in published.files]
    paths = (place / file for place in places for file in files)
    return next((path for path in paths if path.is_file() and not (test and _lacks_test(path))), None)


def _lacks_test(path):
    """Whether a file is an archive without test images."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return "x_test.npy" not in archive.namelist()
    return False


def fetch(published, connect_seconds, file=None):
    """Downloads a file of a data set into Keras' cache, with a progress bar and a checksum.

    file: a name in `published.others`; None for the training images. Returns (path, None), or (None, why not).
    """
    import pooch
    import requests

    url = published.url if file is None else f"{published.url.rpartition('/')[0]}/{file}"
    sha256 = published.sha256 if file is None else published.others[file]
    reached = threading.Event()

    def connect():
        with suppress(OSError, ValueError):
            requests.head(url, timeout=connect_seconds).raise_for_status()
            reached.set()

    # The time limits of requests, and so of pooch, bound neither a DNS lookup (10 seconds for each silent name server)
    # nor the attempts at several addresses, so this runs in a thread that may be abandoned.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(connect_seconds)
    if not reached.is_set():
        return None, f"{url.split('/')[2]} cannot be reached"
    folder = keras_cache() / published.files[0].split("/")[0]
    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=(connect_seconds, 60))
    name = file or Path(published.files[0]).name
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", name, folder, downloader=downloader)), None
    except (OSError, ValueError) as error:
        return None, str(error)


def read_published(path, published, titles, *, test=False):
    """The Labelled images of an .npz or IDX file. Raises UserError if it holds another published set of images.

    titles: SHA-256 of the pixels -> title of every published set.
    """
    names = {"image_names": ["x_test"], "label_names": ["y_test"]} if test else {}
    content = read_npz(path, **names) if path.suffix == ".npz" else read_idx(path)
    images, kind = content.images, f"{published.title}'s {'test' if test else 'training'} images"
    sha256 = hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
    title = titles.get(sha256, published.title if images.ndim == 4 else "points")
    if title != published.title:
        raise UserError(f"{path} holds {title}, not {published.title}; give the right folder by --data-dir")
    if sha256 == (published.pixels_sha256 if test else published.test_pixels_sha256):
        raise UserError(f"{path} does not hold {kind}, as its name says, but the others; download it again")
    return rename(content, published.classes)
