"""What `sample` draws: seeds, classes, paths between them, maps."""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tfgan_v1.config import MOST_DRAWN
from tfgan_v1.data.labels import find_class
from tfgan_v1.errors import UserError
from tfgan_v1.sampling import latents

_LONGEST_STEM = 40  # characters of a class's name in a file's name, which has 255 bytes
NUM, NUM_OF_EACH, NUM_BETWEEN = 16, 10, 8  # images of one class, of each of several, and from one seed to the next
NUM_ANIMATED = 20  # frames of a GIF from one seed to the next
FRAME, FRAME_OF_PATH = 500, 50  # milliseconds
BLOCK, BLOCK_BYTES = 1024, 2**25  # most images that are drawn at once, and their most bytes


class Drawing(NamedTuple):
    """Images to draw, row by row."""

    kind: str  # in LATENTS: "seeds", "path" or "map"
    seeds: Sequence  # of the images, or the ends of paths, or the one of a map
    classes: Sequence  # the names of the classes; () for those of the seeds, and of an unconditional run
    count: int  # of images
    columns: int | None = None  # of the image grid; None for the most square one
    steps: int = 0  # images of a path from one seed to the next
    closed: bool = False  # whether the paths end where they began, and no image is there twice
    truncate: float | None = None  # see latents.truncate

    def blocks(self, generator):
        """Yields all images, float32 [n, h, w, c], some at a time, so that the memory is bounded."""
        size = max(1, min(BLOCK, BLOCK_BYTES // (4 * math.prod(generator.image_shape))))
        for start in range(0, self.count, size):
            z, labels = LATENTS[self.kind](self, generator, np.arange(start, min(start + size, self.count)))
            yield generator.from_latents(z if self.truncate is None else latents.truncate(z, self.truncate), labels)

    def seed_of(self, image):
        """The seed of an image of the kind "seeds": class after class, with the same seeds."""
        return self.seeds[image % len(self.seeds)]

    def file_name(self, image, stems):
        """The name of an image's own file, without suffix. stems: see `file_stems`."""
        if self.kind != "seeds":
            return f"frame-{image:0{max(4, len(str(self.count - 1)))}}"
        of_class = f"class-{stems[self.classes[image // len(self.seeds)]]}_" if self.classes else ""
        return f"{of_class}seed-{self.seed_of(image)}"

    def captions(self, generator):
        """A text for each image, of lines: the seed and the class; of an open path, at its ends; of a map, none."""
        if self.kind == "map":
            return None
        if self.kind == "path":
            texts = _texts(self.seeds, _class_names(generator, self.classes, self.seeds))
            return [text for first, last in pairwise(texts) for text in (first, *[""] * (self.steps - 2), last)]
        seeds = [self.seed_of(image) for image in range(self.count)]
        return _texts(seeds, _class_names(generator, [name for name in self.classes for _ in self.seeds], seeds))

    def axis(self, distribution):
        """The values of each of the two dimensions of a map: float32 [columns], ascending."""
        values = latents.quantiles(distribution, self.columns)
        return values if self.truncate is None else latents.truncate(values, self.truncate)

    @property
    def milliseconds(self):  # for which an animation shows each image
        return FRAME_OF_PATH if self.kind == "path" else FRAME


def _texts(seeds, names):
    texts = [f"seed {seed}" for seed in seeds]
    if names is None:
        return texts
    return [f"{text}\n{'class ' * name.isdecimal()}{name}" for text, name in zip(texts, names, strict=True)]


def _class_names(generator, names, seeds):
    """These names of classes, or without any those of the seeds; None in an unconditional run."""
    return (names or generator.seed_classes(seeds)) if generator.classes else None


def _seeds_latents(drawing, generator, images):
    """(noise, labels or None) of images by their seeds."""
    seeds = [drawing.seed_of(image) for image in images]
    names = [drawing.classes[image // len(drawing.seeds)] for image in images] if drawing.classes else ()
    names = _class_names(generator, names, seeds)
    return generator.latents(seeds), None if names is None else generator.labels(names, len(images))


def _path_latents(drawing, generator, images):
    """(noise, labels or None) of images on the way from seed to seed and from class to class."""
    first = images[0] // drawing.steps
    turns = [end % len(drawing.seeds) for end in range(first, images[-1] // drawing.steps + 2)]
    at = {"steps": drawing.steps, "frames": images - first * drawing.steps, "with_end": not drawing.closed}
    seeds = [drawing.seeds[turn] for turn in turns]
    names = _class_names(generator, [drawing.classes[turn] for turn in turns] if drawing.classes else (), seeds)
    labels = None if names is None else latents.path(generator.labels(names, len(turns)), **at)
    return latents.path(generator.latents(seeds), spherical=generator.noise == "normal", **at), labels


def _map_latents(drawing, generator, images):
    """(noise, labels or None) of the images of a map of the first two dimensions."""
    z = generator.latents(drawing.seeds)[0]
    if len(z) < 2:
        raise UserError("--map needs noise of two dimensions or more, and this run's has one; leave it out")
    names = _class_names(generator, drawing.classes, drawing.seeds)
    labels = None if names is None else generator.labels(names * len(images), len(images))
    return latents.plane(z, latents.quantiles(generator.noise, drawing.columns), images), labels


LATENTS = {"seeds": _seeds_latents, "path": _path_latents, "map": _map_latents}  # kind -> the latents of its images


class DrawRequest(NamedTuple):
    """The flags of `sample` that say what to draw."""

    num: int | None = None
    seeds: Sequence | None = None
    class_names: str | None = None  # of --class
    interpolate: Sequence | None = None  # seeds
    map: int | None = None  # columns
    grid: tuple[int, int] | None = None  # (rows, columns)
    truncate: float | None = None  # see latents.truncate


def make_drawing(request, classes=(), closed=False):
    """The Drawing of a DrawRequest. Raises UserError for flags that do not go together.

    classes: the names of the run's classes, () unless it is conditional. closed: whether an interpolation returns to
    where it began, as an animation does.
    """
    num, seeds, class_names, interpolate, columns, grid, truncate = request
    names = () if class_names is None else parse_classes(class_names, classes)
    if interpolate is not None:
        drawing = _between(interpolate, names, num or (NUM_ANIMATED if closed else NUM_BETWEEN), closed)
    elif columns is not None:
        if len(names) > 1:
            raise UserError(f"--map draws one class, and --class names {len(names)}; give one of them")
        drawing = Drawing("map", seeds or [0], names, columns**2, columns)
    else:
        drawing = _of_seeds(num, seeds, names, grid)
    if drawing.count > MOST_DRAWN:
        raise UserError(f"{drawing.count:,} images are more than the {MOST_DRAWN:,} of one call; give a smaller number")
    return drawing._replace(truncate=truncate)


def _of_seeds(num, seeds, names, grid):
    """The Drawing of seeds, of each of the named classes or of none."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise UserError(f"--class names {repeated} twice; name each class once")
    num_classes = len(names) or 1
    if seeds is None:
        fitting = grid and max(1, grid[0] * grid[1] // num_classes)
        seeds = range(num or fitting or (NUM if num_classes == 1 else NUM_OF_EACH))
    count = num_classes * len(seeds)
    if grid and grid[0] * grid[1] != count:
        what = f"{num_classes} classes of {len(seeds):,} images" if num_classes > 1 else f"{count:,} images"
        places = f"--grid {grid[0]}x{grid[1]} has {grid[0] * grid[1]:,} places"
        raise UserError(f"{places}, and there are {what}; give as many")
    return Drawing("seeds", seeds, names, count, grid[1] if grid else len(seeds) if num_classes > 1 else None)


def parse_classes(text, classes):
    """The names of the classes in a text: `7`, `ankle_boot`, `3,8`, or `each` for all. Raises UserError for others."""
    if not classes:
        raise UserError("--class needs a conditional run, and this one is not; train one with --conditional")
    if text == "each" and text not in classes:
        return list(classes)
    parts = [part.strip() for part in text.split(",")]
    if text in classes or not set(parts) <= set(classes):
        with suppress(UserError):
            return [classes[find_class(text, classes)]]  # perhaps a name with a comma, or typed without capitals
    return [classes[find_class(part, classes)] for part in parts]


def _between(seeds, classes, num, closed):
    """The Drawing of paths between seeds, or between classes, or both at once; one of either stays the same."""
    count = max(len(seeds), len(classes))
    if count < 2:
        raise UserError("--interpolate needs two or more seeds, such as 3,7,12, or one seed and several --class")
    if not {len(seeds), len(classes or seeds)} <= {1, count}:
        numbers = f"--interpolate names {len(seeds)} seeds and --class {len(classes)} classes"
        raise UserError(f"{numbers}; give as many of both, or one of either")
    if num < 2:
        raise UserError("--num must be at least 2 with --interpolate: images from one seed to the next, both included")
    images = (count if closed else count - 1) * num
    seeds = seeds * count if len(seeds) == 1 else seeds
    classes = classes * count if len(classes) == 1 else classes
    return Drawing("path", seeds, classes, images, num, num, closed)


def file_stems(classes):
    """A part of a file name for each class: its name as far as files may have it, and its index if others share it."""
    stems = [re.sub(r"[^\w.-]+", "_", name)[:_LONGEST_STEM] for name in classes]
    folded = [stem.casefold() for stem in stems]
    return {
        name: stem if stem and folded.count(stem.casefold()) == 1 else f"{stem}-{index}"
        for index, (name, stem) in enumerate(zip(classes, stems, strict=True))
    }
