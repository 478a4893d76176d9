"""Graphs of each operation of the vocabulary, for all programs that run an exported network."""

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting import operations

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
    "negative": ("negative", lambda x: -x),
    "relu": ("relu", tf.nn.relu),
    "leaky relu": ("leaky_relu", lambda x: tf.nn.leaky_relu(x, 0.2)),
    "elu": ("elu", lambda x: tf.nn.elu(5 * x)),
    "selu": ("selu", lambda x: tf.nn.selu(5 * x)),
    "softplus": ("softplus", lambda x: tf.nn.softplus(40 * x)),
    "gelu": ("erfc", lambda x: tf.compat.v2.nn.gelu(5 * x)),
    "erf": ("erf", lambda x: tf.math.erf(8 * x)),
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
