"""`import`: makes a run of old weights."""

import re

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser
from tfgan_v1.errors import UserError, brief, note, say
from tfgan_v1.gan.noise import DISTRIBUTIONS
from tfgan_v1.storage.importing import import_generator

EXAMPLES = ("old/checkpoints --to imported", "generator.h5 --to imported --noise normal")
RANGES = {"-1,1": -1, "0,1": 0}


def parse(call, argv):
    """The flags of `import` in `argv`, by name, with their defaults."""
    parser = Parser(
        call,
        "Open an old generator: a TensorFlow 1 checkpoint, a tf.train.Checkpoint, a Keras file, a PyTorch state dict.\n"
        "The result is a run, for sample, export, evaluate and train --weights.",
        EXAMPLES,
    )
    add = parser.group("flags")
    add("old", metavar="OLD", nargs="?", help="checkpoint folder, prefix of a checkpoint, .h5, .hdf5, .keras or .pth")
    add("--to", metavar="FOLDER", help="new or empty folder to write to")
    add("--layers", help="layers of the generator, such as 'dense relu dense tanh', where the file does not say them")
    add("--noise", choices=[*DISTRIBUTIONS], help="distribution of the generator's noise")
    add("--image", metavar="SIZE", help="HEIGHTxWIDTHxCHANNELS of images that the last layer makes as one row")
    add("--range", choices=[*RANGES], help="of the images, where the last layer has no activation")
    add("--scope", default="generator", help="variable scope of the generator (default: %(default)s)")
    return parser.parse(argv)


def run(argv, program):
    """Imports a generator. Returns the exit code."""
    flags = parse(call_of("import", program), argv)
    if not flags["old"] or not flags["to"]:
        raise UserError("import needs the old file, and the folder to write to: tfgan import OLD --to FOLDER")
    names = ("layers", "noise", "scope")
    done = import_generator(
        flags["old"],
        flags["to"],
        image=size(flags["image"]),
        least=RANGES.get(flags["range"]),
        **{name: flags[name] for name in names},
    )
    weights = sum(map(len, done.old.weights))
    model = f"model {done.config.model}" + (", with layers of its own" if done.config.layers else "")
    say(
        f"Read {done.old.path}: {done.old.format}, {weights} weights, step {done.old.step:,}.",
        f"Its layers, from {done.old.source}:",
        f"  {done.layers}",
        f"Wrote {done.folder}: {model}. Draw samples with: tfgan sample --ckpt {done.folder}",
    )
    for each in done.notes:
        note(each)
    return 0


def size(text):
    """HEIGHTxWIDTHxCHANNELS as three numbers, or None. Raises UserError for another text."""
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})x([13])", text or "")
    if text is not None and not match:
        raise UserError(f"--image takes HEIGHTxWIDTHxCHANNELS, such as 32x32x3, not {brief(text)}")
    return tuple(map(int, match.groups())) if match else None
