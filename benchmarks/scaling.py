"""Calculates the cost of the exchange between many workers: the tables of docs/cluster-scaling.md.

    python benchmarks/scaling.py --overhead 0.3 --loopback 20 --compute tuned=20,dcgan=90

Prints Markdown. Measures nothing, and needs neither TensorFlow nor NumPy.
"""

import argparse
from typing import NamedTuple

from tables import digits, markdown

SMALL = 2**16  # floats that a worker sends: data_parallel.SMALL, up to which a sum is one all-to-all
FLOAT = 4  # bytes
WORKERS, NETWORKS, LATENCIES = (8, 64, 512), (1, 10), (0.1, 5)  # how many; Gbit/s; milliseconds of a round trip
PER_CALL = 2  # rings for each call of the loop: the metrics, and whether a worker wants to stop
SILENCE = 5  # seconds that the heartbeat, a ring once a second, waits for all workers


class Exchange(NamedTuple):
    """A vector of floats that all workers exchange, and the algorithm: "all_to_all", "ring" or "two" all-to-alls."""

    floats: int
    algorithm: str

    def hops(self, workers):
        """Round trips, one after the other."""
        return {"all_to_all": 1, "ring": 2 * (workers - 1), "two": 2}[self.algorithm]

    def sent(self, workers):
        """Bytes that each worker sends."""
        copies = workers - 1 if self.algorithm == "all_to_all" else 2 * (workers - 1) / workers
        return FLOAT * self.floats * copies


class Preset(NamedTuple):
    """What decides the exchanges of a step of a preset, on images of 28x28x1."""

    d: int  # trained floats of the discriminator
    g: int  # of the generator
    norms: tuple[int, ...] = ()  # features of each batch norm of the generator
    d_updates: int = 1  # two if it learns from real and generated images in turn
    g_calls: int = 1  # of the generator while training: two if each update has its own noise

    def gathers(self):
        """The floats of each gather of a step: mean, variance and number of rows."""
        return [2 * features + 1 for features in self.norms] * self.g_calls

    def sums(self):
        """The floats of each sum of a step."""
        slopes = [2 * features for features in self.norms]
        return [*[self.d] * self.d_updates, *slopes, self.g]


PRESETS = {
    "mlp": Preset(100_609, 114_064),
    "conv": Preset(7_697, 64_097, norms=(3136, 32, 16)),
    "gaussian": Preset(97, 577),
    "dcgan": Preset(1_080_577, 1_300_801, norms=(128, 128, 64, 32), g_calls=2),
    "dcgan_upsample": Preset(212_865, 852_609, norms=(6272, 64), d_updates=2),
    "tuned": Preset(837_345, 237_988, norms=(64, 32)),
}


def exchanges(preset, workers):
    """The Exchanges of a step, as data_parallel.Workers makes them."""
    gathers = [Exchange(size, "all_to_all") for size in preset.gathers()]
    large = "ring" if workers == 2 else "two"
    return gathers + [
        Exchange(size, "all_to_all" if size * (workers - 1) <= SMALL else large) for size in preset.sums()
    ]


class Network(NamedTuple):
    """What a hop and a byte cost."""

    gigabits: float  # per second
    latency: float  # milliseconds of a round trip
    overhead: float  # milliseconds added to each hop by TensorFlow and gRPC

    def seconds(self, hops, sent):
        """Seconds of an exchange."""
        return hops * (self.latency + self.overhead) / 1000 + sent * 8 / (self.gigabits * 1e9)

    def step(self, made, workers):
        """Milliseconds of the exchanges of a step."""
        return 1000 * sum(self.seconds(each.hops(workers), each.sent(workers)) for each in made)

    def rings(self, workers, count=PER_CALL):
        """Seconds of so many rings of a few floats."""
        return count * self.seconds(Exchange(1, "ring").hops(workers), 0)


def networks(overhead, loopback):
    """The networks of the tables; none sends faster than the loopback interface."""
    return [Network(min(each, loopback), latency, overhead) for latency in LATENCIES for each in NETWORKS]


def heads():
    """The titles of the networks."""
    return [f"{each} Gbit/s, {latency:g} ms" for latency in LATENCIES for each in NETWORKS]


def size_table(workers=(2, *WORKERS)):
    """Exchanges of each preset and the bytes that a worker sends in a step."""
    rows = []
    for name, preset in PRESETS.items():
        sent = [digits(sum(each.sent(n) for each in exchanges(preset, n)) / 1e6) for n in workers]
        hops = [sum(each.hops(n) for each in exchanges(preset, n)) for n in workers]
        trips = f"{min(hops)}" if min(hops) == max(hops) else f"{min(hops)} to {max(hops)}"
        rows.append([f"`{name}`", len(exchanges(preset, 2)), trips, *sent])
    return markdown(["", "exchanges", "round trips", *(f"MB, {n} workers" for n in workers)], rows)


def time_table(links):
    """Milliseconds of the exchanges of a step."""
    rows = [
        [f"`{name}`", n, *(digits(link.step(exchanges(preset, n), n)) for link in links)]
        for name, preset in PRESETS.items()
        for n in WORKERS
    ]
    return markdown(["", "workers", *heads()], rows)


def efficiency_table(links, compute):
    """The share of a step without the exchange. compute: by preset, milliseconds of a step of one worker, 32 rows."""
    rows = []
    for name, preset in PRESETS.items():
        for n in WORKERS if name in compute else ():
            times = [link.step(exchanges(preset, n), n) for link in links]
            rows.append([f"`{name}`", n, *(f"{compute[name] / (compute[name] + time):.0%}" for time in times)])
    return markdown(["", "workers", *heads()], rows)


def call_table(links):
    """Seconds that the rings of each call of the loop take, and the most workers that the heartbeat can wait for."""
    by_latency = {link.latency: link for link in links}
    rows = []
    for latency, link in by_latency.items():
        most = 1 + int(SILENCE * 1000 / (2 * (link.latency + link.overhead)))
        rows.append([f"{latency:g} ms", *(digits(link.rings(n)) for n in WORKERS), f"{most:,}"])
    return markdown(["round trip", *(f"s, {n} workers" for n in WORKERS), "most workers of the heartbeat"], rows)


def parse_compute(text):
    """The milliseconds by preset in a text such as "tuned=20,dcgan=90"."""
    pairs = dict(part.split("=") for part in text.split(",") if part)
    if not set(pairs) <= set(PRESETS):
        raise ValueError(text)
    return {name: float(value) for name, value in pairs.items()}


def parse(argv=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # The defaults are of exchange.py's runs with one core for each worker: see docs/cluster-scaling.md.
    parser.add_argument("--overhead", type=float, default=1.0, help="milliseconds added to the round trip of a hop")
    parser.add_argument("--loopback", type=float, default=8, help="Gbit/s between two processes on one machine")
    parser.add_argument(
        "--compute",
        type=parse_compute,
        default=parse_compute("conv=35.6,dcgan=318,dcgan_upsample=88.5,tuned=24.8"),
        help="preset=MS,...: a step of one worker with 32 rows",
    )
    return parser.parse_args(argv)


def tables_of(given):
    """The tables by title."""
    links = networks(given.overhead, given.loopback)
    constants = f"{given.overhead:g} ms a hop, at most {given.loopback:g} Gbit/s"
    return {
        "Exchanges of a step, and what each worker sends": size_table(),
        f"Milliseconds of exchange in a step ({constants})": time_table(links),
        "The share of a step without the exchange": efficiency_table(links, given.compute),
        "Seconds of the two rings of each call of the loop": call_table(links),
    }


def main():
    for title, table in tables_of(parse()).items():
        print(f"{title}:\n\n{table}\n")


if __name__ == "__main__":
    main()
