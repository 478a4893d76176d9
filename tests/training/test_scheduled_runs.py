"""Runs whose options change while training: written down with their steps, resumed exactly, and said where they end."""

import json
from dataclasses import replace

import pytest

from conftest import outcome
from tfgan_v1 import UserError, train

SCHEDULES = {
    **{"d_lr": "cosine:0.002:0.0002", "g_lr": "linear:0.002:1e-05", "beta2": "linear:0.9:0.99", "optimizer": "adam"},
    **{"penalty": "r1,approximate_r2", "penalty_weight": "cosine:1:0", "penalty_every": 2, "loss": "relativistic"},
    **{"average_halflife": "linear:0:50", "augment": "flip,cutout", "augment_strength": "linear:0:1"},
}
NAMES = [name for name, value in SCHEDULES.items() if ":" in str(value)]


def saved(config):
    content = json.loads((config.ckpt_folder / "config.json").read_text())
    return content.get("config") or content["options"]


def test_open_schedules_end_with_the_run_and_a_resume_keeps_their_steps(small, capsys):
    config = small(**SCHEDULES)
    train(replace(config, steps=4))
    kept = {name: saved(config)[name] for name in NAMES}
    assert all(text.endswith(":4") and text.count(":") == 3 for text in kept.values())
    capsys.readouterr()
    train(config, resume=True)  # whose schedules are open, and which is longer
    said = capsys.readouterr().err
    assert {name: saved(config)[name] for name in NAMES} == kept and saved(config)["steps"] == 6
    assert "--d-lr cosine:0.002:0.0002:4" in said and "after the last of these steps, the last value stays" in said
    straight = small("straight", **SCHEDULES | kept)
    capsys.readouterr()
    train(straight)
    assert outcome(straight) == outcome(config) and "the last value stays" not in capsys.readouterr().err
    with pytest.raises(UserError, match="started with other options"):
        train(config.replace(steps=8, d_lr="cosine:0.002:0.0001"), resume=True)
    with pytest.raises(UserError, match="started with other options"):
        train(config.replace(steps=8, d_lr="cosine:0.002:0.0002:8"), resume=True)


@pytest.mark.slow
def test_a_resume_by_the_command_keeps_the_schedules(small, command):
    config = small(**SCHEDULES)
    train(replace(config, steps=4))
    flags = ["--ckpt", config.ckpt, "--samples", config.samples]
    code, out, err = command("train", "--resume", *flags, "--d-lr", "cosine:0.002:0.0002", "--steps", 5)
    assert code == 0 and "step 4 of 5" in out and "the last value stays" in err
    assert saved(config)["d_lr"] == "cosine:0.002:0.0002:4"


@pytest.mark.thorough
def test_a_broken_run_with_schedules_has_the_bits_of_a_straight_one(small):
    options = {**SCHEDULES, **{name: f"{SCHEDULES[name]}:5" for name in NAMES}, "conditional": True, "holdout": 8}
    straight, broken = (small(folder, **options) for folder in ("straight", "broken"))
    train(straight)
    train(replace(broken, steps=3, chunk=2))
    train(replace(broken, chunk=1, resident_limit=0.0), resume=True)
    assert outcome(broken) == outcome(straight)
