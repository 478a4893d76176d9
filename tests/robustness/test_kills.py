"""A run that is killed, or fills the disk, at any moment, and is resumed, ends like an uninterrupted one."""

import json
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from conftest import REPOSITORY, THOROUGH, mounted, outcome, tensors, thorough
from forks import SMALL, Forks, images, labels
from tfgan_v1 import Config
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, records

KILLS, BY_COMMAND = (60, 6) if THOROUGH else (8, 2)  # the second: how many are of `python train.py`
MEASURED = {"evaluate_every": 7}
CONDITIONAL = {
    **{"conditional": True, "class_frequencies": "uniform", "average": 0.9, "holdout": 8},
    **{"penalty": "r1", "penalty_every": 3, "pack": 2},
}
ADAPTIVE = {
    **{"loss": "relativistic", "penalty": "r1,r2", "penalty_weight": "cosine:1:0.1", "optimizer": "adam"},
    **{"d_lr": "cosine:0.002:0.0002", "g_lr": "linear:0.002:0.0001:100", "beta2": "linear:0.9:0.99"},
    **{"average_halflife": "linear:0:50:90", "clusters": 5, "holdout": 8},
    **{"augment": "translate,flip", "augment_strength": "adaptive"},
}
EPOCHS = 150 if THOROUGH else 80


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


def sentences(stderr):
    """The lines of standard error but for warnings, such as of too few epochs."""
    return [line for line in stderr.splitlines() if not line.startswith("warning: ")]


def everything(options):
    """outcome(), and all image grids."""
    config = Config(**options)
    sheets = {path.name: path.read_bytes() for path in sorted((config.samples_folder / "sheets").iterdir())}
    tables = {path.name: path.read_bytes() for path in config.samples_folder.glob("*.csv") if path.name != "losses.csv"}
    kinds = [path.name.split(".")[0] for path in sorted(config.ckpt_folder.glob("*.index"))]
    newest = {kind: checkpoints.newest_generator(config.ckpt_folder, kind) for kind in {*kinds} & {"average", "best"}}
    others = {kind: {"step": checkpoint.step, **tensors(checkpoint.prefix)} for kind, checkpoint in newest.items()}
    return {**outcome(config), "sheets": sheets, "tables": tables, "generators": others}


def differences(one, other):
    """The number of steps, tensors, rows, pictures and pickles that differ."""
    if isinstance(one, dict):
        return sum(differences(one.get(name), other.get(name)) for name in {*one, *other})
    if isinstance(one, list):
        return abs(len(one) - len(other)) + sum(a != b for a, b in zip(one, other, strict=False))
    return int(one != other)


def has_started(options):
    """Whether the folders hold a run that can be resumed."""
    return Path(options["ckpt"], "config.json").exists()


def leftovers(options):
    """The partial files in the folders."""
    return [path for name in ("ckpt", "samples") for path in Path(options[name]).rglob("*partial*")]


def state_step(options):
    """The step from which a resume would continue."""
    state = has_started(options) and checkpoints.newest_state(Path(options["ckpt"]))
    return state.step if state else 0


def recorded_step(options):
    """The step of the last row of losses.csv."""
    path = Path(options["samples"], "losses.csv")
    critic = path.exists() and b"score(x)" in path.read_bytes()
    rows = records.read_losses(path, last_step=10**9, critic=critic) if path.exists() else []
    return rows[-1].step if rows else 0


def train_by_command_and_kill(options, random):
    """Kills `python train.py` a moment after it starts to train. Returns its exit code."""
    flags = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    argv = [name if value is True else f"{name}={value}" for name, value in flags.items()] + ["--resume"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "train.py", *argv], cwd=REPOSITORY, **quiet) as process:
        path = Path(options["samples"], "losses.csv")
        changed = path.stat().st_mtime_ns
        while process.poll() is None and path.stat().st_mtime_ns == changed:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
    return process.returncode


@pytest.mark.parametrize(
    "more, many",
    [
        pytest.param(MEASURED, KILLS if THOROUGH else KILLS // 2, id="measured"),
        thorough(CONDITIONAL, KILLS // BY_COMMAND),
        thorough(ADAPTIVE, KILLS // BY_COMMAND),
    ],
)
def test_a_run_killed_many_times_ends_like_an_uninterrupted_one(tmp_path, dataset, forks, capsys, more, many):
    more = {**more, "labels": labels(tmp_path / "labels.txt")} if "conditional" in more else more
    straight, killed = ({**options(tmp_path / name, dataset, EPOCHS), **more} for name in ("straight", "killed"))
    start_time, random = time.monotonic(), Random(0)
    start = forks.train({**options(tmp_path / "short", dataset, 1), **more})["seconds"]
    answer = forks.train(straight)
    assert answer["code"] == 0
    epoch, steps = (answer["seconds"] - start) / EPOCHS, state_step(straight)
    kills = resumes = lost = in_time = 0
    while kills < many:
        resume = has_started(killed)
        resumes += resume
        if resume and (kills + 1) % (KILLS // BY_COMMAND) == 0:
            code = train_by_command_and_kill(killed, random)
        else:
            # At the start, or early enough in the remaining epochs that all kills fit into the run.
            done = recorded_step(killed) // 3
            most = min(EPOCHS - 1, done + max(1, 2 * (EPOCHS - done) // (many - kills)))
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
    by_command = many * BY_COMMAND // KILLS
    with capsys.disabled():
        print(
            f"\nkills: {kills}, {in_time} of them before the last of {steps:,} steps, {by_command} of the command in a "
            f"shell; resumes: {resumes + 1}; steps lost and done again: {lost:,}; differences: {found}; "
            f"{time.monotonic() - start_time:.0f} s"
        )
    assert (found, leftovers(killed)) == (0, []) and in_time >= many * 0.8
    kept = {"average": bool({"average", "average_halflife"} & {*more}), "best": "evaluate_every" in more}
    assert everything(straight)["generators"].keys() == {kind for kind, is_kept in kept.items() if is_kept}


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_run_killed_as_it_writes_its_clusters_goes_on(tmp_path, dataset, forks, how):
    run = {**options(tmp_path / "run", dataset, 1), "clusters": 5}
    stop = ["rename to ckpt/clusters.npy", how]
    assert forks.train(run, stop_at=stop)["code"] == -signal.SIGKILL and has_started(run)
    assert forks.train(run, resume=True)["code"] == 0 and not leftovers(run)
    assert [path.name for path in Path(run["ckpt"]).glob("*.npy")] == ["clusters.npy"]


@pytest.fixture(scope="module")
def stages(tmp_path_factory, dataset, forks):
    """The names of all stages, in order, of a run that is long enough to remove its oldest generators.

    Stages that create a folder come first: they happen once.
    """
    folder = tmp_path_factory.mktemp("stages")
    assert forks.train(options(folder, dataset, 7), note=folder / "stages.json")["code"] == 0
    names = dict.fromkeys(json.loads((folder / "stages.json").read_text()))
    return sorted(names, key=lambda name: not name.startswith("make"))


def stop_at_each(forks, stops, folder, dataset):
    """Trains, and stops at each of the stops, pairs (stage, how), in turn; each time it resumes.

    Returns the stops that were reached, as (stage, how, stderr), and the options of the last run.
    """
    reached, stderr, has_generator = [], folder.with_suffix(".stderr"), False
    for stage, how in stops:
        now = options(folder, dataset, 7)
        if has_started(now):
            now["epochs"] = max(7, state_step(now) // 3 + 2)
        code = forks.train(now, resume=has_started(now), stop_at=[stage, how], stderr=stderr)["code"]
        assert code in (0, 3 if how == "full" else -signal.SIGKILL), (stage, how, stderr.read_text())
        reached += [(stage, how, stderr.read_text())] if code else []
        latest = tf.train.latest_checkpoint(str(now["ckpt"]))
        if has_generator:  # once there is a generator, there always is
            assert latest and checkpoints.newest_generator(now["ckpt"]), (stage, how)
        has_generator = latest and state_step(now) > 0  # before the first state, a resume starts at step 0
    return reached, now


def went_through(stages, hows, tmp_path, dataset, forks):
    """Stops two runs, each at half of the stages, and then lets them end. Returns the stops that were reached.

    hows: a function from a stage to the ways to stop there. Both runs must end like an uninterrupted one.
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


def test_a_run_killed_at_each_stage_ends_like_an_uninterrupted_one(tmp_path, dataset, forks, stages, capsys):
    """Halfway, or after a stage that is one system call, at every second; thoroughly, at all, before and after."""
    start_time, tried = time.monotonic(), stages if THOROUGH else stages[::2]

    def hows(stage):
        halves = stage.startswith(("write", "remove"))
        if THOROUGH:
            return ("before", "half", "after") if halves else ("before", "after")
        return ("half",) if halves else ("after",)

    kills = went_through(tried, hows, tmp_path, dataset, forks)
    with capsys.disabled():
        print(f"\nkills: {len(kills)}, at {len(tried)} stages; differences: 0; {time.monotonic() - start_time:.0f} s")
        for stage in tried:
            print(f"  {', '.join(how for name, how, _ in kills if name == stage):<19} {stage}")
    assert {stage for stage, _, _ in kills} == set(tried)


def test_a_disk_full_at_any_stage_is_an_error_of_one_sentence_and_a_resume_with_room_continues(
    tmp_path, dataset, forks, stages, capsys
):
    start_time = time.monotonic()
    need_room = [stage for stage in stages if stage.startswith(("make", "write"))]
    full = went_through(need_room, lambda _: ["full"], tmp_path, dataset, forks)
    with capsys.disabled():
        print(f"\ndisk full at {len(full)} stages; differences: 0; {time.monotonic() - start_time:.0f} s")
        print("\n".join(f"  {stage}" for stage, _, _ in full))
    assert {stage for stage, _, _ in full} == set(need_room)
    assert all(
        len(sentences(stderr)) == 1
        and "No space left on device" in stderr
        and str(tmp_path) in stderr
        and "--resume" in stderr
        for _, _, stderr in full
    )


def test_a_second_trainer_is_refused_until_the_first_is_killed(tmp_path, dataset, forks):
    run, stderr, kill = options(tmp_path / "run", dataset, 100_000), tmp_path / "stderr", tmp_path / "kill"
    with ThreadPoolExecutor() as pool, Forks() as others:
        first = pool.submit(others.train, run, kill_at_line=[kill, 1, 0])
        try:
            while not state_step(run):
                assert not first.done()
                time.sleep(0.1)
            assert forks.train(run, resume=True, stderr=stderr)["code"] == 2
        finally:
            kill.write_text("now\n")
        assert stderr.read_text().count("\n") == 1 and "another process is training" in stderr.read_text()
        assert first.result()["code"] == -signal.SIGKILL
    assert forks.train({**run, "epochs": state_step(run) // 3 + 2}, resume=True)["code"] == 0


@pytest.mark.thorough
def test_a_run_that_fills_a_small_disk_continues_with_more_room(tmp_path, dataset, forks):
    """Each resume has a little more room, until the run ends."""
    straight, stderr, sizes = options(tmp_path / "straight", dataset, 30), tmp_path / "stderr", []
    assert forks.train(straight)["code"] == 0
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as disk:
        run, code = options(disk / "run", dataset, 30), 3
        for size in range(shutil.disk_usage(disk).free, 0, -200_000):
            (disk / "other").write_bytes(b"")
            (disk / "other").write_bytes(bytes(min(size, shutil.disk_usage(disk).free)))
            code = forks.train(run, resume=has_started(run), stderr=stderr)["code"]
            if code == 0:
                break
            sizes.append(size)
            assert code == 3 and len(sentences(stderr.read_text())) == 1 and "No space left" in stderr.read_text()
        assert code == 0 and len(sizes) > 3
        assert differences(everything(straight), everything(run)) == 0 and not leftovers(run)
