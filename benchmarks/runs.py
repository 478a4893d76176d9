"""What the benchmarks of whole runs share: their flags, commands, and the results that a stopped benchmark has kept."""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]


class Ran(NamedTuple):
    """How a command ran, with the start of the program."""

    seconds: float  # on the clock, which other work on the machine prolongs
    core_seconds: float  # of all cores together
    code: int  # its exit code


def parser(doc, seeds, titles):
    """The flags of every benchmark of runs: a parser, whose `seeds` are numbers. titles: of its rows."""
    flags = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--out", type=Path, required=True, help="folder for runs and results")
    flags.add_argument("--rows", metavar="TITLE", choices=[*titles], help="the title of the only row to do")
    flags.add_argument("--seeds", type=numbers, default=seeds, help="separated by commas (default: %(default)s)")
    flags.add_argument("--table", type=Path, help="write the table of all results to this file")
    return flags


def numbers(text):
    """The seeds of a flag: 0,1,2."""
    return [int(number) for number in text.split(",")]


def finish(text, table):
    """Prints the text of all results, and writes it into a file, or nowhere if it is None."""
    print(text)
    if table:
        table.write_text(text + "\n", encoding="utf-8")


def run(command, may=(), python=sys.executable):
    """Runs a Python command in the repository. Ends the benchmark unless its exit code is 0 or one of `may`."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([python, *map(str, command)], cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode not in (0, *may):
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(time.monotonic() - start, core, done.returncode)


def length(command, seconds, trial, folder):
    """The steps of train.py that take so many seconds, without its start, at least `trial`: by a run of those.

    So each run is as long as its schedules, and how long the program takes to start does not matter.
    """
    samples, every = folder / "trial/samples", trial // 3
    places = ["--ckpt", folder / "trial/checkpoints", "--samples", samples, "--overwrite"]
    run([*command, "--steps", trial, "--sample-every", every, *places])
    at = {int(row["step"]): float(row["seconds"]) for row in table(samples / "losses.csv")}
    last = max(at)
    return max(trial, round(seconds * (last - every) / (at[last] - at[every])))


def slug(*names):
    """Names as the beginning of a file's name."""
    return "_".join("".join(each if each.isalnum() else " " for each in " ".join(names)).split())


def table(path):
    """The rows of a CSV file as dictionaries of texts."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def words(flags):
    """Flags as a user types them."""
    return " ".join(map(str, flags))


def keep(path, content):
    """Writes a result, which a benchmark that is started again reads."""
    path.write_text(json.dumps(content, indent=1))


def kept(out, name, flags):
    """The results of a row in a folder by seed, without those that were made with other flags. name: its slug."""
    paths = {int(path.stem.rpartition("-")[2]): path for path in out.glob(f"{name}-[0-9]*.json")}
    found = {seed: json.loads(paths[seed].read_text()) for seed in sorted(paths)}
    return {seed: result for seed, result in found.items() if result["command"] == words(flags)}
