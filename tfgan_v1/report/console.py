"""What a run says of itself: a line at each drawing of samples, and before it begins what it would do."""

import math
from datetime import timedelta

from tqdm import tqdm

from tfgan_v1.evaluation import metrics
from tfgan_v1.gan import METRICS
from tfgan_v1.report.statistics import statistics


def write_line(plan, progress, numbers):
    """Prints where the run is, in the published form, and behind it the probabilities, the speed and the time left.

    numbers: METRICS of the last step.
    """
    config, now = progress.config, dict(zip(METRICS, numbers, strict=True))
    seconds = max(progress.seconds - progress.reported, 1e-3)
    steps = progress.step - progress.reported_step
    progress.reported, progress.reported_step = progress.seconds, progress.step
    seen = steps * config.batch_size * config.d_steps
    left = timedelta(seconds=math.ceil((plan.total_steps - progress.step) * seconds / steps))
    place = f"Step {progress.step}/{config.steps}" if config.steps else f"Epoch {progress.epoch}/{config.epochs}"
    with tqdm.external_write_mode():
        print(
            f"{place}... Discriminator Loss: {now['d_loss']:.4f}... Generator Loss: {now['g_loss']:.4f}... "
            f"D(x) {now['D(x)']:.2f}, D(G(z)) {now['D(G(z))']:.2f}, "
            f"accuracy D {now['d_accuracy']:.2f}, G {now['g_accuracy']:.2f}... {_statistics_line(plan, progress)}"
            f"{seen / seconds:,.0f} {'points' if plan.is_points else 'images'}/s, {left} left",
            flush=True,
        )


def _statistics_line(plan, progress):
    """The last sampled points in numbers, the data's in brackets; nothing for images."""
    if not plan.is_points or progress.sample_steps[-1:] != [progress.step]:
        return ""
    _, _, divergence, *moments = statistics(plan, progress)[-1]
    named = zip(metrics.Moments._fields, moments[4:], moments[:4], strict=True)
    told = ", ".join(f"{name} {fake:.2f} ({real:.2f})" for name, fake, real in named)
    return f"KL {divergence:.3f}, {told}... "
