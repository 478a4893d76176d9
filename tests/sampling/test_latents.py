"""Paths, truncation and maps of noise against their plain formulas."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from tfgan_v1 import UserError
from tfgan_v1.sampling import latents

NORMAL = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
RINGS = [*NORMAL, NORMAL[0]]  # back to the first


def straight(a, b, share):
    return (1 - share) * a + share * b


def spherical(a, b, share):
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)


@pytest.mark.parametrize("way", [straight, spherical])
@pytest.mark.parametrize("with_end", [True, False])
def test_a_path_is_the_plain_formula_way_after_way(way, with_end):
    shares = np.arange(5) / (4 if with_end else 5)  # with both ends, or without the one that the next way starts with
    right = [way(a, b, share) for a, b in pairwise(RINGS) for share in shares]
    found = latents.path(RINGS, 5, spherical=way is spherical, with_end=with_end)
    assert found.dtype == np.float32 and np.allclose(found, right, atol=1e-5)


def test_a_closed_path_shows_no_point_twice_and_an_open_one_shows_its_ends():
    closed, opened = latents.path(RINGS, 5, with_end=False), latents.path(RINGS, 5)
    assert len({row.tobytes() for row in closed}) == len(closed) == 15
    assert np.array_equal(opened[[0, 4, 5, 14]], [RINGS[0], RINGS[1], RINGS[1], RINGS[3]])
    gaps = np.linalg.norm(np.diff([*closed, closed[0]], axis=0), axis=1).reshape(3, 5)
    assert np.allclose(gaps, gaps[:, :1], rtol=1e-4)  # the last step, to the first frame again, is like the others


def test_some_frames_are_those_of_the_whole_path():
    whole = latents.path(RINGS, 7, spherical=True)
    assert np.array_equal(latents.path(RINGS, 7, spherical=True, frames=[20, 3, 8]), whole[[20, 3, 8]])


def test_a_spherical_path_keeps_the_length_and_goes_straight_between_parallel_points():
    unit = NORMAL / np.linalg.norm(NORMAL, axis=1, keepdims=True)
    assert np.allclose(np.linalg.norm(latents.path(unit, 9, spherical=True), axis=1), 1, atol=1e-5)
    assert np.linalg.norm(latents.path(unit, 9), axis=1).min() < 0.9
    for other in (unit[0], 2 * unit[0], -unit[0]):
        found = latents.path([unit[0], other], 5, spherical=True)
        assert np.allclose(found, latents.path([unit[0], other], 5), atol=1e-3)


@pytest.mark.parametrize("limit", [0.1, 0.7, 2, 10])
def test_truncated_noise_has_the_truncated_normal_distribution(limit):
    z = np.random.default_rng(1).normal(size=20_000).astype(np.float32)
    found = latents.truncate(z, limit)
    assert found.dtype == np.float32 and np.abs(found).max() <= limit
    assert stats.kstest(found, stats.truncnorm(-limit, limit).cdf).pvalue > 0.01
    assert (np.diff(found[np.argsort(z)]) >= 0).all()  # a larger value stays larger
    assert np.allclose(found, -latents.truncate(-z, limit), atol=1e-5)
    assert latents.truncate(np.float32([-40, 0, 40]), limit) == pytest.approx([-limit, 0, limit], abs=1e-6)


def test_a_wide_truncation_changes_nothing():
    assert np.allclose(latents.truncate(NORMAL, latents.WIDEST), NORMAL, atol=1e-5)


@pytest.mark.parametrize("limit", [0, -1, 10.5, float("nan"), float("inf"), True, "0.7", None])
def test_a_wrong_limit_is_one_sentence(limit):
    with pytest.raises(UserError, match=r"--truncate must be a number above 0 and at most 10, such as 0\.7, not"):
        latents.check_truncation(limit, "normal")


@pytest.mark.parametrize("limit", [0.7, 1, np.float32(0.7), np.int64(2)])
def test_python_s_and_numpy_s_numbers_are_limits_of_normal_noise_alone(limit):
    latents.check_truncation(limit, "normal")
    with pytest.raises(UserError, match="this run's is unit, which has bounds of its own; leave it out, or train with"):
        latents.check_truncation(limit, "unit")


@pytest.mark.parametrize(
    "distribution, cdf",
    [("uniform", stats.uniform(-1, 2).cdf), ("unit", stats.uniform(0, 1).cdf), ("normal", stats.norm.cdf)],
)
def test_quantiles_lie_in_the_middle_of_equally_probable_parts(distribution, cdf):
    assert np.allclose(cdf(latents.quantiles(distribution, 4)), [0.125, 0.375, 0.625, 0.875])
    assert np.allclose(cdf(latents.quantiles(distribution, 1)), 0.5)


def test_a_map_goes_from_left_to_right_and_from_bottom_to_top():
    values = np.float32([-1, 0, 2])
    points = latents.plane(NORMAL[0], values).reshape(3, 3, 50)
    assert np.array_equal(points[-1, 0, :2], [-1, -1]) and np.array_equal(points[0, -1, :2], [2, 2])
    assert np.array_equal(points[-1, -1, :2], [2, -1]) and np.array_equal(points[0, 0, :2], [-1, 2])
    assert (points[..., 2:] == NORMAL[0, 2:]).all() and len(np.unique(points[..., :2].reshape(9, 2), axis=0)) == 9
    assert np.array_equal(latents.plane(NORMAL[0], values, [7, 2]), points.reshape(9, 50)[[7, 2]])
