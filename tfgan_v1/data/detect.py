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
# How files of other programs begin, what they are, and how to save what is in them.
_TORCH = 'a PyTorch file; numpy.save("array.npy", torch.load("FILE", weights_only=True).numpy()) saves a tensor in it'
_PICKLE = 'a Python pickle, which can run code; if you trust it, save its arrays by numpy.save("array.npy", ...); for '
_PICKLE += "CIFAR-10, use --dataset cifar10 --data-dir FOLDER"
_JSON = 'a JSON file; numpy.save("array.npy", json.load(open("FILE"))["NAME"]) saves a list in it'
FOREIGN = {
    rb"\x80\x02\x8a\nl\xfc\x9cF|(?s:PK\x03\x04.{26}[^/\0]*)/data\.pkl": _TORCH,
    rb"\x80[\x02-\x05]|c(numpy|_codecs|copy_reg|__builtin__)|\((lp|dp)[01]\n": _PICKLE,
    rb"(?s:PK\x03\x04.{26})(\[Con|_rels/|xl/|docPr|mimet)|\xd0\xcf\x11\xe0": "an Excel or Office file; save it as CSV",
    rb"(?s:.{257})ustar|BZh.1AY|\xfd7zXZ|7z\xbc\xaf|Rar!\x1a|\x28\xb5\x2f\xfd": "a packed archive; unpack it",
    rb"\x89HDF|MATLAB 7\.3": 'an HDF5 file; numpy.save("array.npy", h5py.File("FILE")["NAME"][:]) saves an array in it',
    rb"MATLAB 5": 'a MATLAB file; numpy.save("array.npy", scipy.io.loadmat("FILE")["NAME"]) saves an array in it',
    rb"PAR1[^ -~\s]": 'a Parquet file; save it by pandas.read_parquet("FILE").to_csv("table.csv", index=False)',
    rb"ARROW1|FEA1": 'an Arrow file; save it by pandas.read_feather("FILE").to_csv("table.csv", index=False)',
    rb"RDX[23]|X\n\0\0\0": 'an R file; save a table in it by write.csv(readRDS("FILE"), "table.csv", row.names = F)',
    rb"(?s:.{344})n[i+]1\0": 'a NIfTI file; numpy.save("array.npy", nibabel.load("FILE").get_fdata()) saves them',
    rb"SQLite format 3\0": "an SQLite database; save its numbers as a table, or its pictures as files in a folder",
    rb"(?s:.{5})\0\0\0\{": 'a SafeTensors file; numpy.save("array.npy", safetensors.numpy.load_file("FILE")["NAME"])',
    rb"(?s:.{4}\0{4}.{4}\n)": "a TFRecord file; save its pictures as PNG files in a folder",
    rb'(\xef\xbb\xbf)?\s*(\{\s*"|\[\s*[\[{"]|\[[\s\d.-]+,)': _JSON,
    rb"([\t-~]\0){4}|(\0[\t-~]){4}|\xff\xfe\0\0": "a text in UTF-16 without a mark, or in UTF-32; save it in UTF-8",
}
NPY, NPZ, IDX = rb"\x93NUMPY", rb"PK[\x03\x05]", rb"\0\0[\x08-\x0e][\x01-\x08]"
TEXT = rb"\xff\xfe|\xfe\xff|[^\0-\x08\x0e-\x1f]+\Z"  # UTF-16 has NULs behind its mark
# What reads files that begin so: (path, size) -> Labelled.
READERS = {NPY: arrays.read_npy, NPZ: arrays.read_npz, IDX: arrays.read_idx, TEXT: read_csv}
_FORMATS = "a folder of images, an IDX or CSV file, gzipped or not, or a .npy or .npz file"
_FORMATS += "; for CIFAR-10, use --dataset cifar10 --data-dir FOLDER"


def read(path, size=None):
    """The Labelled images, uint8 [n, h, w, c], or points, float32 [n, d], of a file.

    size: (height, width) of flat images that are not square. Raises UserError for a file that cannot be read.
    """
    if not os.path.isfile(path):  # a device, or a pipe, which would block
        raise UserError(f"{path} is neither a file nor a folder")
    if decoding.is_picture(path):
        raise UserError(f"{path} is one image; give the folder that holds all of them")
    return arrays.emnist(find_reader(path, READERS, _FORMATS)(path, size), path)


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
    known = next((beginning for beginning in readers if re.match(beginning, head)), None)
    foreign = next((what for beginning, what in FOREIGN.items() if re.match(beginning, head)), None)
    if foreign and known in (NPZ, TEXT, None):  # others are sure
        raise UserError(f"{path} looks like {foreign.replace('FILE', str(path))}")
    if known:
        return readers[known]
    raise UserError(f"{path} has an unknown format; give {formats}")
