"""The losses against their closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.conditioning import Batch
from tfgan_v1.gan.losses import LOSSES, Labels
from tfgan_v1.gan.train_step import generator_loss, relative_logits

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


HALVES = {  # name -> D's two halves and G's loss, by a formula in NumPy of (logits, label)
    "non_saturating": (expected_cross_entropy, expected_cross_entropy, expected_cross_entropy),
    "minimax": (expected_cross_entropy, expected_cross_entropy, lambda x, _: -expected_cross_entropy(x, LABELS.fake)),
    "least_squares": (lambda x, label: ((x - label) ** 2).mean() / 2,) * 3,
    "hinge": (
        lambda x, _: np.maximum(0, 1 - x).mean(),
        lambda x, _: np.maximum(0, 1 + x).mean(),
        lambda x, _: -x.mean(),
    ),
    "wasserstein": (lambda x, _: -x.mean(), lambda x, _: x.mean(), lambda x, _: -x.mean()),
    "relativistic": (
        lambda x, _: np.log1p(np.exp(-x)).mean(),
        lambda x, _: np.log1p(np.exp(x)).mean(),
        lambda x, _: np.log1p(np.exp(-x)).mean(),
    ),
    "relativistic_average": (expected_cross_entropy, expected_cross_entropy, expected_cross_entropy),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_its_formula(name):
    loss, (d_real, d_fake, g) = LOSSES[name], HALVES[name]
    assert np.isclose(run(loss.d_real(tf.constant(REAL), LABELS)), d_real(REAL, LABELS.real))
    assert np.isclose(run(loss.d_fake(tf.constant(FAKE), LABELS)), d_fake(FAKE, LABELS.fake))
    assert np.isclose(run(loss.g(tf.constant(FAKE), LABELS)), g(FAKE, LABELS.g_target))


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
def test_losses_and_their_slopes_are_finite_for_extreme_logits(name):
    far, loss = tf.constant([[1e4], [-1e4]]), LOSSES[name]
    for formula in (loss.d_real, loss.d_fake, loss.g):
        value = formula(far, HARD)
        assert np.isfinite(run([value, tf.reduce_sum(tf.gradients(value, far)[0])])).all()


def test_a_relative_loss_compares_each_logit_with_the_mean_of_the_other_kind():
    """Relativistic average, arXiv:1807.00734, alg. 2: in G's loss, the roles of real and generated are swapped."""
    loss = LOSSES["relativistic_average"]
    real, fake = (run(each) for each in relative_logits(loss, tf.constant(REAL), tf.constant(FAKE)))
    assert np.allclose(real, REAL - FAKE.mean()) and np.allclose(fake, FAKE - REAL.mean())
    assert [run(each).tolist() for each in relative_logits(LOSSES["hinge"], tf.constant(REAL), tf.constant(FAKE))] == [
        REAL.tolist(),
        FAKE.tolist(),
    ]
    logits = {"real": tf.constant(REAL), "fake": tf.constant(FAKE)}
    networks = SimpleNamespace(discriminate=lambda images, key: tf.concat([logits["real"], logits["fake"]], 0))
    spec = SimpleNamespace(
        networks=networks, loss=loss, labels=HARD, config=SimpleNamespace(d_loss="sum", d_batches="joint")
    )
    g = generator_loss(spec, Batch(tf.zeros([3, 1])), Batch(tf.zeros([3, 1])), None)
    expected = expected_cross_entropy(FAKE - REAL.mean(), 1) + expected_cross_entropy(REAL - FAKE.mean(), 0)
    assert np.isclose(run(g.loss), expected) and np.array_equal(run(g.fake_logits), FAKE)


def test_pairs_compare_each_logit_with_that_of_its_row():
    """arXiv:1807.00734, eq. 4 and 5: both halves of a loss are equal, so their mean is E[softplus(-difference)]."""
    loss = LOSSES["relativistic"]
    real, fake = (run(each) for each in relative_logits(loss, tf.constant(REAL), tf.constant(FAKE)))
    assert np.allclose(real, REAL - FAKE) and np.allclose(fake, FAKE - REAL)
    networks = SimpleNamespace(discriminate=lambda images, key: images.values)
    options = SimpleNamespace(d_loss="mean", d_batches="joint")
    spec = SimpleNamespace(networks=networks, loss=loss, labels=HARD, config=options)
    g = generator_loss(spec, Batch(tf.constant(REAL)), Batch(tf.constant(FAKE)), None)
    assert np.isclose(run(g.loss), np.log1p(np.exp(-(FAKE - REAL))).mean()) and np.array_equal(run(g.fake_logits), FAKE)


@pytest.mark.parametrize("labels", [HARD, LABELS])
@pytest.mark.parametrize("name", LOSSES)
def test_at_the_equilibrium_no_other_output_makes_d_s_loss_smaller(name, labels):
    """Where generated images are like real ones, D gives both the same logit."""
    loss, middle = LOSSES[name], (labels.real + labels.fake) / 2
    best = {"non_saturating": np.log(middle / (1 - middle)), "least_squares": middle}
    best["minimax"] = best["non_saturating"]
    logits = [tf.constant([[best.get(name, 0) + off]], tf.float32) for off in (0, -0.3, 0.3)]
    at, *others = run([loss.d_real(each, labels) + loss.d_fake(each, labels) for each in logits])
    g = run(loss.g(logits[0], labels) + (loss.d_fake(logits[0], labels) if loss.relative else 0))
    assert np.allclose([at, g], loss.equilibrium(labels), atol=1e-5)
    assert loss.relative or min(others) >= at - 1e-6  # a relative loss has the same logit, minus itself
