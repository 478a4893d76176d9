"""What is chosen for pictures of the user's own, and what their runs are warned of."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfgan_v1 import Config, train
from tfgan_v1.data import Dataset, Labelled, datasets
from tfgan_v1.storage import run_data, run_folder
from tfgan_v1.training import choices, plan

RANDOM = np.random.default_rng(0)
CHOSEN = ("model", "image_size", "augment", "steps", "sample_every")


@pytest.fixture
def folder(tmp_path):
    """A folder of twelve pictures of 100x80 pixels."""
    (tmp_path / "photos").mkdir()
    for number in range(12):
        Image.fromarray(RANDOM.integers(256, size=(80, 100, 3), dtype=np.uint8)).save(
            tmp_path / "photos" / f"{number}.png"
        )
    return str(tmp_path / "photos")


@pytest.fixture
def made(tmp_path):
    """Plans a run with these options, on a file or on images in memory."""

    def make(images=None, **options):
        places = {"ckpt": tmp_path / "c", "samples": tmp_path / "s", "cache_dir": str(tmp_path / "cache")}
        config = Config(**{**places, **options})
        dataset = None if images is None else run_data.from_array(config, images)
        return plan.make_plan(config, custom=plan.Custom(images=dataset))

    return make


def options_of(plan):
    return tuple(getattr(plan.config, name) for name in CHOSEN)


@pytest.mark.parametrize(
    "size, chosen",
    [
        ((410, 335), "64x64"),
        ((167, 250), "44x64"),  # 3:2
        ((1000, 100), "64x8"),
        ((50, 50), "48x48"),
        ((28, 28), "28x28"),
        ((5, 6), "8x8"),
        ((48, 64), "64x64"),  # 4:3
        ((64, 49), "64x64"),
    ],
)
def test_the_size_is_square_or_has_the_pictures_proportions(size, chosen):
    assert choices.size_of(*size) == chosen


def test_a_folder_of_pictures_gets_what_suits_it_and_each_flag_overrides_it(folder, made, capsys):
    photos = made(dataset=folder)
    assert options_of(photos) == ("tuned", "64x64", "translate,cutout,colour", 5000, 250)
    assert photos.metadata["image_shape"] == [64, 64, 3]
    sentence = (
        "--model tuned --image-size 64x64 --augment translate,cutout,colour --steps 5000 --sample-every 250. Give any"
    )
    assert sentence in capsys.readouterr().err
    given = {"model": "tuned", "image_size": "16", "augment": "none", "steps": 7000, "sample_every": 9}
    assert options_of(made(dataset=folder, **given)) == ("tuned", "16x16", "none", 7000, 9)
    assert capsys.readouterr().err.count("Chosen") == 0
    assert options_of(made(dataset=folder, epochs=9))[3:] == (None, 1)
    assert options_of(made(dataset=folder, model="mlp")) == ("mlp", None, None, None, 1)  # the published exercise
    assert made(dataset=folder, model="mlp").metadata["image_shape"] == [28, 28, 3]


@pytest.mark.parametrize(
    "count, steps, augment",
    [(12, 5000, "translate,cutout,colour"), (999, 9000, "translate,cutout,colour"), (5000, 20_000, None)],
)
def test_arrays_and_files_get_a_length_and_augmentation_by_their_number(made, tmp_path, count, steps, augment):
    images = np.zeros((count, 8, 8, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    for planned in (made(images), made(dataset=str(tmp_path / "images.npy"))):
        assert options_of(planned) == ("tuned", None, augment, steps, min(500, steps // 20))


def test_large_images_in_memory_become_smaller(made):
    planned = made(np.zeros((3, 120, 80), np.uint8))
    assert (planned.config.image_size, planned.dataset.images.shape) == ("64x44", (3, 64, 44, 1))


def test_points_get_the_preset_points_and_published_files_the_published_one(made, tmp_path, monkeypatch):
    np.save(tmp_path / "points.npy", np.linspace(0, 1, 700))
    assert made(dataset=str(tmp_path / "points.npy")).config.model == "points"
    assert made(dataset="ring").config.model == "points"
    assert made(dataset="ring", model="mlp").config.model == "mlp"
    digits = np.zeros((10_000, 28, 28), np.uint8)
    np.save(tmp_path / "digits.npy", digits)
    assert made(dataset=str(tmp_path / "digits.npy")).config.model == "tuned"
    sha256 = hashlib.sha256(digits).hexdigest()
    monkeypatch.setattr(datasets, "published_titles", lambda: {sha256: "MNIST"})
    assert options_of(made(dataset=str(tmp_path / "digits.npy"))) == ("mlp", None, None, None, 1)


def test_a_data_set_of_pictures_gets_what_pictures_get(made, monkeypatch):
    row = datasets.DATASETS["cifar10"]._replace(load=lambda _: Labelled(np.zeros((6000, 32, 32, 3), np.uint8)))
    monkeypatch.setitem(datasets.DATASETS, "cifar10", row)
    assert options_of(made(dataset="cifar10")) == ("tuned", None, None, 20_000, 500)
    assert options_of(made(dataset="digits"))[0] == "mlp"


def test_a_resumed_run_keeps_what_was_chosen(tmp_path, quick_plots, capsys):
    images = RANDOM.integers(256, size=(40, 8, 8), dtype=np.uint8)

    def config(**options):
        return Config(ckpt=tmp_path / "c", samples=tmp_path / "s", batch_size=8, num_samples=4, **options)

    train(config(steps=2, augment="flip", sample_every=1), images=images)
    resumed = train(config(steps=4), images=images, resume=True)
    assert (resumed.step, resumed.config.augment, resumed.config.sample_every) == (4, "flip", 1)
    assert "Resuming at step 2 of 4 steps" in capsys.readouterr().out


def test_a_run_that_cannot_learn_is_warned_of_once(made, tmp_path, capsys):
    def warned(*args, **options):
        capsys.readouterr()
        made(*args, **options)
        return [
            line for line in capsys.readouterr().err.splitlines() if "repeats some" not in line and "Chosen" not in line
        ]

    (one,) = warned(np.zeros((1, 8, 8), np.uint8), batch_size=1)
    assert "has 1 image: the generator can only copy" in one
    (few,) = warned(dataset="digits", epochs=3)
    assert few.startswith("warning: 51 steps are too few to learn from digits; train longer, such as --epochs 118")
    (unbounded,) = warned(dataset="digits", steps=3, loss="wasserstein")
    assert "--loss wasserstein needs a bound on D" in unbounded and "--penalty wgan_gp" in unbounded
    assert warned(dataset="digits", steps=3, loss="wasserstein", clip_weights=0.01) == []
    assert warned(dataset="digits") == []


def test_unnamed_runs_are_numbered_and_the_newest_is_continued(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = ["train", "--dataset", "digits", "--steps", 2, "--xla", "off"]
    assert command(*quick)[0] == 0
    code, out, err = command(*quick, "--sample-every", 1)
    assert code == 0 and "holds a run, so this one is named mlp-2" in err and "samples/mlp-2/review.html" in out
    assert command(*quick, "--name", "mine")[0] == 0
    places = [None, "mlp-2", "mine"]
    assert [run.name for run in run_folder.runs(Config())] == places
    code, out, err = command("train", "--resume", "--steps", 3)
    assert (code, err) == (0, "") and "Resuming at step 2 of 3 steps" in out and "checkpoints/mlp-2" in out
    assert [run.name for run in run_folder.runs(Config())] == [None, "mine", "mlp-2"]
    code, out, err = command("runs")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["name", "model", "data", "step", "scores"],
        ["(without", "a", "name)", "mlp", "digits", "2"],
        ["mine", "mlp", "digits", "2"],
        ["mlp-2", "mlp", "digits", "3"],
        ["Side", "by", "side:", "tfgan", "compare", "samples", "samples/mine", "samples/mlp-2"],
    ]
    assert command("review")[1].startswith("Wrote samples/mlp-2/review.html")
    drawn = {
        run: command("sample", "--num", 1, *flags)[1]
        for run, flags in {"newest": [], "first": ["--ckpt", "checkpoints"]}.items()
    }
    assert (
        "of step 3 to samples/mlp-2/samples.png" in drawn["newest"]
        and "step 2 to samples/samples.png" in drawn["first"]
    )


def test_a_folder_of_named_runs_names_them(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("train", "--dataset", "digits", "--steps", 2, "--xla", "off", "--name", "mine")[0] == 0
    code, _, err = command("train", "--resume")
    assert code == 2 and "checkpoints holds no run: it has no config.json; give one of its runs as --name: mine" in err
    assert command("runs", "--ckpt", "elsewhere")[0] == 2


def test_real_examples_have_the_columns_of_the_samples():
    labels = np.array([1, 0, 1, 1, 0, 2], np.int32)
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    dataset = Dataset("some", images, labels=labels, classes=("a", "b", "c"))
    config = Config(model="tuned", conditional=True, num_samples=6)
    planned = plan.Plan(config, dataset, {"name": "some", "num_images": 6, "image_shape": [1, 1, 1]}, False, False)
    assert planned.examples().ravel().tolist() == [1, 0, 5, 4, 2, 5]  # in each column one class, again where it ends
    assert planned._replace(config=Config(num_samples=3)).examples().ravel().tolist() == [0, 2, 5]


def test_the_first_run_is_continued_where_it_is_named(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = ["train", "--dataset", "digits", "--steps", 2, "--xla", "off"]
    assert command(*quick)[0] == command(*quick)[0] == 0
    assert "Resuming at step 2 of 3" in command("train", "--resume", "--ckpt", "checkpoints", "--steps", 3)[1]
    assert (tmp_path / "checkpoints" / "generator.ckpt-3.index").exists()
    assert not (tmp_path / "checkpoints" / "mlp-2" / "generator.ckpt-3.index").exists()
    assert train(Config(dataset="digits", steps=4, xla="off"), resume=True).config.name is None  # as it is named, too


def test_a_run_with_a_number_in_its_name_is_a_named_one(tmp_path, quick_plots):
    places = {"ckpt": tmp_path / "c", "samples": tmp_path / "s"}
    train("digits", steps=1, xla="off", name="mlp-64", **places)
    assert train("digits", steps=1, xla="off", **places).config.name is None
    assert train("digits", steps=1, xla="off", **places).config.name == "mlp-2"
    train("digits", steps=2, xla="off", name="mlp-64", resume=True, **places)
    assert run_folder.newest(Config(**places)).name == "mlp-2"


def test_a_folder_that_another_process_starts_in_is_taken(tmp_path):
    config = Config(ckpt=tmp_path / "c", samples=tmp_path / "s")
    assert not run_folder.is_taken(config)
    with run_folder.locked(config):
        assert run_folder.is_taken(config)
    assert not run_folder.is_taken(config)


def test_a_resume_in_another_unit_samples_in_that_unit(tmp_path, quick_plots):
    images, places = (
        RANDOM.integers(256, size=(40, 8, 8), dtype=np.uint8),
        {"ckpt": tmp_path / "c", "samples": tmp_path / "s"},
    )
    options = {"batch_size": 8, "num_samples": 4, "augment": "none", **places}
    train(Config(steps=5, sample_every=4, **options), images=images)
    resumed = train(Config(epochs=3, **options), images=images, resume=True)
    assert (resumed.step, resumed.config.sample_every, resumed.sample_steps) == (15, 1, [4, 10, 15])


def test_a_picture_of_another_program_is_not_overwritten(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "real_images.png").write_text("mine")
    for flags in (["--dry-run"], []):
        code, _, err = command("train", "--dataset", "digits", "--steps", 2, *flags)
        assert code == 2 and "holds files of another program (real_images.png)" in err
    assert (tmp_path / "samples" / "real_images.png").read_text() == "mine"


def test_the_samples_of_runs_are_no_training_images(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    quick = ["train", "--dataset", ".", "--image-size", 8, "--batch-size", 4]
    assert command(*quick, "--steps", 1, "--sample-every", 1, "--sheets", "each")[0] == 0
    assert len(list((Path(folder) / "samples").rglob("*.png"))) > 3
    assert command("train", "--resume", "--steps", 2)[0] == 0
    assert "12 images of 8x8x3" in command(*quick, "--dry-run")[1]


def test_a_folder_of_pictures_as_data_dir_is_one_sentence(folder, command):
    code, _, err = command("train", "--data-dir", folder)
    assert code == 2 and f"train on them with --dataset {folder}" in err
