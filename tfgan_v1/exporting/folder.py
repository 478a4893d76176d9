"""Writes a trained generator into a folder, in one or several formats, with a MODEL.md about them."""

from pathlib import Path
from typing import NamedTuple

from tfgan_v1 import files
from tfgan_v1._tensorflow import reason, tells_of_full_disk, tf
from tfgan_v1.errors import DiskFull, UserError, brief, did_you_mean, plain
from tfgan_v1.exporting.formats import FORMATS, missing
from tfgan_v1.exporting.trained import Trained, Unsupported, metadata_of
from tfgan_v1.gan.noise import DISTRIBUTIONS
from tfgan_v1.sampling import generator
from tfgan_v1.storage.names import check_new


class Exported(NamedTuple):
    """What `export` wrote."""

    folder: Path
    formats: tuple[str, ...]
    not_written: dict  # the other formats of an export without `formats` -> why
    metadata: dict  # of the generator: see trained.metadata_of
    paths: tuple[Path, ...]  # of the files and folders in the folder


def export(folder, to, *, formats=None, kind=None, model=None, float16=False, discriminator=False):
    """Writes the generator of a run's checkpoint folder to a new or empty folder. Returns an Exported.

    formats: names in FORMATS; None for all whose converter is installed and that can express the network. kind, model:
    as in Generator.restore. float16: whether the page has weights of 16 bits, in half the bytes. discriminator: whether
    tf1 and keras have it, too. Raises UserError, with
    nothing written, if the folder `to` has something in it, or there is no such generator, or one of `formats`, or
    without them every format, cannot express its network.
    """
    names, to = _checked_formats(formats), Path(to)
    if float16 and "page" not in names:
        raise UserError("--float16 is for the format page; leave it out, or add page to --format")
    if discriminator and not {"tf1", "keras"} & {*names}:
        raise UserError("--discriminator is for the formats tf1 and keras; leave it out, or add one to --format")
    check_new(to)
    saved = generator.find(folder, "tfgan_v1.export(folder, to, model=...)", model=model, kind=kind)
    trained = Trained(saved, metadata_of(saved), float16, discriminator)
    try:
        with files.new_folder(to) as partial:
            refused = _write(names, trained, partial, required=formats is not None)
            written = tuple(name for name in names if name not in refused)
            files.write(partial / "MODEL.md", model_card(trained.metadata, written))
    except tf.errors.OpError as error:
        sentence = f"{to} could not be written ({reason(error)}); use another path, or free some space"
        raise (DiskFull if tells_of_full_disk(error) else UserError)(sentence) from None
    if formats is None:
        refused = {name: missing(name) for name in FORMATS if missing(name)} | refused
    return Exported(to, written, refused, trained.metadata, tuple(sorted(to.iterdir())))


def _write(formats, trained, folder, required):
    """Writes formats. Returns {name: reason} of those that cannot express the network, or raises it if `required`."""
    refused = {}
    for name in formats:
        try:
            FORMATS[name].write(trained, folder)
        except Unsupported as error:
            if required:
                kind = FORMATS[name].described or name
                alike = {other for other, row in FORMATS.items() if kind in (other, row.described)}
                others = ",".join(other for other in FORMATS if other not in alike and not missing(other))
                raise UserError(f"{error}; export the other formats by --format {others}") from None
            refused[name] = str(error)
    if len(refused) == len(formats):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise UserError(f"no format can be written ({reasons}); change the generator")
    return refused


def model_card(metadata, formats):
    """The text of MODEL.md, with a section for each of these formats."""
    custom = "custom networks" if "model" in metadata["custom"] else f"`{metadata['config']['model']}`"
    sizes, noise, classes = metadata["image_shape"], metadata["noise"], metadata["classes"]
    images = f"images, {' x '.join(map(str, sizes))} (height x width x channels), in [0, 1]"
    lines = [f"- `noise`: float32 [n, {noise['size']}], {DISTRIBUTIONS[noise['distribution']].text}"]
    if classes:
        numbered = ", ".join(f"{number}: {plain(name)}" for number, name in enumerate(classes))
        lines.append(
            f"- `labels`: float32 [n, {len(classes)}], 1 in the column of the class and 0 in the others; the "
            f"classes are {numbered}"
        )
    parts = [
        "# Generator",
        f"The {metadata['generator']} generator of {custom} after {metadata['step']:,} training steps on "
        f"{plain(metadata['data']['name'])}, exported by {metadata['exported_by']}. "
        f"It makes {images if len(sizes) == 3 else 'points'}.",
        "\n".join(lines),
        "## License",
        metadata["licence"],
        *(row.section.replace("{labels}", row.labels if classes else "") for row in map(FORMATS.get, formats)),
    ]
    return "\n\n".join(parts) + "\n"


def _checked_formats(names):
    """The formats to write, in the order of FORMATS. Raises UserError for others, or for one without its converter."""
    if names is None:
        return tuple(name for name in FORMATS if not missing(name))
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in FORMATS:
            hint = did_you_mean(str(name), FORMATS)
            raise UserError(f"there is no format {brief(name)}; {hint}the formats are {', '.join(FORMATS)}")
        if missing(name):
            raise UserError(f"the format {name} cannot be written, since {missing(name)}")
    if not names:
        raise UserError(f"no format is given; the formats are {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in names)
