"""Shared by all frameworks: networks and settings of the five systems; batches and noise in NumPy.

The settings come from the presets, by Config. The networks are tables of layers, independent of
tfgan_v1/gan/models.py, so that each framework builds them in its own way and is checked by the parameter counts.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import Config


class Networks(NamedTuple):
    """Two tables of layers, each a kind and its numbers. D returns logits, G images in the range that D takes."""

    shape: tuple[int, ...]  # of one image or point
    generator: tuple
    discriminator: tuple
    parameters: tuple[int, int]  # of G and D, moving averages included


class System(NamedTuple):
    """A workload: networks and settings."""

    networks: Networks
    config: Config


class Trainer(NamedTuple):
    """A framework's training: `chunk` steps per call."""

    train: Any  # () -> None; the `chunk` steps are finished when it returns
    losses: Any  # () -> (D's loss, G's loss), of about the last step; not timed
    chunk: int
    parameters: tuple[int, int]  # of G and D, counted in the networks that were built
    note: str = ""


class Unavailable(Exception):
    """A framework cannot run; the message is a short reason."""


IMAGE = (28, 28, 1)
NETWORKS = {
    "mlp": Networks(
        IMAGE,
        (("dense", 128), ("leaky_relu", 0.01), ("dense", 784), ("tanh",), ("reshape", *IMAGE)),
        (("flatten",), ("dense", 128), ("leaky_relu", 0.01), ("dense", 1)),
        (114_064, 100_609),
    ),
    "conv": Networks(
        IMAGE,
        (
            *(("dense", 3136), ("relu",), ("norm",), ("reshape", 7, 7, 64)),
            *(("upsample",), ("conv", 32, 3, 1), ("relu",), ("norm",)),
            *(("upsample",), ("conv", 16, 3, 1), ("relu",), ("norm",)),
            *(("conv", 1, 3, 1), ("sigmoid",)),
        ),
        (
            *(("conv", 16, 3, 1), ("relu",), ("conv", 16, 3, 1), ("relu",), ("pool",)) * 2,
            *(("flatten",), ("dense", 1)),
        ),
        (70_465, 7_697),
    ),
    "gaussian": Networks(
        (1,),
        (("dense", 32), ("relu",), ("dense", 1)),
        (("dense", 32), ("relu",), ("dense", 1)),
        (577, 97),
    ),
    "dcgan": Networks(
        IMAGE,
        (
            *(("dense", 6272), ("reshape", 7, 7, 128)),
            *(("norm",), ("relu",), ("transposed", 128, 5, 2)),
            *(("norm",), ("relu",), ("transposed", 64, 5, 2)),
            *(("norm",), ("relu",), ("transposed", 32, 5, 1)),
            *(("norm",), ("relu",), ("transposed", 1, 5, 1), ("sigmoid",)),
        ),
        (
            *(("leaky_relu", 0.2), ("conv", 32, 5, 2), ("leaky_relu", 0.2), ("conv", 64, 5, 2)),
            *(("leaky_relu", 0.2), ("conv", 128, 5, 2), ("leaky_relu", 0.2), ("conv", 256, 5, 1)),
            *(("flatten",), ("dense", 1)),
        ),
        (1_301_505, 1_080_577),
    ),
    "dcgan_upsample": Networks(
        IMAGE,
        (
            *(("dense", 6272), ("leaky_relu", 0.2), ("norm",), ("reshape", 7, 7, 128)),
            *(("upsample",), ("conv", 64, 5, 1), ("norm",), ("leaky_relu", 0.2)),
            *(("upsample",), ("conv", 1, 5, 1), ("tanh",)),
        ),
        (
            *(("conv", 64, 5, 2), ("leaky_relu", 0.2), ("dropout", 0.3)),
            *(("conv", 128, 5, 2), ("leaky_relu", 0.2), ("dropout", 0.3)),
            *(("flatten",), ("dense", 1)),
        ),
        (865_281, 212_865),
    ),
    "tuned": Networks(
        IMAGE,
        (
            *(("dense", 3136), ("reshape", 7, 7, 64), ("norm",), ("relu",), ("transposed", 32, 4, 2)),
            *(("norm",), ("relu",), ("conv", 4, 3, 1), ("depth_to_space", 2), ("tanh",)),
        ),
        (
            *(("space_to_depth", 2), ("conv", 32, 3, 1), ("leaky_relu", 0.2), ("conv", 64, 4, 2), ("leaky_relu", 0.2)),
            *(("flatten",), ("dense", 256), ("leaky_relu", 0.2), ("dense", 1)),
        ),
        (238_180, 837_345),
    ),
}
# Workloads that only some frameworks have: nobody published `tuned`, and PyTorch is its peer.
ONLY = {"tuned": ("torch", "torch_compiled", "ours", "floor")}
SHAPES = {  # output shape of a layer, from the input shape [height, width, channels] or [features] of one example
    "dense": lambda shape, units: (units,),
    "reshape": lambda shape, *new: new,
    "flatten": lambda shape: (math.prod(shape),),
    "space_to_depth": lambda shape, size: (shape[0] // size, shape[1] // size, shape[2] * size**2),
    "depth_to_space": lambda shape, size: (shape[0] * size, shape[1] * size, shape[2] // size**2),
    "upsample": lambda shape: (2 * shape[0], 2 * shape[1], shape[2]),
    "conv": lambda shape, filters, size, stride: (-(-shape[0] // stride), -(-shape[1] // stride), filters),
    "transposed": lambda shape, filters, size, stride: (shape[0] * stride, shape[1] * stride, filters),
    "pool": lambda shape: ((shape[0] - 3) // 2 + 1, (shape[1] - 3) // 2 + 1, shape[2]),
}


def system(name):
    """The System of a workload."""
    return System(NETWORKS[name], Config(model=name))


def walk(layers, shape):
    """Yields (kind, numbers, input shape, output shape) of each layer, for the shape of one example."""
    for kind, *numbers in layers:
        before, shape = tuple(shape), SHAPES.get(kind, lambda shape, *_: shape)(shape, *numbers)
        yield kind, numbers, before, tuple(shape)


def scaled(images, networks):
    """uint8 pixels [n, h, w, c] as float32 in the range of the networks; points are unchanged."""
    if images.dtype != np.uint8:
        return images
    pixels = images.astype(np.float32)
    return pixels / 127.5 - 1 if ("tanh",) in networks.generator else pixels / 255


def batch_sizes(config, count):
    """Batch sizes: of all steps of an epoch for `whole` batches, the last with the remainder; otherwise of one step."""
    if config.batches != "whole":
        return [config.batch_size]
    sizes = [config.batch_size] * (count // config.batch_size)
    return [*sizes[:-1], count - sum(sizes[:-1])]


def batches(config, count, random):
    """Yields without end the indices of the images of each step: int arrays [batch]."""
    size = config.batch_size
    while True:
        if config.batches == "random":
            yield random.integers(count, size=size)
            continue
        order = random.permutation(count)
        sizes = batch_sizes(config, count) if config.batches == "whole" else [size] * (count // size)
        yield from np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


def noise(config, random, count):
    """A batch of the generator's noise: float32 [count, noise_size]."""
    shape = (count, config.noise_size)
    if config.noise == "normal":
        return random.standard_normal(shape, np.float32)
    draws = random.random(shape, np.float32)
    return draws if config.noise == "unit" else 2 * draws - 1
