"""Labels of images from a file of their own: text, CSV, JSON, IDX, .npy or .npz."""

import itertools
import json
import os
import re
import unicodedata
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from tfgan_v1.data import detect
from tfgan_v1.data.arrays import map_npy, read_idx_labels, read_npz_labels
from tfgan_v1.data.datasets import DATASETS
from tfgan_v1.data.folders import SUFFIXES
from tfgan_v1.data.labels import classify, rename
from tfgan_v1.data.tables import LABELS, MISSING, find_delimiter, read_rows
from tfgan_v1.data.unpacking import opened
from tfgan_v1.errors import UserError, count_of, note, shortened, warn

# What a header may call the pictures' paths, best first, in lower case and without other signs than letters and digits;
# the last may also be numbers of the rows.
_NUMBERS = ("id", "index", "", "unnamed0")
PATHS = ("file", "filename", "path", "filepath", "image", "imagefile", "imagename", "imagepath", "imageid", "img")
PATHS += ("imgname", "imgpath", "imgid", "picture", "photo", "fname", "name", *_NUMBERS)
_LONGEST_LABEL = 100  # characters
_LONGEST_PATH = 4096  # likewise
_MANY = 10**5  # labels more than images; how many more does not matter then
_MOST_JSON = 2**24  # bytes, and 200 more for each image
_LOOK = 1000  # rows, and columns, in which paths are looked for
_FORMATS = "a text, CSV, JSON, IDX, .npy or .npz file with a label for each image"
_JSON = rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[{\"\d\]-])"  # how it begins


def relabel(dataset, path):
    """The Dataset with the labels in a file, int32 [n], and their classes, instead of its own.

    The file is text with a label on each line, a table whose header names the label, JSON as in `_read_json`, an IDX
    file of labels, or a .npy or .npz file of whole numbers or texts, [n], or one-hot rows; all but these two may be
    gzipped. The labels are in the order of the images. For a folder, a table may give each picture by its path, in any
    order, as `_Pictures.find` finds it, and a list may have labels for those left out, too. Numbers 0, 1, 2 ... of a
    published data set get the names of its classes.
    Raises UserError for everything else.
    """
    path = Path(os.path.expanduser(path))
    reader = find_reader(path)
    labels, classes = _classify(reader(path, dataset), path)
    published = dataset.name in DATASETS and DATASETS[dataset.name].published
    relabelled = dataset._replace(labels=labels, classes=classes, why="")
    return rename(relabelled, published.classes) if published else relabelled


def find_reader(path):
    """What reads a file of labels, (path, Dataset) -> values [n]. Raises UserError for a file that cannot hold any."""
    path = Path(os.path.expanduser(path))
    if not os.path.isfile(path):  # Path.is_file raises for a text that cannot be a path
        what = "a folder" if os.path.isdir(path) else "not a file" if os.path.exists(path) else "missing"
        raise UserError(f"--labels {path} is {what}; give {_FORMATS}")
    return detect.find_reader(path, _READERS, _FORMATS)


def _read_text(path, dataset):
    """The labels in a list or a table, by the pictures' paths or in order: str, as an array of objects [n]."""
    delimiter = find_delimiter(path)
    rows = partial(read_rows, path, delimiter)
    first = next((fields for _, fields in rows() if fields), [""])[0]
    if not dataset.files or delimiter or not any(f"{end}{mark}" in first.lower() for end in SUFFIXES for mark in " :"):
        return _read_rows(rows, delimiter, path, dataset)
    if not first.rpartition(" ")[0].rstrip().lower().endswith(SUFFIXES):
        raise UserError(f"{path} has lines such as {shortened(first)!r}; write a picture's path, a space and its label")
    # A path, which may have spaces in it, and a label are a line of the lists of Caffe and CelebA.
    split = partial(map, lambda row: (row[0], row[1] and [*row[1][0].rsplit(None, 1), ""][:2]))
    return _read_rows(lambda: split(rows()), True, path, dataset)


def _read_json(path, dataset):
    """As `_read_text`, of JSON, such as StyleGAN's dataset.json, or JSON Lines: pairs or objects of path and label."""
    read = partial(json.loads, object_pairs_hook=tuple)  # an object is a tuple of pairs, which may name a thing twice
    most = _MOST_JSON + 200 * len(dataset.images)
    with opened(path) as file:
        text = file.read(most + 1)
    try:
        if len(text) > most:
            raise ValueError(f"it has more than {most:,} bytes")
        try:
            rows = read(text)
        except json.JSONDecodeError as error:
            lines = [*filter(bytes.strip, text.splitlines())]
            if not lines[0].rstrip().endswith((b"}", b"]")):  # no JSON Lines
                raise error
            rows = [*map(read, lines)]
        rows = dict(rows).get("labels", rows) if isinstance(rows, tuple) else rows
        if not rows or not isinstance(rows, list | tuple):
            raise ValueError(f"its labels are {json.dumps(rows)}")
        if all(isinstance(row, tuple) and row and isinstance(row[0], tuple) for row in rows):
            rows = [[name for name, _ in rows[0]], *([dict(row).get(name) for name, _ in rows[0]] for row in rows)]
        else:
            pairs = all(isinstance(row, list | tuple) and len(row) == 2 for row in rows)
            rows = [("file", "label"), *rows] if pairs else [("label",), *([row] for row in rows)]
        if any({list, tuple} & {*map(type, row)} for row in rows):
            raise ValueError("it has no label for each image")
    except (ValueError, RecursionError) as error:
        shapes = '{"labels": [["cat/1.png", 0], ...]}, {"cat/1.png": 0, ...} or [{"file": "cat/1.png", "label": 0}]'
        raise UserError(f"{path} is JSON that does not read as labels ({error}); write {shapes}") from None
    rows = [["" if each is None else str(each) for each in row] for row in rows]
    return _read_rows(partial(enumerate, rows, 1), True, path, dataset)


def _read_rows(read, is_table, path, dataset):
    """As `_read_text`. read: returns an iterator of (line, fields)."""
    counts = len(dataset.images), len(dataset.files or dataset.images)
    most, pictures = max(counts) + _MANY, _Pictures(dataset)
    label, named, header = _columns(read(), pictures, path) if is_table else (0, None, False)
    values, blank, missing = [], 0, 0
    for line, fields in read():
        blank = blank or (not fields and line)
        if not fields:
            continue
        if blank:
            raise UserError(f"{path}, line {blank} is blank; remove it, or write the label that is missing")
        if any("\ufffd" in field for field in fields):  # what other bytes are read as
            raise UserError(f"{path}, line {line} is not in UTF-8; save the file in UTF-8")
        value = "" if fields[label].strip().lower() in MISSING else fields[label].strip()
        if header:
            header = False
        elif named is not None:
            pictures.take(fields[named].strip(), value, path)
        elif len(values) < most:
            values.append(value)
            missing = missing or (not value and line)
        else:
            break
    if named is not None:
        return pictures.labels(path)
    if not is_table and values and values[0].lower() in LABELS:  # a header, or the class of the first image
        del values[: len(values) - 1 in counts or len(values) not in counts]
    if missing:
        raise UserError(f"{path}, line {missing} has no label; write one for each image")
    if is_table and dataset.files and values:
        of = f"so its labels are those of the pictures in {dataset.name} sorted by path: {values[0]} is that of"
        warn(f"{path} has no column of paths, {of} {dataset.files[0][0]}")
    return _of_images(np.array(values, object), path, dataset)


def _columns(rows, pictures, path):
    """(position of the labels, of the pictures' paths or None, whether there is a header) of a table.

    The paths are in the column that names most pictures in the first rows, or else in that which the header calls so.
    """
    rows = ([field.strip() for field in fields] for _, fields in itertools.islice(rows, _LOOK) if fields)
    first = next(rows, [])
    names = [re.sub(r"[\W_]+", "", field.casefold()) for field in first]
    label, named = (next((names.index(name) for name in known if name in names), None) for known in (LABELS, PATHS))
    header = (label, named) != (None, None) and not pictures.names.intersection(first)
    label, named = (label, named) if header else (None, None)
    if label is None and not (len(first) == 2 and pictures.names):
        raise UserError(
            f"{path} reads as a table of {len(first)} columns, none with the header {', '.join(LABELS)}; name the "
            "column of the labels, or put labels with commas, semicolons or tabs in quotes"
        )
    hits, ids, keys = {}, [], {}
    for fields in itertools.chain([] if header else [first], rows):
        ids.append(fields[named or 0][:_LONGEST_LABEL])
        for position, field in enumerate(fields[:_LOOK] if pictures.names else ()):
            likely = len(fields) == 2 or names[position] in PATHS or not field.isdecimal()
            if position != label and likely and (found := pictures.find(field)):
                hits.setdefault(position, set()).add(found[1])
            if position != label and not re.fullmatch(r"[-+.,\deE]*", field):
                keys.setdefault(position, []).append(field[:_LONGEST_LABEL])
    paths = max(hits, key=lambda position: (len(hits[position]), position == named), default=named)
    if paths is None:  # texts that are all different name something, which must not be taken for the pictures in order
        paths = next((at for at, texts in keys.items() if len({*texts}) == len(texts) == len(ids) > 2), None)
    paths = 0 if paths is None and label is None else paths
    numbered = named is not None and names[named] in _NUMBERS
    if not pictures.names and numbered and all(map(str.isdecimal, ids)) and ids != sorted(ids, key=int):
        warn(f"{path} is read in the order of its rows, and not of its column {first[named]}")
    counted = numbered and ids and not hits and ids in ([*map(str, range(at, at + len(ids)))] for at in (0, 1))
    return 1 - paths if label is None else label, None if counted or not pictures.names else paths, header


class _Pictures:
    """The pictures of a folder, and the labels that a table gives them."""

    def __init__(self, dataset):
        self.dataset, self.names = dataset, {name for name, _ in dataset.files}
        self.folder = os.path.basename(os.path.abspath(dataset.name))
        self.given, self.inexact, self.unknown = {}, None, ""

    @cached_property
    def ends(self):
        """The first eight pictures by each end of their paths, of eight parts at most, in the last of its spellings."""
        ends = {}
        for name, _ in self.dataset.files:
            parts = _parts(name)
            for start in {0, *range(max(0, len(parts) - 8), len(parts))}:
                same = ends.setdefault(_spellings(parts[start:])[-1], [])
                same += [name] * (len(same) < 8)
        return ends

    def find(self, text):
        """(how well, pictures, whether by their path) of a text that names a picture, or else several; or None.

        The text is a path below the folder, behind any other folders, or the end of one, in any Unicode form. Letter
        case, the suffix and leading zeros count only where pictures differ by them.
        """
        if text in self.names:
            return (text.count("/") + 1, 0), (text,), True
        parts = _parts(text) if len(text) <= _LONGEST_PATH else []
        for start, count in enumerate(range(len(parts), 0, -1)):
            spelled, within = _spellings(parts[start:]), start > 0 and parts[start - 1] == self.folder
            near = [(name, _parts(name)) for name in self.ends.get(spelled[-1], ())]
            near = {name: _spellings(own[-count:]) for name, own in near if not start or len(own) == count}
            for rank, spelling in enumerate(spelled if near else ()):
                if names := tuple(name for name in near if near[name][rank] == spelling):
                    exact = not rank and (within if start else count == len(_parts(names[0])))
                    return (count + within, -rank), names, exact

    def take(self, text, label, path):
        """Gives the picture that a text names its label, unless another text names it better."""
        how, names, exact = self.find(text) or ((), (), True)
        if len(names) != 1:
            says = f": the table says {shortened(text)}, the folder has {' and '.join(names[:2])}"
            self.unknown = self.unknown or says
            return
        best, other = self.given.get(names[0], ((), label))
        if how == best and label != other:
            raise UserError(f"{path} has two labels for {names[0]}, {other} and {label}; remove one")
        self.given[names[0]] = max((best, other), (how, label))
        self.inexact = self.inexact or (None if exact else f"{text} as {names[0]}")

    def labels(self, path):
        """The labels of the pictures that are used: str, as an array of objects [n]."""
        used = [name for name, reason in self.dataset.files if not reason]
        if missing := [name for name in used if not self.given.get(name, ("",))[-1]]:
            count = f"{len(missing):,} of {count_of(len(used), 'picture')} in {self.dataset.name}, first {missing[0]}"
            sides = (self.unknown + missing[0] * self.unknown.endswith(" ")) * (missing[0] not in self.given)
            advice = "give each path, relative to the folder, and its label"
            raise UserError(f"{path} has no label for {count}{sides}; {advice}")
        if self.inexact:
            note(f"{path}: reads {self.inexact}, and other paths likewise")
        return np.array([self.given[name][1] for name in used], object)


def _parts(path):
    """The folders of a path, of Windows, too, and its last part, in Unicode's composed form."""
    path = unicodedata.normalize("NFC", path).replace("\\", "/")
    return [part for part in path.split("/") if part not in ("", ".")]


def _spellings(parts):
    """A path from exact to loose: as it is, in lower case, without the suffix of a picture, without leading zeros."""
    exact = "/".join(parts)
    lower = exact.casefold()
    bare = next((lower.removesuffix(end) for end in SUFFIXES if lower.endswith(end)), lower)
    folder, slash, name = bare.rpartition("/")
    return exact, lower, bare, folder + slash + (name.lstrip("0") or "0" if name.isdecimal() else name)


def _of_images(values, path, dataset):
    """The values, if there is one for each image; without those of pictures left out, if there is one for each file."""
    images, files = len(dataset.images), len(dataset.files or dataset.images)
    _warn_of_order(path, dataset)
    if len(values) == images:
        return values
    if len(values) == files:
        return values[[not reason for _, reason in dataset.files]]
    at_least = "at least " if len(values) >= files + _MANY else ""
    left_out = f", or {files:,} with those left out" if files > images else ""
    counts = f"{at_least}{count_of(len(values), 'label')}, and {dataset.name} {count_of(images, 'image')}{left_out}"
    raise UserError(f"{path} holds {counts}; --labels needs one for each image")


def _warn_of_order(path, dataset):
    """Warns if a folder's pictures, sorted by path, are not in the order of their numbers, in which a list may be."""
    names, part = [name for name, _ in dataset.files], re.compile("([^0-9]*)([0-9]*)")
    by_number = sorted(names, key=lambda name: [(text, int(number or -1)) for text, number in part.findall(name)])
    if first := next((pair for pair in zip(names, by_number, strict=True) if pair[0] != pair[1]), None):
        order = f"{path} is read in the order of the sorted paths, in which {first[0]} comes before {first[1]}"
        warn(f"{order}; if it is in the order of the numbers, write a table with the columns file and label")


def _classify(values, path):
    """(labels, classes) of the values, all of which must be classes."""
    labels, classes, why = classify(values, path)
    with suppress(ValueError):  # words
        fractions = [name for name in classes if float(name) % 1]
        why = f"{path} holds {fractions[0]}, which is no class; labels are words or whole numbers" if fractions else why
    if why:
        raise UserError(why)
    for name in classes:
        if not 0 < len(name) <= _LONGEST_LABEL or {"\r", "\n"} & {*name}:
            rule = f"labels are one line of 1 to {_LONGEST_LABEL} characters"
            raise UserError(f"{path} holds the label {shortened(name)!r}; {rule}")
    return labels, classes


_READERS = {
    detect.NPY: lambda path, dataset: _of_images(map_npy(path), path, dataset),
    detect.NPZ: lambda path, dataset: _of_images(read_npz_labels(path), path, dataset),
    detect.IDX: lambda path, dataset: _of_images(read_idx_labels(path), path, dataset),
    _JSON: _read_json,
    detect.TEXT: _read_text,
}
