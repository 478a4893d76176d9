"""train_samples.pkl and losses.csv: what goes in comes out, and nothing else gets in."""

import os
import pickle

import numpy as np
import pytest

from tfgan_v1 import UserError, load_samples, records

SAMPLES = [np.random.default_rng(i).random((4, 28, 28, 1), np.float32) for i in range(3)]


def test_samples_come_back_as_they_went(tmp_path):
    path = tmp_path / "train_samples.pkl"
    records.write_samples(path, SAMPLES)
    loaded = load_samples(str(path))
    assert isinstance(loaded, list) and all(np.array_equal(a, b) for a, b in zip(loaded, SAMPLES, strict=True))
    assert loaded[0].dtype == np.float32
    assert os.listdir(tmp_path) == ["train_samples.pkl"]


def test_the_three_lines_that_people_have_work(finished):
    samples = pickle.load(open(finished.config.samples_folder / "train_samples.pkl", "rb"))  # noqa: SIM115
    images = [img.reshape((28, 28)) for img in samples[-1]]
    assert len(samples) == 3 and len(images) == 16
    assert all(type(sample) is np.ndarray and sample.shape == (16, 28, 28, 1) for sample in samples)


def test_samples_that_went_through_a_file_make_the_same_bytes_again(tmp_path):
    records.write_samples(tmp_path / "a", SAMPLES)
    records.write_samples(tmp_path / "b", [*load_samples(tmp_path / "a")[:2], np.asfortranarray(SAMPLES[2])])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_samples_added_one_by_one_make_the_bytes_of_all_at_once(tmp_path):
    records.write_samples(tmp_path / "a", [])
    for sample in SAMPLES:
        records.append_samples(tmp_path / "a", [sample])
    records.write_samples(tmp_path / "b", SAMPLES)
    records.append_samples(tmp_path / "b", [])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_samples_that_are_added_cost_the_same_however_many_there_are(tmp_path):
    path, before, grown = tmp_path / "train_samples.pkl", 0, []
    records.write_samples(path, [])
    for _ in range(50):
        records.append_samples(path, SAMPLES[:1])
        grown.append(path.stat().st_size - before)
        before = path.stat().st_size
    assert len(set(grown[1:])) == 1
    assert len(load_samples(path)) == 50


def test_whoever_reads_while_samples_are_added_finds_the_old_list_or_the_new(tmp_path, monkeypatch):
    """At every write, and wherever a kill cuts one off."""
    path, seen = tmp_path / "train_samples.pkl", []
    records.write_samples(path, SAMPLES[:2])
    old = path.read_bytes()
    monkeypatch.setattr(records.os, "fsync", lambda _: seen.append(path.read_bytes()))
    records.append_samples(path, SAMPLES[2:])
    (there,) = seen
    assert there.startswith(old) and path.read_bytes().endswith(there[len(old) :])
    for length in (len(old), len(old) + 1, len(old) + 1000, len(there)):
        path.write_bytes(there[:length])
        assert len(load_samples(path)) == 2
    records.write_samples(path, load_samples(path))
    assert path.read_bytes() == old


def test_samples_are_not_added_to_what_is_no_list_of_them(tmp_path):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(b"something else")
    with pytest.raises(UserError, match="was changed while the run was at work"):
        records.append_samples(path, SAMPLES)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_old_notebooks_pickle_is_read(tmp_path, protocol):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(pickle.dumps([sample.reshape(4, 784) for sample in SAMPLES], protocol))
    assert load_samples(path)[0].shape == (4, 784)
    if protocol < 4:  # where names are plain lines: as NumPy 1 called its own
        path.write_bytes(path.read_bytes().replace(b"numpy._core", b"numpy.core"))
        assert load_samples(path)[2].shape == (4, 784)


class Attack:
    """Pickles to a call of `function`."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def exec_payload(path):
    return Attack(exec, f"open({str(path)!r}, 'w')")


ATTACKS = {
    "os.system": lambda path: Attack(os.system, f"touch {path}"),
    "exec": exec_payload,
    "nested in a list of arrays": lambda path: [SAMPLES[0], [exec_payload(path)]],
    "an array of objects": lambda path: [np.array([exec_payload(path)], object)],
    "getattr": lambda path: Attack(getattr, SAMPLES[0], "tofile"),
    "numpy.load": lambda path: Attack(np.load, str(path)),
    "numpy.fromfile": lambda path: Attack(np.fromfile, str(path)),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_pickle_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path, attack):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(pickle.dumps(attack(tmp_path / "was-run")))
    with pytest.raises(UserError, match="was not opened") as told:
        load_samples(path)
    assert str(path) in str(told.value) and not (tmp_path / "was-run").exists()


NO_SAMPLES = {
    "empty": b"",
    "garbage": b"\x00garbage",
    "cut off": pickle.dumps(SAMPLES)[:-100],
    "a number": pickle.dumps(3),
    "a list of numbers": pickle.dumps([1, 2]),
    "arrays of text": pickle.dumps([np.array(["a"])]),
    "arrays of no images": pickle.dumps([np.zeros((0, 28, 28, 1))]),
    "arrays that are no grids": pickle.dumps([np.zeros(5)]),
}


@pytest.mark.parametrize("content", NO_SAMPLES.values(), ids=NO_SAMPLES)
def test_what_holds_no_samples_is_one_sentence(tmp_path, content):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as told:
        load_samples(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_samples(tmp_path / "nowhere.pkl")


ROWS = [records.Losses(17 * i, i, 0.5 + i, 1e-7, 0.9, 0.1, 0.8, 0.2, 1.5 * i) for i in range(1, 4)]


def test_losses_come_back_as_they_went_up_to_a_step(tmp_path):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADER, ROWS[:1])
    records.append_rows(path, ROWS[1:])
    header = "step,epoch,d_loss,g_loss,D(x),D(G(z)),d_accuracy,g_accuracy,seconds"
    assert path.read_text().splitlines()[0] == header
    assert records.read_losses(path, last_step=100) == ROWS
    assert records.read_losses(path, last_step=34) == ROWS[:2]


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path, cut):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADER, ROWS)
    path.write_bytes(path.read_bytes()[:-cut])
    assert records.read_losses(path, last_step=100) == ROWS[:2]


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0\n", b"\xff\xfe\r\n", b"85,5,x\r\n"])
def test_what_a_machines_own_death_leaves_behind_the_rows_that_count_is_not_read(tmp_path, tail):
    path = tmp_path / "losses.csv"
    records.write_table(path, records.LOSSES_HEADER, ROWS)
    path.write_bytes(path.read_bytes() + tail)
    assert records.read_losses(path, last_step=100, most=3) == ROWS
    assert records.read_losses(path, last_step=100, most=2) == ROWS[:2]


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(records.LOSSES_HEADER) + "\n1,2,x,4,5,6,7,8,9\n", "\0"])
def test_other_losses_files_are_one_sentence(tmp_path, content):
    path = tmp_path / "losses.csv"
    path.write_text(content)
    with pytest.raises(UserError, match="is damaged"):
        records.read_losses(path, last_step=100)


def test_the_files_of_a_folder_are_named_with_the_reason_why_they_were_left_out(tmp_path):
    table = [("a,b.png", ""), ("sub/c.png", "truncated"), ("\udcff.png", "")]
    records.write_table(tmp_path / "files.csv", records.FILES_HEADER, table)
    lines = (tmp_path / "files.csv").read_bytes().split(b"\r\n")
    assert lines == [b"file,left out because", b'"a,b.png",', b"sub/c.png,truncated", b"\xff.png,", b""]
