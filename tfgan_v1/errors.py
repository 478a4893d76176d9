"""What a user is meant to read when something is wrong."""

import sys


class UserError(Exception):
    """Something the user can put right.

    Its text is one sentence: what was wrong, and what would be right. The command line prints it to stderr without a
    traceback and exits with `exit_code`.
    """

    exit_code = 2


class Diverged(UserError):
    """The game cannot be played to its end as it is configured."""

    exit_code = 4


def warn(sentence):
    """Says on stderr what the user should know although the work goes on."""
    print(f"warning: {sentence}", file=sys.stderr)
