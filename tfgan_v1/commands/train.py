"""`train`: trains a GAN. Its flags are made from Config, with their help in groups."""

import argparse
import os
import shlex
import signal
from dataclasses import fields, replace
from functools import partial

from tfgan_v1.cluster import addresses
from tfgan_v1.commands.parsing import Parser, call_of, end_process, parse_whole, say, speaker_of
from tfgan_v1.config import Config, from_mapping
from tfgan_v1.config.options import OneOf, Range, as_flags, flag, from_text, value_type
from tfgan_v1.errors import UserError

GROUPS = {  # first option of a group, in Config's order -> the group's title
    "model": "run",
    "dataset": "data",
    "noise": "model",
    "batch_size": "training",
    "d_steps": "discriminator and generator",
    "optimizer": "optimizer",
    "ckpt": "output",
}
EXAMPLES = (
    "--epochs 100 --smooth 0.1",
    "--model dcgan --dataset photos/ --image-size 32 --name photos",
    "--resume --epochs 200",
)
MOST_WORKERS = 1000  # processes that --workers starts


def parse(call, argv):
    """The flags of `train` in `argv`, by name; only those that were given. call: how the user typed the command."""
    preset = Parser(call)
    preset.add_argument("--model", default=Config.model)
    preset.add_argument("--conditional", action="store_true")
    defaults = Config(**vars(preset.parse_known_args(argv)[0]))

    parser = Parser(call, f"Train a GAN. The defaults shown are those of --model {defaults.model}.", EXAMPLES)
    groups = {}
    for each in fields(Config):
        if each.name in GROUPS:
            group = groups[each.name] = parser.add_argument_group(GROUPS[each.name])
        value = {"default": argparse.SUPPRESS}  # a preset or an earlier run decides what is not given
        if value_type(each) is bool:
            value["action"] = "store_true"
        else:
            value |= {"type": partial(from_text, each), "metavar": _metavar(each)}
        group.add_argument(flag(each.name), help=_help(each, getattr(defaults, each.name)), **value)
        if each.name == "optimizer":
            group.add_argument("--optimiser", dest="optimizer", **{**value, "help": argparse.SUPPRESS})
    run = groups["model"].add_argument
    run("--resume", action="store_true", help="continue the run in --ckpt and --samples")
    run("--overwrite", action="store_true", help="delete the run in --ckpt and --samples, and start again")
    run("--dry-run", action="store_true", help="print the configuration, parameter counts and memory; train nothing")
    run(
        "--workers",
        metavar="N",
        type=partial(parse_whole, "--workers", MOST_WORKERS),
        help="start N processes on this machine that train together; on several machines, set TF_CONFIG (see "
        "docs/cluster.md)",
    )
    run(
        "--wait",
        metavar="SECONDS",
        type=partial(parse_whole, "--wait", 86_400),
        default=300,
        help="in a cluster, the time in which all workers must have come (default: %(default)s)",
    )
    return parser.parse(argv)


def run(argv, program):
    """Trains a GAN. Returns the exit code."""
    given = parse(call_of("train", program), argv)
    of_process = "resume", "overwrite", "dry_run", "workers", "wait"
    resume, overwrite, dry_run, workers, wait = (given.pop(name) for name in of_process)
    if resume and overwrite:
        raise UserError("--resume continues a run and --overwrite deletes it; give one of them")
    cluster = addresses.from_environment()
    if cluster and workers and addresses.LAUNCHED not in os.environ:
        raise UserError(
            f"--workers starts workers on this machine, but {addresses.VARIABLE} names them; leave one of the two out"
        )
    if workers and workers > 1 and not cluster and not dry_run:
        from tfgan_v1.cluster import launch

        return launch.launch(argv, program, workers)
    if dry_run:
        _dry_run(_config(given, resume), resume, overwrite, workers or (len(cluster.workers) if cluster else 1))
        return 0
    options = given if resume else vars(_config(given, resume))

    from tfgan_v1.training import train

    end = partial(end_process, speaker=speaker_of("train", program))
    request = train.Request(lambda: _config(given, resume), options, resume, overwrite, wait=wait, end=end)
    progress = train.run(request)
    if cluster and not cluster.is_chief:
        ended = f"Stopped by {signal.Signals(progress.stopped_by).name}" if progress.stopped_by else "Done"
        say(f"{ended}: the run is with the chief at {cluster.workers[0]}.")
        return 128 + progress.stopped_by if progress.stopped_by else 0
    given |= {"workers": workers} if cluster and workers else {}
    return _end(progress, given, program, " on all workers" if cluster and not workers else "")


def _dry_run(config, resume, overwrite, workers):
    """Prints what would be trained."""
    from tfgan_v1.storage import run_folder
    from tfgan_v1.training import dry_run
    from tfgan_v1.training.plan import make_plan

    occupied = not (resume or overwrite) and run_folder.holds_run(config)
    plan = make_plan(config, resume=resume, overwrite=overwrite or occupied, download=False, workers=workers)
    say(*dry_run.describe(plan, occupied=occupied))


def _end(progress, given, program, where=""):
    """Says where everything is. Returns the exit code."""
    from tfgan_v1.report import console
    from tfgan_v1.storage import names

    config = progress.config
    if progress.stopped_by:
        places = {name: given[name] for name in ("ckpt", "samples", "name", "workers") if name in given}
        say(
            f"Stopped by {signal.Signals(progress.stopped_by).name}; everything is saved at step {progress.step:,} of "
            f"{progress.total_steps:,}. Continue{where} with: {call_of('train', program)} --resume{as_flags(places)}"
        )
        return 128 + progress.stopped_by
    places = {"ckpt": config.ckpt, **({"name": config.name} if config.name else {})}
    if config.samples != Config.samples:  # where sample.py writes unless --out says otherwise
        places["out"] = config.samples_folder / names.GRID
    say(
        f"Done: checkpoints are in {config.ckpt_folder}, samples, losses and plots in {config.samples_folder}. "
        f"Draw more with: {call_of('sample', program)}{as_flags(places)}",
        *console.written_files(config),
        f"Look at {config.samples_folder / names.REVIEW_PAGE} in a browser.",
        *([f"Or with: tensorboard --logdir {shlex.quote(str(config.samples_folder))}"] if config.tensorboard else []),
    )
    return 0


def _config(given, resume):
    """The Config of the options that were given, or of the run to resume with them."""
    return _resumed(given) if resume else from_mapping(given)


def _resumed(given):
    """The Config of the run to resume, with the options that were given."""
    from tfgan_v1.storage import run_folder

    before, other = run_folder.read(from_mapping(given)).config, {"epochs": "steps", "steps": "epochs"}
    changed = next((unit for unit in other if unit in given and getattr(before, unit) is None), None)
    if changed and before.evaluate_every and "evaluate_every" not in given:
        raise UserError(f"--evaluate-every was counted in {other[changed]}; give it anew, in {changed}")
    recounted = (
        {other[changed]: None, "sample_every": None, "evaluate_every": None} if changed else {}
    )  # sample_every has the run's unit
    return replace(before, **{**recounted, **given})


def _metavar(each):
    """What stands for an option's value in the help."""
    valid = each.metadata["valid"]
    if isinstance(valid, OneOf):
        return f"{{{','.join(map(str, valid))}}}"
    return each.metadata["metavar"] or {int: "N", float: "X"}[value_type(each)]


def _help(each, default):
    """An option's help with, in brackets, a short range and the default."""
    valid, notes = each.metadata["valid"], []
    if isinstance(valid, Range) and valid.high < 1000:
        notes.append(f"{valid.low:g} to {valid.high:g}")
    if default is not None and default is not False:
        notes.append(f"default: {default}")
    return (each.metadata["help"] + (f" ({'; '.join(notes)})" if notes else "")).replace("%", "%%")
