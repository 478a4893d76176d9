"""What a run will do, and what it is refused, before TensorFlow is there."""

import numpy as np
import pytest

from tfgan_v1 import Config, UserError, data, train
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.train_graph import CustomParts
from tfgan_v1.training import plan

CONVOLUTIONAL = [name for name, model in MODELS.items() if model.convolutional]


def plan_of(shape=(28, 28, 1), num_images=60_000, own=None, **options):
    dataset = data.Dataset("some", np.broadcast_to(np.uint8(0), (num_images, *shape)))
    metadata = {"num_images": num_images, "image_shape": list(shape)}
    return plan.Plan(Config(**options), dataset, metadata, False, False, plan.Custom(CustomParts(own)))


def test_fewer_images_than_a_batch_give_a_warning(digits_config, capsys):
    config = digits_config(batch_size=1798, epochs=2)
    assert train(config).step == 2
    err = capsys.readouterr().err
    assert "1,797 images, fewer than the 1,798 of one step" in err


def test_steps_between_sampling_steps_are_split_into_equal_chunks():
    def chunk(num_images, batch, most):
        return plan_of(num_images=num_images, batch_size=batch, chunk=most).chunk

    assert [chunk(60_000, 100, most) for most in (1000, 600, 599, 1)] == [600, 600, 300, 1]
    assert chunk(5000, 1, 1000) == 1000 and chunk(5001, 1, 1000) == 834


def test_chunks_end_at_sampling_steps_and_at_the_end_of_the_run():
    plan = plan_of(steps=25, sample_every=10, chunk=4)
    assert list(plan.chunks(0)) == [(0, 4), (4, 4), (8, 2), (10, 4), (14, 4), (18, 2), (20, 4), (24, 1)]
    assert list(plan.chunks(9)) == [(9, 1), *list(plan.chunks(0))[3:]]
    assert list(plan.chunks(25)) == []


@pytest.mark.parametrize("model", CONVOLUTIONAL)
def test_chunks_of_a_slow_model_are_short(model):
    small, large = (plan_of((size, size, 3), model=model) for size in (28, 128))
    assert 1 <= large.chunk < small.chunk <= 20
    assert plan_of((64, 64, 3), own=MODELS["dcgan"]).chunk < 10
    assert plan_of((28, 28, 3), model=model, d_steps=4).chunk <= small.chunk // 3


def test_the_memory_of_streamed_images_and_noise_is_bounded():
    large = plan_of((128, 128, 3), resident_limit=0.001, batch_size=64)
    assert large.streamed and large.chunk * 64 * 128 * 128 * 3 <= plan.CALL_BYTES
    assert not plan_of((128, 128, 3), resident_limit=10.0).streamed
    assert plan_of(batch_size=60_000, noise_size=10_000, steps=9).chunk == 1


def test_step_labels_are_in_the_unit_of_the_run():
    assert plan_of(epochs=3).step_label(1200) == "epoch 2" and plan_of(steps=5000).step_label(1200) == "step 1,200"


def test_tuned_makes_images_of_any_size_up_to_256():
    plan.check_size("tuned", (27, 251))
    with pytest.raises(UserError, match=r"from 8 to 256, not 7x300; the nearest is --image-size 8x256$"):
        plan.check_size("tuned", (7, 300))


@pytest.mark.parametrize("model", [name for name in CONVOLUTIONAL if MODELS[name].size_multiple > 1])
@pytest.mark.parametrize(
    "size, nearest", [((30, 28), "32x28"), ((4, 4), "8x8"), ((29, 27), "28x28"), ((200, 126), "128x128")]
)
def test_an_invalid_size_is_refused_with_the_nearest_valid_one(model, size, nearest):
    with pytest.raises(UserError, match=f"multiples of 4 from 8 to 128, not {size[0]}x{size[1]}; .* {nearest}$"):
        plan.check_size(model, size)
    plan.check_size("mlp", size)


def test_an_invalid_size_is_refused_before_images_are_read(digits_config, monkeypatch):
    monkeypatch.setattr(plan.data, "load", None)
    with pytest.raises(UserError, match="--image-size 32x32"):
        plan.make_plan(digits_config(model="dcgan", image_size="30"))


def test_points_are_refused_by_convolutional_models(digits_config):
    with pytest.raises(UserError, match="--model points"):
        plan.make_plan(digits_config(model="dcgan", dataset="gaussian"))
