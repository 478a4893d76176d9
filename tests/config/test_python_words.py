"""Errors, warnings and notes name flags on the command line, and arguments in Python."""

import ast
import re
from dataclasses import fields

import pytest

from conftest import REPOSITORY
from tfgan_v1 import Config, UserError, cli, data, errors, streams
from tfgan_v1.config.options import OneOf, flag
from tfgan_v1.gan.augmentation import AUGMENTATIONS
from tfgan_v1.gan.penalties import PENALTIES

SENTENCES = [  # a text of the package, and what Python says
    (
        "continue it with --resume, start another run with --name NAME, or delete this one with --overwrite",
        'continue it with resume=True, start another run with name="NAME", or delete this one with overwrite=True',
    ),
    (
        "--resume continues a run and --overwrite deletes it; give one of them",
        "resume=True continues a run and overwrite=True deletes it; give one of them",
    ),
    ("--batch-size takes a whole number, not 'x'", "batch_size takes a whole number, not 'x'"),
    ("--strict takes True or False, not 3", "strict takes True or False, not 3"),
    ("--epochs and --steps both set the length of the run", "epochs and steps both set the length of the run"),
    (
        "--batch-size 1,000 must be a multiple of 16, for --pack or --minibatch-stddev",
        "batch_size=1000 must be a multiple of 16, for pack or minibatch_stddev=True",
    ),
    ("the nearest is --image-size 32x32", 'the nearest is image_size="32x32"'),
    (
        "--image-size takes a number of pixels from 1 to 4,096, such as 28, or HEIGHTxWIDTH",
        "image_size takes a number of pixels from 1 to 4,096, such as 28, or HEIGHTxWIDTH",
    ),
    ("add --penalty r1 or another", 'add penalty="r1" or another'),
    ("use --d-batches joint or separate", 'use d_batches="joint" or "separate"'),
    (
        "--model gaussian makes points; use --model dcgan or mlp",
        'model="gaussian" makes points; use model="dcgan" or "mlp"',
    ),
    (
        "--spectral-norm already bounds the weights; leave out --clip-weights",
        "spectral_norm=True already bounds the weights; leave out clip_weights",
    ),
    (
        "--g-condition has no effect without --conditional; add it",
        "g_condition has no effect without conditional=True; add it",
    ),
    ("--augment changes images, but x holds points", "augment changes images, but x holds points"),
    ("export the other formats by --format savedmodel,npz", 'export the other formats by formats="savedmodel,npz"'),
    ("use --dataset cifar10 --data-dir FOLDER", 'use dataset="cifar10", data_dir="FOLDER"'),
    ("leave out --channels 1", "leave out channels=1"),
    ("train with --average 0.999 to keep one", "train with average=0.999 to keep one"),
    ("train with --evaluate-every N to keep one", "train with evaluate_every=N to keep one"),
    (
        "give its folder by --data-dir or $TFGAN_DATA, or use --dataset mnist_warped",
        'give its folder by data_dir=... or $TFGAN_DATA, or use dataset="mnist_warped"',
    ),
    (
        "there is no folder x; name a run's folder with --ckpt, or train one first",
        "there is no folder x; name a run's folder, or train one first",
    ),
    (
        "start the run elsewhere with --name NAME, or with --ckpt and --samples",
        'start the run elsewhere with name="NAME", or with ckpt=... and samples',
    ),
    ("use a smaller --batch-size, --chunk or --num", "use a smaller batch_size, chunk or num"),
    ("--samples a/b.npy is not a file", 'samples="a/b.npy" is not a file'),
    (
        "--xla on is for one process; use --xla off for a new run",
        'xla="on" is for one process; use xla="off" for a new run',
    ),
    (
        "smaller --d-lr and --g-lr, more --smooth, or another --loss",
        "smaller d_lr and g_lr, more smooth, or another loss",
    ),
    (
        "--d-first 3 leaves no step; give a smaller --d-first or a longer run",
        "d_first=3 leaves no step; give a smaller d_first or a longer run",
    ),
    ("there is no file '--resume' in a--name", "there is no file '--resume' in a--name"),  # not ours
]


@pytest.mark.parametrize("text, in_python", SENTENCES)
def test_a_sentence_names_arguments_in_python(text, in_python):
    assert errors.in_python(text) == in_python
    assert errors.in_python(in_python) == in_python  # an error in another error is worded once


def flags_in_texts():
    """(file, flag, the word behind it) for each flag in a text of the package, but for the help of the commands."""
    for path in (REPOSITORY / "tfgan_v1").rglob("*.py"):
        if path.parent.name != "commands":
            nodes = [*ast.walk(ast.parse(path.read_text()))]
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            for node in nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                    for name, word in re.findall(r"(?<![\w`])--([a-z][a-z-]+) ([a-z][a-z_0-9]*)", node.value):
                        yield path.name, name, word


def test_no_verb_of_a_sentence_is_taken_for_the_value_of_a_flag():
    choices = {each.name: each.metadata["valid"] for each in fields(Config)}
    found = list(flags_in_texts())
    assert len(found) > 30
    for file, name, word in found:
        option = name.replace("-", "_")
        taken = errors.in_python(f"--{name} {word}") != f"{option} {word}"
        values = [*choices[option]] if isinstance(choices.get(option), OneOf) else []
        values += {"dataset": [*data.DATASETS], "generator": ["latest"], "penalty": [*PENALTIES]}.get(option, [])
        values += {"augment": [*AUGMENTATIONS], "augment_strength": ["adaptive"], "clusters": ["none"]}.get(option, [])
        assert not taken or set(word.split(",")) <= {*values} or option in errors.SWITCHES, (file, name, word)


def test_errors_warnings_and_notes_have_the_words_of_their_reader(capsys):
    error = UserError("give a smaller --batch-size", "  --batch-size   1  2")
    errors.warn("add --resume")
    errors.note("add --resume")
    assert str(error) == "give a smaller --batch-size\n  --batch-size   1  2"
    with streams.speaking(flags=False):
        assert str(error) == "give a smaller batch_size\n  batch_size     1  2"  # the columns stay in line
        errors.warn("add --resume")
        errors.note("add --resume")
        assert cli.main(["train", "--epochs", "0"]) == 2
        assert str(error).startswith("give a smaller batch_size")
    *printed, flags = capsys.readouterr().err.splitlines()
    assert printed == ["warning: add --resume", "add --resume", "warning: add resume=True", "add resume=True"]
    assert "--epochs must be" in flags


# Config


def test_numbers_and_lists_stand_for_texts():
    assert Config(image_size=32) == Config(image_size="32") == Config(image_size=(32, 32))
    assert Config(image_size=[28, 44]).size == (28, 44)
    assert Config(augment=["flip", "cutout"]) == Config(augment="flip,cutout") and Config(augment=[]) == Config()
    with pytest.raises(UserError, match=r"--image-size takes a number of pixels .* not '28x28x3'"):
        Config(image_size=(28, 28, 3))


def test_an_unknown_option_gets_a_hint():
    with pytest.raises(UserError, match=r"^there is no option 'epoch'; did you mean epochs\?$"):
        Config(epoch=3)


def test_the_repr_is_what_makes_an_equal_configuration():
    assert repr(Config()) == "Config(model='mlp')"
    config = Config(dataset="digits", epochs=3, image_size=32, name="x")
    assert repr(config) == "Config(model='mlp', epochs=3, name='x', dataset='digits', image_size='32x32')"
    assert eval(repr(config)) == config


def test_the_help_has_every_option_with_its_text_range_and_default():
    shown = " ".join(Config.__doc__.split())
    for each in fields(Config):
        assert f" {each.name}: " in shown and flag(each.name) not in shown
    assert (
        "seed: seed of the weights, noise, dropout and image order (int, at least 0 and at most 4,294,967,295; def"
        in shown
    )
    assert "steps: length of the run in training steps, instead of epochs (int" in shown
    assert (
        "cut off the edges, add a border, or change the proportions (one of crop, pad, stretch; default: crop)" in shown
    )
    assert "batch_size: images per batch (int, at least 1 and at most 1,000,000; default: the preset's)" in shown
