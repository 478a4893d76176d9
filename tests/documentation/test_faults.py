"""The benchmark of faults sees what it is to see: bits that differ, tracebacks, and that its faults happen."""

import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

import faults
from tfgan_v1 import Config
from tfgan_v1.commands import train


@pytest.mark.parametrize(
    "code, said, right",
    [
        (0, "warning: few images\n", True),
        (0, "Traceback (most recent call last):\n", False),
        (-signal.SIGKILL, "", True),
        (-signal.SIGSEGV, "", False),
        (2, "", False),
        (2, "train.py: samples: Input/output error; use another path\n", True),
        (3, "warning: w\ntrain.py: samples: No space left on device; free some space\n", True),
        (1, "Traceback (most recent call last):\n", False),
        (2, "train.py: one\ntrain.py: two\n", False),
    ],
)
def test_a_command_ends_with_success_or_one_sentence(code, said, right):
    assert (faults.wrong_of(code, said) == "") == right


def test_files_that_differ_are_missing_or_half_written_are_named(tmp_path):
    files = {"losses.csv": "step,d_loss,seconds\n1,0.5,7\n", "digests.csv": "step\n1\n", "sheets/000001.png": "a"}
    for folder in ("straight", "other"):
        for name, text in files.items():
            path = tmp_path / folder / "samples" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    straight = SimpleNamespace(files=faults.outcome(tmp_path / "straight"))
    samples = tmp_path / "other/samples"
    (samples / "losses.csv").write_text("step,d_loss,seconds\n1,0.5,9\n")  # other seconds
    assert faults.differences(tmp_path / "other", straight) == []
    (samples / "losses.csv").write_text("step,d_loss,seconds\n1,0.6,9\n")
    (samples / "digests.csv").unlink()
    (samples / ".tfgan_v1.partial").touch()
    assert sorted(faults.differences(tmp_path / "other", straight)) == [
        ".tfgan_v1.partial",
        "digests.csv",
        "losses.csv",
    ]


@pytest.mark.parametrize("name", faults.SYSTEMS)
def test_the_flags_of_every_system_exist(name):
    options = train.parse("train", [str(each) for each in faults.SYSTEMS[name]])
    Config(**{name: value for name, value in options.items() if hasattr(Config, name)})


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_write_by_the_c_library_fails_as_tensorflow_writes(tmp_path):
    program = """
import ctypes
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"a", b"wb"))
print([libc.fwrite(b"x", 1, 1, file) for _ in range(3)])
"""
    env = {**os.environ, **faults.preloaded(tmp_path), "FAULTS_BELOW": "a", "FAULTS_FAIL": "fwrite 2 28"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == "[1, 0, 1]\n", done.stderr


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_system_call_fails_and_the_clock_jumps(tmp_path):
    program = """
import os, sys, time
for number in range(4):
    open("a", "w").close()
    try:
        os.rename("a", "b")
        print(number)
    except OSError as error:
        print(error.strerror)
print(len({round(time.time() / 1e5) for _ in range(9)}) > 5, time.monotonic() < time.monotonic() + 1)
"""
    fault = {"FAULTS_BELOW": "b", "FAULTS_FAIL": "rename 3 5", "FAULTS_CLOCK": "1"}
    env = {**os.environ, **faults.preloaded(tmp_path), **fault}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout.split("\n")[:-1] == ["0", "1", "Input/output error", "3", "True True"], done.stderr
