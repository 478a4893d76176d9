"""What `train --dry-run` says about a run that it does not start."""

import os
import re

import numpy as np
import pytest

from tfgan_v1 import Config, data
from tfgan_v1.training import dry_run as description
from tfgan_v1.training import plan

# (model, side, channels, batch, images, GB at most in a run of four steps, by resource.getrusage)
MEASURED = [
    ("mlp", 28, 1, 100, 2000, 0.94),
    ("mlp", 28, 1, 10_000, 20_000, 1.08),
    ("mlp", 128, 3, 100, 2000, 1.58),
    ("mlp", 28, 1, 100, 1_000_000, 1.74),
    ("conv", 28, 1, 64, 2000, 0.92),
    ("conv", 128, 1, 64, 500, 1.82),
    ("conv", 128, 3, 128, 500, 2.79),
    ("dcgan", 28, 1, 64, 2000, 0.94),
    ("dcgan", 128, 3, 16, 500, 1.74),
    ("dcgan", 128, 3, 64, 500, 3.16),
    ("dcgan_upsample", 28, 1, 32, 2000, 0.83),
    ("dcgan_upsample", 64, 3, 128, 500, 1.38),
    ("dcgan_upsample", 128, 3, 32, 500, 1.67),
    ("tuned", 28, 1, 32, 2000, 0.85),
    ("tuned", 64, 3, 32, 500, 1.0),
    ("tuned", 128, 3, 32, 500, 1.29),
    ("tuned", 128, 3, 64, 500, 1.62),
]


@pytest.mark.parametrize("model, side, channels, batch, count, measured", MEASURED)
def test_the_memory_estimate_is_within_15_percent_of_measured_runs(
    model, side, channels, batch, count, measured, tmp_path
):
    mapped = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(count, side, side, channels))  # takes no disk
    facts = {"name": "x", "num_images": count, "image_shape": [side, side, channels]}
    config = Config(model=model, steps=4, sample_every=2, batch_size=batch, ckpt=tmp_path / "c", samples=tmp_path / "s")
    planned = plan.Plan(config, data.Dataset("x", mapped), facts, False, False)
    (line,) = [line for line in description.describe(planned) if line.startswith("memory")]
    assert abs(float(line.split()[2]) / measured - 1) < 0.15 + 0.05 / measured  # the line has one decimal


def test_a_streamed_data_set_takes_no_memory(tmp_path):
    mapped = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(10**6, 28, 28, 1))
    facts = {"name": "x", "num_images": 10**6, "image_shape": [28, 28, 1]}
    planned = plan.Plan(Config(steps=4, resident_limit=0.1), data.Dataset("x", mapped), facts, False, False)
    resident = planned._replace(config=Config(steps=4))
    assert description.memory(resident, 0) - description.memory(planned, 0) > 0.9 * mapped.nbytes


def test_a_dry_run_describes_the_run_and_leaves_no_file(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dry-run", "--dataset", "digits", "--name", "faces")
    assert (code, err, os.listdir(tmp_path)) == (0, "", [])
    assert 0.8 < float(re.search(r"memory: about (\S+) GB", out)[1]) < 1.2
    counts = ["114,064", "100,609", "1,797 of 28x28x1", "17 per epoch"]
    assert all(part in out for part in [*counts, "--smooth 0.1", "checkpoints/faces"]) and "--resume," not in out


def test_a_dry_run_describes_a_run_whose_folders_are_taken_and_says_what_to_add(command, finished):
    places = ["--ckpt", finished.config.ckpt, "--samples", finished.config.samples]
    before = sorted(finished.config.ckpt_folder.rglob("*"))
    code, out, err = command("train", "--dry-run", "--dataset", "digits", *places)
    assert (code, err) == (0, "") and "114,064" in out
    assert out.endswith("already hold a run: to train, add --resume, --overwrite or --name NAME\n")
    assert sorted(finished.config.ckpt_folder.rglob("*")) == before


TOO_LONG = "a" * 300


@pytest.mark.parametrize("dry_run", [["--dry-run"], []], ids=["dry run", "run"])
@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--ckpt", "/dev/null"], "/dev/null: Not a directory"),
        (["--samples", "/dev/null/samples"], "Not a directory"),
        (["--name", TOO_LONG], "File name too long"),
        (["--ckpt", TOO_LONG], "File name too long"),
        (["--ckpt", "/proc/run"], "/proc/run"),
    ],
)
def test_a_dry_run_refuses_the_folders_that_a_run_refuses(command, tmp_path, monkeypatch, flags, reason, dry_run):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dataset", "digits", *flags, *dry_run)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err and len(err) < 250 and os.listdir(tmp_path) == []
