"""Files of labels, and what becomes of them."""

import io
import struct

import numpy as np
import pytest

from tfgan_v1 import UserError

IDX_TYPES = {9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx(values, kind=8, dtype=np.uint8):
    values = np.asarray(values, dtype)
    return bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def npy(values):
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def text(values, end="\n"):
    return "".join(f"{value}{end}" for value in values).encode()


def save(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(dataset):
    """The class name of each image."""
    assert dataset.labels.dtype == np.int32 and len(dataset.labels) == len(dataset.images)
    return [dataset.classes[label] for label in dataset.labels]


def error_of(load, *arguments):
    with pytest.raises(UserError) as error:
        load(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)
