"""The records of a run: samples in train_samples.pkl, and tables such as losses.csv."""

import csv
import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tfgan_v1.data.arrays import AXES
from tfgan_v1.errors import UserError, note, warn
from tfgan_v1.files import BoundedReader, growing, replacing, sync, writing
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.storage import foreign, safe_pickle, torch_files

FILES_HEADER = ("file", "left out because")
LOSSES_HEADERS = {critic: ("step", "epoch", *metrics, "seconds") for critic, metrics in STEP_METRICS.items()}
HELD_OUT_HEADERS = {  # by Loss.critic, too
    False: ("step", "epoch", "D(training)", "D(held-out)"),
    True: ("step", "epoch", "score(training)", "score(held-out)"),
}
_MOMENTS = [f"{of}_{each}" for of in ("real", "fake") for each in ("mean", "variance", "skewness", "kurtosis")]
POINT_SCORES = ("sliced_wasserstein", "modes", "on_mode", "reverse_kl")  # of more dimensions; the first without modes
MOST_LINE = 2**16  # characters of a table's line
MOST_ARRAYS = 8  # of a sampling step in a file of another program
CHANNELS_FIRST = 0, 2, 3, 1  # of [n, channels, height, width]: the axes in our order
PROTOCOL = 3  # of pickle: the last whose operations do not depend on those before them


def statistics_header(dimensions, modes):
    """The columns of statistics.csv. modes: whether the points are a mixture."""
    scores = POINT_SCORES if modes else POINT_SCORES[:1]
    several = *scores, *(f"real_{name}" for name in scores)
    return ("step", "epoch", *(("kl_divergence", *_MOMENTS) if dimensions == 1 else several))


class Losses(NamedTuple):
    """A row of losses.csv: a training step, its losses, D's outputs, and the seconds of training so far."""

    step: int
    epoch: int
    d_loss: float
    g_loss: float
    d_x: float  # D(x), the mean over real images; or their mean score
    d_g_z: float  # D(G(z)), the mean over generated images; or their mean score
    d_accuracy: float | None  # share of real and generated images that D classifies correctly; None of scores
    g_accuracy: float | None  # share of generated images that D classifies as real in G's step; None of scores
    seconds: float

    @classmethod
    def from_cells(cls, cells):
        """The row with these cells: step, epoch, STEP_METRICS and seconds."""
        *values, seconds = cells
        return cls(*values, *[None] * (8 - len(values)), seconds)


class HeldOut(NamedTuple):
    """A row of held_out.csv: D's mean output on training images and on held-out images at a sampling step."""

    step: int
    epoch: int
    training: float
    held_out: float


@dataclass
class Record:
    """One record of a run, in memory and in its file: rows of a table, or arrays of samples."""

    name: str  # of the file
    key: str | None = None  # of its digest in a state, by which a resume recognizes the record; None without one
    header: tuple | None = None  # the columns of a table; None for samples
    row: Callable = tuple  # (cells of a row) -> row
    cell: Callable = float  # text of a cell, after step and epoch -> its value, or ValueError
    counted: bool = False  # whether a state keeps the number of rows
    size: int = 0  # bytes of the file, as far as this process wrote it
    rows: list = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)  # of all rows

    def add(self, rows):
        """Adds rows in memory."""
        self.rows += rows
        for row in rows:
            if isinstance(row, np.ndarray):
                self.digest.update(np.ascontiguousarray(row, np.float32))
            else:  # the numbers, since their quotes in the file may change
                self.digest.update(f"{','.join(map(str, _cells(row)))}\n".encode())

    def append(self, folder, rows):
        """Adds rows in memory and to the file."""
        self.repair(folder)
        (append_rows if self.header else append_samples)(folder / self.name, rows)
        self.add(rows)
        self.size = os.lstat(folder / self.name).st_size

    def write(self, folder):
        """Writes the file, in place of any that exists."""
        if self.header:
            write_table(folder / self.name, self.header, self.rows)
        else:
            write_samples(folder / self.name, self.rows)
        self.size = os.lstat(folder / self.name).st_size

    def repair(self, folder):
        """Writes the file again, with a warning, if it was removed, cut off or replaced by a link since the last rows.

        Raises UserError if there is something else now, which may be the user's.
        """
        path, begins = folder / self.name, b""
        if path.is_file() and not path.is_symlink():
            if path.stat().st_size == self.size:
                return
            with open(path, "rb") as file:
                begins = file.read(10)
        start = ",".join(self.header).encode() if self.header else pickle.dumps([], PROTOCOL)[:-1]
        if path.is_dir() or not start.startswith(begins[: len(start)]):
            raise UserError(f"{path} was changed during training; move it away, then continue with --resume")
        warn(f"{path} was removed or changed during training; all of it is written again")
        self.write(folder)

    def read(self, folder, last_step, most=None):
        """The rows in the file up to a step, at most `most`. A killed run may have appended later ones."""
        if self.header:
            rows = read_table(folder / self.name, self.header, last_step, most, self.cell)
            return [self.row(cells) for cells in rows]
        return load_samples(folder / self.name)[:most]

    def metadata(self):
        """What a state keeps of the record, for JSON."""
        number = {f"num_{self.key}": len(self.rows)} if self.counted else {}
        return {**number, f"{self.key}_sha256": self.digest.hexdigest()}


def write_samples(path, samples):
    """Pickles a list of arrays [n, h, w, c] as float32, in the same bytes as `append_samples` one by one."""
    with replacing(path) as partial:
        with growing(partial, "wb") as file:
            file.write(pickle.dumps([], PROTOCOL))
        append_samples(partial, samples)


def append_samples(path, samples):
    """Appends arrays to the pickled list in a file, in a time that does not depend on the list's length.

    A reader finds a complete list at every moment, also after a kill: unpickling ends at the STOP byte, and the first
    new byte replaces it only after all others are on the disk.
    """
    # astype gives each array NumPy's own dtype object: an unpickled array has another, which would be pickled again.
    arrays = [np.asarray(sample).astype(np.float32, order="C") for sample in samples]
    added = b"".join(pickle.dumps(array, PROTOCOL)[2:-1] + pickle.APPEND for array in arrays)  # without PROTO and STOP
    if not added:
        return
    with growing(path, "rb+") as file:
        end = file.seek(-1, os.SEEK_END)
        if file.read(1) != pickle.STOP:
            raise UserError(f"{path} was changed during training; move it away, then continue with --resume")
        file.write(added[1:] + pickle.STOP)
        file.flush()
        sync(path)
        file.seek(end)
        file.write(added[:1])


def load_samples(path):
    """The samples of a run: a list of a float32 array [n, h, w, c] for each sampling step, oldest first.

    Reads any pickled list or tuple of numeric arrays with two axes or more, such as the [n, 784] of old notebooks, or
    of PyTorch's tensors, also as torch.save writes them. [n, 1 or 3, h, w] becomes [n, h, w, 1 or 3]. Of several arrays
    for each step, such as [logits, images], it takes the one that is always within [-1, 1]. Runs no code from the file,
    in bounded time and memory: see `safe_pickle`. Raises UserError for any other content.
    """
    samples, size = _unpickled(path)
    samples = samples if isinstance(samples, list | tuple) else [None]
    rows = [each if isinstance(each, list | tuple) else [each] for each in samples]
    (count, *others) = {*map(len, rows)} or {1}
    if others or not 0 < count <= MOST_ARRAYS or not all(_has_images(each) for row in rows for each in row):
        raise _no_samples(path, "does not hold a list of sample arrays", read=True)
    views = {id(each): each.view for row in rows for each in row}
    if sum(view.nbytes for view in views.values()) > size:
        raise UserError(f"{path} was not opened, because its arrays share memory")
    columns = [[id(row[column]) for row in rows] for column in range(count)]
    if count > 1:
        inside = {key for key, view in views.items() if view.min() >= -1 and view.max() <= 1}
        columns = [column for column in columns if inside.issuperset(column)]
    if len(columns) != 1:
        which = f"{'several' if columns else 'none'} of them are within [-1, 1]; save the images alone"
        raise UserError(f"{path} holds {count} arrays for each sampling step, and {which}")
    copies = {key: views[key].copy() for key in columns[0]}
    for key, array in copies.items():
        if array.ndim == 4 and array.shape[1] in (1, 3) and min(array.shape[2:]) > 3:
            copies[key] = np.ascontiguousarray(array.transpose(CHANNELS_FIRST))
    if any(copies[key].shape != views[key].shape for key in copies):
        note(f"{path}: reads the axes as {AXES[CHANNELS_FIRST]}")
    return [copies[key] for key in columns[0]]


def load_array(path):
    """The array in a pickle, or the last one of `load_samples`. Errors as there, and UserError for an empty list."""
    content, _ = _unpickled(path)
    if _has_images(content):
        return content.view.copy()
    samples = load_samples(path)
    if not samples:
        raise UserError(f"{path} holds an empty list; give a file of samples")
    return samples[-1]


def _unpickled(path):
    """(content, size of the file in bytes) of a pickle of arrays, which are instances of safe_pickle.Array."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise UserError(f"{path} is not a file")  # a named pipe would block
    try:
        with BoundedReader(path) as file:
            return torch_files.load(file), file.size
    except OSError as error:
        raise _no_samples(path, f"cannot be read: {error.strerror}") from None
    except UserError as error:
        raise _no_samples(path, f"was not opened, because {error}") from None
    except Exception as error:  # a damaged pickle can raise anything at all
        name = type(error).__name__
        raise _no_samples(path, f"is not a pickle of samples, or is damaged ({name}: {error})") from None


def _no_samples(path, why, read=False):
    """The UserError of a file that has no samples: what it is, if it has weights of another program, otherwise why.

    read: whether all of it was read; of a PyTorch file that cannot be, the reason says more.
    """
    what, advice = foreign.weights(path) or ("", "")
    if not what or (what == foreign.PYTORCH and not read):
        return UserError(f"{path} {why}")
    return UserError(f"{path} is {what} without samples; {advice}")


def _has_images(sample):
    view = sample.view if isinstance(sample, safe_pickle.Array) else None
    return view is not None and view.dtype.kind in "fiu" and view.ndim >= 2 and view.size > 0


def append_rows(path, rows):
    """Appends rows to a table such as losses.csv."""
    with growing(path, "a", newline="") as file:
        csv.writer(file).writerows(map(_cells, rows))


def _cells(row):  # without the accuracies that losses of a critic lack
    return [value for value in row if value is not None]


def _no_formula(cell):
    """A cell that no spreadsheet runs: ' precedes a text that begins as a formula, or with '."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(tuple("'=+-@\t\r\n")) else cell


def write_table(path, header, rows):
    """Writes a table, in place of any that exists."""
    rows = (map(_no_formula, _cells(row)) for row in rows)
    with writing(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows([header, *rows])


def read_losses(path, last_step, most=None, critic=False):
    """The Losses in losses.csv up to a step, at most `most`; anything may follow these rows. See `read_table`."""
    return [Losses.from_cells(cells) for cells in read_table(path, LOSSES_HEADERS[critic], last_step, most)]


def read_table(path, header, last_step, most=None, cell=float):
    """The rows (step, epoch, *cells) of a table up to a step, at most `most`; anything may follow these rows.

    A last line without its end, which a kill can leave, is left out. Raises UserError for any other content.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file")
    try:
        with open(path, newline="", encoding="ascii", errors="replace") as file:
            lines = csv.reader(_whole_lines(file))
            columns = next(lines, [])
            if tuple(columns) != header:
                raise ValueError(f"its columns are {','.join(columns)}")
            rows = [(int(line[0]), int(line[1]), *map(cell, line[2:])) for line in islice(lines, most)]
            if any(len(row) != len(header) or not 0 <= max(row[:2], key=abs) < 2**63 for row in rows):
                raise ValueError("a row has another number of columns, or a step that is none")
    except (ValueError, TypeError, IndexError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error})") from None
    return [row for row in rows if row[0] <= last_step]


def _whole_lines(file):
    """The lines of an open file up to the first without an end. Raises ValueError for an endless one."""
    while (line := file.readline(MOST_LINE)).endswith("\n"):
        yield line
    if len(line) == MOST_LINE:
        raise ValueError(f"a line has more than {MOST_LINE:,} characters")
