"""The sentences that say why a run fails, from made-up records: each kind shows, and a healthy run shows none."""

import json

import numpy as np
import pytest

from tfgan_v1.report import diagnosis
from tfgan_v1.report.diagnosis import Recorded
from tfgan_v1.storage import names
from tfgan_v1.storage.records import HeldOut, Losses
from tfgan_v1.training.train import train

STEPS = list(range(0, 5001, 100))
RANDOM = np.random.RandomState(0)
REAL = RANDOM.uniform(size=[200, 4, 4, 1]).astype(np.float32)


def losses(d_x=0.6, d_g_z=0.4, steps=STEPS):
    return [Losses(step, 1, 1.4, 0.7, d_x, d_g_z, 0.5, 0.5, 1.0) for step in steps]


def settling(rate=0.7):
    """Samples of the same noise, that move ever less."""
    first, last = REAL[:32] * 0 + 0.5, REAL[32:64]
    return [last + (first - last) * rate**k for k in range(len(STEPS))]


def statistics(modes=8, on_mode=0.95):
    row = {"modes": modes, "on_mode": on_mode, "real_on_mode": 0.989}
    return [{"step": step} | row for step in STEPS]


HEALTHY = Recorded(losses(), [], [], [], STEPS, settling(), REAL)
RING = HEALTHY._replace(statistics=statistics(), modes=8)
JUMPING = [RANDOM.permutation(REAL[:32]) for _ in STEPS]
FAILING = {
    "collapse": HEALTHY._replace(samples=[REAL[:1] + 0.01 * image for image in settling()]),
    "collapse of points": RING._replace(statistics=statistics(modes=3)),
    "d_won": HEALTHY._replace(losses=losses(0.95, 0.001)),
    "d_won of points": RING._replace(losses=losses(0.95, 0.001), statistics=statistics(modes=0)),
    "oscillation": HEALTHY._replace(samples=JUMPING),
    "oscillation of points": RING._replace(
        statistics=[row | {"on_mode": (0.9, 0.8, 0.4)[k % 3]} for k, row in enumerate(statistics())]
    ),
    "bridges": RING._replace(statistics=statistics(on_mode=0.3)),
    "memorization": HEALTHY._replace(held_out=[HeldOut(step, 1, 0.9, 0.3) for step in STEPS]),
    "memorization by G": HEALTHY._replace(evaluation=[{"step": step, "copied": 0.9} for step in STEPS]),
}


@pytest.mark.parametrize("name", FAILING)
def test_each_failure_is_named_with_its_steps_and_numbers_and_no_other_is(name):
    [(first, last, kind, numbers)] = diagnosis.diagnose(FAILING[name])
    assert kind == name.split()[0]
    assert STEPS[0] <= first <= 1000 and last == STEPS[-1]
    assert numbers and all(np.isfinite(value) for value in numbers.values())


@pytest.mark.parametrize("recorded", [HEALTHY, RING, Recorded(), RING._replace(samples=[], steps=[])])
def test_a_healthy_run_and_one_without_records_show_nothing(recorded):
    assert diagnosis.diagnose(recorded) == []


@pytest.mark.parametrize("name", FAILING)
def test_what_shows_for_a_moment_only_is_no_failure(name):
    """Two sampling steps of it, in a run that is healthy before and after."""
    good, bad = (RING if FAILING[name].modes else HEALTHY), FAILING[name]
    held = HEALTHY._replace(held_out=[HeldOut(step, 1, 0.6, 0.6) for step in STEPS])
    calm = held._replace(evaluation=[{"step": step, "copied": 0.05} for step in STEPS])

    def for_a_moment(field):
        usual, other = getattr(calm if field in ("held_out", "evaluation") else good, field), getattr(bad, field)
        return [*usual[:20], *other[20:22], *usual[22:]] if other else usual

    fields = ("losses", "held_out", "statistics", "evaluation", "samples")
    assert diagnosis.diagnose(good._replace(**{field: for_a_moment(field) for field in fields})) == []


def test_a_collapse_that_a_run_recovers_from_is_none_but_one_in_which_it_ends_is():
    rows = statistics(modes=3)[:10] + statistics()[10:]
    assert diagnosis.diagnose(RING._replace(statistics=rows)) == []
    ends = RING._replace(statistics=statistics(modes=3)[:10], total=900)
    assert [(first, last) for first, last, *_ in diagnosis.diagnose(ends)] == [(500, 900)]


def test_a_run_that_begins_with_samples_that_are_alike_is_learning_in_its_first_half():
    alike = FAILING["collapse"]
    for recorded in (alike, FAILING["collapse of points"]):
        early = recorded._replace(total=100 * STEPS[-1])
        assert diagnosis.diagnose(early) == []
        late = recorded._replace(total=STEPS[-1])
        assert [(first, last) for first, last, *_ in diagnosis.diagnose(late)] == [(STEPS[-1] // 2, STEPS[-1])]
    varied = HEALTHY._replace(samples=[*HEALTHY.samples[:10], *alike.samples[10:]], total=100 * STEPS[-1])
    assert [(first, kind) for first, _, kind, _ in diagnosis.diagnose(varied)] == [(STEPS[10], "collapse")]


def test_a_failure_that_ends_has_a_last_step_and_may_come_again():
    rows = statistics(modes=3)[5:27] + statistics()[27:30] + statistics(modes=2)[30:]
    found = diagnosis.diagnose(RING._replace(statistics=rows))
    assert [(first, last, kind) for first, last, kind, _ in found] == [
        (500, 2600, "collapse"),
        (3000, 5000, "collapse"),
    ]
    assert [numbers["modes"] for *_, numbers in found] == [3, 2]


def test_scores_of_a_critic_are_no_probabilities():
    scores = HEALTHY._replace(losses=losses(0.95, -3), critic=True, held_out=FAILING["memorization"].held_out)
    assert diagnosis.diagnose(scores) == []


def test_spread_is_1_for_images_as_different_as_real_ones_and_0_for_copies():
    assert diagnosis.spread(REAL[:50], REAL[50:]) == pytest.approx(1, abs=0.1)
    assert diagnosis.spread(np.repeat(REAL[:2], 20, 0), REAL) == pytest.approx(0, abs=1e-6)
    assert diagnosis.spread(REAL[:1], REAL) == 1  # of one image nothing is known
    points = RANDOM.normal(size=[500, 2])
    assert diagnosis.spread(0.5 * points, points) == pytest.approx(0.5)


@pytest.mark.slow
def test_a_real_run_in_which_d_wins_says_so_on_its_page(digits_config):
    config = digits_config(epochs=None, steps=600, sample_every=100, loss="minimax", smooth=0.0)
    train(config, verbose=0)
    [found] = json.loads((config.samples_folder / names.REVIEW).read_text())["diagnosis"]
    assert found["kind"] == "d_won" and found["x"] <= 200 and found["end"] == 600
    assert found["numbers"]["d_x"] > 0.9 and found["numbers"]["d_g_z"] < 0.01
    assert b'"kind": "d_won"' in (config.samples_folder / names.REVIEW_PAGE).read_bytes()


@pytest.mark.slow
def test_a_real_run_on_points_that_goes_well_says_nothing(digits_config):
    config = digits_config(
        model="gaussian", dataset="gaussian", epochs=None, steps=900, sample_every=100, batch_size=333
    )
    train(config, verbose=0)
    assert json.loads((config.samples_folder / names.REVIEW).read_text())["diagnosis"] == []
