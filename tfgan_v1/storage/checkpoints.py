"""Tensors on disk: generator checkpoints, and the whole state of training for a resume.

The newest checkpoint of the folder's own run that its manifest verifies is used.

A checkpoint is written to a folder of its own, fsynced, and renamed into place; only then are older ones deleted. A
kill at any moment leaves the last checkpoint intact, and partial files that `run_folder.remove_partials` and
`remove_after` delete. What has no manifest is another program's, and stays.
"""

from contextlib import contextmanager, nullcontext
from numbers import Integral
from typing import Any, NamedTuple

from tfgan_v1 import files
from tfgan_v1._tensorflow import reason, tells_of_full_disk, tf
from tfgan_v1.config import Config
from tfgan_v1.errors import DiskFull, UserError, brief, warn
from tfgan_v1.files import PARTIAL_FOLDER, sync
from tfgan_v1.storage import checkpoint_index, manifest
from tfgan_v1.storage.names import CONFIG, GENERATORS, LATEST, STATE, check_kind
from tfgan_v1.storage.run_folder import read

KEEP_GENERATORS = 5
KEEP_STATES = 2
MISSING = {  # kind of generator -> how a run saves it
    "average": "train with --average 0.999 to keep one",
    "best": "train with --evaluate-every N to keep one",
}


class Saver(NamedTuple):
    """TensorFlow's Saver, the variables that it saves, and the id of their run."""

    tf_saver: Any  # a tf.train.Saver
    variables: dict  # by their names in a checkpoint
    run_id: str = ""


def make_saver(variables, run_id=""):
    """A Saver of the variables, a list, or a dict by their names in a checkpoint. To restore, it needs no run_id."""
    named = variables if isinstance(variables, dict) else {variable.op.name: variable for variable in variables}
    tf_saver = tf.train.Saver(variables, max_to_keep=0, save_relative_paths=True)  # 0: see save_generator, save_state
    return Saver(tf_saver, named, run_id)


def save_generator(saver, session, folder, step, kind="latest"):
    """Saves a generator, of a kind in names.GENERATORS, and keeps the newest KEEP_GENERATORS of its kind."""
    name = f"{GENERATORS[kind]}-{step}"
    saved = manifest.verified(folder / name)
    if saved and saved.run_id == saver.run_id:
        return
    with _new_checkpoint(saver, session, folder, name, step, {}) as partial:
        for path in reversed(manifest.files_of(partial / name)):  # the manifest first: it says that the rest is ours
            files.move(path, folder / path.name)
        if kind == "latest":
            files.move(partial / LATEST, folder / LATEST)
    sync(folder)
    for old in [prefix for prefix in _generators(folder, kind) if manifest.step_of(prefix) <= step][KEEP_GENERATORS:]:
        _remove_generator(old)


def save_state(saver, session, folder, step, facts):
    """Saves the state of training and its facts, a dict for JSON, and keeps the newest KEEP_STATES."""
    target = folder / STATE / f"step-{step}"
    saved = manifest.verified(target / "state")
    if saved and saved.run_id == saver.run_id:
        if saved.facts != facts:  # the tensors are those of the step already
            manifest.write(target / "state", saver.run_id, step, facts)
        return
    files.make_folder(target.parent)
    with _new_checkpoint(saver, session, target.parent, "state", step, facts) as partial:
        files.discard(target)  # damaged, or another run's
        files.move(partial, target)
        sync(target.parent)
    for old in _states(folder)[KEEP_STATES:]:
        _remove_state(old)


def remove_after(folder, step):
    """Removes the checkpoints of later steps, for a run that continues from `step`, and what a killed removal left.

    Any later state is damaged or another run's; otherwise the resume would have used it.
    """
    for state in _states(folder):
        if manifest.step_of(state) > step:
            _remove_state(state)
    for kind in GENERATORS:
        prefixes = _generators(folder, kind)
        kept = [prefix for prefix in prefixes if manifest.step_of(prefix) <= step][:KEEP_GENERATORS]
        if kind == "latest" and not kept:
            files.remove(folder / LATEST)
        elif kind == "latest":  # names it to tf.train.latest_checkpoint, in the Saver's own format
            name = kept[0].name
            files.write(folder / LATEST, f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n')
        for prefix in prefixes:
            if prefix not in kept:
                _remove_generator(prefix)


def newest_generator(folder, kind="latest", step=None):
    """The Checkpoint of the newest generator of a kind in a run's folder, or of that of a step.

    Raises UserError if there is none that can be used.
    """
    check_kind(kind)
    prefixes = _generators(folder, kind)
    if step is not None and prefixes:
        by_step = {manifest.step_of(prefix): prefix for prefix in prefixes}
        if not isinstance(step, Integral) or step not in by_step:
            raise UserError(
                f"{folder} has no {kind} generator of step {brief(step)}; it keeps the last {KEEP_GENERATORS}, and has "
                f"those of {', '.join(map(str, sorted(by_step)))}"
            )
        prefixes = [by_step[step]]
    checkpoint, problems = _newest(folder, prefixes)
    if checkpoint:
        return checkpoint
    if kind != "latest" and not problems:
        raise UserError(f"{folder} has no {kind} generator: {MISSING[kind]}, or use --generator latest")
    raise UserError(
        f"{folder} has no generator checkpoint to use{problems}; continue the run with --resume to save one"
    )


def newest_state(folder):
    """The Checkpoint of the newest training state in a run's folder, or None if the run has not saved any yet.

    Raises UserError if it has, and none can be used.
    """
    states = _states(folder)
    checkpoint, problems = _newest(folder, states)
    if checkpoint is None and (states or _generators(folder)):  # a state is saved before any generator
        advice = "restore one from a copy, or start again with --overwrite"
        raise UserError(f"{folder / STATE} has no state to continue from{problems}; {advice}")
    return checkpoint


def states(folder):
    """The Checkpoints of all training states in a run's folder, the newest first. UserError if one is damaged."""
    run_id, found = read(Config(ckpt=folder)).run_id, [(each, manifest.verified(each)) for each in _states(folder)]
    for prefix, state in found:
        if not state or state.run_id != run_id:
            raise UserError(f"{prefix} is damaged or another run's: it does not match its checksums; restore a copy")
    if not found:
        raise UserError(f"{folder / STATE} holds no state of training; name a run's whole folder")
    return [state for _, state in found]


def generator_alone(folder):
    """The Checkpoint of the newest generator in a run's folder that has no training state; None if it has one."""
    return newest_generator(folder) if _generators(folder) and not _states(folder) else None


def restore(saver, session, checkpoint, *, part=False):
    """Restores the Saver's variables. Raises UserError unless the checkpoint holds these, and without `part` no others.

    TensorFlow reads it only after names, shapes and types have been checked.
    """
    saved = checkpoint_index.entries(checkpoint.prefix)
    wanted = {
        name: checkpoint_index.Entry(tuple(variable.shape.as_list()), variable.dtype.base_dtype.name)
        for name, variable in saver.variables.items()
    }
    for name in sorted({*([] if part else saved), *wanted}):
        if saved.get(name) != wanted.get(name):
            raise UserError(
                f"{checkpoint.prefix} does not fit this configuration: {name} is {_described(saved.get(name))} there "
                f"and {_described(wanted.get(name))} here; use that run's model, and what shapes its networks: "
                "--noise-size, --image-size, --spectral-norm, --pack, --conditional or --clusters, and the classes"
            )
    with path_without_globs(checkpoint.prefix.parent) as folder:
        try:
            saver.tf_saver.restore(session, str(folder / checkpoint.prefix.name))
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise UserError(f"{checkpoint.prefix} cannot be read ({reason(error)})") from None


def _described(entry):
    return f"{entry.dtype} {list(entry.shape)}" if entry else "missing"


@contextmanager
def _new_checkpoint(saver, session, folder, name, step, facts):
    """Yields a temporary folder inside `folder` that holds the whole checkpoint `name`, manifest and all, fsynced."""
    partial = folder / PARTIAL_FOLDER
    files.make_anew(partial)
    prefix = partial / name
    try:
        with path_without_globs(partial) as alias:
            saver.tf_saver.save(session, str(alias / name), write_meta_graph=False)
        for path in manifest.files_of(prefix)[:-1]:
            sync(path)
        manifest.write(prefix, saver.run_id, step, facts)
        sync(partial)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        files.discard(partial)
        kind, advice = (DiskFull, "free some space") if tells_of_full_disk(error) else (UserError, "check the disk")
        raise kind(
            f"no checkpoint could be written to {folder} ({reason(error)}); {advice}, then --resume continues from the "
            "last saved state"
        ) from None
    try:
        yield partial
    finally:
        files.discard(partial)


@contextmanager
def path_without_globs(folder):
    """A path of the folder without special characters, for TensorFlow takes paths as glob patterns."""
    has_some = set("*?[]{}\\") & set(folder.as_posix())
    with files.alias_of(folder) if has_some else nullcontext(folder) as path:
        yield path


def _newest(folder, prefixes):
    """(the first Checkpoint of the folder's run among prefixes, or None; then why there is none, in brackets)."""
    run_id, problems = read(Config(ckpt=folder)).run_id, []
    for prefix in prefixes:
        checkpoint = manifest.verified(prefix)
        if checkpoint and checkpoint.run_id == run_id:
            if problems:
                warn(f"{', and '.join(problems)}; using {prefix} instead")
            return checkpoint, ""
        problems.append(f"{prefix} {f'belongs to another run than {CONFIG}' if checkpoint else 'is damaged'}")
    return None, f" ({', and '.join(problems)})" if problems else ""


def _remove_generator(prefix):
    for path in manifest.files_of(prefix) if manifest.is_ours(prefix) else ():
        files.remove(path)


def _remove_state(prefix):
    partial = prefix.parent.with_name(PARTIAL_FOLDER)
    files.move(prefix.parent, partial)  # so that half of it is never used as a state
    files.remove(partial)


def _generators(folder, kind="latest"):
    return _newest_first(path.with_suffix("") for path in folder.glob(f"{GENERATORS[kind]}-*.json"))


def _states(folder):
    return _newest_first(path / "state" for path in (folder / STATE).glob("step-*"))


def _newest_first(prefixes):
    """The prefixes of checkpoints among these, by their steps."""
    return sorted((each for each in prefixes if manifest.step_of(each) is not None), key=manifest.step_of, reverse=True)
