"""Image grids with text: where the images and their texts are."""

import io

import numpy as np
import pytest
from PIL import Image

from tfgan_v1.evaluation.evaluate import Nearest
from tfgan_v1.report import sheets


def colors(count):
    """Images of one color each, none gray: uint8 [count, 8, 12, 3]."""
    shades = 255 * np.arange(count) // count
    return np.stack([np.full((8, 12, 3), (250, shade, 0), np.uint8) for shade in shades])


def places(png, images):
    """Where each image of one color is in a picture: (left, top, right, bottom)."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    found = []
    for image in images:
        y, x = np.nonzero((pixels == image[0, 0]).all(-1))
        assert len(y) == (np.ptp(y) + 1) * (np.ptp(x) + 1)  # nothing covers it
        found.append((x.min(), y.min(), x.max() + 1, y.max() + 1))
    return pixels, found


def test_each_image_has_its_text_below_it():
    images = colors(5)
    pixels, at = places(sheets.sheet_png(images, 3, ["seed 1", "seed 2", "", "seed 1", "seed 2\ntwo"]), images)
    assert [tops for tops in (at[0][1], at[2][1], at[3][1])] == [0, 0, at[4][1]] and at[0][0] == at[3][0] == 0
    assert {(right - left) / (bottom - top) for left, top, right, bottom in at} == {1.5}
    texts = [pixels[bottom : bottom + 30, left:right] for left, _, right, bottom in at]
    dark = [(text < 128).any(-1).any(1).nonzero()[0] for text in texts]
    assert not len(dark[2]) and dark[0].max() < 15 and dark[4].max() > 15  # no line, one, two
    assert np.array_equal(texts[0][:15], texts[3][:15]) and not np.array_equal(texts[0][:15], texts[1][:15])


def test_letters_with_accents_are_drawn():
    """The font has them: each looks like itself, not like the box of a missing letter."""
    images = colors(1)
    assert len({sheets.sheet_png(images, captions=[text]) for text in ("\u00e9", "\u00f6", "\u0142", "\u0416")}) == 4


def test_text_makes_a_picture_higher_and_small_images_large_enough_for_it():
    images = colors(4)
    plain, one, two = (
        Image.open(io.BytesIO(sheets.sheet_png(images, 2, text))).size for text in (None, ["a"] * 4, ["a\nb"] * 4)
    )
    assert plain[0] == one[0] == two[0] and plain[1] < one[1] < two[1] and two[1] - one[1] == one[1] - plain[1]
    row = colors(20)  # which is wide enough without enlarging each image much
    _, at = places(sheets.sheet_png(row, 20, ["a long text"] * 20), row)
    assert (
        60 <= at[0][2] - at[0][0] < 120 and at[1][0] > at[0][2]
    )  # as wide as the text, and more by less than an image
    _, at = places(sheets.sheet_png(row, 20), row)
    assert at[0][2] - at[0][0] < 60


def test_pairs_are_closer_to_each_other_than_to_the_next_pair():
    images = colors(4)
    _, at = places(sheets.sheet_png(images, 4, group=2), images)
    assert at[1][0] - at[0][2] == at[3][0] - at[2][2] < at[2][0] - at[1][2]


def test_values_are_written_along_the_axes():
    images = colors(4)
    pixels, at = places(sheets.sheet_png(images, 2, x=["-1.00", "1.00"], y=["1.00", "-1.00"]), images)
    left, bottom = at[0][0], at[3][3]
    assert left > 20 and (pixels[:bottom, :left] < 128).any() and (pixels[bottom:] < 128).any()
    assert len(pixels) > bottom + 10


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_is_gray_for_gray_images(channels):
    png = sheets.sheet_png(np.zeros((2, 9, 9, channels), np.uint8), captions=["a", "b"])
    assert Image.open(io.BytesIO(png)).mode == {1: "L", 3: "RGB"}[channels]


def test_evaluated_samples_are_next_to_their_nearest_training_images_in_whole_rows(monkeypatch):
    calls = []
    monkeypatch.setattr(sheets, "sheet_png", lambda *args, **options: calls.append((*args, options)))
    images = colors(40)
    sheets.evaluated_png(Nearest(images[:20], images[20:], np.arange(20), np.arange(20) / 10), columns=4)
    pairs, columns, captions, options = calls[0]
    shown = [*range(8), *range(10, 18)]  # of the first ten and the closest ten
    assert np.array_equal(pairs[::2], images[shown]) and np.array_equal(pairs[1::2], images[20:][shown])
    assert columns == 8 and captions[:2] == ["sample 0", "0.00"] and captions[-2:] == ["sample 17", "1.70"]
    assert options == {"group": 2, "y": ["first samples"] * 2 + ["closest samples"] * 2}
