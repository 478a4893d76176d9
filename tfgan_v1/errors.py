"""What a user is meant to read when something is wrong."""

import errno
import sys

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # or as much of it as the user may have
_LONGEST = 2000  # characters that are shown of a line


class UserError(Exception):
    """Something the user can put right.

    Its text is one sentence: what was wrong, and what would be right. The command line prints it to stderr without a
    traceback and exits with `exit_code`. Further lines, such as a table's, are further arguments; each is made `plain`.
    """

    exit_code = 2

    def __init__(self, *lines):
        super().__init__("\n".join(plain(str(line)) for line in lines))


class DiskFull(UserError):
    """There was no room for what a run had to keep; what it saved before is whole, and `--resume` goes on."""

    exit_code = 3


class Diverged(UserError):
    """The game cannot be played to its end as it is configured."""

    exit_code = 4


def warn(sentence):
    """Says on stderr what the user should know although the work goes on."""
    print(f"warning: {plain(sentence)}", file=sys.stderr)


def note(sentence):
    """Says on stderr what the program chose where the user left it open."""
    print(plain(sentence), file=sys.stderr)


def plain(text):
    """A text as one line that does nothing to a terminal, whatever a file or a name that stands in it contains."""
    return _cut("".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in _cut(text)))


def _cut(text):
    """A text without its middle, if it is long: what would be right stands at the end."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}"
