"""Tables in text, such as CSV files: their rows, and the images of those with one in each row."""

import csv
import io
import re
import sys

import numpy as np

from tfgan_v1.data.labels import Labelled, classify_texts
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.table_columns import arrange, is_header, named_columns, number
from tfgan_v1.data.unpacking import most_bytes, opened
from tfgan_v1.errors import UserError, note, warn

DELIMITERS = ",;\t"
_NO_DELIMITER = "\x1f"  # no text has it
_LONGEST = 2**22  # characters in a line, or in a row whose quotes hold the ends of lines
_MOST_BLANK = 10**6  # blank lines that a table has more than rows; reading them takes half a second
_LONGEST_LABEL = 100  # characters
_BYTES = {str(value): value for value in range(256)}


def _lines(path):
    """Yields the lines of a text, gzipped or not. Refuses zip bombs and endless lines before they take memory."""
    with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text:
        most = left = most_bytes(file, path)
        previous = ""
        while line := text.readline(_LONGEST):
            left -= len(line)
            if left < 0:
                raise UserError(f"{path} unpacks to more than {most:,} bytes, which data never do; download it again")
            if len(line) == _LONGEST:
                raise UserError(f"{path} has a line longer than any row of a table; give a table")
            if line != "\r\n" or not previous.endswith("\r"):  # Windows makes CR CR LF of CR LF
                yield line
            previous = line


def find_delimiter(path):
    """The delimiter of a table by its first line, "" if that has none. Raises UserError if all lines are blank."""
    first = next((line for line in _lines(path) if line.strip(f'{DELIMITERS}" \r\n')), None)
    if first is None:
        raise UserError(f"{path} holds no rows; write one for each image")
    outside = re.sub('"[^"]*"', "", first)
    # A semicolon counts twice, for in its table each number may have a decimal comma.
    delimiter = max(DELIMITERS, key=lambda mark: outside.count(mark) * (1 if mark == "," else 2))
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
            if length > _LONGEST:
                raise UserError(f"{path}, line {line} begins a row longer than any of a table; close its quotes")
            yield text

    reader = csv.reader(bounded(), delimiter=delimiter or _NO_DELIMITER, skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            if any(fields):
                columns, blank = columns or len(fields) - (not fields[-1]), blank - 1
                if any(fields[columns:]):
                    raise UserError(
                        f"{path}, line {line}: there are {len(fields):,} columns, more than in the first row"
                    )
                yield line, fields[:columns] + [""] * (columns - len(fields))
            elif blank < _MOST_BLANK:
                blank += 1
                yield line, []
            else:
                raise UserError(f"{path} has more than {_MOST_BLANK:,} blank lines; remove them")
            line, length = reader.line_num + 1, 0
    except csv.Error as error:
        raise UserError(f"{path}, line {line} cannot be read ({error}); close its quotes, or double them") from None


def read_csv(path, size=None):
    """The Labelled images of a table: uint8 [n, h, w, c], row by row, with the three colors of a pixel in turn.

    Delimiters are commas, semicolons or tabs, one of which may end the lines. With or without: a header, a label before
    or behind the pixels, row numbers before both, quotes, gzip, and decimal commas. The values are whole numbers 0 to
    255, or all are 0 to 1, from black to white. size: see `shapes.layout`. Says on stderr where it finds the label by
    the values. Raises UserError, with the number of the line, for everything else.

    Reads the file twice if there may be a label, first for the labels and then for the pixels, and takes the memory of
    the result, of one row, and of the first two and the last column.
    """
    delimiter = find_delimiter(path)
    first = next(fields for _, fields in read_rows(path, delimiter) if fields)
    columns, first = len(first), [field.strip(' "') for field in first]
    header = first if is_header(first) else ()
    counted, label = named_columns(header)
    extra, shape = layout(columns, size, range(counted + (label is not None), 3)) or (0, None)
    edges = {0: [], 1: [], -1: []}
    for _, fields in _images(path, delimiter, header) if extra else ():
        for position, values in edges.items():
            values.append(sys.intern(fields[position].strip(' "')[:_LONGEST_LABEL]))
    arrangement = shape and arrange(columns, extra, counted, label, edges)
    if not arrangement:
        raise UserError(
            f"{path} reads as a table with {columns:,} columns, which do not make a square image, grey or "
            "colour, with or without a label; if the images are not square, give their --image-size"
        )
    pixels = _read_pixels(path, _images(path, delimiter, header), arrangement)
    if not len(pixels):
        raise UserError(f"{path} holds a header and no rows; each row must be an image")
    labels, classes = (None, ()) if arrangement.label is None else classify_texts(edges[arrangement.label])
    if len(pixels) % arrangement.pixels or (labels is not None and len(labels) * arrangement.pixels != len(pixels)):
        raise UserError(f"{path} changed while it was read; start again")
    if arrangement.sentence:
        (warn if arrangement.doubtful else note)(f"{path}: {arrangement.sentence}")
    return Labelled(pixels.reshape(-1, *shape), labels, classes)


def _images(path, delimiter, header):
    """The rows that are images: see `read_rows`."""
    rows = (row for row in read_rows(path, delimiter) if row[1])
    if header:
        next(rows)
    return rows


def _read_pixels(path, rows, arrangement):
    """The pixels of all rows, one after the other: uint8."""
    pixels, highest, fractions = bytearray(), 0, False
    for line, fields in rows:
        values = _numbers(f"{path}, line {line}", fields, arrangement)
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


def _numbers(where, fields, arrangement):
    """The pixels of a row, all 0 to 255: uint8 [pixels], or float64 if they are not plain whole numbers."""
    start = arrangement.first
    texts = fields[start : start + arrangement.pixels]
    try:  # eight times as fast as `float`
        values, wrong = np.frombuffer(bytes(map(_BYTES.__getitem__, texts)), np.uint8), ()
    except KeyError:
        values = np.array([number(text) for text in texts], np.float64)  # NaN for what is no number
        wrong = np.flatnonzero(~((values >= 0) & (values <= 255)))
    empty = start + wrong[0] + 1 if len(wrong) and not texts[wrong[0]] else 0 if fields[-1] else len(fields)
    if empty:
        raise UserError(f"{where}: column {empty} is missing or empty; write its number or label")
    if len(wrong):
        text, value = texts[wrong[0]], values[wrong[0]]
        why = f"{text[:40]!r} is not a number" if np.isnan(value) else f"{value:g} is not in 0 to 255"
        raise UserError(f"{where}: {why}")
    return values
