"""Failures of training are reported once, and not before they last."""

import numpy as np

from tfgan_v1.training.monitor import COLLAPSED_STEPS, OVERPOWERED_STEPS, TrainingMonitor


def test_an_overpowering_discriminator_is_reported_once_after_500_steps(capsys):
    monitor = TrainingMonitor(0.3)
    monitor.check_d_fake([0.001] * (OVERPOWERED_STEPS - 1), 499)
    assert capsys.readouterr().err == ""
    monitor.check_d_fake([0.001] * 10, 509)
    err = capsys.readouterr().err
    assert "the discriminator overpowers the generator" in err and err.count("\n") == 1
    monitor.check_d_fake([0.001] * 2000, 2509)
    assert capsys.readouterr().err == ""


def test_a_single_step_in_which_d_is_deceived_restarts_the_count(capsys):
    monitor = TrainingMonitor(0.3)
    for start in range(0, 5000, 100):
        monitor.check_d_fake([0.001] * 50 + [0.4] + [0.001] * 49, start + 100)
    monitor.check_d_fake([0.4], 5001)
    monitor.check_d_fake([0.001] * (OVERPOWERED_STEPS - 1), 5500)
    assert capsys.readouterr().err == ""


ONE, MANY = np.full((16, 8, 8, 1), 0.5), np.random.default_rng(0).random((16, 8, 8, 1))


def test_mode_collapse_is_reported_once_after_2000_steps(capsys):
    monitor = TrainingMonitor(0.3)
    for step in range(100, 100 + COLLAPSED_STEPS, 100):  # many runs begin like this
        monitor.check_diversity(ONE + 1e-4 * MANY, step)
    monitor.check_diversity(MANY, 3000)
    monitor.check_diversity(ONE, 3100)
    monitor.check_diversity(ONE, 3000 + COLLAPSED_STEPS)
    assert capsys.readouterr().err == ""
    monitor.check_diversity(ONE, 3100 + COLLAPSED_STEPS)
    err = capsys.readouterr().err
    assert "mode collapse: from step 3,100 to 5,100" in err and err.count("\n") == 1
    monitor.check_diversity(ONE, 9000)
    assert capsys.readouterr().err == ""


def test_a_single_sample_per_step_is_no_mode_collapse(capsys):
    monitor = TrainingMonitor(0.3)
    for step in (1000, 9000):
        monitor.check_diversity(np.ones((1, 8, 8, 1)), step)
    assert capsys.readouterr().err == ""


def test_a_stretch_of_500_steps_is_found_within_a_call(capsys):
    TrainingMonitor(0.3).check_d_fake([0.4] * 20 + [0.001] * OVERPOWERED_STEPS + [0.4] * 30, 1000)
    assert "overpowers" in capsys.readouterr().err


def test_the_thresholds_are_001_and_2_percent_of_the_diversity(capsys):
    monitor, noise = TrainingMonitor(0.3), np.random.default_rng(0).normal(size=(16, 8, 8, 1))
    monitor.check_d_fake([0.011] * 2 * OVERPOWERED_STEPS, 1000)
    for step in (1000, 9000):
        monitor.check_diversity(0.5 + 0.03 * 0.3 * noise, step)  # 3 % of the data's diversity
    assert capsys.readouterr().err == ""
    monitor.check_d_fake([0.009] * OVERPOWERED_STEPS, 2000)
    for step in (10_000, 19_000):
        monitor.check_diversity(0.5 + 0.015 * 0.3 * noise, step)
    assert capsys.readouterr().err.count("warning") == 2
