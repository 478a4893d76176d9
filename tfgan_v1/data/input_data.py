"""`input_data.read_data_sets` of TensorFlow 1's tutorials: MNIST as the old notebooks read it."""

import os
from types import SimpleNamespace

import numpy as np

from tfgan_v1 import data


class Batches:
    """num_examples images with their labels, in batches of a new random order each epoch."""

    def __init__(self, images, labels, seed=None):
        self.images, self.labels, self.num_examples = images, labels, len(images)
        self._random, self._order = np.random.default_rng(seed), np.arange(0)

    def next_batch(self, batch_size):
        """The next images and labels, [batch_size, ...]; an epoch's last batch is filled up from the next epoch."""
        while len(self._order) < batch_size:
            self._order = np.append(self._order, self._random.permutation(self.num_examples))
        now, self._order = np.split(self._order, [batch_size])
        return self.images[now], None if self.labels is None else self.labels[now]


def read_data_sets(train_dir=None, *, one_hot=False, reshape=True, validation_size=5000, seed=None, dataset=None):
    """MNIST's Batches `train` of 55,000, `validation` of 5,000 and `test` of 10,000 images, or `validation` as `test`.

    train_dir: a folder to search first, if it exists. images: float32 [n, 784] in [0, 1]; [n, 28, 28, 1] with
    reshape=False. labels: uint8 [n]; float64 [n, 10] with one_hot=True. dataset, and the UserError: see `data.load`.
    """
    folder = train_dir if train_dir is not None and os.path.isdir(train_dir) else None
    everything = data.load(dataset, folder)
    test = data.load_test(everything.name, folder)

    def part(source, rows=slice(None)):
        images = source.images[rows].astype(np.float32) / 255
        labels = None if source.labels is None else source.labels[rows].astype(np.uint8)
        labels = np.eye(len(source.classes))[labels] if one_hot and source.classes else labels
        return Batches(images.reshape(len(images), -1) if reshape else images, labels, seed)

    validation, train = part(everything, slice(validation_size)), part(everything, slice(validation_size, None))
    return SimpleNamespace(train=train, validation=validation, test=part(test) if test else validation)
