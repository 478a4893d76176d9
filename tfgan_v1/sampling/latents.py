"""What can be done with noise before it becomes images: paths, truncation, maps. Functions of NumPy arrays alone."""

from numbers import Real

import numpy as np

from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan.noise import DISTRIBUTIONS

WIDEST = 10.0  # of a truncation: beyond it, normal noise has no values


def path(points, steps, spherical=False, frames=None, with_end=True):
    """Points on the way from each to the next, `steps` for each way: float32 [(k - 1) * steps, n].

    points: [k, n]. The ways are straight, or spherical for normal noise, whose length is almost constant (Shoemake
    1985; arXiv:1609.04468). frames: int [m], to return only these rows. with_end: whether a way includes the point
    where it ends, and which the next one starts with.
    """
    points = np.asarray(points)
    frames = np.arange((len(points) - 1) * steps) if frames is None else np.asarray(frames)
    shares = np.linspace(0, 1, steps, endpoint=with_end, dtype=np.float32)[frames % steps, None]
    start, end = points[frames // steps], points[frames // steps + 1]
    weights = 1 - shares, shares
    if spherical:
        lengths = np.linalg.norm(start, axis=1) * np.linalg.norm(end, axis=1)
        cosine = (start * end).sum(1) / np.maximum(lengths, 1e-12)
        angle = np.arccos(np.clip(cosine, -1, 1))[:, None]
        sine = np.sin(angle)
        on_sphere = sine > 1e-4  # elsewhere the points are parallel
        divisor = np.where(on_sphere, sine, 1)
        weights = tuple(np.where(on_sphere, np.sin(share * angle) / divisor, share) for share in weights)
    return (weights[0] * start + weights[1] * end).astype(np.float32)


def check_truncation(limit, distribution):
    """Raises UserError unless noise of a distribution can be truncated at a limit."""
    if distribution != "normal":
        raise UserError(
            f"--truncate is for normal noise, and this run's is {distribution}, which has bounds of its own; leave it "
            "out, or train with --noise normal"
        )
    if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 < limit <= WIDEST:
        raise UserError(f"--truncate must be a number above 0 and at most {WIDEST:g}, such as 0.7, not {brief(limit)}")


def truncate(z, limit):
    """Standard normal noise as noise of the normal distribution truncated to [-limit, limit]: float32, as z.

    The truncation trick (Brock et al. 2019, arXiv:1809.11096, sec. 3.1), which trades variety for quality. The paper
    draws values beyond the limit again. Here each value keeps its quantile, F^-1(Phi(z)), which has the same
    distribution and keeps an image a function of its seed.
    """
    from scipy.special import ndtr, ndtri

    low = ndtr(-limit)
    quantiles = low + ndtr(np.asarray(z, np.float64)) * (ndtr(limit) - low)
    return np.clip(ndtri(quantiles), -limit, limit).astype(np.float32)


def quantiles(distribution, count):
    """The values that divide a noise distribution into parts of equal probability, one in the middle of each.

    Float32 [count], ascending. distribution: a name in noise.DISTRIBUTIONS.
    """
    return DISTRIBUTIONS[distribution].quantile((np.arange(count) + 0.5) / count).astype(np.float32)


def plane(z, values, frames=None):
    """A map of the first two dimensions of noise z [n], n >= 2, row by row: float32 [len(values)**2, n].

    The first dimension goes through the values from left to right, the second from bottom to top, as in a plot. frames:
    int [m], to return only these rows.
    """
    count = len(values)
    frames = np.arange(count**2) if frames is None else np.asarray(frames)
    points = np.repeat(np.asarray(z, np.float32)[None], len(frames), axis=0)
    points[:, 0], points[:, 1] = values[frames % count], values[count - 1 - frames // count]
    return points
