"""Both networks with their variables, created once under `variable_scope` and reused by every later call."""

import math
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief, warn
from tfgan_v1.gan.augmentation import augment
from tfgan_v1.gan.conditioning import Batch, Condition, generator_logits
from tfgan_v1.gan.layers import minibatch_stddev, spectral_norm
from tfgan_v1.gan.models import Model, Output, decode
from tfgan_v1.gan.optimizers import create_average

STDDEV_GROUP = 4  # images of one minibatch standard deviation
INSTEAD = "tf.layers.dense(x, units, name=...)"  # of tfgan_v1.tf


class DInput(NamedTuple):
    """What D gets of images, and of its own kernels, whatever the networks are."""

    augment: tuple[str, ...] = ()  # names in augmentation.AUGMENTATIONS, while training
    pack: int = 1  # images that D judges together: arXiv:1712.04086
    minibatch_stddev: bool = False
    spectral_norm: bool = False
    strength: Any = None  # of the augmentations: (number of a call of D) -> scalar, see `augment`; None: 1

    @classmethod
    def of(cls, config):
        """The DInput of a configuration."""
        return cls(config.augmentations, config.pack, config.minibatch_stddev, config.spectral_norm)

    def transform(self, images, training):
        """Images [batch, *shape] as D's network gets them: augmented, packed along the channels, with their stddev."""
        if training:
            strength = self.strength and self.strength(training.number)
            images = augment(images, self.augment, training, strength)
        if self.pack > 1:
            *sides, channels = images.shape.as_list()[1:]
            packs = tf.reshape(images, [-1, self.pack, *sides, channels])
            last = len(sides) + 2
            packs = tf.transpose(packs, [0, *range(2, last), 1, last])  # [batch / pack, *sides, pack, channels]
            images = tf.reshape(packs, [-1, *sides, self.pack * channels])
        return minibatch_stddev(images, STDDEV_GROUP) if self.minibatch_stddev else images


class Networks(NamedTuple):
    """A model whose variables exist in the current graph, and which of them each optimizer trains."""

    model: Model
    shape: tuple[int, ...]  # of one image, [height, width, channels], or of one point, [1]
    g_vars: list = ()  # trained by the generator's optimizer
    d_vars: list = ()  # trained by the discriminator's optimizer
    g_state: list = ()  # all variables of the generator, with moving averages: what a generator checkpoint holds
    d_state: list = ()  # all variables of the discriminator
    d_input: DInput = DInput()
    spectral_norms: tuple = ()  # a layers.SpectralNorm for each of D's kernels
    average: Any = None  # the averaged generator's variables by the names of g_state, or None
    condition: Condition | None = None  # how both get the class, in a conditional run

    def generate(self, z, key=None, average=False):
        """G(z): a Batch of noise [batch, noise_size] -> one of images [batch, *shape] in the range of the output.

        key: a layers.RngKey while training, None at inference. average: with the averaged weights.
        """
        replace = (lambda getter, name, *args, **kwargs: self.average[name]) if average else None
        with tf.variable_scope("generator", reuse=True, custom_getter=replace):
            logits = generator_logits(self.model, self.condition, z, self.shape, key and key.of(z.shard))
            return z._replace(values=self.model.output.activation(logits))

    def discriminate(self, images, key=None, reuse=True, spectral_norms=()):
        """The logits of D: a Batch of images [batch, *shape] -> [batch / pack, 1]. key: see `generate`."""
        training, labels = key and key.of(images.shard), images.labels
        getter = spectral_norm([] if reuse else spectral_norms) if self.d_input.spectral_norm else None
        with tf.variable_scope("discriminator", reuse=reuse, use_resource=True, custom_getter=getter):
            values = self.d_input.transform(images.values, training)
            if self.condition is None:
                return self.model.discriminator(values, training)
            labels = tf.reshape(labels, [-1, self.d_input.pack * self.condition.num_classes])  # of each image of a pack
            return self.condition.d(self.model.discriminator, values, training, labels)


def create_networks(model, shape, noise_size, d_input=DInput(), average=False, condition=None):  # noqa: B008, a constant
    """The Networks of a model, with their variables, in the current graph.

    average: also an averaged generator. condition: the conditioning.Condition of a conditional run. Raises UserError if
    a custom network returns the wrong shape or creates trainable variables outside its scope.
    """
    networks = Networks(model, tuple(shape), d_input=d_input, condition=condition)
    batch, spectral_norms = d_input.pack * (STDDEV_GROUP if d_input.minibatch_stddev else 2), []
    z = Batch(tf.zeros([batch, noise_size]), condition and tf.zeros([batch, condition.num_classes]))
    with tf.variable_scope("generator", use_resource=True):
        logits = generator_logits(model, condition, z, networks.shape)
        check_tensor(f"the generator, given {batch} noise vectors,", logits, [batch, *shape])
    decode(model, logits)  # which may have variables
    g_state, images = tf.global_variables("generator/"), Batch(model.output.activation(logits), z.labels)
    warn_of_two_activations(logits, images.values)
    logits = networks.discriminate(images, reuse=False, spectral_norms=spectral_norms)
    check_tensor(f"the discriminator, given {batch} images,", logits, [batch // d_input.pack, 1])
    g_vars, d_vars = tf.trainable_variables("generator/"), tf.trainable_variables("discriminator/")
    outside = {variable.name for variable in tf.trainable_variables()} - {variable.name for variable in g_vars + d_vars}
    if outside:
        raise UserError(
            f"the variables {', '.join(sorted(outside))} are outside the scopes `generator` and `discriminator`; "
            "create them by `tf.get_variable` without a scope of your own around the network"
        )
    if not g_vars or not d_vars:
        raise UserError(
            f"the {'discriminator' if g_vars else 'generator'} has no trainable variables; create them by "
            f"`tf.get_variable`, as {INSTEAD} does"
        )
    check_shared(g_vars + d_vars)
    d_state = tf.global_variables("discriminator/")
    variables = {"g_vars": g_vars, "d_vars": d_vars, "g_state": g_state, "d_state": d_state}
    average = create_average(g_state) if average else None
    return networks._replace(**variables, spectral_norms=tuple(spectral_norms), average=average)


def check_model(model):
    """Raises UserError unless a custom Model is of two functions, which Keras models are not, and an Output."""
    for name in ("generator", "discriminator"):
        network = getattr(model, name)
        keras = any(kind.__module__.startswith("keras.") for kind in type(network).__mro__)
        if keras or not callable(network):
            raise UserError(f"a custom {name} is a function that calls {INSTEAD}, not {brief(network)}")
    if not isinstance(model.output, Output):
        raise UserError(f"a custom output is TANH, SIGMOID or LINEAR of tfgan_v1.gan.models, not {brief(model.output)}")


def check_shared(variables):
    """Raises UserError for a variable that a later call of its network does not find again."""
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        for name in [variable.op.name for variable in variables]:
            try:
                tf.get_variable(name)
            except ValueError:
                why = f"each call of its network would create {name} anew, as Keras layers and tf.Variable do"
                raise UserError(f"{why}; use tf.get_variable, or {INSTEAD}") from None


def warn_of_two_activations(logits, images):
    """Warns if a generator ends with a tanh or sigmoid, and the output of its model is one, too."""
    op = logits.op
    while op.type in ("Identity", "Reshape"):
        op = op.inputs[0].op
    if {op.type, images.op.type} <= {"Sigmoid", "Tanh"}:
        last, output = op.type.lower(), images.op.type.upper()
        warn(f"the generator ends with {last}, and its model's output is {output} after it; return what {last} gets")


def count_parameters(variables):
    """The number of values in variables."""
    return sum(math.prod(variable.shape.as_list()) for variable in variables)


def check_tensor(what, value, shape):
    """Raises UserError unless a custom function (what) returned a tensor of a shape that fits."""
    returned = value.shape if isinstance(value, tf.Tensor) else type(value).__name__
    if not isinstance(value, tf.Tensor) or not returned.is_compatible_with(shape):
        raise UserError(f"{what} must return a tensor of the shape {shape}, not {returned}")
