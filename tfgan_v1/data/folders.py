"""Decodes a folder of pictures into one array, on all cores, and keeps the array in a cache."""

import hashlib
import io
import json
import math
import os
import re
import unicodedata
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import chain
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL

from tfgan_v1.data import decoding
from tfgan_v1.errors import UserError, count_of, shortened, warn
from tfgan_v1.files import fits, make_folder, temporary_file, write, writing
from tfgan_v1.streams import silenced_stderr

SIZE = (28, 28)  # of images without --image-size
FORMAT = 3  # of the cache; entries of other formats are ignored
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".gif", ".webp", ".bmp", ".tif", ".tiff",
    ".pgm", ".ppm", ".pbm", ".pnm",
)  # fmt: skip
UNREAD = {  # what to do about pictures, videos and archives with other suffixes
    "save it as JPEG": ".heic .heif .hif .avif .jp2 .j2k .jpf .jpx .jxl .dng .raw .cr2 .cr3 .nef .arw .raf .orf .rw2 "
    ".srw .pef .nrw .x3f .crw .heics .wdp .sgi .djvu .pdf .ai",
    "save it as PNG": ".svg .psd .psb .xcf .ico .cur .icns .tga .exr .hdr .dds .pcx .dib .eps .xpm .qoi .dcm .fits "
    ".pam .wmf .emf .nii .mha",
    "save its frames as PNG": ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .3gp .flv .mts .m2ts .vob .ogv .mp",
    "unpack it": ".zip .tar .tgz .tbz2 .gz .xz .bz2 .7z .rar .alz .egg .iso",
    "download it": ".icloud .nextcloud",
}
UNREAD = {suffix: advice for advice, suffixes in UNREAD.items() for suffix in suffixes.split()}
_PICTURE = re.compile(rb"\x89PNG\r|\xff\xd8\xff|GIF8|RIFF....WEBP|II\*\0|MM\0\*|....ftyp(hei|avif)", re.DOTALL)
PAGES = "only the first is read; save each as a file of its own"
_LOOKED_INTO = 20  # files of each other suffix that are no pictures, until no more of it are opened
# Folders of network drives, desktops and archive programs, with thumbnails, deleted files and old versions.
SYSTEM = {
    "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "~snapshot", "__macosx", "lost+found",
    "$recycle.bin", "recycler", "system volume information", "found.000",
}  # fmt: skip
# Words for the parts of a data set, and what else is in the names of parts alone, such as training_set or val_64x64.
PARTS = {
    "train": "train training trn trainingsdaten 학습 훈련 训练集 训练 訓練",
    "test": "test testing tst testdaten 테스트 평가 测试集 测试 テスト",
    "val": "val valid validation dev eval evaluation holdout unlabeled 검증 验证集 验证 検証",
}
PARTS = {word: kind for kind, words in PARTS.items() for word in words.split()}
_OF_PARTS = {"set", "data", "dataset", "image", "images", "img", "imgs", "jpg", "png", "x"}
RUN, REAL_IMAGES = "review.json", "real_images.png"  # by which the samples of a run are known: no training images
_AHEAD = 16  # pictures for each core that are decoded before the first of them is written
_BLOCK = 1024  # images copied at once
_MEASURED = 200  # pictures whose sizes stand for those of all


class Folder(NamedTuple):
    """The pictures of a folder."""

    images: np.ndarray  # uint8 [n, h, w, c], memory-mapped from the cache
    files: tuple  # (path relative to the folder, "" or why it was left out), sorted
    sha256: str | None  # of the images' bytes, if known
    unread: tuple = ()  # as `files`: what else is there, such as further pages; and animations, without a reason


def measure(folder):
    """The median (height, width) of up to 200 pictures of a folder, by their headers; (0, 0) if none can be read.

    Raises UserError as `candidates`.
    """
    (names, _), sizes = candidates(folder), []
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
    names, unread = candidates(folder)
    cache = Path(cache_dir or pooch.os_cache("tfgan_v1"))
    key = _key(folder, names, shaping)
    if kept := _load_cached(cache, key, names, unread):
        return kept
    try:
        make_folder(cache, private=True)
        with temporary_file(cache) as raw:
            _keep(cache, key, raw, shape, *_decode_all(folder, names, shaping, raw))
        if kept := _load_cached(cache, key, names, unread):
            return kept
        raise OSError("it returns other data than were written")
    except OSError as error:  # in the cache; errors in a picture only leave it out
        warn(f"the cache {cache} cannot be used ({error.strerror or error}); the next start decodes the images again")
    raw = io.BytesIO()
    files, further, channels = _decode_all(folder, names, shaping, raw)
    images = np.frombuffer(raw.getbuffer(), np.uint8).reshape(-1, *shape)[..., :channels]
    return Folder(np.ascontiguousarray(images), files, None, unread + further)


def candidates(folder):
    """(the paths of a folder's pictures, by suffix, without those of runs, hidden ones and those in SYSTEM; `_unread`).

    Both are sorted, and relative to the folder. Raises UserError if there are no pictures, or if these are the parts of
    a data set, such as train and test.
    """
    found, others = [], {}
    for entry in _walk(folder):
        name, linked = Path(entry.path).relative_to(folder).as_posix(), entry.is_symlink()
        if os.path.splitext(name)[1].lower() in SUFFIXES and not (linked and os.path.isdir(entry.path)):
            found.append(name)
        else:
            others[name] = linked
    unread = _unread(folder, others)
    if not found:
        kinds = sorted({os.path.splitext(name)[1].lower() or "without a suffix" for name in others})
        there = f"{count_of(len(others), 'file')}, {', '.join(kinds[:8])}" if others else "no files"
        raise UserError(
            f"{folder} holds no images: looked for {', '.join(SUFFIXES)} at any depth and found "
            f"{summary(unread) or there}; for a table or an array, give the path of the file, and for the files of a "
            f"published data set its name, such as --dataset cifar10 --data-dir {folder}"
        )
    _refuse_parts(folder, found)
    return sorted(found), unread


def _walk(folder):
    """Yields an os.DirEntry for each file at any depth, and for each link to a folder, which is not followed."""
    places = [os.fspath(folder)]
    while places:
        place = places.pop()
        try:
            entries = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
        except OSError as error:
            raise UserError(f"the folder {shortened(place)} cannot be read: {error.strerror}") from None
        if place != os.fspath(folder) and any(entry.name == RUN for entry in entries):
            continue
        below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        below = [entry for entry in below if not getattr(entry, "is_junction", bool)()]  # Windows' links to folders
        places += [entry.path for entry in below if entry.name.casefold() not in SYSTEM]
        yield from (entry for entry in entries if not (entry.is_dir(follow_symlinks=False) or _is_of_run(entry)))


def _is_of_run(entry):
    if entry.name == REAL_IMAGES and entry.is_file():
        with suppress(OSError), open(entry.path, "rb") as file:
            return b"tfgan_v1" in file.read(1000)
    return False


def _refuse_parts(folder, names):
    """Raises UserError for training and test pictures: their folders are no classes, and not to be trained on alike."""
    inside = defaultdict(set)  # the names of the folders in each folder
    for path in {name.rpartition("/")[0] for name in names}:
        for place in (Path(path), *Path(path).parents)[:-1]:
            inside[place.parent].add(place.name)
    for place, there in sorted(inside.items()):
        parts, path = {name: part for name in sorted(there) if (part := _part(name))}, Path(folder, place)
        alike = {
            name: kind
            for name, (kind, rest) in parts.items()
            if any(kind != other and (rest == also or not rest or not also) for other, also in parts.values())
        }
        if "train" in alike.values() or (alike and len(parts) == len(there)):
            one = path / min(alike, key=lambda name: (alike[name] != "train", name))
            raise UserError(f"{path} holds the parts {', '.join(parts)}; give one of them, such as --dataset {one}")


def _part(name):
    """(kind of the part that a folder's name says, its other words), such as ("train", ["a"]); None if it says none."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+", unicodedata.normalize("NFC", name))
    words = [word.casefold() for word in words]
    word = next((word for word in words if word in PARTS), None)
    return word and (PARTS[word], [other for other in words if other != word and other not in _OF_PARTS])


def _unread(folder, others):
    """(path, why not read) of other files that may be pictures, and of links elsewhere. others: {path: is a link}."""
    looked_into, unread, root = Counter(), [], Path(os.path.realpath(folder))
    for name, linked in sorted(others.items()):
        path = os.path.join(folder, name)
        suffix = ".tar" if ".tar." in name.lower() else os.path.splitext(name)[1].lower()
        reason = f"{suffix[1:].upper()} is not read; {UNREAD[suffix]}" if suffix in UNREAD else ""
        if linked and os.path.isdir(path):
            there = Path(os.path.realpath(path))
            read = there.is_relative_to(root) and not any(part[0] == "." for part in there.relative_to(root).parts)
            loop = root.is_relative_to(there)
            reason = "a link to a folder is not followed; copy the folder here" * (not read and not loop)
        elif linked and not os.path.exists(path):
            reason = "it is a link to nothing"
        elif not reason and looked_into[suffix] < _LOOKED_INTO and os.path.isfile(path):
            with suppress(OSError), open(path, "rb") as file:
                reason = "a picture by its content, not by its suffix; rename it" * bool(_PICTURE.match(file.read(16)))
            looked_into[suffix] += not reason
        unread += [(name, reason)] * bool(reason)
    return tuple(unread)


def summary(left_out, most=3):
    """A clause about (path, why it was left out): the first file of each reason, and how many others have it."""
    paths = {}
    for path, reason in left_out:
        paths.setdefault(reason, []).append(path)
    shown = [f"{first}{f' and {len(more):,} more' * bool(more)} ({why})" for why, (first, *more) in paths.items()]
    return ", ".join(shown[:most]) + ", ..." * (len(shown) > most)


def _decode_all(folder, names, shaping, raw):
    """Writes the pixels of usable pictures, [h, w, shaping.channels or 3] each. Returns (files, unread, channels)."""
    from tqdm import tqdm

    def attempt(name):
        try:
            return decoding.decode(Path(folder, name), shaping)
        except Exception as error:  # a broken file can raise anything, and the others remain usable
            return None, decoding.summarize(error), False

    reasons, further, colored = {}, [], False
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pool = ThreadPool(cores)  # Pillow decodes without Python's lock
    blocks = (names[start : start + cores * _AHEAD] for start in range(0, len(names), cores * _AHEAD))
    outcomes = chain.from_iterable(pool.imap(attempt, block) for block in blocks)
    look = {"unit": " images", "leave": False, "delay": 0.5}
    with silenced_stderr() as terminal:  # of what Pillow and its C libraries print
        try:
            for name in tqdm(names, file=terminal, disable=not terminal, **look):
                pixels, more, animated = next(outcomes)
                reasons[name] = more if pixels is None else ""
                if pixels is not None:
                    colored = colored or bool((pixels != pixels[..., :1]).any())
                    raw.write(pixels.tobytes())
                    further += [(name, "")] * animated
                    further += [(f"{name}, {count_of(more, 'further page')}", PAGES)] * bool(more)
        finally:
            pool.terminate()  # of daemon threads: neither Ctrl-C nor the end of the process waits for a picture
    if all(reasons.values()):
        first = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:3])
        count = count_of(len(names), "image")
        raise UserError(f"{folder} holds {count}, and none can be used ({first}); give another folder")
    return tuple(reasons.items()), tuple(further), shaping.channels or (3 if colored else 1)


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


def _load_cached(cache, key, names, unread):
    """The Folder of these pictures in the cache, or None. Does not read the pixels."""
    with suppress(Exception):  # missing or damaged in any way: it is built again
        about = json.loads((cache / f"{key}.json").read_bytes())
        images = np.load(cache / f"{key}.npy", mmap_mode="r", allow_pickle=False)
        files, further = (tuple(map(tuple, about[part])) for part in ("files", "further"))
        texts = fits([*about["files"], *about["further"]], [[str, str], ...])
        used = sum(not reason for _, reason in files)
        pixels = images.dtype == np.uint8 and [used, *images.shape[1:]] == about["shape"] == list(images.shape)
        known = [name for name, _ in files] == names and re.fullmatch("[0-9a-f]{64}", about["sha256"])
        if pixels and texts and known:
            return Folder(images, files, about["sha256"], unread + further)


def _keep(cache, key, raw, shape, files, further, channels):
    """Writes images, a file of bytes [n, *shape], to the cache, and the .json last: without it the entry is ignored."""
    digest = hashlib.sha256()
    kept = [raw.tell() // math.prod(shape), *shape[:2], channels]
    raw.seek(0)
    with writing(cache / f"{key}.npy") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(kept)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in iter(lambda: raw.read(_BLOCK * math.prod(shape)), b""):
            pixels = np.frombuffer(block, np.uint8).reshape(-1, *shape)[..., :channels].tobytes()
            digest.update(pixels)
            file.write(pixels)
    about = {"shape": kept, "sha256": digest.hexdigest(), "files": files, "further": further}
    write(cache / f"{key}.json", json.dumps(about))
