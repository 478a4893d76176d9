"""TensorFlow's graph mode as `tf`, without the messages that it writes to the terminal on its own.

Those come from C++, some before Python or TF_CPP_MIN_LOG_LEVEL can stop them; so stderr itself is turned away for the
moments in which they come. With TFGAN_VERBOSE set (`--verbose` sets it), TensorFlow speaks as it likes.
"""

import os
from contextlib import contextmanager

from tfgan_v1.errors import DISK_FULL


@contextmanager
def quiet():
    """Turns the process's stderr away, unless TFGAN_VERBOSE is set. Exceptions pass as always."""
    try:
        stderr = os.dup(2) if not os.environ.get("TFGAN_VERBOSE") else None
    except OSError:  # a process without a stderr
        stderr = None
    if stderr is None:
        yield
        return
    nowhere, level = os.open(os.devnull, os.O_WRONLY), os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    try:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # which TensorFlow reads at its start, and keeps to
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        os.environ.pop("TF_CPP_MIN_LOG_LEVEL")
        if level is not None:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = level


def reason(error):
    """What went wrong, out of the many lines in which TensorFlow says it: the end of the one before the node's name."""
    lines = str(error).split("\n\t [[")[0].strip().splitlines()
    return lines[-1].rpartition("; ")[2] if lines else type(error).__name__


def tells_of_full_disk(error):
    """Whether TensorFlow failed for want of room on a disk, which only its words tell from want of memory."""
    return any(os.strerror(number) in str(error) for number in DISK_FULL)


with quiet():
    import tensorflow.compat.v1 as tf

__all__ = ["quiet", "reason", "tells_of_full_disk", "tf"]
