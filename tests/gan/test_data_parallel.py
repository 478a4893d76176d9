"""A batch shared between workers, in one process: each worker's part of the graph is on a CPU device of its own."""

import numpy as np
import pytest

from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import data_parallel, layers, noise
from tfgan_v1.gan.augmentation import AUGMENTATIONS, augment
from tfgan_v1.gan.conditioning import Batch, concat
from tfgan_v1.gan.layers import RngKey
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.penalties import Discriminate
from tfgan_v1.gan.train_step import relative_logits

CASES = [(1, 1, 1), (2, 2, 1), (2, 7, 1), (3, 10, 1), (3, 100, 1), (5, 33, 1), (2, 12, 4), (3, 20, 4), (4, 30, 6)]


def parts_of(size, total, unit=1):
    return [data_parallel.Workers(size, index, unit=unit).shard(total) for index in range(size)]


def together(size, build):
    """What each worker's build(workers) evaluates to, beside the reduce that a call with collectives needs."""
    with tf.Graph().as_default() as graph:
        outputs = []
        for index in range(size):
            with tf.device(f"/cpu:{index}"):
                workers = data_parallel.Workers(size, index)
                outputs.append((build(workers), workers.reduce(tf.zeros([1]))))
        with tf.Session(graph=graph, config=tf.ConfigProto(device_count={"CPU": size})) as session:
            session.run(tf.global_variables_initializer())
            return [each for each, _ in session.run(outputs)]


def alone(build):
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        return session.run(build())


def equal_bits(values):
    return len({np.asarray(each).tobytes() for each in values}) == 1


@pytest.mark.parametrize(("size", "total", "unit"), CASES)
def test_the_workers_have_all_rows_once_in_order_and_none_has_much_more(size, total, unit):
    parts = parts_of(size, total, unit)
    assert [each for part in parts for first, last in part.ranges for each in range(first, last)] == list(range(total))
    counts = [part.count for part in parts]
    assert all(count % unit == 0 and count > 0 for count in counts) and max(counts) - min(counts) <= unit
    assert np.isclose(sum(part.weight for part in parts), 1, rtol=1e-15) and parts[0].total == total


@pytest.mark.parametrize(("size", "total", "unit"), CASES)
def test_what_has_fewer_rows_is_shared_in_the_same_way(size, total, unit):
    """D gives one row of logits for each pack, and one process would give total / unit."""
    parts = [part.of(part.count // unit) for part in parts_of(size, total, unit)]
    rows = [each for part in parts for first, last in part.ranges for each in range(first, last)]
    assert rows == list(range(total // unit)) and all(part.total == total // unit for part in parts)


@pytest.mark.parametrize(("size", "total", "unit"), CASES)
def test_two_batches_as_one_have_the_second_s_rows_behind_all_of_the_first(size, total, unit):
    for part in parts_of(size, total, unit):
        both = part.concat(part)
        (first, last), second = part.ranges[0], both.ranges[1]
        assert both.ranges == ((first, last), (total + first, total + last)) == (both.ranges[0], second)
        assert (both.total, both.count, both.weight) == (2 * total, 2 * part.count, part.weight)
        assert (
            both.of(both.count // unit).ranges == part.of(part.count // unit).concat(part.of(part.count // unit)).ranges
        )


def test_one_process_has_the_whole_batch_and_no_rows():
    assert data_parallel.shard_slice(None, 7) == (slice(7), None)
    part, shard = data_parallel.shard_slice(data_parallel.Workers(2, 1), 7)
    assert part == slice(3, 7) and shard.ranges == ((3, 7),)
    assert data_parallel.scale_loss("loss", None) == "loss"


@pytest.mark.parametrize("shape", [[7], [9, 5, 1], [5, 4, 4, 2], [1, 1]], ids=str)
@pytest.mark.parametrize("distribution", [*noise.DISTRIBUTIONS, "mask"])
def test_drawn_parts_are_the_rows_of_the_whole_to_the_bit(distribution, shape):
    def draw(part=None):
        if distribution == "mask":
            return noise.bernoulli_mask(0.4, 3, 17, 5, shape, part)
        return noise.draw(distribution, 3, 17, 5, 1, shape, part)[0]

    pairs = [(first, last) for first in range(shape[0]) for last in {first + 1, min(first + 3, shape[0]), shape[0]}]
    whole, *parts = alone(lambda: [draw(), *map(draw, pairs)])
    for (first, last), part in zip(pairs, parts, strict=True):
        assert part.dtype == whole.dtype and part.tobytes() == whole[first:last].tobytes(), (first, last)


@pytest.mark.parametrize(("size", "total"), [(2, 7), (3, 10)])
def test_draws_of_rows_are_those_of_the_joined_batch(size, total):
    """A joint batch of D, in packs of two: what a worker draws for its real and its fake packs."""

    def function(shape, part=None):
        return noise.draw("normal", 1, 2, 3, 1, shape, part)[0]

    whole = alone(lambda: data_parallel.draw(None, [2 * total, 3], function))
    drawn = [[], []]
    for part in parts_of(size, 2 * total, unit=2):
        both = part.concat(part)
        own = alone(lambda both=both: data_parallel.draw(both, [both.count // 2, 3], function))
        for half, values in zip(drawn, np.split(own, 2), strict=True):
            half.append(values)
    assert np.concatenate([*drawn[0], *drawn[1]]).tobytes() == whole.tobytes()


def test_sums_gathers_and_means_are_those_of_all_workers_with_equal_bits():
    size, total = 3, 10
    values = np.random.default_rng(0).normal(3, 2, (total, 5)).astype(np.float32)
    large = np.random.default_rng(1).normal(size=(size, data_parallel.SMALL + 3)).astype(np.float32)

    def build(workers):
        part, shard = data_parallel.shard_slice(workers, total)
        own = tf.constant(values[part])
        small = tf.constant(large[workers.index, :6])
        return {
            "gather": workers.gather(small),
            "sum": workers.sum(small),
            "large sum": workers.sum(tf.constant(large[workers.index])),
            "sums": [
                each for each in workers.sums([small[:2], None, tf.reshape(small[2:], [2, 2])]) if each is not None
            ],
            "mean": data_parallel.mean(own, shard),
            "deviation": data_parallel.deviation(own, shard),
            "scaled": workers.sum(data_parallel.scale_loss(tf.reduce_mean(own), shard)[None]),
            "not given": tf.constant(workers.sums([small, None])[1] is None),
            "reduce": workers.reduce(small),
        }

    results = together(size, build)
    first = results[0]
    for each in results:
        assert [part.shape for part in each["sums"]] == [(2,), (2, 2)]
        each["sums"] = np.concatenate([np.ravel(part) for part in each["sums"]])
    for name in first:
        assert equal_bits(each[name] for each in results), name
    assert np.array_equal(first["gather"], large[:, :6]) and first["not given"]
    assert np.allclose(first["sum"], large[:, :6].sum(0)) and np.allclose(first["reduce"], first["sum"])
    assert np.allclose(first["large sum"], large.sum(0), atol=1e-6)
    assert np.array_equal(first["sums"], first["sum"])
    assert np.allclose(first["mean"], values.mean()) and np.allclose(first["scaled"], values.mean())
    assert np.allclose(first["deviation"], values.std())
    alike = alone(
        lambda: [data_parallel.mean(tf.constant(values), None), data_parallel.deviation(tf.constant(values), None)]
    )
    assert np.allclose(alike, [values.mean(), values.std()])


def test_a_gradient_through_an_exchange_is_that_of_the_sum_of_all_workers_losses():
    size, weights = 3, np.float32([1, 10, 100])
    inputs = np.random.default_rng(0).normal(size=(size, 4)).astype(np.float32)

    def build(workers):
        own = tf.constant(inputs[workers.index])
        weight = weights[workers.index]
        summed = weight * tf.reduce_sum(tf.square(workers.sum(own)))
        gathered = weight * tf.reduce_sum(tf.math.sin(workers.gather(own)))
        slope = tf.gradients(summed, own)[0]
        return slope, tf.gradients(gathered, own)[0], tf.gradients(tf.reduce_sum(slope), own)[0]

    for index, (of_sum, of_gather, second) in enumerate(together(size, build)):
        assert np.allclose(of_sum, weights.sum() * 2 * inputs.sum(0), rtol=1e-5)
        assert np.allclose(of_gather, weights.sum() * np.cos(inputs[index]), rtol=1e-5)
        assert np.allclose(second, 3 * weights.sum() * 2, rtol=1e-5)  # one loss of all workers' slopes


def test_all_workers_take_over_the_first_one_s_state_to_the_bit():
    odd = np.frombuffer(np.uint32([0x80000000, 0x7FC01234, 0xFFC00001, 0x7F800000, 1]).tobytes(), np.float32)
    counts = np.int64([2**40 + 3, -1])

    def build(workers):
        chief = workers.index == 0
        with tf.variable_scope(f"worker_{workers.index}", use_resource=True):
            variables = [
                tf.get_variable("numbers", initializer=odd if chief else np.ones_like(odd)),
                tf.get_variable("counts", initializer=counts if chief else np.zeros_like(counts)),
                tf.get_variable("scalar", initializer=np.float32(0.1 if chief else 5)),
                tf.get_variable("matrix", initializer=np.float32([[1, 2], [3, 4]]) * (1 if chief else -1)),
            ]
        with tf.control_dependencies([workers.broadcast(variables)]):
            return [each.read_value() for each in variables]

    for numbers, counted, scalar, matrix in together(3, build):
        assert numbers.tobytes() == odd.tobytes() and np.array_equal(counted, counts)
        assert scalar == np.float32(0.1) and np.array_equal(matrix, [[1, 2], [3, 4]])


SHAPES = {"images": (10, 3, 3, 4), "vectors": (11, 1, 1, 6)}


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shared_batch_normalization_is_that_of_the_joined_rows(size, shape):
    random, features = np.random.default_rng(0), shape[-1]
    images = (
        random.normal(size=shape) * np.linspace(0.5, 2, features) + np.arange(shape[0])[:, None, None, None]
    ).astype(np.float32)
    slopes = random.normal(size=shape).astype(np.float32)
    scale, offset = random.normal(1, 0.3, [2, features]).astype(np.float32)

    def losses(function, part, shard):
        inputs = [tf.constant(each) for each in (images[part], scale, offset)]
        outputs, mean, variance = function(*inputs) if shard is None else function(shard, *inputs)
        return [outputs, mean, variance, *tf.gradients(tf.reduce_sum(outputs * slopes[part]), inputs)]

    whole = alone(lambda: losses(data_parallel._normalize_rows, slice(None), None))
    joined = images.astype(np.float64)
    mean, variance = joined.mean((0, 1, 2)), joined.var((0, 1, 2))
    expected = (joined - mean) / np.sqrt(variance + data_parallel.EPSILON) * scale + offset
    for function in (data_parallel._normalize_shared, data_parallel._normalize_plainly):

        def build(workers, function=function):
            part, shard = data_parallel.shard_slice(workers, shape[0])
            return losses(function, part, shard)

        results = together(size, build)
        assert equal_bits(each[1] for each in results) and equal_bits(each[2] for each in results)
        outputs, means, variances, to_images, to_scale, to_offset = zip(*results, strict=True)
        assert np.allclose(np.concatenate(outputs), expected, atol=1e-5), function
        assert np.allclose(means[0], mean, rtol=1e-5) and np.allclose(variances[0], variance, rtol=1e-5)
        assert np.allclose(np.concatenate(to_images), whole[3], atol=1e-5), function
        assert np.allclose(sum(to_scale), whole[4], atol=1e-4) and np.allclose(sum(to_offset), whole[5], atol=1e-4)


def test_the_plain_one_has_gradients_of_gradients_as_one_process_has():
    images = np.random.default_rng(0).normal(2, 1.5, (9, 5)).astype(np.float32)
    scale = np.linspace(0.5, 1.5, 5).astype(np.float32)

    def slopes_of_slopes(part, shard, share):
        own, factor = tf.constant(images[part]), tf.constant(scale)
        as_images = tf.reshape(own, [-1, 1, 1, 5])
        if shard is None:
            mean, variance = tf.nn.moments(as_images, [0, 1, 2])
            normal = tf.nn.batch_normalization(as_images, mean, variance, None, factor, data_parallel.EPSILON)
        else:
            normal = data_parallel._normalize_plainly(shard, as_images, factor, tf.zeros([5]))[0]
        first = tf.gradients(tf.reduce_sum(tf.sin(normal) * 3), own)[0]
        return tf.gradients(share * tf.reduce_mean(tf.square(first)), [own, factor])

    def build(workers):
        part, shard = data_parallel.shard_slice(workers, 9)
        return slopes_of_slopes(part, shard, shard.weight)

    whole = alone(lambda: slopes_of_slopes(slice(None), None, 1))
    to_images, to_scale = zip(*together(3, build), strict=True)
    assert np.allclose(np.concatenate(to_images), whole[0], atol=1e-5)
    assert np.allclose(sum(to_scale), whole[1], atol=1e-5)


@pytest.mark.parametrize("second_order", [False, True])
def test_batch_norm_keeps_the_averages_of_the_joined_rows(second_order):
    images = np.random.default_rng(0).normal(2, 1.5, (7, 3)).astype(np.float32)

    def run(workers):
        part, shard = data_parallel.shard_slice(workers, 7)
        key = RngKey(0, 1, shard, second_order)
        with tf.variable_scope(f"worker_{workers.index if workers else 0}"):
            outputs = layers.batch_norm(tf.constant(images[part]), key, "norm")
            with tf.control_dependencies([outputs]):
                averages = [
                    each.read_value()
                    for each in tf.global_variables(tf.get_variable_scope().name)
                    if "moving" in each.name
                ]
        return outputs, averages

    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        built = run(None)
        session.run(tf.global_variables_initializer())
        outputs, averages = session.run(built)
    results = together(3, run)
    assert np.allclose(np.concatenate([each[0] for each in results]), outputs, atol=1e-5)
    for _, own in results:
        assert len(own) == 2 and np.allclose(own, averages, rtol=1e-5)


@pytest.mark.parametrize("size", [2, 3])
def test_dropout_and_augmentations_of_a_joint_batch_are_those_of_one_process(size):
    """Without any exchange: bit for bit."""
    total = 7
    images = np.random.default_rng(0).uniform(-1, 1, (2 * total, 6, 6, 1)).astype(np.float32)

    def call(batch):
        key = RngKey(5, 3).of(batch.shard)
        return layers.dropout(batch.values, 0.3, key, "dropout"), augment(batch.values, tuple(AUGMENTATIONS), key)

    whole = alone(lambda: call(Batch(tf.constant(images))))
    real, fake = images[:total], images[total:]
    for part in parts_of(size, total):
        (first, last), rows = part.ranges[0], slice(*part.ranges[0])

        def build(rows=rows, part=part):
            return call(concat(Batch(tf.constant(real[rows]), shard=part), Batch(tf.constant(fake[rows]), shard=part)))

        for own, expected in zip(alone(build), whole, strict=True):
            own_rows = [*range(first, last), *range(total + first, total + last)]
            assert own.tobytes() == expected[own_rows].tobytes()


def test_a_penalty_draws_its_rows_where_the_first_axis_is_the_batch_and_all_where_it_is_not():
    def draws(shard, count):
        discriminate = Discriminate(None, RngKey(4, 9, shard), None, None)
        return [
            discriminate.uniform([count, 1, 1, 1]),
            discriminate.normal([count, 3], "mine"),
            discriminate.uniform([17]),
            discriminate.uniform([]),
        ]

    whole = alone(lambda: draws(None, 10))
    for part in parts_of(3, 10):
        own = alone(lambda part=part: draws(part, part.count))
        rows = slice(*part.ranges[0])
        assert [each.shape for each in own] == [(part.count, 1, 1, 1), (part.count, 3), (17,), ()]
        assert np.array_equal(own[2], whole[2]) and own[3] == whole[3]
        for mine, of_all in zip(own[:2], whole[:2], strict=True):
            assert mine.tobytes() == of_all[rows].tobytes()


def test_relative_losses_compare_with_the_mean_of_the_whole_batch():
    logits = np.random.default_rng(0).normal(size=(2, 7, 1)).astype(np.float32)

    def build(workers):
        part, shard = data_parallel.shard_slice(workers, 7)
        return relative_logits(LOSSES["relativistic_average"], *(tf.constant(each[part]) for each in logits), shard)

    real, fake = (np.concatenate(each) for each in zip(*together(3, build), strict=True))
    assert np.allclose(real, logits[0] - logits[1].mean(), atol=1e-6)
    assert np.allclose(fake, logits[1] - logits[0].mean(), atol=1e-6)
