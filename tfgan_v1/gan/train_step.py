"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014, arXiv:1406.2661) as a TensorFlow graph."""

from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.gan import data_parallel
from tfgan_v1.gan.conditioning import Batch, concat
from tfgan_v1.gan.layers import RngKey
from tfgan_v1.gan.losses import Labels, Loss
from tfgan_v1.gan.networks import Networks, check_tensor
from tfgan_v1.gan.optimizers import NetworkOptimizer
from tfgan_v1.gan.penalties import make_penalty, penalty_gradients


class TrainSpec(NamedTuple):
    """Two networks, the loss of each, and the optimizer of each."""

    networks: Networks
    loss: Loss
    labels: Labels
    penalty: Callable | None  # (discriminate, real, fake) -> scalar, with its weight
    d: NetworkOptimizer
    g: NetworkOptimizer
    config: Config


def make_train_spec(config, networks, loss, d, g):
    """The TrainSpec of two networks and their optimizers. Raises UserError if a custom loss returns no scalar."""
    labels = Labels(real=1 - config.smooth, fake=config.fake_label, g_target=config.g_label)
    for name in ("d_real", "d_fake", "g"):
        check_tensor(f"the loss's {name}", getattr(loss, name)(tf.zeros([2, 1]), labels), [])
    return TrainSpec(networks, loss, labels, make_penalty(config, loss), d, g, config)


def train_step(spec, reals, zs, g_z, step, freeze_generator=False):
    """One iteration of Algorithm 1: k discriminator updates, then one generator update against the new D.

    reals: k Batches of real images [batch, *shape], in the networks' range. zs: k Batches of noise [batch, noise_size].
    g_z: noise for the generator's update; None reuses the last fake batch. step: int64 scalar, the number of the step.
    freeze_generator: leave G as it is. Returns the METRICS of the loss, float32 [n], after all updates.
    """
    networks, (d_step, _) = spec.networks, D_STEPS[spec.config.d_batches]
    step_keys, last_keys = rng_keys(spec.config, step)
    d_update = tf.group(*(kernel.iterate() for kernel in networks.spectral_norms))
    for real, z, (g_key, *d_keys) in zip(reals, zs, step_keys, strict=True):
        with tf.control_dependencies([d_update]):
            fake = generate(networks, z, g_key)
            penalty = penalty_gradients(spec, real, fake, d_keys[0], step)
            d_update, d_loss, real_logits, fake_logits = d_step(spec, real, fake, d_keys, penalty)
    g_key, d_key = last_keys
    with tf.control_dependencies([d_update]):
        if g_z is not None:
            fake = generate(networks, g_z, g_key)  # otherwise the last fake batch: a D update leaves G as it is
        g_loss, g_fake_logits = generator_loss(spec, real, fake, d_key)
        g_update = tf.no_op() if freeze_generator else spec.g.minimize(g_loss, fake.rows)
    with tf.control_dependencies([g_update]):
        outputs = [tf.reduce_mean(d_output(spec.loss, logits)) for logits in (real_logits, fake_logits)]
        if spec.loss.reads_as == "scores":
            return tf.stack([d_loss, g_loss, *outputs])
        d_correct = tf.concat([real_logits > 0, fake_logits <= 0], 0)
        accuracies = [tf.reduce_mean(tf.cast(right, tf.float32)) for right in (d_correct, g_fake_logits > 0)]
        return tf.stack([d_loss, g_loss, *outputs, *accuracies])


def generate(networks, z, key):
    """The Batch of images that G makes of a Batch of noise. key: the layers.RngKey of the call."""
    return Batch(networks.generate(z.values, key.of(z.rows), z.labels), z.labels, z.rows)


def discriminate(networks, images, key):
    """The logits of a Batch of images, [batch, 1]."""
    return networks.discriminate(images.values, key and key.of(images.rows), images.labels)


def d_step_joint(spec, real, fake, keys, penalty):
    """One D update, with real and fake images in one batch: larger matrix products than `d_step_separate`.

    Like every D step, it takes Batches of images [batch, *shape], a RngKey for each call of D and the penalty's
    gradients, and returns (update op, D's loss as a scalar, real logits, fake logits), with logits [batch, 1] from
    before the update.
    """
    logits = discriminate(spec.networks, concat(real, fake), keys[0])
    return update_d(spec, *tf.split(logits, 2), real.rows, penalty)


def d_step_separate(spec, real, fake, keys, penalty):
    """One D update, with real and fake images in a batch each, as a D with batch norm needs it."""
    real_logits = discriminate(spec.networks, real, keys[0])
    return update_d(spec, real_logits, discriminate(spec.networks, fake, keys[1]), real.rows, penalty)


def d_step_in_turn(spec, real, fake, keys, penalty):
    """Two D updates: on the real images, with the penalty, then on the fake ones."""
    real_logits = discriminate(spec.networks, real, keys[0])
    real_loss = spec.loss.d_real(real_logits, spec.labels)
    with tf.control_dependencies([spec.d.minimize(real_loss, real.rows, penalty)]):
        fake_logits = discriminate(spec.networks, fake, keys[1])
        fake_loss = spec.loss.d_fake(fake_logits, spec.labels)
        return spec.d.minimize(fake_loss, fake.rows), total_loss(spec, real_loss, fake_loss), real_logits, fake_logits


# d_batches -> (D step, calls of the discriminator in it)
D_STEPS = {"joint": (d_step_joint, 1), "separate": (d_step_separate, 2), "in_turn": (d_step_in_turn, 2)}


def update_d(spec, real_logits, fake_logits, rows, penalty):
    """One D update on the sum or mean of both halves of the loss. logits: [batch, 1]. Returns what a D step returns."""
    real, fake = compared(spec.loss, real_logits, fake_logits, rows)
    d_loss = total_loss(spec, spec.loss.d_real(real, spec.labels), spec.loss.d_fake(fake, spec.labels))
    return spec.d.minimize(d_loss, rows, penalty), d_loss, real_logits, fake_logits


def generator_loss(spec, real, fake, key):
    """G's loss, a scalar, and the logits of its images, [batch, 1]. Only a relative loss depends on the real images."""
    if not spec.loss.relative:
        logits = discriminate(spec.networks, fake, key)
        return spec.loss.g(logits, spec.labels), logits
    if spec.config.d_batches == "joint":
        real_logits, logits = tf.split(discriminate(spec.networks, concat(real, fake), key), 2)
    else:  # a D with batch norm
        real_logits, logits = (discriminate(spec.networks, images, key) for images in (real, fake))
    real, fake = compared(spec.loss, real_logits, logits, fake.rows)
    return total_loss(spec, spec.loss.d_fake(real, spec.labels), spec.loss.g(fake, spec.labels)), logits


def compared(loss, real_logits, fake_logits, rows=None):
    """The logits that a loss takes: of a relative one, each minus the mean logit of the other kind."""
    if not loss.relative:
        return real_logits, fake_logits
    return real_logits - data_parallel.mean(fake_logits, rows), fake_logits - data_parallel.mean(real_logits, rows)


def total_loss(spec, real_loss, fake_loss):
    """A network's loss, a scalar: the sum or the mean of its halves."""
    return (real_loss + fake_loss) * {"sum": 1.0, "mean": 0.5}[spec.config.d_loss]


def d_output(loss, logits):
    """What D says of images: the probability that they are real, or their score. [batch, 1]."""
    return logits if loss.reads_as == "scores" else tf.sigmoid(logits)


def rng_keys(config, step):
    """One layers.RngKey for each network call of a step: no two calls with one batch size draw the same numbers.

    Returns (keys of each D step: one for G, then those for D; keys of the G step: one for G, one for D).
    """
    calls = 1 + D_STEPS[config.d_batches][1]
    first = step * (3 * config.d_steps + 2)
    step_keys = [[RngKey(config.seed, first + k * calls + i) for i in range(calls)] for k in range(config.d_steps)]
    after = first + config.d_steps * calls
    fresh = config.g_noise == "fresh"  # otherwise G is not called again, and D's call takes the first number
    return step_keys, [RngKey(config.seed, after), RngKey(config.seed, after + fresh)]
