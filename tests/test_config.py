"""The configuration: the preset's numbers, and a sentence for every value that makes no sense."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from tfgan_v1 import Config, UserError
from tfgan_v1.config import FASTER_WITH_XLA, PRESETS, from_mapping
from tfgan_v1.models import MODELS


def test_the_defaults_are_the_published_mlp():
    config = Config()
    published = {
        "model": "mlp", "noise_size": 100, "smooth": 0.1, "d_lr": 0.002, "g_lr": 0.002, "beta1": 0.9, "beta2": 0.999,
        "batch_size": 100, "epochs": 100, "num_samples": 16,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in published} == published


def test_every_preset_has_networks_and_only_options_that_exist():
    assert set(PRESETS) == set(MODELS)
    assert set(FASTER_WITH_XLA) <= set(MODELS)
    for name in PRESETS:
        assert from_mapping({"model": name}).model == name


WRONG = [
    ("model", "vae", "mlp"),
    ("dataset", "imagenet", "fashion_mnist"),
    ("epochs", 0, "at least 1"),
    ("epochs", -5, "at least 1"),
    ("epochs", 1.5, "whole number"),
    ("epochs", True, "whole number"),
    ("epochs", "ten", "whole number"),
    ("epochs", None, "whole number"),
    ("batch_size", 0, "at least 1"),
    ("noise_size", 0, "at least 1"),
    ("smooth", -0.1, "at least 0"),
    ("smooth", 0.51, "at most 0.5"),
    ("smooth", float("nan"), "at most 0.5"),
    ("d_lr", 0.0, "above 0"),
    ("g_lr", float("inf"), "at most 1"),
    ("beta1", 1.0, "below 1"),
    ("beta2", -0.1, "at least 0"),
    ("seed", -1, "at least 0"),
    ("seed", 2**32, "at most 4,294,967,295"),
    ("num_samples", 0, "at least 1"),
    ("xla", "maybe", "auto, on, off"),
    ("chunk", 0, "at least 1"),
    ("ckpt", "", "empty"),
    ("name", "a/b", "plain folder name"),
    ("name", "..", "plain folder name"),
    ("name", " ", "plain folder name"),
    ("name", "a\nb", "plain folder name"),
]


@pytest.mark.parametrize("name, value, right", WRONG)
def test_a_wrong_value_is_told_with_its_flag_and_what_is_right(name, value, right):
    with pytest.raises(UserError) as told:
        Config(**{name: value})
    assert f"--{name.replace('_', '-')}" in str(told.value) and right in str(told.value)


def test_an_unknown_option_is_told_with_the_known_ones():
    with pytest.raises(UserError, match=r"'batchsize' is no option.*batch_size"):
        from_mapping({"batchsize": 3})


def test_numbers_and_paths_of_other_libraries_become_plain(tmp_path):
    config = Config(epochs=np.int64(3), smooth=0, ckpt=tmp_path)
    assert type(config.epochs) is int and type(config.smooth) is float and config.ckpt == str(tmp_path)


def test_it_is_frozen_and_every_option_is_explained():
    with pytest.raises(FrozenInstanceError):
        Config().epochs = 3
    assert all(each.metadata["help"] for each in fields(Config))


def test_a_named_run_lies_below_both_folders():
    config = Config(name="faces")
    assert (str(config.ckpt_folder), str(config.samples_folder)) == ("checkpoints/faces", "samples/faces")
