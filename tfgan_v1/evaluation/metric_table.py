"""The metrics by name: what each needs, how its figures are read, and which of them data allow."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_v1.data.stacked import CLASSES
from tfgan_v1.errors import UserError, brief, did_you_mean
from tfgan_v1.evaluation import by_class, distances, metrics
from tfgan_v1.evaluation.sides import K_DENSITY, K_PRECISION

LOWER, HIGHER = "lower is better", "higher is better"


class Metric(NamedTuple):
    """A measurement that gives one or more figures."""

    kind: str  # what it needs: "classifier", "stacked" or "conditional" (and a classifier), "pixels" or "points"
    least: int  # images on each side
    figures: dict[str, str]  # name -> hint
    measure: Callable  # (sides.Side, scores.Reference) -> the figures' values in order
    of_each_class: bool = False  # whether it needs so many images of each class


def nearest_figures(of, new):
    """The figures of `nearest`: distances of images to training images, and of new real images to these."""
    return (
        float(np.median(of)),
        distances.nearer_share(of, new),
        distances.copied_share(of, new),
    )


METRICS = {
    "frechet_distance": Metric(
        "classifier",
        by_class.LEAST,
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
    "recognized": Metric(
        "conditional",
        2,
        {"recognized": "seen as the class that was asked for, higher is better"},
        lambda side, to: [by_class.seen(to.test if side is to.train else side).mean()],  # which it has not learned from
    ),
    "class_frechet_distance": Metric(
        "conditional",
        by_class.LEAST,
        {"class_frechet_distance": "the mean within classes, lower is better"},
        lambda side, to: [_mean(by_class.frechet_distances(side, to.test))],
        of_each_class=True,
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
        lambda side, to: nearest_figures(side.nearest(to.training).distances, to.new_distances),
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


def _mean(values):
    """The mean of those that are numbers, or NaN if none is."""
    return np.nan if np.isnan(values).all() else np.nanmean(values)


def _uniform(side):
    """The shares of stacked_mnist's distribution, in which every mode is as likely as the others."""
    return np.full(len(side.shares), 1 / len(side.shares))


def check_names(asked):
    """Raises UserError unless all of these are names in METRICS."""
    for name in asked:
        if not isinstance(name, str) or name not in METRICS:
            hint = did_you_mean(str(name), METRICS)
            raise UserError(f"there is no metric {brief(name)}; {hint}the metrics are {', '.join(METRICS)}")


def choose(asked, dataset, count, conditional=False):
    """(names of the metrics to measure, notes on those left out) of a Dataset; reads no image.

    asked: names in METRICS, or None for all that are possible. count: images on the smaller side. conditional: whether
    the classes are known that generated and real images should show. Raises UserError for an unknown metric, one that
    this data does not allow, or one that needs more images, if it was asked for; or if none is left.
    """
    check_names(asked or ())
    kinds = kinds_of(dataset)
    kinds |= {"conditional"} if conditional and "classifier" in kinds else set()
    chosen, small, notes = [], [], []
    for name in METRICS if asked is None else dict.fromkeys(asked):
        metric = METRICS[name]
        if metric.kind not in kinds:
            if asked is not None:
                raise UserError(
                    f"the metric {name} needs {_NEEDS[metric.kind]}, and {dataset.name} is not such data; "
                    f"choose from {', '.join(each for each in METRICS if METRICS[each].kind in kinds)}"
                )
        elif count < _least(metric, dataset):
            small.append(name)
        else:
            chosen.append(name)
    what = "points" if kinds == {"points"} else "images"
    if small and asked is not None:
        least = _least(METRICS[small[0]], dataset)
        raise UserError(
            f"the metric {small[0]} needs at least {least:,} {what} on each side, and there are {count:,}; "
            "give more images or a larger --num, or leave it out"
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
    "conditional": "images of known classes, as a conditional run draws them",
    "pixels": "images",
    "points": "points, numbers in one dimension",
}


def _least(metric, dataset):
    """How many images a metric needs on each side."""
    return metric.least * (len(dataset.classes) if metric.of_each_class else 1)


def kinds_of(dataset):
    """The kinds of metrics that a Dataset allows."""
    if dataset.images.ndim == 2:
        return {"points"}
    labelled = dataset.labels is not None and len(dataset.classes) > 1
    stacked = labelled and dataset.classes == CLASSES and dataset.name == "stacked_mnist"
    return {"pixels"} | ({"classifier"} if labelled else set()) | ({"stacked"} if stacked else set())


def needs_classifier(names):
    """Whether one of these metrics is measured in a classifier's features."""
    return any(METRICS[name].kind in ("classifier", "stacked", "conditional") for name in names)
