"""Workers that are killed or stopped at every stage: the others notice, and a resume has the undisturbed run's bits."""

import functools
import os
import random
import signal
from pathlib import Path

import pytest

import clusters
from conftest import THOROUGH, outcome
from tfgan_v1 import Config

KILLS = int(os.environ.get("TFGAN_CLUSTER_KILLS", 30 if THOROUGH else 1))  # of two and of three workers in turn
FLAGS = ["--dataset", "digits", "--steps", 60, "--sample-every", 15, "--batch-size", 16, "--chunk", 5]
# Stops the process at a stage: (function, call number, milliseconds after its start) and a signal, and notes the time.
AT_STAGE = """
import os, threading, time
def end(signal, noted):
    open(noted, "w").write(str(time.time()))
    os.kill(os.getpid(), signal)
def at(path, number, delay, signal, noted):
    import importlib
    module, name = path.split(":")
    owner = importlib.import_module(module)
    *classes, name = name.split(".")
    for each in classes:
        owner = getattr(owner, each)
    real, count = getattr(owner, name), [0]
    def replaced(*args, **kwargs):
        count[0] += 1
        if count[0] == number:
            if delay < 0:
                result = real(*args, **kwargs)
                end(signal, noted)
                return result
            elif delay == 0:
                end(signal, noted)
            else:
                threading.Timer(delay / 1000, end, (signal, noted)).start()
        return real(*args, **kwargs)
    setattr(owner, name, replaced)
"""
CALL, SAVE = "tfgan_v1.training.plan:Plan.order", "tfgan_v1.storage.checkpoints:save_state"
ASK, SAMPLE = "tfgan_v1.cluster.member:Member.stops", "tfgan_v1.storage.checkpoints:save_generator"
STAGES = {  # title -> (function, greatest call number, milliseconds or 0 before or -1 after it, of the chief alone)
    "before a call": (CALL, 12, 0, False),
    "in a call": (CALL, 12, 40, False),
    "before the question whether to stop": (ASK, 12, 0, False),
    "after it": (ASK, 12, -1, False),
    "while the chief's state is taken over": ("tfgan_v1.cluster.member:Member.broadcast", 1, 5, False),
    "before a save": (SAVE, 2, 0, True),
    "in a save": (SAVE, 2, 3, True),
    "after a save": (SAVE, 2, -1, True),
    "in a save of the generator": (SAMPLE, 4, 2, True),
}


def command(folder):
    return [*FLAGS, "--ckpt", folder / "checkpoints", "--samples", folder / "samples"]


def config(folder):
    return Config(ckpt=folder / "checkpoints", samples=folder / "samples")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a run of so many workers has that nothing disturbs: a function of the number."""

    @functools.cache
    def run(count):
        folder = tmp_path_factory.mktemp("undisturbed")
        ended = clusters.run(folder / "logs", [command(folder)] * count)
        assert [each.code for each in ended] == [0] * count, [each.err for each in ended]
        return outcome(config(folder))

    return run


@pytest.mark.parametrize("number", range(KILLS))
def test_a_lost_worker_is_noticed_and_a_resume_has_the_same_bits(undisturbed, tmp_path, number, record_property):
    count = 2 + number % 2
    expected = undisturbed(count)
    choose = random.Random(f"{count} {number}")
    title = list(STAGES)[number % len(STAGES)]
    path, most, delay, of_chief = STAGES[title]
    which = 0 if of_chief else choose.randrange(count)
    sent = [signal.SIGKILL, signal.SIGSTOP][(number + number // len(STAGES)) % 2]
    noted = tmp_path / "noted"
    before = (
        AT_STAGE
        + f"""
import json
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == {which}:
    at({path!r}, {choose.randint(1, most)}, {delay}, {int(sent)}, {str(noted)!r})
"""
    )
    processes, workers = clusters.start(tmp_path / "logs", [command(tmp_path)] * count, before=before)
    ended = clusters.finish(tmp_path / "logs", processes, ignored=[which])
    others = [each for index, each in enumerate(ended) if index != which]
    seconds = max(each.seconds for each in others) - float(Path(noted).read_text())
    for each in others:
        said = [line for line in each.err.splitlines() if not line.startswith("--model mlp is not faster")]
        assert each.code == 5 and len(said) == 1 and workers[which] in said[0], (title, each.code, each.err)
    resume = ["--resume"] * (config(tmp_path).ckpt_folder / "config.json").exists()
    again = clusters.run(tmp_path / "again", [[*command(tmp_path), *resume]] * count)
    assert [each.code for each in again] == [0] * count, (title, [each.err for each in again])
    assert outcome(config(tmp_path)) == expected, title
    record_property("summary", f"{count} workers, {sent.name} {title}, worker {which}: noticed in {seconds:.1f} s")
