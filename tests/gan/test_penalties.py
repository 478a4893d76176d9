"""The gradient penalties against closed forms, and in every combination."""

import numpy as np
import pytest

from conftest import thorough
from running import PIXELS, SMALL, Running, config
from tfgan_v1 import Loss, Optimizer
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers
from tfgan_v1.gan.layers import RngKey
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.networks import DInput, Networks
from tfgan_v1.gan.penalties import PENALTIES, SIGMA, Discriminate

NAMES = list(PENALTIES)
RANDOM = np.random.default_rng(0)
REAL, FAKE = RANDOM.normal(size=(2, 8, 4, 4, 1)).astype(np.float32)
KERNEL = RANDOM.normal(size=(16, 1)).astype(np.float32)


def penalty(name, d, parameters=(), d_input=DInput()):  # noqa: B008
    """A penalty's value on REAL and FAKE for a discriminator, and its gradients for the parameters."""
    model = type("Model", (), {"discriminator": staticmethod(lambda images, training: d(images))})
    networks = Networks(model, REAL.shape[1:], d_input=d_input)
    real, fake = tf.constant(REAL), tf.constant(FAKE)
    value = PENALTIES[name].function(Discriminate(networks, RngKey(0, tf.constant(5, tf.int64))), real, fake)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run([value, tf.gradients(value, list(parameters))])


@pytest.fixture(autouse=True)
def _graph():
    with tf.Graph().as_default():
        yield


def flat(images):
    return tf.reshape(images, [images.shape.as_list()[0], -1])


@pytest.mark.parametrize("name", NAMES)
def test_the_penalty_of_a_linear_critic_is_known(name):
    norm = np.linalg.norm(KERNEL)
    expected = {"r1": norm**2 / 2, "r2": norm**2 / 2, "wgan_gp": (norm - 1) ** 2, "dragan": (norm - 1) ** 2}
    seen = []
    value, _ = penalty(name, lambda images: (seen.append(images), tf.matmul(flat(images), KERNEL) + 3.0)[1])
    if name.startswith("approximate"):
        with tf.Session() as session:
            moved, images = session.run(seen[:2])
        assert np.array_equal(images, {"approximate_r1": REAL, "approximate_r2": FAKE}[name])
        noise = (moved - images).reshape(8, -1) / SIGMA
        assert abs(noise.mean()) < 0.3 and 0.7 < noise.std() < 1.3
        expected[name] = ((noise @ KERNEL) ** 2).mean() / 2  # of which the mean over the noise is that of R1
    assert np.isclose(value, expected[name], rtol=1e-2 if name.startswith("approximate") else 1e-5)


def test_the_approximate_penalty_is_r1_on_average():
    """D's slope at x is x: over many draws of the noise, E[(x e)^2] = |x|^2."""
    images = RANDOM.normal(size=(4096, 4, 4, 1)).astype(np.float32)
    model = type("Model", (), {"discriminator": staticmethod(lambda images, training: half_square(images))})
    discriminate = Discriminate(Networks(model, images.shape[1:]), RngKey(0, tf.constant(5, tf.int64)))
    values = [PENALTIES[name].function(discriminate, tf.constant(images), None) for name in ("r1", "approximate_r1")]
    with tf.Session() as session:
        exact, approximate = session.run(values)
    assert np.isclose(approximate, exact, rtol=0.1)


def test_r1_and_its_gradient_are_those_of_finite_differences():
    """Of a D with a hidden layer, in float64 by NumPy: slopes by differences of logits, gradients by those of R1."""
    hidden, last = RANDOM.normal(size=(16, 5)), RANDOM.normal(size=(5, 1))
    images, h = REAL.reshape(8, 16).astype(np.float64), 1e-5

    def r1_of(kernel):
        def logits(x):
            return np.tanh(x @ kernel) @ last

        slopes = [(logits(images + h * e) - logits(images - h * e)) / (2 * h) for e in np.eye(16)]
        return (np.concatenate(slopes, 1) ** 2).sum(1).mean() / 2

    kernel = tf.get_variable("kernel", initializer=hidden.astype(np.float32), use_resource=True)
    d = lambda x: tf.matmul(tf.tanh(tf.matmul(flat(x), kernel)), last.astype(np.float32))  # noqa: E731
    value, (gradient,) = penalty("r1", d, [kernel])
    assert np.isclose(value, r1_of(hidden), rtol=1e-4)
    for row, column in ((0, 0), (7, 3), (15, 4)):
        step = np.zeros_like(hidden)
        step[row, column] = 1e-4
        difference = (r1_of(hidden + step) - r1_of(hidden - step)) / 2e-4
        assert np.isclose(gradient[row, column], difference, rtol=1e-2, atol=1e-4)


def test_several_penalties_are_added():
    plain, r1, r2, both = (moved(1, **more)[0] for more in ({}, {"penalty": "r1"}, {"penalty": "r2"}, BOTH))
    for name in ("discriminator/hidden/kernel", "discriminator/logits/kernel"):
        each = r1[name] - plain[name] + r2[name] - plain[name]
        assert np.allclose(both[name] - plain[name], each, rtol=2e-2, atol=2e-6)


BOTH = {"penalty": ["r1", "r2"]}


def half_square(images):  # its gradient is the image itself
    return tf.reduce_sum(flat(images) ** 2, 1, keepdims=True) / 2


def test_r1_is_taken_at_real_images_and_r2_at_generated_ones():
    for name, images in (("r1", REAL), ("r2", FAKE)):
        assert np.isclose(penalty(name, half_square)[0], (images**2).sum((1, 2, 3)).mean() / 2, rtol=1e-5)


def test_wgan_gp_is_taken_between_real_and_generated_images_each_pair_with_its_own_share():
    seen = []
    penalty_of = lambda images: (seen.append(images), half_square(images))[1]  # noqa: E731
    model = type("Model", (), {"discriminator": staticmethod(lambda images, training: penalty_of(images))})
    networks = Networks(model, REAL.shape[1:])
    value = PENALTIES["wgan_gp"].function(
        Discriminate(networks, RngKey(0, tf.constant(5))), tf.constant(REAL), tf.constant(FAKE)
    )
    with tf.Session() as session:
        between, value = session.run([seen[0], value])
    shares = (between - REAL) / (FAKE - REAL)
    assert np.allclose(shares, shares[:, :1, :1, :1], atol=1e-3)
    assert shares.min() > -1e-3 and shares.max() < 1.001 and np.ptp(shares[:, 0, 0, 0]) > 0.5
    assert np.isclose(value, ((np.linalg.norm(between.reshape(8, -1), axis=1) - 1) ** 2).mean(), rtol=1e-4)


def test_dragan_is_taken_near_real_images():
    seen = []
    penalty("dragan", lambda images: (seen.append(images), half_square(images))[1])
    with tf.Session() as session:
        away = (session.run(seen[0]) - REAL) / (REAL.std() / 2)
    assert away.min() >= -1e-5 and away.max() <= 1 + 1e-5
    most = away.max((1, 2, 3))  # the share of each image
    assert np.ptp(most) > 0.3 and np.allclose(away.mean((1, 2, 3)) / most, 0.5, atol=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_penalties_and_their_gradients_are_finite_where_the_critic_is_flat(name):
    w = tf.get_variable("w", initializer=np.zeros_like(KERNEL), use_resource=True)
    value, (slopes,) = penalty(name, lambda images: tf.matmul(flat(images), w), [w])
    assert np.isclose(value, {"wgan_gp": 1, "dragan": 1}.get(name, 0), atol=1e-5) and np.isfinite(slopes).all()


def test_the_slope_of_a_pack_is_that_of_all_its_images():
    norm = np.linalg.norm(KERNEL)
    kernel = np.concatenate([KERNEL, KERNEL])
    value, _ = penalty("r1", lambda packs: tf.matmul(flat(packs), kernel), d_input=DInput(pack=2))
    assert np.isclose(value, 2 * norm**2 / 2, rtol=1e-5)


def descent(rate):
    return Optimizer(tf.train.GradientDescentOptimizer, rate)


def moved(steps, **options):
    """How D's kernels move in each of some steps of plain gradient descent, with G held still."""
    with Running(config(**options), 1, d_optimizer=descent(1e-3), g_optimizer=descent(0.0)) as running:
        before, moves = running.values(), []
        for step in range(steps):
            running.train(step, 1)
            after = running.values()
            moves.append({name: after[name] - before[name] for name in before if name.startswith("discriminator")})
            before = after
    return moves


def test_a_lazy_penalty_is_n_times_as_strong_in_every_nth_step():
    plain, (every, *_), lazy = (moved(5, **more) for more in ({}, {"penalty": "r1"}, LAZY))
    for name in ("discriminator/hidden/kernel", "discriminator/logits/kernel"):
        assert np.allclose(lazy[0][name] - plain[0][name], 4 * (every[name] - plain[0][name]), rtol=2e-2, atol=2e-6)
    with Running(config(), 1, d_optimizer=descent(1e-3), g_optimizer=descent(0.0)) as running:
        initial = running.initial
    after = {name: initial[name] + lazy[0][name] for name in lazy[0]}
    assert max(np.abs(after[name] - initial[name]).max() for name in after) > 0
    sizes = [np.abs(move["discriminator/hidden/kernel"]).sum() for move in lazy]
    assert sizes[0] > 1.5 * max(sizes[1:4]) and sizes[4] > 1.5 * max(sizes[1:4])


LAZY = {"penalty": "r1", "penalty_every": 4}


def test_a_penalty_of_weight_0_changes_nothing():
    with_it, without = moved(2, penalty="wgan_gp", penalty_weight=0.0), moved(2)
    for first, second in zip(with_it, without, strict=True):
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_custom_loss_may_have_a_penalty_of_its_own():
    """WGAN-GP as a user writes it, against the built-in one: the same bits, for it draws the same numbers."""

    def own(discriminate, real, fake):
        middle = real + discriminate.uniform([8, 1, 1, 1]) * (fake - real)
        slopes = tf.gradients(discriminate(middle), middle)[0]
        norms = tf.sqrt(tf.reduce_sum(slopes**2, [1, 2, 3]) + 1e-12)
        return 10.0 * tf.reduce_mean((norms - 1) ** 2)

    loss = Loss(*LOSSES["wasserstein"][:3], penalty=own, critic=True, uses_labels=False)
    results = []
    for options, parts in (({"loss": "wasserstein", "penalty": "wgan_gp"}, {}), ({"smooth": 0.0}, {"loss": loss})):
        with Running(config(**options), 2, **parts) as running:
            metrics, values = running.train(0, 2), running.values()
        results.append((metrics, values))
    assert np.allclose(results[0][0], results[1][0], rtol=1e-4, atol=1e-5)
    for name, value in results[0][1].items():
        assert np.allclose(value, results[1][1][name], rtol=1e-3, atol=1e-5), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss, name",  # each loss and each penalty once or twice, or all pairs
    [
        (loss, name) if (i + j) % len(NAMES) == 0 else thorough(loss, name)
        for i, loss in enumerate(LOSSES)
        for j, name in enumerate(NAMES)
    ],
)
def test_every_loss_goes_with_every_penalty(loss, name):
    with Running(config(loss=loss, penalty=name, penalty_every=2), 3) as running:
        assert np.isfinite(running.train(0, 3)).all()
        assert all(np.isfinite(value).all() for value in running.values().values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, names", [("conv", NAMES[:1]), thorough("dcgan", NAMES), thorough("dcgan_upsample", NAMES)]
)
def test_every_penalty_goes_with_the_convolutional_presets(model, names):
    for name in names:
        with Running(config(model=model, penalty=name, penalty_weight=1.0), 2, SMALL) as running:
            assert np.isfinite(running.train(0, 2)).all(), name


def test_the_gradient_of_a_penalty_passes_through_max_pooling():
    """Its second derivative against TensorFlow's own operation."""
    images, kernel = (
        tf.constant(RANDOM.normal(size=(2, 9, 9, 3)).astype(np.float32)),
        tf.get_variable("kernel", initializer=RANDOM.normal(size=(3, 3, 3, 4)).astype(np.float32), use_resource=True),
    )

    def slope(pool):
        pooled = pool(tf.nn.conv2d(images, kernel, 1, "SAME") ** 3)
        penalty = tf.reduce_sum(tf.gradients(tf.reduce_sum(pooled), images)[0] ** 2)
        return tf.gradients(penalty, kernel)[0]

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        ours, theirs = session.run([slope(layers.max_pool), slope(lambda x: tf.nn.max_pool2d(x, 3, 2, "VALID"))])
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-2 * np.abs(theirs).max())


def test_one_penalized_step_moves_the_weights_as_in_numpy():
    """A linear D and R1: the penalty adds weight * w to the gradient of w."""
    options = config(penalty="r1", penalty_weight=3.0)

    def linear(images, training):
        return layers.dense(tf.reshape(images, [-1, 36]), 1, "mine")

    from tfgan_v1.gan.models import MODELS

    model = MODELS["mlp"]._replace(discriminator=linear)
    kernels = []
    for each in (options, config()):
        with Running(each, 1, model=model, d_optimizer=descent(0.1), g_optimizer=descent(0.1)) as running:
            before = running.values()["discriminator/mine/kernel"]
            running.train_one(PIXELS[None, :8], np.zeros([1, 8, 10], np.float32))
            kernels.append(running.values()["discriminator/mine/kernel"])
    assert np.allclose(kernels[0] - kernels[1], -0.1 * 3.0 * before, rtol=1e-3, atol=1e-6)
