"""The exponential moving average of a generator's weights, as a second generator: arXiv:1806.04498.

Batch norm's own moving averages are averaged with the same decay: to first order, the statistics of the averaged
weights are the average of the statistics.
"""

from tfgan_v1._tensorflow import tf


def create_average(variables):
    """A variable `average/<name>` for each variable, by the name of that variable. `start` sets them."""
    return {
        variable.op.name: tf.get_variable(
            f"average/{variable.op.name}",
            variable.shape,
            initializer=tf.zeros_initializer(),
            trainable=False,
            use_resource=True,
        )
        for variable in variables
    }


def start(average, variables):
    """The op that sets the average to the variables themselves."""
    return tf.group(*(average[variable.op.name].assign(variable) for variable in variables))


def update(average, variables, decay, updates):
    """The op that moves the average towards the variables, after update number `updates` of them, from 1.

    average <- d * average + (1 - d) * variable, with d = min(decay, (1 + updates) / (10 + updates)), as in TensorFlow's
    ExponentialMovingAverage, so that the first weights are soon forgotten.
    """
    updates = tf.cast(updates, tf.float32)
    share = 1 - tf.minimum(decay, (1 + updates) / (10 + updates))
    averages = [average[each.op.name] for each in variables]
    return tf.group(  # average -= share * delta, in one pass over the average
        *(
            tf.raw_ops.ResourceApplyGradientDescent(var=mean.handle, alpha=share, delta=mean - each)
            for mean, each in zip(averages, variables, strict=True)
        )
    )
