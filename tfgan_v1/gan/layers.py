"""The layers of the networks, on `tf.get_variable`, so that variable scopes and `reuse` share their weights.

Images are [batch, height, width, channels]. Kernels start Glorot-uniform (Glorot & Bengio 2010, eq. 16),
biases at zero.
"""

import functools
import math
import zlib
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import data_parallel, noise

MOMENTUM = 0.99  # of batch normalization's moving averages


class Numerics(NamedTuple):
    """How layers compute while a graph is built: which of two equal forms, and in which precision."""

    fused_pooling: bool  # max_pool as maxima of neighboring lines, compiled by XLA; otherwise TensorFlow's op
    phase_kernels: bool  # upsample_conv2d as one convolution of the small image; otherwise upsampling, then it
    bfloat16: bool = False  # products of inputs and kernels that are rounded to bfloat16


NUMERICS = {  # by device, chosen for speed: benchmarks/choices.py measures each choice
    "cpu": Numerics(fused_pooling=True, phase_kernels=True),
    "gpu": Numerics(fused_pooling=False, phase_kernels=False),  # TensorFlow's ordinary ops: nothing was measured there
}
_numerics = ContextVar("numerics", default=NUMERICS["cpu"])


@contextmanager
def use_numerics(numerics):
    """Layers built meanwhile in this thread compute by these Numerics."""
    before = _numerics.set(numerics)
    try:
        yield
    finally:
        _numerics.reset(before)


def numerics_of(config):
    """The Numerics of a configuration. A device of auto, which the plan decides, is the CPU here."""
    numerics = NUMERICS["cpu" if config.device == "auto" else config.device]
    return numerics._replace(bfloat16=config.precision == "bfloat16")


def fused(function):
    """JIT-compiles a memory-bound function of tensors of known shapes; its backward pass recomputes the forward pass.

    XLA compiles it once for each shape, where TensorFlow was built with XLA.
    """

    @functools.cache
    def compiled():
        compile = functools.partial(tf.function, jit_compile=tf.test.is_built_with_xla(), autograph=False)
        backward = compile(lambda slopes, *inputs: tf.gradients(function(*inputs), inputs, slopes))
        forward = compile(function)
        return tf.custom_gradient(lambda *inputs: (forward(*inputs), lambda slopes: backward(slopes, *inputs)))

    return functools.wraps(function)(lambda *inputs: compiled()(*inputs))


class RngKey(NamedTuple):
    """What a network's random layers need while training. At inference, `training` is None instead."""

    seed: int
    number: int  # of this network call, an int or a scalar integer tensor; see train_step.rng_keys
    shard: Any = None  # the data_parallel.Shard of the call's batch; None where one process has the whole batch
    second_order: bool = False  # whether second derivatives of this call are needed

    def of(self, shard):
        """The RngKey of the same call for a batch of which this process has this Shard."""
        return self._replace(shard=shard)


def dense(inputs, units, name):
    """A fully connected layer: inputs @ kernel + bias, float32 [batch, n] -> [batch, units]."""
    with tf.variable_scope(name):
        kernel, bias = _weights([inputs.shape.as_list()[-1], units], units)
    return product(tf.matmul, inputs, kernel) + bias


def product(op, inputs, kernel, *arguments):
    """op(inputs, kernel, *arguments), a matrix product or a convolution of float32 tensors, as float32.

    In bfloat16, both are rounded to its 8 bits, and so is each sum of products, which has 24 bits until it is complete.
    """
    if not _numerics.get().bfloat16:
        return op(inputs, kernel, *arguments)
    return tf.cast(op(tf.cast(inputs, tf.bfloat16), tf.cast(kernel, tf.bfloat16), *arguments), tf.float32)


def embedding(labels, size, name):
    """A vector for each class: one-hot or mixed labels [batch, classes] @ kernel, float32 -> [batch, size]."""
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [labels.shape.as_list()[-1], size], initializer=glorot_uniform())
    return tf.matmul(labels, kernel)


def class_logits(features, labels, name):
    """A discriminator's last layer: dense(features, 1), plus <class's vector, features> where labels are not None.

    features: [batch, n]. labels: one-hot [batch, classes]. The projection of arXiv:1802.05637, eq. 3. [batch, 1].
    """
    if labels is None:
        return dense(features, 1, name)
    with tf.variable_scope(name):
        kernel, bias = _weights([features.shape.as_list()[-1], 1], 1)
    vectors = embedding(labels, features.shape.as_list()[-1], f"{name}_class")
    # One sum, not two: TensorFlow adds two products in an order that depends on the graph around them.
    return tf.reduce_sum((tf.transpose(kernel) + vectors) * features, 1, keepdims=True) + bias


def conv2d(inputs, filters, size, name, stride=1):
    """A size x size convolution with "same" padding: [b, h, w, c] -> [b, h / stride, w / stride, filters]."""
    with tf.variable_scope(name):
        kernel, bias = _weights([size, size, inputs.shape.as_list()[-1], filters], filters)
    return tf.nn.bias_add(product(tf.nn.conv2d, inputs, kernel, stride, "SAME"), bias)


def conv2d_transpose(inputs, filters, size, name, stride=1):
    """A transposed convolution with "same" padding: [b, h, w, c] -> [b, h * stride, w * stride, filters]."""
    batch, height, width, channels = inputs.shape.as_list()
    with tf.variable_scope(name):
        kernel, bias = _weights([size, size, filters, channels], filters)
    batch = tf.shape(inputs)[0] if batch is None else batch
    shape = [batch, height * stride, width * stride, filters]
    return tf.nn.bias_add(product(tf.nn.conv2d_transpose, inputs, kernel, shape, stride, "SAME"), bias)


def upsample(inputs):
    """Nearest-neighbor upsampling: [b, h, w, c] -> [b, 2 h, 2 w, c]. Before a convolution, use `upsample_conv2d`."""
    batch, height, width, channels = inputs.shape.as_list()
    batch = tf.shape(inputs)[0] if batch is None else batch
    doubled = tf.broadcast_to(inputs[:, :, None, :, None], [batch, height, 2, width, 2, channels])
    return tf.reshape(doubled, [batch, 2 * height, 2 * width, channels])


def upsample_conv2d(inputs, filters, size, name):
    """`conv2d(upsample(inputs), filters, size, name)` for a size of 3 or 5, as one convolution of the small image.

    Each of the 2x2 output pixels depends on the same 3x3 source pixels, by different sums of the kernel's rows and
    columns. So all four are filters of one 3x3 convolution: 36 products in place of 100 for a 5x5 kernel.
    """
    if not _numerics.get().phase_kernels:
        return conv2d(upsample(inputs), filters, size, name)
    channels = inputs.shape.as_list()[-1]
    with tf.variable_scope(name):
        kernel, bias = _weights([size, size, channels, filters], filters)
    rows = np.zeros([2, 3, size], np.float32)  # [position in the pair, source row, kernel row]
    for position in (0, 1):
        for kernel_row in range(size):
            rows[position, (position + kernel_row - size // 2) // 2 + 1, kernel_row] = 1
    sums = np.einsum("apk,bql->abpqkl", rows, rows).reshape([4 * 9, size * size])
    phases = tf.matmul(tf.constant(sums), tf.reshape(kernel, [size * size, channels * filters]))
    phases = tf.transpose(tf.reshape(phases, [4, 9 * channels, filters]), [1, 0, 2])
    phases = tf.reshape(phases, [3, 3, channels, 4 * filters])
    four = tf.nn.bias_add(product(tf.nn.conv2d, inputs, phases, 1, "SAME"), tf.tile(bias, [4]))
    return tf.nn.depth_to_space(four, 2)


def max_pool(inputs):
    """3x3 max pooling at stride 2 without padding: 28x28 -> 13x13, 13x13 -> 6x6.

    Of several equal maxima, one gets the gradient.
    """
    if not _numerics.get().fused_pooling:
        return tf.nn.max_pool2d(inputs, 3, 2, "VALID")
    return fused_max_pool(inputs)


@fused
def fused_max_pool(inputs):
    """`max_pool` for a CPU.

    There TensorFlow's op is fifteen times slower, or, as oneDNN runs it, gave different last digits in one session of
    six.
    """
    height, width, channels = inputs.shape.as_list()[1:]
    rows, columns = (height - 1) // 2, (width - 1) // 2
    even = tf.pad(inputs, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]])  # the padding is in no window
    height, width = height + height % 2, width + width % 2
    lines = _largest_of_three(tf.reshape(even, [-1, height, width * channels]), rows)
    largest = _largest_of_three(tf.reshape(lines, [-1, width, channels]), columns)
    return tf.reshape(largest, [-1, rows, columns, channels])


def _largest_of_three(lines, windows):
    """[n, 2 m, c] -> [n, windows, c]: the maximum of each three lines, at stride 2."""
    many, channels = lines.shape.as_list()[1:]
    even, odd = tf.unstack(tf.reshape(lines, [-1, many // 2, 2, channels]), axis=2)
    return tf.maximum(tf.maximum(even[:, :windows], odd[:, :windows]), even[:, 1 : windows + 1])


def batch_norm(inputs, training, name, labels=None, epsilon=data_parallel.EPSILON):
    """Batch normalization over all axes but the last (arXiv:1502.03167, alg. 1), with scale and offset.

    Training uses the batch's mean and variance and updates their moving averages; inference uses the averages. labels:
    one-hot [batch, classes], for a scale and an offset of each class (arXiv:1610.07629, sec. 2.2).
    """
    features = inputs.shape.as_list()[-1]
    affine = [features] if labels is None else [labels.shape.as_list()[-1], features]
    with tf.variable_scope(name):
        scale = tf.get_variable("scale", affine, initializer=tf.ones_initializer())
        offset = tf.get_variable("offset", affine, initializer=tf.zeros_initializer())
        average = {"shape": [features], "trainable": False}
        mean = tf.get_variable("moving_mean", initializer=tf.zeros_initializer(), **average)
        variance = tf.get_variable("moving_variance", initializer=tf.ones_initializer(), **average)
    shared = scale, offset
    if labels is not None:
        shape = [-1] + [1] * (inputs.shape.rank - 2) + [features]
        scale, offset = (tf.reshape(tf.matmul(labels, table), shape) for table in (scale, offset))
        shared = tf.ones([features]), tf.zeros([features])
    if not training:
        return tf.nn.batch_normalization(inputs, mean, variance, offset, scale, epsilon)
    outputs, updates = normalize(inputs, training, shared, (mean, variance), epsilon=epsilon)
    with tf.control_dependencies(updates):  # so that evaluating the output updates the averages
        outputs = tf.identity(outputs)
    return outputs if labels is None else outputs * scale + offset


def normalize(inputs, key, affine, averages, rate=1 - MOMENTUM, epsilon=data_parallel.EPSILON):
    """(inputs normalized by their batch, updates of the averages of its mean and variance by (1 - rate) + rate)."""
    features = inputs.shape.as_list()[-1]
    as_images = inputs if inputs.shape.rank == 4 else tf.reshape(inputs, [-1, 1, 1, features])  # for the fused op
    outputs, *moments = data_parallel.normalize(as_images, *affine, key.shard, key.second_order, epsilon)
    updates = [average.assign_sub(rate * (average - value)) for average, value in zip(averages, moments, strict=True)]
    return outputs if inputs.shape.rank == 4 else tf.reshape(outputs, [-1, features]), updates


def dropout(inputs, rate, training, name):
    """While training, zeroes each value with probability `rate` and scales the others by 1 / (1 - rate).

    The mask is a function of the RngKey and the layer's full name (Srivastava et al. 2014, sec. 10).
    """
    if not training:
        return inputs
    with tf.variable_scope(name):
        stream = zlib.crc32(tf.get_variable_scope().name.encode())

    def mask(shape, part=None):
        return noise.bernoulli_mask(1 - rate, training.seed, stream, training.number, shape, part)

    kept = data_parallel.draw(training.shard, inputs.shape.as_list(), mask)
    return inputs * (tf.cast(kept, tf.float32) / (1 - rate))


def minibatch_stddev(inputs, group=4):
    """Appends the mean standard deviation of each group of inputs as one more feature: [b, ..., n] -> [b, ..., n + 1].

    A group is `group` consecutive inputs, so b must be a multiple of it. D sees by it that samples are too much alike
    (arXiv:1710.10196, sec. 3).
    """
    shape = inputs.shape.as_list()
    grouped = tf.reshape(inputs, [-1, group, math.prod(shape[1:])])
    variance = tf.math.reduce_variance(grouped, 1)  # [b / group, features]
    deviation = tf.reduce_mean(tf.sqrt(variance + 1e-8), 1)  # the slope of a square root at 0 is infinite
    feature = tf.reshape(tf.repeat(deviation, group), [-1] + [1] * (len(shape) - 1))
    return tf.concat([inputs, tf.broadcast_to(feature, [tf.shape(inputs)[0], *shape[1:-1], 1])], -1)


class SpectralNorm(NamedTuple):
    """A kernel and the estimates of its singular vectors for its largest singular value: arXiv:1802.05957, sec. 2.1."""

    kernel: Any  # the variable, [..., out], as a matrix [in, out]
    left: Any  # a variable, [in, 1]
    right: Any  # a variable, [out, 1]

    def normalized(self):
        """The kernel divided by its largest singular value; the gradient sees the vectors as constants."""
        matrix = tf.reshape(self.kernel, [-1, self.kernel.shape.as_list()[-1]])
        return self.kernel / tf.reduce_sum(tf.matmul(matrix, self.right) * self.left)

    def iterate(self):
        """The op of one power iteration, alg. 1."""
        matrix = tf.reshape(self.kernel, [-1, self.kernel.shape.as_list()[-1]])
        left = tf.math.l2_normalize(tf.matmul(matrix, self.right))
        right = tf.math.l2_normalize(tf.matmul(matrix, left, transpose_a=True))
        return tf.group(self.left.assign(left), self.right.assign(right))


def spectral_norm(norms):
    """A variable scope's custom_getter that divides each variable named `kernel` by its largest singular value.

    norms: a list to which it adds the SpectralNorm of each. `iterate` follows the kernel while it trains.
    """

    def normalize(getter, name, *args, **kwargs):
        variable = getter(name, *args, **kwargs)
        if name.rpartition("/")[2] != "kernel":
            return variable
        shape = variable.shape.as_list()
        sizes = {"left": math.prod(shape[:-1]), "right": shape[-1]}
        vectors = []
        for side, size in sizes.items():
            seed = zlib.crc32(f"{name}_{side}".encode())
            start = tf.random_normal_initializer(stddev=size**-0.5, seed=seed)
            options = {**kwargs, "shape": [size, 1], "initializer": start, "trainable": False}
            vectors.append(getter(f"{name}_{side}", *args, **options))
        norms.append(SpectralNorm(variable, *vectors))
        return norms[-1].normalized()

    return normalize


def glorot_uniform():
    """The Glorot-uniform initializer for the current variable scope.

    Its seed is a hash of the graph's seed and the scope's name, so that initial weights do not depend on the order in
    which a graph is built.
    """
    seed_and_scope = f"{tf.get_default_graph().seed} {tf.get_variable_scope().name}"
    return tf.glorot_uniform_initializer(seed=zlib.crc32(seed_and_scope.encode()))


def _weights(shape, units):
    kernel = tf.get_variable("kernel", shape, initializer=glorot_uniform())
    return kernel, tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
