"""The command `review`: the page, the evolution sheet and an animation from what a run left, or from any samples."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import files
from tfgan_v1.data.arrays import to_images_or_points
from tfgan_v1.errors import UserError, warn
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.report import animation, page, plots
from tfgan_v1.storage import names, records

MOST_IMAGES = 100  # of a sampling step that are shown
MOST_FRAMES = 200  # of the animation
SECONDS, HOLD = 8.0, 1.5  # of the animation, and of its last frame


class Found(NamedTuple):
    """What there is to review."""

    about: dict[str, Any]  # see review.about_run
    samples: list  # float32 arrays [n, h, w, c] in [0, 1], or points [n, 1]
    tables: page.Tables
    folder: Path  # where it was found
    stem: str  # of the file, or "" in a run's folder


def find(path):
    """The Found in a pickle of samples or in the samples folder of a run. Raises UserError if there is none."""
    path = Path(path)
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise UserError(f"there is no {path}; name a samples folder, or a pickle such as train_samples.pkl")
    samples = as_samples(records.load_samples(path), path)
    return Found(page.about_samples(path.name, samples), samples, page.Tables(), path.parent, path.stem)


def _in_folder(folder):
    """The Found in the samples folder of a run."""
    if not (folder / names.SAMPLES).is_file():
        hint = (
            "which holds checkpoints; name the run's samples folder"
            if (folder / names.CONFIG).exists()
            else (f"which has no {names.SAMPLES}; name a samples folder such as samples or samples/NAME, or a pickle")
        )
        raise UserError(f"there is nothing to review in {folder}, {hint}")
    fixed = folder / names.FIXED_NOISE
    samples = records.load_samples(fixed) if fixed.is_file() else []
    source = fixed if samples else folder / names.SAMPLES
    samples = as_samples(samples or records.load_samples(source), source)
    about = _read_about(folder)
    critic, losses = _read_losses(folder)
    if about is None:
        about = page.about_samples(folder.name or str(folder), samples) | {
            "reads_as": "scores" if critic else "probabilities"
        }
        if len(losses) == len(samples):  # a row for each sampling step
            about |= {"unit": "step", "sample_steps": [row.step for row in losses]}
        else:
            losses = []  # nobody knows at which steps the samples were drawn
    if about["sample_steps"]:  # a killed run may have drawn more
        count = min(len(samples), len(about["sample_steps"]))
        samples, about["sample_steps"] = samples[:count], about["sample_steps"][:count]
    header = ("step", "epoch", *about["figures"])
    held_out = _read(folder / names.HELD_OUT, records.HELD_OUT_HEADERS[critic])
    evaluation = _read(folder / names.EVALUATION, header) if about["figures"] else []
    tables = page.Tables(losses, [records.HeldOut(*row) for row in held_out], evaluation)
    return Found(about, samples, tables, folder, "")


def as_samples(samples, path):
    """Samples as old notebooks and runs have them, as float32 [n, h, w, c] in [0, 1] or points; up to MOST_IMAGES each.

    samples: a list of arrays of images [n, 784] or [n, h, w, c], in [-1, 1], in [0, 1], or whole numbers to 255. Raises
    UserError if there is none, or if they differ in shape or are no images.
    """
    if not samples:
        raise UserError(f"{path} holds an empty list, in which no samples are; train a run first")
    shapes = {each.shape[1:] for each in samples}
    if len(shapes) > 1:
        raise UserError(f"{path} holds samples of different shapes: {' and '.join(map(str, sorted(shapes)[:2]))}")
    samples = [each[:MOST_IMAGES] for each in samples]
    everything = np.concatenate(samples)
    pixels = to_images_or_points(everything, str(path))
    if pixels.dtype == np.uint8:
        exact = everything.dtype.kind == "f" and everything.min() >= 0 and everything.max() <= 1
        pixels = everything.reshape(pixels.shape) if exact else pixels / np.float32(255)
    return np.split(pixels, np.cumsum([len(each) for each in samples])[:-1])


def write(found, out=None):
    """Writes the page, the evolution sheet and, of images, the animation. Returns their paths.

    out: the folder to write to, None for where the samples are.
    """
    folder = found.folder if out is None else Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    about, samples = found.about, found.samples
    urls = page.Grids(len(samples), about["columns"]).urls(samples)
    steps = about["sample_steps"] or range(1, len(samples) + 1)
    places = [page.label_of(about, step) for step in steps]
    is_images = np.ndim(samples[0]) == 4
    draw = plots.evolution if is_images else plots.density_evolution
    contents = {
        names.REVIEW_PAGE: page.page(about, urls, found.tables),
        names.EVOLUTION: plots.figure_png(draw(samples, places, () if is_images else None)),
    }
    if is_images:
        contents[names.ANIMATION] = animate(samples, about["columns"])
    paths = [folder / (f"{found.stem}{Path(name).suffix}" if found.stem else name) for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        with files.replacing(path) as partial:
            partial.write_bytes(content)
    return paths


def animate(samples, columns=None):
    """The image grids of up to MOST_FRAMES of the samples, from the first to the last, as the bytes of a GIF."""
    chosen = np.unique(np.linspace(0, len(samples) - 1, min(MOST_FRAMES, len(samples))).round().astype(int))
    least = min(map(len, samples))  # frames of one size
    columns = columns or plots.grid_size(least)[1]
    frames = [plots.tile(samples[i][:least], columns, background=1) for i in chosen]
    return animation.gif(frames, 1000 * min(0.5, SECONDS / len(frames)), 1000 * HOLD)


def _read_about(folder):
    """The content of review.json, or None, with a warning if it is damaged."""
    path = folder / names.REVIEW
    if not path.is_file():
        return None
    try:
        about = files.read_json(path)
        if files.has_valid_checksum(about) and about.keys() - {"sha256"} == {*page.ABOUT}:
            return about
    except (OSError, ValueError, RecursionError, AttributeError):
        pass
    warn(f"{path} is damaged, so the page has no configuration; the next training step that draws samples replaces it")
    return None


def _read_losses(folder):
    """(Loss.critic, the rows of losses.csv); no rows if there is no such file."""
    path = folder / names.LOSSES
    if not path.is_file():
        return False, []
    with path.open(encoding="ascii", errors="replace") as file:
        header = file.readline(1000)
    critic = STEP_METRICS[True][2] in header
    return critic, records.read_losses(path, float("inf"), critic=critic)


def _read(path, header):
    """The rows of a table, or none if there is no such file."""
    return records.read_table(path, header, float("inf")) if path.is_file() else []
