"""The page of several runs side by side, and the table of their last scores, from their samples folders."""

import json
import math
from html import escape
from importlib import resources
from pathlib import Path
from statistics import median
from string import Template
from typing import NamedTuple

from tfgan_v1 import files
from tfgan_v1.errors import UserError, count_of, warn
from tfgan_v1.report import page, plots, review, score_table
from tfgan_v1.storage import names, run_folder

MOST_SIDES = 8  # runs, or groups of runs with other seeds alone
MOST_VALUES = 400  # of a curve, evenly spread
PLACES = ("--name", "--ckpt", "--samples", "--cache-dir", "--data-dir")  # options that change no result
NOISE = ("--seed", "--noise", "--noise-size", "--num-samples", "--conditional", "--class-frequencies")


class Run(NamedTuple):
    """A run, as its samples folder has it."""

    name: str
    review: review.Review
    numbers: dict  # label -> (the last value, that of real data or None)

    @property
    def options(self):
        """{flag: value} of what affects the results."""
        return {flag: value for flag, value, _ in self.review.summary["configuration"] if flag not in PLACES}

    @property
    def data(self):
        """The data, such as "60,000 images of mnist"; nothing for samples without a run."""
        return self.review.summary["subtitle"].partition(", ")[2].rpartition(", ")[0]


class Side(NamedTuple):
    """What is compared: a run, or the runs of one configuration with several seeds."""

    name: str
    runs: list


def load(places, samples):
    """The Sides for names of runs, or of groups of `train --seeds`, and for samples folders.

    samples: the folder in which names are. Raises UserError if one is missing, or has no samples yet, for the same run
    twice, fewer than two runs, and more than MOST_SIDES.
    """
    if len(places) > MOST_SIDES:
        raise UserError(f"compare takes up to {MOST_SIDES} runs, not {len(places)}; leave some of them out")
    sides, seen = [], set()
    for place in places:
        folders, found = _folders(place, Path(samples)), []
        for folder in folders:
            if folder.resolve() in seen:
                raise UserError(f"{folder} is named twice; name each run once")
            seen.add(folder.resolve())
            try:
                found.append(_load(folder))
            except UserError as error:
                if len(folders) == 1:
                    raise
                warn(f"{error}; the others are compared without it")
        if found:
            sides.append(Side(found[0].name if len(folders) == 1 else Path(place).name, found))
    if sum(len(side.runs) for side in sides) < 2:
        raise UserError("a comparison takes two runs or more; name another one, as `tfgan runs` lists them")
    return sides


def _folders(place, samples):
    """The samples folders that a name or a path means."""
    there = [folder for folder in (Path(place), samples / place) if folder.is_dir() or folder.parent.is_dir()]
    for folder in there:
        if any((folder / name).is_file() for name in (names.SAMPLES, *names.SAMPLES_PROOFS)):
            return [folder]
    for folder in there:
        if groups := names.seeds_of(folder):
            return [*groups.values()]
    raise UserError(f"there is no run {place} in {samples}; name one that `tfgan runs` lists, or a samples folder")


def _load(folder):
    if not (folder / names.SAMPLES).is_file():
        raise UserError(f"the run in {folder} has no samples yet; wait for its first ones, or train longer")
    loaded = review.load(folder)
    return Run(folder.name or str(folder), loaded, _numbers(loaded))


def _numbers(loaded):
    """The last numbers of a run by their labels, each with that of real data or None."""
    tables, numbers = loaded.tables, {}
    if (loaded.folder / names.SCORES).is_file():
        try:
            for name, each in files.read_json(loaded.folder / names.SCORES)["figures"].items():
                numbers[f"{name.replace('_', ' ')} (evaluate)"] = float(each["generated"]), float(each["real"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            warn(f"{loaded.folder / names.SCORES} is left out ({type(error).__name__}: {error})")
    for row in tables.evaluation[-1:]:
        for (name, real), value in zip(loaded.summary["figures"].items(), row[2:], strict=True):
            numbers[name.replace("_", " ")] = value, real
    for row in tables.losses[-1:]:
        numbers |= {"discriminator loss": (row.d_loss, None), "generator loss": (row.g_loss, None)}
        numbers |= {"steps": (row.step, None), "seconds": (row.seconds, None)}
    return numbers


def rows(sides):
    """[label, of each side its (median, lowest, highest, of real data) or None] for each of their numbers."""
    labels = dict.fromkeys(label for side in sides for run in side.runs for label in run.numbers)
    table = []
    for label in labels:
        cells = []
        for side in sides:
            found = [run.numbers[label] for run in side.runs if label in run.numbers]
            found = [(value, real) for value, real in found if math.isfinite(value)]
            values = [value for value, _ in found]
            cells.append([median(values), min(values), max(values), found[0][1]] if found else None)
        table.append([label, cells])
    return table


def table(sides):
    """The lines of `rows`: of a run its number, of several their median, and the range in brackets."""

    def cell(found):
        middle, low, high, _ = (each if each is None else score_table.number(each) for each in found)
        return middle if low == high else f"{middle} ({low} to {high})"

    head = ("", *(f"{side.name}, {len(side.runs)} seeds" if side.runs[1:] else side.name for side in sides))
    cells = [(label, *(cell(each) if each else "" for each in found)) for label, found in rows(sides)]
    return score_table.aligned([head, *cells], "<" + "<" * len(sides))


def differences(sides):
    """[flag, of each side its value or values] for the options that differ; "" where a run has none."""
    flags = dict.fromkeys(flag for side in sides for run in side.runs for flag in run.options)
    values = {flag: [[run.options.get(flag, "") for run in side.runs] for side in sides] for flag in flags}
    return [
        [flag, [", ".join(dict.fromkeys(each)) for each in found]]
        for flag, found in values.items()
        if len({value for each in found for value in each}) > 1
    ]


def notes(sides):
    """What a reader of the comparison must know, by the words of the page: of other data, of other noise."""
    runs = [run for side in sides for run in side.runs]
    shapes = {(run.data, run.review.samples[-1].shape[1:]) for run in runs}
    noise = {tuple(run.options.get(flag) for flag in NOISE) for run in runs}
    fixed = all((run.review.folder / names.FIXED_NOISE).is_file() for run in runs)
    return {"data": len(shapes) > 1, "noise": len(noise) > 1 or not fixed, "seeds": len({each[0] for each in noise}) > 1}


def write(sides, path):
    """Writes the page to a file, in place of an earlier one. Raises UserError if another program's file is there."""
    run_folder.check_outputs([path])
    files.make_folder(path.parent)
    files.write(path, '<meta name="generator" content="tfgan_v1">')
    return path
