"""Decodes a folder of pictures into one array, on all cores, and keeps the array in a cache."""

import hashlib
import io
import itertools
import json
import math
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL

from tfgan_v1.data import decoding
from tfgan_v1.errors import UserError, count_of, warn
from tfgan_v1.files import replacing, write
from tfgan_v1.streams import silenced_stderr

SIZE = (28, 28)  # of images without --image-size
FORMAT = 2  # of the cache; entries of other formats are ignored
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm",
)  # fmt: skip
RUN = {"real_images.png", "review.json"}  # by which the samples of a run are known: they are no training images
_AHEAD = 16  # pictures for each core that are decoded before the first of them is written
_BLOCK = 1024  # images copied at once
_MEASURED = 200  # pictures whose sizes stand for those of all


class Folder(NamedTuple):
    """The pictures of a folder."""

    images: np.ndarray  # uint8 [n, h, w, c], memory-mapped from the cache
    files: tuple  # (path relative to the folder, "" or why it was left out), sorted
    sha256: str | None  # of the images' bytes, if known
    brightest: int  # the largest value in the images


def measure(folder):
    """The median (height, width) of up to 200 pictures of a folder, by their headers; (0, 0) if none can be read.

    Raises UserError as `candidates`.
    """
    names, sizes = candidates(folder), []
    with silenced_stderr():
        for name in names[:: -(-len(names) // _MEASURED)]:
            with suppress(Exception):  # a broken file can raise anything
                sizes.append(decoding.measure(Path(folder, name)))
    width, height = np.median(sizes or [(0, 0)], axis=0).astype(int).tolist()
    return height, width


def read(folder, shaping, cache_dir=None):
    """The Folder at a path, from the cache if nothing in it has changed. Raises UserError if no picture is usable.

    shaping: without a size, images get SIZE; without channels, 3 if any pixel of any image is colored, else 1.
    cache_dir: the folder to keep the pixels in, instead of the user's cache. If it cannot be written, a warning follows
    and the pixels stay in memory.
    """
    import pooch

    shaping = shaping._replace(size=shaping.size or SIZE)
    shape = (*shaping.size, shaping.channels or 3)
    names = candidates(folder)
    cache = Path(cache_dir or pooch.os_cache("tfgan_v1"))
    key = _key(folder, names, shaping)
    if kept := _load_cached(cache, key):
        return kept
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache) as raw:  # the system removes it, whatever happens
            _keep(cache, key, raw, shape, *_decode_all(folder, names, shaping, raw))
        if kept := _load_cached(cache, key):
            return kept
        raise OSError("it returns other data than were written")
    except OSError as error:  # in the cache; errors in a picture only leave it out
        warn(f"the cache {cache} cannot be used ({error.strerror or error}); the next start decodes the images again")
    raw = io.BytesIO()
    files, channels, brightest = _decode_all(folder, names, shaping, raw)
    images = np.frombuffer(raw.getbuffer(), np.uint8).reshape(-1, *shape)[..., :channels]
    return Folder(np.ascontiguousarray(images), files, None, brightest)


def candidates(folder):
    """The paths of a folder's pictures, by suffix, relative to it and sorted, without those of runs and hidden ones."""

    def unreadable(error):
        raise UserError(f"the folder {error.filename} cannot be read: {error.strerror}")

    found, others = [], []
    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if RUN & {*files} and Path(place) != Path(folder):
            folders.clear()
            continue
        for path in (Path(place, name) for name in files if not name.startswith(".")):
            (found if path.suffix.lower() in SUFFIXES else others).append(path)
    if not found:
        kinds = sorted({path.suffix.lower() or "without a suffix" for path in others})
        there = f"{count_of(len(others), 'file')}, {', '.join(kinds[:8])}" if others else "no files"
        raise UserError(
            f"{folder} holds no images: looked for {', '.join(SUFFIXES)} at any depth and found {there}; "
            "for a table or an array, give the path of the file, and for the files of a published data set "
            f"its name, such as --dataset cifar10 --data-dir {folder}"
        )
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _decode_all(folder, names, shaping, raw):
    """Decodes all usable pictures, and writes their pixels one after the other: [h, w, shaping.channels or 3] of each.

    Returns (files as in Folder, the channels that the images need, the largest value).
    """
    from tqdm import tqdm

    def attempt(name):
        try:
            return decoding.decode(Path(folder, name), shaping)
        except Exception as error:  # a broken file can raise anything, and the others remain usable
            return decoding.summarize(error)

    reasons, colored, brightest = {}, False, 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pool = ThreadPoolExecutor(cores)  # Pillow decodes without Python's lock
    blocks = (names[start : start + cores * _AHEAD] for start in range(0, len(names), cores * _AHEAD))
    outcomes = itertools.chain.from_iterable(pool.map(attempt, block) for block in blocks)
    look = {"unit": " images", "leave": False, "delay": 0.5}
    with silenced_stderr() as terminal:  # of what Pillow and its C libraries print
        try:
            for name in tqdm(names, file=terminal, disable=not terminal, **look):
                outcome = next(outcomes)
                reasons[name] = outcome if isinstance(outcome, str) else ""
                if not reasons[name]:
                    colored = colored or bool((outcome != outcome[..., :1]).any())
                    brightest = max(brightest, int(outcome.max()))
                    raw.write(outcome.tobytes())
        finally:
            pool.shutdown(cancel_futures=True)
    if all(reasons.values()):
        first = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:3])
        count = count_of(len(names), "image")
        raise UserError(f"{folder} holds {count}, and none can be used ({first}); give another folder")
    return tuple(reasons.items()), shaping.channels or (3 if colored else 1), brightest


def _key(folder, names, shaping):
    """The cache key of these files in this shape, the same wherever the folder is."""
    files = []
    for name in names:
        try:
            about = os.stat(Path(folder, name))
            times = about.st_mtime_ns, about.st_ctime_ns  # ctime differs even where an archive sets equal mtimes
            files.append((name, about.st_size, *times, about.st_mode, about.st_ino))
        except OSError:  # a dangling link
            files.append((name,))
    shape = {**shaping._asdict(), "background": shaping.color}
    return hashlib.sha256(json.dumps([FORMAT, PIL.__version__, shape, files]).encode()).hexdigest()


def _load_cached(cache, key):
    """The Folder in the cache, or None. Does not read the pixels."""
    with suppress(Exception):  # missing or damaged in any way: it is built again
        about = json.loads((cache / f"{key}.json").read_bytes())
        images = np.load(cache / f"{key}.npy", mmap_mode="r", allow_pickle=False)
        files = tuple((name, reason) for name, reason in about["files"])
        used = sum(not reason for _, reason in files)
        if images.dtype == np.uint8 and [used, *images.shape[1:]] == about["shape"] == list(images.shape):
            return Folder(images, files, about["sha256"], int(about["brightest"]))


def _keep(cache, key, raw, shape, files, channels, brightest):
    """Writes images, a file of bytes [n, *shape], to the cache, and the .json last: without it the entry is ignored."""
    digest = hashlib.sha256()
    kept = [raw.tell() // math.prod(shape), *shape[:2], channels]
    raw.seek(0)
    with replacing(cache / f"{key}.npy") as partial, open(partial, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(kept)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in iter(lambda: raw.read(_BLOCK * math.prod(shape)), b""):
            pixels = np.frombuffer(block, np.uint8).reshape(-1, *shape)[..., :channels].tobytes()
            digest.update(pixels)
            file.write(pixels)
    about = {"shape": kept, "sha256": digest.hexdigest(), "files": files, "brightest": brightest}
    write(cache / f"{key}.json", json.dumps(about))
