"""A set of images to be measured, generated or real, and what is computed from it once."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from tfgan_v1.evaluation import distances

K_PRECISION, K_DENSITY = 3, 5
MOST_NEAREST = 2000  # images whose nearest training images are searched


class ImageSet:
    """Images, uint8 [n, h, w, c], or points, float [n, 1], and what is computed from them once.

    labels: the class of each, int [n]; of generated images, the requested class; None if there are none.
    """

    def __init__(self, images, classifier=None, labels=None):
        self.images, self.labels, self._classifier, self._nearest = images, labels, classifier, None

    def nearest(self, training):
        """The Nearest among training images [m, h, w, c] of the first MOST_NEAREST images; searched once."""
        if self._nearest is None or self._nearest[0] is not training:
            self._nearest = training, nearest(self.images[:MOST_NEAREST], training)
        return self._nearest[1]

    @cached_property
    def features(self):
        return self._classifier.features(self.images).astype(np.float64)

    @cached_property
    def gaussian(self):
        return distances.gaussian(self.features)

    @cached_property
    def probabilities(self):
        return self._classifier.probabilities(self.images)

    @cached_property
    def shares(self):
        classes = self.probabilities.shape[1]
        return distances.class_shares(self.probabilities.argmax(1), classes)

    @cached_property
    def precision_radii(self):
        return distances.radii(self.features, K_PRECISION)

    @cached_property
    def density_radii(self):
        return distances.radii(self.features, K_DENSITY)


class Nearest(NamedTuple):
    """The nearest training images of some images."""

    indices: np.ndarray  # int [n], of the training images
    distances: np.ndarray  # float64 [n], Euclidean, of pixels in [0, 1]


def nearest(images, training):
    """The Nearest of images uint8 [n, h, w, c] among training images [m, h, w, c]."""
    indices, apart = distances.nearest(images, training)
    return Nearest(indices, apart / 255)
