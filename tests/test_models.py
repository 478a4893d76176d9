"""The networks: their parameters are the published ones, start as published, and make what they should."""

import numpy as np
import pytest

from tfgan_v1 import Config, UserError, gan
from tfgan_v1._tensorflow import tf
from tfgan_v1.layers import Training, dense
from tfgan_v1.models import MODELS
from tfgan_v1.presets import CONVOLUTIONAL

SHAPES = {name: (28, 28, 1) for name in MODELS} | {"gaussian": (1,)}
# Generator in all and trained, discriminator.
PUBLISHED_COUNTS = {
    "mlp": (114_064, 114_064, 100_609),
    "conv": (70_465, 64_097, 7_697),
    "gaussian": (577, 577, 97),
    "dcgan": (1_301_505, 1_300_801, 1_080_577),
    "dcgan_upsample": (865_281, 852_609, 212_865),
}
PUBLISHED_KERNELS = {
    "mlp": {
        "generator/hidden": (100, 128),
        "generator/logits": (128, 784),
        "discriminator/hidden": (784, 128),
        "discriminator/logits": (128, 1),
    },
    "conv": {
        "generator/dense": (10, 3136),
        "generator/conv_1": (3, 3, 64, 32),
        "generator/conv_2": (3, 3, 32, 16),
        "generator/logits": (3, 3, 16, 1),
        "discriminator/conv_1a": (3, 3, 1, 16),
        "discriminator/conv_1b": (3, 3, 16, 16),
        "discriminator/conv_2a": (3, 3, 16, 16),
        "discriminator/conv_2b": (3, 3, 16, 16),
        "discriminator/logits": (576, 1),
    },
    "gaussian": {
        "generator/hidden": (16, 32),
        "generator/logits": (32, 1),
        "discriminator/hidden": (1, 32),
        "discriminator/logits": (32, 1),
    },
    "dcgan": {
        "generator/dense": (100, 6272),
        "generator/conv_1": (5, 5, 128, 128),  # of a transposed convolution: [height, width, outputs, inputs]
        "generator/conv_2": (5, 5, 64, 128),
        "generator/conv_3": (5, 5, 32, 64),
        "generator/conv_4": (5, 5, 1, 32),
        "discriminator/conv_1": (5, 5, 1, 32),
        "discriminator/conv_2": (5, 5, 32, 64),
        "discriminator/conv_3": (5, 5, 64, 128),
        "discriminator/conv_4": (5, 5, 128, 256),
        "discriminator/logits": (4096, 1),
    },
    "dcgan_upsample": {
        "generator/dense": (100, 6272),
        "generator/conv_1": (5, 5, 128, 64),
        "generator/logits": (5, 5, 64, 1),
        "discriminator/conv_1": (5, 5, 1, 64),
        "discriminator/conv_2": (5, 5, 64, 128),
        "discriminator/logits": (6272, 1),
    },
}
# Features of each batch normalisation, from the generator's start to its end; the discriminators have none.
PUBLISHED_NORMS = {
    "mlp": [],
    "conv": [3136, 32, 16],
    "gaussian": [],
    "dcgan": [128, 128, 64, 32],
    "dcgan_upsample": [6272, 64],
}
RANGES = {"mlp": (-1, 1), "conv": (0, 1), "gaussian": None, "dcgan": (0, 1), "dcgan_upsample": (-1, 1)}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return request.param


def noise_size(model):
    return Config(model=model).noise_size


def initial_values(name, seed=0, clutter=0):
    """The networks of a model in a graph of their own, and their initial values by name."""
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.set_random_seed(seed)
        for _ in range(clutter):
            tf.random.normal([2])
        networks, _ = gan.create_networks(MODELS[name], SHAPES[name], noise_size(name))
        session.run(tf.global_variables_initializer())
        return networks, {v.op.name: session.run(v) for v in tf.global_variables()}


def test_every_model_has_its_published_numbers():
    assert set(MODELS) == set(PUBLISHED_COUNTS) == set(PUBLISHED_KERNELS) == set(PUBLISHED_NORMS) == set(RANGES)


def test_variables_and_their_counts_are_the_published_ones(model):
    networks, values = initial_values(model)
    kernels = {name.removesuffix("/kernel"): v.shape for name, v in values.items() if name.endswith("kernel")}
    assert kernels == PUBLISHED_KERNELS[model]
    norms = [v.size for name, v in values.items() if name.endswith("moving_mean")]
    assert norms == PUBLISHED_NORMS[model]
    of_g = sum(value.size for name, value in values.items() if name.startswith("generator/"))
    trained = (sum(values[v.op.name].size for v in each) for each in (networks.g_vars, networks.d_vars))
    assert (of_g, *trained) == PUBLISHED_COUNTS[model]
    of_d = {name for name in values if name.startswith("discriminator/")}
    assert of_d == {v.op.name for v in networks.d_vars}


def test_kernels_start_glorot_uniform_and_biases_at_zero(model):
    _, values = initial_values(model)
    for name, value in values.items():
        if name.endswith(("bias", "offset", "moving_mean")):
            assert not value.any()
        elif name.endswith(("scale", "moving_variance")):
            assert (value == 1).all()
        else:
            *field, inputs, outputs = value.shape
            limit = np.sqrt(6 / (np.prod(field) * (inputs + outputs)))
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


def generated(model, shape, training, scale=1.0):
    """Five images of a fresh model from noise of a width of `scale`, their logits, and how they are shown."""
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        networks, _ = gan.create_networks(MODELS[model], shape, noise_size(model))
        images = networks.generate(tf.random.uniform([5, noise_size(model)], -scale, scale, seed=1), training)
        logits = networks.discriminate(images, training)
        shown = gan.decode(MODELS[model], images)
        session.run(tf.global_variables_initializer())
        return session.run([images, logits, shown])


@pytest.mark.parametrize("training", [None, Training(0, 0)], ids=["applied", "trained"])
def test_shapes_and_ranges_of_what_the_networks_return(model, training):
    images, logits, shown = generated(model, SHAPES[model], training, scale=1000.0)
    assert images.shape == shown.shape == (5, *SHAPES[model]) and logits.shape == (5, 1)
    if RANGES[model] is None:
        assert np.abs(images).max() > 10 and np.array_equal(images, shown)
        return
    low, high = RANGES[model]
    assert images.min() >= low and images.max() <= high and shown.min() >= 0 and shown.max() <= 1
    if training is None:  # the noise is wide enough to reach both ends
        assert images.min() < low + 0.1 * (high - low) and images.max() > high - 0.1 * (high - low)


@pytest.mark.parametrize("size", [(8, 8), (8, 128), (28, 44), (36, 12)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutional_models_make_and_judge_images_of_other_sizes_and_colours(name, size, channels):
    images, logits, _ = generated(name, (*size, channels), Training(0, 0))
    assert images.shape == (5, *size, channels) and logits.shape == (5, 1) and np.isfinite(logits).all()


def test_colour_changes_the_published_counts_by_the_outer_layers_alone():
    with tf.Graph().as_default():
        networks, _ = gan.create_networks(MODELS["dcgan_upsample"], (28, 28, 3), 100)
        counts = [sum(np.prod(v.shape.as_list()) for v in each) for each in (networks.g_vars, networks.d_vars)]
    assert counts == [852_609 + 2 * (5 * 5 * 64 + 1), 212_865 + 2 * 5 * 5 * 64]


def test_pixels_are_encoded_to_the_range_of_the_output(model):
    output = MODELS[model].output
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        encoded = gan.encode(MODELS[model], tf.constant([[0, 51, 255]], tf.uint8))
        low, high = RANGES[model] or (-1, 1)
        assert np.allclose(session.run(encoded), [[low, low + 0.2 * (high - low), high]])
        assert np.allclose(session.run(output.decode(encoded)), [[0, 0.2, 1]])
        points = tf.constant([[-3.5]])
        assert gan.encode(MODELS[model], points) is gan.decode(MODELS[model], points) is points


def test_a_variable_outside_the_two_scopes_is_refused():
    def stray(images, training):
        with tf.variable_scope(tf.VariableScope(reuse=False, name="elsewhere")):
            return MODELS["mlp"].discriminator(images, training)

    with tf.Graph().as_default(), pytest.raises(UserError, match="elsewhere"):
        gan.create_networks(MODELS["mlp"]._replace(discriminator=stray), (28, 28, 1), 100)
