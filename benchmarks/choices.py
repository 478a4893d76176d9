"""Measures what presets.CHOICES chooses for speed, on the device of this machine: each with and without, in turns.

    TFGAN_DATA=... python benchmarks/choices.py

Prints a Markdown table, which says what to choose, and the row of presets.CHOICES that follows from it.
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
from tfgan_v1.config.presets import CHOICES, CONVOLUTIONAL, PRESETS, Choices
from turns import Worker, take_turns

# Field of Choices -> (models with the choice, arguments of ours.trainer with it, the same without it).
CASES = {
    "xla": (tuple(PRESETS), {"xla": "on"}, {"xla": "off"}),
    "fused_pooling": (("conv",), {"choices": {"fused_pooling": True}}, {"choices": {"fused_pooling": False}}),
    "phase_kernels": (
        ("conv", "dcgan_upsample"),
        {"choices": {"phase_kernels": True}},
        {"choices": {"phase_kernels": False}},
    ),
    "bfloat16": (tuple(PRESETS), {"precision": "bfloat16", "choices": {"bfloat16": tuple(PRESETS)}}, {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="least duration of a turn")
    parser.add_argument("--only", default=",".join(PRESETS), help="presets, separated by commas")
    parser.add_argument("--choices", default=",".join(CASES), help="choices, separated by commas")
    given = parser.parse_args()
    device = devices.settled(replace(Config(), device="auto")).device
    rows, advised = [], {field: {*chosen(device, field)} for field in CASES}  # what is not measured stays as it is
    with tempfile.TemporaryDirectory() as name, open(os.devnull, "w") as log:
        folder = Path(name)
        about = f"{devices.name(device)}; {environment()}; {save_data(folder)}"
        for field, (models, *both) in [(field, CASES[field]) for field in given.choices.split(",")]:
            for model in [model for model in models if model in given.only.split(",")]:
                cells, ratios = compare(model, *both, folder, given, log)
                word = advice(ratios)
                is_chosen = model in chosen(device, field)
                if word != "either":
                    advised[field] = advised[field] - {model} | ({model} if word == "with" else set())
                contrary = word == ("without" if is_chosen else "with")
                rows.append([f"`{model}`", f"`{field}`", *cells, f"**{word}**, unlike now" if contrary else word])
                say(" ".join(rows[-1]))
    print(f"{given.rounds} rounds in turns; {about}.\n")
    print(tables.markdown(["preset", "choice", "with", "without", "times as fast", "choose"], rows))
    print(f'\nThe row of presets.CHOICES by this:\n\n    "{device}": {row(advised)},')


def compare(model, chosen, otherwise, folder, given, log):
    """Measures a preset with a choice and without it. Returns (texts of both speeds and of the ratio, ratios)."""
    images = folder / ("points.npy" if model == "gaussian" else "images.npy")
    short = {"chunk": 1} if "xla" in chosen and model in CONVOLUTIONAL else {}  # a step of these may take half a minute
    workers = {
        which: Worker(OURS, model, images, log, options={**options, **short})
        for which, options in (("with", chosen), ("without", otherwise))
    }
    try:
        runners = {name: lambda worker=worker: worker.run(given.seconds) for name, worker in workers.items()}
        results = take_turns(runners, given.rounds)
    finally:
        for worker in workers.values():
            worker.close()
    speeds = [
        tables.spread(results[name]).text() if results[name] and None not in results[name] else worker.unavailable
        for name, worker in workers.items()
    ]
    ratios = tables.ratios(results["with"], results["without"])
    return [*speeds, tables.spread(ratios).text(".2f") if ratios else "-"], ratios


def chosen(device, field):
    """The models for which presets.CHOICES has a choice on a device."""
    value = getattr(CHOICES[device], field)
    return value if isinstance(value, tuple) else CASES[field][0] if value else ()


def advice(ratios):
    """What the ratios of the rounds say to choose: with, without, or either where they are on both sides of 1."""
    low, _, high = tables.spread(ratios or [0.0])  # what cannot run is not to be chosen
    return "with" if low > 1 else "without" if high < 1 else "either"


def row(advised):
    """The Choices by the models for which each is advised; one that is not by model, where it is for all of them."""
    values = {}
    for field, (models, *_) in CASES.items():
        by_model = isinstance(getattr(CHOICES["cpu"], field), tuple)
        values[field] = (
            tuple(model for model in models if model in advised[field]) if by_model else {*models} <= {*advised[field]}
        )
    return Choices(**values)


if __name__ == "__main__":
    main()
