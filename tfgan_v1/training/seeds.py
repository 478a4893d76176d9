"""`train --seeds`: one configuration with several seeds, one run after the other; each can be resumed like any run."""

import signal
from pathlib import Path

from tfgan_v1.errors import Diverged, UserError, say, warn
from tfgan_v1.gan import batches
from tfgan_v1.report import compare
from tfgan_v1.storage import checkpoints, names, run_folder
from tfgan_v1.training import train as training


def train(group, runs, overwrite, again):
    """Trains those of the runs that are not finished, then compares all. Returns the exit code.

    group: the name that they share. runs: pairs of a Config and whether the run has begun. again: the command that
    continues them. A run that diverges is said, and the others go on.
    """
    code, page = 0, Path(runs[0][0].samples, group, names.COMPARISON)
    run_folder.check_outputs([page])
    for number, (config, begun) in enumerate(runs, 1):
        named = f"{config.name} ({number} of {len(runs)})"
        if begun and _is_finished(config):
            say(f"Run {named} is finished.")
            continue
        say(f"Run {named}:")
        try:
            progress = training.run(training.TrainRequest(lambda run=config: run, {}, begun, overwrite))
        except Diverged as error:
            warn(f"{error}; the other runs go on")
            code = error.exit_code
            continue
        if progress.stopped_by:
            name, step = signal.Signals(progress.stopped_by).name, progress.step
            say(f"Stopped by {name}; run {named} is saved at step {step:,}. Continue with: {again}")
            return 128 + progress.stopped_by
    try:
        table = compare.write(compare.load([group], runs[0][0].samples), page)
    except UserError as error:  # such as of runs that end before the first sample
        warn(f"the runs are saved, and not compared: {error}")
        return code
    say(f"Done: {len(runs)} runs. Their last numbers:", *table, f"Look at {page} in a browser.")
    return code


def _is_finished(config):
    """Whether a run is at the end of its configuration."""
    state, images = checkpoints.newest_state(config.ckpt_folder), run_folder.read(config).data["num_images"]
    per_epoch = batches.steps_per_epoch(config, images - config.holdout)
    return bool(state) and state.step == (config.steps or config.epochs * per_epoch)
