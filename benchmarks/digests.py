"""The digests of the first 100 steps of each preset on this machine, and which machines had the same. Prints a table.

    python benchmarks/digests.py --out results/            # --write adds the rows of this machine to docs/digests.csv

Each row of docs/digests.csv has a command, what affects its bits, and the SHA-256 of all weights and optimizer slots
after it: see docs/exactness.md.
"""

import csv
import json

import runs
import tables
from tfgan_v1.storage import digests

PUBLISHED = runs.REPOSITORY / "docs/digests.csv"
STEPS = 100
DATA = {"gaussian": (), "points": ("--dataset", "grid")}  # of others, the embedded digits
ROWS = {  # title -> command
    model: ("--model", model, *DATA.get(model, ("--dataset", "digits")), "--steps", STEPS, "--sample-every", STEPS)
    for model in ("mlp", "conv", "gaussian", "dcgan", "dcgan_upsample", "tuned", "points")
}
MACHINE = ("cpu", "threads", "tensorflow", "numpy")  # of made_by in config.json
HEADER = ("command", *MACHINE, "state")


def main():
    parser = runs.parser(__doc__, [0], ROWS)
    parser.add_argument("--write", action="store_true", help="add the rows of this machine to docs/digests.csv")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    titles = [given.rows] if given.rows else [*ROWS]
    found, published = [measured(title, given.out) for title in titles], read(PUBLISHED)
    lines = [[row[0], row[-1][:12], verdict(row, published)] for row in found]
    machine = ", ".join(f"{name} {value}" for name, value in zip(MACHINE, found[0][1:-1], strict=True))
    runs.finish("\n\n".join([f"On {machine}.", tables.markdown(["", "state", "seen on"], lines)]), given.table)
    if given.write:
        write(PUBLISHED, published, found)


def measured(title, out):
    """The row of a command on this machine."""
    folder = out / runs.slug(title)
    places = ["--ckpt", folder / "checkpoints", "--samples", folder / "samples", "--overwrite"]
    runs.run(["train.py", *ROWS[title], *places])
    made_by = json.loads((folder / "checkpoints/config.json").read_text())["made_by"]
    state = digests.read(folder / "samples")[STEPS][-1]
    return (title, *(str(made_by[name]) for name in MACHINE), state)


def read(path):
    """The rows of a file of published digests."""
    with open(path, newline="", encoding="utf-8") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def write(path, published, found):
    """Writes rows, the measured ones in place of those of the same command and machine."""
    rows = {row[:-1]: row for row in [*published, *found]}
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *sorted(rows.values())])


def verdict(row, published):
    """Which machines had the same digest, in words."""
    others = [each for each in published if each[0] == row[0]]
    same = [", ".join(each[1:-1]) for each in others if each[-1] == row[-1]]
    if same:
        return "; ".join(same)
    known = any(each[:-1] == row[:-1] for each in others)
    return "this machine had OTHER bits before" if known else "no machine in docs/digests.csv: a new row"


if __name__ == "__main__":
    main()
