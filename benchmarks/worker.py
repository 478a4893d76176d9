"""Runs one framework on one workload: `python worker.py FRAMEWORK WORKLOAD IMAGES.npy [OPTIONS]`.

OPTIONS are further arguments of the framework's trainer as JSON.

Speaks JSON lines. The first is {"ready": note} or {"unavailable": reason}. Then it answers each line `run SECONDS` with
{"steps": number, "seconds": elapsed}, until an empty line or the end of its input.
"""

import json
import math
import os
import sys
import time
from importlib import import_module

WARM_UP = {"mlp": 200, "gaussian": 200}  # least number of steps; of the others, two calls
HIGHEST_LOSS = 30  # of a working system


def serve(trainer, lines, answer):
    """Answers lines until an empty one or the end."""
    for line in lines:
        words = line.split()
        if not words:
            break
        answer(measure(trainer, float(words[1])))


def measure(trainer, seconds):
    """Trains for at least so many seconds. Returns the steps and the seconds."""
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        trainer.train()
        steps += trainer.chunk
    return {"steps": steps, "seconds": elapsed}


def check(trainer, parameters, least):
    """Warms up by at least two calls and `least` steps. Raises ValueError for wrong parameter counts or losses."""
    if tuple(trainer.parameters) != tuple(parameters):
        raise ValueError(f"{trainer.parameters} parameters, not {parameters}")
    for _ in range(max(2, math.ceil(least / trainer.chunk))):
        trainer.train()
    losses = [float(loss) for loss in trainer.losses()]
    if not all(0 < loss < HIGHEST_LOSS for loss in losses):  # false for nan
        raise ValueError(f"losses {losses}")


def reason(error):
    """The reason why a framework cannot run, in one line."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if type(error).__name__ == "Unavailable" else f"{type(error).__name__}: {lines[0][:100]}"


def main(framework, workload, images, options="{}"):
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps the libraries' output out of the protocol

    def answer(content):
        print(json.dumps(content), file=protocol, flush=True)

    try:
        from frameworks import FRAMEWORKS
        from frameworks.systems import NETWORKS, ONLY, Unavailable

        if framework not in ONLY.get(workload, (framework,)):
            raise Unavailable("not written for this workload")
        entry = FRAMEWORKS[framework]
        trainer = import_module(entry.module).trainer(workload, images, **entry.options, **json.loads(options))
        parameters = NETWORKS[workload].parameters if options == "{}" else trainer.parameters  # options may add some
        check(trainer, parameters, WARM_UP.get(workload, 0))
    except Exception as error:  # the other frameworks continue without this one
        answer({"unavailable": reason(error)})
        raise
    answer({"ready": trainer.note})
    serve(trainer, sys.stdin, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
