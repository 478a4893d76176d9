"""The line of an epoch: whole in a file, and one line on a terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from conftest import REPOSITORY

from tfgan_v1.report import console

LOSSES = "Epoch 1/100... Discriminator Loss: 0.3638... Generator Loss: 4.0062"
PARTS = ["00:50 left", "119,522 images/s", "D(x) 0.90, D(G(z)) 0.03", "accuracy D 1.00, G 0.00"]


@pytest.mark.parametrize(
    "width, shown",
    [(40, LOSSES[:40]), (67, LOSSES), (80, f"{LOSSES}, {PARTS[0]}"), (200, ", ".join([LOSSES, *PARTS]))],
)
def test_a_terminal_gets_the_losses_and_as_many_parts_as_fit(width, shown):
    assert console.fitted(LOSSES, PARTS, width) == shown


def test_a_part_that_is_too_long_leaves_room_for_a_shorter_one():
    assert console.fitted("Epoch 1", ["a" * 20, "b"], 12) == "Epoch 1, b"


def on_a_terminal(*argv, columns, cwd):
    """What a command prints on a terminal of 24 lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=env) as process:
        os.close(theirs)
        printed = b""
        try:
            while more := os.read(ours, 10_000):
                printed += more
        except OSError:  # Linux ends so, when the command has ended
            pass
    os.close(ours)
    return process.returncode, printed.decode()


@pytest.mark.slow
def test_an_epoch_is_one_line_on_a_terminal_of_80_columns_beside_the_progress_bar(tmp_path):
    argv = [sys.executable, REPOSITORY / "train.py", "--dataset", "digits", "--epochs", "20", "--xla", "off"]
    code, printed = on_a_terminal(*argv, columns=80, cwd=tmp_path)
    assert code == 0 and "step/s]" in printed
    rows = [row.split("\r")[-1] for row in printed.split("\r\n")]  # after the bar was cleared
    epochs = [row for row in rows if row.startswith("Epoch")]
    assert len(epochs) == 20 and all(len(row) <= 80 for row in epochs)
    assert all(
        re.match(r"Epoch \d+/20\.\.\. Discriminator Loss: \S+\.\.\. Generator Loss: \d+\.\d+", row) for row in epochs
    )
    assert any(row.endswith(" left") for row in epochs) and not any("accuracy" in row for row in epochs)
