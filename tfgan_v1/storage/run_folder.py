"""A run's two folders: whether it may start there, its lock, and config.json."""

import errno
import itertools
import os
import platform
import re
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import __version__, files
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import RUN_PLACES, Config, is_name
from tfgan_v1.config.options import flag
from tfgan_v1.data import DATASETS, LARGEST_SIDE
from tfgan_v1.errors import UserError, warn
from tfgan_v1.storage import foreign, manifest, names
from tfgan_v1.storage.names import CONFIG, FOLDERS

FORMAT = 4  # of config.json
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # NFS without its lock daemon, Lustre
MOST_NAMED = 10  # runs in an error
MARKS = ({"format", "made_by"}, {"run_id", "facts"}, {"sample_steps", "reads_as"})  # keys of a run's JSON files
PATHS = ("data_dir", "dataset", "labels", "weights")  # options that may name a file or folder
_COUNT, _SIDE, _WIDE = range(2**40), range(1, LARGEST_SIDE + 1), range(1, 2**24)
PARTS = ("model", "loss", "d_optimizer", "g_optimizer", "images")
_DATA = {"name": str, "num_images": _COUNT, "image_shape": ([_SIDE, _SIDE, (1, 3)], [_WIDE]), "sha256": str}
_DATA |= {"labels_sha256?": str, "classes?": [str, ...], "class_counts?": [_COUNT, ...]}
FORMS = {"made_by": {...: (str, int)}, "run_id": str, "custom": [PARTS, ...], "data": _DATA}  # see files.fits


class Saved(NamedTuple):
    """The content of config.json."""

    config: Config
    data: dict[str, Any]  # see run_data.metadata
    made_by: dict[str, Any]  # see progress.made_by
    run_id: str  # also in the manifest of each checkpoint
    custom: Sequence[str] = ()  # names of the custom parts passed in Python: "model", "images"
    numbered: bool = False  # whether the run got its name, such as mlp-2, because others were there

    @property
    def imported(self):
        """Whether its generator is another program's, of unknown data; a folder of images may have any name."""
        return self.data.get("num_images") == 0


def check_can_start(config, resume, overwrite, custom=()):
    """Raises UserError, or OSError, unless a run with this configuration may start in its folders. Leaves no trace.

    custom: names of the custom parts passed in Python. Returns the Saved of the run to resume, otherwise None.
    """
    if resume and overwrite:
        raise UserError("--resume continues a run and --overwrite deletes it; give one of them")
    # A run's name must not be a file's name in the folder above, where another run may be.
    name, used = (config.name or "run").casefold(), (*names.CKPT_FILES, *names.SAMPLES_FILES, *names.OUTPUTS)
    if name.startswith(".") or any(fnmatch(name, pattern) for pattern in used):
        raise UserError(f"--name {config.name} is reserved for the files of a run; choose another")
    saved = read(config) if resume else None
    ours, others = _run_files(config)
    if others:
        raise UserError(_about_others(others))
    if saved and saved.imported:
        start = f"start a run from it with --weights {config.ckpt_folder}"
        raise UserError(f"{config.ckpt_folder} holds an imported generator without a discriminator; {start}")
    if saved:
        check_same_run(saved.config, config)
        check_same_parts(saved, custom, f"train(config, resume=True, {_arguments(saved.custom)})")
    elif ours and not overwrite:
        raise UserError(_about_run(config, ours[0]))
    for folder in (config.ckpt_folder, config.samples_folder):
        files.check_writable(folder)
    return saved


def _about_others(paths):
    """The error for links, and for files of another program that have the names of a run's."""
    elsewhere = "start the run elsewhere with --name NAME, or with --ckpt and --samples"
    link = next((each for path in paths for each in (path, *path.glob("step-*")) if each.is_symlink()), None)
    if link:
        return f"{link} is a link, behind which nothing is written or deleted; remove the link, or {elsewhere}"
    folder = paths[0].parent
    shown = [path.name for path in paths if path.parent == folder]
    listed = f"{', '.join(shown[:4])}{', ...' if shown[4:] else ''}"
    why = "with names that a run would use; they stay as they are"
    return f"{folder} holds files of another program ({listed}) {why}: {elsewhere}, or move them away"


def _about_run(config, path):
    """The error for a run's files in the folders, of which `path` is the first."""
    run, advice = f"run ({path.name})", "continue it with --resume"
    if not any(_sorted_out(config.ckpt_folder, names.CKPT_FILES, names.CKPT_PROOFS)):
        run, advice = f"run's records ({path.name})", "name another folder with --samples"
    elif path.name != CONFIG:
        run += f" but its {CONFIG} is missing"
        advice = f"restore {CONFIG} from a copy to continue with --resume"
    ways_out = "start another run with --name NAME, or delete this one with --overwrite"
    return f"{path.parent} already holds a {run}; {advice}, {ways_out}"


def holds_run(config):
    """Whether one of the two folders holds files of a run."""
    return bool(_run_files(config)[0])


def runs(config):
    """A Config for each run in the folders of `config`, with or without a name: the last is the newest.

    A run is as new as its last start or resume.
    """
    names_ = (path.parent.name for path in Path(config.ckpt).glob(f"*/{CONFIG}"))
    found = [config.replace(name=name) for name in (None, *names_) if name is None or is_name(name)]
    begun = [run for run in found if (run.ckpt_folder / CONFIG).is_file()]
    return sorted(begun, key=lambda run: (run.ckpt_folder / CONFIG).stat().st_mtime)


def newest(config):
    """The Config of the newest run that was started without a name in the folders of `config`; itself without one."""
    return next((run for run in reversed(runs(config)) if run.name is None or _is_numbered(run)), config)


def _is_numbered(config):
    try:
        return read(config).numbered
    except UserError:  # it is damaged
        return False


def is_taken(config):
    """Whether another run is in the folders of `config`, or starts there just now."""
    return holds_run(config) or any(map(is_locked, (config.ckpt_folder, config.samples_folder)))


def is_locked(folder):
    """Whether a process trains in a folder."""
    from filelock import Timeout

    try:
        with _lock(folder) if (folder / names.LOCK).exists() else nullcontext():
            return False
    except Timeout:
        return True


def next_name(config):
    """The name of the next run that is started without one: mlp-2 after the first, whose folders have no name."""
    named = (config.replace(name=f"{config.model}-{number}") for number in itertools.count(2))
    return next(each.name for each in named if not is_taken(each))


def check_same_run(saved, config):
    """Raises UserError if `config` differs from the saved one in an option that affects the results so far."""
    fixed = [each.name for each in fields(Config) if not each.metadata["resumable"]]
    if config.xla == Config.xla:  # open: make_plan decides it
        fixed.remove("xla")
    rows = [(flag(name), getattr(saved, name), getattr(config, name)) for name in fixed]
    rows = [row for row in rows if row[1] != row[2]]
    if rows:
        sentence = "started with other options; keep them, or start another run with --name NAME"
        raise UserError(f"the run in {config.ckpt_folder} {sentence}", *side_by_side(rows))


def side_by_side(rows):
    """The lines of a table with the old and new values of options: rows (name, old, new)."""
    cells = [("", "then", "now"), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["".join(f"  {cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def check_same_parts(saved, custom, call):
    """Raises UserError unless the custom parts are those that the run started with. call: how to pass them."""
    if set(custom) == set(saved.custom):
        return
    parts = ["images from an array" if part == "images" else f"a custom {part}" for part in saved.custom]
    started, advice = " and ".join(parts), f"pass the same in Python: {call}"
    if not parts:
        started = "the built-in networks, loss and optimizers, and the images that its options name"
        advice = f"leave out {_arguments(custom)}"
    raise UserError(f"the run in {saved.config.ckpt_folder} started with {started}; {advice}")


def _arguments(custom):
    return ", ".join(f"{part}=..." for part in custom)


@contextmanager
def locked(config):
    """Creates the run's folders and keeps other trainers out of them, until the end or the death of the process.

    After an error, it removes the folders that it has created, if they hold nothing but the lock.
    """
    from filelock import Timeout

    with ExitStack() as locks:
        folders = dict.fromkeys(folder.resolve() for folder in (config.ckpt_folder, config.samples_folder))
        for folder in folders:
            made = [path for path in (folder, *folder.parents) if not path.exists()]
            locks.push(lambda error, *_, made=made: _remove_empty(made if error else ()))
            files.make_folder(folder)
            try:
                locks.enter_context(_lock(folder))
            except Timeout:
                made.clear()  # what is there is of the other process
                advice = "wait for it, or start another run with --name NAME"
                held = f", or remove {folder / names.HELD} if it was killed" * (folder / names.HELD).exists()
                raise UserError(f"another process is training in {folder}; {advice}{held}") from None
        if held := [str(folder / names.HELD) for folder in folders if (folder / names.HELD).exists()]:
            warn(f"no locks on this file system, so {' and '.join(held)} keep others out; remove them after a kill")
        yield


def _lock(folder):
    """The lock of a folder, held: for a with block. Raises filelock.Timeout if another process holds it.

    It ends with the process; where the file system has no such locks, it is a file, which a killed process leaves.
    """
    from filelock import FileLock, SoftFileLock

    path = folder / names.LOCK
    if path.is_symlink():
        raise UserError(f"{path} is a link, behind which nothing is written; remove the link")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # that filelock takes a file, which may be the one of the lock
            return FileLock(path, timeout=0).acquire()
    except (OSError, NotImplementedError, UserWarning) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
    return SoftFileLock(folder / names.HELD, timeout=0).acquire()


def _remove_empty(folders):
    """Removes folders, each in the next, if nothing is in them but the lock."""
    with suppress(OSError):
        for folder in folders:
            if os.listdir(folder) == [names.LOCK]:
                files.remove(folder / names.LOCK)
            files.remove_if_empty(folder)


def clear(config):
    """Removes the files of an earlier run from the folders, and nothing else."""
    _remove_files(_run_files(config)[0])


@contextmanager
def undone(config):
    """For the start of a new run, in whose folders is no other: if it fails, its files are removed."""
    try:
        yield
    except BaseException:
        remove_partials(config)
        _remove_files(_found(config.ckpt_folder, names.CKPT_FILES) + _found(config.samples_folder, names.SAMPLES_FILES))
        raise


def _remove_files(paths):
    last = (CONFIG, *names.SAMPLES_PROOFS)  # so that after a kill the rest is still known as a run's
    for path in sorted(paths, key=lambda path: path.name in last):
        if path.name not in FOLDERS:
            files.remove(path)
            continue
        for each in path.iterdir():
            if re.fullmatch(FOLDERS[path.name], each.name):
                files.remove(each)
        files.remove_if_empty(path)  # another program may have files in it


def remove_partials(config):
    """Removes what a killed run left half-written in the folders, and nothing else."""
    for path in _found(config.ckpt_folder, names.CKPT_LEFTOVERS) + _found(
        config.samples_folder, names.SAMPLES_LEFTOVERS
    ):
        files.remove(path)


def made_by():
    """What affects the exact bits of a run besides its configuration: versions of packages, and the machine."""
    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "numpy": np.__version__}
    return {"tfgan_v1": __version__, **versions, "processor": platform.machine(), "threads": threads()}


def threads():
    """How many threads TensorFlow uses for an operation on the CPU."""
    wanted = tf.config.threading.get_intra_op_parallelism_threads(), os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if chosen := next((int(each) for each in map(str, wanted) if each.isdecimal() and int(each)), 0):
        return chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def write(saved):
    """Writes a Saved to config.json."""
    config = saved.config
    values = {name: value for name, value in config.values().items() if name not in RUN_PLACES}
    for name in PATHS:
        if values[name] is not None and (name != "dataset" or values[name] not in DATASETS):
            values[name] = os.path.abspath(values[name])
    content = {"format": FORMAT, **saved._asdict(), "config": values, "custom": list(saved.custom)}
    files.write(config.ckpt_folder / CONFIG, files.to_json(content))


def read(config, by="--ckpt"):
    """The Saved in the checkpoint folder of `config`, with the folders of `config`.

    by: the flag that names the folder. Raises UserError if it has no config.json or a damaged one.
    """
    folder = config.ckpt_folder
    path = folder / CONFIG
    what, advice = (not path.is_file() and foreign.weights(folder)) or ("", f"name a run's folder with {by}")
    if not folder.is_dir():
        if folder.is_file() or what:
            raise UserError(f"{folder} is {what or 'a file'} and no run's folder; {advice}")
        if (config.ckpt_folder.parent / Config.ckpt / folder.name / CONFIG).is_file():
            raise UserError(f"there is no folder {folder}; did you mean {folder.parent / Config.ckpt / folder.name}?")
        named = [run.name for run in runs(config) if run.name] if config.name else []
        known = f"the names are {', '.join(named[-MOST_NAMED:])}"
        raise UserError(f"there is no folder {folder}; {known if named else advice}, or train one first")
    if not path.is_file():
        ours, others = _sorted_out(folder, names.CKPT_FILES, names.CKPT_PROOFS)
        if ours:
            raise UserError(
                f"{folder} holds a run ({ours[0].name}) but its {CONFIG} is missing; restore {CONFIG} from a copy, "
                f"name another folder with {by}, or train again with --overwrite"
            )
        what = what or (f"{foreign.CHECKPOINT} ({others[0].name})" if others else "")
        named = ", ".join(str(run.name) for run in runs(Config(ckpt=folder))[-MOST_NAMED:])
        advice = f"give one of its runs as --name: {named}" if named else advice
        raise UserError(f"{folder} holds {what and f'{what} and '}no run: it has no {CONFIG}; {advice}")
    try:
        content = files.read_json(path)
        if content["format"] != FORMAT:
            version = dict(content["made_by"])["tfgan_v1"]
            use = f"use tfgan_v1 {version}, which wrote it, or train again with --overwrite"
            raise UserError(f"it has format {content['format']!r}, and this version reads {FORMAT}; {use}")
        if not files.has_valid_checksum(content):
            raise UserError("it was changed or damaged after it was written; restore it from a copy")
        config = Config(**{**content["config"], **{name: getattr(config, name) for name in RUN_PLACES}})
        right = files.fits(content, FORMS)
        classes, counts = (right and content["data"].get(name, []) for name in ("classes", "class_counts"))
        if not right or len({*classes}) != len(counts) or config.conditional != (sum(counts) > 0):
            raise ValueError("a value is not what a run writes there")
        return Saved(config, *(content[name] for name in Saved._fields[1:-1]), content.get("numbered") is True)
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy") from None


def _run_files(config):
    """`_sorted_out` of both folders."""
    ours, others = _sorted_out(config.ckpt_folder, names.CKPT_FILES, names.CKPT_PROOFS)
    records, other_records = _sorted_out(config.samples_folder, names.SAMPLES_FILES, names.SAMPLES_PROOFS)
    images = [path for path in _found(config.samples_folder, [names.REAL_IMAGES]) if not _says_ours(path)]
    return ours + records, others + other_records + images


def _says_ours(path):
    if not path.is_file() or path.is_symlink():
        return False
    with open(path, "rb") as file:
        return bool(names.SAYS_OURS.search(file.read(1000)))


def check_outputs(paths):
    """Raises UserError if there is a file with one of these names that is not ours to replace.

    The user did not name these files. Ours say that they are, or are the records of a run, in its samples folder.
    """
    for path in paths:
        proofs = names.SAMPLES_PROOFS if path.name in names.SAMPLES_FILES else ()
        ours = any(_is_proof(path.with_name(name)) for name in proofs) or _says_ours(path)
        if not ours and (path.exists() or path.is_symlink()):
            raise UserError(f"{path} is there and not of this program; move it away, or name another place with --out")


def _sorted_out(folder, patterns, proofs):
    """(what a run wrote into a folder, what is there under the name of a run's file and is not a run's)."""
    found, proven = _found(folder, patterns), any(map(_is_proof, _found(folder, proofs)))
    ours = [path for path in found if proven and _is_ours(path)]
    there = (path for path in found if path.exists() or path.is_symlink())  # the trainer here may just have removed it
    return ours, [path for path in there if path not in ours]


def _is_proof(path):
    """Whether a run of any version wrote a file of CKPT_PROOFS or SAMPLES_PROOFS; it may have been changed since."""
    try:
        if path.name == names.LOSSES and path.is_file():
            with open(path, "rb") as file:
                return file.read(25) == b"step,epoch,d_loss,g_loss,"
        content = files.read_json(path)
        return isinstance(content, dict) and any(mark <= content.keys() for mark in MARKS)
    except (OSError, ValueError, RecursionError):
        return False


def _is_ours(path):
    """Whether a path with the name of a run's file, in a folder of a run, is the run's own. No folder may be a link."""
    if path.name in FOLDERS:
        return path.is_dir() and not any(each.is_symlink() for each in (path, *path.glob("step-*")))
    if path.name == names.LATEST and path.is_file():
        with open(path, "rb") as file:
            return not re.match(rb'model_checkpoint_path: "(?!generator\.ckpt-[0-9])', file.read(100))
    prefix = manifest.prefix_of(path)
    return not path.is_dir() and (prefix is None or manifest.is_ours(prefix))


def _found(folder, patterns):
    """The paths in a folder that match glob patterns, in their order, without a checkpoint of no step, such as "-x"."""
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    return [path for path in paths if "ckpt-" not in path.name or manifest.prefix_of(path)]
