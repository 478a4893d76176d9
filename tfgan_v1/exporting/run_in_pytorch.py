"""Draws 16 images of an exported generator in PyTorch, into images.npy: python run_in_pytorch.py [FOLDER]

A translation of run_in_numpy.py, which `export` writes and the tests run. Last compared with TensorFlow by hand, with
PyTorch 2.14.1: all operations, and every preset's generator, within 3e-7.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F


def convolve(function, x, kernel, stride):  # x [n, h, w, channels]; PyTorch has the channels first
    return function(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=stride).permute(0, 2, 3, 1)


def conv2d(x, kernel, stride, padding):
    return convolve(F.conv2d, F.pad(x, (0, 0, *padding[1], *padding[0])), kernel, stride)


def conv2d_transpose(x, kernel, stride, crop):
    return convolve(F.conv_transpose2d, x, kernel, stride)[:, slice(*crop[0]), slice(*crop[1])]


def depth_to_space(x, size):
    n, h, w, channels = x.shape
    x = x.reshape(n, h, w, size, size, channels // size**2).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * size, w * size, channels // size**2)


OPERATIONS = {
    **{name: getattr(torch, name) for name in ("add", "subtract", "multiply", "divide", "maximum")},
    **{
        name: getattr(torch, name)
        for name in ("minimum", "negative", "matmul", "tanh", "relu", "selu", "sigmoid", "erf", "erfc")
    },
    **{"elu": F.elu, "softplus": F.softplus},
    **{f.__name__: f for f in (conv2d, conv2d_transpose, depth_to_space)},
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "reshape": lambda x, shape: x.reshape(len(x), *shape[1:]),
    "slice": lambda x, ranges: x[tuple(slice(*each) for each in ranges)],
    "tile": lambda x, repeats: x.tile(repeats),
    "concat": lambda *parts, axis: torch.cat(parts, axis),
}


@torch.no_grad()
def run(folder, **inputs):  # noise [n, noise_size], and labels [n, classes] in a conditional run
    network = json.loads(Path(folder, "generator.json").read_text())
    arrays = {**np.load(Path(folder, network["weights"])), **inputs}
    values = {name: torch.as_tensor(array) for name, array in arrays.items()}
    for each in network["operations"]:
        operands = [torch.tensor(name) if isinstance(name, float) else values[name] for name in each["inputs"]]
        values[each["output"]] = OPERATIONS[each["operation"]](*operands, **each.get("parameters", {}))
    return values[network["output"]].numpy()


if __name__ == "__main__":
    folder, rng = Path(*sys.argv[1:] or [Path(__file__).parent]), np.random.default_rng(0)
    model = json.loads((folder / "generator.json").read_text())["model"]
    size, low = (16, model["noise"]["size"]), {"unit": 0, "uniform": -1}.get(model["noise"]["distribution"])
    inputs = {"noise": np.float32(rng.standard_normal(size) if low is None else rng.uniform(low, 1, size))}
    if model["classes"]:
        inputs["labels"] = np.eye(len(model["classes"]), dtype=np.float32)[np.arange(16) % len(model["classes"])]
    np.save("images.npy", images := run(folder, **inputs))
    print(f"Wrote images.npy: {len(images)} images, {images.dtype} {list(images.shape)}.")
