"""The metrics by name: the data that each needs, how its scores are read, and which metrics a data set allows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.datasets import modes_of
from tfgan_v1.data.stacked import CLASSES
from tfgan_v1.errors import UserError
from tfgan_v1.evaluation import distances, image_set, metrics
from tfgan_v1.evaluation.image_set import K_DENSITY, K_PRECISION, LEAST_FRECHET

LOWER, HIGHER = "lower is better", "higher is better"


class Kind(NamedTuple):
    """The data that a metric needs."""

    needs: str  # the same in words
    allows: Callable  # (data.Dataset, whether a conditional run draws the images) -> bool
    by_classifier: bool = True  # whether a classifier measures the images


def _labeled(dataset):
    return dataset.images.ndim == 4 and dataset.labels is not None and len(dataset.classes) > 1


def is_stacked(dataset):
    """Whether a Dataset is stacked_mnist with its own labels."""
    return dataset.name == "stacked_mnist" and dataset.classes == CLASSES


CLASSIFIER = Kind("images with labels of two or more classes", lambda dataset, _: _labeled(dataset))
STACKED = Kind("the images of stacked_mnist", lambda dataset, _: _labeled(dataset) and is_stacked(dataset))
CONDITIONAL = Kind(
    "images of known classes, of a conditional run with labels", lambda dataset, known: known and _labeled(dataset)
)
PIXELS = Kind("images", lambda dataset, _: dataset.images.ndim == 4, by_classifier=False)
POINTS = Kind("points in one dimension", lambda dataset, _: dataset.images.shape[1:] == (1,), by_classifier=False)
VECTORS = Kind(
    "images, or points in several dimensions", lambda dataset, _: dataset.images.shape[1:] != (1,), by_classifier=False
)
MIXTURE = Kind("points of known modes", lambda dataset, _: modes_of(dataset.name) is not None, by_classifier=False)


class Metric(NamedTuple):
    """A measurement that gives one or more scores."""

    kind: Kind
    scores: dict[str, str]  # name -> hint
    measure: Callable  # (ImageSet, scores.Reference) -> the values in order
    least: int = 2  # images in each set
    of_each_class: bool = False  # whether it needs so many images of each class
    by_class: Callable | None = None  # (ImageSet, scores.Reference) -> the value of each class, float [classes]


METRICS = {
    "frechet_distance": Metric(
        CLASSIFIER,
        {"frechet_distance": LOWER},
        lambda fake, to: [distances.frechet_distance_of(to.test.gaussian, fake.gaussian)],
        LEAST_FRECHET,
    ),
    "kernel_distance": Metric(
        CLASSIFIER,
        {"kernel_distance": LOWER, "kernel_distance_error": "standard error of the line above"},
        lambda fake, to: distances.kernel_distance(to.test.features, fake.features, to.seed),
        2 * distances.KERNEL_SUBSETS,
    ),
    "classifier_score": Metric(
        CLASSIFIER, {"classifier_score": HIGHER}, lambda fake, to: [distances.classifier_score(fake.probabilities)]
    ),
    "precision_recall": Metric(
        CLASSIFIER,
        {"precision": "higher: images look real", "recall": "higher: nothing is missing"},
        lambda fake, to: distances.precision_recall(
            to.test.features, fake.features, K_PRECISION, to.test.precision_radii
        ),
        K_PRECISION + 1,
    ),
    "density_coverage": Metric(
        CLASSIFIER,
        {"density": "higher: images look real", "coverage": "higher: nothing is missing"},
        lambda fake, to: distances.density_coverage(to.test.features, fake.features, K_DENSITY, to.test.density_radii),
        K_DENSITY + 1,
    ),
    "class_balance": Metric(
        CLASSIFIER,
        {"class_imbalance": "0: each class as often as in the test images"},
        lambda fake, to: [distances.total_variation(to.test.shares, fake.shares)],
    ),
    "recognized": Metric(  # of test images in place of training images, from which the classifier has learned
        CONDITIONAL,
        {"recognized": "seen as the class that was asked for, higher is better"},
        lambda fake, to: [(to.test if fake is to.train else fake).recognized.mean()],
        by_class=lambda fake, to: image_set.recognized_shares(to.test if fake is to.train else fake),
    ),
    "class_accuracy": Metric(
        CONDITIONAL,
        {"class_accuracy": "of a classifier that learns from these, on test images, higher is better"},
        lambda fake, to: [fake.taught(to.test, to.seed).mean()],
        30,  # from which a classifier can learn a class
        of_each_class=True,
        by_class=lambda fake, to: image_set.class_means(fake.taught(to.test, to.seed), to.test),
    ),
    "class_frechet_distance": Metric(
        CONDITIONAL,
        {"class_frechet_distance": "the mean within classes, lower is better"},
        lambda fake, to: [_mean(image_set.class_frechet_distances(fake, to.test))],
        LEAST_FRECHET,
        of_each_class=True,
        by_class=lambda fake, to: image_set.class_frechet_distances(fake, to.test),
    ),
    "class_variance": Metric(
        CONDITIONAL,
        {"class_variance": "within classes, 1: as test images; 0: one image for each class"},
        lambda fake, to: [_mean(_variance_ratios(fake, to))],
        of_each_class=True,
        by_class=lambda fake, to: _variance_ratios(fake, to),
    ),
    "modes": Metric(
        STACKED,
        {"modes": "of 1,000", "modes_divergence": "KL in nats, lower is better"},
        lambda fake, to: _modes(fake.shares),
    ),
    "sliced_wasserstein": Metric(
        VECTORS,
        {"sliced_wasserstein": LOWER},
        lambda fake, to: [
            distances.sliced_wasserstein(to.test.images, fake.images, to.seed) / (255 if fake.images.ndim == 4 else 1)
        ],
    ),
    "modes_of_points": Metric(
        MIXTURE,
        {
            "reverse_kl": "KL(generated || real) over the modes and what is on none, lower is better",
            "modes": "with a point on them, higher is better",
            "on_mode": "share within 3 deviations of a mode, higher is better",
        },
        lambda fake, to: [metrics.mode_scores(fake.images, to.modes)[at] for at in (2, 0, 1)],
    ),
    "nearest": Metric(
        PIXELS,
        {
            "nearest_distance": "to the nearest training image, median",
            "nearer_than_new": "0.5: as unseen real images; 1: copies of training images",
            "copied": "about 0.05: new; 1: memorized",
        },
        lambda fake, to: _nearest(to.new_distances if fake is to.train else fake.nearest(to.training)[1], to),
    ),
    "distribution": Metric(
        POINTS,
        {"kl_divergence": LOWER, "wasserstein": LOWER, "kolmogorov_smirnov": "0 to 1, lower is better"},
        lambda fake, to: [
            measure(to.test.images, fake.images)
            for measure in (metrics.kl_divergence, metrics.wasserstein, metrics.kolmogorov_smirnov)
        ],
    ),
    "moments": Metric(
        POINTS,
        {name: "nearer to the real one is better" for name in metrics.Moments._fields},
        lambda fake, to: metrics.moments(fake.images),
    ),
}


def _nearest(apart, to):
    """The values of `nearest`, of the distances of images to their nearest training images."""
    new = to.new_distances
    return np.median(apart), distances.nearer_share(apart, new), distances.copied_share(apart, new)


def _variance_ratios(images, to):
    """The variance of features within each class, divided by that of test images; NaN where these do not vary."""
    real = image_set.class_variances(to.test)
    return image_set.class_variances(images) / np.where(real > 0, real, np.nan)


def _mean(values):
    """The mean of those that are numbers, or NaN if none is."""
    return np.nan if np.isnan(values).all() else np.nanmean(values)


def _modes(shares):
    """The values of `modes` (Metz et al. 2016, arXiv:1611.02163); those of stacked_mnist are equally likely."""
    return np.count_nonzero(shares), distances.shares_divergence(np.full(len(shares), 1 / len(shares)), shares)


def choose(asked, dataset, count, conditional=False):
    """(names of the metrics to measure, notes on those left out) of a Dataset; reads no image.

    asked: names in METRICS, or None for all that are possible. count: images in the smaller set. conditional: whether
    the classes are known that generated and real images should show. Raises UserError for a metric that this data does
    not allow, or one that needs more images, if it was asked for; or if none is left.
    """
    names = [name for name, metric in METRICS.items() if metric.kind.allows(dataset, conditional)]
    what = "points" if dataset.images.ndim == 2 else "images"
    least = {name: row.least * (len(dataset.classes) if row.of_each_class else 1) for name, row in METRICS.items()}
    for name in asked or ():
        if name not in names:
            raise UserError(
                f"the metric {name} needs {METRICS[name].kind.needs}, and {dataset.name} has none; "
                f"choose from {', '.join(names)}"
            )
        if count < least[name]:
            raise UserError(
                f"the metric {name} needs at least {least[name]:,} {what} on each side, and there are {count:,}; "
                "give more images or a larger --num, or leave it out"
            )
    if asked is not None:
        return tuple(dict.fromkeys(asked)), []
    small = [name for name in names if count < least[name]]
    if small == names:
        needed = f"at least {min(METRICS[name].least for name in names):,} {what} on each side"
        raise UserError(f"every metric needs {needed}, and there are {count:,}; give more {what}, or a larger --num")
    notes = [f"with {count:,} images, these are left out: {', '.join(small)}"] if small else []
    if dataset.images.ndim == 4 and not needs_classifier(names):
        notes.append(f"{dataset.name} has no labels, so no classifier measures it: these scores are of pixels")
    return tuple(name for name in names if name not in small), notes


def needs_classifier(names):
    """Whether one of these metrics is measured by a classifier."""
    return any(METRICS[name].kind.by_classifier for name in names)
