"""Conditional networks: the class enters both as the papers say, and its draws are a function of seed and step."""

import numpy as np
import pytest

from conftest import thorough
from running import BATCH, NOISE, PIXELS, SMALL, Running, config, draw
from tfgan_v1 import Model, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.gan import layers, noise
from tfgan_v1.gan.conditioning import D_CONDITIONS, EMBEDDING, Batch, make_condition
from tfgan_v1.gan.data_parallel import EPSILON
from tfgan_v1.gan.models import MODELS, TANH
from tfgan_v1.gan.penalties import Discriminate, r2, wgan_gp

LABELS = np.random.default_rng(3).integers(3, size=40).astype(np.int32)
LABELS[:3] = range(3)
COUNTS = np.bincount(LABELS)
ONE_HOT = np.eye(3, dtype=np.float32)


def conditional(**options):
    return config(conditional=True, num_samples=7, **options)


def run(make, *feeds):
    with tf.Graph().as_default(), tf.Session() as session:
        fetches = make(*map(tf.constant, feeds))
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def drawn(frequencies, seed=0, index=0, count=1, shape=(20_000,)):
    condition = make_condition(conditional(class_frequencies="data"), frequencies, MODELS["mlp"])
    return run(lambda: condition.draw(seed, noise.TRAINING_CLASSES, index, count, list(shape)))


def test_classes_are_as_frequent_as_in_the_data_or_uniform():
    counts = [10, 0, 60, 30, 0]
    shares = np.bincount(drawn(counts).ravel(), minlength=5) / 20_000
    assert np.abs(shares - np.array(counts) / 100).max() < 0.01 and shares[1] == shares[4] == 0
    uniform = make_condition(conditional(class_frequencies="uniform"), counts, MODELS["mlp"])
    assert np.allclose(uniform.frequencies, 0.2)


def test_the_classes_of_a_batch_do_not_depend_on_the_chunk_it_is_drawn_in():
    counts = [1, 2, 3]
    together = drawn(counts, index=5, count=3, shape=(2, 9))
    for i in range(3):
        assert np.array_equal(drawn(counts, index=5 + i, shape=(2, 9))[0], together[i])
    assert not np.array_equal(together, drawn(counts, seed=1, index=5, count=3, shape=(2, 9)))
    assert together.dtype == np.int32 and {*together.ravel()} == {0, 1, 2}


def test_a_projection_adds_the_inner_product_of_the_class_s_vector_and_the_features():
    features = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)

    def make(features, labels):
        logits = layers.class_logits(features, labels, "logits")
        return logits, layers.tf.global_variables()

    logits, (kernel, bias, vectors) = run(make, features, ONE_HOT[[0, 1, 2, 2, 1, 0]])
    inner = (vectors[[0, 1, 2, 2, 1, 0]] * features).sum(1, keepdims=True)
    assert vectors.shape == (3, 5) and np.allclose(logits, features @ kernel + bias + inner, atol=1e-6)


@pytest.mark.parametrize("shape", [(12, 4), (12, 3, 3, 4)])
def test_a_conditional_batch_norm_has_a_scale_and_an_offset_for_each_class(shape):
    random = np.random.default_rng(0)
    inputs, scale, offset = (random.normal(size=size).astype(np.float32) for size in (shape, (3, 4), (3, 4)))
    chosen = random.integers(3, size=12)

    def make(inputs, labels):
        with tf.variable_scope("a", use_resource=True):
            tf.get_variable("norm/scale", initializer=scale), tf.get_variable("norm/offset", initializer=offset)
        with tf.variable_scope("a", use_resource=True, reuse=tf.AUTO_REUSE):
            trained = layers.batch_norm(inputs, layers.RngKey(0, 0), "norm", labels)
            with tf.control_dependencies([trained]):
                return trained, layers.batch_norm(inputs, None, "norm", labels)

    trained, inferred = run(make, inputs, ONE_HOT[chosen])
    axes = tuple(range(len(shape) - 1))
    of_each = (12, *[1] * (len(shape) - 2), 4)
    by, plus = scale[chosen].reshape(of_each), offset[chosen].reshape(of_each)
    mean, variance = inputs.mean(axes), inputs.var(axes)
    assert np.allclose(trained, (inputs - mean) / np.sqrt(variance + EPSILON) * by + plus, atol=1e-4)
    mean, variance = 0.01 * mean, 0.99 + 0.01 * variance  # the moving averages after one batch
    assert np.allclose(inferred, (inputs - mean) / np.sqrt(variance + EPSILON) * by + plus, atol=1e-4)


@pytest.mark.parametrize("d_batches", ["joint", "separate", "in_turn"])
@pytest.mark.parametrize("d_condition", D_CONDITIONS)
def test_the_losses_of_a_step_are_those_of_images_with_their_classes(d_condition, d_batches):
    """The published formulas in NumPy, with the class beside the noise, and in D's last layer or beside the pixels."""
    rates = {"smooth": 0.0, "d_lr": 1e-30, "g_lr": 1e-30}
    options = conditional(d_condition=d_condition, d_batches=d_batches, g_noise="fresh", **rates)
    with Running(options, 1, labels=LABELS) as running:
        w = running.values()
        real, zs = np.arange(BATCH), draw(0, noise.TRAINING, 0, [2, BATCH, NOISE])
        classes = np.stack([LABELS[20 : 20 + BATCH], LABELS[10 : 10 + BATCH]])
        found = running.train_one(PIXELS[None, real], zs, 0, LABELS[None, real], classes)

    def dense(scope, x):
        return x @ w[f"{scope}/kernel"] + w[f"{scope}/bias"]

    def leaky(x):
        return np.where(x > 0, x, 0.01 * x)

    def d(images, labels):
        pixels = images.reshape(len(images), -1)
        if d_condition == "concatenation":
            pixels = np.concatenate([pixels, ONE_HOT[labels]], 1)
        hidden = leaky(dense("discriminator/hidden", pixels))
        logits = dense("discriminator/logits", hidden)[:, 0]
        if d_condition == "projection":
            logits += (w["discriminator/logits_class/kernel"][labels] * hidden).sum(1)
        return logits

    def g(z, labels):
        beside = np.concatenate([z, w["generator/class/kernel"][labels]], 1)
        assert beside.shape == (BATCH, NOISE + EMBEDDING)
        return np.tanh(dense("generator/logits", leaky(dense("generator/hidden", beside)))).reshape(-1, 6, 6, 1)

    real_logits = d(PIXELS[real] / 127.5 - 1, LABELS[real])
    fake_logits, g_logits = (d(g(z, labels), labels) for z, labels in zip(zs, classes, strict=True))
    d_loss = np.log1p(np.exp(-real_logits)).mean() + np.log1p(np.exp(fake_logits)).mean()
    assert np.allclose(found[:2], [d_loss, np.log1p(np.exp(-g_logits)).mean()], rtol=1e-4)


def test_a_convolutional_discriminator_gets_a_learned_image_of_each_class_as_one_more_channel():
    seen = []

    def discriminator(images, training):
        seen.append(images)
        return layers.dense(tf.reshape(images, [-1, 6 * 6 * 2]), 1, "mine")

    images, labels = PIXELS[:3].astype(np.float32), ONE_HOT
    run_it = D_CONDITIONS["concatenation"]["convolutional"]
    _, (found, kernel, bias) = run(
        lambda images, labels: (
            run_it(discriminator, images, None, labels),
            (seen[0], *tf.global_variables("class")),
        ),
        images,
        labels,
    )
    assert np.array_equal(found[..., :1], images)
    assert np.allclose(found[..., 1].reshape(3, 36), labels @ kernel + bias) and np.abs(kernel).min(0).max() > 0


def test_a_pack_has_the_classes_of_its_images_in_order():
    """Another class of either image changes the logit by the inner product of that place's vector alone."""
    with Running(conditional(pack=2), 1, labels=LABELS) as running, running.graph.as_default():
        images = tf.constant(PIXELS[:2] / np.float32(255))
        logits = [
            running.session.run(running.logits(images, tf.constant(ONE_HOT[list(pair)])))[0, 0]
            for pair in ((0, 0), (1, 0), (0, 2), (1, 2))
        ]
        vectors = running.values()["discriminator/logits_class/kernel"]
    assert vectors.shape == (2 * 3, 128) and len({*map(float, logits)}) == 4
    assert np.isclose(logits[3] - logits[0], logits[1] + logits[2] - 2 * logits[0], atol=1e-5)


SEVERAL = {"d_steps": 2, "g_noise": "fresh", "average": 0.9, "penalty": "wgan_gp", "penalty_every": 2}
TECHNIQUES = {"pack": 2, "minibatch_stddev": True, "spectral_norm": True, "penalty": "r2", "augment": "translate"}
RUNS = [
    *(("mlp", {"d_condition": d, "xla": "on"}) for d in D_CONDITIONS),
    ("gaussian", {"d_condition": "concatenation"}),
    *((model, {"g_condition": "batch_norm"}) for model in ("conv", "tuned")),
    *(thorough(model, {"g_condition": "batch_norm"}) for model in ("dcgan", "dcgan_upsample")),
    ("mlp", SEVERAL),
    ("mlp", {"loss": "relativistic_average", "smooth": 0.0, "class_frequencies": "uniform"}),
    ("tuned", {**TECHNIQUES, "d_batches": "separate"}),
    thorough("mlp", {**TECHNIQUES, "d_condition": "concatenation"}),
]


@pytest.mark.parametrize("model, options", RUNS, ids=str)
def test_the_loop_equals_single_steps_and_trains_what_the_classes_go_through(model, options):
    options = conditional(**{"model": model, **options})
    with Running(options, 4, SMALL, labels=LABELS) as running:
        before = running.values()
        looped = [*running.train(0, 3), *running.train(3, 1)]
        after = running.values()
        running.reset()
        plain = [running.plain_step(step) for step in range(4)]
    assert np.allclose(looped, plain, rtol=2e-3, atol=2e-4)
    moved = {name: after[name] != before[name] for name in before if name.endswith(("kernel", "scale", "offset"))}
    of_g = [name for name in moved if name.endswith("class/kernel") or len(before[name]) == 3]
    assert {name.split("/")[0] for name in of_g} >= {"generator"} and all(moved[name].any() for name in of_g)
    if options.d_condition == "concatenation" and model != "tuned":  # the last rows of a dense kernel
        assert moved["discriminator/hidden/kernel"][-3 * options.pack :].any()
    else:
        assert any("discriminator" in name for name in of_g)


def test_samples_have_the_classes_in_turn_and_the_class_changes_the_image():
    with Running(conditional(), 1, labels=LABELS) as running, running.graph.as_default():
        networks, preview = running.gan.networks, running.preview(3)
        z = draw(0, noise.PREVIEW, 3, [7, NOISE])
        images = [
            running.session.run(networks.generate(Batch(tf.constant(z), tf.constant(ONE_HOT[labels]))).values)
            for labels in (np.arange(7) % 3, np.arange(1, 8) % 3)
        ]
    assert np.allclose(preview, (images[0] + 1) / 2, atol=1e-6)
    assert all(np.abs(one - other).max() > 1e-3 for one, other in zip(*images, strict=True))


def test_penalties_are_of_images_with_their_own_classes():
    """D's slope depends on the class, so swapped classes give another penalty."""
    with Running(conditional(), 1, labels=LABELS) as running, running.graph.as_default():
        fake, labels = tf.constant(PIXELS[:6] / np.float32(255)), ONE_HOT[[0, 1, 2, 0, 1, 2]]
        key = layers.RngKey(0, 0)
        others = np.roll(labels, 1, 0)
        penalties = [
            Discriminate(running.gan.networks, key, tf.constant(real), tf.constant(labels)) for real in (labels, others)
        ]
        same = running.session.run([r2(each, fake, fake) for each in penalties])
        other = Discriminate(running.gan.networks, key, tf.constant(labels), tf.constant(others))
        assert same[0] == same[1] != running.session.run(r2(other, fake, fake))
        found = running.session.run([wgan_gp(each, fake, fake) for each in (*penalties, other)])
        assert found[0] == found[2] != found[1]  # it has the classes of the real images


def test_custom_networks_take_the_labels_as_their_last_argument():
    def generator(z, shape, training, labels):
        return tf.reshape(layers.dense(tf.concat([z, labels], 1), 36, "mine"), [-1, *shape])

    def discriminator(images, training, labels):
        assert labels.shape.as_list()[-1] == 3 and labels.dtype == tf.float32
        return layers.class_logits(tf.reshape(images, [-1, 36]), labels, "mine")

    with Running(conditional(), 2, labels=LABELS, model=Model(generator, discriminator, TANH)) as running:
        assert running.values()["generator/mine/kernel"].shape == (NOISE + 3, 36)
        assert np.isfinite(running.train(0, 2)).all()


@pytest.mark.parametrize("wrong", ["generator", "discriminator"])
def test_a_custom_network_that_takes_no_labels_is_refused_in_one_sentence(wrong):
    model = MODELS["tuned"]._replace(
        generator=lambda noise, shape, training, labels: None,
        discriminator=lambda images, training, labels: None,
    )
    three = {"generator": lambda noise, shape, training: None, "discriminator": lambda images, training: None}
    with pytest.raises(UserError, match=rf"a custom {wrong} takes \(.*, labels\)") as error:
        make_condition(Config(conditional=True), COUNTS, model._replace(**{wrong: three[wrong]}), custom=True)
    assert "\n" not in str(error.value)


def test_networks_with_labels_are_refused_in_a_run_without_them():
    model = Model(lambda noise, shape, training, labels: None, MODELS["mlp"].discriminator, TANH)
    with pytest.raises(UserError, match="in a run without --conditional, a custom generator takes"):
        make_condition(Config(), None, model, custom=True)
