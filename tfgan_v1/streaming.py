"""Images that stay on disk: tf.data reads those of the next call of the loop while the current one is running."""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf


class ImageStream(NamedTuple):
    """The images of the loop's calls, as a tensor."""

    images: Any  # [chunk, d_steps, batch, *shape]; each evaluation is the next call's
    start: Any  # the op to run first
    first_step: Any  # placeholder, int64, of `start`: the step of the first call


def make_stream(plan):
    """The ImageStream of a plan. Its first element is for the call that only compiles; training steps follow."""
    images, shape = plan.dataset.images, (*plan.order(0).shape, *plan.facts["image_shape"])

    def calls(first_step):
        yield np.zeros(shape, images.dtype)
        for first, _ in plan.chunks(int(first_step)):
            yield images[plan.order(first)]

    first_step, signature = tf.placeholder(tf.int64, []), tf.TensorSpec(shape, images.dtype)
    dataset = tf.data.Dataset.from_generator(calls, args=[first_step], output_signature=signature).prefetch(1)
    iterator = tf.data.make_initializable_iterator(dataset)
    return ImageStream(iterator.get_next(), iterator.initializer, first_step)
