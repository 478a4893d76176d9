"""A batch shared between workers: which rows each has, and how what they compute becomes what one process would.

All workers build one graph, in which each computes with its own rows. Noise, masks and image order are functions of the
seed and the step, so that each draws its rows of what one process would draw. A loss is weighed by the share of the
rows, so that gradients and metrics are sums over the workers. One process has no Rows, and its graph no operation of
this module.
"""

import itertools
import math
from typing import NamedTuple

from tfgan_v1._tensorflow import tf

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

    def rows(self, total):
        """This worker's Rows of a batch."""
        groups = total // self.unit
        first, last = (groups * k // self.size * self.unit for k in (self.index, self.index + 1))
        return Rows(self, total, ((first, last),))

    def gather(self, vector):
        """The vectors [k] of all workers, in their order: [size, k]. One round trip, whatever the number of workers."""

        @tf.custom_gradient
        def apply(vector):
            def gradient(slopes):  # of what all workers make of this one's vector
                return tf.reshape(self.sum(tf.reshape(slopes, [-1])), slopes.shape)[self.index]

            return self._gather(vector), gradient

        return apply(vector)

    def _gather(self, vector):
        return self._swap(tf.tile(vector[None], [self.size, 1]))

    def _swap(self, vectors):
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
        return tf.reshape(self._gather(tf.add_n(tf.unstack(self._swap(parts)))), [-1])[:length]

    def reduce(self, vector):
        """The sum of the vectors [k] of all workers, by TensorFlow's ring: 2 (workers - 1) round trips."""
        return self._collective("CollectiveReduceV2", input=vector, merge_op="Add", final_op="Id")

    def sums(self, tensors):
        """The sum of each tensor over all workers, in one exchange. None stays None."""
        given = [each for each in tensors if each is not None]
        flat = self.sum(tf.concat([tf.reshape(each, [-1]) for each in given], 0))
        parts = iter(tf.split(flat, [math.prod(each.shape.as_list()) for each in given]))
        return [each if each is None else tf.reshape(next(parts), each.shape) for each in tensors]

    def adopt(self, variables):
        """The op that sets variables to the first worker's, bit for bit: a sum of whole numbers keeps NaN and -0."""
        bits = [tf.reshape(tf.bitcast(each, tf.int32), [-1]) for each in variables]
        flat = tf.concat(bits, 0)
        flat = self.reduce(flat if self.index == 0 else tf.zeros_like(flat))
        parts = tf.split(flat, [each.shape.as_list()[0] for each in bits])
        shapes = [tf.bitcast(each, tf.int32).shape for each in variables]
        return tf.group(
            *(
                each.assign(tf.bitcast(tf.reshape(part, shape), each.dtype.base_dtype))
                for each, part, shape in zip(variables, parts, shapes, strict=True)
            )
        )

    def _collective(self, op, **arguments):
        key = next(self._keys)
        return getattr(tf.raw_ops, op)(
            group_size=self.size, group_key=GROUP, instance_key=key, ordering_token=[], **arguments
        )


class Rows(NamedTuple):
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

    def followed_by(self, other):
        """The Rows of two batches as one."""
        shifted = tuple((first + self.total, last + self.total) for first, last in other.ranges)
        return self._replace(total=self.total + other.total, ranges=self.ranges + shifted)


def rows_slice(workers, total):
    """(the slice of a batch that this process works on, its Rows or None if it works on all)."""
    if workers is None:
        return slice(total), None
    rows = workers.rows(total)
    return slice(*rows.ranges[0]), rows


def draw(rows, shape, function):
    """Random numbers of this process's rows of a batch, of a shape that begins with how many they are.

    function: (shape of all rows, part) -> numbers, where part is a pair (first, last) of rows, or None for all.
    """
    if rows is None:
        return function(shape)
    rows = rows.of(shape[0])
    parts = [function(type(shape)([rows.total, *shape[1:]]), part) for part in rows.ranges]
    return parts[0] if len(parts) == 1 else tf.concat(parts, 0)


def weighed(loss, rows):
    """A mean over this process's rows as its share of the mean over the batch."""
    return loss if rows is None else loss * tf.constant(rows.weight, tf.float32)


def summed(tensors, rows):
    """The sum of each tensor over all workers. None stays None."""
    return tensors if rows is None else rows.workers.sums(tensors)


def mean(tensor, rows):
    """The mean of all values of the batch, a scalar. tensor: [rows, ...]."""
    local = tf.reduce_mean(tensor)
    return local if rows is None else rows.workers.sum(weighed(local, rows)[None])[0]


def deviation(tensor, rows):
    """The standard deviation of all values of the batch, a scalar."""
    if rows is None:
        return tf.math.reduce_std(tensor)
    return tf.sqrt(mean(tf.square(tensor - mean(tensor, rows)), rows))
