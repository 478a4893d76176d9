"""Counts the modes of stacked MNIST that `tuned` catches, with several options: writes STACKED.md.

    TFGAN_DATA=... python benchmarks/stacked.py --out results/ --table benchmarks/STACKED.md

Three digits in the color channels have 1,000 classes (Metz et al. 2016, arXiv:1611.02163). A classifier of digits, on
each channel of 26,000 generated images as in VEEGAN and PacGAN, says how many of the classes there are, and how evenly:
KL(generated, uniform). As many real images say how low that can be. Two classifiers judge: see quality.py. Results in
the folder `--out` are kept, so a stopped benchmark continues; a result of other flags is made again.
"""

import math

import numpy as np

import quality
import runs
import tables
from speed import environment
from tfgan_v1 import data
from tfgan_v1.evaluation import distances, scores

NAME, CLASSES, REAL = "stacked_mnist", 1000, "real images"
METRICS, FIGURES = ("modes",), ("modes", "modes_divergence")
FALLING = ("--d-lr", "cosine:0.001:0.0003", "--g-lr", "cosine:0.002:0.0006")
OPTIONS = {  # title -> further flags of train.py
    "`tuned`": (),  # whose classes are the labels
    "`tuned`, all classes as often, falling rates": ("--conditional", "--class-frequencies", "uniform", *FALLING),
    "`tuned`, no classes, falling rates": ("--clusters", "none", *FALLING),
    "`tuned`, clusters": ("--clusters", "auto"),
    "`tuned`, no classes": ("--clusters", "none"),
    "`tuned`, no classes, PacGAN2": ("--clusters", "none", "--pack", 2),
    "`tuned`, no classes, pairs": ("--clusters", "none", "--loss", "relativistic", "--penalty", "r1,r2"),
}

R3GAN = (
    "[Huang et al. 2024](https://arxiv.org/abs/2501.05441), quoted in [Dive into Deep Learning, a new edition]"
    "(https://github.com/smolix/d2l-neu/blob/5c7f56ab716066457c7dc135912d3578bbd4d9e9/"
    "chapter_generative-adversarial-networks/convergence.md); one run each"
)
PACGAN = "[Lin et al. 2018](https://arxiv.org/abs/1712.04086); 26,000 samples, 10 runs"
PUBLISHED = (  # method, modes, reverse KL, source
    ("VEEGAN", "150", "2.95", "[Srivastava et al. 2017](https://arxiv.org/abs/1705.07761); 26,000 samples, 5 runs"),
    ("PacDCGAN2, 3 and 4", "1,000", "0.06 to 0.07", PACGAN),
    ("pairs, R1 and R2", "1,000", "0.078", R3GAN),
    ("GAN, R1 and R2", "693", "0.927", R3GAN),
    ("pairs, R1; GAN, R1", "diverged", "-", R3GAN),
)


def main():
    parser = runs.parser(__doc__, "0,1,2,3,4", [*OPTIONS, REAL])
    parser.add_argument("--steps", type=int, default=quality.SHORT, help="of every run (default: %(default)s)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for row in rows(given.steps):
            if given.rows in (None, row.title):
                quality.measure(row, seed, given.out)
        if given.rows in (None, REAL):
            measure_real(seed, given.out)
    runs.finish(report(given.out, given.steps), given.table)


def rows(steps):
    """The quality.Rows of all options."""
    common = ("--dataset", NAME, "--model", "tuned", "--steps", steps)
    return [quality.Row(NAME, title, (*common, *flags), metrics=METRICS) for title, flags in OPTIONS.items()]


def measure_real(seed, out):
    """Measures 26,000 of the 60,000 real images, unless the result is there."""
    if seed in runs.kept(out, runs.slug(NAME, REAL), [REAL]):
        return
    dataset, test, figures = data.load(NAME), data.load_test(NAME), {}
    for judge in (0, quality.HELD_OUT_CLASSIFIER):
        classifier = quality.references(NAME, METRICS, judge)[0].classifier
        options = {"num": quality.STACKED_IMAGES, "seed": seed, "classifier": classifier}
        figures[judge] = {
            name: [value] for name, value in scores.make_reference(dataset, test, METRICS, **options).real.items()
        }
    runs.keep(out / f"{runs.slug(NAME, REAL)}-{seed}.json", {"command": REAL, "figures": figures})


def by_chance(classes, samples):
    """(mean, standard deviation) of KL(samples, uniform), in nats, where all classes are as likely.

    To first order in 1 / samples: 2 * samples * KL is then chi-squared, with classes - 1 degrees of freedom.
    """
    return (classes - 1) / (2 * samples), math.sqrt(2 * (classes - 1)) / (2 * samples)


def imbalance(labels):
    """KL(classes of three such digits, uniform) in nats, of the digits' labels."""
    counts = np.bincount(labels)
    return 3 * distances.shares_divergence(np.full(len(counts), 1 / len(counts)), counts / counts.sum())


def report(out, steps):
    """The Markdown text of all results in a folder."""
    (chance, deviation), uneven = by_chance(CLASSES, quality.STACKED_IMAGES), imbalance(data.load(None).labels)
    lines = [line(row.title, quality.results(row, out), row.command) for row in rows(steps)]
    lines.append(line(REAL, [*runs.kept(out, runs.slug(NAME, REAL), [REAL]).values()]))
    header = ["", "seeds", "modes of 1,000", "seeds with all", "reverse KL", "seconds", "flags of `train.py`"]
    parts = [
        "# Stacked MNIST",
        f"By `python benchmarks/stacked.py`; {environment()}. Medians over the seeds (minimum to maximum) of 26,000 "
        "generated images. Reverse KL is KL(generated, uniform) in nats. In a cell: by the classifier of `evaluate`, "
        "then by one that no search has seen. Seconds are those of the whole command with the start of the program.",
        "How low the reverse KL can be: 1,000 classes that are all as likely give (1,000 - 1) / (2 * 26,000) = "
        f"{chance:.4f} by chance, with a standard deviation of {deviation:.4f}. Some of MNIST's digits are rarer than "
        f"others, which adds {uneven:.4f} for three of them: {chance + uneven:.4f}. The real images are 26,000 of the "
        "60,000, others for each seed. With `--class-frequencies uniform`, the generated classes are all as often.",
        tables.markdown(header, [each for each in lines if each]),
        "## Published",
        "These have other networks, classifiers and budgets.",
        tables.markdown(["", "modes", "reverse KL", "source"], PUBLISHED),
    ]
    return "\n\n".join(parts)


def line(title, found, flags=()):
    """The row of a title with its results; None if there are none."""
    if not found:
        return None
    modes, divergences = ([[each["figures"][judge][name][0] for each in found] for judge in "01"] for name in FIGURES)
    complete = "; ".join(str(sum(count == CLASSES for count in counts)) for counts in modes)
    seconds = tables.spread([each["seconds"] for each in found]).text(".0f") if flags else "-"
    cells = cell(modes, ",.0f"), complete, cell(divergences, ".3f"), seconds, f"`{runs.words(flags)}`" if flags else ""
    return [title, len(found), *cells]


def cell(by_judge, form):
    return "; ".join(tables.spread(values).text(form) for values in by_judge)


if __name__ == "__main__":
    main()
