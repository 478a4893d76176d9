"""The manifest of a checkpoint: the id of its run, its step and facts, and the sizes and SHA-256 of its files.

A checkpoint that its manifest does not verify, after a kill or on a bad disk, is not used. One without a manifest is
another program's: the manifest is put in place first, and removed last.
"""

import hashlib
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tfgan_v1 import files
from tfgan_v1.errors import UserError
from tfgan_v1.storage.names import GENERATORS, META, SUFFIXES

BLOCK = 2**20  # bytes that are hashed at once


class Checkpoint(NamedTuple):
    """A checkpoint that its manifest verifies."""

    step: int
    prefix: Path  # of its files, as TensorFlow names it
    facts: dict  # saved with it, for JSON
    run_id: str  # of the run that saved it


def write(prefix, run_id, step, facts):
    """Writes the manifest of a checkpoint whose other files are complete."""
    content = {"run_id": run_id, "step": step, "facts": facts, "files": _sums(prefix)}
    files.write(files_of(prefix)[-1], files.to_json(content))


def verified(prefix):
    """The Checkpoint with this prefix if its manifest verifies it, otherwise None.

    Raises UserError if the system cannot read a file: it may be whole, and must not be passed over.
    """
    try:
        content = files.read_json(files_of(prefix)[-1])
        checkpoint = Checkpoint(content["step"], prefix, content["facts"], content["run_id"])
        valid = checkpoint.step == step_of(prefix) and isinstance(checkpoint.facts, dict)
        sizes = {path.name: path.stat().st_size for path in files_of(prefix)[:-1]}
        valid &= sizes == {name: each["bytes"] for name, each in content["files"].items()}
        valid = valid and files.has_valid_checksum(content) and content["files"] == _sums(prefix)  # any size, if forged
        return checkpoint if valid else None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    except OSError as error:
        raise UserError(f"{prefix}.* cannot be read ({error.strerror}); make it readable and try again") from None


def files_of(prefix):
    """The files of a checkpoint, the manifest last."""
    return [prefix.with_name(prefix.name + suffix) for suffix in SUFFIXES]


def prefix_of(path):
    """The prefix of the checkpoint that a path is a file of, by its name; None for any other."""
    suffix = next((each for each in (*SUFFIXES, META) if path.name.endswith(each)), None)
    prefix = path.with_name(path.name.removesuffix(suffix)) if suffix else None
    return prefix if suffix and step_of(prefix) is not None else None


def is_ours(prefix):
    """Whether a run saved the checkpoint, whole or not: another program writes no manifest, and mostly a .meta."""
    return files_of(prefix)[-1].is_file() and not prefix.with_name(prefix.name + META).exists()


def step_of(prefix):
    """The step in a prefix such as `generator.ckpt-<step>` or `step-<step>/state`, or None for any other name."""
    name = prefix.parent.name if prefix.name == "state" else prefix.name
    kinds = "|".join(map(re.escape, ("step", *GENERATORS.values())))
    match = re.fullmatch(rf"(?:{kinds})-(0|[1-9][0-9]*)", name)
    return int(match[1]) if match else None


def _sums(prefix):
    """The sizes and SHA-256 of a checkpoint's files besides the manifest, by name."""
    sums = {}
    for path in files_of(prefix)[:-1]:
        if not path.is_file():  # a named pipe would block
            raise FileNotFoundError(path)
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(partial(file.read, BLOCK), b""):
                digest.update(block)
            sums[path.name] = {"bytes": file.tell(), "sha256": digest.hexdigest()}
    return sums
