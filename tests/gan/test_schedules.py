"""Options that change while training, against NumPy."""

import numpy as np
import pytest

from running import Running, config
from tfgan_v1 import Config, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.optimizers import make_optimizer, step_of
from tfgan_v1.gan.schedules import SHAPES, Schedule, value_at, with_steps

STEPS = np.arange(0, 30)


def by_hand(shape, first, last, steps, step):
    done = min(step / steps, 1)
    return first + (last - first) * (done if shape == "linear" else (1 - np.cos(np.pi * done)) / 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first, last", [(0.002, 0.0001), (0, 500)])
def test_a_schedule_goes_from_its_first_value_to_its_last_and_stays(shape, first, last):
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        value = value_at(f"{shape}:{first}:{last}:20", step)
        values = [session.run(value, {step: number}) for number in STEPS]
    assert np.allclose(values, [by_hand(shape, first, last, 20, number) for number in STEPS], rtol=1e-5, atol=1e-9)
    assert values[0] == np.float32(first) and np.isclose(values[20], last) and len({*values[20:]}) == 1


def test_a_number_is_no_schedule():
    assert value_at(0.1, None) == 0.1


def test_a_schedule_is_the_text_of_its_option():
    assert Schedule.parse("cosine:2e-3:.0002") == ("cosine", 0.002, 0.0002, None)
    assert str(Schedule.parse("linear:1:0:5000")) == "linear:1:0:5000"
    assert with_steps("cosine:1:0", 70) == "cosine:1:0:70" and with_steps("cosine:1:0:9", 70) == "cosine:1:0:9"
    assert Config(d_lr="cosine:2e-3:.0002", g_lr=" Linear:0.1:0").d_lr == "cosine:0.002:0.0002"  # and g_lr falls to 0
    assert Config(model="points", d_lr="linear:1:0").g_decay  # the preset's decay of the other rate stays
    assert Config(penalty="r1", penalty_weight="linear:1:0.1").with_steps(50).penalty_weight == "linear:1:0.1:50"


@pytest.mark.parametrize(
    "options, says",
    [
        ({"d_lr": "cosine:0.1"}, "takes a number"),
        ({"d_lr": "sine:0.1:0.2"}, "linear or cosine"),
        ({"d_lr": "linear:0.1:0:0"}, "STEPS"),  # ends before it begins
        ({"d_lr": "linear:0.1:nan"}, "at both ends"),
        ({"d_lr": 0}, "above 0"),
        ({"d_lr": ("cosine", 0.1, 0.01)}, "SHAPE:FIRST:LAST"),
        ({"augment": "flip", "augment_strength": "adaptve"}, "or adaptive, or SHAPE"),
        ({"beta2": "linear:0.9:1"}, "below 1, at both ends"),
        ({"penalty": "none", "penalty_weight": "linear:1:0.1"}, "no effect without a penalty"),
        ({"d_lr": "linear:0.1:0.01", "decay_steps": 5}, "leave out --decay-steps"),
        ({"g_lr": "linear:0.1:0.01", "g_decay": 0.1}, "--g-lr already says .* leave out --g-decay"),
        ({"average": 0.9, "average_halflife": 50}, "give one of them"),
        ({"augment_strength": "linear:0:1"}, "no effect without augmentations"),
        ({"augment": "flip", "augment_strength": "adaptive"}, "held-out"),
        ({"penalty": "r1,r1"}, "each at most once"),
        (
            {"loss": "relativistic", "conditional": True, "class_frequencies": "uniform"},
            "leave out --class-frequencies",
        ),
        ({"minutes": 3, "steps": 5}, "give one of them"),
        ({"clusters": 1}, "from 2 to"),
        ({"clusters": 5, "labels": "x.csv"}, "give one of them"),
    ],
)
def test_what_cannot_be_is_one_sentence(options, says):
    with pytest.raises(UserError, match=says):
        Config(**options)


@pytest.mark.parametrize(
    "options, network, steps",
    [
        ({}, "d", [0, 1, 2, 3]),
        ({"d_steps": 2}, "d", [0, 0, 1, 1]),
        ({"d_steps": 2}, "g", [0, 1, 2, 3]),
        ({"d_steps": 1, "d_batches": "in_turn"}, "d", [0, 0, 1, 1]),
        ({"d_first": 5}, "g", [5, 6, 7, 8]),
    ],
)
def test_updates_belong_to_training_steps(options, network, steps):
    assert [step_of(Config(**options), network, updates) for updates in range(4)] == steps


@pytest.mark.parametrize("d_steps", [1, 2])
def test_adam_follows_schedules_of_its_rate_and_of_beta2(d_steps):
    """With beta2 b_1, b_2, ..., the second moment is divided by 1 - b_1 b_2 ..., the sum of its weights."""
    start, target = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.3, 0.1], [-1.0, 2.0]])
    options = Config(
        optimizer="adam",
        beta1=0.5,
        epsilon=1e-8,
        d_steps=d_steps,
        d_lr="cosine:0.02:0.001:6",
        beta2="linear:0.5:0.99:8",
    )
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", initializer=start.astype(np.float32), use_resource=True)
        train = make_optimizer(options, "d", [w]).minimize(tf.reduce_sum((w - target.astype(np.float32)) ** 4 / 4))
        session.run(tf.global_variables_initializer())
        theirs = []
        for _ in range(12):
            session.run(train)
            theirs.append(session.run(w))
    w, m, v, product = start.copy(), np.zeros_like(start), np.zeros_like(start), 1.0
    for update, ours in enumerate(theirs):
        step = update // d_steps
        rate, beta2 = by_hand("cosine", 0.02, 0.001, 6, step), by_hand("linear", 0.5, 0.99, 8, step)
        g, product = (w - target) ** 3, product * beta2
        m, v = 0.5 * m + 0.5 * g, beta2 * v + (1 - beta2) * g**2
        w = w - rate * np.sqrt(1 - product) / (1 - 0.5 ** (update + 1)) * m / (np.sqrt(v) + 1e-8)
        assert np.allclose(ours, w, rtol=1e-4), update


def test_the_average_has_a_half_life_that_grows_from_0():
    with Running(config(average_halflife="linear:0:40:4"), 1) as running:
        running.session.run(running.gan.start_average)
        name = "generator/logits/kernel"
        expected = running.values()[name].astype(np.float64)
        for step in range(6):
            running.train(step, 1)
            values = running.values()
            halflife = by_hand("linear", 0, 40, 4, step)
            d = min(0.5 ** (1 / halflife) if halflife else 0, (2 + step) / (11 + step))
            expected = d * expected + (1 - d) * values[name]
            assert np.allclose(values[f"average/{name}"], expected, rtol=1e-4, atol=1e-6), step


def test_the_weight_of_a_penalty_falls_with_the_steps():
    def kernel(weight):
        with Running(config(penalty="r1,r2", penalty_weight=weight), 1) as running:
            running.train(3, 1)
            return running.values()["discriminator/hidden/kernel"]

    assert np.allclose(kernel("linear:80:0:4"), kernel(20.0), atol=1e-6)
    assert not np.allclose(kernel(20.0), kernel(80.0), atol=1e-4)
