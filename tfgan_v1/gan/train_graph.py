"""The training graph around Algorithm 1: what a session feeds, and a loop of many steps in one `Session.run`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan import batches, data_parallel, noise, views
from tfgan_v1.gan.adaptive import ADAPTIVE, Steering, held_out_batch
from tfgan_v1.gan.conditioning import Batch, make_condition
from tfgan_v1.gan.layers import RngKey, numerics_of, use_numerics
from tfgan_v1.gan.losses import LOSSES, Loss
from tfgan_v1.gan.models import Model, decode, encode
from tfgan_v1.gan.networks import DInput, check_model, create_networks
from tfgan_v1.gan.optimizers import Optimizer, make_optimizer, start_average, step_of, update_average
from tfgan_v1.gan.schedules import value_at
from tfgan_v1.gan.train_step import STEP_METRICS, TrainSpec, calls_per_step, d_output, make_train_spec, train_step

MEASURED = 250  # images that are drawn at once to be measured
MOST_FIXED = 100  # images that are drawn from the same noise at each sampling step


class CustomParts(NamedTuple):
    """What a caller in Python provides in place of what the configuration names; None is the built-in part."""

    model: Any = None  # a models.Model
    loss: Any = None  # a losses.Loss
    d_optimizer: Any = None  # an optimizers.Optimizer
    g_optimizer: Any = None  # an optimizers.Optimizer

    def names(self):
        """The names of the parts that are custom, for config.json."""
        return [name for name, part in self._asdict().items() if part is not None]

    def check(self):
        """Raises UserError for a part of the wrong type."""
        for part, kind in zip(self, (Model, Loss, Optimizer, Optimizer), strict=True):
            if part is not None and not isinstance(part, kind):
                raise UserError(
                    f"a custom {kind.__name__.lower()} must be a tfgan_v1.{kind.__name__}, not {brief(part)}"
                )
        if self.model is not None:
            check_model(self.model)
        if self.loss is not None and not isinstance(self.loss.critic, bool):
            raise UserError(f"critic of a custom loss must be True or False, not {brief(self.loss.critic)}")


class DataSpec(NamedTuple):
    """What the graph must know of the images or points to train on."""

    shape: tuple  # of one image, uint8 [h, w, c], or point, float32 [d]
    dtype: Any
    num_images: int  # to train on
    num_resident: int  # that are kept in a variable, with the held-out ones
    class_counts: Sequence[int] | None = None  # of a conditional run, the number of images of each class
    stream: Any = None  # a Batch of tensors [chunk, batches_of_real, batch, *shape] of each call, or None
    points: Any = None  # float32 [n, d], of which the views are; None for images
    held_out: Any = ()  # int32, the indices of the images that are held out


class Inputs(NamedTuple):
    """The placeholders of the loop, and the variables that keep all images."""

    first_step: Any  # int64: number of steps done before this call
    num_steps: Any  # int32: steps to do, at most `chunk`
    chunk: int
    images: Batch = Batch(None)  # [num_resident, *shape], fed once, to `initialize`; of None if they are streamed
    resident: Batch | None = None  # the variables that they are kept in
    order: Any = None  # int32 [chunk, batches_of_real, batch]: indices of the images; None if they are streamed


class SingleStep(NamedTuple):
    """One training step as its own `Session.run`, as in the old notebooks: the plain path of the loop."""

    real: Batch  # placeholders [batches_of_real, batch, *shape], pixels or points; and the class of each, or None
    z: Batch  # placeholders, float32 [d_steps (+ 1 if G's noise is fresh), batch, noise_size]; and classes, or None
    metrics: Any  # float32 [n], the STEP_METRICS of step number `Inputs.first_step`


class Samplers(NamedTuple):
    """Images [n, *shape] that the generator draws, or the averaged one: of images in [0, 1]."""

    preview: Any  # samples at first_step, [num_samples, *shape]
    fixed: Any  # of the same noise in all of the run, [up to MOST_FIXED, *shape]
    batch_index: Any  # placeholder, int64
    measured: Any  # batch number `batch_index` of the images to measure, [MEASURED, *shape]
    views: Any = None  # of points, a vector of both networks' outputs: see gan/views.py


class DOutputs(NamedTuple):
    """D's outputs for images, by which overfitting is seen."""

    images: Batch  # placeholders [n, *shape], pixels or points; and the class of each, or None
    mean: Any  # scalar: a probability, or a score


class TrainGraph(NamedTuple):
    """What a session feeds (placeholders) and runs (tensors)."""

    spec: TrainSpec
    inputs: Inputs
    initialize: Any  # runs all initializers
    start_average: Any  # sets the averaged generator to the generator; run it after `initialize`
    broadcast: Any  # in a cluster, the op by which all workers take over the first one's state; otherwise None
    metrics: Any  # does the steps; float32 [chunk, n], the STEP_METRICS of each: the first num_steps rows are valid
    finite: Any  # bool: whether every weight and optimizer slot is finite after the steps, in a cluster on all workers
    samplers: Samplers
    d_outputs: DOutputs
    state: list  # every variable but the images: what a resume needs

    @property
    def networks(self):
        """The Networks of the spec."""
        return self.spec.networks

    @property
    def weights(self):
        """Both networks' variables: what another run may start from."""
        return self.networks.g_state + self.networks.d_state


def build(config, data, chunk, parts=CustomParts(), workers=None):  # noqa: B008, a constant
    """The TrainGraph of a configuration whose `xla` is on or off, in the current default graph.

    data: a DataSpec. chunk: the most steps in one call; it shapes the placeholders and changes no result. workers: the
    data_parallel.Workers of a cluster, each of which has a part of every batch. Raises UserError if a custom part does
    not fit.
    """
    tf.set_random_seed(config.seed)
    with use_numerics(numerics_of(config)):
        spec = make_spec(config, data, parts)
        inputs = Inputs(tf.placeholder(tf.int64, [], "first_step"), tf.placeholder(tf.int32, [], "num_steps"), chunk)
        state = tf.global_variables()
        inputs = inputs if data.stream else with_resident_images(spec, data, inputs)
        metrics, finite = build_loop(spec, data, inputs, state, workers)
        initialize = tf.global_variables_initializer()
        average = start_average(spec.networks.average, spec.networks.g_state)
        broadcast = workers and workers.broadcast(state)
        samplers, d_outputs = build_samplers(spec, data, inputs.first_step), build_d_outputs(spec, data)
        outputs = {"metrics": metrics, "finite": finite, "samplers": samplers, "d_outputs": d_outputs}
        prepare = {"initialize": initialize, "start_average": average, "broadcast": broadcast}
        return TrainGraph(spec, inputs, state=state, **prepare, **outputs)


def make_spec(config, data, parts):
    """The TrainSpec of a configuration, with the optimizer of each network and what follows its updates."""
    model, loss = parts.model or config.network, parts.loss or LOSSES[config.loss]
    condition = make_condition(config, data.class_counts, model, custom=parts.model is not None)
    steering = Steering.create() if config.augment_strength == ADAPTIVE else None

    def strength(number):
        return steering.strength if steering else value_at(config.augment_strength, number // calls_per_step(config))

    d_input = DInput.of(config)._replace(strength=None if config.augment_strength == 1 else strength)
    networks = create_networks(model, data.shape, config.noise_size, d_input, config.averages, condition)

    def clip(_):  # arXiv:1701.07875, alg. 1
        limit = config.clip_weights
        return tf.group(*(weight.assign(tf.clip_by_value(weight, -limit, limit)) for weight in networks.d_vars))

    def average(updates):
        decay = config.average
        if config.average_halflife is not None:
            halflife = value_at(config.average_halflife, step_of(config, "g", updates - 1))
            decay = tf.pow(0.5, 1 / tf.cast(halflife, tf.float32))  # 0 of a half-life of 0
        return update_average(networks.average, networks.g_state, decay, updates)

    d = make_optimizer(config, "d", networks.d_vars, parts.d_optimizer, clip if config.clip_weights else None)
    g = make_optimizer(config, "g", networks.g_vars, parts.g_optimizer, average if networks.average else None)
    return make_train_spec(config, networks, loss, d, g)._replace(steering=steering)


def image_placeholders(name, data, axes, condition):
    """Placeholders of images [*axes, *shape] and, in a conditional run, of their classes, int32 [*axes]: a Batch."""
    labels = tf.placeholder(tf.int32, axes, f"{name}_labels") if condition else None
    return Batch(tf.placeholder(data.dtype, [*axes, *data.shape], name), labels)


def feed(placeholders, images, labels):
    """The feed_dict of `image_placeholders`, whose labels are None unless the run is conditional."""
    return {placeholders.values: images} | ({} if placeholders.labels is None else {placeholders.labels: labels})


def initial_values(networks, points):
    """The feed_dict of `initialize` by which standardized networks get the mean and deviation of points [n, d]."""
    if points is None or not networks.model.output.standardized:
        return {}
    deviation = points.std(0, dtype=np.float64)
    values = points.mean(0, dtype=np.float64), np.where(deviation > 0, deviation, 1)
    variables = networks.g_state[-2:]  # see models.standardization
    return {variable.initializer.inputs[1]: value for variable, value in zip(variables, values, strict=True)}


def with_resident_images(spec, data, inputs):
    """Inputs with the variables that keep all images for the whole training, and the placeholder of their order."""

    def keep(name, images):
        return tf.get_variable(name, initializer=images, trainable=False, use_resource=True)

    images = image_placeholders("pixels", data, [data.num_resident], spec.networks.condition)
    labels = None if images.labels is None else keep("labels", images.labels)
    width = spec.config.batch_size + batches.leftover(spec.config, data.num_images)
    order = tf.placeholder(tf.int32, [inputs.chunk, batches_of_real(spec.config, spec.loss), width], "order")
    return inputs._replace(images=images, resident=Batch(keep("images", images.values), labels), order=order)


def networks_input(networks, batch):
    """A Batch of images or points as the networks get it: in the range of the model's output, classes one-hot."""
    return noise_input(networks, batch._replace(values=encode(networks.model, batch.values)))


def noise_input(networks, batch):
    """A Batch of noise as the networks get it: as it is, classes one-hot."""
    return batch._replace(labels=networks.condition and networks.condition.one_hot(batch.labels))


def draw_noise(spec, streams, index, count, shape):
    """Noise and, in a conditional run, classes: a Batch of `count` batches [*shape] from number `index` on.

    streams: of the noise and of the classes; without the second, the k-th image has the k-th class.
    """
    config, condition, (noise_stream, class_stream) = spec.config, spec.networks.condition, streams
    z = noise.draw(config.noise, config.seed, noise_stream, index, count, [*shape, config.noise_size])
    if condition is None:
        return Batch(z)
    if class_stream is None:
        return Batch(z, tf.range(shape[0])[None] % condition.num_classes)
    return Batch(z, condition.draw(config.seed, class_stream, index, count, shape))


def build_samplers(spec, data, first_step):
    """The Samplers of a spec."""
    networks, average, num_samples = spec.networks, spec.config.averages, spec.config.num_samples
    batch_index = tf.placeholder(tf.int64, [], "batch_index")
    classes = noise.PREVIEW_CLASSES if spec.config.clustered else None  # of clusters, which are many

    def drawn(streams, index, count):
        return noise_input(networks, draw_noise(spec, streams, index, 1, [count]).part(0))

    def images(streams, index, count):
        return decode(networks.model, networks.generate(drawn(streams, index, count), average=average).values)

    return Samplers(
        preview=images((noise.PREVIEW, classes), first_step, num_samples),
        fixed=images((noise.FIXED, classes), 0, min(num_samples, MOST_FIXED)),
        batch_index=batch_index,
        measured=images((noise.EVALUATION, noise.EVALUATION_CLASSES), batch_index, MEASURED),
        views=views.build(spec, data.points, lambda count: drawn((noise.FIXED, classes), 0, count)),
    )


def build_d_outputs(spec, data):
    """The DOutputs of a spec."""
    images = image_placeholders("d_inputs", data, [None], spec.networks.condition)
    logits = spec.networks.discriminate(networks_input(spec.networks, images))
    return DOutputs(images, tf.reduce_mean(d_output(spec.loss, logits)))


def build_single_step(spec, data, step):
    """The SingleStep of a TrainGraph's spec. data: as in `build`. step: int64 scalar, as Inputs.first_step."""
    config, networks, num_reals = spec.config, spec.networks, batches_of_real(spec.config, spec.loss)
    draws = config.d_steps + (config.g_noise == "fresh")
    noise_spec = data._replace(shape=(config.noise_size,), dtype=tf.float32)
    real = image_placeholders("real", data, [num_reals, config.batch_size], networks.condition)
    z = image_placeholders("z", noise_spec, [draws, config.batch_size], networks.condition)
    reals = [networks_input(networks, real.part(k)) for k in range(num_reals)]
    zs = [noise_input(networks, z.part(k)) for k in range(draws)]
    with use_numerics(numerics_of(config)):
        return SingleStep(real, z, train_step(spec, reals, *split_noise(config, zs), step))


def build_loop(spec, data, inputs, state, workers=None):
    """(STEP_METRICS of each of the steps, float32 [chunk, n]; whether every variable of the state is finite after)."""
    config = spec.config
    width = config.batch_size + batches.leftover(config, data.num_images)
    draws = [config.d_steps + (config.g_noise == "fresh"), width]
    zs = draw_noise(spec, (noise.TRAINING, noise.TRAINING_CLASSES), inputs.first_step, inputs.chunk, draws)
    step_fn = make_step_fn(spec, data, inputs.resident, workers)

    def loop(first_step, num_steps, images, zs):
        def body(i, metrics):
            row = step_fn(first_step + tf.cast(i, tf.int64), images.part(i), zs.part(i))
            return i + 1, tf.tensor_scatter_nd_update(metrics, [[i]], [row])

        start = [0, tf.zeros([inputs.chunk, len(STEP_METRICS[spec.loss.critic])])]
        metrics = tf.while_loop(lambda i, _: i < num_steps, body, start, parallel_iterations=1)[1]
        numbers = [variable for variable in state if variable.dtype.is_floating]
        return metrics, tf.reduce_all([tf.reduce_all(tf.math.is_finite(number)) for number in numbers])

    # A function even without XLA: inside one, loops and variables behave the same in every process.
    compiled = tf.function(loop, jit_compile=config.xla == "on", autograph=False)
    metrics, finite = compiled(inputs.first_step, inputs.num_steps, data.stream or Batch(inputs.order), zs)
    return all_workers(workers, metrics, finite) if workers else (metrics, finite)


def make_step_fn(spec, data, resident, workers):
    """One step of the loop as a function (number of the step, images or their indices, noise) -> STEP_METRICS.

    In a cluster, this worker's share of them.
    """
    config = spec.config
    per_epoch, leftover = batches.steps_per_epoch(config, data.num_images), batches.leftover(config, data.num_images)

    def run_step(step, images, zs, extra, freeze_generator):
        sizes = [config.batch_size] * (config.d_steps - 1) + [config.batch_size + extra]
        parts = [data_parallel.shard_slice(workers, size) for size in sizes]
        parts_of_real = (parts + parts[-1:])[: batches_of_real(config, spec.loss)]  # the last is of G's pairs
        reals = [images.part((k, part), shard) for k, (part, shard) in enumerate(parts_of_real)]
        reals = [networks_input(spec.networks, resident.gather(real) if resident else real) for real in reals]
        z_parts = [*parts, parts[-1]][: zs.values.shape.as_list()[0]]  # the last is G's own noise, if that is fresh
        zs = [noise_input(spec.networks, zs.part((k, part), shard)) for k, (part, shard) in enumerate(z_parts)]
        metrics = train_step(spec, reals, *split_noise(config, zs), step, freeze_generator)
        return data_parallel.scale_loss(metrics, parts[-1][1])

    def held_out_output(number):
        images = networks_input(spec.networks, held_out_batch(config, resident, data.held_out, number))
        return tf.reduce_mean(d_output(spec.loss, spec.networks.discriminate(images, RngKey(config.seed, number))))

    def step_fn(step, images, zs):
        def with_leftover(freeze_generator):  # with `--batches whole`, the last batch of an epoch is larger
            last = tf.equal((step + 1) % per_epoch, 0)
            return static_cond(last, leftover, 0, lambda extra: run_step(step, images, zs, extra, freeze_generator))

        metrics = static_cond(step < config.d_first, config.d_first > 0, False, with_leftover)
        return spec.steering.after(metrics, step, held_out_output) if spec.steering else metrics

    return step_fn


def batches_of_real(config, loss):
    """The batches of real images in a step: of each update of D, and of G if its pairs are fresh."""
    return config.d_steps + (loss.paired and config.g_noise == "fresh")


def static_cond(condition, yes, no, function):
    """function(yes) where a condition holds, else function(no); without tf.cond where both are the same."""
    return function(no) if yes == no else tf.cond(condition, lambda: function(yes), lambda: function(no))


def split_noise(config, zs):
    """A step's batches of noise as (those of the D steps, that of the G step or None if G takes the last of D's)."""
    return (zs[:-1], zs[-1]) if config.g_noise == "fresh" else (zs, None)


def all_workers(workers, metrics, finite):
    """(STEP_METRICS, whether all is finite) of all workers; each worker's metrics are its share of the batch's."""
    infinite = tf.cast(tf.logical_not(finite), tf.float32)
    flat = workers.reduce(tf.concat([tf.reshape(metrics, [-1]), infinite[None]], 0))
    return tf.reshape(flat[:-1], metrics.shape), tf.equal(flat[-1], 0)
