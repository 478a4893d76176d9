"""Metrics of samples agree with closed forms."""

import numpy as np

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
