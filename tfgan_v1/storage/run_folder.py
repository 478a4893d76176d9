"""A run's two folders: whether it may begin there, who writes there, and its configuration in config.json."""

import os
import platform
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from fnmatch import fnmatch
from typing import Any, NamedTuple

from tfgan_v1 import __version__
from tfgan_v1.config import DATASET_NAMES, Config, flag, from_mapping
from tfgan_v1.errors import UserError
from tfgan_v1.storage.files import PARTIAL, has_valid_checksum, read_json, replacing, to_json

FORMAT = 4  # of config.json
LOCK = ".lock"

# The names of all files that a run writes, in its checkpoint folder ...
CONFIG = "config.json"
LATEST = "checkpoint"  # names the newest generator to tf.train.latest_checkpoint
GENERATOR = "generator.ckpt"  # and "-<step>" and one of the suffixes
SUFFIXES = (".data-00000-of-00001", ".index", ".json")  # of a checkpoint's files, the manifest last
STATE = "train_state"  # a folder with a folder step-<step> for each state
# ... and in its samples folder.
SAMPLES = "train_samples.pkl"
LOSSES = "losses.csv"
STATISTICS = "statistics.csv"  # of points
FILES = "files.csv"  # of a folder of images: which were used, and why the others were not
SHEETS = "sheets"  # a folder with an image grid for each set of samples
LAST_SAMPLES = "last_samples.png"
EVOLUTION = "evolution.png"
LOSS_CURVES = "losses.png"
PROBABILITIES = "probabilities.png"
DIVERGENCE = "divergence.png"  # of points
SHEET = "samples.png"  # not the run's: what sample.py writes by default

# --overwrite removes these and nothing else.
CKPT_FILES = (CONFIG, LATEST, *(f"{GENERATOR}-*{suffix}" for suffix in SUFFIXES), STATE)
SAMPLES_FILES = (
    *(SAMPLES, LOSSES, STATISTICS, FILES, SHEETS),
    *(LAST_SAMPLES, EVOLUTION, LOSS_CURVES, PROBABILITIES, DIVERGENCE),
)

# What a killed run may leave half-written: see `replacing` and checkpoints._new_checkpoint.
CKPT_LEFTOVERS = (
    *(PARTIAL, f"{STATE}/{PARTIAL}", f"{STATE}/step-*/.state.json{PARTIAL}"),
    *(f".{name}{PARTIAL}" for name in (CONFIG, LATEST)),
)
SAMPLES_LEFTOVERS = (*(f".{name}{PARTIAL}" for name in SAMPLES_FILES), f"{SHEETS}/.[0-9]*.png{PARTIAL}")


class Saved(NamedTuple):
    """What config.json holds."""

    config: Config
    data: dict[str, Any]  # name, num_images, image_shape [h, w, c], sha256 of the pixels
    made_by: dict[str, Any]  # versions of the packages by name, processor, threads
    own: Sequence[str] = ()  # what the caller brought: "model", "loss"


def check_can_start(config, *, resume, overwrite, own=()):
    """Raises UserError unless a trainer with this configuration may begin in the folders that it names.

    own: names of the parts that the caller brings. Touches nothing. Returns what is saved there if the run
    resumes, otherwise None.
    """
    if resume and overwrite:
        raise UserError("--resume goes on with a run and --overwrite throws it away; give one of them")
    name = (config.name or "run").casefold()
    if name.startswith(".") or any(fnmatch(name, kept) for kept in (*CKPT_FILES, *SAMPLES_FILES, SHEET)):
        raise UserError(f"--name {config.name} is kept for the files of the run above it; take another")
    if resume:
        saved = read(config)
        check_same_run(saved.config, config)
        check_same_parts(saved, own, "train(config, resume=True, model=..., loss=...)")
        return saved
    found = _own_files(config)
    if found and not overwrite:
        raise UserError(
            f"{found[0].parent} already holds a run ({found[0].name}); go on with it by --resume, "
            "start another beside it by --name NAME, or throw it away by --overwrite"
        )
    return None


def check_same_run(saved, config):
    """Raises UserError if `config` differs from the saved one in anything that the results so far depend on."""
    rows = []
    for each in fields(Config):
        before, now = getattr(saved, each.name), getattr(config, each.name)
        undecided = each.name == "xla" and now == each.default  # settled only when the run is prepared
        if before != now and not each.metadata["resumable"] and not undecided:
            rows.append((flag(each.name), before, now))
    if rows:
        raise UserError(
            f"the run in {config.ckpt_folder} was begun with other settings; leave them as they were, or start a run "
            "of its own by --name NAME",
            *side_by_side(rows),
        )


def side_by_side(rows):
    """The lines of a table of what a run was begun with and what it is given now: rows (name, then, now)."""
    cells = [("", "then", "now"), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["".join(f"  {cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def check_same_parts(saved, own, call):
    """Raises UserError unless the caller brings the parts of its own that a run was begun with. call: how it would."""
    if set(own) != set(saved.own):
        raise UserError(
            f"the run in {saved.config.ckpt_folder} was begun with {_parts(saved.own)}, not {_parts(own)}; give the "
            f"same in Python, by {call}"
        )


def _parts(own):
    return " and ".join(f"a {part} of the user's own" for part in own) or "the built-in networks and loss"


@contextmanager
def locked(config):
    """Makes the run's folders and keeps every other trainer out of them, until the end or the process's death."""
    from filelock import FileLock, Timeout

    with ExitStack() as locks:
        for folder in (config.ckpt_folder, config.samples_folder):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in {config.ckpt_folder.resolve(), config.samples_folder.resolve()}:
            try:
                locks.enter_context(FileLock(folder / LOCK, timeout=0))
            except Timeout:
                raise UserError(
                    f"another trainer is at work in {folder}; wait for it, or start a run of its own by --name NAME"
                ) from None
        yield


def clear(config):
    """Removes what an earlier run left in the folders, and nothing else."""
    for path in _own_files(config):
        _remove(path)


def remove_partials(config):
    """Removes what a run that was killed left half-written in the folders, and nothing else."""
    for path in _found(config, CKPT_LEFTOVERS, SAMPLES_LEFTOVERS):
        _remove(path)


def made_by(**versions):
    """What the exact bits of a run depend on besides its configuration: versions of packages, and the machine."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = platform.python_version()
    return {"tfgan_v1": __version__, "python": python, **versions, "processor": platform.machine(), "threads": threads}


def write(saved):
    """Saves what `read` reads."""
    config = saved.config
    values = {each.name: getattr(config, each.name) for each in fields(Config) if not each.metadata["place"]}
    for name in ("data_dir", "dataset", "weights", "cache_dir"):
        if values[name] is not None and (name != "dataset" or values[name] not in DATASET_NAMES):
            values[name] = os.path.abspath(values[name])
    content = {
        "format": FORMAT,
        "config": values,
        "data": saved.data,
        "made_by": saved.made_by,
        "own": list(saved.own),
    }
    with replacing(config.ckpt_folder / CONFIG) as path:
        path.write_text(to_json(content))


def read(config, by="--ckpt"):
    """What config.json holds in the folder that `config` names, with the places that `config` names.

    by: the flag that names the folder. Raises UserError if there is none or it is not one of ours.
    """
    folder = config.ckpt_folder
    path = folder / CONFIG
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; name the folder of a run by {by}, or train one first")
    if not path.is_file():
        raise UserError(f"{folder} holds no run, for it has no {CONFIG}; name the folder of one by {by}")
    try:
        content = read_json(path)
        if content["format"] != FORMAT:
            raise UserError(f"{path} has format {content['format']!r}, and this version of tfgan_v1 reads {FORMAT}")
        if not has_valid_checksum(content):
            raise UserError("it was changed or damaged since it was written; restore it from a copy")
        places = {each.name: getattr(config, each.name) for each in fields(Config) if each.metadata["place"]}
        config = from_mapping({**content["config"], **places})
        shape = content["data"]["image_shape"]
        if len(shape) not in (1, 3) or not all(type(size) is int and 0 < size <= 4096 for size in shape):
            raise ValueError(f"neither an image nor a point has the shape {shape}")
        return Saved(config, content["data"], dict(content["made_by"]), [str(part) for part in content["own"]])
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}: {error}); restore it from a copy") from None


def _own_files(config):
    return _found(config, CKPT_FILES, SAMPLES_FILES)


def _found(config, in_ckpt, in_samples):
    """What there is in the two folders under names that may be patterns."""
    patterns = [(config.ckpt_folder, in_ckpt), (config.samples_folder, in_samples)]
    return [path for folder, names in patterns for name in names for path in sorted(folder.glob(name))]


def _remove(path):
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
