"""Stacked MNIST: three digits in the color channels, a data set with 1,000 known modes.

Metz et al., Unrolled Generative Adversarial Networks, arXiv:1611.02163, sec. 3.3; Lin et al., PacGAN,
arXiv:1712.04086, sec. 4.1.
"""

import numpy as np

from tfgan_v1.data.labels import Labelled
from tfgan_v1.errors import UserError

NUM_IMAGES, NUM_TEST = 60_000, 10_000
CLASSES = tuple(f"{number:03}" for number in range(1000))  # the red, the green and the blue digit
_TRAIN_SEED, _TEST_SEED = 1611, 2163


def stack(digits, *, test=False):
    """60,000 images of three digits each, red, green and blue: Labelled, uint8 [60000, h, w, 3].

    digits: the Labelled gray images to choose from, each as likely as the other. The label is 100 times the red digit,
    10 times the green, plus the blue, if the digits have labels. The same digits give the same images in every version
    of NumPy. test: 10,000 images, by other draws. Raises UserError for images in color.
    """
    count, seed = (NUM_TEST, _TEST_SEED) if test else (NUM_IMAGES, _TRAIN_SEED)
    if digits.images.shape[-1] != 1:
        raise UserError("stacked_mnist puts gray digits into the color channels, and these have colors of their own")
    raw = np.random.PCG64(seed).random_raw(3 * count).reshape(count, 3)
    chosen = ((raw >> np.uint64(11)) % np.uint64(len(digits.images))).astype(np.intp)
    images = np.ascontiguousarray(np.moveaxis(digits.images[chosen, ..., 0], 1, -1))
    if digits.labels is None or not set(digits.classes) <= set("0123456789"):
        return Labelled(images)
    value = np.array([int(name) for name in digits.classes])[digits.labels]
    return Labelled(images, (value[chosen] @ [100, 10, 1]).astype(np.int32), CLASSES)
