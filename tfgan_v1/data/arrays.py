"""Reads IDX, .npy and .npz files as images, uint8 [n, height, width, channels], or points, float32 [n, d]."""

import io
import math
import re
import string
import struct
import warnings
import zipfile
from contextlib import contextmanager

import numpy as np

from tfgan_v1.data.labels import Labelled, attach
from tfgan_v1.data.shapes import CLEARLY, MOST_COLUMNS, POINTS, layout, roughness, unflatten
from tfgan_v1.data.unpacking import most_bytes, most_unpacked, opened
from tfgan_v1.errors import UserError, count_of, note, warn

# The names of the images and of the labels in an archive, best first; X_train and xTrain are x_train, too.
NPZ_NAMES = ("x_train", "train_images", "images", "x", "data", "samples", "arr_0", "train_x", "images_train", "imgs")
NPZ_NAMES += ("image",)
NPZ_LABELS = ("y_train", "train_labels", "labels", "y", "label", "target", "train_y", "y_train_labels", "labels_train")
NPZ_PERHAPS = ("targets", "class", "classes", "arr_1", "arr_2")  # other things unless there is one for each image

# How numbers become 0 to 255, by NumPy's kind of type: the first range that holds them all decides. 0 and 1 are black
# and white. uint16 up to 4,095 holds the 12 bits of cameras and scanners, which would be almost black as 16.
_BINARY, _WHOLE = (0, 1, lambda values: values * 255), (0, 255, lambda values: values)
_SIGNED = (-1.05, 1.05, lambda values: (np.clip(values, -1, 1) + 1) * 127.5)
VALUE_RANGES = {
    "b": [_BINARY],
    "i": [_BINARY, _WHOLE, _SIGNED],
    "u": [_BINARY, _WHOLE],
    "u2": [_BINARY, _WHOLE, (0, 4095, lambda values: values * (255 / 4095)), (0, 65535, lambda values: values / 257)],
    "f": [
        (-0.05, 1.05, lambda values: np.clip(values, 0, 1) * 255),  # resizing overshoots a little
        _SIGNED,
        _WHOLE,
    ],
}
# The classes in EMNIST's files by their split, whose labels are numbers (Cohen et al., arXiv:1702.05373).
_MERGED = f"{string.digits}{string.ascii_uppercase}abdefghnqrt"
EMNIST = {"letters": f" {string.ascii_uppercase}", "balanced": _MERGED, "bymerge": _MERGED}
EMNIST["byclass"] = f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"
# What an array [a, b, c, d] may be, if it is not [n, height, width, channels]: the axes in that order.
AXES = {
    (0, 2, 3, 1): "[n, channels, height, width], as PyTorch has them",
    (3, 0, 1, 2): "[height, width, channels, n], as MATLAB has them",
}
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # by the third byte of an IDX file
_LARGEST = 1e18  # of points: the square of a larger number is beyond float32
_BLOCK = 2**21  # numbers converted at once
_LONGEST_HEADER = 12_000  # bytes; NumPy reads none above 10,000


def read_idx(path, size=None):
    """The Labelled images of an IDX file: uint8 [n, h, w, 1], or [n, h, w, c] of four dimensions.

    The labels are those of the IDX file in the same folder with `labels-idx1` for `images-idx3` in its name, or
    QMNIST's `labels-idx2-int`. size: see `shapes.layout`. Raises UserError if either is damaged or another file.
    """
    array = _read_idx(path)
    if array.ndim == 1 or (array.ndim == 2 and array.dtype == ">i4"):
        name = re.sub("labels(.)idx(1-ubyte|2-int)", r"images\1idx3-ubyte", path.name)
        images = f", {name}" if name != path.name else ""
        raise UserError(f"{path} is an IDX file of labels; give the one of the images{images}")
    images, labels = to_images_or_points(array, path, size), _idx_labels(path)
    return attach(images, None if labels is None else read_idx_labels(labels), path, labels)


def emnist(content, path):
    """The Labelled images of a file; of EMNIST, by the path, they are turned, and their classes get names."""
    split = re.match("emnist-([a-z]+)-", path.name.lower())
    if not split or content.images.ndim == 2:
        return content
    note(f"{path}: turns the images, which EMNIST's files hold with rows and columns exchanged")
    names = EMNIST.get(split[1], string.digits)
    classes = tuple(names[int(each) :][:1] or each for each in content.classes)
    return content._replace(images=np.ascontiguousarray(content.images.swapaxes(1, 2)), classes=classes)


def read_idx_labels(path):
    """The values of an IDX file of labels, also of QMNIST's: whole numbers [n].

    Raises UserError if it is damaged or another file.
    """
    values = _read_idx(path)
    if values.dtype == ">i4" and values.shape[1:] == (8,):  # QMNIST: the class, and seven numbers about the writer
        values = values[:, 0]
    if values.size != len(values):
        raise UserError(f"{path} is an IDX file of {values.ndim} dimensions, and not of labels, which have one")
    return values


def _idx_labels(path):
    """The path of the labels that belong to an IDX file of images, gzipped or not, or None."""
    if not re.search("images.idx[34]", path.name):
        return None
    name = path.name.removesuffix(".gz")
    names = [re.sub("images(.)idx[34](-ubyte)?", rf"labels\1{kind}", name) for kind in (r"idx1\2", "idx2-int")]
    ends = sorted(("", ".gz"), key=lambda end: end != path.suffix)
    return next((each for name in names for end in ends if (each := path.with_name(name + end)).is_file()), None)


def _read_idx(path):
    """The array in an IDX file, gzipped or not, of any type and 1 to 4 dimensions. Raises UserError for any other.

    The format: two zero bytes, the type, number of dimensions, each dimension as a big-endian 32-bit number, then the
    numbers. A header that claims more than the file can hold allocates no memory.
    """
    with opened(path) as file:
        header = file.read(4)
        dimensions = header[3] if re.fullmatch(rb"\0\0[\x08\x09\x0b-\x0e][\1-\4]", header) else 0
        sizes = file.read(4 * dimensions)
        if not dimensions or len(sizes) < 4 * dimensions:
            raise UserError(f"{path} is not an IDX file of numbers: it begins with {header.hex(' ') or 'nothing'}")
        shape = struct.unpack(f">{dimensions}I", sizes)
        dtype = np.dtype(_IDX_TYPES[header[2]])
        claimed = math.prod(shape) * dtype.itemsize
        if not claimed:
            raise UserError(f"{path} holds an array of {list(shape)}, which is nothing; download it again")
        content = file.read(claimed + 1) if claimed <= most_bytes(file, path) else b""
    if len(content) != claimed:
        than = "more" if len(content) > claimed else "less"
        raise UserError(f"{path} holds {than} than the {list(shape)} numbers that it claims; download it again")
    return np.frombuffer(content, dtype).reshape(shape)


def read_npy(path, size=None):
    """The images or points of a .npy file, as Labelled without labels; bytes are memory-mapped and not read.

    size: see `shapes.layout`. Nothing is unpickled. Raises UserError for what is neither, or not of the claimed size.
    """
    return Labelled(to_images_or_points(map_npy(path), path, size))


def map_npy(path):
    """The array of a .npy file, of any type and shape, memory-mapped. Raises UserError as `read_npy` does."""
    with _as_user_error(path), open(path, "rb") as file:
        _check_header(file, path.stat().st_size, path)
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError:  # some file systems cannot map a file
            return np.load(path, allow_pickle=False)


def read_npz(path, size=None, image_names=NPZ_NAMES, label_names=NPZ_LABELS + NPZ_PERHAPS):
    """The Labelled images or points of a NumPy archive such as Keras' mnist.npz: the first array of `image_names`.

    An only array may have any name. The labels are the first array of `label_names`, or KMNIST's in the archive beside
    it with `-labels.npz` for `-imgs.npz` in its name. Otherwise as `read_npy`.
    """
    with _as_user_error(path), zipfile.ZipFile(path) as archive:
        name, names = _choose(archive, image_names, "images", path)
        array, known = _member(archive, name, path), [each for each in _known(names, label_names) if each != name]
        values, label_name, why = _labels(archive, known, len(array), path)
    beside = path.with_name(path.name.replace("-imgs.npz", "-labels.npz"))
    if not known and beside != path and beside.is_file():
        values, label_name = read_npz_labels(beside), beside.name
    images = to_images_or_points(array, f"{path}: {name}", size)
    if values is None:
        return Labelled(images, why=why or f"{path} has no labels among its arrays, {', '.join(names)}")
    content = attach(images, values, f"{path}: {name}", f"{path}: {label_name}")
    if content.classes and label_name in NPZ_PERHAPS:
        note(f"{path}: reads {label_name} as the labels")
    return content


def _labels(archive, names, count, path):
    """(values, name, "") of the first array with `count` rows, or else of any, or (None, "", why there is none)."""
    others = []
    for name in names:
        try:
            values = _member(archive, name, path)
        except UserError as error:  # Python objects: the images do without their labels
            return None, "", str(error)
        if len(values) == count and values.ndim < 3:
            return values, name, ""
        others += [(values, name, "")] * (name not in NPZ_PERHAPS)
    return next(iter(others), (None, "", ""))


def read_npz_labels(path):
    """The first array of NPZ_LABELS in a NumPy archive, or its only one, of any type. Raises as `read_npz`."""
    with _as_user_error(path), zipfile.ZipFile(path) as archive:
        return _member(archive, _choose(archive, NPZ_LABELS, "labels", path)[0], path)


def _choose(archive, wanted, what, path):
    """(name of the first wanted array in a NumPy archive, or of its only one, names of all)."""
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if not names:
        raise UserError(f"{path} is a zip archive without NumPy arrays; unpack it, and give what is in it")
    if known := names if len(names) == 1 else _known(names, wanted):
        return known[0], names
    raise UserError(f"{path} holds the arrays {', '.join(names)}; save the {what} under the name {' or '.join(wanted)}")


def _known(names, wanted):
    """The names of arrays that are wanted, best first; those that are only spelled alike come last."""
    alike = {re.sub("[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    spelled = (alike.get(each.replace("_", "")) for each in wanted)
    return [each for each in wanted if each in names] + [each for each in spelled if each]


def _member(archive, name, path):
    """An array of a NumPy archive."""
    where, claimed, size = f"{path}: {name}", archive.getinfo(f"{name}.npy").file_size, path.stat().st_size
    if claimed > most_unpacked(size):
        raise UserError(f"{where} claims {claimed:,} bytes, which the archive's {size:,} bytes cannot hold")
    with archive.open(f"{name}.npy") as file:
        _check_header(file, claimed, where)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


@contextmanager
def _as_user_error(path):
    """Turns every error that a NumPy file causes into a UserError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # NumPy evaluates headers as Python, so a damaged one can raise anything
        detail = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path} is not a NumPy file of numbers, or is damaged ({detail})") from None


def _check_header(file, size, where):
    """Raises UserError unless the header of a .npy file describes its `size` bytes.

    np.load alone would allocate the 4 GB that a header claims as its own length or, for a member of an archive, as its
    shape; map 4 billion rows of a type without bytes; and accept a file that is longer than it claims.
    """
    head = io.BytesIO(file.read(_LONGEST_HEADER))  # NumPy allocates the length that a header claims
    major, _ = np.lib.format.read_magic(head)
    shape, _, dtype = getattr(np.lib.format, f"read_array_header_{min(max(major, 1), 2)}_0")(head)
    if dtype.hasobject:
        raise UserError(f"{where} holds Python objects, which are never unpickled; save plain numbers or texts")
    if not shape or not all(type(side) is int and side > 0 for side in shape):
        raise UserError(f"{where} has the shape {shape}, which is not a list of anything")
    if head.tell() + math.prod(shape) * dtype.itemsize != size:
        raise UserError(f"{where} claims the shape {shape}, which does not fit its size")


def to_images_or_points(array, where, size=None):
    """An array as images, uint8 [n, height, width, channels], or points, float32 [n, d].

    array: images [n, h, w], [n, h, w, 1 or 3], or flat [n, k] as in `layout`, of any type and range in VALUE_RANGES; or
    points, floats [n] or [n, d] with up to MOST_COLUMNS columns that are no image; with size=POINTS, numbers [n] or [n,
    d]. where: its name in messages. Says if it reads another order of axes, and warns where another is likely.
    Raises UserError for anything else.
    """
    for axes, order in AXES.items() if array.ndim == 4 and array.shape[3] not in (1, 3) else ():
        if array.shape[axes[3]] in (1, 3):
            note(f"{where}: reads the axes as {order}")
            array = array.transpose(axes)
            break
    rest = array.shape[1:]
    flat = layout(rest[0], size) if len(rest) == 1 else None
    few = rest == () or (len(rest) == 1 and not flat and rest[0] <= MOST_COLUMNS and size is None)
    if (array.dtype.kind == "f" and few) or (size == POINTS and array.ndim < 3 and array.dtype.kind in "biuf"):
        with np.errstate(over="ignore"):  # infinity is refused below
            points = np.asarray(array, np.float32).reshape(len(array), -1)
        if not (np.abs(points) < _LARGEST).all():
            raise UserError(f"{where} holds points that are NaN, infinite or beyond {_LARGEST:g}; remove or scale them")
        return points
    shape = flat[1] if flat else (*rest, 1) if len(rest) == 2 else rest
    one = array.ndim == 3 and rest[1] in (3, 4) and min(array.shape[:2]) > 7  # no image is as narrow
    if len(shape) != 3 or shape[2] not in (1, 3) or one:
        hint = " (one image in color)" if one else " (leave out the fourth channel: x[..., :3])" * (shape[2:] == (4,))
        raise UserError(
            f"{where} is {array.dtype} {list(array.shape)}{hint}; images are [n, height, width], "
            "[n, height, width, 1 or 3] or [n, height * width], and points are floats [n] or, with --points, [n, d]"
        )
    few = "; --points reads rows as points" * (flat is not None and rest[0] <= MOST_COLUMNS)
    pixels = _as_bytes(array, where, few)
    if few:
        note(f"{where}: reads rows of {rest[0]} numbers as images{few}")
    for what, change in _other_readings(pixels, pixels.reshape(len(array), *shape)):
        size = "x".join(map(str, shape[: 2 + (shape[2] == 3)]))
        warn(f"{where} is read as {count_of(len(array), 'image')} of {size}; if it is {what}, save {change} instead")
    return unflatten(pixels, shape, where) if flat else pixels.reshape(len(array), *shape)


def _other_readings(array, images):
    """Yields what an array may be in place of its images [n, h, w, c], (what, an expression of x that changes it).

    By its shape alone, where few images have such a shape, or because its numbers are smoother in the other order.
    """
    (count, *rest), gray = array.shape, images.shape[3] == 1

    def smoother(other):
        return gray and roughness(other) < CLEARLY * roughness(images)

    if array.ndim == 2 and min(array.shape) > 7:
        flat = layout(count)
        if count != rest[0] and flat and smoother(array.T.reshape(-1, *flat[1])):
            yield f"{rest[0]:,} images of {flat[1][0]}x{flat[1][1]}", "x.T"
        elif count == rest[0] or smoother(array[None, ..., None]):
            yield "one image", "x[None]"
    other = np.moveaxis(array, -1, 0)[..., None]
    if array.ndim == 3 and min(array.shape) > 7 and count != rest[1] and (count == rest[0] or smoother(other)):
        yield f"{rest[1]:,} images of {count}x{rest[0]}", "x.transpose(2, 0, 1)"
    if array.ndim == 3 and count == 3 and min(rest) > 7:
        yield "one image in color", "x.transpose(1, 2, 0)[None]"


def _as_bytes(array, where, advice=""):
    """The numbers as 0 to 255: uint8 in C order; the array itself if it is that already. advice: behind an error."""
    rows = max(1, _BLOCK // math.prod(array.shape[1:]))
    starts = range(0, len(array), rows)
    if array.dtype == np.uint8 and any((array[start : start + rows] > 1).any() for start in starts):
        return np.ascontiguousarray(array)
    kind = array.dtype.kind
    ranges = VALUE_RANGES.get(f"{kind}{array.dtype.itemsize}", VALUE_RANGES.get(kind, []))
    low, high = (array.min(), array.max()) if ranges else (None, None)
    convert = next((convert for least, most, convert in ranges if low >= least and high <= most), None)
    if convert is None:
        found = f"{array.dtype} from {low} to {high}" if ranges else str(array.dtype)
        raise UserError(
            f"{where} holds {found}; pixels are whole numbers 0 to 255, or fractions 0 to 1 or -1 to 1{advice}"
        )
    if array.dtype.itemsize == 2 and kind == "u" and 255 < high <= 4095:
        note(f"{where} holds 16-bit values up to {high:,}, so 4,095 is read as white, as in images of 12 bits")
    result = np.empty(array.shape, np.uint8)
    for start in starts:
        values = array[start : start + rows].astype(np.float64)
        result[start : start + rows] = np.rint(convert(values))
    return result
