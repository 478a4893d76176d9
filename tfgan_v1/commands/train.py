"""`train`: trains a GAN. Its flags are made from Config, with their help in groups."""

import argparse
import os
import shlex
from dataclasses import fields
from functools import partial

from tfgan_v1.cluster import addresses, launch
from tfgan_v1.commands import call_of, end_process, speaker_of
from tfgan_v1.commands.parsing import Parser, whole
from tfgan_v1.config import Config
from tfgan_v1.config.options import OneOf, as_flags, flag, from_text, help_text, value_type
from tfgan_v1.errors import UserError, say
from tfgan_v1.storage import names, run_folder

GROUPS = {  # first option of a group, in Config's order -> the group's title
    **{"model": "run", "dataset": "data", "noise": "model", "batch_size": "training"},
    **{"d_steps": "discriminator and generator", "optimizer": "optimizer", "ckpt": "output"},
}
EXAMPLES = ("--epochs 100 --smooth 0.1", "--dataset photos/ --name photos", "--resume --epochs 200")
MOST_WORKERS = 1000  # processes that --workers starts
MOST_SEEDS = 20  # runs that --seeds trains


def parse(call, argv):
    """The flags of `train` in `argv`, by name: options of a Config that were given, and what is no option of it.

    call: how the user typed the command.
    """
    preset = Parser(call)
    preset.add_argument("--model", default=Config.model)
    preset.add_argument("--conditional", action="store_true")
    defaults = Config(**vars(preset.parse_known_args(argv)[0]))

    parser = Parser(call, f"Train a GAN. The defaults shown are those of --model {defaults.model}.", EXAMPLES)
    groups = {}
    for option in fields(Config):
        if option.name in GROUPS:
            group = groups[option.name] = parser.add_argument_group(GROUPS[option.name])
        value = {"default": argparse.SUPPRESS}  # a preset or an earlier run decides what is not given
        if value_type(option) is bool:
            value["action"] = "store_true"
        else:
            value |= {"type": partial(from_text, option), "metavar": _metavar(option)}
        if option.name == "d_lr":  # for the help: see config/synonyms.py
            group.add_argument("--lr", help="both learning rates: --d-lr X --g-lr X", **value)
        shown = help_text(option, getattr(defaults, option.name)).replace("%", "%%")
        group.add_argument(flag(option.name), help=shown, **value)
    add = groups["model"].add_argument
    start = groups["model"].add_mutually_exclusive_group().add_argument
    start("--resume", action="store_true", help="continue the run in --ckpt and --samples")
    start("--overwrite", action="store_true", help="delete the run in --ckpt and --samples, and start again")
    add("--dry-run", action="store_true", help="say what would be trained, and draw real_images.png; train nothing")
    workers = "start N processes on this machine that train together; on several machines, set TF_CONFIG"
    seeds = "train N runs, one after the other, with the seeds from --seed on: NAME-seed-0, NAME-seed-1, ..."
    add("--seeds", metavar="N", type=whole(MOST_SEEDS, 2), help=seeds)
    add("--workers", metavar="N", type=whole(MOST_WORKERS), help=workers)
    wait = "in a cluster, the time in which all workers must have come (default: %(default)s)"
    add("--wait", metavar="SECONDS", type=whole(86_400), default=addresses.WAIT, help=wait)
    return parser.parse(argv)


def run(argv, program):
    """Trains a GAN. Returns the exit code. What takes time to import is imported when the flags are checked."""
    options = parse(call_of("train", program), argv)
    start = resume, overwrite, dry_run = [options.pop(name) for name in ("resume", "overwrite", "dry_run")]
    seeds, workers, wait = (options.pop(name) for name in ("seeds", "workers", "wait"))
    cluster = addresses.from_environment()
    if cluster and workers and addresses.LAUNCHED not in os.environ:
        raise UserError(
            f"--workers starts workers on this machine, but {addresses.VARIABLE} names them; leave one of the two out"
        )
    if options.get("minutes") and (resume or seeds or workers):
        raise UserError("--minutes is for one new run in one process; give --steps or --epochs")
    if seeds:
        if cluster or (workers or 1) > 1:
            raise UserError("--seeds trains run after run, and not in a cluster; leave out --seeds or the workers")
        words = [word for word in argv if word not in ("--overwrite", "--resume")]
        again = f"{call_of('train', program)} {shlex.join(words)} --resume"
        return _train_seeds(options, seeds, start, again)
    make_config = partial(_config, options, resume)
    if dry_run:
        return _dry_run(make_config(), resume, overwrite, workers or (len(cluster.workers) if cluster else 1))
    if workers and workers > 1 and not cluster:
        return launch.launch(argv, program, workers)
    # A mistake in the options is said before TensorFlow starts.
    known = options if cluster and (resume or options.get("weights")) else make_config().values()  # the chief decides

    from tfgan_v1.training import train

    if addresses.LAUNCHED in os.environ:
        launch.watch_launcher()
    end = partial(end_process, speaker=speaker_of("train", program))
    progress = train.run(train.TrainRequest(make_config, known, resume, overwrite, wait=wait, end=end))
    stopped = progress.stopped_by and train.stop_of(progress)
    if cluster and not cluster.is_chief:
        ended = f"Stopped by {stopped}" if stopped else "Done"
        say(f"{ended}: the run is with the chief at {cluster.workers[0]}.")
    elif stopped:
        places = _places(progress.config)
        places |= {name: options[name] for name in ("samples", "cache_dir") if name in options}
        places |= {"workers": workers} if cluster and workers else {}
        where = " on all workers" if cluster and not workers else ""
        say(
            f"Stopped by {stopped}; everything is saved at step {progress.step:,} of {progress.total_steps:,}. "
            f"Continue{where} with: {call_of('train', program)} --resume{as_flags(places)}"
        )
    else:
        _say_done(progress.config, program)
    return 128 + progress.stopped_by if (progress.stopped_by or 0) > 0 else 0


def _train_seeds(options, count, start, again):
    """Trains with several seeds, if all can start. start: resume, overwrite, dry_run. again: the command to resume."""
    resume, overwrite, dry_run = start
    group = Config(**{**options, "name": options.get("name") or options.get("model") or "run"})
    begun, runs = names.seeds_of(group.ckpt_folder) if resume else {}, []
    first = options.pop("seed", min(begun, default=0))
    if resume and not begun:
        raise UserError(f"there is no run {group.ckpt_folder}{names.SEED}{first} to continue; leave out --resume")
    for seed in range(first, first + count):
        name = f"{group.name}{names.SEED}{seed}"
        like = begun[seed if seed in begun else min(begun)].name if begun else name  # as the others were started
        runs.append((_config({**options, "name": like}, resume).replace(name=name, seed=seed), seed in begun))
        run_folder.check_can_start(runs[-1][0], seed in begun, overwrite)
    if run_folder.holds_run(group):
        raise UserError(f"{group.name} is the name of a run, so several seeds need another; give --name NAME")
    if dry_run:
        say(f"runs, one after the other: {', '.join(config.name for config, _ in runs)}")
        return _dry_run(*runs[0], overwrite, 1)

    from tfgan_v1.training import seeds

    return seeds.train(group.name, runs, overwrite, again)


def _dry_run(config, resume, overwrite, workers):
    """Says what would be trained. Returns the exit code."""
    from tfgan_v1.training import dry_run
    from tfgan_v1.training.plan import make_plan

    occupied = config.name is not None and not (resume or overwrite) and run_folder.holds_run(config)
    plan = make_plan(config, resume=resume, overwrite=overwrite or occupied, download=False, workers=workers)
    say(*dry_run.describe(plan, occupied=occupied))
    return 0


def _say_done(config, program):
    """Says where everything is."""
    from tfgan_v1.report import console

    places = _places(config)
    if config.samples != Config.samples:  # where sample.py writes unless --out says otherwise
        places["out"] = config.samples_folder / names.GRID
    say(
        f"Done: checkpoints are in {config.ckpt_folder}, samples, losses and plots in {config.samples_folder}. "
        f"Draw more with: {call_of('sample', program)}{as_flags(places)}",
        *console.written_files(config),
        f"Look at {config.samples_folder / names.REVIEW_PAGE} in a browser.",
        *([f"Or with: tensorboard --logdir {shlex.quote(str(config.samples_folder))}"] if config.tensorboard else []),
    )


def _places(config):
    """The flags that name a run; without any, commands take the newest that was started without a name."""
    ckpt = {} if config.name and config.ckpt == Config.ckpt else {"ckpt": config.ckpt}
    return ckpt | ({"name": config.name} if config.name else {})


def _config(options, resume):
    """The Config of the options that are given, or of the run to resume, with these options."""
    if not resume:
        return Config(**options)
    config = Config(**options)
    saved = run_folder.read(config if {"ckpt", "name"} & options.keys() else run_folder.newest(config)).config
    other_unit = {"epochs": "steps", "steps": "epochs"}
    unit = next((unit for unit in other_unit if unit in options and getattr(saved, unit) is None), None)
    if unit is None:
        return saved.replace(**options)
    if saved.evaluate_every and "evaluate_every" not in options:
        raise UserError(f"--evaluate-every was counted in {other_unit[unit]}; give it anew, in {unit}")
    recounted = dict.fromkeys((other_unit[unit], "sample_every", "evaluate_every"))  # which have the run's unit
    return saved.replace(**{**recounted, **options})


def _metavar(option):
    """What stands for an option's value in the help."""
    valid = option.metadata["valid"]
    if isinstance(valid, OneOf):
        return f"{{{','.join(map(str, valid))}}}"
    return option.metadata["metavar"] or {int: "N", float: "X"}[value_type(option)]
