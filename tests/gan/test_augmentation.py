"""Differentiable augmentation against NumPy."""

import numpy as np
import pytest

from running import SMALL, Running, config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.augmentation import AUGMENTATIONS, augment
from tfgan_v1.gan.layers import RngKey

IMAGES = np.random.default_rng(0).uniform(-1, 1, (64, 16, 24, 3)).astype(np.float32)


def augmented(names, images=IMAGES, number=3, seed=0):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(augment(tf.constant(images), names, RngKey(seed, tf.constant(number, tf.int64))))


def test_an_image_is_augmented_with_the_probability_of_the_strength():
    with tf.Graph().as_default(), tf.Session() as session:
        key, images = RngKey(0, tf.constant(3, tf.int64)), tf.constant(np.repeat(IMAGES, 8, 0))
        changed = {}
        for strength in (0.0, 0.25, 1.0):
            values = session.run(augment(images, ["cutout"], key, tf.constant(strength)))
            changed[strength] = (values != np.repeat(IMAGES, 8, 0)).any((1, 2, 3)).mean()
    assert changed[0.0] == 0 and changed[1.0] == 1 and abs(changed[0.25] - 0.25) < 0.07


def applied(name, draws, images=IMAGES):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(AUGMENTATIONS[name][0](tf.constant(images), tf.constant(draws, tf.float32)))


def test_translate_moves_whole_pixels_and_repeats_the_edge():
    draws = np.random.default_rng(1).uniform(size=(64, 2))
    shifts = np.stack([np.floor(draws[:, 0] * 5) - 2, np.floor(draws[:, 1] * 7) - 3], 1).astype(int)  # an 8th: 2 and 3
    for image, (down, right), moved in zip(IMAGES, shifts, applied("translate", draws), strict=True):
        padded = np.pad(image, ((2, 2), (3, 3), (0, 0)), mode="edge")
        assert np.array_equal(moved, padded[2 - down : 18 - down, 3 - right : 27 - right])
    assert {tuple(shift) for shift in shifts} >= {(-2, 3), (0, 0)} or len({*shifts[:, 0]}) == 5


def test_cutout_sets_half_of_each_side_to_0():
    for draw, rows, columns in ((0.5, (4, 12), (6, 18)), (0, (0, 4), (0, 6)), (0.999, (12, 16), (18, 24))):
        cut = applied("cutout", np.full((64, 2), draw))
        expected = IMAGES.copy()
        expected[:, slice(*rows), slice(*columns)] = 0
        assert np.array_equal(cut, expected), draw


def test_colour_changes_brightness_saturation_and_contrast():
    draws = np.random.default_rng(2).uniform(size=(64, 3))
    b, s, c = (draws[:, i, None, None, None] for i in range(3))
    x = IMAGES + b - 0.5
    gray = x.mean(3, keepdims=True)
    x = gray + (x - gray) * 2 * s
    mean = x.mean((1, 2, 3), keepdims=True)
    assert np.allclose(applied("colour", draws), mean + (x - mean) * (c + 0.5), atol=1e-5)
    gray = applied("colour", draws, IMAGES[..., :1])
    assert gray.shape == (64, 16, 24, 1) and np.isfinite(gray).all()


def test_flip_mirrors_half_of_the_images():
    flipped = augmented(["flip"])
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, IMAGES, strict=True)]
    assert 16 < sum(mirrored) < 48
    assert all(m or np.array_equal(a, b) for m, a, b in zip(mirrored, flipped, IMAGES, strict=True))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_are_functions_of_seed_and_call_and_differ_between_images(name):
    first = augmented([name])
    assert np.array_equal(first, augmented([name]))
    for other in ({"number": 4}, {"seed": 1}):
        assert not np.array_equal(first, augmented([name], **other))
    same = augmented([name], np.repeat(IMAGES[:1], 64, 0))
    assert len(np.unique(same.reshape(64, -1), axis=0)) > 1
    assert first.shape == IMAGES.shape


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_pass_to_the_images_and_twice(name):
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(IMAGES)
        out = augment(images, [name], RngKey(0, tf.constant(3)))
        slope = tf.gradients(tf.reduce_sum(out**3), images)[0]
        second = tf.gradients(tf.reduce_sum(slope**2), images)[0]
        slope, second = session.run([slope, second])
    assert np.abs(slope).max() > 0 and np.abs(second).max() > 0 and np.isfinite(second).all()


def test_d_sees_augmented_images_while_training_and_plain_ones_otherwise():
    options = config(augment="translate,cutout,colour,flip")  # a model without dropout
    with Running(options, 1, SMALL) as running, running.graph.as_default():
        networks, images = running.gan.networks, tf.constant(SMALL[:8] / np.float32(127.5) - 1)
        plain = running.session.run(running.logits(images))
        assert np.array_equal(plain, running.session.run(without_d_input(networks, images)))
        keys = [RngKey(0, tf.constant(number, tf.int64)) for number in (1, 1, 2)]
        first, same, other = running.session.run([running.logits(images, key=key) for key in keys])
        assert np.array_equal(first, same) and not np.array_equal(first, other)
        assert not np.array_equal(first, plain)
        assert np.isfinite(running.train(0, 1)).all()


def without_d_input(networks, images):
    with tf.variable_scope("discriminator", reuse=True):
        return networks.model.discriminator(images, None)
