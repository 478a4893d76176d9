"""Tables in text, such as CSV files, read by pandas: with an image in each row, or with labels."""

import csv
import io
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.labels import Labelled
from tfgan_v1.data.shapes import layout
from tfgan_v1.data.table_columns import Column, arrange, count_named, is_header
from tfgan_v1.data.unpacking import most_unpacked, opened
from tfgan_v1.errors import UserError, note, warn

DELIMITERS = ",;\t"
MOST_COLUMNS = 2**18  # of a grey image of 512x512; pandas takes some 30 microseconds for each column of each block
_BLOCK, _MOST_ROWS = 2**21, 2**14  # fields and rows that are read at once
_LONGEST = 2**22  # characters in the first line
_LONGEST_BLOCK = 2**26  # characters in a block; more are an endless line, or a quote that is not closed
_MOST_BLANK = 10**4  # blank lines that a table has more than rows
_EMPTY = {"keep_default_na": False, "na_values": [""]}  # only an empty field is no value; NA is a word


class Table(NamedTuple):
    """What a table looks like from its first line."""

    path: Path
    blank: int  # lines before the first that is not blank
    head: str  # the text from there on, at most _LONGEST characters
    line: str  # the first line

    def fields(self, delimiter):
        """The fields of the first line."""
        try:
            fields = next(csv.reader([self.line], delimiter=delimiter, skipinitialspace=True))
        except csv.Error as error:
            raise UserError(f"{self.path}, line {self.blank + 1} cannot be read ({error}); shorten it") from None
        if len(fields) > MOST_COLUMNS:
            raise UserError(
                f"{self.path} has {len(fields):,} columns, and {MOST_COLUMNS:,} can be read; save it as a .npy file"
            )
        return [field.strip(' "') for field in fields]


class _Text(io.TextIOWrapper):
    """The text of a file, which refuses zip bombs, endless lines and open quotes before they take memory."""

    def __init__(self, file, path):
        super().__init__(file, "utf-8-sig", "replace", newline="")
        self.path, self.most, self.length, self.block = path, most_unpacked(path.stat().st_size), 0, 0

    def read(self, size=-1):
        text = super().read(size)
        if text.endswith("\r"):
            text += super().read(2)
        self.length += len(text)
        self.block += len(text)
        if self.length > self.most:
            raise UserError(
                f"{self.path} unpacks to more than {self.most:,} bytes, which data never do; download it again"
            )
        if self.block > _LONGEST_BLOCK:
            raise UserError(f"{self.path} has a line longer than any row of a table, or a quote that is not closed")
        return text.replace("\r\r\n", "\n")  # what Windows makes of CR LF


def look_at(path):
    """The Table at a path. Raises UserError if all is blank, or its first line is too long."""
    path = Path(path)
    with opened(path) as file, _Text(file, path) as text:
        head = text.read(_LONGEST)
    blank = head[: len(head) - len(head.lstrip(f'{DELIMITERS}" \r\n'))]
    start = 1 + max(blank.rfind("\r"), blank.rfind("\n"))
    line = re.match("[^\r\n]*", head[start:]).group()
    if len(blank) == len(head):
        raise UserError(f"{path} holds no rows; write one for each image")
    if start + len(line) >= _LONGEST:
        raise UserError(f"{path} has a first line longer than any row of a table; give a table")
    return Table(path, len(re.findall("\r\n?|\n", blank)), head[start:], line)


def read_blocks(table, delimiter, columns, **options):
    """Yields the rows of a Table in pandas' DataFrames, the first row alone; their index is the number of the line.

    columns: those of the first row. options: of pandas.read_csv. Raises UserError for a row with more of them.
    """
    import pandas as pd

    options |= {"header": None, "names": range(columns), "index_col": False, "skiprows": table.blank}
    options |= {"sep": delimiter, "skipinitialspace": True, "skip_blank_lines": False, "low_memory": False}
    rows = max(1, min(_MOST_ROWS, _BLOCK // columns))
    try:
        with (
            opened(table.path) as file,
            _Text(file, table.path) as text,
            pd.read_csv(text, chunksize=rows, **options) as reader,
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # pandas cuts off a first row that is longer
                block = reader.get_chunk(1)
            while block is not None:
                block.index += table.blank + 1
                yield block
                text.block = 0
                block = next(reader, None)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        message = str(error).strip()
        if wide := re.search(r"in line (\d+), saw (\d+)", message):
            raise UserError(
                f"{table.path}, line {wide[1]}: there are {int(wide[2]):,} columns, more than in the first row"
            ) from None
        row = re.search(r"EOF inside string starting at row (\d+)", message)
        where = f", line {int(row[1]) + 1}" if row else ""
        raise UserError(f"{table.path}{where} cannot be read ({message}); close its quotes, or double them") from None


def read_csv(path, size=None):
    """The Labelled images of a table: uint8 [n, h, w, c], row by row, with the three colours of a pixel in turn.

    Delimiters are commas, semicolons or tabs, one of which may end the lines. With or without: a header, a label before
    or behind the pixels, row numbers before both, quotes, gzip, and decimal commas. The values are whole numbers 0 to
    255, or all are 0 to 1, from black to white. size: see `shapes.layout`. Says on stderr where it finds the label by
    the values. Raises UserError, with the number of the line, for everything else.

    Reads the file twice if there may be a label, first for the labels and then for the pixels, and takes the memory of
    the result and of one block of rows.
    """
    table = look_at(path)
    # A semicolon counts twice, for in its table each number may have a decimal comma.
    delimiter = max(DELIMITERS, key=lambda mark: table.line.count(mark) * (1 if mark == "," else 2))
    fields = table._replace(line=table.line.removesuffix(delimiter)).fields(delimiter)
    columns, header = len(fields), fields if is_header(fields) else ()
    extra, shape = layout(columns, size, range(count_named(header), 3)) or (0, None)
    edges = {position: Column() for position in (0, 1, -1)} if extra else {}
    if edges:
        ends = {position % columns: str for position in edges}
        for block in _rows(table, delimiter, columns, header, dtype=ends):
            for position, column in edges.items():
                for field in block[position % columns].fillna(""):
                    column.add(field.strip(' "'))
    arrangement = shape and arrange(columns, extra, header, edges)
    if not arrangement:
        raise UserError(
            f"{path} reads as a table with {columns:,} columns, which do not make a square image, grey or "
            "colour, with or without a label; if the images are not square, give their --image-size"
        )
    decimal = "," if delimiter != "," and "," in table.head else "."
    pixels = _read_pixels(table, _rows(table, delimiter, columns, header, decimal=decimal), arrangement)
    if not len(pixels):
        raise UserError(f"{path} holds a header and no rows; each row must be an image")
    labels, classes = (None, ()) if arrangement.label is None else edges[arrangement.label].classify()
    if labels is not None and len(labels) != len(pixels):
        raise UserError(f"{path} changed while it was read; start again")
    if arrangement.sentence:
        (warn if arrangement.doubtful else note)(f"{path}: {arrangement.sentence}")
    return Labelled(pixels.reshape(-1, *shape), labels, classes)


def _rows(table, delimiter, columns, header, **options):
    """Blocks of the rows that are images; a column behind them is empty, or holds what follows a last delimiter."""
    blocks = read_blocks(table, delimiter, columns + 1, **_EMPTY, **options)
    if header:
        next(blocks)
    most_blank = _MOST_BLANK
    for block in blocks:
        rows = block.dropna(how="all") if block[0].isna().any() else block
        most_blank -= len(block) - 2 * len(rows)
        if most_blank < 0:
            raise UserError(f"{table.path} has more than {_MOST_BLANK:,} blank lines; remove them")
        if len(rows):
            yield rows


def _read_pixels(table, blocks, arrangement):
    """The pixels of all rows: uint8 [rows, pixels]."""
    pixels, highest, fractions = bytearray(), 0, False
    start, stop = arrangement.first, arrangement.first + arrangement.pixels
    for block in blocks:
        values = _numbers(block.iloc[:, start:stop])
        _refuse(table, block, start, ~((values >= 0) & (values <= 255)), "is not in 0 to 255")
        columns = block.shape[1] - 1
        short = block.index[block[columns - 1].isna()]  # pandas fills up a row that ends before its label
        if len(short):
            raise UserError(f"{table.path}, line {short[0]}: column {columns} is missing or empty; write its label")
        beyond = block.index[block[columns].notna()]
        if len(beyond):
            raise UserError(f"{table.path}, line {beyond[0]}: there are more than the first row's {columns:,} columns")
        broken, highest = values != np.floor(values), max(highest, values.max())
        if highest > 1:
            mixed = values > 1 if fractions else broken
            _refuse(table, block, start, mixed, "is in a table of fractions and of values above 1")
        elif not fractions and broken.any():
            fractions = True
            np.frombuffer(pixels, np.uint8)[:] *= 255
        pixels += np.rint(values * 255 if fractions else values).astype(np.uint8).tobytes()
    images = np.frombuffer(pixels, np.uint8).reshape(-1, arrangement.pixels)
    if highest <= 1 and not fractions:  # black and white
        images *= 255
    return images


def _numbers(block):
    """The values of a DataFrame as numbers: [rows, columns], NaN for what is none."""
    import pandas as pd

    values = block.to_numpy()
    if values.dtype.kind in "iuf":
        return values
    texts = block.astype(str).apply(lambda column: column.str.replace(",", "."))
    return texts.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)


def _refuse(table, block, start, wrong, why):
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        field, where = block.iloc[row, start + column], f"{table.path}, line {block.index[row]}"
        if field != field:
            raise UserError(f"{where}: column {start + column + 1} is missing or empty; write its number")
        if isinstance(field, str) and np.isnan(_numbers(block.iloc[[row], [start + column]])).all():
            raise UserError(f"{where}: {field[:40]!r} is not a number")
        raise UserError(f"{where}: {field} {why}")
