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
MISTAKEN = (
    (
        re.compile(rb"\s*<(!doctype\s+html|html|\?xml|!--|head|error)", re.IGNORECASE),
        "looks like a web page or a server's error message; download the raw file itself",
    ),
    (
        re.compile(rb"version https://git-lfs\.github\.com/"),
        "looks like a Git LFS pointer, not the file itself; run git lfs pull",
    ),
)

# How files begin, what reads them, (path, size) -> Labelled, and whether that unpacks gzip.
READERS = (
    (re.compile(rb"\x93NUMPY"), arrays.read_npy, False),
    (re.compile(rb"PK[\x03\x05]"), arrays.read_npz, False),
    (re.compile(rb"\0\0[\x08-\x0e][\x01-\x08]"), arrays.read_idx, True),
    (re.compile(rb"[^\0-\x08\x0e-\x1f]+\Z"), read_csv, True),  # text
)


def read(path, size=None):
    """The Labelled images, uint8 [n, h, w, c], or points, float32 [n, 1], of a file.

    size: (height, width) of flat images that are not square. Raises UserError for a file that cannot be read.
    """
    if not os.path.isfile(path):  # a device, or a pipe, which would block
        raise UserError(f"{path} is neither a file nor a folder")
    with opened(path) as file:
        head, packed = file.read(_HEAD), isinstance(file, gzip.GzipFile)
    if not head:
        raise UserError(f"{path} is empty")
    if decoding.is_picture(path):
        raise UserError(f"{path} is one image; give the folder that holds all of them")
    for beginning, what in MISTAKEN:
        if beginning.match(head):
            raise UserError(f"{path} {what}")
    for beginning, reader, unpacks in READERS:
        if beginning.match(head):
            if packed and not unpacks:
                raise UserError(f"{path} is a gzipped NumPy file; unpack it first by gunzip")
            return reader(path, size)
    raise UserError(
        f"{path} has an unknown format; give a folder of images, an IDX or CSV file, gzipped or not, or a .npy "
        "or .npz file"
    )
