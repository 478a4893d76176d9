"""The command line: runs a command, and turns every mistake into one sentence and an exit code.

Only the module of the command is imported, and TensorFlow only after the flags are checked, so that mistakes are quick.
"""

import logging
import os
import signal
import sys
import time
from importlib import import_module

from tfgan_v1 import __version__
from tfgan_v1.commands import end_process, speaker_of
from tfgan_v1.errors import DiskFull, PeerLost, UserError, as_user_error, brief, did_you_mean, plain, say, tell
from tfgan_v1.streams import discard, speaking, tolerant_streams

COMMANDS = {  # the name of a module in commands/ -> what it does
    "train": "train a GAN",
    "sample": "draw samples from a trained generator",
    "runs": "list the runs: name, model, data, steps, last scores",
    "compare": "make a page of several runs side by side",
    "review": "make a page, a plot and an animation of a run's samples",
    "evaluate": "measure a trained generator, or images, against real images",
    "import": "open an old generator: TensorFlow 1, tf.train.Checkpoint, Keras, PyTorch",
    "verify": "train a part of a run again, and compare every bit",
    "export": "write a trained generator for TensorFlow Serving, ONNX, NumPy, PyTorch and a browser",
}
ALIKE = {"eval": "evaluate", "list": "runs", "ls": "runs", "generate": "sample", "draw": "sample"}  # what others say
WRITE_AT_THE_END = ("sample", "evaluate", "import", "export")
BROKEN_PIPE = 128 + 13  # as shells report SIGPIPE
BURST = 1.0  # seconds after a Ctrl-C in which more of them mean the same


def process(argv=None, program="tfgan"):
    """`main` for a process of its own, in which Ctrl-C and matplotlib are ours. Returns the exit code."""
    # What is set for other programs, such as a notebook's backend, may be missing here, or change the plots.
    os.environ.update(MPLBACKEND="agg", MATPLOTLIBRC=os.devnull, KERAS_BACKEND="tensorflow")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of its own settings and cache
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # in the background of a shell, it is ignored
    if ours:
        signal.signal(signal.SIGINT, _interrupt)
    code = main(argv, program)
    if ours:  # all is done, and TensorFlow may take seconds to end
        signal.signal(signal.SIGINT, lambda *_: os._exit(code))
        if code > 128:  # what was said is flushed: see errors.tell
            os._exit(code)
    return code


_last_interrupt = -BURST  # by time.monotonic


def _interrupt(*_):
    """Raises KeyboardInterrupt, once for a burst of signals, so that what the first one ends can end."""
    global _last_interrupt
    if time.monotonic() - _last_interrupt >= BURST:
        _last_interrupt = time.monotonic()
        raise KeyboardInterrupt


def main(argv=None, program="tfgan"):
    """Runs a command line. Returns the exit code of the process.

    argv: a command in COMMANDS and its flags; None for those of the process. program: what the user typed: "tfgan",
    "python -m tfgan_v1", or a script such as "train.py". Exit codes: 0 success, 2 to 5 those of errors.UserError and
    its classes, 128 + n ended by signal n.
    """
    command, *flags = (sys.argv[1:] if argv is None else argv) or ["--help"]
    speaker = speaker_of(command, program) if command in COMMANDS else program
    with speaking(flags=True), tolerant_streams() as stdout:
        try:
            _check_current_folder()
            code = _run(command, flags, program)
            stdout.flush()
            if stdout.error and code == 0:
                saved = "; everything else is done and saved" if command in COMMANDS else ""
                raise DiskFull(f"standard output could not be written ({stdout.error.strerror}){saved}")
            return code
        except BrokenPipeError:  # the reader of stdout has closed it
            discard(stdout.fileno())
            return BROKEN_PIPE
        except (UserError, OSError, ImportError, MemoryError) as error:
            error = as_user_error(error)
            if isinstance(error, PeerLost):
                end_process(error, speaker)
            tell(f"{speaker}: {error}")
            return error.exit_code
        except KeyboardInterrupt as stop:
            state = str(stop) or "nothing was written" * (command in WRITE_AT_THE_END)
            tell(plain(f"{speaker}: stopped{'; ' * bool(state)}{state}"))
            return 128 + signal.SIGINT


def _check_current_folder():
    """Raises UserError unless there is one, on which every path depends."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError("the current folder was deleted; change to another one (cd)") from None


def _run(command, flags, program):
    """Runs one command. Returns its exit code."""
    if command == "help":
        command, *flags = [*flags[:1], "--help"]
    if command in ("-h", "--help"):
        say(
            f"usage: {program} {{{','.join(COMMANDS)}}} [flags]",
            "",
            *(f"  {name:9}{summary}" for name, summary in COMMANDS.items()),
            "",
            f"`{program} train --help` lists the flags of train.",
        )
        return 0
    if command in ("-V", "--version"):
        say(f"tfgan_v1 {__version__}")
        return 0
    if command not in COMMANDS:
        meant = ALIKE.get(command)
        hint = f"did you mean {meant}? " if meant else did_you_mean(command.lower(), COMMANDS)
        raise UserError(f"there is no command {brief(command)}; {hint}the commands are {', '.join(COMMANDS)}")
    try:
        return import_module(f"tfgan_v1.commands.{command}").run(flags, program)
    except SystemExit as end:  # after --help and --version
        return end.code
