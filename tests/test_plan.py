"""What a run will do, and what it is refused, before TensorFlow is there."""

import numpy as np
import pytest

from tfgan_v1 import Config, UserError, data, plan, train
from tfgan_v1.presets import CONVOLUTIONAL


def plan_of(shape=(28, 28, 1), num_images=60_000, own=plan.CustomParts(), **options):  # noqa: B008
    dataset = data.Dataset("some", np.broadcast_to(np.uint8(0), (num_images, *shape)))
    facts = {"num_images": num_images, "image_shape": list(shape)}
    return plan.Plan(Config(**options), dataset, facts, False, False, own)


def test_fewer_images_than_a_batch_are_said_and_come_again(digits_config, capsys):
    config = digits_config(batch_size=1798, epochs=2)
    assert train(config).step == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "1,797 images, fewer than the 1,798 of a step" in told


def test_the_steps_between_samples_are_split_into_equal_calls_none_above_the_chunk():
    def chunk(num_images, batch, most):
        return plan_of(num_images=num_images, batch_size=batch, chunk=most).chunk

    assert [chunk(60_000, 100, most) for most in (1000, 600, 599, 1)] == [600, 600, 300, 1]
    assert chunk(5000, 1, 1000) == 1000 and chunk(5001, 1, 1000) == 834


def test_calls_end_where_samples_are_drawn_and_where_the_run_ends():
    plan = plan_of(steps=25, sample_every=10, chunk=4)
    assert list(plan.chunks(0)) == [(0, 4), (4, 4), (8, 2), (10, 4), (14, 4), (18, 2), (20, 4), (24, 1)]
    assert list(plan.chunks(9)) == [(9, 1), *list(plan.chunks(0))[3:]]
    assert list(plan.chunks(25)) == []


@pytest.mark.parametrize("model", CONVOLUTIONAL)
def test_a_call_of_a_slow_model_is_short(model):
    small, large = (plan_of((size, size, 3), model=model) for size in (28, 128))
    assert 1 <= large.chunk < small.chunk <= 20
    assert plan_of((64, 64, 3), own=plan.CustomParts(model=object())).chunk < 10
    assert plan_of((28, 28, 3), model=model, d_steps=4).chunk <= small.chunk // 3


def test_a_stream_and_the_noise_of_a_call_are_bounded():
    large = plan_of((128, 128, 3), resident_limit=0.001, batch_size=64)
    assert large.streamed and large.chunk * 64 * 128 * 128 * 3 <= plan.CALL_BYTES
    assert not plan_of((128, 128, 3), resident_limit=10.0).streamed
    assert plan_of(batch_size=60_000, noise_size=10_000, steps=9).chunk == 1


def test_epochs_and_steps_are_told_in_their_unit():
    assert plan_of(epochs=3).step_label(1200) == "epoch 2" and plan_of(steps=5000).step_label(1200) == "step 1,200"
    assert plan_of(epochs=3).axis([300, 600]) == [0.5, 1] and plan_of(steps=9).axis([3, 6]) == [3, 6]


@pytest.mark.parametrize("model", CONVOLUTIONAL)
@pytest.mark.parametrize(
    "size, nearest", [((30, 28), "32x28"), ((4, 4), "8x8"), ((29, 27), "28x28"), ((200, 126), "128x128")]
)
def test_sizes_that_a_convolutional_model_cannot_make_are_told_with_the_nearest(model, size, nearest):
    with pytest.raises(UserError, match=f"multiples of 4 from 8 to 128, not {size[0]}x{size[1]}; .* {nearest}$"):
        plan.check_size(model, size)
    plan.check_size("mlp", size)


def test_sizes_are_told_before_the_images_are_read(digits_config, monkeypatch):
    monkeypatch.setattr(plan.data, "load", None)
    with pytest.raises(UserError, match="--image-size 32x32"):
        plan.make_plan(digits_config(model="dcgan", image_size="30"))


def test_points_have_no_convolutions(digits_config):
    with pytest.raises(UserError, match="--model gaussian or mlp"):
        plan.make_plan(digits_config(model="dcgan", dataset="gaussian"))


def test_xla_is_on_where_it_is_faster(monkeypatch, digits_config):
    assert plan.make_plan(digits_config(xla="auto")).config.xla == "on"
    monkeypatch.setattr(plan, "FASTER_WITH_XLA", ())
    assert plan.make_plan(digits_config(xla="auto")).config.xla == "off"
    assert plan.make_plan(digits_config(xla="on")).config.xla == "on"
