"""All figures of a set of images, each beside the same figure for real training images.

    reference = make_reference(dataset, test, classifier=classifier)  # once
    for name, figure in score(images, reference).items():
        print(name, figure.generated, figure.real, figure.hint)

Every figure compares with test images. What real training images reach there is what a perfect generator would reach.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1.data import splits
from tfgan_v1.errors import UserError
from tfgan_v1.evaluation import by_class
from tfgan_v1.evaluation.metric_table import METRICS, choose, nearest_figures
from tfgan_v1.evaluation.sides import MOST_NEAREST, Side, nearest

NUM, NUM_STACKED = 10_000, 26_000  # images to measure; PacGAN counts modes in 26,000
FOLDS = 10  # parts of the training images, each compared with the others where there are no test images


class Figure(NamedTuple):
    """A figure of generated images, and of real ones in their place."""

    generated: float
    real: float
    hint: str  # how to read it, in a few words


class Reference(NamedTuple):
    """The real images to compare with, and their figures: made once, used for any number of generated sets."""

    test: Side  # to which all figures compare
    train: Side  # real images in place of generated ones, as many as these
    training: np.ndarray  # all training images, among which the nearest are searched
    new_distances: np.ndarray | None  # of new real images to their nearest training images, if asked for
    metrics: tuple[str, ...]  # names in metric_table.METRICS
    count: int  # images that are measured: of a larger generated set, the first
    seed: int
    classifier: Any
    notes: tuple[str, ...]  # sentences on what stands in for what
    real: Mapping[str, float]  # the real images' figures, by name


def common_count(num, dataset, test):
    """How many of `num` images can be measured, with as many real ones in their place and test images beside them."""
    if test is not None:
        return min(num, len(dataset.images), len(test.images))
    return min(num, len(dataset.images) // 2)


def make_reference(dataset, test=None, *, num=NUM, seed=0, names=None, classifier=None, conditional=False):
    """The Reference of a data.Dataset, with the figures of its training images.

    test: the Dataset of test images, or of held-out ones, which has another name than `dataset`; or None: then two
    halves of the training images take the places of both. A note says what stands in for test images. num: images to
    measure; as many real ones are measured, or all, if they are fewer. seed: of the choice among the real images, the
    subsets and the projections. names, conditional: as `choose` takes and checks them. classifier: with `features` and
    `probabilities`, for the metrics that need one. Raises UserError as `choose` does.
    """
    notes, what = [], "points" if dataset.images.ndim == 2 else "images"
    held_out = splits.is_held_out(dataset, test)
    if test is None:
        train_rows, test_rows = splits.split(dataset, 0.5, seed)
        new = dataset
        notes.append(
            f"{dataset.name} has no test {what}: one half of its {len(dataset.images):,} training {what} stands in for "
            f"them, the other half for the real {what}"
        )
    else:
        train_rows, test_rows, new = np.arange(len(dataset.images)), np.arange(len(test.images)), test
    if held_out:
        notes.append(f"{len(test.images):,} held-out {what} stand in for test {what}")
    if splits.shares_digits(dataset, test):
        notes.append(
            f"both parts of {dataset.name} are made of the same single digits, so they are more alike than new images"
        )
    if len(train_rows) < num:
        notes.append(f"{len(train_rows):,} {what} are measured, not {num:,}, as there are no more real ones")
    count = min(num, len(train_rows))
    chosen, left_out = choose(names, dataset, min(count, len(test_rows)), conditional)
    random = np.random.default_rng([seed, 0x5C0])
    train = _side(dataset, np.sort(random.permutation(train_rows)[:count]), classifier)
    tests = _side(new, np.sort(random.permutation(test_rows)[:num]), classifier)
    needed = "nearest" in chosen
    reference = Reference(
        tests,
        train,
        dataset.images,
        _new_distances(dataset, None if test is None else tests.images, seed) if needed else None,
        chosen,
        count,
        seed,
        classifier,
        (*notes, *left_out),
        {},
    )
    return reference._replace(real=_figures(reference.train, reference))


def _side(dataset, rows, classifier):
    """The Side of some images of a Dataset."""
    return Side(dataset.images[rows], classifier, None if dataset.labels is None else dataset.labels[rows])


def _new_distances(dataset, tests, seed):
    """The distances of new real images to their nearest training images.

    tests: the new images; None for each part of the training images in turn, compared with all other parts.
    """
    if tests is not None:
        return nearest(tests[:MOST_NEAREST], dataset.images).distances
    found = []
    for part, others in splits.folds(dataset, FOLDS, seed):
        if len(part) and len(others):
            found.append(nearest(dataset.images[part[: MOST_NEAREST // FOLDS]], dataset.images[others]).distances)
    return np.concatenate(found)


def make_side(images, reference, labels=None):
    """The Side of generated images: what is computed from them once, for `score`, `class_shares` and `class_figures`.

    images: uint8, or float in [0, 1], [n, h, w, c], or points [n, 1], of the reference's shape; only the first
    `reference.count` are measured. Floats are rounded to the 256 values that the data have. labels: the class that each
    should show, int [n]. Raises UserError for another shape, or for too few images.
    """
    images = as_pixels(images)
    check_shape(images.shape, reference.training.shape)
    if len(images) < reference.count:
        raise UserError(
            f"there are {len(images):,} images to measure and {reference.count:,} real ones in their place; "
            f"give as many, or make the reference with num={len(images)}"
        )
    return Side(images[: reference.count], reference.classifier, None if labels is None else labels[: reference.count])


def score(images, reference):
    """The Figures of generated images by name, in the order of the reference's metrics.

    images: as `make_side` takes them, or its result.
    """
    side = images if isinstance(images, Side) else make_side(images, reference)
    values = _figures(side, reference)
    hints = {name: hint for metric in reference.metrics for name, hint in METRICS[metric].figures.items()}
    return {name: Figure(value, reference.real[name], hints[name]) for name, value in values.items()}


def class_shares(side, reference, classes):
    """The share of each class, as the classifier sees it: class -> Figure; the real ones are the test images'."""
    pairs = zip(side.shares, reference.test.shares, strict=True)
    return {name: Figure(float(share), float(real), "") for name, (share, real) in zip(classes, pairs, strict=True)}


def class_figures(side, reference, classes):
    """The figures of each class of a conditional generator: class -> name -> Figure, NaN of too few images.

    Of the metrics `recognized` and `class_frechet_distance`, as far as they are measured.
    """
    columns = {
        "recognized": (by_class.recognized, (side,), (reference.test,)),
        "class_frechet_distance": (
            by_class.frechet_distances,
            (side, reference.test),
            (reference.train, reference.test),
        ),
    }
    chosen = [metric for metric in columns if metric in reference.metrics]
    found = {name: {} for name in classes if chosen}
    for metric in chosen:
        measure, generated, real = columns[metric]
        for name, value, other in zip(classes, measure(*generated), measure(*real), strict=True):
            found[name][metric] = Figure(float(value), float(other), "")
    return found


def class_notes(figures):
    """A note on the classes without a Frechet distance, if there are any: a list. figures: see `class_figures`."""
    distances = [each["class_frechet_distance"] for each in figures.values() if "class_frechet_distance" in each]
    missing = sum(np.isnan(each.generated) for each in distances)
    few = f"{missing} of {len(distances)} classes have fewer than {by_class.LEAST} images on a side"
    return [f"{few}, and no class frechet distance"] if missing else []


def _figures(side, reference):
    """The values of all figures of the reference's metrics, by name."""
    values = {}
    for name in reference.metrics:
        metric = METRICS[name]
        if name == "nearest" and side is reference.train:
            measured = nearest_figures(reference.new_distances, reference.new_distances)
        else:
            measured = metric.measure(side, reference)
        values.update(zip(metric.figures, map(float, measured), strict=True))
    return values


def as_pixels(images):
    """Images as uint8, float ones from [0, 1]; points stay as they are. Raises UserError for NaN or infinite values."""
    images = np.asarray(images)
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise UserError("the images hold NaN or infinite values; such images cannot be measured")
    if images.dtype == np.uint8 or images.ndim != 4:
        return images
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def check_shape(found, wanted):
    """Raises UserError unless generated images [n, ...] have the shape of the real ones."""
    if tuple(found[1:]) != tuple(wanted[1:]):
        texts = ["x".join(map(str, shape[1:])) if len(shape) == 4 else "points" for shape in (found, wanted)]
        raise UserError(
            f"the generated images are {texts[0]} and the real ones {texts[1]}; give images of one shape, "
            "or name the data that they imitate by --dataset"
        )
