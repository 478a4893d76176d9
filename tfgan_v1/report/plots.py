"""Plots and image grids: functions from arrays to figures and PNG files."""

import io
import math
import warnings

import numpy as np

from tfgan_v1.errors import UserError, plain, shortened

_GAP = 2  # pixels between the images of a grid
_LONGEST_NAME, _LONGEST_UPRIGHT = 20, 8  # characters of a column's name, and of one that fits above its column


def view_samples(epoch, samples):
    """The samples of one epoch as a grid, 4x4 for the usual 16.

    epoch: index into `samples`, -1 for the last. samples: list of arrays [n, h, w, c] in [0, 1], as `load_samples`
    returns them, or [n, h * w] of square images in any range, as old notebooks have them. Points [n, 1] are shown as a
    density. Returns (figure, axes). Raises UserError if the epoch does not exist.
    """
    import matplotlib.pyplot as plt

    if not -len(samples) <= epoch < len(samples):
        raise UserError(f"there is no epoch {epoch} in {len(samples)} sets of samples; -1 is the last")
    images = as_images(samples[epoch])
    if images.shape[1:] == (1, 1):  # points
        figure, axes = plt.subplots(squeeze=False)
        _draw_density(axes[0, 0], images, None)
        return figure, axes
    rows, columns = grid_size(len(images))
    size = {"figsize": (7, 7 * rows / columns), "nrows": rows, "ncols": columns}
    figure, axes = plt.subplots(**size, sharex=True, sharey=True, squeeze=False)
    for ax, image in zip(axes.flat, images, strict=False):
        ax.imshow(image, cmap="Greys_r")
    for ax in axes.flat:
        ax.set_axis_off()
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return figure, axes


def evolution(samples, places, classes=(), rows=10, columns=6):
    """An image grid over the run: up to 10 rows, from the first samples to the last, with 6 images each.

    samples: list of arrays [n, h, w, c] in [0, 1]; places: a label for each, such as "epoch 3". classes: the names of
    the classes of the first samples, for a column of each in place of 6. Returns a Figure.
    """
    chosen, columns = _spread(len(samples), rows), len(classes) or columns
    columns = min(columns, *(len(samples[i]) for i in chosen))
    grid = tile(np.nan_to_num(np.concatenate([as_images(samples[i][:columns]) for i in chosen])), columns, background=1)
    height = grid.shape[0] / len(chosen)
    names = [plain(shortened(name, _LONGEST_NAME)) for name in classes]
    turn = 90 if max(map(len, names), default=0) > _LONGEST_UPRIGHT else 0
    above = 0.15 * max(map(len, names)) if turn else 0  # inches of the names' own
    figure = _figure(columns, len(chosen) * height / (grid.shape[1] / columns) + above)
    ax = figure.add_subplot()
    ax.imshow(grid, cmap="Greys_r", vmin=0, vmax=1)
    ax.set_yticks((np.arange(len(chosen)) + 0.5) * height, [places[i] for i in chosen])
    ax.tick_params(length=0)
    ax.set_xticks((np.arange(len(names)) + 0.5) * grid.shape[1] / columns, names, rotation=turn, parse_math=False)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    return figure


def density(fake, real=None):
    """The densities of real points, blue, and of fake points, red. Returns a Figure.

    fake, real: [n, 1]. Gaussian kernel density estimates; the bandwidth is 0.3 standard deviations of the real data.
    """
    figure = _figure(8, 4.5)
    _draw_density(figure.add_subplot(), fake, real)
    kinds = "fake data" if real is None else "real and fake data"
    figure.axes[0].set(title=f"Distribution of {kinds}", xlabel="value", ylabel="density")
    figure.axes[0].legend()
    return figure


def density_evolution(samples, places, real, most=10):
    """The density of fake points over the run: up to 10 plots, from the first to the last. Returns a Figure."""
    chosen = _spread(len(samples), most)
    rows, columns = grid_size(len(chosen))
    figure = _figure(3 * columns, 2 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(chosen) :]:
        ax.set_axis_off()
    for ax, i in zip(axes.flat, chosen, strict=False):
        _draw_density(ax, samples[i], real)
        ax.set_title(places[i], fontsize="small")
    for ax in axes.flat[len(chosen) - columns : len(chosen)]:  # the lowest of each column
        ax.tick_params(labelbottom=True)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def loss_curves(x, losses, unit="epoch"):
    """The losses of the discriminator, blue, and of the generator, red. Returns a Figure.

    losses: rows of records.Losses; x: the epoch or step of each; unit: "epoch" or "step".
    """
    curves = {"Discriminator": [row.d_loss for row in losses], "Generator": [row.g_loss for row in losses]}
    return _curves(x, curves, title="Training Losses", xlabel=unit, ylabel="loss")


def probabilities(x, losses, unit="epoch"):
    """D(x) and D(G(z)): D's mean outputs for real and for generated images. Returns a Figure. See `loss_curves`.

    The dashed line is the optimum, 0.5 for both (arXiv:1406.2661, sec. 4.1).
    """
    curves = {"D(x)": [row.d_x for row in losses], "D(G(z))": [row.d_g_z for row in losses]}
    figure = _curves(x, curves, title="Discriminator outputs", xlabel=unit, ylabel="probability of being real")
    figure.axes[0].axhline(0.5, color="black", linewidth=1, linestyle="--")
    figure.axes[0].set_ylim(0, 1)
    return figure


def scores(x, losses, unit="epoch"):
    """D's mean scores of real and generated images, of any sign and size. Returns a Figure. See `loss_curves`."""
    curves = {"score(x)": [row.d_x for row in losses], "score(G(z))": [row.d_g_z for row in losses]}
    return _curves(x, curves, title="Discriminator scores", xlabel=unit, ylabel="score")


def held_out(x, rows, critic, unit="epoch"):
    """D's mean outputs on training and on held-out images: where they part, D knows the training images by heart.

    rows: records.HeldOut; x: the epoch or step of each. Returns a Figure.
    """
    curves = {"training images": [row.training for row in rows], "held-out images": [row.held_out for row in rows]}
    ylabel = "score" if critic else "probability of being real"
    figure = _curves(x, curves, title="Discriminator outputs on real images", xlabel=unit, ylabel=ylabel)
    if not critic:
        figure.axes[0].set_ylim(0, 1)
    return figure


def figures(x, names, rows, real, unit="epoch"):
    """Figures measured while training, a plot for each, and as a dashed line that of real images. Returns a Figure.

    rows: (step, epoch, *values in the order of the names); x: the epoch or step of each; real: the real ones' values.
    """
    figure = _figure(8, 2.5 * len(names))
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        ax.plot(np.asarray(x), [row[2 + i] for row in rows], color="tab:blue", marker=".", label="generated images")
        ax.axhline(real[i], color="black", linewidth=1, linestyle="--", label="real images")
        ax.set(ylabel=name.replace("_", " "), ylim=(0, None))
        ax.grid(alpha=0.3)
    axes[0].legend()
    axes[-1].set_xlabel(unit)
    return figure


def divergence(x, values, unit="epoch"):
    """The Kullback-Leibler divergence, metrics.kl_divergence, over the run. Returns a Figure. See `loss_curves`."""
    return _curves(x, {"KL(real || fake)": values}, title="KL divergence", xlabel=unit, ylabel="nats")


def samples_png(samples, real=None, columns=None):
    """Samples as the bytes of a PNG: a grid of images; for points, their density and that of `real`."""
    return grid_png(samples, columns) if np.ndim(samples) == 4 else figure_png(density(samples, real))


def grid_png(images, columns=None):
    """Images [n, h, w, c] in [0, 1], or uint8, as an image grid, as the bytes of a PNG; small images are enlarged.

    columns: None for the most square grid.
    """
    return png(tile(as_bytes(images), columns or grid_size(len(images))[1], background=255), least=600)


def png(image, least=0):
    """An image [h, w] or [h, w, c], as `as_bytes` takes it, as the bytes of a PNG of about `least` pixels of width."""
    factor = max(1, round(least / image.shape[1]))
    file = io.BytesIO()
    as_picture(image.repeat(factor, axis=0).repeat(factor, axis=1)).save(file, "PNG")
    return file.getvalue()


def as_picture(image):
    """An image [h, w] or [h, w, c], as `as_bytes` takes it, as a Pillow image."""
    from PIL import Image

    pixels = as_bytes(image)
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[2:] == (1,) else pixels)


def as_bytes(images):
    """Images in [0, 1] as uint8 of the same shape; those that are uint8 stay unchanged."""
    images = np.asarray(images)
    return images if images.dtype == np.uint8 else np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)


def tile(images, columns, background=0):
    """Images [n, h, w, c] or [n, h, w] in a grid, row by row: [rows * (h + gap) - gap, columns * (w + gap) - gap]."""
    images = np.asarray(images)
    short = -len(images) % columns
    padding = [(0, 0), (0, _GAP), (0, _GAP)] + [(0, 0)] * (images.ndim - 3)
    cells = np.pad(images, padding, constant_values=background)
    cells = np.concatenate([cells, np.full((short, *cells.shape[1:]), background, cells.dtype)])
    rows = len(cells) // columns
    _, height, width, *channels = cells.shape
    grid = cells.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, *channels)[:-_GAP, :-_GAP]


def grid_size(count):
    """(rows, columns) of the most square grid for `count` images: 4x4 for 16, 3x4 for 12."""
    columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def as_images(sample):
    """A sample for matplotlib: [n, h, w, 3] is unchanged; [n, h, w, 1] and [n, h * w], of squares, become [n, h, w]."""
    sample = np.asarray(sample)
    if sample.ndim == 2:
        side = math.isqrt(sample.shape[1])
        if side * side != sample.shape[1]:
            raise UserError(f"samples of {sample.shape[1]} numbers each are not square images")
        return sample.reshape(len(sample), side, side)
    return sample.squeeze(-1) if sample.shape[-1] == 1 else sample


def figure_png(figure):
    """A matplotlib Figure as the bytes of a PNG."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a class's name: the font has no such letter
        figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


_MANY = 40  # values of single steps from which a curve is faint and its running mean is drawn over it
_WINDOWS = 20  # of the running mean, side by side, in a curve


def running_mean(values):
    """The mean of each value and those before it, over a twentieth of the curve; None for a short curve.

    Single steps are noisy: a loss is that of one batch.
    """
    if len(values) < _MANY:
        return None
    window = len(values) // _WINDOWS
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _curves(x, curves, **labels):
    figure = _figure(8, 4.5)
    ax = figure.add_subplot()
    x = np.asarray(x)
    for (name, y), color in zip(curves.items(), ("tab:blue", "tab:red"), strict=False):
        mean = running_mean(y)
        if mean is not None:
            ax.plot(x, y, color=color, alpha=0.25, linewidth=0.5)
        ax.plot(x, y if mean is None else mean, color=color, label=name, marker="o" if len(x) == 1 else None)
    ax.set(**labels)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


_COLORS = {"real": "tab:blue", "fake": "tab:red"}


def _draw_density(ax, fake, real):
    grid, densities = density_curves(fake, real)
    for name, density in densities.items():
        ax.fill_between(grid, density, color=_COLORS[name], alpha=0.2)
        ax.plot(grid, density, color=_COLORS[name], label=name)


def density_curves(fake, real=None, count=400):
    """(values [count], {"real": their density [count], "fake": the same}): Gaussian kernel density estimates.

    fake, real: points [n, 1]; real may be None. The bandwidth is 0.3 standard deviations of the real data.
    """
    from sklearn.neighbors import KernelDensity

    sets = {"real": real, "fake": fake}
    sets = {name: np.asarray(points).reshape(-1, 1) for name, points in sets.items() if points is not None}
    deviation = float(next(iter(sets.values())).std()) or 1.0
    finite = {name: points[np.isfinite(points)].reshape(-1, 1) for name, points in sets.items()}
    everything = np.concatenate([np.clip(points, -1e9, 1e9) for points in finite.values()])
    low, high = (everything.min(), everything.max()) if len(everything) else (-1, 1)
    grid = np.linspace(low - deviation, high + deviation, count)[:, None]
    fitted = {name: KernelDensity(bandwidth=0.3 * deviation).fit(each) for name, each in finite.items() if len(each)}
    return grid[:, 0], {name: np.exp(estimate.score_samples(grid)) for name, estimate in fitted.items()}


def density_svg(fake, real=None):
    """The densities of real points, blue, and of fake points, red, as the text of a small SVG image."""
    grid, densities = density_curves(fake, real, count=120)
    low, high, top = float(grid[0]), float(grid[-1]), max((float(each.max()) for each in densities.values()), default=1)
    x, parts = 20 + 560 * (grid - low) / (high - low), ['<rect width="600" height="400" fill="#fff"/>']
    for (name, density), color, place in zip(densities.items(), ("#1f77b4", "#d62728"), (30, 90), strict=False):
        outline = "L".join(f"{across:.0f} {370 - 350 * up:.0f}" for across, up in zip(x, density / top, strict=True))
        style = f'fill="{color}" fill-opacity=".2" stroke="{color}" stroke-width="2"'
        parts.append(f'<path d="M20 370L{outline}L580 370Z" {style}/><text x="{place}" y="30">{name}</text>')
    parts.append(f'<text x="20" y="392">{low:.3g}</text><text x="580" y="392" text-anchor="end">{high:.3g}</text>')
    size = 'viewBox="0 0 600 400" width="600" height="400" font-family="sans-serif" font-size="18"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _spread(count, most):
    """Up to `most` evenly spaced indices from 0 to count - 1."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def _figure(width, height):
    from matplotlib.figure import Figure  # pyplot has global state, and may open windows

    return Figure(figsize=(width, height), dpi=120, layout="constrained")
