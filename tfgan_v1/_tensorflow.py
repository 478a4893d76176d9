"""TensorFlow's graph mode as `tf`, without the messages that it writes to the terminal on its own.

Those come from C++, some before Python or TF_CPP_MIN_LOG_LEVEL can stop them; so stderr itself is turned away for the
moments in which they come. Set TF_CPP_MIN_LOG_LEVEL below 3 (`--verbose` sets 0) to see everything.
"""

import os
from contextlib import contextmanager


@contextmanager
def quiet():
    """Turns the process's stderr away, unless TF_CPP_MIN_LOG_LEVEL asks for messages. Exceptions pass as always."""
    try:
        stderr = os.dup(2) if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") >= "3" else None
    except OSError:  # a process without a stderr
        stderr = None
    if stderr is None:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


with quiet():
    import tensorflow.compat.v1 as tf

__all__ = ["quiet", "tf"]
