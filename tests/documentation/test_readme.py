"""README and docs: their Python examples run, and the code that they quote is the code."""

import re

import matplotlib
import numpy as np
import pytest

from conftest import REPOSITORY

matplotlib.use("Agg")
README = (REPOSITORY / "README.md").read_text()


@pytest.mark.slow
def test_the_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block.replace("steps=1000", "steps=2").replace("epochs=60", "epochs=3"), names)
    assert names["images"].shape == (16, 28, 28, 1) and names["images"].dtype == np.float32
    assert (tmp_path / "checkpoints" / "custom" / "config.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["techniques.md", "conditional.md", "graph.md", "sampling.md", "python.md"])
def test_the_python_examples_of_the_docs_run(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.DOTALL):
        exec(block, {})


@pytest.mark.parametrize("page, quotes", [("README.md", 1), ("docs/graph.md", 2)])
def test_the_code_it_quotes_is_the_code(page, quotes):
    text = re.sub(r"```python\n.*?```", "", (REPOSITORY / page).read_text(), flags=re.DOTALL)
    code = "".join((REPOSITORY / "tfgan_v1" / "gan" / name).read_text() for name in ("train_step.py", "train_graph.py"))
    blocks = [block for block in re.findall(r"(?:^    .*\n)+", text, re.M) if re.search(r"^    (for|def) ", block)]
    assert len(blocks) == quotes and all(block in code for block in blocks)


def test_ci_runs_its_test_command():
    assert "    pip install -e '.[test]' && pytest\n" in README
    script = (REPOSITORY / ".ci" / "run").read_text().replace("--quiet --disable-pip-version-check ", "")
    script = script.replace("\nwait\n", "\n")  # for the browser
    # On lines of their own: behind `&&`, a failure of the first would not end the script.
    assert "\npip install -e '.[test]'\npytest\n" in script and "set -euo pipefail" in script
