"""How far a run has come, and how it is taken up again from what is on disk."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError, warn
from tfgan_v1.storage import checkpoints, records, run_folder


@dataclass
class Progress:
    """How far a run has come. All of it is on disk, too, once `train` returns."""

    config: Config  # with everything that was left open filled in
    step: int = 0  # training steps done
    epoch: int = 0  # epochs done
    seconds: float = 0.0  # spent training, over all sittings
    reported: float = 0.0  # of these seconds, those up to the last line
    reported_step: int = 0  # and of the steps
    samples: list = field(default_factory=list)  # float32 arrays [num_samples, h, w, c] in [0, 1], or points
    sample_steps: list = field(default_factory=list)  # the step at which each was drawn
    digest: Any = field(default_factory=hashlib.sha256)  # of all the samples
    statistics: list = field(default_factory=list)  # of points: a row of statistics.csv for each
    losses: list = field(default_factory=list)  # a records.Losses for each step that is recorded
    stopped_by: int | None = None  # the number of the signal that ended training early

    def keep(self, samples, step):
        """Adds what was drawn at a step."""
        self.samples.append(samples)
        self.sample_steps.append(step)
        self.digest.update(np.ascontiguousarray(samples, np.float32))


def starting_point(plan, saved):
    """The Checkpoint from which a plan goes on, or None where it begins. UserError if that is beyond the plan's end.

    saved: what run_folder.check_can_start says of the run that is there, None if there is none to go on with.
    """
    if not saved:
        return None
    checkpoint = checkpoints.newest_state(plan.config.ckpt_folder)
    if checkpoint and checkpoint.step > plan.total_steps:
        raise UserError(
            f"the run in {plan.config.ckpt_folder} is already at {plan.step_label(checkpoint.step)}; train to that "
            f"or later, not to {plan.step_label(plan.total_steps)}"
        )
    before, now = saved.made_by, made_by()
    changes = [f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]]
    if changes:
        warn(
            f"the run was begun with {'; '.join(changes)}: from here on its bits may differ from an uninterrupted run's"
        )
    return checkpoint


def made_by():
    """What the exact bits of a run depend on besides its configuration."""
    return run_folder.made_by(tensorflow=tf.__version__, numpy=np.__version__)


def metadata(progress):
    """What a state keeps beside its tensors, to know its records again."""
    return {
        "options": run_folder.result_options(progress.config),
        "seconds": progress.seconds,
        "sample_steps": progress.sample_steps,
        "samples_sha256": progress.digest.hexdigest(),
        "num_losses": len(progress.losses),
        "last_losses": [str(number) for number in progress.losses[-1]] if progress.losses else None,  # nan is not nan
    }


def load_progress(plan, checkpoint):
    """The Progress up to a checkpoint, with what was recorded. Records that are gone begin anew, and stop nothing.

    Raises UserError if the records that are there are not those that belong to the checkpoint.
    """
    facts, folder = checkpoint.facts, plan.config.samples_folder
    progress = Progress(plan.config, checkpoint.step, checkpoint.step // plan.steps_per_epoch)
    seconds, sample_steps, num_losses = (facts.get(name) for name in ("seconds", "sample_steps", "num_losses"))
    whole = isinstance(sample_steps, list) and all(type(step) is int and step > 0 for step in sample_steps)
    whole &= type(num_losses) is int and 0 <= num_losses <= checkpoint.step
    if not (whole and type(seconds) is float and 0 <= seconds < 1e9):
        raise UserError(f"{checkpoint.prefix}.json is damaged in its facts; restore it from a copy")
    if facts.get("options") != run_folder.result_options(progress.config):
        raise UserError(
            f"{checkpoint.prefix} belongs to another run than the {run_folder.CONFIG} of "
            f"{progress.config.ckpt_folder}; restore what was there from a copy, or begin anew by --overwrite"
        )
    progress.seconds = seconds
    try:
        if _there(folder / run_folder.SAMPLES):
            # The last may be of later steps, which are done again.
            for samples, step in zip(records.load_samples(folder / run_folder.SAMPLES), sample_steps, strict=False):
                progress.keep(samples, step)
        if _there(folder / run_folder.LOSSES):
            progress.losses = records.read_losses(folder / run_folder.LOSSES, checkpoint.step, num_losses)
    except UserError as error:
        raise UserError(f"{error}; restore it, or move it away to go on without the records so far") from None
    progress.reported, progress.reported_step = progress.seconds, progress.step
    recalled = metadata(progress)
    for name, ours in (
        (run_folder.SAMPLES, ("sample_steps", "samples_sha256")),
        (run_folder.LOSSES, ("num_losses", "last_losses")),
    ):
        if (folder / name).exists() and any(recalled[fact] != facts.get(fact) for fact in ours):
            raise UserError(
                f"{folder / name} does not belong to the run in {progress.config.ckpt_folder}; name the folder of its "
                "samples by --samples, or move the file away to go on without the records so far"
            )
    return progress


def _there(path):
    if not path.exists():
        warn(f"{path} is gone; it begins anew with what comes next")
    return path.exists()
