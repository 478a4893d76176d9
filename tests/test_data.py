"""Every input becomes the images that it holds, or one sentence; every step sees the images it should."""

import gzip
import hashlib
import http.server
import struct
import threading
import zipfile

import numpy as np
import pytest
from conftest import REAL_DATA, needs_mnist
from sklearn.datasets import load_digits

from tfgan_v1 import UserError, data

REAL_FETCH = data.fetch  # before the tests' own takes its place
IMAGES = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
IDX = b"\0\0\x08\x03" + struct.pack(">3I", 3, 5, 4) + IMAGES.tobytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_is_read_gzipped_or_not_whatever_its_name(tmp_path, name, pack):
    images = data.read_idx(write(tmp_path / name, pack(IDX)))
    assert images.dtype == np.uint8 and np.array_equal(images, IMAGES[..., None])


BROKEN_IDX = {
    "empty": (b"", "not an IDX file"),
    "another format": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an IDX file"),
    "labels": (b"\0\0\x08\x01" + struct.pack(">I", 30) + bytes(30), "not an IDX file"),
    "floats": (b"\0\0\x0d\x03" + IDX[4:], "not an IDX file"),
    "cut off": (IDX[:-1], "cannot hold|less"),
    "too long": (IDX + b"\0", "more"),
    "no images": (b"\0\0\x08\x03" + struct.pack(">3I", 0, 5, 4), "holds no images"),
    "claims four billion": (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(60), "cannot hold"),
    "gzip claims four billion": (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12 + bytes(60)), "cannot hold"),
    "gzip cut off": (gzip.compress(IDX)[:-9], "damaged or cut off"),
    "gzip with a wrong sum": (gzip.compress(IDX)[:-8] + bytes(8), "damaged or cut off"),
    "gzip of garbage": (gzip.compress(IDX)[:10] + b"\xff" * 40, "damaged or cut off"),
    "gzip holds less": (gzip.compress(IDX[:-1]), "less"),
}


@pytest.mark.parametrize("content, reason", BROKEN_IDX.values(), ids=BROKEN_IDX)
def test_a_broken_idx_file_is_one_sentence_with_its_path(tmp_path, content, reason):
    path = write(tmp_path / "train-images-idx3-ubyte", content)
    with pytest.raises(UserError, match=reason) as told:
        data.read_idx(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_keras_archive_is_read(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=IMAGES, y_train=np.zeros(3))
    assert np.array_equal(data.read_npz(tmp_path / "mnist.npz"), IMAGES[..., None])
    np.savez_compressed(tmp_path / "packed.npz", x_train=IMAGES)
    assert np.array_equal(data.read_npz(tmp_path / "packed.npz"), IMAGES[..., None])


BROKEN_NPZ = {
    "no array": lambda path: np.savez(path, other=IMAGES),
    "floats": lambda path: np.savez(path, x_train=IMAGES.astype(float)),
    "objects": lambda path: np.savez(path, x_train=np.array([print], object)),
    "flat": lambda path: np.savez(path, x_train=IMAGES.ravel()),
    "garbage": lambda path: path.write_bytes(b"PK garbage"),
    "empty": lambda path: path.write_bytes(b""),
    "a lying header": lambda path: path.write_bytes(_archive(IMAGES).replace(b"(3, 5, 4)", b"(9, 5, 4)")),
}


def _archive(images):
    import io

    file = io.BytesIO()
    np.savez(file, x_train=images)
    return file.getvalue()


for _shape in ("(True, 5, 4)", "(-3, -5, 4)", "(3.0, 5, 4)", "(" * 9000, "None"):
    BROKEN_NPZ[f"a header with {_shape[:20]}"] = lambda path, shape=_shape: _with_header(path, shape)


def _with_header(path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(60))


@pytest.mark.parametrize("make", BROKEN_NPZ.values(), ids=BROKEN_NPZ)
def test_a_broken_archive_is_one_sentence_with_its_path(tmp_path, make):
    path = tmp_path / "mnist.npz"
    make(path)
    with pytest.raises(UserError) as told:
        data.read_npz(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_digits_are_enlarged_to_the_frame():
    images = data.load("digits").images
    assert images.shape == (1797, 28, 28, 1) and images.dtype == np.uint8
    assert len(np.unique(images)) > 17  # smoothly enlarged
    assert images.min() == 0 and images.max() == 255
    coarse = images.reshape(1797, 4, 7, 4, 7).mean((2, 4)).reshape(1797, -1)
    original = load_digits().images.reshape(1797, 4, 2, 4, 2).mean((2, 4)).reshape(1797, -1)
    assert np.corrcoef(coarse.ravel(), original.ravel())[0, 1] > 0.99  # the same digits, upright, in their order


@pytest.mark.parametrize("folder", ["", "mnist/", "MNIST/raw/"])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"])
def test_mnist_is_found_where_people_have_it(tmp_path, monkeypatch, folder, file):
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path))
    write(tmp_path / folder / file, IDX)
    assert data.load(None).name == data.load("mnist").name == "mnist"


def test_the_places_are_searched_in_their_order(tmp_path, monkeypatch):
    for place, pixel in (("given", 1), ("environment", 2), ("keras/datasets", 3)):
        write(tmp_path / place / "mnist/train-images-idx3-ubyte", IDX[:16] + bytes([pixel]) * 60)
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path / "environment"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert data.load("mnist", tmp_path / "given").images.max() == 1
    assert data.load("mnist").images.max() == 2
    monkeypatch.delenv("TFGAN_DATA")
    assert data.load("mnist").images.max() == 3


def test_without_mnist_the_choice_falls_on_digits_and_says_so_once(capsys):
    assert data.load(None).name == "digits"
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "train-images-idx3-ubyte" in told and "datasets" in told


def test_asked_for_mnist_and_not_found_names_files_and_places(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path / "environment"))
    with pytest.raises(UserError) as told:
        data.load("mnist", tmp_path)
    parts = ["train-images-idx3-ubyte", "mnist.npz", str(tmp_path), str(tmp_path / "environment"), "--dataset digits"]
    assert all(part in str(told.value) for part in parts)
    with pytest.raises(UserError, match="--data-dir"):
        data.load("mnist", tmp_path / "nowhere")


def test_the_other_data_set_under_the_same_names_is_told(tmp_path, monkeypatch):
    sha256 = hashlib.sha256(IMAGES.tobytes()).hexdigest()
    other = data.PUBLISHED["fashion_mnist"]._replace(pixels_sha256=sha256)
    monkeypatch.setitem(data.PUBLISHED, "fashion_mnist", other)
    write(tmp_path / "train-images-idx3-ubyte", IDX)
    with pytest.raises(UserError, match="holds Fashion-MNIST and not MNIST"):
        data.load("mnist", tmp_path)
    assert data.load("fashion_mnist", tmp_path).name == "fashion_mnist"


@pytest.fixture
def server(tmp_path):
    """A folder, and the address at which this machine alone can fetch from it."""
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


def test_a_download_is_checked_and_lands_in_keras_cache(server, monkeypatch):
    folder, address = server
    write(folder / "images.gz", gzip.compress(IDX))
    sha256 = hashlib.sha256((folder / "images.gz").read_bytes()).hexdigest()
    published = data.PUBLISHED["mnist"]._replace(url=f"{address}/images.gz", sha256=sha256)
    monkeypatch.setattr(data, "fetch", REAL_FETCH)

    path, reason = data.fetch(published._replace(sha256="0" * 64), 5)
    assert path is None and "SHA256" in reason.replace("sha256", "SHA256")
    assert not list(data.keras_cache().glob("mnist/*"))

    monkeypatch.setitem(data.PUBLISHED, "mnist", published)
    dataset = data.load("mnist")
    assert np.array_equal(dataset.images, IMAGES[..., None])
    assert data.find(published, [data.keras_cache()]) == data.keras_cache() / "mnist/train-images-idx3-ubyte.gz"
    data.find(published, [data.keras_cache()]).unlink()


def test_a_network_that_does_not_answer_is_given_up_on(monkeypatch):
    import requests

    answer = threading.Event()

    def head(*_, **__):
        answer.wait(20)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", head)
    assert REAL_FETCH(data.PUBLISHED["mnist"], 0.1) == (None, "no answer within 0.1 seconds")
    answer.set()
    assert data.CONNECT_SECONDS <= 5


@pytest.mark.parametrize("name", [None, "mnist", "fashion_mnist"])
def test_where_nothing_may_be_downloaded_blank_images_stand_for_those_that_would_be(name, monkeypatch, capsys):
    monkeypatch.setattr(data, "fetch", None)
    dataset = data.load(name, download=False)
    assert dataset.name == (name or "mnist") and dataset.images.shape == (60_000, 28, 28, 1)
    assert "would be downloaded" in capsys.readouterr().err


def test_no_network_is_a_reason_and_no_exception(server):
    _, address = server
    path, reason = REAL_FETCH(data.PUBLISHED["mnist"]._replace(url=f"{address}/missing.gz"), 5)
    assert path is None and "127.0.0.1" in reason


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    order = data.batch_order(seed=7, num_images=50, batch_size=10, first_step=0, num_steps=10)
    assert order.shape == (10, 10) and order.dtype == np.int32
    first, second = order[:5].ravel(), order[5:].ravel()
    assert sorted(first) == sorted(second) == list(range(50)) and not np.array_equal(first, second)


def test_what_is_left_over_of_an_epoch_is_left_out():
    order = data.batch_order(seed=0, num_images=25, batch_size=10, first_step=0, num_steps=2)
    assert len(set(order.ravel())) == 20


def test_the_order_depends_on_seed_and_step_alone():
    whole = data.batch_order(3, 50, 10, 0, 20)
    pieces = [data.batch_order(3, 50, 10, start, count) for start, count in ((0, 7), (7, 1), (8, 12))]
    assert np.array_equal(whole, np.concatenate(pieces))
    assert not np.array_equal(whole, data.batch_order(4, 50, 10, 0, 20))
    assert not np.array_equal(whole[5:10], data.batch_order(4, 50, 10, 0, 5))  # not the next epoch of another seed


@needs_mnist
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_files_are_the_published_ones(name):
    facts = data.load(name, REAL_DATA).facts()
    assert (facts["num_images"], facts["image_shape"]) == (60_000, [28, 28, 1])
    assert facts["sha256"] == data.PUBLISHED[name].pixels_sha256
    path = data.find(data.PUBLISHED[name], [data.Path(REAL_DATA)])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == data.PUBLISHED[name].sha256
