"""The optimizers against plain NumPy, ten steps each."""

import numpy as np
import pytest

from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.optimizers import make_optimizer

START, TARGET = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.3, 0.1], [-1.0, 2.0]])


def gradient(w):
    return np.sin(w) + (w - TARGET) ** 3


def ours(config):
    """The weights after each of ten steps of our graph."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", initializer=START.astype(np.float32), use_resource=True)
        loss = tf.reduce_sum(-tf.cos(w) + (w - TARGET.astype(np.float32)) ** 4 / 4)
        train = make_optimizer(config, "d", [w]).minimize(loss)
        session.run(tf.global_variables_initializer())
        weights = []
        for _ in range(10):
            session.run(train)
            weights.append(session.run(w))
        return weights


@pytest.mark.parametrize("decay", [0.0, 6e-8, 0.5])
def test_rmsprop_equals_keras_and_decays_with_inverse_time(decay):
    config = Config(model="dcgan", rho=0.8, d_lr=0.01, d_decay=decay)
    w, v = START.copy(), np.zeros_like(START)
    for step, theirs in enumerate(ours(config)):
        g = gradient(w)
        v = 0.8 * v + 0.2 * g**2
        w = w - 0.01 / (1 + decay * step) * g / np.sqrt(v + 1e-7)
        assert np.allclose(theirs, w, rtol=1e-5)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adam_decays_with_inverse_time(decay):
    config = Config(model="dcgan_upsample", beta1=0.5, d_lr=0.01, d_decay=decay)
    w, m, v = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for step, theirs in enumerate(ours(config), 1):
        g = gradient(w)
        m, v = 0.5 * m + 0.5 * g, 0.999 * v + 0.001 * g**2
        rate = 0.01 / (1 + decay * (step - 1)) * np.sqrt(1 - 0.999**step) / (1 - 0.5**step)
        w = w - rate * m / (np.sqrt(v) + 1e-7)
        assert np.allclose(theirs, w, rtol=1e-5)


def test_rmsprop_adds_epsilon_inside_the_root():
    """Inside the root, as in Keras: from a gradient of 1e-6 the first step is lr * 1e-6 / sqrt(1e-13 + 1e-7)."""
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", initializer=tf.constant(0.0), use_resource=True)
        train = make_optimizer(Config(model="conv", d_lr=1.0), "d", [w]).minimize(w * 1e-6)
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert np.isclose(session.run(w), -1e-6 / np.sqrt(0.1 * 1e-12 + 1e-7), rtol=1e-5)


def test_a_constant_learning_rate_needs_no_counter():
    with tf.Graph().as_default():
        weight = tf.get_variable("weight", [])
        assert make_optimizer(Config(), "d", [weight]).num_updates is None
        slots = {"weight/Adam", "weight/Adam_1", "beta1_power", "beta2_power"}
        assert {variable.op.name for variable in tf.global_variables()} == {"weight", *slots}
