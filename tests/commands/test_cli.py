"""The commands as users type them: output, exit codes, and no noise on the terminal."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from conftest import REPOSITORY
from tfgan_v1 import Config, __version__, cli, errors, load_samples
from tfgan_v1.commands import evaluate, export, sample, train
from tfgan_v1.config.options import flag

CLEAN = {name: value for name, value in os.environ.items() if name not in ("TFGAN_DATA", "TF_CPP_MIN_LOG_LEVEL")}


def python(*argv, cwd=REPOSITORY, **options):
    return subprocess.run(
        [sys.executable, *map(str, argv)], cwd=cwd, env=CLEAN, capture_output=True, text=True, **options
    )


MISTAKES = [
    (["--epoch", "3"], "did you mean --epochs?"),
    (["--zebra", "red"], "there is no flag --zebra; python train.py --help lists the flags"),
    (["--optimisers", "adam"], "did you mean --optimi"),
    (["--model", "vae"], "--model must be one of mlp, conv, gaussian, dcgan, dcgan_upsample, tuned"),
    (["--dataset", "x"], "not one of mnist, fashion_mnist, cifar10, stacked_mnist, mnist_warped, digits, gaussian"),
    (["--dataset", "celeba"], "celeba is not built in, and not a file; get img_align_celeba.zip from mmlab"),
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
    (["--epochs"], "--epochs needs a value; type --epochs=VALUE"),
    (["--name", "-x"], "--name needs a value; type --name=VALUE"),
    (["--resume=yes"], "--resume takes no value"),
    (
        ["--model", "vae", "--help"],
        "--model must be one of mlp, conv, gaussian, dcgan, dcgan_upsample, tuned, points, not 'vae'",
    ),
    (["--image-size", "4097"], "from 1 to 4,096"),
    (["--colour\x1b[2J\n"], "there is no flag '--colour\\x1b[2J\\n'"),
    (["--smooth", "0.6"], "--smooth must be at least 0 and at most 0.5"),
    (["--smooth", "nan"], "--smooth"),
    (["--resume", "--overwrite"], "--resume and --overwrite exclude each other; give one of them"),
    (["--resume"], "--ckpt"),
    (["--name", "../up"], "plain folder name"),
    (["--data-dir", "nowhere"], "--data-dir nowhere is not a folder"),
    (["--dataset", "mnist"], "train-images-idx3-ubyte"),
    (["extra"], "extra"),
    (["--bogus"], "there is no flag --bogus; python train.py --help"),
]
OTHERS = [  # of other commands, where argparse has the choices
    (["sample", "--generator", "bst"], "--generator must be one of latest, average, best, not 'bst'"),
    (["export", "--generator", "x', 'y"], "--generator must be one of latest, average, best, not "),
    (["evaluate", "--generator="], "--generator must be one of latest, average, best, not ''"),
    (["evaluate", "--seed", "4294967296"], "--seed must be a whole number, at least 0 and at most 4,294,967,295, not"),
    (["evaluate", "--seed", "x"], "--seed must be a whole number, at least 0 and at most 4,294,967,295, not 'x'"),
]


@pytest.mark.parametrize(
    "argv, right",
    [(["train", *flags], right) for flags, right in MISTAKES] + OTHERS,
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_short_sentence_and_writes_nothing(command, tmp_path, monkeypatch, argv, right):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*argv)
    assert (code, out) == (2, "") and right in err
    assert re.fullmatch(r"\w+\.py: [^\n]{,350}\n", err)
    assert os.listdir(tmp_path) == []


def test_help_and_mistakes_import_no_tensorflow():
    script = """
import sys
from dataclasses import fields
from importlib import import_module
from tfgan_v1 import cli
assert cli.main(["--version"]) == cli.main(["--help"]) == 0 and cli.main(["draw"]) == 2
assert "numpy" not in sys.modules
"""
    ended = python("-c", script)
    assert ended.returncode == 0, ended.stderr
    script = """
import sys
from dataclasses import fields
from importlib import import_module
from tfgan_v1 import cli
for argv in (["train", "--help"], ["sample", "--help"], ["train", "--epochs", "0"],
             ["train", "--resume", "--ckpt", "nowhere"], ["sample", "--ckpt", "nowhere"], ["review", "nowhere"],
             ["train", "--resume", "--overwrite"], ["compare", "nowhere", "b"],
             ["evaluate", "--help"], ["evaluate", "--ckpt", "nowhere"], ["evaluate", "--samples", "nowhere"],
             ["export", "--help"], ["export", "--ckpt", "nowhere", "--to", "new"], ["export", "--format", "pdf"]):
    try:
        cli.main(argv, "train.py")
    except SystemExit:
        pass
assert not {"tensorflow", "pandas", "sklearn", "scipy", "matplotlib", "onnx", "tqdm"} & {*sys.modules}
"""
    ended = python("-c", script)
    assert ended.returncode == 0, ended.stderr


def test_the_help_groups_all_options_and_ends_with_examples(command):
    code, out, err = command("train", "--help")
    assert (code, err) == (0, "")
    shown = re.findall(r"^  (--[a-z0-9-]+)", out, re.MULTILINE)
    assert {flag(each.name) for each in fields(Config)} | {"--resume", "--overwrite", "--dry-run"} <= set(shown)
    assert len(shown) == len(set(shown)) and "--optimiser" not in out
    titles = ["run", "data", "model", "training", "discriminator and generator", "optimizer", "output", "other"]
    assert re.findall(r"^([a-z ]+):$", out, re.MULTILINE) == [*titles, "examples"]
    assert shown[:3] == ["--model", "--epochs", "--steps"]
    examples = out.split("examples:\n")[1].splitlines()
    assert len(examples) == 3 and all(line.startswith("  python train.py --") for line in examples)


@pytest.mark.parametrize(
    "flags", [["--model", "conv", "--help"], ["--help", "--model=conv"], ["-h", "--model", "conv"]]
)
def test_the_help_shows_the_defaults_of_the_given_model(command, flags):
    out = " ".join(command("train", *flags)[1].split())
    assert "defaults shown are those of --model conv" in out and "instead of --epochs (default: 2000)" in out
    assert "label of real images is 1 - X (0 to 0.5; default: 0.0)" in out
    mlp = " ".join(command("train", "--help")[1].split())
    assert "(0 to 0.5; default: 0.1)" in mlp and "passes over the images (default: 100)" in mlp


def test_the_examples_in_the_help_are_right():
    for example in train.EXAMPLES:
        given = train.parse("tfgan train", example.split())
        for name in ("resume", "overwrite", "dry_run"):
            assert type(given.pop(name)) is bool
        assert (given.pop("workers"), given.pop("wait"), given.pop("seeds")) == (None, 300, None)
        assert Config(**given)
    for example in sample.EXAMPLES:
        assert sample.parse("tfgan sample", example.split())
    for example in evaluate.EXAMPLES:
        assert evaluate.parse("tfgan evaluate", example.split())
    for example in export.EXAMPLES:
        assert export.parse("tfgan export", example.split())


def test_the_british_spelling_of_optimizer_is_understood(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command("train", "--dataset", "digits", "--optimiser", "rmsprop", "--dry-run")
    assert code == 0 and "--optimizer rmsprop" in out


def test_the_console_script_is_the_command_line(monkeypatch, capsys):
    pyproject = (REPOSITORY / "pyproject.toml").read_text()
    module, function = re.search(r'^\[project.scripts\]\ntfgan = "(\S+):(\S+)"$', pyproject, re.MULTILINE).groups()
    call = getattr(import_module(module), function)
    monkeypatch.setattr(os, "environ", {**os.environ})  # both are changed for the whole process
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for argv, code, right in (
        ([], 0, f"usage: tfgan {{{','.join(cli.COMMANDS)}}}"),
        (["--help"], 0, "tfgan train --help"),
        (["--version"], 0, "tfgan_v1 0."),
        (["train", "--version"], 0, "tfgan_v1 0."),
        (["sample", "--version"], 0, "tfgan_v1 0."),
        (["sample", "--help"], 0, "usage: tfgan sample [flags]"),
        (["train", "--epochs", "0"], 2, "tfgan train: --epochs must be at least 1"),
        (["sample", "--num", "0"], 2, "tfgan sample: --num must be a whole number"),
        (
            ["draw"],
            2,
            f"tfgan: there is no command 'draw'; did you mean sample? the commands are {', '.join(cli.COMMANDS)}",
        ),
    ):
        monkeypatch.setattr("sys.argv", ["/somewhere/bin/tfgan", *argv])
        assert call() == code
        assert right in "".join(capsys.readouterr())


@pytest.mark.parametrize("script", ["train.py", "sample.py"])
def test_the_scripts_show_the_version(script, tmp_path):
    ended = python(REPOSITORY / script, "--version", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"tfgan_v1 {__version__}\n", "")


@pytest.mark.slow
def test_a_run_from_the_shell_is_quiet_and_samples_follow(tmp_path):
    flags = ["--dataset", "digits", "--epochs", 2, "--xla", "off"]
    trained = python("-m", "tfgan_v1", "train", *flags, cwd=tmp_path)
    assert (trained.returncode, trained.stderr.count("\n")) == (0, 1) and "34 steps are too few" in trained.stderr
    data, start, where, first, second, done, *written, page = trained.stdout.splitlines()
    assert data.startswith("digits: 1,797 images of 28x28x1") and start.startswith("Training for 34 steps")
    assert "samples/review.html" in where
    assert [line.split("...")[0] for line in (first, second)] == ["Epoch 1/2", "Epoch 2/2"]
    assert done.startswith("Done") and "python -m tfgan_v1 sample --ckpt checkpoints" in done
    assert written[0].startswith("  checkpoints: ") and written[1].startswith("  samples: ")
    assert "samples/review.html" in page

    again = python("-m", "tfgan_v1", "train", *flags, cwd=tmp_path)
    assert again.returncode == 0 and "this one is named mlp-2" in again.stderr
    assert (tmp_path / "checkpoints" / "mlp-2" / "config.json").exists()

    drawn = python(REPOSITORY / "sample.py", "--ckpt", "checkpoints", cwd=tmp_path)
    assert (drawn.returncode, drawn.stderr) == (0, "") and (tmp_path / "samples" / "samples.png").exists()


@pytest.mark.slow
def test_a_stopped_run_is_saved_and_says_how_to_continue(tmp_path):
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
        assert process.stdout.readline().startswith("digits: ")
        assert process.stdout.readline().startswith("Training for ")
        assert process.stdout.readline().startswith("Open ")
        assert process.stdout.readline().startswith("Epoch 1/")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT and "Stopping: the run is saved in a moment" in err
    assert f"python train.py --resume --ckpt '{tmp_path}/my run' --samples {tmp_path}/s" in out.splitlines()[-1]
    assert re.search(r"saved at step [\d,]+ of 1,700,000", out)
    assert list((tmp_path / "my run" / "train_state").glob("step-*/state.json"))


def test_the_hint_after_a_run_draws_into_the_folders_of_that_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for places, hint in (
        (["--name", "g1"], "--name g1"),
        (["--ckpt", "c", "--samples", "my s"], "--ckpt c --out 'my s/samples.png'"),
        (["--ckpt", "d", "--samples", "s", "--name=-x"], "--ckpt d --name=-x --out s/-x/samples.png"),
    ):
        out = command("train", "--dataset", "digits", "--steps", 2, "--xla", "off", *places)[1].splitlines()
        (done,) = (line for line in out if line.startswith("Done"))
        assert done.endswith(f"Draw more with: python sample.py {hint}")
        assert command("sample", *shlex.split(hint))[0] == 0
    sheets = sorted(str(path) for path in Path().rglob("samples.png"))
    assert sheets == ["my s/samples.png", "s/-x/samples.png", "samples/g1/samples.png"]


def test_resume_takes_options_that_are_not_given_from_the_run(command, digits_config):
    config = digits_config(seed=3, smooth=0.2, epochs=1)
    places = ["--ckpt", config.ckpt, "--samples", config.samples]
    first = ["--dataset", "digits", "--seed", 3, "--smooth", 0.2, "--epochs", 1, "--xla", "off"]
    assert command("train", *first, *places)[0] == 0
    code, out, _ = command("train", "--resume", "--epochs", 2, *places)
    assert code == 0 and "Resuming at step 17 of 34 steps" in out and out.splitlines()[3].startswith("Epoch 2/2")
    code, _, err = command("train", "--resume", "--epochs", 3, "--seed", 4, *places)
    assert code == 2 and err.endswith("        then  now\n  --seed  3     4\n")


def test_a_folder_that_cannot_be_created_is_one_sentence(command, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = command(
        "train", "--dataset", "digits", "--ckpt", tmp_path / "file" / "c", "--samples", tmp_path / "s"
    )
    assert (code, out, err.count("\n")) == (2, "", 1) and "Not a directory" in err


@pytest.mark.slow
def test_a_closed_pipe_ends_a_run_saved_and_without_a_traceback(tmp_path):
    places = f"--ckpt {tmp_path}/c --samples {tmp_path}/s"
    script = f"{sys.executable} train.py --dataset digits --epochs 30 --xla off {places} | head -4"
    ended = subprocess.run(script, shell=True, cwd=REPOSITORY, env=CLEAN, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[3].startswith("Epoch 1/30") and ended.stderr == ""
    steps = [int(path.parent.name.split("-")[1]) for path in tmp_path.glob("c/train_state/step-*/state.json")]
    assert max(steps) >= 34  # of the epoch whose line nobody read
    assert len(load_samples(tmp_path / "s" / "train_samples.pkl")) == max(steps) // 17


@pytest.mark.parametrize(
    "error, right",
    [
        (MemoryError(), "memory"),
        (ImportError("no such"), "no such"),
        (OSError(13, "Permission denied", "place"), "place: Permission denied"),
    ],
)
def test_an_error_of_the_machine_is_one_sentence(monkeypatch, command, error, right):
    def fail(*_):
        raise error

    monkeypatch.setattr(train, "run", fail)
    code, out, err = command("train")
    assert (code, out, err.count("\n")) == (2, "", 1) and right in err


def test_tf_is_imported_without_its_messages_and_only_on_use():
    script = (
        "import sys, tfgan_v1; assert 'tensorflow' not in sys.modules; from tfgan_v1 import tf; tf.Session().close()"
    )
    ended = python("-c", script)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.slow
def test_verbose_shows_tensorflows_messages(tmp_path):
    ended = python(REPOSITORY / "train.py", "--verbose", "--dataset", "digits", "--dry-run", cwd=tmp_path)
    assert ended.returncode == 0 and "cpu_feature_guard" in ended.stderr


def test_control_characters_in_names_are_escaped(capsys):
    errors.say("faces\x1b[2J: left out", "\udcff.png")
    assert capsys.readouterr().out == "faces\\x1b[2J: left out\n\\udcff.png\n"


def test_help_and_version_as_other_programs_have_them(command):
    assert command("help") == command("--help") and command("-V") == command("--version")
    assert command("help", "sample")[1] == command("sample", "--help")[1] and command("sample", "-V")[1]
    assert command("help", "draw")[0] == 2


def test_a_log_keeps_what_was_printed_without_the_bar(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        _, out, err = command("train", "--dataset", "digits", "--dry-run", "--lr", 0.01, "--log", "log.txt")
        print("\r 10%|bar", file=sys.stderr)  # afterwards, nothing is kept
    first, rest = (tmp_path / "log.txt").read_text().split("\n", 1)
    assert re.fullmatch(r"# tfgan_v1 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: python train.py --dataset digits .*log.txt", first)
    assert rest.count(f"{err}{out}") == 2 and "bar" not in rest
    code, _, err = command("train", "--epochs", 1, "--steps", 1, "--log", "log.txt")
    assert code == 2 and (tmp_path / "log.txt").read_text().endswith(err)


def test_a_log_is_no_file_of_another_kind(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    for path, right in (
        ("mine.txt", "--log mine.txt is no log of tfgan_v1"),
        ("losses.csv", "--log losses.csv has the name of a run's own record"),
        ("no/log.txt", "no/log.txt: No such file or directory"),
        (".", "Is a directory"),
    ):
        code, out, err = command("train", "--dataset", "digits", "--log", path)
        assert (code, out, err.count("\n")) == (2, "", 1) and right in err
    assert (tmp_path / "mine.txt").read_text() == "mine" and os.listdir() == ["mine.txt"]


OTHERS_SETTINGS = {
    "MPLBACKEND": "module://no_such_package.backend_inline",
    "MPLCONFIGDIR": "/proc/no",
    "HOME": "/proc/no",
}


@pytest.mark.slow
def test_settings_for_another_matplotlib_end_neither_a_command_nor_a_script(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\nno such key\n")
    script = f"""
import os, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from tfgan_v1 import train
train("digits", steps=2, xla="off", verbose=0)
from tfgan_v1 import cli
sys.exit(cli.process(["train", "--dataset", "digits", "--steps", "2", "--xla", "off"], "train.py"))
"""
    env = CLEAN | OTHERS_SETTINGS
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ended.returncode == 0 and "Traceback" not in ended.stderr, ended.stderr
    for folder in ("samples", "samples/mlp-2"):
        assert (tmp_path / folder / "evolution.png").read_bytes().startswith(b"\x89PNG")
    review = [sys.executable, "-m", "tfgan_v1", "review", "samples"]  # which imports no TensorFlow
    env |= {"MPLBACKEND": "nonsense", "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(review, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ended.returncode == 0 and "Traceback" not in ended.stderr, ended.stderr


def test_a_deleted_current_folder_is_one_sentence(command, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for name in cli.COMMANDS:
        code, out, err = command(name)
        assert (code, out) == (2, "") and err.endswith("the current folder was deleted; change to another one (cd)\n")


def test_many_ctrl_c_in_a_row_are_one():
    script = """
import time
from tfgan_v1 import cli
def run(*_):
    try:
        print("on", flush=True)
        time.sleep(60)
    finally:
        time.sleep(0.3)
        print("cleaned up")
cli._run = run
cli.process(["sample"])
"""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": REPOSITORY}
    with subprocess.Popen([sys.executable, "-c", script], **options) as process:
        assert process.stdout.readline() == "on\n"
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.003)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "cleaned up\n", "tfgan sample: stopped; nothing was written\n")


def test_ctrl_c_does_not_wait_for_the_import_of_tensorflow():
    script = """
import sys
from tfgan_v1 import tf
try:
    try:
        raise KeyboardInterrupt
    except tf.errors.OpError:
        pass
except KeyboardInterrupt:
    assert "tensorflow" not in sys.modules
"""
    ended = python("-c", script)
    assert ended.returncode == 0, ended.stderr
