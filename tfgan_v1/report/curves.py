"""The curves of a run: one table, from which its plots, those of its page and the tags of TensorBoard are made."""

import math
from typing import NamedTuple

import numpy as np

from tfgan_v1.storage import names

_MANY = 40  # values of single steps from which a curve is faint and its running mean is drawn over it
_KNOWN = {round(times * math.log(2), 6): name for times, name in ((-1, "-log 2"), (1, "log 2"), (2, "2 log 2"))}
_WINDOWS = 20  # of the running mean, side by side, in a curve


class Tables(NamedTuple):
    """The numbers of a run, read from its files; a Progress has the same in memory."""

    losses: list = ()  # records.Losses
    held_out: list = ()  # records.HeldOut
    evaluation: list = ()  # rows (step, epoch, *scores)


class Curve(NamedTuple):
    """Lines over the steps of a run, on one pair of axes."""

    file: str  # of the plot
    title: str
    ylabel: str  # in the plot
    caption: str  # on the page
    series: dict  # name -> values; in the table below, the column of its rows
    range: tuple | None = None  # of the vertical axis; None for that of the values
    references: tuple = ()  # values of dashed lines, or pairs (value, name)
    x: list = ()  # in the run's unit, ascending


LOSS_CURVE = Curve(
    *(names.LOSS_CURVES, "Training Losses", "loss", "Loss of discriminator and generator by {unit}{faint}{theory}."),
    {"Discriminator": "d_loss", "Generator": "g_loss"},
)
OUTPUT_CURVES = {  # by Loss.critic; 0.5 is the optimum of probabilities (arXiv:1406.2661, sec. 4.1)
    False: Curve(
        *(names.PROBABILITIES, "Discriminator outputs", "probability of being real"),
        "D's mean probability that real images (x) and generated ones (G(z)) are real, by {unit}{faint}. "
        "0.5 is the optimum.",
        {"D(x)": "d_x", "D(G(z))": "d_g_z"},
        **{"range": (0, 1), "references": (0.5,)},
    ),
    True: Curve(
        *(names.D_SCORES, "Discriminator scores", "score", "D's mean scores by {unit}{faint}."),
        {"score(x)": "d_x", "score(G(z))": "d_g_z"},
    ),
}
HELD_OUT_CURVE = Curve(  # with the axis of OUTPUT_CURVES
    *(names.OVERFITTING, "Discriminator outputs on real images", ""),
    "D's mean output on training and held-out images by {unit}; a gap is overfitting.",
    {"training images": "training", "held-out images": "held_out"},
)
TAGS = {  # of the gan.train_step.STEP_METRICS, in the groups of TensorBoard
    **{"d_loss": "loss/discriminator", "g_loss": "loss/generator"},
    **{"d_accuracy": "accuracy/discriminator", "g_accuracy": "accuracy/generator"},
    **{name: f"outputs/{name}" for curve in OUTPUT_CURVES.values() for name in curve.series},
}


def of_run(summary, tables):
    """The Curves of a run. summary: see page.summarize_run. tables: Tables, or a Progress."""
    outputs = OUTPUT_CURVES[summary["reads_as"] == "scores"]
    held_out = HELD_OUT_CURVE._replace(ylabel=outputs.ylabel, range=outputs.range)
    theory = tuple((value, _KNOWN.get(round(value, 6), f"{value:.3g}")) for value in summary["equilibrium"] or ())
    losses = LOSS_CURVE._replace(references=theory)
    table = ((losses, tables.losses), (outputs, tables.losses), (held_out, tables.held_out))
    curves = [_fill(curve, summary, rows) for curve, rows in table if rows]
    x = [place_of(summary, row[0]) for row in tables.evaluation]
    for i, (name, real) in enumerate(summary["figures"].items() if x else (), 2):
        label, values = name.replace("_", " "), [row[i] for row in tables.evaluation]
        caption = f"Of generated images, by {summary['unit']}; dashed: of real images, {real:.3g}."
        axes = names.EVALUATION_CURVES, label.capitalize(), label, caption
        curves.append(Curve(*axes, {"generated images": values}, references=(real,), x=x))
    return curves


def of_points(summary, rows):
    """The Curve of the first score of a run of points. rows: those of its statistics.csv."""
    x, values = [place_of(summary, row[0]) for row in rows], [row[2] for row in rows]
    if rows and len(rows[0]) in (4, 10):  # of more dimensions: see records.statistics_header
        real = (rows[-1][2 + len(rows[0]) // 2 - 1],)
        label = "sliced Wasserstein distance"
        return Curve(names.DIVERGENCE, label.capitalize(), label, "", {"generated": values}, references=real, x=x)
    return Curve(names.DIVERGENCE, "KL divergence", "nats", "", {"KL(real || fake)": values}, x=x)


def _fill(curve, summary, rows):
    """A Curve of the table with the values of its rows."""
    faint = "; faint: single steps, with their running mean" if len(rows) >= _MANY else ""
    theory = "; dashed: at the equilibrium" * bool(curve.references)  # of the losses
    return curve._replace(
        caption=curve.caption.format(unit=summary["unit"], faint=faint, theory=theory),
        series={name: [getattr(row, column) for row in rows] for name, column in curve.series.items()},
        x=[place_of(summary, row.step) for row in rows],
    )


def running_mean(values):
    """The mean of each value and those before it, over a twentieth of the curve; None for a short curve.

    Single steps are noisy: a loss is that of one batch.
    """
    if len(values) < _MANY:
        return None
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - len(values) // _WINDOWS)
    with np.errstate(over="ignore", invalid="ignore"):  # of infinite values, which a file may hold
        sums = np.cumsum(np.concatenate([[0.0], values]))
        return (sums[ends] - sums[starts]) / (ends - starts)


def label_of(summary, step):
    """A step in the run's unit: "epoch 3", "step 200", "sample 7"."""
    place = place_of(summary, step)
    return f"{summary['unit']} {place:,}" if place == int(place) else f"{summary['unit']} {place:,.2f}"


def place_of(summary, step):
    """A step as a number in the run's unit."""
    place = step / summary["steps_per_epoch"] if summary["unit"] == "epoch" else step
    return int(place) if place == int(place) else place
