"""Metrics of points, and the diversity of any samples: functions from arrays to numbers. See also distances.py."""

from typing import NamedTuple

import numpy as np

BINS, TINY = 100, 1e-8


class Moments(NamedTuple):
    """Moments of a sample. Skewness and excess kurtosis of a normal distribution are 0."""

    mean: float
    variance: float
    skewness: float
    kurtosis: float


def moments(values):
    """The Moments of an array of numbers of any shape."""
    from scipy import stats

    values = np.asarray(values, np.float64).ravel()
    varied = np.ptp(values) > 0  # otherwise the standard deviation, by which they divide, is 0
    shape = (float(stats.skew(values)), float(stats.kurtosis(values))) if varied else (float("nan"), float("nan"))
    return Moments(float(values.mean()), float(values.var()), *shape)


def kl_divergence(real, fake):
    """KL(real || fake) in nats, of two histograms with 100 bins between the least and greatest real value.

    sum(P (log(P + 1e-8) - log(Q + 1e-8))) where P and Q are the counts divided by their sum + 1e-8. Fake values outside
    the bins are not counted.
    """
    counts, edges = np.histogram(np.ravel(real), BINS)
    p, q = (part / (part.sum() + TINY) for part in (counts, np.histogram(np.ravel(fake), edges)[0]))
    return float(np.sum(p * (np.log(p + TINY) - np.log(q + TINY))))


def wasserstein(real, fake):
    """The Wasserstein-1 distance of two sets of numbers, in their unit: the mean distance that mass must move."""
    from scipy import stats

    return float(stats.wasserstein_distance(np.ravel(real), np.ravel(fake)))


def kolmogorov_smirnov(real, fake):
    """The largest difference between the cumulative distributions of two sets of numbers, in [0, 1]."""
    from scipy import stats

    return float(stats.ks_2samp(np.ravel(real), np.ravel(fake)).statistic)


def diversity(images):
    """The diversity of images or points [n, ...]: the mean over pixels of the standard deviation over the set."""
    return float(np.std(np.asarray(images, np.float32), axis=0).mean())
