"""Measures the main job, `train.py` on MNIST, as a whole process against the published notebook.

    TFGAN_DATA=... python benchmarks/main_job.py --epochs 100 --rounds 3

Each round runs both in turn, so that a drift of the machine's speed affects both; ratios are computed round by round.
Then `sample.py` is measured against `import tensorflow`. Prints a Markdown table.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy

REPOSITORY = Path(__file__).parents[1]


def measure(*argv):
    """(wall seconds, peak memory in GB) of a Python process, which must succeed."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen([sys.executable, *map(str, argv)], cwd=REPOSITORY, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        output.seek(0)
        if status:
            sys.exit(f"{argv} failed:\n{output.read().decode()}")
    return seconds, usage.ru_maxrss * 1024 / 1e9


def compare(title, rounds, ours, theirs):
    """Runs two commands in turn. Prints a row with the medians, ranges, and the ratio over the rounds."""
    pairs = [(measure(*ours()), measure(*theirs())) for _ in range(rounds)]
    ratios = [a[0] / b[0] for a, b in pairs]

    def spread(values, form):
        low, middle, high = (format(value, form) for value in (min(values), median(values), max(values)))
        return f"{middle} ({low} to {high})"

    print(
        f"| {title} | {spread([a[0] for a, _ in pairs], '.1f')} s, {max(a[1] for a, _ in pairs):.2f} GB "
        f"| {spread([b[0] for _, b in pairs], '.1f')} s, {max(b[1] for _, b in pairs):.2f} GB "
        f"| {spread(ratios, '.2f')} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = ["--ckpt", folder / "checkpoints", "--samples", folder / "samples"]
        training = ["train.py", "--dataset", "mnist", "--epochs", given.epochs, "--smooth", 0.1, "--overwrite", *places]
        import_tensorflow = ["-c", "import tensorflow"]
        print(f"Python {platform.python_version()}, NumPy {numpy.__version__}, {os.cpu_count()} cores\n")
        print("| job | tfgan_v1 | the other | ratio |\n| --- | --- | --- | --- |")
        measure(*import_tensorflow)  # fills the disk cache for both
        compare(
            f"{given.epochs} epochs of 60,000 images, against the published notebook",
            given.rounds,
            lambda: training,
            lambda: ["benchmarks/published.py", "--epochs", given.epochs, "--folder", folder / "published"],
        )
        compare(
            "`sample.py`, 16 images, against `import tensorflow`",
            3 * given.rounds,
            lambda: ["sample.py", "--ckpt", folder / "checkpoints", "--out", folder / "grid.png"],
            lambda: import_tensorflow,
        )


if __name__ == "__main__":
    main()
