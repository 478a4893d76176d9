"""Whole runs with the techniques beyond the presets: held-out images, scores, evaluations, optimizers."""

import csv
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from conftest import tensors
from running import Running, config
from tfgan_v1 import Config, Generator, Loss, Optimizer, UserError, tf, train
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.storage import run_data, run_folder
from tfgan_v1.training import loop, plan
from tfgan_v1.training.plan import make_plan


def table(path):
    return list(csv.DictReader(path.open()))


@pytest.mark.plots
def test_held_out_images_are_not_trained_on_and_their_outputs_are_recorded(digits_config, capsys):
    config = digits_config(holdout=100)
    made = make_plan(config)
    orders = np.concatenate([made.order(step).ravel() for step in range(0, made.total_steps, made.chunk)])
    assert len(made.split[1]) == 100 == len(set(made.split[1])) and not set(orders) & set(made.split[1])
    assert made.num_images == 1697 and set(orders) <= set(range(1797))
    progress = train(config)
    rows = table(config.samples_folder / "held_out.csv")
    assert list(rows[0]) == ["step", "epoch", "D(training)", "D(held-out)"]
    assert [int(row["step"]) for row in rows] == progress.sample_steps
    assert all(0 < float(row["D(held-out)"]) < 1 for row in rows)
    assert (config.samples_folder / "held_out.png").stat().st_size > 1000
    assert "D(held-out)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_discriminator_that_overfits_is_seen(digits_config):
    """30 images for 2,000 steps: D tells them from images that it has not seen."""
    config = digits_config(holdout=1767, epochs=2000, sample_every=2000, batch_size=30)
    last = train(config).held_out[-1]
    assert last.training > last.held_out + 0.1


@pytest.mark.parametrize("holdout", [1797, 5000])
def test_a_holdout_that_leaves_nothing_to_train_on_is_one_sentence(digits_config, holdout):
    with pytest.raises(UserError, match=f"--holdout {holdout:,} must leave"):
        make_plan(digits_config(holdout=holdout))


def test_scores_are_called_scores(small, capsys):
    config = small(loss="hinge", holdout=8)
    train(config)
    printed = capsys.readouterr()
    assert "score(x)" in printed.out and "D(x)" not in printed.out and "accuracy" not in printed.out
    assert list(table(config.samples_folder / "losses.csv")[0]) == [
        *("step", "epoch", "d_loss", "g_loss", "score(x)", "score(G(z))", "seconds")
    ]
    assert list(table(config.samples_folder / "held_out.csv")[0])[2:] == ["score(training)", "score(held-out)"]
    assert (config.samples_folder / "d_scores.png").exists()
    assert not (config.samples_folder / "probabilities.png").exists()


def test_very_low_scores_are_no_overpowering_discriminator(small, capsys):
    score = LOSSES["wasserstein"]
    low = Loss(score.d_real, lambda logits, labels: tf.reduce_mean(logits) * 100, score.g, critic=True)
    train(small(steps=600, sample_every=600), loss=low)
    assert "overpowers" not in capsys.readouterr().err


def test_each_network_may_have_an_optimizer_of_its_own_with_a_rate_by_the_step(small):
    """G's rate is 0 from its fifth update on, so that its weights stay as they are."""
    stop = Optimizer(lambda rate: tf.train.MomentumOptimizer(rate, 0.0), lambda step: tf.where(step < 4, 0.1, 0.0))
    config = small()
    train(config, g_optimizer=stop)
    generators = {step: tensors(config.ckpt_folder / f"generator.ckpt-{step}") for step in (2, 4, 6)}
    assert generators[2] != generators[4] == generators[6]
    with pytest.raises(UserError, match=r"a custom g_optimizer; .*train\(config, resume=True, g_optimizer=\.\.\.\)"):
        train(replace(config, steps=8), resume=True)


@pytest.mark.parametrize(
    "part, sentence",
    [
        ({"model": lambda: 0}, r"a custom model must be a tfgan_v1\.Model"),
        ({"loss": ["hinge"]}, r"a custom loss must be a tfgan_v1\.Loss, not \['hinge'\]"),
        ({"loss": LOSSES["hinge"]._replace(critic="scores")}, "critic of a custom loss must be True or False"),
        ({"d_optimizer": "adam"}, r"a custom optimizer must be a tfgan_v1\.Optimizer, not 'adam'"),
    ],
    ids=["model", "loss", "critic", "optimizer"],
)
def test_a_custom_part_of_the_wrong_type_is_one_sentence(small, part, sentence):
    with pytest.raises(UserError, match=sentence):
        train(small(), **part)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"model": "gaussian", "dataset": None, "augment": "flip"}, "--augment changes images"),
        ({"model": "gaussian", "dataset": None, "pack": 9, "batch_size": 333}, "use --batches shuffled"),
    ],
    ids=str,
)
def test_techniques_that_the_data_do_not_allow_are_one_sentence(digits_config, options, sentence):
    with pytest.raises(UserError, match=sentence):
        make_plan(digits_config(**options))


@pytest.mark.plots
def test_the_best_generator_so_far_is_kept_and_its_values_are_recorded(small, capsys):
    """Without labels, nothing trains a classifier."""
    config = small(evaluate_every=2, average=0.9)
    progress = train(config)
    rows = table(config.samples_folder / "evaluation.csv")
    values = [float(row["sliced_wasserstein"]) for row in rows]
    best = 2 * (1 + int(np.argmin(values)))
    assert [int(row["step"]) for row in rows] == [2, 4, 6] and progress.best == (best, min(values))
    with Generator.restore(config.ckpt_folder, kind="best") as generator:
        assert generator.step == best
    assert (config.samples_folder / "evaluation.png").stat().st_size > 1000
    assert "the best so far" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_with_labels_is_measured_by_a_classifier(digits_config, monkeypatch):
    from tfgan_v1.evaluation.classifier import Classifier
    from tfgan_v1.training import evaluator

    quick = lambda dataset, test, *places: Classifier.load_or_train(dataset, test, steps=30)  # noqa: E731
    monkeypatch.setattr(evaluator, "load_classifier", quick)
    progress = train(digits_config(epochs=1, evaluate_every=1))
    assert progress.records["evaluation"].header == ("step", "epoch", "frechet_distance", "precision", "recall")
    assert len(progress.evaluation) == 1 and np.isfinite(progress.evaluation[0]).all() and progress.best[0] == 17


def test_too_few_images_to_measure_are_one_sentence_before_training(tmp_path, digits_config):
    np.save(tmp_path / "one.npy", np.zeros((2, 8, 8), np.uint8))
    config = digits_config(dataset=str(tmp_path / "one.npy"), evaluate_every=1)
    with pytest.raises(UserError, match="--evaluate-every needs 2 images"):
        train(config)
    assert not config.ckpt_folder.exists()


def test_all_versions_of_a_picture_are_held_out_together():
    run_data.split_indices.cache_clear()
    training, held_out = run_data.split_indices(Config(holdout=996), "mnist_warped", 60_000)
    assert len(held_out) == 996 and len(training) == 59_004
    assert not set(training % 5000) & set(held_out % 5000) and len(set(held_out % 5000)) == 83


def test_d_is_compared_on_images_from_all_over_the_data(digits_config):
    """Images may be sorted by class, so the first ones would be of one class."""
    made = plan.make_plan(digits_config(holdout=200))
    images = np.arange(1797, dtype=np.float32)[:, None]
    sets = run_data.overfitting_sets(made.config, made.dataset._replace(images=images))
    training, held_out = (part.ravel() for part, _ in sets)
    assert len(training) == len(held_out) == 200 and not {*training} & {*held_out}
    assert training.max() > 1600 and held_out.max() > 1600


def test_real_sets_keep_held_out_images_apart(digits_config):
    config = digits_config(holdout=300)
    made = plan.make_plan(config)
    training, new = run_data.real_sets(config, made.dataset)
    assert (len(training.images), len(new.images), new.name) == (1497, 300, "digits held out")
    assert len(training.labels) == 1497 and np.array_equal(new.images, made.dataset.images[made.split[1]])
    assert run_data.real_sets(digits_config(), made.dataset)[1] is None


def test_the_loop_stops_at_each_evaluation(digits_config):
    made = plan.make_plan(digits_config(epochs=None, steps=20, sample_every=6, evaluate_every=4))
    ends = [first + steps for first, steps in made.chunks(0)]
    assert {4, 6, 8, 12, 16, 18, 20} <= set(ends)


def test_a_broken_pipe_loses_no_evaluation(small, monkeypatch):
    """The line of a step is printed after its evaluation, so that a state of that step has its values."""
    options = {"steps": 4, "evaluate_every": 2}
    whole = train(small("whole", **options))

    def gone(plan, progress, numbers):
        raise BrokenPipeError

    with monkeypatch.context() as patch, pytest.raises(BrokenPipeError):
        patch.setattr(loop.console, "write_line", gone)
        train(small("broken", **options))
    broken = train(small("broken", **options), resume=True)
    assert whole.evaluation == broken.evaluation and whole.best == broken.best


def test_an_edited_record_is_an_error_on_resume(small):
    config = small(evaluate_every=2, holdout=8, steps=2)
    train(config)
    for name in ("evaluation.csv", "held_out.csv"):
        path = config.samples_folder / name
        before = path.read_bytes()
        header, row = path.read_text().splitlines()
        path.write_text(f"{header}\n{row.rpartition(',')[0]},0.123\n")
        with pytest.raises(UserError, match=f"{name} was changed.*move it away"):
            train(replace(config, steps=4), resume=True)
        path.write_bytes(before)


def test_the_unit_of_evaluations_changes_with_the_run_s(digits_config, command):
    config = digits_config(evaluate_every=2)
    places = ["--ckpt", config.ckpt, "--samples", config.samples]
    train(digits_config(epochs=1))
    saved = run_folder.read(config)
    run_folder.write(saved._replace(config=replace(saved.config, evaluate_every=2)))
    code, _, err = command("train", "--resume", "--steps", 40, *places)
    assert code == 2 and "--evaluate-every was counted in epochs; give it anew, in steps" in err


def test_a_gradient_is_clipped_to_its_norm_for_each_network():
    values = []
    for clip in (None, 0.01):
        options = config(clip_gradients=clip)
        descent = Optimizer(tf.train.GradientDescentOptimizer, 1.0)
        with Running(options, 1, d_optimizer=descent, g_optimizer=descent) as running:
            running.train(0, 1)
            after = running.values()
            moves = {name: after[name] - running.initial[name] for name in after if "kernel" in name or "bias" in name}
        values.append(moves)
    for scope in ("generator", "discriminator"):
        free, clipped = (np.concatenate([v.ravel() for n, v in each.items() if n.startswith(scope)]) for each in values)
        assert np.linalg.norm(free) > 0.02 and np.isclose(np.linalg.norm(clipped), 0.01, rtol=1e-3)
        if scope == "discriminator":  # which moves first, from the same weights
            assert np.allclose(clipped, free * 0.01 / np.linalg.norm(free), atol=1e-6)


def test_linear_decay_ends_at_0():
    options = config(decay_steps=2, optimizer="rmsprop")
    with Running(options, 1) as running:
        moves = [running.initial]
        for step in range(3):
            running.train(step, 1)
            moves.append(running.values())
    sizes = [np.abs(b["generator/hidden/kernel"] - a["generator/hidden/kernel"]).sum() for a, b in pairwise(moves)]
    assert sizes[0] > 0 and sizes[1] > 0 and sizes[2] == 0


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: {"d_optimizer": Optimizer(lambda rate: None, 0.1)}, "must return a tf.train.Optimizer"),
        (lambda: {"g_optimizer": Optimizer(tf.train.AdamOptimizer, "0.1")}, "rate is a number"),
        (lambda: {"loss": LOSSES["hinge"]._replace(penalty=lambda *_: None)}, "the loss's penalty must return"),
    ],
    ids=["make", "rate", "penalty"],
)
def test_wrong_custom_parts_are_one_sentence(small, make, sentence):
    with pytest.raises(UserError, match=sentence):
        train(small(), **make())
