"""Which columns of a table are pixels, which one is the label, and which one counts the rows."""

from typing import NamedTuple

LABELS = ("label", "labels", "class", "y", "target")  # what a header may call the labels, in lower case
ROW_NUMBERS = ("", "index", "id", "unnamed: 0")  # and the numbers of the rows, which pandas writes first
_SMALL = 100  # whole numbers below are labels rather than pixels
_MANY_ROWS = 10  # more than a table of one row for each digit has


class Arrangement(NamedTuple):
    """The columns of a table: `pixels` of them, from `first` on."""

    first: int
    pixels: int
    label: int | None = None  # 0, 1 or -1
    sentence: str = ""  # tells the user what was chosen
    doubtful: bool = False  # whether it is a guess


def _count_up(numbers):
    """Whether they are 0, 1, 2 ... or 1, 2, 3 ..."""
    return all(value == count for count, value in enumerate(numbers, int(numbers[:1] != [0])))


def _label_likeness(values):
    """3 if no pixel has such values, 2 for small whole numbers, 1 for other pixel values, 0 for a constant."""
    numbers = [number(value) for value in set(values)]
    if any(value is None or not 0 <= value <= 255 for value in numbers):
        return 3
    if len(numbers) == 1:
        return 0
    return 2 if all(value < _SMALL and value == int(value) for value in numbers) else 1


def named_columns(header):
    """(whether the first column counts the rows, the position of the label or None), by a header, which may be ()."""
    names = [name.lower() for name in header]
    if len(names) < 2:
        return False, None
    counted = names[0] in ROW_NUMBERS
    return counted, next((position for position in (int(counted), -1) if names[position] in LABELS), None)


def arrange(columns, extra, counted, label, edges):
    """The Arrangement of a table, or None if the columns besides the pixels are not a label and row numbers.

    columns: their number. extra: the number of those that are not pixels, 0 to 2. counted, label: see `named_columns`.
    edges: the values in the columns at 0, 1 and -1.
    """
    sentence, doubtful = "", False
    if extra and not counted and _count_up([number(value) for value in edges[0]]):
        if extra == 2:
            counted = True
        elif label is None and len(edges[0]) > _MANY_ROWS:
            counted, sentence = True, f"reads the first of {columns:,} columns as the numbers of the rows"
    if extra == 2 and not counted:
        return None
    if extra > counted and label is None:
        start, stop = _label_likeness(edges[int(counted)]), _label_likeness(edges[-1])
        label, doubtful = -1 if stop > start else int(counted), stop == start
        sentence = f"reads {('the first', 'the second', 'the last')[label]} of {columns:,} columns as the labels"
        if doubtful:
            sentence += ", as the values do not tell which it is; name it by a header, such as label"
    return Arrangement(extra - (label == -1), columns - extra, label, sentence, doubtful)


def is_header(fields):
    """Whether the first row holds names, not an image.

    It does if most fields are texts or numbers that no pixel has, or if they count up, as in pandas' headers. The first
    field may be a label, and so a text: it decides only if it is one of LABELS. A row with a few wrong values is an
    image, and an error gives its line.
    """
    if any(field.lower() in LABELS for field in fields[:2]):
        return True
    rest = [number(field) for field in fields[1:]]
    unlike_pixels = sum(value is None or value > 255 for value in rest)
    return unlike_pixels > len(rest) / 2 or any(len(part) > 7 and _count_up(part) for part in (rest, rest[1:]))


def number(field):
    """A field as a float, with a decimal point or a decimal comma; None if it is not a number."""
    try:
        return None if "_" in field else float(field.replace(",", "."))  # Python reads 1_0 as a number
    except ValueError:
        return None
