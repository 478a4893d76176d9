"""What the commands share: a parser that raises one sentence, the flags of several commands, and types of flags."""

import argparse
import io
import os
import re
import shlex
import time
from argparse import ArgumentTypeError
from pathlib import Path

from tfgan_v1 import __version__
from tfgan_v1.cluster import addresses
from tfgan_v1.config import MOST_DRAWN, Config, synonyms
from tfgan_v1.errors import UserError, brief, did_you_mean, note, shortened
from tfgan_v1.files import growing
from tfgan_v1.storage import names, run_folder
from tfgan_v1.streams import start_log

LOG = "# tfgan_v1 "  # begins a log, and each command in it
SHARED = {  # flags of several commands, which may add their own options
    "--ckpt": {
        "metavar": "FOLDER",
        "help": "checkpoint folder of the run (default: that of the newest without a name)",
    },
    "--name": {"metavar": "NAME", "help": "name of the run, if it has one"},
    "--generator": {
        "choices": tuple(names.GENERATORS),
        "help": "which generator: the latest, the average of its weights, or the best that --evaluate-every found "
        "(default: average if the run keeps one, otherwise latest)",
    },
    "--dataset": {"metavar": "NAME|PATH"},
    "--labels": {"metavar": "FILE"},
    "--data-dir": {"metavar": "FOLDER", "help": "where to look for published data sets before $TFGAN_DATA"},
    "--cache-dir": {"metavar": "FOLDER"},
}
MISTAKES = (  # what argparse says -> our sentence of the flag's name and the groups
    (r"invalid choice: (.*) \(choose from '?(.*?)'?\)$", "{0} must be one of {2}, not {1}"),
    (r"not allowed with argument (.*)", "{1} and {0} exclude each other; give one of them"),
    (r"invalid float value: (.*)", "{0} takes a number, such as 0.7, not {1}"),
    (r"ignored explicit argument", "{0} takes no value"),
    (r"", "{0} needs a value; type {0}=VALUE"),
)


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

    def group(self, title):
        """A function that adds a flag to a new group in the help: `add_argument`, with the options in SHARED."""
        add = self.add_argument_group(title).add_argument
        return lambda name, **options: add(name, **{**SHARED.get(name, {}), **options})

    def parse(self, argv):
        """The flags in `argv` by name, also in the words of `synonyms`. --verbose and --log are already applied."""
        add = self.add_argument_group("other").add_argument
        add("-h", "--help", action="help", help="show this help")
        add("-V", "--version", action="version", version=f"tfgan_v1 {__version__}", help="show the version")
        add("--verbose", action="store_true", help="show TensorFlow's own messages")
        add("--log", metavar="FILE", help="also append what is printed to this file")
        known = {name for action in self._actions for name in action.option_strings}
        words, notes = synonyms.read(argv, known)
        flags, unknown = self.parse_known_args(words)
        if unknown:
            hint = _hint(unknown[0].split("=")[0], known)
            raise UserError(f"there is no flag {shlex.quote(unknown[0])}; {hint}{self.prog} --help lists the flags")
        if flags.verbose:
            os.environ["TFGAN_VERBOSE"] = "1"
        if flags.log is not None:
            self._log(Path(flags.log), argv)
        for sentence in notes if addresses.LAUNCHED not in os.environ else ():
            note(sentence)
        del flags.verbose, flags.log
        return vars(flags)

    def _log(self, path, argv):
        """Keeps what is printed from now on, of the chief if it is a cluster of this machine."""
        names.check_free(path, "--log")
        launched = addresses.LAUNCHED in os.environ
        if launched and not addresses.from_environment().is_chief:
            return
        with open(path, "rb") if path.is_file() else io.BytesIO() as file:
            begins = file.read(len(LOG)).decode("latin-1")
        if begins not in ("", LOG):
            raise UserError(f"--log {path} is no log of tfgan_v1, which keeps other files as they are; use a new name")
        heading = f"{LOG}{time.strftime('%Y-%m-%d %H:%M:%S')}: {self.prog} {shlex.join(argv)}\n"
        log = growing(path, "a", links=True, buffering=1, encoding="utf-8", errors="backslashreplace")
        start_log(log, "" if launched else heading)

    def error(self, message):
        """Raises a mistake, such as "argument --epochs: expected one argument", in the words of MISTAKES or a type."""
        name, mistake = message.removeprefix("argument ").split(": ", 1)
        if mistake.startswith(("must be ", "takes ")):
            raise UserError(f"{name} {mistake}")
        sentence, parts = next((text, found) for pattern, text in MISTAKES if (found := re.search(pattern, mistake)))
        raise UserError(sentence.format(name, *(shortened(part.replace("', '", ", ")) for part in parts.groups())))


def _hint(word, known):
    """What may have been meant by a word that is no flag."""
    if os.path.exists(word):
        word = word if os.path.isdir(word) else os.path.dirname(word) or "."
        flag = "--ckpt" if os.path.isfile(os.path.join(word, names.CONFIG)) else "--dataset"
        return f"did you mean {flag} {shlex.quote(word)}? " * (flag in known)
    return did_you_mean(word, known)


def run_of(ckpt, name):
    """A Config with the folders of the run that flags name, or of the newest run without a name."""
    if ckpt is None and name is None:
        return run_folder.newest(Config())
    return Config(ckpt=Config.ckpt if ckpt is None else ckpt, name=name)


def whole(most, least=1):
    """The type of a flag that takes a whole number from `least` to `most`."""

    def parse(text):
        number = int(text) if re.fullmatch(r"\s*[0-9]{1,10}\s*", text) else -1
        if not least <= number <= most:
            raise ArgumentTypeError(f"must be a whole number, at least {least} and at most {most:,}, not {brief(text)}")
        return number

    return parse


def parse_list(text):
    """The names in a text such as "onnx,npz"."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_grid(text):
    """(rows, columns) of a text such as "4x8"."""
    match = re.fullmatch(r"\s*([0-9]{1,7})x([0-9]{1,7})\s*", text)
    rows, columns = map(int, match.groups()) if match else (0, 0)
    if not 1 <= rows * columns <= MOST_DRAWN:
        raise ArgumentTypeError(f"takes ROWSxCOLUMNS, {MOST_DRAWN:,} images at most, such as 4x8, not {brief(text)}")
    return rows, columns


def parse_seeds(text):
    """The list of seeds in a text such as "0-15,20"."""
    seeds = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32 or len(seeds) + last - first >= MOST_DRAWN:
            raise ArgumentTypeError(
                f"takes whole numbers below 4,294,967,296 and ranges of them, {MOST_DRAWN:,} in all at most, "
                f"such as 0-15,20, not {brief(part.strip())}"
            )
        seeds.extend(range(first, last + 1))
    return seeds
