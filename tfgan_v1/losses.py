"""The losses as formulas on logits: means over the batch, in nats.

D's loss has two halves, one on real and one on generated images, which are summed, averaged, or minimised in turn.
Label smoothing is a choice of labels.
"""

from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf


class Labels(NamedTuple):
    """The targets of the cross-entropy."""

    real: float  # of real images, 1 or, smoothed, less (arXiv:1606.03498, sec. 3.4)
    fake: float  # of generated images, 0 or, smoothed, more
    g_target: float  # of generated images in the generator's loss, 1 or, smoothed, less


class Loss(NamedTuple):
    """Three formulas (logits [batch, 1], Labels) -> scalar, each to be minimised."""

    d_real: Callable  # by D, on the logits of real images
    d_fake: Callable  # by D, on the logits of generated images
    g: Callable  # by G, on the logits of its images


def cross_entropy(logits, label):
    """Mean sigmoid cross-entropy of logits of any shape against one label in [0, 1]."""
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels))


# -E[log D(x)] and -E[log(1 - D(G(z)))]: arXiv:1406.2661, eq. 1, negated.
NON_SATURATING = Loss(
    d_real=lambda logits, labels: cross_entropy(logits, labels.real),
    d_fake=lambda logits, labels: cross_entropy(logits, labels.fake),
    g=lambda logits, labels: cross_entropy(logits, labels.g_target),  # -E[log D(G(z))], sec. 3
)
LOSSES = {
    "non_saturating": NON_SATURATING,
    # E[log(1 - D(G(z)))], eq. 1: the saturating loss; G's gradient vanishes when D is confident.
    "minimax": NON_SATURATING._replace(g=lambda logits, labels: -cross_entropy(logits, labels.fake)),
}
