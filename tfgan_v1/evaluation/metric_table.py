"""The metrics by name: the data that each needs, how its scores are read, and which metrics a data set allows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.stacked import CLASSES
from tfgan_v1.errors import UserError, brief, did_you_mean
from tfgan_v1.evaluation import by_class, distances, metrics
from tfgan_v1.evaluation.image_set import K_DENSITY, K_PRECISION

LOWER, HIGHER = "lower is better", "higher is better"


class Kind(NamedTuple):
    """The data that a metric needs."""

    needs: str  # the same in words
    allows: Callable  # (data.Dataset, whether a conditional run draws the images) -> bool
    in_features: bool = False  # whether a classifier's features are measured


def _labeled(dataset):
    return dataset.images.ndim == 4 and dataset.labels is not None and len(dataset.classes) > 1


def is_stacked(dataset):
    """Whether a Dataset is stacked_mnist with its own labels."""
    return dataset.name == "stacked_mnist" and dataset.classes == CLASSES


KINDS = {
    "classifier": Kind("images with labels of two or more classes", lambda dataset, _: _labeled(dataset), True),
    "stacked": Kind("the images of stacked_mnist", lambda dataset, _: _labeled(dataset) and is_stacked(dataset), True),
    "conditional": Kind(
        "images of known classes, as a conditional run draws them",
        lambda dataset, known: known and _labeled(dataset),
        True,
    ),
    "pixels": Kind("images", lambda dataset, _: dataset.images.ndim == 4),
    "points": Kind("points, numbers in one dimension", lambda dataset, _: dataset.images.ndim == 2),
}


class Metric(NamedTuple):
    """A measurement that gives one or more scores."""

    kind: str  # in KINDS
    least: int  # images in each set
    scores: dict[str, str]  # name -> hint
    measure: Callable  # (ImageSet, scores.Reference) -> the values in order
    of_each_class: bool = False  # whether it needs so many images of each class


def nearest_values(apart, new):
    """The values of `nearest`: distances of images to training images, and of new real images to these."""
    return float(np.median(apart)), distances.nearer_share(apart, new), distances.copied_share(apart, new)


METRICS = {
    "frechet_distance": Metric(
        "classifier",
        by_class.LEAST,
        {"frechet_distance": LOWER},
        lambda fake, to: [distances.frechet_distance_of(to.test.gaussian, fake.gaussian)],
    ),
    "kernel_distance": Metric(
        "classifier",
        2 * distances.KERNEL_SUBSETS,
        {"kernel_distance": LOWER, "kernel_distance_error": "standard error of the line above"},
        lambda fake, to: distances.kernel_distance(to.test.features, fake.features, to.seed),
    ),
    "classifier_score": Metric(
        "classifier", 2, {"classifier_score": HIGHER}, lambda fake, to: [distances.classifier_score(fake.probabilities)]
    ),
    "precision_recall": Metric(
        "classifier",
        K_PRECISION + 1,
        {"precision": "higher: images look real", "recall": "higher: nothing is missing"},
        lambda fake, to: distances.precision_recall(
            to.test.features, fake.features, K_PRECISION, to.test.precision_radii
        ),
    ),
    "density_coverage": Metric(
        "classifier",
        K_DENSITY + 1,
        {"density": "higher: images look real", "coverage": "higher: nothing is missing"},
        lambda fake, to: distances.density_coverage(to.test.features, fake.features, K_DENSITY, to.test.density_radii),
    ),
    "class_balance": Metric(
        "classifier",
        2,
        {"class_imbalance": "0: each class as often as in the test images"},
        lambda fake, to: [distances.total_variation(to.test.shares, fake.shares)],
    ),
    "recognized": Metric(  # of test images in place of training images, from which the classifier has learned
        "conditional",
        2,
        {"recognized": "seen as the class that was asked for, higher is better"},
        lambda fake, to: [by_class.recognized_images(to.test if fake is to.train else fake).mean()],
    ),
    "class_frechet_distance": Metric(
        "conditional",
        by_class.LEAST,
        {"class_frechet_distance": "the mean within classes, lower is better"},
        lambda fake, to: [_mean(by_class.frechet_distances(fake, to.test))],
        of_each_class=True,
    ),
    "modes": Metric(
        "stacked",
        2,
        {"modes": "of 1,000", "modes_divergence": "KL in nats, lower is better"},
        lambda fake, to: (distances.num_modes(fake.shares), distances.shares_divergence(_uniform(fake), fake.shares)),
    ),
    "sliced_wasserstein": Metric(
        "pixels",
        2,
        {"sliced_wasserstein": LOWER},
        lambda fake, to: [distances.sliced_wasserstein(to.test.images, fake.images, to.seed) / 255],
    ),
    "nearest": Metric(
        "pixels",
        2,
        {
            "nearest_distance": "to the nearest training image, median",
            "nearer_than_new": "0.5: as new as new real images; 1: copies",
            "copied": "about 0.05: new; 1: memorized",
        },
        lambda fake, to: nearest_values(
            to.new_distances if fake is to.train else fake.nearest(to.training).distances, to.new_distances
        ),
    ),
    "distribution": Metric(
        "points",
        2,
        {"kl_divergence": LOWER, "wasserstein": LOWER, "kolmogorov_smirnov": "0 to 1, lower is better"},
        lambda fake, to: [
            measure(to.test.images, fake.images)
            for measure in (metrics.kl_divergence, metrics.wasserstein, metrics.kolmogorov_smirnov)
        ],
    ),
    "moments": Metric(
        "points",
        2,
        {name: "nearer to the real one is better" for name in metrics.Moments._fields},
        lambda fake, to: metrics.moments(fake.images),
    ),
}


def _mean(values):
    """The mean of those that are numbers, or NaN if none is."""
    return np.nan if np.isnan(values).all() else np.nanmean(values)


def _uniform(images):
    """The shares of stacked_mnist's distribution, in which every mode is as likely as the others."""
    return np.full(len(images.shares), 1 / len(images.shares))


def check_table(table):
    """Raises ValueError for a row of an unknown kind."""
    for name, metric in table.items():
        if metric.kind not in KINDS:
            raise ValueError(f"the metric {name} has the kind {metric.kind!r}; the kinds are {', '.join(KINDS)}")


check_table(METRICS)


def check_names(names):
    """Raises UserError unless all of these are names in METRICS."""
    for name in names:
        if not isinstance(name, str) or name not in METRICS:
            hint = did_you_mean(str(name), METRICS)
            raise UserError(f"there is no metric {brief(name)}; {hint}the metrics are {', '.join(METRICS)}")


def possible(dataset, conditional=False):
    """The names of the metrics that a Dataset allows if it has enough images. conditional: see `choose`."""
    return [name for name, metric in METRICS.items() if KINDS[metric.kind].allows(dataset, conditional)]


def choose(asked, dataset, count, conditional=False):
    """(names of the metrics to measure, notes on those left out) of a Dataset; reads no image.

    asked: names in METRICS, or None for all that are possible. count: images in the smaller set. conditional: whether
    the classes are known that generated and real images should show. Raises UserError for an unknown metric, one that
    this data does not allow, or one that needs more images, if it was asked for; or if none is left.
    """
    names = possible(dataset, conditional)
    if asked is not None:
        check_asked(asked, dataset, count, names)
        return tuple(dict.fromkeys(asked)), []
    chosen = [name for name in names if count >= _least(name, dataset)]
    small = [name for name in names if name not in chosen]
    if not chosen:
        least, what = min(METRICS[name].least for name in small), _what(dataset)
        raise UserError(
            f"every metric needs at least {least:,} {what} on each side, and there are {count:,}; "
            f"give more {what}, or a larger --num"
        )
    notes = [f"with {count:,} images, these are left out: {', '.join(small)}"] if small else []
    if {METRICS[name].kind for name in names} == {"pixels"}:
        notes.append(f"{dataset.name} has no labels, so no classifier measures it: these scores are of pixels")
    return tuple(chosen), notes


def check_asked(asked, dataset, count, names):
    """Raises UserError unless metrics are among the possible names and `count` images are enough for each."""
    check_names(asked)
    for name in asked:
        if name not in names:
            raise UserError(
                f"the metric {name} needs {KINDS[METRICS[name].kind].needs}, and {dataset.name} has none; "
                f"choose from {', '.join(names)}"
            )
    for name in asked:
        if count < _least(name, dataset):
            raise UserError(
                f"the metric {name} needs at least {_least(name, dataset):,} {_what(dataset)} on each side, and there "
                f"are {count:,}; give more images or a larger --num, or leave it out"
            )


def _least(name, dataset):
    """How many images a metric needs in each set."""
    metric = METRICS[name]
    return metric.least * (len(dataset.classes) if metric.of_each_class else 1)


def _what(dataset):
    return "points" if dataset.images.ndim == 2 else "images"


def needs_classifier(names):
    """Whether one of these metrics is measured in a classifier's features."""
    return any(KINDS[METRICS[name].kind].in_features for name in names)
