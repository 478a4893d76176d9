"""Small GANs on few cores: the seconds of training after which each reaches a Frechet distance. Writes SMALL_GANS.md.

    TFGAN_DATA=... python benchmarks/small_gans.py --out results/ --seconds 480 --table benchmarks/SMALL_GANS.md

Trains the presets and the peers of peers.py on MNIST, one after the other on the same cores, and measures 5,000 images
of each again and again, in the classifier of `evaluate`; the seconds of that do not count. A figure beside the table
shows the distances over the seconds. Results in the folder `--out` are kept, so a stopped benchmark continues.
"""

import functools
import json
import math
import sys
from itertools import pairwise

import numpy as np

import runs
import tables
from speed import environment, say
from tfgan_v1 import data
from tfgan_v1.evaluation import evaluate as evaluating
from tfgan_v1.evaluation import scores
from tfgan_v1.training.evaluator import NUM

LEVELS = (20, 10, 5, 2, 1, 0.5, 0.2)
PEER, NONE = "benchmarks/peers.py", ("--augment", "none")
ROWS = {  # title -> command; of a preset, steps from one measurement to the next last 5 to 20 seconds
    "mlp": ("train.py", "--model", "mlp", "--evaluate-every", 5000),
    "conv": ("train.py", "--model", "conv", "--evaluate-every", 500),
    "dcgan": ("train.py", "--model", "dcgan", "--evaluate-every", 100),
    "dcgan_upsample": ("train.py", "--model", "dcgan_upsample", "--evaluate-every", 200),
    "tuned, no classes": ("train.py", "--model", "tuned", "--clusters", "none", "--evaluate-every", 500),
    "tuned, clusters": ("train.py", "--model", "tuned", "--clusters", "auto", "--evaluate-every", 500),
    "tuned, labels": ("train.py", "--model", "tuned", "--conditional", "--evaluate-every", 500),
    "DCGAN, PyTorch": (PEER, "dcgan", *NONE),
    "FastGAN, PyTorch": (PEER, "fastgan", "--augment", "translate,cutout"),  # see small.py
}


def main():
    parser = runs.parser(__doc__, [0], ROWS)
    parser.add_argument("--dataset", default="mnist", help="with labels, such as mnist or fashion_mnist")
    parser.add_argument("--seconds", type=int, default=480, help="of training")
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="the Python of the peers")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for title in ROWS:
            if not given.rows or given.rows == title:
                measure(title, seed, given)
    runs.finish(report(given), given.table)


def measure(title, seed, given):
    """Trains a row and keeps its curve: seconds, and the Frechet distance after each; unless it is there."""
    if seed in results(title, given):
        return
    result = given.out / f"{runs.slug(given.dataset, title)}-{seed}.json"
    folder = result.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    curve = (of_peer if PEER in ROWS[title] else of_preset)(ROWS[title], seed, folder, given)
    content = {"seconds": [each for each, _ in curve], "distances": [each for _, each in curve]}
    runs.keep(result, {"command": runs.words(flags(title, given)), **content})
    say(f"{title} seed {seed}: {curve[-1]}")


def flags(title, given):
    """What a result depends on."""
    return [*ROWS[title], "--dataset", given.dataset, "--seconds", given.seconds]


def results(title, given):
    """The curves of a row by seed."""
    return runs.kept(given.out, runs.slug(given.dataset, title), flags(title, given))


def of_preset(command, seed, folder, given):
    """[(seconds, distance), ...] of a run that measures itself."""
    (*command, evaluate, every), samples = command, folder / "samples"
    command += ["--dataset", given.dataset, "--seed", seed]
    length = ["--steps", runs.length(command, given.seconds, every, folder), "--sample-every", every, evaluate, every]
    runs.run([*command, *length, "--ckpt", folder / "checkpoints", "--samples", samples, "--overwrite"])
    seconds = {row["step"]: float(row["seconds"]) for row in runs.table(samples / "losses.csv")}
    return [(seconds[row["step"]], float(row["frechet_distance"])) for row in runs.table(samples / "evaluation.csv")]


def of_peer(command, seed, folder, given):
    """The same of a peer, whose images are measured when it is done."""
    dataset, reference = references(given.dataset, seed)
    np.save(folder / "images.npy", dataset.images)
    times = moments(given.seconds)
    options = ["--images", folder / "images.npy", "--seconds", ",".join(map(str, times)), "--num", NUM, "--seed", seed]
    runs.run([*command, *options, "--out", folder], python=given.torch)
    drawn = json.loads((folder / "peer.json").read_text())["drawn"]
    images = (np.load(folder / f"drawn-{each['number']}.npy") for each in drawn)
    distances = [scores.score(each, reference)["frechet_distance"].generated for each in images]
    return [(each["seconds"], distance) for each, distance in zip(drawn, distances, strict=True)]


def moments(seconds):
    """Whole seconds from 10 up to `seconds`, each about 1.3 times the one before."""
    times = [seconds]
    while times[0] > 12:
        times.insert(0, round(times[0] / 1.3))
    return times


@functools.lru_cache(maxsize=1)
def references(name, seed):
    """(the Dataset, the scores.Reference that a run of this seed measures itself by)."""
    dataset, test = data.load(name), data.load_test(name)
    network = evaluating.load_classifier(dataset, test, None, data.Shaping(), None)
    options = {"num": NUM, "seed": seed, "classifier": network}
    return dataset, scores.make_reference(dataset, test, ["frechet_distance"], **options)


def reached(seconds, distances, level):
    """The seconds after which a curve is at a level for the first time, between two points on logarithmic axes.

    None if it never is; the first point's seconds if that is below.
    """
    if distances[0] <= level:
        return seconds[0]
    for (t, d), (later, lower) in pairwise(zip(seconds, distances, strict=True)):
        if lower <= level:
            return t * (later / t) ** (math.log(d / level) / math.log(d / lower))
    return None


def report(given):
    """The Markdown table of all results; the figure goes beside --table, if that is given."""
    found = {title: [*results(title, given).values()] for title in ROWS}
    found = {title: curves for title, curves in found.items() if curves}
    lines = [
        [title, len(curves), *(cell(curves, level) for level in LEVELS), best(curves)]
        for title, curves in found.items()
    ]
    header = ["", "seeds", *(f"to {level:g}" for level in LEVELS), "lowest"]
    parts = [
        "# Small GANs on few cores",
        f"By `python benchmarks/small_gans.py --seconds {given.seconds}`: seconds of training on {given.dataset} to a "
        f"Frechet distance of {NUM:,} generated images to as many test images, in the classifier of `evaluate`; "
        f"{environment()}. Medians over the seeds (minimum to maximum); a dash: not reached by all.",
        tables.markdown(header, lines),
    ]
    if given.table and found:
        picture = given.table.with_suffix(".png")
        draw(found, picture)
        parts.append(f"![Frechet distance over seconds]({picture.name})")
    return "\n\n".join(parts)


def cell(curves, level):
    times = [reached(curve["seconds"], curve["distances"], level) for curve in curves]
    return "-" if None in times else tables.spread(times).text(".0f")


def best(curves):
    return tables.spread([min(curve["distances"]) for curve in curves]).text(".2f")


def draw(found, path):
    """Draws the curves of all rows, a line for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, (title, curves) in enumerate(found.items()):
        for curve in curves:
            label = {"label": title} if curve is curves[0] else {}
            axes.loglog(curve["seconds"], curve["distances"], color=f"C{number}", **label)
    axes.set(xlabel="seconds of training", ylabel="Frechet distance")
    axes.grid(alpha=0.3, which="both")
    figure.legend(loc="outside right upper")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
