"""`review`: a page with all sampling steps, the evolution plot and an animated GIF, from samples."""

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser, run_of
from tfgan_v1.errors import UserError, say
from tfgan_v1.report import review

EXAMPLES = ("samples", "samples/photos", "train_samples.pkl --out review/")


def parse(call, argv):
    """The flags of `review` in `argv`, by name."""
    parser = Parser(
        call,
        "Make a page to look at the samples of a run: review.html, with evolution.png and evolution.gif. Of a pickle, "
        "also of one that another program wrote, they get the pickle's name.",
        EXAMPLES,
    )
    add = parser.group("flags")
    folder = "a run's samples folder, or a pickle (default: that of the newest run without a name)"
    add("path", metavar="FILE-or-FOLDER", nargs="?", help=folder)
    add("--name")
    add("--out", metavar="FOLDER", help="the folder to write to (default: where the samples are)")
    return parser.parse(argv)


def run(argv, program):
    """Makes the page, the evolution plot and the animation. Returns the exit code."""
    flags = parse(call_of("review", program), argv)
    if flags["path"] and flags["name"]:
        raise UserError(f"--name {flags['name']} and {flags['path']} both name what to review; give one of them")
    loaded = review.load(flags["path"] or run_of(None, flags["name"]).samples_folder)
    *paths, last = review.write(loaded, flags["out"])
    say(f"Wrote {', '.join(map(str, paths))} and {last}, of {len(loaded.samples):,} sampling steps.")
    return 0
