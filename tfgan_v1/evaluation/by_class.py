"""How well a conditional generator draws the requested class, class by class."""

import numpy as np

from tfgan_v1.evaluation import distances

LEAST = 129  # images for a Frechet distance: with no more than features, the covariance is singular


def recognized_images(images):
    """Whether the classifier assigns each image to its class: bool [n]. images: an ImageSet with labels."""
    return images.probabilities.argmax(1) == images.labels


def recognized(images):
    """The share of recognized images of each class: float64 [classes]; NaN for a class without images."""
    right = recognized_images(images)
    return np.array([right[rows].mean() if rows.any() else np.nan for rows in _rows(images)])


def frechet_distances(images, real):
    """The Frechet distance of each class's images from the real ones: float64 [classes]; NaN with less than LEAST.

    images, real: ImageSets with labels. arXiv:1802.05637, sec. 4.2, "intra FID".
    """
    return np.array(
        [
            distances.frechet_distance(real.features[of_real], images.features[rows])
            if min(rows.sum(), of_real.sum()) >= LEAST
            else np.nan
            for rows, of_real in zip(_rows(images), _rows(real), strict=True)
        ]
    )


def _rows(images):
    """Which images have each class: a list of bool [n]."""
    return [images.labels == index for index in range(images.probabilities.shape[1])]
