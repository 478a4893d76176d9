"""The review page: all sampling steps of a run in one file, from what is in memory or from any pickle of samples."""

import base64
import io
import json
import os
import pickle
import re
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image

from conftest import rewrite
from tfgan_v1 import Config, UserError, files, load_samples, train
from tfgan_v1.report import page as review_page
from tfgan_v1.report import review
from tfgan_v1.report.curves import Curve
from tfgan_v1.report.images import gif, tile
from tfgan_v1.report.pictures import EVERY, SHARE, Budgeted
from tfgan_v1.storage import records

RANDOM = np.random.default_rng(0)
LOSSES, HELD_OUT = (
    f"{','.join(header[False])}\r\n".encode() for header in (records.LOSSES_HEADERS, records.HELD_OUT_HEADERS)
)


def run_of(page):
    """What a page holds, as its script reads it."""
    text = page.decode() if isinstance(page, bytes) else page.read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="run">(.*?)</script>', text, re.DOTALL)[1])


def picture(url):
    """The pixels of a data URL in [0, 1]."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2])))) / 255


def test_the_page_of_a_run_shows_each_sampling_step_and_how_it_was_made(finished):
    folder = finished.config.samples_folder
    run = run_of(folder / "review.html")
    assert [(each["label"], each["x"]) for each in run["points"]] == [(f"epoch {i}", i) for i in range(4)]
    same_noise = load_samples(folder / "fixed_noise.pkl")
    for point, samples in zip(run["points"], same_noise, strict=True):
        assert np.allclose(picture(point["image"]), tile(samples, 4, 1)[..., 0], atol=0.51 / 255)
    losses, outputs = run["curves"]
    assert losses["x"] == outputs["x"] == [1, 2, 3] and outputs["references"] == [0.5] and outputs["range"] == [0, 1]
    values = {each["name"]: each["values"] for curve in run["curves"] for each in curve["series"]}
    for name, key in {"Discriminator": "d_loss", "Generator": "g_loss", "D(x)": "d_x", "D(G(z))": "d_g_z"}.items():
        assert values[name] == pytest.approx([getattr(row, key) for row in finished.losses], rel=1e-3)
    assert run["command"].startswith("tfgan train --epochs 3 --dataset digits --ckpt ")
    assert ["--batch-size", "100", False] in run["configuration"] and run["shown"].startswith(
        "16 generated images, at each step of the same"
    )
    assert run["subtitle"] == "mlp, 1,797 images of digits, epoch 3 of 3"


def test_the_page_is_one_file_without_network(finished):
    text = (finished.config.samples_folder / "review.html").read_text("utf-8")
    without_data = re.sub(r"data:image/[^\"]*", "", text).replace("http://www.w3.org/2000/svg", "")
    assert "://" not in without_data and "src=" not in without_data and "@import" not in without_data


def test_review_of_a_run_s_folder_makes_the_page_that_the_run_has_made(finished, tmp_path, command):
    folder = shutil.copytree(finished.config.samples_folder, tmp_path / "copy")
    written = {name: (folder / name).read_bytes() for name in ("review.html", "evolution.png")}
    (folder / "review.html").unlink()
    code, out, err = command("review", folder)
    assert (code, err) == (0, "") and out.endswith("evolution.gif, of 4 sampling steps.\n")
    assert {name: (folder / name).read_bytes() for name in written} == written


@pytest.fixture
def small_config(digits_config, tmp_path):
    """Makes configurations of runs of three steps, each an epoch, on 40 images."""
    np.save(tmp_path / "images.npy", RANDOM.integers(0, 256, (40, 8, 8, 1), np.uint8))
    return partial(digits_config, model="mlp", dataset=str(tmp_path / "images.npy"), batch_size=40)


def test_only_the_weights_change_between_samples_of_the_same_noise(small_config):
    run = train(small_config(d_lr=1e-30, g_lr=1e-30))  # which change no weight
    same, fresh = run.fixed, run.samples
    assert len(same) == 4 and len(fresh) == 3 and np.array_equal(same[0], same[2])
    assert not np.array_equal(fresh[0], fresh[2]) and not np.array_equal(same[0], fresh[0])


def as_notebooks_have_them(images):
    """Samples in the forms that notebooks wrote: flat in [-1, 1], flat in [0, 1], images in [0, 1]."""
    flat = [each.reshape(len(each), -1) for each in images]
    return {"flat in [-1, 1]": [2 * each - 1 for each in flat], "flat in [0, 1]": flat, "images": images}


@pytest.mark.parametrize("form", as_notebooks_have_them([]))
def test_a_bare_pickle_gets_a_page_a_sheet_and_an_animation(form, tmp_path, command):
    images = [(RANDOM.integers(0, 256, (16, 28, 28, 1)) / 255).astype(np.float32) for _ in range(5)]
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(pickle.dumps(as_notebooks_have_them(images)[form]))
    code, out, err = command("review", path)
    assert (code, err) == (0, "") and "of 5 sampling steps" in out
    run = run_of(tmp_path / "train_samples.html")
    assert [each["label"] for each in run["points"]] == [f"sample {i}" for i in range(1, 6)] and run["curves"] == []
    grids = [tile(each, 4, 1)[..., 0] for each in images]
    for point, grid in zip(run["points"], grids, strict=True):
        assert np.allclose(picture(point["image"]), grid, atol=1.01 / 255)
    with Image.open(tmp_path / "train_samples.gif") as frames:
        assert frames.n_frames == 5 and frames.info["loop"] == 0
        frames.seek(3)
        shown = np.asarray(frames.convert("L")) / 255
    factor = len(shown) // len(grids[3])
    assert factor > 1 and np.allclose(shown[::factor, ::factor], grids[3], atol=1.01 / 255)
    with Image.open(tmp_path / "train_samples.png") as sheet:
        assert min(sheet.size) > 300
    assert {path.name for path in tmp_path.iterdir()} == {
        f"train_samples.{end}" for end in ("pkl", "html", "png", "gif")
    }


def test_a_run_of_an_earlier_version_has_its_curves_too(finished, tmp_path):
    for name in ("train_samples.pkl", "losses.csv"):
        shutil.copy(finished.config.samples_folder / name, tmp_path)
    loaded = review.load(tmp_path)
    run = run_of(review_page.page(loaded.summary, [""] * 3, loaded.tables))
    assert [each["label"] for each in run["points"]] == ["step 17", "step 34", "step 51"] and len(run["curves"]) == 2


def test_points_get_a_page_and_a_sheet(tmp_path, command):
    records.write_samples(tmp_path / "train_samples.pkl", [RANDOM.normal(size=(200, 1)) for _ in range(3)])
    code, out, _ = command("review", tmp_path)
    assert code == 0 and "gif" not in out
    steps = run_of(tmp_path / "review.html")["field"]["steps"]
    assert len({tuple(each["q"]) for each in steps}) == 3 and len({each["fake"] for each in steps}) == 3


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))


WRONG = {
    "no pickle": (b"hello", "is not a pickle of samples"),
    "a model": (print, "was not opened, because"),
    "no samples": ([], "holds an empty list"),
    "texts": (["a"], "does not hold a list of sample arrays"),
    "two shapes": ([np.zeros((2, 784)), np.zeros((2, 28, 28, 1))], "different shapes: (28, 28, 1) and (784,)"),
    "no images": ([np.zeros((2, 50))], "50"),
    "NaN": ([np.full((2, 784), np.nan)], "nan"),
    "other values": ([np.full((2, 784), -7.5)], "-7.5"),
}


@pytest.mark.parametrize("content, right", WRONG.values(), ids=WRONG)
def test_a_pickle_of_something_else_is_one_sentence_and_writes_nothing(content, right, tmp_path, command):
    write(tmp_path / "train_samples.pkl", content)
    for path in (tmp_path, tmp_path / "train_samples.pkl"):
        code, out, err = command("review", path)
        assert (code, out, err.count("\n")) == (2, "", 1) and right in err
    assert [path.name for path in tmp_path.iterdir()] == ["train_samples.pkl"]


def test_a_folder_without_samples_is_one_sentence(tmp_path, command, finished):
    for path, right in {
        tmp_path: "has no train_samples.pkl",
        tmp_path / "missing": "there is no ",
        finished.config.ckpt_folder: "name the run's samples folder",
    }.items():
        code, out, err = command("review", path)
        assert (code, out, err.count("\n")) == (2, "", 1) and right in err


@pytest.mark.parametrize("damage", [lambda text: text[:100], lambda text: text.replace("mlp", "xyz"), lambda _: "[]"])
def test_a_damaged_review_json_is_left_out_with_a_warning(damage, finished, tmp_path, command):
    folder = shutil.copytree(finished.config.samples_folder, tmp_path / "copy")
    (folder / "review.json").write_text(damage((folder / "review.json").read_text()))
    code, _, err = command("review", folder)
    assert code == 0 and err.startswith("warning: ") and "review.json is damaged" in err
    assert run_of(folder / "review.html")["command"] == ""


VALUES = [None, 5, -1, 1.5, "x", "", [], {}, [1, 2], {"a": 1}, True, 10**30, 10**400, float("nan"), float("inf")]
VALUES += [[float("nan")] * 2, ["a", "b"], [[1], [2]], [10**400] * 2, "\ud800", {"a": float("nan")}, {"a": "x"}, 1e9, 0]


@pytest.mark.parametrize("key", review_page.SUMMARY)
def test_a_review_json_with_any_value_is_read_or_left_out_whatever_its_checksum_says(key, tmp_path, capsys):
    samples, outcomes = [np.zeros((2, 4, 4, 1), np.float32)] * 2, set()
    records.write_samples(tmp_path / "train_samples.pkl", samples)
    for value in VALUES:
        summary = review_page.summarize_samples("a", samples) | {key: value}
        (tmp_path / "review.json").write_text(files.to_json(summary))
        loaded = review.load(tmp_path)
        left_out = "is damaged, so the page has no configuration" in capsys.readouterr().err
        assert left_out or loaded.summary[key] == value
        outcomes.add(left_out)
        urls = review_page.Grids(2, loaded.summary["columns"]).urls(loaded.samples)
        assert run_of(review_page.page(loaded.summary, urls, loaded.tables))
    assert outcomes == {True, False} or key in ("unit", "reads_as", "cell", "configuration", "figures", "classes")


@pytest.mark.parametrize("name", ["losses.csv", "held_out.csv", "evaluation.csv"])
def test_a_damaged_table_is_left_out_with_a_warning(name, finished, tmp_path, command):
    folder = shutil.copytree(finished.config.samples_folder, tmp_path / "copy")
    rewrite(folder / "review.json", lambda content: content.update(figures={"fd": 1.5}))
    header = {"losses.csv": LOSSES, "evaluation.csv": b"step,epoch,fd\r\n"}.get(name, HELD_OUT)
    for damaged in (b"\0\0\0", header + b"1" * 400 + b",1\r\n", header + b"x" * 2**17, header[:9] + b"\n"):
        (folder / name).write_bytes(damaged)
        code, _, err = command("review", folder)
        assert code == 0 and err.count("\n") == 1 and f"{folder / name} is damaged" in err and "without it" in err
    assert len(run_of(folder / "review.html")["points"]) == 4


def test_a_grid_beyond_the_limits_of_a_format_is_made_smaller(monkeypatch):
    samples = [RANDOM.random((25, 2, 4096, 1), np.float32)] * 40
    (url, *_), large = review_page.Grids(100).urls(samples), review_page.LONGEST
    assert url.startswith("data:image/webp") and picture(url).shape[1] <= large < 5 * 4096
    assert review_page.summarize_samples("a", samples)["cell"] == [0, 0]  # a click would find another image
    monkeypatch.setattr(review, "LONGEST", 100)
    with Image.open(io.BytesIO(review.animate([np.zeros((4, 60, 150, 1)), np.ones((4, 60, 150, 1))]))) as frames:
        assert frames.n_frames == 2  # which a GIF enlarges again
    monkeypatch.setattr(review, "MOST_PIXELS", 2 * 300 * 300)
    with Image.open(io.BytesIO(review.animate([np.zeros((1, 900, 900, 1)), np.ones((1, 900, 900, 1))]))) as frames:
        assert max(frames.size) <= 300


def test_an_error_of_a_picture_is_a_warning_and_no_end_of_a_run(small_config, monkeypatch, capsys):
    def fail(*_, **__):
        raise ValueError("encoding error 5")

    for place in ("page.Grids._encode", "plots.evolution", "plots.samples_png", "pictures.write_real_images"):
        monkeypatch.setattr(f"tfgan_v1.report.{place}", fail)
    run = train(small_config(tensorboard=True, sheets="each"))
    err = capsys.readouterr().err
    assert run.step == 3 and "review.html cannot be drawn (ValueError: encoding error 5)" in err
    for name in ("real_images.png", "plots", "last_samples.png", "sheets/000001.png", "tensorboard"):
        assert f"warning: {name} cannot be drawn" in err
    assert train(run.config.replace(epochs=4), resume=True).step == 4


def test_a_page_of_many_steps_shows_a_part_of_them_and_the_last(monkeypatch):
    monkeypatch.setattr(review_page, "MOST_STEPS", 4)
    samples, grids = [np.full((1, 4, 4, 1), i / 100) for i in range(23)], review_page.Grids(23)
    for count, shown in ((4, [0, 1, 2, 3]), (7, [0, 2, 4, 6]), (8, [0, 2, 4, 6, 7]), (23, [0, 8, 16, 22])):
        urls = grids.urls(samples[:count])
        assert [i for i, url in enumerate(urls) if url] == shown
        points = run_of(review_page.page(review_page.summarize_samples("a", samples), urls))["points"]
        assert [each["x"] for each in points] == [i + 1 for i in shown]


def test_names_with_markup_stay_text():
    name = "<script>alert(1)</script>&amp;"
    summary = review_page.summarize_samples(name, [np.zeros((1, 4, 4, 1))]) | {"command": "</script><b>"}
    page = review_page.page(summary, ["data:"]).decode()
    assert "<script>alert" not in page and "</script><b>" not in page and "&lt;script&gt;alert(1)" in page
    assert run_of(page.encode())["command"] == "</script><b>"


def test_a_hundred_steps_of_16_images_take_less_than_10_mb():
    for shape in ((28, 28, 1), (64, 64, 3)):
        smooth = RANDOM.random((16, 8, 8, shape[2]), np.float32).repeat(shape[0] / 8 + 1, 1).repeat(shape[0] / 8 + 1, 2)
        samples = smooth[:, : shape[0], : shape[1]] * 0.9 + RANDOM.random((16, *shape), np.float32) * 0.1
        urls = review_page.Grids(100).urls([samples])
        assert 100 * len(urls[0]) < 9e6


def test_each_grid_is_encoded_once(monkeypatch):
    encoded = []
    monkeypatch.setattr(review_page.Grids, "_encode", lambda self, sample, count: encoded.append(sample) or ("x", b""))
    grids = review_page.Grids(4)
    assert len(grids.urls(["a", "b"])) == 2 and len(grids.urls(["a", "b", "c"])) == 3
    assert encoded == ["a", "b", "c"]


def test_a_curve_of_many_steps_is_thinned_and_has_its_running_mean():
    values = RANDOM.normal(size=9000)
    curve = review_page._as_json(Curve("f", "t", "l", "c", {"D": list(values)}, x=list(range(9000))))
    (series,) = curve["series"]
    assert len(curve["x"]) == len(series["values"]) == len(series["mean"]) <= review_page.MOST_VALUES
    window = 9000 // 20
    means = [values[max(0, i - window + 1) : i + 1].mean() for i in curve["x"]]
    assert series["mean"] == pytest.approx(means, rel=1e-3, abs=1e-9) and curve["x"][:2] == [0, 5]


def test_nan_becomes_null():
    curve = review_page._as_json(Curve("f", "t", "l", "c", {"D": [float("nan"), 1.0]}, x=[1, 2]))
    assert curve["series"][0]["values"] == [None, 1.0]


class Samples:
    """A Progress with as many samples as the clock has seconds."""

    def __init__(self, clock):
        self._clock = clock

    @property
    def samples(self):
        return range(int(self._clock[0]))


@pytest.mark.parametrize("cost, expected", [(0.03, 0.05), (1.0, 1.5), (4.0, 1.5)])
def test_drawing_while_training_takes_less_than_its_share_of_the_time(monkeypatch, cost, expected):
    clock, drawn = [0.0], []
    monkeypatch.setattr("tfgan_v1.report.pictures.time.monotonic", lambda: clock[0])

    def draw(progress):
        drawn.append(clock[0])
        clock[0] += cost

    drawing = Budgeted(draw, expected)
    while clock[0] < 3000:
        drawing.draw_if_due(Samples(clock))
        clock[0] += 0.5
    assert len(drawn) >= 5 and min(np.diff(drawn)) >= EVERY
    after_each = [(i + 1) * cost / (at + cost) for i, at in enumerate(drawn)]
    assert max(after_each[1:]) <= SHARE  # the first one is a guess
    assert drawn[0] >= expected / SHARE


def test_a_run_draws_while_it_trains(small_config, monkeypatch):
    seen = []
    monkeypatch.setattr("tfgan_v1.report.pictures.EVERY", 0.0)
    monkeypatch.setattr("tfgan_v1.report.pictures.SHARE", 1e9)
    config = small_config()

    def look(*_):
        page = config.samples_folder / "review.html"
        seen.append(len(run_of(page)["points"]) if page.exists() else 0)

    monkeypatch.setattr("tfgan_v1.training.loop.console.write_line", look)
    train(config)
    assert seen == [1, 2, 3]  # the line of an epoch comes before its pictures


def test_the_images_of_a_page_are_those_of_their_steps_also_after_a_roll_back():
    samples, grids = [np.full((1, 4, 4, 1), i / 10) for i in range(4)], review_page.Grids(4)
    first = grids.urls(samples[:3], [0, 10, 20])
    assert grids.urls([samples[0], samples[3]], [0, 15]) == [first[0], *review_page.Grids(4).urls(samples[3:])]


def test_an_animation_ends_with_a_longer_frame(tmp_path):
    frames = [np.full((4, 4, 3), i / 10) for i in range(3)]
    (tmp_path / "a.gif").write_bytes(gif(frames, 100, 900))
    with Image.open(tmp_path / "a.gif") as picture:
        durations = []
        for i in range(picture.n_frames):
            picture.seek(i)
            durations.append(picture.info["duration"])
        assert durations == [100, 100, 900] and picture.size == (300, 300)


def test_what_review_shows_is_bounded(tmp_path):
    records.write_samples(tmp_path / "many.pkl", [RANDOM.random((150, 4, 4, 1), np.float32) for _ in range(300)])
    loaded = review.load(tmp_path / "many.pkl")
    assert len(loaded.samples) == 300 and len(loaded.samples[0]) == review.MOST_IMAGES
    with Image.open(io.BytesIO(review.animate(loaded.samples))) as frames:
        assert frames.n_frames == review.MOST_FRAMES


def test_a_review_that_cannot_be_written_is_one_sentence(finished, tmp_path, command):
    (tmp_path / "file").write_text("")
    code, _, err = command("review", finished.config.samples_folder, "--out", tmp_path / "file")
    assert code == 2 and err.count("\n") == 1
    with pytest.raises(UserError, match="there is no"):
        review.load(tmp_path / "nothing")
    assert Config().samples == "samples"  # what review takes without a path


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_points_without_a_run_are_drawn_in_one_box_at_all_steps(columns, tmp_path):
    samples = [RANDOM.normal(i, 1 + i, (100, columns)).astype(np.float32) for i in range(3)]
    records.write_samples(tmp_path / "points.pkl", samples)
    loaded = review.load(tmp_path / "points.pkl")
    steps, field = loaded.field
    assert steps == [1, 2, 3] and field["dimensions"] == columns and field["real"] == ""
    everything = np.concatenate(samples)
    assert (np.array(field["low"]) < np.quantile(everything, 0.01, 0)).all()
    for step, sample in zip(field["steps"], samples, strict=True):
        numbers = np.frombuffer(base64.b64decode(step["fake"]), "<i2").reshape(-1, columns)
        low, high = np.array(field["low"]), np.array(field["high"])
        assert np.allclose(
            (low + high) / 2 + numbers / 32767 * 2 * (high - low), sample, atol=np.max(high - low) / 8000
        )
        assert ("q" in step) == (columns == 1) and not step["d"] and "gradient" not in step
    review.write(loaded)
    assert (tmp_path / "points.html").is_file()


def test_no_text_of_a_samples_folder_is_a_link(finished, tmp_path):
    """A page may be made of a stranger's folder: the link to the page on failures is the program's own."""
    folder = shutil.copytree(finished.config.samples_folder, tmp_path / "samples")
    rewrite(folder / "review.json", lambda content: content.update(docs="javascript:alert(1)"))
    review.write(review.load(folder))
    assert run_of((folder / "review.html").read_bytes())["docs"] == os.path.relpath(review_page.DOCS, folder)
