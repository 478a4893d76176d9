"""`sample`: draws from a trained generator."""

from functools import partial
from pathlib import Path

from tfgan_v1.commands import call_of
from tfgan_v1.commands.parsing import Parser, parse_grid, parse_seeds, run_of, whole
from tfgan_v1.config import MOST_DRAWN
from tfgan_v1.config.options import flag
from tfgan_v1.errors import UserError, count_of, say
from tfgan_v1.evaluation.image_set import nearest
from tfgan_v1.report import image_files, plots, sheets
from tfgan_v1.sampling import drawing, latents
from tfgan_v1.sampling.generator import Generator
from tfgan_v1.storage import names, run_data, run_folder
from tfgan_v1.streams import watched

NUM_POINTS = 1000  # a picture of fewer shows little
EXAMPLES = (
    "--ckpt checkpoints",
    "--name photos --grid 4x8 --captions",
    "--seeds 0-15,20 --out pictures/",
    "--num 10000 --out images.npy",
    "--class each",
    "--interpolate 3,7,12 --out walk.gif",
    "--nearest",
)
EXCLUSIVE = (  # two flags, and why only one of them can be given
    ("interpolate", "map", "--interpolate and --map are different pictures; give one of them"),
    ("interpolate", "nearest", "--interpolate and --nearest are different pictures; give one of them"),
    ("map", "nearest", "--map and --nearest are different pictures; give one of them"),
    ("interpolate", "seeds", "--interpolate names the seeds itself; leave out --seeds"),
    ("interpolate", "grid", "--grid is for seeds, and --interpolate has rows and columns of its own; leave it out"),
    ("map", "grid", "--grid is for seeds, and --map has rows and columns of its own; leave it out"),
    ("map", "num", "--map N draws N x N images; leave out --num"),
    ("map", "captions", "--captions are seeds, and --map has values at its edges; leave it out"),
    ("num", "seeds", "--num N means --seeds 0-(N-1); give one of them"),
)


def parse(call, argv):
    """The flags of `sample` in `argv`, by name; None or False for those that were not given."""
    parser = Parser(call, "Draw samples from a trained generator. A seed gives the same image in every call.", EXAMPLES)
    add = parser.group("which generator")
    add("--ckpt")
    add("--name")
    add("--generator")
    step = "the generator of this step, one of the last that the run saved (default: the newest)"
    add("--step", metavar="N", type=whole(10**9), help=step)
    _add_what_to_draw(parser.group("what to draw"))
    add = parser.group("output")
    add("--grid", metavar="ROWSxCOLUMNS", type=parse_grid, help="shape of the image grid, such as 4x8")
    add("--captions", action="store_true", help="write its seed, and its class, under each image of the grid")
    add(
        "--out",
        metavar="PATH",
        help="where to write: a .png or .jpg image grid; a .gif; a float32 array [n, h, w, c] in [0, 1], .npy, .npz or "
        ".pkl; or a folder, which ends in /, for one PNG per image (default: samples.png in samples/ or samples/NAME/)",
    )
    add = parser.group("training images, of --nearest (default: where the run found them)")
    add("--dataset", help="where they are now")
    add("--labels", help="where their labels are now")
    add("--data-dir")
    add("--cache-dir", help="folder for decoded images (default: the user's cache)")
    return parser.parse(argv)


def _add_what_to_draw(add):
    """Adds the flags that say what to draw. add: see Parser.group."""
    num = f"number of images, of seeds 0 to N - 1; with --class, of each class (default: 16; of points {NUM_POINTS:,})"
    add("--num", metavar="N", type=whole(MOST_DRAWN), help=num)
    add("--seeds", metavar="LIST", type=parse_seeds, help="seeds to draw, such as 0-15,20")
    add(
        "--class",
        dest="class_names",
        metavar="NAME",
        help="class to draw, of a conditional run: 7, ankle_boot, a list such as 3,8, or each; of several, a row for "
        "each, with the same seeds (default: --num 10)",
    )
    truncate = "truncate normal noise to -X ... X, such as 0.7: better images of less variety"
    add("--truncate", metavar="X", type=float, help=truncate)
    add(
        "--interpolate",
        metavar="LIST",
        type=parse_seeds,
        help="draw a row of --num images (default: 8) from each of these seeds to the next, such as 3,7,12; with "
        "several --class, from class to class; in a .gif (default: 20) also from the last to the first",
    )
    add(
        "--map",
        metavar="N",
        type=whole(1000),
        help="draw N x N images, over the values of the first two dimensions of the noise; the others are those of "
        "--seeds N (default: 0)",
    )
    add("--nearest", action="store_true", help="draw the nearest training image next to each sample")


def check_flags(flags, suffix):
    """Raises UserError for flags that do not go together. flags: by name. suffix: of --out, lower case."""
    for first, second, sentence in EXCLUSIVE:
        if flags[first] and flags[second]:
            raise UserError(sentence)
    if flags["map"] and len(flags["seeds"] or ()) > 1:
        raise UserError("--map changes two dimensions of the noise of one seed; give one, such as --seeds 5")
    if flags["map"] and suffix == ".gif":
        raise UserError("--map is no animation; give --out NAME.png, or --interpolate for a .gif")
    for name in ("grid", "captions", "nearest"):
        if flags[name] and suffix not in image_files.PICTURES:
            raise UserError(f"--{name} needs a .png; give --out NAME.png")
    for name in run_data.PLACES:
        if flags[name] is not None and not flags["nearest"]:
            raise UserError(f"{flag(name)} says where training images are, which only --nearest needs; add it")


def check_points(flags, suffix):
    """Raises UserError for flags that make pictures of images, in a run that draws points: see check_flags."""
    pictures = [flag(name) for name in ("grid", "captions", "nearest", "map") if flags[name]]
    pictures += [f"--out *{suffix}"] * (suffix == ".gif")
    if pictures:
        raise UserError(
            f"{pictures[0]} is for images, and this run draws points; leave it out, and draw a .png, which shows their "
            "density, or an array such as .npy"
        )


def run(argv, program):
    """Draws from a trained generator. Returns the exit code."""
    flags = parse(call_of("sample", program), argv)
    config = run_of(flags["ckpt"], flags["name"])
    out = flags["out"] if flags["out"] is not None else str(config.samples_folder / names.GRID)
    suffix = "/" if image_files.is_folder(out) else Path(out).suffix.lower()
    check_flags(flags, suffix)
    image_files.check(out)
    if flags["out"] is None:
        run_folder.check_outputs([Path(out)])
    saved = run_folder.read(config)
    shape, classes = tuple(saved.data["image_shape"]), tuple(saved.data.get("classes", ()))
    if len(shape) == 1:
        check_points(flags, suffix)
        flags["num"] = flags["num"] or (None if flags["seeds"] or flags["interpolate"] else NUM_POINTS)
    if flags["truncate"] is not None:
        latents.check_truncation(flags["truncate"], saved.config.noise)
    request = drawing.DrawRequest(**{name: flags[name] for name in drawing.DrawRequest._fields})
    drawn = drawing.make_drawing(request, classes, closed=suffix == ".gif")
    with_text = bool(flags["captions"] or flags["nearest"] or (flags["map"] and suffix in image_files.PICTURES))
    image_files.check_number(out, drawn.count, shape, with_text)
    name_of = partial(drawn.file_name, stems=drawing.file_stems(classes))
    image_files.check_folder(out, drawn.count, name_of)
    places = {name: flags[name] for name in run_data.PLACES}
    training = run_data.training_images(config, **places) if flags["nearest"] else None
    with Generator.restore(config.ckpt_folder, kind=flags["generator"], step=flags["step"]) as generator:
        grid = make_grid(drawn, generator, training, with_text)
        blocks = watched(drawn.blocks(generator), drawn.count, "images" if len(shape) == 3 else "points")
        images = image_files.Images(blocks, drawn.count, shape, grid, drawn.milliseconds)
        image_files.write(out, images, name_of)
        unit = "image" if len(shape) == 3 else "point"
        rows = f" Rows: {', '.join(drawn.classes)}." if drawn.kind == "seeds" and len(drawn.classes) > 1 else ""
        say(f"Drew {count_of(drawn.count, unit)} from the generator of step {generator.step:,} to {out}.{rows}")
    return 0


def make_grid(drawn, generator, training, with_text):
    """How the images of a Drawing become a PNG: see image_files.Images. training: the images for --nearest, or None."""
    if not with_text:
        return partial(plots.samples_png, columns=drawn.columns)
    if drawn.kind == "map":
        values = [f"{value:.2f}" for value in drawn.axis(generator.noise)]
        return partial(sheets.sheet_png, columns=drawn.columns, x=values, y=values[::-1])
    captions = drawn.captions(generator)
    if training is None:
        return partial(sheets.sheet_png, columns=drawn.columns, captions=captions)
    return partial(nearest_grid, training=training, captions=captions, columns=drawn.columns)


def nearest_grid(samples, training, captions, columns):
    """Samples with captions, next to the nearest training images with name and distance, as the bytes of a PNG.

    training: see run_data.training_images. The distance is of pixels in [0, 1].
    """
    images, titles = training
    indices, distances = nearest(samples, images)
    texts = [f"{titles[index]}\ndistance {apart:.2f}" for index, apart in zip(indices, distances, strict=True)]
    return sheets.nearest_png(samples, images[indices], zip(captions, texts, strict=True), columns)
