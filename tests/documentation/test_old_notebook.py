"""The old notebook in tests/helpers runs with the two changed lines of docs/old-notebook.md, and so does the page."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from conftest import REPOSITORY
from tfgan_v1 import data, read_data_sets

PAGE = (REPOSITORY / "docs" / "old-notebook.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CHANGED = re.findall(r"^(.*?)  # was: (.*)$", BLOCKS[0], re.M)
ROWS = [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| `.*?` \| (`.*?) \|", PAGE, re.M)]


def test_two_lines_change():
    assert len(CHANGED) == 2 and len(BLOCKS) == 2


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), 1))


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """A folder as the old notebooks filled it: MNIST_data, with 300 images to train on."""
    folder = tmp_path_factory.mktemp("notebook") / "MNIST_data"
    folder.mkdir()
    digits = data.load("digits")
    for part, rows in (("train", np.arange(5300) % 1797), ("t10k", np.arange(40))):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", digits.images[rows, ..., 0])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", digits.labels[rows].astype(np.uint8))
    return folder


SCRIPT = """
import json, sys
import matplotlib
matplotlib.use("Agg")
source, *snippets, adapter = json.loads(sys.stdin.read())
names = {"__name__": "__main__"}
exec(source, names)
exec("x, y, is_train, kernel = tf.zeros([2, 128]), tf.zeros([2, 128]), tf.placeholder(tf.bool), tf.zeros([3])", names)
for snippet in snippets:
    exec(snippet, names)
exec("tf.train.import_meta_graph('checkpoints/generator.ckpt.meta', import_scope='again')", names)
exec(adapter, names)
facts = {
    "losses": names["losses"].tolist(),
    "samples": [list(each.shape) for each in names["samples"][-1]] + [list(names["gen_samples"][0].shape)],
    "range": [float(names["gen_samples"][0].min()), float(names["gen_samples"][0].max())],
    "saved": [name for name, _ in names["tf"].train.list_variables("checkpoints/generator.ckpt")],
    "trained": [name for name, _ in names["tf"].train.list_variables("checkpoints/old")],
}
print(json.dumps(facts))
"""


def test_the_old_notebook_runs_with_two_changed_lines_and_its_networks_train(mnist):
    notebook = (REPOSITORY / "tests" / "helpers" / "old_notebook.py").read_text()
    for now, was in [*CHANGED, ("epochs = 2", "epochs = 100")]:
        assert notebook.count(f"{was}\n") == 1
        notebook = notebook.replace(f"{was}\n", f"{now}\n")
    snippets = [code for row in ROWS for code in row if code.startswith("tf.")]
    assert len(snippets) == 10
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([notebook, *snippets, BLOCKS[1]]),
        capture_output=True,
        text=True,
        cwd=mnist.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("is for graphs: ") == 1 and "ends with" not in ended.stderr
    facts = json.loads(ended.stdout.splitlines()[-1])
    assert np.shape(facts["losses"]) == (2, 2) and np.isfinite(facts["losses"]).all()
    assert facts["samples"] == [[16, 784]] * 3 and -1 <= facts["range"][0] < facts["range"][1] <= 1
    expected = [f"generator/{layer}/{name}" for layer in ("dense", "dense_1") for name in ("bias", "kernel")]
    assert facts["saved"] == expected
    assert {f"generator/{name}" for name in expected} <= {*facts["trained"]}


def test_mnist_is_split_and_scaled_as_the_tutorials_did(mnist):
    found = read_data_sets(mnist)
    assert [part.num_examples for part in (found.train, found.validation, found.test)] == [300, 5000, 40]
    original = data.load("digits")
    assert found.train.images.dtype == np.float32 and found.train.labels.dtype == np.uint8
    index = 5000 % 1797
    assert np.array_equal(found.train.images[0], original.images[index].ravel() / np.float32(255))
    assert found.train.labels[0] == original.labels[index] and found.train.images.max() == 1
    images = read_data_sets(str(mnist), one_hot=True, reshape=False, validation_size=5200)
    assert images.train.images.shape == (100, 28, 28, 1) and images.train.labels.shape == (100, 10)
    assert np.array_equal(images.train.labels.argmax(1), original.labels[(5200 + np.arange(100)) % 1797])


def test_batches_are_epochs_in_new_orders_and_the_last_is_filled_up():
    train = read_data_sets("no such folder", validation_size=1747, seed=3, dataset="digits").train
    assert train.num_examples == 50
    drawn = [train.next_batch(20) for _ in range(5)]
    images, labels = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    orders = [[np.flatnonzero((train.images == image).all(1))[0] for image in images[at : at + 50]] for at in (0, 50)]
    assert [sorted(order) for order in orders] == [list(range(50))] * 2 and orders[0] != orders[1]
    assert np.array_equal(labels, train.labels[np.concatenate(orders)])
    assert len(train.next_batch(130)[0]) == 130
    again = read_data_sets(validation_size=1747, seed=3, dataset="digits")
    assert np.array_equal(again.train.next_batch(20)[0], drawn[0][0]) and again.test is again.validation
