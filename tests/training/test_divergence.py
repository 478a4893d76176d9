"""Training that diverges stops at its last good state, with exit code 4."""

from dataclasses import replace

import numpy as np
import pytest

from conftest import outcome, tensors
from tfgan_v1 import Loss, load_samples, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import Diverged
from tfgan_v1.gan import train_graph
from tfgan_v1.storage import checkpoints, records
from tfgan_v1.training import loop, recording


def diverge(monkeypatch, at, metric=np.nan, finite=False):
    """Makes step `at` return this loss, and its call this answer to whether the state is finite."""
    real = loop.make_train_fn

    def make_train_fn(*args):
        train_steps = real(*args)

        def train_fn(first, steps):
            rows, whole = train_steps(first, steps)
            if first < at <= first + steps:
                rows = rows.copy()
                rows[at - first - 1 :, 0] = metric
                whole = finite
            return rows, whole

        return train_fn

    monkeypatch.setattr(loop, "make_train_fn", make_train_fn)


@pytest.mark.slow
def test_a_resume_after_a_hardware_fault_has_the_bits_of_an_undisturbed_run(small, monkeypatch):
    """A loss that is infinite, while resident; and after a resume a weight that is, while streamed."""
    straight, config = small("straight", steps=8), small("diverged", steps=8, chunk=1)
    train(straight)
    for at, fault, more in ((4, {"metric": np.inf}, {}), (7, {"metric": 1.0}, {"resident_limit": 0.0})):
        with monkeypatch.context() as patch:
            patch.setattr(loop, "SAVE_SECONDS", 0)
            diverge(patch, at=at, **fault)
            with pytest.raises(Diverged, match=rf"at step {at}; .* rolled back to step {at - 1}"):
                train(replace(config, **more), resume=at > 4)
    assert train(config, resume=True).step == 8 and outcome(config) == outcome(straight)


def test_a_rollback_removes_the_records_of_later_steps(digits_config, monkeypatch):
    """Only the states of steps 0 and 20 are saved here."""
    diverge(monkeypatch, at=40)
    config = digits_config(sheets="each", sample_every=1, chunk=3)
    real, ticks = loop.tick, []

    def tick(context, progress, *args):
        real(context, progress, *args)
        ticks.append(progress.step)
        if progress.step == 20:
            recording.save_state(context, progress)

    monkeypatch.setattr(loop, "tick", tick)
    with pytest.raises(Diverged):
        train(config)
    assert 34 in ticks  # a sampling step after the last save
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 1
    assert [row.step for row in records.read_losses(config.samples_folder / "losses.csv", 1000)] == [17]
    assert [path.name for path in (config.samples_folder / "sheets").iterdir()] == ["000017.png"]
    assert checkpoints.newest_state(config.ckpt_folder).step == 20
    assert checkpoints.newest_generator(config.ckpt_folder).step == 20


def test_the_command_ends_with_code_4_and_its_last_good_generator(command, tmp_path, monkeypatch):
    diverge(monkeypatch, at=20)
    folders = ["--ckpt", tmp_path / "c", "--samples", tmp_path / "s"]
    code, out, err = command("train", "--dataset", "digits", "--epochs", 2, "--xla", "off", *folders)
    assert code == 4 and "Traceback" not in err
    *_, sentence = err.strip().splitlines()
    assert "training diverged" in sentence and "--d-lr" in sentence and "--smooth" in sentence
    generator = checkpoints.newest_generator(tmp_path / "c")
    assert all(np.isfinite(np.frombuffer(each, np.float32)).all() for each in tensors(generator.prefix).values())
    assert (tmp_path / "s" / "last_samples.png").exists() and "Done" not in out


def test_a_weight_of_nan_or_inf_is_detected_although_the_losses_are_finite(digits_config):
    config = digits_config()
    with tf.Graph().as_default(), tf.Session() as session:
        network = train_graph.build(config, train_graph.DataSpec((28, 28, 1), np.uint8, 200, 200), chunk=2)
        inputs = network.inputs
        session.run(network.initialize, {inputs.images.values: np.zeros((200, 28, 28, 1), np.uint8)})
        feed = {inputs.first_step: 0, inputs.num_steps: 0, inputs.order: np.zeros((2, 1, 100), np.int32)}
        assert session.run(network.finite, feed)
        for variable in (network.networks.d_vars[0], network.state[-1]):
            broken = session.run(variable)
            broken.flat[-1] = np.inf
            before = session.run(variable)
            variable.load(broken, session)
            assert not session.run(network.finite, feed)
            variable.load(before, session)
            assert session.run(network.finite, feed)


def test_a_loss_that_overflows_ends_training(digits_config):
    fourth_powers = Loss(*[lambda logits, labels: tf.reduce_mean((1e9 * logits) ** 4)] * 3)
    with pytest.raises(Diverged, match=r"training diverged: .* at step \d+; .* --d-lr"):
        train(digits_config(), loss=fourth_powers)
