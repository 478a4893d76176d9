"""JAX, optimized by hand: one `jit` with a `lax.scan` over the steps of a call, whose noise is drawn before the loop.

Both updates share G's forward pass where they use the same noise. The optimizers are written out.
"""

import functools
import math

import jax
import numpy as np
from jax import lax, nn
from jax import numpy as jnp

from frameworks.systems import Trainer, batch_sizes, batches, system, walk

# Rounds per call. XLA compiles a convolution to its fast form on a CPU only outside of loops, where its gradient is a
# hundred times faster. So a call of the convolutional systems is one step.
ROUNDS = {"mlp": 600, "gaussian": 100}
CONVOLUTION = ("NHWC", "HWIO", "NHWC")


def trainer(name, images):
    """The Trainer of a workload; images: the path of an .npy file."""
    networks, config = system(name)
    pixels, random = np.load(images), np.random.default_rng(0)
    sizes = batch_sizes(config, len(pixels))
    rounds = ROUNDS.get(name, 1)
    state = {
        network: _initial(layers, shape, config, random)
        for network, layers, shape in (
            ("g", networks.generator, (config.noise_size,)),
            ("d", networks.discriminator, networks.shape),
        )
    }
    counts = tuple(sum(leaf.size for leaf in jax.tree.leaves(state[p]["weights"])) for p in "gd")
    counts = tuple(
        count + sum(leaf.size for leaf in jax.tree.leaves(state[p]["averages"]))
        for count, p in zip(counts, "gd", strict=True)
    )
    run = jax.jit(functools.partial(many, networks, config, sizes), donate_argnums=0)
    orders, resident = batches(config, len(pixels), random), jnp.asarray(pixels)
    # unsafe_rbg is the fastest of JAX's generators on a CPU.
    now = {"state": jax.tree.map(jnp.asarray, state), "key": jax.random.key(0, impl="unsafe_rbg"), "losses": None}

    def train():
        order = np.stack([np.concatenate([next(orders) for _ in sizes]) for _ in range(rounds)])
        now["key"], key = jax.random.split(now["key"])
        now["state"], now["losses"] = run(now["state"], resident, order.astype(np.int32), key)
        jax.block_until_ready(now["state"])

    losses = lambda: [float(loss) for loss in now["losses"]]  # noqa: E731
    steps = rounds * len(sizes)
    return Trainer(train, losses, steps, counts, f"{steps} {'step' if steps == 1 else 'steps'} per call")


def many(networks, config, sizes, state, resident, order, key):
    """Takes the steps of a call. order: [rounds, images of a round]; a round has one step for each of `sizes`."""
    noise_key, other_key = jax.random.split(key)
    draws = 2 if config.g_noise == "fresh" else 1
    zs = _noise(config, noise_key, (len(order), draws, sum(sizes), config.noise_size))

    def body(state, args):
        which, z, number = args
        begin = 0
        for size in sizes:
            part = slice(begin, begin + size)
            real = _scaled(resident[which[part]], networks)
            number_key = jax.random.fold_in(jax.random.fold_in(other_key, number), begin)
            state, losses = step(networks, config, state, real, z[:, part], number_key)
            begin += size
        return state, losses

    if len(order) == 1:
        return body(state, (order[0], zs[0], 0))
    state, losses = lax.scan(body, state, (order, zs, jnp.arange(len(order))))
    return state, [each[-1] for each in losses]


def step(networks, config, state, real, zs, key):
    """One step of both networks. Returns (the new state, (D's loss, G's loss))."""
    keys, rates = jax.random.split(key, 3), ((config.d_lr, config.d_decay), (config.g_lr, config.g_decay))
    g, d = state["g"], state["d"]
    generate = lambda weights, averages, z: _apply(networks.generator, weights, averages, z)  # noqa: E731
    discriminate = lambda weights, images, key: _apply(networks.discriminator, weights, [], images, key)[0]  # noqa: E731

    def both_loss(weights, images, key):
        real_logits, fake_logits = jnp.split(discriminate(weights, images, key), 2)
        half = _cross_entropy(real_logits, 1 - config.smooth), _cross_entropy(fake_logits, config.fake_label)
        return (half[0] + half[1]) * (1 if config.d_loss == "sum" else 0.5)

    def one_loss(label):
        return lambda weights, images, key: _cross_entropy(discriminate(weights, images, key), label)

    if config.g_noise == "same":
        fake, back, averages = jax.vjp(lambda w: generate(w, g["averages"], zs[0]), g["weights"], has_aux=True)
    else:
        fake, averages = generate(g["weights"], g["averages"], zs[0])
    if config.d_batches == "in_turn":
        d_real, d = _descend(config, *rates[0], d, one_loss(1 - config.smooth), real, keys[0])
        d_fake, d = _descend(config, *rates[0], d, one_loss(config.fake_label), fake, keys[1])
        d_loss = (d_real + d_fake) / 2
    else:
        d_loss, d = _descend(config, *rates[0], d, both_loss, jnp.concatenate([real, fake]), keys[0])
    if config.g_noise == "fresh":
        fake, back, averages = jax.vjp(lambda w: generate(w, averages, zs[1]), g["weights"], has_aux=True)
    g_loss, slope = jax.value_and_grad(lambda f: one_loss(config.g_label)(d["weights"], f, keys[2]))(fake)
    g = {**_update(config, *rates[1], g, back(slope)[0]), "averages": averages}
    return {"g": g, "d": d}, (d_loss, g_loss)


def _descend(config, rate, decay, before, loss, images, key):
    value, gradients = jax.value_and_grad(loss)(before["weights"], images, key)
    return value, _update(config, rate, decay, before, gradients)


def _update(config, rate, decay, before, gradients):
    """The state of a network after one update by Adam or RMSprop."""
    updates, each = before["updates"], jax.tree.map
    rate = rate / (1 + decay * updates)
    if config.optimizer == "rmsprop":
        squares = each(lambda v, g: config.rho * v + (1 - config.rho) * g * g, before["squares"], gradients)
        weights = each(
            lambda w, v, g: w - rate * g * lax.rsqrt(v + config.epsilon), before["weights"], squares, gradients
        )
        return {**before, "weights": weights, "squares": squares, "updates": updates + 1}
    means = each(lambda m, g: config.beta1 * m + (1 - config.beta1) * g, before["means"], gradients)
    squares = each(lambda v, g: config.beta2 * v + (1 - config.beta2) * g * g, before["squares"], gradients)
    rate *= jnp.sqrt(1 - config.beta2 ** (updates + 1)) / (1 - config.beta1 ** (updates + 1))
    weights = each(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + config.epsilon), before["weights"], means, squares)
    return {**before, "weights": weights, "means": means, "squares": squares, "updates": updates + 1}


def _initial(layers, shape, config, random):
    """The initial state of a network: Glorot-uniform kernels; biases and optimizer slots are zero."""
    weights, averages = [], []
    for kind, numbers, before, after in walk(layers, shape):
        if kind == "norm":
            ones, zeros = np.ones(after[-1], np.float32), np.zeros(after[-1], np.float32)
            weights.append([ones, zeros])
            averages.append([zeros, ones])
        if kind not in ("dense", "conv", "transposed"):
            continue
        window = () if kind == "dense" else (numbers[1], numbers[1])
        limit = math.sqrt(6 / (math.prod(window) * (before[-1] + after[-1])))
        kernel = random.uniform(-limit, limit, (*window, before[-1], after[-1])).astype(np.float32)
        weights.append([kernel, np.zeros(after[-1], np.float32)])
    zeros = lambda: jax.tree.map(np.zeros_like, weights)  # noqa: E731
    means = {"means": zeros()} if config.optimizer == "adam" else {}
    return {"weights": weights, "averages": averages, "squares": zeros(), "updates": np.float32(0), **means}


def _apply(layers, weights, averages, x, key=None):
    """Applies a network in training mode to x [batch, ...]. Returns (output, new moving averages)."""
    weights, averages, kept = iter(weights), iter(averages), []
    for place, (kind, *numbers) in enumerate(layers):
        if kind in PLAIN:
            x = PLAIN[kind](x, *numbers)
        elif kind == "norm":
            (scale, offset), averages_of_layer = next(weights), next(averages)
            axes = tuple(range(x.ndim - 1))
            mean, variance = x.mean(axes), x.var(axes)
            x = (x - mean) * (scale * lax.rsqrt(variance + 0.001)) + offset
            kept.append([0.99 * old + 0.01 * new for old, new in zip(averages_of_layer, (mean, variance), strict=True)])
        elif kind == "dropout":
            keep = jax.random.bernoulli(jax.random.fold_in(key, place), 1 - numbers[0], x.shape)
            x = jnp.where(keep, x / (1 - numbers[0]), 0)
        else:
            kernel, bias = next(weights)
            x = WITH_WEIGHTS[kind](x, kernel, numbers) + bias
    return x, kept


PLAIN = {
    "relu": nn.relu,
    "leaky_relu": nn.leaky_relu,
    "tanh": jnp.tanh,
    "sigmoid": nn.sigmoid,
    "flatten": lambda x: x.reshape(len(x), -1),
    "reshape": lambda x, *shape: x.reshape(-1, *shape),
    "upsample": lambda x: x.repeat(2, 1).repeat(2, 2),
    "pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID"),
}
WITH_WEIGHTS = {
    "dense": lambda x, kernel, numbers: x @ kernel,
    "conv": lambda x, kernel, numbers: lax.conv_general_dilated(
        x, kernel, numbers[2:] * 2, "SAME", dimension_numbers=CONVOLUTION
    ),
    "transposed": lambda x, kernel, numbers: lax.conv_transpose(
        x, kernel, numbers[2:] * 2, "SAME", dimension_numbers=CONVOLUTION
    ),
}


def _cross_entropy(logits, label):
    return jnp.mean(jnp.maximum(logits, 0) - logits * label + jnp.log1p(jnp.exp(-jnp.abs(logits))))


def _scaled(images, networks):
    """systems.scaled in JAX."""
    if images.dtype != jnp.uint8:
        return images
    pixels = images.astype(jnp.float32)
    return pixels / 127.5 - 1 if ("tanh",) in networks.generator else pixels / 255


def _noise(config, key, shape):
    if config.noise == "normal":
        return jax.random.normal(key, shape)
    return jax.random.uniform(key, shape, minval=0 if config.noise == "unit" else -1)
