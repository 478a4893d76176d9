"""The scores of each class of a conditional generator against closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_v1 import UserError
from tfgan_v1.data import Dataset
from tfgan_v1.evaluation import classifier, distances, metric_table, scores
from tfgan_v1.evaluation.image_set import ImageSet, class_frechet_distances, class_variances, recognized_shares
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


class Rows(Numbers):
    """The same of images of one row, [n, 1, m, 1]: the class and m - 1 features."""

    def features(self, images):
        return images[:, 0, 1:, 0].astype(float)


@pytest.mark.filterwarnings("error")
def test_the_variance_within_a_class_is_the_trace_of_the_covariance():
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (60, 1, 5, 1), np.uint8), np.repeat([0, 1, 2], [30, 29, 1])
    images[:, 0, 0, 0] = labels
    real = ImageSet(images, Rows(), labels)
    expected = [np.trace(np.cov(real.features[labels == index], rowvar=False)) for index in (0, 1)]
    assert np.allclose(class_variances(real)[:2], expected) and np.isnan(class_variances(real)[2])

    halved = images.copy()
    halved[:, 0, 1:] //= 2
    halved[30:59] = halved[30]  # the class 1 is one image
    fake, to = ImageSet(halved, Rows(), labels), SimpleNamespace(test=real, train=real, metrics=("class_variance",))
    each_class = scores.class_scores(fake, to, ("a", "b", "c"))
    found = [each_class[name]["class_variance"] for name in "abc"]
    assert abs(found[0].generated - 0.25) < 0.01 and found[1].generated == 0 and np.isnan(found[2].generated)
    assert found[0].real == found[1].real == 1
    assert metric_table.METRICS["class_variance"].measure(fake, to)[0] == found[0].generated / 2
    alike = ImageSet(halved[30:59], Rows(), labels[30:59])  # real images that do not vary
    assert np.isnan(metric_table.METRICS["class_variance"].measure(real, SimpleNamespace(test=alike))[0])


SHIFTS = [  # the class that images of the classes 0, 1 and 2 are seen as -> the sentence
    ([0, 1, 2], None),
    ([1, 2, 0], "images of the class a are mostly seen as b, those of 2 more as another; {}"),
    ([0, 2, 1], "images of the class b are mostly seen as c, those of 1 more as another; {}"),
    ([0, 1, 0], "images of the class c are mostly seen as a"),
    ([1, 1, 1], "images of the class a are mostly seen as b, those of 1 more as another"),
]


@pytest.mark.parametrize("seen, sentence", SHIFTS)
def test_shifted_labels_are_seen_though_the_frechet_distance_is_that_of_real_images(seen, sentence):
    labels = np.repeat([0, 1, 2], 200)
    features = np.tile([10, 12], 300) + 50 * labels
    real, fake = image_set(labels, features, labels), image_set(np.array(seen)[labels], features, labels)
    if sentence and "{}" in sentence:
        order = np.argsort(np.array(seen)[labels], kind="stable")
        assert distances.frechet_distance(real.features, fake.features[order]) < 1e-6
    expected = [sentence.format("the labels are permuted")] if sentence else []
    assert scores.label_notes(fake, SimpleNamespace(test=real), "abc") == expected


@pytest.mark.filterwarnings("error")
def test_nothing_is_said_of_labels_for_few_images_half_of_them_or_a_class_that_nobody_recognizes():
    def notes(sees, labels, real_sees=(0, 1, 2)):
        fake = image_set(sees, np.zeros(len(labels)), labels)
        return scores.label_notes(fake, SimpleNamespace(test=image_set(real_sees, np.zeros(3), [0, 1, 2])), "abc")

    assert notes([1] * 4, [0] * 4) == [] and len(notes([1] * 5, [0] * 5)) == 1
    half = [1] * 6 + [0] * 3 + [2] * 3
    assert notes(half, [0] * 12) == [] and len(notes([1, *half], [0] * 13)) == 1
    assert notes([1] * 5, [0] * 5, real_sees=(1, 1, 2)) == []


def corners(count, seed):
    """Images of 8x8 with a bright corner of four, and noise; two opposite corners are one class."""
    random = np.random.default_rng(seed)
    images, corner = random.integers(0, 60, (count, 8, 8, 1), np.uint8), np.arange(count) % 4
    for image, at in zip(images, corner, strict=True):
        image[at // 2 * 4 :, at % 2 * 4 :][:4, :4] += 100
    return Dataset("corners", images, labels=((corner + corner // 2) % 2).astype(np.int32), classes=("\\", "/"))


@pytest.fixture
def learning(monkeypatch):
    """The arguments of each new classifier, which learns in 25 steps."""
    calls, really = [], classifier.train_and_classify
    monkeypatch.setattr(classifier, "_PIXELS", 20_000)  # of a batch, which is full for a few images, too
    monkeypatch.setattr(classifier, "STEPS_OF_ACCURACY", 25)
    monkeypatch.setattr(classifier, "train_and_classify", lambda *args: (calls.append(args), really(*args))[1])
    return calls


class Two(Numbers):
    """Knows how many classes there are, and nothing else."""

    def probabilities(self, images):
        return np.full((len(images), 2), 0.5)


def test_class_accuracy_is_what_a_classifier_of_these_images_sees_in_test_images(learning):
    train, test = corners(300, 1), corners(200, 2)
    reference = scores.make_reference(train, test, ("class_accuracy",), num=300, seed=3, classifier=Two())
    assert reference.count == 300 and reference.real["class_accuracy"] > 0.95

    def measure(images, labels):
        drawn = scores.make_image_set(images, reference, labels)
        each_class = scores.class_scores(drawn, reference, train.classes)
        found = scores.score(drawn, reference)["class_accuracy"]
        accuracies = [each_class[name]["class_accuracy"] for name in train.classes]
        assert np.isclose(np.mean([each.generated for each in accuracies]), found.generated)  # of 100 images each
        assert np.isclose(np.mean([each.real for each in accuracies]), found.real)
        return found

    copies = measure(train.images, train.labels)
    assert copies.generated == copies.real  # to the bit: the same images, order and seed
    assert measure(train.images, 1 - train.labels).generated < 0.05
    repeated = train.images[
        np.array([0, 1])[train.labels]
    ]  # one image for each class: the left and the right upper corner
    assert 0.3 < measure(repeated, train.labels).generated < 0.7
    assert [arguments[-1] for arguments in learning] == [3] * 4  # the seed; real images, and each set of images once


def test_a_seed_gives_the_same_class_accuracy_of_all_images_each_time(learning, monkeypatch):
    used, batches = [], classifier._batches
    monkeypatch.setattr(classifier, "STEPS_OF_ACCURACY", 8)
    monkeypatch.setattr(classifier, "_batches", lambda rows, *args: (used.append(len(rows)), batches(rows, *args))[1])
    train, noise = corners(300, 1), np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), np.uint8)
    seen = [classifier.train_and_classify(train.images, train.labels, 2, noise, seed) for seed in (0, 0, 1)]
    assert np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[0], seen[2])
    assert used == [300] * 3  # none is held out


def test_class_accuracy_needs_images_of_each_class():
    with pytest.raises(UserError, match="class_accuracy needs at least 60 images on each side, and there are 59"):
        metric_table.choose(["class_accuracy"], corners(200, 1), 59, conditional=True)
    assert "class_accuracy" in metric_table.choose(None, corners(200, 1), 60, conditional=True)[0]
    assert "class_accuracy" not in metric_table.choose(None, corners(200, 1), 60)[0]
