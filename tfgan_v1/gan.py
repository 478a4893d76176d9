"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014, arXiv:1406.2661) as a TensorFlow graph."""

from typing import Any, NamedTuple

from tfgan_v1 import batches, noise
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError
from tfgan_v1.layers import RngKey
from tfgan_v1.losses import LOSSES, Labels, Loss
from tfgan_v1.models import MODELS, Model
from tfgan_v1.optimizers import make_optimizer

# Of one training step. D(x) and D(G(z)) are means of probabilities, the accuracies shares of a batch on the right side
# of 0.5: D's of the real and generated images it was trained on, G's of its images that the new D takes for real.
METRICS = ("d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy")


class Networks(NamedTuple):
    """A model whose variables exist in the current graph, and their partition between the two players."""

    model: Model
    shape: tuple[int, ...]  # of one image, [height, width, channels], or of one point, [1]
    g_vars: list  # trained by the generator's optimizer
    d_vars: list  # trained by the discriminator's optimizer

    def generate(self, z, training=None):
        """G(z): noise [batch, noise_size] -> images [batch, *shape] as the networks see them."""
        with tf.variable_scope("generator", reuse=True):
            return self.model.output.activation(self.model.generator(z, self.shape, training))

    def discriminate(self, images, training=None):
        """Logits of D: images [batch, *shape] -> [batch, 1]."""
        with tf.variable_scope("discriminator", reuse=True):
            return self.model.discriminator(images, training)


class NetworkOptimizer(NamedTuple):
    """How a player is trained."""

    optimizer: tf.train.Optimizer
    updates: Any  # the count of its updates, a variable, where its rate depends on it
    variables: list

    def minimize(self, loss):
        """The op of one update."""
        return self.optimizer.minimize(loss, global_step=self.updates, var_list=self.variables)


class TrainSpec(NamedTuple):
    """Two networks, what each wants, and how it gets there."""

    networks: Networks
    loss: Loss
    labels: Labels
    d: NetworkOptimizer
    g: NetworkOptimizer
    config: Config


class TrainGraph(NamedTuple):
    """The training graph: what a session feeds (placeholders) and what it runs (tensors)."""

    networks: Networks
    images: Any  # [num_images, *shape], fed once, when the variables are initialised; None if they are streamed
    initialize: Any  # runs all initializers
    first_step: Any  # int64: number of steps done before this call
    num_steps: Any  # int32: steps to do, at most `chunk`
    order: Any  # int32 [chunk, d_steps, batch]: which images each step sees; None if they are streamed
    train: Any  # does the steps; float32 [chunk, len(METRICS)], of which the first num_steps rows are valid
    finite: Any  # bool: after these, whether every number of the state is finite
    preview: Any  # samples drawn at first_step, float32 [num_samples, *shape], images in [0, 1]
    real: Any  # [d_steps, batch, *shape], for train_one
    z: Any  # float32 [d_steps (+ 1 if G's noise is fresh), batch, noise_size], for train_one
    train_one: Any  # one step, number first_step, on what is fed, in ordinary ops: the plain path of `train`
    g_state: list  # the generator's variables: what a generator checkpoint holds
    weights: list  # both networks' variables: what another run may start from
    state: list  # every variable but the images: what a resume needs


def train_step(game, reals, zs, step, alone=False):
    """One pass of Algorithm 1's loop: k times D ascends its gradient, then G, judged by the new D, descends its own.

    reals: k batches of images [batch, *shape] as the networks see them; zs: k batches of noise [batch, noise_size] and,
    if G's is to be fresh, one more. step: its number, for what is random inside the networks. alone: G's weights rest.
    Returns float32 [len(METRICS)], of this step, once all updates are done.
    """
    networks, passes = game.networks, _passes(game.config, step)
    d_update = tf.no_op()
    for real, z in zip(reals, zs, strict=False):
        with tf.control_dependencies([d_update]):
            fake = networks.generate(z, next(passes))
            d_update, d_loss, real_logits, fake_logits = d_step(game, real, fake, passes)
    with tf.control_dependencies([d_update]):
        if len(zs) > len(reals):
            fake = networks.generate(zs[-1], next(passes))  # else the same as D's, whose update has left G alone
        judged = networks.discriminate(fake, next(passes))
        g_loss = game.loss.g(judged, game.labels)
        g_update = tf.no_op() if alone else game.g.minimize(g_loss)
    with tf.control_dependencies([g_update]):
        probabilities = [tf.reduce_mean(tf.sigmoid(logits)) for logits in (real_logits, fake_logits)]
        d_right = tf.concat([real_logits > 0, fake_logits <= 0], 0)
        accuracies = [tf.reduce_mean(tf.cast(right, tf.float32)) for right in (d_right, judged > 0)]
        return tf.stack([d_loss, g_loss, *probabilities, *accuracies])


def d_step(game, real, fake, passes):
    """D's update on a batch of each: (op, its loss, real logits, fake logits), the logits from before the update."""
    config, networks, loss = game.config, game.networks, game.loss
    if config.d_batches == "joint":  # it makes larger products
        both = networks.discriminate(tf.concat([real, fake], 0), next(passes))
        real_logits, fake_logits = tf.split(both, 2)
    else:
        real_logits = networks.discriminate(real, next(passes))
    real_loss = loss.d_real(real_logits, game.labels)
    first = game.d.minimize(real_loss) if config.d_batches == "in_turn" else tf.no_op()
    with tf.control_dependencies([first]):
        if config.d_batches != "joint":
            fake_logits = networks.discriminate(fake, next(passes))
        fake_loss = loss.d_fake(fake_logits, game.labels)
        d_loss = (real_loss + fake_loss) * {"sum": 1.0, "mean": 0.5}[config.d_loss]
        update = game.d.minimize(fake_loss if config.d_batches == "in_turn" else d_loss)
    return update, d_loss, real_logits, fake_logits


def build(config, shape, dtype, num_images, chunk, model=None, loss=None, stream=None):
    """The training graph for a configuration whose `xla` is on or off, in the current default graph.

    shape, dtype: of one image, uint8 [h, w, c], or point, float32 [1]. chunk: most steps of one call; it shapes the
    graph's feeds and no result. model, loss: in place of the configuration's. stream: a tensor of the images of a
    call's steps, [chunk, d_steps, batch, *shape], where they are not to lie in the graph.
    """
    tf.set_random_seed(config.seed)
    model, loss = model or MODELS[config.model], loss or LOSSES[config.loss]
    for part, kind in ((model, Model), (loss, Loss)):
        if not isinstance(part, kind):
            raise UserError(f"a {kind.__name__.lower()} of your own is a tfgan_v1.{kind.__name__}, not {part!r}")
    networks, g_state = create_networks(model, shape, config.noise_size)
    weights = tf.global_variables()
    game = make_train_spec(config, networks, loss)
    first_step = tf.placeholder(tf.int64, [], "first_step")
    num_steps = tf.placeholder(tf.int32, [], "num_steps")

    # One step by itself, as the old notebooks ran it. It makes the optimizers' variables, too, which the loop needs.
    widest = config.batch_size + batches.leftover(config, num_images)
    draws = config.d_steps + (config.g_noise == "fresh")
    real = tf.placeholder(dtype, [config.d_steps, config.batch_size, *shape], "real")
    z = tf.placeholder(tf.float32, [draws, config.batch_size, config.noise_size], "z")
    train_one = train_step(game, tf.unstack(encode(model, real)), tf.unstack(z), first_step)
    state = tf.global_variables()

    images = order = resident = None
    if stream is None:
        images = tf.placeholder(dtype, [num_images, *shape], "pixels")
        resident = tf.get_variable("images", initializer=images, trainable=False, use_resource=True)
        order = tf.placeholder(tf.int32, [chunk, config.d_steps, widest], "order")
    z_shape = [draws, widest, config.noise_size]
    zs = noise.draw(config.noise, config.seed, noise.TRAINING, first_step, chunk, z_shape)
    preview_shape = [config.num_samples, config.noise_size]
    preview_z = noise.draw(config.noise, config.seed, noise.PREVIEW, first_step, 1, preview_shape)[0]
    steps = make_loop(game, num_images, resident, state)
    train, finite = steps(first_step, num_steps, order if stream is None else stream, zs)
    return TrainGraph(
        networks=networks,
        images=images,
        initialize=tf.global_variables_initializer(),
        first_step=first_step,
        num_steps=num_steps,
        order=order,
        train=train,
        finite=finite,
        preview=decode(model, networks.generate(preview_z)),
        real=real,
        z=z,
        train_one=train_one,
        g_state=g_state,
        weights=weights,
        state=state,
    )


def make_train_spec(config, networks, loss):
    """The TrainSpec of two networks by a configuration. Raises UserError if a loss of the caller's own is no scalar."""
    labels = Labels(real=1 - config.smooth, fake=config.fake_label, g_target=config.g_label)
    for name, formula in loss._asdict().items():
        _check(f"the loss's {name}", formula(tf.zeros([2, 1]), labels), [])
    d = NetworkOptimizer(*make_optimizer(config, config.d_lr, config.d_decay, "d_updates"), networks.d_vars)
    g = NetworkOptimizer(*make_optimizer(config, config.g_lr, config.g_decay, "g_updates"), networks.g_vars)
    return TrainSpec(networks, loss, labels, d, g, config)


def make_loop(game, num_images, resident, state):
    """Many steps in one call, as a function of (first_step, num_steps, batches, noise).

    It returns float32 [chunk, len(METRICS)] and whether every number of the state, a list of variables, is then finite.
    resident: the images, of which the batches, [chunk, d_steps, batch], are indices; None if they are images instead.
    noise: [chunk, d_steps or one more, batch, noise_size]. Only an epoch's last step uses the whole width of a batch.
    """
    config, model = game.config, game.networks.model
    per_epoch, rest = batches.steps_per_epoch(config, num_images), batches.leftover(config, num_images)

    def take(number, batch, zs, rest, alone):
        sizes = [config.batch_size] * (config.d_steps - 1) + [config.batch_size + rest]
        reals = [batch[k, :size] for k, size in enumerate(sizes)]
        if resident is not None:
            reals = [tf.gather(resident, which) for which in reals]
        noises = [zs[k, :size] for k, size in enumerate([*sizes, sizes[-1]][: zs.shape.as_list()[0]])]
        return train_step(game, [encode(model, real) for real in reals], noises, number, alone)

    def train(first_step, num_steps, batch, zs):
        def step(i, metrics):
            number = first_step + tf.cast(i, tf.int64)
            its = number, batch[i], zs[i]

            def play(alone):  # an epoch's last batch takes what is left over
                last = tf.equal((number + 1) % per_epoch, 0)
                return _either(rest, last, lambda: take(*its, rest, alone), lambda: take(*its, 0, alone))

            done = _either(config.d_first, number < config.d_first, lambda: play(True), lambda: play(False))
            return i + 1, tf.tensor_scatter_nd_update(metrics, [[i]], [done])

        start = [0, tf.zeros([zs.shape.as_list()[0], len(METRICS)])]
        metrics = tf.while_loop(lambda i, _: i < num_steps, step, start, parallel_iterations=1)[1]
        numbers = [variable for variable in state if variable.dtype.is_floating]
        return metrics, tf.reduce_all([tf.reduce_all(tf.math.is_finite(each)) for each in numbers])

    # A function even without XLA: inside one, loops and variables behave the same whatever the process has switched on.
    return tf.function(train, jit_compile=config.xla == "on", autograph=False)


def create_networks(model, shape, noise_size):
    """Makes the variables of both players in the current graph; everything built afterwards reuses them.

    Returns the Networks and the list of all the generator's variables. Raises UserError if networks of the caller's own
    return other shapes than they should, or make trained variables outside their scopes.
    """
    with tf.variable_scope("generator", use_resource=True):
        logits = model.generator(tf.zeros([2, noise_size]), tuple(shape), None)
        _check("the generator, of two noises,", logits, [2, *shape])
    g_state = tf.global_variables("generator/")
    with tf.variable_scope("discriminator", use_resource=True):
        _check("the discriminator, of two images,", model.discriminator(model.output.activation(logits), None), [2, 1])
    g_vars, d_vars = tf.trainable_variables("generator/"), tf.trainable_variables("discriminator/")
    strays = {v.name for v in tf.trainable_variables()} - {v.name for v in g_vars + d_vars}
    if strays or not g_vars or not d_vars:
        raise UserError(
            "each network must have variables to train, below its own scope, where `tf.get_variable` puts them; "
            + (f"outside lie {', '.join(sorted(strays))}" if strays else "one of the two has none")
        )
    return Networks(model, tuple(shape), g_vars, d_vars), g_state


def _check(what, value, shape):
    """Raises UserError if something of the caller's own returned no tensor, or one of another shape."""
    found = value.shape if isinstance(value, tf.Tensor) else type(value).__name__
    if not isinstance(value, tf.Tensor) or not found.is_compatible_with(shape):
        raise UserError(f"{what} must return a tensor of the shape {shape}, not {found}")


def encode(model, batch):
    """Pixels, uint8 [..., h, w, c], -> images as the model's networks see them; points stay as they are."""
    return model.output.encode(tf.cast(batch, tf.float32)) if batch.dtype == tf.uint8 else batch


def decode(model, generated):
    """What a generator made, [batch, *shape], -> images in [0, 1]; points stay as they are."""
    return model.output.decode(generated) if generated.shape.rank == 4 else generated


def _passes(config, step):
    """The numbers under which one step's passes through the networks draw what is random in them."""
    most = 3 * config.d_steps + 2
    return (RngKey(config.seed, step * most + i) for i in range(most))


def _either(possible, condition, yes, no):
    """tf.cond, where the first case can happen at all; otherwise the second without it."""
    return tf.cond(condition, yes, no) if possible else no()
