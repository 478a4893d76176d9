"""The configuration of a run: one frozen dataclass, from which the command line's flags are made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args

from tfgan_v1.errors import UserError

# What each model's preset sets differently from the defaults below, which are those of `mlp`.
PRESETS: dict[str, dict[str, Any]] = {
    "mlp": {},
}
DATASET_NAMES = ("mnist", "fashion_mnist", "digits")
FASTER_WITH_XLA = ("mlp",)  # models for which --xla auto means on; measured in benchmarks/


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
        return "one of " + ", ".join(self)


def option(default, help, valid=None, *, resumable=False, place=False):
    """A field of Config and the flag made from it.

    valid: a Range or OneOf that the value must be in. resumable: `--resume` may change it, because the results up to
    that point do not depend on it. place: it says where the run lies and not what it is, so config.json leaves it out.
    """
    metadata = {"help": help, "valid": valid, "resumable": resumable, "place": place}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """Everything that determines a run. Raises UserError for a value of the wrong type or out of its range.

    Two runs with equal configurations, on one machine with the same versions, end with the same bits.
    """

    model: str = option("mlp", "the preset", OneOf(PRESETS))
    dataset: str | None = option(
        None,
        "the images to learn from; without it MNIST if it is there or can be downloaded, else digits",
        OneOf(DATASET_NAMES),
    )
    data_dir: str | None = option(None, "folder to look for the data in before $TFGAN_DATA", resumable=True)

    epochs: int = option(100, "passes over the images", Range(1, 10**9), resumable=True)
    batch_size: int = option(100, "images a step", Range(1))
    noise_size: int = option(100, "width of the generator's noise", Range(1, 10_000))
    smooth: float = option(0.1, "one-sided label smoothing: real images are labelled 1 - smooth", Range(0, 0.5))
    d_lr: float = option(0.002, "Adam's learning rate for the discriminator", Range(0, 1, open_low=True))
    g_lr: float = option(0.002, "Adam's learning rate for the generator", Range(0, 1, open_low=True))
    beta1: float = option(0.9, "Adam's decay of the gradients' mean", Range(0, 1, open_high=True))
    beta2: float = option(0.999, "Adam's decay of the gradients' square", Range(0, 1, open_high=True))
    seed: int = option(0, "of the weights, the noise and the order of the images", Range(0, 2**32 - 1))

    num_samples: int = option(16, "images drawn and kept after each epoch", Range(1, 10_000))
    xla: str = option("auto", "compile the training loop; auto does where it is faster", OneOf(("auto", "on", "off")))
    chunk: int = option(
        1000, "most steps in one call of the training loop; changes no result", Range(1, 10**6), resumable=True
    )

    ckpt: str = option("checkpoints", "folder of the run's checkpoints", place=True)
    samples: str = option("samples", "folder of the run's samples, losses and plots", place=True)
    name: str | None = option(None, "name of a run of its own, below both folders", place=True)

    def __post_init__(self):
        for each in fields(self):
            object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))
        if self.name is not None and not (
            self.name.strip(" .") and self.name.isprintable() and not set(self.name) & set("/\\")
        ):
            raise UserError(f"--name must be a plain folder name such as 'faces', not {self.name!r}")

    @property
    def ckpt_folder(self):
        """Path of the folder with this run's checkpoints."""
        return Path(self.ckpt, self.name or "")

    @property
    def samples_folder(self):
        """Path of the folder with this run's samples, losses and plots."""
        return Path(self.samples, self.name or "")


def from_mapping(values: Mapping[str, Any]) -> Config:
    """The Config of a model's preset with `values` over it. Raises UserError for a name that is no option."""
    names = [each.name for each in fields(Config)]
    for name in values:
        if name not in names:
            raise UserError(f"{name!r} is no option of a run; the options are {', '.join(names)}")
    preset = PRESETS.get(str(values.get("model", Config.model)), {})
    return Config(**{**preset, **values})


def flag(name):
    """The command line's spelling of an option: `batch_size` is `--batch-size`."""
    return "--" + name.replace("_", "-")


def value_type(each):
    """The type of a field's values, int, float or str, whether or not None is allowed too."""
    return next(kind for kind in (get_args(each.type) or [each.type]) if kind is not NoneType)


def _checked(each, value):
    """`value` as the field's plain type; an int for a float or a Path for a str will do. UserError if it does not."""
    if value is None and each.default is None:
        return None
    kind = value_type(each)
    value = fspath(value) if isinstance(value, PathLike) else value
    abstract = {int: Integral, float: Real, str: str}[kind]
    value = kind(value) if isinstance(value, abstract) and not isinstance(value, bool) else value
    if type(value) is not kind:
        meant = {int: "a whole number", float: "a number", str: "text"}[kind]
        raise UserError(f"{flag(each.name)} takes {meant}, not {value!r}")
    if value == "":
        raise UserError(f"{flag(each.name)} must not be empty")
    valid = each.metadata["valid"]
    if valid is not None and not valid.holds(value):
        raise UserError(f"{flag(each.name)} must be {valid}, not {value}")
    return value
