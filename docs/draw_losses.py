"""Draws docs/losses.png, the gradients of the generator's losses: `python docs/draw_losses.py`."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from make_figures import write
from tfgan_v1 import LOSSES, tf
from tfgan_v1.gan.losses import Labels

STYLES = {"wasserstein": ":", "relativistic_average": ":"}  # their curves coincide with others


def slopes(loss, logits):
    """-d loss / d logit of one generated image with each of these logits, float32 [n]: positive raises it."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = [tf.constant([[logit]], tf.float32) for logit in logits]
        labels = Labels(real=1.0, fake=0.0, g_target=1.0)
        return -np.ravel(session.run([tf.gradients(loss.g(logit, labels), logit)[0] for logit in images]))


def draw():
    """The picture as a Figure."""
    logits = np.linspace(-6, 6, 61)
    figure = Figure(figsize=(7, 3.6), dpi=100, layout="constrained")
    ax = figure.add_subplot()
    for name, loss in LOSSES.items():
        ax.plot(logits, slopes(loss, logits), STYLES.get(name, "-"), label=name, linewidth=3 if name in STYLES else 1.5)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_title("Gradient of the generator's loss", fontsize=10)
    ax.set(xlabel="D's logit of a generated image: left, D is sure that it is generated", ylabel="-d loss / d logit")
    ax.set_ylim(-1.1, 3.1)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    write(draw(), Path(__file__).with_name("losses.png"))
