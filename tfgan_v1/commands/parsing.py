"""What the commands share: a parser that raises one sentence, and the types of flags."""

import argparse
import os
import re
import shlex
from functools import partial

from tfgan_v1 import __version__
from tfgan_v1.commands import call_of as call_of
from tfgan_v1.commands import say as say
from tfgan_v1.config import MOST_DRAWN
from tfgan_v1.errors import UserError, brief, did_you_mean, shortened
from tfgan_v1.storage.names import GENERATORS


class Parser(argparse.ArgumentParser):
    """Raises UserError with one sentence for a mistake, instead of printing the usage."""

    def __init__(self, call, description="", examples=()):
        lines = "".join(f"\n  {call} {example}" for example in examples)
        super().__init__(
            prog=call,
            usage=f"{call} [flags]",
            description=description,
            epilog=f"examples:{lines}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )

    def parse(self, argv):
        """The flags in `argv` by name. --verbose is already applied."""
        other = self.add_argument_group("other")
        other.add_argument("-h", "--help", action="help", help="show this help")
        other.add_argument("--version", action="version", version=f"tfgan_v1 {__version__}", help="show the version")
        other.add_argument("--verbose", action="store_true", help="show TensorFlow's own messages")
        flags, unknown = self.parse_known_args(argv)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings]
            hint = did_you_mean(unknown[0].split("=")[0], known)
            raise UserError(f"there is no flag {shlex.quote(unknown[0])}; {hint}{self.prog} --help lists the flags")
        if flags.verbose:
            os.environ["TFGAN_VERBOSE"] = "1"
        del flags.verbose
        return vars(flags)

    def error(self, message):
        """Raises one of argparse's mistakes, "argument --epochs: expected one argument", in the words of MISTAKES."""
        name, mistake = message.removeprefix("argument ").split(": ", 1)
        sentence, parts = next((text, found) for pattern, text in MISTAKES if (found := re.search(pattern, mistake)))
        raise UserError(sentence.format(name, *(shortened(part.replace("', '", ", ")) for part in parts.groups())))


MISTAKES = (  # what argparse says -> our sentence of the flag's name and the groups
    (r"invalid choice: (.*) \(choose from '?(.*?)'?\)$", "{0} must be one of {2}, not {1}"),
    (r"not allowed with argument (.*)", "{1} and {0} exclude each other; give one of them"),
    (r"ignored explicit argument", "{0} takes no value"),
    (r"", "{0} needs a value; type {0}=VALUE"),
)
GENERATOR = {  # how commands take --generator
    "choices": tuple(GENERATORS),
    "help": "which generator: the latest, the average of its weights, or the best that --evaluate-every found "
    "(default: average if the run keeps one, otherwise latest)",
}


def parse_whole(name, most, text, least=1):
    """The number in a text. name: of the flag. Raises UserError unless it is from `least` to `most`."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,10}\s*", text) else -1
    if not least <= number <= most:
        raise UserError(f"{name} must be a whole number, at least {least} and at most {most:,}, not {brief(text)}")
    return number


parse_num = partial(parse_whole, "--num", MOST_DRAWN)
parse_seed = partial(parse_whole, "--seed", 2**32 - 1, least=0)


def parse_grid(text):
    """(rows, columns) of a text such as "4x8". Raises UserError for anything else."""
    match = re.fullmatch(r"\s*([0-9]{1,7})x([0-9]{1,7})\s*", text)
    grid = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= grid[0] * grid[1] <= MOST_DRAWN:
        raise UserError(f"--grid takes ROWSxCOLUMNS, {MOST_DRAWN:,} images at most, such as 4x8, not {brief(text)}")
    return grid


def parse_number(name, text):
    """The number in a text. name: of the flag. Raises UserError for anything else."""
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{name} takes a number, such as 0.7, not {brief(text)}") from None


def parse_seeds(text, name="--seeds"):
    """The list of seeds in a text such as "0-15,20". Raises UserError for anything else. name: of the flag."""
    seeds = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32 or len(seeds) + last - first >= MOST_DRAWN:
            raise UserError(
                f"{name} takes whole numbers below 4,294,967,296 and ranges of them, {MOST_DRAWN:,} in all at most, "
                f"such as 0-15,20, not {brief(part.strip())}"
            )
        seeds.extend(range(first, last + 1))
    return seeds
