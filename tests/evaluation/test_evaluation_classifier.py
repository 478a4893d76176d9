"""The classifier learns any labelled images, to the same weights each time, and its cache is never a wrong one."""

import json

import numpy as np
import pytest

from conftest import REAL_DATA, needs_mnist, thorough
from tfgan_v1 import UserError, data, evaluate
from tfgan_v1._tensorflow import tf
from tfgan_v1.data import Dataset
from tfgan_v1.evaluation import classifier, distances
from tfgan_v1.evaluation.classifier import Classifier, StackedClassifier

SHORT = 25  # steps


def blocks(count=300, side=16, channels=3, seed=0):
    """Images with a bright block in one of four corners, and noise: easy classes."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 100, (count, side, side, channels), np.uint8)
    labels = (np.arange(count) % 4).astype(np.int32)
    half = side // 2
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[top * half :][:half, left * half :][:, :half] += 150
    return Dataset("blocks", images, labels=labels, classes=("a", "b", "c", "d"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    with Classifier.load_or_train(blocks(), blocks(100, seed=1), cache_dir=folder, steps=SHORT) as model:
        yield model, folder


def test_it_learns_and_says_how_well_and_from_what(trained):
    about = trained[0].about
    assert about.accuracy > 0.95 and about.tested_on == "100 test images" and about.num_images == 300
    assert (about.trained_on, about.seed, about.image_shape) == ("blocks", 0, (16, 16, 3)) and len(about.sha256) == 64


def test_features_are_relus_and_probabilities_sum_to_1(trained):
    images = blocks(50, seed=2).images
    features, p = trained[0].features(images), trained[0].probabilities(images)
    assert features.shape == (50, 128) and features.dtype == np.float32 and features.min() == 0 < features.max()
    assert p.shape == (50, 4) and np.allclose(p.sum(1), 1, atol=1e-5)
    assert (p.argmax(1) == blocks(50, seed=2).labels).mean() > 0.95
    as_floats = images / np.float32(255)
    assert np.array_equal(trained[0].features(as_floats), features)


def test_the_mean_square_of_the_features_is_1_and_the_probabilities_do_not_change_by_that(trained, monkeypatch):
    images = blocks().images
    assert np.isclose(np.mean(np.square(trained[0].features(images))), 1, rtol=1e-4)
    about, weights = classifier._load(*trained[1].glob("*.npz"), blocks())
    weights["classifier/features/kernel"], weights["classifier/features/bias"] = (
        7 * weights[f"classifier/features/{name}"] for name in ("kernel", "bias")
    )
    weights["classifier/logits/kernel"] = weights["classifier/logits/kernel"] / 7
    classifier._scale(weights, about, images)
    with Classifier(about, weights) as scaled:
        assert np.allclose(scaled.features(images), trained[0].features(images), atol=1e-3)
        assert np.allclose(scaled.probabilities(images), trained[0].probabilities(images), atol=1e-3)


def test_the_features_of_an_image_do_not_depend_on_the_other_images(trained, monkeypatch):
    images = blocks(30, seed=2).images
    together = trained[0].features(images)
    assert np.array_equal(trained[0].features(images[7:8])[0], together[7])
    many = np.concatenate([images] * 60)  # more than one batch
    assert np.array_equal(trained[0].features(many)[-30:], together)


def test_the_same_seed_gives_the_same_weights_and_another_seed_an_independent_classifier(trained):
    again, other = (classifier._train(blocks(), blocks(100, seed=1), seed, SHORT)[0] for seed in (0, 1))
    assert again.sha256 == trained[0].about.sha256 != other.sha256


def test_the_cache_gives_the_same_classifier_without_training(trained, monkeypatch):
    model, folder = trained
    monkeypatch.setattr(classifier, "_train", None)
    with Classifier.load_or_train(blocks(), blocks(100, seed=1), cache_dir=folder, steps=SHORT) as again:
        assert again.about == model.about
        images = blocks(20, seed=3).images
        assert np.array_equal(again.features(images), model.features(images))
    for changed in (
        {"dataset": blocks(seed=9)},
        {"dataset": blocks()._replace(labels=blocks().labels[::-1].copy())},
        {"dataset": blocks()._replace(classes=("w", "x", "y", "z"))},
        {"test": None},
        {"test": blocks(100, seed=2)},
        {"seed": 1},
        {"steps": SHORT + 1},
    ):
        given = {"dataset": blocks(), "test": blocks(100, seed=1), "cache_dir": folder, "steps": SHORT, **changed}
        with pytest.raises(TypeError):  # it would train
            Classifier.load_or_train(given.pop("dataset"), **given)


def _change_a_weight(path):
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content["classifier/logits/bias"] = content["classifier/logits/bias"] + np.float32(1)
    np.savez(path, **content)


def _hide_an_object(path):
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content["classifier/logits/bias"] = np.array([print] * 4, object)
    np.savez(path, **content)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "another weight": _change_a_weight,
    "an object": _hide_an_object,
    "text": lambda path: path.write_text("hello"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_is_not_used(trained, tmp_path, damage):
    (path,) = trained[1].glob("*.npz")
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    assert classifier._load(copy, blocks())[0] == trained[0].about
    damage(copy)
    assert classifier._load(copy, blocks()) is None


FORGED = {  # with a valid digest: (weights, about) -> None
    "a missing variable": lambda weights, about: weights.pop("classifier/logits/bias"),
    "one more variable": lambda weights, about: weights.update(x=np.zeros(3, np.float32)),
    "another shape": lambda weights, about: weights.update({"classifier/logits/bias": np.zeros((3, 3), np.float32)}),
    "another type": lambda weights, about: weights.update({"classifier/logits/bias": np.zeros(4)}),
    "an accuracy of text": lambda weights, about: about.update(accuracy="perfect"),
    "an accuracy of two": lambda weights, about: about.update(accuracy=2.0),
    "a seed of text": lambda weights, about: about.update(seed="0"),
    "seconds of nothing": lambda weights, about: about.update(seconds=None),
    "a name of numbers": lambda weights, about: about.update(tested_on=[1]),
    "one more fact": lambda weights, about: about.update(more=1),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_cache_is_trained_again(trained, tmp_path, monkeypatch, forge):
    (path,) = trained[1].glob("*.npz")
    with np.load(path) as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    about = json.loads(str(weights.pop("about")))
    monkeypatch.setattr(classifier, "_train", None)
    for change in (lambda *_: None, lambda _, about: about.update(accuracy=float("nan")), forge):
        change(weights, about)
        about["sha256"] = classifier._digest(weights)
        np.savez(tmp_path / path.name, about=np.array(json.dumps(about)), **weights)
        given = {"test": blocks(100, seed=1), "cache_dir": tmp_path, "steps": SHORT}
        if change is forge:
            with pytest.raises(TypeError):  # it would train
                Classifier.load_or_train(blocks(), **given)
        else:
            Classifier.load_or_train(blocks(), **given).close()


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with Classifier.load_or_train(blocks(60), cache_dir=tmp_path / "file", steps=2) as model:
        assert model.features(blocks(3).images).shape == (3, 128)
    assert "cannot be kept" in capsys.readouterr().err


def test_without_test_images_a_tenth_is_held_out_and_nothing_half_written_stays(tmp_path, monkeypatch):
    trained_on = []
    batches = classifier._batches
    monkeypatch.setattr(classifier, "_batches", lambda used, *args: (trained_on.append(used), batches(used, *args))[1])
    with Classifier.load_or_train(blocks(200), cache_dir=tmp_path / "new", steps=2) as model:
        assert model.about.tested_on == "20 training images that it has not seen" and model.about.num_images == 180
    assert len(trained_on[0]) == 180 and [path.suffix for path in (tmp_path / "new").iterdir()] == [".npz"]


def test_each_epoch_trains_on_all_images_in_a_new_order():
    rows = np.array(list(classifier._batches(np.arange(1280) + 5, 0, 25)))
    assert rows.shape == (25, 128)
    for epoch in (rows[:10], rows[10:20]):
        assert sorted(epoch.ravel()) == list(range(5, 1285))
    assert not np.array_equal(rows[:10], rows[10:20])
    assert np.array(list(classifier._batches(np.arange(7), 0, 3))).shape == (3, 128)  # fewer than one batch


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 44, 1), (64, 64, 3), (130, 90, 3), (5, 5, 1), (1, 9, 3)])
def test_images_of_any_size_fit(shape):
    with tf.Graph().as_default():
        features, logits = classifier._network(tf.placeholder(tf.float32, [2, *shape]), 7, None)
        assert features.shape.as_list() == [2, 128] and logits.shape.as_list() == [2, 7]
        weights = sum(np.prod(variable.shape.as_list()) for variable in tf.trainable_variables())
        assert weights < 4e6


def test_warps_are_small_affine_maps_and_a_function_of_seed_and_step():
    images = np.zeros((128, 28, 28, 1), np.float32)
    images[:, 10:18, 10:18] = 1
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        warped = classifier._warped(tf.constant(images), 3, step)
        first, again, other = (session.run(warped, {step: number}) for number in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    mass = first.sum((1, 2, 3)) / 64
    assert 0.7 < mass.min() < mass.max() < 1.4 and len(np.unique(mass)) > 100
    y = (first.sum((2, 3)) @ np.arange(28)) / first.sum((1, 2, 3)) - 13.5
    assert 1 < np.abs(y).max() < 2.6 and abs(y.mean()) < 0.4  # moved by up to two pixels


@pytest.mark.parametrize("dataset", [blocks()._replace(labels=None, classes=()), blocks()._replace(classes=("a",))])
def test_without_classes_it_is_an_error(dataset, tmp_path):
    with pytest.raises(UserError, match="no labels of two or more classes"):
        Classifier.load_or_train(dataset, cache_dir=tmp_path)


def test_images_of_another_shape_are_an_error(trained):
    with pytest.raises(UserError, match="the images are 28x28x1, and the classifier was trained on 16x16x3"):
        trained[0].features(np.zeros((2, 28, 28, 1), np.uint8))


def test_stacked_digits_have_the_classes_of_their_channels():
    class Digits:
        """Sees a digit of one pixel."""

        about = None

        def features(self, images):
            return images.reshape(-1, 1)

        def probabilities(self, images):
            return 0.6 * np.eye(10)[images.ravel()] + 0.04

    images = np.random.default_rng(0).integers(0, 10, (30, 1, 1, 3))
    stacked = StackedClassifier(Digits())
    assert np.array_equal(stacked.features(images), images[:, 0, 0])
    p = stacked.probabilities(images)
    assert p.shape == (30, 1000) and np.allclose(p.sum(1), 1)
    assert np.array_equal(p.argmax(1), images[:, 0, 0] @ [100, 10, 1])


@needs_mnist
@pytest.mark.slow
@pytest.mark.parametrize("name, least", [thorough("mnist", 0.992), thorough("mnist_warped", 0.98)])
def test_it_knows_mnists_test_digits(name, least, tmp_path):
    dataset, test = data.load(name, REAL_DATA), data.load_test(name, REAL_DATA)
    with Classifier.load_or_train(dataset, test, cache_dir=tmp_path) as model:
        assert model.about.accuracy >= least and model.about.tested_on == "10,000 test images"
        images, other = test.images[:2000], test.images[2000:4000]
        real = model.features(images)
        noise = np.random.default_rng(0).integers(0, 256, other.shape, np.uint8)
        speckled = np.where(noise < 60, noise, other)
        precision, recall = distances.precision_recall(real, model.features(other))
        assert 0.75 < precision < 0.95 and 0.75 < recall < 0.95
        equal = distances.frechet_distance(real, model.features(other))
        for worse in (noise, speckled):
            features = model.features(worse)
            assert distances.precision_recall(real, features)[1] < 0.6 * recall
            assert distances.frechet_distance(real, features) > 5 * equal
    if name == "mnist":
        check_real_images_in_place_of_generated_ones(dataset.images[:5000], tmp_path)


def check_real_images_in_place_of_generated_ones(samples, cache_dir):
    """They are as good as real ones, by the command, which finds the classifier in the cache."""
    metrics = ["frechet_distance", "precision_recall", "class_balance", "sliced_wasserstein"]
    options = {"dataset": "mnist", "data_dir": REAL_DATA, "num": 5000, "cache_dir": cache_dir, "metrics": metrics}
    found = evaluate(samples=samples, **options).scores
    for name in ("precision", "recall"):
        assert abs(found[name].generated - found[name].real) < 0.03 and 0.75 < found[name].real < 0.95
    assert found["class_imbalance"].generated < 0.03
    assert abs(found["sliced_wasserstein"].generated - found["sliced_wasserstein"].real) < 0.01
