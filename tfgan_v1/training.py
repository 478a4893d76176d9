"""The Session loop: run, report, sample, save."""

import math
import time
from dataclasses import fields
from datetime import timedelta
from typing import NamedTuple

from tqdm import tqdm

from tfgan_v1 import checkpoints, data, gan, plots, records, runs
from tfgan_v1._tensorflow import quiet, reason, tf
from tfgan_v1.config import flag
from tfgan_v1.errors import UserError
from tfgan_v1.interrupts import noted_signals
from tfgan_v1.plans import make_plan
from tfgan_v1.progress import Progress, facts_of, made_by, recall, starting_point

SAVE_SECONDS = 10  # the samples and the whole state are saved at most so often, and at the end
TENSORFLOW_BYTES = 850_000_000  # what TensorFlow takes by itself, with XLA's compiler; measured


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
    with runs.locked(config), noted_signals() as signals, tf.Graph().as_default() as graph:
        # Once more, for another trainer may have come and gone.
        saved = runs.admit(config, resume=plan.resume, overwrite=plan.overwrite)
        checkpoint = starting_point(plan, saved)
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
                    recall(progress, plan, checkpoint)
                with quiet():  # takes no step, but compiles: what cannot be done fails before anything is written
                    session.run(network.train, _feed(plan, progress, network, steps=0))
                if plan.overwrite:
                    runs.clear(config)
                runs.write(runs.Saved(config, plan.facts, saved.made_by if saved else made_by()))
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
    checkpoints.save_state(savers.state, session, config.ckpt_folder, progress.step, facts_of(progress))


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


def describe(plan):
    """What `train` would do, as text: the configuration, the parameter counts, and the memory that it takes."""
    config, facts = plan.config, plan.facts
    starting_point(plan, runs.admit(config, resume=plan.resume, overwrite=plan.overwrite))
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
