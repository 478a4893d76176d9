"""Runs of the trainer to be killed: each is a fork of a process that has only imported TensorFlow.

So a kill does not cost another import. `python forks.py` reads orders from stdin, one JSON object per line, and answers
each with a line: the exit code as in subprocess, and the lifetime of the fork in seconds.
"""

import errno
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import forked

SMALL = {"model": "mlp", "num_samples": 2, "sheets": "each", "xla": "off"}  # options of all these runs
TENSORS = "write tensors"  # the only stage inside TensorFlow


class Forks:
    """The parent's handle of the process. A context manager."""

    def __init__(self):
        command = [sys.executable, __file__]
        path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **pipes)

    def train(
        self, options, *, resume=False, kill_after=None, kill_at_line=None, stop_at=None, note=None, stderr=os.devnull
    ):
        """Trains with these options of a Config in a fork, by the command line. Returns the answer.

        kill_after: seconds until SIGKILL. kill_at_line: [file, lines, seconds], SIGKILL that many seconds after the
        file has that many lines. stop_at: [name, how], the first stage of this name, and "before", "half" or "after"
        for SIGKILL there, or "full" for a disk that is full from there on. note: a file for the names of the stages in
        order. stderr: a file for the output to stderr.
        """
        order = {"options": options, "resume": resume, "stop_at": stop_at, "note": note, "stderr": stderr}
        kill = {"kill_after": kill_after, "kill_at_line": kill_at_line}
        self._process.stdin.write(json.dumps({**order, **kill}, default=str) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def images(path):
    """Writes the 300 images of 8x8 pixels for these runs, and returns the path."""
    np.save(path, np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), np.uint8))
    return path


def labels(path):
    """Writes a class for each of the 300 images, and returns the path."""
    path.write_text("".join(f"{number}\n" for number in np.random.default_rng(1).integers(0, 5, 300)))
    return path


def main():
    forked.import_all()
    for line in sys.stdin:
        order, start_time = json.loads(line), time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(order)
        code = wait(pid, order["kill_after"], order["kill_at_line"])
        print(json.dumps({"code": code, "seconds": time.monotonic() - start_time}), flush=True)


def wait(pid, kill_after, kill_at_line):
    """Waits for the end of a child, or kills it. Returns its exit code."""
    if kill_after is None and kill_at_line is None:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    moment = time.monotonic() + kill_after if kill_after is not None else float("inf")
    ended, status = os.waitpid(pid, os.WNOHANG)
    while not ended:
        if kill_at_line and os.path.exists(kill_at_line[0]):
            path, lines, seconds = kill_at_line
            if Path(path).read_bytes().count(b"\n") >= lines:
                moment, kill_at_line = min(moment, time.monotonic() + seconds), None
        if time.monotonic() >= moment:
            os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0)
        else:
            time.sleep(0.002)
            ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status)


def child(order):
    """The work of a fork; it never returns."""
    from tfgan_v1 import cli
    from tfgan_v1.config.options import flag
    from tfgan_v1.report import plots
    from tfgan_v1.training import loop

    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(order["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        loop.SAVE_SECONDS = 0  # a state with every call of the loop
        plots.figure_png = lambda _: b"a picture"  # drawing them takes longer than all the rest
        stages = Stages(os.path.dirname(order["options"]["ckpt"]), order["stop_at"])
        if order["note"] or order["stop_at"]:
            stages.watch()
        options = order["options"].items()
        argv = [part for name, value in options for part in (flag(name), *([] if value is True else [str(value)]))]
        code = cli.main(["train", *argv, *(["--resume"] if order["resume"] else [])], "train.py")
        if order["note"]:
            stages.inside = True
            Path(order["note"]).write_text(json.dumps(stages.names))
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stderr.flush()
    os._exit(code)


class Stages:
    """The changes that a run makes to its files, by name. At one of them it stops: see Forks.train."""

    def __init__(self, root, stop_at):
        self.root, (self.last, self.how) = root, stop_at or (None, None)
        self.names, self.inside, self.full = [], False, False

    def pass_by(self, stage, do, half=None):
        """Runs one stage. half: runs a part of it."""
        if self.inside:  # a call within another stage
            return do()
        name, self.inside = self._name(stage), True
        self.names.append(name)
        try:
            here = name == self.last
            if here and self.how == "before":
                _die()
            if here and half and self.how in ("half", "full"):
                half()
            if here and self.how == "half":
                _die()
            self.full |= here and self.how == "full"
            if self.full and name.startswith(("make", "write", "sync")):
                raise _no_room(name)
            result = do()
            if here and self.how == "after":
                _die()
            return result
        finally:
            self.inside = False

    def _name(self, stage):
        """The name of a stage without the parent folder, random parts and the numbers of steps, epochs and rows."""
        name = re.sub(r"\.[0-9a-f]{8}\.partial", ".partial", stage.replace(f"{self.root}/", ""))
        name = re.sub(r"(?<=[-/.])\d+(?=[./]|$)", "N", name)
        return re.sub(r"^write \d+ to (.*partial)$", r"write to \1", name)

    def watch(self):
        """Makes a stage of every call that changes or syncs files."""
        from tfgan_v1._tensorflow import tf
        from tfgan_v1.storage import records

        self._wrap(os, "replace", lambda _, to: f"rename to {to}")
        self._wrap(os, "rename", lambda _, to: f"rename to {to}")
        self._wrap(os, "fsync", lambda file: f"sync {os.path.realpath(f'/proc/self/fd/{file}')}")
        self._wrap(shutil, "rmtree", lambda path: f"remove {path}", _half_a_folder, only=os.path.exists)
        self._wrap(pathlib.Path, "unlink", lambda path: f"remove {path}", only=os.path.exists)
        self._wrap(pathlib.Path, "mkdir", lambda path, *_: f"make {path}", only=lambda path: not os.path.exists(path))
        self._wrap(pathlib.Path, "write_bytes", lambda path, _: f"write {path}", _half_a_file)
        self._wrap(pathlib.Path, "write_text", lambda path, _: f"write {path}", _half_a_file)
        self._wrap(tf.train.Saver, "save", lambda _, __, prefix: f"{TENSORS} of {prefix}", _half_a_checkpoint)
        real_open = open
        records.open = lambda path, *args, **options: _Opened(self, path, real_open(path, *args, **options))

    def _wrap(self, owner, attribute, name, half=None, only=lambda _: True):
        real = getattr(owner, attribute)

        def wrapped(*args, **options):
            if not only(args[0]):
                return real(*args, **options)
            return self.pass_by(name(*args), lambda: real(*args, **options), half and (lambda: half(*args)))

        setattr(owner, attribute, wrapped)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _no_room(name):
    from tfgan_v1._tensorflow import tf

    if name.startswith(TENSORS):
        return tf.errors.ResourceExhaustedError(None, None, os.strerror(errno.ENOSPC))
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _half_a_file(path, content):
    with open(path, "wb") as file:
        file.write((content if isinstance(content, bytes) else content.encode())[: len(content) // 2])


def _half_a_folder(path):
    for inside in sorted(Path(path).iterdir())[:1]:
        inside.unlink()


def _half_a_checkpoint(_, __, prefix):
    Path(f"{prefix}.data-00000-of-00001.tempstate1").write_bytes(b"a few tensors")


class _Opened:
    """An open file; each write is a stage."""

    def __init__(self, stages, path, file):
        self.stages, self.path, self.file, self.writes = stages, path, file, itertools.count(1)

    def write(self, content):
        def half():
            self.file.write(content[: len(content) // 2])
            self.file.flush()

        def whole():
            self.file.write(content)
            self.file.flush()

        self.stages.pass_by(f"write {next(self.writes)} to {self.path}", whole, half)

    def __enter__(self):
        self.file.__enter__()
        return self

    def __exit__(self, *exception):
        return self.file.__exit__(*exception)

    def __iter__(self):
        return iter(self.file)

    def __getattr__(self, name):
        return getattr(self.file, name)


if __name__ == "__main__":
    main()
