"""Counts the modes that GANs catch of a ring of 8 and a grid of 25: writes MODES.md and a picture of both over time.

    python benchmarks/modes.py --out results/ --table benchmarks/MODES.md

VEEGAN's protocol (arXiv:1705.07761, sec. 4.1): of 2,500 samples, those within 3 standard deviations of the nearest mode
are of high quality, and a mode is caught if at least one of these is nearest to it. PacGAN's reverse KL
(arXiv:1712.04086, sec. 4.1): how evenly the modes are caught. With a further bin for the samples on no mode, it also
says how many these are. All methods train the networks of the preset `points` for as many steps. Results in the folder
`--out` are kept, so a stopped benchmark continues; a result of other flags is made again. Needs no data and no network.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

import runs
import tables
from speed import environment, say
from tfgan_v1 import data
from tfgan_v1.data.points import MODES
from tfgan_v1.errors import Diverged
from tfgan_v1.evaluation import distances, metrics
from tfgan_v1.gan.models import MODELS
from tfgan_v1.report import plots
from tfgan_v1.storage import names, records

SAMPLES, QUARTERS = 2500, 4
STEPS, BATCH = (MODELS["points"].options[name] for name in ("steps", "batch_size"))
PICTURE = "modes.png"  # beside the table

COMMON = (  # the networks of the preset, its noise, Adam without momentum, averaged weights
    *("--model", "points", "--batch-size", BATCH, "--noise", "normal", "--noise-size", 2, "--d-loss", "sum"),
    *("--optimizer", "adam", "--beta1", 0, "--beta2", 0.99, "--epsilon", 1e-8, "--average", 0.999),
    *("--d-lr", 0.002, "--g-lr", 0.002, "--d-decay", 0.0005, "--g-decay", 0.0005),
    *("--loss", "non_saturating", "--penalty", "none"),
)

SCHEDULES = (
    *("--penalty-weight", "cosine:0.1:0.01", "--d-decay", 0, "--g-decay", 0),
    *("--d-lr", "cosine:0.002:0.0002", "--g-lr", "cosine:0.002:0.0002"),
)


class Method(NamedTuple):
    """What a row trains, in flags of train.py."""

    flags: tuple
    common: tuple = COMMON  # which the flags follow, and so replace
    times: int = 1  # as many steps as the others


METHODS = {
    "GAN": Method(()),
    "GAN, weights not averaged": Method(("--average", 0)),
    "PacGAN2": Method(("--pack", 2)),
    "PacGAN4": Method(("--pack", 4)),
    # The weight of the authors' own code for such points: igul222/improved_wgan_training @ 3c8ba3c, gan_toy.py.
    "WGAN-GP": Method(("--loss", "wasserstein", "--penalty", "wgan_gp", "--penalty-weight", 0.1, "--d-steps", 5)),
    "R1": Method(("--penalty", "r1", "--penalty-weight", 0.1)),
    "R1, schedules": Method(("--penalty", "r1", *SCHEDULES)),
    "R1, schedules, twice the steps": Method(("--penalty", "r1", *SCHEDULES), times=2),
    "pairs, R1 and R2": Method(  # arXiv:2501.05441, with schedules as it has them
        ("--loss", "relativistic", "--g-noise", "fresh", "--d-loss", "mean", "--penalty", "r1,r2", *SCHEDULES)
    ),
    "preset `points`": Method((), common=("--model", "points")),
}


class Published(NamedTuple):
    """Figures of others, None where the source has none."""

    method: str
    modes: str | None
    on_mode: str | None
    reverse_kl: str | None
    protocol: str
    source: str


PACGAN = "[Lin et al. 2018](https://arxiv.org/abs/1712.04086), table 1, the best of its rows in this column"
TEN_RUNS = "2,500 samples, the mean of 10 runs"
NEW_D2L = (
    "[Dive into Deep Learning, a new edition](https://github.com/smolix/d2l-neu/blob/"
    "5c7f56ab716066457c7dc135912d3578bbd4d9e9/chapter_generative-adversarial-networks/convergence.md)"
)
PUBLISHED = {
    "ring": (Published("PacGAN", "7.9", None, None, TEN_RUNS, PACGAN),),
    "grid": (
        Published("PacGAN", "24.8", None, "0.04", TEN_RUNS, PACGAN),
        Published("GAN, R1 and R2", "25", "a tenth or less", None, "10,000 samples, every seed", NEW_D2L),
        Published("pairs, R1 and R2", "25", "a tenth or less", None, "10,000 samples, every seed", NEW_D2L),
    ),
}


def main():
    parser = runs.parser(__doc__, ",".join(map(str, range(10))), METHODS)
    parser.add_argument("--only", choices=[*MODES], help="the only data set to do")
    parser.add_argument("--steps", type=int, help=f"of every run, for a short trial (default: {STEPS:,})")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for name in [given.only] if given.only else MODES:
            for title in METHODS:
                if given.rows in (None, title):
                    measure(name, title, given.steps, seed, given.out)
    beside = given.table or given.out / "MODES.md"
    beside.with_name(PICTURE).write_bytes(picture(given.out, given.steps))
    runs.finish(report(given.out, given.steps), given.table)


def command(name, title, steps):
    """The flags of train.py for a method on a data set, with samples at each quarter of the run."""
    method = METHODS[title]
    steps = (steps or STEPS) * method.times
    return ["--dataset", name, *method.common, *method.flags, "--steps", steps, "--sample-every", -(-steps // QUARTERS)]


def measure(name, title, steps, seed, out):
    """Trains a method with a seed and measures the samples at its end, unless the result is there."""
    if seed in results(name, title, steps, out):
        return
    start, folder = out / f"{runs.slug(name, title)}-{seed}", out / runs.slug(name, title) / str(seed)
    places = ["--ckpt", folder / "checkpoints", "--samples", folder / "samples", "--overwrite"]
    flags = [*command(name, title, steps), "--num-samples", SAMPLES, "--seed", seed]
    ran = runs.run(["train.py", *flags, *places], may=[Diverged.exit_code])
    samples = records.load_samples(folder / "samples" / names.SAMPLES)
    np.save(start.with_suffix(".npy"), samples)
    scores = None if ran.code else score(samples[-1], MODES[name])
    runs.keep(
        start.with_suffix(".json"),
        {"command": runs.words(command(name, title, steps)), **ran._asdict(), "scores": scores},
    )
    say(f"{name} {title} seed {seed}: {ran.seconds:.0f} s, {scores or 'diverged'}")


def results(name, title, steps, out):
    """The results of a method by seed, those of these flags."""
    return runs.kept(out, runs.slug(name, title), command(name, title, steps))


def score(points, modes):
    """All scores of points [n, 2] by name: see `metrics.mode_scores` and `reverse_kl`."""
    caught, on_mode, with_off = metrics.mode_scores(points, modes)
    return {"modes": caught, "on_mode": on_mode, "reverse_kl": reverse_kl(points, modes), "with_off": with_off}


def reverse_kl(points, modes):
    """KL(points || modes) in nats over the modes, of the points that are on one; None if none is.

    0 if each mode has as many points; log(8) or log(25) if one has all.
    """
    apart = np.linalg.norm(points[:, None] - modes.centers, axis=2)
    counts = np.bincount(apart.argmin(1)[apart.min(1) <= 3 * modes.deviation], minlength=len(modes.centers))
    if not counts.any():
        return None
    return distances.shares_divergence(np.full(len(counts), 1 / len(counts)), counts / counts.sum())


def real_results(name, seeds):
    """The scores of as many real points, others for each seed, as results by seed."""
    points = {seed: data.load_test(name, seed=seed).images[:SAMPLES] for seed in seeds}
    return {seed: {"scores": score(each, MODES[name])} for seed, each in points.items()}


def report(out, steps=None):
    """The Markdown text of all results in a folder."""
    parts = [
        "# Modes",
        f"By `python benchmarks/modes.py`; {environment()}. Medians over the seeds (minimum to maximum). Of 2,500 "
        "samples, those within 3 standard deviations of the nearest mode are on it; a mode is caught if a sample is on "
        "it ([VEEGAN](https://arxiv.org/abs/1705.07761), sec. 4.1). Reverse KL in nats, KL(samples, modes): of the "
        "samples on a mode over 8 or 25 bins ([PacGAN](https://arxiv.org/abs/1712.04086), sec. 4.1), which is 0 if all "
        "modes are caught as often, even with one sample on each; and of all samples, with one more bin for those on "
        "none. Seconds are those of the whole command with the start of the program, core seconds those of all cores.",
        f"All methods train the networks of the preset `points` for {steps or STEPS:,} steps of G, or twice that, with "
        f"batches of {BATCH}. All but the preset itself share these flags, which those of a row replace: "
        f"`{runs.words(COMMON)}`. "
        "The samples are of the averaged weights, where these are kept.",
        f"![Samples of each method at each quarter of its run, first of the ring, then of the grid]({PICTURE})",
    ]
    for name, modes in MODES.items():
        found = {title: results(name, title, steps, out) for title in METHODS}
        rows = [method_row(title, each, modes) for title, each in found.items() if each]
        if rows:
            real = real_results(name, sorted(set().union(*found.values())))
            rows.append(method_row("real points", real, modes))
            parts += [f"## {name}", tables.markdown(header(modes), rows), published_table(name, modes)]
    return "\n\n".join(parts)


def header(modes):
    count = len(modes.centers)
    bins = [f"reverse KL, {bins} bins" for bins in (count, count + 1)]
    return [
        "",
        "seeds",
        f"modes of {count}",
        "seeds with all",
        "share on a mode",
        *bins,
        "seconds",
        "core seconds",
        "flags",
    ]


def method_row(title, found, modes):
    """The row of a method. found: its results by seed; those without scores have diverged."""
    scores = [each["scores"] for each in found.values() if each["scores"]]
    seeds = f"{len(found)}, {len(found) - len(scores)} diverged" if len(scores) < len(found) else len(found)
    complete = sum(each["modes"] == len(modes.centers) for each in scores)
    figures = [cell([each[name] for each in scores], ".3f") for name in ("on_mode", "reverse_kl", "with_off")]
    times = [cell([each.get(name) for each in found.values()], ".0f") for name in ("seconds", "core_seconds")]
    flags = METHODS[title].flags if title in METHODS else ()
    caught = cell([each["modes"] for each in scores], "g")
    return [title, seeds, caught, complete, *figures, *times, f"`{runs.words(flags)}`" if flags else ""]


def cell(values, form):
    """The spread of figures, without those that are None: there, no sample is on a mode."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    return tables.spread(known).text(form) + (f", {len(known)} seeds" if len(known) < len(values) else "")


def published_table(name, modes):
    """The Markdown table of the figures of others on a data set."""
    rows = [[figure or "-" for figure in row] for row in PUBLISHED[name]]
    count = len(modes.centers)
    shown = ["published", f"modes of {count}", "share on a mode", f"reverse KL, {count} bins", "protocol", "source"]
    return tables.markdown(shown, rows)


def picture(out, steps=None):
    """The samples of the first seed, a PNG's bytes: a row for each method, a column for each quarter of its run."""
    from matplotlib.figure import Figure

    found = {title: {name: results(name, title, steps, out) for name in MODES} for title in METHODS}
    titles = [title for title in METHODS if any(found[title].values())]
    figure = Figure(figsize=(1.2 * QUARTERS * len(MODES), 1.25 * len(titles) + 0.3), dpi=100, layout="constrained")
    axes = figure.subplots(len(titles), QUARTERS * len(MODES), squeeze=False)
    for row, title in zip(axes, titles, strict=True):
        for name, quarters in zip(MODES, np.split(row, len(MODES)), strict=True):
            drawn = [np.load(out / f"{runs.slug(name, title)}-{seed}.npy") for seed in [*found[title][name]][:1]]
            _draw(quarters, drawn[0] if drawn else [], MODES[name])
        row[0].set_ylabel(title, fontsize=6)
    columns = [f"{name}, {when}" for name in MODES for when in ("1/4", "1/2", "3/4", "end")]
    for ax, column in zip(axes[0], columns, strict=True):
        ax.set_title(column, fontsize=6)
    return small_png(plots.figure_png(figure))


def small_png(png):
    """The same picture in 32 colors."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(32).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


def _draw(axes, samples, modes):
    """Samples at each quarter of a run, over circles around the modes; modes that are caught and share under them."""
    side = 1.4 * np.abs(modes.centers).max()
    for ax in axes:
        ax.set(xlim=(-side, side), ylim=(-side, side), aspect="equal", xticks=[], yticks=[])
        ax.scatter(*modes.centers.T, s=36, facecolors="none", edgecolors="tab:orange", linewidths=0.4)
    for ax, points in zip(axes, samples, strict=False):
        ax.scatter(*points.T, s=1.5, color="tab:blue", alpha=0.5, linewidths=0)
        caught, share, _ = metrics.mode_scores(points, modes)
        ax.set_xlabel(f"{caught}, {share:.2f}", fontsize=6, labelpad=2)


if __name__ == "__main__":
    main()
