"""The losses against their closed forms."""

import numpy as np
import pytest

from tfgan_v1 import losses
from tfgan_v1._tensorflow import tf

REAL, FAKE = np.array([[-2.0], [0.5], [3.0]], np.float32), np.array([[-1.0], [0.0], [4.0]], np.float32)


def run(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@pytest.fixture(autouse=True)
def _graph():
    with tf.Graph().as_default():
        yield


@pytest.mark.parametrize("smooth", [0.0, 0.1, 0.5])
def test_the_discriminators_loss_smooths_the_real_side_alone(smooth):
    label, d_real, d_fake = 1 - smooth, sigmoid(REAL), sigmoid(FAKE)
    expected = -(label * np.log(d_real) + (1 - label) * np.log(1 - d_real)).mean() - np.log(1 - d_fake).mean()
    assert np.isclose(run(losses.discriminator_loss(tf.constant(REAL), tf.constant(FAKE), smooth)), expected)


def test_the_generators_loss_is_the_non_saturating_one():
    assert np.isclose(run(losses.generator_loss(tf.constant(FAKE))), -np.log(sigmoid(FAKE)).mean())


def test_at_the_games_equilibrium_they_are_two_log_two_and_log_two():
    undecided = tf.zeros([8, 1])
    assert np.isclose(run(losses.discriminator_loss(undecided, undecided, 0)), 2 * np.log(2))
    assert np.isclose(run(losses.generator_loss(undecided)), np.log(2))


def test_they_stay_finite_where_the_probability_is_lost_to_rounding():
    far = tf.constant([[1e4], [-1e4]])
    assert np.isclose(run(losses.discriminator_loss(far, far, 0)), 1e4)
    assert np.isclose(run(losses.generator_loss(far)), 5e3)
