"""What an option of a configuration is: a field with valid values and a flag, and how its value is checked."""

import math
import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from itertools import chain
from numbers import Integral, Real
from os import PathLike, fspath
from types import NoneType
from typing import NamedTuple, get_args

from tfgan_v1.config import synonyms
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan.schedules import SHAPES, Schedule


class Range(NamedTuple):
    """The numbers from `low` to `high`; `open_low` and `open_high` exclude the bound itself."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value):  # false for nan, as every comparison with nan is
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self):
        low = f"{'above' if self.open_low else 'at least'} {self.low:,.10g}"
        high = f"{'below' if self.open_high else 'at most'} {self.high:,.10g}"
        return low if self.high == math.inf else f"{low} and {high}"


class OneOf(Sequence):
    """The valid values: those in tuples, and the names of the rows in tables, to which a program may add its own."""

    def __init__(self, *tables):
        self.tables = tables

    def __getitem__(self, index):
        return list(chain(*self.tables))[index]

    def __len__(self):
        return sum(map(len, self.tables))

    def holds(self, value):
        return value in self

    def spelled(self, value):
        """The choice that a text differs from in capitals and hyphens alone; without one, the text."""
        plain = [str(each).lower().replace("-", "_") for each in self]
        text = value.lower().replace("-", "_") if isinstance(value, str) and value not in self else None
        return self[plain.index(text)] if text in plain else value

    def __str__(self):
        return "one of " + ", ".join(map(str, self))


def option(
    help, valid=None, metavar=None, default=None, common=None, resumable=False, place=False, join=None, scheduled=False
):
    """A field of Config and the flag made from it.

    help: a text, or a function that makes it from a table. valid: the Range or OneOf of valid values. metavar: what
    stands for the value in the help. default: None where a preset may decide, or where the option may stay open.
    common: the value where the preset sets none. resumable: `--resume` may change it, for earlier results do not depend
    on it. place: config.json leaves it out, for a run's folders may be moved.
    scheduled: True, or a word in place of the number, if it may also change with the steps: see gan/schedules.py.
    join: of a text that stands for a number or a list, which Python may pass as such: what is between the parts.
    """
    metadata = {"help": help, "valid": valid, "metavar": metavar, "common": common, "join": join}
    return field(default=default, metadata=metadata | {"resumable": resumable, "place": place, "scheduled": scheduled})


def flag(name):
    """An option as a flag: `--batch-size` for `batch_size`."""
    return "--" + name.replace("_", "-")


def help_text(each, default, in_full=False):
    """An option's help with, in brackets, a short range, or its type and all that is valid, and the default."""
    text, valid, kind = each.metadata["help"], each.metadata["valid"], value_type(each).__name__
    notes = [f"{valid.low:g} to {valid.high:g}"] if isinstance(valid, Range) and valid.high < 1000 else []
    if in_full:
        notes = [str(valid) if isinstance(valid, OneOf) else f"{kind}, {valid}" if valid else kind]
    if default is not None and default is not False:
        notes.append(f"default: {default}")
    text = text() if callable(text) else text
    return text + (f" ({'; '.join(notes)})" if notes else "")


def as_flags(options):
    """Options by name as they are typed in a shell: " --name faces", " --name=-x", or " --strict" for True."""

    def typed(value):
        text = str(value)
        return "" if value is True else f"{'=' if text[:1] == '-' else ' '}{shlex.quote(text)}"

    return "".join(f" {flag(name)}{typed(value)}" for name, value in options.items())


def value_type(each):
    """The type of a field's values, which may be None, too: int, float, str or bool."""
    return next(kind for kind in (get_args(each.type) or [each.type]) if kind is not NoneType)


def from_text(each, text):
    """A field's value from the text that the user typed. Raises UserError for a text of another type."""
    kind, valid = value_type(each), each.metadata["valid"]
    try:
        return kind(text)
    except ValueError:
        if each.metadata["scheduled"]:
            return text  # which `checked` reads
        right = f"{_EXPECTED[kind]}, {valid}" if valid else _EXPECTED[kind]
        raise UserError(f"{flag(each.name)} takes {right}, not {brief(text)}") from None


_EXPECTED = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}


def _is_encodable(text):
    """Whether the system can encode a text as a path."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON allows
        return False


def checked(each, value):
    """`value` as the field's type; an int may stand for a float, a Path for a str. Raises UserError."""
    kind, join = value_type(each), each.metadata["join"]
    if join and isinstance(value, list | tuple):
        value = join.join(map(str, value)) or None
    if value is None and each.default is None:
        return None
    value = fspath(value) if isinstance(value, PathLike) else str(value) if join else value
    if isinstance(value, str) and not _is_encodable(value):
        raise UserError(f"{flag(each.name)} holds characters that no path can hold: {brief(value)}")
    if each.metadata["scheduled"] and not isinstance(value, Real):
        return _checked_schedule(each, value)
    value = os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value
    abstract = {int: Integral, float: Real, str: str, bool: bool}[kind]
    try:
        value = kind(value) if isinstance(value, abstract) and not isinstance(value, bool) else value
    except OverflowError:  # a whole number too large for a float
        value = math.inf if value > 0 else -math.inf
    if type(value) is not kind:
        raise UserError(f"{flag(each.name)} takes {_EXPECTED[kind]}, not {brief(value)}")
    if value == "":
        raise UserError(f"{flag(each.name)} must not be empty")
    valid = each.metadata["valid"]
    if valid is not None and not valid.holds(value):
        meant = synonyms.hint(each.name, value)
        raise UserError(f"{flag(each.name)} must be {valid}, not {brief(value)}{meant}")
    return value


def _checked_schedule(each, text):
    """The text of a Schedule as it is saved. Raises UserError unless both of its ends are valid."""
    valid, word = each.metadata["valid"], each.metadata["scheduled"]
    plain = str(text).strip().lower()
    if plain == word:
        return plain
    ends = valid._replace(open_low=False)  # a learning rate may fall to 0, or rise from it
    with suppress(ValueError):
        schedule = Schedule.parse(plain)
        if ends.holds(schedule.first) and ends.holds(schedule.last):
            return str(schedule)
    words = f"or {word}, " if isinstance(word, str) else ""
    form = f"{words}or SHAPE:FIRST:LAST[:STEPS], with the shape {' or '.join(SHAPES)} and {ends}, at both ends"
    raise UserError(f"{flag(each.name)} takes a number, {valid}, {form}, such as cosine:0.1:0.01, not {brief(text)}")
