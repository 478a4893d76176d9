"""The command `export`: writes a trained generator into a folder, in one or several formats.

TensorFlow is imported only once everything that can be checked without it is checked.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tfgan_v1 import files
from tfgan_v1._tensorflow import reason, tells_of_full_disk, tf
from tfgan_v1.errors import DiskFull, UserError, brief, did_you_mean
from tfgan_v1.exporting import facts
from tfgan_v1.exporting.trained import Trained
from tfgan_v1.sampling import generator

FORMATS = {  # name -> the module that writes it
    "saved_model": "saved_model",
    "onnx": "onnx_file",
    "npz": "npz_file",
}
CONVERTERS = {"onnx": ("tf2onnx", "onnx")}  # packages that a format needs besides ours
INSTALL = "pip install 'tfgan_v1[onnx]', or in a clone pip install '.[onnx]'"


class Exported(NamedTuple):
    """What `export` wrote."""

    folder: Path
    formats: tuple[str, ...]
    facts: dict  # of the generator: see facts.facts_of
    paths: tuple[Path, ...]  # of the files and folders in the folder


def export(folder, to, *, formats=None, kind=None, model=None):
    """Writes the generator of a run's checkpoint folder to a new or empty folder. Returns an Exported.

    formats: names in FORMATS; None for all that can be written, which is without "onnx" unless its converter is
    installed. kind, model: as in Generator.restore. Raises UserError, with nothing written, if the folder `to` has
    something in it, or there is no such generator, or its network is outside of what a format knows.
    """
    formats, to = _checked_formats(formats), Path(to)
    _check_empty(to)
    found = generator.find(folder, "tfgan_v1.export(folder, to, model=...)", model=model, kind=kind)
    about = facts.facts_of(found.saved, found.checkpoint.step, found.kind)
    trained = Trained.of(found, about)
    try:
        with files.new_folder(to) as partial:
            for each in formats:
                import_module(f"tfgan_v1.exporting.{FORMATS[each]}").write(trained, partial)
            text = facts.card(about, facts.sections(formats, bool(about["classes"])))
            (partial / facts.CARD).write_text(text, encoding="utf-8")
    except tf.errors.OpError as error:
        raise (DiskFull if tells_of_full_disk(error) else UserError)(
            f"{to} could not be written ({reason(error)}); use another path, or free some space"
        ) from None
    return Exported(to, formats, about, tuple(sorted(to.iterdir())))


def available(name):
    """Whether a format can be written with what is installed."""
    return all(find_spec(package) for package in CONVERTERS.get(name, ()))


def _checked_formats(names):
    """The formats to write, in the order of FORMATS. Raises UserError for others, or for one without its converter."""
    if names is None:
        return tuple(filter(available, FORMATS))
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in FORMATS:
            hint = did_you_mean(str(name), FORMATS)
            raise UserError(f"there is no format {brief(name)}; {hint}the formats are {', '.join(FORMATS)}")
        if not available(name):
            raise UserError(f"the format {name} needs its converter, which is not installed; {INSTALL}")
    if not names:
        raise UserError(f"no format is given; the formats are {', '.join(FORMATS)}")
    return tuple(each for each in FORMATS if each in names)


def _check_empty(to):
    """Raises UserError unless a path is a new or empty folder, and OSError unless it can be written to."""
    if to.is_dir():
        found = sorted(path.name for path in to.iterdir() if path.name != files.PARTIAL)
        if found:
            raise UserError(f"{to} has something in it ({found[0]}); name a new or an empty folder with --to")
    elif to.exists() or to.is_symlink():
        raise UserError(f"{to} is a file; name a new or an empty folder with --to")
    files.check_writable(to)
