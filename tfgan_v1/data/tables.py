"""Tables in text, such as CSV files: their rows, and the images of those with one in each row."""

import csv
import io
import math
import re
import sys

import numpy as np

from tfgan_v1.data.labels import Labelled, classify_texts
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.unpacking import most_bytes, opened
from tfgan_v1.errors import UserError, note, warn

DELIMITERS = ",;\t"
# What a header may call the labels, best first, in lower case.
LABELS = ("label", "labels", "class", "y", "target", "targets", "classname", "classid", "category", "species", "breed")
ROW_NUMBERS = ("", "index", "id", "unnamed: 0")  # and the numbers of the rows, which pandas writes first
_NO_DELIMITER = "\x1f"  # no text has it
_LONGEST = 2**24  # characters in a row, whose quotes may hold the ends of lines
_MOST_BLANK = 10**6  # blank lines that a table has more than rows; reading them takes half a second
_LONGEST_LABEL = 100  # characters
_BYTES = {str(value): value for value in range(256)}


def _lines(path):
    """Yields the lines of a text, gzipped or not, in pieces of at most _LONGEST characters. Refuses zip bombs."""
    with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text:
        most = left = most_bytes(file, path)
        previous = ""
        while line := text.readline(_LONGEST):
            left -= len(line)
            if left < 0:
                raise UserError(f"{path} unpacks to more than {most:,} bytes, which data never do; download it again")
            if line != "\r\n" or not previous.endswith("\r"):  # Windows makes CR CR LF of CR LF
                yield line
            previous = line


def find_delimiter(path, numbers=False):
    """The delimiter of a table by its first line, "" if that has none. Raises UserError if all lines are blank.

    numbers: whether it is a table of numbers, which may have decimal commas, so that other delimiters count twice.
    """
    first = next((line for line in _lines(path) if line.strip(f'{DELIMITERS}" \r\n')), None)
    if first is None:
        raise UserError(f"{path} holds no rows; write one for each image")
    outside = re.sub('"[^"]*"', "", first)
    delimiter = max(DELIMITERS, key=lambda mark: outside.count(mark) * (2 if numbers and mark != "," else 1))
    return delimiter if delimiter in outside else ""


def read_rows(path, delimiter):
    """Yields (number of its first line, fields) of each row, with as many fields as the first; [] for a blank line.

    A delimiter may end the lines. Raises UserError for quotes that are not closed, and for a row with more fields.
    """
    line, length, columns, blank = 1, 0, 0, 0

    def bounded():
        nonlocal length
        for text in _lines(path):
            length += len(text)
            if length >= _LONGEST:
                raise UserError(f"{path}, line {line} begins an open quote, or a row of over {_LONGEST:,} characters")
            yield text

    reader = csv.reader(bounded(), delimiter=delimiter or _NO_DELIMITER, skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            if any(map(str.strip, fields)):
                columns, blank = columns or len(fields) - (not fields[-1]), blank - 1
                if any(fields[columns:]):
                    raise UserError(f"{path}, line {line}: there are {len(fields)} columns, more than in the first row")
                yield line, fields[:columns] + [""] * (columns - len(fields))
            elif blank < _MOST_BLANK:
                blank += 1
                yield line, []
            else:
                raise UserError(f"{path} has more than {_MOST_BLANK:,} blank lines; remove them")
            line, length = reader.line_num + 1, 0
    except csv.Error as error:
        why = str(error).replace(f"'{_NO_DELIMITER}'", "the end of the line")
        raise UserError(f"{path}, line {line} cannot be read ({why}); close its quotes, or double them") from None


def read_csv(path, size=None):
    """The Labelled images of a table: uint8 [n, h, w, c], row by row, with the three colors of a pixel in turn.

    Delimiters are commas, semicolons or tabs, one of which may end the lines. With or without: a header, a label before
    or behind the pixels, row numbers before both, quotes, gzip, and decimal commas. The values are whole numbers 0 to
    255, or all are 0 to 1, from black to white. size: see `shapes.layout`. Says on stderr where it finds the label by
    the values. Raises UserError, with the number of the line, for everything else.

    Reads the file twice if there may be a label, first for the labels and then for the pixels, and takes the memory of
    the result, of one row, and of the first two and the last column.
    """
    delimiter = find_delimiter(path, numbers=True)
    first = next(fields for _, fields in read_rows(path, delimiter) if fields)
    columns, names = len(first), [field.strip(' "') for field in first]
    header = names if _is_header(names) else ()
    counted, label = _named(header)
    extra, shape = layout(columns, size, range(counted + (label is not None), 3)) or (0, None)
    edges = {0: [], 1: [], -1: []}
    for _, fields in _images(path, delimiter, header) if extra else ():
        for position, values in edges.items():
            values.append(sys.intern(fields[position].strip(' "')[:_LONGEST_LABEL]))
    if extra and not edges[0]:
        raise UserError(f"{path} holds a header and no rows; each row must be an image")
    arranged = shape and _arrange(path, columns, extra, counted, label, edges)
    if not arranged:
        raise UserError(
            f"{path} reads as a table with {columns:,} columns, which do not make a square image, gray or "
            "color, with or without a label; if the images are not square, give their --image-size"
        )
    (start, label), count = arranged, math.prod(shape)
    pixels = _read_pixels(path, _images(path, delimiter, header), slice(start, start + count))
    if not len(pixels):
        raise UserError(f"{path} holds a header and no rows; each row must be an image")
    if label is not None and "" in edges[label]:
        raise UserError(f"{path} has a row without a label; write one for each image")
    labels, classes = (None, ()) if label is None else classify_texts(edges[label])
    if len(pixels) % count or (labels is not None and len(labels) * count != len(pixels)):
        raise UserError(f"{path} changed while it was read; start again")
    return Labelled(pixels.reshape(-1, *shape), labels, classes)


def _images(path, delimiter, header):
    """The rows that are images: see `read_rows`."""
    rows = (row for row in read_rows(path, delimiter) if row[1])
    if header:
        next(rows)
    return rows


def _read_pixels(path, rows, columns):
    """The pixels of all rows, one after the other: uint8."""
    pixels, highest, fractions = bytearray(), 0, False
    for line, fields in rows:
        values = _numbers(f"{path}, line {line}", fields, columns)
        highest = max(highest, values.max())
        broken = values[values % 1 > 0] if values.dtype.kind == "f" else ()
        if highest > 1 and (fractions or len(broken)):
            wrong = values.max() if fractions else broken[0]
            raise UserError(f"{path}, line {line}: {wrong:g} is in a table of fractions and of values above 1")
        if len(broken) and not fractions:
            fractions = True
            np.frombuffer(pixels, np.uint8)[:] *= 255
        pixels += np.rint(values * 255.0 if fractions else values).astype(np.uint8).tobytes()
    images = np.frombuffer(pixels, np.uint8)
    if highest <= 1 and not fractions:  # black and white
        images *= 255
    return images


def _numbers(where, fields, columns):
    """The pixels of a row, all 0 to 255: uint8 [pixels], or float64 if they are not plain whole numbers."""
    texts, wrong = fields[columns], ()
    try:  # eight times as fast as `float`
        values = np.frombuffer(bytes(map(_BYTES.__getitem__, texts)), np.uint8)
    except KeyError:
        values = np.array([_number(text) for text in texts], np.float64)  # NaN for what is no number
        wrong = np.flatnonzero(~((values >= 0) & (values <= 255)))
    if len(wrong) and (text := texts[wrong[0]]):
        value = values[wrong[0]]
        why = f"{text[:40]!r} is not a number" if np.isnan(value) else f"{value:g} is not in 0 to 255"
        raise UserError(f"{where}: {why}")
    if len(wrong) or not fields[-1]:
        empty = columns.start + wrong[0] + 1 if len(wrong) else len(fields)
        raise UserError(f"{where}: column {empty} is missing or empty; write its number or label")
    return values


def _count_up(numbers):
    """Whether they are 0, 1, 2 ... or 1, 2, 3 ..."""
    return all(value == count for count, value in enumerate(numbers, int(numbers[:1] != [0])))


def _likeness(values):
    """3 if no pixel has such values, 2 for small whole numbers, 1 for other pixel values, 0 for a constant."""
    numbers = [_number(value) for value in set(values)]
    if any(value is None or not 0 <= value <= 255 for value in numbers):
        return 3
    small = all(value < 100 and value == int(value) for value in numbers)
    return 0 if len(numbers) == 1 else 2 if small else 1


def _named(header):
    """(whether the first column counts the rows, the position of the label or None), by a header, which may be ()."""
    names = [name.lower() for name in header]
    if len(names) < 2:
        return False, None
    counted = names[0] in ROW_NUMBERS
    return counted, next((position for position in (int(counted), -1) if names[position] in LABELS), None)


def _arrange(path, columns, extra, counted, label, edges):
    """(first of the pixels' columns, position of the label or None); None if the others are no label and row numbers.

    extra: the number of columns that are not pixels. counted, label: see `_named`. edges: the values in the columns at
    0, 1 and -1. Says on stderr what it takes from the values.
    """
    of = f"of {columns:,} columns"
    if extra and not counted and _count_up([_number(value) for value in edges[0]]):
        if extra == 2:
            counted, label = True, label or None  # a first column that counts is no label
        elif label is None and len(edges[0]) > 10:  # a table of ten rows may have one for each digit
            counted = True
            note(f"{path}: reads the first {of} as the numbers of the rows")
    if extra == 2 and not counted:
        return None
    if extra > counted and label is None:
        start, stop = _likeness(edges[int(counted)]), _likeness(edges[-1])
        label = -1 if stop > start else int(counted)
        why = ", as the values do not tell which it is; name it by a header, such as label" if stop == start else ""
        place = ("the first", "the second", "the last")[label]
        (warn if why else note)(f"{path}: reads {place} {of} as the labels{why}")
    return extra - (label == -1), label


def _is_header(fields):
    """Whether most fields of the first row are texts or numbers that no pixel has, or count up, as pandas' headers do.

    The first may be a label, and so a text: it decides only if it is one of LABELS. A few wrong values are an error.
    """
    if any(field.lower() in LABELS for field in fields[:2]):
        return True
    rest = [_number(field) for field in fields[1:]]
    unlike_pixels = sum(value is None or value > 255 for value in rest)
    return unlike_pixels > len(rest) / 2 or any(len(part) > 7 and _count_up(part) for part in (rest, rest[1:]))


def _number(field):
    """A field as a float, with a decimal point or a decimal comma; None if it is not a number."""
    try:
        return None if "_" in field else float(field.replace(",", "."))  # Python reads 1_0 as a number
    except ValueError:
        return None
