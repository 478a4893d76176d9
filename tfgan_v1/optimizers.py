"""The optimizers by name, and how each of the two is restricted to its own network."""

from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf


class NetworkOptimizer(NamedTuple):
    """An optimizer that updates one network only."""

    optimizer: tf.train.Optimizer
    variables: list  # the network's `var_list`
    num_updates: Any  # an int64 variable that counts the updates, where the learning rate depends on it; else None

    def minimize(self, loss):
        """The op of one update. loss: a scalar."""
        return self.optimizer.minimize(loss, global_step=self.num_updates, var_list=self.variables)


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


def make_optimizer(config, variables, lr, decay, counter):
    """The NetworkOptimizer of one network.

    variables: those that it trains. lr, decay: the learning rate is lr / (1 + decay * updates), with updates counted
    from 0 (inverse-time decay). counter: the name of that count in the graph.
    """
    if not decay:
        return NetworkOptimizer(OPTIMIZERS[config.optimizer](lr, config), variables, None)
    updates = tf.get_variable(counter, [], tf.int64, tf.zeros_initializer(), trainable=False, use_resource=True)
    rate = lambda: tf.train.inverse_time_decay(lr, updates, 1, decay)  # noqa: E731, evaluated at every update
    return NetworkOptimizer(OPTIMIZERS[config.optimizer](rate, config), variables, updates)
