"""The configuration of a run: one frozen dataclass. The flags are made from it, in its order; see commands/train.py."""

import os
import re
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from textwrap import fill
from types import NoneType
from typing import get_args

from tfgan_v1 import data
from tfgan_v1.config import synonyms
from tfgan_v1.config.options import OneOf, Range, checked, flag, help_text, option, value_type
from tfgan_v1.data.labels import MOST_CLASSES
from tfgan_v1.data.shapes import FITS, LARGEST_SIDE, POINTS
from tfgan_v1.devices import fastest_xla
from tfgan_v1.errors import SWITCHES, UserError, brief, did_you_mean, in_python
from tfgan_v1.gan import chain
from tfgan_v1.gan.adaptive import ADAPTIVE
from tfgan_v1.gan.augmentation import AUGMENTATIONS
from tfgan_v1.gan.conditioning import CLASS_FREQUENCIES, D_ARGUMENTS, D_CONDITIONS, G_ARGUMENTS, G_CONDITIONS, takes
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.networks import STDDEV_GROUP
from tfgan_v1.gan.noise import DISTRIBUTIONS
from tfgan_v1.gan.optimizers import OPTIMIZERS
from tfgan_v1.gan.penalties import PENALTIES
from tfgan_v1.gan.schedules import with_steps
from tfgan_v1.gan.train_step import D_STEPS, TOTALS

MOST_DRAWN = 1_000_000  # images in one call of sample.py
SAMPLE_EVERY = {"epochs": 1, "steps": 200}  # by the unit of the run's length, where the preset does not say it
DEFAULT_MODEL = "mlp"
CONDITIONAL_SAMPLES = 40  # of a conditional run: four of each of ten classes
LABELS = ("smooth", "fake_label", "g_label")  # options that choose the labels of a loss
CONDITIONS = ("g_condition", "d_condition", "class_frequencies")  # options of a conditional run

COUNT, LABEL, RATE, MOMENT = Range(1, 10**9), Range(0, 0.5), Range(0, 1, open_low=True), Range(0, 1, open_high=True)


@dataclass(frozen=True)
class Config:
    """Everything that determines a run. The model's preset sets what is not given.

    Two runs with equal configurations, on one machine with the same versions, give identical results. Raises UserError
    for an unknown name, and for a value of the wrong type or out of its range.
    """

    model: str | None = option(
        "preset: the networks, and the defaults of the other flags (without it, mlp; tuned for pictures of your own)",
        OneOf(MODELS),
    )
    epochs: int | None = option("length of the run in passes over the images", COUNT, resumable=True)
    steps: int | None = option("length of the run in training steps, instead of --epochs", COUNT, resumable=True)
    minutes: float | None = option(
        "length of the run in minutes, from the start of the command to its end: the first seconds measure how many "
        "steps fit, which config.json keeps",
        Range(0, 10_000, open_low=True),
        resumable=True,
        place=True,
    )
    name: str | None = option("name of the run: a subfolder of --ckpt and of --samples", metavar="NAME", place=True)
    seed: int = option("seed of the weights, noise, dropout and image order", Range(0, 2**32 - 1), default=0)

    dataset: str | None = option(
        lambda: (
            f"{', '.join(data.DATASETS)}; or the path of an IDX, CSV, .npy or .npz file or of a folder of images "
            "(without it: the preset's, or mnist if found or downloadable, otherwise mnist_warped)"
        ),
        metavar="NAME|PATH",
        resumable=True,  # config.json keeps the checksum of its pixels
    )
    labels: str | None = option(
        "file with a label for each image, in place of those that the data have: text, CSV, JSON, IDX, .npy or .npz",
        metavar="FILE",
        resumable=True,  # config.json keeps the checksum of the labels of a conditional run
    )
    data_dir: str | None = option(
        "where to look for published data sets before $TFGAN_DATA", metavar="FOLDER", resumable=True
    )
    image_size: str | None = option(
        "resize images to this many pixels: 28, or HEIGHTxWIDTH (without it: with tuned, by the images; "
        "otherwise 28 for a folder, and as they are)",
        metavar="SIZE",
        join="x",
    )
    points: bool = option(
        "read the rows of a table or an array as points, numbers in any dimension, where they could be images",
        default=False,
    )
    channels: int | None = option("1 for gray, 3 for color (without it, as the images are)", OneOf((1, 3)))
    fit: str = option(
        "how to resize: cut off the edges, add a border, or change the proportions", OneOf(FITS), default="crop"
    )
    background: str = option("color of transparent pixels and of borders", metavar="COLOR", default="white")
    strict: bool = option("stop at an image that cannot be decoded; do not skip it", default=False, resumable=True)
    cache_dir: str | None = option(
        "folder for decoded images (without it, the user's cache)", metavar="FOLDER", resumable=True, place=True
    )
    holdout: int = option(
        "images to hold out from training: D's outputs on them, beside those on training images, show overfitting",
        Range(0, 10**6),
        default=0,
    )
    resident_limit: float = option(
        "largest data set to keep in memory; larger ones are streamed from disk",
        Range(0),
        metavar="GB",
        default=2.0,
        resumable=True,
    )
    mean: float = option("mean of the data set gaussian", Range(-1e6, 1e6), default=0.0)
    std: float = option("standard deviation of the data set gaussian", Range(0, 1e6, open_low=True), default=1.0)

    layers: str | None = option(
        f"layers of the generator, in place of those of --model, such as '{chain.EXAMPLE}'", metavar="LAYERS", join=" "
    )
    noise: str = option(
        "distribution of the generator's noise: uniform in [-1, 1), unit in [0, 1), or normal",
        OneOf(DISTRIBUTIONS),
        common="uniform",
    )
    noise_size: int = option("dimensions of the noise", Range(1, 10_000), common=100)
    conditional: bool = option(
        "train both networks with the class of each image, to draw images of a class (needs labels)", common=False
    )
    clusters: str | None = option(
        "train with so many clusters of the data as classes, or auto; none: with --model tuned, no classes at all",
        metavar="N",
        join=",",
    )
    g_condition: str = option(
        "how the generator gets the class: embedding, a vector beside the noise; batch_norm, its own scale and offset "
        "in each batch normalization",
        OneOf(G_CONDITIONS),
        common="embedding",
    )
    d_condition: str = option(
        "how the discriminator gets the class: projection, an inner product in its last layer; concatenation, beside "
        "the pixels, or as one more channel of convolutions",
        OneOf(D_CONDITIONS),
        common="projection",
    )
    class_frequencies: str = option(
        "how often generated images have each class: as the data, or uniform", OneOf(CLASS_FREQUENCIES), common="data"
    )
    spectral_norm: bool = option(
        "divide each kernel of the discriminator by its largest singular value (spectral normalization)", common=False
    )
    minibatch_stddev: bool = option(
        "add a channel to the discriminator's images: their standard deviation over each four of a batch", common=False
    )
    pack: int = option("images that the discriminator judges together (PacGAN)", Range(1, 16), common=1)
    augment: str | None = option(
        lambda: f"augment what the discriminator sees, for little data: a list of {', '.join(AUGMENTATIONS)}; or none",
        metavar="LIST",
        join=",",
    )
    augment_strength: float = option(
        "probability of each augmentation, or a schedule; adaptive: it grows while D overfits, as held-out images show",
        Range(0, 1),
        default=1.0,
        scheduled=ADAPTIVE,
    )
    average: float = option(
        "keep a second generator, the moving average of the weights with this decay, such as 0.999; 0 for none",
        MOMENT,
        common=0.0,
    )
    average_halflife: float | None = option(
        "the same by its half-life in steps, or a schedule: the decay is 0.5 ** (1 / X)", Range(0, 1e9), scheduled=True
    )
    weights: str | None = option(
        "checkpoint folder of another run, whose networks are the initial weights", metavar="FOLDER", resumable=True
    )

    batch_size: int = option("images per batch", Range(1, 10**6))
    batches: str = option(
        "shuffled: every epoch shuffles all images and drops the last, smaller batch; whole: the last batch takes the "
        "remaining images, too; random: every batch is drawn from all images, with replacement",
        OneOf(("shuffled", "whole", "random")),
        common="shuffled",
    )
    loss: str = option(
        "loss of both networks, such as non_saturating, where G's is -log D(G(z)), or minimax, the saturating "
        "log(1 - D(G(z)))",
        OneOf(LOSSES),
        common="non_saturating",
    )
    penalty: str = option(
        lambda: f"gradient penalty in the discriminator's loss: a list of {', '.join(PENALTIES)}; or none",
        metavar="LIST",
        join=",",
        common="none",
    )
    penalty_weight: float | None = option(
        lambda: (
            "the penalty's weight, or a schedule (without it, the paper's: "
            f"{', '.join(f'{name} {penalty.weight:g}' for name, penalty in PENALTIES.items())})"
        ),
        Range(0, 1e9),
        scheduled=True,
    )
    penalty_every: int = option(
        "add the penalty, times N, to every N-th step only (lazy regularization), which takes less time",
        COUNT,
        common=1,
    )
    clip_weights: float | None = option(
        "clip the discriminator's weights to -X ... X after each update", Range(0, 1e9, open_low=True)
    )
    smooth: float = option("label smoothing: the label of real images is 1 - X", LABEL, common=0.0)
    chunk: int = option(
        "most steps in one Session.run; changes no result", Range(1, 10**6), default=1000, resumable=True
    )
    xla: str = option(
        "compile the training loop with XLA; auto: where this is faster", OneOf(("auto", "on", "off")), default="auto"
    )
    device: str = option(
        "where to train; auto: on a GPU if TensorFlow sees one",
        OneOf(("auto", "cpu", "gpu")),
        default="auto",
        resumable=True,
    )
    deterministic: bool = option(
        "on a GPU, use only operations that give the same bits each time, as a CPU's do", default=False, resumable=True
    )
    precision: str = option(
        "of the products in the networks; bfloat16: rounded to 8 bits, for speed; weights and losses stay float32",
        OneOf(("float32", "bfloat16")),
        default="float32",
    )

    d_steps: int = option("discriminator steps per generator step", Range(1, 25), common=1)
    d_first: int = option("number of first steps that train only the discriminator", Range(0, 10**9), common=0)
    d_loss: str = option(
        "how to combine the discriminator's losses on real and on generated images", OneOf(TOTALS), common="mean"
    )
    d_batches: str = option(
        "joint: real and generated images are one batch; separate: two batches, one update; in_turn: two batches, an "
        "update after each",
        OneOf(D_STEPS),
        common="joint",
    )
    fake_label: float = option("the discriminator's label of generated images", LABEL, common=0.0)
    g_label: float = option("the generator's target label of generated images", Range(0.5, 1), common=1.0)
    g_noise: str = option(
        "same: the generator step uses the noise of the discriminator step, and with --loss relativistic its real "
        "images; fresh: it draws its own",
        OneOf(("same", "fresh")),
        common="same",
    )

    optimizer: str = option("optimizer of both networks", OneOf(OPTIMIZERS), common="rmsprop")
    d_lr: float = option(
        "the discriminator's learning rate; or a schedule from one value to another, such as cosine:0.002:0.0002, or "
        "over 5000 steps linear:0.002:0:5000",
        RATE,
        scheduled=True,
    )
    g_lr: float = option("the generator's learning rate, likewise", RATE, scheduled=True)
    d_decay: float = option("inverse time decay: the rate is d_lr / (1 + d_decay * updates)", Range(0, 1), common=0.0)
    g_decay: float = option("the same for g_lr", Range(0, 1), common=0.0)
    decay_steps: int | None = option("linear decay: both learning rates fall to 0 over N updates and stay there", COUNT)
    clip_gradients: float | None = option(
        "scale each network's gradient down to this norm, if it is larger", Range(0, 1e9, open_low=True)
    )
    beta1: float = option("Adam: decay rate of the first moment", MOMENT, common=0.9)
    beta2: float = option("Adam: decay rate of the second moment, or a schedule", MOMENT, common=0.999, scheduled=True)
    rho: float = option("RMSprop: decay rate of the mean square", MOMENT, common=0.9)
    epsilon: float = option("added to the optimizer's divisor", Range(1e-30, 1), common=1e-07)

    ckpt: str = option("folder for checkpoints", metavar="FOLDER", default="checkpoints", place=True)
    samples: str = option("folder for samples, losses and plots", metavar="FOLDER", default="samples", place=True)
    sample_every: int = option(
        "draw samples and save the generator every N epochs, or every N steps of a run in steps", COUNT, resumable=True
    )
    evaluate_every: int | None = option(
        "measure the generator every N epochs or steps, and keep the best so far", COUNT, resumable=True
    )
    num_samples: int = option("images drawn each time", Range(1, 10_000), common=16)
    record: str = option(
        "rows of losses.csv: when samples are drawn, or at every step", OneOf(("samples", "steps")), common="samples"
    )
    tensorboard: bool = option(
        "also write losses, samples and histograms of weights for TensorBoard", default=False, resumable=True
    )
    sheets: str = option(
        "image grids to write: of the last samples, or of all", OneOf(("last", "each")), resumable=True, common="last"
    )

    def __post_init__(self):
        if hasattr(self.dataset, "shape"):
            raise UserError("--dataset takes a name or a path; pass an array by train(config, images=array)")
        for each in fields(self):
            if isinstance(each.metadata["valid"], OneOf):
                object.__setattr__(self, each.name, each.metadata["valid"].spelled(getattr(self, each.name)))
        object.__setattr__(self, "given", {name for name, value in self.values().items() if value is not None})
        if isinstance(self.dataset, str | os.PathLike):
            object.__setattr__(self, "dataset", data.canonical(self.dataset))
        if self.clusters is not None:
            self._read_clusters()
        if self.model is None:  # for pictures of the user's own, training.choices decides again
            object.__setattr__(self, "model", DEFAULT_MODEL)
        known = isinstance(self.model, str) and self.model in MODELS  # otherwise the check of `model` refuses it
        for name, value in preset_options(self).items() if known else ():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for each in fields(self):
            object.__setattr__(self, each.name, checked(each, getattr(self, each.name)))
        lengths = [flag(name) for name in ("minutes", *SAMPLE_EVERY) if name in self.given]
        if len(lengths) > 1:
            raise UserError(f"{lengths[0]} and {lengths[1]} both set the length of the run; give one of them")
        if self.name is not None and not is_name(self.name):
            raise UserError(f"--name must be a plain folder name such as faces, not {brief(self.name)}")
        for name, names in (("augment", self.augmentations), ("penalty", self.penalties)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, ",".join(names) or "none")
        if self.layers is not None:
            object.__setattr__(self, "layers", chain.text(chain.parse(self.layers)))
        _check_combinations(self)
        if self.image_size is not None:  # 28 and 28x28 are the same
            object.__setattr__(self, "image_size", "x".join(map(str, self.size)))

    def __repr__(self):
        shown = {"model": self.model, **given_options(self)}
        return f"Config({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def lacks_preset(self):
        """Whether the data are the user's own, or a data set for which there is no published preset."""
        row = data.DATASETS.get(self.dataset) if isinstance(self.dataset, str) else None
        return row.pictures or row.of_points if row else self.dataset is not None

    def values(self):
        """All options by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def replace(self, **changes):
        """The Config with other values of some options; those that nobody has given follow the preset again."""
        return Config(**{name: value for name, value in self.values().items() if name in self.given} | changes)

    @property
    def size(self):
        """(height, width) that images are resized to, or POINTS, or None."""
        if self.image_size is None:
            return POINTS if self.points else None
        if self.points:
            raise UserError("--points reads points, and --image-size is of images; give one of them")
        match = re.fullmatch(r"([0-9]{1,4})(?:[xX]([0-9]{1,4}))?", self.image_size)
        size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not all(1 <= length <= LARGEST_SIDE for length in size):
            raise UserError(
                f"--image-size takes a number of pixels from 1 to {LARGEST_SIDE:,}, such as 28, or HEIGHTxWIDTH, "
                f"such as 28x44, not {brief(self.image_size)}"
            )
        return size

    @property
    def network(self):
        """The models.Model: that of `model`, with `layers` as its generator where these are given."""
        row = MODELS[self.model]
        return row if self.layers is None else chain.with_generator(row, chain.parse(self.layers))

    @property
    def unit(self):
        """What the length of the run is counted in, "epoch" or "step"."""
        return "step" if self.steps else "epoch"

    @property
    def group(self):
        """How many images the discriminator judges together, of which a batch must be a multiple."""
        return self.pack * (STDDEV_GROUP if self.minibatch_stddev else 1)

    @property
    def augmentations(self):
        """The names in `augment`, in the order in which they are applied."""
        return self._names("augment", AUGMENTATIONS, "translate,cutout")

    @property
    def penalties(self):
        """The names in `penalty`."""
        return self._names("penalty", PENALTIES, "r1,r2")

    def _names(self, option, table, example):
        """The names in an option, such as "r1,r2" or "none". Raises UserError for one that is not in the table."""
        given = getattr(self, option) or "none"
        names = tuple(name.strip().lower().replace("-", "_") for name in given.split(","))
        names = () if names == ("none",) else names
        for name in names:
            if name not in table or names.count(name) > 1:
                what = f"{flag(option)} takes a list of {', '.join(table)}, each at most once, such as {example}"
                raise UserError(f"{what}, not {brief(given)}{synonyms.hint(option, name)}")
        return names

    @property
    def schedules(self):
        """The options that change with the steps, texts by name: see gan/schedules.py."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.metadata["scheduled"]}
        return {name: value for name, value in values.items() if isinstance(value, str) and value != ADAPTIVE}

    def with_steps(self, steps):
        """The Config with the run's steps in each schedule that leaves them open."""
        return self.replace(**{name: with_steps(text, steps) for name, text in self.schedules.items()})

    def _read_clusters(self):
        """Makes a run with clusters conditional. Raises UserError unless `clusters` is a number, auto or none."""
        text = str(self.clusters).strip().lower()
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
        if text not in ("auto", "none") and not 2 <= number <= MOST_CLASSES:
            right = f"a number from 2 to {MOST_CLASSES:,}, auto, or none"
            raise UserError(f"--clusters takes {right}, not {brief(self.clusters)}")
        object.__setattr__(self, "clusters", text)
        if text != "none":
            object.__setattr__(self, "conditional", True)

    @property
    def clustered(self):
        """Whether the classes of a conditional run are clusters of the data."""
        return self.clusters not in (None, "none")

    @property
    def averages(self):
        """Whether there is a second generator, of averaged weights."""
        return self.average > 0 or self.average_halflife is not None

    @property
    def ckpt_folder(self):
        """Path of the folder with this run's checkpoints."""
        return Path(self.ckpt, self.name or "")

    @property
    def samples_folder(self):
        """Path of the folder with this run's samples, losses and plots."""
        return Path(self.samples, self.name or "")


def check_names(names, *more):
    """Raises UserError for a name that is no option's and none of `more`."""
    known = [*(each.name for each in fields(Config)), *more]
    for name in names:
        if name not in known:
            hint = synonyms.hint(str(name)) or did_you_mean(str(name), known) or "help(Config) lists them"
            raise UserError(f"there is no option {brief(name)}; {hint.strip()}")


@wraps(Config.__init__)
def _init(self, *values, **options):
    check_names(options)
    _init.__wrapped__(self, *values, **options)


def _described(each):
    """An option in the help of Config, made from its field."""
    default = each.metadata["common"] if each.default is None else each.default
    if default is None and NoneType not in get_args(each.type):
        default = "the preset's"
    text = in_python(f"{each.name}: {help_text(each, default, in_full=True)}")
    return fill(text, 100, initial_indent=" " * 4, subsequent_indent=" " * 8)


Config.__init__ = _init
Config.__doc__ += "\n    The options:\n\n" + "\n".join(map(_described, fields(Config)))
SWITCHES.update(each.name for each in fields(Config) if value_type(each) is bool)


def is_name(text):
    """Whether a text can be the name of a run."""
    return bool(text.strip(" .")) and text.isprintable() and not set(text) & set("/\\")


def _check_combinations(config):
    """Raises UserError for options that exclude each other."""
    labels = _changed(config, LABELS)
    if labels and not LOSSES[config.loss].uses_labels:
        raise UserError(f"--loss {config.loss} has no labels; leave out {' and '.join(labels)}")
    if config.average and config.average_halflife is not None:
        raise UserError("--average and --average-halflife both set the decay of the averaged weights; give one of them")
    if LOSSES[config.loss].paired and config.class_frequencies != COMMON["class_frequencies"]:
        raise UserError(f"--loss {config.loss} pairs images of one class; leave out --class-frequencies")
    if config.spectral_norm and config.clip_weights:
        raise UserError("--spectral-norm already bounds the discriminator's weights; leave out --clip-weights")
    if config.penalty_weight and config.penalty == "none":
        raise UserError("--penalty-weight has no effect without a penalty; add --penalty r1 or another")
    if config.augment_strength != 1 and not config.augmentations:
        raise UserError("--augment-strength has no effect without augmentations; add --augment translate,cutout,colour")
    if config.augment_strength == ADAPTIVE and not config.holdout:
        raise UserError("--augment-strength adaptive looks at held-out images; add --holdout N, such as a tenth of all")
    if config.clustered and config.labels:
        raise UserError("--labels and --clusters are both the classes of the images; give one of them")
    conditions = _changed(config, CONDITIONS)
    if conditions and not config.conditional:
        have = "have" if conditions[1:] else "has"
        raise UserError(f"{' and '.join(conditions)} {have} no effect without --conditional; add it")
    if LOSSES[config.loss].relative and config.d_batches == "in_turn":
        raise UserError(f"--loss {config.loss} compares real and generated images; use --d-batches joint or separate")
    for lr, decay in (("d_lr", "d_decay"), ("g_lr", "g_decay")):
        decays = [flag(name) for name in ("decay_steps", decay) if getattr(config, name)]
        if decays and lr in config.schedules:
            raise UserError(f"{flag(lr)} already says how the learning rate falls; leave out {' and '.join(decays)}")
        if len(decays) > 1:
            raise UserError(f"--decay-steps is linear decay and {decays[1]} is inverse time decay; give one kind")
    if config.batch_size % config.group:
        multiple = f"must be a multiple of {config.group}, for --pack or --minibatch-stddev"
        raise UserError(f"--batch-size {config.batch_size:,} {multiple}")


def _changed(config, names):
    """The flags of these options that differ from their defaults."""
    return [flag(name) for name in names if getattr(config, name) != COMMON[name]]


RUN_PLACES = tuple(each.name for each in fields(Config) if each.metadata["place"])  # config.json leaves them out
COMMON = {each.name: each.metadata["common"] for each in fields(Config) if each.metadata["common"] is not None}


def _check_presets():
    """Raises TypeError for a preset without an option or an argument, so that a forgotten one is an error at import."""
    optional = {each.name for each in fields(Config) if each.default is not None or NoneType in get_args(each.type)}
    required = {each.name for each in fields(Config)} - optional - COMMON.keys() - {"sample_every"}
    for name, model in MODELS.items():
        options = model.options or {}
        missing = sorted(required - options.keys()) + ["epochs or steps"] * (not options.keys() & SAMPLE_EVERY.keys())
        unknown = sorted(options.keys() - {each.name for each in fields(Config)})
        if missing or unknown:
            raise TypeError(f"preset {name}: sets no {', '.join(missing) or '-'}; unknown: {', '.join(unknown) or '-'}")
        if not takes(model.generator, G_ARGUMENTS):
            raise TypeError(f"preset {name}: its generator takes ({G_ARGUMENTS}, labels=None), or no labels")
        if not all(takes(model.discriminator, f"{D_ARGUMENTS}{labels}") for labels in ("", ", labels")):
            raise TypeError(f"preset {name}: its discriminator takes ({D_ARGUMENTS}, labels=None)")


_check_presets()


def preset_options(config):
    """The values of the options that are not given, by name; the run's length in the unit that is given."""
    model = MODELS[config.model]
    preset = COMMON | (model.options or {})
    if config.clustered:
        falls = config.decay_steps or config.d_decay or config.g_decay  # in another way than by the schedules there
        preset |= {name: value for name, value in (model.clustered or {}).items() if not (falls and name[2:] == "lr")}
    loss = config.loss or preset["loss"]
    row = LOSSES.get(loss) if isinstance(loss, str) else None  # otherwise the check of `loss` refuses it
    if row and not row.uses_labels:
        preset |= {name: COMMON[name] for name in LABELS}
    if row and row.paired:
        preset |= {"d_loss": "mean", "g_noise": "fresh"}  # as published
    if config.average_halflife is not None:
        preset["average"] = 0.0
    preset |= {f"{network}_decay": 0.0 for network in "dg" if f"{network}_lr" in config.schedules}
    if config.penalty not in (None, preset["penalty"]):
        preset.pop("penalty_weight", None)  # which is of the preset's own penalty
    if config.conditional is True:
        preset["num_samples"] = max(CONDITIONAL_SAMPLES, preset["num_samples"])
    if config.minutes is not None:  # until the steps are measured
        return {"sample_every": SAMPLE_EVERY["steps"], **preset, "epochs": None, "steps": COUNT.high}
    preset_unit = "epochs" if "epochs" in preset else "steps"
    unit = next((unit for unit in SAMPLE_EVERY if getattr(config, unit) is not None), preset_unit)
    if unit == preset_unit:
        return {"sample_every": SAMPLE_EVERY[unit], **preset}
    return {**preset, preset_unit: None, "sample_every": SAMPLE_EVERY[unit]}


def given_options(config, model=None):
    """The options, by name, that differ from the preset's: what makes an equal run, on the same kind of device.

    The device is left out, and so is xla where it is what is chosen for the device. model: a custom models.Model.
    """
    chosen = fastest_xla(config.device, model or config.network)
    base = {each.name: each.default for each in fields(Config)} | preset_options(config) | {"device": config.device}
    base["model"] = None if config.lacks_preset else DEFAULT_MODEL
    base |= {"xla": config.xla} if config.xla == chosen else {}
    return {name: value for name, value in config.values().items() if value != base[name]}
