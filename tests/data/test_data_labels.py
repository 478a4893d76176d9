"""Labels are class indices with names, from wherever a data set keeps them; a wrong number of them is an error."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from conftest import REAL_DATA, needs_mnist
from tfgan_v1 import UserError, data
from tfgan_v1.data import labels

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
VALUES = np.array([2, 0, 2, 1, 0, 9], np.uint8)


def idx(values):
    return b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def names(dataset):
    """The class name of each image."""
    assert dataset.labels.dtype == np.int32 and len(dataset.labels) == len(dataset.images)
    return [dataset.classes[label] for label in dataset.labels]


@pytest.mark.parametrize("pack, suffix", [(bytes, ""), (gzip.compress, ".gz")])
@pytest.mark.parametrize("prefix", ["train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte", "train-{}.idx{}-ubyte"])
def test_an_idx_file_of_labels_belongs_to_the_images_with_its_name(tmp_path, prefix, pack, suffix):
    (tmp_path / (prefix.format("images", 3) + ".gz")).write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / (prefix.format("labels", 1) + suffix)).write_bytes(pack(idx(VALUES)))
    dataset = data.load(tmp_path / (prefix.format("images", 3) + ".gz"))
    assert dataset.classes == ("0", "1", "2", "9") and names(dataset) == list("202109")


def test_published_data_sets_have_the_names_of_their_classes(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    assert data.load("mnist", tmp_path).labels is None and data.load("mnist", tmp_path).classes == ()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(VALUES))
    mnist, fashion = data.load("mnist", tmp_path), data.load("fashion_mnist", tmp_path)
    assert np.array_equal(mnist.labels, VALUES) and mnist.classes == tuple("0123456789")
    assert np.array_equal(fashion.labels, VALUES) and names(fashion)[:2] == ["Pullover", "T-shirt/top"]
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(VALUES + 2))
    assert data.load("mnist", tmp_path).classes == ("2", "3", "4", "11")  # MNIST has no class 11


def test_labels_do_not_change_the_facts_of_a_run(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    before = data.load("mnist", tmp_path).facts()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(VALUES))
    assert data.load("mnist", tmp_path).facts() == before


def test_a_wrong_number_of_labels_names_both_files_and_numbers(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(VALUES[:5]))
    with pytest.raises(
        UserError, match=r"train-labels-idx1-ubyte holds 5 labels, and .*train-images.* 6 images"
    ) as error:
        data.load("mnist", tmp_path)
    assert "\n" not in str(error.value)
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=VALUES[:4])
    with pytest.raises(UserError, match=r"a\.npz: y_train holds 4 labels, and .*a\.npz: x_train 6 images"):
        data.load(tmp_path / "a.npz")


BROKEN = {
    "cut off": idx(VALUES)[:-1],
    "too long": idx(VALUES) + b"\0",
    "images": idx(IMAGES),
    "empty": b"",
    "claims four billion": b"\0\0\x08\x01\xff\xff\xff\xff" + bytes(6),
    "half a gzip": gzip.compress(idx(VALUES))[:-9],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_damaged_file_of_labels_is_one_sentence(tmp_path, content):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not of labels|not an IDX file|holds (less|more)|damaged") as error:
        data.load("mnist", tmp_path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": IMAGES, "y_train": VALUES, "y": VALUES[::-1]},
        {"images": IMAGES, "labels": VALUES.astype(np.int64)},
        {"x": IMAGES, "y": VALUES.astype(np.float32)},
        {"x": IMAGES, "y": VALUES[:, None]},
        {"x": IMAGES, "label": VALUES.astype(str)},
    ],
)
def test_an_archive_keeps_labels_under_the_usual_names(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    assert names(data.load(tmp_path / "a.npz")) == list("202109")


NO_CLASSES = {
    "fractions": VALUES / 7,
    "one-hot": np.eye(10)[VALUES],
    "objects": VALUES.astype(object),
    "nan": np.full(6, np.nan),
    "times": VALUES.astype("M8[s]"),
}


@pytest.mark.parametrize("values", NO_CLASSES.values(), ids=NO_CLASSES)
def test_arrays_that_are_not_classes_are_ignored(tmp_path, values):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=values)
    dataset = data.load(tmp_path / "a.npz")
    assert dataset.labels is None and dataset.classes == () and len(dataset.images) == 6


def test_classes_are_sorted_as_numbers_or_as_texts():
    def names(values):
        return labels.classify(np.array(values))[1]

    assert names([10, 9, -1, 9]) == ("-1", "9", "10")
    assert names(["10", "9", "-1.0"]) == ("-1", "9", "10")
    assert names(["dog", "cat", "10", "9"]) == ("10", "9", "cat", "dog")
    assert labels.classify(np.arange(labels.MOST_CLASSES + 1)) == (None, ())
    assert labels.classify(np.arange(labels.MOST_CLASSES))[0][-1] == labels.MOST_CLASSES - 1


def test_the_digits_of_scikit_learn_have_labels():
    dataset = data.load("digits")
    assert names(dataset) == [str(label) for label in load_digits().target]


def test_sub_folders_are_classes_where_every_used_picture_lies_in_one(tmp_path):
    for name in ("dog/b.png", "cat/deep/a.png", "dog/a.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(tmp_path / "pets" / name)
    (tmp_path / "pets/broken.png").write_bytes(b"none")  # left out, so it needs no class
    for _ in range(2):  # decoded, and from the cache
        dataset = data.load(tmp_path / "pets", cache_dir=tmp_path / "cache")
        assert dataset.classes == ("cat", "dog") and dataset.labels.tolist() == [0, 1, 1]
    Image.new("L", (9, 9)).save(tmp_path / "pets/alone.png")
    dataset = data.load(tmp_path / "pets", cache_dir=tmp_path / "cache")
    assert dataset.labels is None and dataset.classes == ()


@needs_mnist
def test_the_real_labels_are_read():
    mnist, fashion = data.load("mnist", REAL_DATA), data.load("fashion_mnist", REAL_DATA)
    assert np.bincount(mnist.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert names(fashion)[0] == "Ankle boot" and fashion.classes == data.DATASETS["fashion_mnist"].published.classes
