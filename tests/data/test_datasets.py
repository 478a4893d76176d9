"""A data set is one row of one table: with its row, it has a name, a license note, a split and test images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfgan_v1 import Config, UserError, data
from tfgan_v1.data import Shaping, datasets, published, splits
from tfgan_v1.data.labels import Labelled

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 1), np.uint8)
ROW = datasets.Row(
    "Trained on noise.",
    load=lambda request: Labelled(IMAGES, np.arange(40, dtype=np.int32) % 2, ("even", "odd")),
    load_test=lambda request: Labelled(IMAGES[:7]),
    period=10,
)


@pytest.fixture
def noise(monkeypatch):
    monkeypatch.setitem(data.DATASETS, "noise", ROW)
    return data.load("noise")


def test_a_row_is_all_that_a_data_set_needs(noise):
    assert np.array_equal(noise.images, IMAGES) and noise.classes == ("even", "odd")
    assert noise.facts()["name"] == "noise" and data.license_note("noise") == "Trained on noise."
    assert data.load("noise", shaping=Shaping((8, 9), 3)).images.shape == (40, 8, 9, 3)
    test = data.load_test("noise")
    assert np.array_equal(test.images, IMAGES[:7]) and not splits.is_held_out(noise, test)
    first, rest = splits.split(noise, 0.5, 0)
    assert len(first) == 20 and not set(first % 10) & set(rest % 10)
    assert datasets.period_of("noise", 40) == 10 and not splits.shares_digits(noise, None)
    with pytest.raises(UserError, match="circles, noise, and no file or folder"):
        data.load("no such data")


def test_a_row_may_hold_composed_images_or_points(monkeypatch):
    monkeypatch.setitem(data.DATASETS, "noise", ROW._replace(composed=True))
    assert splits.shares_digits(data.load("noise"), None)
    with pytest.raises(UserError, match="leave out --channels 1"):
        data.load("noise", shaping=Shaping(channels=1))
    row = datasets.Row("", load=lambda request: Labelled(np.full((3, 1), request.mean, np.float32)))
    monkeypatch.setitem(data.DATASETS, "threes", row)
    assert data.load("threes", mean=3.0).images.tolist() == [[3]] * 3 and data.load_test("threes") is None


def test_a_row_without_a_part_is_an_error_that_names_it():
    for row, values, part in ((datasets.Row, ["license"], "load"), (published.Published, ROW[:5], "classes")):
        with pytest.raises(TypeError, match=f"missing .*'{part}'"):
            row(*values)


def test_every_other_name_is_the_users_own_data():
    notes = {data.license_note(name) for name in data.DATASETS}
    of_formulas = 5  # points, which share a note
    assert len(notes) == len(data.DATASETS) - of_formulas + 1 == 8 and data.license_note("photos") == datasets.OWN


def test_the_names_are_known_without_what_decodes_and_downloads():
    program = "import sys; from tfgan_v1.data import DATASETS, LARGEST_SIDE; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"PIL", "pandas", "pooch", "requests", "sklearn", "scipy", "tensorflow"}.intersection(loaded)


@pytest.mark.parametrize("text", ["MNIST", "Fashion-MNIST", "fashion mnist", "FashionMNIST", "CIFAR-10", "cifar_10"])
def test_a_name_may_be_spelled_as_people_do(text, monkeypatch, tmp_path):
    name = data.canonical(text)
    assert name in ("mnist", "fashion_mnist", "cifar10") and data.canonical(name) == name
    row = ROW._replace(composed=False)
    monkeypatch.setitem(data.DATASETS, name, row)
    assert data.load(text).name == name and data.load_test(text).name == name
    assert Config(dataset=text) == Config(dataset=name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / text).touch()  # a file comes first, but for an exact name
    assert data.canonical(text) == text and data.canonical(name) == name


def test_everything_else_stays_as_it_is():
    for text in (None, "./MNIST", "MNIST.npz", "photos/CIFAR-10", "minst", "", "a\0b"):
        assert data.canonical(text) == text
    assert data.canonical(Path("a/b")) == "a/b"


@pytest.mark.parametrize(
    "name, place, given",
    [
        ("celeba", "mmlab.ie.cuhk.edu.hk", "img_align_celeba"),
        ("CelebA-HQ", "mmlab.ie.cuhk.edu.hk", "img_align_celeba"),
        ("CIFAR-100", "www.cs.toronto.edu/~kriz/cifar.html", "cifar100"),
        ("ffhq", "github.com/NVlabs/ffhq-dataset", "thumbnails128x128"),
        ("ImageNet", "image-net.org", "train"),
        ("lsun", "github.com/fyu/lsun", "bedroom"),
        ("STL10", "cs.stanford.edu", "stl10"),
        ("svhn", "ufldl.stanford.edu", "train"),
        ("EMNIST-letters", "www.nist.gov", "gzip/emnist-letters-train-images-idx3-ubyte.gz"),
        ("kmnist", "codh.rois.ac.jp", "kmnist-train-imgs.npz"),
        ("qmnist", "github.com/facebookresearch/qmnist", "qmnist-train-images-idx3-ubyte.gz"),
        ("PathMNIST", "pathmnist.npz from medmnist.com", "pathmnist.npz"),
        ("organsmnist", "medmnist.com", "organsmnist.npz"),
    ],
)
def test_data_sets_that_are_not_built_in_say_where_they_are(name, place, given):
    with pytest.raises(UserError) as error:
        data.load(name)
    message = str(error.value)
    assert message.startswith(f"{name} is not built in") and message.endswith(f"and use --dataset {given}")
    assert f"{place}" in message and "\n" not in message and "{" not in message
