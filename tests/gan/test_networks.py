"""What D gets of images and of its own kernels: packing, minibatch deviation, spectral normalization."""

import numpy as np
import pytest

from running import SMALL, Running, config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers
from tfgan_v1.gan.networks import STDDEV_GROUP, DInput


def run(make):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(make())


def test_packing_stacks_consecutive_images_along_the_channels():
    images = np.random.default_rng(0).normal(size=(6, 4, 5, 3)).astype(np.float32)
    packed = run(lambda: DInput(pack=3).transform(tf.constant(images), None))
    assert packed.shape == (2, 4, 5, 9)
    for i, pack in enumerate(packed):
        assert np.array_equal(pack, np.concatenate(images[3 * i : 3 * i + 3], axis=-1))
    points = run(lambda: DInput(pack=2).transform(tf.constant([[1.0], [2.0], [3.0], [4.0]]), None))
    assert points.tolist() == [[1, 2], [3, 4]]


def test_minibatch_stddev_appends_the_mean_deviation_of_each_four():
    images = np.random.default_rng(0).normal(size=(8, 4, 5, 3)).astype(np.float32)
    out = run(lambda: layers.minibatch_stddev(tf.constant(images), STDDEV_GROUP))
    assert out.shape == (8, 4, 5, 4) and np.array_equal(out[..., :3], images)
    for i in (0, 4):
        assert np.allclose(out[i : i + 4, ..., 3], images[i : i + 4].std(0).mean(), rtol=1e-5)
    alike = run(lambda: layers.minibatch_stddev(tf.zeros([4, 10]), STDDEV_GROUP))
    assert alike.shape == (4, 11) and np.abs(alike).max() < 1e-3


@pytest.mark.parametrize("model", ["mlp", "dcgan_upsample"])
def test_spectral_normalization_gives_each_kernel_a_largest_singular_value_of_1(model):
    with Running(config(model=model, spectral_norm=True, d_lr=1e-30), 10, SMALL) as running, running.graph.as_default():
        norms = running.gan.networks.spectral_norms
        running.train(0, 10), running.train(10, 10)
        kernels = running.session.run([norm.normalized() for norm in norms])
        raw = running.session.run([norm.kernel for norm in norms])
    assert len(kernels) == len([v for v in running.gan.networks.d_vars if v.op.name.endswith("kernel")]) > 1
    for kernel, before in zip(kernels, raw, strict=True):
        largest = np.linalg.svd(before.reshape(-1, before.shape[-1]), compute_uv=False)[0]
        assert np.isclose(np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0], 1, atol=0.1)
        assert np.allclose(kernel, before / largest, rtol=0.1, atol=1e-3)


def test_the_discriminator_uses_the_normalized_kernels():
    """Ten times the kernels give the same logits, but for the biases."""
    with Running(config(spectral_norm=True), 1) as running, running.graph.as_default():
        networks = running.gan.networks
        images = tf.placeholder(tf.float32, [4, 6, 6, 1])
        logits, iterate = running.logits(images), [norm.iterate() for norm in networks.spectral_norms]
        scaled = [norm.kernel.assign(10 * norm.kernel) for norm in networks.spectral_norms]
        feed = {images: np.random.default_rng(0).normal(size=(4, 6, 6, 1))}
        running.session.run(iterate)
        before = running.session.run(logits, feed)
        running.session.run(scaled)
        assert np.allclose(running.session.run(logits, feed), before, rtol=1e-4, atol=1e-5)


def test_singular_vectors_are_in_the_state_and_are_not_trained():
    with Running(config(spectral_norm=True), 1) as running:
        names = {v.op.name for v in running.gan.state}
        assert {f"discriminator/hidden/kernel_{side}" for side in ("left", "right")} < names
        assert not any("left" in v.op.name for v in running.gan.networks.d_vars)


@pytest.mark.parametrize(
    "options",
    [
        {"pack": 2},
        {"pack": 2, "minibatch_stddev": True, "d_batches": "separate"},
        {"spectral_norm": True, "loss": "hinge", "d_steps": 2, "g_noise": "fresh"},
        {"clip_weights": 0.01, "loss": "wasserstein"},
        {"clip_gradients": 0.1, "decay_steps": 3},
        {"loss": "relativistic_average", "penalty": "r1", "average": 0.9, "augment": "translate,flip"},
    ],
    ids=str,
)
def test_the_loop_equals_single_steps_with_every_technique(options):
    with Running(config(**options), chunk=4) as running:
        start = lambda: running.session.run(running.gan.start_average)  # noqa: E731
        start()
        looped, after = running.train(0, 4), running.values()
        running.reset()
        start()
        single = [running.plain_step(step) for step in range(4)]
        values = running.values()
    assert np.allclose(looped, single, rtol=1e-4, atol=1e-6)
    for name, value in values.items():
        assert np.allclose(value, after[name], rtol=1e-3, atol=1e-5), name


def test_weight_clipping_bounds_d_alone():
    with Running(config(clip_weights=0.01, loss="wasserstein"), 2) as running:
        running.train(0, 2)
        values = running.values()
        bounds = {v.op.name: np.abs(values[v.op.name]).max() for v in (*running.gan.networks.d_vars,)}
        assert max(bounds.values()) <= 0.01 + 1e-9
        assert max(np.abs(values[v.op.name]).max() for v in running.gan.networks.g_vars) > 0.05
