"""The Session loop: run, report, sample, save."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tfgan_v1 import gan, streaming
from tfgan_v1._tensorflow import quiet, reason, tells_of_full_disk, tf
from tfgan_v1.errors import DISK_FULL, DiskFull, Diverged, UserError, warn
from tfgan_v1.evaluation import metrics
from tfgan_v1.monitor import TrainingMonitor
from tfgan_v1.plan import CustomParts, Plan, make_plan
from tfgan_v1.report import console, pictures, statistics
from tfgan_v1.signals import deferred_signals
from tfgan_v1.storage import checkpoints, files, records, run_folder
from tfgan_v1.storage.progress import Progress, load_progress, made_by, metadata, starting_point

MAKE_ROOM = "make room, then --resume goes on from the last state saved"
SAVE_SECONDS = 10  # the whole state is saved at most so often, and at the end


class TrainContext(NamedTuple):
    """One process's work on a run: what is done in it, and with what."""

    plan: Plan
    network: gan.TrainGraph
    stream: Any  # a streaming.Stream, or None
    session: tf.Session
    train_steps: Any  # see make_train_fn
    generator: checkpoints.Saver
    state: checkpoints.Saver
    weights: checkpoints.Saver  # of both networks
    signals: list  # of the numbers of those that came


def train(config, *, resume=False, overwrite=False, model=None, loss=None):
    """Trains a GAN; writes checkpoints, samples, losses and plots into the two folders of `config`. Returns Progress.

    resume: go on with the run that is there up to the end that config says; the result has the same bits as a run
    without the break. overwrite: throw away the run that is there. model, loss: a models.Model and a losses.Loss of the
    caller's own, in place of those that `config` names. Ctrl-C and SIGTERM save everything and end the training early.
    Raises UserError, with nothing written or lost, for whatever the user has to put right, and its subclass Diverged,
    with the run at its last good state, where the numbers become infinite twice at the same step.
    """
    return run(make_plan(config, resume=resume, overwrite=overwrite, own=CustomParts(model, loss)))


def run(plan):
    """Carries out a Plan: see `train`."""
    config = plan.config
    with _in_words(config), run_folder.locked(config), deferred_signals() as signals, tf.Graph().as_default() as graph:
        # Once more, for another trainer may have come and gone.
        saved = run_folder.check_can_start(config, resume=plan.resume, overwrite=plan.overwrite, own=plan.own.names())
        checkpoint = starting_point(plan, saved)
        if checkpoint and checkpoint.step == plan.total_steps:
            print(f"The run has reached {plan.step_label(plan.total_steps)}, its end; a later one goes on.")
        stream = streaming.stream(plan) if plan.streamed else None
        network = gan.build(*plan.graph, stream=stream.images if stream else None)
        savers = [checkpoints.make_saver(each) for each in (network.g_state, network.state, network.weights)]
        graph.finalize()
        with tf.Session() as session:
            context = TrainContext(
                plan, network, stream, session, make_train_fn(plan, network, session), *savers, signals
            )
            progress, broken = _play(context, _start(context, saved, checkpoint))
            last = session.run(network.preview, {network.first_step: progress.step})
        pictures.write(plan, progress, last)
    if broken:
        raise Diverged(
            f"the game has diverged again at step {broken:,}: its losses or weights are no finite numbers; the run in "
            f"{config.ckpt_folder} is left at its last good state, of step {progress.step:,}; begin anew with smaller "
            "--d-lr and --g-lr, with more --smooth, or with another --loss"
        )
    if progress.step < plan.total_steps:
        progress.stopped_by = signals[0]
    return progress


@contextmanager
def _in_words(config):
    """Says in our words what TensorFlow says in its own, and that a disk is full, which the system seldom names."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DiskFull(f"{error.strerror}, for {config.ckpt_folder} or {config.samples_folder}; {MAKE_ROOM}") from None
    except tf.errors.OpError as error:
        if tells_of_full_disk(error):
            raise DiskFull(f"{reason(error)}; {MAKE_ROOM}") from None
        raise UserError(
            f"TensorFlow could not go on ({reason(error)}); begin anew with a smaller --batch-size or --xla off"
        ) from None


def _start(context, saved, checkpoint):
    """The Progress of a run that begins, or goes on from a checkpoint, once all is in its place."""
    plan, session, config = context.plan, context.session, context.plan.config
    session.run(context.network.initialize, {} if context.stream else {context.network.images: plan.dataset.images})
    progress = _taken_up(context, checkpoint) if checkpoint else Progress(config)
    if config.weights and not checkpoint:
        checkpoints.restore(context.weights, session, _weights_of(config), part=True)
    _compile(context, progress)  # what cannot be done fails here, before anything is written
    run_folder.remove_partials(config)
    if plan.overwrite:
        run_folder.clear(config)
    run_folder.write(run_folder.Saved(config, plan.facts, saved.made_by if saved else made_by(), plan.own.names()))
    if progress.step:  # at every moment there is a generator to draw from, and a state that knows the records
        checkpoints.save_generator(context.generator, session, config.ckpt_folder, progress.step)
        checkpoints.save_state(context.state, session, config.ckpt_folder, progress.step, metadata(progress))
    _begin_records(plan, progress)
    return progress


def make_train_fn(plan, network, session):
    """The graph's training as a function (first step, number of steps).

    It returns gan.METRICS of each of these steps, and whether all numbers of the state are finite after them.
    """
    feeds = [network.first_step, network.num_steps, *([] if plan.streamed else [network.order])]
    train = session.make_callable([network.train, network.finite], feeds)

    def train_steps(first, steps):
        metrics, finite = train(first, steps, *([] if plan.streamed else [plan.order(first)]))
        return metrics[:steps], finite

    return train_steps


def _compile(context, progress):
    """Compiles the steps by taking none, and begins the stream of their images."""
    with quiet():
        if context.stream:
            context.session.run(context.stream.begin, {context.stream.first_step: progress.step})
        context.train_steps(progress.step, 0)


def _taken_up(context, checkpoint):
    """The Progress of a run that goes on from a checkpoint, to which all variables are set."""
    checkpoints.restore(context.state, context.session, checkpoint)
    return load_progress(context.plan, checkpoint)


def _gone_back(context):
    """The Progress at the last state that was saved, to which everything is set back, in memory and on the disk."""
    folder = context.plan.config.ckpt_folder
    progress = _taken_up(context, checkpoints.newest_state(folder))
    checkpoints.save_generator(context.generator, context.session, folder, progress.step)
    _begin_records(context.plan, progress)
    return progress


def _play(context, progress):
    """Trains; where the game diverges, goes back and tries again. Returns the Progress, and where that was in vain.

    A step repeats to the bit, so that a second try helps against the machine's faults alone; twice at one step is the
    game's own. The second try saves all before that step, so that little is lost.
    """
    before = 0
    while broken := _loop(context, progress, before):
        progress = _gone_back(context)
        if broken <= before:
            break
        warn(
            f"the game has diverged at step {broken:,}; it goes on from its last good state, of step {progress.step:,}"
        )
        before = broken
        _compile(context, progress)
    return progress, broken


def _loop(context, progress, dreaded):
    """Trains to the end of the plan, or to a signal. Returns the first step that broke the numbers, or None.

    dreaded: a step before which everything is saved.
    """
    plan = context.plan
    if progress.step == 0:
        _save(context, progress)  # so that there is a state to go on from wherever there is a generator
    begun, last_save = time.monotonic() - progress.seconds, time.monotonic()
    watch = TrainingMonitor(metrics.diversity(plan.real_samples))
    with tqdm(total=plan.total_steps, initial=progress.step, unit="step", disable=None, leave=False) as bar:
        for first, steps in plan.chunks(progress.step):
            if context.signals:
                break
            if first < dreaded <= first + steps:
                _save(context, progress)
            done, finite = context.train_steps(first, steps)
            whole = np.isfinite(done).all(1)
            if not (finite and whole.all()):
                return first + 1 + int(np.argmin(whole) if not whole.all() else steps - 1)
            progress.step += steps
            progress.epoch = progress.step // plan.steps_per_epoch
            progress.seconds = time.monotonic() - begun
            bar.update(steps)
            watch.check_d_fake(done[:, gan.METRICS.index("D(G(z))")], progress.step)
            sampled = progress.step % plan.sample_every == 0
            _record(plan, progress, done if plan.config.record == "steps" else done[len(done) - sampled :])
            if sampled:
                _sample(context, progress)
                watch.check_diversity(progress.samples[-1], progress.step)
            if sampled or progress.step == plan.total_steps:
                try:
                    console.write_line(plan, progress, done[-1])
                except OSError:  # nobody reads the lines any more, perhaps by a Ctrl-C that was meant for us, too
                    _save(context, progress)
                    raise
            if time.monotonic() - last_save >= SAVE_SECONDS:
                _save(context, progress)
                last_save = time.monotonic()
    checkpoints.save_generator(context.generator, context.session, plan.config.ckpt_folder, progress.step)
    _save(context, progress)
    return None


def _begin_records(plan, progress):
    """Brings what is on the disk to where the run begins, or goes on: all that is later is forgotten."""
    folder = plan.config.samples_folder
    checkpoints.forget_after(plan.config.ckpt_folder, progress.step)
    pictures.forget_after(plan, progress.step)
    records.write_samples(folder / run_folder.SAMPLES, progress.samples)
    records.write_table(folder / run_folder.LOSSES, records.LOSSES_HEADER, progress.losses)
    if plan.is_points:
        table = statistics.statistics(plan, progress)
        records.write_table(folder / run_folder.STATISTICS, records.STATISTICS_HEADER, table)
    if plan.dataset.files:
        records.write_table(folder / run_folder.FILES, records.FILES_HEADER, plan.dataset.files)


def _record(plan, progress, done):
    """Adds gan.METRICS, [n, len(METRICS)], of the n steps that end at progress.step to the losses."""
    rows = []
    for step, of_step in enumerate(done, progress.step - len(done) + 1):
        numbers = [float(str(number)) for number in of_step]  # float32's own digits, not those of its double
        epoch = (step - 1) // plan.steps_per_epoch + 1
        rows.append(records.Losses(step, epoch, *numbers, round(progress.seconds, 3)))
    progress.add_losses(rows)
    records.append_rows(progress.config.samples_folder / run_folder.LOSSES, rows)


def _sample(context, progress):
    """Keeps fresh samples, and the generator."""
    plan, session, network = context.plan, context.session, context.network
    config = plan.config
    progress.add_samples(session.run(network.preview, {network.first_step: progress.step}), progress.step)
    records.append_samples(config.samples_folder / run_folder.SAMPLES, progress.samples[-1:])
    if plan.is_points:
        rows = statistics.statistics(plan, progress)[-1:]
        records.append_rows(config.samples_folder / run_folder.STATISTICS, rows)
    if config.sheets == "each":
        pictures.write_sheet(plan, progress.step, progress.samples[-1])
    checkpoints.save_generator(context.generator, session, config.ckpt_folder, progress.step)


def _save(context, progress):
    """Brings all that a resume needs to the disk; the state last, for it says which records belong to it."""
    config = context.plan.config
    for name in (run_folder.SAMPLES, run_folder.LOSSES, *([run_folder.STATISTICS] if context.plan.is_points else [])):
        files.sync(config.samples_folder / name)
    checkpoints.save_state(context.state, context.session, config.ckpt_folder, progress.step, metadata(progress))


def _weights_of(config):
    """The Checkpoint of the run whose networks this one starts from."""
    checkpoint = checkpoints.newest_state(Path(config.weights))
    if checkpoint is None:
        raise UserError(f"--weights {config.weights} holds no state of a run; name the checkpoint folder of one")
    return checkpoint
