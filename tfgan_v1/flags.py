"""The flags of `train`, `sample` and `evaluate`, most of them made from Config, and their help in groups."""

import argparse
import os
import re
import shlex
from dataclasses import fields
from functools import partial

from tfgan_v1 import __version__
from tfgan_v1.config import MOST_DRAWN, Config
from tfgan_v1.errors import UserError, brief, did_you_mean
from tfgan_v1.options import OneOf, Range, flag, from_text, value_type
from tfgan_v1.storage.names import GENERATORS

GROUPS = {  # first option of a group, in Config's order -> the group's title
    "model": "run",
    "dataset": "data",
    "noise": "model",
    "batch_size": "training",
    "d_steps": "discriminator and generator",
    "optimizer": "optimizer",
    "ckpt": "output",
}
TRAIN_EXAMPLES = (
    "--epochs 100 --smooth 0.1",
    "--model dcgan --dataset photos/ --image-size 32 --name photos",
    "--resume --epochs 200",
)
MOST_WORKERS = 1000  # processes that --workers starts
SAMPLE_EXAMPLES = (
    "--ckpt checkpoints",
    "--name photos --num 100",
    "--seeds 0-15,20 --out pictures/",
    "--class each",
    "--interpolate 3,7,12",
)
EVALUATE_EXAMPLES = ("--ckpt checkpoints", "--name photos --num 1000", "--samples digits.npy --dataset mnist")


def parse_train(call, argv):
    """The flags of `train` in `argv`, by name; only those that were given. call: how the user typed the command."""
    preset = _Parser(call)
    preset.add_argument("--model", default=Config.model)
    preset.add_argument("--conditional", action="store_true")
    defaults = Config(**vars(preset.parse_known_args(argv)[0]))

    parser = _Parser(call, f"Train a GAN. The defaults shown are those of --model {defaults.model}.", TRAIN_EXAMPLES)
    groups = {}
    for each in fields(Config):
        if each.name in GROUPS:
            group = groups[each.name] = parser.add_argument_group(GROUPS[each.name])
        value = {"default": argparse.SUPPRESS}  # a preset or an earlier run decides what is not given
        if value_type(each) is bool:
            value["action"] = "store_true"
        else:
            value |= {"type": partial(from_text, each), "metavar": _metavar(each)}
        group.add_argument(flag(each.name), help=_help(each, getattr(defaults, each.name)), **value)
        if each.name == "optimizer":
            group.add_argument("--optimiser", dest="optimizer", **{**value, "help": argparse.SUPPRESS})
    run = groups["model"].add_argument
    run("--resume", action="store_true", help="continue the run in --ckpt and --samples")
    run("--overwrite", action="store_true", help="delete the run in --ckpt and --samples, and start again")
    run("--dry-run", action="store_true", help="print the configuration, parameter counts and memory; train nothing")
    run(
        "--workers",
        metavar="N",
        type=partial(parse_whole, "--workers", MOST_WORKERS),
        help="start N processes on this machine that train together; on several machines, set TF_CONFIG (see "
        "docs/cluster.md)",
    )
    run(
        "--wait",
        metavar="SECONDS",
        type=partial(parse_whole, "--wait", 86_400),
        default=300,
        help="in a cluster, the time in which all workers must have come (default: %(default)s)",
    )
    return parser.parse(argv)


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


def parse_sample(call, argv):
    """The flags of `sample` in `argv`, by name, with their defaults."""
    parser = _Parser(
        call, "Draw samples from a trained generator. A seed gives the same image in every call.", SAMPLE_EXAMPLES
    )
    add = parser.add_argument_group("flags").add_argument
    add("--ckpt", metavar="FOLDER", default=Config.ckpt, help="checkpoint folder of the run (default: %(default)s)")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add(
        "--num",
        metavar="N",
        type=parse_num,
        help="number of images, from seeds 0 to N - 1 (default: 16); of each class",
    )
    add("--seeds", metavar="LIST", type=parse_seeds, help="seeds to draw, such as 0-15,20")
    add(
        "--class",
        dest="class_names",
        metavar="NAME",
        help="class to draw, of a conditional run: 7, ankle_boot, a list such as 3,8, or each; of several, a row for "
        "each, with the same seeds (default: --num 10)",
    )
    add(
        "--interpolate",
        metavar="LIST",
        type=partial(parse_seeds, name="--interpolate"),
        help="draw a row of --num images (default: 8) from each of these seeds to the next, such as 3,7,12; with "
        "several --class, from class to class",
    )
    add(
        "--out",
        metavar="PATH",
        help="where to write: a .png image grid; a float32 array [n, h, w, c] in [0, 1] as .npy, .npz or .pkl; or a "
        "folder, which ends in /, for one PNG per image (default: samples.png in samples/ or samples/NAME/)",
    )
    return parser.parse(argv)


def parse_evaluate(call, argv):
    """The flags of `evaluate` in `argv`, by name; None for those that were not given."""
    parser = _Parser(
        call,
        "Measure generated images against real ones: quality, variety, and whether they are copies. docs/evaluation.md "
        "explains each figure.",
        EVALUATE_EXAMPLES,
    )
    add = parser.add_argument_group("flags").add_argument
    add("--ckpt", metavar="FOLDER", help=f"checkpoint folder of the run (default: {Config.ckpt})")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add(
        "--samples",
        metavar="PATH",
        help="measure these images instead of a run's: a .npy, .npz or .pkl file or a folder",
    )
    add(
        "--dataset",
        metavar="NAME|PATH",
        help="what --samples imitates (default: mnist, otherwise mnist_warped), or where the run's data are now",
    )
    add("--num", metavar="N", type=parse_num, help="images to measure (default: 10000; of stacked_mnist 26000)")
    add("--seed", metavar="N", type=parse_seed, default=0, help="seed of the noise and of the choice among real images")
    add("--metrics", metavar="LIST", type=parse_metrics, help="metrics to measure, such as frechet_distance,nearest")
    add("--labels", metavar="FILE", help="labels of the data, in place of their own, or where the run's are now")
    add("--data-dir", metavar="FOLDER", help="where to look for mnist and fashion_mnist before $TFGAN_DATA")
    add(
        "--cache-dir", metavar="FOLDER", help="folder for the classifier and decoded images (default: the user's cache)"
    )
    add("--out", metavar="FILE", help="the .json file to write (default: scores.json in samples/ or samples/NAME/)")
    return parser.parse(argv)


def parse_seed(text):
    """The seed in a text. Raises UserError unless it is a whole number below 2**32."""
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", text) or int(text) >= 2**32:
        raise UserError(f"--seed takes a whole number, at least 0 and at most 4,294,967,295, not {brief(text)}")
    return int(text)


def parse_metrics(text):
    """The names in a text such as "frechet_distance,nearest"."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) or (text,)


def parse_whole(name, most, text):
    """The number in a text. name: of the flag. Raises UserError unless it is from 1 to `most`."""
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,10}\s*", text) else 0
    if not 1 <= number <= most:
        raise UserError(f"{name} must be a whole number, at least 1 and at most {most:,}, not {brief(text)}")
    return number


parse_num = partial(parse_whole, "--num", MOST_DRAWN)


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


def as_flags(options):
    """Options by name as they are typed in a shell: " --name faces", or " --name=-x"."""
    texts = {flag(name): str(value) for name, value in options.items()}
    return "".join(f" {name}{'=' if text[:1] == '-' else ' '}{shlex.quote(text)}" for name, text in texts.items())


class _Parser(argparse.ArgumentParser):
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


def _metavar(each):
    """What stands for an option's value in the help."""
    valid = each.metadata["valid"]
    if isinstance(valid, OneOf):
        return f"{{{','.join(map(str, valid))}}}"
    return each.metadata["metavar"] or {int: "N", float: "X"}[value_type(each)]


def _help(each, default):
    """An option's help with, in brackets, a short range and the default."""
    valid, notes = each.metadata["valid"], []
    if isinstance(valid, Range) and valid.high < 1000:
        notes.append(f"{valid.low:g} to {valid.high:g}")
    if default is not None and default is not False:
        notes.append(f"default: {default}")
    return (each.metadata["help"] + (f" ({'; '.join(notes)})" if notes else "")).replace("%", "%%")
