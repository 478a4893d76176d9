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
from tfgan_v1.config.options import flag
from tfgan_v1.errors import UserError
from tfgan_v1.evaluation.image_set import nearest
from tfgan_v1.report import console, image_files, plots, sheets
from tfgan_v1.sampling import drawing, latents
from tfgan_v1.sampling.generator import Generator
from tfgan_v1.storage import names, run_data, run_folder

EXAMPLES = (
    "--ckpt checkpoints",
    "--name photos --grid 4x8 --captions",
    "--seeds 0-15,20 --out pictures/",
    "--num 10000 --out images.npy",
    "--class each",
    "--interpolate 3,7,12 --out walk.gif",
    "--nearest",
)


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
    _add_what_to_draw(parser.add_argument_group("what to draw").add_argument)
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


def _add_what_to_draw(add):
    """Adds the flags that say what to draw. add: `add_argument` of their group."""
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
    add("--nearest", action="store_true", help="draw the nearest training image next to each sample")


def check_flags(flags, suffix):
    """Raises UserError for flags that exclude each other.

    flags: their values by name, None or False for those left out. suffix: of --out, lower case.
    """
    variants = [name for name in ("interpolate", "map", "nearest") if flags[name]]
    if len(variants) > 1:
        raise UserError(f"{' and '.join(map(flag, variants))} are different pictures; give one of them")
    variant = variants[0] if variants else None
    on_map, seeds = variant == "map", flags["seeds"] or ()
    for wrong, sentence in (
        (variant == "interpolate" and seeds, "--interpolate names the seeds itself; leave out --seeds"),
        (on_map and flags["num"], "--map N draws N x N images; leave out --num"),
        (
            on_map and len(seeds) > 1,
            "--map changes two dimensions of the noise of one seed; give one, such as --seeds 5",
        ),
        (on_map and flags["captions"], "--captions are seeds, and --map has values at its edges; leave it out"),
        (on_map and suffix == ".gif", "--map is no animation; give --out NAME.png, or --interpolate for a .gif"),
    ):
        if wrong:
            raise UserError(sentence)
    if flags["grid"] and variant in ("interpolate", "map"):
        raise UserError(f"--grid is for seeds, and --{variant} has rows and columns of its own; leave it out")
    pictures = [flag(name) for name in ("grid", "captions", "nearest") if flags[name]]
    if pictures and suffix != ".png":
        needs = "need" if pictures[1:] else "needs"
        raise UserError(f"{' and '.join(pictures)} {needs} a .png; give --out NAME.png")
    of_data = [flag(name) for name in run_data.PLACES if flags[name] is not None]
    if of_data and variant != "nearest":
        says = "say" if of_data[1:] else "says"
        raise UserError(f"{' and '.join(of_data)} {says} where training images are, which only --nearest needs; add it")


def check_points(flags, suffix):
    """Raises UserError for flags that make pictures of images, in a run that draws points."""
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
    config = from_mapping({"ckpt": flags["ckpt"], "name": flags["name"]})
    out = flags["out"] if flags["out"] is not None else str(config.samples_folder / names.GRID)
    suffix = "/" if image_files.is_folder(out) else Path(out).suffix.lower()
    check_flags(flags, suffix)
    image_files.check(out)
    saved = run_folder.read(config)
    shape, classes = tuple(saved.data["image_shape"]), tuple(saved.data.get("classes", ()))
    if len(shape) == 1:
        check_points(flags, suffix)
    if flags["truncate"] is not None:
        latents.check_truncation(flags["truncate"], saved.config.noise)
    request = drawing.Request(**{name: flags[name] for name in drawing.Request._fields})
    drawn = drawing.make_drawing(request, classes, closed=suffix == ".gif")
    with_text = bool(flags["captions"] or flags["nearest"] or (flags["map"] and suffix == ".png"))
    image_files.check_number(out, drawn.count, shape, with_text)
    places = {name: flags[name] for name in run_data.PLACES}
    training = run_data.training_images(config, **places) if flags["nearest"] else None
    with Generator.restore(config.ckpt_folder, kind=flags["generator"], step=flags["step"]) as generator:
        grid = make_grid(drawn, generator, training, with_text)
        images = image_files.Images(shown(drawn, generator), drawn.count, shape, grid, drawn.milliseconds)
        image_files.write(out, images, partial(drawn.file_name, stems=drawing.file_stems(classes)))
        unit = "image" if len(shape) == 3 else "point"
        count = f"{drawn.count:,} {unit}{'s' * (drawn.count != 1)}"
        rows = f" Rows: {', '.join(drawn.classes)}." if drawn.kind == "seeds" and len(drawn.classes) > 1 else ""
        say(f"Drew {count} from the generator of step {generator.step:,} to {out}.{rows}")
    return 0


def shown(drawn, generator):
    """Yields the blocks of a Drawing, with a progress bar on a terminal."""
    with console.bar(drawn.count, "images" if len(generator.image_shape) == 3 else "points") as bar:
        for block in drawn.blocks(generator):
            yield block
            bar.update(len(block))


def make_grid(drawn, generator, training, with_text):
    """How the images of a Drawing become a PNG: see image_files.Images.

    training: run_data.training_images, for --nearest, or None.
    """
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
    """Samples with their nearest training images, as the bytes of a PNG.

    training: images and their numbers in the data set. captions: of the samples; a training image has its number and
    the distance, of pixels in [0, 1].
    """
    images, numbers = training
    indices, distances = nearest(samples, images)
    texts = [f"no. {number}\n{apart:.2f}" for number, apart in zip(numbers[indices], distances, strict=True)]
    return sheets.nearest_png(samples, images[indices], zip(captions, texts, strict=True), columns)
