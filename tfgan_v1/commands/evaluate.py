"""`evaluate`: measures a run's generator, or images from anywhere."""

from tfgan_v1.commands.parsing import GENERATOR, Parser, call_of, parse_num, parse_seed, say
from tfgan_v1.config import Config, from_mapping
from tfgan_v1.errors import UserError

EXAMPLES = ("--ckpt checkpoints", "--name photos --num 1000", "--samples digits.npy --dataset mnist")


def parse(call, argv):
    """The flags of `evaluate` in `argv`, by name; None for those that were not given."""
    parser = Parser(
        call,
        "Measure generated images against real ones: quality, variety, and whether they are copies. docs/evaluation.md "
        "explains each figure.",
        EXAMPLES,
    )
    add = parser.add_argument_group("flags").add_argument
    add("--ckpt", metavar="FOLDER", help=f"checkpoint folder of the run (default: {Config.ckpt})")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add(
        "--samples",
        metavar="PATH",
        help="measure these images instead of a run's: a .npy, .npz or .pkl file or a folder",
    )
    add(
        "--dataset",
        metavar="NAME|PATH",
        help="what --samples imitates (default: mnist, otherwise mnist_warped), or where the run's data are now",
    )
    add("--num", metavar="N", type=parse_num, help="images to measure (default: 10000; of stacked_mnist 26000)")
    add("--seed", metavar="N", type=parse_seed, default=0, help="seed of the noise and of the choice among real images")
    add("--metrics", metavar="LIST", type=parse_metrics, help="metrics to measure, such as frechet_distance,nearest")
    add("--labels", metavar="FILE", help="labels of the data, in place of their own, or where the run's are now")
    add("--data-dir", metavar="FOLDER", help="where to look for mnist and fashion_mnist before $TFGAN_DATA")
    add(
        "--cache-dir", metavar="FOLDER", help="folder for the classifier and decoded images (default: the user's cache)"
    )
    add("--out", metavar="FILE", help="the .json file to write (default: scores.json in samples/ or samples/NAME/)")
    return parser.parse(argv)


def parse_metrics(text):
    """The names in a text such as "frechet_distance,nearest"."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) or (text,)


def run(argv, program):
    """Measures a run's generator, or images from anywhere. Returns the exit code."""
    given = parse(call_of("evaluate", program), argv)
    out, ckpt, name = (given.pop(each) for each in ("out", "ckpt", "name"))
    if given["samples"] is not None and (ckpt is not None or name is not None):
        raise UserError("--samples names images, and --ckpt and --name a run that draws them; give one of the two")
    config = from_mapping({"ckpt": Config.ckpt if ckpt is None else ckpt, "name": name})

    from tfgan_v1.evaluation import evaluate
    from tfgan_v1.storage import names

    out = out if out is not None else str(config.samples_folder / names.SCORES)
    evaluate.check_out(out)
    evaluation = evaluate.evaluate(config.ckpt, config.name, **given)

    from tfgan_v1.report import score_table

    say(*score_table.lines(evaluation))
    say(f"Wrote {' and '.join(map(str, evaluate.save(evaluation, out)))}.")
    return 0
