"""The scores of each class of a conditional generator against closed forms."""

from types import SimpleNamespace

import numpy as np

from tfgan_v1.evaluation import distances, metric_table, scores
from tfgan_v1.evaluation.image_set import ImageSet, class_frechet_distances, recognized_shares
from tfgan_v1.report import score_table


class Numbers:
    """A classifier of images of a number, [n, 1, 1, 2]: the class and a feature."""

    def features(self, images):
        return np.asarray(images, np.float64).reshape(len(images), 2)[:, 1:]

    def probabilities(self, images):
        return np.eye(3)[np.asarray(images)[:, 0, 0, 0]]


def image_set(sees, features, labels):
    images = np.stack([sees, features], -1).astype(np.uint8)[:, None, None]
    return ImageSet(images, Numbers(), np.asarray(labels))


def test_recognized_is_the_share_of_each_class_that_is_seen_as_it():
    found = recognized_shares(image_set([0, 0, 1, 1, 1], np.zeros(5), [0, 0, 0, 1, 1]))
    assert np.allclose(found[:2], [2 / 3, 1]) and np.isnan(found[2])


def test_the_distance_within_a_class_sees_a_shift_that_the_whole_does_not():
    """Two classes that have swapped their features: the whole set is the same, each class is 100 away."""
    features = np.tile([10, 12], 130)
    real = image_set(np.repeat([0, 1], 260), np.concatenate([features, features + 100]), np.repeat([0, 1], 260))
    fake = image_set(np.repeat([0, 1], 260), np.concatenate([features + 100, features]), np.repeat([0, 1], 260))
    found = class_frechet_distances(fake, real)
    assert np.allclose(found[:2], 100**2) and np.isnan(found[2])
    assert distances.frechet_distance(real.features, fake.features) < 1e-6


def test_a_class_with_too_few_images_has_no_distance_and_a_note():
    labels = np.repeat([0, 1], [129, 128])
    both = image_set(labels, np.arange(257) % 7, labels)
    found = class_frechet_distances(both, both)
    assert abs(found[0]) < 1e-9 and np.isnan(found[1])
    reference = SimpleNamespace(test=both, train=both, metrics=("class_frechet_distance", "recognized"))
    each_class = scores.class_scores(both, reference, ("a", "b", "c"))
    first = each_class["a"]
    assert list(first) == ["recognized", "class_frechet_distance"] and first["recognized"][:2] == (1, 1)
    notes = ["2 of 3 classes have fewer than 129 images on a side, and no class frechet distance"]
    assert scores.class_notes(each_class) == notes
    metric = metric_table.METRICS["class_frechet_distance"]
    assert metric.measure(both, reference)[0] == found[0]  # the mean of those that there are
    lines = score_table._class_lines(each_class)
    assert lines[0].split() == ["class", "recognized", "real", "class", "frechet", "distance", "real"]
    assert lines[2].split() == ["b", "1", "1", "nan", "nan"]
    reference.metrics = ("nearest",)
    assert scores.class_scores(both, reference, ("a", "b", "c")) == {}
