"""The workers of a cluster, as TensorFlow's variable TF_CONFIG names them. No TensorFlow is needed to read it."""

import json
import os
import re
from typing import NamedTuple

from tfgan_v1.errors import UserError, brief

VARIABLE = "TF_CONFIG"
LAUNCHED = "TFGAN_LAUNCHED"  # is set in the workers that --workers starts
WAIT = 300  # seconds in which all workers must have come, unless --wait says otherwise
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


class Addresses(NamedTuple):
    """All workers, and which of them this process is. The first is the chief: it alone writes the run."""

    workers: tuple[str, ...]  # "host:port" of each
    index: int

    own = property(lambda self: self.workers[self.index])
    is_chief = property(lambda self: self.index == 0)


def from_environment():
    """The Addresses in TF_CONFIG; None if it names no cluster, or one worker.

    Raises UserError unless it has, by TensorFlow's documentation, a "cluster" with lists of addresses under "worker"
    and perhaps "chief", and a "task" with the "type" and the "index" of this process.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _check(False, f"is not JSON: {brief(text)}")
    cluster, task = (content.get(name) if isinstance(content, dict) else None for name in ("cluster", "task"))
    if content == {} or (isinstance(content, dict) and not cluster):
        return None
    _check(isinstance(cluster, dict) and isinstance(task, dict), 'needs a "cluster" and a "task"')
    unused = sorted(set(map(str, cluster)) - {"chief", "worker"})
    _check(not unused, f"has jobs that are not used here: {', '.join(unused)}; name the processes as worker alone")
    jobs = {name: cluster.get(name, []) for name in ("chief", "worker")}
    for name, addresses in jobs.items():
        is_list = isinstance(addresses, list) and all(isinstance(address, str) for address in addresses)
        _check(is_list, f'needs a list of addresses under "{name}"')
    workers = (*jobs["chief"], *jobs["worker"])
    _check(workers, 'has no "worker" in its "cluster"')
    for address in workers:
        _check(_is_address(address), f"has the address {brief(address)}, which is not a host and a port: host:2222")
        _check(workers.count(address) == 1, f"names {brief(address)} twice; each worker has an address of its own")
    job, index = task.get("type"), task.get("index")
    _check(isinstance(job, str) and job in jobs, f'has the task type {brief(job)}; it is "worker" or "chief"')
    _check(jobs[job], f'has the task type {brief(job)}, but its "cluster" has no {job}')
    numbers = f"its {job}s are numbered 0 to {len(jobs[job]) - 1}"
    _check(type(index) is int and 0 <= index < len(jobs[job]), f"has the task index {brief(index)}, but {numbers}")
    if len(workers) == 1:
        return None
    return Addresses(workers, index + (len(jobs["chief"]) if job == "worker" else 0))


def to_environment(addresses):
    """The value of TF_CONFIG for Addresses."""
    task = {"type": "worker", "index": addresses.index}
    return json.dumps({"cluster": {"worker": list(addresses.workers)}, "task": task})


def _is_address(text):
    match = re.fullmatch(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+(?:%\w+)?\]):([0-9]{1,5})", text)
    return bool(match) and text.isprintable() and 1 <= int(match[1]) <= 65535


def _check(right, mistake):
    if not right:
        raise UserError(f"{VARIABLE} {mistake}; unset it to train alone; it looks like {EXAMPLE}")
