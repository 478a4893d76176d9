"""Clusters of images or points, as classes where there are no labels (arXiv:2006.10728)."""

import warnings

import numpy as np

COMPONENTS = 50  # principal components in which images are near or far
SIDE = 32  # pixels to which the longer side is averaged
MOST_FITTED = 20_000  # images that determine the components
BLOCK = 4096


def clusters_of(images, rows, count, seed):
    """The cluster of each image, uint8 [n, h, w, c], or point [n, d]: int32 [n], in order of their sizes.

    rows: the indices of those that determine the `count` clusters, by k-means; the others get the nearest one.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():  # several threads add in any order
        warnings.simplefilter("ignore")  # equal images form fewer clusters, which the caller sees
        values = _components(images, rows, seed)
        means = KMeans(count, n_init=1, max_iter=100, random_state=seed).fit(values[rows])
        labels = means.predict(values)
    order = np.argsort(-np.bincount(labels[rows], minlength=count), kind="stable")
    return np.argsort(order)[labels].astype(np.int32)


def _components(images, rows, seed):
    """The principal components of images or points: float32 [n, at most COMPONENTS]."""
    from sklearn.decomposition import PCA

    blocks = (_flat(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK))
    fitted = _flat(images[np.sort(np.random.default_rng([seed, COMPONENTS]).permutation(rows)[:MOST_FITTED])])
    pca = PCA(min(COMPONENTS, *fitted.shape), svd_solver="covariance_eigh").fit(fitted)
    return np.concatenate([pca.transform(block) for block in blocks])


def _flat(images):
    """Images averaged to SIDE pixels, or points as they are, as rows: float32 [n, d]."""
    images = np.asarray(images, np.float32)
    if images.ndim == 2:
        return images
    high, wide = (min(-(-max(images.shape[1:3]) // SIDE), side) for side in images.shape[1:3])  # of a mean
    height, width = images.shape[1] // high, images.shape[2] // wide
    fitting = images[:, : height * high, : width * wide]
    means = fitting.reshape(len(images), height, high, width, wide, -1).mean((2, 4))
    return means.reshape(len(images), -1)
