"""Where the time of a training step goes: `python benchmarks/profile_steps.py mlp dcgan_upsample`.

Runs the calls of the Session loop, as speed.py does, under TensorFlow's own profiler, and prints the share of each kind
of operation as Markdown. Operations that run side by side, and threads of one, are added up: the sum may be up to the
number of cores. The images are MNIST if $TFGAN_DATA has it, else random ones of the same shape.
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

CALLS = 4  # of the training loop; each is many steps
LEAST = 0.01  # share of all that is listed
# What only holds other operations, or waits for them; as does whatever the profiler calls by a name of C++, with `::`.
HOLDERS = (
    "SessionRun",
    "ParallelFor",
    "BlockUntilReady",
    "while",
    "While",
    "StatefulPartitionedCall",
    "PartitionedCall",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="+", choices=tables.TARGETS, metavar="WORKLOAD")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(f"# Where a step's time goes\n\n{environment()}; {save_data(Path(name))}.")
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
        f"{1e6 * seconds / steps:,.0f} microseconds a step, {1e6 * total / steps:,.0f} of operations, {trainer.note}."
    )
    return f"{heading}\n\n" + tables.markdown(["operation", "times a step", "microseconds", "share"], rows)


def profiled(call, folder):
    """Calls so many times under the profiler, which writes to a folder; seconds."""
    profiler = import_module("tensorflow").profiler.experimental
    profiler.start(folder, profiler.ProfilerOptions(host_tracer_level=3, python_tracer_level=0))
    begun = time.perf_counter()
    for _ in range(CALLS):
        call()
    seconds = time.perf_counter() - begun
    profiler.stop()
    return seconds


def by_kind(folder):
    """What the profiler wrote: seconds, and how often, by the kind of operation."""
    space = import_module("tensorflow.tsl.profiler.protobuf.xplane_pb2").XSpace()
    space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    spent, counts = Counter(), Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            kind = kind_of(name)
            if "::" in name or kind in HOLDERS:
                continue
            spent[kind] += event.duration_ps / 1e12
            counts[kind] += 1
    return spent, counts


def kind_of(name):
    """`gradients/.../Conv2D_grad/x:_MklNativeConv2D` and XLA's `MatMul_1.9` are a Conv2D and a MatMul."""
    kind = name.rpartition(":")[2].replace("_MklNative", "").replace("_Mkl", "")
    return re.sub(r"(_\d+)?(\.\d+)?$", "", kind)


if __name__ == "__main__":
    main()
