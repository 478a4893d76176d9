"""Noise as a function of (seed, stream, index).

Philox (Salmon et al. 2011) turns a key and a counter into random words. Each batch of a stream owns a fixed stretch of
counters, so a batch is the same whether it is drawn alone, in a chunk of a thousand, or after a resume.
"""

import math

from tfgan_v1._tensorflow import tf

TRAINING, PREVIEW, SEEDS = range(3)  # streams: the training steps, the samples after an epoch, the seeds of sample.py

_PHILOX = 1  # the algorithm's number in TensorFlow's stateless random ops
_WORDS_PER_COUNT = 4


def uniform(seed, stream, index, count, shape):
    """The `count` batches of noise that start at number `index` of a stream, uniform in [-1, 1).

    seed: int in [0, 2**32). index: int or scalar integer tensor, at least 0. Returns float32 [count, *shape].
    """
    size = math.prod(shape)
    counts = -(-size // _WORDS_PER_COUNT)
    key = tf.constant([stream << 32 | seed], tf.uint64)
    counter = tf.stack([tf.cast(index, tf.uint64) * counts, tf.constant(0, tf.uint64)])
    words = [count, counts * _WORDS_PER_COUNT]
    draws = tf.raw_ops.StatelessRandomUniformV2(shape=words, key=key, counter=counter, alg=tf.constant(_PHILOX))
    return tf.reshape(2 * draws[:, :size] - 1, [count, *shape])
