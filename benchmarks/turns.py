"""Worker processes that take turns, so that a drift of the machine's speed affects all of them."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

WORKER = Path(__file__).with_name("worker.py")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


class Worker:
    """A process of worker.py, idle between its turns. `unavailable` is the reason if it cannot run, otherwise None."""

    def __init__(self, framework, workload, images, log, command=(sys.executable, WORKER), options=None):
        self.process = subprocess.Popen(
            [*map(str, command), framework, workload, str(images), *([json.dumps(options)] if options else [])],
            env={**os.environ, **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        first = self._read()
        self.note, self.unavailable = first.get("ready", ""), first.get("unavailable")

    def run(self, seconds):
        """Takes a turn of at least so many seconds. Returns steps per second, or None if the worker has ended."""
        if self.unavailable:
            return None
        with suppress(OSError):  # the worker has ended
            print(f"run {seconds}", file=self.process.stdin, flush=True)
        answer = self._read()
        self.unavailable = answer.get("unavailable")
        return None if self.unavailable else answer["steps"] / answer["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"unavailable": f"ended with exit code {self.process.wait()}"}


def take_turns(runners, rounds):
    """Runs rounds A B C A B C ... Returns, by name, the list of each round's result, which may be None."""
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            results[name].append(run())
    return results
