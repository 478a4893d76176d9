"""TensorFlow's graph mode as `tf`, imported at its first use and without the messages that it prints then.

Importing TensorFlow takes seconds, and tables of losses or networks need none of it until a graph is built. C++ prints
the messages, some before TF_CPP_MIN_LOG_LEVEL is read, so stderr is redirected meanwhile. TFGAN_VERBOSE, which
`--verbose` sets, shows them.
"""

import functools
import os
import sys
import threading
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from tfgan_v1.errors import DISK_FULL
from tfgan_v1.streams import silenced_stderr


@contextmanager
def quiet():
    """Discards the messages of TensorFlow, unless TFGAN_VERBOSE is set."""
    before = {name: os.environ[name] for name in ("TF_CPP_MIN_LOG_LEVEL",) if name in os.environ}
    if not os.environ.get("TFGAN_VERBOSE"):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow reads it once, when it starts
    try:
        with silenced_stderr():
            yield
    finally:
        os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
        os.environ.update(before)


def reason(error):
    """The reason in one of TensorFlow's long messages: the end of the last line before the node's name."""
    lines = str(error).split("\n\t [[")[0].strip().splitlines()
    return lines[-1].rpartition("; ")[2] if lines else type(error).__name__


def tells_of_full_disk(error):
    """Whether TensorFlow's error means a full disk. Only its text distinguishes that from a lack of memory."""
    return any(os.strerror(number) in str(error) for number in DISK_FULL)


_LOADING = threading.Lock()  # `quiet` redirects stderr of the whole process


@functools.cache
def _load():
    if isinstance(stop := sys.exc_info()[1], KeyboardInterrupt):  # an `except tf.errors...` would import it in vain
        raise stop
    with _LOADING, quiet():
        if os.environ.get("MPLBACKEND"):
            _check_backend()
        module = import_module("tensorflow.compat.v1")
    if not os.environ.get("TFGAN_VERBOSE"):
        module.logging.set_verbosity(module.logging.WARN)  # the level of scripts; in a notebook, TensorFlow has INFO
    return module


def _check_backend():
    """Takes agg if this Python lacks the backend, as it may a notebook's: Keras imports pyplot, which then raises."""
    try:
        import_module("matplotlib.pyplot")
    except (ImportError, ValueError):
        os.environ["MPLBACKEND"] = "agg"
        import_module("matplotlib").use("agg")


class TensorFlow(ModuleType):
    """tensorflow.compat.v1, imported when one of its names is first looked up."""

    def __getattr__(self, name):
        if name.startswith("__") and name != "__version__":  # which Python looks up in any object
            raise AttributeError(name)
        setattr(self, name, getattr(_load(), name))
        return self.__dict__[name]

    def __dir__(self):
        return dir(_load())


tf = TensorFlow("tensorflow.compat.v1")
