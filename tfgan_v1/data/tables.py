"""Images in text, one a line, as CSV files have them: what the file is like is told from the file itself."""

import io
import itertools

import numpy as np

from tfgan_v1.data.labels import Labelled
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.unpacking import most_unpacked, opened
from tfgan_v1.errors import UserError

LABELS = ("label", "labels", "class", "y", "target")  # what a header may call the column before the pixels
_DELIMITERS = ",;\t"
_BLOCK = 2**22  # characters that are read at once
_LONGEST = 2**24  # characters in a line


def read_csv(path, size=None):
    """The images of a table: uint8 [n, h, w, c], row by row, a colour pixel's red, green and blue side by side.

    Commas, semicolons or tabs; with a header or without, with a label before the pixels or without (behind them, where
    a header says so), quoted or not, gzipped or not. The values are whole numbers 0 to 255, or all of them lie in 0 to
    1 and mean black to white. size: see `shapes.layout`. Raises UserError, with the number of the line, for everything
    else. It takes the memory of the result and of one block of lines.
    """
    with opened(path) as file:
        lines = _lines(file, path)
        number, first = next(lines, (0, ""))
        if not first:
            raise UserError(f"{path} holds no rows; a row is an image")
        delimiter = max(_DELIMITERS, key=first.count)
        fields = _fields(first, delimiter)
        header = _is_header(fields)
        named = [fields[end].lower() in LABELS for end in (0, -1)]
        found = layout(len(fields), size, (1,) if any(named) else (0, 1))
        if found is None:
            raise UserError(
                f"{path} reads as a table with {len(fields):,} columns, which is no square of pixels, grey or colour, "
                "with or without a label before it; give the images' --image-size if they are not square"
            )
        label, shape = found
        pixels = _Pixels(path, len(fields), -label if named == [False, True] else label, delimiter)
        for block in _blocks(lines if header else itertools.chain([(number, first)], lines)):
            pixels.add(block)
    return Labelled(pixels.finished().reshape(-1, *shape))


class _Pixels:
    """The pixels of the rows so far, as bytes, which do not know yet whether they mean 0 to 255 or 0 to 1."""

    def __init__(self, path, columns, label, delimiter):
        self.path, self.columns, self.delimiter = path, columns, delimiter
        self.label = label  # 1 before the pixels, -1 behind them, 0 for none
        self.bytes = bytearray()  # grows in place
        self.highest, self.fractions = 0, False

    def add(self, block):
        """Takes a list of (line number, line)."""
        values = self._numbers(block)
        self._refuse(block, values, ~((values >= 0) & (values <= 255)), "lies outside 0 to 255")
        self.highest = max(self.highest, values.max())
        broken = values != np.floor(values)
        if self.highest > 1:
            mixed = values > 1 if self.fractions else broken
            self._refuse(block, values, mixed, "stands in a table of fractions and of values above 1")
        elif not self.fractions and broken.any():
            self.fractions = True
            self._scale()
        self.bytes += np.rint(values * 255 if self.fractions else values).astype(np.uint8).tobytes()

    def finished(self):
        """All pixels: uint8 [n * h * w * c]."""
        if not self.bytes:
            raise UserError(f"{self.path} holds a header and no rows; a row is an image")
        if self.highest <= 1 and not self.fractions:  # black and white
            self._scale()
        return np.frombuffer(self.bytes, np.uint8)

    def _scale(self):
        values = np.frombuffer(self.bytes, np.uint8)
        values *= 255

    def _numbers(self, block):
        """The values of some lines: float64 [lines, columns without the label]."""
        parts = {0: str, 1: lambda line: line.partition(self.delimiter)[2]}
        parts[-1] = lambda line: line.rpartition(self.delimiter)[0]
        texts = [parts[self.label](line) for _, line in block]
        try:
            if all(texts):  # for loadtxt leaves out what is empty
                values = np.loadtxt(texts, delimiter=self.delimiter, quotechar='"', comments=None, ndmin=2)
                if values.shape == (len(block), self.columns - abs(self.label)):
                    return values
        except ValueError:
            pass
        for number, line in block:  # which of them was it?
            fields = _fields(line, self.delimiter)
            if len(fields) != self.columns:
                raise UserError(
                    f"{self.path}, line {number}: there are {len(fields):,} columns, and {self.columns:,} in the first"
                )
            for field in fields[max(self.label, 0) : len(fields) + min(self.label, 0)]:
                if _number(field) is None:
                    raise UserError(f"{self.path}, line {number}: {field[:40]!r} is no number")
        raise UserError(f"{self.path}, lines {block[0][0]} to {block[-1][0]}: the numbers cannot be read")

    def _refuse(self, block, values, wrong, why):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise UserError(f"{self.path}, line {block[row][0]}: {values[row, column]:g} {why}")


def _lines(file, path):
    """(number, line) of each line that is not blank, however lines end, CR CR LF included."""
    number, ending, length, most = 0, "", 0, most_unpacked(path.stat().st_size)
    with io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text:
        for line in iter(lambda: text.readline(_LONGEST), ""):
            number += not (ending == "\r" and line in ("\r", "\r\n"))  # the rest of the same end
            ending = line[-1]
            length += len(line)
            if length > most:
                raise UserError(f"{path} unpacks to more than {most:,} bytes, which no images do; get it anew")
            if len(line) == _LONGEST:
                raise UserError(f"{path}, line {number} is longer than any row of pixels")
            if line.strip(f'{_DELIMITERS}" \r\n'):
                yield number, line.rstrip("\r\n")


def _blocks(lines):
    """Lists of lines, each of about _BLOCK characters."""
    block, length = [], 0
    for number, line in lines:
        block.append((number, line))
        length += len(line)
        if length >= _BLOCK:
            yield block
            block, length = [], 0
    if block:
        yield block


def _fields(line, delimiter):
    return [field.strip(' "') for field in line.split(delimiter)]


def _number(field):
    try:
        return float(field)
    except ValueError:
        return None


def _is_header(fields):
    """Whether the first row is no image: most of it are names, or numbers that are none of pixels, as pandas writes.

    The first field may be a label, and a label may be a text; so it decides only if it is the name of one. A few wrong
    values are an image's, whose line is told.
    """
    rest = [_number(field) for field in fields[1:]]
    counts_up = len(rest) > 7 and rest[0] in (0, 1) and rest == list(range(int(rest[0]), int(rest[0]) + len(rest)))
    unlike_pixels = sum(value is None or value > 255 for value in rest)
    return fields[0].lower() in LABELS or counts_up or unlike_pixels > len(rest) / 2
