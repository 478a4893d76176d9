"""The formats, one row each: how it is written, what MODEL.md says of it, and the packages that it needs."""

import json
import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgan_v1 import files
from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting import layer_files, operations, page, run_in_numpy, saved_model
from tfgan_v1.exporting.trained import Unsupported


class Format(NamedTuple):
    """How a format is written and explained."""

    write: Callable  # (trained.Trained, folder); raises Unsupported, before it writes, for a network it cannot express
    section: str  # of MODEL.md, with {labels} where a conditional run has something to add
    labels: str = ""  # this
    described: str = ""  # by what it describes the network: formats of one kind refuse the same networks
    packages: tuple[str, ...] = ()  # of its converter, which the extra with the format's name installs, too


def missing(name):
    """Why a format cannot be written with what is installed, or ""."""
    installed = all(find_spec(package) for package in FORMATS[name].packages)
    return "" if installed else f"its converter is not installed; {install(name)}"


def install(name):
    """What to type for the packages of a format."""
    return f"pip install {' '.join(FORMATS[name].packages)}"


def write_onnx(trained, folder):
    """Writes the ONNX file: noise, and labels in a conditional run, -> images."""
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel("ERROR")
    with trained.session(trained.plain) as (session, (inputs, images)):
        graph = tf.graph_util.convert_variables_to_constants(session, session.graph_def, [images.op.name])
        names = {tensor.name: tensor.op.name for tensor in (*inputs.values(), images)}  # noise:0 -> noise
        *inputs, output = names
    try:
        model, _ = tf2onnx.convert.from_graph_def(graph, input_names=inputs, output_names=[output])
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise Unsupported(f"the generator cannot be converted to ONNX ({why})") from None
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    for node in model.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in trained.metadata.items()}
    onnx.helper.set_model_props(model, texts)
    files.write(folder / "generator.onnx", model.SerializeToString())


def write_npz(trained, folder):
    """Writes named weights as .npz, a description of the network as JSON, and a program that runs it."""
    network, shapes = operations.describe_trained(trained)
    with files.writing(folder / "generator.npz") as file:
        np.savez(file, **network.weights)
    content = {"format": 1, "weights": "generator.npz", "inputs": shapes, "output": "images", "model": trained.metadata}
    lines = ",\n".join(f"    {json.dumps(operation)}" for operation in network.operations)  # a line for each
    text = f'{json.dumps(content, indent=2)[:-2]},\n  "operations": [\n{lines}\n  ]\n}}\n'
    files.write(folder / "generator.json", text)
    for name in ("run_in_numpy.py", "run_in_pytorch.py"):
        files.write(folder / name, Path(run_in_numpy.__file__).with_name(name).read_bytes())


FORMATS = {
    "saved_model": Format(
        saved_model.write,
        """## `saved_model/`, for TensorFlow and TensorFlow Serving

```python
import tensorflow as tf

model = tf.saved_model.load("saved_model/1")
images = model.signatures["seeds"](seed=tf.constant(0, tf.int64), n=tf.constant(16))["images"]
```

`seeds` draws the images of n consecutive seeds, and `serving_default` those of `noise`{labels}.
TensorFlow Serving: `tensorflow_model_server --model_base_path=FOLDER/saved_model`, with the full path of this folder.
`saved_model/1/assets.extra/model.json` has the configuration.""",
        " and `labels`;\n`seeds_of_class` draws all n seeds in the class number `label`",
    ),
    "onnx": Format(
        write_onnx,
        """## `generator.onnx`, for ONNX runtimes

```python
import json
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
images = session.run(["images"], {"noise": noise{labels}})[0]
config = json.loads(session.get_modelmeta().custom_metadata_map["config"])
```""",
        ', "labels": labels',
        packages=("tf2onnx", "onnx"),
    ),
    "npz": Format(
        write_npz,
        """## `generator.npz` and `generator.json`, for anything else

The weights by name, and the operations from `noise`{labels} to `images` in order. `python run_in_numpy.py .`
runs them, 70 lines that can be translated, and so does run_in_pytorch.py. `model` in the JSON has the
configuration.""",
        " and `labels`",
        described="operations",
    ),
    "page": Format(
        page.write,
        """## `generator.html`, for any browser

Open the file: it draws{labels} by seed, mixes and varies what it draws, and saves it as PNG, all without a network.""",
        " each class",
        described="operations",
    ),
    "tf1": Format(
        layer_files.write_tf1,
        """## `tf1/`, for scripts that TensorFlow 1 ran

A checkpoint with the names that `tf.layers` gives without names, in the scope `generator`: in such a script,
`saver.restore(session, tf.train.latest_checkpoint("tf1"))` reads it. Moving averages are there, too.

```python
import tensorflow as tf

weights = {name: tf.train.load_variable("tf1", name) for name, _ in tf.train.list_variables("tf1")}
```

Such a script's images are in the range of the network: [-1, 1] of tanh, [0, 1] of sigmoid.""",
        described="layers",
    ),
    "keras": Format(
        layer_files.write_keras,
        """## `keras/`, for Keras 2 and 3

`generator_weights.h5` has the weights, which `load_weights` reads, and `generator.py` builds the network.

```python
import runpy

generator = runpy.run_path("keras/generator.py")["load"]()
images = generator.predict(noise)
```

`discriminator.py`, if it is there, makes logits of such images, without the sigmoid that many scripts have.
These images are in the range of the network, unlike those of other formats: [-1, 1] of tanh, [0, 1] of sigmoid.""",
        described="layers",
    ),
}
