"""What `sample` draws: seeds, classes, and paths between them. Imports no TensorFlow, so that mistakes are fast."""

import re
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tfgan_v1.config import MOST_DRAWN
from tfgan_v1.data.labels import find_class
from tfgan_v1.errors import UserError

_LONGEST_STEM = 40  # characters of a class's name in a file's name, which has 255 bytes
NUM, NUM_OF_EACH, NUM_BETWEEN = 16, 10, 8  # images of one class, of each of several, and from one seed to the next


class Drawing(NamedTuple):
    """Images to draw, row by row."""

    seeds: list  # one for each image, or the seeds to interpolate between
    classes: list | None  # the name of the class of each, or None
    columns: int | None  # of the image grid; None for the most square one
    names: list  # of the images' own files, without suffix
    between: int = 0  # images from one seed to the next; 0 draws the seeds alone

    def draw(self, generator):
        """The images of a sampling.Generator: float32 [n, h, w, c]."""
        if not self.between:
            return generator(self.seeds, self.classes)
        z, labels = generator.latents(self.seeds), None
        if generator.classes:
            classes = self.classes or generator.seed_classes(self.seeds)
            labels = path(generator.labels(classes, len(self.seeds)), self.between)
        return generator.from_latents(path(z, self.between, spherical=generator.noise == "normal"), labels)


def make_drawing(num, seeds, class_names, interpolate, classes):
    """The Drawing of the flags of `sample`. Raises UserError for flags that do not go together.

    num, seeds, class_names, interpolate: the values of --num, --seeds, --class and --interpolate, or None. classes: the
    names of the run's classes, () unless it is conditional.
    """
    chosen = None if class_names is None else parse_classes(class_names, classes)
    if interpolate is None:
        return _of_seeds(num, seeds, chosen, classes)
    if seeds is not None:
        raise UserError("--interpolate names the seeds itself; leave out --seeds")
    return _between(interpolate, chosen, num or NUM_BETWEEN)


def _of_seeds(num, seeds, chosen, classes):
    """The Drawing of seeds, of each of the chosen classes or of None."""
    if num is not None and seeds is not None:
        raise UserError("--num N means --seeds 0-(N-1); give one of them")
    if seeds is None:
        seeds = range(num or (NUM if chosen is None or len(chosen) == 1 else NUM_OF_EACH))
    if chosen is None:
        return Drawing(list(seeds), None, None, [f"seed-{seed}" for seed in seeds])
    repeated = next((name for name in chosen if chosen.count(name) > 1), None)
    if repeated is not None:
        raise UserError(f"--class names {repeated} twice; name each class once")
    _check_number(len(chosen) * len(seeds))
    pairs = [(name, seed) for name in chosen for seed in seeds]
    stems = _file_names(classes)
    names = [f"class-{stems[name]}_seed-{seed}" for name, seed in pairs]
    columns = len(seeds) if len(chosen) > 1 else None
    return Drawing([seed for _, seed in pairs], [name for name, _ in pairs], columns, names)


def parse_classes(text, classes):
    """The names of the classes in a text: `7`, `ankle_boot`, `3,8`, or `each` for all. Raises UserError for others."""
    if not classes:
        raise UserError("--class needs a conditional run, and this one is not; train one with --conditional")
    if text == "each" and text not in classes:
        return list(classes)
    if text in classes or "," not in text:
        return [classes[find_class(text, classes)]]
    parts = [part.strip() for part in text.split(",")]
    if not set(parts) <= set(classes):
        with suppress(UserError):
            return [classes[find_class(text, classes)]]  # a name with a comma, typed without capitals
    return [classes[find_class(part, classes)] for part in parts]


def _between(seeds, classes, num):
    """The Drawing of paths between seeds, or between classes, or both at once; one of either stays the same."""
    count = max(len(seeds), len(classes or ()))
    if count < 2:
        raise UserError("--interpolate needs two or more seeds, such as 3,7,12, or one seed and several --class")
    if not {len(seeds), len(classes or seeds)} <= {1, count}:
        raise UserError(
            f"--interpolate names {len(seeds)} seeds and --class {len(classes)} classes; give as many of both, or one "
            "of either"
        )
    if num < 2:
        raise UserError("--num must be at least 2 with --interpolate: images from one seed to the next, both included")
    _check_number((count - 1) * num)
    seeds = seeds * count if len(seeds) == 1 else seeds
    classes = classes * count if classes and len(classes) == 1 else classes
    return Drawing(seeds, classes, num, [f"frame-{frame:04}" for frame in range((count - 1) * num)], num)


def _check_number(images):
    if images > MOST_DRAWN:
        raise UserError(f"{images:,} images are more than the {MOST_DRAWN:,} of one call; give a smaller --num")


def path(points, steps, spherical=False):
    """The points on the way from each to the next: [k, n] -> [(k - 1) * steps, n], with both ends of each way.

    Linear, or for normal noise spherical, since its length is almost constant (Shoemake 1985; arXiv:1609.04468).
    """
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    ways = []
    for start, end in pairwise(points):
        weights = 1 - shares, shares
        if spherical:
            cosine = np.dot(start, end) / max(np.linalg.norm(start) * np.linalg.norm(end), 1e-12)
            angle = np.arccos(np.clip(cosine, -1, 1))
            if np.sin(angle) > 1e-4:
                weights = tuple(np.sin(share * angle) / np.sin(angle) for share in weights)
        ways.append(weights[0] * start + weights[1] * end)
    return np.concatenate(ways).astype(np.float32)


def _file_names(classes):
    """A part of a file name for each class: its name as far as files may have it, and its index if others share it."""
    stems = [re.sub(r"[^\w.-]+", "_", name)[:_LONGEST_STEM] for name in classes]
    folded = [stem.casefold() for stem in stems]
    return {
        name: stem if stem and folded.count(stem.casefold()) == 1 else f"{stem}-{index}"
        for index, (name, stem) in enumerate(zip(classes, stems, strict=True))
    }
