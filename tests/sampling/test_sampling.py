"""The generator alone: a seed is an image, whatever else is drawn and however it is written."""

import os
import pickle
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from conftest import mounted, rewrite
from tfgan_v1 import Generator, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import noise
from tfgan_v1.report import image_files
from tfgan_v1.report.images import grid_png, png


@pytest.fixture(scope="module")
def generator(finished):
    with Generator.restore(finished.config.ckpt_folder) as generator:
        yield generator


def test_a_call_returns_images(generator):
    images = generator()
    assert images.shape == (16, 28, 28, 1) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1 and generator.step == 51
    assert len({image.tobytes() for image in images}) == 16


def test_the_image_of_a_seed_does_not_depend_on_the_other_seeds(generator):
    alone = generator([7])[0]
    assert np.array_equal(generator(range(200))[7], alone)
    for company in ([7, 3], [3, 7], [*range(100, 190), 7], [7] * 70):
        images = generator(company)
        for position, seed in enumerate(company):
            assert np.array_equal(images[position], alone) == (seed == 7)


def test_an_image_is_g_of_the_seed_s_noise(finished, generator):
    prefix = tf.train.latest_checkpoint(finished.config.ckpt)
    w = {name: tf.train.load_variable(prefix, name) for name, _ in tf.train.list_variables(prefix)}
    with tf.Graph().as_default(), tf.Session() as session:
        z = session.run(noise.draw("uniform", 0, noise.SEEDS, 7, 1, [100]))
    hidden = z @ w["generator/hidden/kernel"] + w["generator/hidden/bias"]
    logits = np.maximum(hidden, 0.01 * hidden) @ w["generator/logits/kernel"] + w["generator/logits/bias"]
    assert np.allclose(generator([7]).reshape(1, 784), (np.tanh(logits) + 1) / 2, atol=1e-5)


def test_the_largest_seed_and_an_empty_list_are_valid(generator):
    assert generator([2**32 - 1]).shape == (1, 28, 28, 1)
    assert generator([]).shape == (0, 28, 28, 1)


@pytest.mark.parametrize("seeds", [[-1], [2**32], [0.5], ["a"], [[1, 2]], 3])
def test_invalid_seeds_are_refused(generator, seeds):
    with pytest.raises(UserError, match=r"whole numbers from 0 to 4,294,967,295"):
        generator(seeds)


def test_restore_needs_only_the_folder_moved_or_read_only(finished, generator, tmp_path):
    moved = tmp_path / "run[1]* 한글"
    shutil.copytree(finished.config.ckpt_folder, moved)
    shutil.rmtree(moved / "train_state")
    for path in (*moved.iterdir(), moved):
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    before = sorted(moved.iterdir())
    try:
        with Generator.restore(str(moved)) as restored:
            assert np.array_equal(restored(), generator())
        assert sorted(moved.iterdir()) == before
    finally:
        os.chmod(moved, 0o755)


def test_restore_works_from_a_read_only_disk(finished, generator, tmp_path, command):
    with mounted(tmp_path / "run", "--bind", finished.config.ckpt) as folder:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (folder / "file").touch()
        assert command("sample", "--ckpt", folder, "--out", tmp_path / "images.npy")[0] == 0
        assert np.array_equal(np.load(tmp_path / "images.npy"), generator(range(16)))
        for argv in (("sample", "--out", folder / "x.png"), ("train", "--resume", "--epochs", 5, "--samples", folder)):
            code, out, err = command(*argv, "--ckpt", folder)
            assert (code, out, err.count("\n")) == (2, "", 1) and "Read-only file system" in err


def draw(command, finished, *flags):
    code, out, err = command("sample", "--ckpt", finished.config.ckpt, *flags)
    assert (code, err) == (0, "") and out.startswith("Drew")
    return out


def test_the_command_writes_a_grid_of_16_images(command, finished, generator, tmp_path):
    draw(command, finished, "--out", tmp_path / "new" / "sheet.png")
    assert (tmp_path / "new" / "sheet.png").read_bytes() == grid_png(generator(range(16)))


def test_without_out_the_grid_goes_to_the_samples_folder(command, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished.config.ckpt, "checkpoints")
    code, out, _ = command("sample")
    assert code == 0 and "samples/samples.png" in out
    with Image.open("samples/samples.png") as sheet:
        assert sheet.size == (590, 590)
    shutil.copytree(finished.config.ckpt, "checkpoints/faces")
    assert command("sample", "--name", "faces")[0] == 0
    assert os.path.exists("samples/faces/samples.png")


READERS = {
    "npy": np.load,
    "npz": lambda path: np.load(path)["images"],
    "pkl": lambda path: pickle.loads(path.read_bytes()),
}


@pytest.mark.parametrize("suffix", READERS)
def test_arrays_are_saved_unchanged(command, finished, generator, tmp_path, suffix):
    path = tmp_path / f"images.{suffix}"
    draw(command, finished, "--seeds", "3-5,20,4", "--out", path)
    images = READERS[suffix](path)
    assert images.dtype == np.float32 and np.array_equal(images, generator([3, 4, 5, 20, 4]))


def test_a_folder_gets_one_png_for_each_seed(command, finished, generator, tmp_path):
    draw(command, finished, "--num", 3, "--out", f"{tmp_path}/pictures/")
    assert sorted(os.listdir(tmp_path / "pictures")) == ["seed-0.png", "seed-1.png", "seed-2.png"]
    with Image.open(tmp_path / "pictures" / "seed-2.png") as picture:
        assert np.array_equal(np.asarray(picture), np.rint(generator([2])[0, ..., 0] * 255))
    draw(command, finished, "--seeds", "9", "--out", tmp_path / "pictures")
    assert (tmp_path / "pictures" / "seed-9.png").exists()


MISTAKES = [
    (["--num", "0"], "--num must be a whole number, at least 1"),
    (["--num", "1.5"], "not '1.5'"),
    (["--num", "1000001"], "at most 1,000,000"),
    (["--seeds", "0-600000,0-600000"], "1,000,000 in all"),
    (["--num", "2", "--seeds", "3"], "give one of them"),
    (["--seeds", ""], "--seeds takes"),
    (["--seeds", "5-3"], "5-3"),
    (["--seeds", "4294967296"], "4294967296"),
    (["--seeds", "0-4294967295"], "1,000,000 in all"),
    (["--seeds", "1;2"], "--seeds takes"),
    (["--out", "picture.bmp"], ".png, .gif, .npy, .npz, .pkl, .jpg, .jpeg"),
    (["--out", "picture"], ".png, .gif, .npy, .npz, .pkl, .jpg, .jpeg"),
    (["--out", "samples/train_samples.pkl"], "a run's own record"),
    (["--out", "samples/evolution.png"], "a run's own record"),
    (["--out", ""], ".png, .gif, .npy, .npz, .pkl, .jpg, .jpeg"),
]


@pytest.mark.parametrize("flags, right", MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_every_mistake_is_one_sentence(command, finished, flags, right):
    code, out, err = command("sample", "--ckpt", finished.config.ckpt, *flags)
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err


def test_a_failed_write_leaves_the_old_file_intact(command, finished, tmp_path, monkeypatch):
    def fail(images, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    (tmp_path / "images.npy").write_bytes(b"old")
    monkeypatch.setitem(image_files.FORMATS, ".npy", image_files.Format(fail))
    code, out, err = command("sample", "--ckpt", finished.config.ckpt, "--out", tmp_path / "images.npy")
    assert (code, out, err.count("\n")) == (3, "", 1) and "No space left" in err
    assert (tmp_path / "images.npy").read_bytes() == b"old" and os.listdir(tmp_path) == ["images.npy"]


def test_a_folder_without_a_run_is_refused_in_one_sentence(command, tmp_path, finished):
    for folder, right in (("nowhere", "there is no folder"), ("", "holds no run")):
        code, _, err = command("sample", "--ckpt", tmp_path / folder)
        assert (code, err.count("\n")) == (2, 1) and right in err
    other = tmp_path / "other"
    shutil.copytree(finished.config.ckpt_folder, other)
    rewrite(other / "config.json", lambda content: content["config"].update(noise_size=50))
    code, out, err = command("sample", "--ckpt", other, "--out", tmp_path / "x.png")
    assert (code, out, err.count("\n")) == (2, "", 1) and "does not fit this configuration" in err
    assert not (tmp_path / "x.png").exists()


def test_a_grid_beyond_the_limit_of_a_jpeg_is_one_sentence(tmp_path):
    wide = image_files.Images([np.zeros((2, 2, 3, 1), np.uint8)], 2, (2, 3, 1), lambda _: png(np.zeros((1, 65_501))))
    with pytest.raises(
        UserError, match=r"a \.jpg has at most 65,500 pixels on a side, and this grid is 65,501x1; use a"
    ):
        image_files.write(str(tmp_path / "a.jpg"), wide, str)
    assert not [*tmp_path.iterdir()]
