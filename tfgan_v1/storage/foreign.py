"""Recognizes weights of other programs where a command expects a run or samples, by their content."""

import re
import shlex
from itertools import islice
from pathlib import Path

from tfgan_v1.files import BoundedReader
from tfgan_v1.storage.checkpoint_index import MAGIC

_HEAD, _MOST_FILES = 512, 1000  # bytes of a file, and files of a folder, that are looked at
CHECKPOINT, PYTORCH = "a TensorFlow checkpoint of another program", "a PyTorch file"
_ZIP = rb"(?s:PK\x03\x04.{26}[^\0]{0,99}?)"
BEGINNINGS = {  # how a file begins -> what it is
    rb"\x89HDF\r\n\x1a\n": "a Keras file (HDF5)",
    _ZIP + rb"(metadata\.json|config\.json|model\.weights\.h5)": "a Keras file (.keras)",
    _ZIP + rb"/data\.pkl|\x80\x02\x8a\nl\xfc\x9cF": PYTORCH,
    rb'model_checkpoint_path: "': CHECKPOINT,
}


def weights(path):
    """(what a path is, what opens it) if it has weights of another program, or is a prefix of such files."""
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return "a SavedModel", f"tf.saved_model.load({str(path)!r}) opens it"
    inside = sorted(islice(path.iterdir(), _MOST_FILES)) if path.is_dir() else [path]
    for what, opened in map(_one, sorted(inside, key=lambda each: each.suffix != ".index")):
        if what and path.is_dir():
            what, opened = f"{what} ({opened.name})", path if what == CHECKPOINT else opened
        if what:
            return what, f"tfgan import {shlex.quote(str(opened))} --to FOLDER opens it"
    return None


def prefix_of(path):
    """The prefix of a TensorFlow checkpoint of which a path is a file, by its name, or that path."""
    return path.with_name(re.sub(r"(?<=.)\.(index|meta|data-\d{5}-of-\d{5})$", "", path.name))


def _one(path):
    """(what a file or a prefix is, or "", the path by which it is opened)."""
    prefix = prefix_of(path)
    if MAGIC in (_read(each, -len(MAGIC)) for each in (Path(f"{prefix}.index"), path)):
        return CHECKPOINT, prefix
    what = next((what for begins, what in BEGINNINGS.items() if re.match(begins, _read(path))), "")
    return what, path.parent if what == CHECKPOINT else path


def _read(path, start=0):
    """Some bytes of a file, from the start or so many before its end; of anything else, none."""
    if not path.is_file():
        return b""
    with BoundedReader(path) as file:
        file.seek(max(0, file.size + start) if start else 0)
        return file.read(_HEAD)
