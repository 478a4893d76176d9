"""Why a run fails, read from what it records: mode collapse, a D that has won, oscillation, bridges, memorization."""

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

import numpy as np

from tfgan_v1.evaluation import metrics
from tfgan_v1.gan import views
from tfgan_v1.report import curves

MOST_COMPARED = 200  # images of which all distances are computed


class Recorded(NamedTuple):
    """What a run has recorded. Anything may be empty."""

    losses: list = ()  # records.Losses
    held_out: list = ()  # records.HeldOut
    statistics: list = ()  # of points of known modes, dicts: rows of statistics.csv
    evaluation: list = ()  # dicts: rows of evaluation.csv
    steps: list = ()  # of `samples`
    samples: list = ()  # of the same noise: images [n, h, w, c] in [0, 1] or points [n, d]
    real: np.ndarray | None = None  # real images or points on the same scale
    modes: int = 0  # how many the data have, if they are known
    critic: bool = False  # whether D's outputs are scores
    total: int = 0  # steps of the whole run
    classes: int = 1  # of a conditional run, whose k-th sample has class k % classes; otherwise 1


def of_run(plan, progress):
    """What a run of a Plan has recorded."""
    real, samples = plan.dataset.images[plan.split[0][:MOST_COMPARED]], progress.fixed
    classes = len(plan.metadata.get("classes", ()))
    if plan.is_points:
        shapes = views.layout(plan.config, real.shape[1], classes)
        samples = [views.split(row, shapes).fake for row in progress.views]
    classes = 1 if plan.config.clustered else classes  # which are drawn as often as they are in the data
    modes, statistics = (len(plan.modes.centers), progress.dicts("statistics")) if plan.modes else (0, [])
    return Recorded(
        **{"losses": progress.losses, "held_out": progress.held_out, "statistics": statistics},
        **{"evaluation": progress.dicts("evaluation"), "steps": progress.fixed_steps, "samples": samples},
        **{"modes": modes, "critic": plan.critic, "total": plan.total_steps, "classes": max(classes, 1)},
        real=real if plan.is_points else real / np.float32(255),
    )


def as_json(recorded, summary):
    """The diagnosis of a Recorded run for a page and review.json, in the run's unit."""
    found = []
    for first, last, kind, numbers in diagnose(recorded):
        short = {name: float(f"{value:.4g}") for name, value in numbers.items()}
        x, end = (curves.place_of(summary, step) for step in (first, last))
        found.append({"x": x, "end": end, "kind": kind, "numbers": short})
    return found


class Kind(NamedTuple):
    """A way to fail, and how long it must show: many runs begin like this, and recover."""

    says: str  # what it is, and what to try
    find: Callable  # (Recorded, limits) -> rows (step, whether it shows, numbers)
    limits: dict  # thresholds by name
    rows: int  # consecutive rows that show it
    steps: int  # from the first to the last of them, unless it shows at the end of the run


def diagnose(recorded):
    """What went wrong in a Recorded run: a list of (first step, last step, kind, numbers at the last), in order."""
    found = []
    for name, kind in KINDS.items():
        for shows, group in groupby(kind.find(recorded, kind.limits), key=lambda row: row[1]):
            rows = list(group)
            first, (last, _, numbers) = rows[0][0], rows[-1]
            if shows and len(rows) >= kind.rows and (last - first >= kind.steps or last == recorded.total):
                found.append((first, last, name, numbers))
    return sorted(found, key=lambda row: row[:2])


def spread(samples, real):
    """How different images are: their median distance to the nearest other, or points' deviation, by that of real."""
    if samples.ndim == 2:
        return metrics.diversity(samples) / (metrics.diversity(real) or 1.0)
    from scipy.spatial import distance

    count = min(len(samples), len(real), MOST_COMPARED)
    if count < 2:
        return 1.0
    rows = [np.nan_to_num(images[:count].reshape(count, -1)) for images in (samples, real)]
    generated, others = (np.median(np.sort(distance.cdist(each, each), 1)[:, 1]) for each in rows)
    return float(generated / (others or 1.0))


def _collapse(recorded, limits):
    """Samples are alike: after they were not, or beyond the first half of the run, as many runs begin so and learn."""
    won = {step for step, shows, _ in _d_won(recorded, KINDS["d_won"].limits) if shows}  # then G has learned nothing
    few = limits["modes"] * recorded.modes
    counts = [(row["step"], row["modes"]) for row in recorded.statistics]
    rows = [(step, modes < few, {"modes": modes, "of": recorded.modes}) for step, modes in counts]
    if not recorded.modes and recorded.real is not None:
        for step, samples in zip(recorded.steps, recorded.samples, strict=True):
            share = max(spread(samples[k :: recorded.classes], recorded.real) for k in range(recorded.classes))
            rows.append((step, share < limits["spread"], {"spread": share}))
    since = recorded.total / 2
    for step, alike, numbers in rows:
        since = since if alike or step < limits["after"] else 0
        yield step, alike and step not in won and step >= max(limits["after"], since), numbers


def _d_won(recorded, limits):
    for row in () if recorded.critic else recorded.losses:
        yield row.step, row.d_g_z < limits["d_g_z"] and row.d_x > limits["d_x"], {"d_x": row.d_x, "d_g_z": row.d_g_z}


def _oscillation(recorded, limits):
    """Samples leave the modes again and again; or, without modes, move as far as they are from those of other noise."""
    on = [row["on_mode"] for row in recorded.statistics]
    for at, row in enumerate(recorded.statistics):
        window = np.array(on[max(0, at + 1 - limits["window"]) : at + 1])
        fall = float((np.maximum.accumulate(window) - window).max())
        yield row["step"], fall > limits["fall"], {"fall": fall, "on_mode": on[at]}
    if recorded.modes or recorded.real is None:
        return
    rows = [np.reshape(each[:MOST_COMPARED], (len(each[:MOST_COMPARED]), -1)) for each in recorded.samples]
    real = np.reshape(recorded.real, (len(recorded.real), -1))
    apart = np.linalg.norm(real - np.roll(real, 1, 0), axis=1).mean() or 1.0
    for step, before, after in zip(recorded.steps[1:], rows[:-1], rows[1:], strict=True):
        same, other = (np.linalg.norm(after - np.roll(before, n, 0), axis=1).mean() for n in (0, recorded.classes))
        moved, far = float(same / (other or 1.0)), float(same / apart)
        shows = moved > limits["moved"] and far > limits["far"] and step >= limits["after"]
        yield step, shows, {"moved": moved, "far": far}


def _bridges(recorded, limits):
    for row in recorded.statistics:
        caught, on = row["modes"] / recorded.modes, row["on_mode"] / row["real_on_mode"]
        shows = caught >= limits["modes"] and on < limits["on_mode"] and row["step"] >= limits["after"]
        yield row["step"], shows, {name: row[name] for name in ("on_mode", "real_on_mode")}


def _memorization(recorded, limits):
    """By D, of held-out images; by G, of the share of its images that are as near to training images as copies."""
    for row in () if recorded.critic else recorded.held_out:
        numbers = {"training": row.training, "held_out": row.held_out}
        yield row.step, row.training - row.held_out > limits["gap"], numbers
    yield 0, False, {}  # between two tables
    for row in recorded.evaluation:
        yield row["step"], row.get("copied", 0.0) > limits["copied"], {"copied": row.get("copied", 0.0)}


KINDS = {
    "collapse": Kind(
        "mode collapse: the generator makes few kinds of samples; try a smaller --g-lr, --d-steps 2 or --penalty r1",
        **{"find": _collapse, "limits": {"modes": 0.8, "spread": 0.4, "after": 300}, "rows": 3, "steps": 2000},
    ),
    "d_won": Kind(
        "the discriminator overpowers the generator, which learns little; try a smaller --d-lr or --penalty r1",
        **{"find": _d_won, "limits": {"d_g_z": 0.01, "d_x": 0.8}, "rows": 5, "steps": 500},
    ),
    "oscillation": Kind(
        "the networks chase each other, and samples come and go; try smaller learning rates, or --penalty r1",
        **{"find": _oscillation, "limits": {"fall": 0.3, "window": 6, "moved": 0.8, "far": 0.5, "after": 500}},
        **{"rows": 5, "steps": 500},
    ),
    "bridges": Kind(
        "samples lie between the modes, where no data are; try more steps or a smaller --penalty-weight",
        **{"find": _bridges, "limits": {"modes": 0.8, "on_mode": 0.5, "after": 1000}, "rows": 5, "steps": 3000},
    ),
    "memorization": Kind(
        "the networks memorize the training data; try more data, --augment, or fewer steps",
        **{"find": _memorization, "limits": {"gap": 0.15, "copied": 0.5}, "rows": 3, "steps": 200},
    ),
}
