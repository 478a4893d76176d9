"""Noise as a function of (seed, stream, index).

Philox (Salmon et al. 2011) maps a key and a counter to random words. Each batch of a stream has its own range of
counters, so a batch is the same whether it is drawn alone, in a chunk of a thousand, or after a resume.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tfgan_v1._tensorflow import tf

# Streams: training steps, samples at sampling steps, the seeds of sample.py, scores while training; the classes of the
# images of each in a conditional run; and the noise that all sampling steps share. A random layer's stream is a hash of
# its name, which is none of these.
TRAINING, PREVIEW, SEEDS, EVALUATION, TRAINING_CLASSES, SEED_CLASSES, EVALUATION_CLASSES, FIXED = range(8)
PREVIEW_CLASSES = 8  # likewise, where there are too many classes to draw each

_PHILOX = 1  # the algorithm's number in TensorFlow's stateless random ops
_WORDS_PER_COUNT = 4


class Distribution(NamedTuple):
    """A distribution of noise."""

    op: str  # of tf.raw_ops
    transform: Callable  # draws of the op -> noise
    text: str
    quantile: Callable  # probabilities, an array in (0, 1) -> values


def _normal_quantile(probabilities):
    from scipy.special import ndtri

    return ndtri(probabilities)


DISTRIBUTIONS = {
    "uniform": Distribution(
        "StatelessRandomUniformV2", lambda draws: 2 * draws - 1, "uniform in [-1, 1)", lambda share: 2 * share - 1
    ),
    "unit": Distribution("StatelessRandomUniformV2", lambda draws: draws, "uniform in [0, 1)", lambda share: share),
    "normal": Distribution(
        "StatelessRandomNormalV2", lambda draws: draws, "normal, mean 0, deviation 1", _normal_quantile
    ),
}


def draw(distribution, seed, stream, index, count, shape, part=None):
    """Batches number `index` to `index + count - 1` of a stream: float32 [count, *shape].

    distribution: a name in DISTRIBUTIONS. seed, stream: int in [0, 2**32). index: int or scalar integer tensor, >= 0.
    part: a pair (first, last), to draw these rows alone of the shape's first axis; count must be 1 then.
    """
    row = DISTRIBUTIONS[distribution]
    first, last = _values(shape, part)
    draws = getattr(tf.raw_ops, row.op)(**_words(seed, stream, index, count, math.prod(shape), first, last))
    skipped = first % _WORDS_PER_COUNT
    return tf.reshape(row.transform(draws[:, skipped : skipped + last - first]), [count, *_rows(shape, part)])


def bernoulli_mask(probability, seed, stream, index, shape, part=None):
    """Batch number `index` of a stream of Bernoulli draws: bool [*shape], true with a probability rounded to 16 bits.

    16 bits for each draw take half the time of 32. part: as in `draw`.
    """
    first, last = _values(shape, part)
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        **_words(seed, stream, index, 1, -(-math.prod(shape) // 2), first // 2, -(-last // 2)), dtype=tf.uint32
    )
    skipped = first % (2 * _WORDS_PER_COUNT)
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[skipped : skipped + last - first]
    return tf.reshape(halves < round(probability * 2**16), _rows(shape, part))


def _values(shape, part):
    """The first and the last of all values of a shape that are in a part of its rows."""
    first, last = part or (0, shape[0] if shape else 1)
    row = math.prod(shape[1:])
    return first * row, last * row


def _rows(shape, part):
    """The shape of a part of the rows."""
    return shape if part is None else [part[1] - part[0], *shape[1:]]


def _words(seed, stream, index, count, size, first, last):
    """Arguments of a stateless op that draws `count` batches of `size` words: of each those from `first` to `last`.

    Rounded down and up to whole counters.
    """
    counts = -(-size // _WORDS_PER_COUNT)
    skipped = first // _WORDS_PER_COUNT
    counter = tf.cast(index, tf.uint64) * counts
    return {
        "shape": [count, (-(-last // _WORDS_PER_COUNT) - skipped) * _WORDS_PER_COUNT],
        "key": tf.constant([stream << 32 | seed], tf.uint64),
        "counter": tf.stack([counter + skipped if skipped else counter, tf.constant(0, tf.uint64)]),
        "alg": tf.constant(_PHILOX),
    }
