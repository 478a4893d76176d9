"""Both networks with their variables, created once under `variable_scope` and reused by every later call."""

from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.gan import averaging
from tfgan_v1.gan.augmentation import augment
from tfgan_v1.gan.conditioning import Condition, run_discriminator, run_generator
from tfgan_v1.gan.layers import minibatch_stddev, spectral_norm
from tfgan_v1.gan.models import Model

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
    condition: Condition | None = None  # how both get the class, in a conditional run

    def generate(self, z, training=None, labels=None, average=False):
        """G(z): noise [batch, noise_size] -> images [batch, *shape] in the range of the output activation.

        training: a layers.RngKey while training, None at inference. labels: in a conditional run, the class of each,
        one-hot [batch, classes]. average: with the averaged weights.
        """
        replace = (lambda getter, name, *args, **kwargs: self.average[name]) if average else None
        with tf.variable_scope("generator", reuse=True, custom_getter=replace):
            logits = run_generator(self.model, self.condition, z, self.shape, training, labels)
            return self.model.output.activation(logits)

    def discriminate(self, images, training=None, labels=None):
        """The logits of D: images [batch, *shape] -> [batch / pack, 1]. training, labels: see `generate`."""
        getter = spectral_norm([]) if self.view.spectral_norm else None
        with tf.variable_scope("discriminator", reuse=True, custom_getter=getter):
            return judge(self.model, self.condition, self.view, images, training, labels)


def judge(model, condition, view, images, training, labels):
    """The logits of a model's discriminator for images [batch, *shape] as D's network gets them."""
    if labels is not None:
        labels = tf.reshape(labels, [-1, view.pack * condition.num_classes])  # of each image of a pack
    return run_discriminator(model, condition, seen(view, images, training), training, labels)


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


def create_networks(model, shape, noise_size, view=View(), average=False, condition=None):  # noqa: B008, a constant
    """The Networks of a model, with their variables, in the current graph.

    average: also an averaged generator. condition: the conditioning.Condition of a conditional run. Raises UserError if
    a custom network returns the wrong shape or creates trainable variables outside its scope.
    """
    batch = view.pack * (GROUP if view.minibatch_stddev else 2)
    labels = condition and tf.zeros([batch, condition.num_classes])
    with tf.variable_scope("generator", use_resource=True):
        logits = run_generator(model, condition, tf.zeros([batch, noise_size]), tuple(shape), None, labels)
        check_tensor(f"the generator, given {batch} noise vectors,", logits, [batch, *shape])
    g_state, spectral_norms = tf.global_variables("generator/"), []
    getter = spectral_norm(spectral_norms) if view.spectral_norm else None
    with tf.variable_scope("discriminator", use_resource=True, custom_getter=getter):
        d_logits = judge(model, condition, view, model.output.activation(logits), None, labels)
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
            "`tf.get_variable`, as `tfgan_v1.gan.layers` does"
        )
    d_state = tf.global_variables("discriminator/")
    average = averaging.create_average(g_state) if average else None
    return Networks(
        model, tuple(shape), g_vars, d_vars, g_state, d_state, view, tuple(spectral_norms), average, condition
    )


def check_tensor(what, value, shape):
    """Raises UserError unless a custom function (what) returned a tensor of a shape that fits."""
    found = value.shape if isinstance(value, tf.Tensor) else type(value).__name__
    if not isinstance(value, tf.Tensor) or not found.is_compatible_with(shape):
        raise UserError(f"{what} must return a tensor of the shape {shape}, not {found}")
