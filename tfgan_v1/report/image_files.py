"""Writes drawn images to a file: an image grid, single images, or an array."""

import os
import pickle
from pathlib import Path

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.report import plots
from tfgan_v1.storage import files, names

FORMATS = {  # suffix -> writes images [n, h, w, c] in [0, 1] to an open file; a grid has columns
    ".png": lambda images, file, columns: file.write(plots.samples_png(images, columns=columns)),
    ".npy": lambda images, file, _: np.save(file, images, allow_pickle=False),
    ".npz": lambda images, file, _: np.savez_compressed(file, images=images),
    ".pkl": lambda images, file, _: pickle.dump(images, file, protocol=4),
}


def check(out):
    """Raises UserError if a path has no known suffix, or the name of a file that a run writes."""
    path = Path(out)
    if _is_folder(out):
        return
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--out {out} has an unknown suffix; use {', '.join(FORMATS)}, or a folder, which ends in /")
    if path.name in names.SAMPLES_FILES:
        raise UserError(f"--out {out} has the name of a run's own record; use another")


def write(out, images, file_names, columns=None):
    """Writes images [n, h, w, c] in [0, 1] to a checked path; into a folder, a PNG file for each by its name.

    columns: of an image grid; None for the most square one.
    """
    path = Path(out)
    if _is_folder(out):
        if np.ndim(images) != 4:
            raise UserError(
                f"--out {out} is a folder for images, but these are points; use a .png file, which shows their density"
            )
        path.mkdir(parents=True, exist_ok=True)
        for image, name in zip(images, file_names, strict=True):
            with files.replacing(path / f"{name}.png") as partial:
                partial.write_bytes(plots.png(image))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial, open(partial, "wb") as file:
        FORMATS[path.suffix.lower()](images, file, columns)


def _is_folder(out):
    return out.endswith(("/", os.sep)) or (out != "" and Path(out).is_dir())
