"""Image grids with text: a caption under each image, values along the axes."""

import math
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from tfgan_v1.errors import plain, shortened
from tfgan_v1.report.images import as_picture, grid_size, png

_FONT, _LONGEST = 11, 18  # pixels of the text's height; characters of a line
_LEAST, _LEAST_ALL = 48, 600  # pixels of an image's width, and of about all columns'; smaller images are enlarged
_GAP, _GROUP_GAP = 4, 12  # pixels between images, and between groups of columns


def sheet_png(images, columns=None, captions=None, group=1, x=None, y=None):
    """Images in a grid with text, as the bytes of a PNG. Small images are enlarged until their text fits.

    images: uint8 [n, h, w, c]. columns: None for the most square grid. captions: a text for each image, of lines.
    group: columns that belong together. x, y: a text under each column, and to the left of each row.
    """
    from PIL import ImageDraw

    columns, font = columns or grid_size(len(images))[1], _font()
    captions, x, y = ([_lines(text) for text in texts or ()] for texts in (captions, x, y))
    line = sum(font.getmetrics())  # pixels from one line of text to the next
    least, width = max(_LEAST, _width(font, captions), _width(font, x)), images.shape[2]
    factor = max(math.ceil(least / width), round(_LEAST_ALL / (columns * width)))
    images = images.repeat(factor, 1).repeat(factor, 2)
    height, width = images.shape[1:3]
    cell = height + line * max(map(len, captions), default=0)
    margin = _width(font, y) + 2 * _GAP * bool(y)
    lefts = margin + np.arange(columns) * (width + _GAP) + np.arange(columns) // group * _GROUP_GAP * (group > 1)
    tops = np.arange(math.ceil(len(images) / columns)) * (cell + _GAP)
    corners = [(left, top) for top in tops for left in lefts][: len(images)]

    canvas = np.full((tops[-1] + cell + line * bool(x), lefts[-1] + width, images.shape[3]), 255, np.uint8)
    for image, (left, top) in zip(images, corners, strict=True):
        canvas[top : top + height, left : left + width] = image
    picture = as_picture(canvas)
    draw = partial(ImageDraw.Draw(picture).text, fill="black", font=font)
    below_images = [(left, top + height) for left, top in corners]
    below_columns = [(left, tops[-1] + cell) for left in lefts]
    for lines, (left, top) in [*zip(captions, below_images, strict=False), *zip(x, below_columns, strict=False)]:
        for number, text in enumerate(lines):
            draw((left + width / 2, top + number * line), text, anchor="ma")
    for lines, top in zip(y, tops, strict=False):
        draw((margin - _GAP, top + height / 2), lines[0], anchor="rm")
    return png(np.asarray(picture))


def nearest_png(samples, training, captions, columns=None, y=None):
    """Pairs of a sample and the training image nearest to it, as the bytes of a PNG.

    samples, training: uint8 [n, h, w, c]. captions: (text of the sample, text of the training image) for each pair.
    columns: of pairs; None for the most square grid. y: a text to the left of each row.
    """
    pairs = np.stack([samples, training], 1).reshape(-1, *samples.shape[1:])
    columns = columns or grid_size(len(samples))[1]
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


def clusters_png(plan, each=4, columns=6):
    """`each` images of each cluster of a Plan side by side, above their number in all, as the bytes of a PNG."""
    rows, count = plan.split[0], len(plan.dataset.classes)
    of_clusters = [rows[plan.labels[rows] == label] for label in range(count)]
    shown = [part[np.linspace(0, len(part) - 1, each).round().astype(int)] for part in of_clusters]
    sizes = [f"{label}: {len(part):,}" for label, part in enumerate(of_clusters)]
    captions = [text for size in sizes for text in (size, *[""] * (each - 1))]
    return sheet_png(plan.dataset.images[np.concatenate(shown)], each * min(columns, count), captions, group=each)


def _font():
    from matplotlib import get_data_path
    from PIL import ImageFont

    path = Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf")  # the one of plots, with accents
    return ImageFont.truetype(path, _FONT)


def _lines(text):
    return [plain(shortened(line, _LONGEST)) for line in text.split("\n")]


def _width(font, texts):
    return math.ceil(max((font.getlength(line) for lines in texts for line in lines), default=0))
