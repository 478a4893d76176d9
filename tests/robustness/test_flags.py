"""Hundreds of generated command lines: each succeeds, or ends in one sentence and writes nothing."""

import math
import os
import random
import re
import time
from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from conftest import THOROUGH
from tfgan_v1 import Config, cli
from tfgan_v1.config.options import OneOf, flag, value_type

CHANCE = random.Random("flags")
OPTIONS = {each.name: each for each in fields(Config)}
DATA = ["--dataset", "faces.npy"]
SMALL = ["--model=mlp", "--steps=2", "--sample-every=1", "--batch-size=8", "--xla=off", "--samples=s", "--overwrite"]

# Valid values, for which a graph is built quickly.
RIGHT = {
    **{name: each.metadata["valid"] for name, each in OPTIONS.items() if isinstance(each.metadata["valid"], OneOf)},
    "dataset": ["faces.npy", "points.npy", "faces.csv", "pictures", "digits", "gaussian", "mnist", "./faces.npy"],
    "data_dir": [".", "pictures"],
    "image_size": ["8", "8x12", "16x16"],
    "background": ["white", "#20c0ff", "rgb(1,2,3)"],
    "penalty": ["none", "r1", "r1,r2", "approximate_r1"],
    "cache_dir": ["../cache"],
    "resident_limit": ["0", "1e-6", "2", "inf"],
    "mean": ["-3", "0", "1e6", "-1e6"],
    "std": ["1e-9", "1", "1e6"],
    "epochs": ["1", "1000000000", " 7 ", "1_000"],
    "steps": ["1", "40001"],
    "sample_every": ["1", "1000000000"],
    "num_samples": ["1", "10000"],
    "batch_size": ["1", "7", "1000000"],
    "noise_size": ["1", "10000"],
    "smooth": ["0", "0.5", "1e-3"],
    "fake_label": ["0", ".5"],
    "g_label": ["0.5", "1"],
    "d_steps": ["1", "3"],
    "d_first": ["0", "3"],
    **{name: ["1e-30", "1"] for name in ("d_lr", "g_lr")},
    **{name: ["0", "1"] for name in ("d_decay", "g_decay")},
    **{name: ["0", "0.999999"] for name in ("beta1", "beta2", "rho")},
    "epsilon": ["1e-30", "1"],
    "seed": ["0", "4294967295"],
    "chunk": ["1", "1000000"],
    "ckpt": ["c", "a b[*]", "한글", "../c", "~no such user/c", "c\n\x1b[2J"],
    "samples": ["s", "c"],
    "name": ["faces", "한글 [1]*", "a=b", "--x--"],
}
UNKNOWN = [
    ["--epoch", "3"],
    ["-e"],
    ["--"],
    ["-"],
    [""],
    ["x"],
    ["--\n"],
    ["--Epochs", "3"],
    ["--no-strict"],
    ["\udcff"],
]
CONTRADICTIONS = [
    ["--epochs", "1", "--steps", "1"],
    ["--resume", "--overwrite"],
    ["--resume"],
    ["--resume", "--epochs", "3", "--seed", "4"],
    ["--weights", "nowhere"],
    ["--weights", "."],
    ["--d-first", "1000000", "--steps", "3"],
    ["--model", "dcgan", "--dataset", "points.npy"],
    ["--model", "conv", "--dataset", "faces.npy", "--image-size", "9x9"],
    ["--dataset", "points.npy", "--channels", "1"],
    ["--dataset", "gaussian", "--image-size", "8"],
    ["--strict=yes"],
    ["--dry-run=1"],
    ["--verbose=1"],
    ["--epochs", "1", "--epochs", "0"],
    ["--name", "config.json"],
    ["--penalty-weight", "cosine:1:0.1"],
    ["--penalty", "none", "--penalty-weight", "linear:1:0"],
    ["--loss", "relativistic", "--d-batches", "in_turn"],
    [*DATA, "--loss", "relativistic", "--conditional", "--labels", "faces.csv", "--class-frequencies", "uniform"],
    ["--minutes", "3", "--steps", "5"],
    ["--minutes", "3", "--epochs", "5"],
    ["--minutes", "3", "--resume"],
    ["--minutes", "3", "--seeds", "2"],
    ["--minutes", "3", "--workers", "2"],
    ["--augment", "flip", "--augment-strength", "adaptive"],
    ["--augment-strength", "adaptive", "--holdout", "8"],
    ["--augment-strength", "linear:0:1"],
    [*DATA, "--augment", "flip", "--augment-strength", "adaptive", "--holdout", "8", "--resident-limit", "0"],
    [*DATA, "--augment", "flip", "--augment-strength", "adaptive", "--holdout", "8", "--workers", "2"],
    ["--average", "0.9", "--average-halflife", "50"],
    ["--d-lr", "cosine:0.1:0.01", "--decay-steps", "9"],
    ["--g-lr", "cosine:0.1:0.01", "--g-decay", "0.1"],
    [*DATA, "--clusters", "41"],
    [*DATA, "--clusters", "33", "--holdout", "8"],
    [*DATA, "--clusters", "5", "--holdout", "40"],
    [*DATA, "--clusters", "5", "--labels", "faces.csv"],
]
PATHS = [
    "nowhere",
    "faces.npy/x",
    "/dev/zero",
    "/dev/null",
    "/proc/self/mem",
    "pipe",
    "hole",
    ".",
    "a" * 300,
    "a/" * 3000,
]
PATHS += [
    "broken.npy",
    "empty",
    "link",
    "\n",
    "\x1b[2J",
    "\udcff",
    "*",
    "~",
    "~no such user",
    "-x",
    "a\tb.npy",
    "/",
    "broken",
]


TEXTS = {
    "image_size": ["0", "28*28", "28x", "x", "99999", "-3", "28x28x28", "", "1.5", "\u0661x\u0662"],
    "name": ["..", "a/b", "", " ", "a\nb", "."],
    "background": ["", "loud", "#12", "rgb(1,2,3,4,5)", "\n"],
    "clusters": ["", "0", "1", "-3", "x", "1.5", "nan", "3,4", "100001", "9" * 5000, "\u0663", "\n"],
    "penalty": ["", "r3", "r1,r1", "r1,", "none,r1", "\n"],
    "augment": ["", "blur", "flip,flip", "flip,", "none,flip", "\n"],
}
SCHEDULES = [  # for no range
    *("cosine:0.1", "sine:0.1:0.2", "linear:0.1:0.2:0", "linear:0.1:0.2:-5", "linear:0.1:0.2:1.5", "linear:a:0.2"),
    *(
        "linear:0.1:0.2:3:4",
        "linear::",
        "linear",
        "linear:0.1:nan",
        "linear:-1:0.1",
        "linear:1e999:0.1",
        "cosine:0.1:1e10",
    ),
    *("linear:0.1:0.2:99999999999", "Linear 0.1 0.2", "linear:0.1:0.2:\n", "linear:0.1:0.2:\u0663", "Adaptive!"),
]


def wrong(each):
    """Invalid texts for an option."""
    kind, valid = value_type(each), each.metadata["valid"]
    if kind is bool:
        return []
    if isinstance(valid, OneOf):
        return ["", "nonsense", f"{valid[0]} x", f"{valid[0]}x ", "a\nb", "0" * 5000]
    if kind is str:
        return TEXTS.get(each.name, [""])
    bounds = [repr(bound) for bound in (valid.low - 1, valid.high * 1.001 + 1) if math.isfinite(bound)]
    beyond = ["-1e999", "9" * 400] if math.isfinite(valid.high) else ["-1e999"]
    return [
        *(SCHEDULES if each.metadata["scheduled"] else []),
        *bounds,
        *beyond,
        "nan",
        "",
        " ",
        "ten",
        "0x10",
        "1,5",
        "--1",
        *(["1.5", "9" * 5000] if kind is int else []),
    ]


def one_wrong():
    """Command lines with one invalid value, and with one missing value."""
    for name, each in OPTIONS.items():
        for text in wrong(each):
            yield [f"{flag(name)}={text}"] if text[:1] == "-" else [flag(name), text]
        if value_type(each) is not bool:
            yield CHANCE.choice([[flag(name)], [flag(name), "--dry-run"], [flag(name), "-x"]])


def several(count, some_wrong):
    """Command lines with up to six valid flags, and one invalid flag if `some_wrong`."""
    for _ in range(count):
        flags = []
        for name in CHANCE.sample(sorted(RIGHT), CHANCE.randint(1, 6)):
            if not {flag(name), *(["--steps"] if name == "epochs" else ["--epochs"] if name == "steps" else [])} & {
                *flags
            }:
                flags += [flag(name), str(CHANCE.choice(RIGHT[name]))]
        if some_wrong:
            name = CHANCE.choice([name for name in RIGHT if flag(name) not in flags])
            flags.insert(0, f"{flag(name)}={CHANCE.choice(wrong(OPTIONS[name]))}")
        else:
            flags = flags if "--dataset" in flags else DATA + flags
        yield flags + CHANCE.choice([[], [], ["--overwrite"], ["--strict"]])


def at_most(count, lines):
    """As many of the generated command lines as fit into 15 minutes, or all of them."""
    lines = list(lines)
    return lines if THOROUGH else random.Random(0).sample(lines, count)


WRONG = [
    *at_most(120, one_wrong()),
    *several(100, True),
    *UNKNOWN,
    *CONTRADICTIONS,
    *(["--dataset", path] for path in PATHS if path not in (".", "/")),
    *(["--data-dir", path] for path in PATHS if path not in (".", "/", "~", "hole", "broken")),
]
PERHAPS = [
    *several(40, False),
    *([*DATA, option, path] for option in ("--ckpt", "--samples", "--cache-dir") for path in CHANCE.sample(PATHS, 4)),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with some data and some traps."""
    place = tmp_path / "place"
    (place / "pictures").mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    np.save(place / "faces.npy", images)
    np.save(place / "points.npy", np.linspace(-2, 2, 50))
    (place / "faces.csv").write_text("".join(",".join(map(str, image.ravel())) + "\n" for image in images))
    for number in range(3):
        Image.fromarray(images[number]).save(place / "pictures" / f"{number}.png")
    (place / "broken.npy").write_bytes((place / "faces.npy").read_bytes()[:-1])
    (place / "empty").touch()
    (place / "link").symlink_to("nothing")
    (place / "hole").mkdir()
    (place / "broken").mkdir()
    (place / "broken" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    os.mkfifo(place / "pipe")
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFGAN_VERBOSE", raising=False)
    return place


def tried(argv, program, capfd):
    """(exit code, the problem with how a command line ended, or "")."""
    capfd.readouterr()
    try:
        code = cli.main(argv, program)
    except BaseException as error:
        return None, f"{type(error).__name__}: {error}"
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith(("warning: ", "Chosen for these images: "))]
    if code == 0:
        return code, "" if out and not lines else f"success without output, or with {err!r}"
    out = re.sub(r".*: .* Networks of .*\nTraining for .*\n", "", out)  # before TensorFlow refuses a folder
    sentence = re.fullmatch(rf"{program}: \S.*\S\n", "".join(f"{line}\n" for line in lines))
    good = code == 2 and not out and sentence and err.replace("\n", "").isprintable() and "argument --" not in err
    return code, "" if good else f"code {code}, {out!r}, {err!r}"


def there(place):
    """All files below a folder, but for the picture that a dry run makes."""
    return sorted(path for path in place.rglob("*") if path.is_file() and path.name != "real_images.png")


@pytest.mark.parametrize("sets, codes", [(WRONG, {2}), (PERHAPS, {0, 2})], ids=["invalid", "perhaps valid"])
def test_every_dry_run_succeeds_or_is_one_sentence_and_writes_nothing(place, capfd, record_property, sets, codes):
    before, start, ended, failed = there(place), time.perf_counter(), Counter(), []
    for flags in sets:
        code, what = tried(["train", "--dry-run", *flags], "train.py", capfd)
        ended[code] += 1
        if what or code not in codes or there(place) != before:
            failed.append(f"{flags}: {what or f'code {code}, {set(there(place)) - set(before)}'}")
    assert not failed, "\n".join(failed)
    assert ended[2] == len(sets) if codes == {2} else ended[0] >= 35, ended
    seconds = time.perf_counter() - start
    record_property(
        "summary", f"train.py: {len(sets)} command lines, {ended[0]} plans, {ended[2]} sentences; {seconds:.0f} s"
    )


def test_an_invalid_flag_starts_no_run(place, capfd):
    before = there(place)
    for flags in CHANCE.sample(WRONG, 20):
        assert tried(["train", *flags], "train.py", capfd) == (2, ""), flags
        assert there(place) == before, flags


def test_a_run_in_any_folder_ends_in_success_or_one_sentence(place, capfd, record_property):
    ended = Counter()
    for path in PATHS:
        if path not in ("/", ".", "~"):
            code, what = tried(["train", *DATA, *SMALL, f"--ckpt={path}"], "train.py", capfd)
            ended[code] += 1
            assert not what, (path, what)
            if code == 0:
                assert tried(["sample", f"--ckpt={path}", "--num=2"], "sample.py", capfd) == (0, ""), path
    assert ended[0] > 7 < ended[2]
    record_property("summary", f"train.py: {sum(ended.values())} folders, {ended[0]} runs, {ended[2]} sentences")


LISTS = [
    "",
    ",",
    "-",
    "1-",
    "-1",
    "3-1",
    "4294967296",
    "0-1000000",
    "9" * 5000,
    "1.5",
    "a",
    "0;1",
    "0 - 3",
    "1--2",
    "\n",
    "٣",
    "0x1",
]
ENDINGS = [
    "",
    "x",
    "x.bmp",
    "train_samples.pkl",
    "losses.csv",
    "\n",
    "a" * 300 + ".png",
    "/dev/null/x.png",
    "/proc/x.png",
]
ENDINGS += ["faces.npy/x.npy", "x.png\n", ".png", "hole/../x"]
SAMPLE_WRONG = [
    *([f"--seeds={text}"] for text in LISTS),
    *([f"--num={text}"] for text in ("", "0", "-1", "1.5", "nan", "1000001", "9" * 5000, "ten", " ", "1e3", "\n")),
    *([f"--out={path}"] for path in ENDINGS),
    *([f"--ckpt={path}"] for path in [*PATHS, ""]),
    *([f"--name={name}"] for name in ("nowhere", "..", "", "a/b", "\n", "a" * 300)),
    *(
        ["--ckpt"],
        ["--num"],
        ["--seeds"],
        ["--out"],
        ["--num", "3", "--seeds", "3"],
        ["--tally", "3"],
        ["3"],
        ["-k", "3"],
    ),
]
SAMPLE_RIGHT = [
    [],
    ["--num", "3"],
    ["--seeds", "0-3,4294967295, 7"],
    ["--out", "한글 [1]*.png"],
    ["--out", "x.NPY", "--num", "70"],
    ["--out", "a/b/c.npz"],
    ["--out", "x.pkl", "--seeds=5,5"],
    ["--out", "hole", "--num", "2"],
    ["--out", "new/", "--num", "2"],
]


def test_every_command_line_of_sample_draws_or_is_one_sentence(place, finished, capfd, record_property):
    before, start = there(place), time.perf_counter()
    for flags in SAMPLE_WRONG:
        flags = flags if any("--ckpt" in each for each in flags) else ["--ckpt", finished.config.ckpt, *flags]
        assert tried(["sample", *flags], "sample.py", capfd) == (2, ""), flags
        assert there(place) == before, flags
    for flags in SAMPLE_RIGHT:
        assert tried(["sample", "--ckpt", finished.config.ckpt, *flags], "sample.py", capfd) == (0, ""), flags
        assert there(place) != before
    seconds, wrong, right = time.perf_counter() - start, len(SAMPLE_WRONG), len(SAMPLE_RIGHT)
    record_property(
        "summary", f"sample.py: {wrong + right} command lines, {right} drawn, {wrong} sentences; {seconds:.0f} s"
    )
