"""`sample`: draws from a trained generator."""

from functools import partial
from pathlib import Path

from tfgan_v1.commands.parsing import (
    GENERATOR,
    Parser,
    call_of,
    parse_grid,
    parse_num,
    parse_number,
    parse_seeds,
    parse_whole,
    say,
)
from tfgan_v1.config import Config, from_mapping

EXAMPLES = (
    "--ckpt checkpoints",
    "--name photos --grid 4x8 --captions",
    "--seeds 0-15,20 --out pictures/",
    "--num 10000 --out images.npy",
    "--class each",
    "--interpolate 3,7,12 --out walk.gif",
    "--nearest",
)
DATA = ("dataset", "labels", "data_dir", "cache_dir")  # where the training images are now, for --nearest


def parse(call, argv):
    """The flags of `sample` in `argv`, by name; None or False for those that were not given."""
    parser = Parser(call, "Draw samples from a trained generator. A seed gives the same image in every call.", EXAMPLES)
    add = parser.add_argument_group("which generator").add_argument
    add("--ckpt", metavar="FOLDER", default=Config.ckpt, help="checkpoint folder of the run (default: %(default)s)")
    add("--name", metavar="NAME", help="name of the run, if it has one")
    add("--generator", **GENERATOR)
    add(
        "--step",
        metavar="N",
        type=partial(parse_whole, "--step", 10**9),
        help="the generator of this step, one of the last that the run saved (default: the newest)",
    )
    add = parser.add_argument_group("what to draw").add_argument
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
        "--truncate",
        metavar="X",
        type=partial(parse_number, "--truncate"),
        help="truncate normal noise to -X ... X, such as 0.7: better images of less variety",
    )
    add(
        "--interpolate",
        metavar="LIST",
        type=partial(parse_seeds, name="--interpolate"),
        help="draw a row of --num images (default: 8) from each of these seeds to the next, such as 3,7,12; with "
        "several --class, from class to class; in a .gif (default: 20) also from the last to the first",
    )
    add(
        "--map",
        metavar="N",
        type=partial(parse_whole, "--map", 1000),
        help="draw N x N images, over the values of the first two dimensions of the noise; the others are those of "
        "--seeds N (default: 0)",
    )
    add("--nearest", action="store_true", help="draw the nearest training image beside each sample")
    add = parser.add_argument_group("output").add_argument
    add("--grid", metavar="ROWSxCOLUMNS", type=parse_grid, help="shape of the image grid, such as 4x8")
    add("--captions", action="store_true", help="write its seed, and its class, under each image of the grid")
    add(
        "--out",
        metavar="PATH",
        help="where to write: a .png image grid; a .gif; a float32 array [n, h, w, c] in [0, 1] as .npy, .npz or .pkl; "
        "or a folder, which ends in /, for one PNG per image (default: samples.png in samples/ or samples/NAME/)",
    )
    add = parser.add_argument_group("training images, of --nearest (default: where the run found them)").add_argument
    add("--dataset", metavar="NAME|PATH", help="where they are now")
    add("--labels", metavar="FILE", help="where their labels are now")
    add("--data-dir", metavar="FOLDER", help="where to look for mnist and fashion_mnist before $TFGAN_DATA")
    add("--cache-dir", metavar="FOLDER", help="folder for decoded images (default: the user's cache)")
    return parser.parse(argv)


def run(argv, program):
    """Draws from a trained generator. Returns the exit code."""
    given = parse(call_of("sample", program), argv)
    config = from_mapping({"ckpt": given["ckpt"], "name": given["name"]})

    from tfgan_v1.report import image_files
    from tfgan_v1.sampling import drawing, latents
    from tfgan_v1.storage import names, run_folder

    out = given["out"] if given["out"] is not None else str(config.samples_folder / names.GRID)
    suffix = "/" if image_files.is_folder(out) else Path(out).suffix.lower()
    drawing.check_flags(given, suffix)
    image_files.check(out)
    saved = run_folder.read(config)  # all is checked before TensorFlow is imported
    shape, classes = tuple(saved.data["image_shape"]), tuple(saved.data.get("classes", ()))
    if len(shape) == 1:
        drawing.check_points(given, suffix)
    if given["truncate"] is not None:
        latents.check_truncation(given["truncate"], saved.config.noise)
    wanted = {name: given[name] for name in ("num", "seeds", "class_names", "interpolate", "map", "grid", "truncate")}
    drawn = drawing.make_drawing(classes, **wanted, closed=suffix == ".gif")
    with_text = bool(given["captions"] or given["nearest"] or (given["map"] and suffix == ".png"))
    image_files.check_number(out, drawn.count, shape, with_text)
    training = None
    if given["nearest"]:
        from tfgan_v1.sampling import neighbours

        training = neighbours.load(config, **{name: given[name] for name in DATA})

    from tfgan_v1.sampling.generator import Generator

    with Generator.restore(config.ckpt_folder, kind=given["generator"], step=given["step"]) as generator:
        sheet = make_sheet(drawn, generator, training, with_text)
        images = image_files.Images(shown(drawn, generator), drawn.count, shape, sheet, drawn.milliseconds)
        image_files.write(out, images, partial(drawn.file_name, stems=drawing.file_stems(classes)))
        kind = "image" if len(shape) == 3 else "point"
        count = f"{drawn.count:,} {kind}{'s' * (drawn.count != 1)}"
        rows = f" Rows: {', '.join(drawn.classes)}." if drawn.kind == "seeds" and len(drawn.classes) > 1 else ""
        say(f"Drew {count} from the generator of step {generator.step:,} to {out}.{rows}")
    return 0


def shown(drawn, generator):
    """Yields the blocks of a Drawing, with a progress bar on a terminal."""
    from tfgan_v1.report import console

    with console.bar(drawn.count, "images" if len(generator.image_shape) == 3 else "points") as bar:
        for block in drawn.blocks(generator):
            yield block
            bar.update(len(block))


def make_sheet(drawn, generator, training, with_text):
    """How the images of a Drawing become a PNG: see image_files.Images. training: see neighbours.load, or None."""
    from tfgan_v1.report import plots, sheets
    from tfgan_v1.sampling import neighbours

    if not with_text:
        return partial(plots.samples_png, columns=drawn.columns)
    if drawn.kind == "map":
        values = [f"{value:.2f}" for value in drawn.axis(generator.noise)]
        return partial(sheets.sheet_png, columns=drawn.columns, x=values, y=values[::-1])
    texts = {"columns": drawn.columns, "captions": drawn.captions(generator)}
    return partial(neighbours.sheet_png, training=training, **texts) if training else partial(sheets.sheet_png, **texts)
