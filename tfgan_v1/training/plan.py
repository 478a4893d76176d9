"""What is about to be trained: everything that can be checked before TensorFlow is imported."""

import functools
import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import data
from tfgan_v1.config import Config
from tfgan_v1.config.options import flag
from tfgan_v1.config.presets import ANY_SIZE, CONVOLUTIONAL, SCORES
from tfgan_v1.data import splits
from tfgan_v1.errors import UserError, warn
from tfgan_v1.gan import batches
from tfgan_v1.storage import classes, run_folder

# One call of the loop takes about a second at most, so that Ctrl-C and saves need not wait, and little memory.
CALL_PIXELS = 500_000  # pixels that a convolutional model sees in one call
CALL_BYTES = 2**26  # of noise, and of images where they are streamed
MOST_JUDGED = 512  # training and held-out images on which D is compared at a sampling step
MOST_COLUMNS = 20  # of an image grid with a column for each class
HOLDOUT = 0x401D  # separates the choice of held-out images from all other draws with the same seed
MOST_VALUES = 2**22  # of the data, by which the samples' diversity is measured


class CustomParts(NamedTuple):
    """What a caller in Python provides in place of what the configuration names; None is the built-in part."""

    model: Any = None  # a models.Model
    loss: Any = None  # a losses.Loss
    d_optimizer: Any = None  # an optimizers.Optimizer
    g_optimizer: Any = None  # an optimizers.Optimizer
    images: data.Dataset | None = None  # of an array

    def names(self):
        """The names of the parts that are custom, for config.json."""
        return [name for name, part in self._asdict().items() if part is not None]


class Plan(NamedTuple):
    """A run that may start."""

    config: Config  # resolved: the data set is named, the device is cpu or gpu, xla is on or off
    dataset: data.Dataset
    facts: dict  # see facts_of
    resume: bool
    overwrite: bool
    custom: CustomParts = CustomParts()
    workers: int = 1  # processes that train together

    @property
    def num_images(self):
        """How many images to train on: all but the held-out ones."""
        return self.facts["num_images"] - self.config.holdout

    @property
    def held_out(self):
        """The indices of the held-out images, int64 [holdout], sorted."""
        return split_indices(self.config, self.facts["name"], self.facts["num_images"])[1]

    @property
    def labels(self):
        """The class of each image in a conditional run, int32 [n]; otherwise None."""
        return self.dataset.labels if self.config.conditional else None

    @property
    def columns(self):
        """The names of the classes if samples are drawn in a column for each, in a conditional run; otherwise ()."""
        names = self.dataset.classes if self.config.conditional else ()
        return names if len(names) <= min(MOST_COLUMNS, self.config.num_samples) else ()

    @property
    def sheet_columns(self):
        """The columns of an image grid, each of one class, near the most square one; None for just that."""
        count = len(self.columns)
        return count * max(1, round(math.sqrt(self.config.num_samples) / count)) if count else None

    @property
    def reads_as(self):
        """What D's logits are, "probabilities" or "scores": see losses.Loss."""
        if self.custom.loss:
            return self.custom.loss.reads_as
        return "scores" if self.config.loss in SCORES else "probabilities"

    @property
    def steps_per_epoch(self):
        """Steps in one pass over the images."""
        return batches.steps_per_epoch(self.config, self.num_images)

    @property
    def total_steps(self):
        """Steps of the whole run."""
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    @property
    def images_per_step(self):
        """Real images that the discriminator sees in one step."""
        return self.config.batch_size * self.config.d_steps

    @property
    def sample_every(self):
        """Steps from one sampling step to the next."""
        return self.config.sample_every * (1 if self.config.steps else self.steps_per_epoch)

    @property
    def evaluate_every(self):
        """Steps from one evaluation to the next, or None."""
        every = self.config.evaluate_every
        return every and every * (1 if self.config.steps else self.steps_per_epoch)

    @property
    def streamed(self):
        """Whether the images stay on disk and are read for each call of the loop."""
        return self.dataset.images.nbytes > self.config.resident_limit * 1e9

    @property
    def chunk(self):
        """Most steps in one call of the loop: the steps between two sampling steps, in equal parts below the limits."""
        config, shape = self.config, self.facts["image_shape"]
        images = config.batch_size * config.d_steps
        noise_bytes = 4 * config.noise_size * (images + config.batch_size)
        image_bytes = images * math.prod(shape) * self.dataset.images.itemsize if self.streamed else 0
        limits = [config.chunk, CALL_BYTES // (noise_bytes + image_bytes)]
        if config.model in CONVOLUTIONAL or self.custom.model:
            limits.append(CALL_PIXELS // (images * math.prod(shape[:2])))
        interval, limit = min(self.sample_every, self.total_steps), max(1, min(limits))
        return math.ceil(interval / math.ceil(interval / limit))

    @property
    def is_points(self):
        """Whether the data are points and not images."""
        return len(self.facts["image_shape"]) == 1

    @property
    def real_samples(self):
        """Up to a thousand of the data, scaled like samples: images in [0, 1], points as they are."""
        some = self.dataset.images[: max(2, min(1000, MOST_VALUES // math.prod(self.facts["image_shape"])))]
        return some if self.is_points else some / np.float32(255)

    @property
    def graph_args(self):
        """The arguments of train_graph.build."""
        shape, dtype = self.facts["image_shape"], self.dataset.images.dtype
        class_counts = self.facts.get("class_counts")
        return self.config, shape, dtype, self.num_images, self.chunk, *self.custom[:-1], class_counts

    def step_label(self, step):
        """A step in the run's unit: "epoch 3", or "step 200" in a run that is counted in steps."""
        if self.config.steps:
            return f"step {step:,}"
        epochs, more = divmod(step, self.steps_per_epoch)
        return f"epoch {step / self.steps_per_epoch:,.2f}" if more else f"epoch {epochs:,}"

    @property
    def unit(self):
        """What the length of the run is counted in, "epoch" or "step"."""
        return "step" if self.config.steps else "epoch"

    def axis(self, steps):
        """Numbers of steps in the run's unit."""
        return [step if self.config.steps else step / self.steps_per_epoch for step in steps]

    def chunks(self, step):
        """The calls of the loop from a step to the end of the run: pairs (first step, number of steps)."""
        while step < self.total_steps:
            intervals = [every for every in (self.sample_every, self.evaluate_every) if every]
            steps = min(self.chunk, self.total_steps - step, *(every - step % every for every in intervals))
            yield step, steps
            step += steps

    def order(self, step):
        """The images of the call of the loop that starts at `step`: see batches.order."""
        order = batches.order(self.config, self.num_images, step, self.chunk)
        if not self.config.holdout:
            return order
        return split_indices(self.config, self.facts["name"], self.facts["num_images"])[0][order]

    def judged(self):
        """The training and the held-out images on which D is compared: two pairs (images, labels or None).

        Both have the same number of images, at most MOST_JUDGED, a multiple of what the discriminator judges together.
        """
        count = min(self.config.holdout, self.num_images, MOST_JUDGED) // self.config.group * self.config.group
        random = np.random.default_rng([self.config.seed, HOLDOUT, 1])  # images may be sorted by their classes
        parts = split_indices(self.config, self.facts["name"], self.facts["num_images"])
        chosen = [np.sort(random.permutation(part)[:count]) for part in parts]
        return [(self.dataset.images[part], None if self.labels is None else self.labels[part]) for part in chosen]


def shaping(config):
    """The data.Shaping of a configuration."""
    return data.Shaping(config.size, config.channels, config.fit, config.background)


@functools.lru_cache(maxsize=2)
def split_indices(config, name, num_images):
    """The indices of the images to train on and of the held-out ones, int32, sorted: a function of the seed.

    All versions of one picture, as mnist_warped has them, are held out together.
    """
    versions = versions_of(name, num_images)
    pictures = num_images // versions
    drawn = np.random.default_rng([config.seed, HOLDOUT]).permutation(pictures)[: config.holdout // versions]
    held_out = np.isin(np.arange(num_images) % pictures, drawn)
    return np.flatnonzero(~held_out).astype(np.int32), np.flatnonzero(held_out).astype(np.int32)


def versions_of(name, num_images):
    """How many images of a data set show one picture: k, k + num_images / versions, and so on."""
    return num_images // splits.PERIODS.get(name, num_images)


def real_sets(config, dataset):
    """(the Dataset to train on, a Dataset of new images to compare with) of a run's Dataset.

    The second is the published test images, otherwise the held-out images, otherwise None.
    """
    drawn = {"mean": config.mean, "std": config.std, "seed": config.seed}
    test = data.load_test(dataset.name, config.data_dir, shaping(config), labels=config.labels, **drawn)
    if not config.holdout:
        return dataset, test

    def part(which, **name):
        labels = None if dataset.labels is None else dataset.labels[which]
        return dataset._replace(images=dataset.images[which], labels=labels, sha256=None, **name)

    training, held_out = split_indices(config, dataset.name, len(dataset.images))
    return part(training), test or part(held_out, name=f"{dataset.name} held out")


def make_plan(
    config,
    *,
    resume=False,
    overwrite=False,
    download=True,
    custom=CustomParts(),  # noqa: B008, a constant
    workers=1,
    chief=True,
):
    """The Plan of a configuration. Writes nothing but a data set that it downloads or decodes.

    workers: the number of processes that train together. chief: whether this one reads and writes the run's folders.
    Raises UserError if the folders, the data or their combination do not allow the run.
    """
    saved = None
    if chief:
        saved = run_folder.check_can_start(config, resume=resume, overwrite=overwrite, custom=custom.names())
    if config.weights and chief and not saved:
        run_folder.read(Config(ckpt=config.weights), by="--weights")
    if config.size and not custom.model:
        check_size(config.model, config.size)  # before a folder is decoded in vain
    before = saved.config if saved else config
    config = replace(config, dataset=config.dataset or before.dataset, labels=config.labels or before.labels)
    config = replace(config, device=device_of(config, saved, workers), xla=xla_of(before.xla, workers))
    if config.device == "gpu" or config.precision == "bfloat16":
        settled(config, custom)  # which may refuse it, before a folder is decoded in vain
    dataset = custom.images or load(config, download=download)
    if not custom.images:
        config = replace(config, dataset=config.dataset or dataset.name)
    plan = Plan(config, dataset, facts_of(config, dataset), resume, overwrite, custom, workers)
    check_plan(plan, saved)
    return plan._replace(config=settled(config, custom))


def facts_of(config, dataset):
    """What config.json records of the data: dataset.facts(), the labels' checksum, and a conditional run's classes."""
    return {**dataset.facts(), **classes.facts(config, dataset)}


def xla_of(xla, workers):
    """The option xla of a run: off with several workers. Raises UserError if it is on with them."""
    if workers == 1:
        return xla
    if xla == "on":
        raise UserError(
            "--xla on is for one process: XLA has no exchange between workers on the CPU; use --xla off, which a run "
            "that began with XLA cannot change, or one process"
        )
    return "off"


def device_of(config, saved, workers):
    """The device that is asked for, or else that of the saved run; a run of an earlier version was on the CPU.

    Several workers are on the CPU. Raises UserError if a GPU is asked for with them.
    """
    if workers > 1:
        if config.device == "gpu":
            raise UserError("--device gpu is for one process: several workers train on the CPU; use --device cpu")
        return "cpu"
    if config.device != "auto" or not saved:
        return config.device
    return "cpu" if saved.config.device == "auto" else saved.config.device


def settled(config, custom):
    """devices.settled, which imports TensorFlow: that is why it comes last, unless it may refuse what was asked for."""
    from tfgan_v1 import devices

    return devices.settled(config, custom.model)


def check_plan(plan, saved):
    """Raises UserError if the data do not fit the model, the length of the run, or the saved run that is resumed."""
    config, facts = plan.config, plan.facts
    if saved:
        check_same_data(config, facts, saved, ", or start a new run by --name NAME")
    if not plan.custom.model:
        check_size(config.model, facts["image_shape"][:-1])
    if config.conditional:
        used = split_indices(config, plan.facts["name"], plan.facts["num_images"])[0]
        classes.check(config, plan.dataset, used, plan.custom.model)
    if config.batch_size // config.group < plan.workers:
        each = f"{config.group} rows each, for --pack or --minibatch-stddev" if config.group > 1 else "a row each"
        raise UserError(
            f"a batch of {config.batch_size:,} is too small for {plan.workers:,} workers with {each}; give a larger "
            "--batch-size or fewer workers"
        )
    if config.augment and plan.is_points:
        raise UserError(f"--augment changes images, but {facts['name']} holds points; leave it out")
    if config.holdout and not config.group <= config.holdout <= facts["num_images"] - config.group:
        raise UserError(
            f"--holdout {config.holdout:,} must leave at least {config.group} of the {facts['num_images']:,} images to "
            f"train on, and hold out as many"
        )
    versions = versions_of(facts["name"], facts["num_images"])
    if config.holdout % versions:
        raise UserError(
            f"{facts['name']} shows each picture {versions} times and holds out all of them together; --holdout must "
            f"be a multiple of {versions}, such as {config.holdout // versions * versions or versions}"
        )
    leftover = batches.leftover(config, plan.num_images)
    if leftover % config.group:
        raise UserError(
            f"the last batch of an epoch has {config.batch_size + leftover:,} images with --batches whole, which is no "
            f"multiple of {config.group}, as --pack or --minibatch-stddev needs; use --batches shuffled"
        )
    if config.batch_size * config.d_steps > plan.num_images:
        warn(
            f"{facts['name']} has {plan.num_images:,} {'points' if plan.is_points else 'images'}, fewer than the "
            f"{config.batch_size * config.d_steps:,} of one step, so each step repeats some of them"
        )
    if config.d_first >= plan.total_steps:
        raise UserError(
            f"--d-first {config.d_first:,} leaves no step for the generator in a run of {plan.total_steps:,} steps; "
            "give a smaller --d-first or a longer run"
        )


def check_same_data(config, facts, saved, otherwise=""):
    """Raises UserError unless data with these facts are the saved run's; their path may have changed.

    otherwise: what else the user may do, at the end of the sentence.
    """
    rows = [(name, saved.data.get(name), facts[name]) for name in ("num_images", "image_shape", "sha256")]
    if any(before != now for _, before, now in rows):
        advice = "pass the same" if facts["name"] == data.ARRAY else "name the right folder by --data-dir or --dataset"
        raise UserError(
            f"{facts['name']} does not hold the images that the run in {config.ckpt_folder} was trained on; "
            f"{advice}{otherwise}",
            *run_folder.side_by_side([("name", saved.data.get("name"), facts["name"]), *rows]),
        )
    classes.check_same(config, facts, saved, otherwise)


def load(config, *, download=True):
    """The data.Dataset of a configuration. Raises UserError if there is none."""
    return data.load(
        config.dataset,
        config.data_dir,
        shaping(config),
        mean=config.mean,
        std=config.std,
        seed=config.seed,
        strict=config.strict,
        cache_dir=config.cache_dir,
        download=download,
        labels=config.labels,
    )


def of_array(config, images, labels=None):
    """The data.Dataset of an array and its labels: see data.from_array. Raises UserError if `config` names others."""
    preset = Config(model=config.model)
    named = [flag(name) for name in ("dataset", "labels") if getattr(config, name) != getattr(preset, name)]
    if named:
        raise UserError(f"images is the data, and {named[0]} names others; give one of them, and labels as an array")
    return data.from_array(images, labels, shaping(config))


def check_size(model, size):
    """Raises UserError if a model cannot make images of a size (height, width), or of points, which have none."""
    if model not in CONVOLUTIONAL:
        return
    if not size:
        raise UserError(f"--model {model} makes images, but the data are points; use --model gaussian or mlp")
    step = 1 if model in ANY_SIZE else 4
    nearest = [min(range(8, 129, step), key=lambda fit: (abs(fit - length), -fit)) for length in size]
    if nearest != list(size):
        height, width = size
        raise UserError(
            f"--model {model} needs images whose height and width are {'multiples of 4 ' if step > 1 else ''}from 8 to "
            f"128, not {height}x{width}; the nearest is --image-size {nearest[0]}x{nearest[1]}"
        )
