"""`runs`: lists the runs in a folder, and says how to compare them."""

import shlex
from contextlib import suppress

from tfgan_v1 import files
from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError, say
from tfgan_v1.report import score_table
from tfgan_v1.storage import checkpoints, names, records, run_folder

EXAMPLES = ("", "--ckpt checkpoints --samples samples")
MOST_SCORES = 2  # of a run
MOST_NAMED = 3  # runs in the last line


def parse(call, argv):
    """The flags of `runs` in `argv`, by name."""
    parser = Parser(call, "List the runs: name, model, data, steps done, and the last scores of `evaluate`.", EXAMPLES)
    add = parser.group("flags")
    add("--ckpt", default=Config.ckpt, help="folder of their checkpoints (default: %(default)s)")
    add("--samples", metavar="FOLDER", default=Config.samples, help="folder of their samples (default: %(default)s)")
    return parser.parse(argv)


def run(argv, program):
    """Lists the runs, the newest last. Returns the exit code."""
    config = Config(**parse(call_of("runs", program), argv))
    found = run_folder.runs(config)
    if not found:
        raise UserError(f"there is no run in {config.ckpt}; name the folder of their checkpoints with --ckpt")
    rows = [("name", "model", "data", "step", "scores"), *map(_row, found)]
    say(*score_table.aligned(rows, "<<<><"))
    drawn = [run for run in found if (run.samples_folder / names.SAMPLES).is_file()]
    if drawn[1:]:
        places = [str(run.samples_folder) for run in drawn[-MOST_NAMED:]]
        of_seeds = dict.fromkeys(place.rpartition(names.SEED)[0] or place for place in places)
        say(f"Side by side: tfgan compare {shlex.join(of_seeds)}")
    return 0


def _row(config):
    name = config.name or "(without a name)"
    try:
        saved = run_folder.read(config)
        state = checkpoints.newest_state(config.ckpt_folder)
    except UserError as error:
        return name, "", "", "", str(error)
    step = f"{state.step:,}" if state else ""
    return name, saved.config.model, saved.data["name"], step, _scores(config.samples_folder)


def _scores(folder):
    """The first of the last scores in a samples folder: of `evaluate`, or else of --evaluate-every; or nothing."""
    path = folder / names.EVALUATION
    with suppress(Exception):  # none, or damaged in any way
        if (folder / names.SCORES).exists():
            figures = files.read_json(folder / names.SCORES)["figures"]
            scores = {name: each["generated"] for name, each in figures.items()}
        else:
            with path.open(encoding="ascii") as file:
                header = tuple(file.readline(records.MOST_LINE).strip().split(","))
            scores = dict(zip(header[2:], records.read_table(path, header, float("inf"))[-1][2:], strict=True))
        shown = (f"{name.replace('_', ' ')} {score_table.number(value)}" for name, value in scores.items())
        return ", ".join([*shown][:MOST_SCORES])
    return ""
