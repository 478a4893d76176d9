"""`evaluate`: measures a run's generator, or images from anywhere."""

import json
from pathlib import Path

from tfgan_v1 import files
from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser, parse_list, run_of, whole
from tfgan_v1.config import MOST_DRAWN, Config
from tfgan_v1.errors import UserError, say
from tfgan_v1.evaluation.evaluate import evaluate
from tfgan_v1.evaluation.metric_table import METRICS
from tfgan_v1.report import score_table, sheets
from tfgan_v1.storage import names, run_folder

EXAMPLES = ("--ckpt checkpoints", "--name photos --num 1000", "--samples digits.npy --dataset mnist")


def parse(call, argv):
    """The flags of `evaluate` in `argv`, by name; None for those that were not given."""
    parser = Parser(
        call,
        "Measure generated images against real ones: quality, variety, and whether they are copies. The printed\n"
        "table says how to read each score. Features are those of a small classifier of the data, not Inception's.",
        EXAMPLES,
    )
    add = parser.group("flags")
    add("--ckpt")
    add("--name")
    add("--generator")
    images = "measure these images instead of a run's: a .npy, .npz or .pkl file or a folder"
    add("--samples", metavar="PATH", help=images)
    imitated = "what --samples imitates (default: mnist, otherwise mnist_warped), or where the run's data are now"
    add("--dataset", help=imitated)
    num = "images to measure (default: 10000; of stacked_mnist 26000)"
    add("--num", metavar="N", type=whole(MOST_DRAWN), help=num)
    seed = "seed of the noise and of the choice among real images"
    add("--seed", metavar="N", type=whole(2**32 - 1, least=0), default=0, help=seed)
    add(
        "--metrics",
        metavar="LIST",
        type=lambda text: parse_list(text) or [text],
        help=f"metrics to measure: a list of {', '.join(METRICS)} (default: all that the data allow)",
    )
    add("--labels", help="labels of the data, in place of their own, or where the run's are now")
    add("--data-dir")
    add("--cache-dir", help="folder for the classifier and decoded images (default: the user's cache)")
    add("--out", metavar="FILE", help="the .json file to write (default: scores.json in samples/ or samples/NAME/)")
    return parser.parse(argv)


def run(argv, program):
    """Measures a run's generator, or images from anywhere. Returns the exit code."""
    flags = parse(call_of("evaluate", program), argv)
    out, ckpt, name = (flags.pop(each) for each in ("out", "ckpt", "name"))
    if flags["samples"] is not None and (ckpt is not None or name is not None):
        raise UserError("--samples names images, and --ckpt and --name a run that draws them; give one of the two")
    config = run_of(ckpt, name) if flags["samples"] is None else Config()
    path = config.samples_folder / names.SCORES if out is None else Path(out)
    check_out(path)
    nearest = [nearest_path(path)] * ("nearest" in (flags["metrics"] or METRICS))
    run_folder.check_outputs(nearest if out else [path, *nearest])
    evaluation = evaluate(config.ckpt, config.name, **flags)
    say(*score_table.lines(evaluation))
    say(f"Wrote {' and '.join(map(str, save(evaluation, path)))}.")
    return 0


def check_out(path):
    """Raises UserError, or OSError, unless the JSON file and nearest.png can be written. Leaves no trace."""
    if path.suffix.lower() != ".json":
        raise UserError(f"--out {path} must be the name of a .json file, such as {names.SCORES}")
    names.check_free(path)
    for each in (path, nearest_path(path)):
        if each.is_dir():
            raise UserError(f"--out {path} cannot be written, because {each} is a folder; use another name")
    files.check_writable(path.parent)


def nearest_path(path):
    """Where the picture for a JSON file is: nearest.png for scores.json, otherwise <its name>_nearest.png."""
    return path.with_name(names.NEAREST if path.name == names.SCORES else f"{path.stem}_{names.NEAREST}")


def save(evaluation, path):
    """Writes an Evaluation: a JSON file and the nearest training images, if it has them. Returns the paths."""
    files.make_folder(path.parent)
    by_class = {name: _numbers(scores) for name, scores in evaluation.by_class.items()}
    content = {
        **evaluation.about,
        "notes": list(evaluation.notes),
        "figures": _numbers(evaluation.scores),
        "class_shares": _numbers(evaluation.shares),
        **({"by_class": by_class} if by_class else {}),
    }
    files.write(path, files.to_json(content))
    if evaluation.nearest is None:
        return [path]
    files.write(nearest_path(path), sheets.evaluated_png(evaluation.nearest))
    return [path, nearest_path(path)]


def _numbers(scores):
    """Scores by name for JSON, which has no NaN or infinity: None in place of them."""
    text = json.dumps({name: score._asdict() for name, score in scores.items()})
    return json.loads(text, parse_constant=lambda _: None)
