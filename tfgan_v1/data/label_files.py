"""Labels of images from a file of their own: text, CSV, IDX, .npy or .npz."""

import os
import re
from functools import partial
from pathlib import Path

import numpy as np

from tfgan_v1.data import detect
from tfgan_v1.data.arrays import map_npy, read_idx_labels, read_npz_labels
from tfgan_v1.data.datasets import DATASETS
from tfgan_v1.data.labels import MOST_CLASSES, classify, classify_texts, rename
from tfgan_v1.data.tables import LABELS, find_delimiter, read_rows
from tfgan_v1.errors import UserError, count_of, shortened, warn

PATHS = ("file", "filename", "path", "image")  # what a header may call the pictures' paths, in lower case
_LONGEST_LABEL = 100  # characters
_MANY = 10**5  # labels more than images; how many more does not matter then
_FORMATS = "a text, CSV, IDX, .npy or .npz file with a label for each image"


def relabel(dataset, path):
    """The Dataset with the labels in a file, int32 [n], and their classes, instead of its own.

    The file is text with a label on each line, a table whose header names the label, an IDX file of labels, or a .npy
    or .npz file of whole numbers or texts, [n]; all but these two may be gzipped. The labels are in the order of the
    images. For a folder, a table may give each picture by its path relative to the folder, in any order, and a list may
    have labels for those left out, too. Numbers 0, 1, 2 ... of a published data set get the names of its classes.
    Raises UserError for everything else, and for points.
    """
    path = Path(os.path.expanduser(path))
    reader = find_reader(path)
    if dataset.images.ndim == 2:
        raise UserError(f"--labels needs images, and {dataset.name} holds points; leave it out")
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


def _read_array(path, dataset, read=map_npy):
    values = read(path)
    if values.dtype.kind not in "biufU" or values.shape not in ((len(values),), (len(values), 1)):
        raise UserError(f"{path} is {values.dtype} {list(values.shape)}; labels are whole numbers or texts [n]")
    return _of_images(values.reshape(-1), path, dataset)


def _read_text(path, dataset):
    """The labels in a list or a table, by the pictures' paths or in order: str, as an array of objects [n]."""
    counts = len(dataset.images), len(dataset.files or dataset.images)
    most, pictures = max(counts) + _MANY, {name for name, _ in dataset.files}
    delimiter = find_delimiter(path)
    by_path = bool(pictures and delimiter)
    values, labels_of, blank, missing, header = [], {}, 0, 0, None
    for line, fields in read_rows(path, delimiter):
        blank = blank or (not fields and line)
        if not fields:
            continue
        if blank:
            raise UserError(f"{path}, line {blank} is blank; remove it, or write the label that is missing")
        if any("\ufffd" in field for field in fields):  # what other bytes are read as
            raise UserError(f"{path}, line {line} is not in UTF-8; save the file in UTF-8")
        fields = [field.strip() for field in fields]
        if header is None:
            label, named, header = _columns(fields, pictures, path) if delimiter else (0, None, False)
            if header:
                continue
        value = fields[label]
        for name in pictures.intersection(fields if named is None else [fields[named]]) if by_path else ():
            if labels_of.setdefault(name, value) != value:
                raise UserError(f"{path} has two labels for {name}, {labels_of[name]} and {value}; remove one")
        missing = missing or (not value and line)
        if len(values) < most:
            values.append(value)
        elif not by_path:
            break
    if by_path and (labels_of or named is not None):
        return _of_pictures(labels_of, path, dataset)
    if not delimiter and values[0].lower() in LABELS and (len(values) - 1 in counts or len(values) not in counts):
        del values[0]  # a header; otherwise, the class of the first image has such a name
    if missing:
        raise UserError(f"{path}, line {missing} has no label; write one for each image")
    if by_path:
        warn(f"{path} has no column of paths, so its labels are those of the pictures in {dataset.name} sorted by path")
    return _of_images(np.array(values, object), path, dataset)


def _columns(first, pictures, path):
    """(position of the labels, of the pictures' paths or None, whether there is a header) by the first row."""
    names = [field.lower() for field in first]
    label, named = (next((names.index(name) for name in known if name in names), None) for known in (LABELS, PATHS))
    if label is not None and not pictures.intersection(first):
        return label, named, True
    if pictures and len(first) == 2:
        return 1, 0, False
    raise UserError(
        f"{path} reads as a table of {len(first)} columns, none with the header {', '.join(LABELS)}; name the column "
        "of the labels, or put labels with commas, semicolons or tabs in quotes"
    )


def _of_pictures(labels, path, dataset):
    """The labels of the pictures that are used, out of {path relative to the folder: label}."""
    used = [name for name, reason in dataset.files if not reason]
    if missing := [name for name in used if not labels.get(name)]:
        count = f"{len(missing):,} of {count_of(len(used), 'picture')} in {dataset.name}, first {missing[0]}"
        raise UserError(f"{path} has no label for {count}; give each path, relative to the folder, and its label")
    return np.array([labels[name] for name in used], object)


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
    names = [name for name, _ in dataset.files]
    parts = [re.split("([0-9]+)", name) for name in names]  # every second one is a number
    keys = [[int(part) if index % 2 else part for index, part in enumerate(each)] for each in parts]
    by_number = [name for _, name in sorted(zip(keys, names, strict=True))]
    if first := next((pair for pair in zip(names, by_number, strict=True) if pair[0] != pair[1]), None):
        order = f"{path} is read in the order of the sorted paths, in which {first[0]} comes before {first[1]}"
        warn(f"{order}; if it is in the order of the numbers, write a table with the columns file and label")


def _classify(values, path):
    """(labels, classes) of the values, all of which must be classes."""
    try:
        labels, classes = classify(values.astype(np.float64) if values.dtype.kind in "OU" else values)
    except ValueError:  # words
        labels, classes = classify_texts(values.tolist())
    if labels is None:
        what = "fractions" if len(set(values.tolist())) <= MOST_CLASSES else f"more than {MOST_CLASSES:,} classes"
        raise UserError(f"{path} holds {what}; labels are words or whole numbers that many images share")
    wrong = next((name for name in classes if not 0 < len(name) <= _LONGEST_LABEL or set("\r\n") & set(name)), None)
    if wrong is not None:
        raise UserError(
            f"{path} holds the label {shortened(wrong)!r}; labels are one line of 1 to {_LONGEST_LABEL} characters"
        )
    return labels, classes


_READERS = {
    detect.NPY: _read_array,
    detect.NPZ: partial(_read_array, read=read_npz_labels),
    detect.IDX: lambda path, dataset: _of_images(read_idx_labels(path), path, dataset),
    detect.TEXT: _read_text,
}
