"""One small generator and one discriminator, as TensorFlow 1, Keras of three versions and PyTorch save them."""

import io
import json
import zipfile
from functools import partial

import h5py
import numpy as np

import torch_pickles
from tfgan_v1._tensorflow import tf

LAYERS = "dense:32 leaky_relu:0.3 reshape:2x2x8 batch_norm:0.01 upsample conv:3x3x6 relu conv_t:4x4x1:2 tanh"
NOISE_SIZE = 5
D_LAYERS = "conv:3x3x4:2 leaky_relu:0.3 dense:1 sigmoid"  # of images 8x8x1


def _weights(*shapes):
    rng = np.random.default_rng(0)
    for shape in shapes:
        if len(shape) == 1:  # of a batch normalization
            parts = {
                part: rng.uniform(0.5, 1.5, shape) for part in ("scale", "offset", "moving_mean", "moving_variance")
            }
        else:
            units = shape[2] if shape == (4, 4, 1, 6) else shape[-1]
            parts = {"kernel": rng.normal(size=shape), "bias": rng.normal(size=units)}
        yield {part: value.astype(np.float32) for part, value in parts.items()}


WEIGHTS = [*_weights((NOISE_SIZE, 32), (8,), (3, 3, 8, 6), (4, 4, 1, 6))]
D_WEIGHTS = [*_weights((3, 3, 1, 4), (64, 1))]
KERAS = {"scale": "gamma", "offset": "beta"}  # part -> its name in Keras and tf.layers, if it is another
CLASSES = ("dense", "batch_normalization", "conv2d", "conv2d_transpose")


def named(names=CLASSES, weights=WEIGHTS, parts=KERAS):
    """{name/part: array} of weights by the names of their layers."""
    return {
        f"{name}/{parts.get(part, part)}": value
        for name, each in zip(names, weights, strict=True)
        for part, value in each.items()
    }


# How a script may write the same layers in TensorFlow 1.
SCRIPTS = {
    "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.3),
    "maximum": lambda x: tf.maximum(0.3 * x, x),
}


def tensorflow_1(folder, leaky="leaky_relu", norm="averages", flat=False, everything=True, change=lambda x: x):
    """Saves both networks by a Saver, with Adam's slots if everything, and the .meta; returns G's outputs for noise z.

    norm: averages, fused, training or cond. flat: variables without scopes, as W1 and b1. change: of the outputs.
    """
    arrays = {f"generator/{name}": value for name, value in named().items()}
    arrays |= {f"discriminator/{name}": value for name, value in named(("conv2d", "dense"), D_WEIGHTS).items()}
    with tf.Graph().as_default(), tf.Session() as session:

        def get(name):
            scope, layer, part = name.split("/")
            if flat:
                name = f"{scope[0]}_{'W' if part == 'kernel' else part}{CLASSES.index(layer)}"
            value = arrays[f"{scope}/{layer}/{part}"]
            return tf.get_variable(name, initializer=value, trainable="moving" not in name, use_resource=False)

        z = tf.placeholder(tf.float32, [None, NOISE_SIZE], "z")
        with tf.name_scope("" if flat else "generator"):
            images = change(_generator_of_1(z, get, leaky, norm))
        with tf.name_scope("" if flat else "discriminator"):
            logits = _discriminator_of_1(images, get)
        g_vars = [each for each in tf.global_variables() if each.name[0] in "gG"]
        tf.train.AdamOptimizer().minimize(tf.reduce_mean(logits), var_list=[each for each in g_vars if each.trainable])
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(None if everything else [each for each in g_vars if each.trainable])
        saver.save(session, str(folder / "generator.ckpt"), global_step=100)
        noise = np.random.default_rng(1).uniform(-1, 1, [6, NOISE_SIZE])
        return noise, session.run(images, {z: noise})


def _generator_of_1(z, get, leaky, norm):
    def part(layer):
        return lambda name: get(f"generator/{layer}/{name}")

    x = tf.nn.bias_add(tf.matmul(z, part("dense")("kernel")), part("dense")("bias"))
    x = tf.reshape(SCRIPTS[leaky](x), [-1, 2, 2, 8])
    scale, offset, mean, variance = map(
        part("batch_normalization"), ("gamma", "beta", "moving_mean", "moving_variance")
    )
    if norm == "cond":  # as tf.layers does where `training` is a tensor
        tf.disable_control_flow_v2()
        fused = partial(tf.nn.fused_batch_norm, x, scale, offset, epsilon=0.01)
        training = tf.placeholder_with_default(False, (), "training")
        x = tf.cond(training, lambda: fused()[0], lambda: fused(mean=mean, variance=variance, is_training=False)[0])
        tf.enable_control_flow_v2()
    elif norm == "fused":
        x = tf.nn.fused_batch_norm(x, scale, offset, mean, variance, 0.01, is_training=False)[0]
    else:
        moments = tf.nn.moments(x, [0, 1, 2]) if norm == "training" else (mean, variance)
        x = tf.nn.batch_normalization(x, *moments, offset, scale, 0.01)
    x = tf.image.resize_nearest_neighbor(x, [4, 4])
    x = tf.nn.relu(tf.nn.conv2d(x, part("conv2d")("kernel"), 1, "SAME") + part("conv2d")("bias"))
    shape = [tf.shape(x)[0], 8, 8, 1]
    x = tf.nn.conv2d_transpose(x, part("conv2d_transpose")("kernel"), shape, 2, "SAME")
    return tf.tanh(tf.nn.bias_add(x, part("conv2d_transpose")("bias")))


def _discriminator_of_1(x, get):
    kernel, bias = (get(f"discriminator/conv2d/{part}") for part in ("kernel", "bias"))
    x = tf.reshape(tf.nn.leaky_relu(tf.nn.conv2d(x, kernel, 2, "SAME") + bias, 0.3), [-1, 64])
    kernel, bias = (get(f"discriminator/dense/{part}") for part in ("kernel", "bias"))
    return tf.sigmoid(tf.matmul(x, kernel) + bias)


def keras_model(discriminator=False):
    """The installed Keras's model of the generator or the discriminator."""
    import keras

    use, leaky = keras.layers, keras.layers.LeakyReLU(negative_slope=0.3)
    if discriminator:
        made = [keras.Input((8, 8, 1)), use.Conv2D(4, 3, 2, "same"), leaky, use.Dropout(0.3), use.Flatten()]
        made += [use.Dense(1, activation="sigmoid")]
    else:
        made = [keras.Input((NOISE_SIZE,)), use.Dense(32, activation=leaky), use.Reshape((2, 2, 8))]
        made += [use.BatchNormalization(epsilon=0.01), use.UpSampling2D(), use.Conv2D(6, 3, padding="same")]
        made += [use.ReLU(), use.Conv2DTranspose(1, 4, 2, "same", activation="tanh")]
    model = keras.Sequential(made)
    model.set_weights([value for parts in (D_WEIGHTS if discriminator else WEIGHTS) for value in parts.values()])
    return model


def _layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}}


def keras_2_config(nested=False):
    """The layers as Keras 2 writes them in JSON: a dict; nested: within a model with an input."""
    conv = {"padding": "same", "activation": "linear", "data_format": "channels_last", "dilation_rate": [1, 1]}
    leaky = {"class_name": "LeakyReLU", "config": {"name": "leaky_re_lu", "alpha": 0.30000001192092896}}
    layers = [
        _layer("InputLayer", "input_1", batch_input_shape=[None, NOISE_SIZE]),
        _layer("Dense", "dense_7", units=32, activation=leaky),
        _layer("Reshape", "reshape", target_shape=[2, 2, 8]),
        _layer("BatchNormalization", "batch_normalization", axis=[3], epsilon=0.01),
        _layer("UpSampling2D", "up_sampling2d", size=[2, 2], interpolation="nearest"),
        _layer("Conv2D", "conv2d_3", filters=6, kernel_size=[3, 3], strides=[1, 1], groups=1, **conv),
        _layer("Activation", "activation", activation="relu"),
        _layer("Dropout", "dropout", rate=0.3),
        _layer("Conv2DTranspose", "out", filters=1, kernel_size=[4, 4], strides=[2, 2], output_padding=None, **conv),
        _layer("Activation", "activation_1", activation="tanh"),
    ]
    model = {"class_name": "Sequential", "config": {"name": "generator", "layers": layers}}
    if nested:
        inner = {**model, "name": "generator", "inbound_nodes": [[["input_2", 0, 0, {}]]]}
        outer = {**_layer("InputLayer", "input_2"), "name": "input_2", "inbound_nodes": []}
        config = {"name": "model", "layers": [outer, inner], "output_layers": [["generator", 1, 0]]}
        model = {"class_name": "Model", "config": config}
    return model


KERAS_2 = ("dense_7", "batch_normalization", "conv2d_3", "out")


def keras_2(path, nested=False, whole=True):
    """Keras 2's .h5: of a whole model or of weights. nested: weights that can be trained come first in the list."""
    arrays = named(KERAS_2)
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = json.dumps(keras_2_config(nested)).encode()
            file.attrs["keras_version"] = b"2.4.0"
            file["optimizer_weights/Adam/iter:0"] = 7
            file["optimizer_weights/Adam/dense_7/kernel/m:0"] = arrays["dense_7/kernel"]
        layers = ["generator"] if nested else ["input_1", *KERAS_2]
        root.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = root.create_group(layer)
            mine = [name for name in arrays if nested or name.startswith(f"{layer}/")]
            mine.sort(key=lambda name: "moving" in name)
            group.attrs["weight_names"] = [f"{name}:0".encode() for name in mine]
            for name in mine:
                group[f"{name}:0"] = arrays[name]


def keras_1(path):
    """Keras 1's whole model: the list of layers, its options, and weights such as dense_1/dense_1_W:0."""
    conv = {"dim_ordering": "tf", "border_mode": "same", "activation": "linear"}
    layers = [
        _layer("Dense", "dense_7", output_dim=32, activation="linear"),
        _layer("LeakyReLU", "leakyrelu_1", alpha=0.30000001192092896),
        _layer("Reshape", "reshape_1", target_shape=[2, 2, 8]),
        _layer("BatchNormalization", "batch_normalization", epsilon=0.01, mode=0),
        _layer("UpSampling2D", "upsampling2d_1", size=[2, 2], dim_ordering="tf"),
        _layer("Convolution2D", "conv2d_3", nb_filter=6, nb_row=3, nb_col=3, subsample=[1, 1], **conv),
        _layer("Activation", "activation_1", activation="relu"),
        _layer("Deconvolution2D", "out", nb_filter=1, nb_row=4, nb_col=4, subsample=[2, 2], **conv),
        _layer("Activation", "activation_2", activation="tanh"),
    ]
    parts = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std", **KERAS}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers}).encode()
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [layer.encode() for layer in KERAS_2]
        for layer, weights in zip(KERAS_2, WEIGHTS, strict=True):
            group = root.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}_{parts[part]}:0".encode() for part in weights]
            for part, value in weights.items():
                group[f"{layer}_{parts[part]}:0"] = value


def keras_zip(weights, config=None):
    """The bytes of a .keras file of the bytes of its weights."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("config.json", json.dumps(config or keras_2_config()))
        archive.writestr("model.weights.h5", weights)
    return file.getvalue()


def torch_state():
    """PyTorch's state dict of a DCGAN's generator, of noise as 1x1 images, and its layers."""
    rng, state = np.random.default_rng(0), {}
    for index, shape in ((0, (NOISE_SIZE, 8, 2, 2)), (3, (8, 6, 4, 4)), (6, (6, 1, 4, 4))):
        state[f"main.{index}.weight"] = rng.normal(size=shape).astype(np.float32)
        if index < 6:
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"main.{index + 1}.{name}"] = rng.uniform(0.5, 1.5, shape[1]).astype(np.float32)
            state[f"main.{index + 1}.num_batches_tracked"] = np.int64(7)
    words = "conv_t batch_norm:1e-5 relu conv_t:2 batch_norm:1e-5 relu conv_t:2 tanh"
    return state, words


def torch_tensors(state):
    return {name: torch_pickles.Tensor(np.asarray(value)) for name, value in state.items()}
