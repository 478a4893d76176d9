"""A run that is killed, or finds no room, at whatever moment, ends as one that is not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from conftest import REPOSITORY, mounted, outcome
from forks import SMALL, Forks, images

from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]

KILLS, BY_COMMAND = 60, 5  # of them, the last of each dozen is of the command itself, in a shell
EPOCHS = 150


@pytest.fixture(scope="module")
def forks():
    with Forks() as forks:
        yield forks


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return images(tmp_path_factory.mktemp("images") / "images.npy")


def options(folder, dataset, epochs):
    """The options of a run in a folder."""
    return {**SMALL, "dataset": dataset, "epochs": epochs, "ckpt": folder / "ckpt", "samples": folder / "samples"}


def everything(options):
    """outcome(), and all sheets."""
    config = Config(**options)
    sheets = {path.name: path.read_bytes() for path in sorted((config.samples_folder / "sheets").iterdir())}
    return {**outcome(config), "sheets": sheets}


def differences(one, other):
    """How many steps, tensors, rows, pictures and pickles are not the same."""
    if isinstance(one, dict):
        return sum(differences(one.get(name), other.get(name)) for name in {*one, *other})
    if isinstance(one, list):
        return abs(len(one) - len(other)) + sum(a != b for a, b in zip(one, other, strict=False))
    return int(one != other)


def is_there(options):
    """Whether a run has begun in the folders, so that it can be resumed."""
    return Path(options["ckpt"], "config.json").exists()


def leftovers(options):
    """What is half-written in the folders."""
    return [path for name in ("ckpt", "samples") for path in Path(options[name]).rglob("*partial*")]


def state_step(options):
    """The step from which a resume would go on."""
    state = checkpoints.newest_state(Path(options["ckpt"]))
    return state.step if state else 0


def recorded_step(options):
    """The step of the last row of losses.csv."""
    path = Path(options["samples"], "losses.csv")
    rows = records.read_losses(path, last_step=10**9) if path.exists() else []
    return rows[-1].step if rows else 0


def train_by_command_and_kill(options, random):
    """`python train.py` until it trains, and a moment longer. Returns its exit code."""
    argv = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()] + ["--resume"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "train.py", *argv], cwd=REPOSITORY, **quiet) as process:
        path = Path(options["samples"], "losses.csv")
        changed = path.stat().st_mtime_ns
        while process.poll() is None and path.stat().st_mtime_ns == changed:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
    return process.returncode


def test_a_run_killed_again_and_again_ends_as_one_that_was_not(tmp_path, dataset, forks, capsys):
    straight, killed = options(tmp_path / "straight", dataset, EPOCHS), options(tmp_path / "killed", dataset, EPOCHS)
    begun, random = time.monotonic(), Random(0)
    start = forks.train(options(tmp_path / "short", dataset, 1))["seconds"]
    answer = forks.train(straight)
    assert answer["code"] == 0
    epoch, steps = (answer["seconds"] - start) / EPOCHS, state_step(straight)
    kills = resumes = lost = in_time = 0
    while kills < KILLS:
        resume = is_there(killed)
        resumes += resume
        if resume and (kills + 1) % (KILLS // BY_COMMAND) == 0:
            code = train_by_command_and_kill(killed, random)
        else:
            # While it begins, or in that part of what is left to do that lets the kills end when the run does.
            done = recorded_step(killed) // 3
            most = min(EPOCHS - 1, done + max(1, 2 * (EPOCHS - done) // (KILLS - kills)))
            line = [Path(killed["samples"], "losses.csv"), 1 + random.randint(min(done + 1, most), most)]
            moments = {"kill_at_line": [*line, random.uniform(0, epoch)]}
            if random.random() < 0.2:
                moments["kill_after"] = random.uniform(0, start)
            code = forks.train(killed, resume=resume, **moments)["code"]
        assert code in (0, -signal.SIGKILL)
        if code:
            kills += 1
            in_time += state_step(killed) < steps
            lost += max(0, recorded_step(killed) - state_step(killed))
    assert forks.train(killed, resume=True)["code"] == 0
    found = differences(everything(straight), everything(killed))
    with capsys.disabled():
        print(
            f"\nkills: {kills}, {in_time} of them before the last of {steps:,} steps, {BY_COMMAND} of the command in a "
            f"shell; resumes: {resumes + 1}; steps lost and done again: {lost:,}; differences: {found}; "
            f"{time.monotonic() - begun:.0f} s"
        )
    assert (found, leftovers(killed)) == (0, []) and in_time >= KILLS * 0.8


@pytest.fixture(scope="module")
def stages(tmp_path_factory, dataset, forks):
    """The names of all stages of a run that lasts long enough to remove its oldest generators, in their order.

    Those first that come once in the life of a folder: it is made.
    """
    folder = tmp_path_factory.mktemp("stages")
    assert forks.train(options(folder, dataset, 7), note=folder / "stages.json")["code"] == 0
    names = dict.fromkeys(json.loads((folder / "stages.json").read_text()))
    return sorted(names, key=lambda name: not name.startswith("make"))


def stop_at_each(forks, stops, folder, dataset):
    """Trains and is stopped in turn at each of the stops, pairs (stage, how); each time it goes on from the last one.

    Returns those that were reached, as triples with the stderr, and the options of the last of the runs.
    """
    reached, said, drawable = [], folder.with_suffix(".stderr"), False
    for stage, how in stops:
        now = options(folder, dataset, 7)
        if is_there(now):
            now["epochs"] = max(7, state_step(now) // 3 + 2)
        code = forks.train(now, resume=is_there(now), stop_at=[stage, how], said=said)["code"]
        assert code in (0, 3 if how == "full" else -signal.SIGKILL), (stage, how, said.read_text())
        reached += [(stage, how, said.read_text())] if code else []
        latest = tf.train.latest_checkpoint(str(now["ckpt"]))  # which reads what it is given by name
        if drawable:  # and never ceases to be
            assert latest and checkpoints.newest_generator(now["ckpt"]), (stage, how)
        drawable = latest and state_step(now) > 0  # before, there is nothing to go back to
    return reached, now


def went_through(stages, hows, tmp_path, dataset, forks):
    """Stops two runs at all the stages, each at half of them, and then lets them end. Returns what was reached.

    hows: of a stage, the ways to stop there. Both must end as a run that was not stopped.
    """
    with Forks() as others, ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(stop_at_each, each, [(stage, how) for stage in part for how in hows(stage)], folder, dataset)
            for each, part, folder in (
                (forks, stages[::2], tmp_path / "even"),
                (others, stages[1::2], tmp_path / "odd"),
            )
        ]
        done = [run.result() for run in runs]
    epochs = max(last["epochs"] for _, last in done)
    straight = options(tmp_path / "straight", dataset, epochs)
    assert forks.train(straight)["code"] == 0
    for _, last in done:
        last["epochs"] = epochs
        assert forks.train(last, resume=True)["code"] == 0 and not leftovers(last)
        assert differences(everything(straight), everything(last)) == 0
    return [stop for reached, _ in done for stop in reached]


def test_a_run_killed_at_each_stage_by_name_ends_as_one_that_was_not(tmp_path, dataset, forks, stages, capsys):
    """Just before each, half through it where it is not one step of the system's, and just after it."""
    begun = time.monotonic()

    def hows(stage):
        return ("before", "half", "after") if stage.startswith(("write", "remove")) else ("before", "after")

    kills = went_through(stages, hows, tmp_path, dataset, forks)
    with capsys.disabled():
        print(f"\nkills: {len(kills)}, at {len(stages)} stages; differences: 0; {time.monotonic() - begun:.0f} s")
        for stage in stages:
            print(f"  {', '.join(how for name, how, _ in kills if name == stage):<19} {stage}")
    assert {stage for stage, _, _ in kills} == set(stages)


def test_a_disk_that_is_full_from_any_stage_on_is_one_sentence_and_room_is_all_it_takes(
    tmp_path, dataset, forks, stages, capsys
):
    begun = time.monotonic()
    need_room = [stage for stage in stages if stage.startswith(("make", "write"))]
    full = went_through(need_room, lambda _: ["full"], tmp_path, dataset, forks)
    with capsys.disabled():
        print(f"\ndisk full at {len(full)} stages; differences: 0; {time.monotonic() - begun:.0f} s")
        print("\n".join(f"  {stage}" for stage, _, _ in full))
    assert {stage for stage, _, _ in full} == set(need_room)
    assert all(
        said.count("\n") == 1 and "No space left on device" in said and str(tmp_path) in said and "--resume" in said
        for _, _, said in full
    )


def test_a_second_trainer_is_refused_in_a_sentence_until_the_first_is_killed(tmp_path, dataset, forks):
    run, said = options(tmp_path / "run", dataset, 100_000), tmp_path / "stderr"
    with ThreadPoolExecutor() as pool, Forks() as others:
        first = pool.submit(others.train, run, kill_after=6)
        while not state_step(run):
            time.sleep(0.1)
        assert forks.train(run, resume=True, said=said)["code"] == 2
        assert said.read_text().count("\n") == 1 and "another process is training" in said.read_text()
        assert first.result()["code"] == -signal.SIGKILL
    assert forks.train({**run, "epochs": state_step(run) // 3 + 2}, resume=True)["code"] == 0


def test_a_small_disk_that_a_run_fills_is_one_sentence_and_room_is_all_it_takes(tmp_path, dataset, forks):
    """Each time with a little more room, until it suffices."""
    straight, said, sizes = options(tmp_path / "straight", dataset, 30), tmp_path / "stderr", []
    assert forks.train(straight)["code"] == 0
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as disk:
        run, code = options(disk / "run", dataset, 30), 3
        for size in range(shutil.disk_usage(disk).free, 0, -200_000):
            (disk / "other").write_bytes(b"")
            (disk / "other").write_bytes(bytes(min(size, shutil.disk_usage(disk).free)))
            code = forks.train(run, resume=is_there(run), said=said)["code"]
            if code == 0:
                break
            sizes.append(size)
            assert code == 3 and said.read_text().count("\n") == 1 and "No space left" in said.read_text()
        assert code == 0 and len(sizes) > 3
        assert differences(everything(straight), everything(run)) == 0 and not leftovers(run)
