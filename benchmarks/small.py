"""Little data: trains on few images and measures against images that no network has seen. Writes SMALL.md and sheets.

    TFGAN_DATA=... python benchmarks/small.py --out results/ --seconds 120 --table benchmarks/SMALL.md

`tuned` with and without options, and the peers of peers.py, for the same seconds of training on the same cores. Each
seed draws other training images from the data set. Results in the folder `--out` are kept, so a stopped benchmark
continues. --torch names a Python that has PyTorch, for the peers, if this one has none.
"""

import functools
import json
import os
import sys
from statistics import mean
from typing import NamedTuple

import numpy as np

import runs
import tables
from speed import environment, say
from tfgan_v1 import data
from tfgan_v1.evaluation import distances, image_set, scores
from tfgan_v1.evaluation import evaluate as evaluating
from tfgan_v1.report.sheets import sheet_png

SHOWN, MOST = 8, image_set.MOST_NEAREST  # images of each row on a sheet; images that are compared pixel by pixel
TRIAL = 60  # steps by which the speed is measured
PARTS = 20  # sets of images whose distances are averaged, at most
METRICS = {"sliced_wasserstein": ".4f", "frechet_distance": ".2f", "copied": ".2f"}


class Set(NamedTuple):
    """Images of a data set, their side, and how many of them to train on."""

    side: int
    counts: tuple
    fit: str = "crop"
    folder: bool = True  # in TFGAN_DATA, whose other images are the new ones; otherwise published, with test images
    data: str = ""  # the data set, if it is not the name of the row
    times: int = 1  # as many seconds as --seconds says
    rows: tuple | None = None  # titles of ROWS; None for all


LARGE = "training images", "tuned", "DCGAN", "FastGAN"
SETS = {
    "faces": Set(64, (100, 300)),
    "flags": Set(64, (100, 200), fit="stretch"),
    "fashion_mnist": Set(28, (100, 300, 1000), folder=False),
    "faces at 128": Set(128, (300,), data="faces", times=4, rows=LARGE),
    "flags at 128": Set(128, (200,), fit="stretch", data="flags", times=4, rows=LARGE),
}
AUGMENT = ("--augment", "translate,cutout,colour")
TUNED = ("train.py", "--model", "tuned")
ADAPTIVE = (*TUNED, *AUGMENT, "--augment-strength", "adaptive", "--holdout", "TENTH")
ROWS = {  # title -> command; TENTH: of the images, which steer the augmentation and are not trained on
    "training images": (),
    "new images": (),  # where there are so many
    "tuned, plain": (*TUNED, "--augment", "none"),
    "tuned": (*TUNED, *AUGMENT),
    "tuned, adaptive": ADAPTIVE,
    "tuned, pairs": (*TUNED, *AUGMENT, "--loss", "relativistic", "--penalty", "r1,r2"),
    "DCGAN, plain": ("benchmarks/peers.py", "dcgan", "--augment", "none"),
    "DCGAN": ("benchmarks/peers.py", "dcgan", *AUGMENT),
    # Without augmentation it stays gray: its D normalizes each batch, and so does not see the contrast of a whole one.
    "FastGAN": ("benchmarks/peers.py", "fastgan", *AUGMENT),
}


def main():
    parser = runs.parser(__doc__, [0, 1, 2], ROWS)
    parser.add_argument("--only", default=",".join(SETS), help="data sets, separated by commas (default: all)")
    parser.add_argument("--counts", type=runs.numbers, help="training images, of those of SETS")
    parser.add_argument("--seconds", type=int, default=120, help="of training")
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="the Python of the peers")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for name in given.only.split(","):
            for count in SETS[name].counts:
                for title in ROWS if given.counts is None or count in given.counts else ():
                    if title in ([given.rows] if given.rows else SETS[name].rows or ROWS):
                        measure(name, count, title, seed, given)
    runs.finish(report(given), given.table)


class Real(NamedTuple):
    """The real images of a seed, uint8 [n, h, w, c]."""

    training: np.ndarray
    new: np.ndarray  # which no network sees
    others: np.ndarray | None  # more new ones, in place of generated images, of a published data set


@functools.lru_cache(maxsize=1)
def split(name, count, seed):
    """The Real images of a data set: `count` of them to train on, chosen by the seed."""
    side, _, fit, folder, dataset, *_ = SETS[name]
    place = os.path.join(os.environ["TFGAN_DATA"], dataset or name) if folder else name
    images = data.load(place, shaping=data.Shaping((side, side), fit=fit)).images
    if folder:  # several countries have the same flag, and a new image must not be a training image
        images = images[np.sort(np.unique(images, axis=0, return_index=True)[1])]
    order = np.random.default_rng(seed).permutation(len(images))
    training, rest = (images[np.sort(rows)] for rows in (order[:count], order[count : count + 10_000]))
    return Real(training, rest, None) if folder else Real(training, data.load_test(name).images, rest)


@functools.lru_cache(maxsize=1)
def reference(name):
    """The scores.Reference of the Frechet distance in the classifier of `evaluate`."""
    dataset, test = data.load(name), data.load_test(name)
    classifier = evaluating.load_classifier(dataset, test, None, data.Shaping(), None)
    return scores.make_reference(dataset, test, ["frechet_distance"], classifier=classifier)


def measure(name, count, title, seed, given):
    """Trains a row on `count` images and measures what it draws, unless the result is there."""
    real = split(name, count, seed)
    if seed in results(name, count, title, given) or (title == "new images" and real.others is None):
        return
    result = given.out / f"{runs.slug(name, str(count), title)}-{seed}.json"
    num, seconds = MOST if real.others is None else len(real.new), 0
    if ROWS[title]:
        length = given.seconds * SETS[name].times
        drawn, seconds = draw(ROWS[title], real.training, num, seed, result.with_suffix(""), length, given.torch)
    else:
        drawn = real.others if title == "new images" else np.resize(real.training, (num, *real.training.shape[1:]))
    np.save(result.with_suffix(".npy"), drawn[:SHOWN])
    found = compared(drawn, real)
    if real.others is not None:
        found["frechet_distance"] = scores.score(drawn, reference(name))["frechet_distance"].generated
    runs.keep(result, {"command": runs.words(flags(name, title, given)), "seconds": seconds, "scores": found})
    say(f"{name} {count} {title} seed {seed}: {seconds:.0f} s, {found}")


def flags(name, title, given):
    """What a result depends on."""
    return [*ROWS[title], "--seconds", given.seconds * SETS[name].times]


def results(name, count, title, given):
    """The results of a row by seed."""
    return runs.kept(given.out, runs.slug(name, str(count), title), flags(name, title, given))


def draw(command, training, num, seed, folder, length, torch):
    """Trains on images for about so many seconds. Returns (uint8 [num, h, w, c], the seconds of training)."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "training.npy", training)
    command = [str(len(training) // 10) if part == "TENTH" else part for part in command]
    if command[0] != "train.py":
        options = ["--images", folder / "training.npy", "--seconds", length, "--num", num, "--out", folder]
        runs.run([*command, *options, "--seed", seed], python=torch)
        trained = json.loads((folder / "peer.json").read_text())["drawn"][-1]["seconds"]
        return np.load(folder / f"drawn-{length}.npy"), trained
    places = ["--ckpt", folder / "checkpoints", "--samples", folder / "samples", "--overwrite"]
    command += ["--dataset", folder / "training.npy", "--image-size", training.shape[1], "--seed", seed]
    runs.run([*command, "--steps", runs.length(command, length, TRIAL, folder), *places])
    runs.run(["sample.py", "--ckpt", folder / "checkpoints", "--num", num, "--out", folder / "drawn.npy"])
    trained = float(runs.table(folder / "samples/losses.csv")[-1]["seconds"])
    return np.rint(np.load(folder / "drawn.npy") * 255).astype(np.uint8), trained


def compared(drawn, real):
    """The distances of images to new ones, pixel by pixel.

    sliced_wasserstein: the mean of PARTS with as many images as were trained on, so that the training images
    themselves reach what is best. copied: see `tfgan evaluate`.
    """
    count = min(len(real.training), len(real.new))
    parts = [drawn[start : start + count] for start in range(0, len(drawn) - count + 1, count)][:PARTS]
    apart, new = (image_set.nearest(images[:MOST], real.training)[1] for images in (drawn, real.new))
    return {
        "sliced_wasserstein": mean(distances.sliced_wasserstein(real.new, part) / 255 for part in parts),
        "copied": distances.copied_share(apart, new),
    }


def report(given):
    """The Markdown tables of all results; sheets go beside --table, if that is given."""
    parts = [
        "# Little data",
        f"By `python benchmarks/small.py --seconds {given.seconds}`: about so many seconds of training steps, with 128 "
        f"pixels four times as many, all on the same cores; {environment()}. Medians over the seeds (minimum to "
        "maximum), each with other training images. Distances are to images that no network has seen; `copied` is the "
        "share of generated images that are nearer to a training image than all but 5 % of new ones are. All rows "
        f"that are not `plain` have `{runs.words(AUGMENT)}`.",
    ]
    for name, row in SETS.items():
        for count in row.counts:
            found = {title: results(name, count, title, given) for title in ROWS}
            found = {title: by_seed for title, by_seed in found.items() if by_seed}
            if not found:
                continue
            metrics = [each for each in METRICS if not (row.folder and each == "frechet_distance")]
            lines = [[title, len(by_seed), *cells([*by_seed.values()], metrics)] for title, by_seed in found.items()]
            parts += [f"## {count} of {row.data or name}, {row.side}x{row.side}"]
            parts += [tables.markdown(["", "seeds", "seconds", *metrics], lines)]
            if given.table and count == row.counts[0] and any(ROWS[title] for title in found):
                sheet = given.table.with_name(f"small-{runs.slug(name, str(count))}.png")
                drawn = {title: by_seed for title, by_seed in found.items() if ROWS[title]}
                sheet.write_bytes(sheet_of(given.out, name, count, drawn))
                parts += [f"![The first images of each row]({sheet.name})"]
    return "\n\n".join(parts)


def cells(found, metrics):
    """The texts of a row: the seconds of training, then each metric over the seeds."""
    yield tables.spread([each["seconds"] for each in found]).text(".0f")
    for metric in metrics:
        yield tables.spread([each["scores"][metric] for each in found]).text(METRICS[metric])


def sheet_of(out, name, count, found):
    """A PNG of the first images of each row, of its first seed."""
    firsts = [f"{runs.slug(name, str(count), title)}-{min(by_seed)}.npy" for title, by_seed in found.items()]
    images = np.concatenate([np.load(out / each)[:SHOWN] for each in firsts])
    return sheet_png(images, SHOWN, y=[*found])


if __name__ == "__main__":
    main()
