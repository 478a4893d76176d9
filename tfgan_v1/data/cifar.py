"""CIFAR-10 from its original files: binary, or pickled by Python and read without unpickling.

Alex Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

import io
import itertools
import pickletools
import tarfile
from pathlib import Path

import numpy as np

from tfgan_v1.data.labels import Labelled
from tfgan_v1.data.unpacking import opened
from tfgan_v1.errors import UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN, TEST = tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",)
_FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py", "")
_ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz")
_PAGE = "the CIFAR page of the University of Toronto (www.cs.toronto.edu/~kriz/cifar.html)"
_MOST_BYTES, _MOST_OPCODES = 2**28, 2**20  # of an unpacked archive, which holds 186 MB, and of a pickle


def load(places, names):
    """The Labelled images of TRAIN or TEST, uint8 [n, 32, 32, 3], from the first of the places that has them.

    Raises UserError if a file is damaged or another, or if none is found; but then it returns None for TEST.
    """
    sets = [[Path(folder, name + end) for name in names] for folder in _FOLDERS for end in (".bin", "")]
    sets += [[Path(archive)] for archive in _ARCHIVES]
    for place, files in itertools.product(places, sets):
        if any((place / file).is_file() for file in files):
            return _read([place / file for file in files], names)
    if names == TRAIN:
        raise UserError(
            f"CIFAR-10 was not found in {', '.join(map(str, places))}; get {' or '.join(_ARCHIVES)} from {_PAGE}, and "
            "give the folder that holds it by --data-dir or $TFGAN_DATA"
        )


def _read(paths, names):
    """The Labelled images of the batches with these names: a file for each, or an archive of all."""
    parts = []
    for path in paths:
        with opened(path) as file:
            content = file.read(_MOST_BYTES)  # what unpacks to more is cut off, and so damaged
        try:
            parts += map(_parse, _unpack(content, names) if path.name in _ARCHIVES else [content])
        except Exception:  # a broken archive or pickle can raise anything
            raise UserError(f"{path} is not of CIFAR-10, or is damaged; get it again from {_PAGE}") from None
    labels, images = map(np.concatenate, zip(*parts, strict=True))
    return Labelled(images, labels.astype(np.int32), CLASSES)


def _unpack(content, names):
    """The files with these names in an archive, each as bytes. Links and sparse files are ignored."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        files = {Path(each.name).stem: each for each in archive if each.isreg() and not each.issparse()}
        return [archive.extractfile(files[name]).read() for name in names]


def _parse(batch):
    """(labels, images) of a batch. Raises anything if it is something else."""
    if batch[:1] == b"\x80":
        labels, pixels = _walk(batch)
    else:
        rows = np.frombuffer(batch, np.uint8).reshape(-1, 1 + 3 * 32 * 32)  # a label, and a plane for each color
        labels, pixels = rows[:, 0], rows[:, 1:]
    images = np.moveaxis(pixels.reshape(-1, 3, 32, 32), 1, -1)
    if not len(images) == len(labels) > 0 or not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise ValueError
    return labels, images


def _walk(batch):
    """(labels, pixels) in a pickled batch, by its opcodes: nothing is executed."""
    key, longest, labels, flag = "", "", [], ""
    for opcode, value, _ in itertools.islice(pickletools.genops(batch), _MOST_OPCODES):
        flag = opcode.name if opcode.name in ("NEWTRUE", "NEWFALSE") else flag
        if isinstance(value, (bytes, bytearray)):
            value = value.decode("latin-1")
        if isinstance(value, str):
            key, longest = value if value in ("labels", "data") else key, max(longest, value, key=len)
            if longest == value and len(value) > 3072 and flag == "NEWTRUE":  # the numbers are in Fortran's order
                raise ValueError
        elif key == "labels" and opcode.name.startswith("BININT"):
            labels.append(value)
    return np.array(labels), np.frombuffer(longest.encode("latin-1"), np.uint8)
