"""TensorFlow's graph mode as `tf`, imported without its start-up messages.

Those go to the terminal from C++, before Python or TF_CPP_MIN_LOG_LEVEL can stop them; so stderr itself is turned away
for the seconds that the import takes. Set TF_CPP_MIN_LOG_LEVEL below 3 (`--verbose` sets 0) to see everything.
"""

import os
from contextlib import contextmanager


@contextmanager
def _stderr_turned_away():
    try:
        stderr = os.dup(2)
    except OSError:  # a process without a stderr has nothing to keep clean
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


if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") >= "3":
    with _stderr_turned_away():
        import tensorflow.compat.v1 as tf
else:
    import tensorflow.compat.v1 as tf

__all__ = ["tf"]
