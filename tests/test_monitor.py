"""The dangers are said once, in words, and not before they are there."""

import numpy as np

from tfgan_v1.monitor import COLLAPSED_STEPS, OVERPOWERED_STEPS, TrainingMonitor


def test_that_d_has_won_is_said_once_after_long(capsys):
    watch = TrainingMonitor(0.3)
    watch.check_d_fake([0.001] * (OVERPOWERED_STEPS - 1), 499)
    assert capsys.readouterr().err == ""
    watch.check_d_fake([0.001] * 10, 509)
    told = capsys.readouterr().err
    assert "the discriminator has won" in told and told.count("\n") == 1
    watch.check_d_fake([0.001] * 2000, 2509)
    assert capsys.readouterr().err == ""


def test_a_deception_in_between_starts_the_count_anew(capsys):
    watch = TrainingMonitor(0.3)
    for start in range(0, 5000, 100):
        watch.check_d_fake([0.001] * 50 + [0.4] + [0.001] * 49, start + 100)
    watch.check_d_fake([0.4], 5001)
    watch.check_d_fake([0.001] * (OVERPOWERED_STEPS - 1), 5500)
    assert capsys.readouterr().err == ""


ONE, MANY = np.full((16, 8, 8, 1), 0.5), np.random.default_rng(0).random((16, 8, 8, 1))


def test_that_samples_have_collapsed_is_said_once_after_long(capsys):
    watch = TrainingMonitor(0.3)
    for step in range(100, 100 + COLLAPSED_STEPS, 100):  # many a game begins like this
        watch.check_diversity(ONE + 1e-4 * MANY, step)
    watch.check_diversity(MANY, 3000)
    watch.check_diversity(ONE, 3100)
    watch.check_diversity(ONE, 3000 + COLLAPSED_STEPS)
    assert capsys.readouterr().err == ""
    watch.check_diversity(ONE, 3100 + COLLAPSED_STEPS)
    told = capsys.readouterr().err
    assert "the samples have collapsed: from step 3,100 to 5,100" in told and told.count("\n") == 1
    watch.check_diversity(ONE, 9000)
    assert capsys.readouterr().err == ""


def test_a_single_sample_says_nothing(capsys):
    watch = TrainingMonitor(0.3)
    for step in (1000, 9000):
        watch.check_diversity(np.ones((1, 8, 8, 1)), step)
    assert capsys.readouterr().err == ""


def test_a_won_stretch_is_seen_wherever_it_ends(capsys):
    TrainingMonitor(0.3).check_d_fake([0.4] * 20 + [0.001] * OVERPOWERED_STEPS + [0.4] * 30, 1000)
    assert "has won" in capsys.readouterr().err


def test_the_thresholds(capsys):
    watch, noise = TrainingMonitor(0.3), np.random.default_rng(0).normal(size=(16, 8, 8, 1))
    watch.check_d_fake([0.011] * 2 * OVERPOWERED_STEPS, 1000)
    for step in (1000, 9000):
        watch.check_diversity(0.5 + 0.03 * 0.3 * noise, step)  # 3 % of the data's diversity
    assert capsys.readouterr().err == ""
    watch.check_d_fake([0.009] * OVERPOWERED_STEPS, 2000)
    for step in (10_000, 19_000):
        watch.check_diversity(0.5 + 0.015 * 0.3 * noise, step)
    assert capsys.readouterr().err.count("warning") == 2
