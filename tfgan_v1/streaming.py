"""Images that stay on the disk: tf.data gathers those of the next call while the steps of this one are taken."""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf


class Stream(NamedTuple):
    """Where the images of a call's steps come from in the graph."""

    images: Any  # [chunk, d_steps, batch, *shape]; each evaluation is the next call's
    begin: Any  # the op to run first, and whenever the run goes back
    first_step: Any  # int64, to be fed to it: the step of the first call


def stream(plan):
    """The Stream of a plan. Its first element is for the call that only compiles; steps follow."""
    images, shape = plan.dataset.images, (*plan.order(0).shape, *plan.facts["image_shape"])

    def calls(first_step):
        yield np.zeros(shape, images.dtype)
        for first, _ in plan.chunks(int(first_step)):
            yield images[plan.order(first)]

    first_step, signature = tf.placeholder(tf.int64, []), tf.TensorSpec(shape, images.dtype)
    dataset = tf.data.Dataset.from_generator(calls, args=[first_step], output_signature=signature).prefetch(1)
    iterator = tf.data.make_initializable_iterator(dataset)
    return Stream(iterator.get_next(), iterator.initializer, first_step)
