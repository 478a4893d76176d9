"""Tables of the results: medians, ratios round by round, and targets."""

from statistics import median
from typing import NamedTuple

from frameworks import FLOOR, FRAMEWORKS, OURS, PEERS, PUBLISHED


class Target(NamedTuple):
    """Least speedups of tfgan_v1 on a workload."""

    published: float | None
    peer: float
    floor: float | None


TARGETS = {
    "mlp": Target(3.0, 1.25, 0.60),
    "conv": Target(100.0, 1.5, 0.40),
    "dcgan": Target(4.0, 2.0, 0.55),
    "dcgan_upsample": Target(4.5, 2.5, 0.65),
    "gaussian": Target(200.0, 1.25, None),
    "tuned": Target(None, 2.0, None),
}


class Spread(NamedTuple):
    """Minimum, median and maximum of a number over the rounds."""

    low: float
    middle: float
    high: float

    def text(self, form=""):
        """The text `middle (low to high)`, or of one value that alone, in a format or with three digits."""
        low, middle, high = (format(value, form) if form else digits(value) for value in self)
        return middle if self.low == self.high else f"{middle} ({low} to {high})"


def digits(value):
    """A number with three digits; larger numbers are rounded to whole ones."""
    whole = len(str(int(value)))
    return f"{value:,.{max(0, 3 - whole)}f}"


def spread(values):
    """The Spread of a list."""
    return Spread(min(values), median(values), max(values))


def ratios(numerators, denominators):
    """Ratios round by round, without the rounds in which either is missing."""
    return [a / b for a, b in zip(numerators, denominators, strict=True) if a is not None and b is not None]


def complete(results):
    """The results by name that have every round."""
    return {name: rounds for name, rounds in results.items() if rounds and None not in rounds}


def fastest_peer(results):
    """The name of the fastest peer by its median, or None."""
    peers = [name for name in complete(results) if name in PEERS]
    return max(peers, key=lambda name: median(results[name]), default=None)


def speed_rows(workload, results, notes):
    """Yields a row for each framework in `notes`: its speed, the speedup of tfgan_v1, and its note."""
    there = complete(results)
    for name, note in notes.items():
        speed = factor = "-"
        if name in there:
            speed = spread(there[name]).text()
            factor = spread(ratios(there[OURS], there[name])).text(".2f") if OURS in there and name != OURS else "-"
        yield [f"`{workload}`", FRAMEWORKS[name].title, speed, factor, note]


def target_row(workload, results):
    """The row of a workload with the speedups over published, the fastest peer and the floor, and their targets."""
    there, target, peer = complete(results), TARGETS[workload], fastest_peer(results)
    row = [f"`{workload}`"]
    for name, wanted, form in (
        (PUBLISHED, target.published, ".2f"),
        (peer, target.peer, ".2f"),
        (FLOOR, target.floor, ".0%"),
    ):
        if wanted is None or name not in there or OURS not in there:
            row.append("-")
            continue
        reached = spread(ratios(there[OURS], there[name]))
        against = f" {FRAMEWORKS[name].title}" if name in PEERS else ""
        verdict = "reached" if reached.middle >= wanted else "**not reached**"
        row.append(f"{reached.text(form)}{against}, target {format(wanted, form)}: {verdict}")
    return row


def markdown(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
