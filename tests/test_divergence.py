"""A game whose numbers become infinite goes back to its last good state, and ends there if that is in vain."""

import numpy as np
import pytest
from conftest import outcome, tensors

from tfgan_v1 import Loss, gan, load_samples, train, training
from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import Diverged
from tfgan_v1.storage import checkpoints, records


def stumbling(monkeypatch, at, metric=np.nan, finite=True, times=1):
    """Lets the call that does step `at` return, so many times, a loss or a state that is no finite number."""
    real, left = training.make_train_fn, [times]

    def make_train_fn(*args):
        steps_of = real(*args)

        def train_steps(first, steps):
            done, whole = steps_of(first, steps)
            if first < at <= first + steps and left[0]:
                left[0] -= 1
                done = done.copy()
                done[at - first - 1 :, 0] = metric
                whole = finite
            return done, whole

        return train_steps

    monkeypatch.setattr(training, "make_train_fn", make_train_fn)


@pytest.mark.parametrize("fault", [{"metric": np.inf}, {"metric": 1.0, "finite": False}], ids=["loss", "weights"])
@pytest.mark.parametrize("limit", [1.0, 0.0], ids=["resident", "streamed"])
def test_after_a_fault_of_the_machine_the_run_ends_as_it_would_have(digits_config, monkeypatch, capsys, fault, limit):
    straight = digits_config("straight", resident_limit=limit)
    train(straight)
    config = digits_config("stumbled", resident_limit=limit, chunk=4)
    monkeypatch.setattr(training, "SAVE_SECONDS", 0)
    stumbling(monkeypatch, at=30, **fault)
    progress = train(config)
    assert progress.step == 51 and len(progress.samples) == 3
    assert outcome(config) == outcome(straight)
    told = capsys.readouterr().err
    assert "the game has diverged at step " in told and "of step 29" in told and told.count("warning") == 1


def test_what_was_thrown_away_is_on_no_record(digits_config, monkeypatch):
    """Nothing but the first state is saved by the clock here; the second try saves the third epoch's beginning."""
    stumbling(monkeypatch, at=40, times=10)
    config = digits_config(sheets="each", sample_every=1, chunk=3)
    with pytest.raises(Diverged):
        train(config)
    assert len(load_samples(config.samples_folder / "train_samples.pkl")) == 2
    assert [row.step for row in records.read_losses(config.samples_folder / "losses.csv", 1000)] == [17, 34]
    assert sorted(path.name for path in (config.samples_folder / "sheets").iterdir()) == ["000017.png", "000034.png"]
    assert 34 <= checkpoints.newest_state(config.ckpt_folder).step < 40
    assert 34 <= checkpoints.newest_generator(config.ckpt_folder).step < 40
    monkeypatch.undo()
    assert train(config, resume=True).step == 51


def test_a_game_that_diverges_twice_at_one_step_ends_with_code_4_and_its_last_good_generator(
    command, tmp_path, monkeypatch
):
    stumbling(monkeypatch, at=20, times=2)
    folders = ["--ckpt", tmp_path / "c", "--samples", tmp_path / "s"]
    code, out, err = command("train", "--dataset", "digits", "--epochs", 2, "--xla", "off", *folders)
    assert code == 4 and "Traceback" not in err
    warning, sentence = err.strip().splitlines()
    assert "goes on from its last good state, of step 0" in warning
    assert "diverged again at step " in sentence and "--d-lr" in sentence and "--smooth" in sentence
    generator = checkpoints.newest_generator(tmp_path / "c")
    assert all(np.isfinite(np.frombuffer(each, np.float32)).all() for each in tensors(generator.prefix).values())
    assert (tmp_path / "s" / "last_samples.png").exists() and "Done" not in out


def test_a_weight_that_is_no_number_is_seen_although_the_losses_are(digits_config):
    config = digits_config()
    with tf.Graph().as_default(), tf.Session() as session:
        network = gan.build(config, (28, 28, 1), np.uint8, 200, chunk=2)
        session.run(network.initialize, {network.images: np.zeros((200, 28, 28, 1), np.uint8)})
        feed = {network.first_step: 0, network.num_steps: 0, network.order: np.zeros((2, 1, 100), np.int32)}
        assert session.run(network.finite, feed)
        for variable in (network.networks.d_vars[0], network.state[-1]):
            broken = session.run(variable)
            broken.flat[-1] = np.inf
            before = session.run(variable)
            variable.load(broken, session)
            assert not session.run(network.finite, feed)
            variable.load(before, session)
            assert session.run(network.finite, feed)


def test_a_game_of_too_large_steps_diverges_of_its_own(digits_config, capsys):
    """Squared logits, and a rate at which they grow from step to step."""
    squares = Loss(*[lambda logits, labels: tf.reduce_mean((1e9 * logits) ** 4)] * 3)
    with pytest.raises(Diverged, match=r"diverged again at step \d+: .* --d-lr"):
        train(digits_config(d_lr=1.0, g_lr=1.0), loss=squares)
