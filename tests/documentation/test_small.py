"""The benchmarks of little data and of small GANs measure what they say. PyTorch, which they start, is not needed."""

import argparse
import json
from itertools import pairwise

import numpy as np
import pytest

import runs
import small
import small_gans
from tfgan_v1 import Config
from tfgan_v1.commands import train


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A data set of 40 pictures, all different, and two copies of each of five of them."""
    from PIL import Image

    folder = tmp_path / "data" / "pictures"
    folder.mkdir(parents=True)
    for number, pixels in enumerate(np.random.default_rng(0).integers(256, size=(40, 8, 8, 3), dtype=np.uint8)):
        for copy in "abc" if number < 5 else "a":
            Image.fromarray(pixels).save(folder / f"{number}{copy}.png")
    monkeypatch.setenv("TFGAN_DATA", str(folder.parent))
    monkeypatch.setattr(small, "SETS", {"pictures": small.Set(8, (10,))})
    small.split.cache_clear()
    yield "pictures"
    small.split.cache_clear()


def as_sets(*images):
    return [{image.tobytes() for image in each} for each in images]


def test_the_new_images_are_all_others_and_no_copies_of_training_images(pictures):
    training, new = as_sets(*small.split(pictures, 10, 0)[:2])
    assert len(training) == 10 and len(new) == 30 and not training & new
    assert training == as_sets(small.split(pictures, 10, 0).training)[0] != as_sets(small.split(pictures, 10, 1)[0])[0]


def test_training_images_are_at_the_best_distance_and_all_copied(pictures):
    real = small.split(pictures, 10, 0)
    black = np.zeros_like(real.training)
    itself, none, both = (
        small.compared(np.concatenate(parts), real) for parts in ([real.training], [black], [real.training, black])
    )
    assert itself["copied"] == 1 and none["copied"] == 0 and both["copied"] == 0.5
    distances = [each["sliced_wasserstein"] for each in (itself, none, both)]
    assert distances[1] > 2 * distances[0] and distances[2] == pytest.approx(np.mean(distances[:2]))


def arguments(out, **given):
    return argparse.Namespace(
        **{"out": out, "seconds": 60, "torch": "python-with-torch", "dataset": "mnist", "table": out / "T.md"} | given
    )


def test_a_result_is_kept_and_not_measured_again(pictures, tmp_path, monkeypatch):
    commands = []

    def run(command, python=None):
        commands.append([*map(str, command)])
        assert python == ("python-with-torch" if "benchmarks/peers.py" in command else None)
        place = tmp_path / folder
        (place / "samples").mkdir(parents=True, exist_ok=True)
        for name in ("drawn-60.npy", "drawn.npy"):
            np.save(place / name, np.zeros((small.MOST, 8, 8, 3), np.uint8 if python else np.float32))
        (place / "peer.json").write_text('{"drawn": [{"seconds": 30}, {"seconds": 61.2}]}')
        (place / "samples/losses.csv").write_text("step,seconds\n1,0.1\n599,58.5\n")

    monkeypatch.setattr(runs, "run", run)
    monkeypatch.setattr(runs, "length", lambda command, seconds, trial, folder: 10 * seconds)
    for _ in range(2):
        for title in ("tuned, adaptive", "DCGAN", "training images", "new images"):
            folder = runs.slug(pictures, "10", title) + "-0"
            small.measure(pictures, 10, title, 0, arguments(tmp_path))
    adaptive, sample, peer = commands
    assert adaptive[0] == "train.py" and adaptive[adaptive.index("--holdout") + 1] == "1"
    assert adaptive[adaptive.index("--steps") + 1] == "600" and sample[0] == "sample.py"
    assert peer[:2] == ["benchmarks/peers.py", "dcgan"] and peer[peer.index("--seconds") + 1] == "60"
    assert json.loads((tmp_path / "pictures_10_tuned_adaptive-0.json").read_text())["seconds"] == 58.5
    text = small.report(arguments(tmp_path))
    assert "| DCGAN | 1 | 61 |" in text and "| new images |" not in text
    assert (tmp_path / "small-pictures_10.png").read_bytes()[:4] == b"\x89PNG"
    assert "DCGAN" not in small.report(arguments(tmp_path, seconds=120))  # results of another command do not count


@pytest.mark.parametrize("rows", [small.ROWS, small_gans.ROWS])
def test_the_flags_of_every_row_exist(rows):
    for command in (row for row in rows.values() if row and row[0] == "train.py"):
        options = train.parse("train", ["10" if part == "TENTH" else str(part) for part in command[1:]])
        Config(**{name: value for name, value in options.items() if hasattr(Config, name)})


def test_a_distance_is_reached_between_two_measurements_on_logarithmic_axes():
    times = [10, 40, 80]
    curve = times, [100 / time for time in times]  # a straight line there
    assert small_gans.reached(*curve, 5) == pytest.approx(20)
    assert small_gans.reached(*curve, 2) == pytest.approx(50)
    assert small_gans.reached(*curve, 1.25) == pytest.approx(80)
    assert small_gans.reached(*curve, 1.2) is None
    assert small_gans.reached(*curve, 10) == small_gans.reached(*curve, 30) == 10
    assert small_gans.reached([1, 2, 3], [9, 1, 8], 1) == 2  # and what comes later does not count


def test_peers_are_measured_at_times_that_grow_to_the_end():
    times = small_gans.moments(480)
    assert times[-1] == 480 and 5 < times[0] <= 12
    assert all(1.2 < later / time < 1.4 for time, later in pairwise(times))
    assert small_gans.moments(10) == [10]


def test_a_run_is_as_long_as_the_speed_of_its_steps_says(tmp_path, monkeypatch):
    def run(command):
        samples = tmp_path / "trial/samples"
        samples.mkdir(parents=True, exist_ok=True)
        (samples / "losses.csv").write_text("step,seconds\n1,3\n20,5\n40,8\n60,9\n")  # 10 a second, after a slow start

    monkeypatch.setattr(runs, "run", run)
    assert [runs.length(["train.py"], seconds, 60, tmp_path) for seconds in (120, 1)] == [1200, 60]


def test_the_curve_of_a_run_has_the_seconds_of_each_score(tmp_path, monkeypatch):
    def run(command, **_):
        (tmp_path / "samples").mkdir()
        (tmp_path / "samples/losses.csv").write_text("step,seconds\n1,0.1\n100,2.5\n150,3\n200,5.5\n")
        (tmp_path / "samples/evaluation.csv").write_text("step,frechet_distance\n100,40.5\n200,30\n")

    monkeypatch.setattr(runs, "run", run)
    monkeypatch.setattr(runs, "length", lambda command, seconds, trial, folder: 10 * seconds)
    curve = small_gans.of_preset(("train.py", "--evaluate-every", 100), 0, tmp_path, arguments(tmp_path))
    assert curve == [(2.5, 40.5), (5.5, 30)]


def test_the_table_of_small_gans_says_what_was_not_reached(tmp_path):
    command = runs.words(small_gans.flags("mlp", arguments(tmp_path)))
    for seed, lowest in enumerate((2, 4)):
        content = {"command": command, "seconds": [10, 20], "distances": [8, lowest]}
        runs.keep(tmp_path / f"mnist_mlp-{seed}.json", content)
    text = small_gans.report(arguments(tmp_path))
    assert "| mlp | 2 | 10 | 10 | 1" in text
    assert "| - |" in text and "| 3.00 (2.00 to 4.00) |" in text
    assert (tmp_path / "T.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.thorough  # and with the packages of the extra bench
def test_the_peers_augment_as_their_paper_does():
    import torch

    import peers

    torch.manual_seed(0)
    images = torch.rand(64, 3, 16, 16) * 2 - 1
    assert torch.equal(peers.augment(images, ["none"]), images)
    cut = (peers.augment(images, ["cutout"]) == 0).all(1)  # a part of a square of 8x8 that may leave the image
    assert cut.sum((1, 2)).max() == 64 and cut.sum((1, 2)).min() >= 16
    one = torch.zeros(64, 1, 16, 16)
    one[:, :, 8, 8] = 1
    moved = peers.augment(one, ["translate"]).nonzero()[:, 2:]
    assert len(moved) == 64 and moved.min() == 6 and moved.max() == 10
    for name in peers.PEERS:
        for side in (28, 32, 64, 128):
            g, d = peers.PEERS[name].networks(side, 3, 4)
            fake = g(torch.randn(2, peers.NOISE, 1, 1))
            assert fake.shape == (2, 3, side, side)
            assert torch.isfinite(peers.PEERS[name].d_loss(d, fake, fake))
