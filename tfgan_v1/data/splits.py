"""Splits images into two parts where a data set has no test images of its own."""

import numpy as np

from tfgan_v1.data.datasets import DATASETS, period_of

_STREAM = 0x5917  # separates these draws from all others with the same seed


def split(dataset, share, seed):
    """Splits a Dataset by a share between 0 and 1: sorted indices of its images, (about `share` of all, the rest)."""
    count = len(dataset.images)
    period = period_of(dataset.name, count)  # all versions of a picture go into one part
    order = np.random.default_rng([seed, _STREAM]).permutation(period)
    chosen = np.isin(np.arange(count) % period, order[: round(share * period)])
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def is_held_out(dataset, test):
    """Whether a test Dataset, or None, is of images that were held out of the data: it has another name."""
    return test is not None and test.name != dataset.name


def shares_digits(dataset, test):
    """Whether images that stand in for test images, None for a split, show digits of the training images anew."""
    composed = dataset.name in DATASETS and DATASETS[dataset.name].composed
    return composed and (test is None or is_held_out(dataset, test))


def folds(dataset, count, seed):
    """Splits a Dataset into `count` parts of about equal size; yields (indices of a part, of all others), sorted."""
    images = len(dataset.images)
    period = period_of(dataset.name, images)
    part = np.random.default_rng([seed, _STREAM]).permutation(np.arange(period) % count)[np.arange(images) % period]
    for number in range(count):
        yield np.flatnonzero(part == number), np.flatnonzero(part != number)
