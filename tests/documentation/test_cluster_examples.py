"""The examples of docs/cluster do what they say: each worker gets a valid TF_CONFIG, and flags that exist."""

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

from clusters import LIMIT, finish
from conftest import REPOSITORY
from tfgan_v1.cluster import addresses
from tfgan_v1.cluster.launch import free_addresses
from tfgan_v1.commands import train

EXAMPLES = REPOSITORY / "docs" / "cluster"
TWO_MACHINES, KUBERNETES, SLURM = (EXAMPLES / name for name in ("two_machines.sh", "kubernetes.yaml", "slurm.sbatch"))
STEPS = ["--dataset", "digits", "--steps", "4", "--sample-every", "2", "--batch-size", "16"]
PRINTED = """#!/bin/sh
{python} -c 'import json, os, sys; print(json.dumps([os.environ["TF_CONFIG"], sys.argv[1:]]))' "$@"
"""


def executable(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path):
    """Environment variables with a `python` on the PATH that prints its TF_CONFIG and arguments."""
    (tmp_path / "bin").mkdir()
    executable(tmp_path / "bin" / "python", PRINTED.format(python=sys.executable))
    executable(tmp_path / "bin" / "python3", PRINTED.format(python=sys.executable))
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**{name: value for name, value in os.environ.items() if name != "PYTHON"}, "PATH": path}


def accepted(output, monkeypatch):
    """(the Addresses in what the faked python printed, the options of `train`)."""
    config, (module, name, command, *given) = json.loads(output)
    assert (module, name, command) == ("-m", "tfgan_v1", "train")
    monkeypatch.setenv(addresses.VARIABLE, config)
    return addresses.from_environment(), train.parse("train", given)


def run(command, environment):
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.slow
def test_two_machines_train_together_and_only_the_first_keeps_the_run(tmp_path):
    workers, processes = free_addresses(2), []
    for index in range(2):
        folder = tmp_path / str(index)
        folder.mkdir()
        with (tmp_path / f"{index}.out").open("wb") as out, (tmp_path / f"{index}.err").open("wb") as err:
            processes.append(
                subprocess.Popen(
                    ["sh", TWO_MACHINES, str(index), *workers, "--", *STEPS],
                    cwd=folder,
                    env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            )
    ended = finish(tmp_path, processes, limit=LIMIT)
    assert [each.code for each in ended] == [0, 0], [each.err for each in ended]
    assert sorted(each.name for each in (tmp_path / "0").iterdir()) == ["checkpoints", "samples"]
    assert not list((tmp_path / "1").iterdir())
    assert json.loads((tmp_path / "0" / "checkpoints" / "config.json").read_text())["made_by"]["workers"] == 2


@pytest.mark.parametrize("index", [0, 1, 2])
def test_two_machines_passes_on_addresses_and_flags(environment, monkeypatch, index):
    hosts = ["10.0.0.1:2222", "[fd00::2]:2222", "third:2223"]
    command = ["sh", TWO_MACHINES, str(index), *hosts, "--", "--name", "two words", "--resume"]
    cluster, given = accepted(run(command, environment), monkeypatch)
    assert cluster == (tuple(hosts), index)
    assert given["name"] == "two words" and given["resume"]


@pytest.mark.parametrize("given", [[], ["0"], ["0", "a:1", "b:1"]])
def test_two_machines_says_how_it_is_used(given):
    ended = subprocess.run(["sh", TWO_MACHINES, *given], capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.startswith("usage:") and ended.stderr.count("\n") == 1


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("again", [False, True])
def test_each_pod_finds_the_others_and_the_chief_resumes_what_is_there(
    environment, monkeypatch, tmp_path, index, again
):
    text = KUBERNETES.read_text()
    script = textwrap.dedent(re.search(r"args:\n +- \|\n((?: {14}.*\n)+)", text)[1])
    script = script.replace("/run-volume", str(tmp_path))
    if again:
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / "config.json").touch()
    workers = re.search(r'name: WORKERS\n +value: "(\d+)"', text)[1]
    assert re.findall(r"(?:completions|parallelism): (\d+)", text) == [workers, workers]
    pod = {**environment, "WORKERS": workers, "JOB_COMPLETION_INDEX": str(index)}
    cluster, given = accepted(run(["/bin/sh", "-c", script], pod), monkeypatch)
    assert cluster == (("tfgan-0.tfgan:2222", "tfgan-1.tfgan:2222", "tfgan-2.tfgan:2222"), index)
    assert given["resume"] == (again or index > 0)
    assert given["ckpt"] == f"{tmp_path}/checkpoints" and given["batch_size"] % int(workers) == 0


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("again", [False, True])
def test_each_task_of_slurm_finds_the_others(environment, monkeypatch, tmp_path, index, again):
    scontrol = '#!/bin/sh\n[ "$*" = "show hostnames node[07-09]" ] && printf "node07\\nnode08\\nnode09\\n"\n'
    executable(tmp_path / "bin" / "scontrol", scontrol)
    srun = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n'  # leaves its own flags out
    executable(tmp_path / "bin" / "srun", srun)
    if again:
        (tmp_path / "run" / "checkpoints").mkdir(parents=True)
        (tmp_path / "run" / "checkpoints" / "config.json").touch()
    job = {
        "SLURM_JOB_NODELIST": "node[07-09]",
        "SLURM_JOB_ID": "1234567",
        "SLURM_NTASKS": "3",
        "SLURM_PROCID": str(index),
        "SLURM_CPUS_PER_TASK": "8",
        "RUN": str(tmp_path / "run"),
    }
    cluster, given = accepted(run(["bash", SLURM], {**environment, **job}), monkeypatch)
    assert cluster == (("node07:24567", "node08:24567", "node09:24567"), index)
    assert given["resume"] == again and given["ckpt"] == f"{tmp_path}/run/checkpoints"


def test_slurm_with_two_tasks_on_a_node_is_refused(environment, tmp_path):
    executable(tmp_path / "bin" / "scontrol", "#!/bin/sh\necho node07\n")
    job = {"SLURM_JOB_NODELIST": "node07", "SLURM_JOB_ID": "1", "SLURM_NTASKS": "2", "SLURM_CPUS_PER_TASK": "8"}
    ended = subprocess.run(["bash", SLURM], env={**environment, **job}, capture_output=True, text=True)
    assert ended.returncode == 2 and "--ntasks-per-node=1" in ended.stderr
