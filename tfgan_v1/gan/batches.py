"""The images of each training step: a function of the configuration, the number of images, and the step."""

import functools

import numpy as np


def steps_per_epoch(config, num_images):
    """Steps in which D sees all images once, except the leftover ones; at least 1."""
    return max(1, num_images // config.batch_size // config.d_steps)


def leftover(config, num_images):
    """How many images the last batch of an epoch has beyond batch_size: none unless `--batches whole`."""
    if config.batches != "whole":
        return 0
    return max(0, num_images - steps_per_epoch(config, num_images) * config.d_steps * config.batch_size)


def order(config, num_images, first_step, num_steps, of_g=False):
    """Indices of the images of num_steps steps from first_step on: int32 [num_steps, d_steps, batch_size + leftover].

    of_g: one more batch, drawn with replacement, which G's update compares its images with.
    `shuffled` and `whole`: each epoch goes through all images in a new order, repeating them if they are fewer than one
    step needs; only the last batch of an epoch uses the full width. `random`: every batch is drawn with replacement.
    """
    rest, per_epoch = leftover(config, num_images), steps_per_epoch(config, num_images)
    shape = (config.d_steps, config.batch_size)
    if of_g:
        pairs = _drawn(config, num_images, first_step, (num_steps, 1, config.batch_size + rest), 2)
        return np.concatenate([order(config, num_images, first_step, num_steps), pairs], 1)
    if config.batches == "random":
        return _drawn(config, num_images, first_step, (num_steps, *shape), 1)
    rows = np.zeros((num_steps, config.d_steps, config.batch_size + rest), np.int32)
    needed, done = config.d_steps * config.batch_size, 0
    while done < num_steps:
        epoch, position = divmod(first_step + done, per_epoch)
        steps = min(per_epoch - position, num_steps - done)
        shuffled = _permutation(config.seed, epoch, num_images)
        seen = shuffled[position * needed : (position + steps) * needed]
        rows[done : done + steps, :, : config.batch_size] = np.resize(seen, (steps, *shape))
        done += steps
        if rest and position + steps == per_epoch:
            rows[done - 1, -1, config.batch_size :] = shuffled[-rest:]
    return rows


def _drawn(config, num_images, first_step, shape, stream):
    """Indices drawn with replacement: int32 [*shape], a function of the seed and the number of each step."""
    rows = np.empty(shape, np.int32)
    for step, row in enumerate(rows, first_step):
        row[:] = np.random.default_rng([config.seed, step, stream]).integers(num_images, size=row.shape)
    return rows


@functools.lru_cache(maxsize=2)
def _permutation(seed, epoch, num_images):
    return np.random.default_rng([seed, epoch]).permutation(num_images).astype(np.int32)
