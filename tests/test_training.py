"""A run from its first step to its pictures, with breaks and without."""

import csv
import json
import math
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from conftest import REAL_DATA, REPOSITORY, needs_mnist
from PIL import Image

from tfgan_v1 import Config, UserError, checkpoints, load_samples, plans, records, train, training
from tfgan_v1._tensorflow import tf


def tensors(prefix):
    """The bytes of every tensor of a checkpoint."""
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name).tobytes() for name in reader.get_variable_to_shape_map()}


def outcome(config):
    """Everything that two equal runs must share to the bit."""
    rows = list(csv.reader((config.samples_folder / "losses.csv").open()))
    state = checkpoints.newest_state(config.ckpt_folder)
    generator = checkpoints.newest_generator(config.ckpt_folder)
    return {
        "steps": (state.step, generator.step),
        "state": tensors(state.prefix),
        "generator": tensors(generator.prefix),
        "samples": (config.samples_folder / "train_samples.pkl").read_bytes(),
        "losses": [row[:-1] for row in rows],  # without the seconds
        "sheet": (config.samples_folder / "last_samples.png").read_bytes(),
    }


def test_a_run_leaves_what_it_promises(finished):
    config = finished.config
    assert {path.name for path in config.ckpt_folder.iterdir()} == {
        ".lock", "config.json", "checkpoint", "train_state",
        *(f"generator.ckpt-{step}.{end}" for step in (17, 34, 51) for end in ("index", "data-00000-of-00001", "json")),
    }  # fmt: skip
    assert {path.name for path in config.samples_folder.iterdir()} == {
        ".lock", "train_samples.pkl", "losses.csv", "last_samples.png", "evolution.png", "losses.png",
    }  # fmt: skip
    assert (finished.step, finished.epoch, finished.stopped_by) == (51, 3, None)
    assert finished.config.dataset == "digits" and finished.config.xla == "on"


def test_samples_and_losses_are_recorded_each_epoch(finished):
    samples = load_samples(finished.config.samples_folder / "train_samples.pkl")
    assert [sample.shape for sample in samples] == [(16, 28, 28, 1)] * 3
    assert all(sample.min() >= 0 and sample.max() <= 1 for sample in samples)
    assert all(np.array_equal(a, b) for a, b in zip(samples, finished.samples, strict=True))
    rows = records.read_losses(finished.config.samples_folder / "losses.csv", last_step=51)
    assert rows == finished.losses and [(row.step, row.epoch) for row in rows] == [(17, 1), (34, 2), (51, 3)]
    assert all(0 < row.d_real < 1 and 0 < row.d_fake < 1 and row.d_loss > 0 and row.g_loss > 0 for row in rows)


def test_the_last_sheet_is_the_last_samples(finished):
    with Image.open(finished.config.samples_folder / "last_samples.png") as sheet:
        pixels = np.asarray(sheet) / 255
    factor = pixels.shape[0] // 118
    first = pixels[: 28 * factor : factor, : 28 * factor : factor]
    assert np.allclose(first, finished.samples[-1][0, ..., 0], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("xla", ["on", "off"])
def test_with_breaks_or_without_in_whatever_chunks_the_bits_are_the_same(digits_config, xla):
    straight = digits_config("straight", epochs=5, xla=xla)
    train(straight)
    broken = digits_config("broken", epochs=2, xla=xla, chunk=5)
    train(broken)
    for epochs, chunk in ((3, 1000), (5, 1)):
        train(replace(broken, epochs=epochs, chunk=chunk), resume=True)
    assert outcome(broken) == outcome(straight)


def test_a_run_stopped_in_the_middle_of_an_epoch_goes_on_with_the_same_bits(digits_config, monkeypatch):
    straight, stopped = digits_config("straight"), digits_config("stopped", chunk=4)
    train(straight)
    calls, real = [], training.data.batch_order

    def interrupt(*args):  # the order is asked for once to compile and then once a call
        calls.append(args)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(training.data, "batch_order", interrupt)
    progress = train(stopped)
    assert progress.stopped_by == signal.SIGTERM and 17 < progress.step < 34
    assert checkpoints.newest_state(stopped.ckpt_folder).step == progress.step
    assert len(load_samples(stopped.samples_folder / "train_samples.pkl")) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert len((stopped.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 1
    monkeypatch.setattr(training.data, "batch_order", real)
    train(stopped, resume=True)
    assert outcome(stopped) == outcome(straight)


def test_equal_configurations_give_equal_bits_and_other_seeds_do_not(digits_config, finished):
    again, other = digits_config("again", xla="auto"), digits_config("other", seed=1)
    train(again)
    train(other)
    assert outcome(again) == outcome(finished.config)
    assert outcome(other)["generator"] != outcome(again)["generator"]


def test_a_run_that_was_killed_before_its_first_save_begins_at_step_0(digits_config, monkeypatch):
    config = digits_config()
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(training, "_loop", lambda *_: 1 / 0)
        train(config)
    train(config, resume=True)
    straight = digits_config("straight")
    train(straight)
    assert outcome(config) == outcome(straight)


def test_what_was_recorded_after_the_last_save_is_recorded_once(digits_config, monkeypatch):
    config, straight = digits_config(epochs=4), digits_config("straight", epochs=4)
    train(straight)
    train(replace(config, epochs=2))

    def killed(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(checkpoints, "save_state", killed)
        train(replace(config, epochs=3), resume=True)
    assert len((config.samples_folder / "losses.csv").read_text().splitlines()) == 1 + 3
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 3  # written before the state
    assert checkpoints.newest_generator(config.ckpt_folder).step == 51
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(training, "_loop", killed)
        train(config, resume=True)
    assert checkpoints.newest_generator(config.ckpt_folder).step == 34  # step 51 has not been reached any more
    train(config, resume=True)
    assert outcome(config) == outcome(straight)


def test_records_that_are_gone_begin_anew(digits_config, capsys):
    config = digits_config(epochs=2)
    train(config)
    for name in ("train_samples.pkl", "losses.csv"):
        (config.samples_folder / name).unlink()
    progress = train(replace(config, epochs=3), resume=True)
    assert len(progress.samples) == len(progress.losses) == 1
    assert capsys.readouterr().err.count("is gone") == 2
    assert len(train(replace(config, epochs=4), resume=True).samples) == 2
    (config.samples_folder / "train_samples.pkl").unlink()
    train(replace(config, epochs=4), resume=True)  # nothing to train, but the file begins anew
    assert len(train(replace(config, epochs=5), resume=True).samples) == 1


def test_a_pickle_with_code_in_it_stops_a_resume_and_stays_where_it_is(digits_config):
    config = digits_config(epochs=1)
    train(config)
    path = config.samples_folder / "train_samples.pkl"
    path.write_bytes(pickle.dumps(os.system))
    with pytest.raises(UserError, match="was not opened"):
        train(replace(config, epochs=2), resume=True)
    assert path.read_bytes() == pickle.dumps(os.system)
    assert Config(**{**vars(config)}) == config and '"epochs": 1' in (config.ckpt_folder / "config.json").read_text()


def test_fewer_epochs_than_are_done_is_refused_and_as_many_change_nothing(digits_config, capsys):
    config = digits_config(epochs=2)
    train(config)
    before = outcome(config)
    with pytest.raises(UserError, match=r"already at epoch 2; --epochs must be that or more, not 1"):
        train(replace(config, epochs=1), resume=True)
    capsys.readouterr()
    assert train(config, resume=True).step == 34
    assert outcome(config) == before and capsys.readouterr().out.startswith("All 2 epochs are done")


def test_other_images_than_the_run_began_with_are_refused(digits_config, monkeypatch):
    config = digits_config(epochs=1)
    train(config)
    dataset = plans.data.load("digits")
    monkeypatch.setattr(plans.data, "load", lambda *_, **__: dataset._replace(images=dataset.images[::-1]))
    with pytest.raises(UserError, match="not those that the run"):
        train(replace(config, epochs=2), resume=True)


def test_overwriting_starts_again_from_nothing(digits_config):
    config = digits_config(epochs=2)
    train(config)
    train(replace(config, epochs=1, seed=5), overwrite=True)
    assert [path.name for path in config.ckpt_folder.glob("generator.ckpt-*.index")] == ["generator.ckpt-17.index"]
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 1


def test_the_samples_and_the_state_are_saved_on_the_way(digits_config, monkeypatch):
    saved, real = [], training._save
    monkeypatch.setattr(training, "SAVE_SECONDS", 0)
    monkeypatch.setattr(training, "_save", lambda progress, *rest: saved.append(progress.step) or real(progress, *rest))
    train(digits_config(chunk=9))
    assert saved == [0, 9, 17, 26, 34, 43, 51, 51]
    saved.clear()
    monkeypatch.setattr(training, "SAVE_SECONDS", 3600)
    train(digits_config("rarely", chunk=9))
    assert saved == [0, 51]


def test_batches_beyond_the_data_are_refused_before_anything_is_made(digits_config):
    config = digits_config(batch_size=1798)
    with pytest.raises(UserError, match="--batch-size 1,798 is more than the 1,797 images"):
        train(config)
    assert not config.ckpt_folder.exists()
    assert train(digits_config(batch_size=1797, epochs=1)).step == 1


def test_it_runs_outside_the_main_thread_too(digits_config):
    done = []
    thread = threading.Thread(target=lambda: done.append(train(digits_config(epochs=1))))
    thread.start()
    thread.join()
    assert done[0].epoch == 1


def test_epochs_are_split_into_equal_calls_none_above_the_chunk():
    def chunk(num_images, batch, most):
        facts = {"num_images": num_images}
        return plans.Plan(Config(batch_size=batch, chunk=most), None, facts, False, False).chunk

    assert [chunk(60_000, 100, most) for most in (1000, 600, 599, 1)] == [600, 600, 300, 1]
    assert chunk(5000, 1, 1000) == 1000 and chunk(5001, 1, 1000) == 834


def test_the_lines_are_those_of_the_published_notebook(digits_config, capsys):
    progress = train(digits_config())
    lines = capsys.readouterr().out.splitlines()
    for epoch, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"Epoch {epoch}/3\.\.\. Discriminator Loss: \d+\.\d{{4}}\.\.\. Generator Loss: \d+\.\d{{4}}\.\.\. "
            r"[\d,]+ images/s, \d+:\d\d:\d\d left",
            line,
        )
    assert len(lines) == 3 and lines[-1].endswith("0:00:00 left")
    seconds = progress.losses[1].seconds - progress.losses[0].seconds
    assert f"... {1700 / seconds:,.0f} images/s, 0:00:0{math.ceil(seconds)} left" in lines[1]


def test_time_is_counted_over_all_sittings(digits_config):
    config = digits_config(epochs=1)
    first = train(config)
    second = train(replace(config, epochs=2), resume=True)
    assert second.losses[0] == first.losses[0] and second.losses[1].seconds > first.seconds


def test_a_run_that_came_in_between_is_not_written_over(digits_config):
    config = digits_config(epochs=1)
    plan = plans.make_plan(config)
    train(config)
    with pytest.raises(UserError, match="already holds a run"):
        training.run(plan)


def test_the_graph_is_finished_before_the_first_step(digits_config, monkeypatch):
    graphs = []
    monkeypatch.setattr(training, "_loop", lambda plan, progress, *_: graphs.append(tf.get_default_graph()))
    with pytest.raises(IndexError):
        train(digits_config(epochs=1))
    assert graphs[0].finalized


def test_xla_is_on_where_it_is_faster(monkeypatch, digits_config):
    assert plans.make_plan(digits_config(xla="auto")).config.xla == "on"
    monkeypatch.setattr(plans, "FASTER_WITH_XLA", ())
    assert plans.make_plan(digits_config(xla="auto")).config.xla == "off"
    assert plans.make_plan(digits_config(xla="on")).config.xla == "on"


def test_a_second_signal_does_what_it_always_did():
    with pytest.raises(KeyboardInterrupt), training._noted_signals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with training._noted_signals() as signals:
            signal.raise_signal(signal.SIGINT)
        assert signals == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_after_the_last_step_stops_nothing(digits_config, monkeypatch):
    monkeypatch.setattr(training, "_report", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert train(digits_config(epochs=1)).stopped_by is None


def test_a_resume_on_another_machine_is_warned_of(digits_config, capsys):
    config = digits_config(epochs=1)
    train(config)
    path = config.ckpt_folder / "config.json"
    for _ in range(2):
        path.write_text(re.sub('"tensorflow": "[^"]*"', '"tensorflow": "2.16.1"', path.read_text()))
        train(config, resume=True)
        assert f"begun with tensorflow 2.16.1, now {tf.__version__}" in capsys.readouterr().err


def test_what_tensorflow_cannot_do_is_one_sentence(digits_config, monkeypatch):
    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\n\t [[{{node train}}]]")

    monkeypatch.setattr(training, "_loop", exhausted)
    with pytest.raises(UserError, match=r"could not go on \(OOM when allocating tensor\); .*--batch-size"):
        train(digits_config())


def test_another_runs_samples_stop_a_resume(digits_config):
    config = digits_config(epochs=1)
    train(config)
    other = digits_config("other", epochs=2, seed=1)
    train(other)
    for name in ("losses.csv", "train_samples.pkl"):
        shutil.copy(other.samples_folder / name, config.samples_folder)
        before = {path: path.read_bytes() for path in config.samples_folder.iterdir()}
        with pytest.raises(UserError, match=rf"{re.escape(name)} does not belong to the run.*--samples"):
            train(replace(config, epochs=2), resume=True)
        assert {path: path.read_bytes() for path in config.samples_folder.iterdir()} == before


FACTS = [
    {},
    {"seconds": "x"},
    {"seconds": None},
    {"seconds": math.nan},
    {"seconds": math.inf},
    {"num_samples": -1},
    {"num_samples": "1"},
]


@pytest.mark.parametrize("facts", FACTS, ids=str)
def test_a_damaged_manifest_of_a_state_is_one_sentence(finished, digits_config, facts):
    config = digits_config(xla="auto")
    for ours, theirs in ((config.ckpt, finished.config.ckpt), (config.samples, finished.config.samples)):
        shutil.copytree(theirs, ours)
    path = config.ckpt_folder / "train_state" / "step-51" / "state.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "facts": {**content["facts"], **facts} if facts else {}}))
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        train(config, resume=True)


def test_a_state_that_is_gone_is_no_reason_to_train_over_what_is_there(digits_config):
    config = digits_config(epochs=1)
    train(config)
    shutil.rmtree(config.ckpt_folder / "train_state")
    before = sorted(config.ckpt_folder.iterdir())
    with pytest.raises(UserError, match=r"no state in .* is whole; .*--overwrite"):
        train(replace(config, epochs=2), resume=True)
    assert sorted(config.ckpt_folder.iterdir()) == before


def test_a_generator_that_is_gone_is_saved_by_a_resume_with_nothing_left_to_do(digits_config):
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
    """The outcome of the finished run, had it gone on for an epoch more."""
    folder = tmp_path_factory.mktemp("four")
    config = Config(dataset="digits", epochs=4, ckpt=folder / "checkpoints", samples=folder / "samples")
    train(config)
    return outcome(config)


@pytest.mark.parametrize("size", [500, 500_000])  # too small for config.json, which Python writes, and for a state
def test_a_full_disk_is_one_sentence_and_the_last_state_stays_good(digits_config, finished, four_epochs, size):
    config = digits_config(xla="auto")
    for ours, theirs in ((config.ckpt, finished.config.ckpt), (config.samples, finished.config.samples)):
        shutil.copytree(theirs, ours)
    argv = ["train", "--resume", "--epochs", "4", "--ckpt", config.ckpt, "--samples", config.samples]
    script = FULL_DISK.format(size=size, argv=argv)
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr, ended.stderr
    assert "File too large" in ended.stderr
    leftovers = [path for folder in (config.ckpt_folder, config.samples_folder) for path in folder.rglob("*partial*")]
    assert not leftovers
    train(replace(config, epochs=4), resume=True)
    assert outcome(config) == four_epochs


@needs_mnist
def test_the_first_epochs_of_mnist_go_as_published(tmp_path, monkeypatch):
    """Published for epoch 1: D 0.354, G 4.216. Sixteen blurs become figures on a black ground within 15 epochs."""
    monkeypatch.setenv("TFGAN_DATA", REAL_DATA)
    progress = train(Config(epochs=15, ckpt=tmp_path / "c", samples=tmp_path / "s"))
    assert progress.config.dataset == "mnist" and progress.step == 15 * 600
    assert 0.2 < progress.losses[0].d_loss < 0.6 and 3 < progress.losses[0].g_loss < 6
    border = np.concatenate([progress.samples[-1][:, :3].ravel(), progress.samples[-1][:, :, :3].ravel()])
    centre = progress.samples[-1][:, 8:20, 8:20]
    assert border.mean() < 0.1 < 0.25 < centre.mean()
    assert np.ptp(centre.reshape(16, -1), axis=0).mean() > 0.3  # no two alike
