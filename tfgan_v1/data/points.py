"""Points in two dimensions: the toy data of the papers, as scikit-learn draws them."""

from typing import NamedTuple

import numpy as np

from tfgan_v1.data.labels import Labelled

TRAINING, TEST = 100_000, 10_000  # draws, as in arXiv:1712.04086, sec. 4.1
NOISE = 0.05  # standard deviation around the curves
_STREAM = 0x2D  # separates these draws from all others with the same seed


class Modes(NamedTuple):
    """A mixture of equally likely normal distributions, each of which is a class."""

    centers: np.ndarray  # [modes, 2]
    deviation: float


_ANGLES = np.arange(8) * np.pi / 4
MODES = {  # with the constants of arXiv:1705.07761 and arXiv:1712.04086
    "ring": Modes(np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], 1), 0.01),
    "grid": Modes(np.stack(np.meshgrid(*[np.arange(-4.0, 5, 2)] * 2), -1).reshape(-1, 2), 0.05),
}


def _spiral(n_samples, noise, random_state):
    """Two arms of one and a half turns, each a class; their points are about evenly spread along them."""
    arm, turn = random_state.randint(2, size=n_samples), 3 * np.pi * np.sqrt(random_state.uniform(size=n_samples))
    points = turn[:, None] / (3 * np.pi) * np.stack([np.cos(turn + arm * np.pi), np.sin(turn + arm * np.pi)], 1)
    return points + random_state.normal(0, noise / 2, (n_samples, 2)), arm


def draw(name, request, test=False):
    """The Labelled points of a data set by name: float32 [TRAINING, 2], or TEST other ones. The seed decides them."""
    from sklearn import datasets

    random = np.random.RandomState(np.random.MT19937([request.seed, _STREAM, int(test)]))
    options = {"n_samples": TEST if test else TRAINING, "random_state": random}
    if name in MODES:
        centers, deviation = MODES[name]
        points, classes = datasets.make_blobs(centers=centers, cluster_std=deviation, **options)
    elif name == "circles":
        points, classes = datasets.make_circles(noise=NOISE, factor=0.5, **options)
    else:
        points, classes = {"moons": datasets.make_moons, "spiral": _spiral}[name](noise=NOISE, **options)
    names = tuple(str(number) for number in range(classes.max() + 1))
    return Labelled(points.astype(np.float32), classes.astype(np.int32), names)
