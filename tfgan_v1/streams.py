"""Standard output and error that cannot stop a run, since either may be closed or on a full disk; logs and bars."""

import functools
import os
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib import import_module

ALL_WELL = b"\0all is well\0"  # ends what was said in vain to the witness: see `_witness`
# Prints what came after the last ALL_WELL when the pipe ends, but for log lines below fatal, and what belongs to them.
WITNESS = rf"""
import os, re
said = b""
while block := os.read(0, 65536):
    said = (said + block).rpartition({ALL_WELL!r})[2][-100_000:]
noise = rb"[IWE]\d{{4}} |\d{{4}}-\d\d-\d\d [^[]*: [IWE] |WARNING: All log messages|To enable the following|\s*$"
last = b"".join(line for line in said.splitlines(True) if not re.match(noise, line))
if last:
    os.write(2, b"a library has ended the process; its last words:\n" + last)
"""

# How this process speaks. flags: it names options as flags, for a command line, and otherwise as arguments, for Python.
# verbose: of train.train; None: everything, as the command line prints it.
speech = {"flags": False, "verbose": None}


@contextmanager
def speaking(**how):
    """Changes `speech` for as long as this lasts."""
    before = {**speech}
    speech.update(how)
    try:
        yield
    finally:
        speech.update(before)


def put(text, file):
    """Writes a text to a stream; what the stream's encoding has no letters for is escaped."""
    try:
        file.write(text)
    except UnicodeEncodeError:
        file.write(text.encode(file.encoding, "backslashreplace").decode(file.encoding))


class TolerantStream:
    """A text stream that drops what it cannot write, and keeps the first OSError in `error`, but raises `raises`."""

    log = None  # a file that gets everything but progress bars, too: see `start_log`

    def __init__(self, stream, raises=()):
        self._stream, self._raises, self.error = stream, raises, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """Writes text; returns its length."""
        self._attempt(put, text, self._stream)
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


def start_log(log, heading):
    """Writes a line, and what the tolerant streams get from now on, to an open file. Raises OSError if it cannot."""
    TolerantStream.log = log
    TolerantStream.log.write(heading)


def _end_log():
    if TolerantStream.log:
        TolerantStream.log.close()
    TolerantStream.log = None


@contextmanager
def silenced_stderr():
    """Discards what this process, also its C++ code, writes to stderr, and warnings, unless TFGAN_VERBOSE is set.

    Yields a file that still writes to stderr if that is a terminal, else None.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed
        yield None
        return
    with open(stderr, "w") as terminal, warnings.catch_warnings():
        try:
            if not os.environ.get("TFGAN_VERBOSE"):
                warnings.simplefilter("ignore")
                os.dup2(_witness(), 2)
            yield terminal if terminal.isatty() else None
        finally:
            os.dup2(stderr, 2)
            with suppress(OSError):  # somebody has ended the witness
                os.write(_witness(), ALL_WELL)


@functools.cache
def _witness():
    """A pipe to a process that prints what came last, should this one die while it is silenced.

    Such are the last words of C++ code that ends the process, by abort or _exit: no handler of Python runs then.
    """
    import subprocess

    heard, told = os.pipe()
    options = {"stdin": heard, "stdout": subprocess.DEVNULL, "cwd": os.sep, "start_new_session": True}  # of no Ctrl-C
    try:
        subprocess.Popen([sys.executable, "-S", "-c", WITNESS], **options).returncode = 0  # which nobody waits for
    except (OSError, TypeError):  # such as no sys.executable, where Python is embedded
        discard(told)
    os.close(heard)
    return told


def discard(descriptor):
    """Points a file descriptor to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


@functools.cache
def _tqdm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets, a notebook gets a bar of text
        return import_module("tqdm.autonotebook").tqdm  # tqdm.auto without asyncio


def beside_bars():
    """For a with block that prints: the bars are out of its way."""
    return _tqdm().external_write_mode()


def watched(blocks, total, unit, size=len):
    """Yields blocks, with a bar of their sizes in sum."""
    with bar(total, unit) as shown:
        for block in blocks:
            yield block
            shown.update(size(block))


def bar(total, unit, done=0):
    """A bar on a terminal, unless TERM is dumb, or in a notebook: images per second, and the time left."""
    return _tqdm()(
        total=total,
        file=sys.stdout if in_notebook() else None,  # in the order of the lines, and not on red
        initial=done,
        unit=f" {unit}",
        unit_scale=True,
        bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left",
        dynamic_ncols=True,
        leave=False,
        disable=not has_bar(),
    )


def has_bar():
    """Whether bars are shown: on a terminal that can, or in a notebook, unless the caller in Python wants none."""
    terminal = sys.stderr and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return speech["verbose"] not in (0, 2) and bool(terminal or in_notebook())


def in_notebook():
    """Whether a Jupyter kernel, and no terminal, runs this process."""
    shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    return hasattr(shell, "kernel")
