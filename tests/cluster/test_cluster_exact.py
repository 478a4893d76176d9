"""n workers learn what one process would, for every system: metrics, weights, and equal bits on all workers."""

import json
import os

import numpy as np
import pytest

import forked
from cluster_systems import SYSTEMS
from conftest import THOROUGH
from tfgan_v1.cluster.launch import free_addresses

PROGRAM = "import cluster_systems, sys; cluster_systems.main(int(sys.argv[1]), *sys.argv[2:])"
pytestmark = pytest.mark.slow
# Three workers, which have unequal shares, train one system for each kind of exchange; in a thorough run three train
# all, and then two.
WITH_THREE = (*("tuned", "packed, stddev, dropout", "packed, stddev, dropout again", "D with batch norm, relative"),)
BY_WORKERS = {3: [*SYSTEMS] if THOROUGH else [*WITH_THREE], **({2: [*SYSTEMS]} if THOROUGH else {})}
LIMIT = 900  # seconds for all systems; the machine may be busy
METRICS = 1e-6  # largest difference
RELATIVE, ABSOLUTE = 1e-5, 1e-8  # of a weight or slot: a share of its tensor's largest, and what is added to that
# What has no gradient but rounding: a bias before a batch normalization, which takes it away again, and that of the
# scores of a relative loss. An average follows such a bias.
NO_GRADIENT = {
    "pairs": ("discriminator|logits|bias",),
    "D with batch norm": ("discriminator|conv|bias", "discriminator|hidden|bias", "discriminator|norm|moving_mean"),
    "D with batch norm, relative": ("discriminator|logits|bias",),
}
ROUNDING = 2e-5  # the largest difference of these


def start(folder, addresses, names):
    """Starts the program of each worker, or of one process that is alone."""
    processes = []
    for index in range(max(1, len(addresses))):
        log, env = folder / f"{index}.log", {**os.environ, "SYSTEMS": json.dumps(names)}
        processes.append(forked.Process(PROGRAM, (index, folder, *addresses), out=log, err=log, cwd=folder, env=env))
    return processes


def finish(folder, processes, names):
    """What each process found: system -> variable -> values."""
    try:
        codes = [each.wait(LIMIT) for each in processes]
    finally:
        for each in processes:
            each.kill()
            each.wait()
    assert codes == [0] * len(processes), [(folder / f"{i}.log").read_text()[-2000:] for i in range(len(processes))]
    return [
        {name: dict(np.load(folder / f"{number}.{index}.npz")) for number, name in enumerate(names)}
        for index in range(len(processes))
    ]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    names = [*dict.fromkeys(name for some in BY_WORKERS.values() for name in some)]
    folder = tmp_path_factory.mktemp("alone")
    return finish(folder, start(folder, (), names), names)[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory, alone):
    """What each of n workers found, by n. One process was first: all together would take the cores from each other."""
    found = {}
    for n, names in BY_WORKERS.items():
        folder = tmp_path_factory.mktemp("workers")
        found[n] = finish(folder, start(folder, free_addresses(n), names), names)
    return found


def bits(values):
    return {name: value.tobytes() for name, value in values.items()}


@pytest.mark.parametrize("n, name", [(n, name) for n, names in BY_WORKERS.items() for name in names])
def test_n_workers_learn_what_one_process_would(alone, shared, n, name):
    first, one = shared[n][0][name], alone[name]
    assert all(bits(other[name]) == bits(first) for other in shared[n][1:]), "the workers differ"
    assert first.keys() == one.keys() and len(np.unique(one["metrics"][:, 0])) == len(one["metrics"])
    assert np.abs(first["metrics"] - one["metrics"]).max() <= METRICS
    excepted = tuple(each for system, keys in NO_GRADIENT.items() if name.startswith(system) for each in keys)
    for key, value in one.items():
        difference, largest = np.abs(first[key].astype(float) - value).max(), np.abs(value.astype(float)).max()
        if key != "metrics":
            allowed = ROUNDING if key.startswith(excepted) else RELATIVE * largest + ABSOLUTE
            assert difference <= allowed, (key, difference, largest)


def test_two_trainings_of_equal_n_have_equal_bits(alone, shared):
    for each in (alone, *shared[3]):
        assert bits(each["packed, stddev, dropout again"]) == bits(each["packed, stddev, dropout"])
