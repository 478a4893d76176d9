"""Standard output and error that cannot stop a run: either may be closed, or redirected to a full disk."""

import os
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress


class TolerantStream:
    """A text stream that drops what it cannot write, and keeps the first OSError in `error`, but raises `raises`."""

    def __init__(self, stream, raises=()):
        self._stream, self._raises, self.error = stream, raises, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """Writes text; returns its length."""
        self._attempt(self._stream.write, text)
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
        yield stdout


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
