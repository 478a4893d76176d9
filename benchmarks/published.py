"""The training loop of the published notebook, as a baseline: the same GAN on the same 60,000 images.

NumPy makes the batches; each step feeds two `Session.run`. After each epoch, both losses are evaluated again, the
generator is built once more for 16 samples (so the graph grows), and a Saver writes the generator with its meta graph.
`tf.layers.dense`, which TensorFlow has removed, is replaced by the same layer on `tf.get_variable`.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import tensorflow.compat.v1 as tf

from tfgan_v1 import data

BATCH, NOISE, UNITS, ALPHA, SMOOTH, RATE = 100, 100, 128, 0.01, 0.1, 0.002


def dense(x, units, name):
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [x.shape[1], units])
        return tf.matmul(x, kernel) + tf.get_variable("bias", [units], initializer=tf.zeros_initializer())


def generator(z, reuse=False):
    with tf.variable_scope("generator", reuse=reuse):
        h = dense(z, UNITS, "hidden")
        return tf.tanh(dense(tf.maximum(ALPHA * h, h), 784, "out"))


def discriminator(x, reuse=False):
    with tf.variable_scope("discriminator", reuse=reuse):
        h = dense(x, UNITS, "hidden")
        return dense(tf.maximum(ALPHA * h, h), 1, "out")


def cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels))


def batches(images, random):
    """The batches of an epoch, as the tutorials' DataSet makes them: slices of a shuffled copy."""
    shuffled = images[random.permutation(len(images))]
    for start in range(0, len(images) - BATCH + 1, BATCH):
        yield shuffled[start : start + BATCH]


class Graph(NamedTuple):
    """Placeholders and ops of the notebook."""

    real: Any
    noise: Any
    d_loss: Any
    g_loss: Any
    d_train: Any
    g_train: Any
    d_vars: list
    g_vars: list


def build():
    real, noise = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, NOISE])
    fake = generator(noise)
    real_logits, fake_logits = discriminator(real), discriminator(fake, reuse=True)
    d_loss = cross_entropy(real_logits, tf.ones_like(real_logits) * (1 - SMOOTH))
    d_loss += cross_entropy(fake_logits, tf.zeros_like(fake_logits))
    g_loss = cross_entropy(fake_logits, tf.ones_like(fake_logits))
    d_vars, g_vars = tf.trainable_variables("discriminator"), tf.trainable_variables("generator")
    d_train = tf.train.AdamOptimizer(RATE).minimize(d_loss, var_list=d_vars)
    g_train = tf.train.AdamOptimizer(RATE).minimize(g_loss, var_list=g_vars)
    return Graph(real, noise, d_loss, g_loss, d_train, g_train, d_vars, g_vars)


def load(dataset):
    return data.load(dataset).images.reshape(-1, 784).astype(np.float32) / 255


def step(session, graph, batch, random):
    """One step on a batch of images in [0, 1]. Returns the feed_dict."""
    batch = batch * 2 - 1
    z = random.uniform(-1, 1, (BATCH, NOISE))
    session.run(graph.d_train, {graph.real: batch, graph.noise: z})
    session.run(graph.g_train, {graph.noise: z})
    return {graph.real: batch, graph.noise: z}


def train(epochs, folder, dataset, seed=0, drawn=0):
    tf.set_random_seed(seed)
    images, graph = load(dataset), build()
    saver = tf.train.Saver(var_list=graph.g_vars)
    samples, losses, random = [], [], np.random.RandomState(seed)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for epoch in range(epochs):
            for batch in batches(images, random):
                feed = step(session, graph, batch, random)
            losses.append((session.run(graph.d_loss, feed), session.run(graph.g_loss, feed)))
            print(
                f"Epoch {epoch + 1}/{epochs}... Discriminator Loss: {losses[-1][0]:.4f}... "
                f"Generator Loss: {losses[-1][1]:.4f}",
                flush=True,
            )
            z = random.uniform(-1, 1, (16, NOISE))
            samples.append(session.run(generator(graph.noise, reuse=True), {graph.noise: z}))
            saver.save(session, str(folder / "generator.ckpt"))
        if drawn:
            z = random.uniform(-1, 1, (drawn, NOISE))
            generated = session.run(generator(graph.noise, reuse=True), {graph.noise: z})
            np.save(folder / "drawn.npy", (generated.reshape(-1, 28, 28, 1).astype(np.float32) + 1) / 2)
    (folder / "train_samples.pkl").write_bytes(pickle.dumps(samples))
    return samples, np.array(losses)


def plot(samples, losses, folder):
    _, ax = plt.subplots()
    ax.plot(losses.T[0], label="Discriminator")
    ax.plot(losses.T[1], label="Generator")
    ax.set_title("Training Losses")
    ax.legend()
    plt.savefig(folder / "losses.png")
    for name, rows, columns, shown in (
        ("last", 4, 4, samples[-1:]),
        ("evolution", 10, 6, samples[:: len(samples) // 10 or 1]),
    ):
        _, axes = plt.subplots(rows, columns, figsize=(7, 12), sharex=True, sharey=True)
        images = [image for sample in shown for image in sample[: rows * columns // len(shown)]]
        for ax, image in zip(axes.flat, images, strict=False):
            ax.imshow(image.reshape(28, 28), cmap="Greys_r")
        plt.savefig(folder / f"{name}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--dataset", default="mnist", help="a name or a path, as train.py takes it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draw", type=int, default=0, help="images to draw at the end, to drawn.npy")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default():
        samples, losses = train(given.epochs, given.folder, given.dataset, given.seed, given.draw)
    plot(samples, losses, given.folder)
