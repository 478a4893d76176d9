"""Runs on points: their records, how these stay bounded, and every command on them."""

import pickle
import shutil

import numpy as np
import pytest

from tfgan_v1 import Config, Generator, files, load_samples, train
from tfgan_v1.gan import views
from tfgan_v1.report import review
from tfgan_v1.storage import progress, records

NAMES = ("x_1", "weight", "y")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 60 points of three numbers, whose columns have very different units, with two classes."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 3)) * [1000, 0.01, 5] + [50_000, 0, -3]
    path = tmp_path_factory.mktemp("table") / "points.csv"
    labels = np.where(rows[:, 0] > 50_000, "high", "low")
    lines = [",".join([*map(str, row), label]) for row, label in zip(rows, labels, strict=True)]
    path.write_text("\n".join([",".join([*NAMES, "class"]), *lines]) + "\n")
    return path, rows


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("points_run")
    options = {"steps": 60, "sample_every": 20, "num_samples": 200, "batch_size": 20, "xla": "off"}
    return train(
        Config(dataset=str(table[0]), conditional=True, ckpt=folder / "ckpt", samples=folder / "samples", **options)
    )


def test_points_of_the_user_get_the_preset_points_and_their_own_units(run, table):
    assert run.config.model == "points" and run.samples[-1].shape == (200, 3)
    _, real = table
    apart = np.abs(run.samples[-1].mean(0) - real.mean(0)) / real.std(0)
    assert apart.max() < 2 and (run.samples[-1].std(0) / real.std(0) < 5).all()


def test_the_views_of_each_sampling_step_are_kept(run):
    folder = run.config.samples_folder
    kept = load_samples(folder / "views.pkl")
    assert run.fixed_steps == [0, 20, 40, 60] and len(kept) == 4
    assert all((one == other).all() for one, other in zip(kept, run.views, strict=True))
    parts = views.split(kept[-1], views.layout(run.config, 3, 2))
    assert [part.shape for part in parts] == [(0,), (0, 3), (256, 3), (256, 3)]
    assert not (folder / "fixed_noise.pkl").exists()


def test_statistics_have_the_sliced_distance_beside_that_of_real_points(run):
    assert [row["step"] for row in run.dicts("statistics")] == [20, 40, 60]
    header = records.statistics_header(3, False)
    assert header == ("step", "epoch", "sliced_wasserstein", "real_sliced_wasserstein")
    rows = records.read_table(run.config.samples_folder / "statistics.csv", header, 60)
    assert [tuple(row) for row in rows] == [tuple(row.values()) for row in run.dicts("statistics")]


def test_a_restored_generator_draws_points_in_their_units_and_of_a_class(run, table):
    with Generator.restore(run) as generator:
        points, high = generator(range(50)), generator(range(50), "high")
    assert points.shape == (50, 3) and np.abs(points[:, 0] - 50_000).max() < 30_000
    assert not np.array_equal(points, high)


@pytest.mark.parametrize("line", ["sample --out {}.png", "sample --out {}.npy", "sample --class high --out {}.npz"])
def test_sample_draws_points(run, tmp_path, command, line):
    out = line.format(tmp_path / "points").split()
    assert command(*out[:1], "--ckpt", run.config.ckpt_folder, *out[1:])[0] == 0


def test_evaluate_measures_points(run, tmp_path, command):
    out = tmp_path / "scores.json"
    code, printed, _ = command("evaluate", "--ckpt", run.config.ckpt_folder, "--out", out)
    assert code == 0 and "sliced wasserstein" in printed and "kl divergence" not in printed
    assert files.read_json(out)["figures"]["sliced_wasserstein"]["generated"] > 0


def test_review_makes_the_page_of_a_run_on_points_from_its_folder(run, tmp_path):
    loaded = review.load(run.config.samples_folder)
    steps, field = loaded.field
    assert steps == [0, 20, 40, 60] and len(field["steps"]) == 4 and field["dimensions"] == 3
    assert field["steps"][-1]["scores"]["sliced_wasserstein"] == run.dicts("statistics")[-1]["sliced_wasserstein"]
    review.write(loaded, tmp_path)
    assert (tmp_path / "review.html").stat().st_size < 200_000


@pytest.mark.parametrize("damage", ["empty", "no arrays", "of another run"])
def test_damaged_views_are_left_out_with_a_warning(damage, run, tmp_path, capsys):
    folder = tmp_path / "samples"
    shutil.copytree(run.config.samples_folder, folder)
    if damage == "of another run":
        records.write_samples(folder / "views.pkl", [np.zeros((1, 5), np.float32)] * 4)
    else:
        (folder / "views.pkl").write_bytes(b"" if damage == "empty" else pickle.dumps([1]))
    loaded = review.load(folder)
    drawn = loaded.field[1]  # from the samples alone
    assert (drawn["real"], drawn["noise"]) == ("", None) and "views.pkl is damaged" in capsys.readouterr().err
    review.write(loaded, folder / "page")


@pytest.mark.thorough
def test_views_of_ever_fewer_steps_are_kept_and_the_last_one(table, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "MOST_VIEWS", 4)
    options = {"sample_every": 1, "num_samples": 4, "batch_size": 4, "xla": "off", "record": "steps"}
    straight, broken = (
        Config(dataset=str(table[0]), steps=19, ckpt=tmp_path / name / "c", samples=tmp_path / name / "s", **options)
        for name in ("straight", "broken")
    )
    whole = train(straight)
    assert whole.fixed_steps == [0, 1, 2, 3, 4, 6, 8, 12, 16, 19]
    train(broken.replace(steps=7))
    resumed = train(broken, resume=True)
    assert resumed.fixed_steps == whole.fixed_steps
    for name in ("views.pkl", "train_samples.pkl", "statistics.csv"):
        assert (broken.samples_folder / name).read_bytes() == (straight.samples_folder / name).read_bytes()


def test_the_number_of_views_grows_with_the_logarithm_of_the_steps():
    kept = [number for number in range(20_001) if progress.is_viewed(number)]
    assert kept[:513] == list(range(513)) and len(kept) < 512 * 4
    assert all(number in kept for number in (1024, 2048, 16_384))
