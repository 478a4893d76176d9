"""Labels are class indices with names, from wherever a data set keeps them; a wrong number of them is an error."""

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from conftest import REAL_DATA, needs_mnist
from tfgan_v1 import UserError, data
from tfgan_v1.config import Config
from tfgan_v1.data import labels
from tfgan_v1.storage import run_data

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
        {"x": IMAGES, "y": VALUES.astype("S")},
        {"X": IMAGES, "Y": VALUES},
        {"trainImages": IMAGES, "trainLabels": VALUES},
        {"x_train": IMAGES, "y_train_labels": VALUES},
        {"images-train": IMAGES, "labels-train": VALUES},
    ],
)
def test_an_archive_keeps_labels_under_the_usual_names(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    assert names(data.load(tmp_path / "a.npz")) == list("202109")


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_one_hot_rows_are_classes_and_a_line_says_so(tmp_path, capsys, dtype):
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=np.eye(10, dtype=dtype)[VALUES])
    assert names(data.load(tmp_path / "a.npz")) == list("202109")
    assert capsys.readouterr().err.count("reads these one-hot rows as classes") == 1


OTHERS = {
    "arr_1": lambda path: np.savez(path, IMAGES, VALUES),
    "arr_2": lambda path: np.savez(path, IMAGES, IMAGES[:3], VALUES, VALUES[:3]),
    "targets": lambda path: np.savez(path, images=IMAGES, targets=VALUES),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_array_of_another_name_is_the_labels_if_it_has_one_for_each_image_and_a_line_says_so(tmp_path, capsys, name):
    OTHERS[name](tmp_path / "a.npz")
    assert names(data.load(tmp_path / "a.npz")) == list("202109")
    assert f"a.npz: reads {name} as the labels" in capsys.readouterr().err


NO_CLASSES = {
    "fractions": (
        VALUES / 7,
        r"y is float64 \[6\], and 0.2857142857142857 is no class; labels are whole numbers or texts",
    ),
    "soft labels": (np.full((6, 9), 1 / 9), r"y is float64 \[6, 9\], which is no class for each image; labels are"),
    "objects": (VALUES.astype(object), "y holds Python objects, which are never unpickled"),
    "nan": (np.full(6, np.nan), "nan is no class"),
    "times": (VALUES.astype("M8[s]"), r"y is datetime64\[s\] \[6\], which is no class for each image"),
    "too many": (np.arange(6), "holds more than 5 classes"),
}


@pytest.mark.parametrize("values, why", NO_CLASSES.values(), ids=NO_CLASSES)
def test_arrays_that_are_not_classes_are_ignored_and_it_is_known_why(tmp_path, capsys, monkeypatch, values, why):
    monkeypatch.setattr(labels, "MOST_CLASSES", 5)
    np.savez(tmp_path / "a.npz", x=IMAGES, y=values)
    dataset = data.load(tmp_path / "a.npz")
    assert dataset.labels is None and dataset.classes == () and len(dataset.images) == 6
    assert re.search(f"a.npz: .*{why}", dataset.why) and not capsys.readouterr().err


@pytest.mark.parametrize("others", [{"kinds": VALUES}, {"targets": np.zeros((9, 4))}, {"arr_1": IMAGES[:2]}])
def test_arrays_of_other_names_are_listed_where_labels_are_missing(tmp_path, capsys, others):
    np.savez(tmp_path / "a.npz", x=IMAGES, **others)
    dataset = data.load(tmp_path / "a.npz")
    assert dataset.labels is None and dataset.why.endswith(
        f"a.npz has no labels among its arrays, x, {', '.join(others)}"
    )
    assert not capsys.readouterr().err


def test_classes_are_sorted_as_numbers_or_as_texts():
    def names(values):
        return labels.classify(np.array(values))[1]

    assert names([10, 9, -1, 9]) == ("-1", "9", "10")
    assert names(["10", "9", "-1.0"]) == ("-1", "9", "10")
    assert names(["dog", "cat", "10", "9"]) == ("10", "9", "cat", "dog")
    assert labels.classify(np.arange(labels.MOST_CLASSES + 1))[:2] == (None, ())
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
    assert dataset.why == f"3 of 4 images in {tmp_path / 'pets'} are in sub-folders, and alone.png is not"


@pytest.mark.parametrize("places, shared", [("a/cat a/dog", "a"), ("a/b/cat a/b/dog/deep a/b/owl", "a/b")])
def test_classes_in_one_folder_that_holds_all_are_named_with_the_path_to_give(tmp_path, places, shared):
    for place in places.split():
        (tmp_path / "pets" / place).mkdir(parents=True)
        Image.new("L", (9, 9)).save(tmp_path / "pets" / place / "1.png")
    dataset = data.load(tmp_path / "pets", cache_dir=tmp_path / "cache")
    assert dataset.labels is None and f"are in {shared}, with cat and dog one level below" in dataset.why
    given = dataset.why.split("--dataset ")[1].removesuffix(" is right")
    assert data.load(given, cache_dir=tmp_path / "cache").classes[:2] == ("cat", "dog")


STRAYS = {"one": (["1.png"], True), "most": ([f"{number}.png" for number in range(9)], False), "none": ([], False)}


@pytest.mark.parametrize("strays, warned", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("options", [{}, {"conditional": True}, {"labels": "labels.txt"}], ids=str)
def test_classes_that_a_few_stray_pictures_take_away_are_a_warning(
    tmp_path, monkeypatch, capfd, strays, warned, options
):
    monkeypatch.chdir(tmp_path)
    names = [*strays, *(f"{place}/{number}.png" for place in ("cat", "dog") for number in range(4))]
    for name in names:
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9), 99).save(tmp_path / "pets" / name)
    (tmp_path / "labels.txt").write_text("a\n" * len(names))
    run_data.load(Config(dataset="pets", cache_dir="cache", **options))
    sentence = (
        "warning: 8 of 9 images in pets are in sub-folders, and 1.png is not, so the sub-folders are no classes\n"
    )
    assert capfd.readouterr().err == (sentence if warned and not options else "")  # with --conditional, it is an error


@needs_mnist
def test_the_real_labels_are_read():
    mnist, fashion = data.load("mnist", REAL_DATA), data.load("fashion_mnist", REAL_DATA)
    assert np.bincount(mnist.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert names(fashion)[0] == "Ankle boot" and fashion.classes == data.DATASETS["fashion_mnist"].published.classes


LETTERS = {
    "letters": (1, "AZ"),
    "balanced": (10, "At"),
    "bymerge": (0, "0t"),
    "byclass": (9, "9z"),
    "digits": (0, "09"),
}
LAST = {"letters": 26, "balanced": 46, "bymerge": 46, "byclass": 61, "digits": 9}


@pytest.mark.parametrize("split", LETTERS)
def test_emnist_is_turned_and_its_classes_are_named(tmp_path, capsys, split):
    first, expected = LETTERS[split]
    values = np.array([first, LAST[split]] * 3, np.uint8)
    path = tmp_path / f"emnist-{split}-train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / f"emnist-{split}-train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(values)))
    dataset = data.load(path)
    assert np.array_equal(dataset.images[..., 0], IMAGES.swapaxes(1, 2)) and dataset.images.flags.c_contiguous
    assert dataset.classes == tuple(expected) and names(dataset) == list(expected) * 3
    assert capsys.readouterr().err.count("turns the images") == 1
    (tmp_path / f"emnist-{split}-train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(values + 99)))
    assert data.load(path).classes[1] == str(LAST[split] + 99)  # an unknown one keeps its number
    table = np.hstack([values[:, None], IMAGES.reshape(6, -1)])
    np.savetxt(
        tmp_path / f"EMNIST-{split}-train.csv",
        table,
        "%d",
        ",",
        header=",".join(["label", *map(str, range(16))]),
        comments="",
    )
    assert names(data.load(tmp_path / f"EMNIST-{split}-train.csv")) == list(expected) * 3


def int_idx(values, kind=b"\x0c"):
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return b"\0\0" + kind + bytes([values.ndim]) + sizes + values.astype(">i4").tobytes()


@pytest.mark.parametrize("pack, suffix", [(bytes, ""), (gzip.compress, ".gz")])
def test_the_class_is_the_first_of_the_eight_numbers_of_qmnist(tmp_path, pack, suffix):
    rows = np.random.default_rng(1).integers(-(2**31), 2**31, (6, 8))
    rows[:, 0] = VALUES
    images, values = (tmp_path / f"qmnist-train-{each}{suffix}" for each in ("images-idx3-ubyte", "labels-idx2-int"))
    images.write_bytes(pack(idx(IMAGES)))
    values.write_bytes(pack(int_idx(rows)))
    assert names(data.load(images)) == list("202109")
    values.rename(tmp_path / "classes")
    assert data.load(images).labels is None
    assert names(data.load(images, labels=tmp_path / "classes")) == list("202109")
    with pytest.raises(UserError, match="is an IDX file of labels; give the one of the images"):
        data.load(tmp_path / "classes")


@pytest.mark.parametrize(
    "content, reason",
    [
        (int_idx(np.zeros((6, 7))), "2 dimensions, and not of labels"),
        (idx(np.zeros((6, 8), np.uint8)), "2 dimensions, and not of labels"),
        (int_idx(np.zeros((6, 8)))[:-1], "holds less than"),
        (int_idx(np.zeros((6, 8))) + b"0", "holds more than"),
        (b"\0\0\x0c\x02\xff\xff\xff\xff\0\0\0\x08" + bytes(192), "holds less than"),
    ],
)
def test_broken_labels_of_qmnist_are_one_sentence(tmp_path, content, reason):
    (tmp_path / "qmnist-train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "qmnist-train-labels-idx2-int").write_bytes(content)
    with pytest.raises(UserError, match=f"labels-idx2-int .*{reason}") as error:
        data.load(tmp_path / "qmnist-train-images-idx3-ubyte")
    assert "\n" not in str(error.value)


def test_images_of_int_are_bytes_if_they_fit(tmp_path):
    (tmp_path / "int").write_bytes(int_idx(IMAGES))
    assert np.array_equal(data.load(tmp_path / "int").images[..., 0], IMAGES)
    (tmp_path / "int").write_bytes(int_idx(IMAGES.astype(int) + 256))
    with pytest.raises(UserError, match="pixels are whole numbers 0 to 255"):
        data.load(tmp_path / "int")


def test_kmnist_has_its_labels_in_an_archive_beside_the_images(tmp_path):
    path, beside = tmp_path / "kmnist-train-imgs.npz", tmp_path / "kmnist-train-labels.npz"
    np.savez_compressed(path, IMAGES)
    assert data.load(path).labels is None
    np.savez_compressed(beside, VALUES)
    dataset = data.load(path)
    assert np.array_equal(dataset.images[..., 0], IMAGES) and names(dataset) == list("202109")
    assert names(data.load(path, labels=beside)) == list("202109")
    beside.write_bytes(b"PK nothing")
    with pytest.raises(UserError, match=r"kmnist-train-labels\.npz"):
        data.load(path)


def test_medmnist_has_its_training_images_and_labels_by_its_own_names(tmp_path):
    color, others = np.repeat(IMAGES[..., None], 3, 3), IMAGES[:2]
    values = VALUES[:, None].astype(np.int64)
    several = {"val_images": others, "val_labels": values[:2], "test_images": others, "test_labels": values[:2]}
    np.savez(tmp_path / "pathmnist.npz", train_images=color, train_labels=values, **several)
    dataset = data.load(tmp_path / "pathmnist.npz")
    assert np.array_equal(dataset.images, color) and names(dataset) == list("202109")
    np.savez(tmp_path / "chestmnist.npz", train_images=IMAGES, train_labels=np.zeros((6, 14)), **several)
    assert data.load(tmp_path / "chestmnist.npz").labels is None  # several labels for one image
    assert "train_labels is float64 [6, 14], which is no class" in data.load(tmp_path / "chestmnist.npz").why


class Text(str):
    pass


IN_MEMORY = {
    "objects of str": np.array(list("bcabca"), object),
    "subclasses of str": np.array([Text(each) for each in "bcabca"], object),
    "StringDType": np.array(list("bcabca"), getattr(np.dtypes, "StringDType", lambda: "U")()),  # of NumPy 2
    "bytes": [each.encode() for each in "bcabca"],
    "objects of bytes": np.array([each.encode() for each in "bcabca"], object),
    "NumPy's str": [np.str_(each) for each in "bcabca"],
    "objects of int": np.array([98, 99, 97, 98, 99, 97], object),
    "objects of NumPy's int": np.array([np.int64(each) for each in (98, 99, 97, 98, 99, 97)], object),
    "objects of whole floats": np.array([98.0, 99, 97, 98, 99, 97], object),
    "one-hot": np.eye(3, dtype=bool)[[1, 2, 0, 1, 2, 0]],
}


@pytest.mark.parametrize("values", IN_MEMORY.values(), ids=IN_MEMORY)
def test_labels_in_memory_are_of_any_type_that_holds_texts_or_whole_numbers(values):
    dataset = data.from_array(IMAGES, values)
    assert len(dataset.classes) == 3 and dataset.labels.tolist() == [1, 2, 0, 1, 2, 0]
    assert dataset.classes in [("a", "b", "c"), ("97", "98", "99"), ("0", "1", "2")]


def test_labels_of_pandas_are_read():
    import pandas

    texts = pandas.Series(list("bcabca"))
    for values in (texts, texts.astype(object), texts.astype("category"), texts.astype("string"), pandas.Index(texts)):
        assert names(data.from_array(IMAGES, values)) == list("bcabca")
    assert names(data.from_array(IMAGES, pandas.Series([5, 0, 5, 0, 5, 0], dtype="Int64"))) == list("505050")
    for values in (pandas.Series(["a", None] * 3), pandas.Series([1, None] * 3, dtype="Int64")):
        with pytest.raises(UserError, match=r"labels is .* (nan|None) is no (text, as others are|class)"):
            data.from_array(IMAGES, values)


WRONG = {
    "mixed": (np.array(["a", 1, "b", "c", "a", "b"], object), "and 1 is no text, as others are"),
    "None": (np.array([1, None, 3, 4, 5, 6], object), "and None is no class"),
    "soft": (np.full((6, 3), 1 / 3), r"labels is float64 \[6, 3\], which is no class for each image"),
    "rows of a single 2": (np.eye(6) * 2, r"labels is float64 \[6, 6\], which is no class for each image"),
    "none": ([], r"labels is float64 \[0\], which is no class for each image"),
    "a text": ("cat", "which is no class for each image"),
    "a dict": ({"cat": 1}, "which is no class for each image"),
    "a row": (VALUES[None], r"labels is uint8 \[1, 6\], which is no class for each image"),
}


@pytest.mark.parametrize("values, why", WRONG.values(), ids=WRONG)
def test_other_labels_in_memory_are_an_error_that_shows_what_they_are(values, why):
    with pytest.raises(UserError, match=f"{why}; labels are whole numbers or texts") as error:
        data.from_array(IMAGES, values)
    assert "\n" not in str(error.value)
