"""Generators as layers in words: the presets' are themselves, and what is no layer is one sentence."""

import numpy as np
import pytest

from tfgan_v1 import Config, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import chain
from tfgan_v1.gan.models import MODELS

RANDOM = np.random.default_rng(0)


def images_of(model, shape, values):
    """The images of a Model for some noise, with weights from `values`, which must be of the right shapes."""
    with tf.Graph().as_default(), tf.Session() as session, tf.variable_scope("generator", use_resource=True):
        noise = tf.constant(np.linspace(-1, 1, 3 * 17, dtype=np.float32).reshape(3, 17))
        images = model.output.decode(model.output.activation(model.generator(noise, shape, None)))
        for variable, value in zip(tf.global_variables(), values, strict=True):
            session.run(variable.assign(value))
        return session.run(images)


def weights_of(layers, noise_size):
    """Random weights of layers, in the order of their variables."""
    inputs = [(noise_size,), *chain.shapes(layers, noise_size)]
    for layer, shape in zip(layers, inputs, strict=False):
        for name, size in chain.weight_shapes(layer, shape).items():
            value = RANDOM.normal(0, 0.1, size)
            yield np.abs(value) + 0.5 if name in ("moving_variance", "scale") else value


@pytest.mark.parametrize("shape", [(28, 28, 1), (12, 20, 3)], ids=str)
@pytest.mark.parametrize("name", chain.PRESETS)
def test_the_layers_of_a_preset_draw_what_it_draws(name, shape):
    shape = (1,) if name == "gaussian" else shape
    layers = chain.preset_chain(name, shape)
    values = list(weights_of(layers, 17))
    model = chain.with_generator(MODELS["tuned"], layers)
    one, other = (images_of(each, shape, values) for each in (MODELS[name], model))
    assert np.abs(one - other).max() < 1e-5 and one.std() > 1e-3


@pytest.mark.parametrize("layers, expected", [("dense:784 tanh", False), ("dense:49 reshape:7x7x1 conv:3x3x1", True)])
def test_xla_compiles_no_convolutions_of_layers(layers, expected):
    assert Config(model="mlp", layers=layers).network.convolutional == expected


def test_each_activation_is_its_formula():
    from scipy.special import erf

    x = np.linspace(-3, 3, 13, dtype=np.float32)
    selu = 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))  # arXiv:1706.02515, eq. 2
    expected = {
        "relu": np.maximum(x, 0),
        "leaky_relu:0.3": np.maximum(x, 0.3 * x),
        "elu": np.where(x > 0, x, np.exp(x) - 1),
        "selu": selu,
        "gelu": x * (1 + erf(x / np.sqrt(2))) / 2,
        "softplus": np.log1p(np.exp(x)),
        "tanh": np.tanh(x),
        "sigmoid": 1 / (1 + np.exp(-x)),
        "linear": x,
    }
    assert {word.partition(":")[0] for word in expected} == {
        word for word, row in chain.WORDS.items() if row.activation
    }
    with tf.Graph().as_default(), tf.Session() as session:
        for word, values in expected.items():
            (layer,) = chain.parse(word)
            got = session.run(chain.WORDS[layer.word].build(tf.constant(x), layer, None, None))
            np.testing.assert_allclose(got, values, atol=2e-6)


@pytest.mark.parametrize(
    "text",
    [
        "dense:128 leaky_relu:0.01 dense:784 tanh",
        "dense:6272 batch_norm:1e-05 reshape:7x7x128 conv_t:5x5x64:2 upsample conv:3x3x1 sigmoid",
        "conv conv:2 conv_t:4x3x8 dense linear:0",
    ],
)
def test_layers_are_written_as_they_are_read(text):
    layers = chain.parse(text)
    assert chain.parse(chain.text(layers)) == layers and chain.text(layers).split() == text.split()


@pytest.mark.parametrize(
    "text, right",
    [
        ("dense:128 relux", "there is no layer .relux.; did you mean relu"),
        ("dense:12x3", "written as dense:UNITS"),
        ("conv:3x3", "conv:HEIGHTxWIDTHxCHANNELS:NUMBER"),
        ("relu:0.2", "written as relu, not .relu:0.2."),
        ("reshape:7x7x0x2", "reshape:HEIGHTxWIDTHxCHANNELS"),
        ("leaky_relu:-1", "leaky_relu:NUMBER"),
        (" ", "there are no layers; give some, such as dense:128"),
        ("dense:0 tanh", "written as dense:UNITS"),
        ("conv:3x3x8:0", "not .conv:3x3x8:0."),
        ("conv:3x3x8:1.5", "not .conv:3x3x8:1.5."),
    ],
)
def test_what_is_no_layer_is_one_sentence(text, right):
    with pytest.raises(UserError, match=right):
        Config(layers=text)


@pytest.mark.parametrize(
    "text, right",
    [
        ("relu tanh", "there are no layers with weights"),
        ("dense:98 reshape:7x7x2 conv:3x5x1", "a kernel that is not square"),
        ("dense", "the layer dense needs its size, such as dense:128"),
        ("dense:784 conv:3x3x1", "gets 784 numbers; add reshape:7x7x128"),
        ("dense:784 reshape:7x7x15", "needs 735 numbers, and gets 784"),
        ("dense:49 reshape:7x7x1 upsample", "the layers make 14x14x1, and the data are 28x28x1"),
        ("dense:700 tanh", "the layers make 700, and the data are 28x28x1"),
    ],
)
def test_layers_that_do_not_fit_are_one_sentence(text, right):
    with pytest.raises(UserError, match=right):
        chain.check(chain.parse(text), 100, (28, 28, 1))
