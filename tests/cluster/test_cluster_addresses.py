"""TF_CONFIG: who the workers are, and one sentence for everything that it cannot be."""

import json
import signal
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import REPOSITORY
from tfgan_v1.cluster import addresses
from tfgan_v1.cluster.addresses import Addresses, from_environment, to_environment
from tfgan_v1.cluster.launch import free_addresses
from tfgan_v1.errors import UserError

TWO = ["a:1", "b:2"]
FIRST = {"type": "worker", "index": 0}


def read(content):
    """What TF_CONFIG with a text, or with an object as JSON, says."""
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(addresses.VARIABLE, text)
        return from_environment()


def cluster(jobs, task=FIRST):
    return {"cluster": jobs, "task": task}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "  \n",
        "{}",
        {"cluster": {}},
        {"task": FIRST},
        {"cluster": None, "task": None},
        cluster({"worker": ["a:1"]}),
        cluster({"chief": ["a:1"]}, {"type": "chief", "index": 0}),
        cluster({"chief": ["a:1"], "worker": []}, {"type": "chief", "index": 0}),
    ],
    ids=str,
)
def test_no_cluster_or_one_worker_is_a_run_of_one_process(content):
    assert read(content) is None


def test_without_the_variable_there_is_no_cluster(monkeypatch):
    monkeypatch.delenv(addresses.VARIABLE, raising=False)
    assert from_environment() is None


@pytest.mark.parametrize(
    ("jobs", "task", "index"),
    [
        ({"worker": TWO}, ("worker", 0), 0),
        ({"worker": TWO}, ("worker", 1), 1),
        ({"chief": ["a:1"], "worker": ["b:2"]}, ("chief", 0), 0),
        ({"chief": ["a:1"], "worker": ["b:2"]}, ("worker", 0), 1),
        ({"worker": ["b:2"], "chief": ["a:1"]}, ("worker", 0), 1),
        ({"chief": [], "worker": TWO}, ("worker", 1), 1),
        ({"chief": TWO}, ("chief", 1), 1),
    ],
    ids=str,
)
def test_the_chief_is_the_first_and_workers_follow(jobs, task, index):
    found = read(cluster(jobs, dict(zip(("type", "index"), task, strict=True))))
    assert found == Addresses(("a:1", "b:2"), index)
    assert found.own == TWO[index] and found.is_chief == (index == 0)


@pytest.mark.parametrize(
    "address", ["10.0.0.1:2222", "localhost:1", "node-3.example.org:65535", "[::1]:2222", "[fe80::1%eth0]:80", "ü:1"]
)
def test_addresses_of_every_kind(address):
    assert read(cluster({"worker": [address, "b:2"]})).own == address


MISTAKES = {
    "no JSON": ("{'cluster': ", "is not JSON: "),
    "a name of a file": ("cluster.json", "is not JSON: "),
    "cut off": ('{"cluster": {"worker": ["a:1"', "is not JSON: "),
    "deep": ("[" * 100_000, "is not JSON: "),
    "huge number": ("1" * 10_000, "is not JSON: "),
    "control characters": ("\x07{", "is not JSON: "),
    "null": ("null", 'needs a "cluster" and a "task"'),
    "list": ("[1]", 'needs a "cluster" and a "task"'),
    "text": ('"a:1"', 'needs a "cluster" and a "task"'),
    "cluster of a list": (cluster(TWO), 'needs a "cluster" and a "task"'),
    "no task": ({"cluster": {"worker": TWO}}, 'needs a "cluster" and a "task"'),
    "task of a number": (cluster({"worker": TWO}, 0), 'needs a "cluster" and a "task"'),
    "parameter server": (cluster({"worker": TWO, "ps": ["c:3"]}), "has jobs that are not used here: ps;"),
    "evaluator": (cluster({"evaluator": ["c:3"], "worker": TWO}), "has jobs that are not used here: evaluator;"),
    "workers of a text": (cluster({"worker": "a:1,b:2"}), 'needs a list of addresses under "worker"'),
    "workers of an object": (cluster({"worker": {"0": "a:1"}}), 'needs a list of addresses under "worker"'),
    "workers of null": (cluster({"worker": None}), 'needs a list of addresses under "worker"'),
    "address of a number": (cluster({"worker": ["a:1", 2]}), 'needs a list of addresses under "worker"'),
    "chief of a text": (cluster({"chief": "a:1", "worker": TWO}), 'needs a list of addresses under "chief"'),
    "no worker": (cluster({"worker": []}), 'has no "worker" in its "cluster"'),
    "no port": (cluster({"worker": ["a", "b:2"]}), "has the address 'a', which is not a host and a port"),
    "port of letters": (cluster({"worker": ["a:x", "b:2"]}), "has the address 'a:x', which is"),
    "port 0": (cluster({"worker": ["a:0", "b:2"]}), "has the address 'a:0', which is"),
    "port too large": (cluster({"worker": ["a:65536", "b:2"]}), "has the address 'a:65536', which is"),
    "port with a sign": (cluster({"worker": ["a:+1", "b:2"]}), "has the address 'a:+1', which is"),
    "no host": (cluster({"worker": [":1", "b:2"]}), "has the address ':1', which is"),
    "empty": (cluster({"worker": ["", "b:2"]}), "has the address '', which is"),
    "URL": (cluster({"worker": ["grpc://a:1", "b:2"]}), "has the address 'grpc://a:1', which is"),
    "two ports": (cluster({"worker": ["a:1:2", "b:2"]}), "has the address 'a:1:2', which is"),
    "space": (cluster({"worker": ["a b:1", "b:2"]}), "has the address 'a b:1', which is"),
    "line": (cluster({"worker": ["a:1\n", "b:2"]}), "has the address 'a:1\\n', which is"),
    "zero byte": (cluster({"worker": ["a\0:1", "b:2"]}), "has the address 'a\\x00:1', which is"),
    "half a surrogate": (cluster({"worker": ["\ud800:1", "b:2"]}), "has the address '\\ud800:1', which is"),
    "IPv6 without brackets": (cluster({"worker": ["::1:80", "b:2"]}), "has the address '::1:80', which is"),
    "twice": (cluster({"worker": ["a:1", "b:2", "a:1"]}), "names 'a:1' twice; each worker has an address of its own"),
    "twice, as chief": (cluster({"chief": ["a:1"], "worker": ["a:1"]}), "names 'a:1' twice"),
    "no type": (cluster({"worker": TWO}, {"index": 0}), "has the task type None; it is"),
    "another type": (cluster({"worker": TWO}, {"type": "ps", "index": 0}), "has the task type 'ps'; it is"),
    "type of a list": (cluster({"worker": TWO}, {"type": [], "index": 0}), "has the task type []; it is"),
    "type of an object": (cluster({"worker": TWO}, {"type": {}, "index": 0}), "has the task type {}; it is"),
    "no index": (cluster({"worker": TWO}, {"type": "worker"}), "has the task index None, but its workers are"),
    "index not there": (
        cluster({"worker": TWO}, {"type": "worker", "index": 2}),
        "has the task index 2, but its workers are numbered 0 to 1",
    ),
    "index below 0": (cluster({"worker": TWO}, {"type": "worker", "index": -1}), "has the task index -1, but"),
    "index of a text": (cluster({"worker": TWO}, {"type": "worker", "index": "1"}), "has the task index '1', but"),
    "index of a truth": (cluster({"worker": TWO}, {"type": "worker", "index": True}), "has the task index True, but"),
    "index of a fraction": (cluster({"worker": TWO}, {"type": "worker", "index": 1.0}), "has the task index 1.0, but"),
    "a chief where none is": (
        cluster({"worker": TWO}, {"type": "chief", "index": 0}),
        "has the task type 'chief', but its \"cluster\" has no chief",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_one_sentence_that_shows_what_it_looks_like(name):
    content, sentence = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        read(content)
    text = str(caught.value)
    assert text.startswith("TF_CONFIG ") and sentence in text and "\n" not in text, text
    assert text.endswith(f"; it looks like {addresses.EXAMPLE}") and len(text) < 700


def test_the_example_of_the_errors_is_right():
    assert read(addresses.EXAMPLE) == Addresses(("10.0.0.1:2222", "10.0.0.2:2222"), 0)


@pytest.mark.parametrize("count", [2, 3, 9])
def test_what_the_launcher_sets_is_read_back(count):
    workers = free_addresses(count)
    assert len(set(workers)) == count
    for index in range(count):
        assert read(to_environment(Addresses(workers, index))) == Addresses(workers, index)


NAMES = ["cluster", "task", "worker", "chief", "ps", "type", "index", "a:1", "b:2", "a", "\ud800:1", ""]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.sampled_from(NAMES) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
JOBS = st.dictionaries(st.sampled_from(["worker", "chief"]), st.lists(st.sampled_from(NAMES[7:]), max_size=3) | VALUES)
TASKS = st.fixed_dictionaries({"type": st.sampled_from(["worker", "chief"]) | VALUES, "index": VALUES})


@given(st.builds(cluster, JOBS | VALUES, TASKS | VALUES) | VALUES)
def test_any_json_is_a_cluster_none_or_one_sentence(content):
    assume(content != "\ud800:1")  # no environment holds such a bare text
    try:
        found = read(content)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert found is None or (isinstance(found, Addresses) and found.own in found.workers and found.workers[1:])


def test_reading_it_needs_no_tensorflow():
    script = "import sys; from tfgan_v1.cluster import addresses, launch; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0


def test_a_variable_that_was_left_by_another_program_can_be_unset(monkeypatch):
    cluster = {"master": ["a:2222"], "worker": ["b:2222"]}
    for content in ({"cluster": cluster, "task": {"type": "master", "index": 0}}, "x"):
        monkeypatch.setenv("TF_CONFIG", json.dumps(content) if content != "x" else "x")
        with pytest.raises(UserError, match="; unset it to train alone; it looks like"):
            addresses.from_environment()


def test_a_worker_stops_when_the_process_that_started_it_is_gone():
    script = "import time; from tfgan_v1.cluster import launch; launch.watch_launcher(); time.sleep(60)"
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, text=True, **pipes) as process:
        _, err = process.communicate(timeout=30)  # closes its standard input, as the end of the launcher does
    assert process.returncode == -signal.SIGTERM and err.startswith("stopping, as the process that started")
