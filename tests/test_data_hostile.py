"""A file that lies, or is of another kind, is one sentence, and costs no memory."""

import gzip
import struct

import numpy as np
import pytest

from tfgan_v1 import UserError, data


def write(path, content):
    path.write_bytes(content)
    return path


def _npy(shape, dtype="'|u1'", content=bytes(60)):
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


HOSTILE = {
    "four billion": _npy("(4000000000, 28, 28)"),
    "more than a number holds": _npy("(99999999999999999999, 28, 28)"),
    "a type of gigabytes": _npy("(3, 5, 4)", "'|V2000000000'"),
    "more": _npy("(9, 5, 4)"),
    "less": _npy("(1, 5, 4)"),
    "negative": _npy("(-3, -5, 4)"),
    "true": _npy("(True, 5, 4)"),
    "nothing": _npy("()"),
    "code": _npy("__import__('os').abort()"),
    "brackets": _npy("(" * 9000),
    "objects": _npy("(3, 5, 4)", "'|O'"),
    "another version": b"\x93NUMPY\x09\x00" + bytes(60),
    "cut off": b"\x93NUMPY\x01",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_one_sentence_and_takes_no_memory(tmp_path, content):
    import tracemalloc

    path = write(tmp_path / "a.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as told:
            data.load(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("it was unpickled",))

    for save, name in ((np.save, "a.npy"), (np.savez, "a.npz")):
        with (tmp_path / name).open("wb") as file:
            save(file, np.array([Trap()] * 3, object))
        with pytest.raises(UserError, match="Python objects"):
            data.load(tmp_path / name)


UNREADABLE = {
    "empty": (b"", "empty"),
    "pickle": (b"\x80\x04\x95\0\0\0\0", "IDX or CSV"),
    "prose": (b"Dear reader,\nthis is no table.\n", "columns"),
    "gzipped npy": (gzip.compress(_npy("(3, 5, 4)")), "unpack it"),
    "gzipped nothing": (gzip.compress(b""), "empty"),
    "half a gzip": (gzip.compress(bytes(999))[:15], "damaged"),
}


@pytest.mark.parametrize("content, reason", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_of_another_kind_is_one_sentence(tmp_path, content, reason):
    path = write(tmp_path / "a file", content)
    with pytest.raises(UserError, match=reason) as told:
        data.load(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)
