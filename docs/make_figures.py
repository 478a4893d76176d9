"""Makes the pictures of runs in these pages: `python docs/make_figures.py FOLDER`.

It trains the runs in FOLDER, about ten minutes on two cores, by the commands in the pages. Finished runs in FOLDER are
kept. PICTURES in a command is the folder of that name in FOLDER, or a link.
"""

import csv
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from tfgan_v1 import load_samples
from tfgan_v1.report.images import as_images, tile

DOCS = Path(__file__).parent


class Panel(NamedTuple):
    """One run in a picture: its name in its command, its title, and its plots."""

    run: str
    title: str
    draw: tuple  # functions (axes, folder of the run's samples), one for each plot of the run


def samples(count, point=-1, title="samples"):
    """Draws the first count x count samples of a sampling point, pixel by pixel, from the darkest to the brightest."""

    def draw(ax, folder):
        images = load_samples(folder / "train_samples.pkl")[point][: count * count]
        grid = as_images(tile(images, count, background=images.max())[None])[0]
        ax.imshow(grid, cmap="Greys_r", interpolation="nearest")
        ax.set_axis_off()
        ax.set_title(title, fontsize=9)

    return draw


def curves(table, columns, labels, **settings):
    """Draws columns of one of the run's tables over the step."""

    def draw(ax, folder):
        with (folder / table).open() as file:
            rows = list(csv.DictReader(file))
        steps = np.array([int(row["step"]) for row in rows])
        for column, label, color in zip(columns, labels, ("tab:blue", "tab:red"), strict=True):
            ax.plot(steps, [float(row[column]) for row in rows], color=color, label=label, linewidth=1)
        ax.set(xlabel="step", **settings)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)

    return draw


outputs = curves("losses.csv", ("D(x)", "D(G(z))"), ("D(x)", "D(G(z))"), ylim=(-0.05, 1.05))
scores = curves("losses.csv", ("score(x)", "score(G(z))"), ("score(x)", "score(G(z))"))
held_out = curves("held_out.csv", ("D(training)", "D(held-out)"), ("D(training)", "D(held-out)"), ylim=(0, 1))

PICTURES = {
    "collapse.png": (
        Panel("collapse", "mode collapse: the same few images", (samples(6),)),
        Panel("no_collapse", "the preset's rates: all digits", (samples(6),)),
    ),
    "overpowered.png": (
        Panel("overpowered", "D overpowers G", (outputs, samples(4))),
        Panel("balanced", "balanced", (outputs, samples(4))),
    ),
    "checkerboard.png": (
        Panel("checkerboard", "transposed convolutions, step 50", (samples(2, 0), samples(2, title="step 300"))),
        Panel("no_checkerboard", "upsampling, step 50", (samples(2, 0), samples(2, title="step 300"))),
    ),
    "unbounded.png": (
        Panel("unbounded", "scores without bound", (scores, samples(4))),
        Panel("bounded", "with a gradient penalty", (scores, samples(4))),
    ),
    "overfitting.png": (
        Panel("overfitting", "D overfits 300 images", (held_out, samples(4))),
        Panel("augmented", "with augmentation", (held_out, samples(4))),
    ),
    "portraits.png": (Panel("portraits", "", (samples(6),)),),
}


def commands():
    """The arguments of each `tfgan train` in the pages that names a run, by that name."""
    lines = re.findall(r"^    tfgan train (.*)$", "\n".join(page.read_text() for page in DOCS.glob("*.md")), re.M)
    found = (shlex.split(line) for line in lines)
    return {line[line.index("--name") + 1]: line for line in found if "--name" in line and "--dry-run" not in line}


def train(run, folder):
    """Trains a run in a folder, unless it is finished there."""
    if not (folder / "samples" / run / "last_samples.png").exists():
        line = [sys.executable, DOCS.parent / "train.py", *commands()[run], "--overwrite"]
        subprocess.run(line, cwd=folder, check=True)


def picture(panels, folder):
    """The runs of a picture, side by side, as a Figure."""
    plots = [(panel, draw) for panel in panels for draw in panel.draw]
    figure = Figure(figsize=(3.1 * len(plots), 3.2), dpi=100, layout="constrained")
    for ax, (panel, draw) in zip(figure.subplots(1, len(plots), squeeze=False)[0], plots, strict=True):
        draw(ax, folder / "samples" / panel.run)
        if draw is panel.draw[0]:
            ax.set_title(panel.title, fontsize=9)
    return figure


def write(figure, path):
    """Writes a small PNG, with at most 256 colors."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    Image.open(file).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, panels in PICTURES.items():
        for panel in panels:
            train(panel.run, folder)
        write(picture(panels, folder), DOCS / name)
