"""The systems that test_cluster_exact.py trains, and the program of each worker, `main`.

Without addresses, a process trains alone. The environment variable SYSTEMS names the systems to train.

All workers build the same graphs in the same order, with one server and one count of collectives.
"""

import itertools
import json
import os

import numpy as np

STEPS, CHUNK, NUM_IMAGES = 20, 5, 44
BATCH = 11  # which neither 2 nor 3 divide
# Adam and RMSprop divide a gradient by its own size, which makes a difference of 1e-9 in one of 1e-8 as large as the
# learning rate. A large epsilon lets the rounding stay what it is.
PLAIN = {"xla": "off", "batch_size": BATCH, "noise_size": 7, "epsilon": 0.1, "seed": 3, "num_samples": 4}


def images(side, channels=1):
    return np.random.default_rng(side).integers(256, size=(NUM_IMAGES, side, side, channels), dtype=np.uint8)


DATA = {"small": images(8), "colour": images(8, 3), "points": np.random.default_rng(1).normal(size=(NUM_IMAGES, 1))}
PACKED = {"model": "dcgan_upsample", "pack": 2, "minibatch_stddev": True, "batch_size": 24, "d_batches": "joint"}
ALL_AUGMENTATIONS = "translate,cutout,colour,flip"
SYSTEMS = {  # name -> (options, data)
    "mlp": ({"steps": 20}, "small"),
    "conv": ({"model": "conv"}, "small"),
    "gaussian, whole": ({"model": "gaussian", "batch_size": 10}, "points"),
    "dcgan": ({"model": "dcgan", "batch_size": 7}, "small"),
    "dcgan_upsample": ({"model": "dcgan_upsample"}, "small"),
    "tuned": ({"model": "tuned", "average": 0.9, "penalty_every": 4}, "small"),
    "wgan_gp": ({"loss": "wasserstein", "penalty": "wgan_gp", "d_steps": 2}, "small"),
    "two penalties, clipped gradients": (
        {"penalty": "dragan,r2", "penalty_every": 3, "clip_gradients": 0.05},
        "small",
    ),
    "spectral norm": ({"spectral_norm": True, "loss": "hinge"}, "small"),
    "packed, stddev, dropout": (PACKED, "small"),
    "packed, stddev, dropout again": (PACKED, "small"),
    "augmented": ({"augment": ALL_AUGMENTATIONS, "penalty": "r1"}, "colour"),
    "pairs": (
        {"loss": "relativistic", "penalty": "r1,r2", "conditional": True, "d_lr": "cosine:0.002:0.0002:20"},
        "small",
    ),
    "least squares, whole, two D steps": (
        {"loss": "least_squares", "batches": "whole", "d_steps": 2, "batch_size": 7, "g_noise": "fresh"},
        "small",
    ),
    "conditional": ({"conditional": True, "g_condition": "embedding", "d_condition": "projection"}, "small"),
    "conditional, batch norm": (
        {"model": "conv", "conditional": True, "g_condition": "batch_norm", "d_condition": "concatenation"},
        "small",
    ),
    "conditional, penalty": (
        {"conditional": True, "penalty": "wgan_gp", "class_frequencies": "uniform", "pack": 2, "batch_size": 10},
        "small",
    ),
    "fresh noise, three D steps": ({"d_steps": 3, "g_noise": "fresh", "d_first": 2, "noise": "unit"}, "small"),
    "clipped weights": ({"clip_weights": 0.05, "loss": "wasserstein", "decay_steps": 30}, "small"),
    "D with batch norm": ({"penalty": "r1", "d_batches": "separate"}, "small"),
    "D with batch norm, relative": (
        {"loss": "relativistic_average", "d_batches": "separate", "penalty": "wgan_gp", "batches": "whole"},
        "small",
    ),
    "custom penalty": ({"d_batches": "in_turn"}, "small"),
}


def parts(name):
    """The custom parts of a system."""
    from tfgan_v1 import Loss, Model
    from tfgan_v1._tensorflow import tf
    from tfgan_v1.gan import layers
    from tfgan_v1.gan.losses import LOSSES
    from tfgan_v1.gan.models import MODELS

    def discriminator(images, training):
        hidden = layers.conv2d(images, 6, 3, "conv", 2)
        hidden = tf.nn.leaky_relu(layers.batch_norm(hidden, training, "norm"), 0.2)
        hidden = layers.dense(tf.reshape(hidden, [-1, 4 * 4 * 6]), 5, "hidden")
        return layers.dense(tf.tanh(layers.batch_norm(hidden, training, "norm_2")), 1, "logits")

    def penalty(discriminate, real, fake):
        noisy = real + 0.1 * discriminate.normal(real.shape.as_list(), "mine")
        weights = discriminate.uniform([17])  # no worker has so many rows: all have the same numbers
        spread = discriminate.deviation(real)
        logits = tf.reduce_mean(tf.square(discriminate(noisy) - discriminate(real)))
        return tf.reduce_mean(weights) * (logits + spread * tf.reduce_mean(discriminate.squared_slopes(fake)))

    if name.startswith("D with batch norm"):
        return {"model": Model(MODELS["mlp"].generator, discriminator, MODELS["mlp"].output)}
    if name == "custom penalty":
        plain = LOSSES["non_saturating"]
        return {"loss": Loss(plain.d_real, plain.d_fake, plain.g, penalty=penalty)}
    return {}


def train(name, target, session_config, workers=None, device=None):
    """The STEP_METRICS of each step, and every variable after the last."""
    from tfgan_v1._tensorflow import tf
    from tfgan_v1.config import Config
    from tfgan_v1.gan import batches, train_graph

    options, kind = SYSTEMS[name]
    config, data, labels, counts = Config(**{**PLAIN, **options}), DATA[kind], None, None
    data = data if data.dtype == np.uint8 else data.astype(np.float32)
    if config.conditional:
        labels = np.random.default_rng(2).integers(3, size=len(data)).astype(np.int32)
        counts = np.bincount(labels)
    workers = workers and workers(config.group)
    with tf.Graph().as_default(), tf.device(device):
        spec = train_graph.DataSpec(data.shape[1:], data.dtype, len(data), len(data), counts)
        gan = train_graph.build(config, spec, CHUNK, train_graph.CustomParts(**parts(name)), workers)
        inputs = gan.inputs
        with tf.Session(target, config=session_config) as session:
            session.run(gan.initialize, train_graph.feed(inputs.images, data, labels))
            session.run(gan.start_average)
            if workers:
                session.run(gan.broadcast)
            metrics = []
            for first in range(0, STEPS, CHUNK):
                order = batches.order(config, len(data), first, CHUNK, gan.spec.loss.paired)
                fed = {inputs.first_step: first, inputs.num_steps: CHUNK, inputs.order: order}
                rows, finite = session.run([gan.metrics, gan.finite], fed)
                assert finite, name
                metrics.append(rows)
            values = session.run({each.op.name: each for each in gan.state})
    return {"metrics": np.concatenate(metrics), **values}


def main(index, folder, *addresses):
    from tfgan_v1._tensorflow import tf
    from tfgan_v1.gan import data_parallel

    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=2)
    target, place = "", {}
    if addresses:
        device, keys = f"/job:worker/task:{index}", itertools.count(1)
        config.experimental.collective_group_leader = "/job:worker/replica:0/task:0"
        config.device_filters.append(device)
        config.isolate_session_state = True
        target = tf.train.Server({"worker": list(addresses)}, "worker", index, config=config).target
        place = {"device": device, "workers": lambda unit: data_parallel.Workers(len(addresses), index, keys, unit)}
    for number, name in enumerate(json.loads(os.environ["SYSTEMS"])):
        found = train(name, target, config, **place)
        np.savez(os.path.join(folder, f"{number}.{index}.npz"), **{k.replace("/", "|"): v for k, v in found.items()})
        print(name, flush=True)
    os._exit(0)  # a server of TensorFlow does not end
