"""Data sets that need no file."""

import numpy as np

from tfgan_v1.data.labels import Labelled, classify

POINTS, TEST_POINTS = 1000, 10_000
_STREAM = 0x9A55  # separates these draws from all others with the same seed


def digits():
    """scikit-learn's 1,797 handwritten digits, 8x8 with 17 greys, enlarged: Labelled, uint8 [1797, 28, 28, 1].

    They fill the frame. Centered with a margin, as MNIST's are, they are too small and too alike to learn from.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = (bunch.images * (255 / 16)).round().astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return Labelled(np.stack(large)[..., None], *classify(bunch.target))


def gaussian(mean, std, seed, *, test=False):
    """1,000 draws of the normal distribution N(mean, std): float32 [1000, 1], a function of its arguments alone.

    test: 10,000 other draws, [10000, 1].
    """
    draws = np.random.default_rng([seed, _STREAM, 1] if test else [seed, _STREAM])
    return draws.normal(mean, std, (TEST_POINTS if test else POINTS, 1)).astype(np.float32)
