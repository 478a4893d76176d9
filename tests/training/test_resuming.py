"""Interrupted and resumed runs: the same bits as uninterrupted ones, and records that match."""

import math
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from conftest import REPOSITORY, outcome, rewrite
from tfgan_v1 import Config, Generator, UserError, load_samples, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, run_folder
from tfgan_v1.training import loop, plan


def copied(config, run):
    """Copies both folders of a run to those of a configuration."""
    for theirs, ours in ((run.ckpt, config.ckpt), (run.samples, config.samples)):
        shutil.copytree(theirs, ours)
    return config


@pytest.mark.slow
@pytest.mark.parametrize("xla", ["on", "off"])
def test_a_resumed_run_has_the_same_bits_for_any_chunk(digits_config, xla):
    straight = digits_config("straight", epochs=5, xla=xla)
    train(straight)
    broken = digits_config("broken", epochs=2, xla=xla, chunk=5)
    train(broken)
    for epochs, chunk in ((3, 1000), (5, 1)):
        train(replace(broken, epochs=epochs, chunk=chunk), resume=True)
    assert outcome(broken) == outcome(straight)


def test_a_run_stopped_within_an_epoch_continues_with_the_same_bits(digits_config, monkeypatch):
    straight, stopped = digits_config("straight"), digits_config("stopped", chunk=4)
    train(straight)
    calls, real = [], plan.Plan.order

    def interrupt(*args):  # called once to compile, then for each call of the loop
        calls.append(args)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(plan.Plan, "order", interrupt)
    progress = train(stopped)
    assert progress.stopped_by == signal.SIGTERM and 17 < progress.step < 34
    assert checkpoints.newest_state(stopped.ckpt_folder).step == progress.step
    assert len(load_samples(stopped.samples_folder / "train_samples.pkl")) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert len((stopped.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 1
    monkeypatch.setattr(plan.Plan, "order", real)
    train(stopped, resume=True)
    assert outcome(stopped) == outcome(straight)


def test_a_run_killed_before_its_first_save_starts_at_step_0(digits_config, monkeypatch):
    config = digits_config()
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", lambda *_: 1 / 0)
        train(config)
    train(config, resume=True)
    straight = digits_config("straight")
    train(straight)
    assert outcome(config) == outcome(straight)


@pytest.mark.slow
def test_steps_after_the_last_save_are_recorded_once(digits_config, monkeypatch):
    config, straight = digits_config(epochs=4), digits_config("straight", epochs=4)
    train(straight)
    train(replace(config, epochs=2))

    def killed(*_):
        raise ZeroDivisionError

    save_state = checkpoints.save_state
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(checkpoints, "save_state", lambda *args: killed() if args[3] > 34 else save_state(*args))
        train(replace(config, epochs=3), resume=True)
    assert len((config.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 3
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 3  # written before the state
    assert checkpoints.newest_generator(config.ckpt_folder).step == 51
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", killed)
        train(config, resume=True)
    assert checkpoints.newest_generator(config.ckpt_folder).step == 34  # step 51 is undone
    train(config, resume=True)
    assert outcome(config) == outcome(straight)


@pytest.mark.slow
def test_missing_records_start_empty(digits_config, capsys):
    config = digits_config(epochs=2)
    train(config)
    for name in ("train_samples.pkl", "losses.csv"):
        (config.samples_folder / name).unlink()
    progress = train(replace(config, epochs=3), resume=True)
    assert len(progress.samples) == len(progress.losses) == 1
    assert capsys.readouterr().err.count("is missing") == 2
    assert len(train(replace(config, epochs=4), resume=True).samples) == 2
    (config.samples_folder / "train_samples.pkl").unlink()
    train(replace(config, epochs=4), resume=True)  # trains nothing, but writes an empty list
    assert len(train(replace(config, epochs=5), resume=True).samples) == 1


def test_a_pickle_with_code_stops_a_resume_and_is_not_touched(digits_config):
    config = digits_config(epochs=1)
    train(config)
    path = config.samples_folder / "train_samples.pkl"
    path.write_bytes(pickle.dumps(os.system))
    with pytest.raises(UserError, match="was not opened"):
        train(replace(config, epochs=2), resume=True)
    assert path.read_bytes() == pickle.dumps(os.system)
    assert Config(**{**vars(config)}) == config and '"epochs": 1' in (config.ckpt_folder / "config.json").read_text()


def test_fewer_epochs_than_done_are_refused_and_the_same_number_changes_nothing(digits_config, capsys):
    config = digits_config(epochs=2)
    train(config)
    before = outcome(config)
    with pytest.raises(UserError, match=r"already at epoch 2; train to that or later, not to epoch 1"):
        train(replace(config, epochs=1), resume=True)
    capsys.readouterr()
    assert train(config, resume=True).step == 34
    assert outcome(config) == before and capsys.readouterr().out.startswith("The run is already at epoch 2")


def test_losses_of_nan_match_their_state(digits_config, monkeypatch):
    config, real = digits_config(epochs=1), loop.record
    with monkeypatch.context() as patch:
        patch.setattr(loop, "record", lambda *args: real(*args[:-1], args[-1] * np.float32("nan")))
        train(config)
    assert len(train(replace(config, epochs=2), resume=True).losses) == 2


def test_other_images_are_refused_on_resume(digits_config, monkeypatch):
    config = digits_config(epochs=1)
    train(config)
    dataset = plan.data.load("digits")
    monkeypatch.setattr(plan.data, "load", lambda *_, **__: dataset._replace(images=dataset.images[::-1]))
    with pytest.raises(UserError, match="does not hold the images that the run"):
        train(replace(config, epochs=2), resume=True)


def test_seconds_are_summed_over_resumes(digits_config):
    config = digits_config(epochs=1)
    first = train(config)
    second = train(replace(config, epochs=2), resume=True)
    assert second.losses[0] == first.losses[0] and second.losses[1].seconds > first.seconds


def test_a_resume_with_other_versions_is_warned_of(digits_config, capsys):
    config = digits_config(epochs=1)
    train(config)
    path = config.ckpt_folder / "config.json"
    for _ in range(2):
        rewrite(path, lambda content: content["made_by"].update(tensorflow="2.16.1"))
        train(config, resume=True)
        assert f"began with tensorflow 2.16.1, now {tf.__version__}" in capsys.readouterr().err


@pytest.mark.slow
def test_another_runs_samples_stop_a_resume(digits_config):
    config = digits_config(epochs=1)
    train(config)
    other = digits_config("other", epochs=2, seed=1)
    train(other)
    for name in ("losses.csv", "train_samples.pkl"):
        shutil.copy(other.samples_folder / name, config.samples_folder)
        before = {path: path.read_bytes() for path in config.samples_folder.iterdir()}
        with pytest.raises(UserError, match=rf"{re.escape(name)} was changed, or belongs to another run.*--samples"):
            train(replace(config, epochs=2), resume=True)
        assert {path: path.read_bytes() for path in config.samples_folder.iterdir()} == before


EDITS = {
    "a changed number": lambda rows: [*rows[:2], rows[2].replace(",0.", ",1.", 1), *rows[3:]],
    "a removed row": lambda rows: rows[:2] + rows[3:],
    "a removed row, and one more at the end": lambda rows: rows[:2] + rows[3:] + rows[-1:],
    "a row in place of another": lambda rows: [*rows[:2], rows[1], *rows[3:]],
    "swapped rows": lambda rows: [rows[0], rows[2], rows[1], *rows[3:]],
    "changed seconds": lambda rows: [*rows[:2], f"{rows[2].rstrip()}5\r\n", *rows[3:]],
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The configuration of a run with a row for each of its four steps."""
    folder = tmp_path_factory.mktemp("recorded")
    options = {"dataset": "digits", "steps": 4, "sample_every": 2, "record": "steps", "xla": "off"}
    config = Config(**options, ckpt=folder / "checkpoints", samples=folder / "samples")
    train(config)
    return config


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_losses_that_were_edited_stop_a_resume_until_they_are_moved_away(recorded, tmp_path, edit):
    config = copied(replace(recorded, ckpt=str(tmp_path / "c"), samples=str(tmp_path / "s")), recorded)
    path = config.samples_folder / "losses.csv"
    header, *rows = path.read_bytes().decode().splitlines(keepends=True)
    content = "".join([header, *edit(rows)]).encode()
    assert content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"losses\.csv was changed, or belongs to another run .*; restore it") as error:
        train(replace(config, steps=6), resume=True)
    assert "\n" not in str(error.value) and path.read_bytes() == content
    path.rename(tmp_path / "losses.csv")
    assert [row.step for row in train(replace(config, steps=6), resume=True).losses] == [5, 6]
    assert [row.step for row in train(replace(config, steps=8), resume=True).losses] == [5, 6, 7, 8]


def test_only_the_numbers_in_losses_csv_are_compared(recorded, tmp_path):
    """A spreadsheet may change quotes and line ends."""
    config = copied(replace(recorded, ckpt=str(tmp_path / "c"), samples=str(tmp_path / "s")), recorded)
    path = config.samples_folder / "losses.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows))
    assert len(train(replace(config, steps=6), resume=True).losses) == 6


FACTS = [
    {},  # removes them
    {"seconds": "x"},
    {"seconds": None},
    {"seconds": math.nan},
    {"seconds": math.inf},
    {"sample_steps": [-1]},
    {"sample_steps": "1"},
    {"sample_steps": [17.0]},
    {"num_losses": None},
    {"num_losses": -1},
    {"num_losses": 10**6},
]


@pytest.mark.parametrize("facts", FACTS, ids=str)
def test_wrong_facts_in_a_manifest_are_an_error_of_one_sentence(finished, digits_config, facts):
    config = copied(digits_config(xla="auto"), finished.config)
    path = config.ckpt_folder / "train_state" / "step-51" / "state.json"
    rewrite(path, lambda content: content.update(facts={**content["facts"], **facts} if facts else {}))
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        train(config, resume=True)


def test_a_missing_state_is_an_error_and_changes_nothing(digits_config):
    config = digits_config(epochs=1)
    train(config)
    shutil.rmtree(config.ckpt_folder / "train_state")
    before = sorted(config.ckpt_folder.iterdir())
    with pytest.raises(UserError, match=r"train_state has no state to continue from; .*--overwrite"):
        train(replace(config, epochs=2), resume=True)
    assert sorted(config.ckpt_folder.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run[1]", "a*b?", "two words", "한글", "{a,b}"])
def test_a_copied_moved_or_renamed_run_continues(digits_config, finished, four_epochs, tmp_path, name):
    config = copied(digits_config(name, xla="auto", epochs=4), finished.config)
    train(config, resume=True)
    (tmp_path / name).rename(tmp_path / f"{name} moved")
    with Generator.restore(tmp_path / f"{name} moved" / "checkpoints") as generator:
        assert generator.step == 68 and np.isfinite(generator()).all()
    assert [path.name for path in tmp_path.iterdir()] == [f"{name} moved"]
    (tmp_path / f"{name} moved").rename(tmp_path / "plain")
    assert outcome(digits_config("plain")) == four_epochs


@pytest.mark.slow
def test_a_damaged_newest_state_is_warned_of_and_the_one_before_is_used(digits_config, capsys):
    straight, config = digits_config("straight", epochs=4), digits_config(epochs=2)
    train(straight)
    for epochs in (2, 3):
        train(replace(config, epochs=epochs), resume=epochs > 2)
    states = config.ckpt_folder / "train_state"
    content = (states / "step-51" / "state.data-00000-of-00001").read_bytes()
    (states / "step-51" / "state.data-00000-of-00001").write_bytes(content[:100] + b"?" + content[101:])
    capsys.readouterr()
    train(replace(config, epochs=4), resume=True)
    output = capsys.readouterr()
    assert re.search("step-51/state is damaged; using .*step-34/state instead", output.err)
    assert output.out.splitlines()[1].startswith("Epoch 3/4") and outcome(config) == outcome(straight)
    assert sorted(path.name for path in states.iterdir()) == ["step-34", "step-68"]


def test_damaged_states_are_an_error_and_not_a_start_from_step_0(digits_config, command):
    config = digits_config(epochs=1)
    train(config)
    for path in config.ckpt_folder.glob("train_state/*/state.index"):
        path.write_bytes(b"")
    before = {path: path.read_bytes() for path in config.ckpt_folder.rglob("*") if path.is_file()}
    argv = ["--resume", "--epochs", 2, "--ckpt", config.ckpt, "--samples", config.samples]
    code, out, err = command("train", *argv)
    assert (code, out, err.count("\n")) == (2, "", 1) and "no state to continue from" in err and "is damaged" in err
    assert {path: path.read_bytes() for path in config.ckpt_folder.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory):
    """The configuration of the finished run with another seed and one epoch more."""
    folder = tmp_path_factory.mktemp("other")
    config = Config(dataset="digits", epochs=4, seed=1, ckpt=folder / "checkpoints", samples=folder / "samples")
    train(config)
    return config


def test_another_runs_generator_is_not_sampled(digits_config, finished, other_seed, capsys):
    config = copied(digits_config(xla="auto"), finished.config)
    with Generator.restore(config.ckpt_folder) as generator:
        images = generator()
    for path in other_seed.ckpt_folder.glob("generator.ckpt-68.*"):
        shutil.copy(path, config.ckpt_folder)
    with Generator.restore(config.ckpt_folder) as generator:
        assert generator.step == 51 and np.array_equal(generator(), images)
    assert "generator.ckpt-68 belongs to another run" in capsys.readouterr().err


def test_another_runs_state_is_refused_and_nothing_is_changed(digits_config, finished, other_seed):
    config = copied(digits_config(xla="auto"), finished.config)
    shutil.rmtree(config.ckpt_folder / "train_state")
    shutil.copytree(other_seed.ckpt_folder / "train_state", config.ckpt_folder / "train_state")
    before = {path: path.read_bytes() for path in config.ckpt_folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"no state to continue from \(.*step-68/state belongs to another run"):
        train(replace(config, epochs=5), resume=True)
    assert {path: path.read_bytes() for path in config.ckpt_folder.rglob("*") if path.is_file()} == before


def test_a_resume_uses_its_own_state_although_another_runs_is_newer(digits_config, finished, other_seed, four_epochs):
    config = copied(digits_config(xla="auto", epochs=4), finished.config)
    shutil.copytree(other_seed.ckpt_folder / "train_state/step-68", config.ckpt_folder / "train_state/step-68")
    train(config, resume=True)
    assert outcome(config) == four_epochs


@pytest.mark.slow
def test_a_run_keeps_its_id_and_a_new_one_has_another(digits_config, finished):
    config = copied(digits_config(xla="auto"), finished.config)
    first = run_folder.read(config).run_id
    train(replace(config, epochs=4), resume=True)
    assert run_folder.read(config).run_id == checkpoints.newest_state(config.ckpt_folder).run_id == first
    train(replace(config, epochs=1), overwrite=True)
    assert run_folder.read(config).run_id == checkpoints.newest_state(config.ckpt_folder).run_id != first


@pytest.mark.slow
def test_a_resume_from_before_all_saved_generators_saves_one(digits_config, monkeypatch):
    config = digits_config(epochs=1)
    train(config)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop.console, "write_line", lambda _, progress, __: 1 / (8 - progress.epoch))
        train(replace(config, epochs=9), resume=True)
    assert checkpoints.newest_state(config.ckpt_folder).step == 17
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", lambda *_: 1 / 0)
        train(replace(config, epochs=9), resume=True)
    assert checkpoints.newest_generator(config.ckpt_folder).step == 17


def test_a_missing_generator_is_saved_by_a_resume_that_trains_nothing(digits_config):
    config = digits_config(epochs=1)
    train(config)
    before = outcome(config)
    for path in config.ckpt_folder.glob("generator.ckpt-*"):
        path.unlink()
    train(config, resume=True)
    assert outcome(config) == before


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
from tfgan_v1 import cli
sys.exit(cli.main({argv!r}, program="train.py"))
"""


@pytest.fixture(scope="module")
def four_epochs(tmp_path_factory):
    """The outcome of the finished run with one epoch more."""
    folder = tmp_path_factory.mktemp("four")
    config = Config(dataset="digits", epochs=4, ckpt=folder / "checkpoints", samples=folder / "samples")
    train(config)
    return outcome(config)


@pytest.mark.slow
@pytest.mark.parametrize("size", [500, 500_000])  # bytes: too few for config.json, too few for a state
def test_a_full_disk_is_an_error_of_one_sentence_and_the_last_state_is_intact(
    digits_config, finished, four_epochs, size
):
    config = copied(digits_config(xla="auto"), finished.config)
    argv = ["train", "--resume", "--epochs", "4", "--ckpt", config.ckpt, "--samples", config.samples]
    script = FULL_DISK.format(size=size, argv=argv)
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 3 and ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr, ended.stderr
    assert "File too large" in ended.stderr
    leftovers = [path for folder in (config.ckpt_folder, config.samples_folder) for path in folder.rglob("*partial*")]
    assert not leftovers
    train(replace(config, epochs=4), resume=True)
    assert outcome(config) == four_epochs
