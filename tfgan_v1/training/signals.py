"""Defers SIGINT, SIGTERM and SIGHUP until the loop can save."""

import os
import signal
import threading
from contextlib import contextmanager, suppress


@contextmanager
def deferred_signals():
    """Yields a list that receives the numbers of Ctrl-C, SIGTERM and SIGHUP in place of their usual effect.

    A second signal has its usual effect, and an ignored one stays ignored. Outside the main thread, where Python allows
    no handlers, the list stays empty.
    """
    received, before = [], {}

    def defer(number, _):
        if received:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        else:
            with suppress(OSError):  # not by print, in which the signal may have come
                os.write(2, b"\nStopping: the run is saved in a moment. Another Ctrl-C ends it at once.\n")
        received.append(number)

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, defer)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
