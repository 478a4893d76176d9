"""What is recorded of both networks on points, against the networks themselves."""

import numpy as np
import pytest

from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import train_graph, views
from tfgan_v1.gan.noise import DISTRIBUTIONS
from tfgan_v1.gan.train_graph import DataSpec

POINTS = (np.random.default_rng(0).normal(size=(600, 2)) * [5, 0.5] + [100, -3]).astype(np.float32)
OPTIONS = {"model": "points", "dataset": "ring", "xla": "off", "steps": 1, "average": 0.0}


class Built:
    """A graph of a configuration on POINTS, with its views."""

    def __init__(self, points=POINTS, counts=None, **options):
        self.config = Config(**{**OPTIONS, **options})
        shape = points.shape[1:]
        with tf.Graph().as_default():
            spec = DataSpec(shape, np.float32, len(points), len(points), counts, points=points)
            built = train_graph.make_spec(self.config, spec, train_graph.CustomParts())
            row = train_graph.build_samplers(built, spec, 0).views
            values = train_graph.initial_values(built.networks, points)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer(), values)
                row, self.weights = session.run([row, {each.op.name: each for each in tf.global_variables()}])
            self.views = views.split(row, views.layout(self.config, shape[0], len(counts or ())))

    def dense(self, scope, x, slope):
        """A network of dense layers in NumPy, in float64."""
        for layer in [f"hidden_{number}" for number in range(1, 5 if scope == "generator" else 4)]:
            x = x @ self.weights[f"{scope}/{layer}/kernel"].astype(float) + self.weights[f"{scope}/{layer}/bias"]
            x = np.where(x > 0, x, slope * x)
        return x @ self.weights[f"{scope}/logits/kernel"].astype(float) + self.weights[f"{scope}/logits/bias"]

    def d(self, points):
        return self.dense("discriminator", (points - POINTS.mean(0)) / POINTS.std(0), 0.2)

    def g(self, z):
        return self.dense("generator", z, 0) * POINTS.std(0) + POINTS.mean(0)


@pytest.fixture(scope="module")
def built():
    return Built()


def test_the_points_are_standardized_by_variables_of_the_generator(built):
    assert np.allclose(built.weights["generator/center"], POINTS.mean(0, dtype=float), rtol=1e-6)
    assert np.allclose(built.weights["generator/scale"], POINTS.std(0, dtype=float), rtol=1e-6)


def test_d_is_asked_on_a_grid_of_the_box_row_by_row(built):
    low, high = views.box(POINTS)
    x, y = (np.linspace(*pair, 41) for pair in zip(low, high, strict=True))
    at = np.array([[x[column], y[row]] for row in range(41) for column in range(41)])
    assert np.allclose(built.views.d, 1 / (1 + np.exp(-built.d(at)[:, 0])), atol=1e-5)
    assert ((low <= POINTS) & (high >= POINTS)).all(1).mean() > 0.99


def test_g_draws_a_grid_of_noise_whose_cells_are_equally_likely(built):
    axis = DISTRIBUTIONS["normal"].quantile((np.arange(21) + 0.5) / 21)
    z = np.array([[axis[column], axis[row]] for row in range(21) for column in range(21)])
    assert np.allclose(built.views.g, built.g(z), atol=1e-3)


def test_the_gradient_is_where_g_s_loss_of_each_point_falls(built):
    fake, step = built.views.fake.astype(float), 1e-5
    assert fake.shape == (256, 2)

    def loss(points):  # -log D
        return np.log1p(np.exp(-built.d(points)[:, 0]))

    expected = np.zeros_like(fake)
    for axis in range(2):
        scale = POINTS.std(0)[axis]
        shift = np.eye(2)[axis] * scale * step
        expected[:, axis] = -(loss(fake + shift) - loss(fake - shift)) / (2 * step) * scale
    assert np.abs(expected).max() > 1e-3
    close = np.isclose(built.views.gradient, expected, atol=1e-3 * np.abs(expected).max())
    assert close.mean() > 0.9  # a step may cross the corner of a ReLU


def test_in_one_dimension_it_is_a_curve_and_in_three_only_points():
    line, space = Built(POINTS[:, :1]), Built(np.hstack([POINTS, POINTS[:, :1]]))
    assert [part.shape for part in line.views] == [(121,), (121, 1), (1000, 1), (1000, 1)]
    assert [part.shape for part in space.views] == [(0,), (0, 3), (256, 3), (256, 3)]


def test_in_a_conditional_run_d_shows_its_most_likely_class_and_g_no_grid():
    conditional = Built(counts=[300, 300], conditional=True)
    assert [part.shape for part in conditional.views] == [(1681,), (0, 2), (256, 2), (256, 2)]
    assert np.isfinite(conditional.views.d).all()


@pytest.mark.parametrize("options", [{"pack": 3, "batch_size": 255}, {"minibatch_stddev": True}, {"noise_size": 1}])
def test_a_group_is_of_equal_points_and_one_noise_value_makes_a_curve(options):
    built = Built(**options)
    images = 21 if "noise_size" in options else 441
    assert [len(part) for part in built.views[:2]] == [1681, images]
    assert len(built.views.fake) % built.config.group == 0 and np.isfinite(built.views.d).all()


@pytest.mark.parametrize("loss", ["hinge", "relativistic_average", "minimax"])
def test_every_loss_has_a_gradient_also_with_few_points(loss):
    gradient = Built(POINTS[:60], loss=loss).views.gradient
    assert gradient.shape == (256, 2) and np.abs(gradient).max() > 0


def test_points_and_g_s_grid_are_of_the_averaged_generator_as_the_samples_are():
    """Its weights are 0 before the average starts: all of its points are the center."""
    averaged = Built(average=0.9).views
    for points in (averaged.fake, averaged.g):
        assert np.allclose(points, POINTS.mean(0, dtype=float), rtol=1e-5)
