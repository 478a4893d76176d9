"""The trained generator alone: restored from a run's checkpoint folder, it maps seeds to images."""

from pathlib import Path

import numpy as np

from tfgan_v1 import noise
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import Config
from tfgan_v1.errors import UserError
from tfgan_v1.models import MODELS, decode
from tfgan_v1.storage import checkpoints, run_folder

# Images in each call of the graph: constant, since the last digits of a matrix product may change with its shape.
BATCH = 64


class Generator:
    """A trained generator.

        with Generator.restore("checkpoints") as generator:
            images = generator(range(16))  # float32 [16, 28, 28, 1] in [0, 1]

    The image of a seed depends on nothing but the checkpoint and the seed.
    """

    def __init__(self, session, seeds, images, checkpoint, kind, image_shape):
        self._session, self._seeds, self._images = session, seeds, images
        self.step = checkpoint.step  # number of training steps
        self.kind = kind  # "latest", "average" or "best"
        self.image_shape = image_shape  # (height, width, channels), or (1,) for points

    @classmethod
    def restore(cls, folder, *, model=None, kind=None):
        """The generator of the newest checkpoint in a run's folder; needs nothing but the folder.

        model: the custom models.Model that the run was trained with, if any. kind: "latest", "average" for the average
        of the weights, "best" for the best so far of a run with `--evaluate-every`; None for the average if the run
        keeps one, otherwise the latest. Raises UserError if the folder holds no run, no intact checkpoint, or another
        model's.
        """
        folder = Path(folder)
        saved = run_folder.read(Config(ckpt=folder))
        custom = {part for part in saved.custom if part != "model"} | ({"model"} if model else set())
        run_folder.check_same_parts(saved, custom, "Generator.restore(folder, model=...)")
        config, image_shape = saved.config, tuple(saved.data["image_shape"])
        kind = kind or ("average" if config.average else "latest")
        checkpoint, model = checkpoints.newest_generator(folder, kind), model or MODELS[config.model]
        with tf.Graph().as_default() as graph:
            seeds = tf.placeholder(tf.int64, [BATCH], "seeds")

            @tf.autograph.experimental.do_not_convert
            def draw(seed):
                return noise.draw(config.noise, 0, noise.SEEDS, seed, 1, [config.noise_size])[0]

            z = tf.map_fn(draw, seeds, fn_output_signature=tf.float32)
            with tf.variable_scope("generator", use_resource=True):
                generated = model.output.activation(model.generator(z, image_shape, None))
            images = decode(model, generated)
            saver = checkpoints.make_saver(tf.global_variables("generator/"))
            session = tf.Session(graph=graph)
            try:
                checkpoints.restore(saver, session, checkpoint)
            except BaseException:
                session.close()
                raise
        return cls(session, seeds, images, checkpoint, kind, image_shape)

    def __call__(self, seeds=range(16)):
        """The images of seeds, ints in [0, 2**32): float32 [len(seeds), h, w, c] in [0, 1]; or points [n, 1]."""
        seeds = np.asarray(seeds)
        if seeds.shape == (0,):
            return np.zeros((0, *self.image_shape), np.float32)
        if seeds.ndim != 1 or seeds.dtype.kind not in "iu" or seeds.min() < 0 or seeds.max() >= 2**32:
            raise UserError("seeds must be whole numbers from 0 to 4,294,967,295, such as range(16)")
        padded = np.pad(seeds.astype(np.int64), (0, -len(seeds) % BATCH))
        batches = [self._session.run(self._images, {self._seeds: batch}) for batch in padded.reshape(-1, BATCH)]
        return np.concatenate(batches)[: len(seeds)]

    def close(self):
        """Closes the session and frees its memory."""
        self._session.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
