"""Ctrl-C and its kin as a wish that the loop grants at the next chance, with everything saved."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def deferred_signals():
    """Yields a list to which Ctrl-C, SIGTERM and SIGHUP add their numbers instead of ending the process at once.

    A second one does what it always did, and so does one that was set to be ignored. Outside the main thread, where
    Python allows no handlers, the list stays empty.
    """
    noted, before = [], {}

    def note(number, _):
        if noted:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        noted.append(number)

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        handlers = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, note)
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
