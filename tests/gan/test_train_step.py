"""Algorithm 1: one step against NumPy, and what each option makes of it."""

import numpy as np
import pytest

from running import BATCH, NOISE, PIXELS, SHAPE, SMALL, Running, config, draw
from tfgan_v1 import Loss, Model
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers, noise
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.train_step import STEP_METRICS, rng_keys
from tfgan_v1.storage import records


def training_noise(seed, step):
    return draw(seed, noise.TRAINING, step, [BATCH, NOISE])


class NumpyGAN:
    """The published step in plain NumPy, float64: forward, backward, and Adam for each network (arXiv:1412.6980)."""

    def __init__(self, values, options):
        self.w = {n: v.astype(np.float64) for n, v in values.items() if n.split("/")[-1] in ("kernel", "bias")}
        self.m, self.v = ({n: np.zeros_like(w) for n, w in self.w.items()} for _ in range(2))
        self.options, self.t = options, 0

    def forward(self, scope, x):
        a = x @ self.w[f"{scope}/hidden/kernel"] + self.w[f"{scope}/hidden/bias"]
        h = np.where(a > 0, a, 0.01 * a)
        return a, h, h @ self.w[f"{scope}/logits/kernel"] + self.w[f"{scope}/logits/bias"]

    def backward(self, scope, x, a, h, d_logits):
        da = d_logits @ self.w[f"{scope}/logits/kernel"].T * np.where(a > 0, 1, 0.01)
        gradients = {
            f"{scope}/logits/kernel": h.T @ d_logits,
            f"{scope}/logits/bias": d_logits.sum(0),
            f"{scope}/hidden/kernel": x.T @ da,
            f"{scope}/hidden/bias": da.sum(0),
        }
        return gradients, da @ self.w[f"{scope}/hidden/kernel"].T

    def adam(self, gradients, lr):
        beta1, beta2 = self.options.beta1, self.options.beta2
        rate = lr * np.sqrt(1 - beta2**self.t) / (1 - beta1**self.t)
        for name, gradient in gradients.items():
            self.m[name] += (1 - beta1) * (gradient - self.m[name])
            self.v[name] += (1 - beta2) * (gradient**2 - self.v[name])
            self.w[name] -= rate * self.m[name] / (np.sqrt(self.v[name]) + 1e-8)

    def step(self, pixels, z):
        def p(logits):
            return 1 / (1 + np.exp(-logits))

        def cross_entropy(logits, label):
            return -(label * np.log(p(logits)) + (1 - label) * np.log(1 - p(logits))).mean()

        self.t += 1
        real, n, label = pixels.reshape(len(pixels), -1) / 127.5 - 1, len(pixels), 1 - self.options.smooth
        g_a, g_h, g_logits = self.forward("generator", z)
        fake = np.tanh(g_logits)
        real_a, real_h, real_logits = self.forward("discriminator", real)
        fake_a, fake_h, fake_logits = self.forward("discriminator", fake)
        halves, fake_label = {"sum": 1, "mean": 0.5}[self.options.d_loss], self.options.fake_label
        d_loss = halves * (cross_entropy(real_logits, label) + cross_entropy(fake_logits, fake_label))
        on_real, _ = self.backward("discriminator", real, real_a, real_h, (p(real_logits) - label) / n)
        on_fake, _ = self.backward("discriminator", fake, fake_a, fake_h, (p(fake_logits) - fake_label) / n)
        self.adam({name: halves * (on_real[name] + on_fake[name]) for name in on_real}, self.options.d_lr)

        a, h, logits = self.forward("discriminator", fake)  # the discriminator has just been updated
        _, d_fake = self.backward("discriminator", fake, a, h, (p(logits) - self.options.g_label) / n)
        gradients, _ = self.backward("generator", z, g_a, g_h, d_fake * (1 - fake**2))
        self.adam(gradients, self.options.g_lr)
        d_accuracy = np.mean([real_logits > 0, fake_logits <= 0])
        probabilities = p(real_logits).mean(), p(fake_logits).mean()
        return [d_loss, cross_entropy(logits, self.options.g_label), *probabilities, d_accuracy, (logits > 0).mean()]


@pytest.mark.parametrize(
    "given", [{}, {"fake_label": 0.1, "g_label": 0.9, "d_loss": "mean"}, {"d_batches": "separate"}], ids=str
)
def test_a_step_is_algorithm_1_with_two_adams(given):
    options = config(smooth=0.2, d_lr=0.01, g_lr=0.003, beta1=0.5, **given)
    with Running(options, chunk=1) as running:
        plain = NumpyGAN(running.values(), options)
        for step in range(5):
            real, z = PIXELS[8 * step : 8 * step + 8], training_noise(0, step)
            expected = plain.step(real, z.astype(np.float64))
            assert np.allclose(running.train_one(real[None], z[None]), expected, rtol=1e-4)
        values = running.values()
    for name, expected in plain.w.items():
        assert np.allclose(values[name], expected, rtol=1e-3, atol=1e-5), name
        mean = values[f"{name}/Adam"]  # of the gradients: their size, which Adam's steps do not show
        assert np.allclose(mean, plain.m[name], rtol=1e-3, atol=1e-5 * np.abs(mean).max()), name


def test_learning_rates_decay_with_the_updates_of_their_own_network():
    """At the second update a decay of 1 halves the step; d_steps of 2 make D's fourth update a quarter."""

    def steps(**decay):
        options = config(optimizer="rmsprop", d_steps=2, d_lr=1e-6, g_lr=1e-6, **decay)
        with Running(options, chunk=2) as running:
            values = [running.values()]
            for step in range(2):
                running.train(step, 1)
                values.append(running.values())
        return values

    plain, d_decays, g_decays = steps(), steps(d_decay=1.0), steps(g_decay=1.0)
    assert "d_updates" not in plain[0] and "g_updates" not in d_decays[0] and "d_updates" not in g_decays[0]
    assert d_decays[2]["d_updates"] == 4 and g_decays[2]["g_updates"] == 2
    for values, still, slowed, share in (
        (d_decays, "generator", "discriminator", (1 / 3 + 1 / 4) / 2),
        (g_decays, "discriminator", "generator", 1 / 2),
    ):
        moved = {n: values[2][n] - values[1][n] for n in plain[0] if n.endswith("kernel")}
        full = {n: plain[2][n] - plain[1][n] for n in moved}
        for name in moved:
            ratio = np.abs(moved[name]).sum() / np.abs(full[name]).sum()
            assert np.isclose(ratio, share if name.startswith(slowed) else 1, rtol=0.15), (still, name, ratio)


@pytest.mark.parametrize("d_steps", [1, 3])
@pytest.mark.parametrize("g_noise", ["same", "fresh"])
@pytest.mark.parametrize("d_batches", ["joint", "separate", "in_turn"])
def test_no_two_rng_indices_of_a_run_are_equal(d_steps, g_noise, d_batches):
    options, used = config(d_steps=d_steps, g_noise=g_noise, d_batches=d_batches), []
    for step in range(5):
        *d_keys, g_keys = rng_keys(options, step)
        used += [key for keys in d_keys for key in (keys.g, *keys.d)] + g_keys.d
        used += [g_keys.g] if g_noise == "fresh" else []  # else G is not called again
    assert len({key.number for key in used}) == len(used) and {key.seed for key in used} == {options.seed}


def test_weights_are_both_networks_with_moving_averages():
    with Running(config(model="conv"), 1, SMALL) as running:
        names = {v.op.name for v in running.gan.weights}
        everything = {v.op.name for v in running.gan.state}
    assert names == {name for name in everything if "RMSProp" not in name}
    assert sum("moving_" in name for name in names) == 6


def test_losses_csv_has_the_metrics_in_order():
    for metrics in STEP_METRICS.values():
        row = records.Losses.from_cells((1, 2, *metrics, 3.0))
        assert [cell for cell in row if cell is not None] == [1, 2, *metrics, 3.0]


def test_the_seed_determines_the_initial_weights():
    first, second = (Running(config(seed=seed), chunk=1) for seed in (1, 2))
    with first, second:
        assert first.bits() != second.bits()


def test_equal_seeds_give_equal_bits_and_other_seeds_do_not():
    def trained(**options):
        with Running(config(**options), chunk=4) as running:
            running.train(0, 4)
            return running.bits()

    assert trained(seed=1) == trained(seed=1) != trained(seed=2)


def test_each_optimizer_updates_its_own_network_only():
    for still, moving, rates in (
        ("generator", "discriminator", {"d_lr": 0.1, "g_lr": 1e-30}),
        ("discriminator", "generator", {"d_lr": 1e-30, "g_lr": 0.1}),
    ):
        with Running(config(**rates), chunk=3) as running:
            before = running.values()
            running.train(0, 3)
            after = running.values()
        for name in before:
            if name.endswith("kernel"):
                assert np.array_equal(before[name], after[name]) == name.startswith(still), (still, moving, name)


def test_the_state_is_every_variable_but_the_images():
    with Running(config(), chunk=3) as running:
        g_state = [v.op.name for v in running.gan.networks.g_state]
        state = [v.op.name for v in running.gan.state]
        everything = [v.op.name for v in running.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)]
    weights = [f"generator/{layer}/{part}" for layer in ("hidden", "logits") for part in ("bias", "kernel")]
    assert sorted(g_state) == weights
    assert set(everything) - set(state) == {"images"}
    assert sum("Adam" in name for name in state) == 2 * 8  # two means for each kernel and bias
    assert sum("beta" in name for name in state) == 4  # their powers, for each network


def test_previews_differ_from_step_to_step_and_are_in_0_to_1():
    with Running(config(num_samples=5), chunk=3) as running:
        first, second, again = map(running.preview, (1, 2, 1))
    assert first.shape == (5, *SHAPE) and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 1
    assert np.array_equal(first, again) and not np.array_equal(first, second)


def test_previews_use_their_own_noise_stream():
    with Running(config(num_samples=5), chunk=3) as running:
        preview = running.preview(7)
        z = draw(0, noise.PREVIEW, 7, [5, NOISE]).astype(np.float64)
        _, _, logits = NumpyGAN(running.values(), running.config).forward("generator", z)
    assert np.allclose(preview.reshape(5, -1), (np.tanh(logits) + 1) / 2, atol=1e-6)


def test_d_in_turn_updates_on_real_then_on_fake_images():
    """Two Adam steps, the second from where the first has led; the loss reported is half their sum."""
    options = config(d_batches="in_turn", d_loss="mean", smooth=0.0, g_lr=1e-30)
    with Running(options, chunk=1) as running:
        plain = NumpyGAN(running.values(), options)
        real, z = PIXELS[:8], training_noise(0, 0)
        metrics = running.train_one(real[None], z[None])
        values, powers = running.values(), [v for n, v in running.values().items() if n.endswith("beta1_power")]

    def d_half(images, label):
        a, h, logits = plain.forward("discriminator", images)
        p = 1 / (1 + np.exp(-logits))
        plain.t += 1
        plain.adam(plain.backward("discriminator", images, a, h, (p - label) / 8)[0], options.d_lr)
        return -(label * np.log(p) + (1 - label) * np.log(1 - p)).mean()

    fake = np.tanh(plain.forward("generator", z.astype(np.float64))[2])
    halves = d_half(real.reshape(8, -1) / 127.5 - 1, 1), d_half(fake, 0)
    assert np.isclose(metrics[0], sum(halves) / 2, rtol=1e-4)
    assert np.isclose(min(powers), options.beta1**3, rtol=1e-5)  # two updates of D, to one of G
    for name in (name for name in plain.w if name.startswith("discriminator")):
        assert np.allclose(values[name], plain.w[name], rtol=1e-3, atol=1e-5), name


def test_fresh_noise_changes_g_s_update_only():
    """With G's noise fed apart from D's, G's loss depends on its own alone."""
    options = config(g_noise="fresh", d_lr=1e-30, g_lr=1e-30)
    with Running(options, chunk=1) as running:
        assert running.single_step.z.values.shape.as_list() == [2, BATCH, NOISE]
        z = draw(0, noise.TRAINING, 0, [3, BATCH, NOISE])
        first = running.train_one(PIXELS[None, :8], z[[0, 1]])
        other_d = running.train_one(PIXELS[None, :8], z[[2, 1]])
        other_g = running.train_one(PIXELS[None, :8], z[[0, 2]])
    assert first[1] == other_d[1] != other_g[1]
    assert first[3] == other_g[3] != other_d[3]


def test_training_updates_batch_norm_averages_and_previews_use_them():
    with Running(config(model="conv"), 3, SMALL) as running:
        before, drawn = running.values(), running.preview(5)
        assert running.bits() == {name: value.tobytes() for name, value in before.items()}  # sampling changes nothing
        running.train(0, 3)
        after = running.values()
        moved = [name for name in before if "moving_" in name and not np.array_equal(before[name], after[name])]
        assert len(moved) == 6 and all(v.op.name in after for v in running.gan.networks.g_state)
        assert set(moved) < {v.op.name for v in running.gan.networks.g_state}  # what a generator checkpoint needs, too
        assert not np.array_equal(running.preview(5), drawn)


def test_custom_networks_and_loss_replace_the_built_in_ones():
    def discriminator(images, training):
        return layers.dense(tf.reshape(images, [-1, 36]), 1, "mine")

    def generator(z, shape, training):
        return tf.reshape(layers.dense(z, 36, "mine"), [-1, *shape])

    squares = Loss(
        d_real=lambda logits, labels: tf.reduce_mean((logits - labels.real) ** 2),
        d_fake=lambda logits, labels: tf.reduce_mean((logits - labels.fake) ** 2),
        g=lambda logits, labels: tf.reduce_mean((logits - labels.g_target) ** 2),
    )
    model = Model(generator, discriminator, MODELS["mlp"].output)
    with Running(config(d_lr=1e-30, g_lr=1e-30), 1, model=model, loss=squares) as running:
        d_loss, g_loss, *_ = running.train_one(PIXELS[None, :8], training_noise(0, 0)[None])
        w = running.values()
    assert {name.split("/")[1] for name in w if "/" in name} == {"mine"}
    fake = np.tanh(training_noise(0, 0) @ w["generator/mine/kernel"] + w["generator/mine/bias"])
    real_logits, fake_logits = (
        images @ w["discriminator/mine/kernel"] + w["discriminator/mine/bias"]
        for images in (PIXELS[:8].reshape(8, 36) / 127.5 - 1, fake)
    )
    assert np.isclose(d_loss, ((real_logits - 0.9) ** 2).mean() + (fake_logits**2).mean(), rtol=1e-5)
    assert np.isclose(g_loss, ((fake_logits - 1) ** 2).mean(), rtol=1e-5)
