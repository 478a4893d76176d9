"""Standard output and error that cannot stop a run: either may be closed, or redirected to a full disk."""

import os
import sys
import time
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress

LOG = "# tfgan_v1 "  # begins a log, and each command in it


class TolerantStream:
    """A text stream that drops what it cannot write, and keeps the first OSError in `error`, but raises `raises`."""

    log = None  # a file that gets everything but progress bars, too: see `start_log`

    def __init__(self, stream, raises=()):
        self._stream, self._raises, self.error = stream, raises, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """Writes text; returns its length."""
        self._attempt(self._stream.write, text)
        if self.log and not text.startswith("\r"):  # as a bar does
            with suppress(OSError):
                self.log.write(text)
        return len(text)

    def flush(self):
        """Writes what is buffered."""
        self._attempt(self._stream.flush)

    def _attempt(self, call, *args):
        try:
            call(*args)
        except self._raises:
            raise
        except OSError as error:
            self.error = self.error or error
            with suppress(OSError):  # the buffer keeps its text, and Python flushes it once more at exit
                discard(self._stream.fileno())


@contextmanager
def tolerant_streams():
    """Makes sys.stdout and sys.stderr tolerant, but for a broken pipe on stdout. Yields stdout."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # it is closed, and the next file would take its number and get what TensorFlow prints
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    with ExitStack() as stack:
        nowhere = stack.enter_context(open(os.devnull, "w"))
        stdout = stack.enter_context(redirect_stdout(TolerantStream(sys.stdout or nowhere, BrokenPipeError)))
        stack.enter_context(redirect_stderr(TolerantStream(sys.stderr or nowhere)))
        stack.callback(_end_log)
        yield stdout


def start_log(path, command):
    """Appends what the tolerant streams get from now on to a file. Returns whether it is a new one, or such a log.

    command: for the heading; None if another process has written it. Raises OSError if it cannot be written.
    """
    log = open(path, "a+", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    log.seek(0)
    if log.read(len(LOG)) not in (LOG, ""):
        log.close()
        return False
    log.seek(0, os.SEEK_END)
    if command:
        log.write(f"{LOG}{time.strftime('%Y-%m-%d %H:%M:%S')}: {command}\n")
    TolerantStream.log = log
    return True


def _end_log():
    if TolerantStream.log:
        TolerantStream.log.close()
    TolerantStream.log = None


@contextmanager
def silenced_stderr():
    """Discards what this process, also its C++ code, writes to stderr, unless TFGAN_VERBOSE is set.

    Yields a file that still writes to stderr if that is a terminal, else None.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
        yield None
        return
    with open(stderr, "w") as terminal:
        try:
            if not os.environ.get("TFGAN_VERBOSE"):
                discard(2)
            yield terminal if terminal.isatty() else None
        finally:
            os.dup2(stderr, 2)


def discard(descriptor):
    """Points a file descriptor to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
