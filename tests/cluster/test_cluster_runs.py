"""Runs of several processes on this machine: who writes what, how they end, and what they agree on before."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.datasets import load_digits

import clusters
from conftest import REPOSITORY, outcome
from tfgan_v1 import Config
from tfgan_v1.cluster.addresses import VARIABLE, Addresses, to_environment
from tfgan_v1.cluster.launch import free_addresses
from tfgan_v1.storage import checkpoints

FLAGS = ["--model", "mlp", "--dataset", "digits", "--steps", 45, "--sample-every", 15, "--batch-size", 15, "--chunk", 5]
# Calls a function before call number n of Plan.order, in the worker with this index.
BEFORE_CALL = """
import json, os, signal, time
from pathlib import Path
def before_call(index, n, function):
    from tfgan_v1.training.plan import Plan
    real, calls = Plan.order, []
    def order(*args):
        calls.append(1)
        if len(calls) == n:
            function()
        return real(*args)
    if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == index:
        Plan.order = order
"""


def config(folder):
    return Config(ckpt=folder / "checkpoints", samples=folder / "samples")


def places(folder):
    return ["--ckpt", folder / "checkpoints", "--samples", folder / "samples"]


def commands(folder, *flags, count=2):
    """The command of the chief in `folder`, and of followers that name folders of their own."""
    return [[*FLAGS, *flags, *places(folder if index == 0 else folder / f"of_{index}")] for index in range(count)]


def assert_nothing_of_followers(folder):
    assert not list(folder.glob("of_*"))


def assert_nothing_of_a_run(folder):
    assert {each.name for each in folder.iterdir()} <= {"logs", "data", "cache"}


def codes(ended):
    return [each.code for each in ended]


def sentence(text):
    """The one line that an error is."""
    assert text.count("\n") == 1 and text.startswith("train.py: "), text
    return text.removeprefix("train.py: ")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(folder of the run of two workers, an Ended for each)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, clusters.run(folder / "logs", commands(folder))


@pytest.mark.slow
def test_the_chief_alone_writes_the_run_and_says_how_many_workers_it_has(undisturbed):
    folder, (chief, follower) = undisturbed
    assert codes((chief, follower)) == [0, 0], (chief.err, follower.err)
    lines = [line for line in chief.out.splitlines() if line.startswith("Step ")]
    assert len(lines) == 3 and all("images/s by 2 workers" in line for line in lines), chief.out
    assert_nothing_of_followers(folder)
    assert follower.out.startswith("Done: the run is with the chief at 127.0.0.1:") and follower.out.count("\n") == 1
    assert json.loads((config(folder).ckpt_folder / "config.json").read_text())["made_by"]["workers"] == 2
    assert "--model mlp is not faster with several workers" in chief.err and follower.err == ""


@pytest.mark.slow
def test_a_resume_by_one_process_is_warned_that_its_bits_may_differ(undisturbed, tmp_path, command):
    for name in ("checkpoints", "samples"):
        shutil.copytree(undisturbed[0] / name, tmp_path / name)
    code, out, err = command("train", "--resume", "--steps", 50, *places(tmp_path))
    assert code == 0 and "by 2 workers" not in out
    assert err.startswith("warning: the run began with workers 2, now 1: ") or "; workers 2, now 1: " in err, err


@pytest.mark.thorough
def test_sigterm_at_a_follower_stops_all_and_a_streamed_resume_has_the_bits_of_an_undisturbed_run(
    undisturbed, tmp_path
):
    stop = BEFORE_CALL + "before_call(1, 4, lambda: os.kill(os.getpid(), signal.SIGTERM))"
    chief, follower = clusters.run(tmp_path / "logs", commands(tmp_path), before=stop)
    assert codes((chief, follower)) == [143, 143], (chief.err, follower.err)
    step = checkpoints.newest_state(config(tmp_path).ckpt_folder).step
    assert 0 < step < 45
    where = f"--resume --ckpt={tmp_path}/checkpoints --samples={tmp_path}/samples"
    assert f"Stopped by SIGTERM; everything is saved at step {step} of 45. Continue on all workers with: " in chief.out
    assert where.replace("=", " ") in chief.out.replace("=", " "), chief.out
    assert follower.out.startswith("Stopped by SIGTERM: the run is with the chief at ")
    assert_nothing_of_followers(tmp_path)
    # The follower knows no option of the run; all of them hear them from the chief.
    flags = ["--resume", "--resident-limit", 0]
    resumed = [[*flags, *places(tmp_path)], [*flags, *places(tmp_path / "of_1")]]
    ended = clusters.run(tmp_path / "again", resumed)
    assert codes(ended) == [0, 0], [each.err for each in ended]
    assert "warning" not in ended[0].err
    assert_nothing_of_followers(tmp_path)
    assert outcome(config(tmp_path)) == outcome(config(undisturbed[0]))


@contextmanager
def held(folder, **options):
    """Two workers whose chief waits before its fourth call, in the context; then they go on. Yields a list of Ended.

    The watch goes on meanwhile.
    """
    is_held, go, ended = folder / "logs" / "held", folder / "logs" / "go", []
    hold = f"""
{BEFORE_CALL}
def hold():
    Path({str(is_held)!r}).touch()
    while not Path({str(go)!r}).exists():
        time.sleep(0.05)
before_call(0, 4, hold)
"""
    processes, _ = clusters.start(folder / "logs", commands(folder), before=hold, **options)
    try:
        deadline = time.monotonic() + clusters.LIMIT
        while not is_held.exists():
            assert time.monotonic() < deadline and processes[0].poll() is None
            time.sleep(0.1)
        yield ended
    finally:
        go.touch()
        ended += clusters.finish(folder / "logs", processes)


@pytest.mark.slow
def test_a_second_cluster_in_the_same_folders_ends_and_the_first_run_is_whole(undisturbed, tmp_path):
    with held(tmp_path) as ended:  # so that the second finds the first at work
        chief, follower = clusters.run(tmp_path / "second", commands(tmp_path, "--overwrite"))
    assert codes((chief, follower)) == [2, 5], (chief.err, follower.err)
    assert f"another process is training in {tmp_path}" in chief.err
    assert "the chief at 127.0.0.1:" in sentence(follower.err) and "ended with an error of its own" in follower.err
    assert codes(ended) == [0, 0], [each.err for each in ended]
    assert_nothing_of_followers(tmp_path)
    assert outcome(config(tmp_path)) == outcome(config(undisturbed[0]))


@pytest.mark.slow
def test_connections_that_stay_open_and_carry_nothing_are_noticed_and_a_resume_has_the_same_bits(undisturbed, tmp_path):
    own = free_addresses(2)
    relays = [clusters.Relay(address) for address in own]
    told = [(own[0], relays[1].address), (relays[0].address, own[1])]
    with held(tmp_path, addresses=told) as ended:
        for each in relays:
            each.hold()
    assert codes(ended) == [5, 5], [each.err for each in ended]
    for each, lost in zip(ended, (f"the worker at {told[0][1]}", f"the chief at {told[1][0]}"), strict=True):
        assert f"train.py: lost {lost}: it was killed, it hangs, or the network is broken" in each.err
    resumed = clusters.run(tmp_path / "again", commands(tmp_path, "--resume"))
    assert codes(resumed) == [0, 0], [each.err for each in resumed]
    assert outcome(config(tmp_path)) == outcome(config(undisturbed[0]))


@pytest.mark.slow
def test_a_second_process_in_the_place_of_a_worker_is_named_by_all(tmp_path):
    """TensorFlow then breaks the exchange of all. It is no fork, which would have the random number of the first."""
    own, other = free_addresses(2), free_addresses(1)
    two = f"two processes run as the worker at {own[1]}; run each worker once; "
    with held(tmp_path, addresses=own) as ended:
        second = {**os.environ, VARIABLE: to_environment(Addresses((own[0], *other), 1))}
        flags = map(str, commands(tmp_path)[1])
        late = subprocess.run(
            [sys.executable, "train.py", *flags], cwd=REPOSITORY, env=second, capture_output=True, text=True
        )
    assert [late.returncode, *codes(ended)] == [5, 5, 5], [late.stderr, *(each.err for each in ended)]
    assert late.stderr == f"train.py: {two.replace(own[1], other[0])}start all workers again\n"
    said = f"train.py: {two}the run is at its last saved state; start all workers again with --resume"
    assert [each.err.splitlines()[-1] for each in ended] == [said] * 2


def digits(path, change=0):
    images = (load_digits().images[:120] * 15).astype(np.uint8)
    images[0, 0, 0] += change
    np.save(path, images)
    return path


def other_option(folder):
    chief, follower = commands(folder)
    return (
        [chief, [*follower, "--d-lr", 0.5]],
        "",
        "the worker at {1} has --d-lr 0.5, and the chief at {0} has 0.002",
    )


def other_data(folder):
    chief, follower = commands(folder)
    paths = [digits(folder / "data" / f"{change}.npy", change) for change in range(2)]
    told = "the worker at {1} has sha256 "
    return [[*chief, "--dataset", paths[0]], [*follower, "--dataset", paths[1]]], "", told


def other_version(folder):
    patch = """
import json, os
from tfgan_v1.storage import run_folder
if json.loads(os.environ["TF_CONFIG"])["task"]["index"]:
    run_folder.__version__ = "0.0.1"
"""
    return commands(folder), patch, "the worker at {1} has version of tfgan_v1 0.0.1, and the chief at {0} has "


def no_data(folder):
    chief, follower = commands(folder)
    paths = [digits(folder / "data" / "0.npy"), folder / "data" / "missing.npy"]
    return [[*chief, "--dataset", paths[0]], [*follower, "--dataset", paths[1]]], "", str(paths[1])


def wrong_flag_of_the_chief(folder):
    chief, follower = commands(folder)
    return [[*chief, "--xla", "on"], [*follower, "--xla", "on"]], "", "--xla on is for one process"


def more_workers_than_rows(folder):
    flags = ["--minibatch-stddev", "--batch-size", 4]
    return (
        [[*each, *flags] for each in commands(folder)],
        "",
        "a batch of 4 is too small for 2 workers with 4 rows each, for --pack or --minibatch-stddev",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [other_option, other_data, other_version, no_data, wrong_flag_of_the_chief, more_workers_than_rows],
    ids=lambda case: case.__name__,
)
def test_what_one_worker_has_otherwise_is_said_by_all_before_anything_is_written(tmp_path, case):
    (tmp_path / "data").mkdir()
    given, before, told = case(tmp_path)
    processes, workers = clusters.start(tmp_path / "logs", given, before=before)
    ended = clusters.finish(tmp_path / "logs", processes)
    assert codes(ended) == [2, 2], [each.err for each in ended]
    for each in ended:
        assert told.format(*workers) in sentence(each.err), each.err
    if case is no_data:
        assert f"the worker at {workers[1]} cannot start: " in ended[0].err and "cannot start" not in ended[1].err
    assert_nothing_of_a_run(tmp_path)


@pytest.mark.slow
def test_a_port_in_use_and_a_chief_that_does_not_come_are_a_sentence_each(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        workers = (f"127.0.0.1:{taken.getsockname()[1]}", *free_addresses(1))
        processes, _ = clusters.start(tmp_path / "logs", commands(tmp_path, "--wait", 3), addresses=workers)
        chief, follower = clusters.finish(tmp_path / "logs", processes)
    assert codes((chief, follower)) == [2, 5], (chief.err, follower.err)
    assert sentence(chief.err).startswith(f"this worker cannot listen at {workers[0]} (")
    assert sentence(follower.err).startswith(f"the chief at {workers[0]} did not come within 3 seconds; start all")
    assert_nothing_of_a_run(tmp_path)


@pytest.mark.slow
def test_workers_that_do_not_come_are_named(tmp_path):
    workers = free_addresses(3)
    processes, _ = clusters.start(tmp_path / "logs", commands(tmp_path, "--wait", 3)[:1], addresses=workers)
    (chief,) = clusters.finish(tmp_path / "logs", processes)
    missing = f"the worker at {workers[1]} and the worker at {workers[2]}"
    assert chief.code == 5, chief.err
    assert sentence(chief.err).startswith(f"{missing} did not come within 3 seconds; start all")
    assert_nothing_of_a_run(tmp_path)


@pytest.mark.slow
def test_divergence_ends_all_with_the_run_at_its_last_state(tmp_path):
    # A gradient of 0 gives a step of the mean of those before, divided by epsilon.
    flags = ["--d-lr", 1, "--g-lr", 1, "--beta2", 0, "--epsilon", 1e-30]
    chief, follower = clusters.run(tmp_path / "logs", commands(tmp_path, *flags))
    assert codes((chief, follower)) == [4, 4], (chief.err, follower.err)
    assert "training diverged: a loss or a weight became NaN or infinite at step " in chief.err
    step = chief.err.split("infinite at ")[1].split(";")[0]
    assert f"{step}; the run in {tmp_path}/checkpoints was rolled back to step " in chief.err
    assert f"{step}; the chief at 127.0.0.1:" in sentence(follower.err)
    assert checkpoints.newest_state(config(tmp_path).ckpt_folder) is not None
    assert_nothing_of_followers(tmp_path)


CUSTOM = """
import json, os, sys
import tfgan_v1
from tfgan_v1 import Config, Loss, Model, Optimizer, tf, train
from tfgan_v1.gan import layers
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.models import MODELS
plain = LOSSES["least_squares"]
loss = plain._replace(penalty=lambda discriminate, real, fake: tf.reduce_mean(discriminate.squared_slopes(real)))
def discriminator(images, training):
    hidden = layers.dense(tf.reshape(images, [-1, 784]), 8, "hidden")
    return layers.dense(tf.tanh(layers.batch_norm(hidden, training, "norm")), 1, "logits")
model = Model(MODELS["mlp"].generator, discriminator, MODELS["mlp"].output)
optimizer = Optimizer(lambda rate: tf.train.MomentumOptimizer(rate, 0.5), 0.01)
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
folder = sys.argv[1] if index == 0 else sys.argv[1] + "/of_1"
config = Config(dataset="digits", steps=12, sample_every=6, batch_size=9, d_batches="separate", chunk=4, xla="off",
                ckpt=folder + "/checkpoints", samples=folder + "/samples")
progress = train(config, model=model, loss=loss, d_optimizer=optimizer, wait=120)
print(progress.step, progress.total_steps, len(progress.samples), progress.stopped_by)
"""


@pytest.mark.thorough
def test_custom_parts_train_in_python_with_the_variable_set(tmp_path):
    workers, processes = free_addresses(2), []
    for index in range(2):
        variables = {VARIABLE: to_environment(Addresses(workers, index)), "PYTHONPATH": str(REPOSITORY)}
        with (tmp_path / f"{index}.log").open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", CUSTOM, tmp_path], env={**os.environ, **variables}, stdout=log, stderr=log
                )
            )
    try:
        ended = [each.wait(clusters.LIMIT) for each in processes]
    finally:
        for each in processes:
            each.kill()
    outputs = [(tmp_path / f"{index}.log").read_text() for index in range(2)]
    assert ended == [0, 0], outputs
    assert [each.splitlines()[-1] for each in outputs] == ["12 12 2 None", "12 12 0 None"]
    assert_nothing_of_followers(tmp_path)
    content = json.loads((tmp_path / "checkpoints" / "config.json").read_text())
    assert set(content["custom"]) == {"model", "loss", "d_optimizer"} and content["made_by"]["workers"] == 2


def launcher(folder, *flags):
    """A process of `train --workers 2`, with its output in files."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        variables = {name: value for name, value in os.environ.items() if name != VARIABLE}
        return subprocess.Popen(
            [sys.executable, "train.py", "--workers", "2", *map(str, flags)],
            cwd=REPOSITORY,
            env={**variables, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )


@pytest.mark.slow
def test_workers_on_one_machine_stop_by_ctrl_c_with_everything_saved_and_go_on(tmp_path):
    logs, again = tmp_path / "logs", tmp_path / "again"
    process = launcher(logs, *FLAGS, "--steps", 10**6, "--sample-every", 10, *places(tmp_path))
    try:
        deadline = time.monotonic() + clusters.LIMIT
        while "by 2 workers" not in (logs / "out").read_text():
            assert process.poll() is None and time.monotonic() < deadline, (logs / "err").read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code = process.wait(clusters.LIMIT)
    finally:
        process.kill()
    out, step = (logs / "out").read_text(), checkpoints.newest_state(config(tmp_path).ckpt_folder).step
    assert code == 130, (logs / "err").read_text()
    assert f"Stopped by SIGINT; everything is saved at step {step:,} of 1,000,000. Continue with: " in out
    assert "train.py --resume " in out and out.strip().replace("=", " ").endswith(" --workers 2"), out
    lines = [line for line in out.splitlines() if line.startswith("Step ")]
    assert len(lines) == len(set(lines)) and "the run is with the chief" not in out, out
    length = step + 7
    process = launcher(again, "--resume", "--steps", length, *places(tmp_path))
    try:
        assert process.wait(clusters.LIMIT) == 0, (again / "err").read_text()
    finally:
        process.kill()
    assert checkpoints.newest_state(config(tmp_path).ckpt_folder).step == length
    assert "warning" not in (again / "err").read_text()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--workers", 3, "--batch-size", 2), "a batch of 2 is too small for 3 workers with a row each"),
        (("--workers", 2, "--xla", "on"), "--xla on is for one process"),
        (("--workers", 0), "--workers must be a whole number, at least 1 and at most 1,000, not '0'"),
        (("--workers", "two"), "--workers must be a whole number"),
        (("--wait", 0), "--wait must be a whole number, at least 1 and at most 86,400, not '0'"),
    ],
    ids=str,
)
def test_wrong_flags_are_one_sentence(command, tmp_path, flags, told):
    code, _, err = command("train", "--dataset", "digits", "--dry-run", *flags, *places(tmp_path))
    assert code == 2 and told in sentence(err) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variable", "flags", "told"),
    [
        ("{", (), "TF_CONFIG is not JSON: '{'"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', (), "names 'a:1' twice"),
        (
            to_environment(Addresses(("a:1", "b:2"), 0)),
            ("--workers", 3),
            "--workers starts workers on this machine, but TF_CONFIG names them; leave one of the two out",
        ),
        (to_environment(Addresses(("a:1", "b:2"), 1)), ("--d-lr", 2), "--d-lr must be"),
    ],
    ids=["no JSON", "twice", "other workers", "bad option"],
)
def test_a_wrong_variable_is_one_sentence_before_anything_is_written(
    command, tmp_path, monkeypatch, variable, flags, told
):
    monkeypatch.setenv(VARIABLE, variable)
    code, _, err = command("train", *FLAGS, *flags, *places(tmp_path))
    assert code == 2 and told in sentence(err) and not list(tmp_path.iterdir())


def test_one_worker_is_a_run_of_one_process(command, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, to_environment(Addresses(("a:1",), 0)))
    code, out, _ = command("train", *FLAGS, "--dry-run", "--workers", 1, *places(tmp_path))
    assert code == 0 and "by workers" not in out and not list(tmp_path.rglob("*.json"))
