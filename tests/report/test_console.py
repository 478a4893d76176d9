"""The line of an epoch: whole in a file, and one line on a terminal."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import termios
from contextlib import redirect_stdout

import pytest

import forked
from tfgan_v1.report import console
from tfgan_v1.storage.progress import new_progress
from tfgan_v1.training.plan import make_plan

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


class Terminal(io.StringIO):
    def isatty(self):
        return True


def line_at(columns, plan, numbers, monkeypatch):
    """The line of step 34 of 170 on a terminal."""
    progress, terminal = new_progress(plan), Terminal()
    progress.step, progress.seconds, progress.reported = 34, 7.0, (5.0, 17)
    monkeypatch.setenv("COLUMNS", str(columns))
    with redirect_stdout(terminal):
        console.write_line(plan, progress, numbers)
    return terminal.getvalue().rstrip("\n")


def test_a_narrow_terminal_gets_short_names(digits_config, monkeypatch):
    numbers = [1.3312, 0.8684, 0.48, 0.31, 0.75, 0.25]
    for unit, place in (({"steps": 170}, "34/170"), ({"epochs": 10}, "Epoch 2/10")):
        plan = make_plan(digits_config(**{"epochs": None, **unit}))
        whole = f"{place}  D 1.33  G 0.87  D(x) .48  D(G(z)) .31  850 img/s  00:16 left"
        assert line_at(80, plan, numbers, monkeypatch) == whole
        assert line_at(45, plan, numbers, monkeypatch).startswith(f"{place}  D 1.33  G 0.87  D(x) .48")
        assert line_at(30, plan, numbers, monkeypatch) == f"{place}  D 1.33  G 0.87"
    published = "Epoch 2/10... Discriminator Loss: 1.3312... Generator Loss: 0.8684, 00:16 left, 850 images/s"
    published += ", D(x) 0.48, D(G(z)) 0.31"
    assert line_at(len(published), plan, numbers, monkeypatch) == published
    assert line_at(200, plan, numbers, monkeypatch) == f"{published}, accuracy D 0.75, G 0.25"


def test_a_narrow_terminal_shows_scores_and_points(digits_config, small, monkeypatch):
    critic = make_plan(digits_config(loss="wasserstein", smooth=0.0, epochs=10))
    assert line_at(80, critic, [-12.5, 0.5, -0.25, 1.5], monkeypatch) == (
        "Epoch 2/10  D -12.50  G 0.50  score(x) -0.25  score(G(z)) 1.50  850 img/s"
    )
    points = make_plan(small("points", "gaussian", epochs=170))
    shown = line_at(80, points, [1.3, 0.9, 0.5, 0.5, 0.5, 0.5], monkeypatch)
    assert "  D 1.30  G 0.90  D(x) .50  D(G(z)) .50" in shown and "points/s" in shown


def test_speed_and_time_left_are_those_since_the_last_line(digits_config, capsys):
    plan = make_plan(digits_config(epochs=10))
    progress = new_progress(plan)
    progress.step, progress.seconds, progress.reported = 34, 7.0, (5.0, 17)
    console.write_line(plan, progress, [0.5, 1.25, 0.9, 0.1, 0.75, 0.25])
    assert capsys.readouterr().out == (
        "Epoch 2/10... Discriminator Loss: 0.5000... Generator Loss: 1.2500... D(x) 0.90, D(G(z)) 0.10, "
        "accuracy D 0.75, G 0.25... 850 images/s, 0:00:16 left\n"  # 17 steps of 100 in 2 seconds; 136 are left
    )
    assert progress.reported == (7.0, 34)


TRAIN = "import sys; from tfgan_v1 import cli; sys.exit(cli.main(['train', *sys.argv[1:]], 'train.py'))"


def on_a_terminal(flags, columns, term, cwd):
    """(exit code, what `train` prints) on a terminal of 24 lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": term}
    terminal, printed = os.ttyname(theirs), b""
    process = forked.Process(TRAIN, flags, out=terminal, err=terminal, cwd=cwd, env=env)
    while select.select([ours], [], [], 0.05)[0] or process.poll() is None:
        if select.select([ours], [], [], 0)[0]:
            printed += os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)
    return process.returncode, printed.decode()


@pytest.mark.slow
@pytest.mark.parametrize("columns, term", [(80, "xterm"), (30, "xterm"), (80, "dumb")])
def test_an_epoch_is_one_line_on_a_terminal_next_to_the_bar_that_a_dumb_one_does_not_get(tmp_path, columns, term):
    flags = ["--dataset", "digits", "--epochs", 5, "--xla", "off"]
    code, printed = on_a_terminal(flags, columns, term, tmp_path)
    training, _, summary = printed.partition("Done: ")
    assert code == 0 and "review.html" in summary and "\x1b" not in printed  # no colors
    rows = [row for line in training.split("\r\n") for row in line.split("\r")]
    epochs, bars = ([row for row in rows if part in row] for part in ("Epoch", "%|"))
    assert len(epochs) == 5 and max(map(len, epochs + bars)) <= columns
    if term == "dumb":
        assert "%" not in training and "\r" not in training.replace("\r\n", "")
    elif columns == 80:
        line = re.compile(
            r"Epoch \d/5  D \d+\.\d\d  G \d+\.\d\d  D\(x\) .+  D\(G\(z\)\) .+  [\d,]+ img/s  [\d:]+ left$"
        )
        assert all(line.match(row) for row in epochs)
        bar = re.compile(r" *\d+%\|.+\| [\d.]+/85.0 steps, [\d.]+k? steps/s, \d\d:\d\d left")
        assert any(bar.match(row) for row in bars)


def test_the_summary_names_every_file_of_a_run(finished):
    config = finished.config
    shown = " ".join(console.written_files(config))
    for folder in (config.ckpt_folder, config.samples_folder):
        for path in folder.iterdir():
            if path.name != ".lock":
                assert path.name.split(".index")[0].split(".data-")[0].removesuffix(".json") in shown
    assert shown.count("generator.ckpt-") == 3
