"""Plots and image grids show the arrays that they are given."""

import io
import warnings

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tfgan_v1 import UserError, view_samples
from tfgan_v1.report import curves, plots
from tfgan_v1.report.images import gif, grid_size, png, tile
from tfgan_v1.storage import names, records

matplotlib.use("Agg")
BLUE, RED = "#1f77b4", "#d62728"
RANDOM = np.random.default_rng(0)
SAMPLES = [RANDOM.random((16, 28, 28, 1), np.float32) for _ in range(25)]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_view_samples_shows_the_16_of_an_epoch_in_order():
    for epoch in (7, -1):
        figure, axes = view_samples(epoch, SAMPLES)
        assert axes.shape == (4, 4) and figure.axes == list(axes.flat)
        for ax, sample in zip(axes.flat, SAMPLES[epoch], strict=True):
            assert np.array_equal(ax.images[0].get_array(), sample[..., 0])
    for epoch in (25, -26):
        with pytest.raises(UserError, match="-1 is the last"):
            view_samples(epoch, SAMPLES)


def test_view_samples_takes_flat_images_color_and_any_number():
    _, axes = view_samples(-1, [np.zeros((16, 784), np.float32)])
    assert axes[0, 0].images[0].get_array().shape == (28, 28)
    _, axes = view_samples(-1, [np.zeros((7, 8, 12, 3), np.float32)])
    assert axes.shape == (3, 3) and axes[0, 0].images[0].get_array().shape == (8, 12, 3)


def test_an_image_grid_has_the_images_row_by_row_with_a_gap():
    images = RANDOM.random((5, 4, 3, 1))
    sheet = tile(images, columns=3, background=1)
    assert sheet.shape == (4 + 2 + 4, 3 * 3 + 2 * 2, 1)
    assert np.array_equal(sheet[0:4, 5:8], images[1]) and np.array_equal(sheet[6:10, 0:3], images[3])
    assert (sheet[4:6] == 1).all() and (sheet[:, 3:5] == 1).all() and (sheet[6:, 10:] == 1).all()


GRIDS = [
    *(
        (1, 1, 1),
        (2, 1, 2),
        (5, 2, 3),
        (8, 2, 4),
        (10, 3, 4),
        (12, 3, 4),
        (15, 3, 5),
        (17, 4, 5),
        (18, 3, 6),
        (32, 4, 8),
    ),
    *((each * each, each, each) for each in (4, 5, 6, 8, 10)),
]


@pytest.mark.parametrize("shape", [(8, 4096, 1), (4096, 8, 1), (1, 1, 1), (4096, 1, 3)])
def test_pictures_of_images_of_any_shape_are_within_the_limits_of_their_formats(shape):
    figure = plots.figure_png(plots.evolution([np.zeros((6, *shape))] * 12, ["epoch 1"] * 12))
    grid = np.zeros((5 * shape[0], 5 * shape[1], shape[2]))
    for content in (figure, png(grid, least=600), gif([grid], 100)):
        assert names.SAYS_OURS.search(content[:1000])
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as picture:
            assert max(picture.size) < 2**16


@pytest.mark.parametrize("count, rows, columns", GRIDS)
def test_grids_are_as_square_as_possible_without_a_hole(count, rows, columns):
    assert grid_size(count) == (rows, columns)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_png_has_the_enlarged_pixels(channels, mode):
    image = np.linspace(0, 1, 4 * 5 * channels).reshape(4, 5, channels)
    with Image.open(io.BytesIO(png(image, least=15))) as opened:
        assert opened.mode == mode and opened.size == (15, 12)
        pixels = np.asarray(opened).reshape(12, 15, channels)
    assert np.array_equal(pixels[1::3, 1::3], np.rint(image * 255))
    with Image.open(io.BytesIO(png(image))) as opened:
        assert opened.size == (5, 4)


@pytest.mark.parametrize("count, shown", [(25, 10), (10, 10), (3, 3), (1, 1)])
def test_evolution_runs_from_the_first_epoch_to_the_last_in_at_most_ten_rows(count, shown):
    figure = plots.evolution(SAMPLES[:count], [f"epoch {i + 1}" for i in range(count)])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == shown and labels[-1] == f"epoch {count}"
    assert count == 1 or labels[0] == "epoch 1"
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    sheet = figure.axes[0].images[0].get_array()
    assert np.array_equal(sheet[-28:, :28], SAMPLES[count - 1][0, ..., 0])
    assert sheet.shape == (30 * shown - 2, 30 * 6 - 2)


LOSSES = [records.Losses(17 * i, i, 0.1 * i, 0.2 * i, 0.6 + i / 20, 0.4 - i / 20, 0, 0, 0) for i in range(1, 8)]


def axes_of(losses, unit="epoch", reads_as="probabilities"):
    """The axes of the plots of losses and of D's outputs, in a run of 17 steps an epoch."""
    summary = {"unit": unit, "steps_per_epoch": 17, "reads_as": reads_as, "figures": {}, "equilibrium": None}
    drawn = curves.of_run(summary, curves.Tables(losses))
    return [plots.lines(curve, unit).axes[0] for curve in drawn]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_generators_loss_is_red_and_the_discriminators_blue():
    ax, _ = axes_of(LOSSES)
    assert (ax.get_title(), ax.get_xlabel(), legend(ax)) == ("Training Losses", "epoch", ["Discriminator", "Generator"])
    for line, name, color in zip(ax.lines, ("d_loss", "g_loss"), (BLUE, RED), strict=True):
        assert list(line.get_xdata()) == list(range(1, 8)) and line.get_color() == color
        assert np.allclose(line.get_ydata(), [getattr(row, name) for row in LOSSES])


def test_probabilities_have_a_line_at_one_half_and_scores_have_none():
    _, ax = axes_of(LOSSES, "step")
    *lines, half = ax.lines
    for line, name in zip(lines, ("d_x", "d_g_z"), strict=True):
        assert list(line.get_xdata()) == [17 * i for i in range(1, 8)]
        assert np.allclose(line.get_ydata(), [getattr(row, name) for row in LOSSES])
    assert list(half.get_ydata()) == [0.5, 0.5] and ax.get_ylim() == (0, 1) and ax.get_xlabel() == "step"
    assert (ax.get_title(), legend(ax)) == ("Discriminator outputs", ["D(x)", "D(G(z))"])
    _, ax = axes_of(LOSSES, reads_as="scores")
    assert len(ax.lines) == 2 and legend(ax) == ["score(x)", "score(G(z))"]


def test_losses_have_a_line_at_the_equilibrium_with_its_name():
    summary = {"unit": "epoch", "steps_per_epoch": 17, "reads_as": "probabilities", "figures": {}}
    summary["equilibrium"] = [2 * np.log(2), 0.65]
    curve = curves.of_run(summary, curves.Tables(LOSSES))[0]
    assert [name for _, name in curve.references] == ["2 log 2", "0.65"] and "equilibrium" in curve.caption
    ax = plots.lines(curve, "epoch").axes[0]
    assert [list(line.get_ydata()) for line in ax.lines[2:]] == [[2 * np.log(2)] * 2, [0.65] * 2]


def test_many_losses_are_faint_below_their_running_mean():
    ax, _ = axes_of(LOSSES[:1] * 1000 + LOSSES[1:2] * 1000)
    faint, mean, *_ = ax.lines
    assert len(faint.get_xdata()) == 2000 and faint.get_alpha() < 1
    first, second = LOSSES[0].d_loss, LOSSES[1].d_loss
    means = mean.get_ydata()  # over a twentieth of the curve: the last 100 values
    assert len(means) == 2000 and means[:1000] == pytest.approx(first) and means[1100:] == pytest.approx(second)
    assert means[1049] == pytest.approx((first + second) / 2)
    assert len(axes_of(LOSSES[:1] * 39)[0].lines) == 2


def test_the_running_mean_of_a_curve_begins_with_its_first_value():
    values = RANDOM.normal(size=60)
    expected = [values[max(0, i - 2) : i + 1].mean() for i in range(60)]
    assert curves.running_mean(values) == pytest.approx(expected)


def test_the_density_of_real_points_is_blue_and_of_fake_points_red():
    real, fake = RANDOM.normal(2, 1, (2000, 1)), RANDOM.normal(-1, 0.5, (2000, 1))
    ax = plots.density(fake, real).axes[0]
    assert ax.get_title() == "Distribution of real and fake data"
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["real"].get_color() == BLUE and lines["fake"].get_color() == RED
    for name, mean, deviation in (("real", 2, 1), ("fake", -1, 0.5)):
        x, y = lines[name].get_data()
        width = np.hypot(deviation, 0.3 * real.std())  # the kernel widens the density
        expected = np.exp(-((x - mean) ** 2) / (2 * width**2)) / (width * np.sqrt(2 * np.pi))
        assert np.abs(y - expected).max() < 0.06
    assert [line.get_label() for line in plots.density(fake).axes[0].lines] == ["fake"]
    assert plots.density(np.full((3, 1), np.nan), real) is not None


def test_points_are_shown_as_densities():
    points = [RANDOM.normal(size=(50, 1)).astype(np.float32) for _ in range(12)]
    _, axes = view_samples(-1, points)
    assert axes.shape == (1, 1) and axes[0, 0].lines
    for columns in (2, 4):
        _, axes = view_samples(0, [RANDOM.normal(size=(50, columns))])
        assert axes.shape == (1, 1) and len(axes[0, 0].collections[0].get_offsets()) == 50
    with Image.open(io.BytesIO(plots.samples_png(points[0]))) as opened:
        assert opened.width > opened.height > 300
    small = plots.density_evolution(points, [f"epoch {i}" for i in range(12)], points[0]).axes
    assert [ax.get_title() for ax in small if ax.lines][:: len(small) - 3] == ["epoch 0", "epoch 11"]


def test_the_evolution_of_densities_has_one_legend_and_numbers_below_each_column():
    points = [RANDOM.normal(size=(50, 1)) for _ in range(10)]
    figure = plots.density_evolution(points, [f"epoch {i}" for i in range(10)], points[0])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["real", "fake"]
    assert [line.get_color() for line in legend.get_lines()] == [BLUE, RED]
    assert not any(ax.get_legend() for ax in figure.axes)
    labeled = [ax.xaxis.get_tick_params()["labelbottom"] for ax in figure.axes]
    assert labeled[:10] == [False] * 6 + [True] * 4  # in rows of four: the third has two


def test_a_matplotlibrc_changes_no_plot():
    def draw():
        return plots.figure_png(plots.evolution(SAMPLES[:3], ["1", "2", "3"], ["cat", "dog"]))

    usual = draw()
    with matplotlib.rc_context({"text.usetex": True, "font.family": "no such font", "savefig.dpi": 7}):
        assert draw() == usual
