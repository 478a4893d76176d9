"""The page, the evolution plot and an animation from a run's samples folder, or from a pickle of samples."""

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import files
from tfgan_v1.data.arrays import to_images_or_points
from tfgan_v1.data.shapes import POINTS
from tfgan_v1.errors import UserError, warn
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.report import curves, images, page, plots
from tfgan_v1.report.field import Fields, of_samples
from tfgan_v1.storage import foreign, names, records, run_folder

MOST_IMAGES = 100  # of a sampling step that are shown
MOST_FRAMES = 200  # of the animation
LONGEST, MOST_PIXELS = 2**16 - 1, 2**28  # of a side of a GIF, and of all frames
SECONDS, HOLD = 8.0, 1.5  # of the animation, and of its last frame
MOST_REAL = 2**26  # bytes of real_images.png


class Review(NamedTuple):
    """What a samples folder or a pickle has for the page."""

    summary: dict  # see page.summarize_run
    samples: list  # float32 arrays [n, h, w, c] in [0, 1], or points [n, d]
    tables: curves.Tables
    folder: Path  # of the samples
    stem: str  # of the pickle, or "" in a run's folder
    field: Any = None  # of a run on points: see field.Fields.of


def load(path):
    """The Review of a pickle of samples, or of a run's samples folder. Raises UserError if there is none."""
    path = Path(path)
    if path.is_dir():
        return _load_folder(path)
    if not path.exists() and not foreign.weights(path):
        raise UserError(f"there is no {path}; name a samples folder, or a pickle such as train_samples.pkl")
    samples = as_samples(records.load_samples(path), path)
    summary = page.summarize_samples(path.name, samples)
    return Review(summary, samples, curves.Tables(), path.parent, path.stem, _field(path.parent, summary, samples))


def _load_folder(folder):
    if not (folder / names.SAMPLES).is_file():
        hint = f"has no {names.SAMPLES}; name a samples folder such as samples or samples/NAME, or a pickle"
        if (folder / names.CONFIG).exists():
            hint = "holds checkpoints; name the run's samples folder"
        elif found := foreign.weights(folder):
            hint = "holds {}; {}".format(*found)
        raise UserError(f"there is nothing to review in {folder}, which {hint}")
    fixed = folder / names.FIXED_NOISE
    samples = records.load_samples(fixed) if fixed.is_file() else []
    source = fixed if samples else folder / names.SAMPLES
    summary = _read_summary(folder)
    size = POINTS if summary and summary["field"] else None
    samples = as_samples(samples or records.load_samples(source), source, size)
    critic = _is_critics(folder / names.LOSSES)
    losses = [records.Losses.from_cells(row) for row in _read(folder / names.LOSSES, records.LOSSES_HEADERS[critic])]
    if summary is None:
        summary = page.summarize_samples(folder.name or str(folder), samples)
        summary["reads_as"] = "scores" if critic else "probabilities"
        steps = [row.step for row in losses]
        # A row for each sampling step; step 0 and the last one have none.
        if steps and len(samples) - len(steps) in (0, 1, 2):
            steps = [0, *steps, steps[-1] + 1][: len(samples)] if len(samples) > len(steps) else steps
            summary |= {"unit": "step", "sample_steps": steps}
        else:
            losses = []  # the steps of the samples are unknown
    if summary["sample_steps"]:  # a killed run may have drawn more
        count = min(len(samples), len(summary["sample_steps"]))
        samples, summary["sample_steps"] = samples[:count], summary["sample_steps"][:count]
    held_out = map(records.HeldOut._make, _read(folder / names.HELD_OUT, records.HELD_OUT_HEADERS[critic]))
    scores = summary["figures"]
    evaluation = _read(folder / names.EVALUATION, ("step", "epoch", *scores)) if scores else []
    tables = curves.Tables(losses, [*held_out], evaluation)
    return Review(summary, samples, tables, folder, "", _field(folder, summary, samples))


def _field(folder, summary, samples):
    """What field.Fields.of returns of points, with a warning if their views are damaged; None of images."""
    path, constants = folder / names.VIEWS, summary["field"]
    try:
        if constants and path.is_file():
            header = records.statistics_header(constants["dimensions"], constants["modes"])
            rows = [dict(zip(header, row, strict=True)) for row in _read(folder / names.STATISTICS, header)]
            vectors = records.load_samples(path)
            return Fields(constants).of(constants["view_steps"][: len(vectors)], vectors, rows)
    except (UserError, ValueError, IndexError) as error:
        warn(f"{path} is damaged ({error}), so the page is without it")
    if np.ndim(samples[0]) == 4:
        return None
    shown, field = of_samples(samples)
    return [(summary["sample_steps"] or [*range(1, len(samples) + 1)])[number - 1] for number in shown], field


def as_samples(samples, path, size=None):
    """Samples as old notebooks and runs have them, as float32 [n, h, w, c] in [0, 1] or points; up to MOST_IMAGES each.

    samples: a list of arrays of images [n, 784] or [n, h, w, c], in [-1, 1], in [0, 1], or whole numbers to 255. Raises
    UserError if it is empty, or if the arrays differ in shape or are no images. size: as in to_images_or_points.
    """
    if not samples:
        raise UserError(
            f"{path} holds an empty list, as no samples were drawn yet; train longer, or with a smaller --sample-every"
        )
    shapes = {sample.shape[1:] for sample in samples}
    if len(shapes) > 1:
        raise UserError(f"{path} holds samples of different shapes: {' and '.join(map(str, sorted(shapes)[:2]))}")
    samples = [sample[:MOST_IMAGES] for sample in samples]
    everything = np.concatenate(samples)
    pixels = to_images_or_points(everything, str(path), size)
    if pixels.dtype == np.uint8:
        exact = everything.dtype.kind == "f" and everything.min() >= 0 and everything.max() <= 1
        pixels = everything.reshape(pixels.shape) if exact else pixels / np.float32(255)
    return np.split(pixels, np.cumsum([len(sample) for sample in samples])[:-1])


def write(review, out=None):
    """Writes the page, the evolution plot and, of images, the animation to a folder, or next to the samples.

    Returns their paths. Raises UserError, with nothing written, if a file of another program has one of the names.
    """
    folder, is_images = review.folder if out is None else Path(out), np.ndim(review.samples[0]) == 4
    written = (names.REVIEW_PAGE, names.EVOLUTION, *[names.ANIMATION] * is_images)
    paths = [folder / (f"{review.stem}{Path(name).suffix}" if review.stem else name) for name in written]
    run_folder.check_outputs(paths)
    files.make_folder(folder)
    summary, samples, columns = review.summary, review.samples, review.summary["columns"]
    urls = [] if review.field else page.Grids(len(samples), columns).urls(samples)
    steps = summary["sample_steps"] or range(1, len(samples) + 1)
    labels = [curves.label_of(summary, step) for step in steps]
    evolution = plots.evolution(samples, labels) if is_images else plots.density_evolution(samples, labels, None)
    real = review.folder / names.REAL_IMAGES
    real = real.read_bytes() if not review.stem and real.is_file() and real.stat().st_size < MOST_REAL else None
    html = page.page(summary, urls, review.tables, real, field=review.field, folder=folder)
    contents = html, plots.figure_png(evolution), *([animate(samples, columns)] if is_images else [])
    for path, content in zip(paths, contents, strict=True):
        files.write(path, content)
    return paths


def animate(samples, columns=None):
    """The image grids of up to MOST_FRAMES of the samples, from the first to the last, as the bytes of a GIF."""
    least = min(map(len, samples))  # frames of one size
    shown = plots.spread(len(samples), MOST_FRAMES)
    tiled = (images.tile(images.as_bytes(samples[i][:least]), columns, background=255) for i in shown)
    frames = [images.shrunk(frame, LONGEST, MOST_PIXELS / len(shown)) for frame in tiled]
    return images.gif(frames, 1000 * min(0.5, SECONDS / len(frames)), 1000 * HOLD)


def _read_summary(folder):
    """The content of review.json, or None, with a warning if it is damaged."""
    path = folder / names.REVIEW
    if not path.is_file():
        return None
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        summary = files.read_json(path)
        if files.fits(summary, page.FORMS) and files.has_valid_checksum(summary):
            return page.SUMMARY | summary
    warn(f"{path} is damaged, so the page has no configuration; the next training step that draws samples replaces it")
    return None


def _is_critics(path):
    """Whether losses.csv is of a run with a critic; False if there is none."""
    if not path.is_file():
        return False
    with path.open(encoding="ascii", errors="replace") as file:
        return STEP_METRICS[True][2] in file.readline(1000)


def _read(path, header):
    """The rows of a table; none if there is no such file, or, with a warning, if it is damaged."""
    try:
        return records.read_table(path, header, float("inf")) if path.is_file() else []
    except UserError as error:
        warn(f"{error}, so the page is without it")
        return []
