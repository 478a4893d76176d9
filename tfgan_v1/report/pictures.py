"""The plots, image grids and the review page in the samples folder of a run: rewritten as it trains, and at its end."""

import time

from tfgan_v1 import files
from tfgan_v1.report import curves, page, plots, statistics
from tfgan_v1.storage import names

EVERY = 5.0  # seconds between two calls of the same Budgeted, at least
SHARE = 0.009  # of the time of the run that each of the two Budgeted may take while it trains


class Pictures:
    """Draws what there is to see of a run: often what takes milliseconds, and rarely the plots, which take seconds."""

    def __init__(self, plan, evaluator=None):
        """evaluator: of `--evaluate-every`, or None."""
        self._plan, self._evaluator = plan, evaluator
        samples = -(-plan.total_steps // plan.sample_every)
        self._grids = page.Grids(samples, plan.sheet_columns, plan.dataset.images if plan.is_points else None)
        # A density is a plot, too. The seconds of the first drawing are a guess.
        self._budgeted = [
            Budgeted(self._draw_page if plan.is_points else self._draw_grid_and_page, 0.05),
            Budgeted(self._draw_plots, 1.5),
        ]

    def refresh(self, progress):
        """Draws what may be drawn after the last sampling step, so that it takes two percent of the run at most."""
        for drawing in self._budgeted:
            drawing.draw_if_due(progress)

    def finish(self, progress, last):
        """Draws everything. last: samples of the trained generator."""
        self._draw_plots(progress)
        self._draw_page(progress)
        self._draw_last(progress, last)

    def _draw_grid_and_page(self, progress):
        self._draw_page(progress)
        self._draw_last(progress, progress.samples[-1])

    def _draw_last(self, progress, last):
        png = plots.samples_png(last, self._plan.dataset.images, self._plan.sheet_columns)
        _write(self._plan, names.LAST_SAMPLES, png)

    def _draw_page(self, progress):
        plan, summary = self._plan, page.summarize_run(self._plan, progress, self._evaluator)
        tables = tables_of(progress)
        _write(plan, names.REVIEW, files.to_json(summary).encode())
        _write(plan, names.REVIEW_PAGE, page.page(summary, self._grids.urls(shown_samples(progress)), tables))

    def _draw_plots(self, progress):
        for name, figure in plots_of(self._plan, progress, self._evaluator).items():
            _write(self._plan, name, plots.figure_png(figure))


class Budgeted:
    """A drawing, and how much time of the run it has taken."""

    def __init__(self, draw, expected):
        """expected: the seconds of the first drawing."""
        self._draw, self._expected = draw, expected
        self._spent, self._started, self._last, self._drawn = 0.0, time.monotonic(), time.monotonic(), 0

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


def shown_samples(progress):
    """The samples to compare from step to step: of the same noise, or of fresh noise in a run of points."""
    return progress.fixed or progress.samples


def plots_of(plan, progress, evaluator=None):
    """The Figures of a run by the names of their files. evaluator: of `--evaluate-every`, or None."""
    figures, samples = {}, shown_samples(progress)
    summary = page.summarize_run(plan, progress, evaluator)
    labels = [curves.label_of(summary, step) for step in summary["sample_steps"]]
    if samples and plan.is_points:
        figures[names.EVOLUTION] = plots.density_evolution(samples, labels, plan.dataset.images)
        divergence = curves.of_points(summary, statistics.statistics(plan, progress))
        figures[divergence.file] = plots.lines(divergence, plan.unit)
    elif samples:
        figures[names.EVOLUTION] = plots.evolution(samples, labels, plan.columns)
    drawn = curves.of_run(summary, tables_of(progress))
    scores = [curve for curve in drawn if curve.file == names.EVALUATION_CURVES]
    if scores:
        figures[names.EVALUATION_CURVES] = plots.panels(scores, plan.unit)
    return figures | {curve.file: plots.lines(curve, plan.unit) for curve in drawn if curve not in scores}


def tables_of(progress):
    """The curves.Tables of a Progress."""
    return curves.Tables(progress.losses, progress.held_out, progress.evaluation)


def _write(plan, name, content):
    with files.replacing(plan.config.samples_folder / name) as partial:
        partial.write_bytes(content)


def write_grid(plan, step, samples):
    """Writes the image grid of a sampling step: sheets/<step>.png."""
    folder = plan.config.samples_folder / names.SHEETS
    folder.mkdir(exist_ok=True)
    with files.replacing(folder / f"{step:06}.png") as partial:
        partial.write_bytes(plots.samples_png(samples, plan.dataset.images, plan.sheet_columns))


def remove_after(plan, step):
    """Removes the image grids of later steps."""
    for path in (plan.config.samples_folder / names.SHEETS).glob("*.png"):
        if path.stem.isdecimal() and int(path.stem) > step:
            path.unlink()
