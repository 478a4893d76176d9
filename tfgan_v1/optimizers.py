"""The optimizers, by name; each is a tf.train.Optimizer with its `minimize(loss, global_step, var_list)`."""

from tfgan_v1._tensorflow import tf


class RMSProp(tf.train.RMSPropOptimizer):
    """RMSprop as Keras has it: v <- rho v + (1 - rho) g^2, then w <- w - lr g / sqrt(v + epsilon), v from zero.

    TensorFlow's own starts its mean square at one, which makes the first steps small. (Hinton, lecture 6e, 2012.)
    """

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "rms", self._name)
            self._zeros_slot(variable, "momentum", self._name)


OPTIMIZERS = {
    "adam": lambda lr, config: tf.train.AdamOptimizer(lr, config.beta1, config.beta2, config.epsilon),
    "rmsprop": lambda lr, config: RMSProp(lr, config.rho, epsilon=config.epsilon),
}


def make_optimizer(config, lr, decay, counter):
    """One player's optimizer, and the count of its updates to give to `minimize`: None where the rate is constant.

    The rate is lr / (1 + decay * updates), updates from 0 (inverse-time decay). counter: the count's name in the graph.
    """
    if not decay:
        return OPTIMIZERS[config.optimizer](lr, config), None
    updates = tf.get_variable(counter, [], tf.int64, tf.zeros_initializer(), trainable=False, use_resource=True)
    rate = lambda: tf.train.inverse_time_decay(lr, updates, 1, decay)  # noqa: E731, read anew at each update
    return OPTIMIZERS[config.optimizer](rate, config), updates
