"""The page of several runs side by side, and the table of their last numbers, from their samples folders."""

import json
from contextlib import suppress
from pathlib import Path
from statistics import median

from tfgan_v1 import files
from tfgan_v1.errors import UserError, note, warn
from tfgan_v1.report import page, plots, review, score_table
from tfgan_v1.storage import names, run_folder

MOST_SIDES = 8  # runs, or groups of runs with several seeds
SCORES = {"figures": {...: {"generated": (None, float), "real": (None, float)}}}  # of `evaluate`: see files.fits
MOST_TIMES = 400  # steps of a run of which the page knows the seconds, evenly spread


def load(places, samples):
    """{name: [a review.Review of each run]} for names of runs or of groups of `train --seeds`, or samples folders.

    samples: the folder in which names are. Raises UserError if a run is missing, named twice or without samples yet,
    for fewer than two runs, and for more than MOST_SIDES. A seed without samples is left out, with a warning.
    """
    if len(places) > MOST_SIDES:
        raise UserError(f"compare takes up to {MOST_SIDES} runs, not {len(places)}; leave some of them out")
    sides, seen = {}, set()
    for place in map(str, places):
        folders, runs = _folders(place, Path(samples)), []
        for folder in folders:
            if folder.resolve() in seen:
                raise UserError(f"{folder} is named twice; name each run once")
            seen.add(folder.resolve())
            try:
                if not (folder / names.SAMPLES).is_file():
                    raise UserError(f"the run in {folder} has no samples yet; wait for the first ones, or train longer")
                runs.append(review.load(folder))
            except UserError as error:
                if not folders[1:]:
                    raise
                warn(f"{error}; the other seeds are compared without it")
        name = Path(place).name if folders[1:] else folders[0].resolve().name
        sides |= {place if name in sides else name: runs} if runs else {}
    if sum(map(len, sides.values())) < 2:
        raise UserError("a comparison takes two runs or more; name another one, as `tfgan runs` lists them")
    return sides


def _folders(place, samples):
    """The samples folders that a name or a path means: of the run, or else of its seeds."""
    proofs = (names.SAMPLES, *names.SAMPLES_PROOFS)
    for folder in (Path(place), samples / place):
        of_seeds = [folder, *names.seeds_of(folder).values()]
        if runs := [each for each in of_seeds if any((each / name).is_file() for name in proofs)]:
            return runs[:1] if runs[0] == folder else runs
    raise UserError(f"there is no run {place} in {samples}; name one that `tfgan runs` lists, or a samples folder")


def write(sides, path):
    """Writes the page of `load`'s runs, in place of an earlier one. Returns the lines of the table of last numbers.

    Raises UserError if a file of another program is there.
    """
    run_folder.check_outputs([path])
    runs, numbers = [run for side in sides.values() for run in side], last_numbers(sides)
    as_json = [_as_json(run, *drawn) for run, drawn in zip(runs, _drawn(runs), strict=True)]
    shown, count = sum(len(each["points"]) for each in as_json), sum(map(_count, runs))
    other_data = len({(_data(run), run.samples[-1].shape[1:]) for run in runs}) > 1
    sizes = [[name, len(side)] for name, side in sides.items()]
    content = {"sides": sizes, "runs": as_json, "numbers": numbers, "other_data": other_data, "shown": [shown, count]}
    if other_data:
        note("the runs have different data, so their losses and scores cannot be compared directly")
    if shown < count:
        note(f"the page shows {shown:,} of {count:,} recorded steps, evenly spread, to stay small")
    files.make_folder(path.parent)
    files.write(path, files.page(page.PAGES / "compare.html", title=", ".join(sides), data=content))
    head = ("", *(f"{name}, {count} seeds" if count > 1 else name for name, count in sizes))
    return score_table.aligned([head, *((label, *map(_text, found)) for label, found in numbers)], "<" * len(head))


def _data(run):
    """The data of a run, such as "60,000 images of mnist"; "" of samples without a run."""
    return run.summary["subtitle"].partition(", ")[2].rpartition(", ")[0]


def _count(run):
    """How many steps a run's own page shows."""
    return len(run.field[0] if run.field else run.samples)


def _as_json(run, urls, field):
    """A run for the page: see page.as_run; with the steps in a unit of x, and the seconds at some steps."""
    losses = [run.tables.losses[i] for i in plots.spread(len(run.tables.losses), MOST_TIMES)]
    clock = [[0, *(row.step for row in losses)], [0, *(row.seconds for row in losses)]] if losses else None
    scale = run.summary["steps_per_epoch"] if run.summary["unit"] == "epoch" else 1
    fixed = (run.folder / (names.VIEWS if field else names.FIXED_NOISE)).is_file()
    own = {"name": run.folder.resolve().name, "data": _data(run), "scale": scale, "clock": clock, "fixed": fixed}
    return page.as_run(run.summary, urls, run.tables, field=field) | own


def _drawn(runs):
    """(data URLs, field) of each run for page.as_run, without the steps for which the page has no room."""
    shown = [plots.spread(_count(run), page.MOST_STEPS // len(runs)).tolist() for run in runs]
    expected, parts = sum(map(len, shown)), []
    for run, steps in zip(runs, shown, strict=True):
        grids, samples = page.Grids(expected, run.summary["columns"]), [] if run.field else run.samples
        urls = grids.urls([samples[i] for i in steps if samples])
        parts.append(urls or [run.field[1]["steps"][i] for i in steps])
    share = page.PAGE_BYTES / len(json.dumps(parts))
    for run, steps, of_run in zip(runs, shown, parts, strict=True):
        kept = {steps[i]: of_run[i] for i in plots.spread(len(steps), max(2, int(share * len(steps)))).tolist()}
        if run.field:
            yield [], ([run.field[0][i] for i in kept], {**run.field[1], "steps": [*kept.values()]})
        else:
            yield [kept.get(i) for i in range(len(run.samples))], None


def last_numbers(sides):
    """[label, of each side its (median, lowest, highest, of real data) or None] for each of the runs' last numbers."""
    found = [[*map(_numbers, side)] for side in sides.values()]

    def cell(side, label):
        values = [run[label][0] for run in side if label in run]
        real = next((run[label][1] for run in side if label in run), None)
        return (median(values), min(values), max(values), real) if values else None

    labels = dict.fromkeys(label for side in found for run in side for label in run)
    return [[label, [cell(side, label) for side in found]] for label in labels]


def _numbers(run):
    """The last numbers of a run by their labels, each with that of real data or None."""
    path, figures, numbers, scores = run.folder / names.SCORES, run.summary["figures"], {}, {}
    with suppress(OSError, ValueError, RecursionError):
        scores = files.read_json(path) if path.is_file() else scores
    if path.is_file() and not files.fits(scores, SCORES):
        warn(f"{path} is damaged, so its scores are left out")
        scores = {}
    for name, each in scores.get("figures", {}).items():
        numbers[f"{name} (evaluate)"] = each["generated"], each["real"]
    for row in run.tables.evaluation[-1:]:
        numbers |= {name: (value, figures[name]) for name, value in zip(figures, row[2:], strict=True)}
    steps = run.field[1]["steps"] if run.field else []
    measured = next((step["scores"] for step in reversed(steps) if step["scores"]), {})
    for name in (each for each in measured if not each.startswith("real_")):
        numbers[name] = measured[name], measured.get(f"real_{name.removeprefix('fake_')}")
    for row in run.tables.losses[-1:]:
        numbers |= {"discriminator loss": (row.d_loss, None), "generator loss": (row.g_loss, None)}
        numbers |= {"steps": (row.step, None), "seconds": (row.seconds, None)}
    return {name.replace("_", " "): found for name, found in numbers.items() if files.fits(found[0], float)}


def _text(found):
    """A number of `last_numbers`: of a run itself, of several their median, and the range in brackets."""
    middle, low, high = map(score_table.number, found[:3]) if found else ("", "", "")
    return middle if low == high else f"{middle} ({low} to {high})"
