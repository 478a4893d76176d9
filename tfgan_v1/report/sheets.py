"""Image grids with text: a caption under each image, values along the axes."""

import io
import math
from itertools import chain
from pathlib import Path

import numpy as np

from tfgan_v1.errors import plain, shortened
from tfgan_v1.report import plots

_FONT, _LONGEST = 11, 18  # pixels of the text's height; characters of a line
_LEAST, _LEAST_ALL = 48, 600  # pixels of an image's width, and of about all columns'; smaller images are enlarged
_GAP, _GROUP_GAP = 4, 12  # pixels between images, and between groups of columns


def sheet_png(images, columns=None, captions=None, group=1, x=None, y=None):
    """Images in a grid with text, as the bytes of a PNG. Small images are enlarged until their text fits; it is not.

    images: uint8 [n, h, w, c]. columns: None for the most square grid. captions: a text for each image, of lines.
    group: columns that belong together. x, y: a text under each column, and to the left of each row.
    """
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    columns = columns or plots.grid_size(len(images))[1]
    font = ImageFont.truetype(
        Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf"), _FONT
    )  # the one of plots, with accents
    captions, x, y = ([_lines(text) for text in texts or ()] for texts in (captions, x, y))
    line = sum(font.getmetrics())
    (height, width, channels), rows = images.shape[1:], math.ceil(len(images) / columns)
    least = max(_LEAST, _width(font, captions), _width(font, x))
    factor = max(math.ceil(least / width), round(_LEAST_ALL / (columns * width)))
    height, width = factor * height, factor * width
    below, left = line * max(map(len, captions), default=0), _width(font, y) + 2 * _GAP * bool(y)
    lefts = left + np.arange(columns) * (width + _GAP) + np.arange(columns) // group * (_GROUP_GAP if group > 1 else 0)
    tops = np.arange(rows) * (height + below + _GAP)
    size = tops[-1] + height + below + line * bool(x), lefts[-1] + width
    canvas = np.full((*size, channels), 255, np.uint8)
    places = [(lefts[index % columns], tops[index // columns]) for index in range(len(images))]
    for image, (at_x, at_y) in zip(images, places, strict=True):
        canvas[at_y : at_y + height, at_x : at_x + width] = image.repeat(factor, 0).repeat(factor, 1)
    picture = Image.fromarray(canvas.squeeze(-1) if channels == 1 else canvas)
    draw = ImageDraw.Draw(picture)
    black = 0 if channels == 1 else (0, 0, 0)
    texts = [(lines, at_x, at_y + height) for lines, (at_x, at_y) in zip(captions, places, strict=False)]
    texts += [(lines, at_x, tops[-1] + height + below) for lines, at_x in zip(x, lefts, strict=False)]
    for lines, at_x, at_y in texts:
        for number, text in enumerate(lines):
            draw.text((at_x + width / 2, at_y + number * line), text, black, font, "ma")
    for lines, at_y in zip(y, tops, strict=False):
        draw.text((left - _GAP, at_y + height / 2), lines[0], black, font, "rm")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def nearest_png(samples, training, captions, columns=None, y=None):
    """Pairs of a sample and the training image nearest to it, as the bytes of a PNG.

    samples, training: uint8 [n, h, w, c]. captions: (a text for the sample, a text for the training image) for each
    pair. columns: of pairs; None for the most square grid. y: a text to the left of each row.
    """
    pairs = np.stack([samples, training], 1).reshape(-1, *samples.shape[1:])
    columns = columns or plots.grid_size(len(samples))[1]
    return sheet_png(pairs, 2 * columns, [*chain.from_iterable(captions)], group=2, y=y)


def evaluated_png(nearest, columns=6):
    """The picture of an evaluate.Nearest as the bytes of a PNG: the first samples, then the closest ones."""
    count = len(nearest.numbers) // 2
    columns = min(columns, count)
    rows = count // columns
    shown = np.concatenate([np.arange(rows * columns), count + np.arange(rows * columns)])  # whole rows only
    captions = [(f"sample {nearest.numbers[i]}", f"{nearest.distances[i]:.2f}") for i in shown]
    labels = ["first samples"] * rows + ["closest samples"] * rows
    return nearest_png(nearest.samples[shown], nearest.training[shown], captions, columns, labels)


def _lines(text):
    return [plain(shortened(line, _LONGEST)) for line in text.split("\n")]


def _width(font, texts):
    return math.ceil(max((font.getlength(line) for lines in texts for line in lines), default=0))
