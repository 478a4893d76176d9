"""Distances between two sets of images or of their features: functions from arrays to numbers.

Features are float [n, d], one row for each image: a classifier's, or the pixels. `real` is the reference, and `fake`
is measured against it.
"""

import math

import numpy as np

KERNEL_SUBSETS, KERNEL_SIZE = 10, 1000  # disjoint subsets of a kernel distance, and the most images in each
PROJECTIONS = 512  # of a sliced Wasserstein distance
_WORKING_MEMORY = 256  # MB of distances computed at once
_SORTED = 32  # projections sorted at once
_BLOCK = 2**25  # numbers converted at once


def gaussian(features):
    """The mean [d] and the unbiased covariance [d, d] of features [n, d]; n >= 2."""
    features = np.asarray(features, np.float64)
    return features.mean(0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:])


def frechet_distance(real, fake):
    """The Frechet distance of the Gaussians fitted to two sets of features [n, d], at least 0; 0 for equal ones.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al. 2017, arXiv:1706.08500, eq. 6). With few images it is
    too large: compare scores of equal n only.
    """
    return frechet_distance_of(gaussian(real), gaussian(fake))


def frechet_distance_of(first, second):
    """The Frechet distance of two Gaussians, each a pair (mean, covariance).

    The eigenvalues of C1 C2 are those of the symmetric C1^(1/2) C2 C1^(1/2). So covariances may be singular, as those
    of features that are always 0 are.
    """
    (m1, c1), (m2, c2) = first, second
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = root @ c2 @ root
    cross = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0)).sum()
    return max(0.0, float(np.sum((m1 - m2) ** 2) + np.trace(c1) + np.trace(c2) - 2 * cross))


def kernel_distance(real, fake, seed=0, subsets=KERNEL_SUBSETS):
    """The kernel distance (KID) of two sets of features [n, d], with its standard error: (distance, error).

    The unbiased estimate of the squared maximum mean discrepancy with the kernel (x . y / d + 1)^3 (Binkowski et al.
    2018, arXiv:1801.01401, sec. 4), averaged over disjoint random subsets of at most 1000 images. Around 0,
    and perhaps below, for equal distributions. Each set needs two images for each subset. The error is NaN for one
    subset.
    """
    random = np.random.default_rng(seed)
    size = min(KERNEL_SIZE, len(real) // subsets, len(fake) // subsets)
    parts = [random.permutation(len(each))[: size * subsets].reshape(subsets, size) for each in (real, fake)]
    values = [_squared_mmd(real[one], fake[other]) for one, other in zip(*parts, strict=True)]
    error = float(np.std(values, ddof=1) / np.sqrt(subsets)) if subsets > 1 else float("nan")
    return float(np.mean(values)), error


def _squared_mmd(x, y):
    """The unbiased estimate of the squared MMD of two sets of equal size (Gretton et al. 2012, eq. 3)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    count, dimensions = x.shape
    of_x, of_y, between = ((one @ other.T / dimensions + 1) ** 3 for one, other in ((x, x), (y, y), (x, y)))
    within = sum(each.sum() - np.trace(each) for each in (of_x, of_y))
    return within / (count * (count - 1)) - 2 * between.mean()


def radii(features, k):
    """The distance of each of the features [n, d] to its k-th nearest other one: float64 [n]; n > k."""
    from sklearn.neighbors import NearestNeighbors

    neighbors = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(np.asarray(features, np.float64))
    return neighbors.kneighbors()[0][:, -1]  # without an argument, no row is its own neighbor


def precision_recall(real, fake, k=3, real_radii=None):
    """(precision, recall) of two sets of features, each in [0, 1].

    Precision is the share of fake features within the real manifold, which is the union of the spheres around each
    real feature that reach its k-th nearest other one; recall is the share of real features within the fake manifold
    (Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2). Each set needs k + 1 images. real_radii: radii(real, k),
    if known.
    """
    around_fake, _ = _spheres(real, radii(real, k) if real_radii is None else real_radii, fake)
    around_real, _ = _spheres(fake, radii(fake, k), real)
    return float((around_fake > 0).mean()), float((around_real > 0).mean())


def density_coverage(real, fake, k=5, real_radii=None):
    """(density, coverage) of two sets of features: density around 1 for equal sets, coverage in [0, 1].

    Density is the mean number of real spheres around a fake feature, divided by k; coverage is the share of real
    spheres with at least one fake feature in them (Naeem et al. 2020, arXiv:2002.09797, sec. 3). Spheres as in
    `precision_recall`. Fake outliers, in no real sphere, count as 0 in density's mean: as many as there are good ones
    halve it. They leave coverage as it is, unlike recall.
    """
    counts, used = _spheres(real, radii(real, k) if real_radii is None else real_radii, fake)
    return float(counts.mean() / k), float(used.mean())


def _spheres(centers, radius, points):
    """(number of spheres around each point, int [points]; whether a sphere holds a point, bool [spheres])."""
    from sklearn.metrics import pairwise_distances_chunked

    centers, points = np.asarray(centers, np.float64), np.asarray(points, np.float64)
    used, counts = np.zeros(len(centers), bool), []
    for distances in pairwise_distances_chunked(points, centers, working_memory=_WORKING_MEMORY):
        held = distances <= radius
        used |= held.any(0)
        counts.append(held.sum(1))
    return np.concatenate(counts), used


def sliced_wasserstein(real, fake, seed=0, projections=PROJECTIONS):
    """The sliced Wasserstein distance of two sets of features [n, d], at least 0, in their unit; 0 for equal ones.

    The root mean square over random directions of the Wasserstein-2 distances of the sets' projections (Bonneel et
    al. 2015, J. Math. Imaging Vis. 51, after Rabin et al. 2012). The sets may differ in size; with few images the
    distance is too large.
    """
    dimensions = math.prod(real.shape[1:])
    directions = np.random.default_rng(seed).normal(size=(dimensions, projections))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    at_real, at_fake, width = _quantiles(len(real), len(fake))
    real, fake = (np.concatenate([rows @ directions for rows in _blocks(each)]) for each in (real, fake))
    total = 0.0
    for start in range(0, projections, _SORTED):
        one, other = (np.sort(each[:, start : start + _SORTED].astype(np.float64), axis=0) for each in (real, fake))
        total += float(width @ np.square(one[at_real] - other[at_fake]).sum(1))
    return float(np.sqrt(total / projections))


def _blocks(images):
    """Images [n, ...] of any type as float32 rows [m, d], a part at a time, so that the memory is bounded."""
    dimensions = math.prod(images.shape[1:])
    size = max(1, _BLOCK // dimensions)
    for start in range(0, len(images), size):
        yield np.asarray(images[start : start + size], np.float32).reshape(-1, dimensions)


def _quantiles(first, second):
    """Where the quantile functions of two samples of these sizes are constant: (index in each, width of each step)."""
    steps = np.union1d(np.arange(1, first + 1) * second, np.arange(1, second + 1) * first)  # in 1 / (first * second)
    return (steps - 1) // second, (steps - 1) // first, np.diff(steps, prepend=0) / (first * second)


def classifier_score(probabilities):
    """exp E[KL(p(y|x) || p(y))] of a classifier's probabilities [n, classes]: from 1 to the number of classes.

    The inception score with another classifier (Salimans et al. 2016, arXiv:1606.03498, sec. 4). High if each image
    is of a clear class and all classes are equally frequent.
    """
    p = np.asarray(probabilities, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(p.mean(0))), 0)
    return float(np.exp(terms.sum(1).mean()))


def total_variation(real_shares, fake_shares):
    """The total variation distance of two sets of shares, in [0, 1]: half the sum of their absolute differences."""
    return float(np.abs(np.asarray(real_shares) - np.asarray(fake_shares)).sum() / 2)


def shares_divergence(real_shares, fake_shares):
    """KL(fake || real) of shares of classes, in nats (Metz et al. 2016, arXiv:1611.02163, table 1).

    0 for equal shares; infinite if a fake class has no real share.
    """
    from scipy.special import rel_entr

    return float(rel_entr(np.asarray(fake_shares, np.float64), np.asarray(real_shares, np.float64)).sum())


def nearest(features, training):
    """The nearest training row of each of the features: (indices int [n], Euclidean distances float64 [n]).

    features, training: [n, d] and [m, d] of the same unit, such as pixels. The memory is bounded.
    """
    from sklearn.metrics import pairwise_distances_argmin_min

    rows = np.concatenate(list(_blocks(features)))
    indices, distances, start = np.zeros(len(rows), int), np.full(len(rows), np.inf), 0
    for block in _blocks(training):
        index, distance = pairwise_distances_argmin_min(rows, block)
        nearer = distance < distances
        indices[nearer], distances[nearer] = start + index[nearer], distance[nearer]
        start += len(block)
    return indices, distances


def nearer_share(fake_distances, real_distances):
    """How often a fake is nearer to the training set than a real test image: P(fake < real), ties counting half.

    0.5 for as new as test images, 1 for copies, 0 for far from all data: the Mann-Whitney statistic of the test for
    data-copying (Meehan, Chaudhuri and Dasgupta 2020, arXiv:2004.05675, sec. 3). Both: distances to the nearest
    training image.
    """
    fake, real = np.sort(fake_distances), np.asarray(real_distances)
    below, up_to = (np.searchsorted(fake, real, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(fake)))


def copied_share(fake_distances, real_distances):
    """The share of fakes that are nearer to a training image than all but 5 % of real test images are.

    Around 0.05 for new images, up to 1 for a generator that has memorized its training images.
    """
    return float(np.mean(np.asarray(fake_distances) < np.quantile(real_distances, 0.05)))
