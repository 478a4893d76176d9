"""Metrics of points, and the diversity of any samples: functions from arrays to numbers. See also distances.py."""

from typing import NamedTuple

import numpy as np

from tfgan_v1.evaluation import distances

BINS, TINY = 100, 1e-8
_DIRECTIONS = 64  # of the sliced Wasserstein distance while training


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


def evenly(rows, count):
    """This many of the rows, evenly spread: the rows of a table may be sorted by their classes."""
    return rows[np.linspace(0, len(rows) - 1, count).astype(int)]


def of_points(real, fake, modes=None, own=()):
    """The scores of a row of statistics.csv, in the order of records.statistics_header: of points [n, d].

    In more than one dimension, one part of the real points is compared with the generated ones, and with another part.
    own: the scores of that part, if they are known.
    """
    if real.shape[1] == 1:
        return kl_divergence(real, fake), *moments(real), *moments(fake)
    count = min(len(fake), max(len(real) // 2, 1))
    chosen = evenly(real, 2 * count)

    def scores(points):
        distance = distances.sliced_wasserstein(chosen[::2], points, projections=_DIRECTIONS)
        return distance, *(mode_scores(points, modes) if modes else ())

    return *scores(fake[:count]), *(own or scores(chosen[1::2]))


def mode_scores(points, modes):
    """(modes that are caught, share of points on a mode, reverse KL in nats) of points [n, 2] and a points.Modes.

    A point is on its nearest mode within 3 deviations of the center; a mode is caught if a point is on it (VEEGAN,
    arXiv:1705.07761, sec. 4.1). Reverse KL: KL(points || modes) over the modes and one bin for what is on none; of the
    mixture itself, exp(-9 / 2) is.
    """
    apart = np.linalg.norm(points[:, None] - modes.centers, axis=2)
    nearest, on = apart.argmin(1), apart.min(1) <= 3 * modes.deviation
    shares = np.append(np.bincount(nearest[on], minlength=len(modes.centers)), (~on).sum()) / len(points)
    off = np.exp(-4.5)
    expected = np.append(np.full(len(modes.centers), (1 - off) / len(modes.centers)), off)
    found = shares > 0
    divergence = np.sum(shares[found] * np.log(shares[found] / expected[found]))
    return int((shares[:-1] > 0).sum()), float(on.mean()), float(divergence)


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
