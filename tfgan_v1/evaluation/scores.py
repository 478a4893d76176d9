"""All scores of a set of images, each with the same score of real training images.

    reference = make_reference(dataset, test, ["frechet_distance"], classifier=classifier)  # once
    for name, found in score(images, reference).items():
        print(name, found.generated, found.real, found.hint)

Every score compares with test images. A perfect generator would reach the score of real training images.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1.data import datasets, splits
from tfgan_v1.errors import UserError
from tfgan_v1.evaluation import image_set
from tfgan_v1.evaluation.image_set import LEAST_FRECHET, MOST_NEAREST, ImageSet, nearest
from tfgan_v1.evaluation.metric_table import METRICS

NUM, NUM_STACKED = 10_000, 26_000  # images to measure; PacGAN counts modes in 26,000
FOLDS = 10  # parts of the training images, each compared with the others where there are no test images


class Score(NamedTuple):
    """A metric's value for generated images, and for real ones in their place."""

    generated: float
    real: float
    hint: str = ""  # how to read it, in a few words


class Reference(NamedTuple):
    """The real images to compare with, and their scores: made once, used for any number of generated sets."""

    test: ImageSet  # with which all scores compare
    train: ImageSet  # real images in place of generated ones, as many as these
    training: np.ndarray  # all training images, among which the nearest are searched
    new_distances: np.ndarray | None  # of new real images to their nearest training images, if they are measured
    metrics: tuple[str, ...]  # names in metric_table.METRICS
    count: int  # images that are measured: of a larger generated set, the first
    seed: int
    classifier: Any
    notes: tuple[str, ...]  # sentences on what stands in for what
    real: Mapping[str, float]  # the real images' values, by name
    modes: Any = None  # the data.points.Modes of points, or None


def common_count(num, dataset, test):
    """How many of `num` images can be measured, with as many real ones in their place and as many test images."""
    most = len(dataset.images) // 2 if test is None else min(len(dataset.images), len(test.images))
    return min(num, most)


def make_reference(dataset, test, metrics, *, num=NUM, seed=0, classifier=None):
    """The Reference of a data.Dataset, with the scores of its training images.

    test: the Dataset of test images, or of held-out ones, which has another name than `dataset`; or None: then two
    halves of the training images take the places of both. metrics: names, see metric_table.choose. num: images to
    measure; as many real ones are measured, or all, if they are fewer. seed: of the choice among the real images, the
    subsets and the projections. classifier: with `features` and `probabilities`, for the metrics that need one.
    """
    if test is None:
        train_rows, test_rows = splits.split(dataset, 0.5, seed)
    else:
        train_rows, test_rows = np.arange(len(dataset.images)), np.arange(len(test.images))
    count = min(num, len(train_rows))
    random = np.random.default_rng([seed, 0x5C0])

    def choose(data, rows, most):
        rows = np.sort(random.permutation(rows)[:most])
        return ImageSet(data.images[rows], classifier, None if data.labels is None else data.labels[rows])

    train, tests = choose(dataset, train_rows, count), choose(test or dataset, test_rows, num)
    new = _new_distances(dataset, test and tests.images, seed) if "nearest" in metrics else None
    notes = _notes(dataset, test, num, len(train_rows))
    modes, metrics = datasets.modes_of(dataset.name), tuple(metrics)
    reference = Reference(tests, train, dataset.images, new, metrics, count, seed, classifier, notes, {}, modes)
    return reference._replace(real=_values(train, reference))


def _notes(dataset, test, num, most):
    """Sentences on what stands in for test images. most: how many real images can be measured in place of `num`."""
    notes, what = [], "points" if dataset.images.ndim == 2 else "images"
    if test is None:
        notes.append(
            f"{dataset.name} has no test {what}: one half of its {len(dataset.images):,} training {what} stands in for "
            f"them, the other half for the real {what}"
        )
    if splits.is_held_out(dataset, test):
        notes.append(f"{len(test.images):,} held-out {what} stand in for test {what}")
    if splits.shares_digits(dataset, test):
        alike = "are made of the same single digits, so they are more alike than new images"
        notes.append(f"both parts of {dataset.name} {alike}")
    if most < num:
        notes.append(f"{most:,} {what} are measured, not {num:,}, as there are no more real ones")
    return tuple(notes)


def _new_distances(dataset, tests, seed):
    """The distances of new real images, `tests` or else each part of the data, to their nearest training images."""
    if tests is not None:
        return nearest(tests[:MOST_NEAREST], dataset.images)[1]
    parts = [
        nearest(dataset.images[part[: MOST_NEAREST // FOLDS]], dataset.images[others])[1]
        for part, others in splits.folds(dataset, FOLDS, seed)
        if len(part) and len(others)
    ]
    return np.concatenate(parts)


def make_image_set(images, reference, labels=None):
    """The ImageSet of generated images: computed once, for `score`, `class_shares` and `class_scores`.

    images: uint8, or float in [0, 1], [n, h, w, c], or points [n, d], of the reference's shape; only the first
    `reference.count` are measured. Floats are rounded to the 256 values that the data have. labels: the class that each
    should show, int [n]. Raises UserError for another shape, too few images, or NaN or infinite values.
    """
    images = np.asarray(images)
    check_shape(images.shape, reference.training.shape)
    if len(images) < reference.count:
        raise UserError(
            f"there are {len(images):,} images to measure and {reference.count:,} real ones in their place; "
            f"give as many, or make the reference with num={len(images)}"
        )
    images, labels = images[: reference.count], None if labels is None else labels[: reference.count]
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise UserError("the images hold NaN or infinite values; such images cannot be measured")
    if images.dtype != np.uint8 and images.ndim == 4:
        images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return ImageSet(images, reference.classifier, labels)


def score(images, reference):
    """The Scores of generated images by name, in the order of the reference's metrics.

    images: as `make_image_set` takes them, or its result.
    """
    images = images if isinstance(images, ImageSet) else make_image_set(images, reference)
    hints = {name: hint for metric in reference.metrics for name, hint in METRICS[metric].scores.items()}
    values = _values(images, reference)
    return {name: Score(value, reference.real[name], hints[name]) for name, value in values.items()}


def class_shares(images, reference, classes):
    """The share of each class, as the classifier sees it: class -> Score; the real ones are the test images'."""
    rows = zip(classes, images.shares, reference.test.shares, strict=True)
    return {name: Score(float(share), float(real)) for name, share, real in rows}


def class_scores(images, reference, classes):
    """The scores of each class, of the metrics that have some: class -> name -> Score, NaN of too few images."""
    sets, rows = (images, reference.train), [(name, row.by_class) for name, row in METRICS.items() if row.by_class]
    scores = {name: [of(each, reference) for each in sets] for name, of in rows if name in reference.metrics}
    return {
        name: {metric: Score(*(float(values[index]) for values in pair)) for metric, pair in scores.items()}
        for index, name in enumerate(classes if scores else ())
    }


def class_notes(by_name):
    """A note on the classes without a Frechet distance, if there are any: a list. by_name: see `class_scores`."""
    distances = [each["class_frechet_distance"] for each in by_name.values() if "class_frechet_distance" in each]
    missing = sum(np.isnan(each.generated) for each in distances)
    few = f"{missing} of {len(distances)} classes have fewer than {LEAST_FRECHET} images on a side"
    return [f"{few}, and no class frechet distance"] if missing else []


def label_notes(images, reference, classes):
    """A sentence on classes that are mostly seen as others, as with shifted labels, where real ones are not: a list."""
    rows, known = images.rows_of_classes, image_set.recognized_shares(reference.test) > 0.5
    counts = np.array([np.bincount(images.seen[each], minlength=len(rows)) for each in rows])  # [requested, seen]
    seen, mostly = counts.argmax(1), counts.max(1) > np.maximum(counts.sum(1) / 2, 4)
    wrong = np.flatnonzero(known & mostly & (seen != np.arange(len(seen))))
    pairs = [f"{classes[index]} are mostly seen as {classes[seen[index]]}" for index in wrong]
    others = f", those of {len(pairs) - 1} more as another" if len(pairs) > 1 else ""
    permuted = "; the labels are permuted" if set(wrong) == set(seen[wrong]) else ""
    return [f"images of the class {pair}{others}{permuted}" for pair in pairs[:1]]


def _values(images, reference):
    """The values of all scores of the reference's metrics, by name."""
    values = {}
    for metric in map(METRICS.get, reference.metrics):
        values.update(zip(metric.scores, map(float, metric.measure(images, reference)), strict=True))
    return values


def check_shape(generated, real):
    """Raises UserError unless the shape of generated images [n, ...] is that of the real ones."""
    if tuple(generated[1:]) != tuple(real[1:]):
        sizes = ["x".join(map(str, shape[1:])) for shape in (generated, real)]
        texts = [size if "x" in size else f"points of {size}" for size in sizes]
        raise UserError(
            f"the generated images are {texts[0]} and the real ones {texts[1]}; give images of one shape, "
            "or name the data that they imitate by --dataset"
        )
