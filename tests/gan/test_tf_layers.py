"""`tf.layers` of TensorFlow 1: its names, shapes and initial values, and `tf` as users import it."""

import subprocess
import sys

import numpy as np
import pytest

from conftest import REPOSITORY
from convolutions import convolution
from running import SMALL, Running, config
from tfgan_v1 import UserError, tf, train
from tfgan_v1.gan import layers, models, networks
from tfgan_v1.gan.layers import RngKey

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(3, 6, 8, 4)).astype(np.float32)


@pytest.fixture
def graph():
    with tf.Graph().as_default():
        tf.set_random_seed(0)
        yield


def run(*tensors, feed=None, before=()):
    """The values of tensors after the variables' initialization, and after other ops."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(list(before), feed)
        return session.run(list(tensors), feed)


def old_generator(z, size=(8, 8, 1), reuse=False, training=False):
    """In the way of the DCGANs of 2017."""
    with tf.variable_scope("generator", reuse=reuse):
        x = tf.reshape(tf.layers.dense(z, 4 * 4 * 6), (-1, 4, 4, 6))
        x = tf.nn.relu(tf.layers.batch_normalization(x, training=training))
        x = tf.layers.conv2d_transpose(x, 5, 5, strides=2, padding="same", activation=tf.nn.relu)
        x = tf.layers.batch_normalization(x, training=training)
        logits = tf.layers.conv2d(x, size[2], 3, padding="same", name="last")
        return tf.tanh(logits), logits


def old_discriminator(x, reuse=False, training=False):
    with tf.variable_scope("discriminator", reuse=reuse):
        x = tf.layers.conv2d(
            x, 4, 5, strides=2, padding="same", kernel_initializer=tf.random_normal_initializer(0, 0.02)
        )
        x = tf.layers.dropout(tf.maximum(0.2 * x, x), 0.3, training=training)
        logits = tf.layers.dense(tf.layers.flatten(x), 1)
        return tf.sigmoid(logits), logits


OWN = models.Model(
    lambda noise, shape, training: old_generator(noise, shape, training=training)[1],
    lambda images, training: old_discriminator(images, training=training)[1],
    models.TANH,
)
NAMES = {  # as tf.layers of TensorFlow 1 named them, in its order
    "generator": (
        *("dense/kernel", "dense/bias"),
        *(f"batch_normalization/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")),
        *("conv2d_transpose/kernel", "conv2d_transpose/bias"),
        *(f"batch_normalization_1/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")),
        *("last/kernel", "last/bias"),
    ),
    "discriminator": ("conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"),
}


def test_variables_are_named_as_in_old_checkpoints_and_shared_by_reuse(graph):
    z = tf.placeholder(tf.float32, [None, 10])
    images, _ = old_generator(z)
    old_discriminator(images)
    expected = [f"{scope}/{name}" for scope, names in NAMES.items() for name in names]
    assert [variable.op.name for variable in tf.global_variables()] == expected
    again, _ = old_discriminator(old_generator(z, reuse=True)[0], reuse=True)
    assert again.shape.as_list() == [None, 1] and len(tf.global_variables()) == len(expected)
    with pytest.raises(ValueError, match="generator/dense/kernel already exists"):
        old_generator(z)


def test_kernels_start_as_in_tensorflow_1_and_do_not_depend_on_the_graph_around(graph):
    def start(name, **options):
        tf.layers.dense(tf.zeros([1, 30]), 50, name=name, **options)
        return tf.trainable_variables(f"{name}/kernel")[0]

    def all_of_them():
        with tf.variable_scope("scope", initializer=tf.constant_initializer(3)):
            tf.layers.dense(tf.zeros([1, 30]), 50)
        normal = tf.truncated_normal_initializer(stddev=0.02)
        return run(start("a"), start("b"), start("c", kernel_initializer=normal), *tf.global_variables("scope"))

    a, b, normal, scope, bias = all_of_them()
    limit = np.sqrt(6 / (30 + 50))
    assert abs(np.abs(a).max() / limit - 1) < 0.01 and abs(a.std() / (limit / np.sqrt(3)) - 1) < 0.05
    assert not np.array_equal(a, b)
    assert 0.015 < normal.std() < 0.02 and np.abs(normal).max() <= 0.04
    assert (scope == 3).all() and (bias == 0).all()
    with tf.Graph().as_default():
        tf.set_random_seed(0)
        tf.zeros([])
        assert np.array_equal(run(start("a"))[0], a)


def test_dense_takes_inputs_of_any_rank_with_an_activation_and_without_a_bias(graph):
    for inputs in (IMAGES, IMAGES[0, 0]):
        outputs = tf.layers.dense(tf.constant(inputs), 5, tf.nn.relu, use_bias=False, name=f"rank_{inputs.ndim}")
        values, kernel = run(outputs, *tf.global_variables(f"rank_{inputs.ndim}"))
        assert np.allclose(values, np.maximum(inputs @ kernel, 0), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_are_those_of_our_layers_and_transposed_ones_their_transpose(graph, stride):
    same = tf.layers.conv2d(tf.constant(IMAGES), 5, 3, stride, "same", name="same")
    kernel, bias = tf.global_variables("same")
    values, weights = run(same, kernel, before=[bias.assign(np.arange(5))])
    assert np.allclose(values, convolution(IMAGES, weights, np.arange(5), stride), atol=1e-5)
    for padding, size in (("same", (3, 5)), ("valid", (3, 5)), ("valid", (1, 1))):
        with tf.variable_scope(f"{padding}_{size[0]}"):
            large = tf.layers.conv2d_transpose(tf.constant(IMAGES), 2, size, (stride, stride), padding)
            other = RANDOM.normal(size=large.shape.as_list()).astype(np.float32)
            small = tf.layers.conv2d(tf.constant(other), 4, size, (stride, stride), padding)
            (kernel, *_), (forward, *_) = (
                tf.global_variables(f".*/{kind}/") for kind in ("conv2d_transpose", "conv2d")
            )
        values, back = run(large, small, before=[forward.assign(run(kernel)[0]), kernel.assign(run(kernel)[0])])
        assert np.isclose((values * other).sum(), (IMAGES * back).sum(), rtol=1e-3)  # <A x, y> = <x, A^T y>
        tf.get_default_graph().clear_collection(tf.GraphKeys.GLOBAL_VARIABLES)


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 2, 5)], ids=str)
def test_batch_normalization_by_a_placeholder_as_in_an_old_session_loop(graph, shape):
    values = RANDOM.normal(3, 2, size=shape).astype(np.float32)
    training = tf.placeholder(tf.bool)
    outputs = tf.layers.batch_normalization(tf.constant(values), momentum=0.9, epsilon=1e-5, training=training)
    mean, variance = tf.global_variables()[2:]
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    axes = tuple(range(len(shape) - 1))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        expected = (values - values.mean(axes)) / np.sqrt(values.var(axes) + 1e-5)
        assert np.allclose(session.run(outputs, {training: True}), expected, atol=1e-4)
        assert np.allclose(session.run(outputs, {training: False}), values, atol=1e-4)
        session.run(updates, {training: False})
        assert (session.run(mean) == 0).all(), "neither the outputs nor an update at inference changes the averages"
        session.run(updates, {training: True})
        assert np.allclose(session.run(mean), 0.1 * values.mean(axes), atol=1e-5)
        assert np.allclose(session.run(variance), 0.9 + 0.1 * values.var(axes), atol=1e-5)


@pytest.mark.parametrize("training", [None, False, True, RngKey(0, 5)], ids=str)
def test_batch_normalization_and_dropout_by_what_train_gives_are_those_of_our_layers(graph, training):
    inputs, key = tf.constant(IMAGES), RngKey(0, 5) if training else None
    theirs = tf.layers.batch_normalization(inputs, training=training, name="norm")
    with tf.variable_scope("ours"):
        ours = layers.batch_norm(inputs, key, "norm")
    slopes = [tf.gradients(outputs * tf.constant(IMAGES[::-1].copy()), inputs)[0] for outputs in (theirs, ours)]
    one, other, slope, other_slope = run(theirs, ours, *slopes)
    assert np.allclose(one, other, atol=1e-6) and np.allclose(slope, other_slope, atol=1e-5)
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == (training is True)
    if training is not True:
        masks = tf.layers.dropout(inputs, 0.3, training=training, name="drop"), layers.dropout(inputs, 0.3, key, "drop")
        assert np.array_equal(*run(*masks))


def test_dropout_by_a_placeholder_and_pooling(graph):
    training = tf.placeholder(tf.bool)
    dropped = tf.layers.dropout(tf.ones([100, 50]), 0.3, training=training)
    assert (run(dropped, feed={training: False})[0] == 1).all()
    assert abs((run(dropped, feed={training: True})[0] == 0).mean() - 0.3) < 0.05
    for size, stride, shape in ((2, 2, (3, 3, 4, 4)), ((3, 3), (2, 2), (3, 2, 3, 4)), (3, 1, (3, 4, 6, 4))):
        (values,) = run(tf.layers.max_pooling2d(tf.constant(IMAGES), size, stride))
        side = size if isinstance(size, int) else size[0]
        assert values.shape == shape and np.array_equal(values[:, 0, 0], IMAGES[:, :side, :side].max((1, 2)))


REFUSED = {
    "data_format": lambda x: tf.layers.conv2d(x, 4, 3, data_format="channels_first"),
    "kernel_regularizer": lambda x: tf.layers.dense(x, 4, kernel_regularizer=tf.nn.l2_loss),
    "axis": lambda x: tf.layers.batch_normalization(x, axis=1),
    "noise_shape": lambda x: tf.layers.dropout(x, noise_shape=[1, 1, 1, 4], training=RngKey(0, 0)),
}


@pytest.mark.parametrize("option", REFUSED)
def test_an_option_that_has_no_effect_here_is_refused(graph, option):
    with pytest.raises(UserError, match=rf"^tf\.layers\.\w+ takes no {option} here; "):
        REFUSED[option](tf.constant(IMAGES))
    assert tf.layers.conv2d(tf.constant(IMAGES), 4, 3, data_format="channels_last", kernel_regularizer=None) is not None


def test_contrib_is_answered_by_one_sentence():
    with pytest.raises(AttributeError, match=r"contrib ended .* tf\.glorot_uniform_initializer\(\) for xavier_init"):
        _ = tf.contrib


@pytest.mark.parametrize("options", [{}, {"average": 0.9, "spectral_norm": True, "d_batches": "separate"}], ids=str)
def test_old_networks_train_as_single_steps_do_in_chunks_of_any_size(options):
    with Running(config(**options), 4, SMALL, model=OWN) as running:
        running.session.run(running.gan.start_average)
        whole, bits = running.train(0, 4), running.bits()
        running.reset(), running.session.run(running.gan.start_average)
        parts = np.concatenate([running.train(0, 3), running.train(3, 1)])
        assert np.array_equal(whole, parts) and running.bits() == bits
        running.reset(), running.session.run(running.gan.start_average)
        assert np.allclose([running.plain_step(step) for step in range(4)], whole, rtol=1e-4, atol=1e-6)
        values = running.values()
        assert np.abs(values["generator/generator/batch_normalization/moving_mean"]).max() > 0


# Models that do not fit


def dense_generator(noise, shape, training):
    return tf.reshape(tf.layers.dense(noise, 64), [-1, *shape])


def keras_inside(noise, shape, training):
    return tf.reshape(tf.keras.layers.Dense(64)(tf.layers.dense(noise, 8)), [-1, *shape])


def keras_model():
    return tf.keras.Sequential([tf.keras.layers.Dense(64)])


@pytest.mark.parametrize(
    "parts, sentence",
    [
        ({"generator": keras_inside}, r"each call of its network would create generator/dense\w*/kernel anew"),
        ({"generator": keras_model}, r"a custom generator is a function that calls tf\.layers\.dense\(.*, not <Seq"),
        ({"discriminator": lambda: 3}, r"a custom discriminator is a function that calls tf\.layers\.dense\(.*, not 3"),
        ({"output": lambda: "tanh"}, r"a custom output is TANH, SIGMOID or LINEAR .*, not 'tanh'"),
    ],
    ids=["Keras layer", "Keras model", "a number", "a text"],
)
def test_a_model_that_does_not_fit_is_one_sentence(small, parts, sentence):
    parts = {name: part if part is keras_inside else part() for name, part in parts.items()}
    with pytest.raises(UserError, match=rf"^{sentence}"):
        train(small(), model=OWN._replace(**parts))


@pytest.mark.parametrize("last, output, warned", [
    ("tanh", models.TANH, "ends with tanh, and its model's output is TANH"),
    ("sigmoid", models.SIGMOID, "ends with sigmoid, and its model's output is SIGMOID"),
    ("tanh", models.LINEAR, ""),
    ("identity", models.TANH, ""),
])  # fmt: skip
def test_a_second_output_activation_is_one_warning(capsys, last, output, warned):
    def generator(noise, shape, training):
        return tf.reshape(getattr(tf, last)(tf.layers.dense(noise, 64)), [-1, *shape])

    with tf.Graph().as_default():
        networks.create_networks(OWN._replace(generator=generator, output=output), (8, 8, 1), 10)
    err = capsys.readouterr().err
    assert err.count("warning") == bool(warned) and warned in err


# Graph mode


def test_training_with_old_networks_leaves_tensorflow_eager(small, capsys):
    train(small(), model=OWN)
    assert tf.executing_eagerly() and "graphs" not in capsys.readouterr().err


SWITCH = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
import numpy as np
from small_runs import small_config
from tfgan_v1 import Generator, export, tf, train

def outcome(name):
    config = small_config(Path({folder!r}) / name, average=0.9)
    train(config)
    export(config.ckpt_folder, config.ckpt_folder / "exported", formats=["saved_model"])
    with Generator.restore(config.ckpt_folder) as generator:
        return generator(range(4)).tobytes(), sorted(path.name for path in (config.ckpt_folder / "exported").iterdir())

before = outcome("before")
with tf.Graph().as_default():
    tf.placeholder(tf.float32, [])
assert tf.executing_eagerly()
inputs = tf.placeholder(tf.float32, [None, 3])
assert not tf.executing_eagerly()
one, other = tf.get_variable("one", [3, 2]), tf.get_variable("other", [3, 2])
assert [each for each in tf.trainable_variables() if each not in [one]] == [other]
assert outcome("after") == before
"""


def test_a_placeholder_outside_a_graph_begins_graph_mode_and_changes_no_bit_of_ours(tmp_path):
    """In a process of its own, since there is no way back."""
    script = SWITCH.format(path=[str(REPOSITORY), *sys.path], folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("tf.placeholder is for graphs: ") == ended.stderr.count("is for graphs") == 1
