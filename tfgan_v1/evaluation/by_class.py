"""How well the images of a conditional generator show the class that was asked for, class by class."""

import numpy as np

from tfgan_v1.evaluation import distances

LEAST = 129  # images for a Frechet distance: one more than features, or the covariance is singular and it says little


def seen(side):
    """Whether the classifier sees each image as its class: bool [n]. side: a sides.Side with labels."""
    return side.probabilities.argmax(1) == side.labels


def recognized(side):
    """The share of each class's images that the classifier sees as this class: float64 [classes]; NaN without images.

    side: a sides.Side with labels.
    """
    right = seen(side)
    return np.array([right[rows].mean() if rows.any() else np.nan for rows in _rows(side)])


def frechet_distances(side, to):
    """The Frechet distance of each class's images from the real ones: float64 [classes]; NaN with less than LEAST.

    side, to: sides.Sides with labels. arXiv:1802.05637, sec. 4.2, "intra FID".
    """
    pairs = zip(_rows(side), _rows(to), strict=True)
    return np.array(
        [
            distances.frechet_distance(to.features[real], side.features[rows])
            if min(rows.sum(), real.sum()) >= LEAST
            else np.nan
            for rows, real in pairs
        ]
    )


def _rows(side):
    """Which images have each class: a list of bool [n]."""
    return [side.labels == index for index in range(side.probabilities.shape[1])]
