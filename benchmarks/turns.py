"""Contestants in processes of their own that take turns, so that a machine whose speed drifts is unfair to none."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

WORKER = Path(__file__).with_name("worker.py")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


class Worker:
    """A long-lived worker.py: idle but for its turns. `unavailable` is the reason if it cannot run, else None."""

    def __init__(self, framework, workload, images, log, command=(sys.executable, WORKER)):
        self.process = subprocess.Popen(
            [*map(str, command), framework, workload, str(images)],
            env={**os.environ, **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        first = self._read()
        self.note, self.unavailable = first.get("ready", ""), first.get("unavailable")

    def run(self, seconds):
        """A turn: steps a second over at least so many seconds, or None if the worker is no more."""
        if self.unavailable:
            return None
        with suppress(OSError):  # it has ended: there will be no answer
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
    """Rounds A B C A B C ...: by name, the results of each round, or None where there was none."""
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            results[name].append(run())
    return results
