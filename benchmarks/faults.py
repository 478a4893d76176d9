"""Faults in public: what disturbs a run, how often it was tried, and what differs afterwards. Writes FAULTS.md.

    python benchmarks/faults.py --out results/ --table benchmarks/FAULTS.md

Runs of some seconds are killed, run out of room, get errors of system calls, lose their folders. Each is resumed until
it ends, and must then have the files of a run that nothing disturbed, bit for bit. Each command must end with success,
or in one sentence and its exit code. `--share 0.1` does a tenth. Results in the folder `--out` are kept, so a stopped
benchmark continues. Needs Linux, and a C compiler for faults.c.
"""

import csv
import errno
import functools
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

import runs
import tables
from speed import environment, say

IMAGES, LABELS = "images.npy", "labels.txt"  # in --out
LENGTH = ("--steps", 60, "--sample-every", 10, "--num-samples", 4, "--batch-size", 8)
PICTURES = ("--dataset", IMAGES, *LENGTH)
MLP = ("--model", "mlp", *PICTURES)
SYSTEMS = {  # each preset and technique, in runs of 60 steps
    "mlp, compiled": MLP,
    "mlp, every step": (*MLP, "--xla", "off", "--record", "steps", "--sheets", "each", "--pack", 2),
    "gaussian": ("--model", "gaussian", "--steps", 60, "--sample-every", 10),
    "points, evaluated": ("--model", "points", "--dataset", "moons", *LENGTH, "--evaluate-every", 20),
    "conv, classes": ("--model", "conv", *PICTURES, "--conditional", "--labels", LABELS),
    "dcgan, averaged": ("--model", "dcgan", *PICTURES, "--average", 0.9, "--tensorboard"),
    "dcgan_upsample": ("--model", "dcgan_upsample", *PICTURES),
    "tuned, clusters": ("--model", "tuned", *PICTURES, "--clusters", 5, "--holdout", 30),
    "tuned, adaptive": (
        *("--model", "tuned", *PICTURES, "--clusters", "none", "--holdout", 30),
        *("--augment", "translate,flip", "--augment-strength", "adaptive"),
    ),
    "pairs, schedules": (
        *(*MLP, "--loss", "relativistic", "--penalty", "r1,r2", "--penalty-weight", "cosine:1:0.1"),
        *("--d-lr", "cosine:0.002:0.0002", "--average-halflife", "linear:0:50:40", "--xla", "off"),
    ),
    "streamed": (*MLP, "--resident-limit", 0, "--batches", "random", "--d-steps", 2, "--holdout", 30),
}
CALLS = {  # system call -> the errors that it can have
    "open": ("EIO", "ENOSPC", "EACCES"),
    "write": ("EIO", "ENOSPC", "EFBIG", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC", "EINVAL"),
    "rename": ("EIO", "ENOSPC", "EACCES"),
    "mkdir": ("EIO", "ENOSPC"),
    "unlink": ("EIO", "EACCES"),
    "rmdir": ("EIO", "EACCES"),
    "flock": ("ENOLCK", "ENOSYS", "EIO"),
}
WRITES = {"fwrite": ("EIO", "ENOSPC", "EFBIG", "EDQUOT")}  # by which TensorFlow writes tensors
MOST_CALLS = {"open": 120, "write": 200, "fsync": 60, "rename": 60, "unlink": 30, "fwrite": 60}  # in a run; else 4
LIMIT = 2 * 3600  # seconds of a command, after which it is taken to hang: more than the longest row takes
ABOUT = """\
`tried` counts commands, of which some end before a fault. Each continues the run of the one before. When one has ended
it nevertheless, or after the last, it is finished, and compared with a run that nothing disturbed: records, samples,
and the digests of all weights and optimizer slots. `differences` counts files with other bits, half-written files, and
commands that end in another way than success or one sentence. Where a folder is removed, only the end of the command
counts. The last two rows are one run each."""
SAMPLED = 20_000  # sampling steps of a run that samples at each step
LONG = 600  # seconds of a long run of a tiny network: two to three million steps


class Ended(NamedTuple):
    """How a command ended."""

    code: int  # negative: the signal
    wrong: str  # what is wrong with how it ended, or ""


class Row(NamedTuple):
    """A row of the table."""

    tried: int
    sentences: int  # commands that ended in a sentence
    differences: int  # files that differ, and commands that ended in another way
    seen: str = ""


def train(folder, name, *more, resume=False, after=None, act=subprocess.Popen.kill, env=(), largest=None):
    """Trains a system in a folder. Returns Ended.

    after: seconds until act(the process). env: more variables. largest: bytes of a file, at most.
    """
    flags = [folder.parent / each if each in (IMAGES, LABELS) else each for each in SYSTEMS.get(name, ())]
    flags += [*more, "--ckpt", folder / "checkpoints", "--samples", folder / "samples", *["--resume"] * resume]
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))) if largest else None
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "preexec_fn": limit}
    command = [sys.executable, "train.py", *map(str, flags)]
    with subprocess.Popen(command, cwd=runs.REPOSITORY, env={**os.environ, **dict(env)}, **pipes) as run:
        timer = threading.Timer(after or 0, act, [run])
        if after is not None:
            timer.start()
        hangs = threading.Timer(LIMIT, run.send_signal, [signal.SIGABRT])
        hangs.start()
        said = run.stderr.read()
        timer.cancel()
        hangs.cancel()
    return Ended(run.returncode, wrong_of(run.returncode, said))


def wrong_of(code, said):
    """What is wrong with the end of a command that said this on stderr, or ""."""
    if code == -signal.SIGKILL or (code == 0 and "Traceback" not in said):
        return ""
    sentences = [line for line in said.splitlines() if line.startswith("train.py: ")]
    return "" if code in (2, 3) and len(sentences) == 1 else said[-2000:] or f"exit code {code} without a word"


def outcome(folder):
    """The SHA-256 of what a run keeps, by file: records, digests of weights, image grids; losses without seconds."""
    found = {}
    for path in sorted((folder / "samples").rglob("*")):
        if path.name == "losses.csv":
            rows = [row[:-1] for row in csv.reader(path.read_text().splitlines())]
            found["losses.csv"] = hashlib.sha256(repr(rows).encode()).hexdigest()
        elif path.suffix in (".csv", ".pkl") or path.parent.name == "sheets":
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(folder, straight):
    """The names of files that differ, and of those that are left half-written."""
    found, wanted = outcome(folder), straight.files
    partial = [path.name for path in folder.rglob("*partial*")]
    return [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)] + partial


class Straight(NamedTuple):
    """A run that nothing disturbed."""

    files: dict  # see outcome
    seconds: float  # of its command
    largest: int  # bytes of its largest file


@functools.cache
def straight(out, name):
    """The Straight of a system; its run stays in the folder."""
    folder, start = out / runs.slug("straight", name), time.monotonic()
    if (ended := train(folder, name, "--overwrite")) != (0, ""):
        sys.exit(f"{name} failed: {ended}")
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return Straight(outcome(folder), time.monotonic() - start, max(sizes))


def has_begun(folder):
    return (folder / "checkpoints/config.json").exists()


def finish(folder, name):
    """Resumes a run to its end. Returns what differs then, in words."""
    ended = train(folder, name, resume=has_begun(folder))
    differing = differences(folder, straight(folder.parent, name))
    return [f"a resume: {ended}"] * (ended != (0, "")) + differing


def disturbed(given, kind, count, disturb):
    """The Row of `count` commands, over all systems in turn: each of disturb(folder, name, resume, random) -> Ended.

    The commands on a system continue one run, until it ends nevertheless, or after the last: then it is finished
    without a fault and compared, and another one begins.
    """
    random, sentences, wrong = Random(kind), 0, []
    for number in range(count):
        name = [*SYSTEMS][number % len(SYSTEMS)]
        folder = given.out / runs.slug(kind, name)
        straight(given.out, name)
        ended = disturb(folder, name, has_begun(folder), random)
        sentences += ended.code in (2, 3)
        found = [ended.wrong] if ended.wrong else []
        if ended.code == 0 or number + len(SYSTEMS) >= count:
            found += finish(folder, name)
            shutil.rmtree(folder, ignore_errors=True)
        wrong += found
        if found:
            say(f"{kind} {number}, {name}, {ended.code}: {found}")
    return Row(count, sentences, len(wrong))


def kills(given, share):
    def kill(folder, name, resume, random):
        whole = straight(given.out, name).seconds
        return train(folder, name, resume=resume, after=random.uniform(0.3, 1) * whole)

    return disturbed(given, "kill", round(200 * share), kill)


def room(given, share):
    """No file may grow beyond a random size: each write beyond it fails, as on a full disk."""

    def limit(folder, name, resume, random):
        return train(folder, name, resume=resume, largest=random.randint(100, straight(given.out, name).largest))

    return disturbed(given, "room", round(60 * share), limit)


@functools.cache
def preloaded(out):
    """The variables of a process in which faults.c is preloaded."""
    library = out / "faults.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-w", "-o", library, Path(__file__).with_suffix(".c"), "-ldl"], check=True
    )
    return {"LD_PRELOAD": str(library)}


def failing(given, kind, count, calls):
    def fail(folder, name, resume, random):
        call = random.choice([*calls])
        number, error = random.randint(1, MOST_CALLS.get(call, 4)), getattr(errno, random.choice(calls[call]))
        fault = {"FAULTS_BELOW": str(folder), "FAULTS_FAIL": f"{call} {number} {error}"}
        return train(folder, name, resume=resume, env=preloaded(given.out) | fault)

    return disturbed(given, kind, count, fail)


def calls(given, share):
    return failing(given, "call", round(200 * share), CALLS)


def writes(given, share):
    return failing(given, "write", round(60 * share), WRITES)


def clocks(given, share):
    def jump(folder, name, resume, random):
        return train(folder, name, resume=resume, env=preloaded(given.out) | {"FAULTS_CLOCK": "1"})

    return disturbed(given, "clock", round(20 * share), jump)


def lost_folders(given, share):
    """One of the run's two folders, or both, are removed while it trains; what is left of it is moved away, too."""

    def lose(folder, name, resume, random):
        lost = random.choice([["checkpoints"], ["samples"], ["checkpoints", "samples"]])

        def remove(_):
            for each in lost:
                shutil.rmtree(folder / each, ignore_errors=True)

        after = random.uniform(0.5, 1) * straight(given.out, name).seconds
        ended = train(folder, name, resume=resume, after=after, act=remove)
        shutil.rmtree(folder, ignore_errors=True)
        return ended

    return disturbed(given, "folder", round(30 * share), lose)


def suite(given, share):
    """tests/robustness: kills and full disks at each stage of a save, and damaged files of every kind."""
    flags = ["tests/robustness", "--ignore", "tests/robustness/test_cluster_kills.py", "-k", "not killed_many_times"]
    row, said = tested(given, "suite", flags, {"TFGAN_MUTANTS": max(100, round(2000 * share))})
    counts = (re.findall(rf"([\d,]+) {word}", said) for word in ("read,", "refused"))
    read, refused = (sum(int(number.replace(",", "")) for number in numbers) for numbers in counts)
    return row._replace(seen=f"of the damaged files, {read:,} were read, {refused:,} refused in a sentence")


def workers(given, share):
    """A worker of two or three is killed or stopped at each stage: the others say so, a resume has the same bits."""
    kills = {"TFGAN_CLUSTER_KILLS": max(1, round(18 * share))}
    return tested(given, "workers", ["tests/robustness/test_cluster_kills.py"], kills)[0]


def tested(given, name, flags, variables):
    """(the Row of tests in a thorough run, what pytest says, which is kept in --out)."""
    env = {**os.environ, "TFGAN_THOROUGH": "1", **{key: str(value) for key, value in variables.items()}}
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", *flags]
    done = subprocess.run(command, cwd=runs.REPOSITORY, env=env, capture_output=True, text=True)
    (given.out / f"{name}.txt").write_text(done.stdout)
    passed, failed = (int((re.search(rf"(\d+) {word}", done.stdout) or [0, 0])[1]) for word in ("passed", "failed"))
    return Row(passed + failed, 0, failed + (done.returncode not in (0, 1))), done.stdout


def watched(folder, *flags):
    """Trains and looks at the memory each second. Returns (Ended, MB after a quarter of the time, MB at the end)."""
    memory, stop = [], threading.Event()

    def watch(run):
        while run.poll() is None and not stop.wait(1):
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{run.pid}/status").read_text())
            memory.append(int(found[1]) / 1024 if found else 0)

    ended = train(folder, None, *flags, after=0, act=watch)
    stop.set()
    return ended, memory[len(memory) // 4], memory[-2]


def sampling_steps(given, share):
    """A run that draws samples at each of many steps: memory, files, and the time of a resume."""
    folder, steps = given.out / "sampling", round(SAMPLED * share)
    flags = ["--model", "points", "--dataset", "grid", "--batch-size", 8, "--num-samples", 8, "--sample-every", 1]
    ended, first, last = watched(folder, *flags, "--steps", steps, "--overwrite")
    start = time.monotonic()
    again = train(folder, None, "--steps", steps + 1, resume=True)
    wrong = [each for each in (ended, again) if each != (0, "")]
    took = time.monotonic() - start
    seen = f"{first:,.0f} MB after a quarter, {last:,.0f} at the end; {files_of(folder)}; a resume takes {took:.0f} s"
    return Row(steps, 0, len(wrong), seen)


def long_run(given, share):
    """A long run of a tiny network: memory, the time of a step, and the files."""
    folder = given.out / "long"
    flags = ["--model", "points", "--dataset", "grid", "--batch-size", 8, "--num-samples", 8, "--sample-every", 10_000]
    steps = runs.length(["train.py", *flags], LONG * share, 60_000, folder)
    ended, first, last = watched(folder, *flags, "--steps", steps, "--overwrite")
    at = [float(row["seconds"]) for row in runs.table(folder / "samples/losses.csv")]
    part = len(at) // 4
    ratio = (at[-1] - at[-1 - part]) / (at[part] - at[0])
    seen = f"{first:,.0f} MB after a quarter, {last:,.0f} at the end; {files_of(folder)}"
    steps_took = f"the last quarter of the steps took {ratio:.2f} of the time of the first"
    return Row(steps, 0, int(ended != (0, "")), f"{seen}; {steps_took}")


def files_of(folder):
    """The number of files and their size, in words."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB"


ROWS = {  # title -> function (given, share) -> Row
    "killed (SIGKILL) at a random moment": kills,
    "no file larger than a random size, as on a full disk": room,
    "a system call fails": calls,
    "a write of TensorFlow fails": writes,
    "the clock jumps by up to a year at each look": clocks,
    "a folder of the run is removed": lost_folders,
    "`tests/robustness`: damaged files; a full disk and a kill at each stage": suite,
    "a worker of two or three is killed or stopped": workers,
    "steps that each draw samples": sampling_steps,
    "steps of a tiny network": long_run,
}


def main():
    parser = runs.parser(__doc__, [0], ROWS)
    parser.add_argument("--share", type=float, default=1.0, help="of what is tried")
    given = parser.parse_args()
    given.out = given.out.resolve()
    given.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    np.save(given.out / IMAGES, random.integers(256, size=(300, 8, 8, 1), dtype=np.uint8))
    (given.out / LABELS).write_text("".join(f"{label}\n" for label in random.integers(3, size=300)))
    for title, of_row in ROWS.items():
        path = given.out / f"{runs.slug(title)}-0.json"
        if (given.rows and given.rows != title) or runs.kept(given.out, runs.slug(title), [given.share]):
            continue
        start = time.monotonic()
        row = of_row(given, given.share)
        runs.keep(path, {"command": runs.words([given.share]), **row._asdict(), "seconds": time.monotonic() - start})
        say(f"{title}: {row}")
    runs.finish(report(given), given.table)


def report(given):
    """The Markdown table of all results."""
    lines = []
    for title in ROWS:
        for found in runs.kept(given.out, runs.slug(title), [given.share]).values():
            numbers = [f"{found[name]:,}" for name in ("tried", "sentences", "differences")]
            lines.append([title, *numbers, f"{found['seconds']:,.0f}", found["seen"]])
    header = ["", "tried", "ended in a sentence", "differences", "seconds", "seen"]
    return "\n\n".join(
        [
            "# Faults",
            f"By `python benchmarks/faults.py --share {given.share:g}`; {environment()}.",
            f"Over {len(SYSTEMS)} systems, all presets and techniques, of 60 steps each. {ABOUT}",
            tables.markdown(header, lines),
        ]
    )


if __name__ == "__main__":
    main()
