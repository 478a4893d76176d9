"""What every exported file says of its generator, and the text beside them. Imports no TensorFlow."""

from dataclasses import fields
from pathlib import Path

from tfgan_v1 import __version__
from tfgan_v1.config import Config
from tfgan_v1.data import NAMES, licence_note
from tfgan_v1.errors import plain
from tfgan_v1.gan.noise import DISTRIBUTIONS
from tfgan_v1.storage import run_folder

CARD = "MODEL.md"


def facts_of(saved, step, kind):
    """The facts of a generator, a dict for JSON. saved: a run_folder.Saved. kind: "latest", "average" or "best".

    They say nothing of the user's own folders, since exported files are passed on.
    """
    unsaid = {each.name for each in fields(Config) if each.metadata["place"]} | {*run_folder.PATHS}
    config = {each.name: getattr(saved.config, each.name) for each in fields(Config) if each.name not in unsaid}
    name = str(saved.data["name"])
    return {
        "generator": kind,
        "step": step,
        "image_shape": list(saved.data["image_shape"]),
        "noise": {"distribution": saved.config.noise, "size": saved.config.noise_size},
        "classes": list(saved.data.get("classes", ())),
        "licence": licence_note(name),
        "data": {**saved.data, "name": name if name in NAMES else Path(name).name},
        "config": config,
        "custom": list(saved.custom),
        "made_by": saved.made_by,
        "exported_by": f"tfgan_v1 {__version__}",
    }


def card(facts, sections):
    """The text of MODEL.md. sections: one for each exported format."""
    custom = "custom networks" if "model" in facts["custom"] else f"`{facts['config']['model']}`"
    images = " x ".join(map(str, facts["image_shape"]))
    what = f"images, {images} (height x width x channels), in [0, 1]" if len(facts["image_shape"]) == 3 else "points"
    about = [
        f"The {facts['generator']} generator of {custom} after {facts['step']:,} training steps on "
        f"{plain(facts['data']['name'])}, exported by {facts['exported_by']}. It makes {what}.",
        f"- `noise`: float32 [n, {facts['noise']['size']}], {DISTRIBUTIONS[facts['noise']['distribution']].text}",
    ]
    if facts["classes"]:
        numbered = ", ".join(f"{number}: {plain(name)}" for number, name in enumerate(facts["classes"]))
        about.append(
            f"- `labels`: float32 [n, {len(facts['classes'])}], 1 in the column of the class and 0 in the others; the "
            f"classes are {numbered}"
        )
    return (
        "\n\n".join(["# Generator", about[0], "\n".join(about[1:]), "## Licence", facts["licence"], *sections]) + "\n"
    )


SECTIONS = {  # by format: what MODEL.md says of it
    "saved_model": """## `saved_model/`, for TensorFlow and TensorFlow Serving

```python
import tensorflow as tf

model = tf.saved_model.load("saved_model/1")
images = model.signatures["seeds"](seed=tf.constant(0, tf.int64), n=tf.constant(16))["images"]
```

`seeds` draws the images of n consecutive seeds, and `serving_default` those of `noise`{labels}.
TensorFlow Serving: `tensorflow_model_server --model_base_path=FOLDER/saved_model`, with the full path of this folder.
`saved_model/1/assets.extra/model.json` has the configuration.""",
    "onnx": """## `generator.onnx`, for ONNX runtimes

```python
import json
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
images = session.run(["images"], {{"noise": noise{onnx_labels}}})[0]
config = json.loads(session.get_modelmeta().custom_metadata_map["config"])
```""",
    "npz": """## `generator.npz` and `generator.json`, for anything else

The weights by name, and the operations from `noise`{and_labels} to `images` in order. A short program runs them: see
docs/export.md and examples/run_in_numpy.py of tfgan_v1. `model` in the JSON has the configuration.""",
}


def sections(formats, conditional):
    """The sections of MODEL.md on these formats."""
    labels = {
        "labels": " and `labels`;\n`seeds_of_class` draws all n seeds in the class number `label`",
        "onnx_labels": ', "labels": labels',
        "and_labels": " and `labels`",
    }
    return [SECTIONS[each].format(**(labels if conditional else dict.fromkeys(labels, ""))) for each in formats]
