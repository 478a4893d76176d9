"""What a user is meant to read when something is wrong."""

import errno
import sys

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # or as much of it as the user may have


class UserError(Exception):
    """Something the user can put right.

    Its text is one sentence: what was wrong, and what would be right. The command line prints it to stderr without a
    traceback and exits with `exit_code`.
    """

    exit_code = 2


class DiskFull(UserError):
    """There was no room for what a run had to keep; what it saved before is whole, and `--resume` goes on."""

    exit_code = 3


class Diverged(UserError):
    """The game cannot be played to its end as it is configured."""

    exit_code = 4


def warn(sentence):
    """Says on stderr what the user should know although the work goes on."""
    print(f"warning: {sentence}", file=sys.stderr)
