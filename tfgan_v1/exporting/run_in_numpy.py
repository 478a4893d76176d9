"""Draws 16 images of an exported generator with NumPy alone, into images.npy: python run_in_numpy.py [FOLDER]"""

import json
import math
import sys
from pathlib import Path

import numpy as np


def conv2d(x, kernel, stride, padding):  # x [n, h, w, in], kernel [h, w, in, out]
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))[:, ::stride, ::stride]
    return np.tensordot(windows, kernel, ([3, 4, 5], [2, 0, 1]))


def conv2d_transpose(x, kernel, stride, crop):  # kernel [h, w, out, in]
    (n, h, w, _), (rows, columns, filters, _) = x.shape, kernel.shape
    full = np.zeros((n, (h - 1) * stride + rows, (w - 1) * stride + columns, filters), np.float32)
    for i, j in np.ndindex(rows, columns):  # each place in the kernel adds to every stride-th pixel
        full[:, i : i + h * stride : stride, j : j + w * stride : stride] += x @ kernel[i, j].T
    return full[:, slice(*crop[0]), slice(*crop[1])]


def depth_to_space(x, size):
    n, h, w, channels = x.shape
    x = x.reshape(n, h, w, size, size, channels // size**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * size, w * size, channels // size**2)


OPERATIONS = {
    **{
        name: getattr(np, name)
        for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "negative", "matmul", "tanh")
    },
    **{f.__name__: f for f in (conv2d, conv2d_transpose, depth_to_space)},
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, np.float32(slope) * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.logaddexp(x, np.float32(0)),
    **{name: np.vectorize(getattr(math, name), otypes=["f4"]) for name in ("erf", "erfc")},
    "sigmoid": lambda x: (np.tanh(x / 2) + 1) / 2,
    "reshape": lambda x, shape: x.reshape(len(x), *shape[1:]),
    "slice": lambda x, ranges: x[tuple(slice(*each) for each in ranges)],
    "tile": lambda x, repeats: np.tile(x, repeats),
    "concat": lambda *parts, axis: np.concatenate(parts, axis),
}


def run(folder, **inputs):  # noise [n, noise_size], and labels [n, classes] in a conditional run
    network = json.loads(Path(folder, "generator.json").read_text())
    values = {**np.load(Path(folder, network["weights"])), **inputs}
    for each in network["operations"]:
        operands = [np.float32(name) if isinstance(name, float) else values[name] for name in each["inputs"]]
        values[each["output"]] = OPERATIONS[each["operation"]](*operands, **each.get("parameters", {}))
    return values[network["output"]]


if __name__ == "__main__":
    folder, rng = Path(*sys.argv[1:] or [Path(__file__).parent]), np.random.default_rng(0)
    model = json.loads((folder / "generator.json").read_text())["model"]
    size, low = (16, model["noise"]["size"]), {"unit": 0, "uniform": -1}.get(model["noise"]["distribution"])
    inputs = {"noise": np.float32(rng.standard_normal(size) if low is None else rng.uniform(low, 1, size))}
    if model["classes"]:
        inputs["labels"] = np.eye(len(model["classes"]), dtype=np.float32)[np.arange(16) % len(model["classes"])]
    np.save("images.npy", images := run(folder, **inputs))
    print(f"Wrote images.npy: {len(images)} images, {images.dtype} {list(images.shape)}.")
