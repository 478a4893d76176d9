"""What the README says can be done, can be done."""

import re
import shutil

import matplotlib
import numpy as np
import pytest

from conftest import REPOSITORY

matplotlib.use("Agg")
README = (REPOSITORY / "README.md").read_text()


@pytest.mark.slow
def test_the_python_examples_run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished.config.samples, "samples")
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, names)
    assert names["img"].shape == (28, 28) and names["axes"].shape == (4, 4)
    assert names["images"].shape == (16, 28, 28, 1) and names["images"].dtype == np.float32
    custom = next(block for block in blocks if "def generator" in block)
    assert len([line for line in custom.splitlines() if line]) <= 22


@pytest.mark.slow
@pytest.mark.parametrize("page", ["means.md", "conditional.md", "graph.md", "sampling.md"])
def test_the_python_examples_of_the_docs_run(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.DOTALL):
        exec(block, {})


def test_the_training_step_it_quotes_is_the_code():
    shown = re.search(
        r"    for real, z, \(g_key, \*d_keys\) in zip.*?spec\.g\.minimize\(g_loss, fake\.rows\)\n", README, re.DOTALL
    )[0]
    code = (REPOSITORY / "tfgan_v1" / "gan.py").read_text()
    lines = [line.split("  #")[0].strip() for line in code.splitlines() if not line.strip().startswith("#")]
    start = lines.index("for real, z, (g_key, *d_keys) in zip(reals, zs, step_keys, strict=True):")
    expected = [line.strip() for line in shown.splitlines()]
    assert lines[start : start + len(expected)] == expected


def test_ci_runs_its_test_command():
    assert "    pip install -e '.[test]' && pytest\n" in README
    script = (REPOSITORY / ".ci" / "run").read_text().replace("--quiet --disable-pip-version-check ", "")
    # On lines of their own: behind `&&`, a failure of the first would not end the script.
    assert "\npip install -e '.[test]'\npytest\n" in script and "set -euo pipefail" in script
