"""Several workers on one machine, to try out a cluster."""

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tfgan_v1.cluster.addresses import LAUNCHED, VARIABLE, Addresses, to_environment
from tfgan_v1.errors import PeerLost, note, tell
from tfgan_v1.files import temporary_file

HOST = "127.0.0.1"
PATIENCE = 15  # seconds that the others have to end by themselves when one has ended with an error
CHILD = "import sys; from tfgan_v1 import cli; sys.exit(cli.process(sys.argv[2:], program=sys.argv[1]))"


def launch(flags, program, count):
    """Runs `train` with these flags in `count` processes. Returns the chief's exit code.

    The chief's output is this process's; the others' errors are shown if the chief only lost them. Ctrl-C, SIGTERM and
    SIGHUP go to the chief, which stops all.
    """
    workers, processes = free_addresses(count), []
    with ExitStack() as stack:
        files = (temporary_file(errors="backslashreplace") for _ in range(count - 1))
        outputs = [None, *map(stack.enter_context, files)]
        with _forwarded(processes):
            try:
                for index, output in enumerate(outputs):
                    processes.append(_start(flags, program, Addresses(workers, index), output))
                _wait(processes)
            finally:
                for each in processes:
                    each.stdin.close()
                    each.kill()  # nothing, if it has ended
        codes = [each.returncode for each in processes]
        for output, code in zip(outputs, codes, strict=True):
            if output and codes[0] == PeerLost.exit_code and code not in (0, PeerLost.exit_code):
                output.seek(0)
                tell(output.read().rstrip())
    return codes[0] if codes[0] >= 0 else 128 - codes[0]


def free_addresses(count):
    """So many addresses of this machine that no process uses."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return tuple(f"{HOST}:{each.getsockname()[1]}" for each in sockets)


def _start(flags, program, addresses, output):
    """Starts a worker, with its share of the processor's cores if there are enough."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    streams = {"stdout": subprocess.DEVNULL, "stderr": output} if output else {}
    with _on_cores(addresses):
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, program, "train", *flags],
            env={**os.environ, VARIABLE: to_environment(addresses), LAUNCHED: "1", "PYTHONPATH": path},
            stdin=subprocess.PIPE,  # which ends with this process: see `watch_launcher`
            start_new_session=True,  # a Ctrl-C in the terminal reaches this process alone, which forwards it
            **streams,
        )


def watch_launcher():
    """In a worker: stops the run, by SIGTERM, when the process that has started it is gone."""

    def watch():
        while os.read(0, 1):
            pass
        note("stopping, as the process that started the workers was killed")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _on_cores(addresses):
    """Runs processes that are started meanwhile on one worker's share of the cores."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count, index = len(addresses.workers), addresses.index
    share = cores[len(cores) * index // count : len(cores) * (index + 1) // count] if len(cores) >= count else []
    if share:
        os.sched_setaffinity(0, share)
    try:
        yield
    finally:
        if share:
            os.sched_setaffinity(0, cores)


@contextmanager
def _forwarded(processes):
    """Sends the signals that would end this process to the first of these, meanwhile."""
    forward = lambda number, _: [each.send_signal(number) for each in processes[:1]]  # noqa: E731
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(processes):
    """Waits for all. If the chief has ended, or another one with an error, the rest has PATIENCE seconds."""
    deadline = math.inf
    while any(each.poll() is None for each in processes):
        if processes[0].returncode is not None or any(each.returncode for each in processes):
            deadline = min(deadline, time.monotonic() + PATIENCE)
        if time.monotonic() > deadline:
            for each in processes:
                each.kill()  # nothing, if it has ended
        time.sleep(0.1)
