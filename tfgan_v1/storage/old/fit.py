"""Named arrays of old weights as layers: which belong together, of which kind each is, and in which order."""

import math
import re
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan.chain import PRESETS, Layer, parse, preset_chain

PARTS = {  # part of a layer -> its names: TensorFlow's and Keras's, those of older scripts, PyTorch's, Keras 1's
    **{"kernel": "kernel _kernel weight weights Matrix W w", "bias": "bias biases b"},
    **{"scale": "gamma scale", "offset": "beta offset", "moving_mean": "moving_mean running_mean"},
    "moving_variance": "moving_variance running_var running_std",  # Keras 1 kept the variance in running_std
}
_PARTS = {name: part for part, names in PARTS.items() for name in names.split()}
_NAME = re.compile(rf"(?:(.*?)[/_.])?({'|'.join(_PARTS)})(\d*)(?::0)?", re.DOTALL)
_UNUSED = re.compile(  # slots of optimizers, counters, averages of a training run, states of dropout layers
    r".*optimizer.*|.*/(adam|rmsprop|momentum|adagrad|adadelta|ftrl|exponentialmovingaverage|biased|local_step)(_\d+)?"
    r"|.*(_power|global_step|save_counter|num_batches_tracked)|.*/seed_generator.*",
    re.DOTALL | re.IGNORECASE,
)
_CONVOLUTION = re.compile(r"conv(?:olution)?2d([\w]*transpose)?|(deconv)\w*", re.IGNORECASE)
DISCRIMINATORS = {  # of the presets, in words; the generators, which depend on the images' size, are in chain.PRESETS
    "mlp": "dense:128 leaky_relu:0.01 dense:1",
    "conv": "conv:3x3x16 relu conv:3x3x16 relu max_pool conv:3x3x16 relu conv:3x3x16 relu max_pool dense:1",
    "gaussian": "dense:32 relu dense:1",
    "dcgan": " ".join(f"leaky_relu:0.2 conv:5x5x{each}" for each in ("32:2", "64:2", "128:2", "256")) + " dense:1",
    "dcgan_upsample": "conv:5x5x64:2 leaky_relu:0.2 conv:5x5x128:2 leaky_relu:0.2 dense:1",
}
SHAPING = ("dense", "conv", "conv_t", "reshape", "upsample")  # words of the layers that change a shape
MAX_POOL = Layer("max_pool", (3, 3), 2.0)  # without padding; in discriminators alone
ROLES = ("generator", "discriminator")


class Group(NamedTuple):
    """The weights of one layer."""

    name: str
    words: tuple  # of chain.WORDS, those that it may be
    parts: dict  # part -> float32 array


def is_unused(name):
    """Whether an array belongs to an optimizer, or is a counter, and no weight."""
    return bool(_UNUSED.fullmatch(name))


def natural(name):
    """A key that sorts dense, dense_1, dense_2, dense_10."""
    return [int(each) if each.isdecimal() else each for each in re.split("([0-9]{1,18})", name)]


def split(name):
    """(layer, part) of the name of a weight. Raises UserError for a name that is none."""
    match = _NAME.fullmatch(name)
    if not match:
        raise UserError(f"it has {brief(name)}, which is no weight of a layer that import reads")
    return f"{match[1] or ''}{match[3]}", _PARTS[match[2]]


def grouped(arrays):
    """The Groups of arrays by name, in their order."""
    groups = {}
    for name, array in arrays.items():
        layer, part = split(name)
        if array is None or part in groups.setdefault(layer, {}):
            raise UserError(f"{brief(name)} is no array of floats, or is there twice")
        groups[layer][part] = np.asarray(array, np.float32)
    return [_group(name, parts) for name, parts in groups.items()]


def _group(name, parts):
    rank = parts["kernel"].ndim if "kernel" in parts else 1
    words = {1: ("batch_norm",), 2: ("dense",), 4: ("conv", "conv_t")}.get(rank)
    if rank == 4 and (found := _CONVOLUTION.fullmatch(name.rpartition("/")[2].rstrip("_0123456789"))):
        words = ("conv_t",) if found[1] or found[2] else ("conv",)
    if not words or any(value.ndim != 1 for part, value in parts.items() if part != "kernel"):
        raise UserError(f"{brief(name)} has weights of {describe([Group(name, (), parts)])}, which no layer has")
    ours = {"kernel": "scale", "bias": "offset"} if rank == 1 else {}  # PyTorch's names
    return Group(name, words, {ours.get(part, part): value for part, value in parts.items()})


def describe(groups):
    """The shapes of the largest weights of Groups, in their order, as a text."""
    largest = [(group.name, max((each.shape for each in group.parts.values()), key=len)) for group in groups]
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in largest)


def discriminator_chain(name):
    """The Layers of the discriminator of a preset in DISCRIMINATORS."""
    return [MAX_POOL if word == "max_pool" else parse(word)[0] for word in DISCRIMINATORS[name].split()]


def complete(steps, groups, by_name=False, channels_first=False):
    """(layers with their sizes, weights of those that have some) of steps, pairs of a Layer and its weights' name.

    by_name: whether the names are those of the groups; otherwise, each layer takes the next weights of its kind.
    channels_first: whether rows of numbers become images as in PyTorch. Raises UserError for weights that do not fit.
    """
    layers, weights, left = [], [], list(groups)
    for layer, name in steps:
        word = "conv_t" if layer.word == "project" else layer.word
        if word not in ("dense", "conv", "conv_t", "batch_norm"):
            shaped = next((each.word for each in reversed(layers) if each.word in SHAPING), None)
            if channels_first and layer.word == "reshape" and shaped == "dense":
                weights = channels_last(weights, layer.size)
            layers.append(layer)
            continue
        index = next((i for i, each in enumerate(left) if (each.name == name if by_name else word in each.words)), None)
        if index is None or word not in left[index].words:
            raise UserError(f"there are no weights for the layer {word}; it has {describe(left) or 'no more'}")
        group = left.pop(index)
        layer, parts = layer._replace(number=layer.number or (None if word == "dense" else 1)), group.parts
        if word != "batch_norm":
            shape = parts["kernel"].shape
            size = {"dense": shape[1:], "conv": shape[:2] + shape[3:], "conv_t": shape[:3]}[word]
            if layer.size and tuple(layer.size) != size:
                found, wanted = ("x".join(map(str, each)) for each in (size, layer.size))
                raise UserError(f"{group.name} is {word}:{found} by its weights, and {word}:{wanted} by its layers")
            layer = layer._replace(size=size)
        reshapes = {each.size[:2] for each in layers if each.word == "reshape"}
        if layer.word == "project" or (word == "conv_t" and not weights and not reshapes):
            if weights or reshapes - {(1, 1)}:
                raise UserError(f"{group.name} has no padding, which import reads of images of 1x1 alone")
            layers = [Layer("dense", (math.prod(size),))]
            layer, parts = Layer("reshape", size), _projection(parts)
        layers.append(layer)
        weights.append(parts)
    if left and not by_name:  # by name, they are of another network in the file
        raise UserError(f"the weights {describe(left)} are left over")
    if not weights:
        raise UserError("it has no layer with weights")
    if layers[-1].word == "reshape" and layers[-2].word in ("tanh", "sigmoid"):  # the activation is the last
        layers[-2:] = layers[:-3:-1]
    return tuple(layers), tuple(weights)


def channels_last(weights, size):
    """Weights of layers up to a row of numbers, which is an image [channels, height, width], for one of this size."""
    height, width, channels = size

    def ordered(value):
        if value.shape[-1] != math.prod(size):  # which chain.shapes refuses
            return value
        planes = value.reshape(*value.shape[:-1], channels, height, width)
        return np.moveaxis(planes, -3, -1).reshape(value.shape)

    last = max((index for index, parts in enumerate(weights) if "kernel" in parts), default=0)  # norms may follow
    return [*weights[:last], *({part: ordered(value) for part, value in each.items()} for each in weights[last:])]


def _projection(parts):
    """The parts of a transposed convolution of 1x1 images without padding, as those of a dense layer."""
    kernel = parts["kernel"]
    repeated = {"bias": np.tile(parts["bias"], math.prod(kernel.shape[:2]))} if "bias" in parts else {}
    return {"kernel": kernel.transpose(3, 0, 1, 2).reshape(kernel.shape[3], -1), **repeated}


def is_discriminator(layers, weights):
    """Whether layers judge images or points: one number of a convolution, or of more inputs than noise has."""
    kernels = [parts["kernel"] for parts in weights if "kernel" in parts]
    words = [layer.word for layer in layers if layer.word in ("dense", "conv", "conv_t")]
    one = words[-1:] == ["dense"] and kernels[-1].shape[1] == 1
    return one and (words[0] == "conv" or not 1 < kernels[0].shape[0] <= 512)


def input_size(layers, weights):
    """The size of the noise that layers take; of a discriminator, the channels of its images or the size of points."""
    first = next(layer for layer in layers if layer.word in ("reshape", "dense", "conv", "conv_t", "batch_norm"))
    if first.word == "reshape":
        return math.prod(first.size)
    return weights[0]["kernel"].shape[-2] if "kernel" in weights[0] else len(next(iter(weights[0].values())))


def assumed(groups, role):
    """(preset, its steps) whose shapes alone fit the groups. role: generator, discriminator, or None for either."""
    units = [group.parts["kernel"].shape[1] for group in groups if group.words == ("dense",)] or [1]
    found, sides = [], {4 * math.isqrt(units[0] // filters) for filters in (64, 128)} - {0}
    for name in PRESETS:
        chains = [(preset_chain(name, (side, side, channels)), 0) for side in sides for channels in (1, 3)]
        if name in ("mlp", "gaussian"):
            flat = [each for each in preset_chain(name, (units[-1],)) if each.word != "reshape"]
            chains = [(flat, 0)] if (units[-1] == 1) == (name == "gaussian") else []
        chains.append((discriminator_chain(name), 1))
        for chain, judges in chains:
            with suppress(UserError):
                steps = [(layer, None) for layer in chain]
                if is_discriminator(*complete(steps, groups)) == judges and role in (ROLES[judges], None):
                    found.append((name, steps))
    if len(found) != 1:
        raise UserError(
            f"it does not say its layers, and {'several presets have' if found else 'no preset has'} these weights: "
            f"{describe(groups)}; give them in order by --layers, such as dense:128 leaky_relu:0.01 dense:784 tanh"
        )
    return found[0]
