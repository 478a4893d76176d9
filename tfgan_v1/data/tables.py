"""Tables in text, such as CSV files, with an image in each row."""

import io
import itertools
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.labels import Labelled
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.table_columns import Column, arrange, count_named, is_header, number
from tfgan_v1.data.unpacking import most_unpacked, opened
from tfgan_v1.errors import UserError, note, warn

DELIMITERS = ",;\t"
_BLOCK = 2**22  # characters that are read at once
_LONGEST = 2**24  # characters in a line
_MOST_BLANK = 10**6  # blank lines that a table has more than rows; reading them takes half a second


class _Table(NamedTuple):
    """What a table looks like from its first line."""

    path: object
    delimiter: str
    columns: int
    header: list  # the names of the columns, or ()


def read_csv(path, size=None):
    """The Labelled images of a table: uint8 [n, h, w, c], row by row, with the three colours of a pixel in turn.

    Delimiters are commas, semicolons or tabs, one of which may end the lines. With or without: a header, a label before
    or behind the pixels, row numbers before both, quotes, gzip, and, where no commas delimit, decimal commas. The
    values are whole numbers 0 to 255, or all are 0 to 1, from black to white. size: see `shapes.layout`. Says on stderr
    where it finds the label by the values. Raises UserError, with the number of the line, for everything else.

    Reads the file twice, first for the columns and then for the pixels, and takes the memory of the result and of one
    block of lines.
    """
    table = _first_line(path)
    extra, shape = layout(table.columns, size, range(count_named(table.header), 3)) or (0, None)
    edges = [Column(), Column(), Column()] if extra else []
    rows = _scan(table, edges) if shape else 0
    arrangement = shape and arrange(table.columns, extra, table.header, edges)
    if not arrangement:
        raise UserError(
            f"{path} reads as a table with {table.columns:,} columns, which do not make a square image, grey or "
            "colour, with or without a label; if the images are not square, give their --image-size"
        )
    if not rows:
        raise UserError(f"{path} holds a header and no rows; each row must be an image")
    if arrangement.sentence:
        (warn if arrangement.doubtful else note)(f"{path}: {arrangement.sentence}")
    pixels = _read_pixels(table, rows, arrangement)
    label = arrangement.label
    return Labelled(pixels.reshape(rows, *shape), *(edges[label].classify() if label is not None else ()))


def _first_line(path):
    """The _Table that the first line makes of a file."""
    with opened(path) as file:
        _, first = next(lines(file, path, _LONGEST), (0, ""))
    if not first:
        raise UserError(f"{path} holds no rows; each row must be an image")
    # A semicolon counts twice, for in its table each number may have a decimal comma.
    delimiter = max(DELIMITERS, key=lambda each: first.count(each) * (1 if each == "," else 2))
    fields = _fields(first.removesuffix(delimiter), delimiter)
    return _Table(path, delimiter, len(fields), fields if is_header(fields) else ())


def _scan(table, edges):
    """The number of rows, which all have as many columns as the first; their edges go to the Columns at 0, 1 and -1."""
    rows = 0
    with opened(table.path) as file:
        for line_number, line in _rows(file, table):
            columns = line.count(table.delimiter) + 1
            if columns != table.columns:
                raise UserError(
                    f"{table.path}, line {line_number}: there are {columns:,} columns, "
                    f"and {table.columns:,} in the first"
                )
            rows += 1
            if edges:
                fields = *line.split(table.delimiter, 2)[:2], line.rpartition(table.delimiter)[2]
                for column, field in zip(edges, fields, strict=True):
                    column.add(field.strip(' "'))
    return rows


def _read_pixels(table, rows, arrangement):
    """The pixels of all rows: uint8 [rows, pixels]."""
    pixels = np.empty((rows, arrangement.pixels), np.uint8)
    row, highest, fractions = 0, 0, False
    with opened(table.path) as file:
        for block in _blocks(itertools.islice(_rows(file, table), rows)):
            values = _numbers(table, block, arrangement)
            _refuse(table, block, values, ~((values >= 0) & (values <= 255)), "is not in 0 to 255")
            broken, highest = values != np.floor(values), max(highest, values.max())
            if highest > 1:
                mixed = values > 1 if fractions else broken
                _refuse(table, block, values, mixed, "is in a table of fractions and of values above 1")
            elif not fractions and broken.any():
                fractions = True
                pixels[:row] *= 255
            pixels[row : row + len(block)] = np.rint(values * 255 if fractions else values)
            row += len(block)
    if row < rows:
        raise UserError(f"{table.path} became shorter while it was read; start again")
    if highest <= 1 and not fractions:  # black and white
        pixels *= 255
    return pixels


def _numbers(table, block, arrangement):
    """The pixels of some rows, (line number, line) each: float64 [rows, pixels]."""
    start, stop = arrangement.first, arrangement.first + arrangement.pixels
    comma = table.delimiter != ","
    texts = [line.replace(",", ".") if comma else line for _, line in block]
    try:
        values = np.loadtxt(
            texts, delimiter=table.delimiter, quotechar='"', comments=None, ndmin=2, usecols=range(start, stop)
        )
        if values.shape == (len(block), arrangement.pixels):
            return values
    except ValueError:
        pass
    for line_number, line in block:  # find the wrong field
        for field in _fields(line, table.delimiter)[start:stop]:
            if number(field) is None:
                raise UserError(f"{table.path}, line {line_number}: {field[:40]!r} is not a number")
    raise UserError(f"{table.path}, lines {block[0][0]} to {block[-1][0]}: the numbers cannot be read")


def _refuse(table, block, values, wrong, why):
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise UserError(f"{table.path}, line {block[row][0]}: {values[row, column]:g} {why}")


def _rows(file, table):
    """(number, line) of each row, without a delimiter at its end."""
    rows = itertools.islice(lines(file, table.path, _LONGEST), 1 if table.header else 0, None)
    return ((number, line.removesuffix(table.delimiter)) for number, line in rows)


def lines(file, path, longest):
    """(number, line) of each line of text that is not blank, however lines end, CR CR LF included.

    file: what `opened` yields for the path. longest: line, in characters. Raises UserError for a longer one, and for
    more text or blank lines than tables have.
    """
    number, found, blank, ending, length, most = 0, 0, 0, "", 0, most_unpacked(path.stat().st_size)
    with io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text:
        for line in iter(lambda: text.readline(longest), ""):
            number += not (ending == "\r" and line in ("\r", "\r\n"))  # the rest of the same end
            ending = line[-1]
            length += len(line)
            if length > most:
                raise UserError(f"{path} unpacks to more than {most:,} bytes, which data never do; download it again")
            if len(line) == longest:
                raise UserError(f"{path}, line {number} is longer than any row of a table")
            if line.strip(f'{DELIMITERS}" \r\n'):
                found += 1
                yield number, line.rstrip("\r\n")
                continue
            blank += 1
            if blank > found + _MOST_BLANK:
                raise UserError(f"{path} has more than {_MOST_BLANK:,} blank lines; remove them")


def _blocks(lines):
    """Lists of lines, each of about _BLOCK characters."""
    block, length = [], 0
    for row in lines:
        block.append(row)
        length += len(row[1])
        if length >= _BLOCK:
            yield block
            block, length = [], 0
    if block:
        yield block


def _fields(line, delimiter):
    return [field.strip(' "') for field in line.split(delimiter)]
