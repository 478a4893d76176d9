"""Warns of the ways in which training fails: D overpowers G, or mode collapse."""

from dataclasses import dataclass

from tfgan_v1.errors import warn
from tfgan_v1.evaluation import metrics

OVERPOWERED = 0.01  # D(G(z)) below which D is never deceived
OVERPOWERED_STEPS = 500  # consecutive
COLLAPSED = 0.02  # diversity of the samples, as a share of the data's
COLLAPSED_STEPS = 2000  # many generators make near-identical samples for a while, and recover


@dataclass
class TrainingMonitor:
    """Warns once of each failure."""

    real_diversity: float  # metrics.diversity of the data, on the scale of the samples
    classes: int = 1  # of a conditional run, whose k-th sample has class k % classes; otherwise 1
    overpowered_steps: int = 0  # consecutive, up to now
    collapsed_since: int | None = None  # first of the latest sampling steps with near-identical samples
    collapse_reported: bool = False

    def check_d_fake(self, d_fake, step):
        """d_fake: D(G(z)) of successive steps, the last of them number `step`."""
        if self.overpowered_steps >= OVERPOWERED_STEPS:
            return
        for probability in d_fake:
            self.overpowered_steps = self.overpowered_steps + 1 if probability < OVERPOWERED else 0
            if self.overpowered_steps >= OVERPOWERED_STEPS:
                warn(
                    f"the discriminator overpowers the generator: D(G(z)) was below {OVERPOWERED} for "
                    f"{OVERPOWERED_STEPS} consecutive steps before step {step:,}, so the generator learns little; try "
                    "a smaller --d-lr, more --smooth or --loss non_saturating"
                )
                return

    def check_diversity(self, samples, step):
        """samples: [n, ...] as they are saved, drawn at `step`."""
        if self.collapse_reported or len(samples) < 2 * self.classes:
            return
        diversity = max(metrics.diversity(samples[index :: self.classes]) for index in range(self.classes))
        alike = diversity < COLLAPSED * self.real_diversity
        self.collapsed_since = (self.collapsed_since or step) if alike else None
        if alike and step - self.collapsed_since >= COLLAPSED_STEPS:
            self.collapse_reported = True
            of = " of each class" if self.classes > 1 else ""
            warn(
                f"mode collapse: from step {self.collapsed_since:,} to {step:,} all samples{of} are nearly identical; "
                "try a smaller --g-lr, a larger --batch-size or another --seed"
            )
