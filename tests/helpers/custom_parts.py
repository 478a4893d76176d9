"""Networks, a loss and an optimizer of a caller's own, for images of 8x8."""

from tfgan_v1 import Loss, Model, Optimizer
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers, models


def generator(noise, shape, training):
    hidden = layers.batch_norm(tf.nn.relu(layers.dense(noise, 16, "mine")), training, "norm")
    return tf.reshape(layers.dense(hidden, 64, "pixels"), [-1, *shape])


def discriminator(images, training):
    pixels = layers.batch_norm(tf.reshape(images, [-1, 64]), training, "norm")
    return layers.dense(layers.dropout(pixels, 0.5, training, "drop"), 1, "score")


MODEL = Model(generator, discriminator, models.TANH)
SQUARES = Loss(
    d_real=lambda logits, labels: tf.reduce_mean((logits - labels.real) ** 2),
    d_fake=lambda logits, labels: tf.reduce_mean((logits - labels.fake) ** 2),
    g=lambda logits, labels: tf.reduce_mean((logits - labels.g_target) ** 2),
)


def all_of_them():
    """The arguments of `train` for custom parts."""
    momentum = Optimizer(lambda rate: tf.train.MomentumOptimizer(rate, 0.5), 0.01)
    return {"model": MODEL, "loss": SQUARES, "d_optimizer": momentum}
