"""The averaged generator: its formula, its checkpoints, and a resume."""

import numpy as np
import pytest

from conftest import tensors, thorough
from running import SMALL, Running, config
from tfgan_v1 import Generator, UserError, train
from tfgan_v1.storage import checkpoints


@pytest.mark.parametrize("decay", [thorough(0.3), 0.9])
def test_the_average_follows_its_formula_also_for_batch_norm(decay):
    with Running(config(model="conv", average=decay), 1, SMALL) as running:
        running.session.run(running.gan.start_average)
        names = [v.op.name for v in running.gan.networks.g_state]
        expected = {name: running.values()[name].astype(np.float64) for name in names}
        for step in range(6):
            running.train(step, 1)
            values = running.values()
            d = min(decay, (2 + step) / (11 + step))
            for name in names:
                expected[name] = d * expected[name] + (1 - d) * values[name]
        for name in names:
            assert np.allclose(values[f"average/{name}"], expected[name], rtol=1e-4, atol=1e-6), name
        assert any("moving_variance" in name for name in names)


def test_the_average_starts_at_the_generator_and_costs_training_no_bit():
    with Running(config(), 3) as plain, Running(config(average=0.99), 3) as averaged:
        averaged.session.run(averaged.gan.start_average)
        values = averaged.values()
        assert all(
            np.array_equal(values[f"average/{v.op.name}"], values[v.op.name]) for v in averaged.gan.networks.g_state
        )
        plain.train(0, 3), averaged.train(0, 3)
        after = averaged.bits()
        assert plain.bits() == {name: after[name] for name in plain.bits()}


def test_previews_are_of_the_averaged_generator():
    with Running(config(average=0.99), 1) as running:
        running.session.run(running.gan.start_average)
        before = running.preview(9)
        running.session.run([v.initializer for v in running.gan.networks.g_vars])  # new weights; the average stays
        assert np.array_equal(running.preview(9), before)
        running.session.run(running.gan.start_average)
        assert not np.array_equal(running.preview(9), before)


def test_both_generators_are_saved_and_sampled(digits_config, command):
    config = digits_config(average=0.9)
    progress = train(config)
    folder = config.ckpt_folder
    latest, average = (checkpoints.newest_generator(folder, kind) for kind in ("latest", "average"))
    assert tensors(latest.prefix).keys() == tensors(average.prefix).keys()
    assert tensors(latest.prefix) != tensors(average.prefix)
    images = {}
    for kind in (None, "latest", "average"):
        with Generator.restore(folder, kind=kind) as generator:
            images[kind] = generator(range(4))
    assert np.array_equal(images[None], images["average"]) and not np.array_equal(images["latest"], images["average"])
    assert len(progress.samples) == 3
    out = folder.parent / "x.npy"
    assert command("sample", "--ckpt", folder, "--generator", "latest", "--num", 4, "--out", out)[0] == 0
    assert np.array_equal(np.load(out), images["latest"])


@pytest.mark.parametrize("kind, hint", [("average", "--average 0.999"), ("best", "--evaluate-every")])
def test_a_generator_that_the_run_does_not_keep_is_one_sentence(finished, kind, hint):
    with pytest.raises(UserError, match=f"has no {kind} generator: train with {hint}"):
        Generator.restore(finished.config.ckpt_folder, kind=kind)
