"""`verify`: trains a part of a run again, in a scratch folder, and compares every bit with what the run has saved."""

from collections import Counter
from contextlib import ExitStack, suppress
from typing import NamedTuple

import numpy as np

from tfgan_v1 import devices, files
from tfgan_v1.errors import UserError, count_of
from tfgan_v1.storage import checkpoints, digests, run_data, run_folder
from tfgan_v1.storage.progress import load_progress, made_by, new_progress
from tfgan_v1.training import loop, recording
from tfgan_v1.training.plan import Plan


class Verified(NamedTuple):
    """What was trained again, and what differs."""

    first: int  # of the steps
    last: int
    compared: dict  # the number of rows or arrays by file
    variables: int  # the number of those compared at the last step, 0 if the run has no state there
    differences: list  # (step, what differs), from the first step on
    sha256: str  # of the state after the last step, as it is now
    made_by: list  # rows (name, then, now): versions and the machine


def verify(config, *, whole=False, steps=None, **places):
    """Trains steps of the run in the folders of `config` again. Returns Verified.

    From the state before the newest one up to that; whole: from the beginning, with new initial weights. steps: how
    many at most. places: where the data are now, as in run_data.data_of_run. Raises UserError if the run cannot be
    trained again here, or a state or a record does not match its checksum.
    """
    check_can_verify(run_folder.read(config), config)
    if not config.samples_folder.is_dir():
        raise UserError(f"there is no folder {config.samples_folder}; name the run's samples folder with --samples")
    saved, config, dataset = run_data.data_of_run(config, **places)
    dataset = run_data.in_clusters(config, dataset)[1] if config.clustered else dataset
    plan = Plan(config, dataset, saved.data, resume=True, overwrite=False)
    newest, *older = checkpoints.states(config.ckpt_folder)
    if not newest.step:
        raise UserError(f"the run in {config.ckpt_folder} has no steps yet; train it with --resume")
    begin = None if whole else next((state for state in older if state.step), None)
    first = begin.step if begin else 0
    last, recorded = min(newest.step, first + (steps or newest.step)), load_progress(plan, newest)
    with ExitStack() as closing:
        again = in_scratch(plan, closing.enter_context(files.scratch_folder()), last, recorded.sample_steps)
        closing.enter_context(loop.translate_tf_errors(again.config, "free some space"))
        closing.enter_context(devices.new_graph())
        context = closing.enter_context(loop.make_context(again, "", []))
        progress, diverged = train_again(context, begin, recorded.sample_steps)
        compared, differing, latest = compare(recorded, progress)
        values, variables = recording.values_of(context), 0
        if progress.step == newest.step:
            loop.start_variables(context, newest)
            variables, then = len(values), recording.values_of(context)
            differing += [(last, name) for name, value in values.items() if not same(then[name], value)]
    if not (latest or variables or diverged):  # the initial weights alone do not show that training is the same
        where = f"from step {first + 1:,} to {last:,} in {config.samples_folder}"
        raise UserError(f"nothing was recorded {where}; give more --steps")
    last, now = diverged[0][0] if diverged else last, made_by(plan)
    machine = [(name, saved.made_by.get(name), now[name]) for name in now]
    differences = sorted(diverged + differing, key=lambda each: each[0])
    return Verified(first + 1, last, compared, variables, differences, digests.sha256(values), machine)


def in_scratch(plan, folder, last, sample_steps):
    """The Plan of the same training up to a step in another folder, without what changes no bit of it."""
    places = {"ckpt": str(folder / "checkpoints"), "samples": str(folder / "samples"), "name": None}
    length = {"epochs": None, "steps": last, "sample_every": plan.sample_every, "evaluate_every": None}
    return plan._replace(
        config=plan.config.replace(**places, **length, tensorboard=False, sheets="last"),
        sampled=tuple(sample_steps),
    )


def check_can_verify(saved, config):
    """Raises UserError for a run that this process cannot train again."""
    folder, workers, parts = config.ckpt_folder, saved.made_by.get("workers", 1), {*saved.custom} - {"images"}
    with suppress(OSError):  # a folder that can only be read has no trainer
        if run_folder.is_locked(folder):
            raise UserError(f"the run in {folder} is still training; verify it when it has ended")
    if saved.imported:
        raise UserError(f"{folder} holds an imported generator, which was not trained here; name another run")
    if parts:
        raise UserError(f"the run in {folder} has a custom {' and '.join(sorted(parts))}, which only its script has")
    if workers > 1:
        raise UserError(
            f"the run in {folder} was trained by {workers} workers, and one process gives other bits; compare two such "
            "runs with --against"
        )


def train_again(context, begin, sample_steps):
    """Trains the plan of a context in its scratch folders. Returns (Progress, what differs: that it diverges).

    begin: the Checkpoint to begin with, or None. sample_steps: those of the run.
    """
    plan = context.plan
    loop.start_variables(context, begin)
    progress = new_progress(plan)
    progress.step = begin.step if begin else 0
    progress.sample_steps = [step for step in sample_steps if step <= progress.step]
    files.make_folder(plan.config.samples_folder)
    for record in progress.records.values():
        record.write(plan.config.samples_folder)
    loop.compile_steps(context, progress)
    if not progress.step:
        recording.first_records(context, progress)
    for rows, nonfinite in loop.train_calls(context, progress):
        if nonfinite:
            return progress, [(nonfinite, "a loss or a weight, which becomes NaN or infinite")]
        recording.record_steps(context, progress, rows)
    return progress, []


def compare(recorded, progress):
    """Of two Progress, at the steps that both have: numbers of rows by file, [(step, what differs)], the last step."""
    compared, differences, latest = Counter(), [], 0
    for key, record in progress.records.items():
        then, now = by_step(recorded, key), by_step(progress, key)
        for step in sorted(then.keys() & now.keys()):
            compared[record.name], latest = compared[record.name] + 1, max(latest, step)
            if not same(then[step], now[step]):
                differences.append((step, f"{record.name}{cell(record.header, then[step], now[step])}"))
    return compared, differences, latest


def by_step(progress, key):
    """{step: row} of a record; of losses without the seconds."""
    rows = progress.rows(key)
    steps = {"samples": progress.sample_steps, "fixed": progress.fixed_steps, "views": progress.fixed_steps}
    steps = steps[key][len(steps[key]) - len(rows) :] if key in steps else [row[0] for row in rows]
    return dict(zip(steps, [row[:-1] for row in rows] if key == "losses" else rows, strict=True))


def cell(header, then, now):
    """The first cell of a row that differs, in words, or how many numbers of an array."""
    if header is None:
        count = np.count_nonzero(np.asarray(then) != np.asarray(now))
        return f" ({count_of(int(count), 'number')} of {np.size(then):,})"
    names_ = zip(header, then, now, strict=False)
    return next(f" ({name} {before}, now {after})" for name, before, after in names_ if before != after)


def same(then, now):
    """Whether two rows or arrays have the same bits."""
    if isinstance(then, np.ndarray):
        return then.dtype == now.dtype and then.shape == now.shape and then.tobytes() == now.tobytes()
    return then == now
