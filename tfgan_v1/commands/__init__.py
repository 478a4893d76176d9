"""The commands of the program: each module has the flags of one, `parse`, and what it does, `run`."""

import os
import sys

from tfgan_v1.errors import plain


def say(*lines):
    """Prints lines, with the control characters escaped that names of files may contain."""
    print("\n".join(map(plain, lines)))


def call_of(command, program):
    """A command as the user types it, who typed `program`."""
    return f"python {command}.py" if program.endswith(".py") else f"{program} {command}"


def speaker_of(command, program):
    """Who says an error: the script, or the program with its command."""
    return program if program.endswith(".py") else f"{program} {command}"


def watched(blocks, total, unit, size=len):
    """Yields blocks, with a bar of their sizes in sum on a terminal."""
    from tfgan_v1.report import console  # with tqdm, which takes time to import

    with console.bar(total, unit) as shown:
        for block in blocks:
            yield block
            shown.update(size(block))


def end_process(error, speaker):
    """Says an error and ends at once: TensorFlow's server would take seconds more to give up a lost worker."""
    sys.stdout.flush()
    print(f"{speaker}: {error}", file=sys.stderr, flush=True)
    os._exit(error.exit_code)
