"""What suits pictures of the user's own, where nobody has chosen it: preset, size, augmentation, length.

The other presets, and the published data sets, keep their published numbers.
"""

import os
from pathlib import Path

from tfgan_v1.config import Config
from tfgan_v1.config.options import as_flags
from tfgan_v1.data import DATASETS, datasets, folders, reshaped
from tfgan_v1.errors import note
from tfgan_v1.storage import importing, run_data, run_folder

OWN_MODEL, POINTS_MODEL = "tuned", "points"
NAMES = ("model", "image_size", "augment", "conditional", "clusters", "steps", "epochs", "sample_every")  # of choices
OF_WEIGHTS = ("model", "layers", "noise", "noise_size")  # of choices, where --weights was imported
SIDE, LEAST = 64, 8  # pixels of the longer side of larger pictures, for minutes of training; of the smallest
SQUARE = 4 / 3  # proportions up to which pictures become square
MULTIPLE = 4  # of a chosen size
FEW, AUGMENT = 5000, "translate,cutout,colour"  # below so many, D learns the pictures by heart (arXiv:2006.10738)
MOST_LABELS, OF_EACH = 1000, 20  # labels that are classes of images, and the images of each, on average
CLUSTERED = 2000  # images from which on clusters are their classes
STEPS, STEPS_PER_IMAGE = (5000, 20_000), 10  # fewest and most steps
SAMPLED = 20  # times that a run of a chosen length draws samples, at least


def are_open(config, custom):
    """Whether options may be chosen: for our networks, on data without a published preset. custom: a plan.Custom."""
    return custom.parts.model is None and (custom.images is not None or config.lacks_preset)


def of_run(config):
    """The Config with what was chosen when its run began."""
    saved = run_folder.read(config).config
    open_now = {*NAMES, *(OF_WEIGHTS if saved.weights else ())} - config.given
    if config.clusters == "auto":
        open_now |= {"clusters"}
    if config.given & {"steps", "epochs"}:
        open_now -= {"steps", "epochs"} | ({"sample_every"} if saved.unit != config.unit else set())
    config = config.replace(**{name: getattr(saved, name) for name in open_now})
    begun = {name: text for name, text in saved.schedules.items() if text.startswith(f"{getattr(config, name)}:")}
    return config.replace(**begun)


def of_weights(config):
    """The Config with the generator of --weights, where that was imported. Raises UserError if there are no weights."""
    if importing.is_old(Path(config.weights)):
        return config
    saved = run_folder.read(Config(ckpt=config.weights), by="--weights")
    open_now = {*OF_WEIGHTS} - config.given
    return config.replace(**{name: getattr(saved.config, name) for name in open_now}) if saved.imported else config


def before_loading(config):
    """The Config with what is known before the data are loaded: the preset, and a size for a folder's pictures."""
    row = DATASETS.get(config.dataset)
    if "model" not in config.given and (row or os.path.isdir(config.dataset or "")):
        config = config.replace(model=POINTS_MODEL if row and row.of_points else OWN_MODEL)
    if config.model != OWN_MODEL or config.image_size or not os.path.isdir(config.dataset or ""):
        return config
    height, width = folders.measure(config.dataset)
    return config.replace(image_size=size_of(height, width)) if height else config


def after_loading(config, dataset):
    """(the Config with all choices, the Dataset in the chosen size)."""
    if dataset.images.ndim == 2:
        return config if "model" in config.given else config.replace(model=POINTS_MODEL), dataset
    if "model" not in config.given and is_published(dataset):
        return config, dataset
    config = config if "model" in config.given else config.replace(model=OWN_MODEL)
    if config.model != OWN_MODEL:
        return config, dataset
    height, width = dataset.images.shape[1:3]
    if not config.image_size and (max(height, width) > SIDE or min(height, width) < LEAST):
        config = config.replace(image_size=size_of(height, width))
        dataset = reshaped(dataset, run_data.shaping(config))
    count, chosen = len(dataset.images) - config.holdout, {}
    if config.augment is None and count < FEW:
        chosen["augment"] = AUGMENT
    if not config.given & {"steps", "epochs", "minutes"}:
        chosen["steps"] = min(max(STEPS_PER_IMAGE * count, STEPS[0]), STEPS[1]) // 1000 * 1000
        if "sample_every" not in config.given:
            chosen["sample_every"] = min(config.sample_every, chosen["steps"] // SAMPLED)
    return config.replace(**chosen), dataset


def classes_of(config, dataset):
    """The Config of a run of OWN_MODEL with the labels of a Dataset as classes, or without them its clusters."""
    count, labels = len(dataset.images) - config.holdout, len(dataset.classes)
    if config.given & {"conditional", "clusters", "weights"} or config.model != OWN_MODEL:  # weights have their classes
        return config
    if 2 <= labels <= min(MOST_LABELS, count // OF_EACH):
        return config.replace(conditional=True)
    first = dataset.images[:CLUSTERED]  # blank ones, which a run would download, have no strides
    alike = any(first.strides) and (first == first[:1]).all()  # and form no clusters
    return config.replace(clusters="auto") if count >= CLUSTERED and not (config.labels or alike) else config


def size_of(height, width):
    """The size for pictures of these sides: square, or in their proportions where these are far from it."""
    longer = max(height, width)
    sides = [side if longer > SQUARE * side else longer for side in (height, width)]
    pixels = (round(side / longer * min(longer, SIDE) / MULTIPLE) * MULTIPLE for side in sides)
    return "x".join(str(max(LEAST, each)) for each in pixels)


def is_published(dataset):
    """Whether a file has the images of a published data set, such as MNIST's own files."""
    digits = dataset.images.shape[1:] == (28, 28, 1) and len(dataset.images) in (10_000, 60_000)
    return digits and dataset.facts()["sha256"] in datasets.published_titles()


def say(config, asked, what):
    """Says what was chosen for the user. asked: the Config as the user gave it. what: images or points."""
    names = [name for name in NAMES if name in config.given - asked.given]
    if names:
        chosen = as_flags({name: getattr(config, name) for name in names})
        without = " (--clusters none: no classes)" if {"conditional", "clusters"} & {*names} else ""
        note(f"Chosen for these {what}:{chosen}. Give any of these to choose otherwise{without}.")
