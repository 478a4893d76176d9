"""Tensors on disk: generator-only checkpoints, and the whole state of training for a resume.

Beside the files of each checkpoint lies a manifest with their sizes and SHA-256, and its own, written last: a
checkpoint whose manifest is missing or does not fit is not one. The newest that verifies is used.

A checkpoint is written to a folder of its own, fsynced, and renamed into place; only then are older ones deleted. A
kill at any moment leaves the last checkpoint intact, and partial files that `run_folder.remove_partials` and
`forget_after` delete.
"""

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tfgan_v1._tensorflow import reason, tells_of_full_disk, tf
from tfgan_v1.errors import DiskFull, UserError, warn
from tfgan_v1.storage import checkpoint_index
from tfgan_v1.storage.files import PARTIAL, has_valid_checksum, read_json, replacing, sync, to_json
from tfgan_v1.storage.run_folder import GENERATOR, LATEST, STATE, SUFFIXES

KEEP_GENERATORS = 5
KEEP_STATES = 2


class Checkpoint(NamedTuple):
    """A checkpoint that verified."""

    step: int
    prefix: Path  # what a Saver restores from
    facts: dict  # what else was saved with it


class Saver(NamedTuple):
    """TensorFlow's Saver, and the variables that it saves."""

    saver: tf.train.Saver
    variables: list


def make_saver(variables):
    """A Saver over the variables. It deletes no older checkpoints: `save_generator` and `save_state` do."""
    return Saver(tf.train.Saver(variables, max_to_keep=0, save_relative_paths=True), variables)


def save_generator(saver, session, folder, step):
    """Saves `generator.ckpt-<step>` in a run's checkpoint folder, and keeps the newest KEEP_GENERATORS of them."""
    if _verified(folder / f"{GENERATOR}-{step}"):
        return
    with _written_beside(saver, session, folder, f"{GENERATOR}-{step}", step, {}) as partial:
        for path in _files(partial / f"{GENERATOR}-{step}"):
            os.replace(path, folder / path.name)
        os.replace(partial / LATEST, folder / LATEST)  # names the newest to tf.train.latest_checkpoint
    sync(folder)
    for old in [prefix for prefix in _generators(folder) if _step(prefix) <= step][KEEP_GENERATORS:]:
        _remove(old)


def save_state(saver, session, folder, step, facts):
    """Saves the whole state as `train_state/step-<step>/state`, with facts that belong to it (a dict for JSON).

    Keeps the newest KEEP_STATES of them.
    """
    target = folder / STATE / f"step-{step}"
    there = _verified(target / "state")
    if there:
        if there.facts != facts:  # its tensors are those of the step, and stay
            _write_manifest(target / "state", step, facts)
        return
    target.parent.mkdir(exist_ok=True)
    with _written_beside(saver, session, target.parent, "state", step, facts) as partial:
        shutil.rmtree(target, ignore_errors=True)  # did not verify
        os.rename(partial, target)
        sync(target.parent)
    for old in _states(folder)[KEEP_STATES:]:
        _remove_state(old)


def forget_after(folder, step):
    """Removes what is of later steps: a run that goes on from `step` has not been there yet.

    A state among it did not verify, or the run would go on from there. And what is left of generators whose saving or
    removal a kill cut off.
    """
    for state in _states(folder):
        if _step(state.parent) > step:
            _remove_state(state)
    left = [prefix for prefix in _generators(folder) if _step(prefix) <= step]
    if left:  # as the Saver writes it
        with replacing(folder / LATEST) as partial:
            partial.write_text(
                f'model_checkpoint_path: "{left[0].name}"\nall_model_checkpoint_paths: "{left[0].name}"\n'
            )
    else:
        (folder / LATEST).unlink(missing_ok=True)
    for suffix in SUFFIXES:
        for prefix in _newest_first(
            path.with_name(path.name.removesuffix(suffix)) for path in folder.glob(f"{GENERATOR}-*{suffix}")
        ):
            if prefix not in left:
                _remove(prefix)


def newest_generator(folder):
    """The Checkpoint of the newest generator in a run's folder. Raises UserError if there is none that verifies."""
    checkpoint = _newest(_generators(folder))
    if checkpoint is None:
        raise UserError(f"{folder} holds no whole generator checkpoint; `train.py --resume` saves one")
    return checkpoint


def newest_state(folder):
    """The Checkpoint of the newest training state in a run's folder, or None if none was ever saved.

    Raises UserError if some were, and none verifies.
    """
    checkpoint = _newest(_states(folder))
    if checkpoint is None and (_states(folder) or _generators(folder)):  # a state is saved before any generator
        raise UserError(f"no state in {folder / STATE} is whole; restore it from a copy, or begin anew by --overwrite")
    return checkpoint


def restore(saver, session, checkpoint, *, part=False):
    """Restores the Saver's variables. Raises UserError if the checkpoint is not one of exactly these.

    part: the checkpoint may hold others, too. TensorFlow reads it only after names, shapes and types have been checked.
    """
    there = checkpoint_index.entries(checkpoint.prefix)
    wanted = {
        variable.op.name: checkpoint_index.Entry(tuple(variable.shape.as_list()), variable.dtype.base_dtype.name)
        for variable in saver.variables
    }
    for name in sorted({*([] if part else there), *wanted}):
        if there.get(name) != wanted.get(name):
            raise UserError(
                f"{checkpoint.prefix} is another model's: {name} is {_said(there.get(name))} in it, and "
                f"{_said(wanted.get(name))} by the configuration"
            )
    with _free_of_patterns(checkpoint.prefix.parent) as folder:
        try:
            saver.saver.restore(session, str(folder / checkpoint.prefix.name))
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise UserError(f"{checkpoint.prefix} cannot be read ({reason(error)})") from None


def _said(entry):
    return f"{entry.dtype} {list(entry.shape)}" if entry else "not there"


@contextmanager
def _written_beside(saver, session, folder, name, step, facts):
    """Yields a folder inside `folder` with the checkpoint `name` and its manifest in it, whole and on the disk."""
    partial = folder / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    prefix = partial / name
    try:
        with _free_of_patterns(partial) as alias:
            saver.saver.save(session, str(alias / name), write_meta_graph=False)
        for path in _files(prefix)[:-1]:
            sync(path)
        _write_manifest(prefix, step, facts)
        sync(partial)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise (DiskFull if tells_of_full_disk(error) else UserError)(
            f"no checkpoint could be written to {folder} ({reason(error)}); give it room or another folder, "
            "then --resume goes on from the last state saved"
        ) from None
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_manifest(prefix, step, facts):
    with replacing(_files(prefix)[-1]) as manifest:
        manifest.write_text(to_json({"step": step, "facts": facts, "files": _sums(prefix)}))


@contextmanager
def _free_of_patterns(folder):
    """The folder under a name that TensorFlow, which takes paths for glob patterns, cannot misread."""
    if not set("*?[]{}\\") & set(folder.as_posix()):
        yield folder
        return
    with tempfile.TemporaryDirectory() as parent:
        alias = Path(parent, "folder")
        alias.symlink_to(folder.resolve(), target_is_directory=True)
        yield alias


def _newest(prefixes):
    """The Checkpoint of the first of the prefixes, newest first, that verifies; None if there is none."""
    for position, prefix in enumerate(prefixes):
        checkpoint = _verified(prefix)
        if checkpoint:
            if position:
                warn(f"{prefixes[0]} is damaged, so {prefix} takes its place")
            return checkpoint
    return None


def _verified(prefix):
    """The Checkpoint with this prefix, if its files are there and are what its manifest says; otherwise None."""
    step = _step(prefix.parent if prefix.name == "state" else prefix)
    try:
        content = read_json(_files(prefix)[-1])
        whole = has_valid_checksum(content) and content["step"] == step and content["files"] == _sums(prefix)
        return Checkpoint(step, prefix, content["facts"]) if whole and isinstance(content["facts"], dict) else None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    except OSError as error:  # it may be whole, and must not be passed over
        raise UserError(f"{prefix}.* cannot be read ({error.strerror}); see that it can, and try again") from None


def _sums(prefix):
    """What a manifest says of the files beside it."""
    sums = {}
    for path in _files(prefix)[:-1]:
        if not path.is_file():  # but a pipe, say, which would be waited for
            raise FileNotFoundError(path)
        content = path.read_bytes()
        sums[path.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return sums


def _files(prefix):
    """The files of a checkpoint, in the order in which they are put in place: the manifest last."""
    return [prefix.with_name(prefix.name + suffix) for suffix in SUFFIXES]


def _remove(prefix):
    for path in reversed(_files(prefix)):  # the manifest first: without it the rest is no checkpoint
        path.unlink(missing_ok=True)


def _remove_state(prefix):
    partial = prefix.parent.with_name(PARTIAL)
    os.rename(prefix.parent, partial)  # so that no half of it is ever taken for a state
    shutil.rmtree(partial)


def _generators(folder):
    """The prefixes of the generator checkpoints in a run's folder, newest first."""
    return _newest_first(path.with_suffix("") for path in folder.glob(f"{GENERATOR}-*.json"))


def _states(folder):
    """The prefixes of the training states in a run's folder, newest first."""
    return [path / "state" for path in _newest_first((folder / STATE).glob("step-*"))]


def _newest_first(paths):
    return sorted((path for path in paths if _step(path) is not None), key=_step, reverse=True)


def _step(path):
    """The step in the name of a state's folder or a generator's prefix, or None: then it is not ours."""
    match = re.fullmatch(rf"(?:step|{re.escape(GENERATOR)})-(0|[1-9][0-9]*)", path.name)
    return int(match[1]) if match else None
