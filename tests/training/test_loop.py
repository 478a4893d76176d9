"""A run from its first step to its pictures."""

import hashlib
import os
import re
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from conftest import REAL_DATA, needs_mnist, outcome
from tfgan_v1 import Config, Generator, UserError, load_samples, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import records
from tfgan_v1.training import loop, plan, recording, signals


def test_a_run_writes_the_documented_files(finished):
    config = finished.config
    assert {path.name for path in config.ckpt_folder.iterdir()} == {
        ".lock", "config.json", "checkpoint", "train_state",
        *(f"generator.ckpt-{step}.{end}" for step in (17, 34, 51) for end in ("index", "data-00000-of-00001", "json")),
    }  # fmt: skip
    assert {path.name for path in config.samples_folder.iterdir()} == {
        ".lock", "train_samples.pkl", "losses.csv", "last_samples.png", "evolution.png", "losses.png",
        "probabilities.png", "digests.csv", "fixed_noise.pkl", "review.html", "review.json", "real_images.png",
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
    assert all(0 < row.d_x < 1 and 0 < row.d_g_z < 1 and row.d_loss > 0 and row.g_loss > 0 for row in rows)


def test_last_samples_png_shows_the_final_generator(finished):
    with Image.open(finished.config.samples_folder / "last_samples.png") as sheet:
        pixels = np.asarray(sheet) / 255
    factor = pixels.shape[0] // 118
    first = pixels[: 28 * factor : factor, : 28 * factor : factor]
    assert np.allclose(first, finished.samples[-1][0, ..., 0], atol=0.5 / 255 + 1e-6)


@pytest.mark.slow
def test_equal_configurations_give_equal_bits_and_other_seeds_do_not(digits_config, finished):
    again, other = digits_config("again", xla="auto"), digits_config("other", seed=1)
    train(again)
    train(other)
    assert outcome(again) == outcome(finished.config)
    assert outcome(other)["generator"] != outcome(again)["generator"]


@pytest.mark.slow
def test_overwrite_deletes_the_earlier_run(small):
    config = small(steps=4)
    train(config)
    train(replace(config, steps=2, seed=5), overwrite=True)
    assert [path.name for path in config.ckpt_folder.glob("generator.ckpt-*.index")] == ["generator.ckpt-2.index"]
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 1


@pytest.mark.slow
def test_the_state_is_saved_at_the_start_at_intervals_and_at_the_end(small, monkeypatch):
    saved, real = [], recording.save_state
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    monkeypatch.setattr(
        recording, "save_state", lambda context, progress: saved.append(progress.step) or real(context, progress)
    )
    train(small(sample_every=3, chunk=2))
    assert saved == [0, 2, 3, 5, 6, 6]
    saved.clear()
    monkeypatch.setattr(loop, "SAVE_SECONDS", 3600)
    train(small("rarely", chunk=2))
    assert saved == [0, 6]


def test_training_works_outside_the_main_thread(small):
    done = []
    thread = threading.Thread(target=lambda: done.append(train(small(steps=1))))
    thread.start()
    thread.join()
    assert done[0].step == 1


def test_epoch_lines_begin_as_in_the_published_notebook(small, capsys):
    train(small(steps=None, epochs=3, sample_every=1))
    _, start, page, *lines = capsys.readouterr().out.splitlines()
    assert start.startswith("Training for 15 steps of 8 images, on the ") and "review.html" in page
    for epoch, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"Epoch {epoch}/3\.\.\. Discriminator Loss: \d+\.\d{{4}}\.\.\. Generator Loss: \d+\.\d{{4}}\.\.\. "
            r"D\(x\) [01]\.\d\d, D\(G\(z\)\) [01]\.\d\d, accuracy D [01]\.\d\d, G [01]\.\d\d\.\.\. "
            r"[\d,]+ images/s, \d+:\d\d:\d\d left",
            line,
        )
    assert len(lines) == 3 and lines[-1].endswith("0:00:00 left")


def test_a_run_started_meanwhile_is_not_overwritten(small):
    config = small(steps=1)
    prepared = plan.make_plan(config)
    train(config)
    with pytest.raises(UserError, match="already holds a run"):
        loop.run(prepared)


def test_the_graph_is_finalized_before_the_first_step(small, monkeypatch):
    graphs = []
    monkeypatch.setattr(loop, "train_loop", lambda plan, progress, *_: graphs.append(tf.get_default_graph()))
    train(small(steps=1))
    assert graphs[0].finalized


def test_a_second_signal_has_its_usual_effect():
    with pytest.raises(KeyboardInterrupt), signals.deferred_signals() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals.deferred_signals() as noted:
            signal.raise_signal(signal.SIGINT)
        assert noted == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_is_answered_within_a_call_of_c_and_two_are_not_one(capfd):
    """While TensorFlow computes, Python runs no handler, and the system keeps one signal of a kind."""

    def send():
        for _ in range(2):
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        answers.append(capfd.readouterr().err)

    answers, sender = [], threading.Thread(target=send)
    with pytest.raises(KeyboardInterrupt), signals.deferred_signals() as noted:
        sender.start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 4_000_000)  # takes a second or more
        time.sleep(10)
    sender.join()
    assert noted == [signal.SIGINT] and answers == [signals.ANSWER.decode()]


def test_a_signal_after_the_last_step_stops_nothing(small, monkeypatch):
    monkeypatch.setattr(loop.console, "write_line", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert train(small(steps=2)).stopped_by is None


def test_an_error_of_tensorflow_becomes_one_sentence(small, monkeypatch):
    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\n\t [[{{node train}}]]")

    monkeypatch.setattr(loop, "train_loop", exhausted)
    with pytest.raises(UserError, match=r"TensorFlow failed \(OOM when allocating tensor\); .*--batch-size"):
        train(small())


@pytest.mark.slow
@needs_mnist
def test_the_first_epochs_on_mnist_have_the_published_losses(tmp_path, monkeypatch):
    """Published for epoch 1: D 0.354, G 4.216. Sixteen blurs become figures on a black ground within 8 epochs."""
    monkeypatch.setenv("TFGAN_DATA", REAL_DATA)
    progress = train(Config(epochs=8, ckpt=tmp_path / "c", samples=tmp_path / "s"))
    assert progress.config.dataset == "mnist" and progress.step == 8 * 600
    assert 0.2 < progress.losses[0].d_loss < 0.6 and 3 < progress.losses[0].g_loss < 6
    border = np.concatenate([progress.samples[-1][:, :3].ravel(), progress.samples[-1][:, :, :3].ravel()])
    center = progress.samples[-1][:, 8:20, 8:20]
    assert border.mean() < 0.1 < 0.25 < center.mean()
    last = (samples[:, 8:20, 8:20].reshape(16, -1) for samples in progress.samples[-3:])
    assert max(np.ptp(each, axis=0).mean() for each in last) > 0.3  # no two alike


def test_a_second_ctrl_c_ends_at_once_and_says_what_is_saved(command, tmp_path, monkeypatch):
    def interrupted(context, progress, *_):
        if progress.step == 2:
            recording.save_state(context, progress)
        elif progress.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "tick", interrupted)
    monkeypatch.chdir(tmp_path)
    quick = ["train", "--dataset", "digits", "--steps", 6, "--sample-every", 2, "--xla", "off"]
    code, _, err = command(*quick)
    assert (code, err) == (130, "train.py: stopped; the run in checkpoints is saved at step 2\n")
    assert "Resuming at step 2 of 6 steps" in command("train", "--resume")[1]


@pytest.mark.plots
def test_a_run_that_is_stopped_before_its_first_sampling_step_has_a_whole_page(small, monkeypatch):
    config = small(steps=9, sample_every=5, chunk=2)
    seen = []

    def interrupted(context, progress, *_):
        seen.append((config.samples_folder / "review.html").read_text("utf-8"))
        context.signals.append(signal.SIGINT)

    monkeypatch.setattr(loop, "tick", interrupted)
    progress = train(config)
    assert (progress.fixed_steps, progress.sample_steps) == ([0, progress.step], [])
    assert '"label": "step 0"' in seen[0] and '"running": true' in seen[0]
    page = (config.samples_folder / "review.html").read_text("utf-8")
    assert f'"label": "step {progress.step}"' in page and '"running": false' in page
    assert {"evolution.png", "last_samples.png", "real_images.png"} <= {
        path.name for path in config.samples_folder.iterdir()
    }
    monkeypatch.undo()
    assert train(config, resume=True).fixed_steps == [0, 5, 9]


@pytest.mark.parametrize(
    "stage, error",
    [
        ("run_folder.write", OSError(28, os.strerror(28))),
        ("recording.start_records", OSError(5, os.strerror(5))),
        ("recording.sample_fixed", KeyboardInterrupt()),
        ("recording.save_state", OSError(28, os.strerror(28))),
    ],
)
def test_a_start_that_fails_leaves_nothing(small, tmp_path, monkeypatch, stage, error):
    def fail(*args):
        do(*args)
        raise error

    config, before = small(), {*tmp_path.rglob("*")}
    where, name = stage.split(".")
    do = getattr(getattr(loop, where), name)
    with monkeypatch.context() as patch, pytest.raises((UserError, OSError, KeyboardInterrupt)) as raised:
        patch.setattr(getattr(loop, where), name, fail)
        train(config)
    assert {*tmp_path.rglob("*")} == before
    assert "checkpoints" in str(raised.value) or "nothing was saved yet" in str(raised.value)
    assert train(config).step == 6


def test_a_signal_while_the_evaluator_prepares_has_its_usual_effect(small, tmp_path, monkeypatch):
    monkeypatch.setattr(loop.Evaluator, "__init__", lambda *_: None)
    monkeypatch.setattr(loop.Evaluator, "prepare", lambda _: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(loop.Evaluator, "close", lambda _: None)
    config, before = small(evaluate_every=2), {*tmp_path.rglob("*")}
    with pytest.raises(KeyboardInterrupt, match="nothing was saved yet"):
        train(config)
    assert {*tmp_path.rglob("*")} == before


def test_a_plot_that_cannot_be_drawn_is_a_warning(small, monkeypatch, capsys):
    def fail(_):
        raise RuntimeError("latex could not be found")

    config = small()
    monkeypatch.setattr("tfgan_v1.report.plots.figure_png", fail)
    assert train(config).step == 6
    assert "warning: losses.png cannot be drawn (RuntimeError: latex could" in capsys.readouterr().err
    assert (config.samples_folder / "review.html").exists() and (config.samples_folder / "last_samples.png").exists()


def test_a_fork_of_a_process_that_has_used_tensorflow_is_refused(small, monkeypatch):
    run = train(small())
    monkeypatch.setattr("tfgan_v1.devices._first_process", lambda: os.getpid() + 1)
    for call in (lambda: train(small("other")), lambda: Generator.restore(run.config.ckpt_folder)):
        with pytest.raises(UserError, match=r"a fork .* by spawn: multiprocessing.set_start_method\('spawn'\)"):
            call()
