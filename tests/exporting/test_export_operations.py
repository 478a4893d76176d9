"""Every operation of the vocabulary means what docs/export.md and the example say it does."""

import json
import re

import numpy as np
import pytest

from conftest import REPOSITORY
from operation_graphs import GRAPHS, described, transposed, weights
from tfgan_v1 import UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting import operations, run_in_numpy


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
