"""`sample`: draws from a trained generator."""

from functools import partial

from tfgan_v1.commands.parsing import GENERATOR, Parser, call_of, parse_num, parse_seeds, say
from tfgan_v1.config import Config, from_mapping

EXAMPLES = (
    "--ckpt checkpoints",
    "--name photos --num 100",
    "--seeds 0-15,20 --out pictures/",
    "--class each",
    "--interpolate 3,7,12",
)


def parse(call, argv):
    """The flags of `sample` in `argv`, by name, with their defaults."""
    parser = Parser(call, "Draw samples from a trained generator. A seed gives the same image in every call.", EXAMPLES)
    add = parser.add_argument_group("flags").add_argument
    add("--ckpt", metavar="FOLDER", default=Config.ckpt, help="checkpoint folder of the run (default: %(default)s)")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add(
        "--num",
        metavar="N",
        type=parse_num,
        help="number of images, from seeds 0 to N - 1 (default: 16); of each class",
    )
    add("--seeds", metavar="LIST", type=parse_seeds, help="seeds to draw, such as 0-15,20")
    add(
        "--class",
        dest="class_names",
        metavar="NAME",
        help="class to draw, of a conditional run: 7, ankle_boot, a list such as 3,8, or each; of several, a row for "
        "each, with the same seeds (default: --num 10)",
    )
    add(
        "--interpolate",
        metavar="LIST",
        type=partial(parse_seeds, name="--interpolate"),
        help="draw a row of --num images (default: 8) from each of these seeds to the next, such as 3,7,12; with "
        "several --class, from class to class",
    )
    add(
        "--out",
        metavar="PATH",
        help="where to write: a .png image grid; a float32 array [n, h, w, c] in [0, 1] as .npy, .npz or .pkl; or a "
        "folder, which ends in /, for one PNG per image (default: samples.png in samples/ or samples/NAME/)",
    )
    return parser.parse(argv)


def run(argv, program):
    """Draws from a trained generator. Returns the exit code."""
    given = parse(call_of("sample", program), argv)
    config = from_mapping({"ckpt": given["ckpt"], "name": given["name"]})

    from tfgan_v1.drawing import make_drawing
    from tfgan_v1.report import image_files
    from tfgan_v1.storage import names, run_folder

    out = given["out"] if given["out"] is not None else str(config.samples_folder / names.GRID)
    image_files.check(out)
    classes = tuple(run_folder.read(config).data.get("classes", ()))  # before TensorFlow is imported
    drawing = make_drawing(*(given[name] for name in ("num", "seeds", "class_names", "interpolate")), classes)

    from tfgan_v1.sampling import Generator

    with Generator.restore(config.ckpt_folder, kind=given["generator"]) as generator:
        images = drawing.draw(generator)
        image_files.write(out, images, drawing.names, drawing.columns)
        kind = "image" if len(generator.image_shape) == 3 else "point"
        count = f"{len(images):,} {kind}{'s' * (len(images) != 1)}"
        rows = f" Rows: {', '.join(dict.fromkeys(drawing.classes))}." if drawing.columns and not drawing.between else ""
        say(f"Drew {count} from the generator of step {generator.step:,} to {out}.{rows}")
    return 0
