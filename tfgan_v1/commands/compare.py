"""`compare`: a page of several runs side by side."""

from pathlib import Path

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError, say
from tfgan_v1.report import compare
from tfgan_v1.storage import names

EXAMPLES = ("plain r1", "samples/plain elsewhere/samples/r1 --out plain-or-r1.html", "ring")
ABOUT = (
    "Make a page of several runs side by side: one slider, samples, curves and scores on the same axes, and "
    "the options that differ. The runs of `train --name NAME --seeds N` are together NAME, with medians and ranges."
)


def parse(call, argv):
    """The flags of `compare` in `argv`, by name."""
    parser = Parser(call, ABOUT, EXAMPLES)
    add = parser.group("flags")
    add("runs", metavar="RUN", nargs="*", help=f"up to {compare.MOST_SIDES} names of runs, or samples folders")
    add("--samples", metavar="FOLDER", default=Config.samples, help="folder in which names are (default: %(default)s)")
    add("--out", metavar="FILE", help=f"the page to write (default: {names.COMPARISON} in --samples)")
    return parser.parse(argv)


def run(argv, program):
    """Makes the page and prints the last numbers. Returns the exit code."""
    flags = parse(call_of("compare", program), argv)
    path = Path(flags["samples"], names.COMPARISON) if flags["out"] is None else Path(flags["out"])
    names.check_free(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {path} must be the name of a page, such as {names.COMPARISON}")
    table = compare.write(compare.load(flags["runs"], flags["samples"]), path)
    say(*table, f"Wrote {path}; open it in a browser.")
    return 0
