"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014, arXiv:1406.2661) as a TensorFlow graph."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import data_parallel
from tfgan_v1.gan.conditioning import concat
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
    penalty: Callable | None  # (discriminate, real, fake) -> scalar: see penalties.make_penalty
    d: NetworkOptimizer
    g: NetworkOptimizer
    config: Any  # the configuration
    steering: Any = None  # an adaptive.Steering of D's augmentation


class Keys(NamedTuple):
    """A layers.RngKey for each network call of an update.

    A penalty shares that of D's call for the real images; both calls of D in G's relative loss share one.
    """

    g: RngKey
    d: list  # of each call of D


class LossAndLogits(NamedTuple):
    """The loss of a network and D's logits, from before its update."""

    loss: Any  # scalar
    fake_logits: Any  # [batch, 1]
    real_logits: Any = None  # [batch, 1]; None for G


def labels_of(config):
    """The losses.Labels of a configuration."""
    return Labels(real=1 - config.smooth, fake=config.fake_label, g_target=config.g_label)


def make_train_spec(config, networks, loss, d, g):
    """The TrainSpec of two networks and their optimizers. Raises UserError if a custom loss returns no scalar."""
    labels = labels_of(config)
    for name in ("d_real", "d_fake", "g"):
        check_tensor(f"the loss's {name}", getattr(loss, name)(tf.zeros([2, 1]), labels), [])
    return TrainSpec(networks, loss, labels, make_penalty(config, loss), d, g, config)


def train_step(spec, reals, zs, g_z, step, freeze_generator=False):
    """One iteration of Algorithm 1: k discriminator updates, then one generator update against the new D.

    reals             k Batches of real images [batch, *shape], in the networks' range; one more, if G has its own
    zs                k Batches of noise [batch, noise_size]
    g_z               the Batch of noise for the generator's update; None reuses the last fake batch
    step              int64 scalar, the number of the step
    freeze_generator  whether to leave G as it is

    Returns the STEP_METRICS of the loss, float32 [n], once all updates are done: losses and logits from before each.
    """
    *d_keys, g_keys = rng_keys(spec.config, step)
    d_step = D_STEPS[spec.config.d_batches].step
    d_update = tf.group(*(norm.iterate() for norm in spec.networks.spectral_norms))
    *reals, g_real = reals if len(reals) > len(zs) else [*reals, reals[-1]]
    if spec.loss.paired:  # both images of a pair have one class
        zs = [z._replace(labels=real.labels) for real, z in zip(reals, zs, strict=True)]
        g_z = g_z and g_z._replace(labels=g_real.labels)
    for real, z, keys in zip(reals, zs, d_keys, strict=True):
        with tf.control_dependencies([d_update]):
            fake = spec.networks.generate(z, keys.g)
            d_update, d = d_step(spec, real, fake, keys.d, step)
    with tf.control_dependencies([d_update]):
        fake = fake if g_z is None else spec.networks.generate(g_z, g_keys.g)  # a D update leaves G as it is
        g = generator_loss(spec, g_real, fake, *g_keys.d)
        g_update = tf.no_op() if freeze_generator else spec.g.minimize(g.loss, fake.shard)
    with tf.control_dependencies([g_update]):
        return step_metrics(spec.loss, d, g)


def d_step_joint(spec, real, fake, keys, step):
    """One D update, with real and fake images in one batch: larger matrix products than `d_step_separate`.

    Like every D step, it takes Batches of images [batch, *shape], a RngKey for each call of D and the number of the
    step, and returns (update op, its LossAndLogits).
    """
    logits = spec.networks.discriminate(concat(real, fake), keys[0])
    return update_d(spec, tf.split(logits, 2), penalty_gradients(spec, real, fake, keys[0], step), real.shard)


def d_step_separate(spec, real, fake, keys, step):
    """One D update, with real and fake images in a batch each, as a D with batch norm needs it."""
    logits = [spec.networks.discriminate(*call) for call in zip((real, fake), keys, strict=True)]
    return update_d(spec, logits, penalty_gradients(spec, real, fake, keys[0], step), real.shard)


def d_step_in_turn(spec, real, fake, keys, step):
    """Two D updates: on the real images, with the penalty, then on the fake ones."""
    penalty = penalty_gradients(spec, real, fake, keys[0], step)
    real_logits = spec.networks.discriminate(real, keys[0])
    real_loss = spec.loss.d_real(real_logits, spec.labels)
    with tf.control_dependencies([spec.d.minimize(real_loss, real.shard, penalty)]):
        fake_logits = spec.networks.discriminate(fake, keys[1])
        fake_loss = spec.loss.d_fake(fake_logits, spec.labels)
        update = spec.d.minimize(fake_loss, fake.shard)
        return update, LossAndLogits(total_loss(spec, real_loss, fake_loss), fake_logits, real_logits)


class DStep(NamedTuple):
    """A way to update D."""

    step: Callable
    calls: int  # of the discriminator


D_STEPS = {"joint": DStep(d_step_joint, 1), "separate": DStep(d_step_separate, 2), "in_turn": DStep(d_step_in_turn, 2)}


def update_d(spec, logits, penalty, shard):
    """One D update on the sum or mean of both halves of the loss. logits: of the real and of the fake images."""
    real_logits, fake_logits = logits
    for_real, for_fake = relative_logits(spec.loss, real_logits, fake_logits, shard)
    loss = total_loss(spec, spec.loss.d_real(for_real, spec.labels), spec.loss.d_fake(for_fake, spec.labels))
    return spec.d.minimize(loss, shard, penalty), LossAndLogits(loss, fake_logits, real_logits)


def generator_loss(spec, real, fake, key):
    """G's LossAndLogits: its loss, and the logits of its images. Only a relative loss depends on the real images."""
    if not spec.loss.relative:
        logits = spec.networks.discriminate(fake, key)
        return LossAndLogits(spec.loss.g(logits, spec.labels), logits)
    if spec.config.d_batches == "joint" and not spec.loss.paired:
        real_logits, logits = tf.split(spec.networks.discriminate(concat(real, fake), key), 2)
    else:  # a D with batch norm; or, of pairs, the real images' pass, through which no gradient flows, apart
        real_logits, logits = (spec.networks.discriminate(images, key) for images in (real, fake))
    for_real, for_fake = relative_logits(spec.loss, real_logits, logits, fake.shard)
    loss = total_loss(spec, spec.loss.d_fake(for_real, spec.labels), spec.loss.g(for_fake, spec.labels))
    return LossAndLogits(loss, logits)


def relative_logits(loss, real_logits, fake_logits, shard=None):
    """The logits that a loss takes: of a relative one, each minus that of its pair, or the other kind's mean."""
    if not loss.relative:
        return real_logits, fake_logits
    if loss.paired:
        return real_logits - fake_logits, fake_logits - real_logits
    return real_logits - data_parallel.mean(fake_logits, shard), fake_logits - data_parallel.mean(real_logits, shard)


TOTALS = {"sum": 1.0, "mean": 0.5}  # how losses on real and on generated images become one


def total_loss(spec, real_loss, fake_loss):
    """A network's loss, a scalar: the sum or the mean of its halves."""
    return (real_loss + fake_loss) * TOTALS[spec.config.d_loss]


def d_output(loss, logits):
    """What D says of images: the probability that they are real, or their score. [batch, 1]."""
    return logits if loss.critic else tf.sigmoid(logits)


# By Loss.critic: the numbers of a step, in the order in which `step_metrics` stacks them. Of D for the last of its k
# updates. D(x) and D(G(z)) are mean probabilities, scores mean logits. Accuracies are shares of a batch on the right
# side of 0.5: for D, of the real and generated images before its update; for G, of its images that the new D takes for
# real.
STEP_METRICS = {
    False: ("d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy"),
    True: ("d_loss", "g_loss", "score(x)", "score(G(z))"),
}


def step_metrics(loss, d, g):
    """The STEP_METRICS of the LossAndLogits of D and G: float32 [n]."""
    outputs = [tf.reduce_mean(d_output(loss, logits)) for logits in (d.real_logits, d.fake_logits)]
    if loss.critic:
        return tf.stack([d.loss, g.loss, *outputs])
    d_correct = tf.concat([d.real_logits > 0, d.fake_logits <= 0], 0)
    accuracies = [tf.reduce_mean(tf.cast(correct, tf.float32)) for correct in (d_correct, g.fake_logits > 0)]
    return tf.stack([d.loss, g.loss, *outputs, *accuracies])


def calls_per_step(config):
    """How many numbers of network calls belong to a step: as many as the most that it needs."""
    return 3 * config.d_steps + 2


def rng_keys(config, step):
    """The Keys of each D update of a step, and of its G update."""
    calls = D_STEPS[config.d_batches].calls
    first = step * calls_per_step(config)
    numbers = [first + k * (1 + calls) for k in range(config.d_steps)]
    after = first + config.d_steps * (1 + calls)
    fresh = config.g_noise == "fresh"  # otherwise G is not called again, and D's call takes the first number

    def key(number):
        return RngKey(config.seed, number)

    d_keys = [Keys(key(number), [key(number + 1 + call) for call in range(calls)]) for number in numbers]
    return [*d_keys, Keys(key(after), [key(after + fresh)])]
