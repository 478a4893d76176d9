"""What the commands share: a parser that raises one sentence, the types of flags, and how a command is quoted."""

import argparse
import os
import re
import shlex
import sys
from functools import partial

from tfgan_v1 import __version__
from tfgan_v1.config import MOST_DRAWN
from tfgan_v1.errors import UserError, brief, did_you_mean, plain
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
        given, unknown = self.parse_known_args(argv)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings]
            hint = did_you_mean(unknown[0].split("=")[0], known)
            raise UserError(f"there is no flag {shlex.quote(unknown[0])}; {hint}{self.prog} --help lists the flags")
        if given.verbose:
            os.environ["TFGAN_VERBOSE"] = "1"
        del given.verbose
        return vars(given)

    def error(self, message):
        """argparse's two mistakes: "argument --epochs: expected one argument", and "...: ignored explicit argument"."""
        name, mistake = message.removeprefix("argument ").split(": ", 1)
        raise UserError(
            f"{name} takes no value" if "ignored" in mistake else f"{name} needs a value; type {name}=VALUE"
        )


def parse_kind(text):
    """A kind of generator in names.GENERATORS. Raises UserError for any other text."""
    if text not in GENERATORS:
        raise UserError(f"--generator must be one of {', '.join(GENERATORS)}, not {brief(text)}")
    return text


GENERATOR = {  # how `sample` and `evaluate` take --generator
    "metavar": "{latest,average,best}",
    "type": parse_kind,
    "help": "which generator: the latest, the average of its weights, or the best that --evaluate-every found "
    "(default: average if the run keeps one, otherwise latest)",
}


def parse_seed(text):
    """The seed in a text. Raises UserError unless it is a whole number below 2**32."""
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", text) or int(text) >= 2**32:
        raise UserError(f"--seed takes a whole number, at least 0 and at most 4,294,967,295, not {brief(text)}")
    return int(text)


def parse_whole(name, most, text):
    """The number in a text. name: of the flag. Raises UserError unless it is from 1 to `most`."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,10}\s*", text) else 0
    if not 1 <= number <= most:
        raise UserError(f"{name} must be a whole number, at least 1 and at most {most:,}, not {brief(text)}")
    return number


parse_num = partial(parse_whole, "--num", MOST_DRAWN)


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


def say(*lines):
    """Prints lines, with the control characters escaped that names of files may contain."""
    print("\n".join(map(plain, lines)))


def call_of(command, program):
    """A command as the user types it, who typed `program`."""
    return f"python {command}.py" if program.endswith(".py") else f"{program} {command}"


def speaker_of(command, program):
    """Who says an error: the script, or the program with its command."""
    return program if program.endswith(".py") else f"{program} {command}"


def end_process(error, speaker):
    """Says an error and ends at once: TensorFlow's server would take seconds more to give up a lost worker."""
    sys.stdout.flush()
    print(f"{speaker}: {error}", file=sys.stderr, flush=True)
    os._exit(error.exit_code)
