"""Measures the cost of each technique: steps per second of a preset with it and without it, in turns.

    TFGAN_DATA=... python benchmarks/techniques.py --only dcgan_upsample --rounds 5

Prints a Markdown table: the time of a step with the technique as a multiple of the time without it.
"""

import argparse
import os
import tempfile
from pathlib import Path

import tables
from frameworks import OURS
from speed import environment, save_data, say
from turns import Worker, take_turns

CONDITIONAL = {"conditional": True, "labels": "labels.npy"}  # in the folder of the images
TECHNIQUES = {  # title -> options of Config
    "`--average 0.999`": {"average": 0.999},
    "`--spectral-norm`": {"spectral_norm": True},
    "`--penalty r1 --penalty-every 16`": {"penalty": "r1", "penalty_every": 16, "penalty_weight": 1.0},
    "`--penalty r1`": {"penalty": "r1", "penalty_weight": 1.0, "penalty_every": 1},
    "`--penalty r1,r2`": {"penalty": "r1,r2", "penalty_weight": 1.0, "penalty_every": 1},
    "`--penalty approximate_r1`": {"penalty": "approximate_r1", "penalty_every": 1},
    "`--penalty approximate_r1,approximate_r2`": {"penalty": "approximate_r1,approximate_r2", "penalty_every": 1},
    "`--penalty wgan_gp`": {"penalty": "wgan_gp", "penalty_every": 1},
    "`--loss relativistic`": {"loss": "relativistic"},
    "schedules of both rates and of beta2": {
        **{"d_lr": "cosine:0.001:0.0001:9000", "g_lr": "cosine:0.002:0.0002:9000", "beta2": "linear:0.9:0.99:9000"},
        **{"optimizer": "adam"},
    },
    "`--average-halflife 500`": {"average_halflife": 500.0},
    "`--augment translate,cutout,colour,flip`": {"augment": "translate,cutout,colour,flip"},
    "`--augment translate,cutout,colour --augment-strength 0.5`": {
        **{"augment": "translate,cutout,colour", "augment_strength": 0.5}
    },
    "`--augment translate,cutout,colour --augment-strength adaptive --holdout 100`": {
        **{"augment": "translate,cutout,colour", "augment_strength": "adaptive", "holdout": 100}
    },
    "`--minibatch-stddev`": {"minibatch_stddev": True},
    "`--clip-gradients 5`": {"clip_gradients": 5.0},
    "`--conditional`": CONDITIONAL,
    "`--clusters 300`": {"clusters": 300},
    "`--conditional --d-condition concatenation`": {**CONDITIONAL, "d_condition": "concatenation"},
    "`--conditional --g-condition batch_norm`": {**CONDITIONAL, "g_condition": "batch_norm"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="least duration of a turn")
    parser.add_argument("--only", default="mlp,dcgan_upsample", help="presets, separated by commas")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name, open(os.devnull, "w") as log:
        folder = Path(name)
        about = f"{environment()}; {save_data(folder)}"
        for preset in given.only.split(","):
            for title, options in TECHNIQUES.items():
                rows.append([f"`{preset}`", title, *ratio(preset, options, folder / "images.npy", given, log)])
                say(" ".join(rows[-1]))
    print(f"{given.rounds} rounds in turns; {about}.\n")
    print(tables.markdown(["preset", "with", "steps per second", "times the step without"], rows))


def ratio(preset, options, images, given, log):
    """Measures a preset with and without options. Returns (steps per second with them, ratio of times) as texts."""
    if "labels" in options:
        options = {**options, "labels": str(images.with_name(options["labels"]))}
    workers = {
        "without": Worker(OURS, preset, images, log),
        "with": Worker(OURS, preset, images, log, options=options),
    }
    try:
        results = take_turns(
            {name: lambda worker=worker: worker.run(given.seconds) for name, worker in workers.items()}, given.rounds
        )
    finally:
        for worker in workers.values():
            worker.close()
    unavailable = workers["with"].unavailable
    if unavailable:
        return f"not run: {unavailable}", "-"
    times = tables.ratios(results["without"], results["with"])
    return tables.spread(results["with"]).text(), tables.spread(times).text(".2f")


if __name__ == "__main__":
    main()
