"""Labels of images: class indices, and the names of the classes, from wherever a data set keeps them."""

import os
import re
import unicodedata
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from tfgan_v1.errors import UserError, brief, count_of, did_you_mean, note

MOST_CLASSES = 10_000  # more distinct values are measurements or file names
MOST_NAMED = 20  # classes in a message
_ARE = "labels are whole numbers or texts [n], or one-hot rows [n, k]"


class Labelled(NamedTuple):
    """Images or points with their labels."""

    images: np.ndarray  # uint8 [n, h, w, c], or points, float32 [n, d]
    labels: np.ndarray | None = None  # int32 [n], indices of `classes`; None without labels
    classes: tuple[str, ...] = ()  # sorted, as numbers if all are numbers
    why: str = ""  # there are no labels, although something looks like them: a clause
    columns: tuple[str, ...] = ()  # of points, their names, if a table has them


def attach(images, values, where, where_labels):
    """The Labelled images with a number or text of `values`, or None, for each; an error says where both are."""
    labels, classes, why = classify(values, where_labels)
    if labels is not None and len(labels) != len(images):
        what = "point" if images.ndim == 2 else "image"
        counts = f"{where_labels} holds {count_of(len(labels), 'label')}, and {where} {count_of(len(images), what)}"
        raise UserError(f"{counts}; use the labels of these {what}s, or remove them")
    return Labelled(images, labels, classes, why)


def classify(values, where="labels"):
    """(labels, classes, why) of one value for each image, as Labelled has them; where: their name in `why`.

    Whole numbers of any type, or as texts, are classes in their numeric order. Bytes are texts, in UTF-8 or Latin-1.
    One-hot rows [n, k] are the positions of their ones, and a line says so. Fractions, several labels for an image,
    what is missing, and more than MOST_CLASSES values are not classes.
    """
    if values is None:
        return None, (), ""
    array = np.asarray(values)
    is_a = f"{where} is {array.dtype} {list(array.shape)}"
    if _is_one_hot(array):
        note(f"{is_a}: reads these one-hot rows as classes, by the positions of their ones")
        array = array.argmax(1)
    if not array.size or not array.ndim or array.shape[1:] not in ((), (1,)) or array.dtype.kind not in "biufUSTO":
        return None, (), f"{is_a}, which is no class for each image; {_ARE}"
    try:
        values = [_decoded(value) if isinstance(value, bytes) else value for value in array.reshape(-1).tolist()]
        others = [value for value in values if not isinstance(value, str)]
        if 0 < len(others) < len(values):
            raise ValueError(f"{brief(others[0])} is no text, as others are")
        labels, classes = _index([*map(_whole_number, values)]) if others else classify_texts([*map(str, values)])
        "".join(classes).encode("utf-8", "surrogateescape")  # as config.json has them
    except (ValueError, SystemError) as error:  # the latter of NumPy, for a character that Unicode does not have
        return None, (), f"{is_a}, and {error}; {_ARE}"
    return labels, classes, f"{where} holds more than {MOST_CLASSES:,} classes; {_ARE}" if labels is None else ""


def classify_texts(texts):
    """As `classify`, for a list of str: what a table says of each row."""
    return _index(_whole_numbers(texts) or texts)


def classify_folders(name, files):
    """(labels, classes, why) as Labelled has them: if all used pictures of a folder are in sub-folders, these classes.

    name: the folder's. files: of its Folder.
    """
    used = [path for path, reason in files if not reason]
    if beside := [path for path in used if "/" not in path]:
        more = f" and {len(beside) - 1:,} more are" if len(beside) > 1 else " is"
        inside = f"{len(used) - len(beside):,} of {count_of(len(used), 'image')} in {name} are in sub-folders"
        return None, (), f"{inside}, and {beside[0]}{more} not" * (len(used) > len(beside))
    places = {path.rpartition("/")[0] for path in used}
    above = os.path.commonpath(places)
    below = sorted({place[len(above) + 1 :].partition("/")[0] for place in places})
    if above and len(below) > 1 and below[0]:
        where = f"all images of {name} are in {above}, with {below[0]} and {below[1]} one level below"
        return None, (), f"{where}, for which --dataset {os.path.join(name, above)} is right"
    return *_index([path.partition("/")[0] for path in used]), ""


def has_strays(files):
    """Whether a few of the used pictures of a Folder lie beside sub-folders, two or more, which hold all others."""
    tops = [path.split("/", 1)[:-1] for path, reason in files if not reason]
    return 0 < 4 * tops.count([]) < len(tops) and len({*map(tuple, tops)}) > 2


def find_class(text, classes, what="--class"):
    """The index of the class that a text names: `ankle_boot` or `Ankle boot`, `7` or `007`.

    what: the option in the error. Raises UserError if there is no such class, or more than one.
    """
    if text in classes:
        return classes.index(text)
    plain = plain_name(text)
    alike = [index for index, name in enumerate(classes) if plain and plain_name(name) == plain]
    if not alike and text.isdecimal():
        alike = [index for index, name in enumerate(classes) if name.isdecimal() and int(name) == int(text)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        names = " and ".join(classes[index] for index in alike)
        raise UserError(f"{what} {brief(text)} fits {names}; give the exact name")
    each = "; or each, for all of them" if what == "--class" else ""
    names = ", ".join(classes[:MOST_NAMED]) + (" ..." if len(classes) > MOST_NAMED else "")
    raise UserError(f"{what} {brief(text)} is not a class; {did_you_mean(text, classes)}the classes are {names}{each}")


def plain_name(name):
    """A class's name as a user may type it: Ankle boot is ankle_boot; an accent may be a letter of its own."""
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", name).casefold()).strip("_")


def rename(labelled, names):
    """Gives classes 0, 1, 2 ... their known names; leaves other classes unchanged."""
    numbers = np.array([int(name) if name.isdecimal() else -1 for name in labelled.classes])
    if labelled.labels is None or not ((numbers >= 0) & (numbers < len(names))).all():
        return labelled
    return labelled._replace(labels=numbers[labelled.labels].astype(np.int32), classes=names)


def _index(values):
    classes = sorted(set(values))
    if len(classes) > MOST_CLASSES:
        return None, ()
    position = {value: index for index, value in enumerate(classes)}
    return np.array([position[value] for value in values], np.int32), tuple(map(str, classes))


def _is_one_hot(array):
    """Whether each row of an array [n, k] is 0 but for a single 1."""
    rows = array.ndim == 2 and array.size and array.shape[1] > 1 and array.dtype.kind in "biuf"
    return rows and (array.max(1) == 1).all() and (np.count_nonzero(array, 1) == 1).all()


def _decoded(text):
    with suppress(UnicodeDecodeError):
        return text.decode()
    return text.decode("latin-1")


def _whole_numbers(texts):
    """The texts as int, or None if any of them is not a whole number."""
    with suppress(ValueError):
        return [*map(_whole_number, texts)]


def _whole_number(value):
    """A number of any type, or a text of one, as int. Raises ValueError if it is not whole."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value.strip()):
        return int(value)  # exact, however large
    try:
        number = float(value.replace("_", "?")) if isinstance(value, str) else value  # Python reads 1_0 as a number
        if int(number) == number:
            return int(number)
    except (TypeError, ValueError, OverflowError):  # None; nan, or a word; infinite
        pass
    raise ValueError(f"{brief(value)} is no class")
