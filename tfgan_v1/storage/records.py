"""What a run records while it learns: sample grids in train_samples.pkl, and losses.csv."""

import csv
import os
import pickle
from itertools import islice
from typing import NamedTuple

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.storage import safe_pickle
from tfgan_v1.storage.files import BoundedReader, replacing

FILES_HEADER = ("file", "left out because")
LOSSES_HEADER = ("step", "epoch", "d_loss", "g_loss", "D(x)", "D(G(z))", "d_accuracy", "g_accuracy", "seconds")
STATISTICS_HEADER = (
    *("step", "epoch", "kl_divergence"),
    *(f"{of}_{moment}" for of in ("real", "fake") for moment in ("mean", "variance", "skewness", "kurtosis")),
)
PROTOCOL = 3  # of pickle: the last in which a part of a stream is the same wherever it stands


class Losses(NamedTuple):
    """A row of losses.csv: one training step, in nats and probabilities, and the seconds of training up to it."""

    step: int
    epoch: int
    d_loss: float
    g_loss: float
    d_x: float  # D(x), the mean probability given to the real images
    d_g_z: float  # D(G(z)), the mean probability given to the generated ones
    d_accuracy: float  # share of both that D saw rightly
    g_accuracy: float  # share of the generated ones that D took for real in G's step
    seconds: float


def write_samples(path, samples):
    """Pickles a list of arrays [n, h, w, c] as float32; equal samples make equal bytes, at once or one by one."""
    with replacing(path) as partial:
        partial.write_bytes(pickle.dumps([], PROTOCOL))
        append_samples(partial, samples)


def append_samples(path, samples):
    """Adds arrays to the list that is pickled in a file, at the cost of these alone.

    Whoever reads the file meanwhile, or after a kill, finds either list whole: a pickle ends at its STOP, the last
    byte, however much is behind it, and only when all is there does the first new byte take its place.
    """
    # Each is copied with NumPy's one dtype object for float32: an array that was itself unpickled has an object of its
    # own, which would be pickled once more.
    fresh = [np.asarray(sample).astype(np.float32, order="C") for sample in samples]
    added = b"".join(pickle.dumps(array, PROTOCOL)[2:-1] + pickle.APPEND for array in fresh)  # without PROTO and STOP
    if not added:
        return
    with open(path, "rb+") as file:
        end = file.seek(-1, os.SEEK_END)
        if file.read(1) != pickle.STOP:
            raise UserError(f"{path} was changed while the run was at work; go on by --resume with the file moved away")
        file.write(added[1:] + pickle.STOP)
        file.flush()
        os.fsync(file.fileno())
        file.seek(end)
        file.write(added[:1])


def load_samples(path):
    """The sample grids of a run, a list with one float32 array [n, h, w, c] for each sampling point, oldest first.

    Reads arrays, lists, tuples and numbers from the pickle and nothing else: no code in it runs, and nothing that it
    promises takes memory. Grids in the old notebooks' shape, [n, 784], are read as well. Raises UserError for anything
    else.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise UserError(f"{path} is no file")  # but a pipe, which would be waited for without end, or a device
    try:
        with BoundedReader(path) as file:
            samples, size = safe_pickle.load(file), file.size
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UserError as error:
        raise UserError(f"{path} was not opened, because {error}") from None
    except Exception as error:  # a damaged pickle can raise anything at all
        kind = type(error).__name__
        raise UserError(f"{path} is no pickle of samples, or a damaged one ({kind}: {error})") from None
    if not isinstance(samples, list | tuple) or not all(_is_grid(sample) for sample in samples):
        raise UserError(f"{path} does not hold a list of sample arrays, one for each epoch")
    views = {id(sample): sample.view for sample in samples}
    if sum(view.nbytes for view in views.values()) > size:
        raise UserError(f"{path} was not opened, because its arrays share their bytes")
    grids = {key: view.copy() for key, view in views.items()}
    return [grids[id(sample)] for sample in samples]


def _is_grid(sample):
    view = sample.view if isinstance(sample, safe_pickle.Array) else None
    return view is not None and view.dtype.kind in "fiu" and view.ndim >= 2 and view.size > 0


def append_rows(path, rows):
    """Adds rows to the end of losses.csv, or of another table."""
    with open(path, "a", newline="") as file:
        csv.writer(file).writerows(rows)


def write_table(path, header, rows):
    """Writes losses.csv, or another table, anew."""
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows([header, *rows])


def read_losses(path, last_step, most=None):
    """The rows of losses.csv up to a step, `most` of them at most; what is behind these may be anything.

    A last line without its end, as a kill leaves it, is left out.
    """
    if not path.is_file():
        raise UserError(f"{path} is no file")
    try:
        with open(path, newline="", encoding="ascii", errors="replace") as file:
            lines = csv.reader(line for line in file if line.endswith("\n"))
            header = next(lines, [])
            if tuple(header) != LOSSES_HEADER:
                raise ValueError(f"its columns are {','.join(header)}")
            rows = [Losses(int(line[0]), int(line[1]), *map(float, line[2:])) for line in islice(lines, most)]
    except (ValueError, TypeError, IndexError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error})") from None
    return [row for row in rows if row.step <= last_step]
