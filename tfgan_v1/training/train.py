"""Starts a training, for the command line and for Python: alone, or as one of the workers of TF_CONFIG."""

import signal
import sys
import time
from collections.abc import Callable
from os import PathLike
from typing import Any, NamedTuple

from tfgan_v1.cluster import addresses, rendezvous
from tfgan_v1.cluster.member import Member
from tfgan_v1.config import Config, check_names
from tfgan_v1.errors import UserError, brief, note, tell
from tfgan_v1.gan.train_graph import CustomParts
from tfgan_v1.report import notebook  # noqa: F401, by which a Progress shows its pictures
from tfgan_v1.storage import run_data
from tfgan_v1.storage.progress import OUT_OF_TIME, STOPPED
from tfgan_v1.streams import speaking
from tfgan_v1.training import budget, choices, loop
from tfgan_v1.training.plan import Custom, make_plan


def train(
    config=None,
    *,
    resume=False,
    overwrite=False,
    model=None,
    loss=None,
    d_optimizer=None,
    g_optimizer=None,
    images=None,
    labels=None,
    on_sample=None,
    wait=addresses.WAIT,
    verbose=1,
    **options,
):
    """Trains a GAN; writes checkpoints, samples, losses and plots into the two folders of `config`. Returns Progress.

    config, options  a Config, or the name or path of the data; and options of Config by name, which override those of
                 `config`: train("digits", epochs=3), train(config, epochs=5), train(model="tuned", dataset="faces")
    resume       continue the run in these folders up to the length that config gives; the result has the same bits as
                 an uninterrupted run
    overwrite    delete the run in these folders first
    model, loss  a custom gan.models.Model and gan.losses.Loss in place of those that `config` names
    d_optimizer, g_optimizer  a custom gan.optimizers.Optimizer of each network, likewise
    images, labels            arrays in place of the data that `config` names: see data.from_array
    on_sample    function (step, samples, metrics), called at each sampling step with float32 [num_samples, h, w, c] in
                 [0, 1] or points, and a dict of floats by name; it may run no TensorFlow outside a graph of its own. If
                 it returns False or raises StopTraining, the run ends there, saved, and `stopped_by` is -1. If it
                 raises anything else, the run ends as by Ctrl-C, and the error is raised
    wait         if the environment variable TF_CONFIG names several workers, the seconds in which all of them must have
                 come; the chief alone calls on_sample
    verbose      0 prints nothing but warnings; 1 a bar and the last line, or, where no bar can be, as 2; 2 a line at
                 each sampling step

    Ctrl-C and SIGTERM save everything, end the training early, and say how to go on. Raises UserError, with no run
    changed, for every mistake that the user can correct; its subclass Diverged, with the run at its last saved state,
    if a loss or a weight becomes NaN or infinite, and PeerLost if a worker is lost.
    """
    check_names(options, "resume", "overwrite", "images", "on_sample", "wait", "verbose")
    named = {"model": model, "loss": loss, "labels": labels}
    options |= {name: value for name, value in named.items() if isinstance(value, str | PathLike)}
    model, loss, labels = (None if name in options else value for name, value in named.items())
    call = ["config"] if isinstance(config, Config) else [] if config is None else [repr(config)]
    call += [f"{name}={value!r}" for name, value in options.items() if name != "minutes"]
    config = _config(config, options)
    if verbose not in (0, 1, 2):
        raise UserError(f"verbose must be 0, 1 or 2, not {brief(verbose)}")
    if isinstance(images, str | PathLike):
        raise UserError(f"images takes an array; name a file or folder as the data set: dataset={brief(images)}")
    if labels is not None and images is None:
        raise UserError("labels are those of images; pass images, too, or name a file of labels in Config(labels=...)")
    if on_sample is not None and not callable(on_sample):
        raise UserError(f"on_sample must be a function (step, samples, metrics), not {brief(on_sample)}")
    with speaking(verbose=verbose):
        dataset = None if images is None else run_data.from_array(config, images, labels)
        custom = Custom(CustomParts(model, loss, d_optimizer, g_optimizer), dataset)
        given = {name: value for name, value in config.values().items() if name in config.given}
        progress = run(TrainRequest(lambda: config, given, resume, overwrite, custom, on_sample, wait))
    if progress.stopped_by not in (None, STOPPED):
        call += [f"name={progress.config.name!r}"] if progress.config.name != config.name else []
        call += ["minutes=None"] if config.minutes is not None else []  # the run has its steps
        call += [*(f"{part}=..." for part in custom.names()), "resume=True"]
        saved = f"Stopped by {stop_of(progress)}; everything is saved at step {progress.step:,}"
        tell(f"{saved} of {progress.total_steps:,}. Continue with: train({', '.join(call)})", sys.stdout)
    return progress


def stop_of(progress):
    """What ended a training early, in words: SIGINT, or the end of --minutes."""
    return "the end of --minutes" if progress.stopped_by == OUT_OF_TIME else signal.Signals(progress.stopped_by).name


def _config(config, options):
    """The Config for the arguments of `train`."""
    if isinstance(config, Config):
        return config.replace(**options)
    if config is not None and not isinstance(config, str | PathLike):
        what = "a Config, or the name or path of a data set, and options by name"
        raise UserError(f"train takes {what}, and arrays as images=array, not {brief(config)}")
    return Config(**options) if config is None else Config(dataset=config, **options)


class TrainRequest(NamedTuple):
    """A training that is asked for."""

    make_config: Callable  # () -> Config; in a cluster, the chief alone knows the options of a run that is resumed
    options: dict  # by name, those that must agree in a cluster: see rendezvous.agree_on_options
    resume: bool = False
    overwrite: bool = False
    custom: Custom = Custom()
    on_sample: Callable | None = None
    wait: float = addresses.WAIT
    end: Any = None  # see member.Member


def run(request):
    """Carries out a TrainRequest. Returns Progress; in a cluster, that of the chief alone has records."""
    started = time.monotonic()
    start = {"resume": request.resume, "overwrite": request.overwrite, "custom": request.custom}
    cluster = addresses.from_environment()

    def make_config():
        config = request.make_config()
        if (cluster or request.resume) and config.minutes is not None:
            raise UserError("--minutes is for one new run in one process; give --steps or --epochs")
        if cluster and config.weights and not request.resume:  # make_plan does so for the chief alone
            return choices.of_weights(config)
        return choices.of_run(config) if request.resume else config

    if cluster is None:
        plan = make_plan(make_config(), **start)
        plan = plan if plan.config.minutes is None else budget.fixed(plan, started)
        return loop.run(plan, on_sample=request.on_sample)
    with Member(cluster, request.wait, request.end) as member:
        config = rendezvous.agree_on_options(member, request.options, make_config)
        member.watch()
        start |= {"workers": member.size, "chief": member.is_chief}
        plan = rendezvous.agree_on_data(member, lambda: make_plan(config, **start))
        if not member.is_chief:
            return loop.follow(plan, member)
        model = request.custom.parts.model
        if not (model or config.network).convolutional:
            networks = "a model without convolutions" if model else f"--model {config.model}"
            why = "a step takes less time than the exchange between them"
            note(f"{networks} is not faster with several workers: {why}")
        return loop.run(plan, member, request.on_sample)
