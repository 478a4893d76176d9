"""The tutorials' way: `mlp` with two `Session.run` per step, the others by Keras' `train_on_batch` and `predict`."""

import numpy as np

from frameworks.systems import Trainer, Unavailable, batches, noise, scaled, system

ONE_BY_ONE = ("conv",)  # the tutorial calls `predict` for each generated image
WITH_ACCURACY = ("dcgan",)  # the tutorial shows it at each step


def trainer(name, images):
    """The Trainer of a workload; images: the path of an .npy file."""
    return _session(np.load(images)) if name == "mlp" else _keras(name, system(name), np.load(images))


def _session(images):
    """The notebook of benchmarks/published.py, one step per call."""
    import tensorflow.compat.v1 as tf

    import published

    tf.disable_v2_behavior()
    images, random, graph = (
        images.reshape(-1, 784).astype(np.float32) / 255,
        np.random.RandomState(0),
        published.build(),
    )
    session, fed = tf.Session(), {}
    session.run(tf.global_variables_initializer())

    def endless():
        while True:
            yield from published.batches(images, random)

    reals = endless()

    def train():
        fed.update(published.step(session, graph, next(reals), random))

    counts = [sum(v.shape.num_elements() for v in each) for each in (graph.g_vars, graph.d_vars)]
    losses = lambda: session.run((graph.d_loss, graph.g_loss), fed)  # noqa: E731
    return Trainer(train, losses, 1, tuple(counts), "two `Session.run` with feeds per step")


def _keras(name, system, images):
    """The tutorials' loop in Keras."""
    networks, config = system
    combined = _Combined(name, networks, config)
    images, random, last = scaled(images, networks), np.random.default_rng(0), []
    reals = batches(config, len(images), random)

    def train():
        real = images[next(reals)]
        z = noise(config, random, len(real))
        d_loss = combined.d_step(real, combined.generate(z))
        z = noise(config, random, len(real)) if config.g_noise == "fresh" else z
        last[:] = d_loss, combined.g_step(z)

    combined.check(images[next(reals)], noise(config, random, config.batch_size))
    counts = combined.generator.count_params(), combined.discriminator.count_params()
    note = "Keras, images predicted one by one" if combined.one_by_one else "Keras"
    return Trainer(train, lambda: last, 1, counts, note)


class _Combined:
    """G, D, and the combined model of both, in which D is frozen while G trains."""

    def __init__(self, name, networks, config):
        import keras

        self.config, self.one_by_one = config, name in ONE_BY_ONE
        noise_shape = (config.noise_size,)
        self.generator = keras.Sequential([keras.Input(noise_shape), *_layers(networks.generator, noise_shape)])
        self.discriminator = keras.Sequential(
            [keras.Input(networks.shape), *_layers(networks.discriminator, networks.shape)]
        )
        self.combined = keras.Sequential([keras.Input(noise_shape), self.generator, self.discriminator])
        rates = (config.d_lr, config.d_decay), (config.g_lr, config.g_decay)
        for model, rate in zip((self.discriminator, self.combined), rates, strict=True):
            metrics = [keras.metrics.BinaryAccuracy(threshold=0)] if name in WITH_ACCURACY else None
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            model.compile(_optimizer(config, *rate), loss, metrics=metrics)

    def generate(self, z):
        if self.one_by_one:
            return np.concatenate([self.generator.predict(each[None], verbose=0) for each in z])
        return self.generator.predict(z, batch_size=len(z), verbose=0)

    def d_step(self, real, fake):
        # Keras 3 looks at `trainable` when it traces, which it does again for a batch of another size.
        self.discriminator.trainable = True
        ones, zeros = self._labels(real, 1 - self.config.smooth), self._labels(fake, self.config.fake_label)
        if self.config.d_batches == "in_turn":
            parts = (real, ones), (fake, zeros)
        else:
            parts = ((np.concatenate([real, fake]), np.concatenate([ones, zeros])),)
        return np.mean([np.ravel(self.discriminator.train_on_batch(*part))[0] for part in parts])

    def g_step(self, z):
        self.discriminator.trainable = False
        return np.ravel(self.combined.train_on_batch(z, self._labels(z, self.config.g_label)))[0]

    def check(self, real, z):
        """Takes a step of each network. Raises Unavailable unless the step changes only the weights of that network."""
        networks = self.discriminator, self.generator
        d_step, g_step = (lambda: self.d_step(real, self.generate(z))), (lambda: self.g_step(z))
        for step, trained in zip((d_step, g_step), networks, strict=True):
            before = [network.get_weights() for network in networks]
            step()
            for network, weights in zip(networks, before, strict=True):
                changed = any((a != b).any() for a, b in zip(weights, network.get_weights(), strict=True))
                if changed != (network is trained):
                    raise Unavailable("a step trains the wrong network")

    @staticmethod
    def _labels(batch, label):
        return np.full([len(batch), 1], label, np.float32)


def _layers(layers, shape):
    """The Keras layers for a table of layers."""
    from keras import layers as kl

    makers = {
        "dense": kl.Dense,
        "conv": lambda filters, size, stride: kl.Conv2D(filters, size, stride, "same"),
        "transposed": lambda filters, size, stride: kl.Conv2DTranspose(filters, size, stride, "same"),
        "norm": kl.BatchNormalization,
        "dropout": kl.Dropout,
        "relu": kl.ReLU,
        "leaky_relu": lambda slope: kl.LeakyReLU(negative_slope=slope),
        "tanh": lambda: kl.Activation("tanh"),
        "sigmoid": lambda: kl.Activation("sigmoid"),
        "upsample": kl.UpSampling2D,
        "pool": lambda: kl.MaxPooling2D(3, 2),
        "flatten": kl.Flatten,
        "reshape": lambda *new: kl.Reshape(new),
    }
    return [makers[kind](*numbers) for kind, *numbers in layers]


def _optimizer(config, rate, decay):
    from keras import optimizers

    rate = optimizers.schedules.InverseTimeDecay(rate, 1, decay) if decay else rate
    if config.optimizer == "adam":
        return optimizers.Adam(rate, config.beta1, config.beta2, config.epsilon)
    return optimizers.RMSprop(rate, config.rho, epsilon=config.epsilon)
