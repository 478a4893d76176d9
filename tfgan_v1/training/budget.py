"""`--minutes`: measures the steps a second, then gives the run as many as fit; its schedules end with it."""

import time

from tfgan_v1 import devices
from tfgan_v1.errors import UserError, note
from tfgan_v1.storage.progress import new_progress
from tfgan_v1.training import loop
from tfgan_v1.training.plan import check_batches

MEASURED = 4  # seconds of steps that are measured
SHARE = 0.9  # of the time that is left: speed varies, and samples, saves and pictures take some of it
FINISH = 8  # seconds for the last save and pictures
SAMPLED = 40  # times that the run draws samples, about


def fixed(plan, started):
    """A Plan of `--minutes` with its length in steps. started: time.monotonic() when the command began.

    After those that are measured, the run begins anew, and is as exact as any. Raises UserError if not a step fits.
    """
    end, before = started + 60 * plan.config.minutes, time.monotonic()
    quiet = plan._replace(config=plan.config.replace(tensorboard=False).with_steps(plan.total_steps))
    with loop.translate_tf_errors(plan.config), devices.new_graph(), loop.make_context(quiet, "", []) as context:
        loop.initialize(context)
        loop.compile_steps(context, new_progress(quiet))
        building, done, calls = time.monotonic() - before, 0, iter(quiet.chunks(0))
        begun = time.monotonic()
        while time.monotonic() - begun < min(MEASURED, 0.05 * 60 * plan.config.minutes):
            first, steps = next(calls)
            context.train_fn(first, steps)
            done += steps
        rate = done / (time.monotonic() - begun)
    steps = int(SHARE * rate * (end - time.monotonic() - building - FINISH))
    if steps < 1:
        raise UserError(f"--minutes {plan.config.minutes:g} ends before the first step; give more")
    every = max(1, steps // SAMPLED)
    chosen = {} if "sample_every" in plan.config.given else {"sample_every": every}
    steps -= steps % every if chosen else 0  # so that the last samples are of the last step
    config = plan.config.replace(minutes=None, steps=steps, **chosen).with_steps(steps)
    note(f"{rate:,.{int(rate < 10)}f} steps a second: {steps:,} steps fit into {plan.config.minutes:g} minutes.")
    plan = plan._replace(config=config, deadline=end - FINISH)
    check_batches(plan)  # whose length was open
    return plan
