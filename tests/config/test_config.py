"""The configuration: each preset has the published numbers, and each invalid value is one sentence."""

import shlex
from dataclasses import FrozenInstanceError, field, fields, make_dataclass

import numpy as np
import pytest

from tfgan_v1 import Config, UserError, config
from tfgan_v1._tensorflow import tf
from tfgan_v1.commands import train
from tfgan_v1.config import given_options
from tfgan_v1.config.options import as_flags
from tfgan_v1.gan.losses import LOSSES, Labels
from tfgan_v1.gan.models import MODELS

KERAS_RMSPROP = {"optimizer": "rmsprop", "rho": 0.9, "epsilon": 1e-7}
HALF_THE_SUM = {"d_loss": "mean", "d_batches": "joint"}
HARD_LABELS = {"smooth": 0.0, "fake_label": 0.0, "g_label": 1.0}
PUBLISHED = {
    "mlp": {
        **{"noise": "uniform", "noise_size": 100, "smooth": 0.1, "fake_label": 0.0, "g_label": 1.0},
        **{"d_loss": "sum", "optimizer": "adam", "d_lr": 0.002, "g_lr": 0.002, "beta1": 0.9, "beta2": 0.999},
        **{"batch_size": 100, "batches": "shuffled", "epochs": 100, "steps": None, "g_noise": "same"},
        **{"sample_every": 1, "num_samples": 16, "record": "samples", "d_decay": 0.0, "g_decay": 0.0},
    },
    "conv": {
        **{"noise": "unit", "noise_size": 10, **HALF_THE_SUM, **KERAS_RMSPROP, **HARD_LABELS},
        **{"d_lr": 0.001, "g_lr": 0.002, "batch_size": 64, "batches": "random", "steps": 2000, "epochs": None},
        **{"g_noise": "same", "num_samples": 64, "d_decay": 0.0, "g_decay": 0.0},
    },
    "gaussian": {
        **{"dataset": "gaussian", "mean": 0.0, "std": 1.0, "noise": "uniform", "noise_size": 16},
        **{"smooth": 0.1, "fake_label": 0.1, "g_label": 0.9, **HALF_THE_SUM, **KERAS_RMSPROP},
        **{"d_lr": 0.001, "g_lr": 0.0005, "batch_size": 333, "batches": "whole", "epochs": 1000},
        **{"sample_every": 10, "record": "samples", "d_decay": 0.0, "g_decay": 0.0},
    },
    "dcgan": {
        **{"noise": "uniform", "noise_size": 100, "g_noise": "fresh", **HALF_THE_SUM, **KERAS_RMSPROP, **HARD_LABELS},
        **{"d_lr": 2e-4, "d_decay": 6e-8, "g_lr": 1e-4, "g_decay": 3e-8, "batch_size": 64, "batches": "random"},
        **{"steps": 40_000, "record": "steps", "num_samples": 16},
    },
    "dcgan_upsample": {
        **{"noise": "normal", "noise_size": 100, "g_noise": "same", "optimizer": "adam", "d_lr": 0.001, "g_lr": 0.001},
        **{"beta1": 0.9, "beta2": 0.999, "batch_size": 32, "batches": "random", "d_batches": "in_turn", **HARD_LABELS},
        **{"d_loss": "mean", "steps": 40_001, "sample_every": 200, "num_samples": 25, "record": "steps"},
        **{"sheets": "each", "d_decay": 0.0, "g_decay": 0.0},
    },
    "tuned": {  # of ours: what benchmarks/NOTES.md says was found
        **{"noise": "normal", "noise_size": 64, "g_noise": "same", "batches": "shuffled", "batch_size": 32},
        **{"optimizer": "adam", "d_lr": 0.001, "g_lr": 0.002, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8},
        **{"penalty": "r1", "penalty_weight": 1.0, "penalty_every": 16, "average": 0.999, "d_loss": "sum"},
        **{"d_batches": "joint", **HARD_LABELS, "steps": 20_000},
    },
    "points": {  # likewise
        **{"noise": "normal", "noise_size": 2, "g_noise": "same", "batches": "random", "batch_size": 256},
        **{"optimizer": "adam", "d_lr": 0.002, "g_lr": 0.002, "beta1": 0.0, "beta2": 0.99, "epsilon": 1e-8},
        **{"d_decay": 5e-4, "g_decay": 5e-4, "penalty": "r1", "penalty_weight": 0.1, "penalty_every": 1},
        **{"average": 0.999, "d_loss": "sum", "d_batches": "joint", **HARD_LABELS, "steps": 6000, "num_samples": 2500},
    },
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_a_preset_is_the_published_system(model):
    config = Config(model=model)
    assert {name: getattr(config, name) for name in PUBLISHED[model]} == PUBLISHED[model]
    assert (config.d_steps, config.d_first, config.loss, config.seed) == (1, 0, "non_saturating", 0)


def test_another_penalty_has_its_own_weight():
    assert Config(model="tuned", penalty="wgan_gp").penalty_weight is None  # not the preset's, which is of R1
    assert Config(model="tuned", penalty="none").penalty_weight is None
    assert Config(model="tuned", penalty="r1", penalty_weight=3).penalty_weight == 3.0


def test_every_preset_is_in_the_table_of_published_numbers():
    assert set(MODELS) == set(PUBLISHED)


def test_the_default_is_the_mlp():
    assert Config() == Config(model="mlp")


@pytest.mark.parametrize("forgotten", ["d_lr", "batch_size", "steps"])
def test_a_preset_with_a_forgotten_option_is_an_error_at_import(monkeypatch, forgotten):
    options = {name: value for name, value in MODELS["tuned"].options.items() if name != forgotten}
    monkeypatch.setitem(MODELS, "another", MODELS["tuned"]._replace(options={**options, "speed": 3}))
    with pytest.raises(TypeError, match=rf"^preset another: sets no .*{forgotten}.*; unknown: speed$"):
        config._check_presets()


def test_an_option_without_a_default_is_an_error_at_import(monkeypatch):
    rate = field(default=None, metadata={"help": "a rate", "common": None})
    more = fields(make_dataclass("More", [("rate", float, rate)]))
    monkeypatch.setattr(config, "fields", lambda _: (*fields(Config), *more))
    with pytest.raises(TypeError, match=r"^preset mlp: sets no rate; unknown: -$"):
        config._check_presets()


def test_a_loss_uses_labels_where_its_row_says_so():
    with tf.Graph().as_default(), tf.Session() as session:
        far = tf.constant([[0.3], [2.0]])
        for name, loss in LOSSES.items():
            plain, smoothed = (session.run(loss.d_real(far, Labels(real, 0, 1))) for real in (1, 0.8))
            assert (plain != smoothed) == loss.uses_labels, name


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.uses_labels])
def test_a_loss_without_labels_has_no_smoothing(loss):
    assert Config(model="gaussian", loss=loss).smooth == 0  # the preset's smoothing is for its own loss
    for option, value in (("smooth", 0.1), ("fake_label", 0.1), ("g_label", 0.9)):
        with pytest.raises(UserError, match=f"--loss {loss} has no labels; leave out --{option.replace('_', '-')}$"):
            Config(loss=loss, **{option: value})


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"spectral_norm": True, "clip_weights": 0.01}, "leave out --clip-weights"),
        ({"penalty_weight": 5.0}, "add --penalty r1"),
        ({"penalty": "r1", "penalty_weight": -1.0}, "--penalty-weight must be at least 0"),
        ({"loss": "relativistic_average", "d_batches": "in_turn"}, "use --d-batches joint"),
        ({"decay_steps": 100, "g_decay": 0.1}, "give one kind"),
        ({"pack": 3}, "--batch-size 100 must be a multiple of 3"),
        ({"pack": 2, "minibatch_stddev": True}, "--batch-size 100 must be a multiple of 8"),
        ({"augment": "translate,zoom"}, "--augment takes a list of translate, cutout, colour, flip"),
        ({"augment": "flip,flip"}, "each at most once"),
        ({"average": 1.0}, "--average must be at least 0 and below 1"),
    ],
    ids=str,
)
def test_options_that_exclude_each_other_are_an_error_of_one_sentence(options, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        Config(**options)
    assert "\n" not in str(error.value)


def test_any_flag_overrides_any_preset():
    config = Config(model="dcgan", loss="minimax", epochs=50, batch_size=7, optimizer="adam", noise="normal")
    assert (config.epochs, config.steps, config.sample_every) == (50, None, 1)
    assert (config.loss, config.batch_size, config.optimizer, config.noise) == ("minimax", 7, "adam", "normal")
    assert config.d_lr == 2e-4 and config.g_noise == "fresh"  # what was not given stays the preset's


@pytest.mark.parametrize(
    "given, counted",
    [
        ({}, (100, None, 1)),
        ({"steps": 500}, (None, 500, 200)),
        ({"steps": 500, "sample_every": 50}, (None, 500, 50)),
        ({"model": "gaussian", "epochs": 5}, (5, None, 10)),
        ({"model": "conv", "steps": 5}, (None, 5, 100)),
        ({"model": "conv", "epochs": 5, "sample_every": 2}, (5, None, 2)),
    ],
)
def test_a_run_is_counted_in_epochs_or_in_steps(given, counted):
    config = Config(**given)
    assert (config.epochs, config.steps, config.sample_every) == counted


def test_a_length_in_both_units_is_an_error():
    with pytest.raises(UserError, match="--epochs and --steps"):
        Config(epochs=1, steps=1)


@pytest.mark.parametrize("text, size", [("28", (28, 28)), ("28x44", (28, 44)), ("28X44", (28, 44)), (None, None)])
def test_sizes_of_images(text, size):
    assert Config(image_size=text).size == size


WRONG = [
    ("model", "vae", "mlp"),
    ("image_size", "28*28", "28x44"),
    ("image_size", "0", "28x44"),
    ("image_size", "28x4097", "from 1 to 4,096"),
    ("dataset", np.zeros((2000, 28, 28)), "pass an array by train(config, images=array)"),
    ("dataset", list(range(5000)), "4998, 4999]"),
    pytest.param("epochs", 10**5000, "at most 1,000,000,000, not this int", id="5,000 digits"),
    ("smooth", "x" * 300, "takes a number, not 'xxx"),
    ("name", "a/" + "b" * 300, "plain folder name"),
    ("channels", 2, "one of 1, 3"),
    ("fit", "squeeze", "one of crop, pad, stretch"),
    ("strict", "yes", "True or False"),
    ("loss", "w", "non_saturating, minimax"),
    ("std", 0.0, "above 0"),
    ("steps", 0, "at least 1"),
    ("d_steps", 0, "at least 1"),
    ("epochs", 0, "at least 1"),
    ("epochs", -5, "at least 1"),
    ("epochs", 1.5, "whole number"),
    ("epochs", True, "whole number"),
    ("epochs", "ten", "whole number"),
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
    ("device", "tpu", "auto, cpu, gpu"),
    ("deterministic", "yes", "True or False"),
    ("precision", "float16", "float32, bfloat16"),
    ("chunk", 0, "at least 1"),
    ("ckpt", "", "empty"),
    ("name", "a/b", "plain folder name"),
    ("name", "..", "plain folder name"),
    ("name", " ", "plain folder name"),
    ("name", "a\nb", "plain folder name"),
]


@pytest.mark.parametrize("name, value, right", WRONG)
def test_a_wrong_value_is_one_short_line_with_its_flag_and_the_valid_values(name, value, right):
    with pytest.raises(UserError) as raised:
        Config(**{name: value})
    text = str(raised.value)
    assert f"--{name.replace('_', '-')}" in text and right in text and "\n" not in text and len(text) < 250


def test_an_unknown_option_is_an_error_that_names_the_closest_one():
    with pytest.raises(UserError, match=r"^there is no option 'batchsize'; did you mean batch_size\?$"):
        Config(batchsize=3)
    with pytest.raises(UserError, match=r"^there is no option 'xyz'; help\(Config\) lists them$"):
        Config(xyz=3)


def test_numbers_of_numpy_and_paths_become_plain_values(tmp_path):
    config = Config(epochs=np.int64(3), smooth=0, ckpt=tmp_path)
    assert type(config.epochs) is int and type(config.smooth) is float and config.ckpt == str(tmp_path)


def test_it_is_frozen_and_every_option_has_a_help_text():
    with pytest.raises(FrozenInstanceError):
        Config().epochs = 3
    assert all(each.metadata["help"] for each in fields(Config))


def test_a_named_run_has_a_subfolder_of_both_folders():
    config = Config(name="faces")
    assert (str(config.ckpt_folder), str(config.samples_folder)) == ("checkpoints/faces", "samples/faces")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"epochs": 7},
        {"steps": 50, "smooth": 0.0},
        {"model": "conv", "epochs": 3, "xla": "on"},
        {"model": "dcgan_upsample", "loss": "relativistic_average", "d_batches": "separate"},
        {"loss": "wasserstein", "penalty": "wgan_gp", "conditional": True, "num_samples": 16},
        {"model": "tuned", "penalty": "none", "average": 0.5, "name": "two words", "strict": True},
        {"model": "mlp", "pack": 3, "batch_size": 99, "dataset": "-folder", "background": "#20c0ff"},
    ],
    ids=str,
)
def test_the_given_options_are_few_and_make_the_same_configuration(options):
    config = Config(**options)
    given = given_options(config)
    assert given == options
    parsed = train.parse("train.py", shlex.split(as_flags(given)))
    assert Config(**{name: value for name, value in parsed.items() if name in given}) == config


def test_the_given_options_leave_out_what_is_chosen_for_the_device():
    assert given_options(Config(device="cpu", xla="on")) == {}
    assert given_options(Config(device="cpu", xla="off")) == {"xla": "off"}
    assert given_options(Config(model="tuned", device="cpu", xla="off")) == {"model": "tuned"}
