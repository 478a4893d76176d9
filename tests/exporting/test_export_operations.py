"""Every operation of the vocabulary means what docs/export.md and the example say it does."""

import json
import re

import numpy as np
import pytest

from conftest import REPOSITORY
from tfgan_v1 import UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting import operations, run_in_numpy

RANDOM = np.random.default_rng(0)


def weights(*shape):
    return tf.constant(RANDOM.standard_normal(shape), tf.float32)


def transposed(x, size, stride, shape, padding="SAME"):
    return tf.nn.conv2d_transpose(x, weights(size, size, 2, 3), [tf.shape(x)[0], *shape, 2], stride, padding)


GRAPHS = {  # on noise [n, 60], as images [n, 5, 4, 3]
    **{
        f"conv2d {size} {stride} {padding}": (
            "conv2d",
            lambda x, a=(stride, padding), s=size: tf.nn.conv2d(x, weights(s, s, 3, 2), *a),
        )
        for size, stride, padding in ((3, 1, "SAME"), (4, 1, "SAME"), (4, 2, "SAME"), (1, 2, "SAME"), (3, 2, "VALID"))
    },
    "transposed 5 2": ("conv2d_transpose", lambda x: transposed(x, 5, 2, (10, 8))),
    "transposed to odd sizes": ("conv2d_transpose", lambda x: transposed(x, 4, 2, (9, 7))),
    "transposed 3 1": ("conv2d_transpose", lambda x: transposed(x, 3, 1, (5, 4))),
    "transposed valid": ("conv2d_transpose", lambda x: transposed(x, 3, 2, (11, 9), "VALID")),
    "matmul": ("matmul", lambda x: tf.matmul(tf.reshape(x, [-1, 60]), weights(60, 7))),
    "add": ("add", lambda x: x + weights(3)),
    "subtract": ("subtract", lambda x: 1 - x),
    "multiply": ("multiply", lambda x: x * weights(4, 3) * x),
    "divide": ("divide", lambda x: 2.5 / (x * x + 1)),
    "clipped": ("maximum", lambda x: tf.clip_by_value(x, -0.3, 0.3)),
    "minimum": ("minimum", lambda x: tf.minimum(x, weights(3))),
    "relu": ("relu", tf.nn.relu),
    "leaky relu": ("leaky_relu", lambda x: tf.nn.leaky_relu(x, 0.2)),
    "tanh": ("tanh", tf.tanh),
    "sigmoid": ("sigmoid", lambda x: tf.sigmoid(200 * x)),
    "reshape": ("reshape", lambda x: tf.reshape(x, [tf.shape(x)[0], 20, 3])),
    "one more axis": ("reshape", lambda x: x[:, :, None]),
    "one more axis at the end": ("reshape", lambda x: x[..., None]),
    "slice": ("slice", lambda x: x[:, 1:, -3:-1, :2]),
    "tile": ("tile", lambda x: tf.tile(x, [1, 2, 1, 3])),
    "broadcast": ("tile", lambda x: tf.broadcast_to(x[:, :, :, None], [tf.shape(x)[0], 5, 4, 6, 3])),
    "concat": ("concat", lambda x: tf.concat([x, 2 * x], -1)),
    "depth to space": ("depth_to_space", lambda x: tf.nn.depth_to_space(tf.concat([x] * 4, 3), 2)),
}


def described(build):
    """(the Network of a graph on noise [5, 60], the noise, what TensorFlow makes of it)."""
    noise = RANDOM.uniform(-1, 1, (5, 60)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        z = tf.placeholder(tf.float32, [None, 60])
        images = build(tf.reshape(z, [-1, 5, 4, 3]))
        return operations.describe(session, {"noise": z}, images), noise, session.run(images, {z: noise})


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_example_calculates_what_tensorflow_does(graph, tmp_path):
    operation, build = GRAPHS[graph]
    network, noise, right = described(build)
    assert operation in [each["operation"] for each in network.operations]
    np.savez(tmp_path / "w.npz", **network.weights)
    content = {"weights": "w.npz", "output": "images", "operations": network.operations}
    (tmp_path / "generator.json").write_text(json.dumps(content))
    result = run_in_numpy.run(tmp_path, noise=noise)
    assert result.shape == right.shape and result.dtype == np.float32 and np.allclose(result, right, atol=1e-5)


def test_these_are_all_operations_and_the_documentation_lists_them():
    assert {operation for operation, _ in GRAPHS.values()} == {*operations.VOCABULARY}
    listed = re.findall(r"^\| `([a-z0-9_]+)", (REPOSITORY / "docs" / "export.md").read_text(), re.MULTILINE)
    assert [name for name in listed if name in operations.VOCABULARY] == operations.VOCABULARY


@pytest.mark.parametrize(
    "build, operation",
    [
        (tf.cos, "Cos"),
        (lambda x: x[:, ::-1], "StridedSlice"),
        (lambda x: x[1:], "StridedSlice"),
        (lambda x: x[:-1, None], "StridedSlice"),
        (lambda x: tf.tile(x, [2, 1, 1, 1]), "Tile"),
        (lambda x: tf.reshape(x, [-1, 3]), "Reshape"),
        (lambda x: tf.matmul(tf.reshape(x, [-1, 60]), weights(7, 60), transpose_b=True), "MatMul"),
        (lambda x: tf.nn.conv2d(x, weights(3, 3, 3, 2), 1, "SAME", dilations=2), "Conv2D"),
        (lambda x: transposed(x, 1, 2, (10, 8)), "Conv2DBackpropInput"),
        (lambda x: tf.reshape(x, [-1, tf.shape(x)[0]]), "Reshape"),
        (lambda x: x + tf.reduce_mean(x, [1, 2], keepdims=True), "Mean"),
    ],
)
def test_others_are_refused(build, operation):
    with pytest.raises(UserError, match=rf"operation {operation} \(.* is not among those"):
        described(build)


def test_a_generator_that_ignores_its_noise_is_refused():
    with pytest.raises(UserError, match="do not depend on its noise"):
        described(lambda x: tf.zeros([7, 4]))


def test_weights_have_the_names_of_their_variables_and_what_never_changes_is_calculated_once():
    from tfgan_v1.gan import layers

    with tf.Graph().as_default(), tf.Session() as session:
        z = tf.placeholder(tf.float32, [None, 4])
        with tf.variable_scope("generator", use_resource=True):
            x = layers.batch_norm(layers.dense(z, 3, "a"), None, "b/norm")
            y = layers.dense(2 * x, 2, "c") + layers.dense(x, 2, "d")
        session.run(tf.global_variables_initializer())
        network = operations.describe(session, {"noise": z}, y)
    names = ["a/kernel", "a/bias", "b/norm/scale", "b/norm/bias", "c/kernel", "c/bias", "d/kernel", "d/bias"]
    assert [*network.weights] == names and np.allclose(network.weights["b/norm/scale"], 1.001**-0.5)
    assert network.operations[-1]["output"] == "images" and {"inputs", "output", "operation"} == {
        *network.operations[0]
    }
    assert [each["operation"] for each in network.operations].count("multiply") == 2  # by scale, and by 2
    assert 2.0 in [name for each in network.operations for name in each["inputs"]]
