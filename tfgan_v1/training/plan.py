"""What is about to be trained: almost everything is checked before TensorFlow is imported."""

import math
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from tfgan_v1 import data, devices
from tfgan_v1.config import Config
from tfgan_v1.config.options import flag
from tfgan_v1.errors import UserError, count_of, note, warn
from tfgan_v1.gan import batches
from tfgan_v1.gan.adaptive import ADAPTIVE
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.schedules import Schedule
from tfgan_v1.gan.train_graph import CustomParts, DataSpec, batches_of_real
from tfgan_v1.storage import classes, run_data, run_folder
from tfgan_v1.training import choices

# One call of the loop takes about a second at most, so that Ctrl-C and saves need not wait, and little memory.
CALL_PIXELS = 500_000  # pixels that a convolutional model sees in one call
CALL_BYTES = 2**26  # of noise, and of images where they are streamed
FEW_STEPS, FEW_IMAGES = 500, 10  # below which nothing is learned
MOST_COLUMNS = 20  # of an image grid with a column for each class


class Custom(NamedTuple):
    """The CustomParts of a run, and the images that a caller in Python passes as an array."""

    parts: CustomParts = CustomParts()
    images: data.Dataset | None = None  # of an array

    def names(self):
        """The names of the parts that are custom, for config.json."""
        return [*self.parts.names(), *(["images"] if self.images else [])]


class Plan(NamedTuple):
    """A run that may start."""

    config: Config  # resolved: the data set is named, the device is cpu or gpu, xla is on or off
    dataset: data.Dataset
    metadata: dict  # of the data: see run_data.metadata
    resume: bool
    overwrite: bool
    custom: Custom = Custom()
    workers: int = 1  # processes that train together
    own: data.Dataset | None = None  # the data with their own labels, where clusters are the classes of `dataset`
    deadline: float = math.inf  # of --minutes: the time.monotonic() at which to stop
    numbered: bool = False  # whether the run got its name, such as mlp-2, because others were there
    sampled: tuple = ()  # of a run that is trained again: the sampling steps that it had, by whatever --sample-every

    @property
    def num_images(self):
        """How many images to train on: all but the held-out ones."""
        return self.metadata["num_images"] - self.config.holdout

    @property
    def split(self):
        """The indices of the training images and of the held-out ones: see run_data.split_indices."""
        return run_data.split_indices(self.config, self.metadata["name"], self.metadata["num_images"])

    @property
    def labels(self):
        """The class of each image in a conditional run, int32 [n]; otherwise None."""
        return self.dataset.labels if self.config.conditional else None

    @property
    def columns(self):
        """The names of the classes if an image grid has a column for each, in a conditional run; otherwise ()."""
        names = self.dataset.classes if self.config.conditional and not self.config.clustered else ()
        return names if len(names) <= min(MOST_COLUMNS, self.config.num_samples) else ()

    @property
    def sheet_columns(self):
        """The columns of an image grid, each of one class, near the most square one; None for just that."""
        count = len(self.columns)
        return count * max(1, round(math.sqrt(self.config.num_samples) / count)) if count else None

    def examples(self):
        """Training images for a grid, with a column for each class where the samples have one: uint8 [n, h, w, c]."""
        rows, count = self.split[0], min(self.config.num_samples, self.num_images)
        if self.columns:
            classes = [rows[self.labels[rows] == label] for label in range(len(self.columns))]
            classes = [of_class if len(of_class) else rows for of_class in classes]  # all may be held out
            rows = [of_class[i % len(of_class)] for i in range(count // len(classes)) for of_class in classes]
        else:
            rows = rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]
        return self.dataset.images[rows]

    @property
    def critic(self):
        """Whether D's logits are scores and no probabilities: see losses.Loss."""
        return self.loss.critic

    @property
    def loss(self):
        """The losses.Loss."""
        return self.custom.parts.loss or LOSSES[self.config.loss]

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
        return self.config.sample_every * self._unit_steps()

    def next_sample(self, step):
        """The first sampling step after a step."""
        had = self.sampled[bisect_right(self.sampled, step) :]
        return had[0] if had else step + self.sample_every - step % self.sample_every

    def _unit_steps(self):
        return 1 if self.config.steps else self.steps_per_epoch

    @property
    def evaluate_every(self):
        """Steps from one evaluation to the next, or None."""
        return self.config.evaluate_every and self.config.evaluate_every * self._unit_steps()

    @property
    def streamed(self):
        """Whether the images stay on disk and are read for each call of the loop."""
        return self.dataset.images.nbytes > self.config.resident_limit * 1e9

    @property
    def chunk(self):
        """Most steps in one call of the loop: the steps between two sampling steps, in equal parts below the limits."""
        config, shape, images = self.config, self.metadata["image_shape"], self.images_per_step
        noise_bytes = 4 * config.noise_size * (images + config.batch_size)
        image_bytes = images * math.prod(shape) * self.dataset.images.itemsize if self.streamed else 0
        limits = [config.chunk, CALL_BYTES // (noise_bytes + image_bytes)]
        if (self.custom.parts.model or config.network).convolutional:
            limits.append(CALL_PIXELS // (images * math.prod(shape[:2])))
        interval, limit = min(self.sample_every, self.total_steps), max(1, min(limits))
        return math.ceil(interval / math.ceil(interval / limit))

    @property
    def is_points(self):
        """Whether the data are points and not images."""
        return len(self.metadata["image_shape"]) == 1

    def data_spec(self, stream=None):
        """The train_graph.DataSpec. stream: a Batch of the images of a call, if they are streamed."""
        shape, total = self.metadata["image_shape"], self.metadata["num_images"]
        counts = self.metadata.get("class_counts")
        points = self.dataset.images[self.split[0]] if self.is_points else None
        kind = shape, self.dataset.images.dtype
        return DataSpec(*kind, self.num_images, total, counts, stream, points, self.split[1])

    @property
    def modes(self):
        """The data.points.Modes of a mixture of points, or None."""
        return data.datasets.modes_of(self.metadata["name"])

    def step_label(self, step):
        """A step in the run's unit: "epoch 3", or "step 200" in a run that is counted in steps."""
        if self.config.steps:
            return f"step {step:,}"
        epochs, more = divmod(step, self.steps_per_epoch)
        return f"epoch {step / self.steps_per_epoch:,.2f}" if more else f"epoch {epochs:,}"

    def chunks(self, step):
        """The calls of the loop from a step to the end of the run: pairs (first step, number of steps)."""
        while step < self.total_steps:
            stops = [self.total_steps, self.next_sample(step)]
            if every := self.evaluate_every:
                stops.append(step + every - step % every)
            steps = min(self.chunk, min(stops) - step)
            yield step, steps
            step += steps

    def order(self, step):
        """The images of the call of the loop that starts at `step`: see batches.order."""
        of_g = batches_of_real(self.config, self.loss) > self.config.d_steps
        order = batches.order(self.config, self.num_images, step, self.chunk, of_g)
        return self.split[0][order] if self.config.holdout else order


def make_plan(config, *, resume=False, overwrite=False, download=True, custom=Custom(), workers=1, chief=True):  # noqa: B008
    """The Plan of a configuration. Writes nothing but a data set that it downloads or decodes.

    workers: the number of processes that train together. chief: whether this one reads and writes the run's folders.
    Raises UserError if the folders, the data or their combination do not allow the run.
    """
    custom.parts.check()
    saved, model, asked, start_as = None, custom.parts.model, config, (resume, overwrite, custom.names())
    numbered = chief and not (resume or overwrite) and config.name is None and run_folder.is_taken(config)
    if chief and not numbered:
        saved = run_folder.check_can_start(config, *start_as)
    if config.weights and chief and not saved:
        config = choices.of_weights(config)
    config = with_saved(config, saved, workers)
    is_open = not resume and choices.are_open(config, custom)
    config = choices.before_loading(config) if is_open else config
    if config.size and not model:  # before a folder is decoded in vain
        check_size(config.model, config.size)
    if config.device == "gpu" or config.precision == "bfloat16":  # which may be refused, likewise
        devices.resolve_device(config, model)
    if custom.images is None:
        dataset = run_data.load(config, download=download)
        config = config.replace(dataset=config.dataset or dataset.name)
    else:
        dataset = data.reshaped(custom.images, run_data.shaping(config))
    config, dataset = choices.after_loading(config, dataset) if is_open else (config, dataset)
    if numbered:
        config = config.replace(name=run_folder.next_name(config))
        warn(f"{asked.ckpt_folder} or {asked.samples_folder} holds a run, so this one is named {config.name}")
        run_folder.check_can_start(config, *start_as)
    own, config = dataset, config if resume or model else choices.classes_of(config, dataset)
    if config.clustered:
        config, dataset = run_data.in_clusters(config, dataset, saved is not None)
    parts = run_data.metadata(config, dataset), resume, overwrite, custom, workers, own, math.inf, numbered
    plan = Plan(config, dataset, *parts)
    if config.minutes is None:  # otherwise, the steps are measured first
        plan = plan._replace(config=config.with_steps(plan.total_steps))
    if saved:
        run_data.check_same_data(config, plan.metadata, saved, ", or start a new run by --name NAME")
    check_data(plan)
    check_batches(plan)
    if chief and not saved:
        choices.say(config, asked, "points" if plan.is_points else "images")
        warn_of_little(plan)
    if saved:
        say_what_ended(plan)
    return plan._replace(config=devices.resolve_device(plan.config, model))  # last, as it imports TensorFlow


def with_saved(config, saved, workers):
    """The Config with what it leaves to the saved run, or decides for a new one: data, device, XLA."""
    before = saved.config if saved else config
    config = config.replace(dataset=config.dataset or before.dataset, labels=config.labels or before.labels)
    return config.replace(device=choose_device(config, saved, workers), xla=choose_xla(before.xla, workers))


def choose_xla(xla, workers):
    """The option xla of a run: off with several workers. Raises UserError if it is on with them."""
    if workers > 1 and xla == "on":
        raise UserError(
            "--xla on is for one process: XLA has no exchange between workers on the CPU; use --xla off for a new run, "
            "or continue in one process"
        )
    return "off" if workers > 1 else xla


def choose_device(config, saved, workers):
    """The configured device, or else that of the saved run. Raises UserError for several workers on a GPU."""
    if workers > 1 and config.device == "gpu":
        raise UserError("--device gpu is for one process: several workers train on the CPU; use --device cpu")
    if workers > 1:
        return "cpu"
    if config.device != "auto" or not saved:
        return config.device
    return "cpu" if saved.config.device == "auto" else saved.config.device  # the first versions were on the CPU


def check_data(plan):
    """Raises UserError if the data do not fit the networks, or the images to be held out."""
    config, name, num_images = plan.config, plan.metadata["name"], plan.metadata["num_images"]
    if not plan.custom.parts.model:
        check_size(config.model, plan.metadata["image_shape"][:-1])
    if plan.custom.parts.loss and plan.custom.parts.loss.relative and config.d_batches == "in_turn":
        raise UserError(
            "a relative loss compares real and generated images in one update; use --d-batches joint or separate"
        )
    if config.augmentations and plan.is_points:
        raise UserError(f"--augment changes images, but {name} holds points; leave it out")
    if config.augment_strength == ADAPTIVE and (plan.streamed or plan.workers > 1):
        advice = "one process" if plan.workers > 1 else "a larger --resident-limit"
        raise UserError(f"--augment-strength adaptive needs all images in the memory of one process; use {advice}")
    run_data.check_holdout(config, name, num_images)
    if config.conditional:
        classes.check(config, plan.dataset, plan.split[0], plan.custom.parts.model)


def warn_of_little(plan):
    """Warns of a run that cannot learn: too few steps or images, or a D of which the loss is without a bound."""
    config, name, count = plan.config, plan.metadata["name"], plan.num_images
    if count < FEW_IMAGES:
        images = count_of(count, "point" if plan.is_points else "image")
        warn(f"{name} has {images}: the generator can only copy them; give {FEW_IMAGES} or more, better hundreds")
    elif plan.total_steps < FEW_STEPS and "steps" not in config.given:
        enough = math.ceil(4 * FEW_STEPS / plan.steps_per_epoch)
        warn(f"{plan.total_steps:,} steps are too few to learn from {name}; train longer, such as --epochs {enough}")
    bounds = config.penalty != "none" or config.clip_weights or config.spectral_norm
    if config.loss == "wasserstein" and not plan.custom.parts.loss and not bounds:
        warn("--loss wasserstein needs a bound on D, or it runs away; add --penalty wgan_gp or --clip-weights 0.01")


def say_what_ended(plan):
    """Says which schedules end before a run that is resumed."""
    schedules = plan.config.schedules.items()
    ended = [f"{flag(name)} {text}" for name, text in schedules if Schedule.parse(text).steps < plan.total_steps]
    if ended:
        note(f"{', '.join(ended)}: after the last of these steps, the last value stays.")


def check_size(model, size):
    """Raises UserError if a preset cannot make images of a size (height, width), or points, which have none."""
    multiple = MODELS[model].size_multiple
    if multiple is None:
        return
    if not size:
        raise UserError(f"--model {model} makes images, but the data are points; use --model points")
    largest = MODELS[model].largest_size
    nearest = [min(range(8, largest + 1, multiple), key=lambda fit: (abs(fit - length), -fit)) for length in size]
    if nearest != list(size):
        lengths = f"multiples of {multiple} from 8 to {largest}" if multiple > 1 else f"from 8 to {largest}"
        raise UserError(
            f"--model {model} needs images whose height and width are {lengths}, not {size[0]}x{size[1]}; "
            f"the nearest is --image-size {nearest[0]}x{nearest[1]}"
        )


def check_batches(plan):
    """Raises UserError if the batches do not fit the workers, the data or the length of the run."""
    config, group = plan.config, plan.config.group
    if config.batch_size // group < plan.workers:
        rows = f"{group} rows each, for --pack or --minibatch-stddev" if group > 1 else "a row each"
        sentence = f"a batch of {config.batch_size:,} is too small for {plan.workers:,} workers with {rows}"
        raise UserError(f"{sentence}; give a larger --batch-size or fewer workers")
    leftover = batches.leftover(config, plan.num_images)
    if leftover % group:
        raise UserError(
            f"the last batch of an epoch has {config.batch_size + leftover:,} images with --batches whole, which is no "
            f"multiple of {group}, as --pack or --minibatch-stddev needs; use --batches shuffled"
        )
    if plan.images_per_step > plan.num_images >= FEW_IMAGES:
        has = f"has {plan.num_images:,} {'points' if plan.is_points else 'images'}"
        step = f"the {plan.images_per_step:,} of one step, so each step repeats some of them"
        warn(f"{plan.metadata['name']} {has}, fewer than {step}")
    if config.d_first >= plan.total_steps:
        sentence = f"leaves no step for the generator in a run of {plan.total_steps:,} steps"
        raise UserError(f"--d-first {config.d_first:,} {sentence}; give a smaller --d-first or a longer run")
