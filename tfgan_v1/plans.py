"""What is about to be trained: everything that can be known, and refused, before TensorFlow is there."""

import math
from dataclasses import replace
from typing import NamedTuple

from tfgan_v1 import data, runs
from tfgan_v1.config import FASTER_WITH_XLA, Config
from tfgan_v1.errors import UserError


class Plan(NamedTuple):
    """A run that may begin."""

    config: Config  # nothing in it is left open: the data set is named, xla is on or off
    dataset: data.Dataset
    facts: dict  # dataset.facts(): name, num_images, image_shape, sha256
    resume: bool
    overwrite: bool

    @property
    def steps_per_epoch(self):
        """Steps in one pass over the images."""
        return self.facts["num_images"] // self.config.batch_size

    @property
    def total_steps(self):
        """Steps of the whole run."""
        return self.config.epochs * self.steps_per_epoch

    @property
    def chunk(self):
        """Steps in one call of the training loop: an epoch in equal parts, none above config.chunk."""
        return math.ceil(self.steps_per_epoch / math.ceil(self.steps_per_epoch / self.config.chunk))


def make_plan(config, *, resume=False, overwrite=False, download=True):
    """The Plan of a configuration. Writes nothing but a data set that it downloads.

    Raises UserError if the folders, the data or their combination do not allow the run.
    """
    saved = runs.admit(config, resume=resume, overwrite=overwrite)
    if saved:
        config = replace(config, dataset=saved.config.dataset, xla=saved.config.xla)
    dataset = data.load(config.dataset, config.data_dir, download=download)
    facts = dataset.facts()
    if saved and facts != saved.data:
        raise UserError(
            f"the images of {dataset.name} are not those that the run in {config.ckpt_folder} was begun with; "
            "name the folder of the right ones by --data-dir, or start a run of its own by --name NAME"
        )
    if config.batch_size > facts["num_images"]:
        raise UserError(
            f"--batch-size {config.batch_size:,} is more than the {facts['num_images']:,} images of {dataset.name}; "
            f"take {facts['num_images']:,} or less"
        )
    xla = config.xla if config.xla != "auto" else "on" if config.model in FASTER_WITH_XLA else "off"
    return Plan(replace(config, dataset=dataset.name, xla=xla), dataset, facts, resume, overwrite)
