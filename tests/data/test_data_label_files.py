"""A file of labels of any format replaces the labels of a data set; a wrong one is an error of one sentence."""

import gzip
import io
import json
import os
import struct
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tfgan_v1 import UserError, data
from tfgan_v1.data import label_files, stacked
from tfgan_v1.data.labels import MOST_CLASSES, Labelled

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
VALUES = np.array([2, 0, 2, 1, 0, 9])
WORDS = ["dog", "cat", "dog", "great ape", "cat", "Ünï"]


IDX_TYPES = {9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx(values, kind=8, dtype=np.uint8):
    values = np.asarray(values, dtype)
    return bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def npy(values):
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def text(values, end="\n"):
    return "".join(f"{value}{end}" for value in values).encode()


def save(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(dataset):
    """The class name of each image."""
    assert dataset.labels.dtype == np.int32 and len(dataset.labels) == len(dataset.images)
    return [dataset.classes[label] for label in dataset.labels]


@pytest.fixture
def load(tmp_path):
    """Loads six images that have labels of their own, with the labels in a file of this content."""

    def load(content, **options):
        np.savez(tmp_path / "images.npz", x=IMAGES, y=np.arange(6))
        return data.load(tmp_path / "images.npz", labels=save(tmp_path / "labels", content), **options)

    return load


@pytest.fixture
def pets(tmp_path):
    """Loads a folder of three pictures, a.png, b.png and x/c.png, with the labels in a file of this content."""
    for name in ("b.png", "a.png", "x/c.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(tmp_path / "pets" / name)

    def load(content):
        labels = save(tmp_path / "labels", content)
        return data.load(tmp_path / "pets", cache_dir=tmp_path / "cache", labels=labels)

    return load


@pytest.fixture
def pets_with_broken(tmp_path, pets):
    (tmp_path / "pets/ab.png").write_bytes(b"none")  # the second of four, left out
    return pets


def error_of(load, *arguments):
    with pytest.raises(UserError) as error:
        load(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


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


PETS = {"x/c.png": 3, "b.png": 2, "a.png": 1}
BY_PATH = {
    "ids": "id,label\nc,3\nb,2\na,1\n",
    "ids and a label of another name": "id,breed\nc,3\nb,2\na,1\n",
    "a label of another name first": "kind,image_id\n3,c\n2,b\n1,a\n",
    "Windows' paths, of another machine": "file,label\nC:\\me\\x\\c.png,3\nC:\\me\\b.png,2\nC:\\me\\a.png,1\n",
    "another folder's, too": "path,label\ntest/a.png,8\npets/a.png,1\npets/b.png,2\npets/x/c.png,3\ntest/x/c.png,9\n",
    "names alone": "x,y,label\n1,c.png,3\n2,b.png,2\n3,a.png,1\n",
    "other suffixes and cases": "file,label\n./A.PNG,1\nb.jpg,2\nX/C.jpeg,3\n",
    "a column of another header": "of,age,label\nc,1,3\nb,1,2\na,1,1\n",
    "a list of Caffe": "x/c.png 3\nb.png 2\n\ta.png  1\n",
    "JSON": json.dumps([*PETS.items()]),
    "JSON of StyleGAN": json.dumps({"labels": [["pets/a.png", 1], ["pets/b.png", 2], ["pets/x/c.png", 3]]}),
    "JSON object": "\ufeff" + json.dumps(PETS),
    "JSON Lines": "".join(f'{{"file_name": "{path}", "text": "{label}"}}\n' for path, label in PETS.items()),
    "JSON objects": json.dumps([{"width": 9, "class": label, "image": path} for path, label in PETS.items()]),
    "in order": "file,label\na.png,1\nb.png,2\nx/c.png,3\n",
    "in another order": "label;Path\n3;x/c.png\n1;a.png\n2;b.png\n",
    "with other rows": "image\tsize\tclass\nz.png\t9\t\nx/c.png\t9\t3\nb.png\t9\t2\nc.png\t9\t8\na.png\t9\t1\n",
    "twice the same": "filename,y\na.png,1\nb.png,2\nx/c.png,3\na.png,1\n",
    "a header of another name": "picture,label\nb.png,2\nx/c.png,3\na.png,1\n",
    "two paths, one of that name": "pair,file,label\nb.png,a.png,1\na.png,b.png,2\na.png,x/c.png,3\n",
    "without a header": "b.png,2\nother.png,9\nx/c.png,3\na.png,1\n",
    "without a header, other rows first": '"other.png","9"\n"b.png","2"\n"x/c.png","3"\n"a.png","1"\n',
}


@pytest.mark.parametrize("content", BY_PATH.values(), ids=BY_PATH)
def test_a_table_gives_pictures_their_labels_by_path(pets, content):
    assert names(pets(content)) == ["1", "2", "3"]


@pytest.mark.parametrize("content", BY_PATH.values(), ids=BY_PATH)
def test_a_picture_left_out_needs_no_row(pets_with_broken, content):
    assert names(pets_with_broken(content)) == ["1", "2", "3"]


def test_a_class_with_the_name_of_a_header_may_be_in_the_first_row(pets):
    assert names(pets("a.png,y\nb.png,z\nx/c.png,y\n")) == ["y", "z", "y"]


@pytest.mark.parametrize("pack", [text, lambda values: b"label\n" + text(values), idx, lambda values: npy(values)])
def test_a_list_has_a_label_for_each_picture_with_or_without_those_left_out(pets_with_broken, pack):
    assert names(pets_with_broken(pack([7, 8, 9]))) == ["7", "8", "9"]
    assert names(pets_with_broken(pack([7, 1, 8, 9]))) == ["7", "8", "9"]


def test_a_table_without_paths_is_in_the_order_of_the_pictures_and_says_so(pets, capsys):
    for header, numbers in (("id", "012"), ("", "123"), ("age", "797")):
        rows = "".join(f"{number},{label}\n" for number, label in zip(numbers, "wow", strict=True))
        assert names(pets(f"{header},label\n{rows}")) == ["w", "o", "w"]
        assert "no column of paths, so its labels are" in (said := capsys.readouterr().err)
        assert "w is that of a.png" in said


def folder(path, *files):
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9), 200).save(path / name, "PNG")


ACCENT = "caf\xe9/1.png"
MATCHES = {  # the pictures, what a table calls them, whether a line says so
    "composed": ([unicodedata.normalize("NFD", ACCENT)], [unicodedata.normalize("NFC", ACCENT)], False),
    "decomposed": ([unicodedata.normalize("NFC", ACCENT)], [unicodedata.normalize("NFD", ACCENT)], False),
    "the folder's own name": (["cat/0.png", "dog/0.png"], ["data/cat/0.png", "./data/dog/0.png"], False),
    "Windows": (["cat/0.png", "dog/0.png"], ["cat\\0.png", ".\\dog\\0.png"], False),
    "another machine": (["cat/0.png", "dog/0.png"], ["/home/me/cat/0.png", "/home/me/dog/0.png"], True),
    "letter case": (["IMG_1.JPG", "a.png", "A.png"], ["img_1.jpg", "a.png", "A.png"], True),
    "numbers": ([f"{number}.png" for number in range(1, 13)], [str(number) for number in range(1, 13)], True),
    "zeros": (["0001.png", "0010.png"], ["1", "10"], True),
    "zeros that differ": (["01.png", "1.png"], ["01", "1"], True),
    "suffixes that differ": (["1.jpg", "1.png", "2.png"], ["1.jpg", "1.png", "2.jpg"], True),
}


@pytest.mark.parametrize("files, paths, said", MATCHES.values(), ids=MATCHES)
def test_a_path_is_found_however_it_is_written(tmp_path, capsys, files, paths, said):
    folder(tmp_path / "data", *files)
    rows = [f"{path},label of {name}" for name, path in zip(files, paths, strict=True)]
    labels = save(tmp_path / "labels.csv", "\n".join(["id,label", *reversed(rows)]))
    dataset = data.load(tmp_path / "data", cache_dir=tmp_path / "cache", labels=labels)
    assert names(dataset) == [f"label of {name}" for name, _ in dataset.files]
    note = capsys.readouterr().err
    assert note.count("\n") == said and ("and other paths likewise" in note) == said


UNLIKE = {
    "two of that name": (
        ["cat/0.png", "dog/0.png"],
        ["0.png"],
        "the table says 0.png, the folder has cat/0.png and dog",
    ),
    "two without suffix": (["a.jpg", "a.png"], ["a"], "the table says a, the folder has a.jpg and a.png"),
    "two in another case": (["A.png", "a.PNG"], ["a.png"], "the table says a.png, the folder has A.png and a.PNG"),
    "two without zeros": (["01.png", "1.png"], ["001"], "the table says 001, the folder has 01.png and 1.png"),
    "another place": (["cat/0.png"], ["dog/0.png"], "the table says dog/0.png, the folder has cat/0.png"),
    "part of a name": (["xcat/0.png"], ["cat/0.png"], "the table says cat/0.png, the folder has xcat/0.png"),
    "ids from 0": (["1.png", "2.png", "3.png"], ["0", "1", "2"], "1 of 3 .* the table says 0, the folder has 3.png"),
    "ids that do not count": (["a.png", "b.png"], ["8", "7"], "the table says 8, the folder has a.png"),
    "names of others": (["a.png", "b.png"], ["dog 8", "dog 7"], "the table says dog 8, the folder has a.png"),
}


@pytest.mark.parametrize("files, paths, message", UNLIKE.values(), ids=UNLIKE)
def test_a_path_that_names_no_picture_or_two_is_shown_beside_one(tmp_path, files, paths, message):
    folder(tmp_path / "data", *files)
    labels = save(tmp_path / "labels.csv", "id,label\n" + "".join(f"{path},cat\n" for path in paths))
    with pytest.raises(UserError, match=f"no label for .*{message}"):
        data.load(tmp_path / "data", cache_dir=tmp_path / "cache", labels=labels)


FOLDER_ERRORS = {
    "no row": ("file,label\na.png,1\nx/c.png,3\n", "no label for 1 of 3 pictures in .*pets, first b.png"),
    "no label": ("file,label\na.png,1\nb.png,\nx/c.png,3\n", "no label for 1 of 3 pictures in .*pets, first b.png"),
    "missing": ("file,label\na.png,1\nb.png,NA\nx/c.png,3\n", "no label for 1 of 3 pictures in .*pets, first b.png"),
    "keys that name no picture": (
        "scan,label\nw,1\nu,2\nv,3\n",
        "no label for 3 of 3 pictures in .*: the table says w,",
    ),
    "lines that are no table": (
        "a.png 1 0\nb.png 1 0\nx/c.png 0 1\n",
        "has lines such as 'a.png 1 0'; write a picture's",
    ),
    "lines of paths and colons": (
        "a.png: 1\nb.png: 1\n",
        "has lines such as 'a.png: 1'; write a picture's path, a space",
    ),
    "no path": ("file,label\n1,1\n2,2\n3,3\n", "no label for 3 of 3 pictures in .*pets, first a.png"),
    "no path, no header": ("1,1\n2,2\n3,3\n", "no label for 3 of 3 pictures in .*pets, first a.png"),
    "a path in Latin-1": ("file,label\nb.png,2\ny\ufffd.png,3\n", "line 3 is not in UTF-8"),
    "contradiction": ("file,label\na.png,1\na.png,2\n", "two labels for a.png, 1 and 2"),
    "contradiction of paths": ("file,label\na.png,1\n./a.png,2\n", "two labels for a.png, 1 and 2"),
    "contradiction in JSON": ('{"a.png": 1, "a.png": 2}', "two labels for a.png, 1 and 2"),
    "a table without rows": ("id,label\n", "no label for 3 of 3 pictures"),
    "a table without rows or paths": ("age,label\n", "holds 0 labels"),
    "classes in JSON": ('{"cat": 0}', "the table says cat, the folder has a.png"),
    "too few": ("1\n2\n", "holds 2 labels, and .*pets 3 images; --labels needs one for each image"),
}


@pytest.mark.parametrize("content, message", FOLDER_ERRORS.values(), ids=FOLDER_ERRORS)
def test_a_table_that_does_not_fit_the_folder_is_an_error(pets, content, message):
    with pytest.raises(UserError, match=message):
        pets(content)


def test_a_wrong_number_says_how_many_pictures_were_left_out(pets_with_broken):
    assert "holds 5 labels, and" in (error := error_of(pets_with_broken, text(range(5))))
    assert "3 images, or 4 with those left out" in error


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


def test_points_have_no_labels(tmp_path):
    path = save(tmp_path / "labels", text(range(1000)))
    points = save(tmp_path / "points.npy", npy(np.linspace(0, 1, 9)))
    assert "--labels needs images, and gaussian holds points" in error_of(lambda: data.load("gaussian", labels=path))
    assert "--labels needs images, and" in error_of(lambda: data.load(points, labels=path))


@pytest.mark.parametrize("content", [b"a\n" * 2**22, b"id,label\n" + b"1,a\n" * 2**21], ids=["lines", "rows"])
def test_a_list_is_not_read_to_its_end_if_that_is_far_away(load, monkeypatch, content):
    monkeypatch.setattr(label_files, "_MANY", 100)
    assert "holds at least 106 labels, and" in error_of(load, gzip.compress(content))


@pytest.mark.parametrize("content", [b"a" * 2**21, b"a\n" + b"," * 2**21 + b"a", b'a\n"' + b"a" * 2**21])
def test_endless_lines_are_refused(load, content, monkeypatch):
    monkeypatch.setattr(data.tables, "_LONGEST", 2**20)
    assert "begins an open quote, or a row of over" in error_of(load, gzip.compress(content))


def test_a_file_that_unpacks_to_too_much_is_refused(pets, monkeypatch):
    monkeypatch.setattr(data.tables, "most_bytes", lambda *_: 1000)
    assert "unpacks to more than 1,000 bytes" in error_of(pets, gzip.compress(b"file,label\n" + b"1,a\n" * 999))


def test_json_of_more_bytes_than_the_images_need_is_not_parsed(load, monkeypatch):
    monkeypatch.setattr(label_files, "_MOST_JSON", 1000)
    assert "it has more than 2,200 bytes" in error_of(load, gzip.compress(json.dumps([["a.png", 1]] * 999).encode()))


def test_the_longest_path_is_found_or_not_in_bounded_time(pets):
    deep, zeros, many = "/a" * 60_000, "0" * 13_000 + "x", "/" * 13_000
    error = error_of(pets, "file,label\n" + "".join(f"{path},1\n" for path in (deep, zeros, many) * 9))
    assert "the table says /a/a" in error and len(error) < 999


def test_a_table_is_compared_with_many_pictures_of_one_name_in_linear_time(tmp_path):
    files = tuple((f"{number}/0.png", "") for number in range(3_000))
    dataset = data.Dataset("pets", np.zeros((len(files), 1, 1, 1), np.uint8), files)
    pictures = label_files._Pictures(dataset)
    for number in range(3_000):
        pictures.take(f"data/{number}/0.jpg", str(number), "labels")
        pictures.take("0", "x", "labels")
    assert pictures.labels("labels").tolist() == [str(number) for number in range(3_000)]
