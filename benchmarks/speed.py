"""Compares the training speed of tfgan_v1 with other frameworks on this machine.

    pip install -e '.[bench]' && python benchmarks/speed.py

For each workload, each framework starts and compiles once, in its own process; then the frameworks take turns, round
after round. Prints a Markdown table and writes it to RESULTS.md. Takes about half an hour and uses no network. The
images are MNIST if $TFGAN_DATA has it, otherwise random images of the same shape.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np

import tables
from frameworks import FRAMEWORKS
from main_job import measure
from tfgan_v1.data import DATASETS, load, published
from turns import Worker, take_turns

COMMANDS = "train", "sample"
VERSIONS = "tensorflow", "keras", "torch", "jax", "jaxlib", "numpy"


def main():
    given = arguments()
    chosen = given.only.split(",") if given.only else [*tables.TARGETS, *COMMANDS]
    unknown = [name for name in chosen if name not in (*tables.TARGETS, *COMMANDS)]
    if unknown:
        sys.exit(f"--only takes some of {', '.join((*tables.TARGETS, *COMMANDS))}, not {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as name, open(given.log or os.devnull, "w") as log:
        folder = Path(name)
        about = [environment(), save_data(folder)]
        results = {
            workload: compare_frameworks(workload, folder, given, log)
            for workload in tables.TARGETS
            if workload in chosen
        }
        commands = list(whole_commands(folder, given.rounds, [name for name in COMMANDS if name in chosen]))
    text = report(about, given, results, commands)
    print(text)
    given.out.write_text(text + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="least duration of a turn")
    parser.add_argument("--only", help=f"some of {','.join((*tables.TARGETS, *COMMANDS))}")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    parser.add_argument("--log", type=Path, help="file for the frameworks' stderr")
    return parser.parse_args()


def compare_frameworks(workload, folder, given, log):
    """Runs all frameworks on one workload in turns. Returns (results by name, notes by name)."""
    images = folder / ("points.npy" if workload == "gaussian" else "images.npy")
    workers = {}
    try:
        for name in FRAMEWORKS:
            workers[name] = Worker(name, workload, images, log)
            say(f"{workload}: {name} {workers[name].unavailable or 'is ready'}")
        runners = {name: lambda worker=worker: worker.run(given.seconds) for name, worker in workers.items()}
        results = take_turns(runners, given.rounds)
    finally:
        for worker in workers.values():
            worker.close()
    notes = {
        name: f"not run: {worker.unavailable}" if worker.unavailable else worker.note
        for name, worker in workers.items()
    }
    say(
        f"{workload}: " + ", ".join(f"{name} {tables.spread(r).text()}" for name, r in tables.complete(results).items())
    )
    return results, notes


def whole_commands(folder, rounds, chosen):
    """Yields the rows of whole commands: wall time and peak memory; for training, also of the published loop."""
    images, run = folder / "images.npy", folder / "run"
    places = ["--ckpt", run / "checkpoints", "--samples", run / "samples"]
    ours = ["train.py", "--dataset", images, "--epochs", 10, *places, "--overwrite"]
    theirs = ["benchmarks/published.py", "--dataset", images, "--epochs", 10, "--folder", folder / "published"]
    if "train" in chosen:
        pairs = take_turns({"ours": lambda: measure(*ours), "theirs": lambda: measure(*theirs)}, rounds)
        factors = tables.ratios(*([seconds for seconds, _ in pairs[who]] for who in ("theirs", "ours")))
        factor = tables.spread(factors).text(".2f")
        yield command_row("`train.py --epochs 10`", pairs["ours"], "-")
        yield command_row("the published notebook's loop, 10 epochs", pairs["theirs"], factor)
    if "sample" in chosen:
        if "train" not in chosen:
            measure(*ours)
        for options, out in ((["--num", 16], "grid.png"), (["--num", 10_000], "x.npy")):
            command = ["sample.py", "--ckpt", run / "checkpoints", *options, "--out", folder / out]
            title = " ".join(map(str, ["sample.py", *options, "--out", out]))
            yield command_row(f"`{title}`", [measure(*command) for _ in range(rounds)], "-")


def command_row(title, measured, factor):
    seconds, gigabytes = zip(*measured, strict=True)
    return [title, f"{tables.spread(seconds).text('.1f')} s", f"{max(gigabytes):.2f} GB", factor]


def save_data(folder):
    """Writes the data of all workloads into a folder. Returns a description of the images."""
    mnist = DATASETS["mnist"].published
    path = published.find(mnist, [Path(os.environ["TFGAN_DATA"])] * ("TFGAN_DATA" in os.environ))
    if path:
        images = load("mnist").images
    else:
        images = np.random.default_rng(0).integers(256, size=(60_000, 28, 28, 1), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.arange(len(images)) % 10)
    np.save(folder / "points.npy", load("gaussian").images)
    return "60,000 images of MNIST" if path else "60,000 random images of MNIST's shape"


def environment():
    """A description of the machine and the versions."""
    versions = [f"{name} {installed(name)}" for name in VERSIONS if installed(name)]
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(versions)}"


def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def processor():
    """The name of the processor, as far as the system knows it."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
        return next(value.strip() for name, value in fields.items() if name.strip() == "model name")
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(about, given, results, commands):
    """The text of RESULTS.md."""
    parts = [
        "# Speed",
        f"By `python benchmarks/speed.py`: {given.rounds} rounds, at least {given.seconds:g} seconds per framework and "
        f"round, in turns, on {date.today()}; {'; '.join(about)}. Each number is the median (minimum to maximum) of "
        "the rounds; speedups are computed round by round.",
    ]
    if results:
        rows = [row for workload, result in results.items() for row in tables.speed_rows(workload, *result)]
        targets = [tables.target_row(workload, result) for workload, (result, _) in results.items()]
        parts += [
            tables.markdown(["workload", "framework", "steps per second", "speedup of tfgan_v1", ""], rows),
            "## Targets",
            tables.markdown(
                ["workload", "speedup over published", "speedup over the fastest peer", "of the floor"], targets
            ),
        ]
    if commands:
        header = ["command", "wall time", "peak memory", "speedup of tfgan_v1"]
        parts += ["## Whole commands", tables.markdown(header, commands)]
    return "\n\n".join(parts)


def say(what):
    """Prints the progress to stderr."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
