"""An exported generator makes the same images elsewhere; and a failed export leaves nothing."""

import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tensorflow

import export_runs
from conftest import REPOSITORY
from tfgan_v1 import Generator, Model, UserError, export
from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting import run_in_numpy
from tfgan_v1.exporting.formats import FORMATS
from tfgan_v1.exporting.trained import Unsupported
from tfgan_v1.gan import layers
from tfgan_v1.gan.models import MODELS, TANH

ALL = [
    *("generator.html", "generator.json", "generator.npz", "generator.onnx", "keras", "run_in_numpy.py"),
    *("run_in_pytorch.py", "saved_model", "tf1"),
]


@pytest.mark.parametrize("name", export_runs.RUNS)
def test_a_short_program_makes_the_same_images(exports, name):
    to, inputs, images = exports(name)
    result = run_in_numpy.run(to, **inputs)
    assert result.shape == images.shape and result.dtype == np.float32 and np.abs(result - images).max() < 1e-5


@pytest.mark.parametrize("name", export_runs.RUNS)
def test_onnx_makes_the_same_images_for_any_number(exports, name):
    to, inputs, images = exports(name)
    session = onnxruntime.InferenceSession(to / "generator.onnx", providers=["CPUExecutionProvider"])
    assert {each.name: each.shape[0] for each in session.get_inputs()} == dict.fromkeys(inputs, "n")
    for count in (1, 3, len(images)):
        (result,) = session.run(["images"], {name: values[:count] for name, values in inputs.items()})
        assert result.shape == images[:count].shape and np.abs(result - images[:count]).max() < 1e-5
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["config"])["model"] and "Trained on" in metadata["licence"] and metadata["step"] == "7"


FRESH = """
import sys
sys.modules["tfgan_v1"] = None  # whoever imports it fails
import json
from pathlib import Path
import numpy as np
import tensorflow as tf

for folder in map(Path, sys.argv[1:]):
    signatures = tf.saved_model.load(str(folder / "saved_model" / "1")).signatures
    given = dict(np.load(folder.parent / "expected.npz"))
    images = given.pop("images")
    seed = tf.constant(5, tf.int64)
    for count in (0, 1, 64, len(images)):
        by_noise = {name: tf.constant(each[:count]) for name, each in given.items()}
        by_seed = {"seed": seed, "n": tf.constant(count)}
        for signature, inputs in (("serving_default", by_noise), ("seeds", by_seed)):
            result = signatures[signature](**inputs)["images"].numpy()
            assert result.dtype == np.float32 and np.array_equal(result, images[:count]), (folder, signature, count)
    assert ("labels" in given) == ("seeds_of_class" in signatures)
    if "labels" in given:
        label = int(given["labels"][3].argmax())
        result = signatures["seeds_of_class"](seed=seed, n=tf.constant(4), label=tf.constant(label))["images"]
        assert np.array_equal(result[3], images[3])

import keras

saved = str(Path(sys.argv[1], "saved_model/1"))  # as Keras and TensorFlow Lite read it
given = dict(np.load(Path(sys.argv[1]).parent / "expected.npz"))
layer = keras.layers.TFSMLayer(saved, call_endpoint="serving_default")
converted = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["serving_default"]).convert()
runner = tf.lite.Interpreter(model_content=converted).get_signature_runner("serving_default")
assert np.array_equal(layer(given["noise"])["images"], given["images"])
assert np.abs(runner(noise=given["noise"])["images"] - given["images"]).max() < 1e-6
"""


@pytest.mark.slow
def test_the_saved_model_makes_the_same_bits_in_a_process_without_tfgan_v1(exports, tmp_path):
    for name in ("mlp color", "gaussian", "tuned odd", "conv norm classes"):
        to, inputs, images = exports(name)
        np.savez(to.parent / "expected.npz", images=images, **inputs)
        assert {"saved_model.pb", "variables"} <= {*os.listdir(to / "saved_model" / "1")}
        os.symlink(to.parent, tmp_path / name)  # TensorFlow cannot read where there are special characters
    paths = [folder / "to" for folder in tmp_path.iterdir()]
    ended = subprocess.run([sys.executable, "-c", FRESH, *paths], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    return export_runs.make(tmp_path_factory.mktemp("run") / "run", export_runs.Run("mlp"))


def test_the_command_writes_all_formats_and_says_so(command, config, tmp_path):
    code, out, err = command("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "new" / "to")
    assert (code, err) == (0, "") and sorted(os.listdir(tmp_path / "new")) == ["to"]
    assert sorted(os.listdir(tmp_path / "new" / "to")) == ["MODEL.md", *ALL]
    assert all(name in out for name in ALL) and "latest generator of step 7" in out and "CC BY 4.0" in out
    metadata = json.loads((tmp_path / "new" / "to" / "generator.json").read_text())["model"]
    assert metadata == json.loads((tmp_path / "new/to/saved_model/1/assets.extra/model.json").read_text())
    assert (metadata["step"], metadata["generator"], metadata["config"]["noise_size"]) == (7, "latest", 100)
    assert metadata["licence"] in (tmp_path / "new" / "to" / "MODEL.md").read_text()


def test_an_empty_folder_is_filled_and_a_killed_export_is_no_obstacle(command, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tfgan_v1.partial").mkdir()
    (tmp_path / ".tfgan_v1.partial" / "generator.npz").write_bytes(b"half")
    assert command("export", "--ckpt", config.ckpt_folder, "--to", ".", "--format", "npz")[0] == 0
    assert sorted(os.listdir()) == [
        "MODEL.md",
        "generator.json",
        "generator.npz",
        "run_in_numpy.py",
        "run_in_pytorch.py",
    ]


def test_exported_files_say_nothing_of_the_user_s_folders(tmp_path):
    secret = str(tmp_path / "secret" / "pictures")
    run = export_runs.Run("mlp", data=secret, options={"dataset": secret, "cache_dir": str(tmp_path / "secret")})
    config = export_runs.make(tmp_path / "run", run)
    metadata = export(config.ckpt_folder, tmp_path / "to").metadata
    assert metadata["data"]["name"] == "pictures" and "data of the user's own" in metadata["licence"]
    for path in (tmp_path / "to").rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()


def test_names_in_any_encoding_are_written(tmp_path):
    config = export_runs.make(tmp_path / "run", export_runs.Run("mlp", classes=("\udcff", "b\n# c")))
    export(config.ckpt_folder, tmp_path / "to")
    assert "0: \\udcff, 1: b\\n# c" in (tmp_path / "to" / "MODEL.md").read_text()


MISTAKES = [
    (["--to", "full"], "full has something in it (file); name a new or an empty folder with --to"),
    (["--to", "full/file"], "full/file is a file"),
    (["--to", "full/file/new"], "Not a directory"),
    ([], "name a new or an empty one with --to"),
    (["--to", ""], "name a new or an empty one with --to"),
    (
        ["--to", "new", "--format", "onx"],
        "there is no format 'onx'; did you mean onnx? the formats are saved_model, onnx",
    ),
    (["--to", "new", "--format", ","], "no format is given"),
    (["--to", "new", "--generator", "average"], "has no average generator: train with --average 0.999"),
    (["--to", "new", "--ckpt", "nowhere"], "there is no folder nowhere"),
    (["--to", "new", "--ckpt", "full"], "full holds no run"),
    (["--to", "new", "--name", "faces"], "there is no folder"),
]


@pytest.mark.parametrize("flags, right", MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistake_is_one_sentence_and_writes_nothing(command, config, tmp_path, monkeypatch, flags, right):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    code, out, err = command("export", "--ckpt", config.ckpt_folder, *flags)
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err
    assert os.listdir() == ["full"] and os.listdir("full") == ["file"]


def test_onnx_without_its_converter_is_one_sentence(command, config, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "onnx", FORMATS["onnx"]._replace(packages=("a_converter_that_nobody_has",)))
    flags = ("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "to")
    code, out, err = command(*flags, "--format", "npz,onnx")
    assert (code, out, err.count("\n")) == (2, "", 1) and not (tmp_path / "to").exists()
    assert "its converter is not installed; pip install a_converter_that_nobody_has" in err
    code, out, err = command(*flags)
    assert (code, err) == (0, "") and "Not written: onnx" in out and not (tmp_path / "to" / "generator.onnx").exists()


FAILURES = {
    "of Python": (lambda: OSError(28, "No space left on device"), 3),
    "of TensorFlow": (lambda: tf.errors.ResourceExhaustedError(None, None, "No space left on device"), 3),
    "an interrupt": (KeyboardInterrupt, 130),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_write_leaves_nothing(command, config, tmp_path, monkeypatch, failure, exists):
    def fail(trained, folder):
        (folder / "generator.npz").write_bytes(b"half")
        raise error()

    error, exit_code = FAILURES[failure]
    monkeypatch.setitem(FORMATS, "npz", FORMATS["npz"]._replace(write=fail))
    if exists:
        (tmp_path / "new" / "to").mkdir(parents=True)
    code, out, err = command("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "new" / "to")
    assert (code, out, err.count("\n")) == (exit_code, "", 1)
    assert exit_code == 3 or err == "sample.py: stopped; nothing was written\n"
    assert sorted(tmp_path.rglob("*")) == ([tmp_path / "new", tmp_path / "new" / "to"] if exists else [])


def run_blocks(text, names):
    """Runs the Python examples of a text, one after another."""
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    return names


@pytest.mark.slow
def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_blocks((REPOSITORY / "docs" / "export.md").read_text(), {})
    assert names["images"].shape == (16, 28, 28, 1) and names["config"]["model"] == "mlp"


@pytest.mark.parametrize("name", ["mlp classes", "tuned odd"])
def test_what_model_md_and_the_program_say_of_themselves_works(exports, tmp_path, monkeypatch, name):
    run, (to, _, _) = export_runs.RUNS[name], exports(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run_in_numpy", str(to)])
    assert "python run_in_numpy.py ." in (to / "MODEL.md").read_text()
    runpy.run_path(to / "run_in_numpy.py", run_name="__main__")
    images = np.load("images.npy")
    assert images.shape == (16, *run.shape) and images.dtype == np.float32 and 0 <= images.min() < images.max() <= 1
    monkeypatch.setattr(sys, "argv", ["run_in_numpy"])  # its own folder
    runpy.run_path(to / "run_in_numpy.py", run_name="__main__")
    assert np.array_equal(np.load("images.npy"), images)
    os.symlink(to.parent, tmp_path / "plain")
    monkeypatch.chdir(tmp_path / "plain" / "to")
    size = 64 if run.model == "tuned" else 100
    inputs = {"noise": np.zeros((2, size), np.float32), "labels": np.eye(3, dtype=np.float32)[:2]}
    names = run_blocks(Path("MODEL.md").read_text(), inputs)
    assert names["images"].shape == (2, *run.shape)


def own_generator(noise, shape, training):
    x = tf.reshape(layers.dense(noise, 12, "hidden"), [-1, 4, 3, 1])
    return layers.conv2d(layers.upsample(x)[:, :, 1:], shape[2], 4, "logits") * 0.5


def test_a_custom_model_is_exported_in_python(command, tmp_path):
    model = Model(own_generator, lambda images, training: images, TANH)
    run = export_runs.Run("mlp", shape=(8, 5, 3))
    config = export_runs.make(tmp_path / "run", run, model)
    code, out, err = command("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "to")
    assert (code, out, err.count("\n")) == (2, "", 1) and "tfgan_v1.export(folder, to, model=...)" in err
    export(config.ckpt_folder, tmp_path / "to", model=model)
    with closing(Generator.restore(config.ckpt_folder, model=model)) as generator:
        result = run_in_numpy.run(tmp_path / "to", noise=generator.latents())
        assert np.abs(result - generator()).max() < 1e-5
        served = tensorflow.saved_model.load(str(tmp_path / "to" / "saved_model" / "1")).signatures["serving_default"]
        assert np.array_equal(served(noise=tensorflow.constant(generator.latents()))["images"], generator())


@pytest.fixture
def export_with(tmp_path, monkeypatch):
    """Exports the generator with one more operation into `to`: export_with(operation, formats)."""

    def make(operation, formats=None):
        model = Model(lambda *args: operation(own_generator(*args)), lambda images, training: images, TANH)
        monkeypatch.setitem(MODELS, "mlp", MODELS["mlp"]._replace(generator=model.generator))
        config = export_runs.make(tmp_path / "run", export_runs.Run("mlp", shape=(8, 5, 3)))
        return export(config.ckpt_folder, tmp_path / "to", formats=formats)

    return make


MISSING = {  # an operation and a format that does not have it -> why
    (
        tf.math.special.expint,
        "onnx",
    ): r"converted to ONNX \(No Op registered for Expint .*; .*--format saved_model,npz,page,tf1,keras$",
    (tf.cos, "page"): r"operation Cos \(generator/Cos\) is not among those .*; .*--format saved_model,onnx,tf1,keras$",
    (tf.cos, "npz"): r"operation Cos \(generator/Cos\) is not among those .*; .*--format saved_model,onnx,tf1,keras$",
}


@pytest.mark.parametrize("operation, name", MISSING)
def test_an_operation_that_a_format_does_not_have_is_one_sentence(export_with, tmp_path, operation, name):
    with pytest.raises(UserError, match=MISSING[operation, name]):
        export_with(operation, ["saved_model", name])
    assert os.listdir(tmp_path) == ["run"]


def test_without_a_list_what_can_be_written_is_and_a_sentence_says_what_cannot(export_with, command, tmp_path):
    assert export_with(tf.cos).formats == ("saved_model", "onnx", "tf1", "keras")
    code, out, err = command("export", "--ckpt", tmp_path / "run", "--to", tmp_path / "again")
    assert (code, err) == (0, "") and "npz" not in (tmp_path / "again" / "MODEL.md").read_text()
    lines = [line for line in out.splitlines() if line.startswith("Not written")]
    for name, line in zip(("npz", "page"), lines, strict=True):
        right = f"Not written: {name}, since the generator's operation Cos (generator/Cos) is not among those"
        assert line.startswith(right)
    assert sorted(os.listdir(tmp_path / "again")) == ["MODEL.md", "generator.onnx", "keras", "saved_model", "tf1"]


def test_if_nothing_can_be_written_nothing_is(command, config, tmp_path, monkeypatch):
    def refuse(trained, folder):
        raise Unsupported("it is too deep")

    for name in list(FORMATS):
        monkeypatch.setitem(FORMATS, name, FORMATS[name]._replace(write=refuse))
    code, out, err = command("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "new")
    assert (code, out, err.count("\n")) == (2, "", 1) and "saved_model: it is too deep; onnx: it is too deep" in err
    assert os.listdir(tmp_path) == []
