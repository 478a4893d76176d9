"""The commands as they are typed: answers, exit codes, and a terminal without noise."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import fields

import pytest
from conftest import REPOSITORY

from tfgan_v1 import Config, cli, load_samples
from tfgan_v1.config import flag

CLEAN = {name: value for name, value in os.environ.items() if name not in ("TFGAN_DATA", "TF_CPP_MIN_LOG_LEVEL")}


def python(*argv, cwd=REPOSITORY, **options):
    return subprocess.run(
        [sys.executable, *map(str, argv)], cwd=cwd, env=CLEAN, capture_output=True, text=True, **options
    )


MISTAKES = [
    (["--epoch", "3"], "did you mean --epochs?"),
    (["--colour", "red"], "the flags are --background"),
    (["--model", "vae"], "--model must be one of mlp, conv, gaussian, dcgan, dcgan_upsample"),
    (["--dataset", "imagenet"], "not one of mnist, fashion_mnist, mnist_warped, digits, gaussian"),
    (["--dataset", "."], "no image"),
    (["--epochs", "1", "--steps", "1"], "--epochs and --steps"),
    (["--image-size", "big"], "28x44"),
    (["--model", "conv", "--dataset", "digits", "--image-size", "30"], "nearest is --image-size 32x32"),
    (["--model", "dcgan", "--dataset", "gaussian"], "points"),
    (["--dataset", "digits", "--background", "loud"], "--background"),
    (["--weights", "nowhere"], "nowhere"),
    (["--epochs", "0"], "--epochs must be at least 1"),
    (["--epochs", "1.5"], "--epochs takes a whole number, at least 1 and at most 1,000,000,000, not '1.5'"),
    (["--smooth", ""], "--smooth takes a number, at least 0 and at most 0.5, not ''"),
    (["--epochs"], "--epochs wants a value behind it"),
    (["--name", "-x"], "--name=-..."),
    (["--resume=yes"], "--resume takes no value, so leave out 'yes'"),
    (["--colour\x1b[2J\n"], "there is no flag '--colour\\x1b[2J\\n'"),
    (["--smooth", "0.6"], "--smooth must be at least 0 and at most 0.5"),
    (["--smooth", "nan"], "--smooth"),
    (["--resume", "--overwrite"], "give one of them"),
    (["--resume"], "--ckpt"),
    (["--name", "../up"], "plain folder name"),
    (["--data-dir", "nowhere"], "--data-dir nowhere is not a folder"),
    (["--dataset", "mnist"], "train-images-idx3-ubyte"),
    (["extra"], "extra"),
    (["--bogus"], "no flag --bogus; the flags are"),
]


@pytest.mark.parametrize("flags, right", MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_mistake_is_one_sentence_and_touches_nothing(command, tmp_path, monkeypatch, flags, right):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", *flags)
    assert (code, out) == (2, "") and right in err
    assert re.fullmatch(r"train\.py: [^\n]+\n", err)
    assert os.listdir(tmp_path) == []


def test_help_and_mistakes_need_no_tensorflow():
    script = """
import sys
from tfgan_v1 import cli
for argv in (["train", "--help"], ["sample", "--help"], ["train", "--epochs", "0"], ["sample", "--ckpt", "nowhere"]):
    try:
        cli.main(argv, "train.py")
    except SystemExit:
        pass
assert "tensorflow" not in sys.modules
"""
    ended = python("-c", script)
    assert ended.returncode == 0, ended.stderr


def test_every_option_has_its_flag_in_the_help():
    shown = python("train.py", "--help")
    assert shown.returncode == 0 and shown.stderr == ""
    for each in fields(Config):
        assert flag(each.name) in shown.stdout
    assert "0.1 for mlp" in " ".join(shown.stdout.split()) and "--dry-run" in shown.stdout


def test_a_run_from_the_shell_is_quiet_and_samples_follow(tmp_path):
    flags = ["--dataset", "digits", "--epochs", 2, "--xla", "off"]
    trained = python("-m", "tfgan_v1", "train", *flags, cwd=tmp_path)
    assert (trained.returncode, trained.stderr) == (0, "")
    *epochs, done = trained.stdout.splitlines()
    assert [line.split("...")[0] for line in epochs] == ["Epoch 1/2", "Epoch 2/2"] and done.startswith("Done")
    assert "python -m tfgan_v1 sample --ckpt checkpoints" in done

    again = python("-m", "tfgan_v1", "train", *flags, cwd=tmp_path)
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (2, "", 1)
    assert all(way in again.stderr for way in ("--resume", "--name", "--overwrite"))

    drawn = python(REPOSITORY / "sample.py", "--ckpt", "checkpoints", cwd=tmp_path)
    assert (drawn.returncode, drawn.stderr) == (0, "") and (tmp_path / "samples" / "samples.png").exists()


def test_a_stopped_run_is_saved_and_says_how_to_go_on(tmp_path):
    places = ["--ckpt", tmp_path / "my run", "--samples", tmp_path / "s"]
    argv = ["train.py", "--dataset", "digits", "--epochs", 100_000, "--xla", "off", *places]
    with subprocess.Popen(
        [sys.executable, *map(str, argv)],
        cwd=REPOSITORY,
        env=CLEAN,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("Epoch 1/")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.SIGINT, "")
    assert f"python train.py --resume --ckpt '{tmp_path}/my run' --samples {tmp_path}/s" in out.splitlines()[-1]
    assert re.search(r"saved at step [\d,]+ of 1,700,000", out)
    assert list((tmp_path / "my run" / "train_state").glob("step-*/state.json"))


def test_a_dry_run_tells_all_and_touches_nothing(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("train", "--dry-run", "--dataset", "digits", "--name", "faces")
    assert (code, err, os.listdir(tmp_path)) == (0, "", [])
    assert 0.8 < float(re.search(r"memory: about (\S+) GB", out)[1]) < 1.2
    parts = [
        "114,064",
        "100,609",
        "--smooth 0.1",
        "1,797 of 28x28x1",
        "17 in an epoch",
        "memory: about",
        "checkpoints/faces",
    ]
    assert all(part in out for part in parts)


def test_resume_takes_what_is_not_given_from_the_run(command, digits_config):
    config = digits_config(seed=3, smooth=0.2, epochs=1)
    places = ["--ckpt", config.ckpt, "--samples", config.samples]
    first = ["--dataset", "digits", "--seed", 3, "--smooth", 0.2, "--epochs", 1, "--xla", "off"]
    assert command("train", *first, *places)[0] == 0
    code, out, _ = command("train", "--resume", "--epochs", 2, *places)
    assert code == 0 and out.startswith("Epoch 2/2")
    code, _, err = command("train", "--resume", "--epochs", 3, "--seed", 4, *places)
    assert code == 2 and err.endswith("        then  now\n  --seed  3     4\n")


def test_a_folder_that_cannot_be_made_is_one_sentence(command, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = command(
        "train", "--dataset", "digits", "--ckpt", tmp_path / "file" / "c", "--samples", tmp_path / "s"
    )
    assert (code, out, err.count("\n")) == (2, "", 1) and "Not a directory" in err


def test_whoever_stops_reading_gets_no_traceback(tmp_path):
    places = f"--ckpt {tmp_path}/c --samples {tmp_path}/s"
    script = f"{sys.executable} train.py --dataset digits --epochs 30 --xla off {places} | head -1"
    ended = subprocess.run(script, shell=True, cwd=REPOSITORY, env=CLEAN, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("Epoch 1/30") and ended.stderr == ""
    steps = [int(path.parent.name.split("-")[1]) for path in tmp_path.glob("c/train_state/step-*/state.json")]
    assert max(steps) >= 34  # of the epoch whose line was not read any more
    assert len(load_samples(tmp_path / "s" / "train_samples.pkl")) == max(steps) // 17


@pytest.mark.parametrize(
    "error, right",
    [
        (MemoryError(), "memory"),
        (ImportError("no such"), "no such"),
        (OSError(13, "Permission denied", "place"), "place: Permission denied"),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(monkeypatch, command, error, right):
    def lacking(*_):
        raise error

    monkeypatch.setitem(cli.COMMANDS, "train", lacking)
    code, out, err = command("train")
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err


def test_commands_are_told(capsys):
    assert cli.main([], "python -m tfgan_v1") == cli.main(["--version"], "python -m tfgan_v1") == 0
    assert "train,sample" in capsys.readouterr().out
    assert cli.main(["review"], "python -m tfgan_v1") == 2
    assert "the commands are train, sample" in capsys.readouterr().err


@pytest.mark.slow
def test_verbose_lets_tensorflow_speak(tmp_path):
    places = ["--ckpt", tmp_path / "c", "--samples", tmp_path / "s"]
    ended = python("train.py", "--verbose", "--dataset", "digits", "--epochs", 1, *places)
    assert ended.returncode == 0 and "cpu_feature_guard" in ended.stderr


def test_names_are_printed_as_text_and_not_obeyed_by_a_terminal(capsys):
    cli.say("faces\x1b[2J: left out", "\udcff.png")
    assert capsys.readouterr().out == "faces\\x1b[2J: left out\n\\udcff.png\n"
