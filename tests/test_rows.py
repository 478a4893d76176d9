"""A row that a program adds to a table at run time is listed, accepted, saved, and used by every command."""

import json
import math
import re

import numpy as np
import pytest

from tfgan_v1 import Config, load_samples
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import _check_presets
from tfgan_v1.data.datasets import DATASETS, Row
from tfgan_v1.data.labels import Labelled
from tfgan_v1.evaluation.metric_table import METRICS, PIXELS, Metric
from tfgan_v1.exporting.formats import FORMATS, Format
from tfgan_v1.gan import layers
from tfgan_v1.gan.augmentation import AUGMENTATIONS, Augmentation
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.models import MODELS, SIGMOID, Model
from tfgan_v1.gan.penalties import PENALTIES, Penalty
from tfgan_v1.storage import run_folder

USED = set()  # the rows whose functions were called


def generator(noise, shape, training):
    USED.add("model")
    return tf.reshape(layers.dense(noise, math.prod(shape), "logits"), [-1, *shape])


def discriminator(images, training, labels=None):
    return layers.class_logits(tf.reshape(images, [-1, math.prod(images.shape.as_list()[1:])]), labels, "logits")


def used(name, result):
    """A function that returns `result` of its arguments, and notes that it was called."""

    def function(*args):
        USED.add(name)
        return result(*args)

    return function


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
OPTIONS = {"steps": 4, "sample_every": 2, "batch_size": 8, "num_samples": 4, "d_lr": 0.01, "g_lr": 0.01, "xla": "off"}
MINE = Model(generator, discriminator, SIGMOID, convolutional=False, options=OPTIONS)


@pytest.fixture
def rows(monkeypatch):
    """Adds one row to each table."""
    squared = LOSSES["least_squares"]._replace(g=used("loss", lambda logits, labels: tf.reduce_mean(logits**2)))
    brightness = used("metric", lambda images, reference: [images.images.mean()])
    penalty = Penalty(used("penalty", lambda discriminate, real, fake: tf.reduce_mean(discriminate(real) ** 2)), 0.5)
    write = used("format", lambda trained, folder: (folder / "step.txt").write_text(str(trained.metadata["step"])))
    for table, name, row in (
        (MODELS, "my_model", MINE),
        (LOSSES, "my_loss", squared),
        (PENALTIES, "my_penalty", penalty),
        (AUGMENTATIONS, "my_augmentation", Augmentation(used("augmentation", lambda images, draws: images * 0.9), 1)),
        (METRICS, "my_metric", Metric(PIXELS, {"brightness": "as the real"}, brightness)),
        (DATASETS, "my_data", Row("Trained on noise.", load=used("data", lambda request: Labelled(IMAGES)))),
        (FORMATS, "my_format", Format(write, "## `step.txt`, the {step}")),
    ):
        monkeypatch.setitem(table, name, row)


def test_rows_added_at_run_time_go_through_every_command(rows, command, tmp_path, monkeypatch):
    def call(*argv):
        code, out, err = command(*argv)
        assert code == 0, err
        return " ".join(out.split())

    monkeypatch.chdir(tmp_path)
    USED.clear()
    listed = re.sub(r"-\s+", "-", call("train", "--model", "my_model", "--help"))
    assert "those of --model my_model" in listed and "length of the run in training steps" in listed
    assert (
        "points,my_model}" in listed
        and "relativistic_average,my_loss}" in listed
        and "approximate_r2, my_penalty;" in listed
    )
    assert "approximate_r2 0.02, my_penalty 0.5)" in listed and "flip, my_augmentation" in listed
    assert "moments, my_metric (" in call("evaluate", "--help")
    assert "circles, my_data; or the path" in listed and "my_format" in call("export", "--help")

    mine = ["--model=my_model", "--loss=my_loss", "--penalty=my_penalty", "--augment=my_augmentation"]
    flags = ["train", *mine, "--dataset=my_data"]
    assert "--loss my_loss" in call(*flags, "--dry-run") and not (tmp_path / "checkpoints").exists()
    call(*flags, "--steps", 2)
    call("train", "--resume", "--steps", 4)
    saved = run_folder.read(Config()).config
    assert (saved.model, saved.loss, saved.penalty, saved.augment, saved.steps) == (
        *("my_model", "my_loss", "my_penalty", "my_augmentation"),
        4,
    )
    assert len(load_samples("samples/train_samples.pkl")) == 2
    assert "Drew 3 images from the generator of step 4" in call("sample", "--num", 3)
    assert "brightness" in call("evaluate", "--metrics", "my_metric", "--num", 20)
    assert json.loads((tmp_path / "samples" / "scores.json").read_text())["figures"]["brightness"]["generated"] > 0
    call("export", "--to", "exported", "--format", "my_format,npz")
    assert (tmp_path / "exported" / "step.txt").read_text() == "4"
    assert "## `step.txt`, the {step}" in (tmp_path / "exported" / "MODEL.md").read_text()
    assert "Trained on noise." in (tmp_path / "exported" / "MODEL.md").read_text()
    assert {"model", "loss", "penalty", "augmentation", "data", "metric", "format"} == USED


def test_a_preset_of_ones_own_can_be_conditional(rows, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.txt").write_text("0\n1\n" * 20)
    flags = ["train", "--model=my_model", "--dataset=my_data", "--labels=labels.txt", "--conditional", "--steps=2"]
    for condition in ("projection", "concatenation"):
        assert command(*flags, "--d-condition", condition, "--name", condition)[0] == 0
    code, _, err = command(*flags, "--g-condition=batch_norm", "--name=norm")
    assert code == 2 and "the generator of --model my_model has none; use embedding" in err


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"generator": lambda noise: noise}, "its generator takes (noise, shape, training, labels=None), or no labels"),
        ({"discriminator": lambda images, training: images}, "its discriminator takes (images, training, labels=None)"),
    ],
    ids=["generator", "discriminator"],
)
def test_a_preset_without_an_argument_is_an_error_that_names_it(monkeypatch, change, sentence):
    monkeypatch.setitem(MODELS, "my_model", MINE._replace(**change))
    with pytest.raises(TypeError, match=re.escape(f"preset my_model: {sentence}")):
        _check_presets()


def test_a_preset_without_an_option_that_it_must_set_is_an_error_that_names_it(monkeypatch):
    options = {name: value for name, value in OPTIONS.items() if name not in ("steps", "d_lr")}
    monkeypatch.setitem(MODELS, "my_model", MINE._replace(options={**options, "sise": 3}))
    with pytest.raises(TypeError, match="preset my_model: sets no d_lr, epochs or steps; unknown: sise"):
        _check_presets()
