"""The Session loop: train, record, sample, save; in a cluster, this is the chief's, and the others follow."""

import secrets
import time
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import devices, files
from tfgan_v1._tensorflow import quiet, reason, tells_of_full_disk, tf
from tfgan_v1.cluster.member import SINGLE
from tfgan_v1.errors import DISK_FULL, DiskFull, Diverged, UserError, say
from tfgan_v1.gan import train_graph
from tfgan_v1.report import console
from tfgan_v1.report.event_files import EventFiles
from tfgan_v1.report.pictures import Pictures
from tfgan_v1.storage import checkpoints, importing, names, run_folder
from tfgan_v1.storage.progress import OUT_OF_TIME, load_progress, made_by, new_progress, starting_point
from tfgan_v1.training import recording, streaming
from tfgan_v1.training.evaluator import Evaluator
from tfgan_v1.training.plan import Plan
from tfgan_v1.training.signals import deferred_signals

DIVERGED = "training diverged: a loss or a weight became NaN or infinite at step"
MAKE_ROOM = "free some space, then --resume continues from the last saved state, if there is one"
SAVE_SECONDS = 10  # shortest time between two saves of the whole state; it is also saved at the end


class TrainContext(NamedTuple):
    """All that one process needs to train a plan."""

    plan: Plan
    graph: train_graph.TrainGraph
    stream: Any  # a streaming.ImageStream, or None if the images are in a variable of the graph
    session: Any  # a tf.Session
    train_fn: Any  # see make_train_fn
    savers: dict  # see make_savers
    signals: list  # numbers of the signals received
    member: Any = SINGLE  # what this process is in a cluster: a cluster.member.Member
    evaluator: Evaluator | None = None
    events: Any = None  # the report.event_files.EventFiles of --tensorboard
    on_sample: Any = None  # see train.train


def run(plan, member=SINGLE, on_sample=None):
    """Carries out a Plan: see train.train. member: the only process, or a cluster's chief."""
    config, evaluator = plan.config, Evaluator(plan) if plan.evaluate_every else None
    with say_what_is_saved(config), translate_tf_errors(config), run_folder.locked(config), ExitStack() as training:
        # Checked again under the lock: another process may have trained here since the plan was made.
        saved = run_folder.check_can_start(config, plan.resume, plan.overwrite, plan.custom.names())
        checkpoint = starting_point(plan, saved)
        if checkpoint and checkpoint.step == plan.total_steps:
            label = plan.step_label(plan.total_steps)
            say(f"The run is already at {label}; give more --{config.unit}s to continue it.")
        if evaluator:  # while signals have their usual effect, for this may take minutes
            training.callback(evaluator.close)
            evaluator.prepare()
        signals = training.enter_context(deferred_signals())
        training.enter_context(devices.new_graph())
        run_id = saved.run_id if saved else secrets.token_hex(8)  # by which a run knows its checkpoints
        with make_context(plan, run_id, signals, member, evaluator, on_sample) as context:
            begun = checkpoint.step if checkpoint else 0
            if begun < plan.total_steps:
                console.write_start(plan, begun, context.graph.networks)
            progress = start(context, saved, checkpoint)
            pictures = Pictures(plan, evaluator)
            pictures.start(progress)
            if begun < plan.total_steps:
                console.write_page(plan)
            nonfinite = train_loop(context, progress, pictures)
            if nonfinite:
                progress = roll_back(context)
            last = recording.draw_samples(context, progress)
            recording.sample_fixed(context, progress, last=True)  # after the last state: a resume goes on without it
        pictures.finish(progress, last)
        member.leave()
    if progress.exception:
        raise progress.exception
    if nonfinite:
        raise Diverged(
            f"{DIVERGED} {nonfinite:,}; the run in {config.ckpt_folder} was rolled back to step {progress.step:,}, its "
            "last saved state; train again with --overwrite or --name NAME, and smaller --d-lr and --g-lr, more "
            "--smooth, or another --loss"
        )
    return progress


def follow(plan, member):
    """Trains along with the chief of a cluster, and reads and writes nothing of the run. Returns an empty Progress."""
    with (
        translate_tf_errors(plan.config),
        deferred_signals() as signals,
        tf.Graph().as_default(),
        make_context(plan, "", signals, member=member) as context,
    ):
        initialize(context)
        progress = new_progress(plan)
        progress.step = member.broadcast(context.graph, context.session)
        compile_steps(context, progress)
        nonfinite = next((step for _, step in train_calls(context, progress) if step), None)
        member.leave()
    if nonfinite:
        chief = f"the chief at {member.addresses.workers[0]}"
        raise Diverged(f"{DIVERGED} {nonfinite:,}; {chief} has set the run back to its last saved state")
    return progress


@contextmanager
def say_what_is_saved(config):
    """Gives the KeyboardInterrupt of a second Ctrl-C a sentence."""
    try:
        yield
    except KeyboardInterrupt:
        state = run_folder.holds_run(config) and checkpoints.newest_state(config.ckpt_folder)
        saved = f"the run in {config.ckpt_folder} is saved at step {state.step:,}" if state else "nothing was saved yet"
        raise KeyboardInterrupt(saved) from None


@contextmanager
def translate_tf_errors(config, advice=MAKE_ROOM):
    """Turns TensorFlow's errors into UserErrors, and a full disk, from TensorFlow or the system, into DiskFull."""
    try:
        yield
    except OSError as error:
        folders = f"{config.ckpt_folder} or {config.samples_folder}"
        if error.errno not in DISK_FULL:
            error.filename = error.filename or folders
            raise
        raise DiskFull(f"{error.strerror}, for {folders}; {advice}") from None
    except tf.errors.OpError as error:
        if tells_of_full_disk(error):
            raise DiskFull(f"{reason(error)}; {advice}") from None
        raise UserError(f"TensorFlow failed ({reason(error)}); try a smaller --batch-size, or --xla off") from None


@contextmanager
def make_context(plan, run_id, signals, member=SINGLE, evaluator=None, on_sample=None):
    """Yields the TrainContext of a plan, with its graph built and a session open."""
    devices.require_determinism(plan.config)
    with ExitStack() as closing, tf.device(member.device):
        stream = streaming.make_stream(plan) if plan.streamed else None
        data, workers = plan.data_spec(stream and stream.images), member.workers(plan.config.group)
        graph = train_graph.build(plan.config, data, plan.chunk, plan.custom.parts, workers)
        folder = plan.config.samples_folder / names.TENSORBOARD
        events = EventFiles(folder, graph.weights) if plan.config.tensorboard else None
        savers = make_savers(plan, graph, run_id)
        tf.get_default_graph().finalize()
        options = member.configured(devices.session_config(plan.config.device))
        session = closing.enter_context(tf.Session(member.target, config=options))
        if events:
            closing.callback(events.close)
        train_fn = make_train_fn(plan, graph, session, member)
        rest = signals, member, evaluator, events, on_sample
        yield TrainContext(plan, graph, stream, session, train_fn, savers, *rest)


def make_savers(plan, graph, run_id):
    """The checkpoints.Saver of the whole state, of the weights of both networks, and of each kind of generator."""
    latest, average = graph.networks.g_state, graph.networks.average
    best = (average or latest) if plan.evaluate_every else None
    parts = {"state": graph.state, "weights": graph.weights, "latest": latest, "average": average, "best": best}
    return {name: checkpoints.make_saver(variables, run_id) for name, variables in parts.items() if variables}


def make_train_fn(plan, graph, session, member=SINGLE):
    """Many training steps as a function (first step, number of steps).

    It returns the STEP_METRICS of each step, float32 [steps, n], and whether the state is finite after the last.
    """
    feeds = [graph.inputs.first_step, graph.inputs.num_steps, *([] if plan.streamed else [graph.inputs.order])]
    call = session.make_callable([graph.metrics, graph.finite], feeds)

    def train_fn(first, steps):
        with member.call(session):
            rows, finite = call(first, steps, *([] if plan.streamed else [plan.order(first)]))
        return rows[:steps], finite

    return train_fn


def start(context, saved, checkpoint):
    """Initializes or restores all variables, compiles, and prepares the run's folders. Returns the Progress so far."""
    plan, session, config = context.plan, context.session, context.plan.config
    start_variables(context, checkpoint)
    header = context.evaluator and context.evaluator.header
    progress = load_progress(plan, checkpoint, header) if checkpoint else new_progress(plan, header)
    context.member.broadcast(context.graph, session, progress.step)
    compile_steps(context, progress)  # whatever TensorFlow cannot do fails here, before anything is written
    run_folder.remove_partials(config)
    if plan.overwrite:
        run_folder.clear(config)
    first_made_by = saved.made_by if saved else made_by(plan)
    run_id = context.savers["state"].run_id
    about = plan.metadata, first_made_by, run_id, plan.custom.names(), (saved or plan).numbered
    with nullcontext() if saved else run_folder.undone(config):
        run_folder.write(run_folder.Saved(config, *about))
        if config.clustered:
            with files.writing(config.ckpt_folder / names.CLUSTERS) as file:
                np.save(file, plan.labels)
        if progress.step:  # a kill before the next save must find a generator, and a state that matches the records
            recording.save_generator(context, progress)
            recording.write_state(context, progress)
        recording.start_records(context, progress)
        if not progress.step:
            recording.first_records(context, progress)
            recording.save_state(context, progress)
    return progress


def start_variables(context, checkpoint=None):
    """Gives all variables the values of a checkpoint of the whole state, or those before the first step."""
    initialize(context)
    if checkpoint:
        checkpoints.restore(context.savers["state"], context.session, checkpoint)
        return
    if context.plan.config.weights:
        importing.start_from(Path(context.plan.config.weights), context.savers, context.session)
    context.session.run(context.graph.start_average)


def initialize(context):
    """Gives all variables their initial values, and the images those of the data."""
    plan = context.plan
    images = {} if context.stream else train_graph.feed(context.graph.inputs.images, plan.dataset.images, plan.labels)
    values = train_graph.initial_values(context.graph.networks, plan.data_spec().points)
    context.session.run(context.graph.initialize, images | values)


def compile_steps(context, progress):
    """Compiles the loop by a call of no steps, and opens the stream of images at the current step."""
    with quiet() if context.member.size == 1 else nullcontext():  # in a cluster, the loss of a worker must be told of
        if context.stream:
            context.session.run(context.stream.start, {context.stream.first_step: progress.step})
        context.train_fn(progress.step, 0)


def train_loop(context, progress, pictures):
    """Trains to the end of the plan, or to a signal. Returns the first step with NaN or inf in it, or None."""
    started, last_save = time.monotonic() - progress.seconds, time.monotonic()
    with console.progress_bar(context.plan, progress) as bar:
        for rows, nonfinite in train_calls(context, progress):
            if nonfinite:
                return nonfinite
            progress.seconds = time.monotonic() - started - progress.evaluating
            bar.update(len(rows))
            evaluated = tick(context, progress, rows)
            pictures.refresh(progress)
            if evaluated or time.monotonic() - last_save >= SAVE_SECONDS:
                recording.save_state(context, progress)
                last_save = time.monotonic()
    recording.save_generator(context, progress)
    recording.save_state(context, progress)
    return None


def train_calls(context, progress):
    """Trains to the end of the plan, to a signal, or to NaN or inf: yields the STEP_METRICS of each call, and None.

    In place of None, the last call may have the first step with NaN or inf in its metrics, or else in the state.
    """
    for first, steps in context.plan.chunks(progress.step):
        progress.stopped_by = context.member.stops(context.signals)
        if not progress.stopped_by and time.monotonic() > context.plan.deadline:
            progress.stopped_by = OUT_OF_TIME
        if progress.stopped_by:
            return
        rows, finite = context.train_fn(first, steps)
        nonfinite = np.flatnonzero(~np.isfinite(rows).all(1))
        if nonfinite.size or not finite:
            yield rows, first + 1 + int(nonfinite[0] if nonfinite.size else steps - 1)
            return
        progress.step += steps
        yield rows, None


def tick(context, progress, rows):
    """After each call of the loop: records losses, and draws samples, measures and prints where it is time for it.

    rows: STEP_METRICS of the call, float32 [steps, n]. Returns whether it measured the generator.
    """
    plan = context.plan
    evaluation_step = bool(plan.evaluate_every) and progress.step % plan.evaluate_every == 0
    sampling_step = recording.record_steps(context, progress, rows)
    if evaluation_step:
        recording.evaluate(context, progress)
    if sampling_step and context.on_sample:
        recording.call_on_sample(context, progress, rows[-1], evaluation_step)
    try:
        if sampling_step or progress.step == plan.total_steps:
            console.write_line(plan, progress, rows[-1])
        if evaluation_step:
            console.write_scores(plan, progress, context.evaluator)
    except OSError:  # nobody reads the output any more, perhaps because of the same Ctrl-C
        recording.save_state(context, progress)
        raise
    return evaluation_step


def roll_back(context):
    """Returns the Progress at the last saved state, to which variables, records and checkpoints are set back."""
    checkpoint = checkpoints.newest_state(context.plan.config.ckpt_folder)
    checkpoints.restore(context.savers["state"], context.session, checkpoint)
    progress = load_progress(context.plan, checkpoint, context.evaluator and context.evaluator.header)
    recording.save_generator(context, progress)
    recording.start_records(context, progress)
    return progress
