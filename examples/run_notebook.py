"""Executes the notebook from top to bottom, in place: `python examples/run_notebook.py`.

Run it after a change to a cell. The notebook then holds the SHA-256 of the cells that its outputs come from, so that a
test notices outputs of other cells.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("gan_digits.ipynb")


def execute(notebook, folder):
    """Executes a notebook in a folder, in which its cells may write. Its outputs are replaced; nothing is returned."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, record_timing=False, coalesce_streams=True, resources=where).execute()
    notebook.metadata["executed_sha256"] = digest(notebook)
    notebook.metadata["language_info"] = {"name": "python"}  # without this Python's version


def digest(notebook):
    """SHA-256 of the code of all cells."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


if __name__ == "__main__":
    path = Path(sys.argv[1]) if sys.argv[1:] else NOTEBOOK
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, folder)
    nbformat.write(notebook, path)
