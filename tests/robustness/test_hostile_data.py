"""A forged file, or one of another kind, is one sentence, and allocates no memory."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from tfgan_v1 import UserError, data, load_samples
from tfgan_v1.commands import runs


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
    "a header of gigabytes": b"\x93NUMPY\x02\x00" + b"\xff" * 4 + bytes(60),
    "a long header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**23) + b" " * 2**23,
    "nothing in a type": _npy("(4000000000, 28, 28)", "'|V0'", b""),
    "another version": b"\x93NUMPY\x09\x00" + bytes(60),
    "cut off": b"\x93NUMPY\x01",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_one_sentence_and_allocates_no_memory(tmp_path, content):
    path = write(tmp_path / "a.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as error:
            data.load(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def _packed(name, content, times):
    """A zip archive with one member, `content` repeated many times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(times):
            member.write(content)
    return file.getvalue()


def _zipped(content, times):
    """The bytes repeated as often, gzipped."""
    file = io.BytesIO()
    with gzip.open(file, "wb") as packed:
        for _ in range(times):
            packed.write(content)
    return file.getvalue()


ROW = b",".join([b"0"] * 784) + b"\n"
BOMBS = {
    "IDX": lambda: gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 99 * 2**20, 1, 1)) + _zipped(bytes(2**20), 99),
    "a table": lambda: _zipped(ROW * 1000, 99),
    "a line": lambda: _zipped(b"7," * 2**19, 99),
    "an array in an archive": lambda: _packed("x.npy", bytes(2**20), 99),
    "a header in an archive": lambda: _packed(
        "x.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**25) + b" " * 2**25, 1
    ),
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_zip_bomb_is_one_sentence_and_allocates_little_memory(tmp_path, make):
    path = write(tmp_path / "bomb", make())
    assert path.stat().st_size < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as error:
            data.load(path)
        assert tracemalloc.get_traced_memory()[1] < 170e6  # a table's first 64 MB, and one block
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_blank_images_are_not_taken_for_a_zip_bomb(tmp_path):
    content = b"\0\0\x08\x03" + struct.pack(">3I", 60_000, 28, 28) + bytes(60_000 * 784)
    assert data.load(write(tmp_path / "blank.gz", gzip.compress(content, 1))).images.shape == (60_000, 28, 28, 1)


def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        data.load(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a file"):
        load_samples(tmp_path / "pipe")


def test_control_characters_in_names_and_contents_are_escaped(tmp_path):
    path = tmp_path / "a\nb\x1b[2J\udcff"
    np.savez(path.open("wb"), **{"these\n": np.zeros(3), "\x1b]0;those\x07": np.zeros(3)})
    with pytest.raises(UserError) as error:
        data.load(path)
    assert str(error.value).isprintable() and r"a\nb\x1b[2J\udcff" in str(error.value)


def test_a_long_message_is_shortened_in_the_middle(tmp_path):
    for many in ("x" * 10**6, "\n" * 10**6):
        text = str(UserError(f"{many}; take another"))
        assert len(text) < 2100 and text.endswith("; take another")
    assert str(UserError("both values:", "a\tb", "c")) == "both values:\na\\tb\nc"


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
    "unknown": (b"\x01\x02\x03", "unknown format; give .* IDX or CSV"),
    "pickle": (b"\x80\x04\x95\0\0\0\0", "Python pickle.* if you trust it.* for CIFAR-10, use --dataset cifar10"),
    "old pickle": (pickle.dumps(np.zeros(3), 0), "Python pickle"),
    "gzipped pickle": (gzip.compress(pickle.dumps(([1], [2]))), "Python pickle"),
    "PyTorch": (_packed("archive/data.pkl", b"", 1), r"PyTorch.*torch.load\(.*a.csv.*weights_only=True"),
    "old PyTorch": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"),
    "Excel": (_packed("[Content_Types].xml", b"", 1), "Excel.*save it as CSV"),
    "a zip of pictures": (_packed("cats/1.png", b"", 1), "zip archive without NumPy arrays; unpack it"),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(248), "packed archive; unpack it"),
    "xz": (lzma.compress(b"1,2,3,4"), "packed archive; unpack it"),
    "bzip2": (bz2.compress(b"1,2,3,4"), "packed archive; unpack it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(9), "h5py.File"),
    "MATLAB": (b"MATLAB 5.0 MAT-file" + bytes(99), "scipy.io.loadmat"),
    "MATLAB 7.3": (b"MATLAB 7.3 MAT-file" + bytes(99), "h5py.File"),
    "Parquet": (b"PAR1\x15\x04" + bytes(9), "pandas.read_parquet"),
    "SQLite": (b"SQLite format 3\0" + bytes(9), "SQLite"),
    "SafeTensors": (struct.pack("<Q", 9) + b'{"a":{}} ', "SafeTensors"),
    "TFRecord": (struct.pack("<QI", 9, 7) + b"\n" + bytes(12), "TFRecord"),
    "JSON": (b'{"images": [[1, 2, 3, 4]]}', "JSON"),
    "a list in JSON": (b"[[1, 2, 3, 4], [5, 6, 7, 8]]", "JSON"),
    "UTF-16 without a mark": (("1,2,3,4\n" * 3).encode("utf-16-le"), "UTF-16 without a mark.*UTF-8"),
    "UTF-32": (("1,2,3,4\n" * 3).encode("utf-32"), "UTF-32.*UTF-8"),
    "prose": (b"Dear reader,\nthis is no table.\n", "is a text, and its first line is 'Dear reader,'"),
    "gzipped npy": (gzip.compress(_npy("(3, 5, 4)")), "unpack it"),
    "web page": (b"\n<!DOCTYPE html>\n<html>", "web page.* download the raw file"),
    "gzipped web page": (gzip.compress(b"<html><head>"), "web page"),
    "server's answer": (b"<?xml version='1.0'?><Error><Code>AccessDenied", "server's error message"),
    "Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
    "IDX labels": (b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes(3), "IDX file of labels; give the one of the images"),
    "gzipped nothing": (gzip.compress(b""), "empty"),
    "half a gzip": (gzip.compress(bytes(999))[:15], "damaged"),
}


@pytest.mark.parametrize("content, reason", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_of_another_kind_is_one_sentence(tmp_path, content, reason):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UserError, match=reason) as error:
        data.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


SCORES = {
    "a number of 400 digits": ("scores.json", b'{"figures": {"a": {"generated": 1' + b"0" * 400 + b"}}}"),
    "a text": ("scores.json", b'{"figures": {"a": {"generated": "x"}}}'),
    "no figures": ("scores.json", b"[]"),
    "an endless line": ("evaluation.csv", b"step,epoch,a\n"),
    "a long cell": ("evaluation.csv", b"step,epoch,a\n1,1," + b"9" * 200_000 + b"\n"),
    "no rows": ("evaluation.csv", b"step,epoch,a\n"),
    "bytes": ("evaluation.csv", b"\xff\xfe\n"),
}


@pytest.mark.parametrize("name, content", SCORES.values(), ids=SCORES)
def test_hostile_scores_of_a_run_are_left_out_of_the_list(name, content, tmp_path, request):
    (tmp_path / "evaluation.csv").write_bytes(b"step,epoch,a_b,c\r\n17,1,0.5,2\r\n34,2,0.25,1\r\n")
    assert runs._scores(tmp_path) == "a b 0.25, c 1"
    write(tmp_path / name, content)
    if "endless" in request.node.name:
        os.truncate(tmp_path / name, 2**33)  # sparse: it takes no place on the disk
    tracemalloc.start()
    try:
        assert runs._scores(tmp_path) == ""
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
