"""Generators and discriminators that other programs saved, read as data: nothing of a file is run or unpickled."""

import hashlib
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tfgan_v1 import files
from tfgan_v1._tensorflow import reason, tf
from tfgan_v1.data.unpacking import most_unpacked
from tfgan_v1.errors import UserError, count_of, shortened
from tfgan_v1.gan.chain import Layer
from tfgan_v1.storage import checkpoint_index, checkpoints, foreign, manifest, torch_files
from tfgan_v1.storage.manifest import files_of
from tfgan_v1.storage.names import CONFIG, LATEST, META, SUFFIXES
from tfgan_v1.storage.old import fit, graph, hdf5, keras_files

PYTORCH = "PyTorch"  # a format, with channels before rows and columns
WEIGHT_FILES = (".h5", ".hdf5", ".keras", ".pth", ".pt")
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # ends the names that tf.train.Checkpoint gives


class Old(NamedTuple):
    """A network that another program saved."""

    path: Path
    sha256: str  # of the file that has the weights
    format: str  # such as "TensorFlow 1 Saver"
    step: int  # from the name, else 0
    layers: tuple[Layer, ...]  # with their sizes
    weights: tuple[dict, ...]  # of each layer that has some: part -> float32 array
    source: str  # where the layers come from: a file's name, "the shapes of the preset mlp", "--layers"
    notes: tuple[str, ...]  # a sentence for each assumption, and for what is not used
    noise_size: int  # of a discriminator: the channels of its images, or the size of its points


class Missing(UserError):
    """No weights are in the scope."""


class _Found(NamedTuple):
    """What a file holds."""

    path: Path  # of the weights
    format: str
    arrays: dict  # by name, in order
    steps: Callable | None = None  # () -> pairs of a Layer and the name of its weights, if the file says them
    source: str = ""
    by_name: bool = False  # whether the names in the steps are the arrays'
    notes: tuple = ()


def read(path, *, layers=None, scope=None, role="generator"):
    """The Old in a folder with a checkpoint, in a checkpoint by its prefix, or in a file of weights.

    layers: a tuple of Layer, also without sizes, in place of what the file says. scope: of the variables, or the name
    of the model, if the file has several; by default the role: generator, discriminator, or None for either. Raises
    UserError for what is not read.
    """
    path = Path(path)
    try:
        found = _open(path, role or fit.ROLES[0] if scope is None else scope)
        said = found.steps() if found.steps and not layers else None
        groups, source, notes = fit.grouped(found.arrays), found.source, found.notes
        if layers:
            own = {("batch_norm", 1e-3): 1e-5} if found.format == PYTORCH else {}  # its epsilon, where none is given
            numbered = (each._replace(number=own.get((each.word, each.number), each.number)) for each in layers)
            source, steps = "--layers", [(layer, None) for layer in numbered]
        elif said is not None:
            steps = said
        else:
            preset, steps = fit.assumed(groups, role)
            source = f"the shapes of the preset {preset}"
            notes += (f"the layers are assumed to be those of {preset}, whose shapes fit: activations have no shape",)
        layers, weights = fit.complete(steps, groups, found.by_name and steps is said, found.format == PYTORCH)
        if role not in (actual := fit.ROLES[fit.is_discriminator(layers, weights)], None):
            raise UserError(f"it is a {actual}, not a {role}")
        name = found.path.with_name(found.path.name.removesuffix(SUFFIXES[0]))
        step = re.search(r"[-_]([0-9]{1,12})$", re.sub(r"(\.weights)?\.[a-z]\w*$", "", name.name))
        about = name, hashlib.sha256(found.path.read_bytes()).hexdigest(), found.format, int(step[1]) if step else 0
        return Old(*about, layers, weights, source, notes, fit.input_size(layers, weights))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except UserError as error:
        raise type(error)(f"{path} cannot be imported: {error}") from None


def read_pair(path):
    """(generator, discriminator) in a file, a folder with a file of each, or a checkpoint; None for a missing one."""
    path, pair = Path(path), {}
    if path.is_file() or (path.is_dir() and not [*path.glob("*.index"), *path.glob("saved_model.pb")]):
        for each in [path] if path.is_file() else sorted(path.iterdir()):
            old = read(each, role=None) if each == path or each.suffix in WEIGHT_FILES else None
            if old and pair.setdefault(kind := fit.is_discriminator(old.layers, old.weights), old) is not old:
                names = f"{pair[kind].path.name} and {each.name}"
                raise UserError(f"{path} has two networks of a kind, {names}; leave one there")
        return pair.get(False), pair.get(True)
    try:
        return read(path), read(path, role="discriminator")
    except Missing:
        return read(path), None


def _open(path, scope):
    """The _Found in a folder or a file, by its content."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            raise UserError("it is a SavedModel, which TensorFlow loads itself")
        path = _newest(path)
    prefix = foreign.prefix_of(path)
    if files_of(prefix)[1].is_file():
        return _checkpoint(prefix, scope)
    with files.BoundedReader(path) as file:
        start, _ = file.read(16), file.seek(max(0, file.size - 8))
        if file.read() == checkpoint_index.MAGIC:
            raise UserError("it is a V1 checkpoint, of TensorFlow before 0.12, which import does not read")
        file.seek(0)
        try:
            if start.startswith(hdf5.SIGNATURE):
                return _keras(path, file.read(), None, scope)
            archive = zipfile.ZipFile(file) if start.startswith(b"PK") else None
            if archive and "config.json" in archive.namelist():
                config, weights = (_unpacked(archive, name, file.size) for name in ("config.json", "model.weights.h5"))
                return _keras(path, weights, config.decode(), scope)
            if archive or torch_files.MAGIC in start:
                file.seek(0)
                return _Found(path, PYTORCH, _from_torch(torch_files.state_dict(torch_files.load(file))))
        except (UserError, OSError, MemoryError):
            raise
        except Exception as error:  # a damaged file can raise anything
            why = shortened(f"{type(error).__name__}: {error}")
            raise UserError(f"it is damaged ({why}); take it from a copy") from None
    raise UserError(f"it holds no weights; import reads *.index of TensorFlow, and {', '.join(WEIGHT_FILES)}")


def _newest(folder):
    """The prefix of the checkpoint in a folder that the file `checkpoint` names, or that of the newest step."""
    latest = folder / LATEST
    text = latest.read_text(errors="replace") if latest.is_file() and latest.stat().st_size < 2**20 else ""
    named = re.match(r'model_checkpoint_path: "(?:.*[/\\])?([^"/\\]+)"', text)
    if named and any((folder / f"{named[1]}{suffix}").is_file() for suffix in ("", ".index")):
        return folder / named[1]
    found = sorted(folder.glob("*.index"), key=lambda each: fit.natural(each.name))
    if not found:
        raise UserError("the folder has no checkpoint of TensorFlow (*.index); name a file of weights in it")
    return found[-1].with_suffix("")


def _checkpoint(prefix, scope):
    """A checkpoint of TensorFlow: of a Saver, or of tf.train.Checkpoint."""
    data, index, _ = files_of(prefix)
    if not data.is_file():
        raise UserError(f"{data.name} is missing beside {index.name}; it has the values")
    if (prefix.parent / CONFIG).is_file() and manifest.verified(prefix):
        raise UserError("it is a run of tfgan_v1 and needs no import; name it by --ckpt or --weights")
    damaged = tf.errors.OpError  # now, so that TensorFlow is imported without its messages
    entries = checkpoint_index.entries(prefix)
    floats = [name for name, entry in entries.items() if "float" in entry.dtype and not fit.is_unused(name)]
    starts = (f"{scope}/", scope, "layer_with_weights-", "_functional/")  # the last two: of a model alone
    names = next(filter(None, ([name for name in floats if name.startswith(start)] for start in starts)), [])
    if not names:
        scopes = ", ".join(sorted({name.partition("/")[0] for name in floats}))
        raise Missing(f"it has no variables in the scope {scope}; name one by --scope: {scopes}")
    try:
        with checkpoints.path_without_globs(prefix.parent) as parent:
            reader = tf.train.load_checkpoint(str(parent / prefix.name))
            arrays = {name.removesuffix(_VALUE): reader.get_tensor(name) for name in sorted(names, key=fit.natural)}
    except damaged as error:
        raise UserError(f"its values are damaged ({reason(error)}); take it from a copy") from None
    others, meta = len(entries) - len(names), prefix.with_name(prefix.name + META)
    notes = (f"the {scope} is read, and {count_of(others, 'other array')} not",)
    form = "tf.train.Checkpoint" if names[0].endswith(_VALUE) else "TensorFlow 1 Saver"
    found = _Found(data, form, arrays, notes=notes[: bool(others)])
    if form == "tf.train.Checkpoint" or not meta.is_file():
        return found._replace(**_beside(prefix.name, prefix, scope))
    with files.BoundedReader(meta) as file:
        steps = partial(graph.steps, file.read(graph.MOST_BYTES), scope, arrays.keys())
    return found._replace(steps=steps, source=meta.name, by_name=True)


def _keras(path, content, config, scope):
    """A file of Keras: the bytes of its HDF5 part, and its JSON, if that is a part of its own."""
    arrays, legacy, own = keras_files.weights(content)
    found = _Found(path, f"Keras {'HDF5' if legacy else 'weights'}", arrays, by_name=legacy)
    if config or own:
        return found._replace(steps=partial(keras_files.layers, config or own, scope), source=path.name)
    return found._replace(**_beside(re.sub(r"(\.weights)?\.\w+$", "", path.name), path, scope))


def _beside(stem, path, scope):
    """The steps in a model's JSON beside a file, and its name, as arguments of a _Found."""
    for name in (stem, re.sub("[-_.]?weights?$", "", stem)):
        with suppress(FileNotFoundError, ValueError):
            content = files.read_json(path.with_name(f"{name}.json"))
            if isinstance(content, str) or (isinstance(content, dict) and {"class_name", "config"} <= content.keys()):
                return {"steps": partial(keras_files.layers, content, scope), "source": f"{name}.json"}
    return {}


def _unpacked(archive, name, size):
    """A part of an archive of a size, stored or deflated."""
    info = archive.getinfo(name)
    if info.file_size > most_unpacked(size) or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"its {name} is packed too much")
    with archive.open(info) as file:
        return file.read(info.file_size)


def _from_torch(arrays):
    """The arrays of a state dict with TensorFlow's axes."""
    axes = {2: (1, 0), 4: (2, 3, 1, 0)}  # of both convolutions: [out, in, h, w], and transposed [in, out, h, w]
    kept = {name: array for name, array in arrays.items() if not fit.is_unused(name)}
    return {name: array.transpose(axes.get(array.ndim)) for name, array in kept.items()}
