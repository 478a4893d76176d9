"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014, arXiv:1406.2661) as a TensorFlow graph."""

from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.layers import RngKey
from tfgan_v1.losses import Labels, Loss
from tfgan_v1.networks import Networks, check_tensor
from tfgan_v1.optimizers import NetworkOptimizer, make_optimizer

# What a training step returns, of D for the last of its k updates. D(x) and D(G(z)) are mean probabilities. Accuracies
# are shares of a batch on the right side of 0.5: for D, of the real and generated images before its update; for G, of
# its images that the new D takes for real.
METRICS = ("d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy")


class TrainSpec(NamedTuple):
    """Two networks, the loss of each, and the optimizer of each."""

    networks: Networks
    loss: Loss
    labels: Labels
    d: NetworkOptimizer
    g: NetworkOptimizer
    config: Config


def make_train_spec(config, networks, loss):
    """The TrainSpec of two networks. Raises UserError if a custom loss does not return a scalar."""
    labels = Labels(real=1 - config.smooth, fake=config.fake_label, g_target=config.g_label)
    for name, formula in loss._asdict().items():
        check_tensor(f"the loss's {name}", formula(tf.zeros([2, 1]), labels), [])
    d = make_optimizer(config, networks.d_vars, config.d_lr, config.d_decay, "d_updates")
    g = make_optimizer(config, networks.g_vars, config.g_lr, config.g_decay, "g_updates")
    return TrainSpec(networks, loss, labels, d, g, config)


def train_step(spec, reals, zs, g_z, step, freeze_generator=False):
    """One iteration of Algorithm 1: k discriminator updates, then one generator update against the new D.

    reals: k batches of real images [batch, *shape], in the networks' range. zs: k batches of noise [batch, noise_size].
    g_z: noise for the generator's update; None reuses the last fake batch. step: int64 scalar, the number of the step.
    freeze_generator: leave G as it is. Returns METRICS, float32 [len(METRICS)], after all updates.
    """
    networks, (d_step, _) = spec.networks, D_STEPS[spec.config.d_batches]
    step_keys, last_keys = rng_keys(spec.config, step)
    d_update = tf.no_op()
    for real, z, (g_key, *d_keys) in zip(reals, zs, step_keys, strict=True):
        with tf.control_dependencies([d_update]):
            fake = networks.generate(z, g_key)
            d_update, d_loss, real_logits, fake_logits = d_step(spec, real, fake, d_keys)
    g_key, d_key = last_keys
    with tf.control_dependencies([d_update]):
        if g_z is not None:
            fake = networks.generate(g_z, g_key)  # otherwise the last fake batch: a D update leaves G as it is
        g_fake_logits = networks.discriminate(fake, d_key)
        g_loss = spec.loss.g(g_fake_logits, spec.labels)
        g_update = tf.no_op() if freeze_generator else spec.g.minimize(g_loss)
    with tf.control_dependencies([g_update]):
        d_correct = tf.concat([real_logits > 0, fake_logits <= 0], 0)
        probabilities = [tf.reduce_mean(tf.sigmoid(logits)) for logits in (real_logits, fake_logits)]
        accuracies = [tf.reduce_mean(tf.cast(right, tf.float32)) for right in (d_correct, g_fake_logits > 0)]
        return tf.stack([d_loss, g_loss, *probabilities, *accuracies])


def d_step_joint(spec, real, fake, keys):
    """One D update, with real and fake images in one batch: larger matrix products than `d_step_separate`.

    Like every D step, it takes images [batch, *shape] and a RngKey for each call of D, and returns (update op, D's loss
    as a scalar, real logits, fake logits), with logits [batch, 1] from before the update.
    """
    logits = spec.networks.discriminate(tf.concat([real, fake], 0), keys[0])
    return update_d(spec, *tf.split(logits, 2))


def d_step_separate(spec, real, fake, keys):
    """One D update, with real and fake images in a batch each, as a D with batch norm needs it."""
    real_logits = spec.networks.discriminate(real, keys[0])
    return update_d(spec, real_logits, spec.networks.discriminate(fake, keys[1]))


def d_step_in_turn(spec, real, fake, keys):
    """Two D updates: on the real images, then on the fake ones."""
    real_logits = spec.networks.discriminate(real, keys[0])
    real_loss = spec.loss.d_real(real_logits, spec.labels)
    with tf.control_dependencies([spec.d.minimize(real_loss)]):
        fake_logits = spec.networks.discriminate(fake, keys[1])
        fake_loss = spec.loss.d_fake(fake_logits, spec.labels)
        return spec.d.minimize(fake_loss), total_d_loss(spec, real_loss, fake_loss), real_logits, fake_logits


# d_batches -> (D step, calls of the discriminator in it)
D_STEPS = {"joint": (d_step_joint, 1), "separate": (d_step_separate, 2), "in_turn": (d_step_in_turn, 2)}


def update_d(spec, real_logits, fake_logits):
    """One D update on the sum or mean of both halves of the loss. logits: [batch, 1]. Returns what a D step returns."""
    real_loss, fake_loss = spec.loss.d_real(real_logits, spec.labels), spec.loss.d_fake(fake_logits, spec.labels)
    d_loss = total_d_loss(spec, real_loss, fake_loss)
    return spec.d.minimize(d_loss), d_loss, real_logits, fake_logits


def total_d_loss(spec, real_loss, fake_loss):
    """D's loss, a scalar: the sum or the mean of its halves."""
    return (real_loss + fake_loss) * {"sum": 1.0, "mean": 0.5}[spec.config.d_loss]


def rng_keys(config, step):
    """One layers.RngKey for each network call of a step, so that no two calls of a run draw the same numbers.

    Returns (keys of each D step: one for G, then those for D; keys of the G step: one for G, one for D).
    """
    calls = 1 + D_STEPS[config.d_batches][1]
    first = step * (3 * config.d_steps + 2)
    step_keys = [[RngKey(config.seed, first + k * calls + i) for i in range(calls)] for k in range(config.d_steps)]
    after = first + config.d_steps * calls
    fresh = config.g_noise == "fresh"  # otherwise G is not called again, and D's call takes the first number
    return step_keys, [RngKey(config.seed, after), RngKey(config.seed, after + fresh)]
