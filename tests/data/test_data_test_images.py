"""Test images are found where the training images are, and are never another set; stacked_mnist is made of either."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from conftest import REAL_DATA, needs_mnist, replace_files
from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, published, splits, stacked
from tfgan_v1.data.labels import Labelled

RANDOM = np.random.default_rng(0)
TRAIN, TEST = RANDOM.integers(0, 256, (30, 28, 28), np.uint8), RANDOM.integers(0, 256, (20, 28, 28), np.uint8)
STACKED = [[19, 83, 20], [51, 14, 22], [74, 43, 38]]  # the digits of the first images, of a hundred
TRAIN_LABELS, TEST_LABELS = np.arange(30, dtype=np.uint8) % 10, np.arange(20, dtype=np.uint8) % 7


def idx(values):
    return b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def save_idx(folder, dot="-", pack=bytes, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, images, labels in (("train", TRAIN, TRAIN_LABELS), ("t10k", TEST, TEST_LABELS)):
        (folder / f"{prefix}-images{dot}idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
        (folder / f"{prefix}-labels{dot}idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))


@pytest.mark.parametrize("name, folder", [("mnist", "mnist"), ("mnist", ""), ("fashion_mnist", "FashionMNIST/raw")])
@pytest.mark.parametrize("spelling", [("-", bytes, ""), (".", bytes, ""), ("-", gzip.compress, ".gz")])
def test_idx_files_of_test_images_are_found_where_the_training_images_are(tmp_path, name, folder, spelling):
    save_idx(tmp_path / folder, *spelling)
    test = data.load_test(name, tmp_path)
    assert test.name == name and np.array_equal(test.images[..., 0], TEST)
    assert np.array_equal(test.labels, TEST_LABELS) and test.classes[0] == data.DATASETS[name].published.classes[0]
    assert np.array_equal(data.load(name, tmp_path).images[..., 0], TRAIN)


def test_an_archive_holds_both_or_only_training_images(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=TRAIN, y_train=TRAIN_LABELS, x_test=TEST, y_test=TEST_LABELS)
    test = data.load_test("mnist", tmp_path)
    assert np.array_equal(test.images[..., 0], TEST) and np.array_equal(test.labels, TEST_LABELS)
    np.savez(tmp_path / "mnist.npz", x_train=TRAIN, y_train=TRAIN_LABELS)
    assert data.load_test("mnist", tmp_path) is None
    np.savez(tmp_path / "mnist.npz", x_train=TRAIN)
    assert data.load_test("mnist", tmp_path) is None


def test_images_have_the_shape_that_is_asked_for(tmp_path):
    save_idx(tmp_path)
    assert data.load_test("mnist", tmp_path, Shaping((32, 30), 3)).images.shape == (20, 32, 30, 3)


def test_data_without_test_images_have_none(tmp_path):
    save_idx(tmp_path)
    for name in ("digits", str(tmp_path / "train-images-idx3-ubyte"), str(tmp_path), "mnist", "mnist_warped", None):
        assert data.load_test(name, None) is None
    assert np.array_equal(data.load_test("mnist_warped", tmp_path).images[..., 0], TEST)


def test_the_test_draws_of_gaussian_are_others_with_the_same_distribution():
    train, test = (
        data.load("gaussian", mean=3.0, std=0.5, seed=2),
        data.load_test("gaussian", mean=3.0, std=0.5, seed=2),
    )
    assert test.images.shape == (10_000, 1) and test.images.dtype == np.float32
    assert abs(test.images.mean() - 3) < 0.02 and abs(test.images.std() - 0.5) < 0.02
    assert not np.isin(train.images, test.images).any()


def test_training_images_under_the_name_of_test_images_are_refused(tmp_path, monkeypatch):
    known = {
        "pixels_sha256": hashlib.sha256(TRAIN.tobytes()).hexdigest(),
        "test_pixels_sha256": hashlib.sha256(TEST.tobytes()).hexdigest(),
    }
    replace_files(monkeypatch, "mnist", data.DATASETS["mnist"].published._replace(**known))
    save_idx(tmp_path)
    assert len(data.load_test("mnist", tmp_path).images) == 20
    for name in ("t10k-images-idx3-ubyte", "train-images-idx3-ubyte"):
        with pytest.raises(UserError, match="holds MNIST, not Fashion-MNIST") as error:
            (data.load_test if name[0] == "t" and name[1] == "1" else data.load)("fashion_mnist", tmp_path)
        assert "\n" not in str(error.value)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(TRAIN))
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="does not hold MNIST's test images, as its name says"):
        data.load_test("mnist", tmp_path)


def test_missing_files_are_fetched_with_their_labels_beside_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    save_idx(tmp_path / "source", pack=gzip.compress, suffix=".gz")
    asked = []

    def fetch(of, seconds, file=None):
        name = file or Path(of.files[0]).name
        asked.append(name)
        path = published.keras_cache() / "mnist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "source" / name).read_bytes())
        return path, None

    monkeypatch.setattr(published, "fetch", fetch)
    assert data.load_test("mnist", download=False) is None and asked == []
    assert np.array_equal(data.load_test("mnist").labels, TEST_LABELS)
    assert np.array_equal(data.load("mnist").labels, TRAIN_LABELS)
    assert asked == [published.TEST_IMAGES, published.TEST_LABELS, "train-images-idx3-ubyte.gz", published.TRAIN_LABELS]
    assert set(data.DATASETS["mnist"].published.others) == {*asked[:2], asked[3]}
    assert data.load_test("mnist_warped") is not None  # found on disk now


def test_stacked_mnist_has_a_digit_in_each_channel_and_a_label_that_reads_them(tmp_path):
    save_idx(tmp_path)
    train, test = data.load("stacked_mnist", tmp_path), data.load_test("stacked_mnist", tmp_path)
    for dataset, digits, labels, count in ((train, TRAIN, TRAIN_LABELS, 60_000), (test, TEST, TEST_LABELS, 10_000)):
        assert dataset.name == "stacked_mnist" and dataset.images.shape == (count, 28, 28, 3)
        assert dataset.classes == tuple(f"{number:03}" for number in range(1000))
        of = {image.tobytes(): int(label) for image, label in zip(digits, labels, strict=True)}
        for index in (0, 1, 777, count - 1):
            red, green, blue = (of[dataset.images[index, ..., channel].tobytes()] for channel in range(3))
            assert dataset.labels[index] == 100 * red + 10 * green + blue
    assert len(np.unique(train.labels)) == 1000
    assert np.bincount(train.labels).min() > 20  # every mode is about as frequent
    assert np.array_equal(data.load("stacked_mnist", tmp_path).images, train.images)


def test_stacked_mnist_is_the_same_everywhere_and_needs_three_channels(tmp_path, capsys):
    digits = Labelled(np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), np.arange(100) % 10, tuple("0123456789"))
    assert stacked.stack(digits).images[:3].reshape(3, 3).tolist() == STACKED
    with pytest.raises(UserError, match="leave out --channels 1"):
        data.load("stacked_mnist", shaping=Shaping(channels=1))
    with pytest.raises(UserError, match="colors of their own"):
        stacked.stack(Labelled(np.zeros((5, 4, 4, 3), np.uint8)))
    assert stacked.stack(digits._replace(labels=None)).labels is None
    capsys.readouterr()


@pytest.mark.slow
def test_without_mnist_stacked_mnist_is_made_of_mnist_warped_with_a_warning(capsys):
    dataset = data.load("stacked_mnist")
    assert dataset.images.shape == (60_000, 28, 28, 3) and dataset.labels.max() == 999
    assert "mnist_warped" in capsys.readouterr().err


def test_a_split_is_deterministic_and_keeps_versions_of_one_digit_together():
    plain = data.Dataset("photos", np.zeros((101, 2, 2, 1), np.uint8))
    first, rest = splits.split(plain, 0.1, 3)
    assert len(first) == 10 and sorted([*first, *rest]) == list(range(101))
    assert np.array_equal(first, splits.split(plain, 0.1, 3)[0])
    assert not np.array_equal(first, splits.split(plain, 0.1, 4)[0])
    warped = data.Dataset("mnist_warped", np.zeros((60_000, 1, 1, 1), np.uint8))
    first, rest = splits.split(warped, 0.5, 0)
    assert len(first) == 30_000 and not set(first % 5000) & set(rest % 5000)


@needs_mnist
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_test_images_are_the_published_ones(name):
    test = data.load_test(name, REAL_DATA)
    assert test.facts()["sha256"] == data.DATASETS[name].published.test_pixels_sha256
    assert np.bincount(test.labels).min() >= 892 and test.images.shape == (10_000, 28, 28, 1)
    folder = published.find(data.DATASETS[name].published, [Path(REAL_DATA)]).parent
    for file, sha256 in data.DATASETS[name].published.others.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == sha256
