"""The layers that networks are built from, on `tf.get_variable`, so that scopes and `reuse` share their weights."""

import zlib

from tfgan_v1._tensorflow import tf


def dense(inputs, units, name):
    """A fully connected layer: inputs @ kernel + bias, float32 [batch, n] -> [batch, units].

    The kernel starts Glorot-uniform (Glorot & Bengio 2010, eq. 16), the bias at zero.
    """
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [inputs.shape[-1], units], initializer=glorot_uniform())
        bias = tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
    return tf.matmul(inputs, kernel) + bias


def glorot_uniform():
    """The Glorot-uniform initialiser for the variable scope it is called in.

    Its seed is a hash of the graph's seed and the scope's name: the initial weights depend on these two and not on the
    order in which a graph is put together.
    """
    seed_and_scope = f"{tf.get_default_graph().seed} {tf.get_variable_scope().name}"
    return tf.glorot_uniform_initializer(seed=zlib.crc32(seed_and_scope.encode()))
