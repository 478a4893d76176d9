"""A file of labels of any format replaces the labels of a data set; a wrong one is an error of one sentence."""

import gzip
import json
import os

import numpy as np
import pytest

from label_texts import IDX_TYPES, error_of, idx, names, npy, save, text
from tfgan_v1 import UserError, data
from tfgan_v1.data import label_files, stacked
from tfgan_v1.data.labels import MOST_CLASSES, Labelled

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
VALUES = np.array([2, 0, 2, 1, 0, 9])
WORDS = ["dog", "cat", "dog", "great ape", "cat", "Ünï"]


@pytest.fixture
def load(tmp_path):
    """Loads six images that have labels of their own, with the labels in a file of this content."""

    def load(content, **options):
        np.savez(tmp_path / "images.npz", x=IMAGES, y=np.arange(6))
        return data.load(tmp_path / "images.npz", labels=save(tmp_path / "labels", content), **options)

    return load


NUMBERS = {
    "text": text(VALUES),
    "IDX": idx(VALUES),
    "gzipped IDX": gzip.compress(idx(VALUES)),
    **{f"npy {dtype}": npy(VALUES.astype(dtype)) for dtype in ("u1", "i8", ">i4", "f4", "U")},
    **{f"IDX of type {kind}": idx(VALUES, kind, dtype) for kind, dtype in IDX_TYPES.items()},
    "npy column": npy(VALUES[:, None]),
    "IDX column": idx(VALUES[:, None]),
    "npy one-hot": npy(np.eye(10)[VALUES]),
    "npy one-hot bool": npy(np.eye(10, dtype=bool)[VALUES]),
    "JSON pairs": json.dumps({"labels": [[f"{each}.png", int(value)] for each, value in enumerate(VALUES)]}),
    "header": b"label\n" + text(VALUES),
    "fractions that are whole": text(f"{value}.0" for value in VALUES),
}


@pytest.mark.parametrize("content", NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_any_format_replace_the_labels(load, content):
    dataset = load(content)
    assert names(dataset) == list("202109") and dataset.classes == ("0", "1", "2", "9")


TEXTS = {
    "lines": text(WORDS),
    "CRLF": text(WORDS, "\r\n"),
    "BOM": b"\xef\xbb\xbf" + text(WORDS),
    "blank lines at the end": text(WORDS) + b"\n \n\r\n",
    "no last line end": text(WORDS)[:-1],
    "spaces": text(f"  {word} " for word in WORDS),
    "quotes": text(f'"{word}"' for word in WORDS),
    "gzip": gzip.compress(text(WORDS)),
    "UTF-16": text(WORDS).decode().encode("utf-16"),
    "Excel's first line": b"sep=;\r\nid;label\r\n" + text((f"{len(word)};{word}" for word in WORDS), "\r\n"),
    "npy": npy(np.array(WORDS)),
    "npy of bytes": npy(np.array([word.encode() for word in WORDS])),
    "npy of bytes in Latin-1": npy(np.array([word.encode("latin-1") for word in WORDS])),
    **{f"header {header}": f"{header}\n".encode() + text(WORDS) for header in ("label", "Class", '"y"')},
    **{
        f"table {delimiter!r}": f"id{delimiter} Label{delimiter}z\n".encode()
        + text(f'{number}{delimiter}{word}{delimiter}"a{delimiter}b"' for number, word in enumerate(WORDS))
        for delimiter in ",;\t"
    },
    "two columns that name labels": b"class,label\n" + text(f"{len(word)},{word}" for word in WORDS),
    "paths of no folder": b"file,label\n" + text(f"{word}.png,{word}" for word in WORDS),
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_texts_of_any_format_replace_the_labels(load, content):
    dataset = load(content)
    assert names(dataset) == WORDS and dataset.classes == tuple(sorted(set(WORDS)))


def test_commas_are_kept_in_quotes_and_behind_a_first_line_without_them(load):
    assert names(load('"a, b"\n' * 5 + '"say ""c"""\n')) == ["a, b"] * 5 + ['say "c"']
    assert names(load("a\n" + "a, b\n" * 5)) == ["a"] + ["a, b"] * 5


def test_a_first_class_with_the_name_of_a_header_is_no_header(load):
    assert names(load("y\nx\nz\ny\nx\nz\n")) == list("yxzyxz")
    assert names(load("y\ny\nx\nz\ny\nx\nz\n")) == list("yxzyxz")


def test_long_numbers_are_not_rounded(load):
    texts = ["12345678901234567890", "12345678901234567891"] * 3
    assert names(load(text(texts))) == texts


@pytest.mark.parametrize("ids, warned", [("102534", True), ("345789", False), ("cabfde", False)])
def test_rows_whose_numbers_are_in_another_order_are_a_warning(load, capsys, ids, warned):
    assert (
        names(load("id,label\n" + "".join(f"{each},{word}\n" for each, word in zip(ids, WORDS, strict=True)))) == WORDS
    )
    assert ("is read in the order of its rows, and not of its column id" in capsys.readouterr().err) == warned


def test_labels_leave_everything_else_as_it_is(load, tmp_path):
    dataset, own = load(text(WORDS)), data.load(tmp_path / "images.npz")
    assert np.array_equal(dataset.images, own.images) and dataset.facts() == own.facts()
    assert own.classes == tuple("012345") and dataset._replace(labels=0, classes=0, images=0) == own._replace(
        labels=0, classes=0, images=0
    )


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_numbers_get_the_class_names_of_a_published_data_set(tmp_path, name):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    classes = data.DATASETS[name].published.classes
    dataset = data.load(name, tmp_path, labels=save(tmp_path / "labels", text(VALUES)))
    assert names(dataset) == [classes[value] for value in VALUES] and dataset.classes == classes
    dataset = data.load(name, tmp_path, labels=save(tmp_path / "labels", text(VALUES + 2)))
    assert dataset.classes == ("2", "3", "4", "11")  # no class 11 is known
    assert names(data.load(name, tmp_path, labels=save(tmp_path / "labels", text(WORDS)))) == WORDS


def test_generated_images_take_labels_as_others_do(tmp_path, monkeypatch):
    few = Labelled(data.load("digits").images[:6])
    warped = data.DATASETS["mnist_warped"]._replace(load=lambda request: few)  # in place of MNIST, which is not found
    monkeypatch.setitem(data.DATASETS, "mnist_warped", warped)
    monkeypatch.setattr(stacked, "NUM_IMAGES", 6)
    path = save(tmp_path / "labels", text(WORDS))
    assert names(data.load("mnist_warped", labels=path)) == WORDS
    assert names(data.load("stacked_mnist", labels=path)) == WORDS
    assert names(data.load(None, labels=path)) == WORDS
    odd = np.arange(1797) % 2
    assert np.array_equal(data.load("digits", labels=save(tmp_path / "labels", npy(odd))).labels, odd)


JSONS = (
    "{}",
    "[]",
    "[[], []]",
    "[{}, {}]",
    '{"a": [1, 0]}',
    '{"labels": "ab"}',
    '{"a": 1, "b',
    "[[",
)
JSONS += (
    '{"images": [], "annotations": [], "categories": []}',
    '{"a": 1} 2',
    "[" * 9**5,
    '{"a":' * 9**5,
    f'{{"a": {"9" * 5000}}}',
)
ERRORS = {
    "empty": (b"", "labels is empty"),
    "nothing gzipped": (gzip.compress(b""), "labels is empty"),
    "blank": (b" \n\n", "holds no rows; write one for each image"),
    "blank for Python": (b"\x0b\n", "holds 0 labels"),
    "blank for Python, in a table": (b"\x0b,\x0b\n", "a table of 0 columns"),
    "a header alone": (b"label\n", "holds 0 labels"),
    "an empty table": (b"id,label\n", "holds 0 labels"),
    "an empty IDX file": (idx([]), "which is nothing"),
    "unknown": (b"\x01\x02\x03", "unknown format; give a text, CSV, JSON, IDX, .npy or .npz file"),
    "Latin-1": (text(WORDS).decode().encode("latin-1"), "line 6 is not in UTF-8"),
    "half a gzip": (gzip.compress(text(range(999)))[:-99], "damaged or cut off"),
    "a web page": (b"<!DOCTYPE html>", "web page"),
    "too few lines": (text(WORDS[:5]), "labels holds 5 labels, and .*images.npz 6 images; --labels needs one"),
    "too many in IDX": (idx(range(7)), "labels holds 7 labels, and .*images.npz 6 images"),
    "too many in npy": (npy(np.arange(7)), "labels holds 7 labels, and .*images.npz 6 images"),
    "too few rows": (b"id,label\n1,2\n", "labels holds 1 label, and .*images.npz 6 images"),
    "blank line": (b"a\nb\n\n\nc\nd\ne\nf\n", "line 3 is blank"),
    "blank first line": (b"\na\nb\nc\nd\ne\nf\n", "line 1 is blank"),
    "no label": (b"id,label\n1,a\n2,\n3,c\n4,d\n5,e\n6,f\n", "line 3 has no label"),
    "no header": (b"1,2\n" * 6, "a table of 2 columns, none with the header label, labels, class, y, target"),
    "another header": (b"id,kind\n" + b"1,2\n" * 6, "a table of 2 columns, none with the header label"),
    "ragged": (b"id,label\n1,2\n1,2,3\n", "line 3: there are 3 columns, more than in the first"),
    "open quotes": (b'a\n"b\nc\n', "line 2 cannot be read"),
    "a long label": (text(["a" * 101] * 6), "labels are one line of 1 to 100 characters"),
    "a label of two lines": (b'"a\nb"\nc\nd\ne\nf\ng\n', "labels are one line of 1 to 100 characters"),
    "fractions": (text(VALUES / 7), "holds 0.[0-9]+, which is no class; labels are words or whole numbers"),
    "fractions in npy": (npy(VALUES / 7), r"is float64 \[6\], and 0.[0-9]+ is no class; labels are whole numbers"),
    "NaN": (npy(np.full(6, np.nan)), "nan is no class"),
    "infinity": (npy(np.full(6, np.inf)), "inf is no class"),
    "fractions as texts": (npy((VALUES / 7).astype(str)), "holds 0.[0-9]+, which is no class"),
    "an empty text": (npy(np.array(["", *WORDS[1:]])), "labels are one line of 1 to 100 characters"),
    "soft labels": (npy(np.full((6, 10), 0.1)), r"is float64 \[6, 10\], which is no class for each image; labels are"),
    "several labels": (npy(np.ones((6, 14), int)), r"is int64 \[6, 14\], which is no class for each image; labels are"),
    "rows of zeros": (npy(np.zeros((6, 14), int)), r"is int64 \[6, 14\], which is no class for each image"),
    "no Unicode": (npy(np.full(6, 0x110000, "u4").view("<U1")), "is <U1 .*; labels are"),
    "half of a surrogate": (npy(np.full(6, 0xD800, "u4").view("<U1")), "is <U1 .*; labels are"),
    "IDX fractions": (idx(VALUES / 7, 13, ">f4"), r"is >f4 \[6\], and 0.[0-9]+ is no class"),
    "IDX of another type": (b"\0\0\x0a\1\0\0\0\6" + bytes(6), "is not an IDX file of numbers"),
    "StyleGAN without labels": ('{"labels": null}', "its labels are null"),
    **{f"JSON {text}": (text, "is JSON that does not read as labels .*; write .*labels") for text in JSONS},
    "times": (npy(VALUES.astype("M8[s]")), r"is datetime64\[s\] \[6\], which is no class for each image; labels are"),
    "objects": (npy(VALUES.astype(object)), "never unpickled"),
    "a number": (npy(np.int64(6)), "has the shape"),
    "half a npy": (npy(VALUES)[:-1], "does not fit its size"),
    "a gzipped npy": (gzip.compress(npy(VALUES)), "gunzip"),
    "IDX of images": (idx(IMAGES), "IDX file of 3 dimensions, and not of labels"),
    "half an IDX": (idx(VALUES)[:-1], "holds less than"),
}


@pytest.mark.parametrize("content, message", ERRORS.values(), ids=ERRORS)
def test_every_other_file_is_an_error_of_one_sentence(load, content, message):
    with pytest.raises(UserError, match=message) as error:
        load(content)
    assert "labels" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "pack", [lambda values: text(map(str, values)), lambda values: text(f"w{v}" for v in values), npy]
)
def test_more_classes_than_there_can_be_are_an_error(tmp_path, pack):
    images = save(tmp_path / "images.npy", npy(np.zeros((MOST_CLASSES + 1, 2, 2), np.uint8)))
    path = save(tmp_path / "labels", pack(np.arange(MOST_CLASSES + 1)))
    assert "holds more than 10,000 classes" in error_of(lambda: data.load(images, labels=path))
    path = save(tmp_path / "labels", pack(np.arange(MOST_CLASSES + 1) % MOST_CLASSES))
    assert len(data.load(images, labels=path).classes) == MOST_CLASSES


def test_a_path_that_is_no_file_is_an_error_before_the_images_are_read(tmp_path):
    for path, message in (
        ("none", "is missing"),
        ("", "is a folder"),
        ("pipe", "is not a file"),
        ("a\0", "is missing"),
    ):
        if path == "pipe":
            os.mkfifo(tmp_path / path)
        with pytest.raises(UserError, match=rf"--labels .* {message}; give a text, CSV, JSON, IDX, .npy or .npz file"):
            data.load("no such data", labels=os.path.join(tmp_path, path))


def test_points_have_labels_as_images_have(tmp_path):
    points = save(tmp_path / "points.npy", npy(np.linspace(0, 1, 9)))
    dataset = data.load(points, labels=save(tmp_path / "labels", text(range(9))))
    assert dataset.images.shape == (9, 1) and dataset.labels.tolist() == [*range(9)]
    assert "10 labels" in error_of(lambda: data.load(points, labels=save(tmp_path / "more", text(range(10)))))


@pytest.mark.parametrize("content", [b"a\n" * 2**22, b"id,label\n" + b"1,a\n" * 2**21], ids=["lines", "rows"])
def test_a_list_is_not_read_to_its_end_if_that_is_far_away(load, monkeypatch, content):
    monkeypatch.setattr(label_files, "_MANY", 100)
    assert "holds at least 106 labels, and" in error_of(load, gzip.compress(content))


@pytest.mark.parametrize("content", [b"a" * 2**21, b"a\n" + b"," * 2**21 + b"a", b'a\n"' + b"a" * 2**21])
def test_endless_lines_are_refused(load, content, monkeypatch):
    monkeypatch.setattr(data.tables, "_LONGEST", 2**20)
    assert "begins an open quote, or a row of over" in error_of(load, gzip.compress(content))


def test_json_of_more_bytes_than_the_images_need_is_not_parsed(load, monkeypatch):
    monkeypatch.setattr(label_files, "_MOST_JSON", 1000)
    assert "it has more than 2,200 bytes" in error_of(load, gzip.compress(json.dumps([["a.png", 1]] * 999).encode()))
