"""The same command gives the same bytes, twice: every preset and every kind of input, in processes of their own."""

import csv
import gzip
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from conftest import REPOSITORY, THOROUGH, tensors
from tfgan_v1 import load_samples
from tfgan_v1.storage import checkpoints

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(256, size=(60, 8, 8, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]
EACH = ["--sample-every", 1]
COMMANDS = {  # name -> flags: each preset, each kind of input, XLA, classes, and streamed images
    "mlp-archive": ["--dataset", "archive.npz", "--epochs", 1, "--loss", "minimax", "--xla", "off"],
    "mlp-points-compiled": ["--dataset", "points.npy", "--epochs", 2],
    "gaussian-drawn": ["--model", "gaussian", "--epochs", 20],
    "conv-table": ["--model", "conv", "--dataset", "table.csv.gz", "--conditional", "--steps", 2, *EACH],
    "dcgan-idx": ["--model", "dcgan", "--dataset", "idx.gz", "--steps", 2, *EACH],
    "pictures": ["--model", "dcgan_upsample", "--dataset", "pictures", "--image-size", 8, "--steps", 2, *EACH],
    "tuned-array-streamed": ["--model", "tuned", "--dataset", "array.npy", "--resident-limit", 0, "--steps", 2, *EACH],
}
if not THOROUGH:  # these presets have commands in other tests of equal bits
    OTHERS = "mlp-archive", "dcgan-idx", "gaussian-drawn"
    COMMANDS = {name: flags for name, flags in COMMANDS.items() if name not in OTHERS}
# Runs command lines in a given order.
CHILD = """
import json, sys
from tfgan_v1 import cli
for flags in json.load(sys.stdin):
    assert cli.main(["train", *flags], "train.py") == 0, flags
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    header = np.array([0x803, 60, 8, 8], ">i4").tobytes()
    (folder / "idx.gz").write_bytes(gzip.compress(header + GREY.tobytes(), mtime=0))
    rows = "".join(f"{number % 3}," + ",".join(map(str, row)) + "\n" for number, row in enumerate(GREY.reshape(60, 64)))
    names = "label," + ",".join(f"pixel{number}" for number in range(64)) + "\n"
    (folder / "table.csv.gz").write_bytes(gzip.compress((names + rows).encode(), mtime=0))
    np.savez(folder / "archive.npz", images=GREY)
    np.save(folder / "points.npy", RANDOM.normal(2, 1, size=(700, 1)))
    np.save(folder / "array.npy", PIXELS)
    (folder / "pictures").mkdir()
    for number, pixels in enumerate(PIXELS[:40]):
        Image.fromarray(np.kron(pixels, np.ones((2, 3, 1), np.uint8))).save(folder / "pictures" / f"{number}.png")
    return folder


def places(folder, name):
    return {"--ckpt": folder / name / "checkpoints", "--samples": folder / name / "samples"}


def run_all(data, folder, names):
    """Runs the commands of these names in one fresh process."""
    commands = []
    for name in names:
        flags = [data / flag if (data / str(flag)).exists() else flag for flag in COMMANDS[name]]
        known = {**places(folder, name), "--cache-dir": folder / "cache"}
        commands.append([str(each) for each in (*flags, *(part for pair in known.items() for part in pair))])
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(commands), text=True, capture_output=True, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr


def found(folder, name):
    """What a command left, by file: hashes; of tensors their bytes, of losses.csv all but the seconds."""
    ckpt, samples = places(folder, name).values()
    state, generator = checkpoints.newest_state(ckpt), checkpoints.newest_generator(ckpt)
    files = {path.relative_to(samples).as_posix(): path.read_bytes() for path in samples.rglob("*") if path.is_file()}
    for name in ("review.html", "review.json"):  # they name the folders
        del files[name]
    rows = [row[:-1] for row in csv.reader(files.pop("losses.csv").decode().splitlines())]
    config = json.loads((ckpt / "config.json").read_bytes())
    return {
        "losses.csv": rows,
        "config": {key: config[key] for key in ("data", "made_by", "custom")},
        **{name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        **{f"state {key}": hashlib.sha256(value).hexdigest() for key, value in tensors(state.prefix).items()},
        **{f"generator {key}": hashlib.sha256(value).hexdigest() for key, value in tensors(generator.prefix).items()},
    }


@pytest.mark.slow
def test_equal_commands_give_equal_bytes_in_separate_processes(data, tmp_path):
    """The second process runs them in the opposite order, so that none owes its bits to the one before."""
    run_all(data, tmp_path / "first", COMMANDS)
    run_all(data, tmp_path / "second", reversed(COMMANDS))
    for name in COMMANDS:
        first, second = found(tmp_path / "first", name), found(tmp_path / "second", name)
        assert len(load_samples(places(tmp_path / "first", name)["--samples"] / "train_samples.pkl")) > 0
        assert {"train_samples.pkl", "last_samples.png", "losses.csv"} < first.keys()
        assert {key for key in {*first, *second} if first.get(key) != second.get(key)} == set(), name
        print(f"{name}: train_samples.pkl {first['train_samples.pkl'][:16]}, twice")
