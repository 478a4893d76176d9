"""Draws docs/graph.png, the training graph: `python docs/draw_graph.py`."""

import io
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

DATA, G, D, LOSS, UPDATE = "#eceff1", "#c8e6c9", "#bbdefb", "#ffe0b2", "#e1bee7"
NETWORKS = "networks.py, models.py"


class Box(NamedTuple):
    """A part of the graph: the position of its center, its width, its color, and the module that builds it."""

    x: float
    y: float
    width: float
    color: str
    title: str
    text: str
    module: str


BOXES = {
    "images": Box(1.1, 6.0, 1.8, DATA, "images", "one variable, uint8,\nfed once", "train_graph.py"),
    "z": Box(1.1, 3.2, 1.8, DATA, "noise z", "a function of the\nseed and the step", "noise.py"),
    "x": Box(3.6, 6.0, 1.8, DATA, "real batch x", "gathered by order,\nscaled to G's range", "train_graph.py"),
    "g": Box(3.6, 3.2, 1.8, G, "generator G", 'scope "generator"', NETWORKS),
    "d_real": Box(6.5, 6.0, 2.0, D, "discriminator D(x)", 'scope "discriminator"', NETWORKS),
    "d_fake": Box(6.5, 3.2, 2.0, D, "discriminator D(G(z))", "reuse=True:\nthe same variables", NETWORKS),
    "d_loss": Box(9.3, 6.0, 1.9, LOSS, "D's loss", "and a penalty,\nif there is one", "losses.py, penalties.py"),
    "g_loss": Box(9.3, 3.2, 1.9, LOSS, "G's loss", "of the D after\nits update", "losses.py"),
    "d_update": Box(12.0, 6.0, 1.9, UPDATE, "update of D", "var_list:\ndiscriminator/...", "optimizers.py"),
    "g_update": Box(12.0, 3.2, 1.9, UPDATE, "update of G", "var_list:\ngenerator/...", "optimizers.py"),
    "preview": Box(3.6, 0.75, 1.8, G, "samples", "G or its average,\nat a sampling step", "train_graph.py"),
    "savers": Box(6.5, 0.75, 2.0, DATA, "Savers", "G alone, for sampling;\nall of it, for --resume", "checkpoints.py"),
    "metrics": Box(12.0, 0.75, 1.9, DATA, "metrics", "losses, D(x), D(G(z))\nof each step", "train_step.py"),
}
HALF = 0.62  # of a box's height
PLAIN, UPDATES, ORDER = (
    {"color": "#37474f", "linewidth": 1.5},
    {"color": "#8e24aa", "linewidth": 1.5, "linestyle": (0, (4, 2))},
    {"color": "#c62828", "linewidth": 2.0},
)


def draw():
    """The picture as a Figure."""
    figure = Figure(figsize=(13.2, 7.6), dpi=95)
    ax = figure.add_axes([0, 0, 1, 1])
    ax.set(xlim=(-0.1, 13.3), ylim=(-0.25, 8.0))
    ax.set_axis_off()
    frame(ax, 2.45, 2.1, 10.65, 5.25, "one training step: train_step.train_step, Algorithm 1", "#546e7a")
    frame(
        ax,
        2.3,
        1.95,
        10.92,
        5.85,
        "tf.while_loop: many steps in one Session.run, train_graph.build_loop",
        "#78909c",
    )
    for box in BOXES.values():
        draw_box(ax, box)
    for start, end in (
        *(("images", "x"), ("x", "d_real"), ("d_real", "d_loss"), ("d_loss", "d_update")),
        *(("z", "g"), ("g", "d_fake"), ("d_fake", "g_loss"), ("g_loss", "g_update"), ("g_update", "metrics")),
        *(("g", "preview"),),
    ):
        arrow(ax, *joined(BOXES[start], BOXES[end]), PLAIN)
    arrow(ax, (7.5, 3.65), (8.35, 5.5), PLAIN)  # D(G(z)) is half of D's loss
    arrow(ax, (12.4, 6.62), (6.5, 6.62), UPDATES, "arc3,rad=0.1")
    arrow(ax, (11.6, 2.58), (3.9, 2.58), UPDATES, "arc3,rad=-0.03")
    arrow(ax, (11.5, 5.38), (9.8, 3.82), ORDER)
    ax.text(10.95, 4.5, "control dependency:\nfirst D, then G", color=ORDER["color"], fontsize=9.5, va="center")
    ax.text(8.35, 4.42, "D(G(z)) is part of\nD's loss", color=PLAIN["color"], fontsize=9.5, va="center")
    ax.text(9.45, 7.08, "gradients change D only", color=UPDATES["color"], fontsize=9.5, ha="center")
    ax.text(8.0, 2.26, "gradients go through D, and change G only", color=UPDATES["color"], fontsize=9.5, ha="center")
    return figure


def frame(ax, x, y, width, height, title, color):
    style = {"boxstyle": "round,pad=0,rounding_size=0.15", "fill": False, "edgecolor": color, "linewidth": 1.2}
    ax.add_patch(FancyBboxPatch((x, y), width, height, linestyle=(0, (2, 2)), **style))
    ax.text(x + 0.12, y + height - 0.1, title, color=color, fontsize=10.5, va="top", weight="bold")


def draw_box(ax, box):
    corner, style = (box.x - box.width / 2, box.y - HALF), "round,pad=0,rounding_size=0.12"
    patch = FancyBboxPatch(corner, box.width, 2 * HALF, boxstyle=style, facecolor=box.color, edgecolor="#455a64")
    ax.add_patch(patch)
    ax.text(box.x, box.y + 0.43, box.title, ha="center", va="center", fontsize=11, weight="bold")
    ax.text(box.x, box.y + 0.03, box.text, ha="center", va="center", fontsize=9)
    ax.text(box.x, box.y - 0.45, box.module, ha="center", va="center", fontsize=8, style="italic", color="#546e7a")


def joined(start, end):
    """From edge to edge: to the right in a row, down in a column."""
    if start.y == end.y:
        return (start.x + start.width / 2, start.y), (end.x - end.width / 2, end.y)
    return (start.x, start.y - HALF), (end.x, end.y + HALF)


def arrow(ax, start, end, style, curve="arc3"):
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, shrinkA=0, connectionstyle=curve, **style)
    )


if __name__ == "__main__":
    file = io.BytesIO()
    draw().savefig(file, format="png")
    Image.open(file).convert("RGB").quantize(64).save(Path(__file__).with_name("graph.png"), optimize=True)
