"""The comparison of all workers before they train: none may differ in anything that matters."""

import json

from tfgan_v1.config import RUN_PLACES, Config
from tfgan_v1.config.options import flag
from tfgan_v1.errors import UserError, as_user_error
from tfgan_v1.storage.run_folder import PATHS, made_by

# A worker's own affair: where the data are on its machine. The chief's alone: the folders of the run.
OWN = (*PATHS, *RUN_PLACES)
DECIDED = "xla", "device", "threads"  # XLA is off for all, all are on the CPU, and threads may differ


def agree_on_options(member, wanted, make_config):
    """The Config of the run on this worker: the chief's, with this worker's paths.

    wanted: the options that the user gave to this worker, by name. make_config: () -> Config, for the chief alone.
    Raises UserError, on all workers, if one has other options or versions than the chief.
    """
    said = {"options": wanted, "made_by": made_by()}
    if member.is_chief:
        said |= attempt(lambda: _options(make_config()))
    chief, *others = exchange(member, said)
    for address, other in zip(member.addresses.workers[1:], others, strict=True):
        rows = [(name, flag(name), value, chief["config"].get(name)) for name, value in other["options"].items()]
        versions = other["made_by"].items()
        rows += [(name, f"version of {name}", value, chief["made_by"].get(name)) for name, value in versions]
        for name, title, value, chiefs in rows:
            if name not in (*OWN, *DECIDED) and value != chiefs:
                raise UserError(
                    f"the worker at {address} has {title} {value}, and the chief at {member.addresses.workers[0]} has "
                    f"{chiefs}; start all workers with the same command and versions"
                )
    own = {} if member.is_chief else {name: wanted[name] for name in OWN if wanted.get(name) is not None}
    return Config(**{name: chief["config"][name] for name in chief["given"]} | own)


def _options(config):
    return {"config": config.values(), "given": sorted(config.given)}


def agree_on_data(member, make_plan):
    """The Plan of this worker. make_plan: () -> Plan. Raises UserError, on all workers, if one has other data."""
    plans = []

    def describe():
        plans.append(make_plan())
        return {"data": {**plans[0].metadata, "custom parts": plans[0].custom.names()}}

    chief, *others = exchange(member, attempt(describe))
    for address, other in zip(member.addresses.workers[1:], others, strict=True):
        for name, value in other["data"].items():
            if name != "name" and value != chief["data"].get(name):
                raise UserError(
                    f"the worker at {address} has {name} {value}, and the chief at {member.addresses.workers[0]} has "
                    f"{chief['data'].get(name)}; give all workers the same data"
                )
    return plans[0]


def attempt(function):
    """function(), a dict, or its error, to be told to the others."""
    try:
        return function()
    except (UserError, OSError, MemoryError) as error:
        return {"problem": str(as_user_error(error))}


def exchange(member, said):
    """The dicts of all workers, for JSON. Raises UserError, on all workers, if one has a problem."""
    heard = [json.loads(text) for text in member.gather(json.dumps(said, default=str))]
    for index, each in enumerate(heard):
        if "problem" in each:
            own = index == member.index
            raise UserError(each["problem"] if own else f"{member.name(index)} cannot start: {each['problem']}")
    return heard
