"""Noise is a function of (seed, stream, index), and uniform."""

import numpy as np
import pytest
from scipy import stats

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import noise


def draw(*args):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        return session.run(noise.draw(*args))


@pytest.mark.parametrize("distribution", noise.DISTRIBUTIONS)
@pytest.mark.parametrize("shape", [[100, 100], [3, 5], [7]])
def test_a_batch_is_the_same_alone_and_in_any_chunk(distribution, shape):
    whole = draw(distribution, 5, noise.TRAINING, 1000, 12, shape)
    pieces = [
        draw(distribution, 5, noise.TRAINING, 1000 + start, count, shape) for start, count in ((0, 1), (1, 4), (5, 7))
    ]
    assert whole.shape == (12, *shape) and np.array_equal(whole, np.concatenate(pieces))


def test_different_seeds_streams_and_indices_give_different_noise():
    which = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1), (2**32 - 1, 2, 9)]
    draws = [draw("uniform", *each, 1, [50]) for each in which]
    assert len({each.tobytes() for each in draws}) == len(draws)


def test_uniform_noise_is_in_minus_1_to_1():
    values = draw("uniform", 0, noise.TRAINING, 0, 10, [100, 100])
    assert values.dtype == np.float32 and values.min() >= -1 and values.max() < 1
    counts, _ = np.histogram(values, bins=20, range=(-1, 1))
    assert np.allclose(counts, 5000, atol=5 * np.sqrt(5000))  # five standard deviations
    assert abs(np.corrcoef(values[0].ravel(), values[1].ravel())[0, 1]) < 0.05


def test_an_index_beyond_32_bits_is_valid():
    assert not np.array_equal(draw("uniform", 0, 0, 2**40, 1, [100]), draw("uniform", 0, 0, 2**40 + 2**32, 1, [100]))


def test_unit_noise_is_in_0_to_1():
    values = draw("unit", 0, noise.TRAINING, 0, 10, [100, 100])
    assert values.min() >= 0 and values.max() < 1
    assert np.allclose(np.histogram(values, bins=20, range=(0, 1))[0], 5000, atol=5 * np.sqrt(5000))


def test_normal_noise_has_mean_0_and_deviation_1():
    values = draw("normal", 0, noise.TRAINING, 0, 10, [100, 100]).ravel()
    assert stats.kstest(values, "norm").pvalue > 0.001
    assert abs(values.mean()) < 5 / np.sqrt(1e5) and abs(values.var() - 1) < 5 * np.sqrt(2 / 1e5)


@pytest.mark.parametrize("probability", [0.3, 0.7])
def test_a_bernoulli_mask_has_its_probability(probability):
    def toss(*args):
        with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
            return session.run(noise.bernoulli_mask(*args))

    bernoulli_mask = toss(probability, 0, 9, 3, [101, 991])
    assert bernoulli_mask.dtype == bool and bernoulli_mask.shape == (101, 991)
    assert abs(bernoulli_mask.mean() - probability) < 5 * np.sqrt(0.21 / bernoulli_mask.size)
    assert not np.array_equal(bernoulli_mask, toss(probability, 0, 9, 4, [101, 991]))
