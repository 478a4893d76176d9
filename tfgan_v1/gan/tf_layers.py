"""`tf.layers` of TensorFlow 1, for old code: its calls, its names of variables, its initial distributions.

A layer without a name counts up in its variable scope: dense, dense_1 ... `training` may also be what `train` gives to
a network, a layers.RngKey or None: then batch normalization updates its averages, and dropout draws by the key.
"""

import math
from numbers import Integral

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.gan import layers


def dense(inputs, units, activation=None, use_bias=True, **options):
    """activation(inputs @ kernel + bias): [..., n] -> [..., units]. options: see `weighted`."""
    product = (tf.matmul,) if inputs.shape.rank == 2 else (tf.tensordot, 1)
    shape = [inputs.shape.as_list()[-1], units]
    return weighted("dense", inputs, shape, units, product, activation=activation, use_bias=use_bias, **options)


def conv2d(inputs, filters, kernel_size, strides=1, padding="valid", **options):
    """A convolution of [batch, height, width, channels]; sizes are numbers or pairs. options: see `weighted`."""
    shape = [*_pair(kernel_size), inputs.shape.as_list()[-1], filters]
    return weighted("conv2d", inputs, shape, filters, (tf.nn.conv2d, strides, padding.upper()), **options)


def conv2d_transpose(inputs, filters, kernel_size, strides=1, padding="valid", **options):
    """A transposed convolution: `conv2d` of these filters and strides, of what it returns, gives the inputs' size."""
    batch, *sides, channels = inputs.shape.as_list()
    size, strides, padding = _pair(kernel_size), _pair(strides), padding.upper()
    for i in (0, 1):
        sides[i] = sides[i] * strides[i] + max(size[i] - strides[i], 0) * (padding == "VALID")
    shape = [tf.shape(inputs)[0] if batch is None else batch, *sides, filters]
    product = tf.nn.conv2d_transpose, shape, strides, padding
    return weighted("conv2d_transpose", inputs, [*size, filters, channels], filters, product, **options)


def weighted(
    kind, inputs, shape, units, product, *, activation=None, use_bias=True, kernel_initializer=None,
    bias_initializer=None, trainable=True, name=None, reuse=None, **others,
):  # fmt: skip
    """activation(op(inputs, kernel, *arguments) + bias). shape: of the kernel. product: (op, *arguments)."""
    op, *arguments = product
    with _scope(kind, name, reuse, others):
        start = kernel_initializer or tf.get_variable_scope().initializer or layers.glorot_uniform()
        kernel = tf.get_variable("kernel", shape, initializer=start, trainable=trainable)
        outputs = layers.product(op, inputs, kernel, *arguments)
        if use_bias:
            start = bias_initializer or tf.zeros_initializer()
            outputs = tf.nn.bias_add(outputs, tf.get_variable("bias", [units], None, start, trainable=trainable))
        return outputs if activation is None else activation(outputs)


def batch_normalization(
    inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, *, beta_initializer=None,
    gamma_initializer=None, training=False, trainable=True, name=None, reuse=None, **others,
):  # fmt: skip
    """Batch normalization over all axes but the last: [batch, n] or [batch, height, width, n].

    If `training` is a bool or a tensor, what updates the moving averages is in tf.GraphKeys.UPDATE_OPS.
    """
    features, key = inputs.shape.as_list()[-1:], training if isinstance(training, layers.RngKey) else None
    others |= {} if axis in (-1, inputs.shape.rank - 1) else {"axis": axis}
    ones, zeros = tf.ones_initializer(), tf.zeros_initializer()

    def get(variable, start, trainable=False):
        return tf.get_variable(variable, features, None, start, trainable=trainable)

    with _scope("batch_normalization", name, reuse, others):
        factor = get("gamma", gamma_initializer or ones, trainable) if scale else tf.ones(features)
        offset = get("beta", beta_initializer or zeros, trainable) if center else tf.zeros(features)
        averages = get("moving_mean", zeros), get("moving_variance", ones)
        inferred = tf.nn.batch_normalization(inputs, *averages, offset, factor, epsilon)
        if training is None or training is False:
            return inferred
        rate = (1 - momentum) * (1 if key else tf.cast(training, tf.float32))
        batch = inputs, key or layers.RngKey(0, 0)
        outputs, updates = layers.normalize(*batch, (factor, offset), averages, rate, epsilon)
        if key:
            with tf.control_dependencies(updates):
                return tf.identity(outputs)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.group(*updates))
        return tf.where(tf.cast(training, tf.bool), outputs, inferred)


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """While training, zeroes each value with probability `rate` and scales the others by 1 / (1 - rate)."""
    if isinstance(training, layers.RngKey):
        with _scope("dropout", name, None, {"noise_shape": noise_shape, "seed": seed}) as scope:
            return layers.dropout(inputs, rate, training, scope)
    if training is None or training is False:
        return inputs
    return tf.where(
        tf.cast(training, tf.bool), tf.nn.dropout(inputs, noise_shape=noise_shape, seed=seed, rate=rate), inputs
    )


def flatten(inputs, name=None):
    """[batch, ...] -> [batch, n]."""
    return tf.reshape(inputs, [-1, math.prod(inputs.shape.as_list()[1:])], name)


def max_pooling2d(inputs, pool_size, strides, padding="valid", name=None, **others):
    """The maximum of each window of [batch, height, width, channels]; sizes are numbers or pairs."""
    with _scope("max_pooling2d", name, None, others):
        if (_pair(pool_size), _pair(strides), padding) == ((3, 3), (2, 2), "valid"):
            return layers.max_pool(inputs)
        return tf.nn.max_pool2d(inputs, pool_size, strides, padding.upper())


def _pair(sizes):
    return (sizes, sizes) if isinstance(sizes, Integral) else tuple(sizes)


def _scope(kind, name, reuse, others):
    """The variable scope of a layer. Raises UserError for options that would change something and are not known."""
    one = {"data_format": "channels_last", "dilation_rate": (1, 1)}  # value of an option that changes nothing
    others = {option: tuple(value) if isinstance(value, list) else value for option, value in others.items()}
    refused = [option for option, value in others.items() if value not in (None, False, one.get(option))]
    if refused := {*refused} - {"fused"}:
        names = ", ".join(sorted(refused))
        raise UserError(f"tf.layers.{kind} takes no {names} here; leave it out, or use tf.nn and a scope")
    return tf.variable_scope(name or (kind if reuse else None), kind, reuse=reuse)


def __getattr__(name):
    """Says what there is in place of the classes and the rarer layers of tf.layers."""
    raise AttributeError(f"tf.layers.{name} is not here; use a function such as tf.layers.dense(x, units), or tf.nn")
