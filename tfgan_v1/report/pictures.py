"""The plots and image grids in the samples folder of a run."""

from tfgan_v1.report import plots, statistics
from tfgan_v1.storage import files, names

OUTPUTS = {  # what D's logits are read as -> the plot of D's outputs
    "probabilities": (names.PROBABILITIES, plots.probabilities),
    "scores": (names.D_SCORES, plots.scores),
}


def write(plan, progress, last, evaluator=None):
    """Writes all plots and image grids. last: samples of the trained generator. evaluator: of --evaluate-every."""
    samples, places = progress.samples, [plan.step_label(step) for step in progress.sample_steps]
    pngs = {names.LAST_SAMPLES: plots.samples_png(last, plan.dataset.images, plan.sheet_columns)}
    if samples:
        evolution = (
            plots.density_evolution(samples, places, plan.dataset.images)
            if plan.is_points
            else plots.evolution(samples, places, plan.columns)
        )
        pngs[names.EVOLUTION] = plots.figure_png(evolution)
    if samples and plan.is_points:
        divergences = [divergence for _, _, divergence, *_ in statistics.statistics(plan, progress)]
        pngs[names.DIVERGENCE] = plots.figure_png(
            plots.divergence(plan.axis(progress.sample_steps), divergences, plan.unit)
        )
    if progress.losses:
        steps = plan.axis(row.step for row in progress.losses)
        pngs[names.LOSS_CURVES] = plots.figure_png(plots.loss_curves(steps, progress.losses, plan.unit))
        name, draw = OUTPUTS[plan.reads_as]
        pngs[name] = plots.figure_png(draw(steps, progress.losses, plan.unit))
    if progress.held_out:
        steps = plan.axis(row.step for row in progress.held_out)
        pngs[names.OVERFITTING] = plots.figure_png(plots.held_out(steps, progress.held_out, plan.reads_as, plan.unit))
    if evaluator and progress.evaluation:
        steps, rows = plan.axis(row[0] for row in progress.evaluation), progress.evaluation
        curves = plots.figures(steps, evaluator.header[2:], rows, evaluator.real, plan.unit)
        pngs[names.EVALUATION_CURVES] = plots.figure_png(curves)
    for name, png in pngs.items():
        with files.replacing(progress.config.samples_folder / name) as partial:
            partial.write_bytes(png)


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
