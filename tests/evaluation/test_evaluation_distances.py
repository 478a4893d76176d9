"""Distances agree with independent implementations and closed forms, and move as the paper of each says."""

import numpy as np
import ot
import prdc
import pytest
import scipy.linalg
import scipy.stats
from sklearn.metrics import pairwise
from sklearn.metrics import pairwise_distances as distances_between

from tfgan_v1.evaluation import distances, metrics

RANDOM = np.random.default_rng(0)


def normal(count, dimensions=8, mean=0.0, scale=1.0, seed=0):
    return np.random.default_rng([seed, count, dimensions]).normal(mean, scale, (count, dimensions))


def mixture(count, seed, modes=range(10), scale=0.3):
    """Points around up to ten far centers."""
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(0, 5, (10, 6))
    return centers[random.choice(list(modes), count)] + random.normal(0, scale, (count, 6))


class TestFrechetDistance:
    def test_it_is_the_closed_form_of_diagonal_gaussians(self):
        m1, m2, s1, s2 = RANDOM.normal(size=(2, 5)).tolist() + RANDOM.random((2, 5)).tolist()
        first, second = ((np.array(m), np.diag(s)) for m, s in ((m1, s1), (m2, s2)))
        closed = np.sum((np.array(m1) - m2) ** 2) + np.sum((np.sqrt(s1) - np.sqrt(s2)) ** 2)
        assert np.isclose(distances.frechet_distance_of(first, second), closed)

    def test_it_is_scipys_matrix_root_of_general_covariances(self):
        x, y = normal(500, seed=1) @ RANDOM.normal(size=(8, 8)), normal(300, seed=2) @ RANDOM.normal(size=(8, 8)) + 1
        c1, c2 = np.cov(x.T), np.cov(y.T)
        root = scipy.linalg.sqrtm(c1 @ c2).real
        twin = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(c1 + c2 - 2 * root)
        assert np.isclose(distances.frechet_distance(x, y), twin, rtol=1e-9)

    def test_singular_covariances_are_no_special_case(self):
        x, y = normal(400, 3, seed=1), normal(400, 3, 2.0, 0.5, seed=2)
        dead = np.zeros((400, 40))  # features that are always 0
        expected = distances.frechet_distance(x, y)
        assert np.isclose(distances.frechet_distance(np.hstack([x, dead]), np.hstack([y, dead])), expected)
        few = normal(10, 50, seed=3)
        assert abs(distances.frechet_distance(few, few)) < 1e-6
        point = np.zeros((5, 4))
        assert distances.frechet_distance(point, point) == 0
        assert np.isclose(distances.frechet_distance(point, point + 2), 16)
        assert np.isclose(distances.frechet_distance(np.zeros((5, 1)), np.ones((5, 1))), 1)

    def test_it_is_symmetric_0_for_equal_sets_and_grows_with_noise(self):
        x = normal(2000, seed=1)
        assert distances.frechet_distance(x, x) < 1e-9
        noisy = [distances.frechet_distance(x, x + normal(2000, scale=scale, seed=5)) for scale in (0.1, 0.5, 2)]
        assert noisy == sorted(noisy) and noisy[0] > 0
        y = normal(2000, mean=1.0, seed=2)
        assert np.isclose(distances.frechet_distance(x, y), distances.frechet_distance(y, x))


class TestKernelDistance:
    def test_one_subset_is_scikit_learns_kernel_without_the_diagonal(self):
        x, y = normal(60, 5, seed=1), normal(60, 5, 0.5, seed=2)
        xx, yy, xy = (pairwise.polynomial_kernel(*pair, degree=3, coef0=1) for pair in ((x, x), (y, y), (x, y)))
        off = ~np.eye(60, dtype=bool)
        twin = xx[off].mean() + yy[off].mean() - 2 * xy.mean()
        value, error = distances.kernel_distance(x, y, subsets=1)
        assert np.isclose(value, twin) and np.isnan(error)

    def test_it_is_unbiased_and_the_error_is_that_of_the_mean(self):
        results = []
        for seed in range(60):
            x, y = np.random.default_rng(seed).normal(size=(2, 200, 4))
            results.append(distances.kernel_distance(x, y, seed))
        values, errors = np.array(results).T
        assert abs(values.mean()) < 3 * values.std() / np.sqrt(60)  # around 0 for equal distributions
        assert 0.75 < errors.mean() / values.std() < 1.25

    def test_subsets_are_disjoint_of_the_largest_size_and_a_function_of_the_seed(self):
        x, y = normal(205, 3, seed=1), normal(400, 3, 2.0, seed=2)
        assert distances.kernel_distance(x, y, 1) == distances.kernel_distance(x, y, 1)
        assert distances.kernel_distance(x, y, 1) != distances.kernel_distance(x, y, 2)
        value, error = distances.kernel_distance(x, y)
        assert value > 5 * error > 0


def test_radii_reach_the_kth_other_point():
    points = np.array([[0.0], [1], [3], [7], [7]])
    assert distances.radii(points, 1).tolist() == [1, 1, 2, 0, 0]
    assert distances.radii(points, 3).tolist() == [7, 6, 4, 6, 6]


class TestManifolds:
    @pytest.mark.parametrize("k", [1, 3, 5])
    @pytest.mark.parametrize("counts", [(300, 300), (150, 400)])
    def test_they_are_those_of_the_package_prdc(self, counts, k):
        real, fake = normal(counts[0], seed=1), normal(counts[1], mean=0.7, scale=0.8, seed=2)
        twin = prdc.compute_prdc(real, fake, nearest_k=k)
        ours = (*distances.precision_recall(real, fake, k), *distances.density_coverage(real, fake, k))
        assert np.allclose(ours, [twin[name] for name in ("precision", "recall", "density", "coverage")], atol=1e-12)
        known = distances.radii(real, k)
        assert distances.precision_recall(real, fake, k, known) == ours[:2]
        assert distances.density_coverage(real, fake, k, known) == ours[2:]

    def test_chunks_change_nothing(self, monkeypatch):
        real, fake = normal(700, seed=1), normal(900, mean=0.3, seed=2)
        before = distances.precision_recall(real, fake), distances.density_coverage(real, fake)
        monkeypatch.setattr(distances, "_WORKING_MEMORY", 0.05)  # a few rows at once
        assert (distances.precision_recall(real, fake), distances.density_coverage(real, fake)) == before

    def test_a_dropped_mode_costs_recall_and_noise_costs_precision(self):
        real, same = mixture(2000, 1), mixture(2000, 2)
        precision, recall = distances.precision_recall(real, same)
        _, coverage = distances.density_coverage(real, same)
        assert min(precision, recall, coverage) > 0.85
        dropped = mixture(2000, 3, modes=range(5))
        less_precision, less_recall = distances.precision_recall(real, dropped)
        assert less_precision > 0.85 and abs(less_recall - 0.5 * recall) < 0.1
        assert abs(distances.density_coverage(real, dropped)[1] - 0.5 * coverage) < 0.1
        noisy = mixture(2000, 4, scale=1.2)
        noisy_precision, noisy_recall = distances.precision_recall(real, noisy)
        assert noisy_precision < 0.3 and noisy_recall > 0.85
        assert distances.density_coverage(real, noisy)[0] < 0.3

    def test_equal_sets_and_far_sets_are_the_extremes(self):
        x = normal(100, seed=1)
        assert distances.precision_recall(x, x) == (1, 1) and distances.density_coverage(x, x)[1] == 1
        assert distances.precision_recall(x, x + 100) == (0, 0) and distances.density_coverage(x, x + 100) == (0, 0)

    def test_density_of_equal_distributions_is_about_1(self):
        assert abs(distances.density_coverage(normal(3000, 2, seed=1), normal(3000, 2, seed=2))[0] - 1) < 0.05

    def test_as_many_outliers_as_good_fakes_halve_density_and_leave_coverage(self):
        real, fake, outliers = normal(300, 4, seed=1), normal(300, 4, seed=2), normal(300, 4, seed=3) + 1000
        (density, coverage), mixed = (
            distances.density_coverage(real, each) for each in (fake, np.concatenate([fake, outliers]))
        )
        assert np.allclose(mixed, (density / 2, coverage))


class TestSlicedWasserstein:
    @pytest.mark.parametrize("counts", [(200, 200), (90, 250)])
    def test_it_is_that_of_the_package_pot(self, counts):
        x, y = normal(counts[0], 6, seed=1), normal(counts[1], 6, 0.5, 2.0, seed=2)
        directions = np.random.default_rng(3).normal(size=(6, 512))
        directions /= np.linalg.norm(directions, axis=0)
        twin = ot.sliced_wasserstein_distance(x, y, projections=directions)
        assert np.isclose(distances.sliced_wasserstein(x, y, seed=3), twin, rtol=1e-4)

    def test_of_a_shift_it_is_the_shift_over_the_root_of_the_dimensions(self):
        images = RANDOM.random((50, 4, 4, 1))
        shifted = images + 0.5
        expected = 0.5 * np.sqrt(16) / np.sqrt(16)  # |shift| / sqrt(d), on average over directions
        assert abs(distances.sliced_wasserstein(images, shifted, projections=20_000) - expected) < 0.01
        assert distances.sliced_wasserstein(images, images[::-1]) < 1e-6

    def test_in_one_dimension_of_two_normals_it_is_the_closed_form(self):
        x, y = RANDOM.normal(0, 1, (10**5, 1)), RANDOM.normal(1, 2, (10**5, 1))
        assert abs(distances.sliced_wasserstein(x, y, projections=1) - np.sqrt(2)) < 0.02

    def test_it_is_a_function_of_the_seed(self):
        x, y = normal(50, 6, seed=1), normal(50, 6, 1.0, seed=2)
        assert distances.sliced_wasserstein(x, y, 1) == distances.sliced_wasserstein(x, y, 1)
        assert distances.sliced_wasserstein(x, y, 1, 4) != distances.sliced_wasserstein(x, y, 2, 4)


def test_the_classifier_score_is_1_for_one_class_and_the_number_of_classes_for_all():
    assert np.isclose(distances.classifier_score(np.eye(10)[np.arange(1000) % 10]), 10)
    assert np.isclose(distances.classifier_score(np.eye(10)[np.zeros(10, int)]), 1)
    assert np.isclose(distances.classifier_score(np.full((30, 10), 0.1)), 1)
    p = RANDOM.dirichlet(np.ones(4), 500)
    twin = np.exp(np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p]))
    assert np.isclose(distances.classifier_score(p), twin)


def test_the_distances_between_shares_of_classes():
    real, fake = np.array([0.25, 0.25, 0.5, 0]), np.array([0.25, 0, 0.75, 0])
    assert distances.total_variation(real, fake) == 0.25 and distances.total_variation(real, real) == 0
    assert np.isclose(distances.shares_divergence(real, fake), scipy.stats.entropy(fake, real))
    assert distances.shares_divergence(real, real) == 0
    assert distances.shares_divergence(real, [0, 0, 0, 1]) == np.inf  # a class that the data do not have
    uniform = np.full(1000, 0.001)
    assert np.isclose(distances.shares_divergence(uniform, np.eye(1000)[3]), np.log(1000))  # complete collapse


@pytest.mark.parametrize("block", [2**25, 250])  # all at once, and ten images at a time
def test_the_nearest_training_image_is_that_of_all_distances(monkeypatch, block):
    monkeypatch.setattr(distances, "_BLOCK", block)
    rows, training = RANDOM.random((40, 5, 5, 1)), RANDOM.random((300, 5, 5, 1))
    indices, found = distances.nearest(rows, training)
    twin = distances_between(rows.reshape(40, -1), training.reshape(300, -1))
    assert np.array_equal(indices, twin.argmin(1)) and np.allclose(found, twin.min(1), atol=1e-5)
    pixels = RANDOM.integers(0, 256, (50, 784), np.uint8)
    indices, found = distances.nearest(pixels[::-1], pixels)
    assert np.array_equal(indices, np.arange(50)[::-1]) and (found == 0).all()


def test_copies_are_told_from_new_images():
    training, test, new = (normal(1500, 6, seed=seed) for seed in (1, 2, 3))
    copies = training[:500] + 1e-3
    of_test, of_new, of_copies, of_far = (distances.nearest(x, training)[1] for x in (test, new, copies, new + 30))
    assert abs(distances.nearer_share(of_new, of_test) - 0.5) < 0.05
    assert distances.nearer_share(of_copies, of_test) > 0.99 and distances.nearer_share(of_far, of_test) == 0
    assert abs(distances.copied_share(of_new, of_test) - 0.05) < 0.03
    assert distances.copied_share(of_copies, of_test) > 0.99 and distances.copied_share(of_far, of_test) == 0
    mixed = np.concatenate([of_new[:900], of_copies[:100]])
    assert abs(distances.copied_share(mixed, of_test) - 0.1 - 0.045) < 0.03
    twin = scipy.stats.mannwhitneyu(of_test, of_new).statistic / 1500**2
    assert np.isclose(distances.nearer_share(of_new, of_test), twin)
    assert distances.nearer_share([1, 1], [1, 1]) == 0.5


def test_distances_of_points_are_their_closed_forms():
    x = RANDOM.normal(0, 1, (10**5, 1))
    assert np.isclose(metrics.wasserstein(x, x + 3), 3) and metrics.wasserstein(x, x) == 0
    assert abs(metrics.wasserstein(x, 2 * x) - np.sqrt(2 / np.pi)) < 0.02  # E|x|
    assert metrics.kolmogorov_smirnov(x, x) == 0 and metrics.kolmogorov_smirnov(x, x + 100) == 1
    closed = 2 * scipy.stats.norm.cdf(0.25) - 1
    assert abs(metrics.kolmogorov_smirnov(x, RANDOM.normal(0.5, 1, 10**5)) - closed) < 0.01
