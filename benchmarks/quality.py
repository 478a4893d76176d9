"""Evaluates presets: trains each with several seeds, measures its images, and writes QUALITY.md and image grids.

    TFGAN_DATA=... python benchmarks/quality.py --out results/ --only mnist,fashion_mnist --seeds 0,1,2

Each row of ROWS is a command. Results in the folder `--out` are kept, so a stopped benchmark continues. Two classifiers
give scores: the one of `evaluate`, and an independent one of another seed, which no search has used. A longer run
continues the shorter one of the same seed, to the same bits as a run in one go, if its learning rates are constant.
"""

import functools
import json
import os
import shutil
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np

import runs
import tables
from speed import environment, say
from tfgan_v1 import data
from tfgan_v1.evaluation import evaluate as evaluating
from tfgan_v1.evaluation import scores
from tfgan_v1.evaluation.image_set import ImageSet, recognized_shares

HELD_OUT_CLASSIFIER = 1  # the seed of the classifier that no search has seen
# Steps of `tuned` in the time of the published notebook on two idle cores, and in about twice that.
SHORT, LONG = 9_000, 20_000
METRICS = {("frechet_distance", "classifier_score"): 10_000, ("precision_recall",): 5000}  # -> images to measure
STACKED_IMAGES = 26_000
OF_EACH = 1000  # images of each class of a conditional run


class Row(NamedTuple):
    """A command to train, and what its images are measured against."""

    group: str
    title: str
    command: tuple  # of train.py, or of published.py
    against: str = ""  # the data set of the reference, if not the group's name
    after: str = ""  # the title of the row that it continues
    metrics: tuple = ()  # of `evaluate`, if not METRICS

    @property
    def conditional(self):
        """Whether images of each class are drawn and judged; not of the 1,000 classes of three digits."""
        return self.group != "stacked_mnist" and "--conditional" in self.command


def _images(name):
    """The rows of MNIST and Fashion-MNIST."""
    data = ("--dataset", name)
    return (
        Row(name, "published notebook", ("published", *data, "--epochs", 100, "--draw", 10_000)),
        Row(name, "`mlp`", (*data, "--epochs", 100, "--smooth", 0.1)),
        *_short_and_long(name, "`tuned`", (*data, "--model", "tuned", "--clusters", "none")),
        *_short_and_long(name, "`tuned`, clusters", (*data, "--model", "tuned", "--clusters", "auto"), anew=True),
    )


def _short_and_long(name, title, flags, anew=False):
    """anew: whether the longer run starts anew, for its learning rates fall more slowly."""
    return (
        Row(name, title, (*flags, "--steps", SHORT)),
        Row(name, f"{title}, longer", (*flags, "--steps", LONG), after="" if anew else title),
    )


def _conditional(name):
    """The same of conditional runs."""
    group, data = f"{name} conditional", ("--dataset", name, "--conditional")
    return (
        Row(group, "`mlp`", (*data, "--epochs", 100, "--smooth", 0.1), name),
        Row(group, "`tuned`", (*data, "--model", "tuned", "--steps", SHORT), name),
    )


EMBEDDED = ("--dataset", "mnist_warped", "--model", "tuned", "--steps", SHORT)
FACES = ("--dataset", "faces", "--image-size", 32, "--model", "tuned", "--steps", 6000, "--holdout", 297)
ROWS = (
    *_images("mnist"),
    Row("mnist", "`tuned`, embedded digits", (*EMBEDDED, "--clusters", "none")),
    Row("mnist", "`tuned`, clusters, embedded digits", (*EMBEDDED, "--clusters", "auto")),
    *_images("fashion_mnist"),
    *_conditional("mnist"),
    *_conditional("fashion_mnist"),
    Row("faces", "100 portraits", FACES, metrics=("sliced_wasserstein",)),
    Row(
        "faces",
        "100 portraits, augmented",
        (*FACES, "--augment", "translate,cutout,colour"),
        metrics=("sliced_wasserstein",),
    ),
)


def main():
    parser = runs.parser(__doc__, "0,1,2", [row.title for row in ROWS])
    parser.add_argument("--only", help="groups of rows, separated by commas: mnist, mnist conditional, faces, ...")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    groups = given.only.split(",") if given.only else {row.group for row in ROWS}
    for seed in given.seeds:
        for row in ROWS:
            if row.group in groups and (not given.rows or row.title == given.rows):
                measure(row, seed, given.out)
    runs.finish(report(given.out), given.table)


def measure(row, seed, out):
    """Trains and measures a row with a seed, unless its result is there."""
    if seed in runs.kept(out, slug(row), row.command):
        return
    folder = out / slug(first(row) if row.after else row)
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
    seconds = runs.run(command).seconds
    if row.after:
        seconds += json.loads(result_path(first(row), seed, out).read_text())["seconds"]
    images = folder / "drawn.npy"
    if not published:
        num = STACKED_IMAGES if row.group == "stacked_mnist" else 10_000
        sample = ["sample.py", "--ckpt", folder / "checkpoints"]
        runs.run([*sample, "--num", num, "--out", images])
        if row.conditional:
            runs.run([*sample, "--class", "each", "--num", OF_EACH, "--out", folder / "each.npy"])
        shutil.copy(folder / "samples" / "last_samples.png", sheet_path(row, seed, out))
    figures = {}
    for classifier in (0, HELD_OUT_CLASSIFIER):
        figures[classifier] = evaluate(row, folder, images, classifier)
    content = {"seconds": seconds, "command": runs.words(row.command), "figures": figures}
    runs.keep(result_path(row, seed, out), content)
    say(f"{row.group} {row.title} seed {seed}: {seconds:.0f} s, {figures}")


def evaluate(row, folder, images, classifier):
    """The figures of a row's images, by name: [generated, real]."""
    if row.group == "faces":  # against the portraits that the run held out
        figures = evaluating.evaluate(folder / "checkpoints", metrics=row.metrics).scores
        return {name: figure[:2] for name, figure in figures.items()}
    drawn, figures = np.load(images), {}
    against = references(row.against or row.group, row.metrics, classifier)
    for reference in against:
        figures |= scores.score(drawn, reference)
    if row.conditional:
        figures |= recognized(np.load(folder / "each.npy"), against[0].test, against[0].classifier)
    return {name: figure[:2] for name, figure in figures.items()}


def recognized(drawn, test, classifier):
    """The share of OF_EACH images of each class that a classifier sees as this class: of all, and of the worst class.

    drawn: images [classes * OF_EACH, h, w, c]. test: the ImageSet of the real images, with their classes.
    """
    classes = np.repeat(np.arange(len(drawn) // OF_EACH), OF_EACH)
    shares = [recognized_shares(images) for images in (ImageSet(drawn, classifier, classes), test)]
    return {name: [take(each) for each in shares] for name, take in (("recognized", np.mean), ("of the worst", np.min))}


@functools.lru_cache(maxsize=2)
def references(name, metrics, classifier):
    """The References of a published data set, each with its number of images."""
    dataset, test = data.load(name), data.load_test(name)
    network = evaluating.load_classifier(dataset, test, None, data.Shaping(), None, seed=classifier)
    counts = {metrics: STACKED_IMAGES} if metrics else METRICS
    return [scores.make_reference(dataset, test, names, num=num, classifier=network) for names, num in counts.items()]


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
    return [*runs.kept(out, slug(row), row.command).values()]


def first(row):
    """The row that a row continues."""
    return next(each for each in ROWS if each.title == row.after and each.group == row.group)


def slug(row):
    return runs.slug(row.group, row.title)


def result_path(row, seed, out):
    return out / f"{slug(row)}-{seed}.json"


def sheet_path(row, seed, out):
    return out / f"{slug(row)}-{seed}.png"


def path(part):
    """A part of a command, with the folder of portraits where the data are."""
    return Path(os.environ.get("TFGAN_DATA", "."), "faces") if part == "faces" else part


if __name__ == "__main__":
    main()
