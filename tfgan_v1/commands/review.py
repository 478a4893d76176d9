"""`review`: a page with all sampling steps, the evolution sheet and an animated GIF, from samples."""

from tfgan_v1.commands.parsing import Parser, call_of, say

EXAMPLES = ("samples", "samples/photos", "train_samples.pkl --out review/")


def parse(call, argv):
    """The flags of `review` in `argv`, by name."""
    parser = Parser(
        call,
        "Make a page to look at the samples of a run: review.html, with evolution.png and evolution.gif. Of a pickle, "
        "also of one that another program wrote, they get the pickle's name.",
        EXAMPLES,
    )
    add = parser.add_argument_group("flags").add_argument
    add("path", metavar="FILE-or-FOLDER", nargs="?", help="a run's samples folder, or a pickle (default: samples)")
    add("--out", metavar="FOLDER", help="the folder to write to (default: where the samples are)")
    return parser.parse(argv)


def run(argv, program):
    """Makes the page, the sheet and the animation. Returns the exit code."""
    given = parse(call_of("review", program), argv)

    from tfgan_v1.config import Config
    from tfgan_v1.report import review

    found = review.find(Config.samples if given["path"] is None else given["path"])
    *paths, last = review.write(found, given["out"])
    say(f"Wrote {', '.join(map(str, paths))} and {last}, of {len(found.samples):,} sampling steps.")
    return 0
