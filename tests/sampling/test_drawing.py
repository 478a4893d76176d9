"""What `sample` draws, flag by flag, and how: files, grids, animations, maps, nearest training images."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tfgan_v1 import Config, Generator, UserError, data, train
from tfgan_v1.commands import sample as command_sample
from tfgan_v1.report import image_files, sheets
from tfgan_v1.report.images import as_bytes, grid_png
from tfgan_v1.sampling import drawing, latents
from tfgan_v1.storage import run_data, run_folder

CLASSES = ("red", "a_name_that_is_much_too_long_for_a_caption")
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 12, 3), np.uint8)
LABELS = np.array([CLASSES[i % 2] for i in range(40)])
STEPS = (12, 14, 16, 18, 20)  # the last five at which a generator is saved


def folders(path):
    return {"ckpt": path / "checkpoints", "samples": path / "samples", "xla": "off"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Progress of a run in colour, with normal noise, without classes, on an array. Tests only read in it."""
    folder = tmp_path_factory.mktemp("drawing")
    np.save(folder / "images.npy", IMAGES)
    options = {"model": "mlp", "noise": "normal", "noise_size": 6, "average": 0.5, "batch_size": 8, "sample_every": 2}
    return train(Config(steps=20, **options, **folders(folder)), images=IMAGES)


@pytest.fixture(scope="module")
def of_classes(tmp_path_factory):
    """The Progress of a small conditional run."""
    config = Config(model="mlp", conditional=True, steps=2, batch_size=8, **folders(tmp_path_factory.mktemp("classes")))
    return train(config, images=IMAGES, labels=LABELS)


@pytest.fixture(scope="module")
def of_points(tmp_path_factory):
    """The Progress of a small run on points."""
    return train(Config(model="gaussian", steps=2, **folders(tmp_path_factory.mktemp("points"))))


@pytest.fixture(scope="module")
def generator(run):
    with Generator.restore(run.config.ckpt_folder) as generator:
        yield generator


@pytest.fixture
def sample(command, tmp_path):
    """Draws to a file in a temporary folder; returns its path."""

    def draw(run, out, *flags):
        code, said, err = command("sample", "--ckpt", run.config.ckpt_folder, "--out", f"{tmp_path}/{out}", *flags)
        assert (code, err) == (0, "") and said.startswith("Drew")
        return tmp_path / out

    return draw


@pytest.fixture
def refused(command, tmp_path):
    """The sentence with which flags are refused, without a file, and with a table under it or not."""

    def draw(run, *flags, out="a.png"):
        code, said, err = command("sample", "--ckpt", run.config.ckpt_folder, "--out", tmp_path / "new" / out, *flags)
        sentence, *table = err.splitlines()
        assert (code, said) == (2, "") and all(line.startswith("  ") for line in table)
        assert not (tmp_path / "new").exists()
        return sentence

    return draw


def as_saved(array):
    """The bytes of np.save."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


# Arrays, a block at a time


@pytest.mark.parametrize("count", [1, 6, 7, 8, 70])
def test_streamed_arrays_have_the_bytes_of_np_save(run, generator, sample, monkeypatch, count):
    monkeypatch.setattr(drawing, "BLOCK", 7)
    images = generator(range(count))
    assert sample(run, "a.npy", "--num", count).read_bytes() == as_saved(images)
    with np.load(sample(run, "a.npz", "--num", count)) as archive:
        assert archive.files == ["images"] and archive["images"].tobytes() == images.tobytes()
        assert archive["images"].shape == images.shape and archive["images"].dtype == np.float32


def test_more_images_than_a_block_are_drawn_one_block_after_the_other(run, generator, sample):
    drawn = drawing.make_drawing(drawing.DrawRequest(num=2 * drawing.BLOCK + 3))
    blocks = list(drawn.blocks(generator))
    assert [len(block) for block in blocks] == [drawing.BLOCK, drawing.BLOCK, 3]
    assert np.load(sample(run, "a.npy", "--num", drawn.count)).tobytes() == np.concatenate(blocks).tobytes()
    assert np.array_equal(blocks[1][0], generator([drawing.BLOCK])[0])


def test_blocks_of_large_images_are_smaller(generator, monkeypatch):
    monkeypatch.setattr(drawing, "BLOCK_BYTES", 4 * 8 * 12 * 3 * 5)
    assert [len(block) for block in drawing.make_drawing(drawing.DrawRequest(num=12)).blocks(generator)] == [5, 5, 2]
    monkeypatch.setattr(drawing, "BLOCK_BYTES", 1)
    assert [len(block) for block in drawing.make_drawing(drawing.DrawRequest(num=2)).blocks(generator)] == [1, 1]


@pytest.mark.parametrize("flags", [["--interpolate", "3,7,12"], ["--map", "4"], ["--seeds", "5,1"]], ids=" ".join)
def test_the_size_of_a_block_changes_nothing(run, sample, monkeypatch, flags):
    whole = np.load(sample(run, "a.npy", *flags))
    monkeypatch.setattr(drawing, "BLOCK", 3)
    assert np.load(sample(run, "b.npy", *flags)).tobytes() == whole.tobytes()


# Image grids


@pytest.mark.parametrize("grid", ["1x6", "2x3", "6x1"])
def test_a_grid_has_the_rows_and_columns_that_are_asked_for(run, generator, sample, grid):
    rows, columns = map(int, grid.split("x"))
    picture = sample(run, "a.png", "--grid", grid)
    assert picture.read_bytes() == grid_png(generator(range(6)), columns)
    width, height = Image.open(picture).size
    assert width / height == pytest.approx((columns * 14 - 2) / (rows * 10 - 2), rel=0.01)
    assert sample(run, "b.png", "--grid", grid, "--seeds", "7-12").read_bytes() == grid_png(
        generator(range(7, 13)), columns
    )


@pytest.mark.parametrize("grid", ["", "4", "4x", "x4", "0x4", "4x4x4", "1.5x2", "2000x2000", "4*4", "9" * 30])
def test_a_wrong_grid_is_one_sentence(run, refused, grid):
    assert "--grid takes ROWSxCOLUMNS, 1,000,000 images at most, such as 4x8, not" in refused(run, "--grid", grid)


def test_a_grid_has_as_many_places_as_images(run, of_classes, refused):
    assert "--grid 2x3 has 6 places, and there are 7 images" in refused(run, "--grid", "2x3", "--num", 7)
    right = "--grid 2x3 has 6 places, and there are 2 classes of 2 images; give as many"
    assert right in refused(of_classes, "--grid", "2x3", "--class", "each", "--seeds", "1,2")


@pytest.fixture
def texts(monkeypatch):
    """The arguments of each sheet with text that is drawn."""
    calls, draw = [], sheets.sheet_png

    def record(images, columns=None, captions=None, **others):
        calls.append((images, columns, captions, others))
        return draw(images, columns, captions, **others)

    monkeypatch.setattr(sheets, "sheet_png", record)
    return calls


def test_captions_are_the_seeds_and_the_classes(run, of_classes, generator, sample, texts):
    sample(run, "a.png", "--seeds", "4,9", "--captions")
    sample(of_classes, "a.png", "--seeds", "4,9", "--captions", "--class", "each")
    sample(of_classes, "a.png", "--seeds", "4,9", "--captions")
    sample(run, "a.png", "--interpolate", "4,9,2", "--num", 3, "--captions")
    long, red = CLASSES[1], CLASSES[0]
    with Generator.restore(of_classes.config.ckpt_folder) as conditional:
        own = conditional.seed_classes([4, 9])
    assert [captions for _, _, captions, _ in texts] == [
        ["seed 4", "seed 9"],
        [f"seed {seed}\n{name}" for name in (long, red) for seed in (4, 9)],
        [f"seed {seed}\n{name}" for seed, name in zip((4, 9), own, strict=True)],
        ["seed 4", "", "seed 9", "seed 9", "", "seed 2"],
    ]
    assert np.array_equal(texts[0][0], as_bytes(generator([4, 9])))


# Interpolations and animations


def test_a_strip_goes_from_seed_to_seed_on_a_sphere(run, generator, sample):
    frames = np.load(sample(run, "a.npy", "--interpolate", "3,7,12", "--num", 5))
    way = latents.path(generator.latents([3, 7, 12]), 5, spherical=True)
    assert frames.tobytes() == generator.from_latents(way).tobytes() and len(frames) == 10
    assert len(np.load(sample(run, "a.npy", "--interpolate", "3,7,12"))) == 16
    assert sample(run, "a.png", "--interpolate", "3,7,12", "--num", 5).read_bytes() == grid_png(frames, 5)


def test_uniform_noise_is_interpolated_on_a_straight_line(of_classes, sample):
    frames = np.load(sample(of_classes, "a.npy", "--interpolate", "3,7", "--num", 3, "--class", "red"))
    with Generator.restore(of_classes.config.ckpt_folder) as generator:
        middle = generator.latents([3, 7]).mean(0, keepdims=True)
        assert np.allclose(frames[1], generator.from_latents(middle, generator.labels("red", 1))[0], atol=1e-5)


def frames_of(path):
    """(frames, their milliseconds, loop) of an animation, as Pillow reads it."""
    with Image.open(path) as picture:
        frames, times = [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")))
            times.append(picture.info["duration"])
        return np.stack(frames), times, picture.info["loop"]


@pytest.mark.parametrize("flags, count", [([], 60), (["--num", "4"], 12)])
def test_an_animation_goes_back_to_the_first_seed_and_loops(run, generator, sample, flags, count):
    frames, times, loop = frames_of(sample(run, "a.gif", "--interpolate", "3,7,12", *flags))
    assert (len(frames), loop, {*times}) == (count, 0, {50})
    way = latents.path(generator.latents([3, 7, 12, 3]), count // 3, spherical=True, with_end=False)
    factor = frames.shape[2] // 12
    shown, right = frames[:, ::factor, ::factor].astype(int), as_bytes(generator.from_latents(way))
    assert shown.shape == right.shape and np.abs(shown - right).max() <= 20  # 256 colours a frame
    assert np.array_equal(as_bytes(generator([3, 7, 12])), right[:: count // 3])


def test_seeds_become_a_slow_animation(of_classes, sample):
    frames, times, loop = frames_of(sample(of_classes, "a.gif", "--seeds", "1-5"))
    assert (len(frames), loop, {*times}) == (5, 0, {500})


def test_an_animation_of_classes_goes_back_to_the_first(of_classes, sample):
    frames = np.load(sample(of_classes, "a.npy", "--interpolate", 3, "--class", "each", "--num", 4))
    assert (
        len(frames) == 4 and len(frames_of(sample(of_classes, "a.gif", "--interpolate", 3, "--class", "each"))[0]) == 40
    )


def test_the_frames_of_an_interpolation_are_numbered_in_a_folder(run, generator, sample):
    folder = sample(run, "frames/", "--interpolate", "3,7", "--num", 3)
    assert sorted(path.name for path in folder.iterdir()) == [f"frame-000{number}.png" for number in range(3)]
    assert np.array_equal(Image.open(folder / "frame-0002.png"), as_bytes(generator([7])[0]))


# Truncation and maps


def test_truncated_images_are_those_of_truncated_noise(run, generator, sample):
    z = latents.truncate(generator.latents(range(16)), 0.7)
    assert np.abs(z).max() <= 0.7 and np.array_equal(generator.latents(range(16), truncate=0.7), z)
    images = np.load(sample(run, "a.npy", "--truncate", "0.7"))
    assert images.tobytes() == generator.from_latents(z).tobytes() != generator(range(16)).tobytes()
    way = latents.truncate(latents.path(generator.latents([3, 7]), 5, spherical=True), 0.7)
    frames = np.load(sample(run, "a.npy", "--truncate", "0.7", "--interpolate", "3,7", "--num", 5))
    assert frames.tobytes() == generator.from_latents(way).tobytes()


@pytest.mark.parametrize("limit", ["0", "-1", "11", "nan", "inf", "x", ""])
def test_a_wrong_truncation_is_one_sentence(run, refused, limit):
    assert re.search(r"--truncate (must be|takes) a number", refused(run, "--truncate", limit))


def test_uniform_noise_is_not_truncated(of_classes, refused):
    assert "--truncate is for normal noise, and this run's is uniform" in refused(of_classes, "--truncate", "0.7")


def test_a_map_is_of_the_first_two_dimensions(run, generator, sample, texts):
    images = np.load(sample(run, "a.npy", "--map", 3, "--seeds", 5))
    values = latents.quantiles("normal", 3)
    z = np.repeat(generator.latents([5]), 9, axis=0)
    z[:, 0], z[:, 1] = np.tile(values, 3), np.repeat(values[::-1], 3)  # the second from bottom to top
    assert images.tobytes() == generator.from_latents(z).tobytes()
    sample(run, "a.png", "--map", 3, "--seeds", 5)
    assert np.array_equal(texts[0][0], as_bytes(images)) and texts[0][1] == 3
    assert texts[0][3] == {"x": ["-0.97", "0.00", "0.97"], "y": ["0.97", "0.00", "-0.97"]}
    sample(run, "a.png", "--map", 3, "--truncate", 0.5)
    assert texts[1][3]["x"] == [f"{value:.2f}" for value in latents.truncate(values, 0.5)]


def test_a_map_of_a_conditional_run_has_one_class(of_classes, sample, refused):
    images = np.load(sample(of_classes, "a.npy", "--map", 2, "--class", "red"))
    with Generator.restore(of_classes.config.ckpt_folder) as generator:
        z = latents.plane(generator.latents([0])[0], np.float32([-0.5, 0.5]))
        assert images.tobytes() == generator.from_latents(z, generator.labels("red", 4)).tobytes()
    assert "--map draws one class, and --class names 2; give one of them" in refused(
        of_classes, "--map", 2, "--class", "each"
    )


# Nearest training images


def test_the_nearest_training_image_is_beside_each_sample(run, generator, sample, texts):
    sample(run, "a.png", "--nearest", "--num", 6, "--dataset", run.config.ckpt_folder.parent / "images.npy")
    samples = as_bytes(generator(range(6)))
    gaps = np.linalg.norm((samples[:, None].astype(float) - IMAGES[None]).reshape(6, 40, -1), axis=2) / 255
    nearest = gaps.argmin(1)
    images, columns, captions, others = texts[0]
    assert np.array_equal(images[::2], samples) and np.array_equal(images[1::2], IMAGES[nearest])
    assert captions[::2] == [f"seed {seed}" for seed in range(6)] and (columns, others) == (6, {"group": 2, "y": None})
    assert captions[1::2] == [f"no. {i}\ndistance {gap:.2f}" for i, gap in zip(nearest, gaps.min(1), strict=True)]


def test_a_copy_is_found_with_distance_0_and_its_number_in_the_data(texts):
    training = IMAGES[[3, 30, 17]], ["no. 3", "no. 30", "no. 17"]
    command_sample.nearest_grid(IMAGES[[17, 3]], training, ["seed 0", "seed 1"], None)
    assert texts[0][2] == ["seed 0", "no. 17\ndistance 0.00", "seed 1", "no. 3\ndistance 0.00"]
    assert np.array_equal(texts[0][0], IMAGES[[17, 17, 3, 3]])


def test_held_out_images_are_no_training_images(digits_config):
    config, digits = digits_config(holdout=97), data.load("digits")
    config.ckpt_folder.mkdir(parents=True)
    run_folder.write(run_folder.Saved(config, run_data.metadata(config, digits), {}, "id"))
    images, titles = run_data.training_images(config)
    assert images.shape == (1700, 28, 28, 1) and len({*titles}) == 1700
    assert np.array_equal(images, digits.images[[int(title.removeprefix("no. ")) for title in titles]])


def test_training_images_of_a_folder_have_the_names_of_their_files(digits_config, tmp_path):
    for name in ("b.png", "a/0.png", "c.png"):
        (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[len(name)]).save(tmp_path / "faces" / name)
    (tmp_path / "faces" / "broken.png").touch()
    config = digits_config(dataset=str(tmp_path / "faces"))
    config.ckpt_folder.mkdir(parents=True)
    run_folder.write(run_folder.Saved(config, run_data.metadata(config, run_data.load(config)), {}, "id"))
    images, titles = run_data.training_images(config)
    assert titles == ["a/0.png", "b.png", "c.png"] and len(images) == 3


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG"])
def test_a_jpeg_is_the_grid_of_the_png(run, sample, suffix):
    for flags in ([], ["--captions", "--grid", "2x3"], ["--map", 2]):
        picture = Image.open(sample(run, f"a.{suffix}", *flags))
        grid = Image.open(sample(run, "a.png", *flags)).convert("RGB")
        assert (picture.format, picture.size) == ("JPEG", grid.size)
        assert np.abs(np.asarray(picture, float) - np.asarray(grid, float)).mean() < 3


def test_ctrl_c_says_what_was_written(command, run, tmp_path, monkeypatch):
    def stopped(drawing, generator):
        yield np.zeros((2, 8, 12, 3))
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing.Drawing, "blocks", stopped)
    for out, said in (("a.png", "nothing was written"), ("images/", "2 of 16 images are in images/")):
        monkeypatch.chdir(tmp_path)
        code, printed, err = command("sample", "--ckpt", run.config.ckpt_folder, "--out", out)
        assert (code, printed, err) == (130, "", f"sample.py: stopped; {said}\n")
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["seed-0.png", "seed-1.png"]


def test_nearest_needs_the_images_that_the_run_was_trained_on(run, of_classes, refused, tmp_path_factory):
    advice = "was trained on an array; save it with numpy.save, and its labels, if it has any, and name these files by"
    assert advice in refused(run, "--nearest")
    folder = tmp_path_factory.mktemp("others")
    np.save(folder / "others.npy", IMAGES[::-1])
    assert "others.npy does not hold the images that the run in" in refused(
        run, "--nearest", "--dataset", folder / "others.npy"
    )
    np.save(folder / "images.npy", IMAGES)
    wants = "images.npy has no labels; name a file of them by --labels"
    assert wants in refused(of_classes, "--nearest", "--dataset", folder / "images.npy")


# Which generator


def test_a_step_is_one_of_those_that_the_run_keeps(run, generator, sample, refused):
    images = {}
    for kind in ("average", "latest"):
        for step in STEPS:
            images[kind, step] = np.load(sample(run, "a.npy", "--step", step, "--generator", kind)).tobytes()
    assert len({*images.values()}) == 10 and generator(range(16)).tobytes() == images["average", 20]
    assert np.load(sample(run, "a.npy", "--generator", "latest")).tobytes() == images["latest", 20]
    with Generator.restore(run.config.ckpt_folder, step=14) as earlier:
        assert (earlier.step, earlier.kind) == (14, "average")
        assert earlier(range(16)).tobytes() == images["average", 14]
    for step in (10, 13, 22):
        right = f"has no average generator of step {step}; it keeps the last 5, and has those of 12, 14, 16, 18, 20"
        assert right in refused(run, "--step", step)
    assert "--step must be a whole number" in refused(run, "--step", "0")
    with pytest.raises(UserError, match=r"has no average generator of step \[14\]"):
        Generator.restore(run.config.ckpt_folder, step=[14])


def test_a_generator_that_the_run_does_not_keep_is_refused(run, of_classes, refused):
    assert "has no best generator: train with --evaluate-every N" in refused(run, "--generator", "best", "--step", 20)
    assert "has no average generator" in refused(of_classes, "--generator", "average")
    with pytest.raises(UserError, match=r"there is no \['best'\] generator; the kinds are latest"):
        Generator.restore(run.config.ckpt_folder, kind=["best"])


# Flags that exclude each other, and memory

EXCLUDED = [  # flags, --out, what the sentence says
    (["--interpolate", "1,2", "--map", 3], "a.png", "--interpolate and --map are different pictures; give one of"),
    (["--interpolate", "1,2", "--nearest"], "a.png", "--interpolate and --nearest are different pictures"),
    (["--map", 3, "--nearest"], "a.png", "--map and --nearest are different pictures"),
    (["--interpolate", "1,2", "--seeds", 1], "a.png", "--interpolate names the seeds itself; leave out --seeds"),
    (["--map", 3, "--num", 4], "a.png", "--map N draws N x N images; leave out --num"),
    (["--map", 3, "--seeds", "1,2"], "a.png", "--map changes two dimensions of the noise of one seed; give one"),
    (["--interpolate", "1,2", "--grid", "1x8"], "a.png", "--grid is for seeds, and --interpolate has rows and columns"),
    (["--map", 3, "--grid", "3x3"], "a.png", "--grid is for seeds, and --map has rows and columns of its own"),
    (["--map", 3, "--captions"], "a.png", "--captions are seeds, and --map has values at its edges; leave it out"),
    (["--grid", "4x4"], "a.npy", "--grid needs a .png; give --out NAME.png"),
    (["--captions"], "a.gif", "--captions needs a .png; give --out NAME.png"),
    (["--captions", "--grid", "4x4", "--nearest"], "a.npz", "--grid needs a .png"),
    (["--map", 3], "a.gif", "--map is no animation; give --out NAME.png, or --interpolate for a .gif"),
    (["--dataset", "digits"], "a.png", "--dataset says where training images are, which only --nearest needs; add it"),
    (["--labels", "a", "--data-dir", "b", "--cache-dir", "c"], "a.png", "--labels says where training images are"),
    (["--map", 0], "a.png", "--map must be a whole number, at least 1"),
    (["--map", 45], "a.png", "a .png with text takes at most 2,000 of these images, and there are 2,025"),
    (["--num", 2001, "--captions"], "a.png", "a .png with text takes at most 2,000 of these images"),
    (["--num", 700_000], "a.png", "a .png takes at most 699,050 of these images, and there are 700,000; use .npy or"),
    (["--num", 10_000], "a.gif", "a .gif takes at most 4,473 of these images, and there are 10,000; use .npy or .npz"),
    (["--num", 932_068], "a.pkl", "a .pkl takes at most 932,067 of these images"),
]


@pytest.mark.parametrize("flags, out, right", EXCLUDED, ids=lambda each: str(each)[:40])
def test_flags_that_exclude_each_other_are_one_sentence(run, refused, flags, out, right):
    assert right in refused(run, *flags, out=out)


@pytest.mark.parametrize(
    "flags, out, right",
    [
        (["--grid", "4x4"], "a.png", "--grid is for images, and this run draws points; leave it out, and draw a .png"),
        (["--captions"], "a.png", "--captions is for images"),
        (["--nearest"], "a.png", "--nearest is for images"),
        (["--map", 3], "a.npy", "--map is for images"),
        ([], "a.gif", "--out *.gif is for images"),
        (["--num", 100_001], "a.png", "a .png takes at most 100,000 of these points, and there are 100,001; use .npy"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_points_are_no_pictures(of_points, refused, flags, out, right):
    assert right in refused(of_points, *flags, out=out)


def test_points_are_drawn_as_a_density_and_as_arrays(of_points, sample):
    with Generator.restore(of_points.config.ckpt_folder) as generator:
        points = generator(range(3000))
    assert sample(of_points, "a.npy", "--num", 3000).read_bytes() == as_saved(points)
    assert Image.open(sample(of_points, "a.png", "--num", 3000)).size[0] > 300
    assert np.load(sample(of_points, "a.npy", "--interpolate", "3,7")).shape == (8, 1)


def test_the_limits_of_files_are_about_memory():
    """At each limit, what is held at once is below about a gigabyte."""
    for shape in ((28, 28, 1), (128, 128, 3), (8, 12, 3)):
        pixels = np.prod(shape[:2])
        most = {suffix: each.most(shape) for suffix, each in image_files.FORMATS.items()}
        assert most[".png"] * pixels * shape[2] <= 2**28 and most[".pkl"] * pixels * shape[2] * 4 <= 2**30
        assert most[".npy"] == most[".npz"] == np.inf and most[".gif"] * pixels <= 2**28
