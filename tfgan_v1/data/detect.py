"""Detects a file's type by its content, not by its name, and reads it."""

import gzip
import os
import re

from tfgan_v1.data import arrays, decoding
from tfgan_v1.data.tables import read_csv
from tfgan_v1.data.unpacking import opened
from tfgan_v1.errors import UserError

_HEAD = 4096  # bytes that decide the type

# How files begin that a failed download leaves in place of data, and what to say.
MISTAKEN = {
    rb"(?i)\s*<(!doctype\s+html|html|\?xml|!--|head|error)": "looks like a web page or a server's error message; "
    "download the raw file itself",
    rb"version https://git-lfs\.github\.com/": "looks like a Git LFS pointer, not the file itself; run git lfs pull",
}
NPY, NPZ, IDX, TEXT = rb"\x93NUMPY", rb"PK[\x03\x05]", rb"\0\0[\x08-\x0e][\x01-\x08]", rb"[^\0-\x08\x0e-\x1f]+\Z"
# What reads files that begin so: (path, size) -> Labelled.
READERS = {NPY: arrays.read_npy, NPZ: arrays.read_npz, IDX: arrays.read_idx, TEXT: read_csv}
_FORMATS = "a folder of images, an IDX or CSV file, gzipped or not, or a .npy or .npz file"
_FORMATS += "; for CIFAR-10, use --dataset cifar10 --data-dir FOLDER"


def read(path, size=None):
    """The Labelled images, uint8 [n, h, w, c], or points, float32 [n, 1], of a file.

    size: (height, width) of flat images that are not square. Raises UserError for a file that cannot be read.
    """
    if not os.path.isfile(path):  # a device, or a pipe, which would block
        raise UserError(f"{path} is neither a file nor a folder")
    if decoding.is_picture(path):
        raise UserError(f"{path} is one image; give the folder that holds all of them")
    return find_reader(path, READERS, _FORMATS)(path, size)


def find_reader(path, readers, formats):
    """What reads a file, out of a dict as READERS. Raises UserError for all others; formats: what to give instead."""
    with opened(path) as file:
        head, packed = file.read(_HEAD), isinstance(file, gzip.GzipFile)
    if not head:
        raise UserError(f"{path} is empty")
    if mistake := next((what for beginning, what in MISTAKEN.items() if re.match(beginning, head)), None):
        raise UserError(f"{path} {mistake}")
    if packed and re.match(NPY + b"|" + NPZ, head):
        raise UserError(f"{path} is a gzipped NumPy file; unpack it first by gunzip")
    if reader := next((reader for beginning, reader in readers.items() if re.match(beginning, head)), None):
        return reader
    raise UserError(f"{path} has an unknown format; give {formats}")
