"""Scores compare with real images, see what is wrong with a generator, and refuse nonsense."""

import numpy as np
import pytest

from tfgan_v1 import UserError, data
from tfgan_v1.data import Dataset
from tfgan_v1.data.stacked import CLASSES
from tfgan_v1.evaluation import distances, metric_table, metrics, scores


class Pixels:
    """Stands for a classifier: the features are 16 pixels, the class is the brightest of four."""

    calls = 0

    def features(self, images):
        Pixels.calls += 1
        return images.reshape(len(images), -1)[:, :16] / np.float32(255)

    def probabilities(self, images):
        p = images.reshape(len(images), -1)[:, :4].astype(np.float32) ** 4 + 1
        return p / p.sum(1, keepdims=True)


def spots(count, seed, classes=4, noise=20):
    """Images [n, 4, 4, 1] with one bright pixel of the first four, which is the class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    images = random.integers(0, noise + 1, (count, 16))
    images[np.arange(count), labels] += 200
    return Dataset(
        "spots", images.reshape(-1, 4, 4, 1).astype(np.uint8), labels=labels.astype(np.int32), classes=tuple("abcd")
    )


TRAIN, TEST = spots(1000, 1), spots(600, 2)


@pytest.fixture(scope="module")
def reference():
    return make_reference(TRAIN, TEST, num=500, classifier=Pixels())


def make_reference(dataset, test=None, *, num=300, names=None, **options):
    """A Reference with all metrics that the data allow, or those of these names."""
    names = names or metric_table.choose(None, dataset, scores.common_count(num, dataset, test))[0]
    return scores.make_reference(dataset, test, names, num=num, **options)


def values(images, reference):
    return {name: score.generated for name, score in scores.score(images, reference).items()}


def test_every_score_is_compared_with_that_of_real_images(reference):
    found = scores.score(spots(500, 3).images, reference)
    kinds = (metric_table.CLASSIFIER, metric_table.VECTORS, metric_table.PIXELS)
    assert list(found) == [
        name for metric in metric_table.METRICS.values() if metric.kind in kinds for name in metric.scores
    ]
    for name, score in found.items():  # these samples are real images, too
        assert np.isclose(score.generated, score.real, rtol=0.35, atol=0.06), name
        assert score.hint
    assert (
        found["classifier_score"].real > 3.5
        and found["precision"].real > 0.85
        and found["frechet_distance"].real < 0.02
    )


def test_the_real_images_are_measured_once():
    reference = make_reference(TRAIN, TEST, names=("frechet_distance", "precision_recall"), classifier=Pixels())
    before = Pixels.calls
    found = [scores.score(spots(300, seed).images, reference) for seed in (3, 4)]
    assert Pixels.calls == before + 2  # of the generated images only
    assert list(found[0]) == ["frechet_distance", "precision", "recall"]
    assert found[0] != found[1] and found[0]["recall"].real == found[1]["recall"].real


def test_a_missing_class_costs_recall_and_balance_and_noise_costs_precision(reference):
    real, missing = values(spots(500, 3).images, reference), values(spots(500, 3, classes=2).images, reference)
    noisy = values(spots(500, 3, noise=90).images, reference)
    assert missing["recall"] < 0.7 * real["recall"] and missing["precision"] > 0.8
    assert abs(missing["class_imbalance"] - 0.5) < 0.06 and missing["classifier_score"] < 2.1
    assert noisy["precision"] < 0.3 * real["precision"]
    for worse in (missing, noisy):
        assert worse["frechet_distance"] > 5 * real["frechet_distance"]
        assert worse["kernel_distance"] > real["kernel_distance"] + 3 * worse["kernel_distance_error"]
        assert worse["sliced_wasserstein"] > 1.5 * real["sliced_wasserstein"]


def test_a_generator_that_copies_is_seen(reference):
    copies = values(TRAIN.images[:500], reference)
    assert copies["copied"] == 1 and copies["nearer_than_new"] == 1 and copies["nearest_distance"] == 0
    new = scores.score(spots(500, 3).images, reference)
    assert new["copied"].generated < 0.12 and new["copied"].real == 0.05
    assert abs(new["nearer_than_new"].generated - 0.5) < 0.08 and new["nearer_than_new"].real == 0.5


def test_floats_are_rounded_to_the_values_of_the_data(reference):
    images = spots(500, 3).images
    as_floats = images.astype(np.float32) / 255 + np.float32(0.0015)
    assert values(as_floats, reference) == values(images, reference)


def test_the_seed_decides_the_choice_and_everything_repeats():
    def real(seed):
        return make_reference(TRAIN, TEST, seed=seed, classifier=Pixels()).real

    assert real(1) == real(1) and real(1) != real(2)


def test_without_test_images_halves_stand_in_and_a_note_says_so():
    reference = make_reference(TRAIN, num=10_000, classifier=Pixels())
    assert reference.count == len(reference.test.images) == 500
    assert "one half of its 1,000 training images stands in" in reference.notes[0]
    assert "500 images are measured, not 10,000" in reference.notes[1]
    images = {image.tobytes() for image in reference.train.images} | {
        image.tobytes() for image in reference.test.images
    }
    assert len(images) == 1000
    copies = values(np.concatenate([reference.train.images[:250], reference.test.images[:250]]), reference)
    assert copies["copied"] == 1  # of either half
    new = values(spots(500, 3).images, reference)
    assert abs(new["nearer_than_new"] - 0.5) < 0.08


def test_held_out_images_are_not_called_test_images():
    held_out = TEST._replace(name="spots held out")
    reference = make_reference(TRAIN, held_out, names=("nearest",))
    assert reference.notes == ("600 held-out images stand in for test images",)
    assert make_reference(TRAIN, TEST, names=("nearest",)).notes == ()


@pytest.mark.parametrize("name, of_halves, of_held_out", [("stacked_mnist", 1, 1), ("mnist_warped", 0, 0), ("x", 0, 0)])
def test_a_note_says_where_both_parts_show_the_same_digits(name, of_halves, of_held_out):
    train, note = TRAIN._replace(name=name), f"both parts of {name} are made of the same single digits"

    def notes(test):
        found = make_reference(train, test, num=100, names=("sliced_wasserstein",)).notes
        return sum(each.startswith(note) for each in found)

    assert notes(None) == of_halves
    assert notes(TEST._replace(name=f"{name} held out")) == of_held_out
    assert notes(TEST._replace(name=name)) == 0


def test_as_many_real_images_as_generated_ones_can_be_measured():
    assert scores.common_count(10_000, TRAIN, None) == 500  # halves
    assert scores.common_count(10_000, TRAIN, TEST) == 600 and scores.common_count(10_000, TEST, TRAIN) == 600
    assert scores.common_count(20, TRAIN, None) == scores.common_count(20, TRAIN, TEST) == 20


def test_the_nearest_training_images_are_searched_once(monkeypatch):
    reference = make_reference(TRAIN, TEST, num=100, names=("nearest",))
    images, searched, search = scores.make_image_set(spots(100, 3).images, reference), [], distances.nearest
    monkeypatch.setattr(distances, "nearest", lambda *sets: searched.append(sets) or search(*sets))
    found = scores.score(images, reference)
    assert np.median(images.nearest(reference.training)[1]) == found["nearest_distance"].generated
    assert len(searched) == 1
    assert len(images.nearest(TEST.images)[0]) == 100 and len(searched) == 2  # among others, a new search


def test_fewer_real_images_than_asked_for_are_all_used_and_a_note_says_so():
    reference = make_reference(TRAIN, TEST, num=5000, names=("sliced_wasserstein",))
    assert reference.count == 1000 and len(reference.test.images) == 600
    assert reference.notes == ("1,000 images are measured, not 5,000, as there are no more real ones",)


def test_without_labels_the_scores_are_of_pixels_and_a_note_says_so():
    chosen, notes = metric_table.choose(None, TRAIN._replace(labels=None, classes=()), 300)
    assert chosen == ("sliced_wasserstein", "nearest") and "no labels" in notes[0]


def test_points_have_distances_and_moments():
    train, test = data.load("gaussian"), data.load_test("gaussian")
    reference = make_reference(train, test, num=10_000)
    points = np.random.default_rng(0).normal(1, 1, (1000, 1))
    found = scores.score(points, reference)
    assert list(found)[:3] == ["kl_divergence", "wasserstein", "kolmogorov_smirnov"]
    assert abs(found["wasserstein"].generated - 1) < 0.1 > found["wasserstein"].real
    assert abs(found["mean"].generated - 1) < 0.1 and list(found)[3:] == list(metrics.Moments._fields)


def test_modes_are_counted_in_stacked_mnist_only():
    stacked = TRAIN._replace(name="stacked_mnist", classes=CLASSES)
    reference = make_reference(stacked, TEST, num=500, names=("modes",), classifier=Pixels())
    found = scores.score(spots(500, 3, classes=3).images, reference)
    assert found["modes"][:2] == (3, 4) and abs(found["modes_divergence"].generated - np.log(4 / 3)) < 0.02
    with pytest.raises(UserError, match="the metric modes needs the images of stacked_mnist, and spots has none"):
        metric_table.choose(("modes",), TRAIN, 500)


def test_class_shares_are_those_of_generated_and_test_images(reference):
    images = scores.make_image_set(spots(500, 3, classes=2).images, reference)
    shares = scores.class_shares(images, reference, TRAIN.classes)
    assert list(shares) == list("abcd") and shares["d"].generated == 0 and abs(shares["d"].real - 0.25) < 0.05
    assert np.isclose(sum(share.generated for share in shares.values()), 1)


MISTAKES = [
    (("frechet_distance",), TRAIN, 128, "frechet_distance needs at least 129 images on each side, and there are 128"),
    (("precision_recall",), TRAIN, 3, "needs at least 4 images on each side, and there are 3"),
    (("density_coverage",), TRAIN, 5, "needs at least 6"),
    (None, TRAIN, 1, "every metric needs at least 2 images on each side, and there are 1; give more images"),
    (None, data.load("gaussian"), 1, "every metric needs at least 2 points on each side"),
    (("nearest", "classifier_score"), TRAIN._replace(labels=None, classes=()), 500, "labels of two or more classes"),
    (("distribution",), TRAIN, 500, "needs points"),
    (("nearest",), data.load("gaussian"), 500, "needs images, and gaussian has none"),
]


@pytest.mark.parametrize("names, dataset, count, right", MISTAKES)
def test_metrics_without_an_answer_are_one_sentence(names, dataset, count, right):
    with pytest.raises(UserError) as error:
        metric_table.choose(names, dataset, count)
    assert right in str(error.value) and "\n" not in str(error.value) and ". " not in str(error.value)


def test_too_few_images_leave_metrics_out_with_a_note_unless_they_are_asked_for():
    chosen, notes = metric_table.choose(None, TRAIN, 10)
    assert "frechet_distance" not in chosen and "precision_recall" in chosen
    assert notes == ["with 10 images, these are left out: frechet_distance, kernel_distance"]
    assert metric_table.choose(("nearest", "precision_recall"), TRAIN, 10) == (("nearest", "precision_recall"), [])


@pytest.mark.parametrize(
    "images, right",
    [
        (np.zeros((500, 5, 5, 1), np.uint8), "the generated images are 5x5x1 and the real ones 4x4x1"),
        (np.zeros((500, 4, 4, 3)), "are 4x4x3 and the real ones 4x4x1"),
        (np.zeros((500, 1)), "are points of 1 and the real ones 4x4x1"),
        (np.zeros((499, 4, 4, 1)), "there are 499 images to measure and 500 real ones"),
        (np.full((500, 4, 4, 1), np.nan), "NaN or infinite"),
    ],
)
def test_images_that_do_not_fit_are_refused(reference, images, right):
    with pytest.raises(UserError, match=right):
        scores.score(images, reference)
