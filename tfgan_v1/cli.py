"""The command line: runs `train`, `sample` or `evaluate`, and turns every mistake into one sentence and an exit code.

TensorFlow is imported only after the flags are checked.
"""

import os
import signal
import sys
from dataclasses import replace

from tfgan_v1 import __version__
from tfgan_v1.cluster import addresses
from tfgan_v1.config import Config, from_mapping
from tfgan_v1.errors import OutputLost, PeerLost, UserError, as_user_error, brief, plain
from tfgan_v1.flags import as_flags, parse_evaluate, parse_sample, parse_train
from tfgan_v1.report.standard_streams import discard, tolerant_streams

BROKEN_PIPE = 128 + 13  # as shells report SIGPIPE


def main(argv=None, program="tfgan"):
    """Runs a command line. Returns the exit code of the process.

    argv: a command in COMMANDS and its flags; None for those of the process. program: what the user typed: "tfgan",
    "python -m tfgan_v1", or a script such as "train.py". Exit codes: 0 success, 2 a mistake that the user can correct,
    3 the disk is full or stdout cannot be written, 4 training diverged, 5 another worker of a cluster is lost, 128 + n
    ended by signal n.
    """
    command, *flags = (sys.argv[1:] if argv is None else argv) or ["--help"]
    speaker = _speaker(command, program) if command in COMMANDS else program
    with tolerant_streams() as stdout:
        try:
            code = _run(command, flags, program)
            stdout.flush()
            if stdout.error and code == 0:
                saved = "; everything else is done and saved" if command in COMMANDS else ""
                raise OutputLost(f"standard output could not be written ({stdout.error.strerror}){saved}")
            return code
        except BrokenPipeError:  # the reader of stdout has closed it
            discard(stdout)
            return BROKEN_PIPE
        except (UserError, OSError, ImportError, MemoryError) as error:
            error = as_user_error(error)
            if isinstance(error, PeerLost):
                _end_process(error, speaker)
            print(f"{speaker}: {error}", file=sys.stderr)
            return error.exit_code
        except KeyboardInterrupt:
            return 128 + signal.SIGINT


def _end_process(error, speaker):
    """Says an error and ends at once: TensorFlow's server would take seconds more to give up a lost worker."""
    sys.stdout.flush()
    print(f"{speaker}: {error}", file=sys.stderr, flush=True)
    os._exit(error.exit_code)


def _run(command, flags, program):
    """Runs one command. Returns its exit code."""
    if command in ("-h", "--help"):
        say(
            f"usage: {program} {{{','.join(COMMANDS)}}} [flags]",
            "",
            "  train     train a GAN",
            "  sample    draw samples from a trained generator",
            "  evaluate  measure a trained generator, or images, against real images",
            "",
            f"`{program} train --help` lists the flags of train.",
        )
        return 0
    if command == "--version":
        say(f"tfgan_v1 {__version__}")
        return 0
    if command not in COMMANDS:
        raise UserError(f"there is no command {brief(command)}; the commands are {', '.join(COMMANDS)}")
    try:
        return COMMANDS[command](flags, program)
    except SystemExit as end:  # after --help and --version
        return end.code


def train(argv, program):
    """`train`: trains a GAN."""
    given = parse_train(_call("train", program), argv)
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
        from tfgan_v1.cluster import launching

        return launching.launch(argv, program, workers)
    if cluster and not dry_run:
        return _work(cluster, wait, given, resume, overwrite, program, workers)
    config = _resumed(given) if resume else from_mapping(given)

    from tfgan_v1.plan import make_plan
    from tfgan_v1.storage import run_folder

    occupied = dry_run and not (resume or overwrite) and run_folder.holds_run(config)
    count = workers or (len(cluster.workers) if cluster else 1)
    plan = make_plan(config, resume=resume, overwrite=overwrite or occupied, download=not dry_run, workers=count)
    if dry_run:
        from tfgan_v1.report import description

        say(*description.describe(plan, occupied=occupied))
        return 0

    from tfgan_v1 import training

    return _end(training.run(plan), given, program)


def _work(cluster, wait, given, resume, overwrite, program, workers):
    """Trains as one of the workers of a cluster. Returns the exit code."""
    config = None if resume else from_mapping(given)
    wanted = given if resume else vars(config)

    from tfgan_v1 import starting

    progress = starting.work(
        cluster,
        wait,
        wanted,
        lambda: config or _resumed(given),
        resume=resume,
        overwrite=overwrite,
        end=lambda error: _end_process(error, _speaker("train", program)),
    )
    if cluster.is_chief:
        given = {**given, **({"workers": workers} if workers else {})}
        return _end(progress, given, program, "" if workers else " on all workers")
    ended = f"Stopped by {signal.Signals(progress.stopped_by).name}" if progress.stopped_by else "Done"
    say(f"{ended}: the run is with the chief at {cluster.workers[0]}.")
    return 128 + progress.stopped_by if progress.stopped_by else 0


def _end(progress, given, program, where=""):
    """Says where everything is. Returns the exit code."""
    from tfgan_v1.storage import names

    config = progress.config
    if progress.stopped_by:
        places = {name: given[name] for name in ("ckpt", "samples", "name", "workers") if name in given}
        say(
            f"Stopped by {signal.Signals(progress.stopped_by).name}; everything is saved at step {progress.step:,} of "
            f"{progress.total_steps:,}. Continue{where} with: {_call('train', program)} --resume{as_flags(places)}"
        )
        return 128 + progress.stopped_by
    places = {"ckpt": config.ckpt, **({"name": config.name} if config.name else {})}
    if config.samples != Config.samples:  # where sample.py writes unless --out says otherwise
        places["out"] = config.samples_folder / names.GRID
    say(
        f"Done: checkpoints are in {config.ckpt_folder}, samples, losses and plots in {config.samples_folder}. "
        f"Draw more with: {_call('sample', program)}{as_flags(places)}"
    )
    return 0


def sample(argv, program):
    """`sample`: draws from a trained generator."""
    given = parse_sample(_call("sample", program), argv)
    config = from_mapping({"ckpt": given["ckpt"], "name": given["name"]})

    from tfgan_v1.drawing import make_drawing
    from tfgan_v1.report import image_files
    from tfgan_v1.storage import names, run_folder

    out = given["out"] if given["out"] is not None else str(config.samples_folder / names.GRID)
    image_files.check(out)
    classes = tuple(run_folder.read(config).data.get("classes", ()))  # before TensorFlow is imported
    drawing = make_drawing(*(given[name] for name in ("num", "seeds", "class_names", "interpolate")), classes)

    from tfgan_v1.sampling import Generator

    with Generator.restore(config.ckpt_folder, kind=given["generator"]) as generator:
        images = drawing.draw(generator)
        image_files.write(out, images, drawing.names, drawing.columns)
        kind = "image" if len(generator.image_shape) == 3 else "point"
        count = f"{len(images):,} {kind}{'s' * (len(images) != 1)}"
        rows = f" Rows: {', '.join(dict.fromkeys(drawing.classes))}." if drawing.columns and not drawing.between else ""
        say(f"Drew {count} from the generator of step {generator.step:,} to {out}.{rows}")
    return 0


def evaluate(argv, program):
    """`evaluate`: measures a run's generator, or images from anywhere."""
    given = parse_evaluate(_call("evaluate", program), argv)
    out, ckpt, name = (given.pop(each) for each in ("out", "ckpt", "name"))
    if given["samples"] is not None and (ckpt is not None or name is not None):
        raise UserError("--samples names images, and --ckpt and --name a run that draws them; give one of the two")
    config = from_mapping({"ckpt": Config.ckpt if ckpt is None else ckpt, "name": name})

    from tfgan_v1 import evaluating
    from tfgan_v1.storage import names

    out = out if out is not None else str(config.samples_folder / names.SCORES)
    evaluating.check_out(out)
    evaluation = evaluating.evaluate(config.ckpt, config.name, **given)

    from tfgan_v1.report import score_table

    say(*score_table.lines(evaluation))
    say(f"Wrote {' and '.join(map(str, evaluating.save(evaluation, out)))}.")
    return 0


COMMANDS = {"train": train, "sample": sample, "evaluate": evaluate}


def say(*lines):
    """Prints lines, with the control characters escaped that names of files may contain."""
    print("\n".join(map(plain, lines)))


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


def _speaker(command, program):
    """Who says an error: the script, or the program with its command."""
    return program if program.endswith(".py") else f"{program} {command}"


def _call(command, program):
    """A command as the user types it, who typed `program`."""
    return f"python {command}.py" if program.endswith(".py") else f"{program} {command}"
