"""The optimizers by name, and how each of the two is restricted to its own network."""

from collections.abc import Callable
from numbers import Real
from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan import data_parallel


class Optimizer(NamedTuple):
    """A custom optimizer of one network, for `train(config, d_optimizer=..., g_optimizer=...)`.

    make: (learning rate) -> tf.train.Optimizer. rate: the learning rate, a number; or a function of the number of
    updates done, an int64 scalar tensor, that returns it as a scalar tensor.
    """

    make: Callable
    rate: Any


class NetworkOptimizer(NamedTuple):
    """An optimizer that updates one network only."""

    optimizer: tf.train.Optimizer
    variables: list  # the network's `var_list`
    num_updates: Any  # an int64 variable that counts the updates, where something depends on it; else None
    clip: float | None = None  # the largest norm of a gradient
    after: Callable | None = None  # makes the op that follows each update, such as an average of the weights

    def minimize(self, loss, rows=None, penalty_gradients=None):
        """The op of one update.

        loss: a scalar, a mean over these Rows of a batch. penalty_gradients: to add to the loss's, one for each
        variable. In a cluster, all workers update by the sum of their gradients.
        """
        pairs = self.optimizer.compute_gradients(data_parallel.weighed(loss, rows), self.variables)
        if penalty_gradients is not None:
            pairs = [(_sum(slope, more), each) for (slope, each), more in zip(pairs, penalty_gradients, strict=True)]
        if rows is not None:
            slopes = data_parallel.summed([slope for slope, _ in pairs], rows)
            pairs = [(slope, each) for slope, (_, each) in zip(slopes, pairs, strict=True)]
        if self.clip:
            slopes, variables = zip(*pairs, strict=True)
            pairs = list(zip(tf.clip_by_global_norm(slopes, self.clip)[0], variables, strict=True))
        update = self.optimizer.apply_gradients(pairs, self.num_updates)
        if self.after is None:
            return update
        with tf.control_dependencies([update]):
            return self.after()


def _sum(gradient, other):
    """The sum of two gradients, each a tensor or None."""
    return gradient if other is None else other if gradient is None else gradient + other


class RMSProp(tf.train.RMSPropOptimizer):
    """RMSprop as in Keras: v <- rho v + (1 - rho) g^2, then w <- w - lr g / sqrt(v + epsilon), with v = 0 at the start.

    TensorFlow's own starts with v = 1, which makes the first steps small. (Hinton, lecture 6e, 2012.)
    """

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "rms", self._name)
            self._zeros_slot(variable, "momentum", self._name)


OPTIMIZERS = {
    "adam": lambda lr, config: tf.train.AdamOptimizer(lr, config.beta1, config.beta2, config.epsilon),
    "rmsprop": lambda lr, config: RMSProp(lr, config.rho, epsilon=config.epsilon),
}


def make_optimizer(config, variables, lr, decay, counter, custom=None, after=None):
    """The NetworkOptimizer of one network.

    variables: those that it trains. lr, decay: the learning rate is lr / (1 + decay * updates), with updates counted
    from 0 (inverse-time decay), or falls in a line to 0 at update `config.decay_steps`. counter: the name of that count
    in the graph. custom: an Optimizer in place of the configuration's. after: (number of updates) -> the op that
    follows each update, or None.
    """
    make, rate = custom or Optimizer(lambda rate: OPTIMIZERS[config.optimizer](rate, config), lr)
    schedule = rate if callable(rate) else None
    if custom is None and decay:
        schedule = lambda updates: tf.train.inverse_time_decay(lr, updates, 1, decay)  # noqa: E731
    if custom is None and config.decay_steps:
        schedule = lambda updates: tf.train.polynomial_decay(lr, updates, config.decay_steps, 0.0)  # noqa: E731
    updates = None
    if schedule or after:
        updates = tf.get_variable(counter, [], tf.int64, tf.zeros_initializer(), trainable=False, use_resource=True)
    if not schedule and not isinstance(rate, Real):
        raise UserError(f"an optimizer's rate is a number, or a function of the number of updates, not {brief(rate)}")
    optimizer = make((lambda: schedule(updates)) if schedule else rate)  # evaluated at every update
    if not isinstance(optimizer, tf.train.Optimizer):
        raise UserError(f"an optimizer's make must return a tf.train.Optimizer, not {brief(optimizer)}")
    follow = (lambda: after(updates)) if after else None
    return NetworkOptimizer(optimizer, variables, updates, config.clip_gradients, follow)
