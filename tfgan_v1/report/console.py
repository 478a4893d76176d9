"""What a run prints: a line when it draws samples, its progress bar, its scores, and the files that it has written."""

import math
import shutil
import sys
from datetime import timedelta

from tfgan_v1 import devices
from tfgan_v1.errors import count_of, say
from tfgan_v1.evaluation import metrics
from tfgan_v1.gan.networks import count_parameters
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.storage import classes, records, run_folder
from tfgan_v1.storage.names import CLUSTERS, CONFIG, GENERATORS, LATEST, REAL_IMAGES, REVIEW_PAGE, SAMPLES_FILES, STATE
from tfgan_v1.streams import bar, beside_bars, has_bar, speech


def write_line(plan, progress, numbers):
    """Prints the step and the losses in the published form, then D's outputs, accuracies, speed and time left.

    numbers: STEP_METRICS of the last step. A narrow terminal gets short names, and as many of the numbers as fit;
    losses.csv has all of them.
    """
    config, values = progress.config, dict(zip(STEP_METRICS[plan.critic], numbers, strict=True))
    seconds, steps = max(progress.seconds - progress.reported[0], 1e-3), progress.step - progress.reported[1]
    progress.reported = progress.seconds, progress.step
    time_left = str(timedelta(seconds=math.ceil((plan.total_steps - progress.step) * seconds / steps)))
    place = f"Step {progress.step}/{config.steps}" if config.steps else f"Epoch {progress.epoch}/{config.epochs}"

    losses = f"{place}... Discriminator Loss: {values['d_loss']:.4f}... Generator Loss: {values['g_loss']:.4f}"
    outputs = [f"{name} {values[name]:.2f}" for name in STEP_METRICS[plan.critic][2:4]]
    if progress.held_out and progress.held_out[-1].step == progress.step:
        outputs.append(f"{records.HELD_OUT_HEADERS[plan.critic][3]} {progress.held_out[-1].held_out:.2f}")
    outputs += [f"augmentation {row[2]:.2f}" for row in progress.rows("strength")[-1:]]
    accuracies = [] if plan.critic else [f"accuracy D {values['d_accuracy']:.2f}, G {values['g_accuracy']:.2f}"]
    speed = f"{steps * plan.images_per_step / seconds:,.0f} {_unit(plan)}/s"
    by = f" by {plan.workers} workers" if plan.workers > 1 else ""
    points = _statistics(plan, progress)
    if sys.stdout and sys.stdout.isatty():
        width, time_left = shutil.get_terminal_size().columns, f"{time_left.removeprefix('0:')} left"
        line, more = ", ".join([losses, time_left, speed + by, *outputs]), [*points, *accuracies]
        short = [f"D {values['d_loss']:.2f}", f"G {values['g_loss']:.2f}"]
        short += [*(each.replace(" 0.", " .") for each in outputs), speed.replace("images", "img"), time_left, *more]
        wide = len(line) <= width
        line = fitted(line, more, width) if wide else fitted(place.removeprefix("Step "), short, width, "  ")
    else:
        parts = [losses, ", ".join([*outputs, *accuracies]), ", ".join(points), f"{speed}{by}, {time_left} left"]
        line = "... ".join(filter(None, parts))
    _print(line, last=progress.step == plan.total_steps)


def write_start(plan, step, networks):
    """Prints what is trained from a step on: the data, the networks, the length."""
    model = "custom networks" if plan.custom.parts.model else plan.config.model
    sizes = f"generator {count_parameters(networks.g_state):,}, discriminator {count_parameters(networks.d_state):,}"
    start = f"Resuming at step {step:,} of" if step else "Training for"
    where = devices.title(plan.config, run_folder.threads(), plan.workers)
    say(f"{data_line(plan)}. Networks of {model}: {sizes} parameters.")
    say(f"{start} {plan.total_steps:,} steps of {plan.images_per_step:,} {_unit(plan)}, on {where}.")


def write_page(plan):
    """Prints which page shows the run, and how often it has new samples."""
    every, unit = plan.config.sample_every, plan.config.unit
    often = f"{every:,} {unit}s" if every > 1 else unit
    page = plan.config.samples_folder / REVIEW_PAGE
    say(f"Open {page} in a browser; it follows the run, with new samples every {often}.")


def data_line(plan):
    """What a plan trains on: the name, number and size of the images, and the classes of a conditional run."""
    count = count_of(plan.metadata["num_images"], _unit(plan)[:-1])
    size = "x".join(map(str, plan.metadata["image_shape"]))
    named = f"{plan.metadata['name']}: {count} of {size}"
    if plan.config.conditional:
        return f"{named}, {classes.summary(plan.dataset, plan.config.clustered)}"
    return f"{named}, {len(plan.dataset.classes):,} classes" if len(plan.dataset.classes) > 1 else named


def progress_bar(plan, progress):
    """The bar of a run: see streams.bar."""
    return bar(plan.total_steps, "steps", progress.step)


def _unit(plan):
    return "points" if plan.is_points else "images"


def written_files(config):
    """The lines that name everything that a run has written into its folders; the files of a checkpoint as one."""
    checkpoints = tuple(f"{name}-*.index" for name in GENERATORS.values())
    samples = *SAMPLES_FILES, REAL_IMAGES
    patterns = {config.ckpt_folder: (CONFIG, CLUSTERS, *checkpoints, LATEST, STATE), config.samples_folder: samples}
    lines = []
    for folder, names in patterns.items():
        paths = [path for name in names for path in sorted(folder.glob(name), key=lambda path: (len(path.name), path))]
        shown = (path.stem if path.suffix == ".index" else path.name + "/" * path.is_dir() for path in paths)
        lines.append(f"  {folder}: {', '.join(shown)}")
    return lines


def write_scores(plan, progress, evaluator):
    """Prints the scores of the last evaluation, in brackets those of real images."""
    scores = zip(evaluator.header[2:], progress.evaluation[-1][2:], evaluator.real, strict=True)
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.3f} ({real:.3f})" for name, value, real in scores)
    best = ", the best so far" if progress.best[0] == progress.step else ""
    _print(f"{plan.step_label(progress.step).capitalize()}: {shown}{best}")


def _print(line, last=False):
    """Prints a line above the bar; where train in Python has a bar, only the last one."""
    if speech["verbose"] is None or last or not has_bar():
        with beside_bars():
            say(line)


def fitted(line, parts, width, separator=", "):
    """A line with as many of the parts behind it, the first before the last, as fit into `width` characters."""
    for part in parts:
        longer = f"{line}{separator}{part}"
        line = longer if len(longer) <= width else line
    return line[:width]


def _statistics(plan, progress):
    """The last sample of points as texts, in brackets the data's; nothing for images."""
    if not plan.is_points or progress.sample_steps[-1:] != [progress.step]:
        return []
    record = progress.records["statistics"]
    row = dict(zip(record.header, record.rows[-1], strict=True))
    if plan.metadata["image_shape"] == [1]:
        named = (f"{name} {row[f'fake_{name}']:.2f} ({row[f'real_{name}']:.2f})" for name in metrics.Moments._fields)
        return [f"KL {row['kl_divergence']:.3f}", *named]
    names = (name for name in records.POINT_SCORES if name in row)
    return [f"{name.replace('_', ' ')} {row[name]:.3g} ({row[f'real_{name}']:.3g})" for name in names]
