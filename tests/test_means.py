"""Whole runs with the means beyond the presets: held-out images, scores, and a resume to the same bits."""

import csv

import numpy as np
import pytest
from conftest import outcome

from tfgan_v1 import Generator, Loss, Optimizer, UserError, tf, train
from tfgan_v1.losses import LOSSES
from tfgan_v1.plan import make_plan

EVERYTHING = {
    "loss": "relativistic_average",
    "smooth": 0.1,
    "penalty": "wgan_gp",
    "penalty_every": 3,
    "average": 0.9,
    "pack": 2,
    "minibatch_stddev": True,
    "augment": "translate,cutout,colour,flip",
    "holdout": 97,
    "clip_gradients": 5.0,
    "decay_steps": 1000,
    "batch_size": 96,
}


def table(path):
    return list(csv.DictReader(path.open()))


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"spectral_norm": True, "loss": "hinge", "smooth": 0.0}], ids=["all", "hinge"])
def test_a_resumed_run_with_every_means_has_the_same_bits(digits_config, more):
    whole, broken = (digits_config(name, **{**EVERYTHING, **more}) for name in ("whole", "broken"))
    train(whole)
    train(digits_config("broken", **{**EVERYTHING, **more, "epochs": 1}))
    train(broken, resume=True)
    assert outcome(whole) == outcome(broken)
    held_out = [(each.samples_folder / "held_out.csv").read_bytes() for each in (whole, broken)]
    assert held_out[0] == held_out[1]


def test_held_out_images_are_not_trained_on_and_their_outputs_are_recorded(digits_config, capsys):
    config = digits_config(holdout=100)
    plan = make_plan(config)
    orders = np.concatenate([plan.order(step).ravel() for step in range(0, plan.total_steps, plan.chunk)])
    assert len(plan.held_out) == 100 == len(set(plan.held_out)) and not set(orders) & set(plan.held_out)
    assert plan.num_images == 1697 and set(orders) <= set(range(1797))
    progress = train(config)
    rows = table(config.samples_folder / "held_out.csv")
    assert list(rows[0]) == ["step", "epoch", "D(training)", "D(held-out)"]
    assert [int(row["step"]) for row in rows] == progress.sample_steps
    assert all(0 < float(row["D(held-out)"]) < 1 for row in rows)
    assert (config.samples_folder / "held_out.png").stat().st_size > 1000
    assert "D(held-out)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_discriminator_that_knows_its_images_by_heart_is_seen(digits_config):
    """30 images for 2,000 steps: D tells them from images that it has not seen."""
    config = digits_config(holdout=1767, epochs=2000, sample_every=2000, batch_size=30)
    last = train(config).held_out[-1]
    assert last.training > last.held_out + 0.1


@pytest.mark.parametrize("holdout", [1797, 5000])
def test_a_holdout_that_leaves_nothing_to_train_on_is_one_sentence(digits_config, holdout):
    with pytest.raises(UserError, match=f"--holdout {holdout:,} must leave"):
        make_plan(digits_config(holdout=holdout))


def test_scores_are_called_scores(digits_config, capsys):
    config = digits_config(loss="hinge", holdout=100)
    train(config)
    printed = capsys.readouterr()
    assert "score(x)" in printed.out and "D(x)" not in printed.out and "accuracy" not in printed.out
    assert list(table(config.samples_folder / "losses.csv")[0]) == [
        *("step", "epoch", "d_loss", "g_loss", "score(x)", "score(G(z))", "seconds")
    ]
    assert list(table(config.samples_folder / "held_out.csv")[0])[2:] == ["score(training)", "score(held-out)"]
    assert (config.samples_folder / "d_scores.png").exists()
    assert not (config.samples_folder / "probabilities.png").exists()


def test_very_low_scores_are_no_overpowering_discriminator(digits_config, capsys):
    score = LOSSES["wasserstein"]
    low = Loss(score.d_real, lambda logits, labels: tf.reduce_mean(logits) * 100, score.g, reads_as="scores")
    train(digits_config(epochs=40, sample_every=40), loss=low)
    assert "overpowers" not in capsys.readouterr().err


def test_each_network_may_have_an_optimizer_of_its_own_with_a_rate_by_the_step(digits_config):
    """G's rate is 0 from its fifth update on, so that its weights stay as they are."""
    config = digits_config(epochs=1, sample_every=1)
    stop = Optimizer(lambda rate: tf.train.MomentumOptimizer(rate, 0.0), lambda step: tf.where(step < 4, 0.1, 0.0))
    short = train(digits_config("short", epochs=None, steps=4, sample_every=4), g_optimizer=stop)
    long = train(config, g_optimizer=stop)
    assert short.losses[-1].step == 4 and long.losses[-1].step == 17
    from conftest import tensors

    from tfgan_v1.storage import checkpoints

    first, second = (tensors(checkpoints.newest_generator(p.config.ckpt_folder).prefix) for p in (short, long))
    assert first == second
    with pytest.raises(UserError, match="custom g_optimizer"):
        train(digits_config(epochs=2, sample_every=1), resume=True)


def test_a_wrong_optimizer_is_one_sentence(digits_config):
    with pytest.raises(UserError, match=r"a custom optimizer must be a tfgan_v1\.Optimizer"):
        train(digits_config(), d_optimizer="adam")


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"model": "gaussian", "dataset": None, "augment": "flip"}, "--augment changes images"),
        ({"model": "gaussian", "dataset": None, "pack": 9, "batch_size": 333}, "use --batches shuffled"),
    ],
    ids=str,
)
def test_means_that_the_data_do_not_allow_are_one_sentence(digits_config, options, sentence):
    with pytest.raises(UserError, match=sentence):
        make_plan(digits_config(**options))


def test_the_best_generator_so_far_is_kept_and_its_figures_are_recorded(digits_config, monkeypatch, capsys):
    """Also over a resume: the best of all, not of the second half."""
    from tfgan_v1 import evaluator

    monkeypatch.setitem(evaluator.METRICS, "labelled", ("sliced_wasserstein",))  # without the time for a classifier
    options = {"evaluate_every": 1, "average": 0.9}
    whole = train(digits_config("whole", **options))
    train(digits_config("broken", **options, epochs=1))
    broken = train(digits_config("broken", **options), resume=True)
    rows = [table(each.config.samples_folder / "evaluation.csv") for each in (whole, broken)]
    assert rows[0] == rows[1] and [int(row["step"]) for row in rows[0]] == [17, 34, 51]
    values = [float(row["sliced_wasserstein"]) for row in rows[0]]
    best = 17 * (1 + int(np.argmin(values)))
    assert whole.best == broken.best == (best, min(values))
    for progress in (whole, broken):
        with Generator.restore(progress.config.ckpt_folder, kind="best") as generator:
            assert generator.step == best
    assert (whole.config.samples_folder / "evaluation.png").stat().st_size > 1000
    assert "the best so far" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_with_labels_is_measured_by_a_classifier(digits_config):
    progress = train(digits_config(epochs=1, evaluate_every=1))
    header, real, rows = progress.evaluation
    assert header == ("step", "epoch", "frechet_distance", "precision", "recall")
    assert rows[0][2] > 5 * real[0]  # after 17 steps


def test_too_few_images_to_measure_are_one_sentence_before_training(tmp_path, digits_config):
    np.save(tmp_path / "one.npy", np.zeros((2, 8, 8), np.uint8))
    config = digits_config(dataset=str(tmp_path / "one.npy"), evaluate_every=1)
    with pytest.raises(UserError, match="needs at least"):
        train(config)
    assert not list(config.ckpt_folder.glob("*.json"))
