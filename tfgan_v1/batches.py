"""Which images a training step sees: a function of the configuration, the number of images, and the step alone."""

import functools

import numpy as np


def steps_per_epoch(config, num_images):
    """Steps in which D sees all the images once, but for what is left over; at least one."""
    return max(1, num_images // config.batch_size // config.d_steps)


def leftover(config, num_images):
    """How many images more than batch_size the last batch of an epoch has."""
    if config.batches != "whole":
        return 0
    return max(0, num_images - steps_per_epoch(config, num_images) * config.d_steps * config.batch_size)


def order(config, num_images, first_step, num_steps):
    """The images of the steps from first_step on: int32 [num_steps, d_steps, batch_size + leftover].

    `shuffled` and `whole`: an epoch goes through all images in a new order. Where these are fewer than a step needs, it
    begins with them again. Of `whole` only an epoch's last batch uses the whole width, the others the first batch_size.
    `random`: every batch is drawn with replacement.
    """
    rest, per_epoch = leftover(config, num_images), steps_per_epoch(config, num_images)
    shape = (config.d_steps, config.batch_size)
    rows = np.zeros((num_steps, config.d_steps, config.batch_size + rest), np.int32)
    if config.batches == "random":
        for row, step in zip(rows, range(first_step, first_step + num_steps), strict=True):
            row[:] = np.random.default_rng([config.seed, step, 1]).integers(num_images, size=shape)
        return rows
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


@functools.lru_cache(maxsize=2)
def _permutation(seed, epoch, num_images):
    return np.random.default_rng([seed, epoch]).permutation(num_images).astype(np.int32)
