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

import custom_parts
from conftest import REPOSITORY, outcome, rewrite, thorough
from small_runs import copied, small_config
from tfgan_v1 import Config, Generator, UserError, devices, load_samples, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, run_folder
from tfgan_v1.training import loop, plan, recording

# Every preset, kind of input and technique at least once, in combination. Each broken run goes on with streamed images.
SYSTEMS = {
    "mlp compiled, in epochs": {"xla": "on", "steps": None, "epochs": 3, "sample_every": 1},
    "gaussian": {"model": "gaussian", "evaluate_every": 2},
    "conv with classes": {
        **{"model": "conv", "channels": 3, "conditional": True, "g_condition": "batch_norm"},
        **{"d_condition": "concatenation", "average": 0.9, "holdout": 8},
    },
    "dcgan, the best so far": {"model": "dcgan", "channels": 3, "evaluate_every": 2, "holdout": 8, "average": 0.9},
    "dcgan_upsample": {"model": "dcgan_upsample", "channels": 3, "tensorboard": True},
    "tuned in bfloat16": {"model": "tuned", "channels": 3, "penalty_every": 2, "precision": "bfloat16"},
    "every technique": {
        **{"loss": "relativistic_average", "smooth": 0.1, "penalty": "wgan_gp", "penalty_every": 3, "average": 0.9},
        **{"pack": 2, "minibatch_stddev": True, "augment": "translate,cutout,colour,flip", "holdout": 8},
        **{"clip_gradients": 5.0, "decay_steps": 1000},
    },
    "hinge with classes": {
        **{"loss": "hinge", "smooth": 0.0, "spectral_norm": True, "conditional": True, "class_frequencies": "uniform"},
        **{"batches": "whole", "batch_size": 6, "d_steps": 2, "num_samples": 40, "holdout": 9},
    },
    "G frozen, noise of its own": {
        **{"d_first": 2, "g_noise": "fresh", "noise": "unit", "record": "steps", "sheets": "each"},
        **{"d_decay": 0.5, "optimizer": "rmsprop", "d_batches": "in_turn", "batches": "random"},
    },
    "points with classes": {
        **{"model": "points", "dataset": "moons", "conditional": True, "labels": None, "holdout": 100, "average": 0.9},
        **{"evaluate_every": 2, "num_samples": 30},
    },
    "custom parts": {"d_batches": "separate", "parts": True},
}
THOROUGHLY = (
    "dcgan, the best so far",
    "gaussian",
    "conv with classes",
    "points with classes",
    "tuned in bfloat16",
)  # of which others have each part


@pytest.mark.slow
@pytest.mark.plots
@pytest.mark.parametrize("name", [thorough(each) if each in THOROUGHLY else each for each in SYSTEMS])
def test_a_broken_run_has_the_bits_of_a_straight_one_for_any_chunk_and_streamed(small, monkeypatch, name):
    monkeypatch.setattr(devices, "cpu_flags", lambda: {"avx512_bf16"})
    options = dict(SYSTEMS[name])
    parts = custom_parts.all_of_them() if options.pop("parts", False) else {}
    straight, broken = (small(folder, **options) for folder in ("straight", "broken"))
    whole = train(straight, **parts)
    half = {"epochs": 1 if straight.epochs == 3 else 3} if straight.epochs else {"steps": 3}
    train(replace(broken, chunk=2, **half), **parts)
    resumed = train(replace(broken, chunk=1, resident_limit=0.0), resume=True, **parts)
    assert outcome(broken) == outcome(straight) and resumed.best == whole.best
    files = [path.relative_to(straight.samples_folder) for path in straight.samples_folder.rglob("*.*")]
    for path in files:
        if path.suffix in (".png", ".pkl", ".csv") and path.name != "losses.csv":
            assert (broken.samples_folder / path).read_bytes() == (straight.samples_folder / path).read_bytes(), path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The configuration of a run with a row for each of its four steps."""
    config = small_config(tmp_path_factory.mktemp("recorded") / "run", steps=4, record="steps")
    train(config)
    return config


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory):
    """The configuration of the same run with another seed and two steps more."""
    config = small_config(tmp_path_factory.mktemp("other") / "run", seed=1, record="steps")
    train(config)
    return config


@pytest.fixture(scope="module")
def six_steps(tmp_path_factory):
    """The outcome of the recorded run with two steps more."""
    config = small_config(tmp_path_factory.mktemp("six") / "run", record="steps")
    train(config)
    return outcome(config)


@pytest.fixture
def run(recorded, tmp_path):
    """A copy of the recorded run, with six steps to go to."""
    folders = {"ckpt": str(tmp_path / "checkpoints"), "samples": str(tmp_path / "samples")}
    return copied(replace(recorded, steps=6, **folders), recorded)


def contents(folder):
    """The bytes of the files below a folder, by path."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def killed(*_):
    raise ZeroDivisionError


def test_a_run_stopped_between_sampling_steps_continues_with_the_same_bits(small, six_steps, monkeypatch):
    stopped = small("stopped", record="steps", chunk=1)
    calls, real = [], plan.Plan.order

    def interrupt(*args):  # called once to compile, then for each call of the loop
        calls.append(args)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(plan.Plan, "order", interrupt)
    progress = train(stopped)
    assert progress.stopped_by == signal.SIGTERM and progress.step == 3
    assert checkpoints.newest_state(stopped.ckpt_folder).step == progress.step
    assert len(load_samples(stopped.samples_folder / "train_samples.pkl")) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert len((stopped.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 3
    monkeypatch.setattr(plan.Plan, "order", real)
    train(stopped, resume=True)
    assert outcome(stopped) == six_steps


def test_a_run_killed_before_its_first_save_starts_at_step_0(small, six_steps, monkeypatch):
    config = small(record="steps")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", killed)
        train(config)
    train(config, resume=True)
    assert outcome(config) == six_steps


def test_steps_after_the_last_save_are_recorded_once(run, six_steps, monkeypatch):
    save_state = checkpoints.save_state
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(checkpoints, "save_state", lambda *args: killed() if args[3] > 4 else save_state(*args))
        train(run, resume=True)
    assert len((run.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 6
    assert len(load_samples(run.samples_folder / "train_samples.pkl")) == 3  # written before the state
    assert checkpoints.newest_generator(run.ckpt_folder).step == 6
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", killed)
        train(run, resume=True)
    assert checkpoints.newest_generator(run.ckpt_folder).step == 4  # step 6 is undone
    train(run, resume=True)
    assert outcome(run) == six_steps


def test_missing_records_start_empty(run, capsys):
    for name in ("train_samples.pkl", "losses.csv"):
        (run.samples_folder / name).unlink()
    progress = train(run, resume=True)
    assert (len(progress.samples), len(progress.losses)) == (1, 2)
    assert capsys.readouterr().err.count("is missing") == 2
    (run.samples_folder / "train_samples.pkl").unlink()
    train(run, resume=True)  # trains nothing, but writes an empty list
    assert len(train(replace(run, steps=8), resume=True).samples) == 1


def test_a_pickle_with_code_stops_a_resume_and_is_not_touched(run):
    path = run.samples_folder / "train_samples.pkl"
    path.write_bytes(pickle.dumps(os.system))
    with pytest.raises(UserError, match="was not opened"):
        train(run, resume=True)
    assert path.read_bytes() == pickle.dumps(os.system)
    assert '"steps": 4' in (run.ckpt_folder / "config.json").read_text()


def test_fewer_steps_than_done_are_refused_and_the_same_number_changes_nothing(run, capsys):
    before = outcome(run)
    with pytest.raises(UserError, match=r"already at step 4; train to that or later, not to step 3"):
        train(replace(run, steps=3), resume=True)
    capsys.readouterr()
    assert train(replace(run, steps=4), resume=True).step == 4
    assert outcome(run) == before and capsys.readouterr().out.startswith("The run is already at step 4")


def test_losses_of_nan_match_their_state(small, monkeypatch):
    config, real = small(steps=2), recording.record
    with monkeypatch.context() as patch:
        patch.setattr(recording, "record", lambda *args: real(*args[:-1], args[-1] * np.float32("nan")))
        train(config)
    assert len(train(replace(config, steps=4), resume=True).losses) == 2


def test_other_images_are_refused_on_resume(run):
    other = run.ckpt_folder.parent / "other.npy"
    np.save(other, np.load(run.dataset)[::-1])
    with pytest.raises(UserError, match="does not hold the images that the run"):
        train(replace(run, dataset=str(other)), resume=True)


def test_seconds_are_summed_over_resumes(run):
    losses = train(run, resume=True).losses
    assert losses[4].seconds > losses[3].seconds > 0


def test_a_resume_with_other_versions_is_warned_of(run, capsys):
    for _ in range(2):
        rewrite(run.ckpt_folder / "config.json", lambda content: content["made_by"].update(tensorflow="2.16.1"))
        train(replace(run, steps=4), resume=True)
        assert f"began with tensorflow 2.16.1, now {tf.__version__}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["losses.csv", "train_samples.pkl"])
def test_another_runs_samples_stop_a_resume(run, other_seed, name):
    shutil.copy(other_seed.samples_folder / name, run.samples_folder)
    before = contents(run.samples_folder)
    with pytest.raises(UserError, match=rf"{re.escape(name)} was changed, or belongs to another run.*--samples"):
        train(run, resume=True)
    assert contents(run.samples_folder) == before


EDITS = {
    "a changed number": lambda rows: [*rows[:2], rows[2].replace(",0.", ",1.", 1), *rows[3:]],
    "a removed row": lambda rows: rows[:2] + rows[3:],
    "a removed row, and one more at the end": lambda rows: rows[:2] + rows[3:] + rows[-1:],
    "a row in place of another": lambda rows: [*rows[:2], rows[1], *rows[3:]],
    "swapped rows": lambda rows: [rows[0], rows[2], rows[1], *rows[3:]],
    "changed seconds": lambda rows: [*rows[:2], f"{rows[2].rstrip()}5\r\n", *rows[3:]],
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_losses_that_were_edited_stop_a_resume_until_they_are_moved_away(run, edit):
    path = run.samples_folder / "losses.csv"
    header, *rows = path.read_bytes().decode().splitlines(keepends=True)
    content = "".join([header, *edit(rows)]).encode()
    assert content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"losses\.csv was changed, or belongs to another run .*; restore it") as error:
        train(run, resume=True)
    assert "\n" not in str(error.value) and path.read_bytes() == content


def test_losses_that_were_moved_away_begin_anew(run, tmp_path):
    (run.samples_folder / "losses.csv").rename(tmp_path / "losses.csv")
    assert [row.step for row in train(run, resume=True).losses] == [5, 6]
    assert [row.step for row in train(replace(run, steps=8), resume=True).losses] == [5, 6, 7, 8]


def test_only_the_numbers_in_losses_csv_are_compared(run):
    """A spreadsheet may change quotes and line ends."""
    path = run.samples_folder / "losses.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows))
    assert len(train(run, resume=True).losses) == 6


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
def test_wrong_facts_in_a_manifest_are_an_error_of_one_sentence(run, facts):
    path = run.ckpt_folder / "train_state" / "step-4" / "state.json"
    rewrite(path, lambda content: content.update(facts={**content["facts"], **facts} if facts else {}))
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        train(run, resume=True)


def test_a_missing_state_is_an_error_and_changes_nothing(run):
    shutil.rmtree(run.ckpt_folder / "train_state")
    before = sorted(run.ckpt_folder.iterdir())
    with pytest.raises(UserError, match=r"train_state has no state to continue from; .*--overwrite"):
        train(run, resume=True)
    assert sorted(run.ckpt_folder.iterdir()) == before


def test_a_copied_moved_or_renamed_run_continues_whatever_its_folder_is_called(recorded, six_steps, tmp_path):
    folder = tmp_path / "run[1] a*b? {a,b} 한글"
    folders = {"ckpt": str(folder / "checkpoints"), "samples": str(folder / "samples")}
    train(copied(replace(recorded, steps=6, **folders), recorded), resume=True)
    folder.rename(tmp_path / f"{folder.name} moved")
    with Generator.restore(tmp_path / f"{folder.name} moved" / "checkpoints") as generator:
        assert generator.step == 6 and np.isfinite(generator()).all()
    assert [path.name for path in tmp_path.iterdir()] == [f"{folder.name} moved"]
    (tmp_path / f"{folder.name} moved").rename(tmp_path / "plain")
    plain = tmp_path / "plain"
    assert outcome(Config(ckpt=plain / "checkpoints", samples=plain / "samples")) == six_steps


@pytest.mark.slow
def test_a_damaged_newest_state_is_warned_of_and_the_one_before_is_used(run, six_steps, capsys):
    train(replace(run, steps=5), resume=True)
    states = run.ckpt_folder / "train_state"
    content = (states / "step-5" / "state.data-00000-of-00001").read_bytes()
    (states / "step-5" / "state.data-00000-of-00001").write_bytes(content[:100] + b"?" + content[101:])
    capsys.readouterr()
    train(run, resume=True)
    output = capsys.readouterr()
    assert re.search("step-5/state is damaged; using .*step-4/state instead", output.err)
    assert output.out.splitlines()[3].startswith("Step 6/6") and outcome(run) == six_steps
    assert sorted(path.name for path in states.iterdir()) == ["step-4", "step-6"]


def test_damaged_states_are_an_error_and_not_a_start_from_step_0(run, command):
    for path in run.ckpt_folder.glob("train_state/*/state.index"):
        path.write_bytes(b"")
    before = contents(run.ckpt_folder)
    argv = ["--resume", "--steps", 6, "--ckpt", run.ckpt, "--samples", run.samples]
    code, out, err = command("train", *argv)
    assert (code, out, err.count("\n")) == (2, "", 1) and "no state to continue from" in err and "is damaged" in err
    assert contents(run.ckpt_folder) == before


def test_another_runs_generator_is_not_sampled(run, other_seed, capsys):
    with Generator.restore(run.ckpt_folder) as generator:
        images = generator()
    for path in other_seed.ckpt_folder.glob("generator.ckpt-6.*"):
        shutil.copy(path, run.ckpt_folder)
    with Generator.restore(run.ckpt_folder) as generator:
        assert generator.step == 4 and np.array_equal(generator(), images)
    assert "generator.ckpt-6 belongs to another run" in capsys.readouterr().err


def test_another_runs_state_is_refused_and_nothing_is_changed(run, other_seed):
    shutil.rmtree(run.ckpt_folder / "train_state")
    shutil.copytree(other_seed.ckpt_folder / "train_state", run.ckpt_folder / "train_state")
    before = contents(run.ckpt_folder)
    with pytest.raises(UserError, match=r"no state to continue from \(.*step-6/state belongs to another run"):
        train(replace(run, steps=8), resume=True)
    assert contents(run.ckpt_folder) == before


def test_a_resume_uses_its_own_state_although_another_runs_is_newer(run, other_seed, six_steps):
    shutil.copytree(other_seed.ckpt_folder / "train_state/step-6", run.ckpt_folder / "train_state/step-6")
    train(run, resume=True)
    assert outcome(run) == six_steps


def test_a_run_keeps_its_id_and_a_new_one_has_another(run):
    first = run_folder.read(run).run_id
    train(run, resume=True)
    assert run_folder.read(run).run_id == checkpoints.newest_state(run.ckpt_folder).run_id == first
    train(replace(run, steps=1), overwrite=True)
    assert run_folder.read(run).run_id == checkpoints.newest_state(run.ckpt_folder).run_id != first


@pytest.mark.slow
def test_a_resume_from_before_all_saved_generators_saves_one(small, monkeypatch):
    config = small(sample_every=1, steps=9)
    train(replace(config, steps=1))
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop.console, "write_line", lambda _, progress, __: 1 / (8 - progress.step))
        train(config, resume=True)
    assert checkpoints.newest_state(config.ckpt_folder).step == 1
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(loop, "train_loop", killed)
        train(config, resume=True)
    assert checkpoints.newest_generator(config.ckpt_folder).step == 1


def test_a_missing_generator_is_saved_by_a_resume_that_trains_nothing(run):
    before = outcome(run)
    for path in run.ckpt_folder.glob("generator.ckpt-*"):
        path.unlink()
    train(replace(run, steps=4), resume=True)
    assert outcome(run) == before


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
from tfgan_v1 import cli
sys.exit(cli.main({argv!r}, program="train.py"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [500, 150_000])  # bytes: too few for config.json, too few for a state
def test_a_full_disk_is_an_error_of_one_sentence_and_the_last_state_is_intact(run, six_steps, size):
    argv = ["train", "--resume", "--steps", "6", "--ckpt", run.ckpt, "--samples", run.samples]
    script = FULL_DISK.format(size=size, argv=argv)
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 3 and ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr, ended.stderr
    assert "File too large" in ended.stderr
    leftovers = [path for folder in (run.ckpt_folder, run.samples_folder) for path in folder.rglob("*partial*")]
    assert not leftovers
    train(run, resume=True)
    assert outcome(run) == six_steps
