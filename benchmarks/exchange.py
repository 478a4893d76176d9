"""Measures the cost of the exchange between workers: the time of a step of several workers, each on its own core.

    TFGAN_DATA=... python benchmarks/exchange.py --only dcgan_upsample,dcgan --rounds 5

As many processes that exchange nothing take turns with as many workers, each with the same number of images in a
batch. The share of linear is the time of a step without exchange over that with it. With --delay, every byte between
two workers takes so many milliseconds longer, each way. Prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import tables
from speed import environment, save_data, say
from tfgan_v1.cluster.addresses import VARIABLE, Addresses, from_environment, to_environment
from tfgan_v1.cluster.launch import free_addresses
from turns import QUIET, take_turns

ROWS = {"mlp": 50}  # images of a worker's batch; of the others 32
STEPS = {"mlp": 400, "gaussian": 2000}  # of a turn; of the others so many as take about two seconds
PRESETS = "mlp,gaussian,conv,dcgan,dcgan_upsample,tuned"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=PRESETS, help="presets, separated by commas")
    parser.add_argument("--workers", default="2", help="numbers of workers, separated by commas")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds, each way")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        about = f"{environment()}; {save_data(folder)}"
        for preset in given.only.split(","):
            for count in map(int, given.workers.split(",")):
                rows.append([f"`{preset}`", str(count), *compare(preset, count, given, folder)])
                say(" ".join(rows[-1]))
    delay = f", {given.delay:g} ms of delay each way" if given.delay else ""
    print(f"{given.rounds} rounds in turns{delay}; {about}.\n")
    header = ["preset", "workers", "rows each", "ms a step without exchange", "ms with it", "of linear"]
    print(tables.markdown(header, rows))


def compare(preset, count, given, folder):
    """The cells of a row: rows of a worker, milliseconds without and with the exchange, and their ratio."""
    rows, steps = ROWS.get(preset, 32), STEPS.get(preset, 24)
    images = folder / ("points.npy" if preset == "gaussian" else "images.npy")
    with ExitStack() as stack:
        clusters = {
            "without": [None] * count,
            "with": [to_environment(each) for each in delayed(count, given.delay, stack)],
        }
        groups = {name: stack.enter_context(Group(preset, rows, images, each)) for name, each in clusters.items()}
        results = take_turns(
            {name: lambda group=group: group.run(steps) for name, group in groups.items()}, given.rounds
        )
    texts = [tables.spread([1000 * seconds for seconds in results[name]]).text() for name in ("without", "with")]
    return str(rows), *texts, tables.spread(tables.ratios(results["without"], results["with"])).text(".2f")


def delayed(count, milliseconds, stack):
    """The Addresses of each worker: with a delay, it reaches the others through relays."""
    workers = free_addresses(count)
    if not milliseconds:
        return [Addresses(workers, index) for index in range(count)]
    relays = free_addresses(count)
    pairs = [":".join(each.rpartition(":")[2] for each in pair) for pair in zip(relays, workers, strict=True)]
    command = [sys.executable, Path(__file__).with_name("delay.py"), str(milliseconds), *pairs]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
    stack.callback(process.kill)
    process.stdout.readline()
    return [Addresses((*relays[:index], workers[index], *relays[index + 1 :]), index) for index in range(count)]


class Group:
    """Processes that train at the same time, each on a core of its own as far as there are enough."""

    def __init__(self, preset, rows, images, configurations):
        cores = sorted(os.sched_getaffinity(0))
        self.processes = []
        for index, configuration in enumerate(configurations):
            options = {"preset": preset, "batch": rows * (len(configurations) if configuration else 1)}
            options |= {"images": str(images), "core": cores[index % len(cores)]}
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, __file__, "--child", json.dumps(options)],
                    env={**os.environ, **QUIET, VARIABLE: configuration or ""},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for each in self.processes:
            each.stdout.readline()

    def run(self, steps):
        """Trains at least so many steps in all processes. Returns the seconds of a step, of the slowest."""
        for each in self.processes:
            print(steps, file=each.stdin, flush=True)
        return max(float(each.stdout.readline()) for each in self.processes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.processes:
            each.kill()
            each.wait()


def child(preset, batch, images, core):
    """One process of a group: answers each number of steps with the seconds that a step took."""
    os.sched_setaffinity(0, [core])
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps TensorFlow's output out of the protocol

    from tfgan_v1 import Config
    from tfgan_v1._tensorflow import tf
    from tfgan_v1.cluster.member import SINGLE, Member
    from tfgan_v1.training import loop
    from tfgan_v1.training.plan import make_plan

    cluster, folder = from_environment(), tempfile.mkdtemp()
    member = Member(cluster, 300) if cluster else SINGLE
    unit = "steps" if Config(model=preset).steps else "epochs"
    places = {"ckpt": f"{folder}/checkpoints", "samples": f"{folder}/samples"}  # nothing is written there
    options = {"batch_size": batch, "batches": "shuffled", "chunk": 8, "xla": "off", unit: 10**6, **places}
    plan = make_plan(Config(model=preset, dataset=images, **options), workers=member.size)
    if cluster:
        member.gather("here")
        member.watch()
    with tf.Graph().as_default(), loop.make_context(plan, "", [], member=member) as context:
        loop.initialize(context)
        context.session.run(context.graph.start_average)
        member.broadcast(context.graph, context.session, 0)
        calls = plan.chunks(0)
        for _ in range(2):
            context.train_fn(*next(calls))
        print("ready", file=protocol, flush=True)
        for line in sys.stdin:
            done, start = 0, time.perf_counter()
            while done < int(line):
                first, steps = next(calls)
                context.train_fn(first, steps)
                done += steps
            print((time.perf_counter() - start) / done, file=protocol, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(**json.loads(sys.argv[2]))
    else:
        main()
