"""The words of other programs: read as ours on the command line, and hinted at in Python."""

from dataclasses import fields
from importlib import import_module

import pytest

from tfgan_v1 import Config, UserError, cli
from tfgan_v1.commands import train
from tfgan_v1.config import synonyms
from tfgan_v1.evaluation.metric_table import METRICS
from tfgan_v1.exporting.formats import FORMATS

READ = [  # what a user of another program types -> what it is read as, in the words of `note`
    ("train --lr 0.001", "--d-lr 0.001 --g-lr 0.001"),
    ("train --learning-rate=0.001", "--d-lr 0.001 --g-lr 0.001"),
    ("train --z-dim 64", "--noise-size 64"),
    ("train --iterations 10", "--steps 10"),
    ("train --imageSize 32", "--image-size 32"),
    ("train --device cuda", "--device gpu"),
    ("train --image_size 32", "--image-size 32"),
    ("train --num-seeds 3", "--seeds 3"),
    ("train --data faces", "--dataset faces"),
    ("train --loss wgan-gp", "--loss wasserstein --penalty wgan_gp"),
    ("train --loss=LSGAN", "--loss least_squares"),
    ("train --loss bce", "--loss non_saturating"),
    ("train --penalty gradient_penalty", "--penalty wgan_gp"),
    ("train --noise gaussian", "--noise normal"),
    ("train --augment flip,color", "--augment flip,colour"),
    ("sample -n 8", "--num 8"),
    ("sample --digit 7", "--class 7"),
    ("sample --output x.png", "--out x.png"),
    ("export --outdir x", "--to x"),
    ("evaluate --metrics fid,nearest", "--metrics frechet_distance,nearest; its features are a small classifier's"),
]


@pytest.mark.parametrize("typed, ours", READ, ids=[typed for typed, _ in READ])
def test_the_words_of_other_programs_are_read_as_ours(typed, ours, capsys):
    command, *flags = typed.split()
    parse = import_module(f"tfgan_v1.commands.{command}").parse
    read = parse("x", flags)
    assert capsys.readouterr().err.startswith(f"{' '.join(flags)} is read as {ours}")
    assert read == parse("x", ours.partition(";")[0].split())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "typed, answer",
    [
        ("train --outdir x", "--ckpt FOLDER and --samples FOLDER"),
        ("train --loss wgan", "--clip-weights 0.01, or with --penalty wgan_gp"),
        ("train --lr -1", "--d-lr must be above 0 and at most 1, not -1.0"),
        ("train --num_workers 4", "images are decoded once, on all cores, so leave it out"),
        ("train --Epochs 3", "there is no flag --Epochs; did you mean --epochs? "),
        ("train --cuda", "--device takes gpu, cpu or auto"),
        ("train --digit 7", "there is no flag --digit"),
        ("sample --lr 1", "there is no flag --lr"),
        ("train --z-dim", "--noise-size needs a value"),
        ("sample run", "there is no flag run; did you mean --ckpt run? "),
        ("train faces", "there is no flag faces; did you mean --dataset faces? "),
    ],
)
def test_words_without_a_single_meaning_are_answered(typed, answer, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    (tmp_path / "faces").mkdir()
    code, out, err = command(*typed.split())
    assert (code, out) == (2, "") and answer in err.splitlines()[-1]


def test_a_flag_of_ours_counts_more_than_what_was_read_in_any_order():
    for flags in ("--lr 0.1 --d-lr 0.2", "--d-lr 0.2 --lr 0.1"):
        given = train.parse("x", flags.split())
        assert (given["d_lr"], given["g_lr"]) == (0.2, 0.1)
    assert train.parse("x", ["--penalty", "r1", "--loss", "wgan-gp"])["penalty"] == "r1"


def test_every_synonym_is_read_by_a_command_and_none_is_a_flag_of_ours():
    known = {}
    for name in cli.COMMANDS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(synonyms, "read", lambda argv, flags, name=name: (known.setdefault(name, flags) and argv, []))
            import_module(f"tfgan_v1.commands.{name}").parse("x", [])
    every = set().union(*known.values())
    for words, meanings in synonyms.FLAGS.items():
        assert {*words.split()} & every <= {"--lr"}
        assert all(any({*each.split()[::2]} <= flags for flags in known.values()) for each in meanings)
    for ours, table in synonyms.VALUES.items():
        for value in table.values():
            if ours in ("--metrics", "--format"):
                assert value in METRICS or value in FORMATS
            else:
                parsed = train.parse("x", [ours, *value.split()])
                assert Config(**{each.name: parsed[each.name] for each in fields(Config) if each.name in parsed})


def test_a_choice_is_understood_in_any_case_and_with_hyphens(tmp_path):
    config = Config(model="DCGAN", optimizer="Adam", loss="Non-Saturating", penalty="WGAN-GP")
    assert (config.model, config.optimizer, config.loss, config.penalty) == (
        *("dcgan", "adam", "non_saturating", "wgan_gp"),
    )
    assert config == Config(model="dcgan", optimizer="adam", loss="non_saturating", penalty="wgan_gp")


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"lr": 0.1}, "there is no option 'lr'; did you mean --d-lr and --g-lr?"),
        ({"z_dim": 64}, "did you mean --noise-size?"),
        ({"epoch": 3}, "did you mean epochs?"),
        ({"loss": "wgan-gp"}, "not 'wgan-gp'; did you mean --loss wasserstein --penalty wgan_gp?"),
    ],
    ids=str,
)
def test_the_words_of_other_programs_are_hinted_at_in_python(options, hint):
    with pytest.raises(UserError) as raised:
        Config(**options)
    assert str(raised.value).endswith(hint)
