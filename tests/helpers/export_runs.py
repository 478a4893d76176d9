"""Checkpoint folders of every kind of generator, with random weights, since exports do not need good pictures."""

from typing import NamedTuple

import numpy as np

from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan.conditioning import make_condition
from tfgan_v1.sampling.generator import images_of
from tfgan_v1.storage import checkpoints, run_folder


class Run(NamedTuple):
    """What a run is, as far as its generator shows it."""

    model: str
    shape: tuple = (8, 12, 1)
    classes: tuple = ()
    options: dict = {}  # noqa: RUF012, a constant
    data: str = "digits"


SEEDS = range(5, 75)  # that the tests compare: more than a block of the SavedModel
ABC = ("a", "b", "c")
BY_NORM = {"g_condition": "batch_norm"}
RUNS = {
    **{f"{model} color": Run(model, (8, 12, 3)) for model in ("mlp", "conv", "dcgan", "dcgan_upsample")},
    "tuned odd": Run("tuned", (19, 13, 3)),
    "gaussian": Run("gaussian", (1,), data="gaussian"),
    "points": Run("points", (2,), data="ring"),
    "points classes": Run("points", (5,), ABC, data="mine.csv"),
    "gaussian images": Run("gaussian"),
    "mlp classes": Run("mlp", classes=ABC),
    **{f"{model} norm classes": Run(model, classes=ABC, options=BY_NORM) for model in ("conv", "dcgan", "tuned")},
}


def make(folder, run, model=None):
    """Writes the folder. model: a custom models.Model. Returns the Config."""
    config = Config(model=run.model, ckpt=folder, conditional=bool(run.classes), average=0, **run.options)
    config.ckpt_folder.mkdir(parents=True)
    data = {"name": run.data, "num_images": 30, "image_shape": list(run.shape), "sha256": ""}
    if run.classes:
        data |= {"classes": list(run.classes), "class_counts": [10] * len(run.classes)}
    run_folder.write(run_folder.Saved(config, data, run_folder.made_by(), "id", ["model"] if model else []))
    network = model or config.network
    condition = make_condition(config, data.get("class_counts"), network, custom=bool(model))
    with tf.Graph().as_default(), tf.Session() as session:
        labels = condition and tf.zeros([2, len(run.classes)])
        images_of(network, condition, tf.zeros([2, config.noise_size]), run.shape, labels)
        variables = tf.global_variables("generator/")
        session.run(tf.global_variables_initializer())
        session.run([each.assign(_values(each)) for each in variables if "kernel" not in each.name])
        checkpoints.save_generator(checkpoints.make_saver(variables, "id"), session, config.ckpt_folder, 7)
    return config


def _values(variable):
    """Other values than the initial ones, which hide what is left out: means of 0, and variances and scales of 1."""
    spread = np.random.default_rng(len(variable.name)).uniform(0.5, 1.5, variable.shape).astype(np.float32)
    return spread if "scale" in variable.name or "variance" in variable.name else spread - 1
