"""The ways in which a game is lost, seen and said while training: D wins outright, or all samples are one."""

from dataclasses import dataclass

from tfgan_v1.errors import warn
from tfgan_v1.evaluation import metrics

OVERPOWERED = 0.01  # D(G(z)) below which D is not deceived at all
OVERPOWERED_STEPS = 500  # for so many steps in a row
COLLAPSED = 0.02  # of the data's own diversity
COLLAPSED_STEPS = 2000  # for so many steps; many a generator makes one thing only for a while, and recovers


@dataclass
class TrainingMonitor:
    """Warns once of each danger. real_diversity: metrics.diversity of the data, on the scale of the samples."""

    real_diversity: float
    won: int = 0  # steps in a row
    collapsed_since: int | None = None  # step of the first of the last drawings that are all alike
    collapsed: bool = False

    def check_d_fake(self, d_fake, step):
        """d_fake: D(G(z)) of successive steps, of which `step` is the last."""
        if self.won >= OVERPOWERED_STEPS:
            return
        for believed in d_fake:
            self.won = self.won + 1 if believed < OVERPOWERED else 0
            if self.won >= OVERPOWERED_STEPS:
                break
        if self.won >= OVERPOWERED_STEPS:
            warn(
                f"the discriminator has won: for {self.won:,} steps, before step {step:,}, it has taken "
                f"generated images for real with a probability below {OVERPOWERED}; "
                "a smaller --d-lr, more --smooth or --loss non_saturating may help"
            )

    def check_diversity(self, samples, step):
        """samples: [n, ...] as they are kept, drawn at `step`."""
        if self.collapsed or len(samples) < 2:
            return
        alike = metrics.diversity(samples) < COLLAPSED * self.real_diversity
        self.collapsed_since = (self.collapsed_since or step) if alike else None
        if alike and step - self.collapsed_since >= COLLAPSED_STEPS:
            self.collapsed = True
            warn(
                f"the samples have collapsed: from step {self.collapsed_since:,} to {step:,} they are all but one and "
                "the same, whatever the noise; a smaller --g-lr, a larger --batch-size or another --seed may help"
            )
