"""Arrays in files become images, uint8 [n, height, width, channels], or points, float32 [n, 1]: IDX, .npy and .npz."""

import io
import math
import struct
import warnings
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from tfgan_v1.data.labels import Labelled, attach, read_idx_labels
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.unpacking import most_bytes, most_unpacked, opened
from tfgan_v1.errors import UserError, note

NPZ_NAMES = ("x_train", "images", "x", "data", "samples", "arr_0")  # what an archive's images may be called, best first
NPZ_LABELS = ("y_train", "labels", "y", "label", "target")  # and their labels

# How numbers become 0 to 255, by NumPy's kind of type: the first range that holds them all decides. uint16 up to 255
# holds 8 bits; up to 4,095, it holds the 12 bits of cameras and scanners, which would be almost black as 16.
_TWELVE_BITS = 4095
_WHOLE = (0, 255, lambda values: values)
VALUE_RANGES = {
    "b": [(0, 1, lambda values: values * 255)],
    "i": [_WHOLE],
    "u": [_WHOLE],
    "u2": [
        _WHOLE,
        (0, _TWELVE_BITS, lambda values: values * (255 / _TWELVE_BITS)),
        (0, 65535, lambda values: values / 257),
    ],
    "f": [
        (-0.05, 1.05, lambda values: np.clip(values, 0, 1) * 255),  # resizing leaves values a little outside
        (-1.05, 1.05, lambda values: (np.clip(values, -1, 1) + 1) * 127.5),
        _WHOLE,
    ],
}
_IDX_LABELS = b"\0\0\x08\x01"
_BLOCK = 2**21  # numbers converted at once
_LONGEST_HEADER = 12_000  # bytes; NumPy reads none above 10,000


def read_idx(path, size=None):
    """The Labelled images of an IDX file, gzipped or not: uint8 [n, h, w, 1], or [n, h, w, c] of four dimensions.

    The format: two zero bytes, type 8 (unsigned byte), number of dimensions, each dimension as a big-endian 32-bit
    number, then the pixels. Raises UserError if the file is not exactly that; a header that promises more than the file
    can hold is refused before memory is taken for it. size: not needed, for the file says it.
    """
    path = Path(path)
    with opened(path) as file:
        header = file.read(4)
        dimensions = {b"\0\0\x08\x03": 3, b"\0\0\x08\x04": 4}.get(header, 0)
        sizes = file.read(4 * dimensions)
        if header == _IDX_LABELS:
            raise UserError(f"{path} is an IDX file of labels; name the one of the images{_images_of(path)}")
        if not dimensions or len(sizes) < 4 * dimensions:
            raise UserError(f"{path} is not an IDX file of images (it begins with {header.hex(' ') or 'nothing'})")
        count, height, width, *rest = struct.unpack(f">{dimensions}I", sizes)
        kind = "x".join(map(str, (height, width, *rest)))
        promised = count * height * width * math.prod(rest)
        if promised == 0:
            raise UserError(f"{path} holds no images, but {count:,} of {kind}; get it anew")
        if rest not in ([], [1], [3]):
            raise UserError(f"{path} holds {kind} numbers an image, and the last must be 1 for grey or 3 for colour")
        if promised > most_bytes(file, path):
            size = path.stat().st_size
            raise UserError(f"{path} claims {count:,} images of {kind}, which its {size:,} bytes cannot hold")
        pixels = file.read(promised + 1)
    if len(pixels) != promised:
        than = "more" if len(pixels) > promised else "less"
        raise UserError(f"{path} holds {than} than the {count:,} images of {kind} that it claims; get it anew")
    images = np.frombuffer(pixels, np.uint8).reshape(count, height, width, *(rest or [1]))
    values, labels_path = read_idx_labels(path)
    return attach(images, values, path, labels_path)


def _images_of(path):
    """The name that the images of an IDX file of labels usually have, for a message."""
    name = path.name.replace("labels", "images").replace("idx1", "idx3")
    return f", {name}" if name != path.name else ""


def read_npy(path, size=None):
    """The images or points of a .npy file, as Labelled without labels; bytes are memory-mapped and not read.

    size: see `shapes.layout`. Raises UserError for what is neither, or not the size that it claims. Nothing is
    unpickled.
    """
    path = Path(path)
    with _told(path), open(path, "rb") as file:
        _header(file, path.stat().st_size, path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    return Labelled(to_images_or_points(array, path, size))


def read_npz(path, size=None):
    """The Labelled images or points of a NumPy archive such as Keras' mnist.npz: the first array that NPZ_NAMES names.

    An only array may have any name. The labels are the first array that NPZ_LABELS names. Otherwise as `read_npy`.
    """
    with _told(path), zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        name = names[0] if len(names) == 1 else next((name for name in NPZ_NAMES if name in names), None)
        if name is None:
            if not names:
                raise UserError(f"{path} is a zip archive without arrays of NumPy; unpack it, and name what is in it")
            arrays = ", ".join(names)
            raise UserError(
                f"{path} holds the arrays {arrays}, and none called {', '.join(NPZ_NAMES)}; save the images under one"
            )
        array = _member(archive, name, path)
        values, label_name = None, next((each for each in NPZ_LABELS if each in names and each != name), None)
        if label_name:
            with suppress(UserError):  # Python objects: the images do without their labels
                values = _member(archive, label_name, path)
    images = to_images_or_points(array, f"{path}: {name}", size)
    return attach(images, values, f"{path}: {name}", f"{path}: {label_name}") if images.ndim == 4 else Labelled(images)


def _member(archive, name, path):
    """An array of a NumPy archive."""
    where, claimed, size = f"{path}: {name}", archive.getinfo(f"{name}.npy").file_size, path.stat().st_size
    if claimed > most_unpacked(size):
        raise UserError(f"{where} claims {claimed:,} bytes, which the archive's {size:,} bytes cannot hold")
    with archive.open(f"{name}.npy") as file:
        shape, fortran, dtype = _header(file, claimed, where)
        content = file.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


@contextmanager
def _told(path):
    """Makes one sentence of whatever goes wrong with a NumPy file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged header is read as Python, which can raise anything at all
        told = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path} is no NumPy file of numbers, or a damaged one ({told})") from None


def _header(file, size, where):
    """(shape, whether in Fortran's order, dtype) from the head of a .npy file that is `size` bytes long.

    Leaves the file behind its head.
    """
    head = io.BytesIO(file.read(_LONGEST_HEADER))  # NumPy takes memory for as much of it as it claims to be
    major, _ = np.lib.format.read_magic(head)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(head)
    file.seek(head.tell())
    if dtype.hasobject:
        raise UserError(f"{where} holds Python objects, which are not unpickled here; save plain numbers")
    if not shape or not all(type(side) is int and side > 0 for side in shape):
        raise UserError(f"{where} has the shape {shape}, in which there is no image and no point")
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise UserError(f"{where} claims the shape {shape}, which is not the size that it has")
    return shape, fortran, dtype


def to_images_or_points(array, where, size=None):
    """An array as images, uint8 [n, height, width, channels], or points, float32 [n, 1].

    array: images [n, h, w], [n, h, w, 1 or 3], or flat ones [n, k] that `shapes.layout` knows, in any type and range of
    VALUE_RANGES; or points, floats [n] or [n, 1]. where: what to call it. Raises UserError for anything else.
    """
    rest = array.shape[1:]
    if array.dtype.kind == "f" and rest in ((), (1,)):
        with np.errstate(over="ignore"):  # for what becomes infinite is refused
            points = np.asarray(array, np.float32).reshape(-1, 1)
        if not np.isfinite(points).all():
            raise UserError(f"{where} holds points that are no finite numbers; leave them out")
        return points
    flat = layout(rest[0], size) if len(rest) == 1 else None
    shape = flat[1] if flat else (*rest, 1) if len(rest) == 2 else rest
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise UserError(
            f"{where} is {array.dtype} {list(array.shape)}, where images are [n, height, width], "
            "[n, height, width, 1 or 3] or [n, height * width], and points are floats [n] or [n, 1]"
        )
    return _as_bytes(array, where).reshape(len(array), *shape)


def _as_bytes(array, where):
    """The numbers as 0 to 255: uint8 in C's order, the array itself if that is what it is."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    kind = array.dtype.kind
    meanings = VALUE_RANGES.get(f"{kind}{array.dtype.itemsize}", VALUE_RANGES.get(kind, []))
    low, high = (array.min(), array.max()) if meanings else (None, None)
    meaning = next((convert for least, most, convert in meanings if low >= least and high <= most), None)
    if meaning is None:
        found = f"{array.dtype} from {low} to {high}" if meanings else str(array.dtype)
        raise UserError(f"{where} holds {found}; pixels are whole numbers 0 to 255, or fractions 0 to 1 or -1 to 1")
    if array.dtype.itemsize == 2 and kind == "u" and 255 < high <= _TWELVE_BITS:
        note(f"{where} holds 16-bit values up to {high:,}, so 4,095 is read as white, as in images of 12 bits")
    result = np.empty(array.shape, np.uint8)
    rows = max(1, _BLOCK // math.prod(array.shape[1:]))
    for start in range(0, len(array), rows):
        values = array[start : start + rows].astype(np.float64)
        result[start : start + rows] = np.rint(meaning(values))
    return result
