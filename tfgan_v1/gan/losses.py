"""The losses as formulas on logits: means over the batch.

D's loss has two halves, one on real and one on generated images, which are summed, averaged, or minimized in turn.
Label smoothing is a choice of labels.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf


class Labels(NamedTuple):
    """The targets of the cross-entropy, or of the least squares."""

    real: float  # of real images, 1 or, smoothed, less (arXiv:1606.03498, sec. 3.4)
    fake: float  # of generated images, 0 or, smoothed, more
    g_target: float  # of generated images in the generator's loss, 1 or, smoothed, less


class Loss(NamedTuple):
    """Three formulas (logits [batch, 1], Labels) -> scalar, each to be minimized; and what else defines a loss.

    penalty: a term of D's loss, weighted by the caller: (discriminate, real, fake) -> scalar, where `discriminate` is
    the penalties.Discriminate that maps images to logits, and real and fake are batches of images [batch, *shape] in
    the networks' range. It takes the place of `--penalty`.
    critic: whether D's logits are scores; otherwise sigmoid(logit) is its probability that an image is real.
    relative: each logit is taken minus the mean logit of the other kind, and G's loss has a half on real images, too,
    with the roles of both kinds swapped (arXiv:1807.00734).
    paired: of a relative loss, the other kind's logit is that of the image in the same row, which has the same class.
    """

    d_real: Callable  # by D, on the logits of real images
    d_fake: Callable  # by D, on the logits of generated images
    g: Callable  # by G, on the logits of its images
    penalty: Callable | None = None
    critic: bool = False
    relative: bool = False
    paired: bool = False
    uses_labels: bool = True  # and so label smoothing has an effect
    equilibrium: Callable | None = None  # Labels -> (D's loss, G's), summed, with the best D and p(generated) = p(real)


def cross_entropy(logits, label):
    """Mean sigmoid cross-entropy, in nats, of logits of any shape against one label in [0, 1]."""
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels))


def half_squares(logits, label):
    """Half the mean squared distance of logits of any shape from one label."""
    return tf.reduce_mean(tf.square(logits - label)) / 2


def _entropy(label, probability):
    """The cross-entropy of one label and one probability."""
    return -label * math.log(probability) - (1 - label) * math.log(1 - probability)


def _at_equilibrium(loss, saturating=False):
    """The losses where D says everywhere the mean of both labels. loss: (label, D's output) -> number."""

    def losses(labels):
        output = (labels.real + labels.fake) / 2  # arXiv:1406.2661, theorem 1; with smoothed labels, of both
        g = -loss(labels.fake, output) if saturating else loss(labels.g_target, output)
        return loss(labels.real, output) + loss(labels.fake, output), g

    return losses


# -E[log D(x)] and -E[log(1 - D(G(z)))]: arXiv:1406.2661, eq. 1, negated.
NON_SATURATING = Loss(
    d_real=lambda logits, labels: cross_entropy(logits, labels.real),
    d_fake=lambda logits, labels: cross_entropy(logits, labels.fake),
    g=lambda logits, labels: cross_entropy(logits, labels.g_target),  # -E[log D(G(z))], sec. 3
    equilibrium=_at_equilibrium(_entropy),
)
# E[D(G(z))] - E[D(x)], for a D with bounded slope: arXiv:1701.07875, eq. 2 and 3.
WASSERSTEIN = Loss(
    d_real=lambda logits, labels: -tf.reduce_mean(logits),
    d_fake=lambda logits, labels: tf.reduce_mean(logits),
    g=lambda logits, labels: -tf.reduce_mean(logits),
    critic=True,
    uses_labels=False,
    equilibrium=lambda labels: (0, 0),
)
LOSSES = {
    "non_saturating": NON_SATURATING,
    # E[log(1 - D(G(z)))], eq. 1: the saturating loss; G's gradient vanishes when D is confident.
    "minimax": NON_SATURATING._replace(
        g=lambda logits, labels: -cross_entropy(logits, labels.fake),
        equilibrium=_at_equilibrium(_entropy, saturating=True),
    ),
    # E[(D(x) - b)^2] / 2, E[(D(G(z)) - a)^2] / 2 and E[(D(G(z)) - c)^2] / 2: arXiv:1611.04076, eq. 2.
    "least_squares": Loss(
        d_real=lambda logits, labels: half_squares(logits, labels.real),
        d_fake=lambda logits, labels: half_squares(logits, labels.fake),
        g=lambda logits, labels: half_squares(logits, labels.g_target),
        critic=True,
        equilibrium=_at_equilibrium(lambda label, output: (output - label) ** 2 / 2),
    ),
    # E[max(0, 1 - D(x))] and E[max(0, 1 + D(G(z)))]: arXiv:1802.05957, eq. 16 and 17, after arXiv:1705.02894.
    "hinge": WASSERSTEIN._replace(
        d_real=lambda logits, labels: tf.reduce_mean(tf.nn.relu(1 - logits)),
        d_fake=lambda logits, labels: tf.reduce_mean(tf.nn.relu(1 + logits)),
        equilibrium=lambda labels: (2, 0),
    ),
    "wasserstein": WASSERSTEIN,
    # E[softplus(-(D(x) - D(G(z))))] of D, E[softplus(-(D(G(z)) - D(x)))] of G, pair by pair: arXiv:1807.00734, eq. 4
    # and 5; with R1 and R2, arXiv:2501.05441, eq. 2. Both halves of each loss are equal, so their mean is the paper's.
    "relativistic": WASSERSTEIN._replace(
        d_real=lambda logits, labels: tf.reduce_mean(tf.nn.softplus(-logits)),
        d_fake=lambda logits, labels: tf.reduce_mean(tf.nn.softplus(logits)),
        g=lambda logits, labels: tf.reduce_mean(tf.nn.softplus(-logits)),
        relative=True,
        paired=True,
        equilibrium=lambda labels: (2 * math.log(2), 2 * math.log(2)),
    ),
    # -E[log sigmoid(D(x) - E[D(G(z))])] - E[log(1 - sigmoid(D(G(z)) - E[D(x)]))]: arXiv:1807.00734, RaSGAN, alg. 2.
    "relativistic_average": NON_SATURATING._replace(
        critic=True, relative=True, equilibrium=lambda labels: (2 * math.log(2), 2 * math.log(2))
    ),
}
