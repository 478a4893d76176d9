"""Pictures of any format, mode, size and orientation are decoded as a viewer shows them; hostile ones are refused."""

import io
import re
import struct
import tracemalloc
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image, ImageColor

from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, decoding

HEIGHT, WIDTH = 12, 16
AS_IT_IS = Shaping((HEIGHT, WIDTH), fit="stretch")
_y, _x = np.mgrid[:HEIGHT, :WIDTH]
GRAY = (_x * 12 + _y * 5).astype(np.uint8)  # brighter to the right and below
COLOUR = np.stack([GRAY, 255 - GRAY, np.where(_y < 4, 200, 20)], -1).astype(np.uint8)
COVER = np.where(_x < 8, 255, 0).astype(np.uint8)  # the left half is opaque


def decoded(path, **shaping):
    return decoding.decode(path, AS_IT_IS._replace(**shaping))[0]


def rgba(colour=COLOUR):
    return Image.fromarray(np.dstack([colour, COVER]), "RGBA")


def on(background, colour=COLOUR):
    """A picture with COVER as its alpha channel, over a background."""
    return np.where(COVER[..., None] > 0, colour, np.array(ImageColor.getrgb(background), np.uint8))


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "tif", "webp", "jpg", "jfif", "gif"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_format_is_read(tmp_path, ending, mode):
    picture = Image.fromarray(COLOUR if mode == "RGB" else GRAY)
    best = {"webp": {"lossless": True}, "jpg": {"quality": 98, "subsampling": 0}, "jfif": {"quality": 98}}
    picture.save(tmp_path / f"a.{ending}", **best.get(ending, {}))
    error = np.abs(decoded(tmp_path / f"a.{ending}").astype(int) - (COLOUR if mode == "RGB" else GRAY[..., None]))
    assert error.mean() < {"jpg": 2, "jfif": 9, "gif": 9}.get(ending, 1e-9)


@pytest.mark.parametrize("background", ["white", "black", "#20c0ff"])
def test_transparent_pixels_show_the_background(tmp_path, background):
    gray = np.repeat(GRAY[..., None], 3, 2)
    rgba().save(tmp_path / "rgba.png")
    rgba().save(tmp_path / "rgba.webp", lossless=True, exact=True)
    Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(COVER)]).save(tmp_path / "la.png")
    few = Image.fromarray(np.where(COVER > 0, GRAY // 64, 9).astype(np.uint8), "P")
    few.putpalette([level for index in range(10) for level in (index * 25, 0, 255 - index * 25)])
    shown = np.stack([GRAY // 64 * 25, GRAY * 0, 255 - GRAY // 64 * 25], -1)
    few.save(tmp_path / "p.png", transparency=9)
    few.save(tmp_path / "p.gif", transparency=9)
    few.save(tmp_path / "p_bytes.png", transparency=bytes([255] * 9 + [0]))
    Image.fromarray(np.where(COVER > 0, GRAY // 2, 255).astype(np.uint8)).save(tmp_path / "l.png", transparency=255)
    deep = np.where(COVER > 0, GRAY.astype(np.uint16) * 257, 7)
    Image.fromarray(deep.astype(np.uint16)).save(tmp_path / "deep.png", transparency=7)
    expected = dict.fromkeys(("rgba.png", "rgba.webp"), COLOUR)
    expected |= {"la.png": gray, "deep.png": gray, "l.png": gray // 2}
    expected |= dict.fromkeys(("p.png", "p.gif", "p_bytes.png"), shown)
    for name, colour in expected.items():
        found = decoded(tmp_path / name, background=background)
        assert np.array_equal(found, on(background, colour)), name


def test_modes_that_pillow_only_reads_keep_their_transparency():
    la = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(COVER)])
    palette = Image.new("PA", (WIDTH, HEIGHT))
    palette.putpalette(bytes(level // 3 for level in range(768)))  # gray
    palette.putalpha(Image.fromarray(COVER))
    for image in (rgba(), rgba().convert("RGBa"), la, la.convert("La"), palette):
        found = decoding.eight_bits(image)
        assert found.mode == "RGBA" and np.array_equal(np.asarray(found)[..., 3], COVER), image.mode
    assert all(decoding.eight_bits(Image.new(mode, (3, 3))).mode == "RGB" for mode in ("RGBX", "HSV", "YCbCr", "CMYK"))


def test_modes_without_transparency_keep_their_colours(tmp_path):
    picture = Image.fromarray(COLOUR)
    picture.convert("CMYK").save(tmp_path / "cmyk.tif")
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=98)
    if int(PIL.__version__.partition(".")[0]) >= 13:  # earlier ones cannot read what they write
        picture.convert("YCbCr").save(tmp_path / "ycbcr.tif")
    picture.quantize(64).save(tmp_path / "p.bmp")
    for path in tmp_path.iterdir():
        assert np.abs(decoded(path).astype(int) - COLOUR).mean() < 6, path
    Image.new("LAB", (WIDTH, HEIGHT), (137, 208, 195)).save(tmp_path / "lab.tif")  # L*, a*, b* of pure red
    red = decoded(tmp_path / "lab.tif")[0, 0].astype(int)
    assert np.abs(red - (255, 0, 0)).max() < 12
    Image.fromarray(GRAY > 99).save(tmp_path / "1.png")
    assert np.array_equal(decoded(tmp_path / "1.png")[..., 0], np.where(GRAY > 99, 255, 0))


DEEP = (GRAY.astype(np.uint16) * 257) + 100


def _tiff(bits, photometric, content):
    """A gray TIFF of one strip."""
    tags = [(256, WIDTH), (257, HEIGHT), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, HEIGHT)]
    tags += [(279, len(content))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def _save(kind, path):
    if kind == "12 bits":
        values = (GRAY.astype(int) * 4095 // 255).ravel().tolist()
        pairs = zip(values[::2], values[1::2], strict=True)
        packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs)
        path.write_bytes(_tiff(12, 1, packed))
    elif kind == "white is zero":
        path.write_bytes(_tiff(16, 0, (65535 - DEEP).tobytes()))
    elif kind == "big-endian":
        Image.fromarray(DEEP.astype(">u2")).save(path, "TIFF")
    elif kind == "pgm":
        path.write_bytes(b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + DEEP.astype(">u2").tobytes())
    elif kind == "pgm to 1000":
        path.write_bytes(b"P5 %d %d 1000\n" % (WIDTH, HEIGHT) + (GRAY / 0.255).astype(">u2").tobytes())
    else:
        Image.fromarray(DEEP).save(path, kind)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "big-endian", "pgm", "pgm to 1000", "12 bits", "white is zero"])
def test_deep_grays_keep_their_range(tmp_path, kind):
    _save(kind, tmp_path / "deep")
    found = decoded(tmp_path / "deep")[..., 0].astype(int)
    assert np.abs(found - GRAY).max() <= 1 and found.max() - found.min() >= GRAY.max() - GRAY.min() - 1


@pytest.mark.parametrize(
    "values, white",
    [
        (DEEP.astype(np.int32), 65535),
        (DEEP.astype(np.int32) * 1000 - 5, DEEP.max() * 1000.0 - 5),
        ((GRAY / 255).astype(np.float32), 1),
        ((GRAY / 255 - 0.2).astype(np.float32), 1),  # negative values are black
        (GRAY.astype(np.float32), 255),
        (DEEP.astype(np.float32), 65535),
        (DEEP.astype(np.float32) * 1000, DEEP.max() * 1000.0),
    ],
)
def test_the_white_of_int_and_float_pictures_follows_from_their_values(tmp_path, values, white):
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.abs(decoded(tmp_path / "a.tif")[..., 0] - np.clip(values / white, 0, 1) * 255).max() <= 1


def test_nan_and_infinity_are_refused(tmp_path):
    for number in (np.nan, np.inf):
        Image.fromarray(np.where(GRAY > 99, 1, number).astype(np.float32)).save(tmp_path / "a.tif")
        with pytest.raises(ValueError, match="finite"):
            decoded(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", ["png", "tif", "webp", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_decoded_upright(tmp_path, orientation, ending):
    undone = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)  # a turn to the left undoes one to the right
    picture = Image.fromarray(COLOUR)
    turned = picture.transpose(decoding.UPRIGHT[undone]) if orientation > 1 else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    best = {"webp": {"lossless": True}, "jpg": {"quality": 98, "subsampling": 0}}.get(ending, {})
    turned.save(tmp_path / f"a.{ending}", exif=exif, **best)
    assert turned.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    assert np.abs(decoded(tmp_path / f"a.{ending}").astype(int) - COLOUR).mean() < (2 if ending == "jpg" else 1e-9)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_picture_with_a_broken_exif_block_is_decoded(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    Image.fromarray(COLOUR).save(tmp_path / "b.png", exif=b"nonsense")
    assert all(np.array_equal(decoded(path), COLOUR) for path in tmp_path.iterdir())


def scans(count, behind=b""):
    """A JPEG with this number of scans, and bytes behind it."""
    buffer = io.BytesIO()
    Image.fromarray(GRAY).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue().removesuffix(b"\xff\xd9")
    first, *others = re.split(b"(?=\xff\xda)", content)
    return first + b"".join(others) + others[-1] * (count - len(others)) + b"\xff\xd9" + behind


COMMENTS = b"P2 16 12 255\n" + b"7 #\n" * 192
SLOW = {
    "scans": (scans(101), "it has 101 scans, more than 100"),
    "comments": (COMMENTS + b"#\n" * 900, "more than 1,000 comments"),
}
NOT_SLOW = {"scans": scans(100), "a video behind": scans(10, b"\0\2" + b"\xff\xda\0\2" * 999), "comments": COMMENTS}
NOT_SLOW["a thumbnail"] = scans(10).replace(b"\xff\xd8", b"\xff\xd8\xff\xe5\1\2" + b"\xff\xda" * 128, 1)


@pytest.mark.parametrize("content, reason", SLOW.values(), ids=SLOW)
def test_a_small_picture_that_takes_minutes_is_refused(tmp_path, monkeypatch, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=reason):
        decoded(tmp_path / "a.png")


@pytest.mark.parametrize("content", NOT_SLOW.values(), ids=NOT_SLOW)
def test_a_picture_with_some_scans_or_comments_is_decoded(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    assert decoded(tmp_path / "a.png").shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("ending", ["gif", "webp", "tif", "png"])
def test_only_the_first_frame_is_decoded(tmp_path, ending):
    first, second = Image.fromarray(GRAY), Image.fromarray(255 - GRAY)
    best = {"lossless": True} if ending == "webp" else {}
    first.save(tmp_path / f"a.{ending}", save_all=True, append_images=[second], **best)
    assert Image.open(tmp_path / f"a.{ending}").n_frames == 2
    assert np.array_equal(decoded(tmp_path / f"a.{ending}")[..., 0], GRAY)


def test_crop_stretch_and_pad(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, :10, 0], wide[:, 10:20, 1], wide[:, 20:, 2] = 255, 255, 255  # red, green, blue
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert np.array_equal(decoded(tmp_path / "a.png", size=(10, 10), fit="crop"), wide[:, 10:20])
    stretched = decoded(tmp_path / "a.png", size=(10, 10), fit="stretch")
    assert stretched[5, 0, 0] == stretched[5, 5, 1] == stretched[5, 9, 2] == 255
    padded = decoded(tmp_path / "a.png", size=(30, 30), fit="pad", background="#102030")
    assert np.array_equal(padded[10:20], wide)
    assert (padded[:10] == (16, 32, 48)).all() and (padded[20:] == (16, 32, 48)).all()
    Image.new("L", (1, 1000)).save(tmp_path / "line.png")
    assert (decoded(tmp_path / "line.png", fit="pad") == 0).any()  # a thin picture keeps at least one pixel
    assert decoded(tmp_path / "a.png", channels=1).shape == (HEIGHT, WIDTH, 1)


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path):
    large = Image.fromarray(COLOUR).resize((WIDTH * 100, HEIGHT * 100), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    large.save(tmp_path / "a.png")
    assert np.abs(decoded(tmp_path / "a.jpg").astype(int) - decoded(tmp_path / "a.png")).mean() < 2
    assert np.abs(decoded(tmp_path / "a.jpg").astype(int) - COLOUR).mean() < 4


def _png(width, height, rows=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


HOSTILE = {
    "claims a page of gigabytes": (_png(60000, 60000), "bomb"),
    "a bomb": (_png(9000, 9000, zlib.compress(bytes(9000 * 1126))), "claims 9000x9000 pixels"),
    "no width": (_png(0, 5), ""),
    "cut off": (_png(9, 9), ""),
    "nothing": (b"", "it is empty"),
    "text": (b"no picture at all", "format is not supported"),
    "of another format": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "format is not supported"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("content, reason", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_picture_is_refused_with_a_short_reason(tmp_path, monkeypatch, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    if "bomb" in reason or "claims" in reason:  # refused before decoding
        monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(Exception) as error:
        decoded(tmp_path / "a.png")
    summary = decoding.summarize(error.value)
    assert reason in summary and 0 < len(summary) <= 120 and "\n" not in summary and str(tmp_path) not in summary


def test_a_chunk_that_claims_gigabytes_allocates_no_memory(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    place = content.index(b"IDAT")
    (tmp_path / "a.png").write_bytes(content[: place - 4] + b"\x7f\xff\xff\xff" + content[place:])
    tracemalloc.start()
    try:
        assert np.array_equal(decoded(tmp_path / "a.png"), COLOUR)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_arrays_and_pictures_are_resized_alike(tmp_path):
    images = np.stack([COLOUR, 255 - COLOUR])
    np.save(tmp_path / "a.npy", images)
    (tmp_path / "folder").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"folder/{number}.png")
    for fit in ("crop", "pad", "stretch"):
        for channels in (1, 3):
            shaping = Shaping((7, 9), channels, fit, "#ff8000")
            array = data.load(tmp_path / "a.npy", shaping=shaping)
            folder = data.load(tmp_path / "folder", shaping=shaping, cache_dir=tmp_path / "cache")
            assert array.images.shape == (2, 7, 9, channels) and np.array_equal(array.images, folder.images)
    gray = data.load(tmp_path / "a.npy", shaping=Shaping(channels=1)).images
    assert np.array_equal(gray[0, ..., 0], np.asarray(Image.fromarray(COLOUR).convert("L")))
    digits = data.load("digits")
    assert np.array_equal(data.load("digits", shaping=Shaping(channels=3)).images, digits.images.repeat(3, 3))
    assert data.load("digits", shaping=Shaping((28, 28), 1)).facts() == digits.facts()


WRONG = [
    (Shaping(background="whitish"), "--background"),
    (Shaping(background=""), "--background"),
    (Shaping(background="#ff000080"), "--background"),
    (Shaping(fit="squeeze"), "crop, pad, stretch"),
    (Shaping(channels=2), "--channels"),
    (Shaping((0, 28)), "--image-size"),
    (Shaping((28, 10**6)), "--image-size"),
]


@pytest.mark.parametrize("shaping, option", WRONG)
def test_a_wrong_shape_is_one_sentence(shaping, option):
    with pytest.raises(UserError, match=option):
        data.load("digits", shaping=shaping)
