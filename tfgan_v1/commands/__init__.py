"""The commands of the program: each module has the flags of one, `parse`, and what it does, `run`."""

import os
import sys

from tfgan_v1.errors import tell


def call_of(command, program):
    """A command as the user types it, who typed `program`."""
    return f"python {command}.py" if program.endswith(".py") else f"{program} {command}"


def speaker_of(command, program):
    """Who says an error: the script, or the program with its command."""
    return program if program.endswith(".py") else f"{program} {command}"


def end_process(error, speaker):
    """Says an error and ends at once: TensorFlow's server would take seconds more to give up a lost worker."""
    sys.stdout.flush()
    tell(f"{speaker}: {error}")
    os._exit(error.exit_code)
