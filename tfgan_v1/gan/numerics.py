"""How the layers of the graph that is being built compute: which of two equal forms, and in which precision."""

import functools
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from tfgan_v1.config.presets import CHOICES


class Numerics(NamedTuple):
    """What layers.py asks for while a graph is built. The default is that of a CPU, exact to the bit."""

    fused_pooling: bool = CHOICES["cpu"].fused_pooling
    phase_kernels: bool = CHOICES["cpu"].phase_kernels
    bfloat16: bool = False  # whether products are of inputs and kernels rounded to bfloat16


_current = ContextVar("numerics")


def current():
    """The Numerics in use."""
    return _current.get(Numerics())


@contextmanager
def use(numerics):
    """Layers built meanwhile in this thread compute by these Numerics."""
    before = _current.set(numerics)
    try:
        yield
    finally:
        _current.reset(before)


def of(config):
    """The Numerics of a configuration. A device of auto, which plan.make_plan decides, is the CPU here."""
    choices = CHOICES["cpu" if config.device == "auto" else config.device]
    return Numerics(choices.fused_pooling, choices.phase_kernels, config.precision == "bfloat16")


def as_configured(build):
    """A function whose first argument is a configuration, with its Numerics in use."""

    @functools.wraps(build)
    def built(config, *args, **kwargs):
        with use(of(config)):
            return build(config, *args, **kwargs)

    return built
