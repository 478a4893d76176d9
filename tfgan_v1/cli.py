"""The command line: flags become a Config, every mistake one sentence; TensorFlow is imported only after parsing."""

import argparse
import os
import re
import shlex
import signal
import sys
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import partial

from tfgan_v1 import __version__
from tfgan_v1.config import Config, flag, from_mapping, from_text, value_type
from tfgan_v1.errors import DISK_FULL, DiskFull, UserError, plain
from tfgan_v1.presets import COMMON, PRESETS

MOST_SEEDS = 1_000_000  # in one call of sample.py


def main(argv, program):
    """Runs a command, the first of `argv`, with the flags behind it. Returns the process's exit code.

    program: what the user called, "train.py" or "python -m tfgan_v1", for the messages. 0 is success, 2 a mistake that
    is the user's to mend, 3 a disk that is full, 4 a game that diverged, 128 + n the end by signal n.
    """
    command, *flags = argv or ["--help"]
    speaker = program if program.endswith(".py") else f"{program} {plain(command)}"

    def fail(error):
        error = error if isinstance(error, UserError) else UserError(error)
        print(f"{speaker}: {error}", file=sys.stderr)
        return error.exit_code

    try:
        if command in ("-h", "--help"):
            print(f"usage: {program} {{{','.join(COMMANDS)}}} [flags]; a command's --help lists its flags")
            return 0
        if command == "--version":
            print(f"tfgan_v1 {__version__}")
            return 0
        if command not in COMMANDS:
            return fail(f"there is no such command; the commands are {', '.join(COMMANDS)}")
        return COMMANDS[command](flags, program)
    except UserError as error:
        return fail(error)
    except SystemExit as end:  # of --help
        return end.code
    except ImportError as error:
        return fail(f"a package cannot be imported ({error}); `pip install -e .` brings all that are needed")
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as shells report it
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        kind = DiskFull if error.errno in DISK_FULL else UserError
        mend = "make room, nothing saved so far is lost" if kind is DiskFull else "take another path"
        return fail(kind(f"{where}{error.strerror or error}; {mend}"))
    except MemoryError:
        return fail("the memory does not suffice; take a smaller --batch-size, --chunk or --num")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def train(argv, program):
    """`train.py`: trains a GAN."""
    parser = _Parser(prog=_call("train", program), description="Train a GAN. Without a flag: MNIST, 100 epochs.")
    for each in fields(Config):
        kind, notes = value_type(each), _notes(each)
        read = partial(from_text, each)
        value = {"action": "store_true"} if kind is bool else {"type": read, "metavar": _METAVARS[kind]}
        # Without a default: only what is given is told apart from what a preset or an earlier run says.
        text = (each.metadata["help"] + (f" ({notes})" if notes else "")).replace("%", "%%")
        parser.add_argument(flag(each.name), default=argparse.SUPPRESS, help=text, **value)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--resume", action="store_true", help="go on with the run that is in the folders")
    where.add_argument("--overwrite", action="store_true", help="throw away the run that is in the folders")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and leave both folders alone")
    given = vars(parser.parse(argv))
    resume, overwrite, dry_run = (given.pop(name) for name in ("resume", "overwrite", "dry_run"))

    from tfgan_v1.plan import make_plan

    config = _as_it_was(given) if resume else from_mapping(given)
    plan = make_plan(config, resume=resume, overwrite=overwrite, download=not dry_run)

    from tfgan_v1 import training
    from tfgan_v1.report import description

    if dry_run:
        say(*description.describe(plan))
        return 0
    progress = training.run(plan)
    places = {name: given[name] for name in ("ckpt", "samples", "name") if name in given}
    if progress.stopped_by:
        say(
            f"Stopped by {signal.Signals(progress.stopped_by).name}; everything is saved at step {progress.step:,} of "
            f"{plan.total_steps:,}. Go on by: {_call('train', program)} --resume{_as_flags(places)}"
        )
        return 128 + progress.stopped_by
    say(
        f"Done: checkpoints are in {config.ckpt_folder}, samples, losses and plots in {config.samples_folder}. "
        f"Draw more by: {_call('sample', program)} --ckpt {shlex.quote(str(config.ckpt_folder))}"
    )
    return 0


def sample(argv, program):
    """`sample.py`: draws from a trained generator."""
    parser = _Parser(
        prog=_call("sample", program),
        description="Draw from a trained generator. Every seed is an image of its own, the same in every call.",
    )
    parser.add_argument("--ckpt", default=Config.ckpt, help="folder of the run's checkpoints (default %(default)s)")
    parser.add_argument("--name", help="name of the run below that folder")
    parser.add_argument("--num", type=parse_num, metavar="N", help="images of the seeds 0 to N - 1 (default 16)")
    parser.add_argument("--seeds", metavar="LIST", help="the seeds to draw, such as 0-15,20")
    parser.add_argument(
        "--out",
        metavar="PATH",
        help="what to write: a sheet as .png; float32 [n, h, w, c] in [0, 1] as .npy, .npz or .pkl; or, where the path "
        "is a folder or ends in /, a PNG for each seed (default: samples.png in the folder `samples`)",
    )
    given = parser.parse(argv)
    if given.num is not None and given.seeds is not None:
        raise UserError("--num N stands for --seeds 0-(N-1); give one of them")
    seeds = range(given.num or 16) if given.seeds is None else parse_seeds(given.seeds)
    config = from_mapping({"ckpt": given.ckpt, "name": given.name})

    from tfgan_v1.report import image_files
    from tfgan_v1.storage import run_folder

    out = given.out if given.out is not None else str(config.samples_folder / run_folder.SHEET)
    image_files.check(out)
    run_folder.read(config)  # a wrong folder is told before TensorFlow is imported

    from tfgan_v1.sampling import Generator

    with Generator.restore(config.ckpt_folder) as generator:
        image_files.write(out, generator(seeds), seeds)
        kind = "image" if len(generator.image_shape) == 3 else "point"
        count = f"{len(seeds):,} {kind}{'s' * (len(seeds) != 1)}"
        say(f"Drew {count} from the generator of step {generator.step:,} to {out}.")
    return 0


def say(*lines):
    """Prints lines, in which names of files may stand, as text that does nothing to a terminal."""
    print("\n".join(plain(line) for line in lines))


def _as_it_was(given):
    """The Config of the run that is there, with what is given in its place."""
    from tfgan_v1.storage import run_folder

    before, other = run_folder.read(from_mapping(given)).config, {"epochs": "steps", "steps": "epochs"}
    changed = next((unit for unit in other if unit in given and getattr(before, unit) is None), None)
    recounted = {other[changed]: None, "sample_every": None} if changed else {}  # which is counted in the same unit
    return replace(before, **{**recounted, **given})


_METAVARS = {int: "N", float: "X", str: "NAME"}


def _notes(each):
    """What the help says of an option in brackets: what is valid, and the default, the preset's or its own."""
    valid, preset = each.metadata["valid"], {**COMMON, **PRESETS[Config.model]}
    said = f"default {each.default}" if each.default not in (None, False) else ""
    said = f"{preset[each.name]} for {Config.model}" if each.name in preset else said
    return "; ".join(note for note in (str(valid) if valid else "", said) if note)


COMMANDS = {"train": train, "sample": sample}


def parse_num(text):
    """The number of images in a text. Raises UserError if it is none."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,10}\s*", text) else 0
    if not 1 <= number <= MOST_SEEDS:
        raise UserError(f"--num must be a whole number, at least 1 and at most {MOST_SEEDS:,}, not {text!r}")
    return number


def parse_seeds(text):
    """The list of seeds in a text such as "0-15,20". Raises UserError if it is none."""
    seeds = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < 2**32 or len(seeds) + last - first >= MOST_SEEDS:
            raise UserError(
                f"--seeds takes whole numbers below 4,294,967,296 and ranges of them, {MOST_SEEDS:,} in all at most, "
                f"such as 0-15,20; {part.strip()!r} is no such thing"
            )
        seeds.extend(range(first, last + 1))
    return seeds


_OURS = (  # what argparse says, and what we say
    (r"argument (\S+): expected one argument", r"\1 wants a value behind it; if that begins with -, write \1=-..."),
    (r"argument (\S+): ignored explicit argument (.*)", r"\1 takes no value, so leave out \2"),
    (r"argument (\S+): not allowed with argument (\S+)", r"\1 and \2 exclude each other; give one of them"),
)


class _Parser(argparse.ArgumentParser):
    """Raises UserError with one sentence, in place of printing a usage text."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)
        self.add_argument("--verbose", action="store_true", help="show TensorFlow's own messages")

    def parse(self, argv):
        """The flags in `argv`, --verbose already seen to."""
        given, unknown = self.parse_known_args(argv)
        if unknown:
            flags = sorted(name for action in self._actions for name in action.option_strings if name.startswith("--"))
            close = get_close_matches(unknown[0].split("=")[0], flags, 1, cutoff=0.7)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UserError(f"there is no flag {shlex.quote(unknown[0])}; {hint}the flags are {', '.join(flags)}")
        if given.verbose:
            os.environ["TFGAN_VERBOSE"] = "1"
        del given.verbose
        return given

    def error(self, message):
        for theirs, ours in _OURS:
            message = re.sub(theirs, ours, message, count=1, flags=re.DOTALL)
        raise UserError(message)


def _call(command, program):
    """How the user calls a command who called `program`."""
    return f"python {command}.py" if program.endswith(".py") else f"{program} {command}"


def _as_flags(options):
    return "".join(f" {flag(name)} {shlex.quote(str(value))}" for name, value in options.items())
