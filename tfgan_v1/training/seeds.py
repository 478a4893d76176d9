"""Runs of one configuration with several seeds, one after the other: each an ordinary run, which can be resumed."""

import signal
from typing import NamedTuple

from tfgan_v1.config import Config
from tfgan_v1.errors import Diverged, UserError, say, warn
from tfgan_v1.gan import batches
from tfgan_v1.report import compare
from tfgan_v1.storage import checkpoints, names, run_folder
from tfgan_v1.training import train as training


class Run(NamedTuple):
    """One of the runs."""

    config: Config
    resume: bool  # whether it has begun
    overwrite: bool

    @property
    def is_finished(self):
        """Whether it is at the end of its configuration."""
        if not self.resume:
            return False
        images = run_folder.read(self.config).data["num_images"] - self.config.holdout
        state = checkpoints.newest_state(self.config.ckpt_folder)
        per_epoch = batches.steps_per_epoch(self.config, images)
        return bool(state) and state.step == (self.config.steps or self.config.epochs * per_epoch)


def train(group, runs, again):
    """Trains the runs that are not finished, and compares all. Returns the exit code.

    group: a Config with the name that they share. again: the command that continues them. A run that diverges is said,
    and the others go on. Raises UserError before the first step if one of them cannot start.
    """
    page = group.samples_folder / names.COMPARISON
    run_folder.check_outputs([page])
    if run_folder.holds_run(group):
        raise UserError(f"{group.name} is the name of a run, so those of --seeds need another; give --name NAME")
    for run in runs:
        run_folder.check_can_start(run.config, run.resume, run.overwrite)
    code = 0
    for number, run in enumerate(runs, 1):
        name = f"{run.config.name}, {number} of {len(runs)}"
        if run.is_finished:
            say(f"Run {name}, is finished.")
            continue
        say(f"Run {name}:")
        try:
            request = training.TrainRequest(lambda run=run: run.config, {}, run.resume, run.overwrite)
            progress = training.run(request)
        except Diverged as error:
            warn(f"{error}; the other runs go on")
            code = error.exit_code
            continue
        if progress.stopped_by:
            signal_name = signal.Signals(progress.stopped_by).name
            say(f"Stopped by {signal_name}; run {name}, is saved at step {progress.step:,}. Continue with: {again}")
            return 128 + progress.stopped_by
    sides = compare.load([group.samples_folder], group.samples)
    say(f"Done: {len(runs)} runs, of which the last scores are:", *compare.table(sides))
    compare.write(sides, page)
    say(f"Look at {page} in a browser.")
    return code
