"""Plots: functions from arrays to Matplotlib figures, and figures as PNG files."""

import io
import warnings
from contextlib import contextmanager

import numpy as np

from tfgan_v1.errors import UserError, plain, shortened
from tfgan_v1.evaluation import metrics
from tfgan_v1.report.curves import running_mean
from tfgan_v1.report.images import as_images, grid_png, grid_size, tile
from tfgan_v1.storage import names

_COLORS = {"real": "#1f77b4", "fake": "#d62728"}  # Matplotlib's blue and red
_MOST_PLACES = 10  # in an evolution
_MOST_POINTS = 2500  # in a plot
_SMALLEST = 64  # numbers of a flat image; shorter rows are points
_LOWEST, _HIGHEST = 0.5, 300  # inches of an evolution; Matplotlib draws less than 2**16 pixels, 120 to an inch
_LONGEST_NAME, _LONGEST_UPRIGHT = 20, 8  # characters of a column's name, and of one that fits above its column


@contextmanager
def _defaults():
    """Matplotlib's own settings: those of a matplotlibrc may ask for TeX, or for a font that is missing."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def view_samples(epoch, samples):
    """The samples of one epoch as a grid, 4x4 for the usual 16.

    epoch: index into `samples`, -1 for the last. samples: list of arrays [n, h, w, c] in [0, 1], as `load_samples`
    returns them, or [n, h * w] of square images in any range, as old notebooks have them. Points [n, d] are shown as a
    density, or by their first two columns. Returns (figure, axes). Raises UserError if the epoch does not exist.
    """
    import matplotlib.pyplot as plt

    if not -len(samples) <= epoch < len(samples):
        raise UserError(f"there is no epoch {epoch} in {len(samples)} sets of samples; -1 is the last")
    points = np.asarray(samples[epoch])
    if points.ndim == 2 and points.shape[1] < _SMALLEST:
        figure, axes = plt.subplots(squeeze=False)
        _draw_points(axes[0, 0], points, None, next(iter(_pairs(points)), None))
        return figure, axes
    images = as_images(points)
    rows, columns = grid_size(len(images))
    options = {"figsize": (7, 7 * rows / columns), "sharex": True, "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(rows, columns, **options)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image in zip(axes.flat, images, strict=False):
        ax.imshow(image, cmap="Greys_r")
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return figure, axes


@_defaults()
def evolution(samples, places, classes=()):
    """An image grid over the run: up to ten rows, from the first samples to the last, of six images. Returns a Figure.

    samples: list of arrays [n, h, w, c] in [0, 1]; places: a label for each, such as "epoch 3". classes: the names of
    the classes of the first samples, for a column of each in place of six.
    """
    chosen = spread(len(samples), _MOST_PLACES)
    columns = min(len(classes) or 6, *(len(samples[i]) for i in chosen))
    grid = tile(np.nan_to_num(np.concatenate([as_images(samples[i][:columns]) for i in chosen])), columns, background=1)
    above = [plain(shortened(name, _LONGEST_NAME)) for name in classes]
    longest = max(map(len, above), default=0)
    turned = longest > _LONGEST_UPRIGHT
    height, width = grid.shape[0] / len(chosen), grid.shape[1] / columns
    inches = min(max(len(chosen) * height / width, _LOWEST), _HIGHEST)
    figure = _figure(columns, inches + (0.15 * longest if turned else 0))
    ax = figure.add_subplot()
    ax.imshow(grid, cmap="Greys_r", vmin=0, vmax=1)
    ax.set_xticks((np.arange(len(above)) + 0.5) * width, above, rotation=90 * turned, parse_math=False)
    ax.set_yticks((np.arange(len(chosen)) + 0.5) * height, [places[i] for i in chosen])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


@_defaults()
def density(fake, real=None):
    """The Figure of real points, blue, and of fake points, red, [n, d]: their densities, or each pair of columns."""
    pairs = _pairs(fake)
    figure = _figure(8, 4.5) if not pairs else _figure(5 * len(pairs), 5)
    data = "fake data" if real is None else "real and fake data"
    for ax, pair in zip(figure.subplots(1, len(pairs) or 1, squeeze=False)[0], pairs or [None], strict=True):
        _draw_points(ax, fake, real, pair)
        labels = {"xlabel": f"column {pair[0] + 1}", "ylabel": f"column {pair[1] + 1}"} if pair else {}
        ax.set(title=f"Distribution of {data}", **{"xlabel": "value", "ylabel": "density", **labels})
        ax.legend()
    return figure


def _pairs(points, most=3):
    """The pairs of columns that a plot of points [n, d] shows, up to `most`; none of one column."""
    columns = points.shape[1]
    return [(min(at, columns - 2), min(at, columns - 2) + 1) for at in range(0, columns, 2)][:most] * (columns > 1)


@_defaults()
def density_evolution(samples, places, real):
    """The density of fake points over the run, as in `evolution`, with that of `real` or None. Returns a Figure."""
    chosen = spread(len(samples), _MOST_PLACES)
    rows, columns = grid_size(len(chosen))
    figure = _figure(3 * columns, 2 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    pair = next(iter(_pairs(samples[0])), None)  # the first columns, for all samples on the same axes
    for ax in axes.flat[len(chosen) :]:
        ax.set_axis_off()
    for ax, i in zip(axes.flat, chosen, strict=False):
        _draw_points(ax, samples[i], real, pair)
        ax.set_title(places[i], fontsize="small")
    for ax in axes.flat[len(chosen) - columns : len(chosen)]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@_defaults()
def lines(curve, unit):
    """The Figure of a curves.Curve: its first line is blue, its second red. unit: of the run, "epoch" or "step"."""
    figure = _figure(8, 4.5)
    ax = figure.add_subplot()
    x = np.asarray(curve.x)
    for (name, y), color in zip(curve.series.items(), _COLORS.values(), strict=False):
        mean = running_mean(y)
        if mean is not None:
            ax.plot(x, y, color=color, alpha=0.25, linewidth=0.5)
        ax.plot(x, y if mean is None else mean, color=color, label=name, marker="o" if len(x) == 1 else None)
    for reference in curve.references:
        value, name = reference if isinstance(reference, tuple) else (reference, "")
        ax.axhline(value, color="black", linewidth=1, linestyle="--")
        if name:
            ax.text(x[-1], value, name, ha="right", va="bottom", fontsize="small")
    ax.set(title=curve.title, xlabel=unit, ylabel=curve.ylabel, ylim=curve.range)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


@_defaults()
def panels(curves, unit):
    """The curves.Curves of an evaluation, one below the other. Returns a Figure."""
    figure = _figure(8, 2.5 * len(curves))
    axes = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for ax, curve in zip(axes, curves, strict=True):
        for name, y in curve.series.items():
            ax.plot(np.asarray(curve.x), y, color=_COLORS["real"], marker=".", label=name)
        ax.axhline(*curve.references, color="black", linewidth=1, linestyle="--", label="real images")
        ax.set(ylabel=curve.ylabel, ylim=(0, None))
        ax.grid(alpha=0.3)
    axes[0].legend()
    axes[-1].set_xlabel(unit)
    return figure


def samples_png(samples, real=None, columns=None):
    """Samples as the bytes of a PNG: a grid of images; for points, their density and that of `real`."""
    return grid_png(samples, columns) if np.ndim(samples) == 4 else figure_png(density(samples, real))


@_defaults()
def figure_png(figure):
    """A matplotlib Figure as the bytes of a PNG."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a class's name: the font has no such letter
        figure.savefig(file, format="png", bbox_inches="tight", metadata={"Software": names.OURS})
    return file.getvalue()


def _draw_points(ax, fake, real, pair):
    """Points [n, d]: those of a pair of columns, or without one the density of the only column."""
    if pair is None:
        return _draw_density(ax, fake, real)
    sets = {"real": real, "fake": fake}
    sets = {name: points[:, list(pair)] for name, points in sets.items() if points is not None}
    sets = {name: metrics.evenly(points, min(len(points), _MOST_POINTS)) for name, points in sets.items()}
    for name, points in sets.items():
        ax.scatter(*np.nan_to_num(points).T, s=3, color=_COLORS[name], alpha=0.4, linewidths=0, label=name)
    if real is not None:
        low, high = sets["real"].min(0), sets["real"].max(0)
        margin = np.where(high > low, (high - low) / 2, np.maximum(1, np.abs(high)))
        ax.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))


def _draw_density(ax, fake, real):
    """The densities of points [n, 1]. The bandwidth is 0.3 standard deviations of the real points, if any."""
    named = {"real": real, "fake": fake}
    sets = {name: np.ravel(points) for name, points in named.items() if points is not None}
    deviation = float(next(iter(sets.values())).std()) or 1.0
    finite = {name: points[np.isfinite(points)][:, None] for name, points in sets.items()}
    everything = np.clip(np.concatenate(list(finite.values())), -1e9, 1e9)
    low, high = (everything.min(), everything.max()) if len(everything) else (-1, 1)
    grid = np.linspace(low - deviation, high + deviation, 400)
    for name, points in finite.items():
        if len(points):
            density = kernel_density(points, grid, 0.3 * deviation)
            ax.fill_between(grid, density, color=_COLORS[name], alpha=0.2)
            ax.plot(grid, density, color=_COLORS[name], label=name)


def kernel_density(points, grid, bandwidth):
    """The Gaussian kernel density estimate of points [n, 1] at the values of a grid [k]: [k]."""
    from sklearn.neighbors import KernelDensity

    return np.exp(KernelDensity(bandwidth=bandwidth).fit(points).score_samples(grid[:, None]))


def spread(count, most):
    """Up to `most` evenly spaced indices from 0 to count - 1."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def _figure(width, height):
    from matplotlib.figure import Figure  # pyplot has global state, and may open windows

    return Figure(figsize=(width, height), dpi=120, layout="constrained")
