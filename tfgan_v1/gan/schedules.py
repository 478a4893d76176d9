"""Options that change while training: from one value to another over so many steps, and the last value from then on.

A function of the step alone, so that a resume is exact.
"""

import math
import re
from typing import NamedTuple

from tfgan_v1._tensorflow import tf

SHAPES = {  # share of the steps done -> share of the way from the first value to the last
    "linear": lambda done: done,
    "cosine": lambda done: (1 - tf.cos(math.pi * done)) / 2,  # arXiv:1608.03983, eq. 5
}


class Schedule(NamedTuple):
    """A value that changes; as the text of an option, "cosine:0.002:0.0002:9000"."""

    shape: str  # a name in SHAPES
    first: float
    last: float
    steps: int | None = None  # from the first value to the last; None: those of the run

    @classmethod
    def parse(cls, text):
        """The Schedule of an option's text. Raises ValueError if it is none."""
        match = re.fullmatch(rf"({'|'.join(SHAPES)}):([^:]+):([^:]+)(?::(0*[1-9][0-9]{{0,9}}))?", text)
        if not match:
            raise ValueError(f"{text} is no schedule")
        return cls(match[1], float(match[2]), float(match[3]), int(match[4]) if match[4] else None)

    def __str__(self):
        ends = f"{self.shape}:{self.first:.10g}:{self.last:.10g}"
        return f"{ends}:{self.steps}" if self.steps else ends

    def at(self, step):
        """The value in a step, an integer scalar tensor from 0 on: float32."""
        done = SHAPES[self.shape](tf.minimum(tf.cast(step, tf.float32) / self.steps, 1))
        return self.first + (self.last - self.first) * done


def value_at(option, step):
    """The value of an option, a number or the text of a Schedule, in a step: the number itself, or a tensor."""
    return Schedule.parse(option).at(step) if isinstance(option, str) else option


def with_steps(option, steps):
    """The text of a Schedule, with the steps of the run if it leaves them open."""
    schedule = Schedule.parse(option)
    return str(schedule._replace(steps=schedule.steps or steps))
