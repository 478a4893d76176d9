"""The dangers are said once, in words, and not before they are there."""

import numpy as np

from tfgan_v1.monitor import COLLAPSED_STEPS, WON_STEPS, Watch


def test_that_d_has_won_is_said_once_after_long(capsys):
    watch = Watch(0.3)
    watch.see_beliefs([0.001] * (WON_STEPS - 1), 499)
    assert capsys.readouterr().err == ""
    watch.see_beliefs([0.001] * 10, 509)
    told = capsys.readouterr().err
    assert "the discriminator has won" in told and told.count("\n") == 1
    watch.see_beliefs([0.001] * 2000, 2509)
    assert capsys.readouterr().err == ""


def test_a_deception_in_between_starts_the_count_anew(capsys):
    watch = Watch(0.3)
    for start in range(0, 5000, 100):
        watch.see_beliefs([0.001] * 50 + [0.4] + [0.001] * 49, start + 100)
    watch.see_beliefs([0.4], 5001)
    watch.see_beliefs([0.001] * (WON_STEPS - 1), 5500)
    assert capsys.readouterr().err == ""


ONE, MANY = np.full((16, 8, 8, 1), 0.5), np.random.default_rng(0).random((16, 8, 8, 1))


def test_that_samples_have_collapsed_is_said_once_after_long(capsys):
    watch = Watch(0.3)
    for step in range(100, 100 + COLLAPSED_STEPS, 100):  # many a game begins like this
        watch.see_samples(ONE + 1e-4 * MANY, step)
    watch.see_samples(MANY, 3000)
    watch.see_samples(ONE, 3100)
    watch.see_samples(ONE, 3000 + COLLAPSED_STEPS)
    assert capsys.readouterr().err == ""
    watch.see_samples(ONE, 3100 + COLLAPSED_STEPS)
    told = capsys.readouterr().err
    assert "the samples have collapsed: from step 3,100 to 5,100" in told and told.count("\n") == 1
    watch.see_samples(ONE, 9000)
    assert capsys.readouterr().err == ""


def test_a_single_sample_says_nothing(capsys):
    watch = Watch(0.3)
    for step in (1000, 9000):
        watch.see_samples(np.ones((1, 8, 8, 1)), step)
    assert capsys.readouterr().err == ""


def test_a_won_stretch_is_seen_wherever_it_ends(capsys):
    Watch(0.3).see_beliefs([0.4] * 20 + [0.001] * WON_STEPS + [0.4] * 30, 1000)
    assert "has won" in capsys.readouterr().err


def test_the_thresholds(capsys):
    watch, noise = Watch(0.3), np.random.default_rng(0).normal(size=(16, 8, 8, 1))
    watch.see_beliefs([0.011] * 2 * WON_STEPS, 1000)
    for step in (1000, 9000):
        watch.see_samples(0.5 + 0.03 * 0.3 * noise, step)  # 3 % of the data's diversity
    assert capsys.readouterr().err == ""
    watch.see_beliefs([0.009] * WON_STEPS, 2000)
    for step in (10_000, 19_000):
        watch.see_samples(0.5 + 0.015 * 0.3 * noise, step)
    assert capsys.readouterr().err.count("warning") == 2
