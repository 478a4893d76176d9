"""Profiles a training step by kind of operation: `python benchmarks/profile_steps.py mlp dcgan_upsample`.

Runs the calls of the Session loop, as speed.py does, under TensorFlow's profiler, and prints a Markdown table. Times of
parallel operations and threads are added, so their sum may exceed the wall time up to the number of cores. The images
are MNIST if $TFGAN_DATA has it, otherwise random images of the same shape.
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import tables
from frameworks import ours
from speed import environment, save_data

CALLS = 4  # of the training loop, of many steps each
LEAST = 0.01  # of the total time; smaller shares are not listed
# Operations that contain others, or wait for them; so do those with a C++ name, which has `::`.
CONTAINERS = (
    "SessionRun",
    "ParallelFor",
    "BlockUntilReady",
    "While",
    "StatefulPartitionedCall",
    "PartitionedCall",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="+", choices=tables.TARGETS, metavar="WORKLOAD")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(f"# Profile of a training step\n\n{environment()}; {save_data(Path(name))}.")
        for workload in given.workloads:
            images = Path(name, "points.npy" if workload == "gaussian" else "images.npy")
            print(f"\n## `{workload}`\n\n{report(ours.trainer(workload, images))}")


def report(trainer):
    """The profile of a few calls, as Markdown."""
    for _ in range(3):
        trainer.train()
    with tempfile.TemporaryDirectory() as folder:
        seconds = profiled(trainer.train, folder)
        spent, counts = by_kind(folder)
    steps, total = CALLS * trainer.chunk, sum(spent.values())
    rows = [
        [f"`{kind}`", f"{counts[kind] / steps:.0f}", f"{1e6 * took / steps:,.0f}", f"{took / total:.0%}"]
        for kind, took in spent.most_common()
        if took > LEAST * total
    ]
    heading = (
        f"{1e6 * seconds / steps:,.0f} microseconds per step, {1e6 * total / steps:,.0f} of operations, {trainer.note}."
    )
    return f"{heading}\n\n" + tables.markdown(["operation", "times per step", "microseconds", "share"], rows)


def profiled(call, folder):
    """Calls a function CALLS times under the profiler, which writes to a folder. Returns the wall seconds."""
    profiler = import_module("tensorflow").profiler.experimental
    profiler.start(folder, profiler.ProfilerOptions(host_tracer_level=3, python_tracer_level=0))
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    seconds = time.perf_counter() - start
    profiler.stop()
    return seconds


def by_kind(folder):
    """Reads the profile in a folder. Returns (seconds, counts) by kind of operation."""
    space = import_module("tensorflow.tsl.profiler.protobuf.xplane_pb2").XSpace()
    space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    spent, counts = Counter(), Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            kind = kind_of(name)
            if "::" in name or kind in CONTAINERS or kind.endswith("while"):
                continue
            spent[kind] += event.duration_ps / 1e12
            counts[kind] += 1
    return spent, counts


def kind_of(name):
    """The kind of a named operation: Conv2D of `a/b:_MklNativeConv2D`, MatMul of XLA's `MatMul_1.9`."""
    kind = name.rpartition(":")[2].replace("_MklNative", "").replace("_Mkl", "")
    return re.sub(r"(_\d+)?(\.\d+)?$", "", kind)


if __name__ == "__main__":
    main()
