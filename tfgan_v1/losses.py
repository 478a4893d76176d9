"""The losses as formulas on logits; both are means over the batch, in nats."""

from tfgan_v1._tensorflow import tf


def discriminator_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss: -E[log D(x)] - E[log(1 - D(G(z)))] (arXiv:1406.2661, eq. 1, with its sign turned).

    real_logits, fake_logits: [batch, 1]. smooth in [0, 0.5]: real images are labelled 1 - smooth, generated ones stay
    at 0 (one-sided label smoothing, arXiv:1606.03498, sec. 3.4).
    """
    return cross_entropy(real_logits, 1 - smooth) + cross_entropy(fake_logits, 0)


def generator_loss(fake_logits):
    """The generator's non-saturating loss: -E[log D(G(z))] (arXiv:1406.2661, sec. 3). fake_logits: [batch, 1]."""
    return cross_entropy(fake_logits, 1)


def cross_entropy(logits, label):
    """Mean sigmoid cross-entropy between logits of any shape and one label in [0, 1] for them all."""
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels))
