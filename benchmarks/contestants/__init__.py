"""Who takes part in `speed.py`, by name."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A contestant: its title in the table, the module that builds its Trainer, and what that is told besides."""

    title: str
    module: str
    options: dict = {}  # noqa: RUF012, read only


OURS, FLOOR, PUBLISHED, PEERS = "ours", "floor", "published", ("torch", "torch_compiled", "jax")
CONTESTANTS = {  # in the order of their turns
    PUBLISHED: Entry("as published", "contestants.published"),
    "torch": Entry("PyTorch", "contestants.torch_"),
    "torch_compiled": Entry("PyTorch, `torch.compile`", "contestants.torch_", {"compiled": True}),
    "jax": Entry("JAX", "contestants.jax_"),
    OURS: Entry("tfgan_v1", "contestants.ours"),
    FLOOR: Entry("floor", "contestants.floor"),
}
