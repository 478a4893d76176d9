"""What a run will do, and what it is refused, before TensorFlow is there."""

import pytest

from tfgan_v1 import Config, UserError, plans, train


def test_batches_beyond_the_data_are_refused_before_anything_is_made(digits_config):
    config = digits_config(batch_size=1798)
    with pytest.raises(UserError, match="--batch-size 1,798 is more than the 1,797 images"):
        train(config)
    assert not config.ckpt_folder.exists()
    assert train(digits_config(batch_size=1797, epochs=1)).step == 1


def test_epochs_are_split_into_equal_calls_none_above_the_chunk():
    def chunk(num_images, batch, most):
        facts = {"num_images": num_images}
        return plans.Plan(Config(batch_size=batch, chunk=most), None, facts, False, False).chunk

    assert [chunk(60_000, 100, most) for most in (1000, 600, 599, 1)] == [600, 600, 300, 1]
    assert chunk(5000, 1, 1000) == 1000 and chunk(5001, 1, 1000) == 834


def test_xla_is_on_where_it_is_faster(monkeypatch, digits_config):
    assert plans.make_plan(digits_config(xla="auto")).config.xla == "on"
    monkeypatch.setattr(plans, "FASTER_WITH_XLA", ())
    assert plans.make_plan(digits_config(xla="auto")).config.xla == "off"
    assert plans.make_plan(digits_config(xla="on")).config.xla == "on"
