"""Both networks with their variables, created once under `variable_scope` and reused by every later call."""

from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.models import Model


class Networks(NamedTuple):
    """A model whose variables exist in the current graph, and which of them each optimizer trains."""

    model: Model
    shape: tuple[int, ...]  # of one image, [height, width, channels], or of one point, [1]
    g_vars: list  # trained by the generator's optimizer
    d_vars: list  # trained by the discriminator's optimizer
    g_state: list  # all variables of the generator, with moving averages: what a generator checkpoint holds

    def generate(self, z, training=None):
        """G(z): noise [batch, noise_size] -> images [batch, *shape] in the range of the output activation.

        training: a layers.RngKey while training, None at inference.
        """
        with tf.variable_scope("generator", reuse=True):
            return self.model.output.activation(self.model.generator(z, self.shape, training))

    def discriminate(self, images, training=None):
        """The logits of D: images [batch, *shape] -> [batch, 1]. training: see `generate`."""
        with tf.variable_scope("discriminator", reuse=True):
            return self.model.discriminator(images, training)


def create_networks(model, shape, noise_size):
    """The Networks of a model, with their variables, in the current graph.

    Raises UserError if a custom network returns the wrong shape or creates trainable variables outside its scope.
    """
    with tf.variable_scope("generator", use_resource=True):
        logits = model.generator(tf.zeros([2, noise_size]), tuple(shape), None)
        check_tensor("the generator, given two noise vectors,", logits, [2, *shape])
    g_state = tf.global_variables("generator/")
    with tf.variable_scope("discriminator", use_resource=True):
        d_logits = model.discriminator(model.output.activation(logits), None)
        check_tensor("the discriminator, given two images,", d_logits, [2, 1])
    g_vars, d_vars = tf.trainable_variables("generator/"), tf.trainable_variables("discriminator/")
    outside = {v.name for v in tf.trainable_variables()} - {v.name for v in g_vars + d_vars}
    if outside:
        raise UserError(
            f"the variables {', '.join(sorted(outside))} are outside the scopes `generator` and `discriminator`; "
            "create them by `tf.get_variable` without a scope of your own around the network"
        )
    if not g_vars or not d_vars:
        raise UserError(
            f"the {'discriminator' if g_vars else 'generator'} has no trainable variables; create them by "
            "`tf.get_variable`, as `tfgan_v1.layers` does"
        )
    return Networks(model, tuple(shape), g_vars, d_vars, g_state)


def check_tensor(what, value, shape):
    """Raises UserError unless a custom function (what) returned a tensor of a shape that fits."""
    found = value.shape if isinstance(value, tf.Tensor) else type(value).__name__
    if not isinstance(value, tf.Tensor) or not found.is_compatible_with(shape):
        raise UserError(f"{what} must return a tensor of the shape {shape}, not {found}")
