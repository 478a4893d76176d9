"""Measures a run's generator, or images from anywhere, against real images."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import closing, nullcontext
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import __version__, data
from tfgan_v1.config import MOST_DRAWN, Config
from tfgan_v1.data import arrays, detect, folders, splits
from tfgan_v1.errors import UserError, brief, did_you_mean, warn
from tfgan_v1.evaluation import metric_table, scores
from tfgan_v1.evaluation.classifier import Classifier, StackedClassifier
from tfgan_v1.evaluation.metric_table import METRICS, is_stacked
from tfgan_v1.sampling.drawing import BLOCK
from tfgan_v1.sampling.generator import Generator
from tfgan_v1.storage import names, records, run_data
from tfgan_v1.streams import watched

SHOWN = 24  # first samples, and as many that are most like a training image, that are shown with the nearest of these
OF_GAUSSIAN = "the samples are compared with N(0, 1); a run's own --mean and --std are used with --ckpt"


class Job(NamedTuple):
    """The images to measure and the real images to compare with."""

    source: dict[str, Any]  # where the images come from, for the JSON file
    dataset: data.Dataset
    test: data.Dataset | None  # new images to compare with: see run_data.real_sets
    places: tuple  # (data_dir, shaping, cache_dir): where to look for the digits of stacked_mnist and a classifier
    images: np.ndarray | None = None  # uint8 [n, h, w, c] or points [n, d]; None if a generator draws them
    conditional: bool = False  # whether the class that each image should show is known
    notes: tuple[str, ...] = ()  # sentences on the data


class Nearest(NamedTuple):
    """Samples and their nearest training images: the first samples, then as many that are nearest to one."""

    samples: np.ndarray  # uint8 [2 * n, h, w, c]
    training: np.ndarray  # the same
    numbers: np.ndarray  # of the samples, int [2 * n]
    distances: np.ndarray  # float64 [2 * n], of pixels in [0, 1]


class Evaluation(NamedTuple):
    """The scores of one set of images, and where they come from."""

    scores: dict[str, scores.Score]  # by name: see metric_table.METRICS
    shares: dict[str, scores.Score]  # by class, if a classifier measured them
    by_class: dict[str, dict[str, scores.Score]]  # class -> name -> score, of a conditional run
    about: dict[str, Any]  # n, seed, data, classifier, source
    notes: tuple[str, ...]  # sentences on what stands in for what
    nearest: Nearest | None  # of the metric `nearest`


def evaluate(
    ckpt=Config.ckpt,
    name=None,
    *,
    samples=None,
    num=None,
    seed=0,
    dataset=None,
    labels=None,
    data_dir=None,
    cache_dir=None,
    metrics=None,
    classifier_seed=0,
    generator=None,
    model=None,
):
    """Measures the newest generator of a run, or other images, against real images. Returns an Evaluation.

    ckpt, name: of the run, as in Config. samples: in place of a run, uint8 or float [0, 1] images [n, h, w, c], points
    [n, d], or the path of a file or folder with them. num: images to measure, 10,000 if None, or 26,000 of
    stacked_mnist. seed: of the noise and of the choice among the real images. dataset: the data that `samples` imitate,
    or where the run's data are now. labels, data_dir, cache_dir: as in Config. metrics: one name or several in
    metric_table.METRICS; None for all that the data allow. classifier_seed: another one gives an independent
    classifier. generator: "latest", "average" or "best" of a run, as in Generator.restore. model: the run's custom
    models.Model, if any.
    Raises UserError for every mistake, before anything expensive.
    """
    metrics = _checked_metrics(metrics)
    num = None if num is None else _whole("num", num, 1, MOST_DRAWN)
    seed, classifier_seed = _whole("seed", seed), _whole("classifier_seed", classifier_seed)
    if generator is not None and samples is not None:
        raise UserError("--generator chooses a run's generator, and --samples names images; give one of the two")
    if generator is not None:
        names.check_kind(generator)
    places = {"labels": labels, "data_dir": data_dir, "cache_dir": cache_dir}
    if samples is None:
        job = _of_run(Config(ckpt=ckpt, name=name), dataset, places)
    else:
        job = _of_samples(samples, dataset, **places)
    num = _number(num, job)
    count = scores.common_count(num, job.dataset, job.test)
    metrics, left_out = metric_table.choose(metrics, job.dataset, count, job.conditional)
    restored = Generator.restore(job.source["ckpt"], model=model, kind=generator) if job.images is None else None
    with restored or nullcontext() as drawn_by, _classifier(job, metrics, classifier_seed) as classifier:
        options = {"num": num, "seed": seed, "classifier": classifier}
        reference = scores.make_reference(job.dataset, job.test, metrics, **options)
        reference = reference._replace(notes=(*job.notes, *reference.notes, *left_out))
        return _measure(job, _image_set(job, drawn_by, reference, num), reference, drawn_by)


def _whole(name, value, low=0, high=2**32 - 1):
    """A whole number as an int. Raises UserError unless it is one, from `low` to `high`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(f"{name} must be a whole number, at least {low} and at most {high:,}, not {brief(value)}")
    return int(value)


def _checked_metrics(metrics):
    """The names of the metrics as a tuple, or None. Raises UserError for one that is unknown."""
    if metrics is None:
        return None
    asked = (metrics,) if isinstance(metrics, str) else tuple(metrics) if isinstance(metrics, Iterable) else ()
    if not asked:
        raise UserError(
            f"metrics must be names, such as ['nearest'], not {brief(metrics)}; leave it out to measure all of them"
        )
    for name in asked:
        if not isinstance(name, str) or name not in METRICS:
            hint = did_you_mean(str(name), METRICS)
            raise UserError(f"there is no metric {brief(name)}; {hint}the metrics are {', '.join(METRICS)}")
    return asked


def _of_run(config, dataset, places):
    """The Job of a run."""
    saved, config, dataset = run_data.data_of_run(config, dataset=dataset, **places)
    dataset, test = run_data.real_sets(config, dataset)
    source = {"ckpt": str(config.ckpt_folder), "run_id": saved.run_id}
    labeled = config.conditional and not config.clustered
    conditional, notes = labeled and (test is None or test.labels is not None), ()
    if labeled and not conditional:
        notes = (f"the test images of {dataset.name} have no labels, so nothing is measured class by class",)
    places = config.data_dir, run_data.shaping(config), config.cache_dir
    return Job(source, dataset, test, places, conditional=conditional, notes=notes)


def _of_samples(samples, dataset, labels, data_dir, cache_dir):
    """The Job of images from anywhere. A folder, which has no size of its own, takes that of the others."""
    in_folder = isinstance(samples, str | os.PathLike) and os.path.isdir(samples)
    images = None if in_folder else _read(samples)
    shaping = data.Shaping()
    if dataset and os.path.isdir(os.path.expanduser(dataset)) and (in_folder or images.ndim == 4):
        size, channels = (folders.measure(samples), None) if in_folder else (images.shape[1:3], images.shape[3])
        shaping = data.Shaping(tuple(size), channels)
    if dataset is None and images is not None and images.ndim == 2:
        raise UserError("the samples are points, so name the data that they imitate, such as --dataset gaussian")
    real = data.load(dataset, data_dir, shaping, labels=labels, cache_dir=cache_dir)
    if in_folder:
        images = _in_folder(samples, real, cache_dir)
    elif images.ndim > real.images.ndim:  # rows of numbers that could be images
        images = _read(samples, data.POINTS)
    scores.check_shape(images.shape, real.images.shape)
    test = data.load_test(real.name, data_dir, shaping, labels=labels)
    name = str(samples) if isinstance(samples, str | os.PathLike) else "an array"
    source = {"samples": name, "num_images": len(images), "sha256": hashlib.sha256(images.tobytes()).hexdigest()}
    notes = (OF_GAUSSIAN,) if real.name == "gaussian" else ()
    return Job(source, real, test, (data_dir, shaping, cache_dir), images, notes=notes)


def _in_folder(samples, real, cache_dir):
    """The images of a folder in the shape of a Dataset's; warns if they have another size, or other colors."""
    shaping = data.Shaping(*((real.images.shape[1:3], real.images.shape[3]) if real.images.ndim == 4 else ()))
    found = data.load(samples, shaping=shaping._replace(channels=None), cache_dir=cache_dir)
    theirs = *folders.measure(os.path.expanduser(samples)), found.images.shape[3]
    if shaping.size and theirs != (ours := (*shaping.size, shaping.channels)):
        theirs, ours = ("x".join(map(str, each)) for each in (theirs, ours))
        warn(f"{samples} has {theirs} images, made {ours} as {real.name} is; --dataset names what they imitate")
        found = data.load(samples, shaping=shaping, cache_dir=cache_dir)
    return found.images


def _read(samples, size=None):
    """Images as uint8 [n, h, w, c], or points, float32 [n, d]: an array, or a file that holds one. size: or POINTS.

    Of a pickled list, as train_samples.pkl is, the last array counts. Raises UserError for everything else.
    """
    if not isinstance(samples, str | os.PathLike):
        return arrays.to_images_or_points(np.asarray(samples), "samples", size)
    path = Path(os.path.expanduser(samples))
    if not os.path.isfile(path):
        raise UserError(f"--samples {path} is not a file or a folder of images; give one that exists")
    with open(path, "rb") as file:
        pickled = file.read(1) == b"\x80"
    if pickled:
        return arrays.to_images_or_points(records.load_array(path), str(path), size)
    return detect.read(path, size).images


def _number(num, job):
    """How many images to measure. Raises UserError if there are fewer samples."""
    if num is None:
        most = scores.NUM_STACKED if is_stacked(job.dataset) else scores.NUM
        return most if job.images is None else min(most, len(job.images))
    if job.images is not None and len(job.images) < num:
        raise UserError(f"--num {num:,} asks for more than the {len(job.images):,} images in --samples; give fewer")
    return num


def _classifier(job, metrics, seed):
    """The classifier that measures a Job's images, for a with block; None if no metric needs one."""
    if not metric_table.needs_classifier(metrics):
        return nullcontext()
    return closing(load_classifier(job.dataset, job.test, *job.places, seed=seed))


def load_classifier(dataset, test, data_dir, shaping, cache_dir, seed=0):
    """The classifier in whose features a Dataset is measured, from the cache or trained.

    data_dir, shaping: with which the digits of stacked_mnist's channels are loaded.
    """
    stacked = is_stacked(dataset)
    if stacked:
        gray = shaping._replace(channels=1)
        dataset = data.load(None, data_dir, gray)
        test = data.load_test(dataset.name, data_dir, gray)
    classifier = Classifier.load_or_train(dataset, test, seed=seed, cache_dir=cache_dir)
    return StackedClassifier(classifier) if stacked else classifier


def _image_set(job, generator, reference, num):
    """The ImageSet of a Job's images, which a generator draws from other seeds for each seed of the reference."""
    if generator is None:
        return scores.make_image_set(job.images, reference)
    seeds = (np.arange(reference.count) + reference.seed * num) % 2**32
    labels = job.dataset.indices(generator.seed_classes(seeds)) if job.conditional else None
    blocks = np.split(seeds, range(BLOCK, len(seeds), BLOCK))
    images = np.concatenate([generator(block) for block in watched(blocks, len(seeds), "images")])
    return scores.make_image_set(images, reference, labels)


def _measure(job, images, reference, generator):
    """The Evaluation of an ImageSet."""
    metrics, classes = reference.metrics, job.dataset.classes
    shares = "class_balance" in metrics and not is_stacked(job.dataset)  # which has 1,000 classes
    by_class = scores.class_scores(images, reference, classes) if job.conditional else {}
    shifted = scores.label_notes(images, reference, classes) if "recognized" in metrics else []
    return Evaluation(
        scores.score(images, reference),
        scores.class_shares(images, reference, classes) if shares else {},
        by_class,
        _about(job, reference, generator),
        (*reference.notes, *scores.class_notes(by_class), *shifted),
        _nearest(images, reference) if "nearest" in metrics else None,
    )


def _about(job, reference, generator):
    """What was measured, for the JSON file."""
    held_out, num_test = splits.is_held_out(job.dataset, job.test), len(job.test.images) if job.test else 0
    tests = {"num_test_images": 0 if held_out else num_test, "num_held_out_images": num_test if held_out else 0}
    classifier = reference.classifier and reference.classifier.about._asdict()
    return {
        "tfgan_v1": __version__,
        "source": {**job.source, **({"step": generator.step, "generator": generator.kind} if generator else {})},
        "data": {**job.dataset.facts(), **tests},
        "n": reference.count,
        "n_test": len(reference.test.images),
        "seed": reference.seed,
        "classifier": classifier and {**classifier, "classes": list(reference.classifier.about.classes)},
    }


def _nearest(images, reference):
    """The Nearest of the first samples and of those that are nearest to a training image."""
    indices, distances = images.nearest(reference.training)
    numbers = np.concatenate([np.arange(len(distances))[:SHOWN], np.argsort(distances, kind="stable")[:SHOWN]])
    return Nearest(images.images[numbers], reference.training[indices[numbers]], numbers, distances[numbers])
