"""What a run writes as it goes: losses, samples, scores, checkpoints. `context` is a loop.TrainContext."""

import signal
import time

import numpy as np

from tfgan_v1 import files
from tfgan_v1.errors import StopTraining
from tfgan_v1.evaluation import metrics
from tfgan_v1.gan import train_graph
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.report import event_files, pictures
from tfgan_v1.storage import checkpoints, digests, names, records, run_data
from tfgan_v1.storage.progress import STOPPED, is_viewed


def start_records(context, progress):
    """Writes all records as they are at the current step, without what belongs to later steps."""
    plan = context.plan
    folder = plan.config.samples_folder
    checkpoints.remove_after(plan.config.ckpt_folder, progress.step)
    pictures.remove_after(plan, progress.step)
    if plan.is_points:
        progress.records["statistics"].add(_statistics(plan, progress, since=0))
    for record in progress.records.values():
        record.write(folder)
    if plan.dataset.files:
        listed = sorted(plan.dataset.files + plan.dataset.unread)
        records.write_table(folder / names.FILES, records.FILES_HEADER, listed)
    if context.events:
        context.events.start(progress.step)


def first_records(context, progress):
    """Records step 0."""
    sample_fixed(context, progress)
    record_digests(context, progress)


def record_steps(context, progress, rows):
    """Records the last steps up to progress.step, and samples if it is time for them. rows: as in `record`."""
    plan = context.plan
    sampling_step = progress.step == plan.next_sample(progress.step - 1)
    record(context, progress, rows if plan.config.record == "steps" else rows[len(rows) - sampling_step :])
    if sampling_step:
        sample(context, progress)
    return sampling_step


def record(context, progress, rows):
    """Adds STEP_METRICS, one row for each of the last steps up to progress.step, to losses.csv."""
    plan, losses = context.plan, []
    for step, row in enumerate(rows, progress.step - len(rows) + 1):
        numbers = [float(str(number)) for number in row]  # the shortest decimals that are the same float32
        cells = (step, progress.epoch_of(step), *numbers, round(progress.seconds, 3))
        losses.append(records.Losses.from_cells(cells))
        if context.events:
            context.events.add_numbers(step, dict(zip(STEP_METRICS[plan.critic], numbers, strict=True)))
    progress.records["losses"].append(plan.config.samples_folder, losses)


def draw_samples(context, progress):
    """Samples at the current step, of fresh noise: float32 [num_samples, *shape]."""
    return context.session.run(context.graph.samplers.preview, {context.graph.inputs.first_step: progress.step})


def sample(context, progress):
    """Draws samples from fresh noise and from the noise of all sampling steps; saves them and the generator."""
    plan, folder = context.plan, context.plan.config.samples_folder
    progress.records["samples"].append(folder, [draw_samples(context, progress)])
    progress.sample_steps.append(progress.step)
    if plan.is_points:
        progress.records["statistics"].append(folder, _statistics(plan, progress, since=-1))
    sample_fixed(context, progress)
    record_digests(context, progress)
    if plan.config.holdout:
        progress.records["held_out"].append(folder, [compare_held_out(context, progress)])
    if "strength" in progress.records:
        strength = float(str(context.session.run(context.graph.spec.steering.strength)))
        row = (progress.step, progress.epoch_of(progress.step), strength)
        progress.records["strength"].append(folder, [row])
    if plan.config.sheets == "each":
        pictures.write_grid(plan, progress.step, progress.samples[-1])
    if context.events:
        with pictures.tolerated(names.TENSORBOARD):
            context.events.add_samples(progress.step, event_files.pngs_of(plan, progress), context.session)
    save_generator(context, progress)


def sample_fixed(context, progress, last=False):
    """Draws the images of the same noise, or the views of points, once at a step. last: whether the run ends here."""
    if progress.fixed_steps[-1:] == [progress.step]:
        return
    name = "views" if context.plan.is_points else "fixed"
    if name == "fixed" or last or is_viewed(len(progress.sample_steps)):
        values = context.session.run(getattr(context.graph.samplers, name))
        progress.records[name].append(context.plan.config.samples_folder, [values])
        progress.fixed_steps.append(progress.step)


def record_digests(context, progress):
    """Records the SHA-256 of the generator, of the discriminator, and of all that a resume needs, once at a step."""
    if [row[0] for row in progress.rows("digests")[-1:]] == [progress.step]:  # a resume from the state of step 0
        return
    values, networks = values_of(context), context.graph.networks
    of_networks = networks.g_state, networks.d_state
    parts = [{variable.op.name: values[variable.op.name] for variable in each} for each in of_networks]
    row = (progress.step, progress.epoch_of(progress.step), *map(digests.sha256, (*parts, values)))
    progress.records["digests"].append(context.plan.config.samples_folder, [row])


def values_of(context):
    """The values of all variables of the state, by name."""
    return context.session.run({variable.op.name: variable for variable in context.graph.state})


def _statistics(plan, progress, since):
    """Rows of statistics.csv, from this sample on: step, epoch, and the scores of data and sample."""
    rows = []
    for step, fake in zip(progress.sample_steps[since:], progress.samples[since:], strict=True):
        last = [*progress.rows("statistics"), *rows][-1:]
        own = last[0][len(last[0]) // 2 + 1 :] if last else ()  # the scores of the real points
        scores = metrics.of_points(plan.dataset.images, fake, plan.modes, own)
        rows.append((step, progress.epoch_of(step), *scores))
    return rows


def compare_held_out(context, progress):
    """The records.HeldOut of this step."""
    plan, d_outputs = context.plan, context.graph.d_outputs
    sets = run_data.overfitting_sets(plan.config, plan.dataset)
    feeds = [train_graph.feed(d_outputs.images, *images_and_labels) for images_and_labels in sets]
    outputs = [float(str(context.session.run(d_outputs.mean, feed))) for feed in feeds]
    return records.HeldOut(progress.step, progress.epoch_of(progress.step), *outputs)


def evaluate(context, progress):
    """Measures the generator, records the scores, and saves it if it is the best so far."""
    samplers, config, start = context.graph.samplers, context.plan.config, time.monotonic()
    scores = context.evaluator.measure(lambda i: context.session.run(samplers.measured, {samplers.batch_index: i}))
    row = (progress.step, progress.epoch_of(progress.step), *scores)
    progress.records["evaluation"].append(config.samples_folder, [row])
    if context.events:
        context.events.add_numbers(progress.step, dict(zip(context.evaluator.header[2:], scores, strict=True)))
    if progress.best is None or scores[0] < progress.best[1]:
        progress.best = (progress.step, scores[0])
        saver, session = context.savers["best"], context.session
        checkpoints.save_generator(saver, session, config.ckpt_folder, progress.step, "best")
    progress.evaluating += time.monotonic() - start


def call_on_sample(context, progress, row, evaluated):
    """Calls on_sample: see train.train. row: STEP_METRICS of this step. evaluated: whether it has scores."""
    metrics = dict(zip(STEP_METRICS[context.plan.critic], map(float, row), strict=True))
    if evaluated:
        metrics |= dict(zip(context.evaluator.header[2:], progress.evaluation[-1][2:], strict=True))
    try:
        wish = context.on_sample(progress.step, progress.samples[-1].copy(), metrics)
        if isinstance(wish, bool | np.bool_) and not wish:
            raise StopTraining
    except StopTraining:
        context.signals.append(STOPPED)
    except BaseException as error:  # also a second Ctrl-C
        progress.exception = error
        context.signals.append(signal.SIGINT)


def save_generator(context, progress):
    """Saves the generator's variables alone, and those of the averaged generator."""
    folder = context.plan.config.ckpt_folder
    for kind in context.savers.keys() & {"latest", "average"}:
        checkpoints.save_generator(context.savers[kind], context.session, folder, progress.step, kind)


def save_state(context, progress):
    """Saves everything that a resume needs; the state last, since it names the records that belong to it."""
    folder = context.plan.config.samples_folder
    for record in progress.records.values():
        record.repair(folder)
        files.sync(folder / record.name)
    write_state(context, progress)


def write_state(context, progress):
    """Saves all variables."""
    folder = context.plan.config.ckpt_folder
    checkpoints.save_state(context.savers["state"], context.session, folder, progress.step, progress.metadata())
