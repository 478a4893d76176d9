"""train(config, images=array, labels=..., on_sample=function): the bits of a file, and a function that changes none."""

import csv
import json

import numpy as np
import pytest

from conftest import outcome
from tfgan_v1 import Config, Generator, UserError, train
from tfgan_v1.data import from_array
from tfgan_v1.storage import run_data

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
LABELS = np.arange(40) % 3


def config_in(folder, **options):
    """The configuration of a run of a few steps on IMAGES."""
    folders = {"ckpt": folder / "checkpoints", "samples": folder / "samples"}
    return Config(
        **{"model": "mlp", "steps": 6, "sample_every": 2, "batch_size": 8, "xla": "off", **folders, **options}
    )


@pytest.fixture
def small(tmp_path):
    """Makes configurations of runs of a few steps on IMAGES."""
    return lambda name, **options: config_in(tmp_path / name, **options)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Number of steps -> the outcome of a plain run on IMAGES."""
    configs = {steps: config_in(tmp_path_factory.mktemp("plain"), steps=steps) for steps in (4, 6)}
    return {steps: outcome(train(config, images=IMAGES).config) for steps, config in configs.items()}


# Arrays


@pytest.mark.parametrize("conditional", [False, True])
def test_an_array_trains_as_a_file_of_it_does(small, tmp_path, conditional):
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    named = {"dataset": tmp_path / "images.npy", "labels": tmp_path / "labels.npy"}
    train(small("file", conditional=conditional, **named))
    train(small("array", conditional=conditional), images=IMAGES, labels=LABELS)
    assert outcome(small("array")) == outcome(small("file"))
    assert sorted(path.name for path in small("array").samples_folder.iterdir()) == sorted(
        path.name for path in small("file").samples_folder.iterdir()
    )


ALIKE = {
    "with channels": IMAGES[..., None],
    "flat": IMAGES.reshape(40, 64),
    "in [0, 1]": IMAGES / 255,
    "in [-1, 1]": (IMAGES / 127.5 - 1).astype(np.float32),
    "int": IMAGES.astype(int),
    "not contiguous": IMAGES.repeat(2, 0)[::2],
    "in Fortran order": np.asfortranarray(IMAGES),
    "a list": IMAGES.tolist(),
}


@pytest.mark.parametrize("images", ALIKE.values(), ids=ALIKE)
def test_layouts_and_ranges_are_those_of_files(images):
    assert np.array_equal(from_array(images).images, IMAGES[..., None])


def test_images_are_resized_as_a_file_s_and_points_are_points(small, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    for options in ({"image_size": "12"}, {"image_size": "8x12", "fit": "pad"}, {"channels": 3}):
        config = small("a", **options)
        right = run_data.load(config.replace(dataset=tmp_path / "images.npy")).images
        assert np.array_equal(run_data.from_array(config, IMAGES).images, right)
    points = np.random.default_rng(0).normal(size=50)
    found = run_data.from_array(small("a", model="gaussian"), points).images
    assert np.array_equal(found, points[:, None].astype("f4"))


def test_text_labels_and_numbers_name_classes(small):
    names = np.array(["cat", "dog", "Eel"])[LABELS]
    train(small("a", steps=2, conditional=True), images=IMAGES, labels=names)
    with Generator.restore(small("a").ckpt_folder) as generator:
        assert generator.classes == ("Eel", "cat", "dog") and generator(range(2), "eel").shape == (2, 8, 8, 1)


def test_a_run_on_an_array_is_resumed_with_the_same_array_alone(small, plain, command):
    config = small("a")
    train(config.replace(steps=2), images=IMAGES, labels=LABELS)
    saved = json.loads((config.ckpt_folder / "config.json").read_text())
    assert (saved["data"]["name"], saved["custom"], saved["config"]["dataset"]) == ("an array", ["images"], None)
    before = outcome(config)
    right = "an array does not hold the images that the run in .* was trained on; pass the same, or start a new run"
    with pytest.raises(UserError, match=right):
        train(config, images=IMAGES[::-1], labels=LABELS, resume=True)
    right = r"started with images from an array; pass the same in Python: train\(config, resume=True, images=\.\.\.\)"
    with pytest.raises(UserError, match=right):
        train(config, resume=True)
    code, _, err = command("train", "--resume", "--steps", 6, "--ckpt", config.ckpt, "--samples", config.samples)
    assert (code, err.count("\n")) == (2, 1) and "started with images from an array; pass the same in Python" in err
    assert outcome(config) == before
    train(config, images=IMAGES.copy(), labels=LABELS, resume=True)
    assert outcome(config) == plain[6]


def test_a_conditional_run_is_resumed_with_the_same_labels_alone(small):
    config = small("a", conditional=True)
    train(config.replace(steps=2), images=IMAGES, labels=LABELS)
    with pytest.raises(
        UserError, match=r"an array has other labels than the run in .* was trained with; pass the same"
    ):
        train(config, images=IMAGES, labels=LABELS[::-1], resume=True)
    assert train(config, images=IMAGES, labels=LABELS, resume=True).step == 6


def test_a_run_on_a_file_is_not_continued_with_an_array(small, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    config = small("a", steps=2, dataset=tmp_path / "images.npy")
    train(config)
    with pytest.raises(UserError, match="and the images that its options name; leave out images="):
        train(config.replace(steps=4, dataset=None), images=IMAGES, resume=True)


def test_a_run_on_an_array_is_measured_where_the_array_is_saved(small, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = small("a", steps=2)
    train(config, images=IMAGES)
    run = ("--ckpt", config.ckpt)
    code, out, err = command("evaluate", *run)
    assert (code, out, err.count("\n")) == (
        2,
        "",
        1,
    ) and "save it with numpy.save, and its labels, if it has any" in err
    np.save(tmp_path / "images.npy", IMAGES)
    assert command("evaluate", *run, "--dataset", tmp_path / "images.npy")[0] == 0


WRONG = [  # what is passed, what the sentence says
    ({"images": np.zeros((0, 8, 8))}, r"images is float64 \[0, 8, 8\], which is not a list of anything"),
    ({"images": np.uint8(3)}, r"images is uint8 \[\], which is not a list of anything"),
    ({"images": np.zeros((4, 8, 8, 2))}, r"images is float64 \[4, 8, 8, 2\]; images are \[n, height, width\]"),
    ({"images": np.zeros((4, 8, 8, 1, 1))}, r"images is float64 \[4, 8, 8, 1, 1\]; images are"),
    ({"images": np.full((4, 8, 8), 300)}, "images holds int64 from 300 to 300; pixels are whole numbers 0 to 255"),
    ({"images": np.full((4, 8, 8), np.nan)}, "images holds float64 from nan to nan; pixels are"),
    ({"images": np.array([None] * 64).reshape(1, 8, 8)}, "images holds object; pixels are"),
    ({"images": np.array([0, np.inf])}, "images holds points that are NaN, infinite or beyond"),
    ({"images": "digits"}, "images takes an array; name a file or folder as the data set: dataset='digits'"),
    ({"images": [[1, 2], [3]]}, r"images is not an array \(.*\); pass a NumPy array"),
    ({"images": IMAGES, "labels": LABELS[:39]}, "labels holds 39 labels, and images 40 images"),
    ({"images": IMAGES, "labels": LABELS / 2}, r"labels is float64 \[40\], and 0.5 is no class"),
    ({"images": IMAGES, "labels": np.ones((40, 3))}, r"labels is float64 \[40, 3\], which is no class for each image"),
    ({"images": IMAGES, "labels": [[1, 2], [3]]}, r"labels is not an array \(.*\); pass a NumPy array"),
    ({"images": np.zeros(9), "labels": np.zeros(8)}, "8 labels, and images 9 points; use the labels of these points"),
    ({"labels": LABELS}, "labels are those of images; pass images, too"),
    ({"images": IMAGES, "on_sample": 3}, r"on_sample must be a function \(step, samples, metrics\), not 3"),
]


@pytest.mark.parametrize("passed, right", WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_a_wrong_array_is_one_sentence_and_starts_no_run(small, tmp_path, passed, right):
    with pytest.raises(UserError, match=right):
        train(small("a"), **passed)
    assert not any(tmp_path.iterdir())


def test_the_data_are_named_once(small):
    for name in ("dataset", "labels"):
        with pytest.raises(UserError, match=f"images is the data, and --{name} names others; give one of them"):
            train(small("a", **{name: "digits"}), images=IMAGES)
    with pytest.raises(UserError, match="--dataset takes a name or a path; pass an array by train"):
        Config(dataset=IMAGES)
    with pytest.raises(
        UserError, match=r"an array has no labels; pass them: train\(config, images=\.\.\., labels=\.\.\.\)"
    ):
        train(small("a", conditional=True), images=IMAGES)


# on_sample


def numbers(config, name):
    """{step: {column: number}} of a table in a run's samples folder."""
    with (config.samples_folder / name).open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {int(row["step"]): row for row in rows}


def test_on_sample_gets_the_step_the_samples_and_the_metrics(small):
    calls = []
    config = small("a")
    progress = train(config, images=IMAGES, on_sample=lambda *arguments: calls.append(arguments))
    losses = numbers(config, "losses.csv")
    assert [step for step, _, _ in calls] == [2, 4, 6]
    for (step, samples, metrics), recorded in zip(calls, progress.samples, strict=True):
        assert samples.dtype == np.float32 and samples.shape == (16, 8, 8, 1) and np.array_equal(samples, recorded)
        assert {*metrics} == {"d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy"}
        assert all(type(value) is float for value in metrics.values())
        assert {name: np.float32(value) for name, value in metrics.items()} == {
            name: np.float32(losses[step][name]) for name in metrics
        }


def test_on_sample_gets_the_figures_of_evaluations(small):
    calls = {}
    config = small("a", steps=4, evaluate_every=4)
    train(config, images=IMAGES, on_sample=lambda step, samples, metrics: calls.update({step: metrics}))
    figures = numbers(config, "evaluation.csv")[4]
    assert {*calls[4]} - {*calls[2]} == {*figures} - {"step", "epoch"} and len({*calls[4]} - {*calls[2]}) > 0
    assert all(calls[4][name] == pytest.approx(figures[name]) for name in {*calls[4]} - {*calls[2]})


def test_on_sample_changes_no_bit_of_the_run_even_if_it_changes_its_array(small, plain):
    def change(step, samples, metrics):
        samples[:] = 0
        metrics.clear()

    progress = train(small("a"), images=IMAGES, on_sample=change)
    assert outcome(small("a")) == plain[6] and progress.samples[-1].any()


def test_on_sample_may_draw_from_the_generator_of_its_step(small, plain):
    drawn = {}

    def draw(step, samples, metrics):
        with Generator.restore(small("a").ckpt_folder) as generator:
            drawn[generator.step] = generator(range(2)).tobytes()

    train(small("a"), images=IMAGES, on_sample=draw)
    assert [*drawn] == [2, 4, 6] and len({*drawn.values()}) == 3 and outcome(small("a")) == plain[6]


@pytest.mark.parametrize("error", [RuntimeError("stop here"), KeyboardInterrupt()], ids=repr)
def test_an_error_of_on_sample_saves_the_run_and_a_resume_has_the_bits_of_an_uninterrupted_one(small, plain, error):
    def fail(step, samples, metrics):
        if step == 4:
            raise error

    config = small("a")
    with pytest.raises(type(error)) as raised:
        train(config, images=IMAGES, on_sample=fail)
    assert raised.value is error and outcome(config)["steps"] == (4, 4)
    assert outcome(config) == plain[4]  # pictures and all
    train(config, images=IMAGES, resume=True)
    assert outcome(config) == plain[6]


def test_an_error_of_on_sample_at_the_last_step_leaves_a_finished_run(small, plain):
    def fail(step, samples, metrics):
        if step == 6:
            raise ValueError("too late")

    with pytest.raises(ValueError, match="too late"):
        train(small("a"), images=IMAGES, on_sample=fail)
    assert outcome(small("a")) == plain[6]
