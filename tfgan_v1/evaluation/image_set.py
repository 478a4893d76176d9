"""A set of images to be measured, generated or real, and what is computed from it once."""

from functools import cached_property

import numpy as np

from tfgan_v1.evaluation import classifier, distances

K_PRECISION, K_DENSITY = 3, 5
LEAST_FRECHET = 129  # images for a Frechet distance: with no more than features, the covariance is singular
MOST_NEAREST = 2000  # images whose nearest training images are searched


class ImageSet:
    """Images, uint8 [n, h, w, c], or points, float [n, d], and what is computed from them once.

    labels: the class of each, int [n]; of generated images, the requested class; None if there are none.
    """

    def __init__(self, images, classifier=None, labels=None):
        self.images, self.labels, self._classifier, self._nearest, self._taught = images, labels, classifier, None, None

    def nearest(self, training):
        """See `nearest`: of the first MOST_NEAREST images among training images [m, h, w, c]; searched once."""
        if self._nearest is None or self._nearest[0] is not training:
            self._nearest = training, nearest(self.images[:MOST_NEAREST], training)
        return self._nearest[1]

    def taught(self, test, seed):
        """Whether a new classifier, which learns from these images, recognizes each of a test ImageSet: bool [m]."""
        if self._taught is None or self._taught[0] is not test:
            seen = classifier.train_and_classify(self.images, self.labels, len(self.rows_of_classes), test.images, seed)
            self._taught = test, seen == test.labels
        return self._taught[1]

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
    def seen(self):  # the class that the classifier assigns to each image, int [n]
        return self.probabilities.argmax(1)

    @cached_property
    def shares(self):  # of the classes that the classifier assigns: float64 [classes], sum 1
        return np.bincount(self.seen, minlength=self.probabilities.shape[1]) / len(self.images)

    @cached_property
    def precision_radii(self):
        return distances.radii(self.features, K_PRECISION)

    @cached_property
    def density_radii(self):
        return distances.radii(self.features, K_DENSITY)

    @cached_property
    def recognized(self):  # whether the classifier assigns each image to its class, bool [n]
        return self.seen == self.labels

    @cached_property
    def rows_of_classes(self):  # which images have each class: a list of bool [n]
        return [self.labels == index for index in range(self.probabilities.shape[1])]


def nearest(images, training):
    """The nearest of training images [m, h, w, c] to images uint8 [n, h, w, c].

    (indices int [n], Euclidean distances float64 [n] of pixels in [0, 1]).
    """
    indices, apart = distances.nearest(images, training)
    return indices, apart / 255


def recognized_shares(images):
    """The share of recognized images of each class: float64 [classes]; NaN for a class without images."""
    return class_means(images.recognized, images)


def class_means(values, images):
    """The mean within each class of a value for each image [n]: float64 [classes]; NaN for a class without images."""
    return np.array([values[rows].mean() if rows.any() else np.nan for rows in images.rows_of_classes])


def class_variances(images):
    """The trace of the covariance of each class's features: float64 [classes]; NaN for fewer than 2 images."""
    features = (images.features[rows] for rows in images.rows_of_classes)
    return np.array([each.var(0, ddof=1).sum() if len(each) > 1 else np.nan for each in features])


def class_frechet_distances(images, real):
    """The Frechet distance of each class's images from the real ones: float64 [classes].

    NaN for fewer than LEAST_FRECHET images. images, real: ImageSets with labels. The "intra FID" of arXiv:1802.05637.
    """
    return np.array(
        [
            distances.frechet_distance(real.features[of_real], images.features[rows])
            if min(rows.sum(), of_real.sum()) >= LEAST_FRECHET
            else np.nan
            for rows, of_real in zip(images.rows_of_classes, real.rows_of_classes, strict=True)
        ]
    )
