"""How far one-dimensional samples are from what they should be: arrays in, numbers out."""

from typing import NamedTuple

import numpy as np

BINS, TINY = 100, 1e-8


class Moments(NamedTuple):
    """Of a sample; a normal distribution has skewness and (excess) kurtosis 0."""

    mean: float
    variance: float
    skewness: float
    kurtosis: float


def moments(values):
    """The Moments of an array of numbers of any shape."""
    from scipy import stats

    values = np.asarray(values, np.float64).ravel()
    varied = np.ptp(values) > 0  # the last two are of deviations in units of the deviation
    shape = (float(stats.skew(values)), float(stats.kurtosis(values))) if varied else (float("nan"), float("nan"))
    return Moments(float(values.mean()), float(values.var()), *shape)


def kl_divergence(real, fake):
    """KL(real || fake) in nats, of the two samples' histograms over 100 bins that the real one lays.

    sum of P (log(P + 1e-8) - log(Q + 1e-8)), P and Q each divided by its sum + 1e-8; a generated value outside the real
    ones' range is in no bin.
    """
    counts, edges = np.histogram(np.ravel(real), BINS)
    p, q = (part / (part.sum() + TINY) for part in (counts, np.histogram(np.ravel(fake), edges)[0]))
    return float(np.sum(p * (np.log(p + TINY) - np.log(q + TINY))))


def diversity(images):
    """How much images or points [n, ...] vary: the mean, over the pixels, of the deviation within the set."""
    return float(np.std(np.asarray(images, np.float32), axis=0).mean())
