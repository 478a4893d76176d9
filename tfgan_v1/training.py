"""The Session loop: run, report, sample, save."""

import math
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfgan_v1 import checkpoints, data, gan, plots, records, runs
from tfgan_v1._tensorflow import quiet, reason, tf
from tfgan_v1.config import Config, flag
from tfgan_v1.errors import UserError, warn
from tfgan_v1.plans import make_plan

SAVE_SECONDS = 10  # the samples and the whole state are saved at most so often, and at the end
TENSORFLOW_BYTES = 850_000_000  # what TensorFlow takes by itself, with XLA's compiler; measured


@dataclass
class Progress:
    """How far a run has come. All of it is on disk, too, once `train` returns."""

    config: Config  # with everything that was left open filled in
    step: int = 0  # training steps done
    epoch: int = 0  # epochs done
    seconds: float = 0.0  # spent training, over all sittings
    reported: float = 0.0  # of these seconds, those up to the last epoch's line
    samples: list = field(default_factory=list)  # a float32 array [num_samples, h, w, c] in [0, 1] for each epoch
    losses: list = field(default_factory=list)  # a records.Losses for each epoch
    stopped_by: int | None = None  # the number of the signal that ended training early


class Savers(NamedTuple):
    """What is saved of a training graph."""

    generator: checkpoints.Saver
    state: checkpoints.Saver


def train(config, *, resume=False, overwrite=False):
    """Trains a GAN; writes checkpoints, samples, losses and plots into the two folders of `config`. Returns Progress.

    resume: go on with the run that is there up to config.epochs; the result has the same bits as a run without the
    break. overwrite: throw away the run that is there. Ctrl-C and SIGTERM save everything and end the training early.
    Raises UserError, with nothing written or lost, for whatever the user has to put right.
    """
    return run(make_plan(config, resume=resume, overwrite=overwrite))


def run(plan):
    """Carries out a Plan: see `train`."""
    config = plan.config
    with runs.locked(config), _noted_signals() as signals, tf.Graph().as_default() as graph:
        # Once more, for another trainer may have come and gone.
        saved = runs.admit(config, resume=plan.resume, overwrite=plan.overwrite)
        checkpoint = _starting_point(plan, saved)
        if checkpoint and checkpoint.step == plan.total_steps:
            print(f"All {config.epochs:,} epochs are done; a larger --epochs goes on.")
        network = gan.build(config, plan.facts["image_shape"], plan.facts["num_images"], plan.chunk)
        savers = Savers(checkpoints.make_saver(network.g_state), checkpoints.make_saver(network.state))
        graph.finalize()
        try:
            with tf.Session() as session:
                session.run(network.initialise, {network.pixels: plan.dataset.images})
                progress = Progress(config)
                if checkpoint:
                    checkpoints.restore(savers.state, session, checkpoint)
                    _recall(progress, plan, checkpoint)
                with quiet():  # takes no step, but compiles: what cannot be done fails before anything is written
                    session.run(network.train, _feed(plan, progress, network, steps=0))
                if plan.overwrite:
                    runs.clear(config)
                runs.write(runs.Saved(config, plan.facts, saved.made_by if saved else _made_by()))
                records.write_losses(config.samples_folder / records.LOSSES, progress.losses)
                checkpoints.forget_after(config.ckpt_folder, progress.step)
                _loop(plan, progress, session, network, savers, signals)
        except tf.errors.OpError as error:
            raise UserError(
                f"TensorFlow could not go on ({reason(error)}); begin anew with a smaller --batch-size or --xla off"
            ) from None
        _write_pictures(progress)
    if progress.step < plan.total_steps:
        progress.stopped_by = signals[0]
    return progress


def _starting_point(plan, saved):
    """The Checkpoint from which a plan goes on, or None where it begins. UserError if that is beyond the plan's end.

    saved: what runs.admit says of the run that is there, None if there is none to go on with.
    """
    if not saved:
        return None
    checkpoint = checkpoints.newest_state(plan.config.ckpt_folder)
    if checkpoint and checkpoint.step > plan.total_steps:
        raise UserError(
            f"the run in {plan.config.ckpt_folder} is already at epoch {checkpoint.step // plan.steps_per_epoch}; "
            f"--epochs must be that or more, not {plan.config.epochs}"
        )
    before, now = saved.made_by, _made_by()
    changes = [f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]]
    if changes:
        warn(
            f"the run was begun with {'; '.join(changes)}: from here on its bits may differ from an uninterrupted run's"
        )
    return checkpoint


def _made_by():
    return runs.made_by(tensorflow=tf.__version__, numpy=np.__version__)


def _loop(plan, progress, session, network, savers, signals):
    """Trains to the end of the plan, or to a signal."""
    if progress.step == 0:
        _save(progress, session, savers)  # so that there is a state to go on from wherever there is a generator
    begun, last_save = time.monotonic() - progress.seconds, time.monotonic()
    with tqdm(total=plan.total_steps, initial=progress.step, unit="step", disable=None, leave=False) as bar:
        while progress.step < plan.total_steps and not signals:
            steps = min(plan.chunk, plan.steps_per_epoch - progress.step % plan.steps_per_epoch)
            metrics = session.run(network.train, _feed(plan, progress, network, steps))
            progress.step += steps
            progress.seconds = time.monotonic() - begun
            bar.update(steps)
            if progress.step % plan.steps_per_epoch == 0:
                _end_epoch(plan, progress, session, network, savers, metrics[steps - 1])
                try:
                    _report(plan, progress)
                except OSError:  # nobody reads the lines any more, perhaps by a Ctrl-C that was meant for us, too
                    _save(progress, session, savers)
                    raise
            if time.monotonic() - last_save >= SAVE_SECONDS:
                _save(progress, session, savers)
                last_save = time.monotonic()
    checkpoints.save_generator(savers.generator, session, progress.config.ckpt_folder, progress.step)
    _save(progress, session, savers)


def _feed(plan, progress, network, steps):
    """What the graph needs for its next steps."""
    config, num_images = plan.config, plan.facts["num_images"]
    order = data.batch_order(config.seed, num_images, config.batch_size, progress.step, plan.chunk)
    return {network.first_step: progress.step, network.num_steps: steps, network.order: order}


def _end_epoch(plan, progress, session, network, savers, metrics):
    """Records the losses of the epoch's last step, and keeps fresh samples and the generator."""
    config = progress.config
    progress.epoch = progress.step // plan.steps_per_epoch
    numbers = [float(str(number)) for number in metrics]  # float32's own digits, not those of its double
    row = records.Losses(progress.step, progress.epoch, *numbers, round(progress.seconds, 3))
    progress.losses.append(row)
    progress.samples.append(session.run(network.preview, {network.first_step: progress.step}))
    records.append_losses(config.samples_folder / records.LOSSES, row)
    checkpoints.save_generator(savers.generator, session, config.ckpt_folder, progress.step)


def _report(plan, progress):
    """The line of an epoch, in the published form, with the speed and the time left."""
    config, row = progress.config, progress.losses[-1]
    seconds = max(row.seconds - progress.reported, 1e-3)
    progress.reported = row.seconds
    images = plan.steps_per_epoch * config.batch_size
    left = timedelta(seconds=math.ceil((config.epochs - progress.epoch) * seconds))
    with tqdm.external_write_mode():
        print(
            f"Epoch {progress.epoch}/{config.epochs}... Discriminator Loss: {row.d_loss:.4f}... "
            f"Generator Loss: {row.g_loss:.4f}... {images / seconds:,.0f} images/s, {left} left",
            flush=True,
        )


def _save(progress, session, savers):
    """Brings all that a resume needs to the disk; the state last, for it says which records belong to it."""
    config = progress.config
    records.write_samples(config.samples_folder / records.SAMPLES, progress.samples)
    runs.sync(config.samples_folder / records.LOSSES)
    checkpoints.save_state(savers.state, session, config.ckpt_folder, progress.step, _facts(progress))


def _facts(progress):
    """What a state keeps beside its tensors, to know its records again."""
    return {
        "seconds": progress.seconds,
        "num_samples": len(progress.samples),
        "samples_sha256": records.sha256(progress.samples),
        "num_losses": len(progress.losses),
        "last_losses": list(progress.losses[-1]) if progress.losses else None,
    }


def _recall(progress, plan, checkpoint):
    """Takes up what was recorded up to a checkpoint. Records that are gone are no reason to stop: they begin anew.

    Raises UserError if the records that are there are not those that belong to the checkpoint.
    """
    facts, folder = checkpoint.facts, progress.config.samples_folder
    progress.step, progress.epoch = checkpoint.step, checkpoint.step // plan.steps_per_epoch
    seconds, num_samples = facts.get("seconds"), facts.get("num_samples")
    if not (type(seconds) is float and 0 <= seconds < 1e9 and type(num_samples) is int and num_samples >= 0):
        raise UserError(f"{checkpoint.prefix}.json is damaged in its facts; restore it from a copy")
    progress.seconds = seconds
    try:
        if _there(folder / records.SAMPLES):
            progress.samples = records.load_samples(folder / records.SAMPLES)[:num_samples]
        if _there(folder / records.LOSSES):
            progress.losses = records.read_losses(folder / records.LOSSES, checkpoint.step)
    except UserError as error:
        raise UserError(f"{error}; restore it, or move it away to go on without the records so far") from None
    progress.reported = progress.losses[-1].seconds if progress.losses else progress.seconds
    recalled = _facts(progress)
    for name, ours in (
        (records.SAMPLES, ("num_samples", "samples_sha256")),
        (records.LOSSES, ("num_losses", "last_losses")),
    ):
        if (folder / name).exists() and any(recalled[fact] != facts.get(fact) for fact in ours):
            raise UserError(
                f"{folder / name} does not belong to the run in {progress.config.ckpt_folder}; name the folder of its "
                "samples by --samples, or move the file away to go on without the records so far"
            )


def _there(path):
    if not path.exists():
        warn(f"{path} is gone; it begins anew with the next epoch")
    return path.exists()


def _write_pictures(progress):
    """The last samples, how they evolved, and the loss curves, as pictures in the samples folder."""
    folder, pictures = progress.config.samples_folder, {}
    if progress.samples:
        first = progress.epoch - len(progress.samples) + 1
        pictures[records.LAST_SAMPLES] = plots.sheet_png(progress.samples[-1])
        pictures[records.EVOLUTION] = plots.figure_png(
            plots.evolution(progress.samples, range(first, progress.epoch + 1))
        )
    if progress.losses:
        pictures[records.LOSS_CURVES] = plots.figure_png(plots.loss_curves(progress.losses))
    for name, png in pictures.items():
        with runs.replacing(folder / name) as partial:
            partial.write_bytes(png)


@contextmanager
def _noted_signals():
    """Yields a list to which Ctrl-C, SIGTERM and SIGHUP add their numbers instead of ending the process at once.

    A second one does what it always did, and so does one that was set to be ignored. Outside the main thread, where
    Python allows no handlers, the list stays empty.
    """
    noted, before = [], {}

    def note(number, _):
        if noted:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        noted.append(number)

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        handlers = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, note)
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def describe(plan):
    """What `train` would do, as text: the configuration, the parameter counts, and the memory that it takes."""
    config, facts = plan.config, plan.facts
    _starting_point(plan, runs.admit(config, resume=plan.resume, overwrite=plan.overwrite))
    with tf.Graph().as_default():
        networks = gan.build(config, facts["image_shape"], facts["num_images"], plan.chunk).networks
    generator, discriminator = (
        sum(math.prod(variable.shape.as_list()) for variable in variables)
        for variables in (networks.g_vars, networks.d_vars)
    )
    height, width, channels = facts["image_shape"]
    pixels = height * width * channels
    noise = 4 * plan.chunk * config.batch_size * config.noise_size
    samples = 4 * config.epochs * config.num_samples * pixels
    weights = 4 * (generator + discriminator)
    # The images are in NumPy and in the graph, the noise before and after scaling, the samples as they are and as they
    # are pickled; each weight has two means of Adam's and a gradient.
    memory = TENSORFLOW_BYTES + 2 * facts["num_images"] * pixels + 2 * noise + 2 * samples + 4 * weights
    return "\n".join(
        [
            *(f"{flag(each.name)} {getattr(config, each.name)}" for each in fields(config)),
            f"generator: {generator:,} parameters",
            f"discriminator: {discriminator:,} parameters",
            f"images: {facts['num_images']:,} of {height}x{width}x{channels} ({facts['name']})",
            f"steps: {plan.steps_per_epoch:,} in each of {config.epochs:,} epochs, {plan.total_steps:,} in all",
            f"memory: about {memory / 1e9:.1f} GB",
            f"checkpoints in {config.ckpt_folder}, samples and plots in {config.samples_folder}; nothing was touched",
        ]
    )
