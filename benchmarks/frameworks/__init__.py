"""The frameworks that `speed.py` compares, by name."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A framework: its title in the table, the module with its `trainer` function, and further arguments of that."""

    title: str
    module: str
    options: dict = {}  # noqa: RUF012, read only


OURS, FLOOR, PUBLISHED, PEERS = "ours", "floor", "published", ("torch", "torch_compiled", "jax")
FRAMEWORKS = {  # in the order of their turns
    PUBLISHED: Entry("as published", "frameworks.published"),
    "torch": Entry("PyTorch", "frameworks.torch_"),
    "torch_compiled": Entry("PyTorch, `torch.compile`", "frameworks.torch_", {"compiled": True}),
    "jax": Entry("JAX", "frameworks.jax_"),
    OURS: Entry("tfgan_v1", "frameworks.ours"),
    FLOOR: Entry("floor", "frameworks.floor"),
}
