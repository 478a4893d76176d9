"""Workers of a cluster on this machine, for the tests: processes with a TF_CONFIG each."""

import os
import socket
import threading
import time
from contextlib import suppress

import forked
from conftest import REPOSITORY
from tfgan_v1.cluster.addresses import VARIABLE, Addresses, to_environment
from tfgan_v1.cluster.launch import free_addresses

LIMIT = 300  # seconds for all workers; imports take long on a busy machine


class Ended:
    """A worker that has ended."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds  # seconds since the start of all


def start(folder, commands, before="", addresses=None, env=None):
    """Starts a worker for each command, a list of flags of `train`. before: Python that each runs first.

    addresses: of all workers, or a list of those that each worker is told. Returns (processes, addresses). Output goes
    to files in `folder`.
    """
    workers = addresses or free_addresses(len(commands))
    told = workers if isinstance(workers, list) else [workers] * len(commands)
    script = f"import sys\n{before}\nfrom tfgan_v1 import cli\nsys.exit(cli.main(['train', *sys.argv[1:]], 'train.py'))"
    folder.mkdir(parents=True, exist_ok=True)
    processes = []
    for index, flags in enumerate(commands):
        variable = to_environment(Addresses(told[index], index))
        variables = {**os.environ, VARIABLE: variable, "PYTHONPATH": str(REPOSITORY)}
        files = {"out": folder / f"{index}.out", "err": folder / f"{index}.err"}
        processes.append(forked.Process(script, flags, **files, cwd=REPOSITORY, env={**variables, **(env or {})}))
    return processes, workers


def finish(folder, processes, ignored=(), limit=LIMIT):
    """Waits for all workers but the ignored ones, which are killed then. Returns an Ended for each."""
    began, seconds = time.monotonic(), {}
    try:
        while len(seconds) < len(processes) - len(ignored):
            assert time.monotonic() - began < limit, [(folder / f"{i}.err").read_text() for i in range(len(processes))]
            for index, each in enumerate(processes):
                if index not in ignored and index not in seconds and each.poll() is not None:
                    seconds[index] = time.time()
            time.sleep(0.02)
    finally:
        for each in processes:
            each.kill()
            each.wait()
    texts = [[(folder / f"{i}.{name}").read_text() for name in ("out", "err")] for i in range(len(processes))]
    return [
        Ended(p.returncode, *text, seconds.get(i)) for i, (p, text) in enumerate(zip(processes, texts, strict=True))
    ]


def run(folder, commands, **options):
    """Starts workers, waits for them, and returns an Ended for each."""
    return finish(folder, start(folder, commands, **options)[0])


class Relay:
    """Forwards connections to a worker, until `hold`: then they stay open and carry nothing."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._target, self._held = (host, int(port)), False
        self._server = socket.create_server((host, 0))
        self.address = f"{host}:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        self._held = True

    def _accept(self):
        while True:
            ends = [self._server.accept()[0], socket.socket()]
            if ends[1].connect_ex(self._target):  # nobody listens there yet
                for each in ends:
                    each.close()
                continue
            for pair in (ends, ends[::-1]):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, target):
        with suppress(OSError):
            while data := source.recv(2**20):
                if self._held:
                    return
                target.sendall(data)
        if not self._held:
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
