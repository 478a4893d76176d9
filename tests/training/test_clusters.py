"""Runs with clusters of the data as classes, from the command to the picture: kept, resumed, drawn, measured."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from conftest import outcome, thorough
from small_runs import copied, small_config
from tfgan_v1 import Config, Generator, UserError, files, train
from tfgan_v1.data.clusters import clusters_of
from tfgan_v1.evaluation import evaluate
from tfgan_v1.storage import run_folder
from tfgan_v1.training import choices, plan

CLUSTERS = "clusters.npy"
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Progress of a run with five clusters of 40 random images, 8 of them held out. Tests only read its folders."""
    return train(small_config(tmp_path_factory.mktemp("clusters") / "run", clusters=5, holdout=8))


@pytest.fixture
def again(run, tmp_path):
    """A copy of that run, with two steps more to go."""
    folders = {"ckpt": str(tmp_path / "c"), "samples": str(tmp_path / "s")}
    return copied(replace(run.config, steps=8, **folders), run.config)


def saved(config):
    return json.loads((config.ckpt_folder / "config.json").read_text())


def test_a_run_with_clusters_is_a_conditional_one_of_these_classes(run):
    config, images = run.config, np.load(run.config.dataset)
    rows = plan.make_plan(config, overwrite=True).split[0]
    expected = clusters_of(images, rows, 5, seed=0)
    assert np.array_equal(np.load(config.ckpt_folder / CLUSTERS), expected) and len(rows) == 32
    data = saved(config)["data"]
    assert config.conditional and data["classes"] == list("01234") and data["labels_sha256"]
    assert data["class_counts"] == np.bincount(expected).tolist()
    options = saved(config)["config"] if "config" in saved(config) else saved(config)["options"]
    assert (options["clusters"], options["conditional"]) == ("5", True)


def test_the_records_show_the_clusters(run, again, capsys):
    folder = run.config.samples_folder
    with Image.open(folder / "clusters.png") as sheet:  # four images of each of five clusters in a row
        assert sheet.width > 4 * 5 * 8 and len(np.unique(np.asarray(sheet))) > 50
    summary = files.read_json(folder / "review.json")
    assert summary["classes"] == [] and b"<html" in (folder / "review.html").read_bytes()
    train(again, resume=True)
    assert "5 clusters of " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("data", ["images", thorough("points")])
def test_a_broken_run_has_the_bits_of_a_straight_one(small, data):
    options = {"clusters": 6, "average": 0.9, "holdout": 8, "num_samples": 12}
    options |= {"model": "points", "dataset": "ring"} if data == "points" else {"penalty": "r1,r2"}
    straight, broken = (small(folder, **options) for folder in ("straight", "broken"))
    train(straight)
    train(replace(broken, steps=3, chunk=2))
    train(replace(broken, chunk=1, resident_limit=0.0), resume=True)
    assert outcome(broken) == outcome(straight)
    kept = [(run.ckpt_folder / CLUSTERS).read_bytes() for run in (straight, broken)]
    assert kept[0] == kept[1]


DAMAGES = {
    "removed": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no array": lambda path: path.write_bytes(b"PK\x03\x04 what begins like an archive"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "huge": lambda path: path.write_bytes(path.read_bytes().replace(b"(40,)", b"(9" + b"0" * 15 + b",)")),
    "other type": lambda path: np.save(path, np.load(path).astype(np.int64)),
    "other number": lambda path: np.save(path, np.load(path)[1:]),
    "no cluster": lambda path: np.save(path, np.load(path) + np.int32(1)),
}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The outcome of the same run of eight steps."""
    config = small_config(tmp_path_factory.mktemp("straight") / "run", clusters=5, holdout=8, steps=8)
    train(config)
    return outcome(config)


@pytest.mark.parametrize("damage", DAMAGES)
def test_clusters_that_are_lost_or_damaged_are_made_again(run, again, damage):
    path = again.ckpt_folder / CLUSTERS
    DAMAGES[damage](path)
    made = plan.make_plan(again, resume=True)
    assert np.array_equal(made.labels, np.load(run.config.ckpt_folder / CLUSTERS))


def test_a_resume_without_the_file_of_clusters_has_the_same_bits_and_writes_it(run, again, straight):
    (again.ckpt_folder / CLUSTERS).unlink()
    train(again, resume=True)
    assert outcome(again) == straight
    assert (again.ckpt_folder / CLUSTERS).read_bytes() == (run.config.ckpt_folder / CLUSTERS).read_bytes()


def test_other_clusters_than_the_run_s_are_one_sentence_and_nothing_is_changed(again, command):
    path = again.ckpt_folder / CLUSTERS
    np.save(path, np.load(path)[::-1].copy())
    before = path.read_bytes(), outcome(again)
    for what in (["train", "--resume", "--samples", again.samples], ["evaluate"]):
        code, _, err = command(*what, "--ckpt", again.ckpt)
        assert code == 2 and f"remove {CLUSTERS} there" in err and "--labels" not in err
    assert before == (path.read_bytes(), outcome(again))


@pytest.mark.parametrize("flags", [[], ["--clusters", "auto"], ["--clusters", 5]], ids=str)
def test_the_clusters_of_a_run_are_those_of_its_resume(again, command, straight, flags):
    code, out, err = command(
        *("train", "--resume", "--steps", 8, "--ckpt", again.ckpt, "--samples", again.samples), *flags
    )
    assert code == 0 and "Resuming at step 6 of 8" in out and "Chosen" not in err
    assert outcome(again) == straight


def test_a_resume_with_another_number_of_clusters_is_refused(again, command):
    for flags, right in ((["--clusters", 4], "--clusters"), (["--clusters", "none"], "--clusters")):
        code, _, err = command("train", "--resume", "--ckpt", again.ckpt, "--samples", again.samples, *flags)
        assert code == 2 and right in err and saved(again)["data"]["classes"] == list("01234")


def test_overwrite_makes_the_new_number_of_clusters(again):
    train(again.replace(clusters=3, steps=1), overwrite=True)
    labels = np.load(again.ckpt_folder / CLUSTERS)
    assert sorted({*labels}) == [0, 1, 2] and saved(again)["data"]["classes"] == list("012")
    train(again.replace(clusters=None, conditional=False, steps=1), overwrite=True)
    assert not (again.ckpt_folder / CLUSTERS).exists() and not (again.samples_folder / "clusters.png").exists()


def test_without_a_number_there_is_a_cluster_for_so_many_images(small, monkeypatch):
    assert plan.make_plan(small("other", clusters="auto")).config.clusters == "2"
    monkeypatch.setattr("tfgan_v1.storage.run_data.PER_CLUSTER", 8)
    config = small(clusters="auto", holdout=8, steps=1)
    assert train(config).config.clusters == "4" and len(saved(config)["data"]["classes"]) == 4
    monkeypatch.setattr("tfgan_v1.storage.run_data.PER_CLUSTER", 200)
    assert plan.make_plan(choices.of_run(config.replace(steps=3)), resume=True).config.clusters == "4"


MISTAKES = [
    ({"clusters": 41}, "the images of .* do not form 41 clusters; give fewer, at most 40"),
    ({"clusters": 33, "holdout": 8}, "do not form 33 clusters; give fewer, at most 32"),
    ({"clusters": 40, "model": "points", "dataset": "ring", "holdout": 99_961}, "the points of ring do not form 40"),
    ({"clusters": 3, "holdout": 40}, "--holdout 40 must leave at least 1 of the 40"),
    ({"clusters": "auto", "holdout": 40}, "--holdout 40 must leave at least 1 of the 40"),
    ({"clusters": 5, "conditional": True, "labels": None}, None),  # a run with clusters is one
    ({"clusters": 1}, "--clusters takes a number from 2 to"),
    ({"clusters": "many"}, "--clusters takes a number from 2 to"),
    ({"clusters": 2.5}, "--clusters takes a number from 2 to"),
    ({"clusters": ""}, "--clusters takes a number from 2 to"),
    ({"clusters": 5, "labels": "labels.txt"}, "--labels and --clusters are both the classes"),
    ({"clusters": "none", "conditional": True, "labels": None}, "--conditional needs the class of each image"),
    ({"clusters": 5, "class_frequencies": "uniform"}, None),
    ({"clusters": 5, "model": "gaussian"}, None),
]


@pytest.mark.parametrize("options, right", MISTAKES, ids=str)
def test_what_does_not_fit_is_one_sentence(small, options, right):
    if right is None:
        assert plan.make_plan(small(**options)).config.conditional
    else:
        with pytest.raises(UserError, match=right):
            plan.make_plan(small(**options))


@pytest.mark.parametrize("clusters, right", [(4, "at most 3"), ("auto", None)])
def test_equal_images_form_fewer_clusters(small, tmp_path, clusters, right, monkeypatch, capsys):
    monkeypatch.setattr("tfgan_v1.storage.run_data.PER_CLUSTER", 5)
    np.save(
        tmp_path / "few.npy",
        np.repeat([0, 100, 200], (20, 12, 8)).astype(np.uint8)[:, None, None] + np.zeros((8, 8), np.uint8),
    )
    config = small(dataset=tmp_path / "few.npy", clusters=clusters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if right:
            with pytest.raises(UserError, match=right):
                plan.make_plan(config)
        else:
            assert plan.make_plan(config).metadata["class_counts"] == [20, 12, 8]
            np.save(tmp_path / "few.npy", np.zeros((40, 8, 8), np.uint8))
            with pytest.raises(UserError, match="do not form 2 clusters; give --clusters none"):
                plan.make_plan(config)
    assert "Convergence" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [{}, {"model": "points", "dataset": "ring"}], ids=["images", "points"])
def test_a_dry_run_plans_clusters(small, command, options):
    config = small(clusters=5, **options)
    flags = ["--clusters", 5, "--dataset", config.dataset, "--model", config.model, "--batch-size", 8, "--steps", 9]
    code, out, err = command("train", "--dry-run", *flags)
    assert (code, err) == (0, "") and "5 clusters of " in out and "  --clusters 5" in out


def test_a_dry_run_of_data_that_are_not_here_plans_clusters(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dry-run", "--clusters", 5, "--dataset", "fashion_mnist")
    assert code == 0 and "5 clusters of " in out and "do not form" not in err


def test_tuned_takes_labels_where_there_are_any_and_else_clusters(small, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(choices, "CLUSTERED", 40)
    monkeypatch.setattr(choices, "OF_EACH", 10)
    monkeypatch.setattr("tfgan_v1.storage.run_data.PER_CLUSTER", 10)
    asked = {"model": "tuned", "batch_size": 8}

    def chosen(**options):
        config = plan.make_plan(small(**{**asked, **options})).config
        return config.clusters, config.conditional

    labels = tmp_path / "labels.txt"
    mine = train(small("mine", conditional=True, steps=1)).config.ckpt  # and writes the labels
    assert chosen() == ("4", True) and "--clusters 4" in capsys.readouterr().err
    assert chosen(labels=labels) == (None, True) and "--conditional. Give" in (err := capsys.readouterr().err)
    assert "(--clusters none: no classes)" in err
    none = {"clusters": "none"}
    for options in (none, {**none, "labels": labels}, {"model": "mlp"}, {"holdout": 8}, {"weights": mine}):
        assert chosen(**options) == (options.get("clusters"), False)
        said = capsys.readouterr().err
        assert "--clusters" not in said and "--conditional" not in said
    assert chosen(clusters=3, holdout=8) == ("3", True)
    labels.write_text("".join(f"{number}\n" for number in range(40)))  # names, and no classes
    assert chosen(labels=labels) == (None, False)


@pytest.mark.parametrize("labels", [True, False])
def test_a_resume_keeps_the_classes_that_were_chosen(small, monkeypatch, tmp_path, labels):
    monkeypatch.setattr(choices, "CLUSTERED", 40)
    monkeypatch.setattr(choices, "OF_EACH", 10)
    small(conditional=True)  # writes the labels
    config = small(model="tuned", augment="none", steps=1, labels=tmp_path / "labels.txt" if labels else None)
    train(config)
    resumed = plan.make_plan(choices.of_run(config.replace(steps=2)), resume=True).config
    assert (resumed.conditional, resumed.clusters) == (True, None if labels else "2")
    assert resumed.d_lr == (0.001 if labels else "cosine:0.001:0.0005:1")


def test_rates_of_tuned_fall_with_clusters_unless_they_are_given_or_fall_in_another_way():
    rates = {"d_lr": "cosine:0.001:0.0005", "g_lr": "cosine:0.002:0.001"}
    constant = {"d_lr": 0.001, "g_lr": 0.002}
    for options, expected in (
        ({"clusters": 5}, rates),
        ({"clusters": 5, "d_lr": 0.003}, {**rates, "d_lr": 0.003}),
        ({"clusters": 5, "decay_steps": 90}, constant),
        ({"clusters": 5, "g_decay": 0.1}, constant),
        ({"clusters": "none"}, constant),
    ):
        config = Config(model="tuned", **options)
        assert {name: getattr(config, name) for name in rates} == expected


def test_conditional_is_of_labels_and_knows_nothing_of_clusters(small, command, tmp_path):
    config, other = small(conditional=True, steps=1), small("other", steps=1)
    facts = plan.make_plan(config).metadata
    flags = ["--model", "mlp", "--conditional", "--labels", tmp_path / "labels.txt", "--dataset", config.dataset]
    flags += ["--steps", 1, "--batch-size", 8, "--ckpt", other.ckpt, "--samples", other.samples, "--xla", "off"]
    assert command("train", *flags)[0] == 0
    assert saved(other)["data"] == facts and facts["class_counts"] == [14, 13, 13]
    assert not (other.ckpt_folder / CLUSTERS).exists() and not (other.samples_folder / "clusters.png").exists()


def test_images_without_a_class_have_each_cluster_as_often_as_the_data(run):
    counts = np.array(saved(run.config)["data"]["class_counts"])
    with Generator.restore(run.config.ckpt_folder) as generator:
        names = generator.seed_classes(range(4000))
        drawn = np.bincount([int(name) for name in names], minlength=5) / 4000
        assert np.abs(drawn - counts / counts.sum()).max() < 0.03
        assert np.array_equal(generator(range(9)), generator(range(9), names[:9]))


def test_sample_draws_a_cluster(run, command, tmp_path):
    def drawn(name, *flags):
        code, _, err = command("sample", "--ckpt", run.config.ckpt, "--num", 3, "--out", tmp_path / name, *flags)
        assert (code, err) == (0, "")
        return np.load(tmp_path / name)

    with Generator.restore(run.config.ckpt_folder) as generator:
        assert np.array_equal(drawn("one.npy", "--class", 1), generator(range(3), "1"))
        assert np.array_equal(drawn("all.npy"), generator(range(3)))
    assert drawn("each.npy", "--class", "each").shape[0] == 15
    code, _, err = command("sample", "--ckpt", run.config.ckpt, "--class", 5)
    assert code == 2 and "is not a class" in err


class Knows:
    """A classifier that sees one digit everywhere."""

    about = type("About", (), {"classes": tuple("0123456789"), "_asdict": lambda self: {}})()

    def features(self, images):
        return np.asarray(images, np.float64).reshape(len(images), -1)[:, 300:310]

    def probabilities(self, images):
        return np.eye(10)[np.zeros(len(images), int)]

    def close(self):
        pass


def test_evaluate_measures_by_the_data_s_own_labels_and_not_cluster_by_cluster(digits_config, monkeypatch):
    asked = []
    monkeypatch.setattr(evaluate, "load_classifier", lambda dataset, *_, **__: asked.append(dataset) or Knows())
    config = digits_config(clusters=12, epochs=1, num_samples=4)
    train(config)
    found = evaluate.evaluate(config.ckpt, num=130, metrics=["classifier_score", "frechet_distance"])
    assert asked[0].classes == tuple("0123456789") and set(asked[0].labels) == {*range(10)}
    assert found.by_class == {}
    assert not any("labels" in each for each in found.notes)
    with pytest.raises(UserError, match="recognized"):
        evaluate.evaluate(config.ckpt, num=130, metrics=["recognized"])


def test_scores_while_training_are_those_of_the_data_s_own_labels(digits_config):
    planned = plan.make_plan(digits_config(clusters=12))
    assert planned.dataset.classes != planned.own.classes == tuple("0123456789")
    assert set(planned.own.labels) == {*range(10)} and set(planned.labels) == {*range(12)}


@pytest.mark.slow
def test_the_page_of_a_run_with_clusters_opens(run, browser):
    browser.get((run.config.samples_folder / "review.html").absolute().as_uri())
    assert browser.find_element("css selector", "#place").text == "step 6"
    assert [each for each in browser.get_log("browser") if each["level"] == "SEVERE"] == []


def test_an_array_has_clusters_too(tmp_path, quick_plots):
    images = RANDOM.integers(0, 256, (40, 8, 8), np.uint8)
    options = {"model": "mlp", "clusters": 5, "batch_size": 8, "num_samples": 4, "xla": "off", "sample_every": 2}
    config = Config(ckpt=tmp_path / "c", samples=tmp_path / "s", **options)
    train(config.replace(steps=2), images=images)
    assert train(config.replace(steps=3), images=images, resume=True).step == 3
    with pytest.raises(UserError, match="does not hold the images"):
        train(config.replace(steps=4), images=images[::-1], resume=True)
    assert run_folder.read(config).data["classes"] == list("01234")
