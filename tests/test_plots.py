"""The pictures show the arrays that they are given."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tfgan_v1 import UserError, plots, records, view_samples

matplotlib.use("Agg")
RANDOM = np.random.default_rng(0)
SAMPLES = [RANDOM.random((16, 28, 28, 1), np.float32) for _ in range(25)]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("epoch", [0, 7, -1])
def test_view_samples_shows_the_16_of_an_epoch_in_order(epoch):
    figure, axes = view_samples(epoch, SAMPLES)
    assert axes.shape == (4, 4) and figure.axes == list(axes.flat)
    for ax, sample in zip(axes.flat, SAMPLES[epoch], strict=True):
        assert np.array_equal(ax.images[0].get_array(), sample[..., 0])


def test_view_samples_takes_what_old_notebooks_kept_and_colour_and_any_number():
    _, axes = view_samples(-1, [np.zeros((16, 784), np.float32)])
    assert axes[0, 0].images[0].get_array().shape == (28, 28)
    _, axes = view_samples(-1, [np.zeros((7, 8, 12, 3), np.float32)])
    assert axes.shape == (3, 3) and axes[0, 0].images[0].get_array().shape == (8, 12, 3)


@pytest.mark.parametrize("epoch", [25, -26])
def test_view_samples_of_an_epoch_that_is_not_there(epoch):
    with pytest.raises(UserError, match="-1 is the last"):
        view_samples(epoch, SAMPLES)


def test_a_sheet_is_its_images_row_by_row_with_a_gap():
    images = RANDOM.random((5, 4, 3, 1))
    sheet = plots.tile(images, columns=3, background=1)
    assert sheet.shape == (4 + 2 + 4, 3 * 3 + 2 * 2, 1)
    assert np.array_equal(sheet[0:4, 5:8], images[1]) and np.array_equal(sheet[6:10, 0:3], images[3])
    assert (sheet[4:6] == 1).all() and (sheet[:, 3:5] == 1).all() and (sheet[6:, 10:] == 1).all()


@pytest.mark.parametrize("count, rows, columns", [(1, 1, 1), (2, 1, 2), (5, 2, 3), (12, 3, 4), (16, 4, 4), (17, 4, 5)])
def test_grids_are_as_square_as_can_be(count, rows, columns):
    assert plots.grid_size(count) == (rows, columns)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_png_holds_the_pixels_enlarged(channels, mode):
    image = np.linspace(0, 1, 4 * 5 * channels).reshape(4, 5, channels)
    with Image.open(io.BytesIO(plots.png(image, least=15))) as opened:
        assert opened.mode == mode and opened.size == (15, 12)
        pixels = np.asarray(opened).reshape(12, 15, channels)
    assert np.array_equal(pixels[1::3, 1::3], np.rint(image * 255))
    with Image.open(io.BytesIO(plots.png(image))) as opened:
        assert opened.size == (5, 4)


@pytest.mark.parametrize("count, shown", [(25, 10), (10, 10), (3, 3), (1, 1)])
def test_evolution_runs_from_the_first_epoch_to_the_last_in_at_most_ten_rows(count, shown):
    figure = plots.evolution(SAMPLES[:count], range(1, count + 1))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == shown and labels[-1] == f"epoch {count}"
    assert count == 1 or labels[0] == "epoch 1"
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    sheet = figure.axes[0].images[0].get_array()
    assert np.array_equal(sheet[-28:, :28], SAMPLES[count - 1][0, ..., 0])
    assert sheet.shape == (30 * shown - 2, 30 * 6 - 2)


def test_loss_curves_are_the_losses():
    losses = [records.Losses(17 * i, i, 0.1 * i, 0.2 * i, 0, 0, 0) for i in range(1, 8)]
    ax = plots.loss_curves(losses).axes[0]
    assert ax.get_title() == "Training Losses"
    for line, name in zip(ax.lines, ("d_loss", "g_loss"), strict=True):
        assert list(line.get_xdata()) == list(range(1, 8))
        assert list(line.get_ydata()) == [getattr(row, name) for row in losses]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Discriminator", "Generator"]
