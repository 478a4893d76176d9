"""Both networks with their variables, created once under `variable_scope` and reused by every later call."""

from typing import Any, NamedTuple

from tfgan_v1 import averaging
from tfgan_v1._tensorflow import tf
from tfgan_v1.augmentation import augment
from tfgan_v1.errors import UserError
from tfgan_v1.layers import minibatch_stddev, spectral_norm
from tfgan_v1.models import Model

GROUP = 4  # images of one minibatch standard deviation


class View(NamedTuple):
    """What lies between images and D, whatever the networks are."""

    augment: tuple[str, ...] = ()  # names in augmentation.AUGMENTATIONS, while training
    pack: int = 1  # images that D judges together: arXiv:1712.04086
    minibatch_stddev: bool = False
    spectral_norm: bool = False

    @classmethod
    def of(cls, config):
        """The View of a configuration."""
        return cls(config.augmentations, config.pack, config.minibatch_stddev, config.spectral_norm)


class Networks(NamedTuple):
    """A model whose variables exist in the current graph, and which of them each optimizer trains."""

    model: Model
    shape: tuple[int, ...]  # of one image, [height, width, channels], or of one point, [1]
    g_vars: list  # trained by the generator's optimizer
    d_vars: list  # trained by the discriminator's optimizer
    g_state: list  # all variables of the generator, with moving averages: what a generator checkpoint holds
    d_state: list  # all variables of the discriminator
    view: View = View()
    spectral_norms: tuple = ()  # a layers.SpectralNorm for each of D's kernels
    average: Any = None  # the averaged generator's variables by the names of g_state, or None

    def generate(self, z, training=None, average=False):
        """G(z): noise [batch, noise_size] -> images [batch, *shape] in the range of the output activation.

        training: a layers.RngKey while training, None at inference. average: with the averaged weights.
        """
        replace = (lambda getter, name, *args, **kwargs: self.average[name]) if average else None
        with tf.variable_scope("generator", reuse=True, custom_getter=replace):
            return self.model.output.activation(self.model.generator(z, self.shape, training))

    def discriminate(self, images, training=None):
        """The logits of D: images [batch, *shape] -> [batch / pack, 1]. training: see `generate`."""
        getter = spectral_norm([]) if self.view.spectral_norm else None
        with tf.variable_scope("discriminator", reuse=True, custom_getter=getter):
            return self.model.discriminator(seen(self.view, images, training), training)


def seen(view, images, training):
    """Images [batch, *shape] as D's network gets them: augmented, packed along the channels, with their deviation."""
    images = augment(images, view.augment, training) if training else images
    if view.pack > 1:
        *sides, channels = images.shape.as_list()[1:]
        packs = tf.reshape(images, [-1, view.pack, *sides, channels])
        last = len(sides) + 2
        packs = tf.transpose(packs, [0, *range(2, last), 1, last])  # [batch / pack, *sides, pack, channels]
        images = tf.reshape(packs, [-1, *sides, view.pack * channels])
    return minibatch_stddev(images, GROUP) if view.minibatch_stddev else images


def create_networks(model, shape, noise_size, view=View(), average=False):  # noqa: B008, a constant
    """The Networks of a model, with their variables, in the current graph. average: also an averaged generator.

    Raises UserError if a custom network returns the wrong shape or creates trainable variables outside its scope.
    """
    batch = view.pack * (GROUP if view.minibatch_stddev else 2)
    with tf.variable_scope("generator", use_resource=True):
        logits = model.generator(tf.zeros([batch, noise_size]), tuple(shape), None)
        check_tensor(f"the generator, given {batch} noise vectors,", logits, [batch, *shape])
    g_state, spectral_norms = tf.global_variables("generator/"), []
    getter = spectral_norm(spectral_norms) if view.spectral_norm else None
    with tf.variable_scope("discriminator", use_resource=True, custom_getter=getter):
        d_logits = model.discriminator(seen(view, model.output.activation(logits), None), None)
        check_tensor(f"the discriminator, given {batch} images,", d_logits, [batch // view.pack, 1])
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
    d_state = tf.global_variables("discriminator/")
    networks = Networks(model, tuple(shape), g_vars, d_vars, g_state, d_state, view, tuple(spectral_norms))
    return networks._replace(average=averaging.create_average(g_state) if average else None)


def check_tensor(what, value, shape):
    """Raises UserError unless a custom function (what) returned a tensor of a shape that fits."""
    found = value.shape if isinstance(value, tf.Tensor) else type(value).__name__
    if not isinstance(value, tf.Tensor) or not found.is_compatible_with(shape):
        raise UserError(f"{what} must return a tensor of the shape {shape}, not {found}")
