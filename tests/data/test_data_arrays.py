"""Arrays of every type, shape and range are read as images or points; a forged file allocates no memory."""

import gzip
import io
import re
import struct
import zipfile

import numpy as np
import pytest

from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, arrays

IMAGES = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
IDX = b"\0\0\x08\x03" + struct.pack(">3I", 3, 5, 4) + IMAGES.tobytes()
BYTES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
BYTES[0, 0, :2] = 0, 255  # the whole range


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_is_read_gzipped_or_not_under_any_name(tmp_path, name, pack):
    images = arrays.read_idx(write(tmp_path / name, pack(IDX))).images
    assert images.dtype == np.uint8 and np.array_equal(images, IMAGES[..., None])


BROKEN_IDX = {
    "empty": (b"", "not an IDX file"),
    "another format": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an IDX file"),
    "labels": (
        b"\0\0\x08\x01" + struct.pack(">I", 30) + bytes(30),
        "labels; give the one of the images, train-images-idx3",
    ),
    "four channels": (b"\0\0\x08\x04" + struct.pack(">4I", 3, 5, 5, 4) + bytes(300), "leave out the fourth"),
    "another type": (b"\0\0\x0a\x03" + IDX[4:], "not an IDX file"),
    "floats": (b"\0\0\x0d\x03" + IDX[4:], "less"),
    "four billion in four dimensions": (b"\0\0\x08\x04" + b"\xff" * 15 + b"\x03" + bytes(60), "less"),
    "a header cut off": (IDX[:9], "not an IDX file"),
    "cut off": (IDX[:-1], "less"),
    "too long": (IDX + b"\0", "more"),
    "no images": (b"\0\0\x08\x03" + struct.pack(">3I", 0, 5, 4), "which is nothing"),
    "claims four billion": (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(60), "less"),
    "gzip claims four billion": (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12 + bytes(60)), "less"),
    "gzip cut off": (gzip.compress(IDX)[:-9], "damaged or cut off"),
    "gzip with a wrong sum": (gzip.compress(IDX)[:-8] + bytes(8), "damaged or cut off"),
    "gzip of garbage": (gzip.compress(IDX)[:10] + b"\xff" * 40, "damaged or cut off"),
    "gzip holds less": (gzip.compress(IDX[:-1]), "less"),
}


@pytest.mark.parametrize("content, reason", BROKEN_IDX.values(), ids=BROKEN_IDX)
def test_a_broken_idx_file_is_one_sentence_with_its_path(tmp_path, content, reason):
    path = write(tmp_path / f"train-{'labels-idx1' if 'labels' in reason else 'images-idx3'}-ubyte", content)
    with pytest.raises(UserError, match=reason) as error:
        arrays.read_idx(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_idx_of_colour_is_read(tmp_path):
    content = b"\0\0\x08\x04" + struct.pack(">4I", 2, 2, 5, 3) + IMAGES.tobytes()
    assert np.array_equal(data.load(write(tmp_path / "colour", content)).images, IMAGES.reshape(2, 2, 5, 3))


def test_keras_archive_is_read(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=IMAGES, y_train=np.zeros(3))
    assert np.array_equal(arrays.read_npz(tmp_path / "mnist.npz").images, IMAGES[..., None])
    np.savez_compressed(tmp_path / "packed.npz", x_train=IMAGES)
    assert np.array_equal(arrays.read_npz(tmp_path / "packed.npz").images, IMAGES[..., None])


BROKEN_NPZ = {
    "no array": lambda path: np.savez(path),
    "two unknown arrays": lambda path: np.savez(path, these=IMAGES, those=IMAGES),
    "text": lambda path: np.savez(path, x_train=np.array(["one", "two"])),
    "objects": lambda path: np.savez(path, x_train=np.array([print], object)),
    "flat": lambda path: np.savez(path, x_train=IMAGES.ravel()),
    "garbage": lambda path: path.write_bytes(b"PK garbage"),
    "empty": lambda path: path.write_bytes(b""),
    "a forged header": lambda path: path.write_bytes(_archive(IMAGES).replace(b"(3, 5, 4)", b"(9, 5, 4)")),
}


def _archive(images):
    file = io.BytesIO()
    np.savez(file, x_train=images)
    return file.getvalue()


for _shape in ("(True, 5, 4)", "(-3, -5, 4)", "(3.0, 5, 4)", "(" * 9000, "None"):
    BROKEN_NPZ[f"a header with {_shape[:20]}"] = lambda path, shape=_shape: _with_header(path, shape)


def _with_header(path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(60))


@pytest.mark.parametrize("make", BROKEN_NPZ.values(), ids=BROKEN_NPZ)
def test_a_broken_archive_is_one_sentence_with_its_path(tmp_path, make):
    path = tmp_path / "mnist.npz"
    make(path)
    with pytest.raises(UserError) as error:
        arrays.read_npz(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


SHAPES = {
    "images": (BYTES, (4, 4, 1)),
    "with a channel": (BYTES[..., None], (4, 4, 1)),
    "colour": (BYTES.reshape(2, 4, 4, 3), (4, 4, 3)),
    "flat": (BYTES.reshape(6, 16), (4, 4, 1)),
    "Fortran order": (np.asfortranarray(BYTES), (4, 4, 1)),
}


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
@pytest.mark.parametrize("array, shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_images_is_read_from_every_numpy_file(tmp_path, save, array, shape):
    path = tmp_path / "without a suffix"
    with path.open("wb") as file:
        save(file, array)
    images = data.load(path).images
    assert images.dtype == np.uint8 and np.array_equal(images, BYTES.reshape(-1, *shape))


def test_arrays_of_bytes_are_memory_mapped(tmp_path):
    np.save(tmp_path / "images.npy", BYTES)
    images = data.load(tmp_path / "images.npy").images
    with pytest.raises(ValueError):
        images[0] = 0
    while isinstance(images, np.ndarray) and not isinstance(images, np.memmap):
        images = images.base
    assert isinstance(images, np.memmap)


TYPES = {
    "bool": (BYTES > 99, np.where(BYTES > 99, 255, 0)),
    "int64": (BYTES.astype(np.int64), BYTES),
    "big-endian int32": (BYTES.astype(">i4"), BYTES),
    "uint16": (BYTES.astype(np.uint16) * 257 + (BYTES < 255), BYTES),
    "twelve bits in uint16": ((BYTES * (4095 / 255)).round().astype(np.uint16), BYTES),
    "eight bits in uint16": (BYTES.astype(np.uint16), BYTES),
    "float64 to 1": (BYTES / 255, BYTES),
    "float16 to 1": ((BYTES / 255).astype(np.float16), None),
    "float32 from -1": ((BYTES / 127.5 - 1).astype(np.float32), BYTES),
    "0 and 1 in bytes": ((BYTES > 99).astype(np.uint8), np.where(BYTES > 99, 255, 0)),
    "0 and 1 in int64": ((BYTES > 99).astype(np.int64), np.where(BYTES > 99, 255, 0)),
    "0 and 1 in uint16": ((BYTES > 99).astype(np.uint16), np.where(BYTES > 99, 255, 0)),
    "-1 and 1 in int8": (np.where(BYTES > 99, 1, -1).astype(np.int8), np.where(BYTES > 99, 255, 0)),
    "float32 to 255": (BYTES + np.float32(0.4) * (BYTES < 255), BYTES),
}


@pytest.mark.parametrize("array, expected", TYPES.values(), ids=TYPES)
def test_every_type_is_scaled_from_black_to_white(array, expected):
    images = arrays.to_images_or_points(array, "here")
    expected = BYTES if expected is None else expected
    assert images.dtype == np.uint8
    assert np.abs(images[..., 0].astype(int) - expected).max() <= (array.dtype == np.float16)


WRONG = {
    "above": (BYTES.astype(np.int16) + 1, "from 1 to 256"),
    "below": (BYTES.astype(np.int16) - 1, "from -1 to 254"),
    "floats of any size": (BYTES - 100.0, "float64 from -100.0 to 155.0"),
    "nan": (np.where(BYTES == 0, np.nan, 0.5), "nan"),
    "infinite": (np.where(BYTES == 0, np.inf, 0.5), "inf"),
    "complex": (BYTES * 1j, "complex"),
    "text": (BYTES.astype(str), "<U"),
    "times": (BYTES.astype("M8[s]"), "datetime"),
    "records": (np.zeros((3, 4, 4), [("a", int)]), "pixels are"),
    "no square": (BYTES.reshape(8, 12)[:, :7], "height"),
    "four channels": (
        np.repeat(BYTES[..., None], 4, 3),
        r"uint8 \[6, 4, 4, 4\] \(leave out the fourth channel: x\[..., :3\]\)",
    ),
    "one image in color": (np.zeros((16, 9, 3), np.uint8), "one image in color.* images are"),
    "five dimensions": (BYTES.reshape(2, 3, 4, 2, 2), "height"),
    "whole numbers in a row": (np.arange(9), "points are floats"),
    "an infinite point": (np.array([1, np.inf]), "finite"),
    "a point beyond float32": (np.array([1, 1e300]), "finite"),
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("array, reason", WRONG.values(), ids=WRONG)
def test_numbers_that_cannot_be_pixels_are_one_sentence(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=reason) as error:
        data.load(tmp_path / "a.npy")
    assert "a.npy" in str(error.value) and "\n" not in str(error.value)


def test_a_large_array_is_converted_as_a_small_one(monkeypatch):
    whole = arrays.to_images_or_points(BYTES / 255, "here")
    monkeypatch.setattr(arrays, "_BLOCK", 40)
    assert np.array_equal(arrays.to_images_or_points(BYTES / 255, "here"), whole)


def test_an_archives_images_are_found_by_their_names(tmp_path):
    def images(**named):
        np.savez(tmp_path / "a.npz", **named)
        return data.load(tmp_path / "a.npz").images[..., 0]

    other = BYTES[::-1]
    assert np.array_equal(images(anything=BYTES), BYTES)
    assert np.array_equal(images(images=BYTES, labels=np.arange(6)), BYTES)
    assert np.array_equal(images(x_test=other, y_train=other, x_train=BYTES, images=other), BYTES)
    assert np.array_equal(images(x=BYTES, objects=np.array([print])), BYTES)  # ignored
    with pytest.raises(UserError, match="these, those"):
        images(these=BYTES, those=BYTES)


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_floats_in_one_dimension_are_points(tmp_path, shape):
    points = np.random.default_rng(0).normal(4, 0.5, shape)
    np.save(tmp_path / "points.npy", points)
    dataset = data.load(tmp_path / "points.npy")
    assert dataset.images.dtype == np.float32 and np.array_equal(dataset.images, points.reshape(50, 1).astype("f4"))
    assert dataset.facts()["image_shape"] == [1]
    for shaping in (Shaping(size=(28, 28)), Shaping(channels=1)):
        with pytest.raises(UserError, match="points"):
            data.load(tmp_path / "points.npy", shaping=shaping)


def test_twelve_bits_are_read_as_such_and_a_line_says_so(capsys):
    arrays.to_images_or_points(BYTES.astype(np.uint16) * 16, "here")
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "here holds 16-bit values up to 4,080" in message
    for other in (BYTES, BYTES.astype(np.uint16), BYTES.astype(np.uint16) * 257):
        arrays.to_images_or_points(other, "here")
    assert capsys.readouterr().err == ""


CONTRAST = {  # what every kind of input answers: None, or the darkest and the brightest that a warning names
    "whole": (BYTES, None),
    "0 and 1": ((BYTES > 99).astype(int), None),
    "bright half": (BYTES // 2 + 128, (128, 255)),
    "0 to 16": (BYTES // 16, (0, 15)),
    "percents": (BYTES / 256 * 100, (0, 100)),
    "ten bits": (BYTES.astype(np.uint16) * 4, (0, 64)),
    "fractions from -0.5": (BYTES / 255 - 0.5, (64, 191)),
    "black": (np.zeros((6, 4, 4), np.uint8), None),
}


@pytest.mark.parametrize("array, grays", CONTRAST.values(), ids=CONTRAST)
def test_images_of_another_range_are_a_warning(capsys, tmp_path, array, grays):
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "labels").write_text("a\n" * 5 + "b\n")
    for load in (lambda: data.from_array(array), lambda: data.load(tmp_path / "a.npy", labels=tmp_path / "labels")):
        load()
        warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
        assert len(warnings) == (grays is not None)
        assert not grays or "darker than {} or brighter than {} of 255".format(*grays) in warnings[0]


SMOOTH = np.add.outer(np.arange(20), np.arange(0, 36, 4)[:, None] + np.arange(0, 24, 2)).astype(np.uint8)  # [20, 9, 12]
COLORS = np.stack([SMOOTH, 255 - SMOOTH, SMOOTH // 2], 3)  # [20, 9, 12, 3]
PLANES = np.moveaxis(COLORS, 3, 1)
DIGITS = np.random.default_rng(0).permutation(100)[:, None, None] + np.add.outer(np.arange(8), np.arange(8))[None]
DIGITS = DIGITS.astype(np.uint8)  # [100, 8, 8], in no order


@pytest.mark.parametrize(
    "array, expected, said",
    [
        (COLORS, COLORS, ""),
        (PLANES, COLORS, r"reads the axes as \[n, channels"),
        (PLANES[:, :1], COLORS[..., :1], r"reads the axes as \[n, channels"),
        (np.moveaxis(COLORS, 0, 3), COLORS, r"reads the axes as \[height"),
        (COLORS.reshape(20, -1), COLORS, ""),
        (PLANES.reshape(20, -1), COLORS, "reads each row as three planes"),
        (np.full((20, 9, 12, 3), [255, 0, 0], np.uint8).reshape(20, -1), None, ""),
        (np.moveaxis(np.full((20, 9, 12, 3), [255, 0, 0], np.uint8), 3, 1).reshape(20, -1), None, "three planes"),
        (np.random.default_rng(0).integers(0, 256, (20, 9, 12, 3)).reshape(20, -1), False, "warning: .* in turn; if"),
        (np.moveaxis(SMOOTH[:, :, :9], 0, 2), False, "warning: .* read as 9 images of 9x20; if it is 20 images of 9x9"),
        (np.repeat(SMOOTH[:3, :, :], 1, 0), False, "warning: .* read as 3 images of 9x12; if it is one image in color"),
        (np.tile(SMOOTH[0], (4, 3))[:36, :36], False, "warning: .* read as 36 images of 6x6; if it is one image,"),
        (
            np.pad(DIGITS, ((0, 0), (0, 0), (0, 1)), "edge").transpose(1, 2, 0),
            False,
            "8 images of 9x100; if it is 100 images",
        ),
        (DIGITS.reshape(100, 64), DIGITS[..., None], ""),
        (
            DIGITS.reshape(100, 64).T,
            False,
            r"warning: .* read as 64 images of 10x10; if it is 100 images of 8x8, save x.T",
        ),
        (np.tile(SMOOTH[0], (4, 6))[:30, :64], False, "warning: .* read as 30 images of 8x8; if it is one image,"),
        (SMOOTH[:10], SMOOTH[:10, :, :, None], ""),
        (SMOOTH[:, :, :1].repeat(9, 2), None, ""),
    ],
)
def test_the_order_of_axes_and_of_colors_is_found_or_said(capsys, array, expected, said):
    images = arrays.to_images_or_points(array, "here", (9, 12) if array.shape[1:] == (324,) else None)
    if expected is None:  # all pixels are red
        expected = np.broadcast_to(np.uint8([255, 0, 0]), images.shape) if images.shape[3] == 3 else images
    assert expected is False or np.array_equal(images, expected)
    message = capsys.readouterr().err
    assert message.count("\n") == bool(said) and re.search(said, message), message


def test_an_array_that_cannot_be_mapped_is_read(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", BYTES)
    load = np.load

    def fail(*args, mmap_mode=None, **options):
        if mmap_mode:
            raise OSError(19, "No such device")
        return load(*args, **options)

    monkeypatch.setattr(np, "load", fail)
    assert np.array_equal(data.load(tmp_path / "a.npy").images[..., 0], BYTES)
