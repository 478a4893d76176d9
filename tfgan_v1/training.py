"""The Session loop: run, report, sample, save."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from tfgan_v1 import checkpoints, gan, metrics, pictures, records, report, runs, streaming
from tfgan_v1._tensorflow import quiet, reason, tells_of_full_disk, tf
from tfgan_v1.errors import DISK_FULL, DiskFull, UserError
from tfgan_v1.interrupts import noted_signals
from tfgan_v1.plans import Own, make_plan
from tfgan_v1.progress import Progress, facts_of, made_by, recall, starting_point
from tfgan_v1.watch import Watch

SAVE_SECONDS = 10  # the whole state is saved at most so often, and at the end


class Savers(NamedTuple):
    """What is saved of a training graph."""

    generator: checkpoints.Saver
    state: checkpoints.Saver


def train(config, *, resume=False, overwrite=False, model=None, loss=None):
    """Trains a GAN; writes checkpoints, samples, losses and plots into the two folders of `config`. Returns Progress.

    resume: go on with the run that is there up to the end that config says; the result has the same bits as a run
    without the break. overwrite: throw away the run that is there. model, loss: a models.Model and a losses.Loss of the
    caller's own, in place of those that `config` names. Ctrl-C and SIGTERM save everything and end the training early.
    Raises UserError, with nothing written or lost, for whatever the user has to put right.
    """
    return run(make_plan(config, resume=resume, overwrite=overwrite, own=Own(model, loss)))


def run(plan):
    """Carries out a Plan: see `train`."""
    config = plan.config
    with _room_for(config), runs.locked(config), noted_signals() as signals, tf.Graph().as_default() as graph:
        # Once more, for another trainer may have come and gone.
        saved = runs.admit(config, resume=plan.resume, overwrite=plan.overwrite, own=plan.own.names())
        checkpoint = starting_point(plan, saved)
        if checkpoint and checkpoint.step == plan.total_steps:
            print(f"The run has reached {plan.place(plan.total_steps)}, its end; a later one goes on.")
        stream = streaming.stream(plan, checkpoint.step if checkpoint else 0) if plan.streamed else None
        network = gan.build(*plan.graph, stream=stream.images if stream else None)
        savers = Savers(checkpoints.make_saver(network.g_state), checkpoints.make_saver(network.state))
        weights = checkpoints.make_saver(network.weights)
        graph.finalize()
        try:
            with tf.Session() as session:
                session.run(network.initialise, {} if stream else {network.images: plan.dataset.images})
                progress = Progress(config)
                if checkpoint:
                    checkpoints.restore(savers.state, session, checkpoint)
                    recall(progress, plan, checkpoint)
                elif config.weights:
                    checkpoints.restore(weights, session, _weights_of(config), part=True)
                train_steps = stepper(plan, network, session)
                with quiet():  # takes no step, but compiles: what cannot be done fails before anything is written
                    if stream:
                        session.run(stream.begin)
                    train_steps(progress.step, 0)
                runs.sweep(config)
                if plan.overwrite:
                    runs.clear(config)
                made = saved.made_by if saved else made_by()
                runs.write(runs.Saved(config, plan.facts, made, plan.own.names()))
                _begin_records(plan, progress)
                if progress.step:  # so that at every moment there is a generator to draw from
                    checkpoints.save_generator(savers.generator, session, config.ckpt_folder, progress.step)
                checkpoints.forget_after(config.ckpt_folder, progress.step)
                _loop(plan, progress, session, network, train_steps, savers, signals)
                last = session.run(network.preview, {network.first_step: progress.step})
        except tf.errors.OpError as error:
            if tells_of_full_disk(error):
                raise DiskFull(f"{reason(error)}; make room, then --resume goes on from the last state saved") from None
            raise UserError(
                f"TensorFlow could not go on ({reason(error)}); begin anew with a smaller --batch-size or --xla off"
            ) from None
        pictures.write(plan, progress, last)
    if progress.step < plan.total_steps:
        progress.stopped_by = signals[0]
    return progress


@contextmanager
def _room_for(config):
    """Tells of a full disk, which the system's own error seldom names."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DiskFull(
            f"{error.strerror}, for {config.ckpt_folder} or {config.samples_folder}; make room, then --resume goes on "
            "from the last state saved"
        ) from None


def stepper(plan, network, session):
    """The graph's training, as a function (first step, number of steps) -> gan.METRICS of each of them."""
    feeds = [network.first_step, network.num_steps, *([] if plan.streamed else [network.order])]
    train = session.make_callable(network.train, feeds)
    order = (lambda step: []) if plan.streamed else (lambda step: [plan.order(step)])
    return lambda first, steps: train(first, steps, *order(first))[:steps]


def _loop(plan, progress, session, network, train_steps, savers, signals):
    """Trains to the end of the plan, or to a signal."""
    if progress.step == 0:
        _save(plan, progress, session, savers)  # so that there is a state to go on from wherever there is a generator
    begun, last_save = time.monotonic() - progress.seconds, time.monotonic()
    watch = Watch(metrics.diversity(plan.real_samples))
    with tqdm(total=plan.total_steps, initial=progress.step, unit="step", disable=None, leave=False) as bar:
        for first, steps in plan.calls(progress.step):
            if signals:
                break
            done = train_steps(first, steps)
            progress.step += steps
            progress.epoch = progress.step // plan.steps_per_epoch
            progress.seconds = time.monotonic() - begun
            bar.update(steps)
            watch.see_losses(done[:, [gan.METRICS.index(name) for name in ("d_loss", "g_loss")]], progress.step)
            watch.see_beliefs(done[:, gan.METRICS.index("D(G(z))")], progress.step)
            sampled = progress.step % plan.sample_every == 0
            _record(plan, progress, done if plan.config.record == "steps" else done[len(done) - sampled :])
            if sampled:
                _sample(plan, progress, session, network, savers)
                watch.see_samples(progress.samples[-1], progress.step)
            if sampled or progress.step == plan.total_steps:
                try:
                    report.write_line(plan, progress, done[-1])
                except OSError:  # nobody reads the lines any more, perhaps by a Ctrl-C that was meant for us, too
                    _save(plan, progress, session, savers)
                    raise
            if time.monotonic() - last_save >= SAVE_SECONDS:
                _save(plan, progress, session, savers)
                last_save = time.monotonic()
    checkpoints.save_generator(savers.generator, session, progress.config.ckpt_folder, progress.step)
    _save(plan, progress, session, savers)


def _begin_records(plan, progress):
    """Brings the records on the disk to where the run begins, or goes on."""
    folder = plan.config.samples_folder
    records.write_samples(folder / records.SAMPLES, progress.samples)
    records.write_table(folder / records.LOSSES, records.LOSSES_HEADER, progress.losses)
    if plan.points:
        table = report.statistics(plan, progress)
        records.write_table(folder / records.STATISTICS, records.STATISTICS_HEADER, table)
    if plan.dataset.files:
        records.write_table(folder / records.FILES, records.FILES_HEADER, plan.dataset.files)


def _record(plan, progress, done):
    """Adds gan.METRICS, [n, len(METRICS)], of the n steps that end at progress.step to the losses."""
    rows = []
    for step, of_step in enumerate(done, progress.step - len(done) + 1):
        numbers = [float(str(number)) for number in of_step]  # float32's own digits, not those of its double
        epoch = (step - 1) // plan.steps_per_epoch + 1
        rows.append(records.Losses(step, epoch, *numbers, round(progress.seconds, 3)))
    progress.losses += rows
    records.append_rows(progress.config.samples_folder / records.LOSSES, rows)


def _sample(plan, progress, session, network, savers):
    """Keeps fresh samples, and the generator."""
    config = progress.config
    progress.keep(session.run(network.preview, {network.first_step: progress.step}), progress.step)
    records.append_samples(config.samples_folder / records.SAMPLES, progress.samples[-1:])
    if plan.points:
        rows = report.statistics(plan, progress)[-1:]
        records.append_rows(config.samples_folder / records.STATISTICS, rows)
    if config.sheets == "each":
        pictures.write_sheet(plan, progress.step, progress.samples[-1])
    checkpoints.save_generator(savers.generator, session, config.ckpt_folder, progress.step)


def _save(plan, progress, session, savers):
    """Brings all that a resume needs to the disk; the state last, for it says which records belong to it."""
    config = progress.config
    for name in (records.SAMPLES, records.LOSSES, *([records.STATISTICS] if plan.points else [])):
        runs.sync(config.samples_folder / name)
    checkpoints.save_state(savers.state, session, config.ckpt_folder, progress.step, facts_of(progress))


def _weights_of(config):
    """The Checkpoint of the run whose networks this one starts from."""
    checkpoint = checkpoints.newest_state(Path(config.weights))
    if checkpoint is None:
        raise UserError(f"--weights {config.weights} holds no state of a run; name the checkpoint folder of one")
    return checkpoint
