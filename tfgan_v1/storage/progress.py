"""A run's progress in memory, and how a resume restores it from disk."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfgan_v1 import devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError, warn
from tfgan_v1.storage import checkpoints, names, records, run_folder


@dataclass
class Progress:
    """How far a run has come. All of it is on disk, too, once `train` returns."""

    config: Config  # with every open option filled in
    step: int = 0  # training steps done
    epoch: int = 0  # epochs done
    seconds: float = 0.0  # spent training, over all resumes
    reported: float = 0.0  # of these seconds, those up to the last line
    reported_step: int = 0  # step of the last line
    samples: list = field(default_factory=list)  # float32 arrays [num_samples, h, w, c] in [0, 1], or points
    sample_steps: list = field(default_factory=list)  # the step of each
    samples_digest: Any = field(default_factory=hashlib.sha256)  # of all samples
    fixed: list = field(default_factory=list)  # images of the same noise at the last len(fixed) of these steps
    fixed_digest: Any = field(default_factory=hashlib.sha256)
    statistics: list = field(default_factory=list)  # of points: a row of statistics.csv for each
    losses: list = field(default_factory=list)  # a records.Losses for each recorded step
    evaluating: float = 0.0  # seconds of this process that went into figures while training
    evaluation_header: tuple | None = None  # columns of evaluation.csv; None without --evaluate-every
    evaluation: list = field(default_factory=list)  # its rows: (step, epoch, *figures)
    evaluation_digest: Any = field(default_factory=hashlib.sha256)
    best: tuple | None = None  # (step, first figure) of the best generator so far
    held_out: list = field(default_factory=list)  # a records.HeldOut for each sampling step
    held_out_digest: Any = field(default_factory=hashlib.sha256)
    losses_digest: Any = field(default_factory=hashlib.sha256)  # of all losses
    stopped_by: int | None = None  # the number of the signal that ended training early
    exception: BaseException | None = None  # of on_sample, which ended training early
    total_steps: int = 0  # of the whole run

    def add_samples(self, samples, step):
        """Adds the samples of a step."""
        self.samples.append(samples)
        self.sample_steps.append(step)
        self.samples_digest.update(np.ascontiguousarray(samples, np.float32))

    def add_fixed(self, samples):
        """Adds the images of the noise that all sampling steps share, at the step of the last samples."""
        self.fixed.append(samples)
        self.fixed_digest.update(np.ascontiguousarray(samples, np.float32))

    def add_losses(self, rows):
        """Adds rows, each a records.Losses."""
        self.losses += rows
        _update(self.losses_digest, [row.cells() for row in rows])

    def add_held_out(self, rows):
        """Adds rows, each a records.HeldOut."""
        self.held_out += rows
        _update(self.held_out_digest, rows)

    def add_evaluation(self, rows):
        """Adds rows of evaluation.csv."""
        self.evaluation += rows
        _update(self.evaluation_digest, rows)


def _update(digest, rows):
    for row in rows:
        digest.update(f"{','.join(map(str, row))}\n".encode())  # the numbers: their quotes in the file may change


def starting_point(plan, saved):
    """The Checkpoint from which a plan continues, or None for step 0.

    saved: from run_folder.check_can_start, None for a fresh run. Raises UserError if the run is beyond the plan's end.
    """
    if not saved:
        return None
    checkpoint = checkpoints.newest_state(plan.config.ckpt_folder)
    if checkpoint and checkpoint.step > plan.total_steps:
        raise UserError(
            f"the run in {plan.config.ckpt_folder} is already at {plan.step_label(checkpoint.step)}; train to that "
            f"or later, not to {plan.step_label(plan.total_steps)}"
        )
    before = {"device": "cpu", "workers": 1, **saved.made_by}  # the first versions had no others
    now = made_by(plan.config.device, plan.workers)
    changes = [f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]]
    if changes:
        warn(f"the run began with {'; '.join(changes)}: from here on its bits may differ from an uninterrupted run's")
    return checkpoint


def made_by(device, workers=1):
    """Everything besides the configuration that affects the exact bits of a run. device: cpu or gpu."""
    versions = run_folder.made_by(tensorflow=tf.__version__, numpy=np.__version__)
    return {**versions, "device": devices.name(device), "workers": workers}


def metadata(progress):
    """What a state keeps besides its tensors: how to recognize the records that belong to it."""
    fixed = {"num_fixed": len(progress.fixed), "fixed_sha256": progress.fixed_digest.hexdigest()}
    return {
        "seconds": progress.seconds,
        "sample_steps": progress.sample_steps,
        "samples_sha256": progress.samples_digest.hexdigest(),
        **(fixed if progress.fixed else {}),
        "num_losses": len(progress.losses),
        "losses_sha256": progress.losses_digest.hexdigest(),
        **({"held_out_sha256": progress.held_out_digest.hexdigest()} if progress.held_out else {}),
        **({"evaluation_sha256": progress.evaluation_digest.hexdigest()} if progress.evaluation else {}),
        **({"best": list(progress.best)} if progress.best else {}),
    }


def load_progress(plan, checkpoint, evaluation_header=None):
    """The Progress at a checkpoint, with the records up to it. Missing records start empty, with a warning.

    evaluation_header: the columns of evaluation.csv, if the run goes on with figures while training.
    Raises UserError if a record differs from the one that the checkpoint belongs to.
    """
    facts, folder = _valid_facts(checkpoint), plan.config.samples_folder
    progress = Progress(plan.config, checkpoint.step, checkpoint.step // plan.steps_per_epoch, facts["seconds"])
    progress.total_steps = plan.total_steps
    progress.reported, progress.reported_step = progress.seconds, progress.step
    progress.best = tuple(facts["best"]) if "best" in facts else None
    if _exists(folder / names.SAMPLES):
        # A killed run may have appended samples of later steps, which are drawn again.
        samples = _read(records.load_samples, folder / names.SAMPLES)
        for each, step in zip(samples, facts["sample_steps"], strict=False):
            progress.add_samples(each, step)
        _check_same(progress, facts, names.SAMPLES, ("sample_steps", "samples_sha256"))
    if progress.samples and "num_fixed" in facts and _exists(folder / names.FIXED_NOISE):  # at the same steps
        for each in _read(records.load_samples, folder / names.FIXED_NOISE)[: facts["num_fixed"]]:
            progress.add_fixed(each)
        _check_same(progress, facts, names.FIXED_NOISE, ("num_fixed", "fixed_sha256"))
    if _exists(folder / names.LOSSES):
        most = facts["num_losses"]
        progress.add_losses(_read(records.read_losses, folder / names.LOSSES, progress.step, most, plan.critic))
        _check_same(progress, facts, names.LOSSES, ("num_losses", "losses_sha256"))
    if "held_out_sha256" in facts and _exists(folder / names.HELD_OUT):
        header = records.HELD_OUT_HEADERS[plan.critic]
        rows = _read(records.read_table, folder / names.HELD_OUT, header, progress.step)
        progress.add_held_out([records.HeldOut(*row) for row in rows])
        _check_same(progress, facts, names.HELD_OUT, ("held_out_sha256",))
    progress.evaluation_header = evaluation_header
    if evaluation_header and "evaluation_sha256" in facts and _exists(folder / names.EVALUATION):
        progress.add_evaluation(_read(records.read_table, folder / names.EVALUATION, evaluation_header, progress.step))
        _check_same(progress, facts, names.EVALUATION, ("evaluation_sha256",))
    return progress


def _valid_facts(checkpoint):
    """The facts of a checkpoint. Raises UserError unless they have the form of `metadata`."""
    facts = checkpoint.facts
    seconds, steps, num_losses = (facts.get(name) for name in ("seconds", "sample_steps", "num_losses"))
    valid = type(seconds) is float and 0 <= seconds < 1e9
    valid &= isinstance(steps, list) and all(type(step) is int and step > 0 for step in steps)
    valid &= type(num_losses) is int and 0 <= num_losses <= checkpoint.step
    best = facts.get("best", [0, 0.0])
    valid &= type(facts.get("num_fixed", 0)) is int and 0 <= facts.get("num_fixed", 0) <= checkpoint.step
    valid &= isinstance(best, list) and [type(value) for value in best] == [int, float]
    if not valid:
        raise UserError(f"{checkpoint.prefix}.json is damaged in its facts; restore it from a copy")
    return facts


def _exists(path):
    if not path.exists():
        warn(f"{path} is missing; a new one starts with the next record")
    return path.exists()


def _read(read, path, *args):
    try:
        return read(path, *args)
    except UserError as error:
        raise UserError(
            f"{error}; restore it from a copy, or move it away to continue without the records so far"
        ) from None


def _check_same(progress, facts, name, keys):
    """Raises UserError unless the record `name` holds what was in it when the checkpoint was saved."""
    found = metadata(progress)
    if any(found.get(key) != facts.get(key) for key in keys):
        raise UserError(
            f"{progress.config.samples_folder / name} was changed, or belongs to another run than "
            f"{progress.config.ckpt_folder}; restore it from a copy, name its folder with --samples, or move it away "
            "to continue without the records so far"
        )
