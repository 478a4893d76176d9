"""`export`: writes a trained generator for other programs."""

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser, parse_list, run_of
from tfgan_v1.errors import UserError, say
from tfgan_v1.exporting import folder
from tfgan_v1.exporting.formats import FORMATS, install

EXAMPLES = ("--ckpt checkpoints --to exported", "--name photos --to photos --format onnx,npz")


def parse(call, argv):
    """The flags of `export` in `argv`, by name, with their defaults."""
    parser = Parser(
        call,
        "Export a trained generator for other programs: TensorFlow Serving, ONNX runtimes, NumPy, PyTorch, a\n"
        "browser, scripts for TensorFlow 1, Keras. The MODEL.md in the folder explains each file.",
        EXAMPLES,
    )
    add = parser.group("flags")
    add("--ckpt")
    add("--name")
    add("--generator")
    add("--to", metavar="FOLDER", help="new or empty folder to write to")
    known = ", ".join(f"{name} (needs {install(name)})" if row.packages else name for name, row in FORMATS.items())
    formats = f"formats to write: {known} (default: all that can be written)"
    add("--format", dest="formats", metavar="LIST", type=parse_list, help=formats)
    add("--float16", action="store_true", help="weights of 16 bits in the page: half its size")
    both = "the discriminator, too, in tf1 and keras, for scripts that train on"
    add("--discriminator", action="store_true", help=both)
    return parser.parse(argv)


def run(argv, program):
    """Exports a trained generator. Returns the exit code."""
    flags = parse(call_of("export", program), argv)
    if not flags["to"]:
        raise UserError("export needs the folder to write to; name a new or an empty one with --to")
    ckpt = run_of(flags["ckpt"], flags["name"]).ckpt_folder
    given = {name: flags[name] for name in ("formats", "float16", "discriminator")}
    exported = folder.export(ckpt, flags["to"], kind=flags["generator"], **given)
    metadata, names = exported.metadata, ", ".join(path.name + "/" * path.is_dir() for path in exported.paths)
    say(
        f"Exported the {metadata['generator']} generator of step {metadata['step']:,} to {exported.folder}: {names}.",
        *(f"Not written: {name}, since {reason}." for name, reason in exported.not_written.items()),
        metadata["licence"],
    )
    return 0
