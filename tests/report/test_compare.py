"""`compare`: one page of several runs, and the table of their last numbers."""

import json
import re
import shutil

import numpy as np
import pytest

from conftest import rewrite
from tfgan_v1 import files
from tfgan_v1.report import page
from tfgan_v1.storage import records


def comparison_of(path):
    """What a page holds, as its script reads it."""
    text = path.read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="comparison">(.*?)</script>', text, re.DOTALL)[1])


@pytest.fixture
def copies(finished, tmp_path, monkeypatch):
    """Makes a copy of the finished run's samples folder: copies(name, d_loss=of the last step, **options by flag)."""
    monkeypatch.chdir(tmp_path)

    def copy(name, d_loss=None, subtitle=None, **options):
        folder = shutil.copytree(finished.config.samples_folder, tmp_path / "samples" / name)

        def change(summary):
            for row in summary["configuration"]:
                row[1] = options.get(row[0], row[1])
            summary["subtitle"] = subtitle or summary["subtitle"]

        rewrite(folder / "review.json", change)
        if d_loss is not None:
            rows = [row._replace(d_loss=d_loss if row.step == 51 else row.d_loss) for row in finished.losses]
            records.write_table(folder / "losses.csv", records.LOSSES_HEADERS[False], rows)
        return folder

    return copy


def test_the_page_has_every_run_with_its_images_curves_steps_and_times(copies, finished, command, tmp_path):
    folder = copies("a")
    copies("b", d_loss=0.25, **{"--d-lr": "0.1"})
    code, out, err = command("compare", "a", tmp_path / "samples" / "b")
    assert (code, err) == (0, "")
    content = comparison_of(tmp_path / "samples" / "compare.html")
    assert content["sides"] == [["a", 1], ["b", 1]] and content["shown"] == [8, 8] and not content["other_data"]
    text = (folder / "review.html").read_text("utf-8")
    run = json.loads(re.search(r'<script type="application/json" id="run">(.*?)</script>', text, re.DOTALL)[1])
    first, second = content["runs"]
    assert [first[name] for name in ("points", "curves")] == [run["points"], run["curves"]]
    assert first["scale"] == 17 and first["clock"][0] == [0, 17, 34, 51] and first["fixed"]
    assert first["clock"][1] == [0, *(row.seconds for row in finished.losses)]
    assert ["--d-lr", "0.1", False] in second["configuration"]
    lines = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    last = finished.losses[-1]
    assert lines[0] == ["a", "b"] and lines[1] == ["discriminator loss", f"{last.d_loss:.4g}", "0.25"]
    assert lines[3] == ["steps", "51", "51"] and lines[-1] == ["Wrote samples/compare.html; open it in a browser."]


def test_seeds_are_one_group_with_their_median_and_range(copies, command, tmp_path, capsys):
    for seed, loss in ((2, 0.75), (10, 0.5), (9, 0.125)):
        copies(f"ring-seed-{seed}", d_loss=loss, **{"--seed": str(seed)})
    copies("ring-seed-x", d_loss=9)
    copies("alone", d_loss=1)
    code, out, _ = command("compare", "ring", "alone", "--out", "page.html")
    assert code == 0 and re.search(r"^ +ring, 3 seeds +alone\n  discriminator loss  0.5 \(0.125 to 0.75\) +1\n", out)
    content = comparison_of(tmp_path / "page.html")
    assert content["sides"] == [["ring", 3], ["alone", 1]]
    assert [run["name"] for run in content["runs"]] == ["ring-seed-2", "ring-seed-9", "ring-seed-10", "alone"]
    assert content["numbers"][0] == ["discriminator loss", [[0.5, 0.125, 0.75, None], [1, 1, 1, None]]]

    (tmp_path / "samples" / "ring-seed-9" / "train_samples.pkl").unlink()
    code, out, err = command("compare", "ring")  # a group alone is several runs
    assert code == 0 and "ring, 2 seeds" in out and "ring-seed-9 has no samples yet" in err and err.count("\n") == 1


def test_scores_are_those_of_evaluate_and_the_last_ones_while_training(copies, command, tmp_path):
    folder = copies("a")
    copies("b")
    rewrite(folder / "review.json", lambda summary: summary.update(figures={"frechet_distance": 0.5}))
    records.write_table(folder / "evaluation.csv", ("step", "epoch", "frechet_distance"), [(17, 1, 9.0), (51, 3, 4.0)])
    scores = {"frechet_distance": {"generated": 3.5, "real": 0.25}, "recall": {"generated": None, "real": None}}
    files.write(folder / "scores.json", json.dumps({"figures": scores}))
    assert command("compare", "a", "b")[0] == 0
    numbers = dict(comparison_of(tmp_path / "samples" / "compare.html")["numbers"])
    assert numbers["frechet distance (evaluate)"] == [[3.5, 3.5, 3.5, 0.25], None]
    assert numbers["frechet distance"] == [[4.0, 4.0, 4.0, 0.5], None] and "recall (evaluate)" not in numbers
    files.write(folder / "scores.json", "[]")
    code, out, err = command("compare", "a", "b")
    assert code == 0 and "scores.json is damaged, so its scores are left out" in err and "evaluate" not in out


def test_other_data_are_compared_and_said(copies, command, tmp_path):
    copies("a")
    copies("b", subtitle="mlp, 9 images of faces, epoch 3 of 3")
    code, _, err = command("compare", "a", "b")
    content = comparison_of(tmp_path / "samples" / "compare.html")
    assert code == 0 and err.startswith("the runs have different data") and content["other_data"]
    assert [run["data"] for run in content["runs"]] == ["1,797 images of digits", "9 images of faces"]


def test_a_mistake_is_one_sentence_and_writes_nothing(copies, command, tmp_path):
    copies("a")
    copies("b-seed-1")
    empty = copies("empty")
    records.write_samples(empty / "train_samples.pkl", [])
    (empty / "fixed_noise.pkl").unlink()
    (copies("none") / "train_samples.pkl").unlink()
    for argv, sentence in {
        (): "a comparison takes two runs or more",
        ("a",): "a comparison takes two runs or more",
        ("a", "c"): "there is no run c in samples",
        ("a", "samples/a"): "samples/a is named twice",
        ("b", "b-seed-1"): "samples/b-seed-1 is named twice",
        tuple("abcdefghi"): "compare takes up to 8 runs, not 9",
        ("a", "empty"): "no samples were drawn yet",
        ("a", "none"): "the run in samples/none has no samples yet",
        ("a", "b", "--out", "page.png"): "--out page.png must be the name of a page, such as compare.html",
        ("a", "b", "--out", "x/review.html"): "has the name of a run's own record",
    }.items():
        code, out, err = command("compare", *argv)
        assert (code, out, err.count("\n")) == (2, "", 1) and sentence in err, (argv, err)
    assert not list(tmp_path.rglob("compare.html"))


def test_no_file_of_another_program_is_replaced_and_an_earlier_page_is(copies, command, tmp_path):
    copies("a"), copies("b")
    path = tmp_path / "samples" / "compare.html"
    path.write_text("mine")
    for flags in ((), ("--out", "samples/compare.html")):
        code, _, err = command("compare", "a", "b", *flags)
        assert code == 2 and "is there and not of this program" in err and path.read_text() == "mine"
    path.unlink()
    assert [command("compare", "a", "b")[0] for _ in range(2)] == [0, 0]
    text = re.sub(r"data:image/[^\"]*", "", path.read_text("utf-8")).replace("http://www.w3.org/2000/svg", "")
    assert "://" not in text and "src=" not in text and "@import" not in text


def test_samples_of_an_earlier_version_are_compared_too(copies, command, tmp_path):
    copies("a")
    for path in (folder := copies("old")).iterdir():
        if path.name not in ("train_samples.pkl", "losses.csv"):
            path.unlink()
    records.write_table(folder / "losses.csv", records.LOSSES_HEADERS[False], [])
    assert command("compare", "a", "old")[0] == 0
    old = comparison_of(tmp_path / "samples" / "compare.html")["runs"][1]
    assert (old["clock"], old["scale"], old["fixed"], len(old["points"])) == (None, 1, False, 3)


def test_runs_on_points_have_what_their_own_pages_draw_and_their_scores(preset_run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = preset_run("gaussian").config.samples_folder
    for name in ("a", "b"):
        shutil.copytree(folder, tmp_path / "samples" / name)
    out = command("compare", "a", "b")[1]
    content = comparison_of(tmp_path / "samples" / "compare.html")
    text = (folder / "review.html").read_text("utf-8")
    own = json.loads(re.search(r'<script type="application/json" id="run">(.*?)</script>', text, re.DOTALL)[1])
    assert [run["field"] for run in content["runs"]] == [own["field"]] * 2 and content["runs"][0]["fixed"]
    scores = own["field"]["steps"][-1]["scores"]
    numbers = dict(content["numbers"])
    assert numbers["kl divergence"][0][0] == scores["kl_divergence"] and "kl divergence" in out
    assert numbers["fake mean"][0][3] == scores["real_mean"] and "real mean" not in numbers

    monkeypatch.setattr(page, "PAGE_BYTES", 1.2 * len(json.dumps(own["field"]["steps"])))
    assert "shows 4 of 8 recorded steps" in command("compare", "a", "b")[2]
    run = comparison_of(tmp_path / "samples" / "compare.html")["runs"][0]
    assert [each["x"] for each in run["points"]] == [own["points"][i]["x"] for i in (0, 3)]
    assert run["field"]["steps"] == [own["field"]["steps"][i] for i in (0, 3)]


@pytest.mark.slow
def test_eight_runs_of_100_steps_take_10_mb_and_larger_ones_are_thinned(copies, command, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    digits = [random.random((16, 28, 28, 1), np.float32) for _ in range(100)]  # no image is larger than noise
    for i in range(8):
        records.write_samples(copies(f"run{i}") / "fixed_noise.pkl", digits)
        rewrite(tmp_path / f"samples/run{i}/review.json", lambda summary: summary.update(sample_steps=[*range(100)]))
    path = tmp_path / "samples" / "compare.html"
    assert command("compare", *(f"run{i}" for i in range(8)))[0] == 0
    content = comparison_of(path)
    assert path.stat().st_size < 10e6 and content["shown"][1] == 800

    monkeypatch.setattr(page, "PAGE_BYTES", 2e6)
    code, _, err = command("compare", *(f"run{i}" for i in range(8)))
    shown, count = (content := comparison_of(path))["shown"]
    assert code == 0 and path.stat().st_size < 3e6 and 16 < shown < count == 800 and f"shows {shown:,} of 800" in err
    for run in content["runs"]:
        assert len(run["points"]) == shown / 8 and [run["points"][i]["x"] * 17 for i in (0, -1)] == [0, 99]
