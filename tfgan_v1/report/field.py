"""What D and G do to points at each sampling step, as a page draws it: see gan/views.py."""

import base64

import numpy as np

from tfgan_v1.evaluation import metrics
from tfgan_v1.gan import noise, views
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.report import plots

_INTERNAL = ("shapes", "bandwidth", "view_steps")  # which the page does not need
MOST_REAL = 1000  # points
MOST_STEPS = 500  # with views, of a page; evenly spread
_FLOATS, _SIZES = [float, ...], [range(2**24), ...]
FORM = {  # of the constants, in review.json: see files.fits
    **{"dimensions": range(1, 2**24), "low": _FLOATS, "high": _FLOATS, "real": str, "scores": bool},
    **{"names": [str, ...], "modes": (None, {"centers": [[float, float], ...], "deviation": float})},
    **{"targets": (None, [float, float]), "grid": (None, range(2**16)), "density": (None, _FLOATS)},
    **{"noise": (None, {"text": str, "low": float, "high": float, "grid": range(2**16), "values": _FLOATS})},
    **{"shapes": [_SIZES, _SIZES, _SIZES, _SIZES], "view_steps": [range(2**63), ...], "bandwidth": float},
}


def constants(plan):
    """What is the same at all sampling steps of a Plan on points, as a dict of FORM."""
    config, points, modes = plan.config, plan.data_spec().points, plan.modes
    dimensions, loss = points.shape[1], plan.custom.parts.loss or LOSSES[config.loss]
    shapes = views.layout(config, dimensions, len(plan.metadata.get("classes", ())))
    low, high, known = *views.box(points), loss.equilibrium and loss.uses_labels
    real = metrics.evenly(points, min(len(points), MOST_REAL))
    bandwidth = 0.3 * float(points.std()) or 1.0
    return {
        **{"dimensions": dimensions, "names": list(plan.dataset.columns) or _names(dimensions)},
        **{"low": low.tolist(), "high": high.tolist(), "real": _positions(real, low, high), "scores": loss.critic},
        "modes": modes and {"centers": modes.centers.tolist(), "deviation": modes.deviation},
        # The D that is the best against a G: arXiv:1406.2661, eq. 2; with smoothed labels, arXiv:1606.03498, sec. 3.4.
        "targets": [1 - config.smooth, config.fake_label] if known and not loss.relative else None,
        "grid": views.D_GRID[dimensions] if shapes.d[0] else None,
        "noise": _noise(config, dimensions) if shapes.g[0] else None,
        "density": _density(real, low, high, bandwidth) if dimensions == 1 else None,
        **{"shapes": [list(shape) for shape in shapes], "bandwidth": bandwidth},
    }


def _names(dimensions):
    return ["x", "y"] if dimensions == 2 else [str(number + 1) for number in range(dimensions)]


def of_samples(samples):
    """(numbers of the samples that are shown, their field) of points without a run: a list of arrays [n, d]."""
    everything = np.nan_to_num(np.concatenate(samples))
    low, high = views.box(everything)
    count, dimensions = min(map(len, samples)), everything.shape[1]
    known = {
        **{"dimensions": dimensions, "names": _names(dimensions)},
        **{"low": low.tolist(), "high": high.tolist(), "real": "", "modes": None, "scores": False, "targets": None},
        **{"grid": views.D_GRID[1] if dimensions == 1 else None, "noise": None, "density": None},
        **{"shapes": [[0], [0, dimensions], [count, dimensions], [0, dimensions]]},
        "bandwidth": 0.3 * float(everything.std()) or 1.0,
    }
    return Fields(known).of([*range(1, len(samples) + 1)], [each[:count] for each in samples])


def _noise(config, dimensions):
    values = views.noise_axis(config, dimensions)
    ends = {"low": float(values[0]), "high": float(values[-1]), "values": [round(float(value), 4) for value in values]}
    return {"text": noise.DISTRIBUTIONS[config.noise].text, "grid": len(values), "size": config.noise_size, **ends}


class Fields:
    """The fields of a run: each step is encoded once, though the page is written many times."""

    def __init__(self, constants):
        """constants: see `constants`; those of review.json may have `view_steps`, too."""
        self.constants, self._encoded = constants, {}

    def of(self, steps, vectors, statistics=()):
        """(steps that are shown, the page's field) of recorded vectors, which are of these steps.

        statistics: dicts of the rows of statistics.csv. Raises ValueError for vectors of another run.
        """
        every = 1 << max(0, (len(steps) - 1) // MOST_STEPS).bit_length()
        shown = sorted({*range(0, len(steps), every), *range(len(steps))[-1:]})
        scores = {row["step"]: {name: row[name] for name in [*row][2:]} for row in statistics}
        for at in shown:
            if steps[at] not in self._encoded:
                self._encoded[steps[at]] = self._encode(vectors[at])
        field = {name: value for name, value in self.constants.items() if name not in _INTERNAL}
        encoded = [{**self._encoded[steps[at]], "scores": scores.get(steps[at], {})} for at in shown]
        return [steps[at] for at in shown], {**field, "steps": encoded}

    def _encode(self, vector):
        known = self.constants
        low, high = np.array(known["low"]), np.array(known["high"])
        d, g, fake, gradient = views.split(np.nan_to_num(vector), [tuple(shape) for shape in known["shapes"]])
        largest = float(np.abs(gradient).max(initial=0)) or 1.0
        ends = [float(d.min()), float(d.max())] if d.size else [0.0, 1.0]
        values = np.rint((d - ends[0]) / ((ends[1] - ends[0]) or 1.0) * 65535).astype("<u2")
        step = {"d": _text(values), "d_range": ends, "g": _positions(g, low, high), "fake": _positions(fake, low, high)}
        if len(gradient):
            step["gradient"] = _text(np.rint(gradient / largest * 32767).astype("<i2"))
            step |= {"gradient_max": largest, "gradient_mean": float(np.linalg.norm(gradient, axis=1).mean())}
        if known["dimensions"] == 1:
            step["q"] = _density(fake, low, high, known["bandwidth"])
        return step


def _density(points, low, high, bandwidth):
    """A Gaussian kernel density estimate of points [n, 1] at D's grid, with four significant digits."""
    grid = np.linspace(low[0], high[0], views.D_GRID[1])
    return [float(f"{value:.4g}") for value in plots.kernel_density(points, grid, bandwidth)]


def _positions(points, low, high):
    """Points [n, d] as numbers of two bytes, to four boxes around the middle of the box."""
    middle, reach = (low + high) / 2, 2 * (high - low)
    return _text(np.rint(np.clip((points - middle) / reach, -1, 1) * 32767).astype("<i2"))


def _text(numbers):
    return base64.b64encode(np.ascontiguousarray(numbers)).decode()
