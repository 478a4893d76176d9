"""The training image nearest to each sample: whether a generator copies, to look at."""

from itertools import chain
from typing import NamedTuple

import numpy as np

from tfgan_v1.evaluation import sides
from tfgan_v1.report import plots, sheets
from tfgan_v1.storage import run_data


class Training(NamedTuple):
    """The images that a run was trained on."""

    images: np.ndarray  # uint8 [n, h, w, c]
    indices: np.ndarray  # int [n], of each in its data set


def load(config, **places):
    """The Training of the run in the folders of `config`, without held-out images. places, errors: see data_of_run."""
    return Training(*run_data.training_images(config, **places))


def sheet_png(samples, training, captions, columns=None):
    """Pairs of a sample and the training image nearest to it in Euclidean distance of pixels, as the bytes of a PNG.

    samples: uint8 [n, h, w, c]. training: a Training. captions: a text for each sample; that of a training image is its
    number in the data set, and the distance, of pixels in [0, 1]. columns: of pairs; None for the most square grid.
    """
    found = sides.nearest(samples, training.images)
    pairs = np.stack([samples, training.images[found.indices]], 1).reshape(-1, *samples.shape[1:])
    numbers = training.indices[found.indices]
    of_nearest = [f"no. {number}\n{apart:.2f}" for number, apart in zip(numbers, found.distances, strict=True)]
    columns = columns or plots.grid_size(len(samples))[1]
    texts = [*chain.from_iterable(zip(captions, of_nearest, strict=True))]
    return sheets.sheet_png(pairs, 2 * columns, texts, group=2)
