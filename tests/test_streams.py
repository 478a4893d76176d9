"""A closed or full standard output or error stops no run."""

import io
import subprocess
import sys

import pytest

from conftest import REPOSITORY, thorough
from tfgan_v1 import cli, errors, files, streams
from tfgan_v1.storage import checkpoints

LOST = "train.py: standard output could not be written (No space left on device); everything else is done and saved\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "redirections, code, epochs_shown, err",
    [
        thorough("2>&-", 0, 2, ""),
        thorough("2>/dev/full", 0, 2, ""),
        thorough(">&-", 0, 0, ""),
        thorough(">&- 2>&-", 0, 0, ""),
        ("<&- >&- 2>&-", 0, 0, ""),
        (">/dev/full 2>&1", 3, 0, ""),
        (">/dev/full", 3, 0, LOST),
    ],
)
def test_a_run_trains_to_its_end_with_any_standard_streams(tmp_path, redirections, code, epochs_shown, err):
    train = f"{sys.executable} {REPOSITORY}/train.py --dataset digits --epochs 2 --xla off {redirections}"
    ended = subprocess.run(train, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = "".join(line for line in ended.stderr.splitlines(True) if not line.startswith("warning: "))  # too few epochs
    assert (ended.returncode, said, ended.stdout.count("Epoch ")) == (code, err, epochs_shown)
    assert checkpoints.newest_state(tmp_path / "checkpoints").step == 34


def full():
    return open("/dev/full", "w", buffering=1)


def test_lost_output_is_exit_code_3_and_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", full())
    assert cli.main(["train", "--help"], "train.py") == 3
    sys.stdout.close()
    assert capsys.readouterr().err == LOST


@pytest.mark.slow
def test_any_loss_of_output_is_exit_code_3(tmp_path):
    """A standard output that is open for reading only (EBADF)."""
    command = f"{sys.executable} {REPOSITORY}/train.py --dataset digits --epochs 1 --xla off 1</dev/null"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 3 and "everything else is done and saved" in ended.stderr
    assert checkpoints.newest_state(tmp_path / "checkpoints").step == 17


def test_an_error_keeps_its_exit_code_where_it_cannot_be_printed(monkeypatch, capsys):
    for stderr in (full(), None):
        monkeypatch.setattr(sys, "stderr", stderr)
        assert cli.main(["train", "--epochs", "0"], "train.py") == 2
        assert sys.stderr is stderr
        if stderr:
            stderr.close()
    assert capsys.readouterr().out == ""


def test_without_a_standard_output_a_command_succeeds(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["--version"]) == 0


def test_a_pipe_that_nobody_reads_ends_a_command_as_sigpipe_does(monkeypatch, capsys):
    class Pipe:
        def write(self, _):
            raise BrokenPipeError

        def fileno(self):
            return nowhere.fileno()

    with open("/dev/null", "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", Pipe())
        assert cli.main(["--version"]) == 141
    assert capsys.readouterr().err == ""


def test_a_log_has_no_progress_bar_and_ends_with_the_command(tmp_path, capsys):
    with streams.tolerant_streams():
        streams.start_log(
            files.growing(tmp_path / "log", "a", encoding="utf-8", errors="backslashreplace"), "tfgan x\n"
        )
        sys.stderr.write("\r 10%|##  ")
        print("a line")
        print("a warning", file=sys.stderr)
    print("later")
    assert (tmp_path / "log").read_text().splitlines() == ["tfgan x", "a line", "a warning"]


LETTERS = "classes caf\udce9, \uc5bc\uad74\n"


@pytest.mark.parametrize(
    "encoding, shown",
    [
        ("utf-8", b"classes caf\\udce9, \xec\x96\xbc\xea\xb5\xb4\n"),
        ("latin-1", b"classes caf\\udce9, \\uc5bc\\uad74\n"),
        ("ascii", b"classes caf\\udce9, \\uc5bc\\uad74\n"),
    ],
)
@pytest.mark.parametrize("tolerant", [True, False])
def test_what_an_encoding_lacks_is_escaped(monkeypatch, encoding, shown, tolerant):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    if tolerant:
        with streams.tolerant_streams():
            sys.stdout.write(LETTERS)
    errors.say(LETTERS.rstrip())
    stream.flush()
    assert stream.buffer.getvalue() == shown * (1 + tolerant)


SILENCED = """
import os, signal, sys
from tfgan_v1.streams import silenced_stderr
with silenced_stderr():
    os.write(2, b"in vain\\n")
with silenced_stderr():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog()\\nI0000 00:00:1.2 3 a.cc:1] noise\\n")
    os.write(2, b"F0000 00:00:1.2 3 b.cc:1] Unknown flag in XLA_FLAGS: --x\\n")
    {end}
"""
LAST = "a library has ended the process; its last words:\nF0000 00:00:1.2 3 b.cc:1] Unknown flag in XLA_FLAGS: --x\n"


@pytest.mark.parametrize("end, code, err", [("os._exit(1)", 1, LAST), ("os.abort()", -6, LAST), ("pass", 0, "")])
def test_the_last_words_of_a_process_that_dies_while_it_is_silenced_are_shown(end, code, err):
    script = SILENCED.format(end=end)
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, err)


def test_a_kill_while_it_is_silenced_shows_no_log_lines():
    script = SILENCED.replace("F0000", "E0000").format(end="os.kill(os.getpid(), signal.SIGTERM)")
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-15, "")
