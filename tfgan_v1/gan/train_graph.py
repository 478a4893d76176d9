"""The training graph around Algorithm 1: what a session feeds, and a loop of many steps in one `Session.run`."""

from typing import Any, NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan import averaging, batches, data_parallel, noise, numerics
from tfgan_v1.gan.conditioning import Batch, make_condition
from tfgan_v1.gan.losses import LOSSES, Loss
from tfgan_v1.gan.models import MODELS, Model, decode, encode
from tfgan_v1.gan.networks import View, create_networks
from tfgan_v1.gan.optimizers import Optimizer, make_optimizer
from tfgan_v1.gan.step_metrics import METRICS
from tfgan_v1.gan.train_step import TrainSpec, d_output, discriminate, make_train_spec, train_step

MEASURED = 250  # images that are drawn at once to be measured
MOST_FIXED = 100  # images that are drawn from the same noise at each sampling step


class SingleStep(NamedTuple):
    """One training step as its own `Session.run`, as in the old notebooks: the plain path of the loop."""

    real: Batch  # placeholders [d_steps, batch, *shape], pixels or points; and the class of each, or None
    z: Batch  # placeholders, float32 [d_steps (+ 1 if G's noise is fresh), batch, noise_size]; and classes, or None
    metrics: Any  # float32 [n], the METRICS of step number `TrainGraph.first_step`


class TrainGraph(NamedTuple):
    """What a session feeds (placeholders) and runs (tensors)."""

    spec: TrainSpec
    images: Batch  # placeholders [num_images, *shape], fed once, to `initialize`; of None if the images are streamed
    initialize: Any  # runs all initializers
    first_step: Any  # placeholder, int64: number of steps done before this call
    num_steps: Any  # placeholder, int32: steps to do, at most `chunk`
    order: Any  # placeholder, int32 [chunk, d_steps, batch]: indices of the images; None if they are streamed
    metrics: Any  # does the steps; float32 [chunk, n], the METRICS of each, of which the first num_steps rows are valid
    finite: Any  # bool: whether every weight and optimizer slot is finite after the steps, in a cluster on all workers
    preview: Any  # samples at first_step, float32 [num_samples, *shape], images in [0, 1]; of the averaged generator
    fixed: Any  # images of the same noise in all of the run, float32 [up to MOST_FIXED, *shape]; otherwise as preview
    batch_index: Any  # placeholder, int64
    measured: Any  # batch number `batch_index` of the images to measure, [MEASURED, *shape], drawn as `preview` is
    judged: Batch  # placeholders [n, *shape], pixels or points; and the class of each, or None
    d_outputs: Any  # D's mean output for them: a probability, or a score
    start_average: Any  # sets the averaged generator to the generator; run it after `initialize`
    single_step: SingleStep
    weights: list  # both networks' variables: what another run may start from
    state: list  # every variable but the images: what a resume needs
    adopt: Any = None  # in a cluster, the op by which all workers take over the first one's state

    @property
    def networks(self):
        """The Networks of the spec."""
        return self.spec.networks


@numerics.as_configured
def build(
    config,
    shape,
    dtype,
    num_images,
    chunk,
    model=None,
    loss=None,
    d_optimizer=None,
    g_optimizer=None,
    class_counts=None,
    stream=None,
    num_resident=None,
    workers=None,
):
    """The TrainGraph of a configuration whose `xla` is on or off, in the current default graph.

    shape, dtype: of one image, uint8 [h, w, c], or point, float32 [1]. chunk: the most steps in one call; it shapes the
    placeholders and changes no result. model, loss, d_optimizer, g_optimizer: custom parts in place of the
    configuration's. class_counts: of a conditional run, the number of images of each class. stream: a Batch of tensors
    [chunk, d_steps, batch, *shape] with the images of a call, if the images are not kept in a variable. num_resident:
    how many are, if some are held out from the num_images to train on. workers: the sharing.Workers of a cluster, each
    of which has a part of every batch. Raises UserError if a custom part does not fit.
    """
    tf.set_random_seed(config.seed)
    custom, model, loss = model, model or MODELS[config.model], loss or LOSSES[config.loss]
    optimizers = [each for each in (d_optimizer, g_optimizer) if each is not None]
    for part, kind in ((model, Model), (loss, Loss), *((each, Optimizer) for each in optimizers)):
        if not isinstance(part, kind):
            raise UserError(f"a custom {kind.__name__.lower()} must be a tfgan_v1.{kind.__name__}, not {part!r}")
    if loss.reads_as not in METRICS:
        raise UserError(f"a loss reads its logits as {' or '.join(METRICS)}, not {brief(loss.reads_as)}")
    condition = make_condition(config, class_counts, custom)
    networks = create_networks(model, shape, config.noise_size, View.of(config), config.average > 0, condition)
    weights = networks.g_state + networks.d_state
    spec = make_spec(config, networks, loss, d_optimizer, g_optimizer)
    first_step = tf.placeholder(tf.int64, [], "first_step")
    num_steps = tf.placeholder(tf.int32, [], "num_steps")
    single_step = build_single_step(spec, dtype, first_step, workers)
    state = tf.global_variables()

    width = config.batch_size + batches.leftover(config, num_images)
    images, order, resident = Batch(None), None, None
    if stream is None:
        images = image_placeholders("pixels", dtype, [num_resident or num_images], shape, condition)
        resident = resident_variables(images)
        order = tf.placeholder(tf.int32, [chunk, config.d_steps, width], "order")

    def draw_noise(stream, index, count, shape):
        return noise.draw(config.noise, config.seed, stream, index, count, [*shape, config.noise_size])

    def draw_classes(stream, index, count, shape):
        return condition and condition.draw(config.seed, stream, index, count, shape)

    def draw_images(z, classes):
        z = networks_input(networks, Batch(z, classes))
        return decode(model, networks.generate(z.values, labels=z.labels, average=config.average > 0))

    draws = chunk, [config.d_steps + (config.g_noise == "fresh"), width]
    zs = Batch(draw_noise(noise.TRAINING, first_step, *draws), draw_classes(noise.TRAINING_CLASSES, first_step, *draws))
    preview_z = draw_noise(noise.PREVIEW, first_step, 1, [config.num_samples])[0]
    preview_classes = condition and tf.range(config.num_samples) % condition.num_classes
    num_fixed = min(config.num_samples, MOST_FIXED)
    fixed_z = draw_noise(noise.FIXED, 0, 1, [num_fixed])[0]
    fixed_classes = condition and preview_classes[:num_fixed]
    batch_index = tf.placeholder(tf.int64, [], "batch_index")
    measured_z = draw_noise(noise.EVALUATION, batch_index, 1, [MEASURED])[0]
    measured_classes = condition and draw_classes(noise.EVALUATION_CLASSES, batch_index, 1, [MEASURED])[0]
    judged = image_placeholders("judged", dtype, [None], shape, condition)
    judged_logits = discriminate(networks, networks_input(networks, judged), None)
    loop = make_loop(spec, num_images, resident, state, workers)
    metrics, finite = loop(first_step, num_steps, Batch(order) if stream is None else stream, zs)
    if workers:
        metrics, finite = shared_outcome(workers, metrics, finite)
    return TrainGraph(
        spec=spec,
        images=images,
        initialize=tf.global_variables_initializer(),
        first_step=first_step,
        num_steps=num_steps,
        order=order,
        metrics=metrics,
        finite=finite,
        preview=draw_images(preview_z, preview_classes),
        fixed=draw_images(fixed_z, fixed_classes),
        batch_index=batch_index,
        measured=draw_images(measured_z, measured_classes),
        judged=judged,
        d_outputs=tf.reduce_mean(d_output(loss, judged_logits)),
        start_average=averaging.start(networks.average, networks.g_state) if networks.average else tf.no_op(),
        single_step=single_step,
        weights=weights,
        state=state,
        adopt=workers and workers.adopt(state),
    )


def shared_outcome(workers, metrics, finite):
    """(METRICS, whether all is finite) of all workers; each worker's metrics are its share of the batch's means."""
    infinite = tf.cast(tf.logical_not(finite), tf.float32)
    flat = workers.reduce(tf.concat([tf.reshape(metrics, [-1]), infinite[None]], 0))
    return tf.reshape(flat[:-1], metrics.shape), tf.equal(flat[-1], 0)


def make_spec(config, networks, loss, d_optimizer=None, g_optimizer=None):
    """The TrainSpec of a configuration, with the optimizer of each network and what follows its updates."""

    def clip(_):  # arXiv:1701.07875, alg. 1
        limit = config.clip_weights
        return tf.group(*(each.assign(tf.clip_by_value(each, -limit, limit)) for each in networks.d_vars))

    def average(updates):
        return averaging.update(networks.average, networks.g_state, config.average, updates)

    d_after, g_after = clip if config.clip_weights else None, average if networks.average else None
    d = make_optimizer(config, networks.d_vars, config.d_lr, config.d_decay, "d_updates", d_optimizer, d_after)
    g = make_optimizer(config, networks.g_vars, config.g_lr, config.g_decay, "g_updates", g_optimizer, g_after)
    return make_train_spec(config, networks, loss, d, g)


def image_placeholders(name, dtype, axes, shape, condition):
    """Placeholders of images [*axes, *shape] and, in a conditional run, of their classes, int32 [*axes]: a Batch."""
    labels = tf.placeholder(tf.int32, axes, f"{name}_labels") if condition else None
    return Batch(tf.placeholder(dtype, [*axes, *shape], name), labels)


def feed(placeholders, images, labels):
    """The feed_dict of `image_placeholders`, whose labels are None unless the run is conditional."""
    return {placeholders.values: images} | ({} if placeholders.labels is None else {placeholders.labels: labels})


def resident_variables(images):
    """The variables that keep a Batch of all images for the whole training."""

    def keep(name, fed):
        return tf.get_variable(name, initializer=fed, trainable=False, use_resource=True)

    return Batch(keep("images", images.values), None if images.labels is None else keep("labels", images.labels))


def networks_input(networks, batch):
    """A Batch as the networks get it: images in the range of the model's output, noise as it is, classes one-hot."""
    labels = networks.condition and networks.condition.one_hot(batch.labels)
    return Batch(encode(networks.model, batch.values), labels, batch.rows)


def build_single_step(spec, dtype, step, workers=None):
    """The SingleStep of a spec. It also creates the optimizers' slots, which must exist before the loop is built."""
    config, networks = spec.config, spec.networks
    condition = networks.condition
    draws = config.d_steps + (config.g_noise == "fresh")
    real = image_placeholders("real", dtype, [config.d_steps, config.batch_size], networks.shape, condition)
    z = image_placeholders("z", tf.float32, [draws, config.batch_size], [config.noise_size], condition)
    part, rows = data_parallel.rows_slice(workers, config.batch_size)
    reals = [networks_input(networks, real.part((k, part), rows)) for k in range(config.d_steps)]
    zs = [networks_input(networks, z.part((k, part), rows)) for k in range(draws)]
    return SingleStep(real, z, train_step(spec, reals, *split_noise(config, zs), step))


def make_loop(spec, num_images, resident, state, workers=None):
    """Many steps in one call, as a function of (first_step, num_steps, inputs, zs).

    inputs: a Batch of the indices of images [chunk, d_steps, batch], or of the images themselves where resident, the
    variables of all images, is None. zs: a Batch of noise [chunk, d_steps or one more, batch, noise_size]. The function
    returns the METRICS of each step, float32 [chunk, n], and whether every variable of the state is finite; in a
    cluster, this worker's share of the METRICS.
    """
    config = spec.config
    per_epoch, leftover = batches.steps_per_epoch(config, num_images), batches.leftover(config, num_images)

    def run_step(step, batch, zs, extra, freeze_generator):
        sizes = [config.batch_size] * (config.d_steps - 1) + [config.batch_size + extra]
        parts = [data_parallel.rows_slice(workers, size) for size in sizes]
        reals = [batch.part((k, part), rows) for k, (part, rows) in enumerate(parts)]
        if resident is not None:
            reals = [resident.gather(indices) for indices in reals]
        reals = [networks_input(spec.networks, real) for real in reals]
        z_parts = [*parts, parts[-1]][: zs.values.shape.as_list()[0]]
        zs = [networks_input(spec.networks, zs.part((k, part), rows)) for k, (part, rows) in enumerate(z_parts)]
        d_zs, g_z = split_noise(config, zs)
        return data_parallel.weighed(train_step(spec, reals, d_zs, g_z, step, freeze_generator), parts[-1][1])

    def run_step_of_epoch(step, batch, zs, freeze_generator):
        """With `--batches whole`, the last batch of an epoch takes the leftover images, too."""
        last = tf.equal((step + 1) % per_epoch, 0)
        args = step, batch, zs
        return static_cond(
            leftover,
            last,
            lambda: run_step(*args, leftover, freeze_generator),
            lambda: run_step(*args, 0, freeze_generator),
        )

    def loop(first_step, num_steps, inputs, zs):
        def body(i, metrics):
            step = first_step + tf.cast(i, tf.int64)
            args, d_only = (step, inputs.part(i), zs.part(i)), step < config.d_first
            row = static_cond(
                config.d_first, d_only, lambda: run_step_of_epoch(*args, True), lambda: run_step_of_epoch(*args, False)
            )
            return i + 1, tf.tensor_scatter_nd_update(metrics, [[i]], [row])

        start = [0, tf.zeros([zs.values.shape.as_list()[0], len(METRICS[spec.loss.reads_as])])]
        metrics = tf.while_loop(lambda i, _: i < num_steps, body, start, parallel_iterations=1)[1]
        numbers = [variable for variable in state if variable.dtype.is_floating]
        return metrics, tf.reduce_all([tf.reduce_all(tf.math.is_finite(each)) for each in numbers])

    # A function even without XLA: inside one, loops and variables behave the same in every process.
    return tf.function(loop, jit_compile=config.xla == "on", autograph=False)


def split_noise(config, zs):
    """A step's batches of noise as (those of the D steps, that of the G step or None if G takes the last of D's)."""
    return (zs[:-1], zs[-1]) if config.g_noise == "fresh" else (zs, None)


def static_cond(possible, condition, yes, no):
    """tf.cond(condition, yes, no), or `no` alone where the configuration never lets the condition hold."""
    return tf.cond(condition, yes, no) if possible else no()
