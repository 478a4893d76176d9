"""Pictures of what a run learned: arrays in, pictures out."""

import io
import math

import numpy as np

from tfgan_v1.errors import UserError

_GAP = 2  # pixels between the images of a sheet


def view_samples(epoch, samples):
    """The samples of one epoch as a grid, 4x4 for the usual 16.

    epoch: index into `samples`, -1 for the last. samples: list of arrays [n, h, w, c] in [0, 1], as `load_samples`
    returns it, or [n, h * w] of square images in any range, as the old notebooks kept it. Returns (figure, axes).
    Raises UserError if there is no such epoch.
    """
    import matplotlib.pyplot as plt

    if not -len(samples) <= epoch < len(samples):
        raise UserError(f"there is no epoch {epoch} in {len(samples)} sets of samples; -1 is the last")
    images = as_images(samples[epoch])
    rows, columns = grid_size(len(images))
    size = {"figsize": (7, 7 * rows / columns), "nrows": rows, "ncols": columns}
    figure, axes = plt.subplots(**size, sharex=True, sharey=True, squeeze=False)
    for ax, image in zip(axes.flat, images, strict=False):
        ax.imshow(image, cmap="Greys_r")
    for ax in axes.flat:
        ax.set_axis_off()
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return figure, axes


def evolution(samples, epochs, rows=10, columns=6):
    """A sheet of how the samples changed: up to 10 rows of epochs, the last one included, with 6 samples each.

    samples: list of arrays [n, h, w, c] in [0, 1]; epochs: the epoch of each. Returns a matplotlib Figure.
    """
    chosen = np.unique(np.linspace(0, len(samples) - 1, min(rows, len(samples))).round().astype(int))
    columns = min(columns, *(len(samples[i]) for i in chosen))
    sheet = tile(np.concatenate([as_images(samples[i][:columns]) for i in chosen]), columns)
    height = sheet.shape[0] / len(chosen)
    figure = _figure(columns, len(chosen) * height / (sheet.shape[1] / columns))
    ax = figure.add_subplot()
    ax.imshow(sheet, cmap="Greys_r", vmin=0, vmax=1)
    ax.set_yticks((np.arange(len(chosen)) + 0.5) * height, [f"epoch {epochs[i]:,}" for i in chosen])
    ax.tick_params(length=0)
    ax.set_xticks([])
    ax.spines[:].set_visible(False)
    return figure


def loss_curves(losses):
    """Both players' losses over the epochs, "Training Losses". losses: rows of records.Losses. Returns a Figure."""
    figure = _figure(8, 4.5)
    ax = figure.add_subplot()
    epochs = [row.epoch for row in losses]
    marker = "o" if len(epochs) == 1 else None
    ax.plot(epochs, [row.d_loss for row in losses], label="Discriminator", marker=marker)
    ax.plot(epochs, [row.g_loss for row in losses], label="Generator", marker=marker)
    ax.set(title="Training Losses", xlabel="epoch", ylabel="loss (nats)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def sheet_png(images):
    """The images [n, h, w, c] in [0, 1] as one sheet, in the bytes of a PNG; small ones are enlarged."""
    return png(tile(images, grid_size(len(images))[1], background=1), least=600)


def png(image, least=0):
    """An image [h, w] or [h, w, c] in [0, 1] as a PNG's bytes, enlarged by a whole factor towards `least` pixels."""
    from PIL import Image

    pixels = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    factor = max(1, round(least / pixels.shape[1]))
    enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    file = io.BytesIO()
    Image.fromarray(enlarged.squeeze(-1) if enlarged.shape[2:] == (1,) else enlarged).save(file, "PNG")
    return file.getvalue()


def tile(images, columns, background=0):
    """Images [n, h, w, c] or [n, h, w] side by side, row by row, with a gap between: [rows * (h + gap) - gap, ...]."""
    images = np.asarray(images)
    short = -len(images) % columns
    padding = [(0, 0), (0, _GAP), (0, _GAP)] + [(0, 0)] * (images.ndim - 3)
    cells = np.pad(images, padding, constant_values=background)
    cells = np.concatenate([cells, np.full((short, *cells.shape[1:]), background, cells.dtype)])
    rows = len(cells) // columns
    _, height, width, *channels = cells.shape
    sheet = cells.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, *channels)[:-_GAP, :-_GAP]


def grid_size(count):
    """(rows, columns) of the squarest grid for `count` images, wider rather than higher: 16 is 4x4, 12 is 3x4."""
    columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def as_images(sample):
    """[n, h, w, 3] as it is, [n, h, w, 1] and [n, h * w] of square images as [n, h, w]."""
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
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def _figure(width, height):
    from matplotlib.figure import Figure  # not pyplot: a figure that is only saved needs no window and no global state

    return Figure(figsize=(width, height), dpi=120, layout="constrained")
