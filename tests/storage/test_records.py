"""train_samples.pkl and losses.csv: written samples and losses are read back; any other content is refused."""

import csv
import io
import os
import pickle
import tracemalloc

import numpy as np
import pytest

from tfgan_v1 import UserError, load_samples
from tfgan_v1.storage import records
from tfgan_v1.storage.records import Record

SAMPLES = [np.random.default_rng(i).random((4, 28, 28, 1), np.float32) for i in range(3)]


def test_samples_are_read_back_as_written(tmp_path):
    path = tmp_path / "train_samples.pkl"
    records.write_samples(path, SAMPLES)
    loaded = load_samples(str(path))
    assert isinstance(loaded, list) and all(np.array_equal(a, b) for a, b in zip(loaded, SAMPLES, strict=True))
    assert loaded[0].dtype == np.float32
    assert os.listdir(tmp_path) == ["train_samples.pkl"]


def test_the_notebook_lines_of_the_readme_work(finished):
    samples = pickle.load(open(finished.config.samples_folder / "train_samples.pkl", "rb"))  # noqa: SIM115
    images = [img.reshape((28, 28)) for img in samples[-1]]
    assert len(samples) == 3 and len(images) == 16
    assert all(type(sample) is np.ndarray and sample.shape == (16, 28, 28, 1) for sample in samples)


def test_samples_that_were_read_are_written_in_the_same_bytes(tmp_path):
    records.write_samples(tmp_path / "a", SAMPLES)
    records.write_samples(tmp_path / "b", [*load_samples(tmp_path / "a")[:2], np.asfortranarray(SAMPLES[2])])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_appending_one_by_one_writes_the_same_bytes_as_all_at_once(tmp_path):
    records.write_samples(tmp_path / "a", [])
    for sample in SAMPLES:
        records.append_samples(tmp_path / "a", [sample])
    records.write_samples(tmp_path / "b", SAMPLES)
    records.append_samples(tmp_path / "b", [])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class Counted(io.FileIO):
    """A file that counts the bytes that are read and written."""

    moved = 0

    def readinto(self, buffer):
        count = super().readinto(buffer)
        Counted.moved += count
        return count

    def readall(self):
        content = super().readall()
        Counted.moved += len(content)
        return content

    def write(self, content):
        Counted.moved += len(content)
        return super().write(content)


def test_the_cost_of_appending_does_not_depend_on_the_number_of_samples(tmp_path, monkeypatch):
    path, moved = tmp_path / "train_samples.pkl", []
    records.write_samples(path, [])
    monkeypatch.setattr(records, "growing", lambda *args: io.BufferedRandom(Counted(*args)))
    for _ in range(50):
        Counted.moved = 0
        records.append_samples(path, SAMPLES[:1])
        moved.append(Counted.moved)
    assert moved == [moved[0]] * 50 and SAMPLES[0].nbytes < moved[0] < SAMPLES[0].nbytes + 500
    assert len(load_samples(path)) == 50


def test_a_reader_finds_the_old_or_the_new_list_at_every_moment_of_appending(tmp_path, monkeypatch):
    """After every write, and wherever a kill interrupts one."""
    path, seen = tmp_path / "train_samples.pkl", []
    records.write_samples(path, SAMPLES[:2])
    old = path.read_bytes()
    monkeypatch.setattr(records.os, "fsync", lambda _: seen.append(path.read_bytes()))
    records.append_samples(path, SAMPLES[2:])
    (written,) = seen
    assert written.startswith(old) and path.read_bytes().endswith(written[len(old) :])
    for length in (len(old), len(old) + 1, len(old) + 1000, len(written)):
        path.write_bytes(written[:length])
        assert len(load_samples(path)) == 2
    records.write_samples(path, load_samples(path))
    assert path.read_bytes() == old


LOST = {  # what may happen to a record while its run trains
    "removed": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "grown": lambda path: path.open("ab").write(b"more"),
    "moved behind a link": lambda path: (path.rename(path.with_name("away")), path.symlink_to("away")),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}
FOREIGN = {
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a file of the user": lambda path: path.write_text("notes, and more of them"),
    "a short one": lambda path: path.write_text("no"),
}


def _a_record(table, folder):
    record = Record("table.csv", header=("step", "epoch", "x")) if table else Record("samples.pkl")
    record.write(folder)
    rows = [(k, 1, k / 3) if table else np.full((2, 3, 3, 1), k, np.float32) for k in range(4)]
    record.append(folder, rows[:2])
    return record, folder / record.name, rows


@pytest.mark.parametrize("do", LOST.values(), ids=LOST)
@pytest.mark.parametrize("table", [True, False])
def test_a_record_that_is_lost_during_training_is_made_whole_again(do, table, tmp_path, capsys):
    record, path, rows = _a_record(table, tmp_path)
    do(path)
    away = tmp_path / "away"
    before = away.read_bytes() if away.exists() else None
    record.append(tmp_path, rows[2:])
    assert "was removed or changed during training" in capsys.readouterr().err and not path.is_symlink()
    written = path.read_bytes()
    record.write(tmp_path)
    assert path.read_bytes() == written and len(record.read(tmp_path, 9)) == 4
    assert (away.read_bytes() if away.exists() else None) == before
    record.repair(tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("do", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("table", [True, False])
def test_what_the_user_puts_in_the_place_of_a_record_stays(do, table, tmp_path):
    record, path, rows = _a_record(table, tmp_path)
    do(path)
    before = path.is_dir() or path.read_bytes()
    for _ in range(2):
        with pytest.raises(UserError, match="was changed during training; move it away, then continue with --resume"):
            record.append(tmp_path, rows[2:])
    assert (path.is_dir() or path.read_bytes()) == before


ENDLESS = {
    "step": b"1" + b"0" * 400 + b",1,1\r\n",
    "epoch": b"1," + b"9" * 4000 + b",1\r\n",
    "negative": b"-5,1,1\r\n",
}


@pytest.mark.parametrize("row", ENDLESS.values(), ids=ENDLESS)
def test_a_step_that_is_none_is_one_sentence(row, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"step,epoch,x\r\n" + row)
    with pytest.raises(UserError, match="is damaged"):
        records.read_table(tmp_path / "a.csv", ("step", "epoch", "x"), float("inf"))


def test_an_endless_line_takes_no_memory(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"step,epoch,x\r\n1,1,1\r\n")
    os.truncate(tmp_path / "a.csv", 2**33)  # sparse: it takes no place on the disk
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="a line has more than"):
            records.read_table(tmp_path / "a.csv", ("step", "epoch", "x"), float("inf"))
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_samples_are_not_appended_to_another_file(tmp_path):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(b"something else")
    with pytest.raises(UserError, match="was changed during training"):
        records.append_samples(path, SAMPLES)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_old_notebooks_pickle_is_read(tmp_path, protocol):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(pickle.dumps([sample.reshape(4, 784) for sample in SAMPLES], protocol))
    assert load_samples(path)[0].shape == (4, 784)
    if protocol < 4:  # names are text lines; NumPy 1 has another module name
        path.write_bytes(path.read_bytes().replace(b"numpy._core", b"numpy.core"))
        assert load_samples(path)[2].shape == (4, 784)


def test_a_pickle_of_python_2_is_read(tmp_path):
    path, pixels = tmp_path / "train_samples.pkl", bytes([0, 10, 13, 128, 254, 255])
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K\2K\3\x86cnumpy\ndtype\n"
    state = b"U\2u1K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\6" + pixels + b"tb"
    path.write_bytes(b"\x80\2]" + array + state + b"a.")
    (loaded,) = load_samples(path)
    assert loaded.tobytes() == pixels and loaded.shape == (2, 3)
    loaded[0] = 7  # a writable copy


@pytest.mark.parametrize("array", [SAMPLES[0].astype(">f4"), np.asfortranarray(SAMPLES[0]), SAMPLES[0][::2, ::-1]])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_any_byte_order_and_memory_layout_is_read(tmp_path, array, protocol):
    (tmp_path / "a").write_bytes(pickle.dumps([array, array], protocol))
    first, second = load_samples(tmp_path / "a")
    assert np.array_equal(first, array) and first is second


NOT_SAMPLES = {
    "empty": b"",
    "garbage": b"\x00garbage",
    "cut off": pickle.dumps(SAMPLES)[:-100],
    "a number": pickle.dumps(3),
    "a list of numbers": pickle.dumps([1, 2]),
    "arrays of text": pickle.dumps([np.array(["a"])]),
    "empty arrays": pickle.dumps([np.zeros((0, 28, 28, 1))]),
    "arrays with one axis": pickle.dumps([np.zeros(5)]),
}


@pytest.mark.parametrize("content", NOT_SAMPLES.values(), ids=NOT_SAMPLES)
def test_a_file_without_samples_is_an_error_of_one_sentence(tmp_path, content):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_samples(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_an_error_of_one_sentence(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_samples(tmp_path / "nowhere.pkl")


ROWS = [records.Losses(17 * i, i, 0.5 + i, 1e-7, 0.9, 0.1, 0.8, 0.2, 1.5 * i) for i in range(1, 4)]


def test_losses_are_read_back_up_to_a_step(tmp_path):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADERS[False], ROWS[:1])
    records.append_rows(path, ROWS[1:])
    header = "step,epoch,d_loss,g_loss,D(x),D(G(z)),d_accuracy,g_accuracy,seconds"
    assert path.read_text().splitlines()[0] == header
    assert records.read_losses(path, last_step=100) == ROWS
    assert records.read_losses(path, last_step=34) == ROWS[:2]


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_line_that_a_kill_interrupted_is_left_out(tmp_path, cut):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADERS[False], ROWS)
    path.write_bytes(path.read_bytes()[:-cut])
    assert records.read_losses(path, last_step=100) == ROWS[:2]


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0\n", b"\xff\xfe\r\n", b"85,5,x\r\n"])
def test_garbage_after_the_counted_rows_is_not_read(tmp_path, tail):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADERS[False], ROWS)
    path.write_bytes(path.read_bytes() + tail)
    assert records.read_losses(path, last_step=100, most=3) == ROWS
    assert records.read_losses(path, last_step=100, most=2) == ROWS[:2]


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", ",".join(records.LOSSES_HEADERS[False]) + "\n1,2,x,4,5,6,7,8,9\n", "\0"]
)
def test_a_damaged_losses_file_is_an_error_of_one_sentence(tmp_path, content):
    path = tmp_path / "losses.csv"
    path.write_text(content)
    with pytest.raises(UserError, match="is damaged"):
        records.read_losses(path, last_step=100)


def test_files_csv_has_each_file_and_the_reason_for_leaving_it_out(tmp_path):
    table = [("a,b.png", ""), ("sub/c.png", "truncated"), ("\udcff.png", "")]
    records.write_table(tmp_path / "files.csv", records.FILES_HEADER, table)
    lines = (tmp_path / "files.csv").read_bytes().split(b"\r\n")
    assert lines == [b"file,left out because", b'"a,b.png",', b"sub/c.png,truncated", b"\xff.png,", b""]


def test_no_cell_of_a_table_is_a_formula_for_a_spreadsheet(tmp_path):
    names = ["=cmd|' C'!A0/1.png", "+1.png", "-1.png", "@1.png", "\t=1.png", "\r=1.png", "'1.png", "a/=1.png", ""]
    records.write_table(tmp_path / "files.csv", records.FILES_HEADER, [(name, "=no") for name in names])
    with open(tmp_path / "files.csv", newline="") as file:
        cells = list(csv.reader(file))[1:]
    assert cells == [[name if name in ("a/=1.png", "") else f"'{name}", "'=no"] for name in names]
    records.write_table(tmp_path / "numbers.csv", ("step", "loss"), [(1, -0.5)])
    assert (tmp_path / "numbers.csv").read_text() == "step,loss\n1,-0.5\n"
