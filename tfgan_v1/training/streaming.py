"""Images that stay on disk: tf.data reads those of the next call of the loop while the current one is running."""

from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.conditioning import Batch


class ImageStream(NamedTuple):
    """The images of the loop's calls, as a tensor."""

    images: Batch  # [chunk, d_steps, batch, *shape], and classes, or None; each evaluation is the next call's
    start: Any  # the op to run first
    first_step: Any  # placeholder, int64, of `start`: the step of the first call


def make_stream(plan):
    """The ImageStream of a plan. Its first element is for the call that only compiles; training steps follow."""
    parts = [part for part in (plan.dataset.images, plan.labels) if part is not None]
    signature = tuple(tf.TensorSpec((*plan.order(0).shape, *part.shape[1:]), part.dtype) for part in parts)

    def calls(first_step):
        yield tuple(np.zeros(spec.shape.as_list(), spec.dtype.as_numpy_dtype) for spec in signature)
        for first, _ in plan.chunks(int(first_step)):
            order = plan.order(first)
            yield tuple(part[order] for part in parts)

    first_step = tf.placeholder(tf.int64, [])
    dataset = tf.data.Dataset.from_generator(calls, args=[first_step], output_signature=signature).prefetch(1)
    iterator = tf.data.make_initializable_iterator(dataset)
    return ImageStream(Batch(*iterator.get_next()), iterator.initializer, first_step)
