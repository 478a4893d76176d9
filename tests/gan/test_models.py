"""The networks: their parameters are the published ones, start as published, and make what they should."""

import numpy as np
import pytest

from convolutions import convolution
from tfgan_v1 import Config, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import models
from tfgan_v1.gan.conditioning import Batch
from tfgan_v1.gan.layers import RngKey, dense
from tfgan_v1.gan.models import MODELS, decode, encode
from tfgan_v1.gan.networks import create_networks

SHAPES = {name: (28, 28, 1) for name in MODELS} | {"gaussian": (1,), "points": (2,)}
# Generator in all and trained, discriminator.
PUBLISHED_COUNTS = {
    "mlp": (114_064, 114_064, 100_609),
    "conv": (70_465, 64_097, 7_697),
    "gaussian": (577, 577, 97),
    "dcgan": (1_301_505, 1_300_801, 1_080_577),
    "dcgan_upsample": (865_281, 852_609, 212_865),
    "tuned": (238_180, 237_988, 837_345),
    "points": (50_182, 50_178, 33_537),  # the others are the mean and the deviation of the points
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
    "tuned": {
        "generator/dense": (64, 3136),
        "generator/conv_1": (4, 4, 32, 64),
        "generator/logits": (3, 3, 32, 4),
        "discriminator/conv_1": (3, 3, 4, 32),
        "discriminator/conv_2": (4, 4, 32, 64),
        "discriminator/hidden": (3136, 256),
        "discriminator/logits": (256, 1),
    },
    "points": {
        "generator/hidden_1": (2, 128),
        **{f"generator/hidden_{layer}": (128, 128) for layer in (2, 3, 4)},
        "generator/logits": (128, 2),
        "discriminator/hidden_1": (2, 128),
        **{f"discriminator/hidden_{layer}": (128, 128) for layer in (2, 3)},
        "discriminator/logits": (128, 1),
    },
}
# Features of each batch normalization, from the generator's start to its end; the discriminators have none.
PUBLISHED_NORMS = {
    "mlp": [],
    "conv": [3136, 32, 16],
    "gaussian": [],
    "dcgan": [128, 128, 64, 32],
    "dcgan_upsample": [6272, 64],
    "tuned": [64, 32],
    "points": [],
}
RANGES = {"mlp": (-1, 1), "conv": (0, 1), "gaussian": None, "dcgan": (0, 1), "dcgan_upsample": (-1, 1)}
RANGES |= {"tuned": (-1, 1), "points": None}


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
        networks = create_networks(MODELS[name], SHAPES[name], noise_size(name))
        session.run(tf.global_variables_initializer())
        return networks, session.run({v.op.name: v for v in tf.global_variables()})


def test_every_preset_has_the_published_numbers():
    assert set(MODELS) == set(PUBLISHED_COUNTS) == set(PUBLISHED_KERNELS) == set(PUBLISHED_NORMS) == set(RANGES)


def test_variables_and_parameter_counts_are_as_published(model):
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
        if name.endswith(("bias", "offset", "moving_mean", "center")):
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


def test_two_kernels_of_one_shape_start_with_different_values():
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
        networks = create_networks(MODELS[model], shape, noise_size(model))
        z = Batch(tf.random.uniform([5, noise_size(model)], -scale, scale, seed=1))
        images = networks.generate(z, training)
        logits = networks.discriminate(images, training)
        shown = decode(MODELS[model], images.values)
        session.run(tf.global_variables_initializer())
        return session.run([images.values, logits, shown])


@pytest.mark.parametrize("training", [None, RngKey(0, 0)], ids=["applied", "trained"])
def test_networks_return_the_documented_shapes_and_ranges(model, training):
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
@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.convolutional])
def test_convolutional_models_accept_other_sizes_and_colour(name, size, channels):
    images, logits, _ = generated(name, (*size, channels), RngKey(0, 0))
    assert images.shape == (5, *size, channels) and logits.shape == (5, 1) and np.isfinite(logits).all()


def test_colour_changes_the_parameter_counts_of_the_outer_layers_only():
    with tf.Graph().as_default():
        networks = create_networks(MODELS["dcgan_upsample"], (28, 28, 3), 100)
        counts = [sum(np.prod(v.shape.as_list()) for v in each) for each in (networks.g_vars, networks.d_vars)]
    assert counts == [852_609 + 2 * (5 * 5 * 64 + 1), 212_865 + 2 * 5 * 5 * 64]


def relu(x, slope=0.0):
    return np.where(x > 0, x, slope * x)


class NumpyLayers:
    """The layers in plain NumPy, float64, on the weights of one network."""

    def __init__(self, values, scope):
        self.w = {name.removeprefix(f"{scope}/"): value.astype(np.float64) for name, value in values.items()}

    def dense(self, x, name):
        return x.reshape(len(x), -1) @ self.w[f"{name}/kernel"] + self.w[f"{name}/bias"]

    def conv(self, x, name, stride=1):
        return convolution(x, self.w[f"{name}/kernel"], self.w[f"{name}/bias"], stride)

    def up_conv(self, x, name):
        return self.conv(x.repeat(2, 1).repeat(2, 2), name)

    def transposed(self, x, name, stride):
        """At stride 1 a convolution with the kernel turned around; at stride 2 the same on pixels set apart."""
        kernel = self.w[f"{name}/kernel"][::-1, ::-1].swapaxes(2, 3)
        apart = np.zeros((len(x), x.shape[1] * stride, x.shape[2] * stride, x.shape[3]))
        apart[:, stride - 1 :: stride, stride - 1 :: stride] = x
        return convolution(apart, kernel, self.w[f"{name}/bias"], 1)

    def norm(self, x, name):
        mean, variance, scale, offset = (
            self.w[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "scale", "offset")
        )
        return (x - mean) / np.sqrt(variance + 0.001) * scale + offset

    def pool(self, x):
        rows, columns = ((length - 3) // 2 + 1 for length in x.shape[1:3])
        windows = [x[:, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for i in range(3) for j in range(3)]
        return np.max(windows, 0)


def conv_block(n, x, block):
    return n.pool(relu(n.conv(relu(n.conv(x, f"conv_{block}a")), f"conv_{block}b")))


def dcgan_generator(n, z):
    x = n.dense(z, "dense").reshape(-1, 2, 2, 128)
    for layer, stride in ((1, 2), (2, 2), (3, 1), (4, 1)):
        x = n.transposed(relu(n.norm(x, f"norm_{layer}")), f"conv_{layer}", stride)
    return x


def dcgan_discriminator(n, x):
    for layer, stride in ((1, 2), (2, 2), (3, 2), (4, 1)):
        x = n.conv(relu(x, 0.2), f"conv_{layer}", stride)
    return n.dense(x, "logits")


def conv_generator(n, z):
    x = n.norm(relu(n.dense(z, "dense")), "dense_norm").reshape(-1, 2, 2, 64)
    x = n.norm(relu(n.up_conv(x, "conv_1")), "norm_1")
    return n.conv(n.norm(relu(n.up_conv(x, "conv_2")), "norm_2"), "logits")


def upsample_generator(n, z):
    x = n.norm(relu(n.dense(z, "dense"), 0.2), "dense_norm").reshape(-1, 2, 2, 128)
    return n.up_conv(relu(n.norm(n.up_conv(x, "conv_1"), "norm_1"), 0.2), "logits")


def doubled(x, kernel, bias):
    """A transposed 4x4 convolution at stride 2, as a sum: input pixel i reaches output pixels 2 i - 1 to 2 i + 2."""
    out = np.zeros((len(x), 2 * x.shape[1] + 2, 2 * x.shape[2] + 2, kernel.shape[2]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            out[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("ni,hwoi->nhwo", x[:, i, j], kernel)
    return out[:, 1:-1, 1:-1] + bias


def tuned_generator(n, z):
    x = relu(n.norm(n.dense(z, "dense").reshape(-1, 5, 3, 64), "norm_1"))
    x = doubled(x, n.w["conv_1/kernel"], n.w["conv_1/bias"])[:, :, :5]
    blocks = n.conv(relu(n.norm(x, "norm_2")), "logits").reshape(-1, 10, 5, 2, 2, 3)
    return blocks.swapaxes(2, 3).reshape(-1, 20, 10, 3)


def tuned_discriminator(n, x):
    x = x.reshape(-1, 10, 2, 5, 2, 3).swapaxes(2, 3).reshape(-1, 10, 5, 12)
    x = relu(n.conv(relu(n.conv(x, "conv_1"), 0.2), "conv_2", 2), 0.2)
    return n.dense(relu(n.dense(x, "hidden"), 0.2), "logits")


def hidden_layers(n, x, count, slope):
    for layer in range(1, count + 1):
        x = relu(n.dense(x, f"hidden_{layer}"), slope)
    return n.dense(x, "logits")


# As published, on images of 8x8: the logits of the generator, and of the discriminator.
PUBLISHED_NETWORKS = {
    "mlp": (
        lambda n, z: n.dense(relu(n.dense(z, "hidden"), 0.01), "logits"),
        lambda n, x: n.dense(relu(n.dense(x, "hidden"), 0.01), "logits"),
    ),
    "conv": (conv_generator, lambda n, x: n.dense(conv_block(n, conv_block(n, x, 1), 2), "logits")),
    "gaussian": (
        lambda n, z: n.dense(relu(n.dense(z, "hidden")), "logits"),
        lambda n, x: n.dense(relu(n.dense(x, "hidden")), "logits"),
    ),
    "dcgan": (dcgan_generator, dcgan_discriminator),
    "dcgan_upsample": (
        upsample_generator,
        lambda n, x: n.dense(relu(n.conv(relu(n.conv(x, "conv_1", 2), 0.2), "conv_2", 2), 0.2), "logits"),
    ),
    "tuned": (tuned_generator, tuned_discriminator),
    "points": (lambda n, z: hidden_layers(n, z, 4, 0.0), lambda n, x: hidden_layers(n, x, 3, 0.2)),
}


def test_networks_equal_the_published_layers_in_numpy(model):
    shape = {"gaussian": (1,), "points": (2,), "tuned": (20, 10, 3)}.get(
        model, (8, 8, 1)
    )  # which tuned halves to 10x5 and 5x3
    random = np.random.default_rng(0)
    z = random.normal(size=(3, noise_size(model))).astype(np.float32)
    images = random.normal(size=(3, *shape)).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        create_networks(MODELS[model], shape, noise_size(model))
        with tf.variable_scope("generator", reuse=True):
            generated = MODELS[model].generator(tf.constant(z), shape, None)
        with tf.variable_scope("discriminator", reuse=True):
            logits = MODELS[model].discriminator(tf.constant(images), None)
        session.run(tf.global_variables_initializer())
        for v in tf.global_variables():  # nothing is left at zero or one, where it would not be seen
            session.run(v.assign(session.run(v) + random.uniform(0.05, 0.2, v.shape.as_list())))
        values = session.run({v.op.name: v for v in tf.global_variables()})
        generated, logits = session.run([generated, logits])
    generator, discriminator = PUBLISHED_NETWORKS[model]
    expected = generator(NumpyLayers(values, "generator"), z.astype(np.float64))
    assert np.allclose(generated, expected.reshape(generated.shape), rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    expected = discriminator(NumpyLayers(values, "discriminator"), images.astype(np.float64))
    assert np.allclose(logits, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "size, sizes",
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7)]),
        ((64, 64), [(64, 64), (32, 32), (16, 16), (8, 8)]),
        ((128, 100), [(128, 100), (64, 50), (32, 25), (16, 13), (8, 7)]),
        ((8, 8), [(8, 8), (4, 4)]),
        ((27, 45), [(27, 45), (14, 23), (7, 12), (4, 6)]),
    ],
    ids=str,
)
def test_tuned_has_one_doubling_more_for_each_doubling_of_the_size(size, sizes):
    assert models._halvings((*size, 3)) == sizes
    images, logits, _ = generated("tuned", (*size, 3), RngKey(0, 0))
    assert images.shape == (5, *size, 3) and logits.shape == (5, 1)


def test_dropout_of_03_follows_each_convolution(monkeypatch):
    seen = []
    monkeypatch.setattr(models, "dropout", lambda x, rate, training, name: seen.append((rate, name, training)) or x)
    with tf.Graph().as_default():
        models.dcgan_upsample_discriminator(tf.zeros([2, 8, 8, 1]), RngKey(0, 0))
    assert seen == [(0.3, "dropout_1", RngKey(0, 0)), (0.3, "dropout_2", RngKey(0, 0))]


def test_pixels_are_scaled_to_the_range_of_the_output(model):
    output = MODELS[model].output
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        encoded = encode(MODELS[model], tf.constant([[0, 51, 255]], tf.uint8))
        low, high = RANGES[model] or (-1, 1)
        assert np.allclose(session.run(encoded), [[low, low + 0.2 * (high - low), high]])
        assert np.allclose(session.run(output.decode(encoded)), [[0, 0.2, 1]])
        points = tf.constant([[-3.5]])
        if output.standardized:
            encoded = encode(MODELS[model], points)
            center, scale = models.standardization(1)
            session.run([center.assign([4.0]), scale.assign([2.0])])
            assert session.run([encoded, decode(MODELS[model], encoded)]) == [[[-3.75]], [[-3.5]]]
        else:
            assert encode(MODELS[model], points) is decode(MODELS[model], points) is points


def test_a_variable_outside_both_scopes_is_refused():
    def stray(images, training):
        with tf.variable_scope(tf.VariableScope(reuse=False, name="elsewhere")):
            return MODELS["mlp"].discriminator(images, training)

    with tf.Graph().as_default(), pytest.raises(UserError, match="elsewhere"):
        create_networks(MODELS["mlp"]._replace(discriminator=stray), (28, 28, 1), 100)
