"""The networks: their parameters are the published ones, and start as published."""

import numpy as np
import pytest

from tfgan_v1 import gan
from tfgan_v1._tensorflow import tf
from tfgan_v1.layers import dense
from tfgan_v1.models import MODELS

SHAPE = (28, 28, 1)
PUBLISHED_COUNTS = {"mlp": (114_064, 100_609)}  # generator, discriminator
PUBLISHED_SHAPES = {
    "mlp": {
        "generator/hidden/kernel": (100, 128),
        "generator/hidden/bias": (128,),
        "generator/logits/kernel": (128, 784),
        "generator/logits/bias": (784,),
        "discriminator/hidden/kernel": (784, 128),
        "discriminator/hidden/bias": (128,),
        "discriminator/logits/kernel": (128, 1),
        "discriminator/logits/bias": (1,),
    }
}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return request.param


def initial_values(name, seed=0, clutter=0):
    """The networks of a model in a graph of their own, and their initial values by name."""
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.set_random_seed(seed)
        for _ in range(clutter):
            tf.random.normal([2])
        networks, _ = gan.create_networks(MODELS[name], SHAPE, 100)
        session.run(tf.global_variables_initializer())
        return networks, {v.op.name: session.run(v) for v in tf.global_variables()}


def test_variables_and_their_counts_are_the_published_ones(model):
    networks, values = initial_values(model)
    assert {name: value.shape for name, value in values.items()} == PUBLISHED_SHAPES[model]
    counts = tuple(sum(values[v.op.name].size for v in each) for each in (networks.g_vars, networks.d_vars))
    assert counts == PUBLISHED_COUNTS[model]


def test_kernels_start_glorot_uniform_and_biases_at_zero(model):
    _, values = initial_values(model)
    for name, value in values.items():
        if name.endswith("bias"):
            assert not value.any()
        else:
            limit = np.sqrt(6 / sum(value.shape))
            assert np.abs(value).max() <= limit
            if value.size > 1000:  # uniform: mean 0, variance limit**2 / 3, and values up to the limit
                assert np.abs(value).max() > 0.99 * limit
                assert abs(value.mean()) < 0.05 * limit
                assert np.isclose(value.var(), limit**2 / 3, rtol=0.05)


def test_initial_values_depend_on_the_seed_and_not_on_the_graph_around(model):
    _, once = initial_values(model, seed=1)
    _, again = initial_values(model, seed=1, clutter=5)
    _, other = initial_values(model, seed=2**31)  # TensorFlow takes seeds modulo 2**31 - 1
    kernels = [name for name in once if name.endswith("kernel")]
    assert all(np.array_equal(once[name], again[name]) for name in once)
    assert not any(np.array_equal(once[name], other[name]) for name in kernels)
    assert not np.array_equal(once[kernels[0]].ravel()[:10], once[kernels[1]].ravel()[:10])


def test_kernels_of_one_shape_start_with_values_of_their_own():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        for name in ("first", "second"):
            dense(tf.zeros([1, 5]), 7, name)
        session.run(tf.global_variables_initializer())
        first, second = (session.run(f"{name}/kernel:0") for name in ("first", "second"))
    assert not np.array_equal(first, second)


def test_shapes_and_ranges_of_what_the_networks_return(model):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        networks, _ = gan.create_networks(MODELS[model], SHAPE, 100)
        images = networks.generate(tf.random.uniform([5, 100], -100, 100))
        logits = networks.discriminate(images)
        shown = MODELS[model].output.decode(images)
        session.run(tf.global_variables_initializer())
        images, logits, shown = session.run([images, logits, shown])
    assert images.shape == shown.shape == (5, *SHAPE) and logits.shape == (5, 1)
    assert images.min() < -0.9 and images.max() > 0.9  # tanh
    assert shown.min() >= 0 and shown.max() <= 1


def test_pixels_are_encoded_to_the_range_of_the_output(model):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        encoded = gan.encode(MODELS[model], tf.constant([[0, 51, 255]], tf.uint8))
        decoded = MODELS[model].output.decode(encoded)
        assert np.allclose(session.run(encoded), [[-1, -0.6, 1]])
        assert np.allclose(session.run(decoded), [[0, 0.2, 1]])


def test_a_variable_outside_the_two_scopes_is_refused():
    def stray(images):
        with tf.variable_scope(tf.VariableScope(reuse=False, name="elsewhere")):
            return MODELS["mlp"].discriminator(images)

    with tf.Graph().as_default(), pytest.raises(ValueError, match="elsewhere"):
        gan.create_networks(MODELS["mlp"]._replace(discriminator=stray), SHAPE, 100)
