"""`export`: writes a trained generator for other programs."""

from tfgan_v1.commands.parsing import GENERATOR, Parser, call_of, say
from tfgan_v1.config import Config, from_mapping
from tfgan_v1.errors import UserError

EXAMPLES = ("--ckpt checkpoints --to exported", "--name photos --to photos --format onnx,npz")


def parse(call, argv):
    """The flags of `export` in `argv`, by name, with their defaults."""
    parser = Parser(
        call,
        "Export a trained generator for other programs: TensorFlow Serving, ONNX runtimes, NumPy, PyTorch. "
        "docs/export.md\nexplains each file.",
        EXAMPLES,
    )
    add = parser.add_argument_group("flags").add_argument
    add("--ckpt", metavar="FOLDER", default=Config.ckpt, help="checkpoint folder of the run (default: %(default)s)")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add("--to", metavar="FOLDER", help="new or empty folder to write to")
    add(
        "--format",
        dest="formats",
        metavar="LIST",
        type=lambda text: [part.strip() for part in text.split(",") if part.strip()],
        help="formats to write: saved_model, onnx (needs pip install 'tfgan_v1[onnx]'), npz (default: all that can be "
        "written with what is installed)",
    )
    return parser.parse(argv)


def run(argv, program):
    """Exports a trained generator. Returns the exit code."""
    given = parse(call_of("export", program), argv)
    if not given["to"]:
        raise UserError("export needs the folder to write to; name a new or an empty one with --to")
    config = from_mapping({"ckpt": given["ckpt"], "name": given["name"]})

    from tfgan_v1.exporting import folder

    exported = folder.export(config.ckpt_folder, given["to"], formats=given["formats"], kind=given["generator"])
    about = exported.facts
    wrote = ", ".join(path.name + "/" * path.is_dir() for path in exported.paths)
    say(f"Exported the {about['generator']} generator of step {about['step']:,} to {exported.folder}: {wrote}.")
    if given["formats"] is None and "onnx" not in exported.formats:
        say(f"Not written: onnx, whose converter is not installed; {folder.INSTALL}.")
    say(about["licence"])
    return 0
