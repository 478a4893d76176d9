"""Tables in text, such as CSV files: their rows, and the images of those with one in each row."""

import codecs
import csv
import io
import math
import re
import sys
from array import array
from functools import partial
from itertools import chain, islice

import numpy as np

from tfgan_v1.data.arrays import VALUE_RANGES, to_images_or_points
from tfgan_v1.data.labels import Labelled, classify_texts
from tfgan_v1.data.shapes import MOST_COLUMNS, POINTS, layout, unflatten
from tfgan_v1.data.unpacking import most_bytes, opened
from tfgan_v1.errors import UserError, count_of, note, shortened, warn

# Each delimiter, and how often it counts where commas may be decimal. Blanks delimit if a line has none of them.
DELIMITERS = {";": 2, "\t": 2, "|": 2, ",": 1}  # of two as often, the first: 1,5;2,5
# What a header may call the labels, best first, in lower case.
LABELS = ("label", "labels", "class", "y", "target", "targets", "classname", "classid", "category", "species", "breed")
LABELS += ("class_id", "category_id", "categoryid", "label_id", "labelid")
MISSING = {"", "nan", "na", "n/a", "#n/a", "null", "?"}  # what stands for a label that is missing, in lower case
# And the numbers of the rows, which pandas writes first; what else is neither a label nor a pixel; and pixels.
_ROW_NUMBERS = re.compile(r"(unnamed: 0)?|index|row|((image|img|picture|photo|file|sample|row|record)[ _-]?)?id")
_NO_LABELS = re.compile(r"usage|split|subset|set|fold|((image|file)[ _]?)?(name|path)|file|image")
_PIXELS = re.compile(r"[a-z]*[ _.-]?[0-9]+([x_,.-][0-9]+)?")  # pixel0, V1, 28x28
_SEPARATOR = re.compile(r'(?i)"?sep=([,;|\t ])"?[\r\n]*')  # Excel's first line
_NO_SQUARE = ", which do not make a square image, gray or color, with or without a label; if the images are not "
_NO_SQUARE += "square, give their --image-size; if rows are no images, --points; or remove columns that are no pixels"
_NO_ROWS = "holds a header and no rows; each row must be an image or a point"
_RANGES = "whole numbers 0 to 255, or fractions 0 to 1 or -1 to 1"
_NO_DELIMITER = "\x1f"  # no text has it
_LONGEST = 2**24  # characters in a row, whose quotes may hold the ends of lines
csv.field_size_limit(_LONGEST)  # a field may hold all pixels of an image
_MOST_BLANK = 10**6  # blank lines that a table has more than rows; reading them takes half a second
_LONGEST_LABEL = 100  # characters
_BYTES = {str(value): value for value in range(256)}


def _lines(path):
    """Yields the lines of a text, gzipped or not, in pieces of at most _LONGEST characters. Refuses zip bombs."""
    with opened(path) as file:
        encoding = "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        file.seek(0)
        text = io.TextIOWrapper(file, encoding, "replace", newline="")
        most = left = most_bytes(file, path)
        previous = ""
        while line := text.readline(_LONGEST):
            left -= len(line)
            if left < 0:
                raise UserError(f"{path} unpacks to more than {most:,} bytes, which data never do; download it again")
            if line != "\r\n" or not previous.endswith("\r"):  # Windows makes CR CR LF of CR LF
                yield line
            previous = line


def _filled(path):
    """The lines that are not blank, out of the first _MOST_BLANK. Raises UserError if all are."""
    lines = (line for line in islice(_lines(path), _MOST_BLANK) if line.strip(',;\t|" \r\n'))
    if not (first := next(lines, "")):
        raise UserError(f"{path} holds no rows; write one for each image")
    return chain([first], lines)


def find_delimiter(path):
    """The delimiter of a table by its first line, "" if that has none. Raises UserError if all lines are blank."""
    first = next(_filled(path))
    return _delimiter(first, first, dict.fromkeys(",;\t", 1))


def _delimiter(first, line, marks):
    """The delimiter that Excel names in the first line, or that of a line out of {delimiter: how often it counts}."""
    if named := _SEPARATOR.fullmatch(first):
        return named[1]
    outside = re.sub('"[^"]*"', "", line)
    delimiter = max(marks, key=lambda mark: outside.count(mark) * marks[mark])
    return delimiter if delimiter in outside else ""


def _begin(path):
    """(delimiter, what makes comments blank lines, fields of the first two rows, or of one twice); or a UserError."""
    begin = next(_filled(path))
    arff = re.match("%|(?i:@relation)", begin)
    marks = "%@" if arff else "#"
    rows = (line for line in _filled(path) if line[0] not in marks and not _SEPARATOR.fullmatch(line))
    sample = list(islice(rows, 2)) or list(islice(_filled(path), 2))
    row = sample[-1] if sample[-1].count('"') % 2 == 0 else sample[0]  # the second, as the first may be a header
    words = [re.findall(r'[^\s,;|"()\[\]]+', line[:9999]) for line in sample]
    if not any(sum(_number(word) is not None for word in each) >= len(each) / 2 for each in words):
        what = "no rows are below it" if len(sample) == 1 else "a table has a row of numbers for each image"
        raise UserError(f"{path} is a text, and its first line is {shortened(begin.strip())!r}; {what}")
    delimiter = _delimiter(begin, row, DELIMITERS)
    if not delimiter and all(len(line.split(None, 1)) > 1 for line in sample):
        delimiter = " "

    def count(text):
        return sum(1 for _ in re.finditer(r"\S+", text)) if delimiter in " " else text.count(delimiter)

    def clean(text):
        if text[0] in marks:  # a comment, or a header with as many fields as a row
            text = re.sub("^#+ +", "", text)
            return "\n" if arff or count(text) != width else text
        return text.replace("'", '"') if arff else text

    width = count(row)
    rows = (fields for _, fields in read_rows(path, delimiter, clean) if fields)
    if not (first := next(rows, None)):
        raise UserError(f"{path} holds comments and no rows; write one for each image")
    return delimiter, clean, first, next(rows, first)


def read_rows(path, delimiter, clean=str):
    """Yields (number of its first line, fields) of each row, with as many fields as the first; [] for a blank line.

    A delimiter may end the lines. clean: applied to each line. Raises UserError for quotes that are not closed, and for
    a row with more fields.
    """
    line, length, columns, blank = 1, 0, 0, 0

    def bounded():
        nonlocal length
        for text in _lines(path):
            length += len(text)
            if length >= _LONGEST:
                raise UserError(f"{path}, line {line} begins an open quote, or a row of over {_LONGEST:,} characters")
            yield clean(text)

    reader = csv.reader(bounded(), delimiter=delimiter or _NO_DELIMITER, skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            if line == 1 and _SEPARATOR.fullmatch(delimiter.join(fields)):
                pass
            elif any(map(str.strip, fields)):
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
    """The Labelled images of a table: uint8 [n, h, w, c], as `shapes.unflatten` arranges each row.

    Or points, float32 [n, d]: see `_is_of_points`. Delimiters are those of DELIMITERS or blanks, one of which
    may end the lines. With or without: a header, a label before or behind the pixels, row numbers before both, quotes,
    gzip, UTF-16, decimal commas, comments, all pixels in one field; other columns, if the header names the pixels. The
    values are in a range of floats in `arrays.VALUE_RANGES`. size: see `shapes.layout`. Says on stderr where it finds
    the label by the values, and what it leaves out. Raises UserError, with the line's number, for everything else.

    Reads the file twice if there may be a label, first for the labels and then for the pixels, and again where a row
    shows another range. Takes the memory of the result, of one row, and of the first two and the last column.
    """
    delimiter, clean, first, second = _begin(path)
    names = [field.strip(' "#') for field in first]
    lists = (at for at, field in enumerate(second) if len(_unpacked(field)) > 3 and _number(names[at]) is None)
    if (packed := next(lists, None)) is not None:
        pixels = [f"pixel{number}" for number, _ in enumerate(_unpacked(second[packed]))]
        names[packed : packed + 1] = _unpacked(names[packed]) or pixels
    columns, header = len(names), names if _is_header(path, names, second) else ()
    read = partial(_read, path, delimiter, clean, header, packed, columns)
    if columns == 1 or (columns == 2 and _named(header) == (True, None)):
        return Labelled(_read_points(path, read()))
    extra, (start, label, shape) = 0, _by_names(path, header, size)
    if not shape:
        counted, label = _named(header)
        extra, shape = layout(columns, size, range(counted + (label is not None), 3)) or (0, None)
    if packed is None and _is_of_points(header, columns, size, start, shape):
        return _read_table(path, read, names if header else [], second)
    edges = {position: [] for position in ((0, 1, -1) if extra else () if label is None else (label,))}
    for _, fields in read() if shape and edges else ():
        for position, values in edges.items():
            values.append(sys.intern(fields[position].strip(' "')[:_LONGEST_LABEL]))
    start, label = _arrange(path, columns, extra, counted, label, edges) if extra else (start, label)
    if not shape or start is None:
        columns = f"{columns:,} columns ({shortened(', '.join(names), 40)})"
        raise UserError(f"{path} reads as a table with {columns}{_NO_SQUARE}")
    count = math.prod(shape)
    pixels = _read_pixels(path, read, slice(start, start + count), label)
    if not len(pixels):
        raise UserError(f"{path} {_NO_ROWS}")
    if label is not None and any("\ufffd" in each for each in edges[label]):
        raise UserError(f"{path} has labels that are not in UTF-8; save the file in UTF-8")
    labels, classes = (None, ()) if label is None else classify_texts(edges[label])
    if len(pixels) % count or (labels is not None and len(labels) * count != len(pixels)):
        raise UserError(f"{path} changed while it was read; start again")
    if columns <= MOST_COLUMNS:
        note(f"{path}: reads rows of {columns} columns as images; --points reads rows as points")
    return Labelled(unflatten(pixels.reshape(-1, count), shape, path), labels, classes)


def _unpacked(field):
    """The numbers in a field, with blanks or commas between them, perhaps in brackets; [] if it is no such list."""
    values = field.strip("[]() ").replace(",", " ").split()
    return [] if None in map(_number, values) else values


def _read(path, delimiter, clean, header, packed, columns):
    """The rows that are images: see `read_rows`. packed: the column with all pixels, which become fields, or None."""
    rows = (row for row in read_rows(path, delimiter, clean) if row[1])
    for line, fields in islice(rows, int(bool(header)), None):
        if packed is not None:
            fields[packed : packed + 1] = _unpacked(fields[packed])
            if len(fields) != columns:
                raise UserError(f"{path}, line {line} has not as many pixels in its field as the first row")
        yield line, fields


def _read_points(path, rows):
    """The numbers in the last column: float32 [n, 1]."""
    points = array("f")
    for line, fields in rows:
        if (value := _number(fields[-1])) is None:
            raise UserError(f"{path}, line {line}: {shortened(fields[-1])!r} is not a number")
        points.append(value)
    if not points:
        raise UserError(f"{path} {_NO_ROWS}")
    values = to_images_or_points(np.frombuffer(points, np.float32), path)
    if (values % 1 == 0).all():
        note(f"{path}: reads one column of whole numbers as points; if they are labels, give them by --labels")
    return values


def _is_of_points(header, columns, size, start, shape):
    """Whether rows are points: if asked for, or few columns that make no image (start, shape), or have other names."""
    named = header and not any(map(_PIXELS.fullmatch, map(str.lower, header)))
    few = size is None and columns <= MOST_COLUMNS and not start
    return size == POINTS or bool(few and (not shape or (named and math.prod(shape) < 16)))


def _read_table(path, read, header, row):
    """The Labelled points, float32 [n, d], of all columns of numbers but the rows' own. row: one of the table's."""
    names = [name.lower() for name in header]
    texts = [at for at, field in enumerate(row) if _number(field) is None and field.strip().lower() not in MISSING]
    # The label is a column that is called so and holds no fractions, or the only one of texts; "y" is a coordinate.
    classes = {name for name, field in zip(names, row, strict=False) if (_number(field) or 0) % 1 == 0} - {"y"}
    label = next((names.index(name) for name in LABELS if name in classes), texts[0] if len(texts) == 1 else None)
    out = {at for at, name in enumerate(names) if _ROW_NUMBERS.fullmatch(name)} | {*texts}
    columns, points, labels = [at for at in range(len(row)) if at != label and at not in out], array("d"), []
    for line, fields in read():
        numbers = [_number(fields[at]) for at in columns]
        labels.append("" if label is None else sys.intern(fields[label].strip(' "')[:_LONGEST_LABEL]))
        unknown = [at for at, number in zip(columns, numbers, strict=True) if number is None or number != number]
        for wrong in unknown[:1]:
            field = f"column {wrong + 1} ({header[wrong] if header else shortened(fields[wrong])})"
            raise UserError(f"{path}, line {line}: {field} is no number; write it, or remove the row")
        if label is not None and labels[-1].lower() in MISSING:
            raise UserError(f"{path}, line {line}: the label in column {label + 1} is missing; write it")
        points.extend(numbers)
    if not points:
        raise UserError(f"{path} {_NO_ROWS}" if columns else f"{path} has no column of numbers; points need one")
    values = np.frombuffer(points).reshape(-1, len(columns))
    if not header and len(columns) > 1 and len(values) > 10 and _count_up(values[:, 0].tolist()):
        values, columns = values[:, 1:], columns[1:]
        note(f"{path}: reads the first of {len(row):,} columns as the numbers of the rows")
    if left := [header[at] if header else f"number {at + 1}" for at in sorted(out - {label})]:
        note(f"{path}: leaves out the columns {shortened(', '.join(left))}")
    what = f" and the column {header[label] if header else label + 1} as the labels" if label is not None else ""
    note(f"{path}: reads each row as a point of {count_of(values.shape[1], 'number')}{what}")
    found, classes = (None, ()) if label is None else classify_texts(labels)
    points, names = to_images_or_points(values, path, POINTS), tuple(header[at] for at in columns if header)
    return Labelled(points, found, classes, columns=names)


def _by_names(path, header, size):
    """(first of the pixels' columns, position of the label or None, their shape or None), as a header names them."""
    names = [name.lower() for name in header]
    pixels = [at for at, name in enumerate(names) if _PIXELS.fullmatch(name)]
    _, shape = layout(len(pixels), size) or (0, None)
    if not shape or pixels[-1] - pixels[0] >= len(pixels):
        return 0, None, None
    label = next((names.index(name) for name in LABELS if name in names), None)
    others = [at for at in range(len(names)) if at not in (label, *pixels) and not _ROW_NUMBERS.fullmatch(names[at])]
    unknown = [position for position in others if not _NO_LABELS.fullmatch(names[position])]
    if label is None and len(unknown) == 1:
        others.remove(label := unknown[0])
        note(f"{path}: reads the column {header[label]} as the labels")
    if others:
        names = shortened(", ".join(header[position] for position in others))
        note(f"{path}: leaves out the columns {names}, and reads all rows")
    return pixels[0], label, shape


def _read_pixels(path, read, columns, label, low=0, high=0, convert=None):
    """The pixels of all rows, one after the other: uint8. Starts again where a row shows another of VALUE_RANGES."""
    pixels, fraction = bytearray(), ""
    for line, fields in read():
        values = _numbers(f"{path}, line {line}", fields, columns, label)
        high, chosen = max(high, values.max()), convert
        if convert or values.dtype.kind == "f":
            low, values = min(low, values.min()), values.astype(np.float64)
            chosen = next((each for least, most, each in VALUE_RANGES["f"] if least <= low and high <= most), None)
            if not chosen:
                wrong = f"{path}, line {line}: {values.min() if values.min() < 0 else values.max():g}"
                few = "; --points reads rows as points" * (len(fields) <= MOST_COLUMNS)
                raise UserError(f"{wrong} is in a table of {low:g} to {high:g}; pixels are {_RANGES}{few}")
            if values.max() <= 1 and (values % 1).any():
                fraction = fraction or f"{path}, line {line}: {values[values % 1 > 0][0]:g}"
            if fraction and high > 1.05:
                raise UserError(f"{fraction} is in a row of fractions, and another row has {high:g}; scale all alike")
        if chosen is not convert and pixels:
            return _read_pixels(path, read, columns, label, low, high, chosen)
        convert = chosen
        pixels += values.tobytes() if convert is None else np.rint(convert(values)).astype(np.uint8).tobytes()
    images = np.frombuffer(pixels, np.uint8)
    if high <= 1 and convert is None:  # black and white
        images *= 255
    return images


def _numbers(where, fields, columns, label):
    """The pixels of a row: uint8 [pixels], or float64 if they are not all plain whole numbers 0 to 255."""
    texts, wrong = fields[columns], ()
    try:  # eight times as fast as `float`
        values = np.frombuffer(bytes(map(_BYTES.__getitem__, texts)), np.uint8)
    except KeyError:
        values = np.array([_number(text) for text in texts], np.float64)  # NaN for what is no number
        wrong = np.flatnonzero(np.isnan(values))
    if len(wrong) and (text := texts[wrong[0]]):
        raise UserError(f"{where}: {text[:40]!r} is not a number")
    if len(wrong) or (label is not None and fields[label].strip().lower() in MISSING):
        empty = (columns.start + wrong[0] if len(wrong) else label % len(fields)) + 1
        raise UserError(f"{where}: column {empty} is missing or empty; write its number or label")
    return values


def _count_up(numbers):
    """Whether they are 0, 1, 2 ... or 1, 2, 3 ..."""
    return all(value == count for count, value in enumerate(numbers, int(numbers[:1] != [0])))


def _likeness(values):
    """3 if no pixel has such values, 2 for small whole numbers, 1 for other pixel values, 0 for a constant."""
    numbers = [_number(value) for value in set(values)]
    if any(value is None or not -1 <= value <= 255 for value in numbers):
        return 3
    small = all(value < 100 and value == int(value) for value in numbers)
    return 0 if len(numbers) == 1 else 2 if small else 1


def _named(header):
    """(whether the first column counts the rows, the position of the label or None), by a header, which may be ()."""
    names = [name.lower() for name in header]
    if len(names) < 2:
        return False, None
    counted = bool(_ROW_NUMBERS.fullmatch(names[0]))
    return counted, next((position for position in (int(counted), -1) if names[position] in LABELS), None)


def _arrange(path, columns, extra, counted, label, edges):
    """(first of the pixels' columns, position of the label or None); Nones if the others are neither.

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
        return None, None
    if extra > counted and label is None:
        start, stop = _likeness(edges[int(counted)]), _likeness(edges[-1])
        label = -1 if stop > start else int(counted)
        why = ", as the values do not tell which it is; name it by a header, such as label" if stop == start else ""
        place = ("the first", "the second", "the last")[label]
        (warn if why else note)(f"{path}: reads {place} {of} as the labels{why}")
    return extra - (label == -1), label


def _is_header(path, fields, second):
    """Whether most fields of the first row are texts or numbers that no pixel has, or count up, as pandas' headers do.

    The first may be a label, and so a text: it decides only if it is one of LABELS. A few wrong values are an error.
    """
    if len(fields) < 3:  # pandas calls a column of fractions 0
        return _number(fields[0]) is None or (fields == ["0"] and "." in second[0])
    if any(field.lower() in LABELS for field in fields[:2]):
        return True
    known, points = set(fields), [sum(field.count(".") for field in row) for row in (fields, second)]
    for field in fields if len(known) == len(fields) and points[0] > points[1] + 2 else ():
        if {f"{field}.1", f"{field}.2", f"{field}.3"} <= known and _number(field) is not None:
            line = f"{path}, line 1 is a row of numbers that pandas took for a header, so that {field} is {field}.1"
            warn(f"{line} where it is repeated; it is left out; pandas.read_csv(..., header=None) keeps it")
            return True
    rest = [_number(field) for field in fields[1:]]
    unlike_pixels = sum(value is None or value > 255 for value in rest)
    parts = rest, rest[1:], rest[:-1]
    return unlike_pixels > len(rest) / 2 or any(len(part) > 7 and _count_up(part) for part in parts)


def _number(field):
    """A field as a float, with a decimal point or a decimal comma; None if it is not a number."""
    try:
        return None if "_" in field else float(field.replace(",", "."))  # Python reads 1_0 as a number
    except ValueError:
        return None
