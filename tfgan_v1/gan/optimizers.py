"""The optimizers by name, restricted to one network each; its learning rate; the moving average of its weights."""

from collections.abc import Callable
from numbers import Real
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan import data_parallel
from tfgan_v1.gan.schedules import Schedule, value_at


class Optimizer(NamedTuple):
    """A custom optimizer of one network, for `train(config, d_optimizer=..., g_optimizer=...)`.

    make: (learning rate) -> tf.train.Optimizer. rate: the learning rate, a number; or a function of the number of
    updates done, an int64 scalar tensor, that returns it as a scalar tensor.
    """

    make: Callable
    rate: Any


class NetworkOptimizer(NamedTuple):
    """An optimizer that updates one network only."""

    optimizer: Any  # a tf.train.Optimizer
    variables: list  # the network's `var_list`
    num_updates: Any  # an int64 variable that counts the updates, where something depends on it; else None
    clip: float | None = None  # the largest norm of a gradient
    after: Callable | None = None  # makes the op that follows each update, such as an average of the weights

    def minimize(self, loss, shard=None, penalty_gradients=None):
        """The op of one update.

        loss: a scalar, a mean over the batch, or over its Shard in a cluster, where all workers update by the sum of
        their gradients. penalty_gradients: to add to the loss's, one for each variable.
        """
        pairs = self.optimizer.compute_gradients(data_parallel.scale_loss(loss, shard), self.variables)
        gradients, variables = zip(*pairs, strict=True)
        if penalty_gradients is not None:
            gradients = [_sum(*both) for both in zip(gradients, penalty_gradients, strict=True)]
        gradients = gradients if shard is None else shard.workers.sums(gradients)
        if self.clip:
            gradients = tf.clip_by_global_norm(gradients, self.clip)[0]
        # The loss and the penalty also read variables whose own gradients need neither, as of a bias: they come first.
        with tf.control_dependencies([loss, *(penalty_gradients or ())]):
            update = self.optimizer.apply_gradients(zip(gradients, variables, strict=True), self.num_updates)
        if self.after is None:
            return update
        with tf.control_dependencies([update]):
            return self.after()


def _sum(gradient, other):
    """The sum of two gradients, each a tensor or None."""
    return gradient if other is None else other if gradient is None else gradient + other


def rmsprop(lr, rho, epsilon):
    """RMSprop as in Keras: v <- rho v + (1 - rho) g^2, then w <- w - lr g / sqrt(v + epsilon), with v = 0 at the start.

    TensorFlow's own starts with v = 1, which makes the first steps small. (Hinton, lecture 6e, 2012.)
    """
    optimizer = tf.train.RMSPropOptimizer(lr, rho, epsilon=epsilon)

    def create_slots(variables):
        for variable in variables:
            for slot in ("rms", "momentum"):
                optimizer._zeros_slot(variable, slot, "RMSProp")

    optimizer._create_slots = create_slots
    return optimizer


def adam(lr, config, step):
    """Adam (arXiv:1412.6980, alg. 1), in which beta2 may be a schedule.

    Then the second moment is divided by 1 - the product of all beta2 so far, which is the sum of its weights.
    """
    if not isinstance(config.beta2, str):
        return tf.train.AdamOptimizer(lr, config.beta1, config.beta2, config.epsilon)
    optimizer = tf.train.AdamOptimizer(lr, config.beta1, Schedule.parse(config.beta2).first, config.epsilon)
    prepare, finish = optimizer._prepare, optimizer._finish

    def prepare_both():
        prepare()
        optimizer._beta2_t, optimizer._next_beta2 = (value_at(config.beta2, step(ahead)) for ahead in (0, 1))

    def finish_with_next(updates, scope):
        optimizer._beta2_t = optimizer._next_beta2  # TensorFlow's product is that for the next update
        return finish(updates, scope)

    optimizer._prepare, optimizer._finish = prepare_both, finish_with_next
    return optimizer


# name -> (learning rate, configuration, step) -> tf.train.Optimizer; step: (updates ahead) -> see `step_of`
OPTIMIZERS = {"adam": adam, "rmsprop": lambda lr, config, step: rmsprop(lr, config.rho, config.epsilon)}


def step_of(config, network, updates):
    """The number of the training step in which a network, "d" or "g", has so many updates behind it."""
    if network == "g":
        return updates + config.d_first
    return updates // (config.d_steps * (2 if config.d_batches == "in_turn" else 1))


def learning_rate(config, network):
    """The learning rate of a network, "d" or "g": a number, or a function of the number of its updates, from 0.

    It follows a schedule, falls in a line to 0 at update `decay_steps`, or is lr / (1 + decay * updates).
    """
    lr, decay = getattr(config, f"{network}_lr"), getattr(config, f"{network}_decay")
    if isinstance(lr, str):
        return lambda updates: value_at(lr, step_of(config, network, updates))
    if config.decay_steps:
        return lambda updates: tf.train.polynomial_decay(lr, updates, config.decay_steps, 0.0)
    if decay:
        return lambda updates: tf.train.inverse_time_decay(lr, updates, 1, decay)
    return lr


def zeros(name, shape, dtype=None):
    """A variable of zeros, float32 unless it has another type, that no optimizer changes."""
    options = {"initializer": tf.zeros_initializer(), "trainable": False, "use_resource": True}
    return tf.get_variable(name, shape, dtype, **options)


def make_optimizer(config, network, variables, custom=None, after=None):
    """The NetworkOptimizer of a network, "d" or "g".

    variables: those that it trains. custom: an Optimizer in place of the configuration's. after: (number of updates) ->
    the op that follows each update, or None. Raises UserError for a custom optimizer that is none.
    """

    def step(ahead=0):
        return step_of(config, network, updates + ahead)

    make, rate = custom or (lambda lr: OPTIMIZERS[config.optimizer](lr, config, step), learning_rate(config, network))
    if not callable(rate) and not isinstance(rate, Real):
        raise UserError(f"an optimizer's rate is a number, or a function of the number of updates, not {brief(rate)}")
    updates = None
    if callable(rate) or after or isinstance(config.beta2, str):
        updates = zeros(f"{network}_updates", [], tf.int64)
    optimizer = make((lambda: rate(updates)) if callable(rate) else rate)  # evaluated at every update
    if not isinstance(optimizer, tf.train.Optimizer):
        raise UserError(f"an optimizer's make must return a tf.train.Optimizer, not {brief(optimizer)}")
    # An update that never runs: it creates the optimizer's slots, which must be in the graph before the loop is built.
    optimizer.apply_gradients([(tf.zeros_like(variable), variable) for variable in variables])
    return NetworkOptimizer(optimizer, variables, updates, config.clip_gradients, after and (lambda: after(updates)))


# The exponential moving average of a generator's weights, as a second generator: arXiv:1806.04498. Batch norm's own
# moving averages are averaged with the same decay: to first order, the statistics of the averaged weights are the
# average of the statistics.


def create_average(variables):
    """A variable `average/<name>` for each variable, by the name of that variable. `start_average` sets them."""
    return {variable.op.name: zeros(f"average/{variable.op.name}", variable.shape) for variable in variables}


def start_average(average, variables):
    """The op that sets the average, if there is one, to the variables themselves."""
    return tf.group(*(average[variable.op.name].assign(variable) for variable in variables if average))


def update_average(average, variables, decay, updates):
    """The op that moves the average towards the variables, after update number `updates` of them, from 1.

    average <- d * average + (1 - d) * variable, with d = min(decay, (1 + updates) / (10 + updates)), as in TensorFlow's
    ExponentialMovingAverage, so that the first weights are soon forgotten. decay: a number or a tensor.
    """
    updates = tf.cast(updates, tf.float32)
    share = 1 - tf.minimum(decay, (1 + updates) / (10 + updates))
    descend = tf.raw_ops.ResourceApplyGradientDescent  # average -= share * delta, in one pass over the average
    pairs = [(average[variable.op.name], variable) for variable in variables]
    return tf.group(*(descend(var=mean.handle, alpha=share, delta=mean - variable) for mean, variable in pairs))
