"""The command `evaluate`: a table, a JSON file and a picture; every mistake is one sentence before it costs time."""

import json
import pickle
import re

import numpy as np
import pytest
from PIL import Image

from conftest import rewrite
from tfgan_v1 import Config, UserError, cli, data, evaluate, files, train
from tfgan_v1.commands import evaluate as command_evaluate
from tfgan_v1.evaluation import classifier
from tfgan_v1.report import score_table
from tfgan_v1.storage import names, run_data, run_folder

PIXELS = ("--metrics", "sliced_wasserstein,nearest")


@pytest.fixture
def run(capsys):
    """run("--ckpt", ...) -> (exit code, stdout, stderr) of `evaluate`."""

    def call(*argv):
        capsys.readouterr()
        code = cli.main(["evaluate", *map(str, argv)], program="tfgan")
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def untrained(monkeypatch):
    """Fails the test if a classifier is trained or a generator is restored."""
    from tfgan_v1.sampling import generator

    monkeypatch.setattr(classifier, "_train", None)
    monkeypatch.setattr(generator.Generator, "restore", None)


@pytest.fixture(scope="session")
def quick_cache(tmp_path_factory):
    """A cache folder in which the classifier of digits is: trained for a few steps only."""
    return tmp_path_factory.mktemp("classifiers")


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    monkeypatch.setattr(
        classifier.Classifier.load_or_train.__func__,
        "__kwdefaults__",
        {**classifier.Classifier.load_or_train.__func__.__kwdefaults__, "steps": 30},
    )


def test_a_run_is_measured_printed_and_saved(run, finished, quick_cache, tmp_path):
    out = tmp_path / "new" / "scores.json"
    code, printed, err = run("--ckpt", finished.config.ckpt, "--cache-dir", quick_cache, "--out", out)
    assert code == 0 and err.count("\n") <= 1  # that a classifier is trained
    head, of_classifier, titles, *rows = printed.splitlines()
    assert head == f"{finished.config.ckpt}, step 51 against digits: n 898, test 899, seed 0"
    assert re.fullmatch(
        r"classifier of digits: [\d.]+% on 180 training images that .*, seed 0, weights \w{12}", of_classifier
    )
    assert titles.split() == ["generated", "real"]
    scores = [row for row in rows if row.startswith("  ") and "class shares" not in row]
    assert len(scores) == 13 and len({re.match(r" +.*?  +[-\d.]+  +[-\d.]+", row).end() for row in scores}) == 1
    assert (
        "note: digits has no test images: one half" in printed
        and "note: 898 images are measured, not 10,000" in printed
    )
    assert printed.splitlines()[-1] == f"Wrote {out} and {out.with_name('nearest.png')}."

    content = json.loads(out.read_text())
    assert files.has_valid_checksum(content)
    assert (content["n"], content["n_test"], content["seed"]) == (898, 899, 0)
    assert content["source"]["step"] == 51 and len(content["source"]["run_id"]) == 16
    assert content["data"]["name"] == "digits" and len(content["classifier"]["sha256"]) == 64
    assert list(content["figures"])[:2] == ["frechet_distance", "kernel_distance"]
    assert set(content["figures"]["precision"]) == {"generated", "real", "hint"}
    assert content["figures"]["frechet_distance"]["generated"] > content["figures"]["frechet_distance"]["real"] >= 0
    assert len(content["class_shares"]) == 10
    with Image.open(out.with_name("nearest.png")) as sheet:
        assert sheet.width > 500


def test_python_gives_the_same_scores_as_the_command(run, finished, quick_cache, tmp_path, capsys):
    flags = ("--ckpt", finished.config.ckpt, "--cache-dir", quick_cache, "--num", 150, "--seed", 3)
    assert run(*flags, "--out", tmp_path / "a.json")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a_nearest.png"]
    content = json.loads((tmp_path / "a.json").read_text())
    again = evaluate(finished.config.ckpt, num=150, seed=3, cache_dir=quick_cache)
    assert {name: score.generated for name, score in again.scores.items()} == {
        name: score["generated"] for name, score in content["figures"].items()
    }
    assert again.about["n"] == 150
    assert score_table.lines(again)[2].split() == ["generated", "real"]


def test_without_out_the_files_go_to_the_samples_folder(run, finished, tmp_path, monkeypatch):
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished.config.ckpt, "checkpoints/x")
    assert run("--name", "x", *PIXELS, "--num", 50)[0] == 0
    assert (tmp_path / "samples/x/scores.json").is_file() and (tmp_path / "samples/x/nearest.png").is_file()


def test_scores_are_not_a_runs_own_files(tmp_path):
    (tmp_path / names.SCORES).write_text("{}")
    (tmp_path / names.LOSSES).write_text("step,epoch,d_loss,g_loss,seconds\n")
    run_folder.clear(Config(ckpt=tmp_path / "c", samples=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [names.SCORES]


def images_of(count, side=28, channels=1):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


def _save_pictures(path, images):
    path.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[..., 0]).resize((40, 40), Image.Resampling.NEAREST).save(path / f"{number:03}.png")


WRITERS = {
    "a.npy": np.save,
    "b.npy": lambda path, images: np.save(path, images / np.float32(255)),
    "c.npz": lambda path, images: np.savez(path, images=images),
    "d.pkl": lambda path, images: path.write_bytes(pickle.dumps(images / np.float32(255), protocol=4)),
    "e.pkl": lambda path, images: path.write_bytes(pickle.dumps([images[:3] / np.float32(255), images], protocol=3)),
    "folder": _save_pictures,
}


@pytest.mark.parametrize("name", WRITERS)
def test_samples_come_from_any_file_or_folder(run, tmp_path, name):
    images, out = images_of(60), tmp_path / "s.json"
    WRITERS[name](tmp_path / name, images)
    np.save(tmp_path / "data.npy", images_of(120))
    code, printed, err = run("--samples", tmp_path / name, "--dataset", tmp_path / "data.npy", *PIXELS, "--out", out)
    assert code == 0 and "n 60, test 60" in printed
    if name == "folder":
        assert "folder has 40x40x1 images, made 28x28x1 as" in err and "--dataset names what they imitate" in err
    else:
        assert err == ""
        expected = evaluate(samples=images, dataset=tmp_path / "data.npy", metrics="sliced_wasserstein").scores
        measured = json.loads(out.read_text())["figures"]["sliced_wasserstein"]["generated"]
        assert measured == expected["sliced_wasserstein"].generated


def test_without_the_metric_nearest_nothing_is_searched_and_no_picture_is_written(run, tmp_path, monkeypatch):
    from tfgan_v1.evaluation import distances

    monkeypatch.setattr(distances, "nearest", None)
    np.save(tmp_path / "a.npy", images_of(20))
    flags = ("--samples", tmp_path / "a.npy", "--dataset", "digits", "--metrics", "sliced_wasserstein")
    code, printed, _ = run(*flags, "--out", tmp_path / "s.json")
    assert code == 0 and printed.endswith(f"Wrote {tmp_path / 's.json'}.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "s.json"]


def test_the_seed_chooses_the_generators_seeds(finished, monkeypatch):
    from tfgan_v1.sampling import generator

    drawn = []

    class Drawing:
        step, kind = 51, "latest"

        def __call__(self, seeds):
            drawn.append(seeds)
            return np.zeros((len(seeds), 28, 28, 1), np.float32)

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731

    monkeypatch.setattr(generator.Generator, "restore", lambda *_, **__: Drawing())
    for seed in (0, 3, 2**32 - 1):
        evaluate(finished.config.ckpt, num=20, seed=seed, metrics=["sliced_wasserstein"])
    assert np.array_equal(drawn, [np.arange(20), np.arange(60, 80), np.arange(2**32 - 20, 2**32)])


def test_held_out_images_of_a_run_are_not_called_test_images(finished, monkeypatch, quick_cache):
    def real_sets(_, dataset):
        rows = np.arange(len(dataset.images)) < 300
        first, rest = (
            dataset._replace(images=dataset.images[part], labels=dataset.labels[part]) for part in (rows, ~rows)
        )
        return rest, first._replace(name=f"{dataset.name} held out")

    monkeypatch.setattr(run_data, "real_sets", real_sets)
    found = evaluate(finished.config.ckpt, num=200, metrics=["class_balance"], cache_dir=quick_cache)
    assert found.notes == ("300 held-out images stand in for test images",)
    assert found.about["classifier"]["tested_on"] == "300 held-out images"
    assert (found.about["data"]["num_test_images"], found.about["data"]["num_held_out_images"]) == (0, 300)


def test_samples_are_measured_against_a_folder_in_their_own_size(run, tmp_path):
    _save_pictures(tmp_path / "photos", images_of(30, 40))
    np.save(tmp_path / "a.npy", images_of(20, 32))
    code, printed, _ = run(
        "--samples", tmp_path / "a.npy", "--dataset", tmp_path / "photos", "--out", tmp_path / "s.json"
    )
    assert code == 0 and "n 15, test 15" in printed and "no labels" in printed
    with Image.open(tmp_path / "s_nearest.png") as sheet:
        assert sheet.height > 100


def test_points_have_their_own_scores_and_no_picture(run, tmp_path):
    folders = {"ckpt": tmp_path / "c", "samples": tmp_path / "s"}
    train(Config(model="gaussian", steps=2, mean=3.0, xla="off", **folders))
    code, printed, err = run("--ckpt", tmp_path / "c", "--out", tmp_path / "p.json")
    assert (code, err) == (0, "") and "kolmogorov smirnov" in printed and "kurtosis" in printed
    assert "N(0, 1)" not in printed
    assert json.loads((tmp_path / "p.json").read_text())["figures"]["mean"]["real"] > 2.8
    assert not (tmp_path / "p_nearest.png").exists()


def test_a_score_that_is_not_finite_is_null_in_the_file(tmp_path):
    points = np.zeros((50, 1), np.float32)
    evaluation = evaluate(samples=points, dataset="gaussian")
    assert evaluation.notes == (
        "the samples are compared with N(0, 1); a run's own --mean and --std are used with --ckpt",
    )
    command_evaluate.save(evaluation, tmp_path / "p.json")
    text = (tmp_path / "p.json").read_text()
    assert "NaN" not in text and json.loads(text)["figures"]["skewness"]["generated"] is None
    assert any("skewness" in line and "nan" in line for line in score_table.lines(evaluation))


FILES = {
    "small.npy": images_of(60, 16),
    "colour.npy": images_of(60, 28, 3),
    "words.npy": np.array(["a", "b"]),
    "points.npy": np.zeros((60, 1), np.float32),
    "fine.npy": images_of(60),
    "wild.npy": np.full((60, 28, 28), 1000.0),
}
MISTAKES = [
    (["--samples", "small.npy", "--dataset", "digits"], "the generated images are 16x16x1 and the real ones 28x28x1"),
    (["--samples", "colour.npy", "--dataset", "digits"], "28x28x3 and the real ones 28x28x1"),
    (["--samples", "words.npy", "--dataset", "digits"], "words.npy"),
    (["--samples", "wild.npy", "--dataset", "digits"], "wild.npy holds float64 from 1000"),
    (["--samples", "points.npy"], "--dataset gaussian"),
    (["--samples", "points.npy", "--dataset", "digits"], "points of 1 and the real ones 28x28x1"),
    (["--samples", "fine.npy", "--dataset", "gaussian"], "28x28x1 and the real ones points of 1"),
    (["--samples", "text.txt", "--dataset", "digits"], "text.txt"),
    (["--samples", "nowhere.npy", "--dataset", "digits"], "is not a file or a folder of images"),
    (["--samples", "evil.pkl", "--dataset", "digits"], "evil.pkl was not opened"),
    (["--samples", "empty.pkl", "--dataset", "digits"], "empty.pkl holds an empty list"),
    (["--samples", "fine.npy", "--generator", "best"], "give one of the two"),
    (["--samples", "fine.npy", "--dataset", "nowhere"], "nowhere is not one of"),
    (["--samples", "fine.npy", "--ckpt", "c"], "give one of the two"),
    (["--samples", "fine.npy", "--name", "c"], "give one of the two"),
    (["--samples", "fine.npy", "--dataset", "digits", "--num", "61"], "more than the 60 images in --samples"),
    (["--samples", "fine.npy", "--dataset", "digits", "--metrics", "inception"], "there is no metric 'inception'"),
    (["--samples", "fine.npy", "--dataset", "digits", "--metrics", ""], "there is no metric ''"),
    (["--samples", "fine.npy", "--dataset", "digits", "--metrics", ","], "there is no metric ','"),
    (
        ["--samples", "fine.npy", "--dataset", "digits", "--metrics", "frechet_distance"],
        "needs at least 129 images on each side, and there are 60",
    ),
    (
        ["--samples", "fine.npy", "--dataset", "digits", "--num", "1"],
        "every metric needs at least 2 images on each side, and there are 1; give more images",
    ),
    (["--ckpt", "nowhere"], "there is no folder nowhere"),
    (["--num", "0"], "--num must be a whole number"),
    (["--seed", "-1"], "not '-1'"),
    (["--seed=-1"], "--seed must be a whole number"),
    (["--out", "scores.txt"], "must be the name of a .json file"),
    (["--out", "config.json"], "a run's own record"),
    (["--out", "x/generator.ckpt-100.json"], "a run's own record"),
    (["--out", "average.ckpt-7.json"], "a run's own record"),
    (["--out", "best.ckpt-7.json"], "a run's own record"),
    (["--out", "x/train_state/step-7/state.json"], "a run's own record"),
    (["--out", "folder.json"], "because folder.json is a folder; use another name"),
    (["--out", "s.json"], "because s_nearest.png is a folder; use another name"),
    (["--sample", "x"], "did you mean --samples?"),
]


@pytest.mark.parametrize("flags, right", MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_every_mistake_is_one_sentence_before_anything_is_trained(run, tmp_path, monkeypatch, untrained, flags, right):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        np.save(name, content)
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "empty.pkl").write_bytes(pickle.dumps([], protocol=3))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "s_nearest.png").mkdir()
    (tmp_path / "evil.pkl").write_bytes(b"\x80\x03cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run(*flags)
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err and err.startswith("tfgan evaluate: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "given, right",
    [
        ({"seed": -1}, "seed must be a whole number, at least 0 and at most 4,294,967,295, not -1"),
        ({"seed": 2**32}, "seed must be a whole number"),
        ({"classifier_seed": "x"}, "classifier_seed must be a whole number"),
        ({"num": 20.5}, "num must be a whole number, at least 1 and at most 1,000,000, not 20.5"),
        ({"num": 0}, "not 0"),
        ({"num": -5}, "not -5"),
        ({"num": True}, "not True"),
        ({"generator": "best"}, "--generator chooses a run's generator"),
        ({"metrics": "fid"}, "there is no metric 'fid'; the metrics are frechet_distance, kernel_distance"),
        ({"metrics": "frechet_distances"}, "did you mean frechet_distance?"),
        ({"metrics": ["nearest", ["x"]]}, "there is no metric ['x']"),
        ({"metrics": []}, "metrics must be names, such as ['nearest'], not []"),
        ({"metrics": 5}, "metrics must be names, such as ['nearest'], not 5"),
    ],
    ids=str,
)
def test_a_mistake_in_python_is_one_sentence_before_the_data_are_loaded(monkeypatch, given, right):
    monkeypatch.setattr(data, "load", None)
    with pytest.raises(UserError) as error:
        evaluate(samples=images_of(60), dataset="digits", **given)
    assert right in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["bogus", "", ["best"]])
def test_a_wrong_kind_of_generator_is_one_sentence_before_the_run_is_read(kind):
    with pytest.raises(UserError, match=r"there is no .* generator; the kinds are latest, average, best"):
        evaluate("nowhere", generator=kind)


def test_a_single_metric_may_be_given_by_its_name():
    found = evaluate(samples=images_of(20), dataset="digits", metrics="sliced_wasserstein", num=np.int64(10))
    assert list(found.scores) == ["sliced_wasserstein"] and found.about["n"] == 10


def test_other_data_than_the_runs_are_refused(run, finished, untrained, tmp_path):
    np.save(tmp_path / "other.npy", images_of(60))
    code, out, err = run(
        "--ckpt", finished.config.ckpt, "--dataset", tmp_path / "other.npy", "--out", tmp_path / "s.json"
    )
    assert (code, out) == (2, "") and "does not hold the images that the run" in err and "sha256" in err


def test_labels_that_are_missing_are_an_error_only_if_they_are_needed(run, tmp_path):
    np.save(tmp_path / "data.npy", images_of(200))
    np.save(tmp_path / "fake.npy", images_of(60))
    flags = ("--samples", tmp_path / "fake.npy", "--dataset", tmp_path / "data.npy", "--out", tmp_path / "s.json")
    code, printed, _ = run(*flags)
    assert code == 0 and "no labels, so no classifier" in printed and "precision" not in printed
    code, _, err = run(*flags, "--metrics", "precision_recall")
    assert code == 2 and "precision_recall needs images with labels" in err and "sliced_wasserstein, nearest" in err


def test_a_failed_write_leaves_the_old_file(run, finished, tmp_path, monkeypatch):
    (tmp_path / "s.json").write_text("old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "sync", fail)
    code, _, err = run("--ckpt", finished.config.ckpt, *PIXELS, "--num", 20, "--out", tmp_path / "s.json")
    assert code == 3 and "No space left" in err
    assert (tmp_path / "s.json").read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_damaged_run_is_refused(run, finished, tmp_path):
    import shutil

    shutil.copytree(finished.config.ckpt, tmp_path / "c")
    rewrite(tmp_path / "c" / "config.json", lambda content: content["data"].update(sha256="0" * 64))
    code, _, err = run("--ckpt", tmp_path / "c", "--out", tmp_path / "s.json")
    assert code == 2 and "does not hold the images" in err


def test_learning_and_drawing_are_watched(finished, tmp_path, monkeypatch):
    shown = []

    def watched(blocks, total, unit, size=len):
        for block in blocks:
            yield block
            shown.append((unit, total, size(block)))

    for module in ("classifier", "evaluate"):
        monkeypatch.setattr(f"tfgan_v1.evaluation.{module}.watched", watched)
    options = {"num": 200, "metrics": "classifier_score", "cache_dir": tmp_path}
    seen = evaluate(finished.config.ckpt, **options)
    assert shown[:30] == [("steps", 30, 1)] * 30 and shown[30:] == [("images", 200, 200)]
    assert seen.scores == evaluate(finished.config.ckpt, **options).scores


def test_images_in_color_are_not_compared_with_gray_ones_silently(run, tmp_path):
    color = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 3), np.uint8)
    (tmp_path / "faces").mkdir()
    for number, image in enumerate(color):
        Image.fromarray(image).save(tmp_path / "faces" / f"{number}.png")
    flags = "--samples", tmp_path / "faces", *PIXELS, "--out", tmp_path / "s.json"
    _, _, err = run(*flags, "--dataset", "digits")
    assert "faces has 28x28x3 images, made 28x28x1 as digits is" in err
    np.save(tmp_path / "data.npy", color)
    assert run(*flags, "--dataset", tmp_path / "data.npy")[2] == ""
