"""What a file holds is told by its content and not by its name."""

import gzip
import os
import re

from tfgan_v1.data import arrays, decoding
from tfgan_v1.data.tables import read_csv
from tfgan_v1.data.unpacking import opened
from tfgan_v1.errors import UserError

_HEAD = 4096  # bytes by which a file is told

# How files begin that a download or a copy leaves in place of data, what they look like, and what to do.
MISTAKEN = (
    (
        re.compile(rb"\s*<(!doctype\s+html|html|\?xml|!--|head|error)", re.IGNORECASE),
        "looks like a web page or a server's answer; download the file itself, its raw version",
    ),
    (
        re.compile(rb"version https://git-lfs\.github\.com/"),
        "looks like a Git LFS pointer, which stands for the file; fetch the file itself by git lfs pull",
    ),
)

# How files begin, what reads them as (path, size), and whether it can look into gzip.
READERS = (
    (re.compile(rb"\x93NUMPY"), arrays.read_npy, False),
    (re.compile(rb"PK[\x03\x05]"), arrays.read_npz, False),
    (re.compile(rb"\0\0[\x08-\x0e][\x01-\x08]"), arrays.read_idx, True),
    (re.compile(rb"[^\0-\x08\x0e-\x1f]+\Z"), read_csv, True),  # a text
)


def read(path, size=None):
    """The images, uint8 [n, h, w, c], or points, float32 [n, 1], in a file: labels.Labelled.

    size: (height, width) of images that lie flat, if they are not square. Raises UserError for what cannot be read.
    """
    if not os.path.isfile(path):  # a pipe, which would be waited for without end, or a device
        raise UserError(f"{path} is neither a file nor a folder")
    with opened(path) as file:
        head, packed = file.read(_HEAD), isinstance(file, gzip.GzipFile)
    if not head:
        raise UserError(f"{path} is empty")
    if decoding.is_picture(path):
        raise UserError(f"{path} is one image; name the folder in which all of them are")
    for beginning, what in MISTAKEN:
        if beginning.match(head):
            raise UserError(f"{path} {what}")
    for beginning, reader, unpacks in READERS:
        if beginning.match(head):
            if packed and not unpacks:
                raise UserError(f"{path} is gzipped, which arrays of NumPy are not; unpack it first")
            return reader(path, size)
    raise UserError(
        f"{path} holds nothing that is read here; name a folder of images, an IDX or CSV file, gzipped or not, "
        "or a .npy or .npz file"
    )
