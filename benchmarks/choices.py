"""Measures what is chosen for speed, on the device of this machine: each choice with and without, in turns.

    TFGAN_DATA=... python benchmarks/choices.py

Prints a Markdown table. Where a choice of the code is the slower one, its row says so: `devices.resolve_device` decides
XLA, `devices.check_bfloat16` bfloat16, and the device's row in `gan.layers.NUMERICS` the others.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import tables
from frameworks import OURS
from speed import environment, save_data, say
from tfgan_v1 import Config, devices
from tfgan_v1.gan.layers import NUMERICS
from tfgan_v1.gan.models import MODELS
from turns import Worker, take_turns

# Choice -> (presets that it concerns, arguments of ours.trainer with it, the same without it).
CASES = {
    "xla": (tuple(MODELS), {"xla": "on"}, {"xla": "off"}),
    "fused_pooling": (("conv",), {"numerics": {"fused_pooling": True}}, {"numerics": {"fused_pooling": False}}),
    "phase_kernels": (
        ("conv", "dcgan_upsample"),
        {"numerics": {"phase_kernels": True}},
        {"numerics": {"phase_kernels": False}},
    ),
    "bfloat16": (tuple(MODELS), {"precision": "bfloat16"}, {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="least duration of a turn")
    parser.add_argument("--only", default=",".join(MODELS), help="presets, separated by commas")
    parser.add_argument("--choices", default=",".join(CASES), help="choices, separated by commas")
    options = parser.parse_args()
    device, rows = devices.resolve_device(replace(Config(), device="auto")).device, []
    with tempfile.TemporaryDirectory() as name, open(os.devnull, "w") as log:
        folder = Path(name)
        about = f"{devices.name(device)}; {environment()}; {save_data(folder)}"
        for choice in options.choices.split(","):
            presets, *both = CASES[choice]
            for preset in [preset for preset in presets if preset in options.only.split(",")]:
                cells, ratios = compare(preset, *both, folder, options, log)
                faster = advice(ratios)
                contrary = faster == ("without" if chosen(device, choice, preset) else "with")
                rows.append([f"`{preset}`", f"`{choice}`", *cells, f"**{faster}**, unlike now" if contrary else faster])
                say(" ".join(rows[-1]))
    print(f"{options.rounds} rounds in turns; {about}.\n")
    print(tables.markdown(["preset", "choice", "with", "without", "times as fast", "choose"], rows))


def compare(preset, with_it, without, folder, options, log):
    """Measures a preset with a choice and without it. Returns (texts of both speeds and of the ratio, ratios)."""
    images = folder / ("points.npy" if preset == "gaussian" else "images.npy")
    # One step per call: a step of a convolutional preset that XLA compiles may take half a minute.
    short = {"chunk": 1} if "xla" in with_it and MODELS[preset].convolutional else {}
    workers = {
        name: Worker(OURS, preset, images, log, options={**arguments, **short})
        for name, arguments in (("with", with_it), ("without", without))
    }
    try:
        runners = {name: lambda worker=worker: worker.run(options.seconds) for name, worker in workers.items()}
        results = take_turns(runners, options.rounds)
    finally:
        for worker in workers.values():
            worker.close()
    speeds = [
        tables.spread(results[name]).text() if results[name] and None not in results[name] else worker.unavailable
        for name, worker in workers.items()
    ]
    ratios = tables.ratios(results["with"], results["without"])
    return [*speeds, tables.spread(ratios).text(".2f") if ratios else "-"], ratios


def chosen(device, choice, preset):
    """Whether the code makes a choice for a preset on a device."""
    if choice == "xla":
        return devices.resolve_device(Config(model=preset, device=device)).xla == "on"
    if choice == "bfloat16":  # by a run's flag; refused where it is slower on a CPU
        return device == "gpu" or MODELS[preset].convolutional
    return getattr(NUMERICS[device], choice)


def advice(ratios):
    """What the ratios of the rounds say to choose: with, without, or either where they are on both sides of 1."""
    low, _, high = tables.spread(ratios or [0.0])  # what cannot run is not to be chosen
    return "with" if low > 1 else "without" if high < 1 else "either"


if __name__ == "__main__":
    main()
