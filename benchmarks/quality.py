"""How good the images of presets are: trains each with several seeds, measures it, and writes QUALITY.md and sheets.

    TFGAN_DATA=... python benchmarks/quality.py --out results/ --only mnist,fashion_mnist --seeds 0,1,2

Each row of ROWS is a command. What is in the folder `--out` already is not done again, so a stopped benchmark
continues. Figures are measured by two classifiers of the project: the one of `evaluate`, and one of another seed that
no search has seen. A longer run continues the shorter one of the same seed, to the same bits as a run in one go.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import tables
from speed import environment, say

REPOSITORY = Path(__file__).parents[1]
HELD_OUT_CLASSIFIER = 1  # the seed of the classifier that no search has seen
SHORT, LONG = (
    9_500,
    20_000,
)  # steps of `tuned` in the time of the published notebook on two idle cores; and in twice that
FIGURES = ("frechet_distance", "classifier_score", "precision", "recall")
MOST_PRECISION = 5000  # images for precision and recall


class Row(NamedTuple):
    """A command to train, and what its images are measured against."""

    group: str
    title: str
    command: tuple  # of train.py, or of published.py
    against: str = ""  # the data set of the reference, if not the run's own
    after: str = ""  # the title of the row that it continues
    metrics: str = ""  # of `evaluate`, if not the usual ones
    num: int = 10_000


def _images(name):
    """The rows of MNIST and Fashion-MNIST."""
    data = ("--dataset", name)
    return (
        Row(name, "published notebook", ("published", *data, "--epochs", 100, "--draw", 10_000)),
        Row(name, "`mlp`", (*data, "--epochs", 100, "--smooth", 0.1)),
        Row(name, "`tuned`", (*data, "--model", "tuned", "--steps", SHORT)),
        Row(name, "`tuned`, longer", (*data, "--model", "tuned", "--steps", LONG), after="`tuned`"),
    )


EMBEDDED = ("--dataset", "mnist_warped")
FACES = ("--dataset", "faces", "--image-size", 64, "--model", "tuned", "--steps", 4000, "--holdout", 297)
STACKED = ("--dataset", "stacked_mnist", "--steps", SHORT)
ROWS = (
    *_images("mnist"),
    Row(
        "mnist",
        "`tuned`, embedded digits",
        ("--dataset", "mnist_warped", "--model", "tuned", "--steps", SHORT),
        "mnist",
    ),
    *_images("fashion_mnist"),
    Row("stacked_mnist", "`tuned`", (*STACKED, "--model", "tuned"), metrics="modes", num=26_000),
    Row("stacked_mnist", "`tuned --pack 2`", (*STACKED, "--model", "tuned", "--pack", 2), metrics="modes", num=26_000),
    Row("faces", "100 portraits", FACES, metrics="sliced_wasserstein"),
    Row(
        "faces",
        "100 portraits, augmented",
        (*FACES, "--augment", "translate,cutout,colour"),
        metrics="sliced_wasserstein",
    ),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and results")
    parser.add_argument("--only", help="groups of rows: mnist, fashion_mnist, stacked_mnist, faces")
    parser.add_argument("--rows", help="a part of the titles, such as tuned")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--table", type=Path, help="write the table of all results to this file")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    groups = given.only.split(",") if given.only else {row.group for row in ROWS}
    for seed in map(int, given.seeds.split(",")):
        for row in ROWS:
            if row.group in groups and (not given.rows or given.rows in row.title):
                measure(row, seed, given.out)
    text = report(given.out)
    print(text)
    if given.table:
        given.table.write_text(text + "\n", encoding="utf-8")


def measure(row, seed, out):
    """Trains and measures a row with a seed, unless its result is there."""
    result = result_path(row, seed, out)
    if result.exists():
        return
    folder = out / slug((row.after and next(r for r in ROWS if r.title == row.after and r.group == row.group)) or row)
    folder = folder / str(seed)
    published = row.command[0] == "published"
    if published:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["benchmarks/published.py", *row.command[1:], "--folder", folder, "--seed", seed]
    else:
        start = ["--resume"] if row.after else ["--overwrite"]
        places = ["--ckpt", folder / "checkpoints", "--samples", folder / "samples"]
        dataset = [path(part) for part in row.command]
        command = ["train.py", *dataset, "--seed", seed, *places, *start]
    seconds = run(command)
    if row.after:
        seconds += json.loads(result_path(first(row), seed, out).read_text())["seconds"]
    images = folder / "drawn.npy"
    if not published:
        run(["sample.py", "--ckpt", folder / "checkpoints", "--num", row.num, "--out", images])
        shutil.copy(folder / "samples" / "last_samples.png", sheet_path(row, seed, out))
    figures = {}
    for classifier in (0, HELD_OUT_CLASSIFIER):
        figures[classifier] = evaluate(row, folder, images, classifier)
    content = {"seconds": seconds, "command": " ".join(map(str, row.command)), "figures": figures}
    result.write_text(json.dumps(content, indent=1))
    say(f"{row.group} {row.title} seed {seed}: {seconds:.0f} s, {figures}")


def evaluate(row, folder, images, classifier):
    """The figures of a row's images, by name: [generated, real]."""
    from tfgan_v1 import evaluate as measure_images

    if row.group == "faces":  # against the held-out portraits of the run
        results = [measure_images(folder / "checkpoints", metrics=(row.metrics,), num=297)]
    else:
        options = {"samples": images, "dataset": row.against or row.group, "classifier_seed": classifier}
        if row.metrics:
            results = [measure_images(**options, metrics=(row.metrics,), num=row.num)]
        else:
            results = [
                measure_images(**options, metrics=("frechet_distance", "classifier_score"), num=row.num),
                measure_images(**options, metrics=("precision_recall",), num=MOST_PRECISION),
            ]
    return {name: figure[:2] for result in results for name, figure in result.figures.items()}


def report(out):
    """The Markdown tables of all results in a folder."""
    parts = [
        "# Quality",
        f"By `python benchmarks/quality.py`; {environment()}. Medians over the seeds (minimum to maximum). Frechet "
        "distance and classifier score of 10,000 generated images against the 10,000 test images, precision and recall "
        "of 5,000 (k = 3). In each cell: by the classifier of `evaluate`, then by one that no search has seen.",
    ]
    for group in dict.fromkeys(row.group for row in ROWS):
        rows = [row for row in ROWS if row.group == group and results(row, out)]
        if not rows:
            continue
        names = [name for name in results(rows[0], out)[0]["figures"]["0"]]
        lines = []
        for row in rows:
            found = results(row, out)
            command = found[0]["command"].replace(os.environ.get("TFGAN_DATA", "\0"), "DATA")
            seconds = tables.spread([each["seconds"] for each in found]).text(".0f")
            lines.append([row.title, len(found), seconds, *(cell(found, name) for name in names), f"`{command}`"])
        real = results(rows[0], out)
        lines.append(["real images", "", "", *(cell(real, name, 1) for name in names), ""])
        header = ["", "seeds", "seconds", *(name.replace("_", " ") for name in names), "flags"]
        parts += [f"## {group}", tables.markdown(header, lines)]
    return "\n\n".join(parts)


def cell(found, name, side=0):
    """A figure over the seeds, by both classifiers."""
    by_classifier = [[each["figures"][seed][name][side] for each in found] for seed in ("0", "1")]
    if by_classifier[0] == by_classifier[1]:  # no classifier is in it
        by_classifier.pop()
    if side or len(found) == 1:
        return "; ".join(tables.digits(mean(values)) for values in by_classifier)
    return "; ".join(tables.spread(values).text() for values in by_classifier)


def results(row, out):
    """The results of a row, one for each seed."""
    return [json.loads(each.read_text()) for each in sorted(out.glob(f"{slug(row)}-[0-9]*.json"))]


def first(row):
    """The row that a row continues."""
    return next(each for each in ROWS if each.title == row.after and each.group == row.group)


def slug(row):
    words = "".join(each if each.isalnum() else " " for each in f"{row.group} {row.title}").split()
    return "_".join(words)


def result_path(row, seed, out):
    return out / f"{slug(row)}-{seed}.json"


def sheet_path(row, seed, out):
    return out / f"{slug(row)}-{seed}.png"


def path(part):
    """A part of a command, with the folder of portraits where the data are."""
    return Path(os.environ.get("TFGAN_DATA", "."), "faces") if part == "faces" else part


def run(command):
    """Runs a Python command in the repository, which must succeed. Returns its wall time in seconds."""
    start = time.monotonic()
    done = subprocess.run([sys.executable, *map(str, command)], cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - start


if __name__ == "__main__":
    main()
