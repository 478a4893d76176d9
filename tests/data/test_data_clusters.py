"""Clusters of images and points, as classes where there are no labels."""

import numpy as np
import pytest

from tfgan_v1.data import clusters
from tfgan_v1.data.clusters import clusters_of

SIZES = (60, 40, 25)
EVERYTHING = np.arange(sum(SIZES))


def blobs(shape, seed=0, order=True):
    """Images of three kinds with little noise, in a random order, and the kind of each."""
    random = np.random.default_rng(seed)
    centers = random.integers(30, 226, (len(SIZES), *shape))
    kinds = np.repeat(range(len(SIZES)), SIZES)
    kinds = random.permutation(kinds) if order else kinds
    return (centers[kinds] + random.integers(-9, 10, (len(kinds), *shape))).astype(np.uint8), kinds


def points(seed=0):
    images, kinds = blobs((2,), seed)
    return images.astype(np.float32) / 50, kinds


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 64, 3), (4, 300, 3), (1, 70, 1)], ids=str)
def test_the_clusters_are_the_kinds_of_images_the_largest_first(shape, monkeypatch):
    monkeypatch.setattr(clusters, "SIDE", 16)  # of 3,072 numbers, the components take seconds
    images, kinds = blobs(shape)
    labels = clusters_of(images, EVERYTHING, 3, seed=0)
    assert labels.dtype == np.int32 and np.array_equal(labels, kinds)  # whose sizes fall


def test_the_clusters_of_points_are_their_modes():
    values, kinds = points()
    assert np.array_equal(clusters_of(values, EVERYTHING, 3, seed=0), kinds)


def test_clusters_are_a_function_of_the_data_and_the_seed():
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), np.uint8)
    rows = np.arange(300)
    one, same, other = (clusters_of(images, rows, 10, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    sizes = np.bincount(one, minlength=10)
    assert sizes.min() > 0 and (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("made", [points, lambda seed=0: blobs((8, 8, 3), seed)], ids=["points", "images"])
def test_images_that_are_held_out_get_the_nearest_cluster_and_do_not_move_it(made):
    images, kinds = made()
    rows, held_out = np.flatnonzero(EVERYTHING % 4), np.flatnonzero(EVERYTHING % 4 == 0)
    before = clusters_of(images, rows, 3, seed=0)
    assert np.array_equal(before, kinds)
    others = images.copy()
    others[held_out] = images[held_out][::-1]
    after = clusters_of(others, rows, 3, seed=0)
    assert np.array_equal(after[rows], before[rows]) and np.array_equal(after[held_out], kinds[held_out][::-1])
    moved = images.copy()
    moved[held_out] = images[kinds == 2][:1]  # of all images, most are of the smallest kind
    sizes = np.bincount(clusters_of(moved, rows, 3, seed=0)[rows])
    assert (np.diff(sizes) <= 0).all()  # of the training images alone
    components = [clusters._components(each, rows, 0)[rows] for each in (images, moved)]
    assert np.array_equal(*components)


def test_as_many_clusters_as_images_are_single_images():
    images, _ = blobs((8, 8, 1))
    assert sorted(clusters_of(images[:9], np.arange(9), 9, seed=0)) == [*range(9)]


def test_images_beyond_the_limits_are_no_error(monkeypatch):
    monkeypatch.setattr(clusters, "MOST_FITTED", 60)
    monkeypatch.setattr(clusters, "BLOCK", 16)
    images, kinds = blobs((8, 8, 1))
    assert clusters._components(images, EVERYTHING, 0).shape == (len(images), 50)
    assert np.array_equal(clusters_of(images, EVERYTHING, 3, seed=0), kinds)
