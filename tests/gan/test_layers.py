"""The layers against NumPy, and the fast ones against the plain."""

import numpy as np
import pytest

from convolutions import convolution
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(3, 6, 8, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def _graph():
    with tf.Graph().as_default():
        tf.set_random_seed(0)
        yield


def run(*tensors, before=()):
    """The values of tensors after the variables' initialisation, and after other ops."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for op in before:
            session.run(op)
        return session.run(list(tensors))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_a_convolution_is_padded_and_strided(size, stride):
    outputs = layers.conv2d(tf.constant(IMAGES), 5, size, "layer", stride)
    kernel, bias = tf.global_variables()
    values, weights = run(outputs, kernel, before=[bias.assign(np.arange(5))])
    assert weights.shape == (size, size, 4, 5)
    assert np.allclose(values, convolution(IMAGES, weights, np.arange(5), stride), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_transposed_convolution_is_the_transpose_of_a_convolution(stride):
    outputs = layers.conv2d_transpose(tf.constant(IMAGES), 5, 5, "layer", stride)
    kernel, bias = tf.global_variables()
    assert kernel.shape.as_list() == [5, 5, 5, 4] and bias.shape.as_list() == [5]
    values, weights = run(outputs, kernel)
    other = RANDOM.normal(size=(3, 6 * stride, 8 * stride, 5))
    assert values.shape == other.shape
    # <A x, y> = <x, A^T y>, for every y: what makes it the transpose.
    forward = convolution(other, weights, 0, stride)
    assert np.isclose((values * other).sum(), (IMAGES * forward).sum(), rtol=1e-4)


def test_upsampling_repeats_each_pixel_2x2():
    (values,) = run(layers.upsample(tf.constant(IMAGES)))
    assert np.array_equal(values, IMAGES.repeat(2, 1).repeat(2, 2))


@pytest.mark.parametrize("size", [3, 5])
def test_upsample_conv2d_equals_upsampling_then_convolution(size):
    inputs, above = tf.constant(IMAGES), tf.constant(RANDOM.normal(size=(3, 12, 16, 5)).astype(np.float32))
    fused = layers.upsample_conv2d(inputs, 5, size, "layer")
    (kernel, bias) = tf.global_variables()
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        plain = layers.conv2d(layers.upsample(inputs), 5, size, "layer")
    sources = [inputs, kernel, bias]
    gradients = [tf.gradients(outputs, sources, above) for outputs in (fused, plain)]
    ours, theirs, fused, plain = run(*gradients, fused, plain)
    assert np.allclose(fused, plain, atol=1e-5)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.allclose(mine, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("length, pooled", [(28, 13), (13, 6), (8, 3), (3, 1)])
def test_max_pooling_takes_the_maximum_of_3x3_at_stride_2(length, pooled):
    images = RANDOM.normal(size=(1, length, length, 2)).astype(np.float32)
    (values,) = run(layers.max_pool(tf.constant(images)))
    assert values.shape == (1, pooled, pooled, 2)
    assert np.array_equal(values[0, -1, 0], images[0, 2 * pooled - 2 : 2 * pooled + 1, 0:3].max((0, 1)))


@pytest.mark.parametrize("height, width", [(28, 28), (13, 13), (13, 8), (4, 3)])
def test_max_pooling_and_its_gradient_equal_tensorflow_s(height, width):
    images = tf.constant(np.maximum(RANDOM.normal(size=(5, height, width, 3)), -1).astype(np.float32))
    plain = tf.nn.max_pool_with_argmax(images, [1, 3, 3, 1], [1, 2, 2, 1], "VALID")[0]
    slopes = tf.constant(RANDOM.normal(size=plain.shape).astype(np.float32))
    ours, fast = run(layers.max_pool(images), *tf.gradients(layers.max_pool(images), images, slopes))
    theirs, slow = run(plain, *tf.gradients(plain, images, slopes))
    assert np.array_equal(ours, theirs) and np.allclose(fast, slow, atol=1e-6)


def test_one_of_several_equal_maxima_gets_the_gradient():
    images = tf.zeros([1, 3, 3, 1])
    (slopes,) = run(*tf.gradients(layers.max_pool(images), images))
    assert sorted(slopes.ravel()) == [0] * 8 + [1]


FORMS = {  # field of Numerics -> a layer with two forms
    "fused_pooling": layers.max_pool,
    "phase_kernels": lambda inputs: layers.upsample_conv2d(inputs, 5, 3, "layer"),
}


@pytest.mark.parametrize("field", FORMS)
def test_both_forms_of_a_layer_have_the_same_variables_values_and_gradients(field):
    inputs, results, kinds = tf.constant(IMAGES), [], []
    for form in (True, False):
        before = len(tf.get_default_graph().get_operations())
        with (
            layers.use_numerics(layers.NUMERICS["cpu"]._replace(**{field: form})),
            tf.variable_scope("both", reuse=tf.AUTO_REUSE, use_resource=True),
        ):
            outputs = FORMS[field](inputs)
        above = tf.constant(np.arange(np.prod(outputs.shape.as_list())).reshape(outputs.shape) / 100, tf.float32)
        results.append([outputs, *tf.gradients(outputs, [inputs, *tf.trainable_variables()], above)])
        kinds.append({each.type for each in tf.get_default_graph().get_operations()[before:]})
    assert kinds[0] != kinds[1] and len(tf.global_variables()) == (2 if field == "phase_kernels" else 0)
    for one, other in zip(run(*results[0]), run(*results[1]), strict=True):
        assert one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-4)


def rounded(values):
    """Numbers rounded to bfloat16, as float64."""
    return np.asarray(values).astype(tf.bfloat16.as_numpy_dtype).astype(np.float64)


PRODUCTS = {  # layer -> the same of images and a kernel in NumPy
    "dense": (lambda x: layers.dense(tf.reshape(x, [3, -1]), 5, "layer"), lambda x, k: x.reshape(3, -1) @ k),
    "conv2d": (lambda x: layers.conv2d(x, 5, 3, "layer", 2), lambda x, k: convolution(x, k, 0, 2)),
    "conv2d_transpose": (
        lambda x: layers.conv2d_transpose(x, 5, 3, "layer"),
        lambda x, k: convolution(x, k[::-1, ::-1].swapaxes(2, 3), 0, 1),
    ),
    "upsample_conv2d": (
        lambda x: layers.upsample_conv2d(x, 5, 3, "layer"),
        lambda x, k: convolution(x.repeat(2, 1).repeat(2, 2), k, 0, 1),
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_in_bfloat16_products_are_of_rounded_inputs_and_kernels_and_everything_else_is_float32(name):
    layer, in_numpy = PRODUCTS[name]
    # The phases of an upsampling are rounded after they are summed; as it reads, the kernel is.
    with layers.use_numerics(layers.NUMERICS["cpu"]._replace(bfloat16=True, phase_kernels=False)):
        outputs = layer(tf.constant(IMAGES))
    kernel, bias = tf.global_variables()
    slope = tf.gradients(tf.reduce_sum(outputs), kernel)[0]
    assert {each.dtype.base_dtype for each in (outputs, kernel, bias, slope)} == {tf.float32}
    values, weights = run(outputs, kernel, before=[bias.assign(np.full(5, 1000.0))])  # which bfloat16 would round to 8
    expected = in_numpy(rounded(IMAGES), rounded(weights))
    exact, values = in_numpy(IMAGES, weights), values - 1000
    assert np.abs(values - rounded(expected)).max() < 2**-7 * np.abs(expected).max()
    assert np.abs(values - exact).max() > 1e-3  # float32 differs by less
    assert np.abs(values - expected).max() > 1e-3  # a sum of products is rounded once more


def test_in_bfloat16_the_phases_of_an_upsampling_are_near_its_plain_form():
    with layers.use_numerics(layers.NUMERICS["cpu"]._replace(bfloat16=True)):
        outputs = layers.upsample_conv2d(tf.constant(IMAGES), 5, 3, "layer")
    with tf.variable_scope("", reuse=True):
        exact = layers.upsample_conv2d(tf.constant(IMAGES), 5, 3, "layer")
    ours, theirs = run(outputs, exact)
    assert 1e-4 < np.abs(ours - theirs).max() < 2**-6 * np.abs(theirs).max()


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 2, 5)], ids=str)
def test_batch_norm_training_uses_the_batch_and_updates_the_averages(shape):
    inputs = RANDOM.normal(3, 2, size=shape).astype(np.float32)
    outputs = layers.batch_norm(tf.constant(inputs), layers.RngKey(0, 0), "norm")
    scale, offset, moving_mean, moving_variance = tf.global_variables()
    assert scale in tf.trainable_variables() and moving_mean not in tf.trainable_variables()
    axes = tuple(range(len(shape) - 1))
    mean, variance = inputs.mean(axes), inputs.var(axes)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([scale.assign(np.arange(1, 6)), offset.assign(np.arange(5))])
        for times in (1, 2):
            values = session.run(outputs)
            expected = (inputs - mean) / np.sqrt(variance + 0.001) * np.arange(1, 6) + np.arange(5)
            assert values.shape == shape and np.allclose(values, expected, atol=1e-4)
            kept = 0.99**times
            assert np.allclose(session.run(moving_mean), (1 - kept) * mean, atol=1e-5)
            assert np.allclose(session.run(moving_variance), kept + (1 - kept) * variance, atol=1e-5)


def test_batch_norm_inference_uses_the_averages_and_keeps_them():
    outputs = layers.batch_norm(tf.constant(IMAGES), None, "norm")
    _, _, mean, variance = tf.global_variables()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([mean.assign([1, 2, 3, 4]), variance.assign([4, 9, 16, 25])])
        expected = (IMAGES - [1, 2, 3, 4]) / np.sqrt(np.array([4, 9, 16, 25]) + 0.001)
        assert np.allclose(session.run(outputs), expected, atol=1e-5)
        assert np.array_equal(session.run(mean), [1, 2, 3, 4])


def test_batch_norm_gradients_flow_through_the_batch_statistics():
    """The sum of normalized values is constant, so its gradient is zero; with constant statistics it would not be."""
    inputs = tf.constant(IMAGES)
    outputs = layers.batch_norm(inputs, layers.RngKey(0, 0), "norm")
    (gradient,) = run(tf.gradients(tf.reduce_sum(outputs), inputs)[0])
    assert np.abs(gradient).max() < 1e-5


def test_dropout_zeroes_a_share_and_scales_the_rest():
    ones = tf.ones([100, 20, 20])
    (values,) = run(layers.dropout(ones, 0.3, layers.RngKey(0, 5), "drop"))
    assert set(np.unique(values)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    assert abs((values == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / values.size)  # five standard deviations
    assert layers.dropout(ones, 0.3, None, "drop") is ones


def test_dropout_is_a_function_of_the_rng_key_and_the_layer_name():
    def dropped(seed, number, name):
        return layers.dropout(tf.ones([500]), 0.3, layers.RngKey(seed, number), name)

    cases = [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b"), (0, 2**40, "a")]
    values = run(*(dropped(*case) for case in cases))
    again = run(*(dropped(seed, tf.constant(number, tf.int64), name) for seed, number, name in cases))
    assert len({value.tobytes() for value in values}) == len(cases)
    assert all(np.array_equal(one, other) for one, other in zip(values, again, strict=True))
