"""The command `evaluate`: measures a run's generator, or images from anywhere, against real images.

TensorFlow is imported only once everything that can be checked without it is checked.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatch
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1 import __version__, data, files
from tfgan_v1.config import MOST_DRAWN, Config
from tfgan_v1.data import splits
from tfgan_v1.errors import UserError, brief
from tfgan_v1.evaluation import metric_table, scores
from tfgan_v1.storage import names, records, run_data

SHEET_COLUMNS, SHEET_ROWS = 12, 4  # of the sheet of samples and their nearest training images
OF_GAUSSIAN = "the samples are compared with N(0, 1); a run's own --mean and --std are used with --ckpt"


class Job(NamedTuple):
    """What is about to be measured."""

    source: dict[str, Any]  # where the images come from, for the JSON file
    dataset: data.Dataset
    test: data.Dataset | None  # new images to compare with: see run_data.real_sets
    images: np.ndarray | None = None  # uint8 [n, h, w, c] or points [n, 1]; None if a generator draws them
    digits: tuple | None = None  # of stacked_mnist: the (Dataset, test Dataset) of single digits
    metrics: tuple[str, ...] | None = None  # that were asked for
    num: int = scores.NUM
    seed: int = 0
    classifier_seed: int = 0
    cache_dir: str | None = None
    kind: str | None = None  # of the run's generators: see names.GENERATORS
    model: Any = None  # a custom models.Model
    conditional: bool = False  # whether it is known which class each image should show
    notes: tuple[str, ...] = ()  # sentences on the data


class Evaluation(NamedTuple):
    """The figures of one set of images, and what they are figures of."""

    figures: dict[str, scores.Figure]  # by name: see metric_table.METRICS
    shares: dict[str, scores.Figure]  # by class, if a classifier measured them
    by_class: dict[str, dict[str, scores.Figure]]  # class -> name -> figure, of a conditional run
    about: dict[str, Any]  # n, seed, data, classifier, source
    notes: tuple[str, ...]  # sentences on what stands in for what
    sheet: tuple | None  # of the metric `nearest`: (samples, nearest training images, the same of the nearest), uint8


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
    [n, 1], or the path of a file or folder with them. num: images to measure, 10,000 if None, or 26,000 of
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
    _check_generator(generator, samples)
    if samples is None:
        job = _of_run(Config(ckpt=ckpt, name=name), dataset, labels, data_dir, cache_dir)
    else:
        job = _of_samples(samples, dataset, labels, data_dir, cache_dir)
    if num is None:
        most = scores.NUM_STACKED if job.digits else scores.NUM
        num = most if job.images is None else min(most, len(job.images))
    given = {"metrics": metrics, "num": num, "seed": seed, "classifier_seed": classifier_seed}
    job = job._replace(**given, kind=generator, model=model)
    _check(job)
    return _run(job)


def _whole(name, value, low=0, high=2**32 - 1):
    """A whole number as an int. Raises UserError unless it is one, from `low` to `high`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(f"{name} must be a whole number, at least {low} and at most {high:,}, not {brief(value)}")
    return int(value)


def _checked_metrics(metrics):
    """The names of the metrics as a tuple, or None. Raises UserError for one that is unknown."""
    if metrics is None:
        return None
    chosen = (metrics,) if isinstance(metrics, str) else tuple(metrics) if isinstance(metrics, Iterable) else ()
    if not chosen:
        raise UserError(
            f"metrics must be names, such as ['nearest'], not {brief(metrics)}; leave it out to measure all of them"
        )
    metric_table.check_names(chosen)
    return chosen


def _check_generator(generator, samples):
    """Raises UserError unless `generator` is None, or one of a run's kinds where no samples are given."""
    if generator is None:
        return
    if not isinstance(generator, str) or generator not in names.GENERATORS:
        raise UserError(f"--generator must be one of {', '.join(names.GENERATORS)}, not {brief(generator)}")
    if samples is not None:
        raise UserError(
            "--generator chooses among the generators of a run, and --samples names images; give one of the two"
        )


def _of_run(config, dataset, labels, data_dir, cache_dir):
    """The Job of a run."""
    places = {"dataset": dataset, "labels": labels, "data_dir": data_dir, "cache_dir": cache_dir}
    saved, config, found = run_data.data_of_run(config, **places)
    dataset, test = run_data.real_sets(config, found)
    shaping = run_data.shaping(config)
    source = {"ckpt": str(config.ckpt_folder), "run_id": saved.run_id}
    digits = digits_of(found, config.data_dir, shaping)
    conditional, notes = config.conditional and (test is None or test.labels is not None), ()
    if config.conditional and not conditional:
        notes = (f"the test images of {dataset.name} have no labels, so nothing is measured class by class",)
    return Job(source, dataset, test, digits=digits, cache_dir=config.cache_dir, conditional=conditional, notes=notes)


def _of_samples(samples, dataset, labels, data_dir, cache_dir):
    """The Job of images from anywhere. A folder, which has no size of its own, takes that of the others."""
    in_folder = isinstance(samples, str | os.PathLike) and os.path.isdir(samples)
    images = None if in_folder else _read(samples)
    shape = None if in_folder else images.shape
    shaping = data.Shaping()
    if shape and len(shape) == 4 and dataset is not None and os.path.isdir(os.path.expanduser(dataset)):
        shaping = data.Shaping(shape[1:3], shape[3])
    load = {"data_dir": data_dir, "cache_dir": cache_dir}
    if dataset is None and shape and len(shape) == 2:
        raise UserError("the samples are points, so name the data that they imitate, such as --dataset gaussian")
    found = data.load(dataset, shaping=shaping, labels=labels, **load)
    of_data = data.Shaping(found.images.shape[1:3], found.images.shape[3]) if found.images.ndim == 4 else None
    if in_folder:
        images = data.load(samples, shaping=of_data or data.Shaping(), cache_dir=cache_dir).images
    scores.check_shape(images.shape, found.images.shape)
    test = data.load_test(found.name, data_dir, shaping, labels=labels)
    what = str(samples) if isinstance(samples, str | os.PathLike) else "an array"
    source = {"samples": what, "num_images": len(images), "sha256": hashlib.sha256(images.tobytes()).hexdigest()}
    digits = digits_of(found, data_dir, shaping)
    notes = (OF_GAUSSIAN,) if found.name == "gaussian" else ()
    return Job(source, found, test, images=images, digits=digits, cache_dir=cache_dir, notes=notes)


def _read(samples):
    """Images as uint8 [n, h, w, c], or points, float32 [n, 1]: an array, or a file that holds one.

    Of a pickled list, as train_samples.pkl is, the last array counts. Raises UserError for everything else.
    """
    if not isinstance(samples, str | os.PathLike):
        return data.arrays.to_images_or_points(np.asarray(samples), "samples")
    path = Path(os.path.expanduser(samples))
    if not os.path.isfile(path):
        raise UserError(f"--samples {path} is not a file or a folder of images; give one that exists")
    with open(path, "rb") as file:
        pickled = file.read(1) == b"\x80"
    if pickled:
        return data.arrays.to_images_or_points(records.load_array(path), str(path))
    return data.detect.read(path).images


def digits_of(dataset, data_dir, shaping):
    """The digits that stacked_mnist's three channels show, and their test images; None for other data or labels."""
    if dataset.name != "stacked_mnist" or dataset.classes != data.stacked.CLASSES:
        return None
    grey = shaping._replace(channels=1)
    digits = data.load(None, data_dir, grey)
    return digits, data.load_test(digits.name, data_dir, grey)


def _check(job):
    """Raises UserError if the metrics, the number of images and the data do not go together."""
    if job.images is not None and len(job.images) < job.num:
        raise UserError(f"--num {job.num:,} asks for more than the {len(job.images):,} images in --samples; give fewer")
    _choose(job)


def _choose(job):
    """The names of the metrics to measure."""
    count = scores.common_count(job.num, job.dataset, job.test)
    return metric_table.choose(job.metrics, job.dataset, count, job.conditional)[0]


def _run(job):
    """The Evaluation of a Job that is checked."""
    chosen = _choose(job)
    generator, classifier, source = None, None, job.source
    try:
        if job.images is None:
            from tfgan_v1.sampling.generator import Generator

            generator = Generator.restore(job.source["ckpt"], model=job.model, kind=job.kind)
            source = {**source, "step": generator.step, "generator": generator.kind}
        if metric_table.needs_classifier(chosen):
            where = {"seed": job.classifier_seed, "cache_dir": job.cache_dir}
            classifier = load_classifier(job.dataset, job.test, job.digits, **where)
        reference = scores.make_reference(
            job.dataset,
            job.test,
            num=job.num,
            seed=job.seed,
            names=job.metrics,
            classifier=classifier,
            conditional=job.conditional,
        )
        if generator:
            seeds = (np.arange(reference.count) + job.seed * job.num) % 2**32
            asked = job.dataset.indices(generator.seed_classes(seeds)) if job.conditional else None
            side = scores.make_side(generator(seeds), reference, asked)
        else:
            side = scores.make_side(job.images, reference)
        figures = scores.score(side, reference)
        balanced = "class_balance" in chosen and not job.digits
        shares = scores.class_shares(side, reference, job.dataset.classes) if balanced else {}
        by_class = scores.class_figures(side, reference, job.dataset.classes) if job.conditional else {}
        about = {
            "tfgan_v1": __version__,
            "source": source,
            "data": {**job.dataset.facts(), **_test_facts(job)},
            "n": reference.count,
            "n_test": len(reference.test.images),
            "seed": job.seed,
            "classifier": classifier and {**classifier.about._asdict(), "classes": list(classifier.about.classes)},
        }
        sheet = _sheet(side, reference) if "nearest" in chosen else None
        notes = (*job.notes, *reference.notes, *scores.class_notes(by_class))
        return Evaluation(figures, shares, by_class, about, notes, sheet)
    finally:
        for each in (generator, classifier):
            if each:
                each.close()


def _test_facts(job):
    """How many images there are to compare with that no training has seen: test images, or else held-out ones."""
    held_out, count = splits.is_held_out(job.dataset, job.test), len(job.test.images) if job.test else 0
    return {"num_test_images": 0 if held_out else count, "num_held_out_images": count if held_out else 0}


def load_classifier(dataset, test, digits, *, seed=0, cache_dir=None):
    """The classifier in whose features a Dataset is measured, from the cache or trained. digits: see `digits_of`."""
    from tfgan_v1.evaluation.classifier import Classifier, StackedClassifier

    classifier = Classifier.load_or_train(*(digits or (dataset, test)), seed=seed, cache_dir=cache_dir)
    return StackedClassifier(classifier) if digits else classifier


def _sheet(side, reference):
    """(samples, their nearest training images, samples nearest to a training image, those), each uint8 [n, h, w, c]."""
    nearest = side.nearest(reference.training)
    half = SHEET_COLUMNS * SHEET_ROWS // 2
    closest = np.argsort(nearest.distances, kind="stable")[:half]
    parts = []
    for rows in (np.arange(min(half, len(nearest.distances))), closest):
        parts += [side.images[rows], reference.training[nearest.indices[rows]]]
    return tuple(parts)


def check_out(out):
    """Raises UserError, or OSError, unless the JSON file and the sheet can be written. Leaves no trace.

    A run's own files are refused by their names, wherever they are, and so is everything in a folder of states.
    """
    path = Path(out)
    if path.suffix.lower() != ".json":
        raise UserError(f"--out {out} must be the name of a .json file, such as {names.SCORES}")
    own = (*names.SAMPLES_FILES, *names.CKPT_FILES)
    if any(fnmatch(path.name, each) for each in own) or names.STATE in path.absolute().parent.parts:
        raise UserError(f"--out {out} has the name of a run's own record; use another, such as {names.SCORES}")
    for each in (path, sheet_path(out)):
        if each.is_dir():
            raise UserError(f"--out {out} cannot be written, because {each} is a folder; use another name")
    nearest = next((each for each in path.absolute().parents if each.exists()), None)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from None


def sheet_path(out):
    """Where the sheet beside a JSON file is: nearest.png beside scores.json, otherwise <its name>_nearest.png."""
    path = Path(out)
    return path.with_name(names.NEAREST if path.name == names.SCORES else f"{path.stem}_{names.NEAREST}")


def save(evaluation, out):
    """Writes an Evaluation: a JSON file and the sheet beside it, if it has one. Returns the paths."""
    from tfgan_v1.report import plots

    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    by_class = {name: _numbers(figures) for name, figures in evaluation.by_class.items()}
    content = {
        **evaluation.about,
        "notes": list(evaluation.notes),
        "figures": _numbers(evaluation.figures),
        "class_shares": _numbers(evaluation.shares),
        **({"by_class": by_class} if by_class else {}),
    }
    with files.replacing(path) as partial:
        partial.write_text(files.to_json(content))
    if evaluation.sheet is None:
        return [path]
    with files.replacing(sheet_path(out)) as partial:
        partial.write_bytes(plots.figure_png(plots.nearest_sheet(*evaluation.sheet, columns=SHEET_COLUMNS)))
    return [path, sheet_path(out)]


def _numbers(figures):
    """Figures by name for JSON, which has no NaN or infinity: None in place of them."""
    finite = lambda value: value if np.isfinite(value) else None  # noqa: E731
    return {
        name: {**each._asdict(), "generated": finite(each.generated), "real": finite(each.real)}
        for name, each in figures.items()
    }
