"""A file of labels names the pictures of a folder by their paths, however it writes them, or none of them."""

import gzip
import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from label_texts import error_of, idx, names, npy, save, text
from tfgan_v1 import UserError, data
from tfgan_v1.data import label_files


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


def test_a_file_that_unpacks_to_too_much_is_refused(pets, monkeypatch):
    monkeypatch.setattr(data.tables, "most_bytes", lambda *_: 1000)
    assert "unpacks to more than 1,000 bytes" in error_of(pets, gzip.compress(b"file,label\n" + b"1,a\n" * 999))


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
