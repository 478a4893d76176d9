"""Writes drawn images to a file: an image grid, single images, or an array."""

import os
import pickle
from pathlib import Path

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.report import plots
from tfgan_v1.storage import files, names

FORMATS = {  # suffix -> writes images [n, h, w, c] in [0, 1] to an open file
    ".png": lambda images, file: file.write(plots.samples_png(images)),
    ".npy": lambda images, file: np.save(file, images, allow_pickle=False),
    ".npz": lambda images, file: np.savez_compressed(file, images=images),
    ".pkl": lambda images, file: pickle.dump(images, file, protocol=4),
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


def write(out, images, seeds):
    """Writes images [n, h, w, c] in [0, 1] to a checked path; into a folder, `seed-<seed>.png` for each seed."""
    path = Path(out)
    if _is_folder(out):
        if np.ndim(images) != 4:
            raise UserError(
                f"--out {out} is a folder for images, but these are points; use a .png file, which shows their density"
            )
        path.mkdir(parents=True, exist_ok=True)
        for image, seed in zip(images, seeds, strict=True):
            with files.replacing(path / f"seed-{seed}.png") as partial:
                partial.write_bytes(plots.png(image))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial, open(partial, "wb") as file:
        FORMATS[path.suffix.lower()](images, file)


def _is_folder(out):
    return out.endswith(("/", os.sep)) or (out != "" and Path(out).is_dir())
