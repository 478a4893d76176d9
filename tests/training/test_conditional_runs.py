"""Conditional runs from the command to the picture: labels, samples of a class, resume, figures, mistakes."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

from conftest import outcome
from tfgan_v1 import Generator, UserError, data, train
from tfgan_v1.data.labels import find_class
from tfgan_v1.gan.models import MODELS
from tfgan_v1.report import plots
from tfgan_v1.sampling import drawing, latents
from tfgan_v1.storage import classes
from tfgan_v1.training import plan

SMALL = {"conditional": True, "num_samples": 20, "average": 0.9, "holdout": 97}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Progress of a conditional run on digits. Tests only read in its folders."""
    from tfgan_v1 import Config

    folder = tmp_path_factory.mktemp("conditional")
    places = {"ckpt": folder / "checkpoints", "samples": folder / "samples"}
    return train(Config(dataset="digits", epochs=3, xla="off", **SMALL, **places))


@pytest.fixture(scope="module")
def generator(run):
    with Generator.restore(run.config.ckpt_folder) as generator:
        yield generator


@pytest.mark.parametrize("classes", [7.5, ["1", 2.0], ["1"], {}], ids=str)
def test_wrong_classes_are_one_sentence(generator, classes):
    with pytest.raises(UserError, match=r"classes must be a name, or a list|there are [01] classes and 2 images"):
        generator(range(2), classes)


def test_config_json_records_the_classes(run):
    data = json.loads((run.config.ckpt_folder / "config.json").read_text())["data"]
    assert data["classes"] == list("0123456789") and sum(data["class_counts"]) == 1797 and data["labels_sha256"]


def test_a_generator_draws_the_class_that_is_asked_for(generator):
    assert generator.classes == tuple("0123456789")
    sevens, eights = generator(range(4), "7"), generator(range(4), 8)
    assert sevens.shape == (4, 28, 28, 1) and np.abs(sevens - eights).max() > 1e-3
    assert np.array_equal(generator([2, 3], ["7", "8"]), np.stack([sevens[2], eights[3]]))
    own = generator.seed_classes(range(4))
    assert np.array_equal(generator(range(4)), generator(range(4), own))
    shares = np.bincount([int(name) for name in generator.seed_classes(range(2000))], minlength=10) / 2000
    assert np.abs(shares - 0.1).max() < 0.03


def test_images_from_noise_and_labels_are_those_of_the_seeds(generator):
    z, labels = generator.latents([3, 5]), generator.labels(["1", "4"], 2)
    assert z.shape == (2, 100) and labels.shape == (2, 10) and labels[0, 1] == labels[1, 4] == 1
    assert np.array_equal(generator.from_latents(z, labels), generator([3, 5], ["1", "4"]))
    assert generator.from_latents(z[:0], labels[:0]).shape == (0, 28, 28, 1)


@pytest.mark.parametrize(
    "z, labels, right",
    [
        (np.zeros((2, 99)), np.eye(10)[:2], "noise must be n rows of 100 numbers"),
        (np.zeros((2, 100)), np.eye(10)[:3], "labels must be 2 rows of 10 numbers"),
        (np.zeros((2, 100)), None, "this generator is conditional; pass labels"),
        ("seven", np.eye(10)[:2], "noise must be n rows"),
    ],
)
def test_wrong_noise_and_labels_are_one_sentence(generator, z, labels, right):
    with pytest.raises(UserError) as error:
        generator.from_latents(z, labels)
    assert right in str(error.value) and "\n" not in str(error.value)


def test_unconditional_generators_take_no_class(finished):
    with Generator.restore(finished.config.ckpt_folder) as generator:
        for call in (lambda: generator(range(2), "7"), lambda: generator.seed_classes([1])):
            with pytest.raises(UserError, match="its run is not conditional; train with --conditional"):
                call()


def sample(command, run, out, *flags):
    code, _, err = command("sample", "--ckpt", run.config.ckpt_folder, "--out", out, *flags)
    assert (code, err) == (0, "")
    return np.load(out) if str(out).endswith(".npy") else out


def test_class_each_draws_a_row_for_each_class_with_the_same_noise_in_each_column(command, run, generator, tmp_path):
    rows = sample(command, run, tmp_path / "each.npy", "--class", "each", "--num", 3).reshape(10, 3, 28, 28, 1)
    for index, row in enumerate(rows):
        assert np.array_equal(row, generator(range(3), str(index)))
    picture = Image.open(sample(command, run, tmp_path / "each.png", "--class", "each", "--num", 3))
    assert picture.size[0] / picture.size[1] == pytest.approx((3 * 30 - 2) / (10 * 30 - 2), rel=0.01)
    two = sample(command, run, tmp_path / "two.npy", "--class", "8, 3", "--seeds", "4,6")
    assert np.array_equal(two, np.concatenate([generator([4, 6], "8"), generator([4, 6], "3")]))
    assert len(sample(command, run, tmp_path / "seven.npy", "--class", 7)) == 16
    folder = sample(command, run, f"{tmp_path / 'pictures'}/", "--class", "7,1", "--num", 2)
    names = sorted(path.name for path in type(tmp_path)(folder).iterdir())
    assert names == [f"class-{name}_seed-{seed}.png" for name in (1, 7) for seed in (0, 1)]


def test_interpolation_goes_from_seed_to_seed_and_from_class_to_class(command, run, generator, tmp_path):
    frames = sample(command, run, tmp_path / "a.npy", "--interpolate", "3,7,12", "--class", 4, "--num", 5)
    assert frames.shape == (10, 28, 28, 1)
    ends = generator([3, 7, 7, 12], "4")
    assert np.allclose(frames[[0, 4, 5, 9]], ends, atol=1e-5)
    middle = generator.from_latents(generator.latents([3, 7]).mean(0, keepdims=True), generator.labels("4", 1))
    assert np.allclose(frames[2], middle[0], atol=1e-5)  # uniform noise: a straight line
    classes = sample(command, run, tmp_path / "b.npy", "--interpolate", 5, "--class", "each", "--num", 3)
    assert classes.shape[0] == 9 * 3 and np.allclose(classes[3:6:2], generator([5, 5], ["1", "2"]), atol=1e-5)
    halves = np.full((1, 10), 0, np.float32)
    halves[0, :2] = 0.5
    assert np.allclose(classes[1], generator.from_latents(generator.latents([5]), halves)[0], atol=1e-5)


def test_normal_noise_is_interpolated_on_a_sphere():
    ends = np.array([[3, 0, 0], [0, 4, 0]], np.float32)
    way = latents.path(ends, 3, spherical=True)
    assert np.allclose(way[[0, 2]], ends) and np.allclose(way[1], np.array([3, 4, 0]) * np.sqrt(0.5))
    assert np.allclose(latents.path(ends, 3)[1], ends.mean(0))
    same = latents.path(np.stack([ends[0], ends[0]]), 3, spherical=True)
    assert np.allclose(same, ends[0])


def test_files_of_images_have_names_of_their_own_whatever_the_classes_are_called():
    classes = ("a/b", "a_b", "A b", "x" * 100, "x" * 99 + "y", "\u732b" * 100, "")
    drawn = drawing.make_drawing(drawing.DrawRequest(num=2, class_names="each"), classes)
    names = [drawn.file_name(image, drawing.file_stems(classes)) for image in range(drawn.count)]
    assert len({name.casefold() for name in names}) == 2 * len(classes)
    assert all(len(name.encode()) < 200 and "/" not in name for name in names)


MISTAKES = [
    (["--class", "1,1"], "--class names 1 twice"),
    (["--class", "11"], "--class '11' is not a class; the classes are 0, 1, 2"),
    (["--class", "3,x"], "--class 'x' is not a class"),
    (["--class", "7", "--num", 2, "--seeds", "1"], "--num N means --seeds 0-(N-1)"),
    (["--class", "each", "--num", 200_000], "2,000,000 images are more than the 1,000,000 of one call"),
    (["--interpolate", "3"], "--interpolate needs two or more seeds"),
    (["--interpolate", "3,4", "--class", "1,2,3"], "names 2 seeds and --class 3 classes"),
    (["--interpolate", "3,4", "--seeds", "1"], "leave out --seeds"),
    (["--interpolate", "3,4", "--num", 1], "--num must be at least 2"),
    (["--interpolate", "a"], "--interpolate takes whole numbers"),
]


@pytest.mark.parametrize("flags, right", MISTAKES, ids=lambda each: str(each)[:40])
def test_wrong_flags_of_sample_are_one_sentence(command, run, tmp_path, flags, right):
    code, out, err = command("sample", "--ckpt", run.config.ckpt_folder, "--out", tmp_path / "a.png", *flags)
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err and not any(tmp_path.iterdir())


def test_a_class_of_an_unconditional_run_is_refused(command, finished, tmp_path):
    code, out, err = command("sample", "--ckpt", finished.config.ckpt_folder, "--class", 7)
    assert (code, out, err.count("\n")) == (2, "", 1) and "--class needs a conditional run" in err


def test_classes_are_found_by_the_names_that_users_type():
    classes = ("T-shirt/top", "Ankle boot", "bag", "BAG", "a_b", "a b")
    for text, index in (("ankle_boot", 1), ("Ankle boot", 1), ("t_shirt top", 0), ("bag", 2), ("BAG", 3), ("a b", 5)):
        assert find_class(text, classes) == index
    with pytest.raises(UserError, match="fits bag and BAG; give the exact name"):
        find_class("Bag", classes)
    with pytest.raises(UserError, match="did you mean Ankle boot"):
        find_class("Ankle boots", classes)
    assert find_class("7", ("007", "070")) == 0 and find_class("cafe\u0301", ("tea", "caf\u00e9")) == 1
    with pytest.raises(UserError, match="is not a class"):
        find_class("!!", ("+", "a"))
    assert drawing.parse_classes("a, b", ("a", "b", "a, b")) == ["a, b"]
    assert drawing.parse_classes("3,8", ("3", "8", "3-8")) == ["3", "8"]
    assert drawing.parse_classes("each", ("each", "b")) == ["each"]


def test_the_sheets_of_a_conditional_run_have_a_column_for_each_class(run):
    figure = plots.evolution(run.samples, ["1", "2", "3"], tuple("0123456789"))
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == list("0123456789")
    sheet = ax.images[0].get_array()
    assert sheet.shape == (3 * 30 - 2, 10 * 30 - 2)
    assert np.array_equal(sheet[60:, 270:], run.samples[-1][9, ..., 0])  # the last row, of the class 9
    for names in (("$x^$", "$e$"), ("\u732b" * 100, "a\x07")):  # neither formulas nor letters without a font
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert plots.figure_png(plots.evolution(run.samples, ["1", "2", "3"], names))
    picture = Image.open(run.config.samples_folder / "last_samples.png")
    assert picture.size[0] / picture.size[1] == pytest.approx((10 * 30 - 2) / (2 * 30 - 2), rel=0.01)


def test_evaluate_measures_each_class_of_a_conditional_run(run, command, monkeypatch, tmp_path):
    """With a classifier that knows what the generator was asked for: all are recognized; half, if it sees only 0."""
    from tfgan_v1.commands.evaluate import save
    from tfgan_v1.evaluation import evaluate

    class Knows:
        about = type("About", (), {"classes": tuple("0123456789"), "_asdict": lambda self: {}})()
        answer = None

        def features(self, images):
            return np.asarray(images, np.float64).reshape(len(images), -1)[:, 300:310]

        def probabilities(self, images):
            return np.eye(10)[self.answer(images)]

        def close(self):
            pass

    knows = Knows()
    monkeypatch.setattr(evaluate, "load_classifier", lambda *_, **__: knows)
    metrics = ["recognized", "classifier_score"]
    with Generator.restore(run.config.ckpt_folder) as generator:
        asked = np.array([int(name) for name in generator.seed_classes(range(90))])
    knows.answer = lambda images: asked if len(images) == 90 else np.zeros(len(images), int)
    found = evaluate.evaluate(run.config.ckpt, num=90, metrics=metrics)
    assert found.scores["recognized"].generated == 1 and found.scores["recognized"].real < 0.3
    assert all(scores["recognized"].generated == 1 for scores in found.by_class.values())
    assert not any("mostly seen as" in each for each in found.notes)
    knows.answer = lambda images: np.zeros(len(images), int)
    found = evaluate.evaluate(run.config.ckpt, num=90, metrics=metrics)
    shares = [scores["recognized"].generated for scores in found.by_class.values()]
    assert shares == [1] + [0] * 9 and found.scores["recognized"].generated == np.mean(asked == 0)
    written = json.loads(save(found, tmp_path / "scores.json")[0].read_text())
    assert written["by_class"]["0"]["recognized"]["generated"] == 1
    digits = data.load("digits")
    real = {image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)}
    shifted = (asked + 1) % 10
    knows.answer = lambda images: [real.get(each.tobytes(), at) for each, at in zip(images, shifted, strict=True)]
    for metrics, said in ((["recognized"], True), (["classifier_score"], False)):
        found = evaluate.evaluate(run.config.ckpt, num=90, metrics=metrics)
        assert ("are mostly seen as" in found.notes[-1]) == said


def test_other_labels_are_refused_on_resume_and_evaluate_and_nothing_is_changed(small, command, tmp_path):
    config = small(steps=2, conditional=True)
    train(config)
    before = outcome(config)
    (tmp_path / "others.txt").write_text("".join(f"{number % 7}\n" for number in range(40)))
    with pytest.raises(UserError, match="has other labels than the run in"):
        train(config.replace(steps=4, labels=str(tmp_path / "others.txt")), resume=True)
    flags = ["--ckpt", config.ckpt, "--labels", tmp_path / "others.txt"]
    code, _, err = command("evaluate", *flags)
    assert (code, "has other labels than the run" in err) == (2, True)
    assert outcome(config) == before


def images(tmp_path, *names):
    """A folder with an image of noise for each name."""
    for number, name in enumerate(names):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(256, size=(8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return str(tmp_path / "photos")


def test_sub_folders_and_label_files_are_classes(tmp_path, digits_config):
    folder = images(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png")
    config = digits_config(dataset=folder, cache_dir=str(tmp_path / "cache"), conditional=True, batch_size=2)
    assert plan.make_plan(config).metadata["classes"] == ["cat", "dog"]
    (tmp_path / "labels.txt").write_text("red\ngreen\nred\n")
    made = plan.make_plan(config.replace(labels=str(tmp_path / "labels.txt")))
    assert (made.metadata["classes"], made.metadata["class_counts"]) == (["green", "red"], [1, 2])


def test_labels_that_are_hardly_meant_so_are_warned_of(tmp_path, digits_config, capsys):
    names = [f"im{number}.png" for number in range(1, 13)]
    options = {"model": "mlp", "epochs": None, "steps": 9, "cache_dir": str(tmp_path / "cache"), "conditional": True}
    config = digits_config(dataset=images(tmp_path, *names), **options)
    path = tmp_path / "labels.txt"
    for labels, right in [
        (["a"] * 4 + ["b"] * 8, "im10.png comes before im2.png; if it is in the order of the numbers"),
        (["a"] * 12, "has one class, a, so --conditional changes nothing"),
        ([*map(str, range(12))], "12 of 12 classes have one image only"),
        (["Red Circle"] * 6 + ["red circle"] * 6, "Red Circle and red circle are different classes"),
    ]:
        path.write_text("".join(f"{label}\n" for label in labels))
        plan.make_plan(config.replace(labels=str(path), batch_size=2))
        assert right in capsys.readouterr().err
    table = "".join(f"{name},{'ab'[number > 4]}\n" for number, name in enumerate(reversed(names)))
    path.write_text("file,label\n" + table)
    plan.make_plan(config.replace(labels=str(path), batch_size=2))
    assert capsys.readouterr().err == ""


def test_the_classes_are_printed_at_the_start_and_rows_are_named(command, run, tmp_path, digits_config, capsys):
    assert classes.summary(plan.make_plan(digits_config(conditional=True)).dataset).startswith("10 classes: 0 (178), 1")
    code, out, _ = command("sample", "--ckpt", run.config.ckpt_folder, "--class", "8,3", "--out", tmp_path / "a.png")
    assert code == 0 and out.endswith("Rows: 8, 3.\n")


def test_a_renamed_class_is_named_on_resume(tmp_path, digits_config):
    folder = images(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png")
    config = digits_config(dataset=folder, cache_dir=str(tmp_path / "cache"), conditional=True, batch_size=2, epochs=1)
    train(config)
    (tmp_path / "photos" / "dog").rename(tmp_path / "photos" / "fox")
    with pytest.raises(UserError, match="give its sub-folders the old names") as error:
        train(config.replace(epochs=2), resume=True)
    lines = [line.split() for line in str(error.value).splitlines()[1:]]
    assert lines == [["then", "now"], ["dog", "1", "0"], ["fox", "0", "1"]]


def test_runs_that_cannot_be_conditional_are_one_sentence(tmp_path, digits_config, command):
    folder = images(tmp_path, "1.png", "2.png", "3.png")
    of_folder = {"dataset": folder, "cache_dir": str(tmp_path / "cache"), "batch_size": 2}
    (tmp_path / "short.txt").write_text("a\nb\n")
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    for options, right in [
        (of_folder, "has no labels; name a file of them by --labels"),
        ({"dataset": "gaussian", "model": "gaussian"}, "needs the class of each image, and gaussian has no labels"),
        ({**of_folder, "labels": str(tmp_path / "short.txt")}, "2 labels"),
        ({**of_folder, "labels": str(tmp_path / "none.txt")}, "none.txt"),
        ({**of_folder, "labels": str(tmp_path / "labels.txt"), "holdout": 1}, "has 3 classes and 2 images to train on"),
        ({"g_condition": "batch_norm"}, "the generator of --model mlp has none; use embedding"),
        ({"holdout": 1780, "batch_size": 2}, "leaves no image of the class"),
    ]:
        config = digits_config(conditional=True, **options)
        with pytest.raises(UserError) as error:
            train(config)
        assert right in str(error.value) and "\n" not in str(error.value), right
        assert not config.ckpt_folder.exists()


def test_a_grid_has_columns_of_one_class_each(digits_config, tmp_path):
    (tmp_path / "two.txt").write_text("".join(f"{number % 2}\n" for number in range(1797)))
    two = {"labels": str(tmp_path / "two.txt"), "conditional": True}
    columns = {num: plan.make_plan(digits_config(num_samples=num, **two)).sheet_columns for num in (2, 16, 40, 41)}
    assert columns == {2: 2, 16: 4, 40: 6, 41: 6}
    assert plan.make_plan(digits_config(conditional=True)).sheet_columns == 10
    assert plan.make_plan(digits_config(conditional=True, num_samples=9)).sheet_columns is None


def test_an_option_of_built_in_networks_is_refused_with_custom_ones(digits_config):
    model = MODELS["tuned"]
    with pytest.raises(UserError, match="--d-condition applies to built-in networks only"):
        train(digits_config(conditional=True, d_condition="concatenation"), model=model)


@pytest.mark.parametrize("option", [{"g_condition": "batch_norm"}, {"class_frequencies": "uniform"}], ids=str)
def test_an_option_of_classes_without_conditional_is_refused(digits_config, option):
    with pytest.raises(UserError, match="has no effect without --conditional; add it"):
        digits_config(**option)


def test_an_unconditional_run_is_not_resumed_as_a_conditional_one(finished):
    with pytest.raises(UserError, match="started with other options") as error:
        train(finished.config.replace(conditional=True, epochs=4), resume=True)
    assert "--conditional" in str(error.value)
