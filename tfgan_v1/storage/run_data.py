"""A run's data: loaded as its configuration says, split into training and held-out images, and compared."""

import functools
from contextlib import suppress

import numpy as np

from tfgan_v1 import data
from tfgan_v1.config import Config
from tfgan_v1.config.options import flag
from tfgan_v1.data import clusters
from tfgan_v1.data.datasets import period_of
from tfgan_v1.data.labels import has_strays
from tfgan_v1.errors import UserError, warn
from tfgan_v1.storage import classes, names, run_folder

MOST_COMPARED = 512  # training and held-out images on which D is compared at a sampling step
HOLDOUT = 0x401D  # separates the choice of held-out images from all other draws with the same seed
PER_CLUSTER, MOST_CLUSTERS = 200, 300  # images of one cluster, about, and the most clusters, where it is open
PLACES = ("dataset", "labels", "data_dir", "cache_dir")  # options that say where a run's data are now


def shaping(config):
    """The data.Shaping of a configuration."""
    return data.Shaping(config.size, config.channels, config.fit, config.background)


def load(config, *, download=True):
    """The data.Dataset of a configuration. Raises UserError if there is none."""
    options = {name: getattr(config, name) for name in ("mean", "std", "seed", "strict", "cache_dir", "labels")}
    dataset = data.load(config.dataset, config.data_dir, shaping(config), download=download, **options)
    if dataset.labels is None and not config.conditional and has_strays(dataset.files):
        warn(f"{dataset.why}, so the sub-folders are no classes")
    return dataset


def from_array(config, images, labels=None):
    """The data.Dataset of an array and its labels: see data.from_array. Raises UserError if `config` names others."""
    preset = Config(model=config.model)
    named = [flag(name) for name in ("dataset", "labels") if getattr(config, name) != getattr(preset, name)]
    if named:
        raise UserError(f"images is the data, and {named[0]} names others; give one of them, and labels as an array")
    return data.from_array(images, labels, shaping(config))


def in_clusters(config, dataset, kept=True):
    """(the Config, the Dataset) with clusters of the training images as classes, and their number where it was open.

    kept: whether the run in the folders of `config` has them. Raises UserError if the images do not form so many.
    """
    check_holdout(config, dataset.name, len(dataset.images))
    rows, _ = split_indices(config, dataset.name, len(dataset.images))
    is_open, path = config.clusters == "auto", config.ckpt_folder / names.CLUSTERS
    count = min(max(len(rows) // PER_CLUSTER, 2), MOST_CLUSTERS) if is_open else int(config.clusters)
    labels = _kept_clusters(path, len(dataset.images), count) if kept else None
    if labels is None and not any(dataset.images.strides):  # blank ones, in place of those that the run would download
        labels = np.arange(len(dataset.images), dtype=np.int32) % count
    elif labels is None and count <= len(rows):
        labels = clusters.clusters_of(dataset.images, rows, count, config.seed)
    found = len(rows) if labels is None else len(np.unique(labels[rows]))
    count = found if is_open else count
    if found < max(count, 2):
        right = f"fewer, at most {found:,}, or --clusters none" if found > 1 else "--clusters none"
        what = "points" if dataset.images.ndim == 2 else "images"
        raise UserError(f"the {what} of {dataset.name} do not form {max(count, 2):,} clusters; give {right}")
    dataset = dataset._replace(labels=labels, classes=tuple(map(str, range(count))), why="")
    return config.replace(clusters=str(count)), dataset


def _kept_clusters(path, num_images, count):
    """The labels in a run's file of clusters; None if it is lost or damaged. The run has their checksum, too."""
    with suppress(Exception), open(path, "rb") as file:
        labels = np.lib.format.read_array(file, allow_pickle=False)
        right = labels.shape == (num_images,) and labels.dtype == np.int32
        return labels if right and np.array_equal(np.unique(labels), np.arange(count)) else None
    return None


def metadata(config, dataset):
    """What config.json records of the data: Dataset.facts, and the labels' checksum and classes: see classes.facts."""
    return {**dataset.facts(), **classes.facts(config, dataset)}


@functools.lru_cache(maxsize=2)
def split_indices(config, name, num_images):
    """The indices of the images to train on and of the held-out ones, int32, sorted: a function of the seed.

    All versions of one picture, as mnist_warped has them, are held out together.
    """
    versions = num_versions(name, num_images)
    pictures = num_images // versions
    drawn = np.random.default_rng([config.seed, HOLDOUT]).permutation(pictures)[: config.holdout // versions]
    held_out = np.isin(np.arange(num_images) % pictures, drawn)
    return np.flatnonzero(~held_out).astype(np.int32), np.flatnonzero(held_out).astype(np.int32)


def num_versions(name, num_images):
    """How many images of a data set show one picture: k, k + num_images / versions, and so on."""
    return num_images // period_of(name, num_images)


def check_holdout(config, name, num_images):
    """Raises UserError unless so many of the images can be held out."""
    holdout, group, versions = config.holdout, config.group, num_versions(name, num_images)
    if holdout and not group <= holdout <= num_images - group:
        leave = f"must leave at least {group} of the {num_images:,} images to train on"
        raise UserError(f"--holdout {holdout:,} {leave}, and hold out as many")
    if holdout % versions:
        raise UserError(
            f"{name} shows each picture {versions} times and holds out all of them together; --holdout must be a "
            f"multiple of {versions}, such as {holdout // versions * versions or versions}"
        )


def overfitting_sets(config, dataset):
    """The training and the held-out images on which D is compared: two pairs (images, labels or None).

    Both have the same number of images: at most MOST_COMPARED, and a multiple of Config.group.
    """
    parts = split_indices(config, dataset.name, len(dataset.images))
    count = min(*map(len, parts), MOST_COMPARED) // config.group * config.group
    random = np.random.default_rng([config.seed, HOLDOUT, 1])  # images may be sorted by their classes
    rows = [np.sort(random.permutation(part)[:count]) for part in parts]
    labels = dataset.labels if config.conditional else None
    return [(dataset.images[part], None if labels is None else labels[part]) for part in rows]


def real_sets(config, dataset):
    """A run's Datasets to train on and to compare with: published test images, else held-out images, else None."""
    options = {name: getattr(config, name) for name in ("mean", "std", "seed", "labels")}
    test = data.load_test(dataset.name, config.data_dir, shaping(config), **options)
    if not config.holdout:
        return dataset, test

    def part(rows, **name):
        labels = None if dataset.labels is None else dataset.labels[rows]
        return dataset._replace(images=dataset.images[rows], labels=labels, sha256=None, **name)

    training, held_out = split_indices(config, dataset.name, len(dataset.images))
    return part(training), test or part(held_out, name=f"{dataset.name} held out")


def check_same_data(config, metadata, saved, otherwise=""):
    """Raises UserError unless data with this metadata are the saved run's; their path may have changed.

    otherwise: more advice for the end of the sentence.
    """
    name = metadata["name"]
    rows = [(key, saved.data.get(key), metadata[key]) for key in ("name", "num_images", "image_shape", "sha256")]
    if any(before != now for _, before, now in rows[1:]):
        advice = "pass the same" if name == data.ARRAY else "name the right folder by --data-dir or --dataset"
        raise UserError(
            f"{name} does not hold the images that the run in {config.ckpt_folder} was trained on; {advice}{otherwise}",
            *run_folder.side_by_side(rows),
        )
    classes.check_same(config, metadata, saved, otherwise)


def data_of_run(config, **places):
    """The Saved of the run in the folders of `config`, its Config with the data's present places, and its Dataset.

    places: of PLACES, by name; None where it did not change. Raises UserError unless the data are the run's.
    """
    saved = run_folder.read(config)
    places = {name: value for name, value in places.items() if value is not None}
    if saved.imported and "dataset" not in places:
        raise UserError(
            f"the generator in {config.ckpt_folder} was imported; name real images like its own by --dataset"
        )
    if "images" in saved.custom and "dataset" not in places:
        raise UserError(
            f"the run in {config.ckpt_folder} was trained on an array; save it with numpy.save, and its labels, "
            "if it has any, and name these files by --dataset and --labels"
        )
    config = saved.config.replace(**places)
    dataset = load(config)
    conditioned = in_clusters(config, dataset)[1] if config.clustered else dataset
    if not saved.imported:
        check_same_data(config, metadata(config, conditioned), saved)
    return saved, config, dataset


def training_images(config, **places):
    """The images that a run was trained on, uint8 [n, h, w, c], and their names, files or "no. 7": see data_of_run."""
    _, config, dataset = data_of_run(config, **places)
    rows = split_indices(config, dataset.name, len(dataset.images))[0]
    files = [path for path, reason in dataset.files if not reason]
    names = [files[row] if files else f"no. {row}" for row in rows]
    return dataset.images[rows] if config.holdout else dataset.images, names
