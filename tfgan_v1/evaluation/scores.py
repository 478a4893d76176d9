"""All figures of a set of images, each beside the same figure for real training images.

    reference = make_reference(dataset, test, classifier=classifier)  # once
    for name, figure in score(images, reference).items():
        print(name, figure.generated, figure.real, figure.hint)

Every figure compares with test images. What real training images reach there is what a perfect generator would reach.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1.data import splits
from tfgan_v1.errors import UserError, brief, did_you_mean
from tfgan_v1.evaluation import distances, metrics

NUM, NUM_STACKED = 10_000, 26_000  # images to measure; PacGAN counts modes in 26,000
K_PRECISION, K_DENSITY = 3, 5
MOST_NEAREST = 2000  # images whose nearest training images are searched
FOLDS = 10  # parts of the training images, each compared with the others where there are no test images
LOWER, HIGHER = "lower is better", "higher is better"


class Figure(NamedTuple):
    """A figure of generated images, and of real ones in their place."""

    generated: float
    real: float
    hint: str  # how to read it, in a few words


class Side:
    """A set of images, uint8 [n, h, w, c], or points, float [n, 1], and what is computed from them once."""

    def __init__(self, images, classifier=None):
        self.images, self._classifier, self._nearest = images, classifier, None

    def nearest(self, training):
        """The Nearest among training images [m, h, w, c] of the first MOST_NEAREST images; searched once."""
        if self._nearest is None or self._nearest[0] is not training:
            self._nearest = training, _nearest(self.images[:MOST_NEAREST], training)
        return self._nearest[1]

    @cached_property
    def features(self):
        return self._classifier.features(self.images).astype(np.float64)

    @cached_property
    def gaussian(self):
        return distances.gaussian(self.features)

    @cached_property
    def probabilities(self):
        return self._classifier.probabilities(self.images)

    @cached_property
    def shares(self):
        classes = self.probabilities.shape[1]
        return distances.class_shares(self.probabilities.argmax(1), classes)

    @cached_property
    def precision_radii(self):
        return distances.radii(self.features, K_PRECISION)

    @cached_property
    def density_radii(self):
        return distances.radii(self.features, K_DENSITY)


class Nearest(NamedTuple):
    """The nearest training images of some images."""

    indices: np.ndarray  # int [n], of the images in the Dataset
    distances: np.ndarray  # float64 [n], Euclidean, of pixels in [0, 1]


class Reference(NamedTuple):
    """The real images to compare with, and their figures: made once, used for any number of generated sets."""

    test: Side  # to which all figures compare
    train: Side  # real images in place of generated ones, as many as these
    training: np.ndarray  # all training images, among which the nearest are searched
    new_distances: np.ndarray | None  # of new real images to their nearest training images, if asked for
    metrics: tuple[str, ...]  # names in METRICS
    count: int  # images that are measured: of a larger generated set, the first
    seed: int
    classifier: Any
    notes: tuple[str, ...]  # sentences on what stands in for what
    real: Mapping[str, float]  # the real images' figures, by name


def _nearest(images, training):
    indices, found = distances.nearest(images, training)
    return Nearest(indices, found / 255)


def _nearest_figures(of, new):
    return (
        float(np.median(of)),
        distances.nearer_share(of, new),
        distances.copied_share(of, new),
    )


class Metric(NamedTuple):
    """A measurement that gives one or more figures."""

    kind: str  # what it needs: "classifier", "stacked" (and a classifier), "pixels" or "points"
    least: int  # images on each side
    figures: dict[str, str]  # name -> hint
    measure: Callable  # (Side, Reference) -> the figures' values in order


METRICS = {
    "frechet_distance": Metric(
        "classifier",
        129,  # one more than features, or the covariance is singular and the distance says little
        {"frechet_distance": LOWER},
        lambda side, to: [distances.frechet_distance_of(to.test.gaussian, side.gaussian)],
    ),
    "kernel_distance": Metric(
        "classifier",
        2 * distances.KERNEL_SUBSETS,
        {"kernel_distance": LOWER, "kernel_distance_error": "standard error of the line above"},
        lambda side, to: distances.kernel_distance(to.test.features, side.features, to.seed),
    ),
    "classifier_score": Metric(
        "classifier",
        2,
        {"classifier_score": HIGHER},
        lambda side, to: [distances.classifier_score(side.probabilities)],
    ),
    "precision_recall": Metric(
        "classifier",
        K_PRECISION + 1,
        {"precision": "higher: images look real", "recall": "higher: nothing is missing"},
        lambda side, to: distances.precision_recall(
            to.test.features, side.features, K_PRECISION, to.test.precision_radii
        ),
    ),
    "density_coverage": Metric(
        "classifier",
        K_DENSITY + 1,
        {"density": "higher: images look real", "coverage": "higher: nothing is missing"},
        lambda side, to: distances.density_coverage(to.test.features, side.features, K_DENSITY, to.test.density_radii),
    ),
    "class_balance": Metric(
        "classifier",
        2,
        {"class_imbalance": "0: each class as often as in the test images"},
        lambda side, to: [distances.total_variation(to.test.shares, side.shares)],
    ),
    "modes": Metric(
        "stacked",
        2,
        {"modes": "of 1,000", "modes_divergence": "KL in nats, lower is better"},
        lambda side, to: (distances.num_modes(side.shares), distances.shares_divergence(_uniform(side), side.shares)),
    ),
    "sliced_wasserstein": Metric(
        "pixels",
        2,
        {"sliced_wasserstein": LOWER},
        lambda side, to: [distances.sliced_wasserstein(to.test.images, side.images, to.seed) / 255],
    ),
    "nearest": Metric(
        "pixels",
        2,
        {
            "nearest_distance": "to the nearest training image, median",
            "nearer_than_new": "0.5: as new as new real images; 1: copies",
            "copied": "about 0.05: new; 1: learned by heart",
        },
        lambda side, to: _nearest_figures(side.nearest(to.training).distances, to.new_distances),
    ),
    "distribution": Metric(
        "points",
        2,
        {
            "kl_divergence": LOWER,
            "wasserstein": LOWER,
            "kolmogorov_smirnov": "0 to 1, lower is better",
        },
        lambda side, to: (
            metrics.kl_divergence(to.test.images, side.images),
            metrics.wasserstein(to.test.images, side.images),
            metrics.kolmogorov_smirnov(to.test.images, side.images),
        ),
    ),
    "moments": Metric(
        "points",
        2,
        {name: "nearer to the real one is better" for name in metrics.Moments._fields},
        lambda side, to: metrics.moments(side.images),
    ),
}


def _uniform(side):
    """The shares of stacked_mnist's distribution, in which every mode is as likely as the others."""
    return np.full(len(side.shares), 1 / len(side.shares))


def check_names(asked):
    """Raises UserError unless all of these are names in METRICS."""
    for name in asked:
        if not isinstance(name, str) or name not in METRICS:
            hint = did_you_mean(str(name), METRICS)
            raise UserError(f"there is no metric {brief(name)}; {hint}the metrics are {', '.join(METRICS)}")


def choose(asked, dataset, count):
    """(names of the metrics to measure, notes on those left out) of a Dataset; reads no image.

    asked: names in METRICS, or None for all that are possible. count: images on the smaller side. Raises UserError for
    an unknown metric, one that this data does not allow, or one that needs more images, if it was asked for; or if none
    is left.
    """
    check_names(asked or ())
    kinds = kinds_of(dataset)
    chosen, small, notes = [], [], []
    for name in METRICS if asked is None else dict.fromkeys(asked):
        metric = METRICS[name]
        if metric.kind not in kinds:
            if asked is not None:
                raise UserError(
                    f"the metric {name} needs {_NEEDS[metric.kind]}, and {dataset.name} is not such data; "
                    f"choose from {', '.join(each for each in METRICS if METRICS[each].kind in kinds)}"
                )
        elif count < metric.least:
            small.append(name)
        else:
            chosen.append(name)
    what = "points" if kinds == {"points"} else "images"
    if small and asked is not None:
        least = METRICS[small[0]].least
        raise UserError(
            f"the metric {small[0]} needs at least {least:,} {what} on each side, and there are {count:,}; "
            "give more by --num, or leave it out"
        )
    if small and not chosen:
        least = min(METRICS[name].least for name in small)
        raise UserError(
            f"every metric needs at least {least:,} {what} on each side, and there are {count:,}; "
            f"give more {what}, or a larger --num"
        )
    if small:
        notes.append(f"with {count:,} images, these are left out: {', '.join(small)}")
    if asked is None and kinds == {"pixels"}:
        notes.append(f"{dataset.name} has no labels, so no classifier measures it: these figures are of pixels")
    return tuple(chosen), notes


_NEEDS = {
    "classifier": "images with labels of two or more classes",
    "stacked": "the images of stacked_mnist",
    "pixels": "images",
    "points": "points, numbers in one dimension",
}


def kinds_of(dataset):
    """The kinds of metrics that a Dataset allows."""
    if dataset.images.ndim == 2:
        return {"points"}
    labelled = dataset.labels is not None and len(dataset.classes) > 1
    stacked = labelled and dataset.name == "stacked_mnist"
    return {"pixels"} | ({"classifier"} if labelled else set()) | ({"stacked"} if stacked else set())


def needs_classifier(names):
    """Whether one of these metrics is measured in a classifier's features."""
    return any(METRICS[name].kind in ("classifier", "stacked") for name in names)


def common_count(num, dataset, test):
    """How many of `num` images can be measured, with as many real ones in their place and test images beside them."""
    if test is not None:
        return min(num, len(dataset.images), len(test.images))
    return min(num, len(dataset.images) // 2)


def make_reference(dataset, test=None, *, num=NUM, seed=0, names=None, classifier=None):
    """The Reference of a data.Dataset, with the figures of its training images.

    test: the Dataset of test images, or of held-out ones, which has another name than `dataset`; or None: then two
    halves of the training images take the places of both. A note says what stands in for test images. num: images to
    measure; as many real ones are measured, or all, if they are fewer. seed: of the choice among the real images, the
    subsets and the projections. names: the metrics, as `choose` takes and checks them. classifier: with `features` and
    `probabilities`, for the metrics that need one. Raises UserError as `choose` does.
    """
    notes, what = [], "points" if dataset.images.ndim == 2 else "images"
    held_out = splits.is_held_out(dataset, test)
    if test is None:
        train_rows, test_rows = splits.split(dataset, 0.5, seed)
        test_images = dataset.images
        notes.append(
            f"{dataset.name} has no test {what}: one half of its {len(dataset.images):,} training {what} stands in for "
            f"them, the other half for the real {what}"
        )
    else:
        train_rows, test_rows, test_images = np.arange(len(dataset.images)), np.arange(len(test.images)), test.images
    if held_out:
        notes.append(f"{len(test.images):,} held-out {what} stand in for test {what}")
    if splits.shares_digits(dataset, test):
        notes.append(
            f"both parts of {dataset.name} are made of the same single digits, so they are more alike than new images"
        )
    if len(train_rows) < num:
        notes.append(f"{len(train_rows):,} {what} are measured, not {num:,}, as there are no more real ones")
    count = min(num, len(train_rows))
    chosen, left_out = choose(names, dataset, min(count, len(test_rows)))
    random = np.random.default_rng([seed, 0x5C0])
    train = dataset.images[np.sort(random.permutation(train_rows)[:count])]
    tests = test_images[np.sort(random.permutation(test_rows)[:num])]
    new = _new_distances(dataset, None if test is None else tests, seed) if "nearest" in chosen else None
    reference = Reference(
        Side(tests, classifier),
        Side(train, classifier),
        dataset.images,
        new,
        chosen,
        count,
        seed,
        classifier,
        (*notes, *left_out),
        {},
    )
    return reference._replace(real=_figures(reference.train, reference))


def _new_distances(dataset, tests, seed):
    """The distances of new real images to their nearest training images.

    tests: the new images; None for each part of the training images in turn, compared with all other parts.
    """
    if tests is not None:
        return _nearest(tests[:MOST_NEAREST], dataset.images).distances
    found = []
    for part, others in splits.folds(dataset, FOLDS, seed):
        if len(part) and len(others):
            found.append(_nearest(dataset.images[part[: MOST_NEAREST // FOLDS]], dataset.images[others]).distances)
    return np.concatenate(found)


def make_side(images, reference):
    """The Side of generated images: what is computed from them once, for `score` and `class_shares`.

    images: uint8, or float in [0, 1], [n, h, w, c], or points [n, 1], of the reference's shape; only the first
    `reference.count` are measured. Floats are rounded to the 256 values that the data have. Raises UserError for
    another shape, or for too few images.
    """
    images = as_pixels(images)
    check_shape(images.shape, reference.training.shape)
    if len(images) < reference.count:
        raise UserError(
            f"there are {len(images):,} images to measure and {reference.count:,} real ones in their place; "
            f"give as many, or make the reference with num={len(images)}"
        )
    return Side(images[: reference.count], reference.classifier)


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


def _figures(side, reference):
    """The values of all figures of the reference's metrics, by name."""
    values = {}
    for name in reference.metrics:
        metric = METRICS[name]
        if name == "nearest" and side is reference.train:
            measured = _nearest_figures(reference.new_distances, reference.new_distances)
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
