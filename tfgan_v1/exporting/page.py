"""The page: a generator as one HTML file, which draws without a network and without a library: see web/network.js."""

import base64
from pathlib import Path

import numpy as np

from tfgan_v1 import files
from tfgan_v1.errors import plain
from tfgan_v1.exporting import operations
from tfgan_v1.exporting.trained import Unsupported

DISTRIBUTIONS = ("uniform", "unit", "normal")  # of noise, that web/noise.js draws
NUM_DIRECTIONS = 6
TEMPLATE = Path(__file__).parent / "web" / "page.html"


def write(trained, folder):
    """Writes the page of a trained.Trained into a folder. Raises Unsupported for a network that it cannot express."""
    metadata, condition = trained.metadata, trained.generator.condition
    if metadata["noise"]["distribution"] not in DISTRIBUTIONS:
        raise Unsupported(f"the page draws noise that is {' or '.join(DISTRIBUTIONS)}")
    network, inputs = operations.describe_trained(trained)
    weights = np.concatenate([np.ravel(each) for each in network.weights.values()] or [np.zeros(0, np.float32)])
    if trained.float16 and np.abs(weights).max(initial=0) > np.finfo(np.float16).max:
        raise Unsupported("a weight is too large for --float16; leave it out")
    shown = ("generator", "step", "image_shape", "noise", "classes", "licence", "exported_by", "custom")
    content = {
        **{name: metadata[name] for name in shown},
        **{"model": metadata["config"]["model"], "data": metadata["data"]["name"]},
        "upper": [float(each) for each in condition.upper] if condition else [],
        **{"operations": network.operations, "inputs": inputs, "float16": trained.float16},
        "shapes": {name: list(each.shape) for name, each in network.weights.items()},
        "directions": np.round(directions(network, metadata["noise"]["size"]).astype(float), 6).tolist(),
    }
    text = base64.b64encode(weights.astype("<f2" if trained.float16 else "<f4").tobytes()).decode()
    title = plain(f"{content['model']}, {content['data']}")
    files.write(folder / "generator.html", files.page(TEMPLATE, title=title, content=content, weights=text))


def directions(network, size):
    """The directions of noise [size] that change the first dense layer's output most: [k, size], from the first on.

    The left singular vectors of its kernel (Shen and Zhou 2021, arXiv:2007.06600), whose largest component is positive.
    k is 0 if no dense layer takes the noise.
    """
    begins = {"noise"}  # names of values whose first columns are the noise
    for each in network.operations:
        first, *others = each["inputs"]
        if first in begins and each["operation"] == "concat":
            begins.add(each["output"])
        elif first in begins and each["operation"] == "matmul" and others[0] in network.weights:
            found = np.linalg.svd(network.weights[others[0]][:size], full_matrices=False)[0].T[:NUM_DIRECTIONS]
            largest = np.take_along_axis(found, np.abs(found).argmax(1, keepdims=True), 1)
            return found * np.sign(largest)
    return np.zeros((0, size), np.float32)
