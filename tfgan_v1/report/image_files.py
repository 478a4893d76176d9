"""Writes drawn images to a file: an image grid, an animation, single images, or an array."""

import io
import math
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1 import files
from tfgan_v1.errors import UserError
from tfgan_v1.report.images import as_bytes, gif, gif_enlargement, png
from tfgan_v1.report.plots import samples_png
from tfgan_v1.storage import names, run_folder

PICTURES = (".png", ".jpg", ".jpeg")  # suffixes of an image grid
_LONGEST_JPEG = 65_500
_MOST_TEXT = 2000  # images of a grid with text


class Images(NamedTuple):
    """Images that are drawn as they are written."""

    blocks: Iterable  # float32 [m, h, w, c] in [0, 1], or points [m, 1]
    count: int
    shape: tuple  # of each
    grid: Callable = samples_png  # all of them, uint8 [n, h, w, c] or points -> the bytes of a PNG
    milliseconds: int = 500  # of each frame of a GIF

    def all(self):
        """All of them: uint8 [n, h, w, c], or points, float32 [n, d]."""
        return np.concatenate([block if len(self.shape) == 1 else as_bytes(block) for block in self.blocks])


def _write_array(images, file):
    """As np.save does, a block at a time."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (images.count, *images.shape)}
    np.lib.format.write_array_header_1_0(file, header)
    for block in images.blocks:
        file.write(np.ascontiguousarray(block, "<f4").data)


def _write_archive(images, file):
    """As np.savez_compressed does, a block at a time."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w", force_zip64=True) as member,
    ):
        _write_array(images, member)


def _write_jpeg(images, file):
    """The grid as a JPEG of quality 95."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it is our own
        picture = Image.open(io.BytesIO(images.grid(images.all())))
    if max(picture.size) > _LONGEST_JPEG:
        size = "x".join(f"{side:,}" for side in picture.size)
        raise UserError(f"a .jpg has at most {_LONGEST_JPEG:,} pixels on a side, and this grid is {size}; use a .png")
    picture.convert("L" if picture.mode == "L" else "RGB").save(file, "JPEG", quality=95, subsampling=0)


class Format(NamedTuple):
    """A file format of drawn images."""

    write: Callable  # (Images, a binary file)
    most: Callable = lambda shape: math.inf  # a shape -> how many of it; what needs the memory of all has a limit


FORMATS = {  # suffix -> Format
    ".png": Format(
        lambda images, file: file.write(images.grid(images.all())),
        lambda shape: 2**26 // math.prod(shape[:2]) if len(shape) == 3 else 100_000,  # pixels before they are enlarged
    ),
    ".gif": Format(
        lambda images, file: file.write(gif(chain.from_iterable(images.blocks), images.milliseconds)),
        lambda shape: 2**28 // (math.prod(shape[:2]) * gif_enlargement(shape) ** 2),  # pixels of all frames
    ),
    ".npy": Format(_write_array),
    ".npz": Format(_write_archive),
    ".pkl": Format(
        lambda images, file: pickle.dump(np.concatenate(list(images.blocks)), file, protocol=4),
        lambda shape: 2**30 // (4 * math.prod(shape)),  # bytes
    ),
}
FORMATS |= dict.fromkeys(PICTURES[1:], FORMATS[".png"]._replace(write=_write_jpeg))


def check(out):
    """Raises UserError if a path has no known suffix, or the name of a file that a run writes."""
    if is_folder(out):
        return
    if Path(out).suffix.lower() not in FORMATS:
        raise UserError(f"--out {out} has an unknown suffix; use {', '.join(FORMATS)}, or a folder, which ends in /")
    names.check_free(out)


def check_number(out, count, shape, with_text=False):
    """Raises UserError if a checked path cannot take `count` images or points of a shape. with_text: captions."""
    unit = "images" if len(shape) == 3 else "points"
    if is_folder(out):
        if unit == "points":
            raise UserError(f"--out {out} is a folder for images, not points; use a .png, which shows them")
        return
    suffix = Path(out).suffix.lower()
    most = min(FORMATS[suffix].most(shape), _MOST_TEXT if with_text else math.inf)
    if count > most:
        text, folder = " with text" * with_text, ", or a folder such as pictures/" * (unit == "images")
        raise UserError(
            f"a {suffix}{text} takes at most {most:,} of these {unit}, and there are {count:,}; "
            f"use .npy or .npz{folder}, which take any number"
        )


def check_folder(out, count, name_of):
    """Raises UserError if a folder has a picture of another program with a name that `write` would use."""
    run_folder.check_outputs(Path(out, f"{name_of(i)}.png") for i in range(count if is_folder(out) else 0))


def write(out, images, name_of):
    """Writes Images to a checked path; into a folder, a PNG file for each. name_of: its number -> its file's name."""
    path = Path(out)
    if not is_folder(out):
        files.make_folder(path.parent)
        with files.writing(path) as file:
            FORMATS[path.suffix.lower()].write(images, file)
        return
    files.make_folder(path)
    written = 0
    try:
        for image in chain.from_iterable(images.blocks):
            files.write(path / f"{name_of(written)}.png", png(image))
            written += 1
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{written:,} of {images.count:,} images are in {out}") from None


def is_folder(out):
    """Whether --out names a folder, which need not exist yet."""
    return out.endswith(("/", os.sep)) or (out != "" and Path(out).is_dir())
