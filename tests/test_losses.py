"""The losses against their closed forms."""

import numpy as np
import pytest

from tfgan_v1._tensorflow import tf
from tfgan_v1.losses import LOSSES, Labels

HARD = Labels(real=1, fake=0, g_target=1)
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


LABELS = Labels(real=0.9, fake=0.1, g_target=0.8)


def expected_cross_entropy(logits, label):
    d = sigmoid(logits)
    return -(label * np.log(d) + (1 - label) * np.log(1 - d)).mean()


@pytest.mark.parametrize("name", LOSSES)
def test_d_s_halves_are_cross_entropies_with_their_labels(name):
    loss = LOSSES[name]
    assert np.isclose(run(loss.d_real(tf.constant(REAL), LABELS)), expected_cross_entropy(REAL, 0.9))
    assert np.isclose(run(loss.d_fake(tf.constant(FAKE), LABELS)), expected_cross_entropy(FAKE, 0.1))


def test_the_non_saturating_loss_is_the_cross_entropy_with_g_target():
    loss = LOSSES["non_saturating"].g
    assert np.isclose(run(loss(tf.constant(FAKE), LABELS)), expected_cross_entropy(FAKE, 0.8))
    assert np.isclose(run(loss(tf.constant(FAKE), HARD)), -np.log(sigmoid(FAKE)).mean())


def test_the_minimax_loss_is_the_negated_fake_half_of_d_s():
    loss = LOSSES["minimax"].g
    assert np.isclose(run(loss(tf.constant(FAKE), HARD)), np.log(1 - sigmoid(FAKE)).mean())
    assert np.isclose(run(loss(tf.constant(FAKE), LABELS)), -expected_cross_entropy(FAKE, 0.1))


def test_minimax_saturates_and_non_saturating_does_not():
    sure = tf.constant([[-10.0]])  # D is sure that this one is generated
    slopes = [run(tf.gradients(LOSSES[name].g(sure, HARD), sure)[0]).item() for name in ("minimax", "non_saturating")]
    assert np.allclose(slopes, [-sigmoid(np.array(-10.0)), sigmoid(np.array(-10.0)) - 1], rtol=1e-4)


@pytest.mark.parametrize("name, equilibrium", [("non_saturating", np.log(2)), ("minimax", -np.log(2))])
def test_losses_at_d_of_one_half_are_log_2(name, equilibrium):
    undecided, loss = tf.zeros([8, 1]), LOSSES[name]
    assert np.isclose(run(loss.d_real(undecided, HARD)), np.log(2))
    assert np.isclose(run(loss.d_fake(undecided, HARD)), np.log(2))
    assert np.isclose(run(loss.g(undecided, HARD)), equilibrium)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_finite_for_extreme_logits(name):
    far, loss = tf.constant([[1e4], [-1e4]]), LOSSES[name]
    assert np.allclose(run([loss.d_real(far, HARD), loss.d_fake(far, HARD)]), 5e3)
    assert np.isclose(abs(run(loss.g(far, HARD))), 5e3)
