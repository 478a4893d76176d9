"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al. 2014, arXiv:1406.2661) as a TensorFlow graph."""

from typing import Any, NamedTuple

from tfgan_v1 import noise
from tfgan_v1._tensorflow import tf
from tfgan_v1.losses import discriminator_loss, generator_loss
from tfgan_v1.models import MODELS, Model

METRICS = ("d_loss", "g_loss", "D(x)", "D(G(z))")  # of one training step; the last two are means of probabilities


class Networks(NamedTuple):
    """A model whose variables exist in the current graph, and their partition between the two players."""

    model: Model
    image_shape: tuple[int, int, int]  # height, width, channels
    g_vars: list  # trained by the generator's optimiser
    d_vars: list  # trained by the discriminator's optimiser

    def generate(self, z):
        """G(z): noise [batch, noise_size] -> images [batch, h, w, c] as the networks see them."""
        with tf.variable_scope("generator", reuse=True):
            return self.model.output.activation(self.model.generator(z, self.image_shape))

    def discriminate(self, images):
        """Logits of D: images [batch, h, w, c] -> [batch, 1]."""
        with tf.variable_scope("discriminator", reuse=True):
            return self.model.discriminator(images)


class GAN(NamedTuple):
    """The training graph: what a session feeds (placeholders) and what it runs (tensors)."""

    networks: Networks
    pixels: Any  # uint8 [num_images, h, w, c], fed once, when the variables are initialised
    initialise: Any  # runs all initialisers
    first_step: Any  # int64: number of steps done before this call
    num_steps: Any  # int32: steps to do, at most `chunk`
    order: Any  # int32 [chunk, batch]: which images each step sees
    train: Any  # does the steps; float32 [chunk, len(METRICS)], of which the first num_steps rows are valid
    preview: Any  # samples drawn at first_step, float32 [num_samples, h, w, c] in [0, 1]
    real: Any  # uint8 [batch, h, w, c], for train_one
    z: Any  # float32 [batch, noise_size], for train_one
    train_one: Any  # one step on what is fed, in ordinary ops: the plain path that `train` is held against
    g_state: list  # the generator's variables: what a generator checkpoint holds
    state: list  # every variable but the images: what a resume needs


def train_step(networks, optimisers, real, z, smooth):
    """One pass of Algorithm 1's loop, k = 1: D ascends its gradient, then G, judged by the new D, descends its own.

    real: images [batch, h, w, c] as the networks see them; z: noise [batch, noise_size], the same for both players.
    Returns float32 [len(METRICS)], of this step, once both updates are done.
    """
    d_optimiser, g_optimiser = optimisers
    fake = networks.generate(z)  # D's update leaves G alone, so one forward pass serves both players
    # D treats every image by itself, so real and fake go through it as one batch: the same logits, larger products.
    real_logits, fake_logits = tf.split(networks.discriminate(tf.concat([real, fake], 0)), 2)
    d_loss = discriminator_loss(real_logits, fake_logits, smooth)
    d_update = d_optimiser.minimize(d_loss, var_list=networks.d_vars)
    with tf.control_dependencies([d_update]):
        g_loss = generator_loss(networks.discriminate(fake))
        g_update = g_optimiser.minimize(g_loss, var_list=networks.g_vars)
    with tf.control_dependencies([g_update]):
        probabilities = [tf.reduce_mean(tf.sigmoid(logits)) for logits in (real_logits, fake_logits)]
        return tf.stack([d_loss, g_loss, *probabilities])


def build(config, image_shape, num_images, chunk):
    """The training graph for a configuration whose `xla` is on or off, in the current default graph.

    chunk: most steps of one call. It shapes the graph's feeds and no result.
    """
    tf.set_random_seed(config.seed)
    model = MODELS[config.model]
    networks, g_state = create_networks(model, image_shape, config.noise_size)
    optimisers = [tf.train.AdamOptimizer(lr, config.beta1, config.beta2) for lr in (config.d_lr, config.g_lr)]

    # One step by itself, as the old notebooks ran it. It makes the optimisers' variables, too, which the loop needs.
    real = tf.placeholder(tf.uint8, [config.batch_size, *image_shape], "real")
    z = tf.placeholder(tf.float32, [config.batch_size, config.noise_size], "z")
    train_one = train_step(networks, optimisers, encode(model, real), z, config.smooth)
    state = tf.global_variables()

    pixels = tf.placeholder(tf.uint8, [num_images, *image_shape], "pixels")
    images = tf.get_variable("images", initializer=pixels, trainable=False, use_resource=True)
    first_step = tf.placeholder(tf.int64, [], "first_step")
    num_steps = tf.placeholder(tf.int32, [], "num_steps")
    order = tf.placeholder(tf.int32, [chunk, config.batch_size], "order")

    def train(num_steps, order, zs):
        def step(i, metrics):
            real = encode(model, tf.gather(images, order[i]))
            done = train_step(networks, optimisers, real, zs[i], config.smooth)
            return i + 1, tf.tensor_scatter_nd_update(metrics, [[i]], [done])

        start = [0, tf.zeros([chunk, len(METRICS)])]
        return tf.while_loop(lambda i, _: i < num_steps, step, start, parallel_iterations=1)[1]

    # A function even without XLA: inside one, loops and variables behave the same whatever the process has switched on.
    train = tf.function(train, jit_compile=config.xla == "on", autograph=False)
    zs = noise.uniform(config.seed, noise.TRAINING, first_step, chunk, [config.batch_size, config.noise_size])
    preview_z = noise.uniform(config.seed, noise.PREVIEW, first_step, 1, [config.num_samples, config.noise_size])[0]
    return GAN(
        networks=networks,
        pixels=pixels,
        initialise=tf.global_variables_initializer(),
        first_step=first_step,
        num_steps=num_steps,
        order=order,
        train=train(num_steps, order, zs),
        preview=model.output.decode(networks.generate(preview_z)),
        real=real,
        z=z,
        train_one=train_one,
        g_state=g_state,
        state=state,
    )


def create_networks(model, image_shape, noise_size):
    """Makes the variables of both players in the current graph; everything built afterwards reuses them.

    Returns the Networks and the list of all the generator's variables. Raises ValueError if the networks make trained
    variables outside their own scopes, which no optimiser would train.
    """
    with tf.variable_scope("generator", use_resource=True):
        logits = model.generator(tf.zeros([1, noise_size]), image_shape)
    g_state = tf.global_variables("generator/")
    with tf.variable_scope("discriminator", use_resource=True):
        model.discriminator(model.output.activation(logits))
    g_vars, d_vars = tf.trainable_variables("generator/"), tf.trainable_variables("discriminator/")
    strays = {v.name for v in tf.trainable_variables()} - {v.name for v in g_vars + d_vars}
    if strays or not g_vars or not d_vars:
        raise ValueError(f"every trained variable belongs to the generator or the discriminator; strays: {strays}")
    return Networks(model, tuple(image_shape), g_vars, d_vars), g_state


def encode(model, pixels):
    """uint8 pixels [batch, h, w, c] -> images as the model's networks see them."""
    return model.output.encode(tf.cast(pixels, tf.float32))
