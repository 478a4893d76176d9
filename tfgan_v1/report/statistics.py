"""The rows of statistics.csv, which compare generated points with the data."""

from tfgan_v1.evaluation import metrics


def statistics(plan, progress):
    """All rows of statistics.csv: step, epoch, KL divergence, moments of the data, moments of the samples."""
    real, rows = plan.dataset.images, progress.rows("statistics")
    real_moments = metrics.moments(real)
    for step, fake in list(zip(progress.sample_steps, progress.samples, strict=True))[len(rows) :]:
        epoch = (step - 1) // plan.steps_per_epoch + 1
        rows.append((step, epoch, metrics.kl_divergence(real, fake), *real_moments, *metrics.moments(fake)))
    return rows
