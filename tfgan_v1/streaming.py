"""Images that stay on the disk: tf.data gathers those of the next call while the steps of this one are taken."""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf


class Stream(NamedTuple):
    """Where the images of a call's steps come from in the graph."""

    images: Any  # [chunk, d_steps, batch, *shape]; each evaluation is the next call's
    begin: Any  # the op to run first


def stream(plan, step):
    """The Stream of a plan from a step on. Its first element is for the call that only compiles; steps follow."""
    images, shape = plan.dataset.images, (*plan.order(step).shape, *plan.facts["image_shape"])

    def calls():
        yield np.zeros(shape, images.dtype)
        for first, _ in plan.calls(step):
            yield images[plan.order(first)]

    dataset = tf.data.Dataset.from_generator(calls, output_signature=tf.TensorSpec(shape, images.dtype)).prefetch(1)
    iterator = tf.data.make_initializable_iterator(dataset)
    return Stream(iterator.get_next(), iterator.initializer)
