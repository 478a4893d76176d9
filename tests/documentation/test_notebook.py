"""The notebook in examples/ runs from top to bottom, and its outputs are of its cells."""

import copy
import re

import nbformat
import numpy as np
import pytest

import run_notebook
from conftest import REPOSITORY

SECTIONS = [  # of the classic notebook, in its order
    *("Model inputs", "Generator network", "Discriminator network", "Hyperparameters", "Build the network"),
    *("Discriminator and generator losses", "Optimizers", "Training", "Training loss"),
    *("Generator samples from training", "Sampling from the generator"),
]


@pytest.fixture(scope="module")
def notebook():
    """The notebook as it is committed. Tests only read in it."""
    return nbformat.read(run_notebook.NOTEBOOK, as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(notebook):
    return [output.data["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})]


def printed(notebook):
    return "".join(output.text for output in outputs(notebook) if output.output_type == "stream")


def losses(notebook):
    """D's and G's loss of each printed epoch of the notebook's own loop, float64 [lines, 2]."""
    line = r"^Epoch \d+/\d+\.\.\. Discriminator Loss: (\S+)\.\.\. Generator Loss: (\S+)$"
    return np.array(re.findall(line, printed(notebook), re.M), float)


def test_it_follows_the_classic_notebook(notebook):
    titles = re.findall(r"^## (.*)$", "\n".join(cell.source for cell in notebook.cells), re.M)
    assert [title for title in titles if title in SECTIONS] == SECTIONS


def test_its_outputs_are_of_its_cells(notebook):
    """If this fails, run `python examples/run_notebook.py`, look at the notebook and commit it."""
    assert notebook.metadata["executed_sha256"] == run_notebook.digest(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert len(pictures(notebook)) == 6 and len(losses(notebook)) == 11
    assert run_notebook.NOTEBOOK.stat().st_size < 500_000


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    fresh = copy.deepcopy(notebook)
    for cell in fresh.cells:
        cell.outputs = []
    run_notebook.execute(fresh, tmp_path)
    assert len(pictures(fresh)) == len(pictures(notebook))
    assert len(set(pictures(fresh))) == len(pictures(fresh))
    assert "tensorflow" not in printed(fresh)  # no messages of TensorFlow's
    found = losses(fresh)
    assert len(found) == 11
    # With real labels of 0.9, D's loss is 2 log 2 = 1.39 at the equilibrium, and G's is log 2 = 0.69.
    for of_each, low, high in zip(found[-5:].T, (0.8, 0.5), (1.5, 2.0), strict=True):
        assert (of_each > low).all() and (of_each < high).all(), found
