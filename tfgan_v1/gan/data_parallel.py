"""Data parallelism: the Shard of a batch that each worker has, and how what workers compute becomes what one would.

All workers build one graph, in which each computes with its own rows. Noise, masks and image order are functions of the
seed and the step, so that each draws its rows of what one process would draw. A loss is scaled by the share of the
rows, so that gradients and metrics are sums over the workers. One process has no Shard, and its graph no collective.
"""

import itertools
import math
from typing import NamedTuple

from tfgan_v1._tensorflow import tf

EPSILON = 0.001  # of batch normalization
SMALL = 2**16  # floats that a worker may send to save round trips
GROUP = 1  # of all collectives of the workers' graphs


class Workers:
    """The workers of a cluster, as operations of TensorFlow's collectives in the current graph.

    Each collective has a key, by which the workers' operations find each other, so all must build the same graph. A
    `Session.run` with a collective inside a function needs a `reduce` outside of it.
    """

    def __init__(self, size, index, keys=None, unit=1):
        """size: number of workers. index: of this one. unit: rows that stay together. keys: an iterator of ints."""
        self.size, self.index, self.unit = size, index, unit
        self._keys = itertools.count(1) if keys is None else keys

    def shard(self, total):
        """This worker's Shard of a batch of `total` rows."""
        groups = total // self.unit
        first, last = (groups * k // self.size * self.unit for k in (self.index, self.index + 1))
        return Shard(self, total, ((first, last),))

    def gather(self, vector):
        """The vectors [k] of all workers, in their order: [size, k]. One round trip, whatever the number of workers."""

        @tf.custom_gradient
        def apply(vector):
            def gradient(slopes):  # of what all workers make of this one's vector
                return tf.reshape(self.sum(tf.reshape(slopes, [-1])), slopes.shape)[self.index]

            return self._gather(vector), gradient

        return apply(vector)

    def _gather(self, vector):
        return self._all_to_all(tf.tile(vector[None], [self.size, 1]))

    def _all_to_all(self, vectors):
        """[size, k], one vector for each worker -> the vectors [size, k] that they have for this one: a round trip."""
        return tf.reshape(self._collective("CollectiveAllToAllV2", input=vectors), vectors.shape)

    def sum(self, vector):
        """The sum of the vectors [k] of all workers, with the same bits everywhere. Its gradient is a sum, too."""

        @tf.custom_gradient
        def apply(vector):
            return self._sum(vector), self.sum

        return apply(vector)

    def _sum(self, vector):
        length = vector.shape.as_list()[0]
        if length * (self.size - 1) <= SMALL:
            return tf.add_n(tf.unstack(self._gather(vector)))
        if self.size == 2:  # the ring takes two round trips, too, and copies less; of more workers it takes more
            return tf.ensure_shape(self.reduce(vector), [length])
        each = -(-length // self.size)  # numbers that each worker adds up for all
        parts = tf.reshape(tf.pad(vector, [[0, each * self.size - length]]), [self.size, each])
        return tf.reshape(self._gather(tf.add_n(tf.unstack(self._all_to_all(parts)))), [-1])[:length]

    def reduce(self, vector):
        """The sum of the vectors [k] of all workers, by TensorFlow's ring: 2 (workers - 1) round trips."""
        return self._collective("CollectiveReduceV2", input=vector, merge_op="Add", final_op="Id")

    def sums(self, tensors):
        """The sum of each tensor over all workers, in one exchange. None stays None."""
        dense = [tensor for tensor in tensors if tensor is not None]
        flat = self.sum(tf.concat([tf.reshape(tensor, [-1]) for tensor in dense], 0))
        parts = iter(tf.split(flat, [math.prod(tensor.shape.as_list()) for tensor in dense]))
        return [None if tensor is None else tf.reshape(next(parts), tensor.shape) for tensor in tensors]

    def broadcast(self, variables):
        """The op that sets variables to the first worker's, bit for bit: a sum of whole numbers keeps NaN and -0."""
        bits = [tf.reshape(tf.bitcast(variable, tf.int32), [-1]) for variable in variables]
        flat = tf.concat(bits, 0)
        flat = self.reduce(flat if self.index == 0 else tf.zeros_like(flat))
        parts = tf.split(flat, [vector.shape.as_list()[0] for vector in bits])
        shapes = [tf.bitcast(variable, tf.int32).shape for variable in variables]
        return tf.group(
            *(
                variable.assign(tf.bitcast(tf.reshape(part, shape), variable.dtype.base_dtype))
                for variable, part, shape in zip(variables, parts, shapes, strict=True)
            )
        )

    def _collective(self, op, **arguments):
        key = next(self._keys)
        return getattr(tf.raw_ops, op)(
            group_size=self.size, group_key=GROUP, instance_key=key, ordering_token=[], **arguments
        )


class Shard(NamedTuple):
    """The rows of one batch that this worker has."""

    workers: Workers
    total: int  # rows of the whole batch
    ranges: tuple[tuple[int, int], ...]  # (first, last) of each part: two for a batch that is joined of two

    @property
    def count(self):
        """How many they are."""
        return sum(last - first for first, last in self.ranges)

    @property
    def weight(self):
        """Their share of the batch, above 0 and at most 1."""
        return self.count / self.total

    def of(self, count):
        """The same share of a tensor of which this worker has `count` rows: D's logits, one for each pack of images."""
        parts = tuple((first * count // self.count, last * count // self.count) for first, last in self.ranges)
        return self._replace(total=self.total * count // self.count, ranges=parts)

    def concat(self, other):
        """The Shard of two batches as one, this one first."""
        shifted = tuple((first + self.total, last + self.total) for first, last in other.ranges)
        return self._replace(total=self.total + other.total, ranges=self.ranges + shifted)


def shard_slice(workers, total):
    """(the slice of a batch that this process works on, its Shard or None if it works on all)."""
    if workers is None:
        return slice(total), None
    shard = workers.shard(total)
    return slice(*shard.ranges[0]), shard


def draw(shard, shape, function):
    """Random numbers of this process's rows of a batch, of a shape that begins with how many they are.

    function: (shape of all rows, part) -> numbers, where part is a pair (first, last) of rows, or None for all.
    """
    if shard is None:
        return function(shape)
    shard = shard.of(shape[0])
    parts = [function(type(shape)([shard.total, *shape[1:]]), part) for part in shard.ranges]
    return parts[0] if len(parts) == 1 else tf.concat(parts, 0)


def scale_loss(loss, shard):
    """A mean over this process's rows as its share of the mean over the batch."""
    return loss if shard is None else loss * tf.constant(shard.weight, tf.float32)


def mean(tensor, shard):
    """The mean of all values of the batch, a scalar. tensor: [rows, ...]."""
    local = tf.reduce_mean(tensor)
    return local if shard is None else shard.workers.sum(scale_loss(local, shard)[None])[0]


def deviation(tensor, shard):
    """The standard deviation of all values of the batch, a scalar."""
    if shard is None:
        return tf.math.reduce_std(tensor)
    return tf.sqrt(mean(tf.square(tensor - mean(tensor, shard)), shard))


def normalize(images, scale, offset, shard=None, second_order=False, epsilon=EPSILON):
    """Batch normalization: (normalized images, the batch's mean, its biased variance, which normalizes).

    images: [batch, height, width, features]. scale, offset: [features]. second_order: whether second derivatives of
    this call are needed.
    """
    if shard is None:
        return _normalize_rows(images, scale, offset, epsilon)
    return (_normalize_plainly if second_order else _normalize_shared)(shard, images, scale, offset, epsilon)


def _normalize_rows(images, scale, offset, epsilon=EPSILON):
    """The same over the rows at hand, by TensorFlow's fused operation."""
    outputs, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon, is_training=True
    )
    count = tf.cast(tf.size(images), tf.float32) / images.shape.as_list()[-1]
    return outputs, mean, unbiased * ((count - 1) / count)


def _normalize_shared(shard, images, scale, offset, epsilon=EPSILON):
    """The same over the rows of all workers, in one exchange; the gradient is another one.

    TensorFlow's fused operations do it for this worker's rows alone; what is left is a line for each feature, forward
    and backward. The mean and variance have no gradient, and the outputs no second one.
    """

    @tf.custom_gradient
    def apply(images, scale, offset):
        alone, part_mean, part_variance = _normalize_rows(images, tf.ones_like(scale), tf.zeros_like(offset), epsilon)
        mean, variance, total = _joined_moments(shard, images, part_mean, part_variance)
        inverse = tf.math.rsqrt(variance + epsilon)
        stretch = inverse * tf.sqrt(part_variance + epsilon)
        outputs = alone * (scale * stretch) + (offset + scale * inverse * (part_mean - mean))

        def gradient(slopes, *_):
            count = total * shard.weight
            alone, along, across, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=slopes,
                x=images,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=tf.zeros([0]),
                epsilon=epsilon,
            )  # with the sums over these rows where those over all belong: along the normalized images, and of slopes
            sums = tf.split(shard.workers.sum(tf.concat([along, across], 0)), 2)
            along_more, across_more = (
                own / count - everyone / total for own, everyone in zip((along, across), sums, strict=True)
            )
            factor = scale * inverse * inverse * along_more
            return alone + images * factor + (scale * inverse * across_more - mean * factor), along, across

        return (outputs, mean, variance), gradient

    return apply(images, scale, offset)


def _normalize_plainly(shard, images, scale, offset, epsilon=EPSILON):
    """The same by operations of which TensorFlow knows all gradients, as a penalty on D's slopes needs them."""
    mean = tf.reduce_mean(images, [0, 1, 2])
    variance = tf.reduce_mean(tf.math.squared_difference(images, mean), [0, 1, 2])
    mean, variance, _ = _joined_moments(shard, images, mean, variance)
    return tf.nn.batch_normalization(images, mean, variance, offset, scale, epsilon), mean, variance


def _joined_moments(shard, images, mean, variance):
    """(mean, variance, number of values) of all workers' rows: Chan, Golub & LeVeque 1979, eq. 2.1."""
    count = float(math.prod(images.shape.as_list()[:3]))
    parts = shard.workers.gather(tf.concat([mean, variance, [count]], 0))
    means, variances, counts = tf.split(parts, [mean.shape[0], mean.shape[0], 1], 1)  # [workers, features or 1]
    total = count / shard.weight
    mean = tf.reduce_sum(counts * means, 0) / total
    return mean, tf.reduce_sum(counts * (variances + tf.math.squared_difference(means, mean)), 0) / total, total
