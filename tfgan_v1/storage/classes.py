"""The classes of a conditional run: their record in config.json, and whether they fit."""

import hashlib
from collections import Counter

import numpy as np

from tfgan_v1.config import COMMON
from tfgan_v1.config.options import flag
from tfgan_v1.data import ARRAY
from tfgan_v1.data.labels import plain_name
from tfgan_v1.errors import UserError, warn
from tfgan_v1.gan.conditioning import G_ARGUMENTS, takes
from tfgan_v1.storage import run_folder
from tfgan_v1.storage.names import CLUSTERS

MOST_SHOWN = 20  # classes in a line or a table


def facts(config, dataset):
    """A dict for config.json: the labels' checksum, and a conditional run's classes with their numbers of images.

    Raises UserError if a conditional run has no labels.
    """
    if not (config.labels or config.conditional):
        return {}
    if dataset.labels is None:
        advice = "name a file of them by --labels, call a table's column label, or put images into class folders"
        if dataset.name == ARRAY:
            advice = "pass them: train(config, images=..., labels=...)"
        why = dataset.why or f"{dataset.name} has no labels"
        raise UserError(f"--conditional needs the class of each image, and {why}; {advice}")
    names = "\0".join(dataset.classes).encode("utf-8", "surrogateescape")  # of folders, in any encoding
    checksum = {"labels_sha256": hashlib.sha256(dataset.labels.tobytes() + names).hexdigest()}
    if not config.conditional:
        return checksum
    return {**checksum, "classes": list(dataset.classes), "class_counts": _counts(dataset)}


def _counts(dataset):
    return np.bincount(dataset.labels, minlength=len(dataset.classes)).tolist()


def summary(dataset, clustered=False):
    """The classes of a Dataset and their numbers of images, in a line; of clusters, the fewest and the most."""
    counts = _counts(dataset)
    if clustered:
        return f"{len(counts):,} clusters of {min(counts):,} to {max(counts):,}"
    pairs = list(zip(dataset.classes, counts, strict=True))
    shown = ", ".join(f"{name} ({count:,})" for name, count in pairs[:MOST_SHOWN])
    return f"{len(pairs):,} class{'es' * (len(pairs) != 1)}: {shown}{', ...' if len(pairs) > MOST_SHOWN else ''}"


def check(config, dataset, used, custom_model):
    """Raises UserError if the classes do not fit the model or the images; warns about likely mistakes.

    used: the indices of the images to train on. custom_model: the custom models.Model, or None.
    """
    changed = [name for name in ("g_condition", "d_condition") if getattr(config, name) != COMMON[name]]
    if custom_model and changed:
        why = "applies to built-in networks only; a custom model receives the labels as an argument"
        raise UserError(f"{flag(changed[0])} {why}; leave it out")
    if config.g_condition == "batch_norm" and not takes(config.network.generator, f"{G_ARGUMENTS}, labels"):
        why = f"needs batch normalization, and the generator of --model {config.model} has none"
        raise UserError(f"--g-condition batch_norm {why}; use embedding")
    if len(dataset.classes) > len(used):
        raise UserError(
            f"{dataset.name} has {len(dataset.classes):,} classes and {len(used):,} images to train on; give each "
            "class several images, or leave out --conditional"
        )
    missing = np.setdiff1d(np.arange(len(dataset.classes)), dataset.labels[used])
    if missing.size:
        why = f"--holdout {config.holdout:,} leaves" if config.holdout else f"{dataset.name} has"
        advice = "hold out fewer, or use another --seed" if config.holdout else "name labels of all classes by --labels"
        raise UserError(f"{why} no image of the class {dataset.classes[missing[0]]} to train on; {advice}")
    _warn_of_mistakes(dataset)


def _warn_of_mistakes(dataset):
    alike = [name for name, count in Counter(map(plain_name, dataset.classes)).items() if count > 1 and name]
    single = sum(count == 1 for count in _counts(dataset))
    if len(dataset.classes) == 1:
        warn(f"{dataset.name} has one class, {dataset.classes[0]}, so --conditional changes nothing")
    elif single > len(dataset.classes) / 2:
        warn(f"{single:,} of {len(dataset.classes):,} classes have one image only; are the labels names or numbers?")
    elif alike:
        names = [name for name in dataset.classes if plain_name(name) == alike[0]]
        warn(f"{' and '.join(names)} are different classes; write them alike if they are one")


def check_same(config, facts, saved, otherwise):
    """Raises UserError unless the labels are the saved run's. otherwise: more advice for the end of the sentence."""
    sums = [each.get("labels_sha256") for each in (saved.data, facts)]
    if sums[0] == sums[1] and saved.data.get("classes") == facts.get("classes"):
        return
    pairs = [zip(each.get("classes", ()), each.get("class_counts", ()), strict=True) for each in (saved.data, facts)]
    then, now = map(dict, pairs)
    rows = [(name, then.get(name, 0), now.get(name, 0)) for name in {**then, **now}]
    changed = [row for row in rows if row[1] != row[2]][:MOST_SHOWN]
    files = [("--labels", saved.config.labels, config.labels)] * (saved.config.labels != config.labels)
    advice = "name the right file by --labels" if files or config.labels else "give its sub-folders the old names"
    advice = "pass the same" if facts["name"] == ARRAY else advice
    advice = f"remove {CLUSTERS} there, so that it is made again" if config.clustered else advice
    raise UserError(
        f"{facts['name']} has other labels than the run in {config.ckpt_folder} was trained with; {advice}{otherwise}",
        *run_folder.side_by_side([*files, *changed] or [("labels_sha256", *sums)]),
    )
