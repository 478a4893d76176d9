"""Python programs as forks of one process that has imported TensorFlow, whose import takes longer than most tests.

`python forked.py` reads orders from stdin, one JSON value per line: the arguments of `child`, or the pid of a fork
whose exit code is asked for. It answers each with a line: the fork's pid, or its exit code, as in subprocess, or null.
"""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import time


class Process:
    """A program that runs in a fork, with what the tests need of subprocess.Popen."""

    def __init__(self, script, arguments, *, out, err, cwd, env):
        """Starts a script, Python code, with these sys.argv[1:]. out, err: the files for its output."""
        paths = {"out": str(out), "err": str(err), "cwd": str(cwd)}
        self.pid = _ask({"script": script, "arguments": [str(each) for each in arguments], "env": env, **paths})
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            self.returncode = _ask(self.pid)
        return self.returncode

    def wait(self, timeout=None):
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(f"fork {self.pid}", timeout)
            time.sleep(0.01)
        return self.returncode

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


@functools.cache
def _server():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, __file__], **pipes)
    atexit.register(process.stdin.close)
    return process


def _ask(order):
    process = _server()
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def main():
    import_all()
    for line in sys.stdin:
        order = json.loads(line)
        if isinstance(order, int):
            ended, status = os.waitpid(order, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                child(**order)
        print(json.dumps(answer), flush=True)


def import_all():
    """Imports what takes time, and what a fork must not import at the same time as another."""
    import filelock  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import PIL.Image

    from tfgan_v1._tensorflow import tf
    from tfgan_v1.training import loop  # noqa: F401

    PIL.Image.init()
    tf.Graph()  # brings TensorFlow into this process, and starts a thread
    time.sleep(0.3)  # that must have begun before the first fork: it holds a lock of all threads' beginnings meanwhile


def child(script, arguments, out, err, cwd, env):
    """Runs a script, and ends this fork with its exit code."""
    code = 1
    try:
        for number, path in enumerate((os.devnull, out, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)  # out and err may be one file
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv[1:] = arguments
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
