"""The generator layer by layer, under the names of `tf.layers` and Keras: a checkpoint for old scripts, and for Keras.

In both, a layer without a name counts up with those of its kind: dense, dense_1, batch_normalization, conv2d ...
"""

import io
import posixpath
from contextlib import contextmanager

import numpy as np

from tfgan_v1 import files
from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.exporting.trained import Unsupported
from tfgan_v1.gan import chain
from tfgan_v1.storage import checkpoints
from tfgan_v1.storage.old import fit

PARTS = {"scale": "gamma", "offset": "beta"}  # the others have our names
KINDS = {"dense": "dense", "conv": "conv2d", "conv_t": "conv2d_transpose", "batch_norm": "batch_normalization"}
_CONV = '({2}, ({0}, {1}), strides={number}, padding="same", name="{name}")'
KERAS = {  # a word of gan/chain.py -> what makes the layer, without a keyword that differs between Keras 2 and 3
    "dense": 'Dense({0}, name="{name}")',
    "conv": f"Conv2D{_CONV}",
    "conv_t": f"Conv2DTranspose{_CONV}",
    "batch_norm": 'BatchNormalization(epsilon={number}, name="{name}")',
    "reshape": "Reshape(({0}, {1}, {2}))",
    "upsample": "UpSampling2D()",
    "max_pool": "MaxPooling2D({0}, {number})",
    "leaky_relu": "LeakyReLU({number})",
}
PROGRAM = '''"""The {role} in Keras 2 or 3. Images are in the range of the last activation: [-1, 1] of tanh."""

import os

from tensorflow import keras

WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "{role}_weights.h5")


def build():
    """The network with initial weights: {inputs} -> {outputs}."""
    layers = keras.layers
    x = inputs = keras.Input({shape})
    {lines}
    return keras.Model(inputs, x)


def load(path=WEIGHTS):
    """The network with the weights in a file."""
    model = build()
    model.load_weights(path)
    return model
'''


def write_tf1(trained, folder):
    """Writes the checkpoint that the Saver of an old script restores. Raises Unsupported."""
    with _networks(trained) as (session, networks):
        rows = [(role, *row) for role, rows in networks.items() for row in rows]
        named = {f"{role}/{name}/{part}": each for role, _, name, parts in rows for part, each in parts.items()}
        files.make_folder(folder / "tf1")
        with checkpoints.path_without_globs(folder / "tf1") as parent:
            saver = tf.train.Saver(named, save_relative_paths=True)
            saver.save(session, str(parent / "generator.ckpt"), write_meta_graph=False)


def write_keras(trained, folder):
    """Writes the weights in the layout that every Keras loads, and the program that builds the network.

    Raises Unsupported.
    """
    size, images = trained.generator.saved.config.noise_size, tuple(trained.generator.image_shape)
    texts = {  # the inputs' shape, the inputs and the outputs of a network
        "generator": ((size,), f"noise [n, {size}]", "images"),
        "discriminator": (images, f"images [n, {', '.join(map(str, images))}]", "logits [n, 1], without a sigmoid"),
    }
    with _networks(trained) as (session, networks):
        files.make_folder(folder / "keras")
        for role, rows in networks.items():
            shape, inputs, outputs = texts[role]
            lines = _lines(rows, shape, images if role == "generator" else (1,))
            text = {"inputs": inputs, "outputs": outputs, "shape": shape, "lines": "\n    ".join(lines)}
            files.write(folder / "keras" / f"{role}_weights.h5", _hdf5(rows, session))
            files.write(folder / "keras" / f"{role}.py", PROGRAM.format(role=role, **text))


def _hdf5(rows, session):
    """The weights in the layout of Keras 2's `save_weights`, as bytes."""
    import h5py

    with h5py.File(content := io.BytesIO(), "w") as file:
        for _, name, parts in (row for row in rows if row[1]):
            paths = [f"{name}/{part}:0" for part in parts]
            for path, value in zip(paths, session.run([*parts.values()]), strict=True):
                file[f"{name}/{path}"] = value
            file[name].attrs["weight_names"] = np.array(paths, "S")
        file.attrs["layer_names"] = np.array([name for _, name, _ in rows if name], "S")
        file.attrs.update({"backend": b"tensorflow", "keras_version": b"2.4.0"})
    return content.getvalue()


def _lines(rows, inputs, outputs):
    """A line of Python for each layer, from inputs to outputs of these shapes."""
    flat, made = len(inputs) == 1, []
    for layer, name, _ in rows:
        if layer.word == "dense" and not flat:
            made.append("Flatten()")
        flat = (flat or layer.word == "dense") and layer.word != "reshape"
        line = KERAS.get(layer.word, f'Activation("{layer.word}")')
        made.append(line.format(*layer.size, name=name, number=f"{layer.number or 0:g}"))
    made += [f"Reshape({outputs})"] if flat and len(outputs) == 3 else []  # images of a preset for points
    return [f"x = layers.{each}(x)" for each in made]


@contextmanager
def _networks(trained):
    """Yields a session, and the _rows of the generator and, if it is asked for, the discriminator, by their scopes."""
    config, shape = trained.generator.saved.config, trained.generator.image_shape
    chains = {"generator": _generator(trained)}
    state = _state(trained) if trained.discriminator else None
    if state:
        chains["discriminator"] = fit.discriminator_chain(config.model)

    def build():
        trained.plain()
        with tf.variable_scope("discriminator", use_resource=True):
            return state and config.network.discriminator(tf.zeros([1, *shape]), None)

    with trained.session(build) as (session, _):
        if state:
            saver = checkpoints.make_saver(tf.global_variables("discriminator/"))
            checkpoints.restore(saver, session, state, part=True)
        yield session, {role: _rows(role, layers) for role, layers in chains.items()}


def _generator(trained):
    """The layers of the generator. Raises Unsupported if it is no chain."""
    saved = trained.generator.saved
    if trained.generator.condition:
        raise Unsupported("a conditional generator is no chain of layers")
    if saved.config.layers and "model" not in saved.custom:
        return chain.parse(saved.config.layers)
    if "model" in saved.custom or saved.config.model not in chain.PRESETS:
        raise Unsupported("its networks have layers that tf.layers and Keras lack, or are custom ones")
    return chain.preset_chain(saved.config.model, trained.generator.image_shape)


def _state(trained):
    """The checkpoint with the discriminator. Raises Unsupported if that is no chain, and UserError without one."""
    config = trained.generator.saved.config
    if config.model not in fit.DISCRIMINATORS or config.pack > 1 or config.minibatch_stddev or config.spectral_norm:
        raise Unsupported("its discriminator is no chain of layers that tf.layers and Keras have")
    if checkpoints.generator_alone(config.ckpt_folder):
        raise UserError(f"{config.ckpt_folder} holds a generator alone; leave out --discriminator")
    return checkpoints.newest_state(config.ckpt_folder)


def _rows(scope, layers):
    """(layer, name, variables by part) of each layer of a network in the graph. Names count by kind."""
    parts, counts, rows = {}, dict.fromkeys(KINDS, 0), []
    for variable in tf.global_variables(f"{scope}/"):
        layer, part = posixpath.split(variable.op.name)
        parts.setdefault(layer, {})[PARTS.get(part, part)] = variable
    left = iter(parts.values())
    for layer in layers:
        kind, number = KINDS.get(layer.word), counts.get(layer.word, 0)
        counts[layer.word] = number + 1
        rows.append((layer, f"{kind}_{number}" if kind and number else kind, next(left) if kind else {}))
    return rows
