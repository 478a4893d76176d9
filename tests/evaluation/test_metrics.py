"""Metrics of samples agree with closed forms."""

import numpy as np

from tfgan_v1.data.points import Modes
from tfgan_v1.evaluation import metrics

RANDOM = np.random.default_rng(0)


def test_moments_of_samples_are_those_of_their_distribution():
    normal, exponential = RANDOM.normal(2, 3, (200_000, 1)), RANDOM.exponential(1, 200_000)
    assert np.allclose(metrics.moments(normal), (2, 9, 0, 0), atol=0.06)
    assert np.allclose(metrics.moments(exponential)[:3], (1, 1, 2), atol=0.06)
    assert abs(metrics.moments(exponential).kurtosis - 6) < 0.6
    assert metrics.moments(np.ones(5))[:2] == (1, 0) and np.isnan(metrics.moments(np.ones(5)).skewness)


def test_the_kl_divergence_is_the_formula_on_histograms():
    real, fake = np.array([0, 0, 0, 1.0]), np.array([0, 1, 1, 1.0])
    p, q = np.array([0.75, 0.25]), np.array([0.25, 0.75])  # 98 bins between them are empty
    assert np.isclose(metrics.kl_divergence(real, fake), np.sum(p * np.log(p / q)), atol=1e-6)
    assert abs(metrics.kl_divergence(real, real)) < 1e-12


def test_the_kl_divergence_of_two_normals_is_near_the_closed_form():
    real, fake = RANDOM.normal(0, 1, 10**6), RANDOM.normal(0.5, 1.2, 10**6)
    closed = np.log(1.2) + (1 + 0.5**2) / (2 * 1.2**2) - 0.5
    assert abs(metrics.kl_divergence(real, fake) - closed) < 0.01


def test_fake_values_outside_the_real_range_are_not_counted():
    real = RANDOM.random(1000)
    assert metrics.kl_divergence(real, real + 5) > 10


def test_diversity_is_the_mean_standard_deviation_over_the_set():
    assert metrics.diversity(np.ones((5, 4, 4, 1))) == 0
    halves = np.concatenate([np.zeros((5, 4, 4, 1)), np.ones((5, 4, 4, 1))])
    assert metrics.diversity(halves) == 0.5


class TestModes:
    """Of VEEGAN's protocol (arXiv:1705.07761), against closed forms."""

    modes = Modes(np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]]), 1.0)
    off = np.exp(-4.5)  # of a normal distribution in two dimensions, what is beyond 3 deviations

    def test_points_on_all_modes_equally_often(self):
        caught, on, divergence = metrics.mode_scores(np.repeat(self.modes.centers, 5, 0), self.modes)
        assert (caught, on) == (4, 1) and np.isclose(divergence, np.log(1 / (1 - self.off)))

    def test_one_mode_of_four(self):
        caught, on, divergence = metrics.mode_scores(np.repeat(self.modes.centers[:1], 5, 0), self.modes)
        assert (caught, on) == (1, 1) and np.isclose(divergence, np.log(4 / (1 - self.off)))

    def test_half_of_the_points_between_the_modes(self):
        points = np.array([[0, 2.9], [10, 0], [5, 5], [0, 3.1]])
        caught, on, divergence = metrics.mode_scores(points, self.modes)
        expected = 2 * 0.25 * np.log(0.25 / ((1 - self.off) / 4)) + 0.5 * np.log(0.5 / self.off)
        assert (caught, on) == (2, 0.5) and np.isclose(divergence, expected)

    def test_the_mixture_itself(self):
        random = np.random.default_rng(0)
        points = self.modes.centers[random.integers(4, size=200_000)] + random.normal(size=(200_000, 2))
        caught, on, divergence = metrics.mode_scores(points, self.modes)
        assert caught == 4 and np.isclose(on, 1 - self.off, atol=1e-3) and divergence < 1e-4


def test_the_scores_of_a_table_that_is_sorted_by_its_classes_and_of_one_point():
    real = np.sort(np.random.default_rng(0).normal(size=(3000, 2)), axis=0)
    assert max(metrics.of_points(real, real[::3])) < 0.05
    assert metrics.of_points(real[:1], real[:1]) == (0, 0)


def test_the_scores_of_points_are_beside_those_of_other_real_points():
    real = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    fake = real[:1000] + 2
    distance, other = metrics.of_points(real, fake)
    assert np.isclose(distance, 2, rtol=0.1) and 0 < other < 0.15
    assert len(metrics.of_points(real[:, :2], fake[:, :2], TestModes.modes)) == 8
    assert len(metrics.of_points(real[:, :1], fake[:, :1])) == 9
