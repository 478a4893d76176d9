"""Generators as layers in words, such as `dense:128 leaky_relu:0.01 dense:784 reshape:28x28x1 tanh`.

A word may have a size after a colon, units or height x width x channels, and then a number: the stride of a
convolution, the epsilon of a batch normalization, the slope of a leaky ReLU. Padding is "same".
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief, did_you_mean
from tfgan_v1.gan import layers
from tfgan_v1.gan.models import LINEAR, SIGMOID, TANH


class Layer(NamedTuple):
    """One layer of a network."""

    word: str  # in WORDS
    size: tuple = ()  # dense: (units,); conv, conv_t: (height, width, filters); reshape: (height, width, channels)
    number: float | None = None  # see WORDS

    def __str__(self):
        default = WORDS[self.word].number
        number = "" if self.number in (None, default) else f":{self.number:g}"
        return f"{self.word}{':' if self.size else ''}{'x'.join(map(str, self.size))}{number}"


class Word(NamedTuple):
    """What a word means."""

    build: Callable  # (inputs, Layer, name of the layer's variables, training) -> outputs
    sizes: int = 0  # how many its size has
    number: float | None = None  # the default of its number; None if it has none
    weights: tuple = ()  # the names of its variables
    activation: bool = False


def _activation(function):
    return Word(lambda x, layer, name, training: function(x), activation=True)


def _batch_norm(x, layer, name, training):
    return layers.batch_norm(x, training, name, epsilon=layer.number)


def _dense(x, layer, name, training):
    return layers.dense(tf.reshape(x, [-1, math.prod(x.shape.as_list()[1:])]), *layer.size, name)


def _conv(x, layer, name, training):
    return layers.conv2d(x, layer.size[2], layer.size[0], name, int(layer.number))


def _conv_t(x, layer, name, training):
    return layers.conv2d_transpose(x, layer.size[2], layer.size[0], name, int(layer.number))


KERNEL = ("kernel", "bias")
NORM = ("scale", "offset", "moving_mean", "moving_variance")
WORDS = {
    "dense": Word(_dense, 1, weights=KERNEL),
    "conv": Word(_conv, 3, 1, KERNEL),
    "conv_t": Word(_conv_t, 3, 1, KERNEL),
    "batch_norm": Word(_batch_norm, number=0.001, weights=NORM),
    "reshape": Word(lambda x, layer, name, training: tf.reshape(x, [-1, *layer.size]), 3),
    "upsample": Word(lambda x, layer, name, training: layers.upsample(x)),
    "leaky_relu": Word(lambda x, layer, name, training: tf.nn.leaky_relu(x, layer.number), number=0.2, activation=True),
    "relu": _activation(lambda x: tf.nn.relu(x)),
    "elu": _activation(lambda x: tf.nn.elu(x)),
    "selu": _activation(lambda x: tf.nn.selu(x)),
    "gelu": _activation(lambda x: x * (1 + tf.math.erf(x / 2**0.5)) / 2),  # arXiv:1606.08415, sec. 2
    "softplus": _activation(lambda x: tf.nn.softplus(x)),
    "tanh": _activation(lambda x: tf.tanh(x)),
    "sigmoid": _activation(lambda x: tf.sigmoid(x)),
    "linear": _activation(lambda x: tf.identity(x))._replace(number=-1.0),  # of the last layer: the images' least value
}
COUNT = r"[1-9]\d{0,5}"  # of units, pixels, channels and a stride
IMAGE, EXAMPLE = "7x7x128", "dense:128 relu dense:784 tanh"
EXAMPLES = {"dense": "dense:128", "conv": "conv:3x3x16", "conv_t": "conv_t:5x5x64:2", "reshape": f"reshape:{IMAGE}"}
OUTPUTS = {"tanh": TANH, "sigmoid": SIGMOID}  # by the last word


def parse(text):
    """The Layers of a text. Raises UserError for a word, a size or a number that is not one; sizes may be missing."""
    if not text.split():
        raise UserError(f"there are no layers; give some, such as {EXAMPLE}")
    return tuple(map(_layer, text.split()))


def _layer(text):
    word, *parts = text.split(":")
    if word not in WORDS:
        raise UserError(
            f"there is no layer {brief(word)}; {did_you_mean(word, WORDS)}the layers are {', '.join(WORDS)}"
        )
    row = WORDS[word]
    sized = bool(row.sizes and parts and (row.number is None or "x" in parts[0]))
    pattern = "x".join([COUNT] * row.sizes)
    valid = len(parts) <= sized + (row.number is not None) and (not sized or re.fullmatch(pattern, parts[0]))
    number = row.number
    if valid and parts[sized:]:
        valid = re.fullmatch(COUNT if row.sizes else r"\d{1,6}(\.\d{1,12})?(e[+-]?\d{1,2})?", parts[-1])
        number = float(parts[-1]) if valid else None
    if not valid:
        form = word + {0: "", 1: ":UNITS", 3: ":HEIGHTxWIDTHxCHANNELS"}[row.sizes]
        raise UserError(f"a layer is written as {form}{':NUMBER' if row.number is not None else ''}, not {brief(text)}")
    return Layer(word, tuple(map(int, parts[0].split("x"))) if sized else (), number)


def text(chain):
    """The Layers as a text."""
    return " ".join(map(str, chain))


def names(chain):
    """The name of the variables of each layer, None where it has none: dense, dense_1, batch_norm, conv, ..."""
    counts, found = {}, []
    for layer in chain:
        number = counts[layer.word] = counts.get(layer.word, -1) + 1
        found.append((f"{layer.word}_{number}" if number else layer.word) if WORDS[layer.word].weights else None)
    return found


def shapes(chain, noise_size):
    """The shape of the outputs of each layer, of noise of a size. Raises UserError for a layer that does not fit."""
    shape, found = (noise_size,), []
    for layer in chain:
        word, size = layer.word, layer.size
        if WORDS[word].sizes and not size:
            raise UserError(f"the layer {layer} needs its size, such as {EXAMPLES[word]}")
        if word in ("conv", "conv_t", "upsample"):
            if len(shape) != 3:
                raise UserError(f"the layer {layer} needs images, and gets {shape[0]:,} numbers; add reshape:{IMAGE}")
            if size and size[0] != size[1]:
                raise UserError(f"the layer {layer} has a kernel that is not square, which no layer here has")
            height, width, channels = shape
            stride = int(layer.number or 2)
            sides = (-(-side // stride) if word == "conv" else side * stride for side in (height, width))
            shape = (*sides, size[2] if size else channels)
        elif word == "reshape" and math.prod(size) != math.prod(shape):
            raise UserError(f"the layer {layer} needs {math.prod(size):,} numbers, and gets {math.prod(shape):,}")
        elif size:
            shape = size
        found.append(shape)
    return found


def weight_shapes(layer, inputs):
    """The shapes of a layer's weights by name, for inputs of this shape; {} if it has none."""
    channels, units = inputs[-1], layer.size[-1] if layer.size else inputs[-1]
    kernel = {
        "dense": (math.prod(inputs), units),
        "conv": (*layer.size[:2], channels, units),
        "conv_t": (*layer.size[:2], units, channels),
    }
    return {name: kernel[layer.word] if name == "kernel" else (units,) for name in WORDS[layer.word].weights}


def check(chain, noise_size, shape):
    """Raises UserError unless the layers make images or points of this shape of noise of this size."""
    if not any(WORDS[layer.word].weights for layer in chain):
        raise UserError(f"there are no layers with weights; give some, such as {EXAMPLE}")
    made = shapes(chain, noise_size)[-1]
    if made != tuple(shape) and (len(made) == 3 or math.prod(made) != math.prod(shape)):
        made, wanted = ("x".join(map(str, each)) for each in (made, shape))
        raise UserError(f"the layers make {made}, and the data are {wanted}; the last layer must fit")


def with_generator(model, chain):
    """The Model with a generator of these layers in place of its own. The last one is the output activation."""
    *inner, last = chain
    inner, named = (inner if last.word in OUTPUTS else chain), names(chain)

    def generator(noise, shape, training):
        check(chain, noise.shape.as_list()[-1], shape)
        x = noise
        for layer, name in zip(inner, named, strict=False):
            x = WORDS[layer.word].build(x, layer, name, training)
        return tf.reshape(x, [-1, *shape])

    from_zero = last.word == "linear" and last.number == 0
    linear = LINEAR._replace(encode=SIGMOID.encode, decode=lambda x: tf.clip_by_value(x, 0, 1)) if from_zero else LINEAR
    convolutional = model.convolutional or any(layer.word in ("conv", "conv_t") for layer in chain)
    return model._replace(generator=generator, output=OUTPUTS.get(last.word, linear), convolutional=convolutional)


PRESETS = {  # the chain of a preset's generator, for images of height x width x channels; h, w: a quarter of the sides
    "mlp": "dense:128 leaky_relu:0.01 dense:{pixels} reshape:{height}x{width}x{channels} tanh",
    "conv": (
        "dense:{quarter64} relu batch_norm reshape:{h}x{w}x64 upsample conv:3x3x32 relu batch_norm "
        "upsample conv:3x3x16 relu batch_norm conv:3x3x{channels} sigmoid"
    ),
    "gaussian": "dense:32 relu dense:{pixels} linear",
    "dcgan": (
        "dense:{quarter128} reshape:{h}x{w}x128 batch_norm relu conv_t:5x5x128:2 batch_norm relu conv_t:5x5x64:2 "
        "batch_norm relu conv_t:5x5x32 batch_norm relu conv_t:5x5x{channels} sigmoid"
    ),
    "dcgan_upsample": (
        "dense:{quarter128} leaky_relu:0.2 batch_norm reshape:{h}x{w}x128 upsample conv:5x5x64 batch_norm "
        "leaky_relu:0.2 upsample conv:5x5x{channels} tanh"
    ),
}


def preset_chain(name, shape):
    """The Layers of the generator of a preset in PRESETS, for images [height, width, channels] or points [d]."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, math.prod(shape))
    h, w = max(1, height // 4), max(1, width // 4)
    sizes = {"h": h, "w": w, "quarter64": h * w * 64, "quarter128": h * w * 128}
    sizes |= {"height": height, "width": width, "channels": channels, "pixels": math.prod(shape)}
    return parse(PRESETS[name].format(**sizes))
