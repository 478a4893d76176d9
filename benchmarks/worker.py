"""One framework at one workload, in a process of its own: `python worker.py FRAMEWORK WORKLOAD IMAGES.npy`.

A line protocol of JSON. First it says {"ready": what there is to note} or {"unavailable": the reason}; from then on
it answers each line `run SECONDS` by {"steps": number, "seconds": elapsed}. An empty line, or none, ends it.
"""

import json
import math
import os
import sys
import time
from importlib import import_module

WARM_UP = {"mlp": 200, "gaussian": 200}  # steps at least, of the others as many as one call has, twice
HIGHEST_LOSS = 30  # of a system that trains


def serve(trainer, lines, answer):
    """Answers lines until they end."""
    for line in lines:
        words = line.split()
        if not words:
            break
        answer(measure(trainer, float(words[1])))


def measure(trainer, seconds):
    """Trains for at least so many seconds."""
    steps, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        trainer.train()
        steps += trainer.chunk
    return {"steps": steps, "seconds": elapsed}


def check(trainer, parameters, least):
    """Warms a trainer up by two calls and so many steps, at least; raises ValueError if it is not the system wanted."""
    if tuple(trainer.parameters) != tuple(parameters):
        raise ValueError(f"{trainer.parameters} parameters, not {parameters}")
    for _ in range(max(2, math.ceil(least / trainer.chunk))):
        trainer.train()
    losses = [float(loss) for loss in trainer.losses()]
    if not all(0 < loss < HIGHEST_LOSS for loss in losses):  # which nan is not, either
        raise ValueError(f"losses {losses}")


def reason(error):
    """Why a framework cannot run, in one line."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if type(error).__name__ == "Unavailable" else f"{type(error).__name__}: {lines[0][:100]}"


def main(framework, workload, images):
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print is no answer

    def answer(what):
        print(json.dumps(what), file=protocol, flush=True)

    try:
        from frameworks import FRAMEWORKS
        from frameworks.systems import NETWORKS

        entry = FRAMEWORKS[framework]
        trainer = import_module(entry.module).trainer(workload, images, **entry.options)
        check(trainer, NETWORKS[workload].parameters, WARM_UP.get(workload, 0))
    except Exception as error:  # whatever it is, the others can go on without this one
        answer({"unavailable": reason(error)})
        raise
    answer({"ready": trainer.note})
    serve(trainer, sys.stdin, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
