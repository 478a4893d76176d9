"""The review page: one HTML file with the image grid of each sampling step, the curves, and the configuration of a run.

While a run trains, the page is made from what is in memory; later, from what is in the samples folder.
"""

import base64
import io
import math
import os
from pathlib import Path

import numpy as np

from tfgan_v1 import files
from tfgan_v1.config import given_options
from tfgan_v1.config.options import as_flags, flag
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.train_step import TOTALS, labels_of
from tfgan_v1.report import curves, diagnosis, images
from tfgan_v1.report import field as fields
from tfgan_v1.storage.progress import made_by

PAGE_BYTES = 8e6  # of all images of a page, about
# Format, options of Pillow, bytes of a value: the first with which all images fit is used, otherwise the last.
ENCODINGS = (("PNG", {}, 0.8), ("WEBP", {"quality": 90}, 0.25), ("WEBP", {"quality": 75}, 0.2))
MOST_VALUES = MOST_STEPS = 2000  # of a curve, and with an image; evenly spread
PAGES = Path(__file__).with_name("pages")
DOCS = Path(__file__).parents[2] / "docs" / "when-training-goes-wrong.md"  # in a clone of the repository
LONGEST = 16_383  # pixels of a side of a WebP
SUMMARY = {  # the keys of review.json, and their values for samples without a run, or of an earlier version
    **{"title": "", "subtitle": "", "shown": "", "command": "", "configuration": [], "unit": "sample"},
    **{"steps_per_epoch": 1, "sample_steps": [], "columns": None, "reads_as": "probabilities", "figures": {}},
    "classes": [],
    "cell": [0, 0],  # width and height of an image of the grid
    "field": None,  # of points: see field.py
    "equilibrium": None,  # the losses [D's, G's] there: see losses.Loss
    "diagnosis": [],  # see diagnosis.as_json
}
SHOWN = ("title", "subtitle", "shown", "command", "configuration", "classes", "cell", "diagnosis")
_COUNT = range(1, 2**63)
FORMS = {  # of review.json: see files.fits. Earlier versions did not write the last two
    **dict.fromkeys(("title", "subtitle", "shown", "command", "sha256"), str),
    **{"configuration": [[str, str, bool], ...], "unit": ("sample", "epoch", "step"), "steps_per_epoch": _COUNT},
    **{"sample_steps": [range(2**63), ...], "columns": (None, _COUNT), "reads_as": ("probabilities", "scores")},
    **{"figures": {...: float}, "classes?": [str, ...], "cell?": [range(2**16), range(2**16)]},
    **{"field?": (None, fields.FORM), "equilibrium?": (None, [float, float])},
    "diagnosis?": [{"x": float, "end": float, "kind": (*diagnosis.KINDS,), "numbers": {...: float}}, ...],
}


class Grids:
    """Samples as the images of the page: each is encoded once, though the page is written many times."""

    def __init__(self, expected, columns=None):
        """expected: how many there will be. columns: of a grid, or None."""
        self._expected, self._columns, self._encoded = expected, columns, {}

    def urls(self, samples, steps=None):
        """A data URL for each of `samples`, which are of these steps; those of a step are always the same.

        None for most of more than MOST_STEPS: the page shows the first of every two, four, eight ..., and the last.
        """
        steps, count = range(len(samples)) if steps is None else steps, max(self._expected, len(samples))
        every = 1 << max(0, math.ceil(math.log2(max(1, len(samples)) / MOST_STEPS)))
        shown = {*steps[::every], *steps[-1:]}
        for step, sample in zip(steps, samples, strict=True):
            if step not in self._encoded and step in shown:
                encoding, content = self._encode(sample, min(count, MOST_STEPS))
                self._encoded[step] = f"data:image/{encoding};base64,{base64.b64encode(content).decode()}"
        return [self._encoded[step] if step in shown else None for step in steps]

    def _encode(self, sample, count):
        """(the format, the bytes) of one of `count` images."""
        grid = images.tile(images.as_bytes(sample), self._columns, background=255)
        fitting = (row for row in ENCODINGS if 4 / 3 * row[2] * grid.size * count <= PAGE_BYTES)
        encoding, options, _ = next(fitting, ENCODINGS[-1])
        file, longest = io.BytesIO(), LONGEST if encoding == "WEBP" else math.inf
        images.as_picture(images.shrunk(grid, longest)).save(file, encoding, **options)
        return encoding.lower(), file.getvalue()


def page(summary, *shown, folder=None, **options):
    """The bytes of the page: see `as_run`. folder: in which it will be, from where the page on failures is linked."""
    docs = os.path.relpath(DOCS, folder) if folder and DOCS.is_file() else ""
    data = as_run(summary, *shown, **options) | {"docs": docs}
    return files.page(PAGES / "review.html", title=summary["title"], data=data)


def as_run(summary, urls, tables=curves.Tables(), real=None, running=False, field=None):  # noqa: B008
    """What a page shows of a run, as a dict for its scripts.

    summary: see `summarize_run` and `summarize_samples`. urls: a data URL for each sampling step, or None for one that
    is not shown. tables: curves.Tables or a Progress. real: the bytes of a PNG of real images, or None. running:
    whether the page follows the run. field: of a run on points, what field.Fields.of returns, in place of urls.
    """
    steps, field = field or (summary["sample_steps"] or range(1, len(urls) + 1), None)
    urls = [""] * len(steps) if field else urls
    points = [
        {"label": curves.label_of(summary, step), "x": curves.place_of(summary, step), "image": url}
        for step, url in zip(steps, urls, strict=True)
        if url is not None
    ]
    real = real and f"data:image/png;base64,{base64.b64encode(real).decode()}"
    run = {name: summary[name] for name in SHOWN} | {"running": running, "real": real, "points": points}
    recorded = max(len(points), len(summary["sample_steps"]))
    run |= {"columns": summary["columns"] or len(summary["classes"]), "recorded": recorded}
    run |= {"curves": [_as_json(curve) for curve in curves.of_run(summary, tables)]}
    return run | ({"field": field} if field else {})


def summarize_run(plan, progress, evaluator=None, field=None):
    """The summary of a run: its page without images and tables, for review.json. field: the field.Fields of points."""
    config, name = progress.config, plan.metadata["name"]
    steps, samples = progress.shown
    where = f"{plan.metadata['num_images']:,} {'points' if plan.is_points else 'images'} of {name}"
    done = f"{plan.step_label(progress.step)} of {plan.config.epochs or plan.config.steps:,}"
    given, custom = given_options(config, plan.custom.parts.model), plan.custom.names()
    in_python = f"  # with a custom {' and '.join(custom)}, in Python" if custom else ""
    measured = zip(evaluator.header[2:], map(float, evaluator.real), strict=True) if evaluator else ()
    return {
        "title": config.name or f"{config.model} on {name}",
        "subtitle": f"{config.model}, {where}, {done}",
        "shown": _shown(samples[-1], bool(progress.fixed)) if samples else "",
        "command": f"tfgan train{as_flags(given)}{in_python}",
        "configuration": [
            *([flag(name), str(value), True] for name, value in given.items()),
            *([flag(name), str(value), False] for name, value in config.values().items() if name not in given),
            *([version, str(value), False] for version, value in made_by(plan).items()),
        ],
        **{"unit": config.unit, "steps_per_epoch": plan.steps_per_epoch},
        **{"sample_steps": steps, "columns": plan.sheet_columns},
        "reads_as": "scores" if plan.critic else "probabilities",
        "figures": dict(measured) if progress.evaluation else {},
        **{"classes": list(plan.columns), "cell": _cell(samples, plan.sheet_columns)},
        "field": field and {**field.constants, "view_steps": progress.fixed_steps},
        "equilibrium": _equilibrium(config, plan.custom.parts.loss or LOSSES[config.loss]),
        "diagnosis": [],
    }


def _equilibrium(config, loss):
    """The losses [D's, G's] of a run at the equilibrium, or None of a custom loss that does not know them."""
    if loss.equilibrium is None:
        return None
    d, g = map(float, loss.equilibrium(labels_of(config)))
    share = TOTALS[config.d_loss]
    return [d * share, g * (share if loss.relative else 1)]


def summarize_samples(name, samples):
    """The summary of samples without a run. name: of their file."""
    count = f"{len(samples):,} sets of samples"
    return {**SUMMARY, "title": name, "subtitle": count, "shown": _shown(samples[-1], False), "cell": _cell(samples)}


def _cell(samples, columns=None):
    """The [width, height] of an image of the grid, or [0, 0] of points, and of a grid that may have to be shrunk."""
    if not samples or np.ndim(samples[-1]) != 4:
        return [0, 0]
    count, height, width, _ = np.shape(samples[-1])
    columns = columns or images.grid_size(count)[1]
    return [width, height] if max(columns * width, count / columns * height) < 0.9 * LONGEST else [0, 0]


def _shown(samples, same_noise):
    unit = "images" if np.ndim(samples) == 4 else "points"
    return f"{len(samples):,} generated {unit}{', at each step of the same noise' if same_noise else ''}"


def _as_json(curve):
    """A Curve as the page takes it: thinned, with running means, four significant digits, and null for NaN."""
    shown = range(0, len(curve.x), math.ceil(len(curve.x) / MOST_VALUES))

    def thinned(values):
        return [float(f"{values[i]:.4g}") if math.isfinite(values[i]) else None for i in shown]

    series = []
    for name, values in curve.series.items():
        mean = curves.running_mean(values)
        series.append({"name": name, "values": thinned(values), "mean": None if mean is None else thinned(mean)})
    return {
        **{"title": curve.title, "caption": curve.caption, "description": f"Plot: {curve.caption}"},
        **{"x": [round(curve.x[i], 4) for i in shown], "series": series},
        **{"range": curve.range, "references": list(curve.references)},
    }
