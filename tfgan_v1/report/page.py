"""The review page: one HTML file with the image grid of each sampling step, the curves, and the configuration of a run.

While a run trains, the page is made from what is in memory; later, from what is in the samples folder.
"""

import base64
import io
import json
import math
from html import escape
from importlib import resources
from string import Template
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1.report import plots
from tfgan_v1.storage import records

PAGE_BYTES = 8e6  # of all images of a page, about
# Format, options of Pillow, bytes of a value: the first with which all images fit is used, otherwise the last.
ENCODINGS = (("PNG", {}, 0.8), ("WEBP", {"quality": 90}, 0.25), ("WEBP", {"quality": 75}, 0.2))
MOST_VALUES = 2000  # of a curve
ABOUT = (  # the keys of review.json
    *("title", "subtitle", "shown", "command", "configuration", "unit", "steps_per_epoch", "sample_steps", "columns"),
    *("reads_as", "figures"),
)
DIGITS = 4  # significant ones of a number on the page


class Curve(NamedTuple):
    """A plot of the page."""

    title: str
    caption: str
    x: list  # in the run's unit, ascending
    series: dict  # name -> values, as many as x
    range: tuple | None = None  # of the vertical axis; None for that of the values
    references: tuple = ()  # values of dashed lines


class Tables(NamedTuple):
    """The numbers of a run, in memory or read from its files."""

    losses: list = ()  # records.Losses
    held_out: list = ()  # records.HeldOut
    evaluation: list = ()  # rows (step, epoch, *figures)


class Grids:
    """Samples as the images of the page: each is encoded once, though the page is written many times."""

    def __init__(self, expected, columns=None, real=None):
        """expected: how many there will be. columns: of a grid, or None. real: the data, if they are points."""
        self._expected, self._columns, self._real, self._encoded = expected, columns, real, []

    def urls(self, samples):
        """A data URL for each of `samples`, which grew since the last call, or are the same."""
        for each in samples[len(self._encoded) :]:
            self._encoded.append(self._url(each, max(self._expected, len(samples))))
        return self._encoded[: len(samples)]

    def _url(self, sample, count):
        if np.ndim(sample) != 4:
            return data_url("svg+xml", plots.density_svg(sample, self._real).encode())
        grid = plots.tile(np.nan_to_num(sample), self._columns or plots.grid_size(len(sample))[1], background=1)
        sizes = (4 / 3 * each * grid.size * count for *_, each in ENCODINGS)
        encoding, options, _ = next(
            (row for row, size in zip(ENCODINGS, sizes, strict=True) if size <= PAGE_BYTES), ENCODINGS[-1]
        )
        file = io.BytesIO()
        plots.as_picture(grid).save(file, encoding, **options)
        return data_url(encoding.lower(), file.getvalue())


def data_url(kind, content):
    """The data URL of an image of a kind such as png."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def page(about, urls, tables=Tables()):  # noqa: B008, a constant
    """The bytes of the page.

    about: see `about_run` and `about_samples`. urls: a data URL for each sampling step.
    """
    axis = about["sample_steps"] or range(1, len(urls) + 1)
    points = [
        {"label": label_of(about, step), "x": place_of(about, step), "image": url}
        for step, url in zip(axis, urls, strict=True)
    ]
    run = {
        "subtitle": about["subtitle"],
        "shown": about["shown"],
        "command": about["command"],
        "configuration": about["configuration"],
        "points": points,
        "curves": [_as_json(curve) for curve in curves(about, tables)],
    }
    template = resources.files(__package__).joinpath("review_page.html").read_text("utf-8")
    # No sequence of characters in a name may end the script element.
    text = json.dumps(run, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")
    return Template(template).substitute(title=escape(about["title"]), run=text).encode("utf-8", "replace")


def curves(about, tables):
    """The Curves of a run; none without tables."""
    found, unit, critic = [], about["unit"], about["reads_as"] == "scores"
    if tables.losses:
        rows, x = tables.losses, [place_of(about, row.step) for row in tables.losses]
        losses = {"D": [row.d_loss for row in rows], "G": [row.g_loss for row in rows]}
        names = records.LOSSES_HEADERS[critic][4:6]
        outputs = {names[0]: [row.d_x for row in rows], names[1]: [row.d_g_z for row in rows]}
        faint = "; faint: single steps, with their running mean" if plots.running_mean(x) is not None else ""
        of_steps = f"by {unit}{faint}"
        found.append(Curve("Losses", f"Loss of discriminator (D) and generator (G) {of_steps}.", x, losses))
        if not critic:
            text = f"D's mean probability that real images (x) and generated ones (G(z)) are real, {of_steps}."
            found.append(Curve("Discriminator outputs", f"{text} 0.5 is the optimum.", x, outputs, (0, 1), (0.5,)))
        else:
            found.append(Curve("Discriminator scores", f"D's mean scores {of_steps}.", x, outputs))
    if tables.held_out:
        rows, x = tables.held_out, [place_of(about, row.step) for row in tables.held_out]
        outputs = {"training images": [row.training for row in rows], "held-out": [row.held_out for row in rows]}
        limits = None if critic else (0, 1)
        text = f"D's mean output on training and held-out images by {unit}; a gap is overfitting."
        found.append(Curve("Discriminator outputs on real images", text, x, outputs, limits))
    for i, (name, real) in enumerate(about["figures"].items() if tables.evaluation else ()):
        x = [place_of(about, row[0]) for row in tables.evaluation]
        title = name.replace("_", " ").capitalize()
        text = f"Of generated images, by {unit}; dashed: of real images, {real:.3g}."
        values = {"generated images": [row[2 + i] for row in tables.evaluation]}
        found.append(Curve(title, text, x, values, references=(real,)))
    return found


def about_run(plan, progress, evaluator=None):
    """What the page says of a run, but for images and tables: a dict, which review.json keeps for `review FOLDER`."""
    from tfgan_v1.config import given_options
    from tfgan_v1.config.options import as_flags, flag
    from tfgan_v1.storage.progress import made_by

    config, facts = progress.config, plan.metadata
    samples = progress.fixed or progress.samples
    kind = "points" if plan.is_points else "images"
    where = f"{facts['num_images']:,} {kind} of {facts['name']}"
    done = f"{plan.step_label(progress.step)} of {plan.config.epochs or plan.config.steps:,}"
    custom = plan.custom.names()
    return {
        "title": config.name or f"{config.model} on {facts['name']}",
        "subtitle": f"{config.model}, {where}, {done}",
        "shown": _shown(samples[-1], bool(progress.fixed)) if samples else "",
        "command": f"python train.py{as_flags(given_options(config))}"
        + (f"  # with a custom {' and '.join(custom)}, in Python" if custom else ""),
        "configuration": [
            *([flag(name), str(value)] for name, value in vars(config).items()),
            *([name, str(value)] for name, value in made_by(config.device, plan.workers).items()),
        ],
        "unit": plan.unit,
        "steps_per_epoch": plan.steps_per_epoch,
        "sample_steps": progress.sample_steps[-len(samples) :],
        "columns": plan.sheet_columns,
        "reads_as": "scores" if plan.critic else "probabilities",
        "figures": dict(zip(evaluator.header[2:], map(float, evaluator.real), strict=True))
        if evaluator and progress.evaluation
        else {},
    }


def about_samples(name, samples):
    """What the page says of samples of which nothing else is known. name: of their file."""
    return {
        "title": name,
        "subtitle": f"{len(samples):,} sets of samples",
        "shown": _shown(samples[-1], False),
        "command": "",
        "configuration": [],
        "unit": "sample",
        "steps_per_epoch": 1,
        "sample_steps": [],
        "columns": None,
        "reads_as": "probabilities",
        "figures": {},
    }


def _shown(samples, same_noise):
    kind = "images" if np.ndim(samples) == 4 else "points"
    return f"{len(samples):,} generated {kind}{', of the same noise at each sampling step' if same_noise else ''}"


def label_of(about, step):
    """A step in the run's unit: "epoch 3", "step 200", "sample 7"."""
    place = place_of(about, step)
    return f"{about['unit']} {place:,}" if place == int(place) else f"{about['unit']} {place:,.2f}"


def place_of(about, step):
    """A step as a number in the run's unit."""
    place = step / about["steps_per_epoch"] if about["unit"] == "epoch" else step
    return int(place) if place == int(place) else place


def _as_json(curve):
    """A Curve as the page takes it: thinned, with running means, and null for NaN."""
    shown = range(0, len(curve.x), math.ceil(len(curve.x) / MOST_VALUES))

    def thinned(values):
        return [float(f"{values[i]:.{DIGITS}g}") if math.isfinite(values[i]) else None for i in shown]

    def series(name, values) -> dict[str, Any]:
        mean = plots.running_mean(values)
        return {"name": name, "values": thinned(values), "mean": None if mean is None else thinned(mean)}

    return {
        "title": curve.title,
        "caption": curve.caption,
        "description": f"Plot: {curve.caption}",
        "x": [round(curve.x[i], 4) for i in shown],
        "series": [series(*each) for each in curve.series.items()],
        "range": curve.range,
        "references": list(curve.references),
    }
