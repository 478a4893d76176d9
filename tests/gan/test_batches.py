"""Which images a step sees."""

import numpy as np
import pytest

from tfgan_v1 import Config
from tfgan_v1.gan import batches


def config(**options):
    return Config(**{"batch_size": 10, **options})


def test_an_epoch_visits_every_image_once_in_its_own_order():
    order = batches.order(config(seed=7), 50, 0, 10)
    assert order.shape == (10, 1, 10) and order.dtype == np.int32
    first, second = order[:5].ravel(), order[5:].ravel()
    assert sorted(first) == sorted(second) == list(range(50)) and not np.array_equal(first, second)


def test_shuffled_batches_leave_out_the_leftover_images():
    assert batches.steps_per_epoch(config(), 25) == 2 and batches.leftover(config(), 25) == 0
    assert len(set(batches.order(config(), 25, 0, 2).ravel())) == 20


@pytest.mark.parametrize("kind", ["shuffled", "whole", "random"])
@pytest.mark.parametrize("d_steps", [1, 2])
def test_the_order_is_a_function_of_seed_and_step(kind, d_steps):
    options = config(seed=3, batches=kind, d_steps=d_steps)
    whole = batches.order(options, 53, 0, 20)
    pieces = [batches.order(options, 53, start, count) for start, count in ((0, 7), (7, 1), (8, 12))]
    assert np.array_equal(whole, np.concatenate(pieces))
    assert not np.array_equal(whole, batches.order(config(seed=4, batches=kind, d_steps=d_steps), 53, 0, 20))


def test_g_has_real_images_of_its_own_for_its_pairs():
    options = config(seed=3, d_steps=2)
    order = batches.order(options, 53, 0, 20, of_g=True)
    assert order.shape == (20, 3, 10) and np.array_equal(order[:, :2], batches.order(options, 53, 0, 20))
    pieces = [batches.order(options, 53, start, count, True) for start, count in ((0, 7), (7, 13))]
    assert np.array_equal(order, np.concatenate(pieces))
    assert len({*order[:, 2].ravel()}) > 40 and not np.array_equal(order[:, 2], order[:, 0])


def test_other_seeds_have_other_orders():
    assert not np.array_equal(batches.order(config(seed=3), 50, 5, 5), batches.order(config(seed=4), 50, 0, 5))


def test_gaussian_batches_are_333_333_334():
    gaussian = Config(model="gaussian")
    assert (batches.steps_per_epoch(gaussian, 1000), batches.leftover(gaussian, 1000)) == (3, 1)
    first, second, third, fourth, *_ = batches.order(gaussian, 1000, 0, 6)[:, 0]
    assert sorted([*first[:333], *second[:333], *third]) == list(range(1000))
    assert first.shape == (334,) and not np.array_equal(first, fourth)


def test_random_batches_draw_with_replacement_from_all_images():
    order = batches.order(config(batches="random"), 20, 0, 100)
    assert order.shape == (100, 1, 10) and set(order.ravel()) == set(range(20))
    counts = np.bincount(order.ravel(), minlength=20)
    assert (np.abs(counts - 50) < 5 * np.sqrt(50)).all()  # five standard deviations
    assert any(len(set(row)) < 10 for row in order[:, 0])


@pytest.mark.parametrize("kind", ["shuffled", "whole", "random"])
def test_fewer_images_than_a_batch_are_repeated(kind):
    options = config(batches=kind)
    assert (batches.steps_per_epoch(options, 4), batches.leftover(options, 4)) == (1, 0)
    order = batches.order(options, 4, 0, 3)[:, 0]
    assert order.shape == (3, 10) and set(order.ravel()) == {0, 1, 2, 3}
    if kind != "random":  # 4 of them, and 4, and 2
        assert all(sorted(np.bincount(row)) == [2, 2, 3, 3] for row in order)


def test_several_discriminator_steps_share_an_epoch():
    options = config(d_steps=2)
    assert batches.steps_per_epoch(options, 55) == 2
    assert len(set(batches.order(options, 55, 0, 2).ravel())) == 40
    options = config(d_steps=2, batches="whole")
    assert batches.leftover(options, 55) == 15
    first, last = batches.order(options, 55, 0, 2)
    assert sorted([*first[:, :10].ravel(), *last[0, :10], *last[1]]) == list(range(55))
