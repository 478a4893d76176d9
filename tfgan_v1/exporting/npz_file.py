"""Named weights as .npz, and a description of the network as JSON, for programs without TensorFlow."""

import json

import numpy as np

from tfgan_v1.exporting import operations

WEIGHTS, DESCRIPTION = "generator.npz", "generator.json"
FORMAT = 1


def write(trained, folder):
    """Writes both files of a trained.Trained into a folder. Raises UserError as operations.describe."""
    with trained.session(trained.plain) as (session, (inputs, images)):
        network = operations.describe(session, inputs, images)
        shapes = {name: [-1, *tensor.shape.as_list()[1:]] for name, tensor in inputs.items()}
    np.savez(folder / WEIGHTS, **network.weights)
    content = {"format": FORMAT, "weights": WEIGHTS, "inputs": shapes, "output": "images", "model": trained.facts}
    (folder / DESCRIPTION).write_text(_to_json(content, network.operations))


def _to_json(content, operations):
    """A dict as JSON text, with the operations at its end, a line for each."""
    lines = ",\n".join(f"    {json.dumps(each)}" for each in operations)
    return f'{json.dumps(content, indent=2)[:-2]},\n  "operations": [\n{lines}\n  ]\n}}\n'
