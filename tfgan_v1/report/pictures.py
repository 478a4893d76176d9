"""The plots, image grids and the review page in the samples folder of a run: rewritten as it trains, and at its end."""

import functools
import re
import time
from contextlib import contextmanager

from tfgan_v1 import files
from tfgan_v1.errors import UserError, shortened, warn
from tfgan_v1.report import curves, diagnosis, field, images, page, plots, sheets
from tfgan_v1.storage import names

EVERY = 5.0  # seconds between two calls of the same Budgeted, at least
SHARE = 0.009  # of the time of the run that each of the two Budgeted may take while it trains


class Pictures:
    """Draws what there is to see of a run: often what takes milliseconds, and rarely the plots, which take seconds."""

    def __init__(self, plan, evaluator=None):
        """evaluator: of `--evaluate-every`, or None."""
        _warn_once.cache_clear()  # once for each run
        self._plan, self._evaluator = plan, evaluator
        self._said = set()  # kinds of failures, each said once
        samples = 1 + -(-plan.total_steps // plan.sample_every)
        self._real = None  # the bytes of a PNG
        self._grids = page.Grids(samples, plan.sheet_columns)
        self._fields = field.Fields(field.constants(plan)) if plan.is_points else None
        # The seconds of the first drawing are a guess.
        self._budgeted = [Budgeted(self._draw_page_and_grid, 0.05), Budgeted(self._draw_plots, 1.5)]

    def start(self, progress):
        """Draws what there is to see before the first step: real images, and the page with the samples so far."""
        with tolerated(names.REAL_IMAGES):
            self._real = write_real_images(self._plan).read_bytes() if not self._plan.is_points else None
            if self._plan.config.clustered and not self._plan.is_points:
                _write(self._plan, names.CLUSTER_EXAMPLES, sheets.clusters_png(self._plan))
        self._draw_page(progress, running=True)

    def refresh(self, progress):
        """Draws what may be drawn after the last sampling step, so that it takes two percent of the run at most."""
        for drawing in self._budgeted:
            drawing.draw_if_due(progress)

    def finish(self, progress, last):
        """Draws everything. last: samples of the trained generator."""
        self._draw_plots(progress)
        self._draw_page(progress)
        _write_samples(self._plan, names.LAST_SAMPLES, last)

    def _draw_page_and_grid(self, progress):
        self._draw_page(progress, running=True)
        if not self._plan.is_points:  # whose grid is a plot
            _write_samples(self._plan, names.LAST_SAMPLES, progress.samples[-1])

    def _draw_page(self, progress, running=False):
        summary = page.summarize_run(self._plan, progress, self._evaluator, self._fields)
        with tolerated("the diagnosis"):
            summary["diagnosis"] = diagnosis.as_json(diagnosis.of_run(self._plan, progress), summary)
        for each in summary["diagnosis"]:
            if each["kind"] not in self._said:
                self._said.add(each["kind"])
                place = f"{summary['unit']} {each['x']:,g} to {each['end']:,g}"
                warn(f"{diagnosis.KINDS[each['kind']].says}; seen from {place}")
        _write(self._plan, names.REVIEW, files.to_json(summary))
        with tolerated(names.REVIEW_PAGE):
            drawn = self._fields and self._fields.of(progress.fixed_steps, progress.views, progress.dicts("statistics"))
            urls = [] if drawn else self._grids.urls(*progress.shown[::-1])
            folder = self._plan.config.samples_folder
            content = page.page(summary, urls, progress, self._real, running, drawn, folder=folder)
            _write(self._plan, names.REVIEW_PAGE, content)

    def _draw_plots(self, progress):
        with tolerated("plots"):
            for name, figure in plots_of(self._plan, progress, self._evaluator).items():
                with tolerated(name):
                    _write(self._plan, name, plots.figure_png(figure))


@contextmanager
def tolerated(name):
    """Makes an error of the library that draws a picture a warning: a picture must not end a run."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or (isinstance(error, OSError) and error.errno):  # such as a full disk
            raise
        _warn_once(f"{name} cannot be drawn ({type(error).__name__}: {shortened(str(error))}); the run goes on")


_warn_once = functools.cache(warn)


class Budgeted:
    """A drawing, and how much time of the run it has taken."""

    def __init__(self, draw, expected):
        """expected: the seconds of the first drawing."""
        self._draw, self._expected = draw, expected
        self._spent, self._drawn, self._started = 0.0, 0, time.monotonic()
        self._last = self._started

    def draw_if_due(self, progress):
        """Draws if there are new samples, EVERY seconds are over, and it will take no more than SHARE of the time."""
        now = time.monotonic()
        affordable = self._spent + self._expected <= SHARE * (now - self._started)
        if len(progress.samples) == self._drawn or now - self._last < EVERY or not affordable:
            return
        self._draw(progress)
        self._drawn, self._last = len(progress.samples), time.monotonic()
        self._expected = self._last - now
        self._spent += self._expected


def plots_of(plan, progress, evaluator=None):
    """The Figures of a run by the names of their files. evaluator: of `--evaluate-every`, or None."""
    summary = page.summarize_run(plan, progress, evaluator)
    labels = [curves.label_of(summary, step) for step in summary["sample_steps"]]
    drawn, figures = curves.of_run(summary, progress), {}
    if progress.samples and plan.is_points:
        figures[names.EVOLUTION] = plots.density_evolution(progress.samples, labels, plan.dataset.images)
        drawn.append(curves.of_points(summary, progress.rows("statistics")))
    elif progress.shown[1]:
        figures[names.EVOLUTION] = plots.evolution(progress.shown[1], labels, plan.columns)
    scores = [curve for curve in drawn if curve.file == names.EVALUATION_CURVES]
    if scores:
        figures[names.EVALUATION_CURVES] = plots.panels(scores, plan.config.unit)
    return figures | {curve.file: plots.lines(curve, plan.config.unit) for curve in drawn if curve not in scores}


def write_real_images(plan):
    """Writes real_images.png: training images as the networks see them. Returns its path."""
    files.make_folder(plan.config.samples_folder)
    columns = plan.sheet_columns or images.grid_size(plan.config.num_samples)[1]  # as the samples have
    _write(plan, names.REAL_IMAGES, images.grid_png(plan.examples(), columns))
    return plan.config.samples_folder / names.REAL_IMAGES


def write_grid(plan, step, samples):
    """Writes the image grid of a sampling step: sheets/<step>.png."""
    files.make_folder(plan.config.samples_folder / names.SHEETS)
    _write_samples(plan, f"{names.SHEETS}/{step:06}.png", samples)


def remove_after(plan, step):
    """Removes the image grids of later steps."""
    for path in (plan.config.samples_folder / names.SHEETS).glob("*.png"):
        if re.fullmatch(names.FOLDERS[names.SHEETS], path.name) and int(path.stem) > step:
            files.remove(path)


def _write_samples(plan, name, samples):
    with tolerated(name):
        _write(plan, name, plots.samples_png(samples, plan.dataset.images, plan.sheet_columns))


def _write(plan, name, content):
    files.write(plan.config.samples_folder / name, content)
