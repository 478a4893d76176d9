"""The configuration of a run: one frozen dataclass, from which the command line's flags are made."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args

from tfgan_v1.errors import UserError
from tfgan_v1.presets import COMMON, PRESETS, SAMPLE_EVERY

DATASET_NAMES = ("mnist", "fashion_mnist", "mnist_warped", "digits", "gaussian")


class Range(NamedTuple):
    """The numbers from `low` to `high`; `open_low` and `open_high` leave the bound itself out."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value):  # every comparison with nan is false, so nan is in no range
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self):
        low = f"{'above' if self.open_low else 'at least'} {self.low:,.10g}"
        high = f"{'below' if self.open_high else 'at most'} {self.high:,.10g}"
        return low if self.high == math.inf else f"{low} and {high}"


class OneOf(tuple):
    """The names that are allowed."""

    def holds(self, value):
        return value in self

    def __str__(self):
        return "one of " + ", ".join(map(str, self))


def option(help, valid=None, *, default=None, resumable=False, place=False):
    """A field of Config and the flag made from it.

    valid: a Range or OneOf that the value must be in. default: None where the preset decides, or where nothing need be
    said. resumable: `--resume` may change it, because the results up to that point do not depend on it. place: it says
    where the run lies and not what it is, so config.json leaves it out.
    """
    metadata = {"help": help, "valid": valid, "resumable": resumable, "place": place}
    return field(default=default, metadata=metadata)


LABEL, RATE, MOMENT = Range(0, 0.5), Range(0, 1, open_low=True), Range(0, 1, open_high=True)


@dataclass(frozen=True)
class Config:
    """Everything that determines a run; what is not given is filled in from the model's preset.

    Two runs with equal configurations, on one machine with the same versions, end with the same bits. Raises UserError
    for a value of the wrong type or out of its range.
    """

    model: str = option("the preset", OneOf(PRESETS), default="mlp")

    dataset: str | None = option(
        f"{', '.join(DATASET_NAMES)}, or the path of an IDX, CSV, .npy or .npz file or of a folder of images; "
        "without it the preset's, else MNIST if it is found or can be downloaded, else mnist_warped",
        resumable=True,  # for what it names is known by its pixels
    )
    data_dir: str | None = option("folder to search for published data sets, before $TFGAN_DATA", resumable=True)
    image_size: str | None = option("28 or HEIGHTxWIDTH, to which images are brought; folders are brought to 28")
    channels: int | None = option("1 for grey, 3 for colour; folders are guessed from their images", OneOf((1, 3)))
    fit: str = option("how images are brought to a size", OneOf(("crop", "pad", "stretch")), default="crop")
    background: str = option("colour that shows through transparency and beside padded images", default="white")
    strict: bool = option("a file that cannot be decoded is an error", default=False, resumable=True)
    cache_dir: str | None = option("folder for decoded images; without it the user's cache", resumable=True)
    resident_limit: float = option(
        "GB of images above which they are streamed from the disk", Range(0), default=2.0, resumable=True
    )
    mean: float = option("of the data set gaussian", Range(-1e6, 1e6), default=0.0)
    std: float = option("standard deviation of the data set gaussian", Range(0, 1e6, open_low=True), default=1.0)

    epochs: int | None = option("passes over the images", Range(1, 10**9), resumable=True)
    steps: int | None = option("training steps, in place of epochs", Range(1, 10**9), resumable=True)
    sample_every: int = option(
        "draws and keeps samples, and the generator, every N epochs, or every N steps of a run counted in steps",
        Range(1, 10**9),
        resumable=True,
    )
    num_samples: int = option("images drawn each time", Range(1, 10_000))
    record: str = option("which steps losses.csv holds", OneOf(("samples", "steps")))
    sheets: str = option("which samples become a picture of their own", OneOf(("last", "each")), resumable=True)

    batch_size: int = option("images a step", Range(1, 10**6))
    batches: str = option(
        "shuffled: all images each epoch, in a new order, what is left over left out; whole: the last batch takes it; "
        "random: each batch drawn anew from all images",
        OneOf(("shuffled", "whole", "random")),
    )
    noise: str = option(
        "law of the generator's noise: uniform in [-1, 1), unit in [0, 1), or normal",
        OneOf(("uniform", "unit", "normal")),
    )
    noise_size: int = option("width of the noise", Range(1, 10_000))
    g_noise: str = option("the generator's step is on the noise of the discriminator's", OneOf(("same", "fresh")))

    loss: str = option("what the generator minimises", OneOf(("non_saturating", "minimax")))
    smooth: float = option("label smoothing: real images are labelled 1 - smooth", LABEL)
    fake_label: float = option("label of generated images for the discriminator", LABEL)
    g_label: float = option("label that the generator wants for its images", Range(0.5, 1))
    d_loss: str = option(
        "the discriminator's loss is the sum or the mean of its real and fake half", OneOf(("sum", "mean"))
    )
    d_batches: str = option(
        "joint: real and generated images go through the discriminator as one batch; separate: as two, with one "
        "update; in_turn: as two, with an update each",
        OneOf(("joint", "separate", "in_turn")),
    )
    d_steps: int = option("discriminator steps for each generator step", Range(1, 25))
    d_first: int = option("steps for which the discriminator trains alone", Range(0, 10**9))

    optimizer: str = option("of both players", OneOf(("adam", "rmsprop")))
    d_lr: float = option("the discriminator's learning rate", RATE)
    g_lr: float = option("the generator's learning rate", RATE)
    d_decay: float = option("inverse-time decay: the rate is d_lr / (1 + d_decay * updates)", Range(0, 1))
    g_decay: float = option("the same of the generator's", Range(0, 1))
    beta1: float = option("Adam's decay of the gradients' mean", MOMENT)
    beta2: float = option("Adam's decay of the gradients' square", MOMENT)
    rho: float = option("RMSprop's decay of the gradients' square", MOMENT)
    epsilon: float = option("keeps the optimizer's divisor from zero", Range(1e-30, 1))

    weights: str | None = option("folder of a run whose two networks this one starts from", resumable=True)
    seed: int = option("of the weights, the noise and the order of the images", Range(0, 2**32 - 1), default=0)
    xla: str = option(
        "compile the training loop; auto does where it is faster", OneOf(("auto", "on", "off")), default="auto"
    )
    chunk: int = option(
        "most steps in one call of the training loop; changes no result", Range(1, 10**6), default=1000, resumable=True
    )

    ckpt: str = option("folder of the run's checkpoints", default="checkpoints", place=True)
    samples: str = option("folder of the run's samples, losses and plots", default="samples", place=True)
    name: str | None = option("name of a run of its own, below both folders", place=True)

    def __post_init__(self):
        for name, value in _preset(self).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for each in fields(self):
            object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))
        if self.epochs is not None and self.steps is not None:
            raise UserError("--epochs and --steps both say how long a run is; give one of them")
        if self.name is not None and not (
            self.name.strip(" .") and self.name.isprintable() and not set(self.name) & set("/\\")
        ):
            raise UserError(f"--name must be a plain folder name such as 'faces', not {self.name!r}")
        if self.image_size is not None:  # 28 and 28x28 are the same
            object.__setattr__(self, "image_size", "x".join(map(str, self.size)))

    @property
    def size(self):
        """(height, width) that images are brought to, or None if they stay as they are."""
        if self.image_size is None:
            return None
        match = re.fullmatch(r"([0-9]{1,4})(?:x([0-9]{1,4}))?", self.image_size)
        size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not all(1 <= length <= 4096 for length in size):
            raise UserError(
                f"--image-size takes a number of pixels, 28, or HEIGHTxWIDTH, 28x44, not {self.image_size!r}"
            )
        return size

    @property
    def ckpt_folder(self):
        """Path of the folder with this run's checkpoints."""
        return Path(self.ckpt, self.name or "")

    @property
    def samples_folder(self):
        """Path of the folder with this run's samples, losses and plots."""
        return Path(self.samples, self.name or "")


def _preset(config):
    """What the preset of a configuration says, where the configuration may leave it open."""
    preset = {**COMMON, **PRESETS.get(config.model, {})} if isinstance(config.model, str) else {}
    own = "epochs" if "epochs" in preset else "steps"
    unit = next((unit for unit in SAMPLE_EVERY if getattr(config, unit) is not None), own)
    if unit == own:
        return {"sample_every": SAMPLE_EVERY[unit], **preset}
    return {**preset, own: None, "sample_every": SAMPLE_EVERY[unit]}  # the user counts otherwise than the preset does


def from_mapping(values: Mapping[str, Any]) -> Config:
    """The Config of these values. Raises UserError for a name that is no option."""
    names = [each.name for each in fields(Config)]
    for name in values:
        if name not in names:
            raise UserError(f"{name!r} is no option of a run; the options are {', '.join(names)}")
    return Config(**values)


def flag(name):
    """The command line's spelling of an option: `batch_size` is `--batch-size`."""
    return "--" + name.replace("_", "-")


def value_type(each):
    """The type of a field's values, int, float or str, whether or not None is allowed too."""
    return next(kind for kind in (get_args(each.type) or [each.type]) if kind is not NoneType)


def from_text(each, text):
    """The value of a field as it is typed. Raises UserError for a text that is none."""
    kind, valid = value_type(each), each.metadata["valid"]
    try:
        return kind(text)
    except ValueError:
        right = f"{_MEANT[kind]}, {valid}" if valid else _MEANT[kind]
        raise UserError(f"{flag(each.name)} takes {right}, not {text!r}") from None


_MEANT = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}


def _can_be_named(text):
    """Whether the system knows how to write a text, as every path must be written."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a character, which JSON can spell
        return False


def _checked(each, value):
    """`value` as the field's plain type; an int for a float or a Path for a str will do. UserError if it does not."""
    if value is None and each.default is None:
        return None
    kind = value_type(each)
    value = fspath(value) if isinstance(value, PathLike) else value
    if isinstance(value, str) and not _can_be_named(value):
        raise UserError(f"{flag(each.name)} holds what no name of a file can: {value!r}")
    value = os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value
    abstract = {int: Integral, float: Real, str: str, bool: bool}[kind]
    try:
        value = kind(value) if isinstance(value, abstract) and not isinstance(value, bool) else value
    except OverflowError:  # a whole number that is larger than any other
        value = math.inf if value > 0 else -math.inf
    if type(value) is not kind:
        raise UserError(f"{flag(each.name)} takes {_MEANT[kind]}, not {value!r}")
    if value == "":
        raise UserError(f"{flag(each.name)} must not be empty")
    valid = each.metadata["valid"]
    if valid is not None and not valid.holds(value):
        raise UserError(f"{flag(each.name)} must be {valid}, not {value!r}")
    return value
