"""A name or a path loads its images; every mistake is one sentence that says how to correct it."""

import gzip
import hashlib
import http.server
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from conftest import REAL_DATA, needs_mnist, replace_files
from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, published

REAL_FETCH = published.fetch  # before conftest.py replaces it
IMAGES = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
IDX = b"\0\0\x08\x03" + struct.pack(">3I", 3, 5, 4) + IMAGES.tobytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_digits_are_enlarged_to_the_frame():
    images = data.load("digits").images
    assert images.shape == (1797, 28, 28, 1) and images.dtype == np.uint8
    assert len(np.unique(images)) > 17  # smoothly enlarged
    assert images.min() == 0 and images.max() == 255
    coarse = images.reshape(1797, 4, 7, 4, 7).mean((2, 4)).reshape(1797, -1)
    original = load_digits().images.reshape(1797, 4, 2, 4, 2).mean((2, 4)).reshape(1797, -1)
    assert np.corrcoef(coarse.ravel(), original.ravel())[0, 1] > 0.99  # the same digits, upright, in the same order


def test_gaussian_draws_have_the_requested_mean_and_standard_deviation():
    points = data.load("gaussian", mean=4.0, std=0.5, seed=3).images
    assert points.shape == (1000, 1) and points.dtype == np.float32
    assert abs(points.mean() - 4) < 0.05 and abs(points.std() - 0.5) < 0.04
    standard = data.load("gaussian", seed=3).images
    assert np.allclose(points, 4 + 0.5 * standard, atol=1e-6)  # the same draws
    assert not np.array_equal(standard, data.load("gaussian", seed=4).images)
    assert data.load("gaussian", seed=3).facts() == data.load("gaussian", seed=3).facts()
    for shaping in (Shaping((28, 28)), Shaping(channels=1)):
        with pytest.raises(UserError, match="gaussian holds points"):
            data.load("gaussian", shaping=shaping)


@pytest.mark.parametrize("folder", ["", "mnist/", "MNIST/raw/"])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"])
def test_mnist_is_found_at_the_usual_paths(tmp_path, monkeypatch, folder, file):
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path))
    write(tmp_path / folder / file, IDX)
    assert data.load(None).name == data.load("mnist").name == "mnist"


def test_data_dir_is_searched_first_then_tfgan_data_then_keras_cache(tmp_path, monkeypatch):
    for place, pixel in (("given", 201), ("environment", 202), ("keras/datasets", 203)):
        write(tmp_path / place / "mnist/train-images-idx3-ubyte", IDX[:16] + bytes([pixel]) * 60)
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path / "environment"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert data.load("mnist", tmp_path / "given").images.max() == 201
    assert data.load("mnist").images.max() == 202
    monkeypatch.delenv("TFGAN_DATA")
    assert data.load("mnist").images.max() == 203


def test_mnist_not_found_is_an_error_that_names_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path / "environment"))
    with pytest.raises(UserError) as error:
        data.load("mnist", tmp_path)
    parts = ["train-images-idx3-ubyte", "mnist.npz", str(tmp_path), str(tmp_path / "environment"), "mnist_warped"]
    assert all(part in str(error.value) for part in parts)
    with pytest.raises(UserError, match="--data-dir"):
        data.load("mnist", tmp_path / "nowhere")


def test_another_data_set_with_the_same_file_names_is_an_error(tmp_path, monkeypatch):
    sha256 = hashlib.sha256(IMAGES.tobytes()).hexdigest()
    other = data.DATASETS["fashion_mnist"].published._replace(pixels_sha256=sha256)
    replace_files(monkeypatch, "fashion_mnist", other)
    write(tmp_path / "train-images-idx3-ubyte", IDX)
    with pytest.raises(UserError, match="holds Fashion-MNIST, not MNIST"):
        data.load("mnist", tmp_path)
    assert data.load("fashion_mnist", tmp_path).name == "fashion_mnist"


@pytest.fixture
def server(tmp_path):
    """A folder, and the URL of a server for it on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_download_is_verified_and_saved_in_keras_cache(server, monkeypatch):
    folder, address = server
    write(folder / "images.gz", gzip.compress(IDX))
    sha256 = hashlib.sha256((folder / "images.gz").read_bytes()).hexdigest()
    mnist = data.DATASETS["mnist"].published._replace(url=f"{address}/images.gz", sha256=sha256)
    monkeypatch.setattr(published, "fetch", REAL_FETCH)

    path, reason = published.fetch(mnist._replace(sha256="0" * 64), 5)
    assert path is None and "SHA256" in reason.replace("sha256", "SHA256")
    assert not list(published.keras_cache().glob("mnist/*"))

    replace_files(monkeypatch, "mnist", mnist)
    dataset = data.load("mnist")
    assert np.array_equal(dataset.images, IMAGES[..., None])
    assert (
        published.find(mnist, [published.keras_cache()]) == published.keras_cache() / "mnist/train-images-idx3-ubyte.gz"
    )
    published.find(mnist, [published.keras_cache()]).unlink()


def test_a_network_without_an_answer_is_waited_for_no_longer_than_the_limit(monkeypatch):
    import requests

    answer = threading.Event()

    def head(*_, **__):
        answer.wait(20)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", head)
    assert REAL_FETCH(data.DATASETS["mnist"].published, 0.1) == (None, "storage.googleapis.com cannot be reached")
    answer.set()
    assert published.CONNECT_SECONDS <= 5


@pytest.mark.parametrize("name", [None, "mnist", "fashion_mnist"])
def test_without_download_blank_images_replace_those_to_download(name, monkeypatch, capsys):
    monkeypatch.setattr(published, "fetch", None)
    dataset = data.load(name, download=False)
    assert dataset.name == (name or "mnist") and dataset.images.shape == (60_000, 28, 28, 1)
    assert "try to download it" in capsys.readouterr().err
    assert data.load(name, shaping=Shaping((9, 7), 3), download=False).images.shape == (60_000, 9, 7, 3)


def test_no_network_is_reported_without_an_exception(server):
    _, address = server
    path, reason = REAL_FETCH(data.DATASETS["mnist"].published._replace(url=f"{address}/missing.gz"), 5)
    assert path is None and "127.0.0.1" in reason


@needs_mnist
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_files_are_the_published_ones(name):
    facts = data.load(name, REAL_DATA).facts()
    assert (facts["num_images"], facts["image_shape"]) == (60_000, [28, 28, 1])
    assert facts["sha256"] == data.DATASETS[name].published.pixels_sha256
    path = published.find(data.DATASETS[name].published, [Path(REAL_DATA)])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == data.DATASETS[name].published.sha256


def test_a_name_that_is_not_a_data_set_or_path_is_an_error(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "b.png")
    with pytest.raises(UserError, match="one image; give the folder"):
        data.load(tmp_path / "b.png")
    for name in ("photos", "~nobody/x", "a\0b", "x" * 5000, "no/such/place"):
        with pytest.raises(
            UserError, match=r"mnist, .*cifar10, .*mnist_warped, digits, gaussian.* no file or folder has that name"
        ):
            data.load(name)


def test_a_name_takes_precedence_over_a_folder_with_that_name(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "digits/b.png")
    monkeypatch.chdir(tmp_path)
    assert len(data.load("digits").images) == 1797
    assert len(data.load("./digits").images) == 1


# Counted by looking at them: (used, left out).
REAL = {"messy": (233, 1), "malformed": (12, 11), "faces": (397, 0), "flags": (255, 0)}


@pytest.mark.skipif(not REAL_DATA or not Path(REAL_DATA, "messy").is_dir(), reason="TFGAN_DATA has no messy images")
@pytest.mark.parametrize("name", REAL)
def test_real_folders(name, tmp_path, capfd):
    dataset = data.load(f"{REAL_DATA}/{name}", cache_dir=tmp_path)
    assert (len(dataset.images), sum(bool(reason) for _, reason in dataset.files)) == REAL[name]
    assert dataset.images.shape[1:] == (28, 28, 3)
    assert capfd.readouterr().err.count("\n") == {"messy": 2, "malformed": 1}.get(name, 0)  # messy has animations, too
    if name == "messy":
        used = [file for file, reason in dataset.files if not reason]
        upright = dataset.images[used.index("hopper.jpg")].astype(int)
        for orientation in range(2, 9):
            turned = dataset.images[used.index(f"hopper_orientation_{orientation}.jpg")]
            assert np.abs(turned - upright).mean() < 8, orientation
