"""Digests of a run's state: one line for each sampling step, by which two machines find the first step that differs."""

import hashlib
import re
from pathlib import Path

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.storage import names, records

HEADER = ("step", "epoch", "generator", "discriminator", "state")


def sha256(values):
    """The SHA-256 of arrays, a dict by name, in its order: of names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in values.items():
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value))
    return digest.hexdigest()


def as_digest(text):
    """The digest in a cell. Raises ValueError if there is none."""
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError("a cell is not a SHA-256")
    return text


def read(path, advice=f"name a run's samples folder, or its {names.DIGESTS}"):
    """{step: row} of a file of digests, or of the one in a samples folder. Raises UserError if there is none."""
    path = Path(path)
    path = path / names.DIGESTS if path.is_dir() else path
    if not path.exists():
        raise UserError(f"there is no {path}; {advice}")
    rows = {row[0]: row for row in records.read_table(path, HEADER, float("inf"), cell=as_digest)}
    if not rows:
        raise UserError(f"{path} has no digests yet; a run writes them when it draws samples")
    return rows


def first_difference(rows, others):
    """(steps that both have, the first that differs, the columns that differ there); no step if all are equal."""
    steps = sorted(rows.keys() & others.keys())
    for step in steps:
        pairs = zip(HEADER[2:], rows[step][2:], others[step][2:], strict=True)
        if different := [name for name, digest, other in pairs if digest != other]:
            return steps, step, different
    return steps, None, []
