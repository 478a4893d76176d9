"""Errors that a user can act on, each with its exit code, and how their text is kept short and printable."""

import errno
import re
import sys
from difflib import get_close_matches

from tfgan_v1.streams import put, speech

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the last two: limits of the user
_LONGEST_LINE, _LONGEST_VALUE = 2000, 100  # characters
SWITCHES = {"resume", "overwrite", "float16", "discriminator"}  # flags without a value; config adds its options
# A flag, its value, and another value, as in "use --model gaussian or mlp". The words in between are of our sentences.
_FLAG = re.compile(
    r"(?<![^\s(])(with |by )?--([a-z][a-z0-9-]*)([ =]"
    r"(?!(?:a|and|are|asks|both|by|changes|chooses|draws|for|has|have|holds|in|is|means|must|names|needs|of|or|reads|set|"
    r"takes|that|to|was|which|with)(?!\S))([^\s;(]*[^\s;:,.?()])(?: or (?!another)(\w+)(?=[;.]|$))?)?"
)


def worded(text):
    """A text that names flags, in the words of its reader."""
    return text if speech["flags"] else in_python(text)


def in_python(text):
    """A text with arguments in place of flags: `resume=True` for `--resume`, `batch_size=8` for `--batch-size 8`."""
    text = re.sub(r" with --ckpt(?=[,;]|$)", "", text)  # the caller knows where it named a run
    text = re.sub(r"tfgan import '?(.+?)'? --to FOLDER", r'tfgan_v1.import_generator("\1", to)', text)
    return re.sub(r"(\w=\S*[^\s,]) (?=\w+=)", r"\1, ", _FLAG.sub(_argument, text))


def _argument(match):
    """The argument for a match of _FLAG."""
    rest, (by, name, typed, value, other) = match.string[match.end() :], map(lambda group: group or "", match.groups())
    name = by + {"format": "formats"}.get(name, name.replace("-", "_"))
    if rest.startswith("  "):  # a cell of a table, whose columns stay in line
        return f"{name}  "
    if name.removeprefix(by) in SWITCHES:
        return name + "=True" * (not rest.startswith((" takes", " must"))) + typed
    if value:
        return f"{name}={_literal(value)}" + (f" or {_literal(other)}" if other else "")
    return f"{name}=..." if by else name


def _literal(value):
    """The value of a flag as Python writes it: a number, or a capital for one, without quotes."""
    number = value.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", value) else value
    return number if re.fullmatch(r"-?[\d.]+(e-?\d+)?|[A-Z]", number) else f'"{value}"'


class UserError(Exception):
    """An error that the user can correct: one sentence says what was wrong, where, and what to type instead.

    The command line prints it to stderr without a traceback and exits with `exit_code`. Further arguments are further
    lines, such as a table's; each line is made `plain`. It names flags; its text is `worded` for its reader.
    """

    exit_code = 2

    def __init__(self, *lines):
        super().__init__("\n".join(plain(str(line)) for line in lines))

    def __str__(self):
        return worded(super().__str__())


class StopTraining(Exception):
    """Raise it in `on_sample` of train to end the run there, saved, without an error."""


class DiskFull(UserError):
    """The disk is full, or standard output cannot be written. Everything that the run saved before is intact."""

    exit_code = 3


class Diverged(UserError):
    """Training diverged: the losses or weights became NaN or infinite."""

    exit_code = 4


class PeerLost(UserError):
    """Another worker of the cluster did not come, was killed, hangs, or ended with an error of its own."""

    exit_code = 5


def as_user_error(error):
    """The UserError for an exception of Python or of the operating system that a user can act on."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError):
        where = f"{shortened(error.filename)}: " if isinstance(error.filename, str) else ""
        if error.errno in DISK_FULL:
            return DiskFull(f"{where}{error.strerror}; free some space, nothing saved so far is lost")
        return UserError(f"{where}{error.strerror or error}; use another path")
    if isinstance(error, ImportError):
        return UserError(f"a package cannot be imported ({error}); install tfgan_v1 with pip, which installs them all")
    return UserError("out of memory; use smaller images, or a smaller --batch-size, --chunk or --num")


def warn(sentence):
    """Prints a warning to stderr; the work continues."""
    tell(f"warning: {worded(plain(sentence))}")


def note(sentence):
    """Says on stderr what the program chose for the user."""
    say(sentence, file=sys.stderr)


def say(*lines, file=None):
    """Prints lines that are no warnings, unless the caller in Python wants none."""
    if speech["verbose"] != 0:
        tell("\n".join(worded(plain(line)) for line in lines), file or sys.stdout)


def tell(text, file=None):
    """Prints lines that are `plain` already, on stderr unless `file` says otherwise. All that is printed goes here."""
    file = file or sys.stderr
    if file:  # without a terminal, there may be none
        put(f"{text}\n", file)
        file.flush()


def did_you_mean(name, known):
    """The hint "did you mean X? " where a known name is close to `name`, otherwise ""."""
    close = get_close_matches(name, known, 1, cutoff=0.7)
    return f"did you mean {close[0]}? " if close else ""


def count_of(number, noun):
    """A number of things: 1 image, 2,000 images."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def brief(value):
    """Any value as an error shows it: one line of about 100 characters; an array as its type, shape and dtype."""
    if getattr(value, "shape", ()) and hasattr(value, "dtype"):
        return f"{type(value).__name__} of shape {tuple(value.shape)}, {value.dtype}"
    try:
        return shortened(plain(" ".join(repr(value).split())))
    except Exception:  # a repr may raise anything; that of a whole number with 5,000 digits does
        return f"this {type(value).__name__}"


def shortened(text, longest=_LONGEST_VALUE):
    """A text without its middle, if it is longer than `longest` characters."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def plain(text):
    """A text as one printable line: control characters are escaped, and the middle of a long one is cut."""
    text = shortened(text, _LONGEST_LINE)
    escaped = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return shortened(escaped, _LONGEST_LINE)
