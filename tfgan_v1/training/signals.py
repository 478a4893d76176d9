"""Defers SIGINT, SIGTERM and SIGHUP until the loop can save."""

import os
import signal
import socket
import threading
from contextlib import contextmanager, suppress

ANSWER = b"\nStopping: the run is saved in a moment. Another Ctrl-C ends it at once.\n"
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def deferred_signals():
    """Yields a list that receives the numbers of Ctrl-C, SIGTERM and SIGHUP in place of their usual effect.

    The first is answered at once. A second one has its usual effect, and an ignored one stays ignored. Outside the main
    thread, where Python allows no handlers, the list stays empty.
    """
    received, before = [], {}

    def defer(number, _):
        if received:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    before |= {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    with answered(before, received):
        try:
            for number in before:
                signal.signal(number, defer)
            yield received
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def answered(numbers, received):
    """Answers the first of these signals on stderr while the main thread is in a call of TensorFlow.

    Python's handlers wait for the end of such a call, and two signals become one meanwhile: the second is sent again.
    """
    (heard, told), ended, stderr = socket.socketpair(), threading.Event(), None
    with suppress(OSError):  # it is closed
        stderr = os.dup(2)  # which TensorFlow's messages are kept from while it compiles

    def answer():
        seen = (number[0] for number in iter(lambda: heard.recv(1), b"") if number[0] in numbers)
        for count, number in enumerate(seen, 1):
            if count == 1 and stderr:
                with suppress(OSError):
                    os.write(stderr, ANSWER)
            elif count == 2:
                while not received and not ended.wait(0.01):
                    pass
                if len(received) == 1 and not ended.is_set():
                    signal.raise_signal(number)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    told.setblocking(False)  # as set_wakeup_fd asks
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        told.close()
        thread.join()
        heard.close()
        if stderr:
            os.close(stderr)
