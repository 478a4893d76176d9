"""`--minutes`: the steps that fit are measured, fixed and written down; from there on, the run is one of --steps."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from conftest import outcome
from tfgan_v1 import Config, UserError, train
from tfgan_v1.config import given_options
from tfgan_v1.config.options import as_flags
from tfgan_v1.storage import checkpoints
from tfgan_v1.training import budget, loop, plan
from tfgan_v1.training import train as training

OPTIONS = {
    **{"steps": None, "sample_every": None, "chunk": 2, "record": "steps"},
    **{
        "d_lr": "cosine:0.002:0.0002",
        "average_halflife": "linear:0:50",
        "augment": "flip",
        "augment_strength": "linear:0:1",
    },
}
# The clock below: half a second a step is measured, in 4 s that begin 3 s after the command. So 38 steps are 0.9 of
# what is done in 60 - 8 s, but for 1 s of building and 8 s to finish.
STEPS = int(0.9 * 4 / 4 * (60 - 8 - 1 - 8))


@pytest.fixture
def clock(monkeypatch):
    """A clock for the measurement, on which each look takes a second; the loop's has `ahead` more seconds than ours."""
    clock, base = SimpleNamespace(looks=0, ahead=0.0), time.monotonic() + 10_000  # no real time is near its deadline

    def look():
        clock.looks += 1
        return base + clock.looks

    monkeypatch.setattr(budget, "SAMPLED", 2)
    for module in (budget, training):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=look))
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + clock.ahead))
    return clock


@pytest.fixture
def late(clock, monkeypatch):
    """The clock of a run whose time is over after the call of its loop that begins at step 4."""
    real = plan.Plan.order

    def order(planned, step):
        clock.ahead += 20_000 * (planned.config.minutes is None and step == 4)
        return real(planned, step)

    monkeypatch.setattr(plan.Plan, "order", order)
    return clock


def saved(config):
    content = json.loads((config.ckpt_folder / "config.json").read_text())
    return content.get("config") or content["options"]


def flags_of(config):
    return as_flags({**given_options(config), "ckpt": config.ckpt, "samples": config.samples}).split()


def test_the_steps_that_fit_are_those_of_the_run_and_its_bits_are_those_of_a_run_of_so_many(small, clock, capsys):
    config = small(minutes=1, **OPTIONS)
    progress = train(config)
    assert progress.step == progress.total_steps == STEPS and progress.stopped_by is None
    said = capsys.readouterr().err
    assert f"1.0 steps a second: {STEPS} steps fit into 1 minutes." in said
    kept = saved(config)
    assert (kept["steps"], kept["epochs"], kept["sample_every"]) == (STEPS, None, STEPS // 2)
    assert "minutes" not in kept
    assert kept["d_lr"] == f"cosine:0.002:0.0002:{STEPS}" and kept["average_halflife"] == f"linear:0:50:{STEPS}"
    other = small("other", **{**OPTIONS, "steps": STEPS, "sample_every": STEPS // 2})
    train(other)
    assert outcome(other) == outcome(config)


def test_a_given_interval_of_samples_and_schedules_with_steps_of_their_own_stay(small, clock):
    config = small(minutes=1, **{**OPTIONS, "sample_every": 10, "d_lr": "linear:0.002:0.001:7"})
    assert train(config).sample_steps == [10, 20, 30] and saved(config)["d_lr"] == "linear:0.002:0.001:7"


def test_the_end_of_the_time_saves_everything_and_resume_goes_on(small, late, command):
    config, straight = small(**OPTIONS), small("straight", **{**OPTIONS, "steps": STEPS, "sample_every": STEPS // 2})
    code, out, err = command("train", *flags_of(config), "--minutes", 1)
    assert code == 0 and "Traceback" not in err
    assert f"Stopped by the end of --minutes; everything is saved at step 6 of {STEPS}. Continue with: " in out
    assert "--resume" in out and "Done" not in out
    assert checkpoints.newest_state(config.ckpt_folder).step == 6 and (config.samples_folder / "review.html").exists()
    code, out, err = command("train", "--resume", "--ckpt", config.ckpt, "--samples", config.samples)
    assert (code, err) == (0, "") and f"Resuming at step 6 of {STEPS}" in out and "Done" in out
    train(straight)
    assert outcome(config) == outcome(straight)


def test_the_end_of_the_time_in_python(small, late, capsys, monkeypatch):
    monkeypatch.setattr(budget, "SAMPLED", 4)
    config = small(minutes=1, **OPTIONS)
    progress = train(config)
    assert (progress.step, progress.stopped_by) == (6, -2)
    said = capsys.readouterr().out
    assert "everything is saved at step 6" in said and said.endswith("with: train(config, minutes=None, resume=True)\n")
    assert train(config, minutes=None, resume=True).sample_steps == [9, 18, 27, 36]  # the last step's, too


def test_a_run_for_which_no_step_fits_is_refused_and_nothing_is_written(small, clock):
    config = small(minutes=0.1, **OPTIONS)
    with pytest.raises(UserError, match=r"--minutes 0.1 ends before the first step; give more"):
        train(config)
    assert not config.ckpt_folder.exists() or not any(config.ckpt_folder.iterdir())


@pytest.mark.parametrize(
    "flags",
    [
        ["--minutes", 1, "--steps", 5],
        ["--minutes", 1, "--epochs", 5],
        ["--minutes", 1, "--resume"],
        ["--minutes", 1, "--seeds", 2],
        ["--minutes", 1, "--workers", 2],
        ["--minutes", 0],
        ["--minutes", -1],
        ["--minutes", "nan"],
        ["--minutes", "inf"],
        ["--minutes", "soon"],
        ["--minutes"],
    ],
    ids=str,
)
def test_what_does_not_fit_is_one_sentence(command, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dataset", "digits", *flags)
    assert (code, out, err.count("\n")) == (2, "", 1) and "--minutes" in err and not any(tmp_path.iterdir())


def test_minutes_and_resume_in_python_are_one_sentence(small):
    config = small(steps=2)
    train(config)
    for minutes in (config.replace(steps=None, minutes=1), replace(config, steps=None, minutes=1)):
        with pytest.raises(UserError, match="--minutes is for one new run"):
            train(minutes, resume=True)
    assert checkpoints.newest_state(config.ckpt_folder).step == 2


def test_a_dry_run_measures_nothing(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dry-run", "--dataset", "digits", "--minutes", 2)
    assert (code, err) == (0, "") and "as many as fit into 2 minutes" in out and "1,000,000,000" not in out


def test_minutes_are_no_option_of_a_config_json(small):
    assert Config(minutes=2).steps and "minutes" not in saved(train(small(steps=1)).config)
