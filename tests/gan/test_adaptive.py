"""Adaptive augmentation: the controller against NumPy, and its strength in small runs that overfit, or do not."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from conftest import outcome
from tfgan_v1 import UserError, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import adaptive
from tfgan_v1.gan.adaptive import DECAY, EVERY, RAMP, Steering
from tfgan_v1.storage import checkpoints
from tfgan_v1.training import plan

ADAPTIVE = {"augment": "translate,cutout,flip", "augment_strength": "adaptive", "holdout": 12}


def twin(outputs, strength, averages):
    """One adjustment by D's mean outputs on training, held-out and generated images: by r_v of eq. 1."""
    averages = DECAY * averages + (1 - DECAY) * np.array(outputs)
    training, held_out, generated = averages
    r_v = (training - held_out) / (training - generated)
    return np.clip(strength + (EVERY / RAMP if r_v > 0.5 else -EVERY / RAMP), 0, 1), averages


@pytest.fixture
def steered():
    """(outputs on training and generated images, on held-out ones, step) -> (strength, averages) after the step."""
    with tf.Graph().as_default(), tf.Session() as session:
        steering = Steering.create()
        metrics, held_out, step = (
            tf.placeholder(*each) for each in ((tf.float32, [7]), (tf.float32, []), (tf.int64, []))
        )
        numbers = []
        after = steering.after(metrics, step, lambda number: numbers.append(number) or held_out)
        session.run(tf.global_variables_initializer())

        def run(training, generated, output, number):
            row = np.arange(7, dtype=np.float32)
            row[2:4] = training, generated
            same = session.run(after, {metrics: row, held_out: output, step: number})
            assert np.array_equal(same, row)
            return session.run([steering.strength, steering.outputs])

        run.session, run.steering = session, steering
        yield run


def test_the_strength_follows_the_overfitting_as_in_numpy(steered):
    random, strength, averages = np.random.default_rng(0), 0.0, np.zeros(3)
    seen = []
    for number in range(400):
        overfits = number // 100 in (0, 2, 3)
        training, generated = 0.8 + 0.02 * random.normal(), 0.2 + 0.02 * random.normal()
        held_out = (0.3 if overfits else 0.7) + 0.02 * random.normal()
        found = steered(training, generated, held_out, number)
        if number % EVERY == 0:
            strength, averages = twin((training, held_out, generated), strength, averages)
        assert np.isclose(found[0], strength, atol=1e-5) and np.allclose(found[1], averages, atol=1e-5), number
        seen.append(strength)
    assert seen[99] == pytest.approx(0.1) and seen[199] < seen[99] and seen[399] > 0.15


def test_the_strength_stays_between_0_and_1(steered):
    step = EVERY / RAMP
    assert steered(0.8, 0.2, 0.8, 0)[0] == 0
    steered.session.run(steered.steering.strength.assign(1 - step / 2))
    assert steered(0.8, 0.2, 0.0, EVERY)[0] == 1
    assert steered(0.8, 0.2, 0.0, EVERY + 1)[0] == 1  # no step for an adjustment


def test_a_d_that_knows_nothing_is_no_overfitting(steered):
    for number in range(0, 40, EVERY):
        assert steered(0.5, 0.5, 0.5, number)[0] == 0


def test_held_out_images_are_drawn_from_those_that_are_held_out(small):
    from running import PIXELS, config
    from tfgan_v1.gan.conditioning import Batch

    with tf.Graph().as_default(), tf.Session() as session:
        images, labels = tf.constant(PIXELS), tf.range(len(PIXELS))
        held_out = np.array([3, 17, 39], np.int32)
        batches = [
            session.run(adaptive.held_out_batch(config(seed=seed), Batch(images, labels), held_out, number)[:2])
            for seed, number in ((0, 5), (0, 5), (0, 6), (1, 5))
        ]
    for drawn, classes in batches:
        assert {*classes} == {*held_out} and np.array_equal(drawn, PIXELS[classes])
    assert np.array_equal(batches[0][1], batches[1][1]) and len({b.tobytes() for _, b in batches}) == 3


def strengths(config):
    rows = list(csv.DictReader((config.samples_folder / "augment_strength.csv").open()))
    return [int(row["step"]) for row in rows], [float(row["augment_strength"]) for row in rows]


def test_overfitting_raises_the_strength_and_many_images_do_not(small, tmp_path, monkeypatch):
    monkeypatch.setattr(adaptive, "RAMP", 100)  # or it takes thousands of steps
    random = np.random.default_rng(0)
    np.save(tmp_path / "few.npy", random.integers(0, 256, (24, 8, 8), np.uint8))  # noise: nothing but to learn by heart
    kinds = random.integers(0, 256, (1, 8, 8))
    np.save(tmp_path / "alike.npy", np.clip(kinds + random.normal(size=(2000, 8, 8)), 0, 255).astype(np.uint8))
    options = {**ADAPTIVE, "augment": "flip", "steps": 300, "sample_every": 60, "smooth": 0.0, "batch_size": 12}
    few = small("few", dataset=tmp_path / "few.npy", **options)
    train(few)
    steps, values = strengths(few)
    assert steps == [60, 120, 180, 240, 300] and max(values) > 0.5
    alike = small("alike", dataset=tmp_path / "alike.npy", **{**options, "holdout": 200})
    train(alike)
    assert max(strengths(alike)[1]) < 0.3


@pytest.mark.slow
def test_the_strength_and_its_averages_are_in_the_state_and_a_resume_has_the_same_bits(small, monkeypatch, capsys):
    monkeypatch.setattr(adaptive, "RAMP", 20)
    options = {**ADAPTIVE, "loss": "relativistic", "penalty": "r1,r2", "batch_size": 12, "steps": 18, "sample_every": 6}
    straight, broken = (small(folder, **options) for folder in ("straight", "broken"))
    train(straight)
    out = capsys.readouterr().out
    train(replace(broken, steps=9, chunk=2))
    train(replace(broken, chunk=1), resume=True)
    ours, theirs = outcome(broken), outcome(straight)
    assert ours == theirs and strengths(broken) == strengths(straight)
    state = {name: value for name, value in theirs["state"].items() if name.startswith("augment/")}
    assert {*state} == {"augment/strength", "augment/outputs"}
    assert np.frombuffer(state["augment/outputs"], np.float32).any()
    strength = np.frombuffer(state["augment/strength"], np.float32)[0]
    assert strengths(straight)[1][-1] == pytest.approx(strength) and f"augmentation {strength:.2f}" in out
    generator = checkpoints.newest_generator(straight.ckpt_folder)
    assert not any(name.startswith("augment") for name in outcome(straight)["generator"]) and generator.step == 18


@pytest.mark.parametrize(
    "options, planned, right",
    [
        ({"resident_limit": 0.0}, {}, "one process; use a larger --resident-limit$"),
        ({}, {"workers": 2}, "one process; use one process$"),
        ({"holdout": 0}, {}, "--augment-strength adaptive looks at held-out images; add --holdout N"),
        ({"augment": "none"}, {}, "--augment-strength has no effect without augmentations"),
        ({"augment_strength": 1.5}, {}, "--augment-strength must be"),
        ({"augment_strength": "Adaptive!"}, {}, "--augment-strength takes a number"),
    ],
)
def test_what_cannot_be_steered_is_one_sentence(small, options, planned, right):
    with pytest.raises(UserError, match=right):
        plan.make_plan(small(**{**ADAPTIVE, **options}), **planned)
