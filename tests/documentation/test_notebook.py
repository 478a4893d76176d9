"""The notebook in examples/ runs from top to bottom, and its outputs are of its cells."""

import copy
import os
import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import run_notebook
from conftest import REPOSITORY

SECTIONS = [  # of the classic notebook, in its order
    *("Model inputs", "Generator network", "Discriminator network", "Hyperparameters", "Build the network"),
    *("Discriminator and generator losses", "Optimizers", "Training", "Training loss"),
    *("Generator samples from training", "Sampling from the generator"),
]


CELLS = {  # of a small notebook, by what they show
    "one line": "import os, signal, tfgan_v1\nfrom tfgan_v1 import *\ntrain('digits', epochs=3, xla='off', name='one')",
    "live": "progress = train('digits', epochs=4, xla='off', name='live', on_sample=show)",
    "interrupt": """def interrupt(step, samples, metrics):
    show(step, samples, metrics)
    if step == 34:
        os.kill(os.getpid(), signal.SIGINT)  # as the button of the notebook does

config = Config(dataset='digits', epochs=300, xla='off', name='stop')
progress = train(config, on_sample=interrupt)""",
    "resume": "progress = train(config, epochs=3, resume=True, on_sample=show)",
    "config": "config",
    "generator": "Generator.restore('checkpoints/stop')",
    "history": "progress.history[['epoch', 'd_loss']]",
    "quiet": "train(config, epochs=3, overwrite=True, verbose=0);",
}


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


@pytest.mark.slow
def test_a_notebook_has_a_bar_a_live_picture_short_reprs_and_an_interrupt_that_says_how_to_go_on(tmp_path, monkeypatch):
    """Set TFGAN_NOTEBOOK to a path to look at the executed notebook."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    small = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
    NotebookClient(small, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    if path := os.environ.get("TFGAN_NOTEBOOK"):
        nbformat.write(small, path)
    by_name = {name: cell.outputs for name, cell in zip(CELLS, small.cells, strict=True)}
    text = {
        name: "".join(each.text for each in found if each.get("name") == "stdout") for name, found in by_name.items()
    }
    shown = {name: [each.data for each in found if "data" in each] for name, found in by_name.items()}

    stderr = "".join(output.text for output in outputs(small) if output.get("name") == "stderr")
    assert all(re.match("warning: .* steps are too few to learn from digits", line) for line in stderr.splitlines())
    assert "%|" in text["one line"] and text["one line"].count("Discriminator Loss") == 1  # the last line
    (progress,) = shown["one line"]
    assert re.fullmatch(r"Progress\(epoch 3 of 3, D \d\S+, G \d\S+; samples/one/review.html\)", progress["text/plain"])
    assert progress["text/html"].count("data:image/png;base64,") == 2
    for name, last in (("live", 68), ("interrupt", 34), ("resume", 51)):  # one picture, which was renewed
        (picture,) = shown[name]
        assert re.fullmatch(rf"step {last}: D \d\S+, G \d\S+", picture["text/plain"])
        assert f"<div>step {last}: D " in picture["text/html"] and "data:image/png;base64," in picture["text/html"]
    assert (
        "Stopped by SIGINT; everything is saved at step 34 of 5,100. Continue with: train(config, resume=True)\n"
        in text["interrupt"]
    )
    assert "Epoch 3/3" in text["resume"] and text["quiet"] == ""
    (config,), (generator,), (history,) = shown["config"], shown["generator"], shown["history"]
    assert config["text/plain"] == "Config(model='mlp', epochs=300, name='stop', dataset='digits', xla='off')"
    assert generator["text/plain"] == "Generator(latest of step 51: 28x28x1)" and "<img " in generator["text/html"]
    assert re.findall(r"^(\d+) +(\d) ", history["text/plain"], re.M) == [("17", "1"), ("34", "2"), ("51", "3")]
