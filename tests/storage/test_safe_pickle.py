"""Pickles of samples from strangers: no code in them runs, and none takes more time or memory than its size allows."""

import codecs
import contextlib
import copyreg
import functools
import operator
import os
import pickle
import re
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest

from tfgan_v1 import UserError, load_samples
from tfgan_v1.storage import records, safe_pickle

SAMPLES = [np.random.default_rng(i).random((4, 28, 28, 1), np.float32) for i in range(3)]


class Attack:
    """Pickles to a call of `function`, and perhaps a state for its result."""

    def __init__(self, function, *args, state=None):
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.call


def exec_payload(path):
    return Attack(exec, f"open({str(path)!r}, 'w')")


def called(name, *args):
    """A pickle of a call by name, \"module name\", which may not exist."""
    return GLOBAL + name.encode().replace(b" ", b"\n") + b"\n" + _inner(args) + b"R"


def _inner(each):
    """The operations that push an object."""
    return pickle.dumps(each, 2)[2:-1]


RECONSTRUCT, EMPTY = np.zeros(1).__reduce__()[0], (np.ndarray, (0,), b"b")
GLOBAL, MULTIARRAY = b"c", "numpy._core.multiarray _reconstruct"

# Objects to pickle, or operations, given a path that must not be created.
ATTACKS = {
    "os.system": lambda path: Attack(os.system, f"touch {path}"),
    "subprocess": lambda path: Attack(subprocess.check_call, ["touch", str(path)]),
    "exec": exec_payload,
    "eval": lambda path: Attack(eval, f"open({str(path)!r}, 'w')"),
    "open": lambda path: Attack(open, str(path), "w"),
    "import": lambda path: Attack(__import__, "this"),
    "partial": lambda path: functools.partial(os.system, f"touch {path}"),
    "methodcaller": lambda path: Attack(operator.methodcaller("touch"), path),
    "getattr": lambda path: Attack(getattr, SAMPLES[0], "tofile"),
    "nested in a list of arrays": lambda path: [SAMPLES[0], [exec_payload(path)]],
    "nested in the called function": lambda path: (
        b"cbuiltins\ngetattr\n("
        + called("builtins __import__", "os")
        + b"U\6systemtR"
        + _inner((f"touch {path}",))
        + b"R"
    ),
    "nested in a shape": lambda path: [Attack(RECONSTRUCT, np.ndarray, (exec_payload(path),), b"b")],
    "nested in an array's state": lambda path: [Attack(RECONSTRUCT, *EMPTY, state=(1, exec_payload(path), 0, 0, 0))],
    "nested in a dtype's state": lambda path: [Attack(np.dtype, "f4", state=(3, exec_payload(path)))],
    "an array of objects": lambda path: [np.array([exec_payload(path)], object)],
    "fields of objects": lambda path: [np.array([(exec_payload(path),)], [("a", object)])],
    "objects called bytes": lambda path: [Attack(RECONSTRUCT, *EMPTY, state=(1, (1,), np.dtype("O"), False, bytes(8)))],
    "an array of records": lambda path: [np.rec.array([(1, 2)])],
    "a masked array": lambda path: [np.ma.masked_array([[1, 2]])],
    "numpy.load": lambda path: Attack(np.load, str(path)),
    "numpy.fromfile": lambda path: Attack(np.fromfile, str(path)),
    "numpy.savetxt": lambda path: Attack(np.savetxt, str(path), [1]),
    "numpy.memmap": lambda path: Attack(np.memmap, str(path), "u1", "w+", 0, (9,)),
    "numpy.fromfunction": lambda path: Attack(np.fromfunction, os.system, (1,)),
    "numpy.vectorize": lambda path: Attack(np.vectorize, os.system),
    "numpy.apply_along_axis": lambda path: Attack(np.apply_along_axis, os.system, 0, SAMPLES[0]),
    "numpy.ndarray, called": lambda path: Attack(np.ndarray, (9,)),
    "numpy.dtype of objects": lambda path: Attack(np.dtype, "O"),
    "numpy.dtype of a class": lambda path: Attack(np.dtype, Attack),
    "numpy's scalar": lambda path: np.float64(1),
    "runstring of numpy.testing": lambda path: called(
        "numpy.testing._private.utils runstring", f"open('{path}', 'w')", {}
    ),
    "rundocs of numpy.testing": lambda path: called("numpy.testing rundocs", str(path)),
    "numpy.f2py": lambda path: called("numpy.f2py compile", "", "a", f"; touch {path}"),
    "crackfortran of numpy.f2py": lambda path: called("numpy.f2py.crackfortran myeval", f"open('{path}', 'w')"),
    "exec_command of numpy.distutils": lambda path: called(
        "numpy.distutils.exec_command exec_command", f"touch {path}"
    ),
    "numpy.lib.npyio": lambda path: called("numpy.lib._npyio_impl load", str(path)),
    "numpy.lib.format": lambda path: called("numpy.lib.format open_memmap", str(path), "w+", "u1", (9,)),
    "numpy.lib.introspect": lambda path: called("numpy.lib.introspect opt_func_info", "a"),
    "a function of pickle": lambda path: called("_pickle loads", pickle.dumps(exec_payload(path))),
    "a name with dots": lambda path: b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.",
    "a name by its module's module": lambda path: called("numpy os.system", f"touch {path}"),
    "copyreg": lambda path: Attack(copyreg.add_extension, "os", "system", 7),
    "a copyreg extension code": lambda path: b"\x82\x07",
    "copyreg._reconstructor": lambda path: Attack(copyreg._reconstructor, Attack, object, None),
    "INST": lambda path: b"(V" + f"touch {path}".encode() + b"\nios\nsystem\n",
    "OBJ": lambda path: b"(cos\nsystem\nV" + f"touch {path}".encode() + b"\no",
    "NEWOBJ of an array": lambda path: b"cnumpy\nndarray\n" + _inner(((9,),)) + b"\x81",
    "a persistent id": lambda path: b"Pos.system\n",
    "an out-of-band buffer": lambda path: b"\x97",
    "a dictionary": lambda path: {"a": 1},
    "a set": lambda path: {1},
    "a class": lambda path: Attack,
    "a path": lambda path: path,
    "a complex number": lambda path: 1j,
    "bytes of another encoding": lambda path: Attack(codecs.encode, "00", "hex"),
    "an attribute of an array": lambda path: [Attack(RECONSTRUCT, *EMPTY, state={"tofile": 1})],
    "a dtype's attributes": lambda path: [Attack(np.dtype, "f4", state={"itemsize": 9})],
    "defaults of an allowed function": lambda path: (
        b"c_codecs\nencode\n" + _inner((None, {"__defaults__": (1, 2)})) + b"b"
    ),
    "__setstate__ on an allowed class": lambda path: b"cnumpy\ndtype\n" + _inner((None, {"__setstate__": 1})) + b"b",
    "a dict on an allowed class": lambda path: b"cnumpy\nndarray\n" + _inner({"a": 1}) + b"b",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_pickle_with_code_in_it_is_refused_and_the_code_does_not_run(tmp_path, attack):
    path, trace = tmp_path / "train_samples.pkl", tmp_path / "was-run"
    content = attack(trace)
    path.write_bytes(content + b"." if isinstance(content, bytes) else pickle.dumps(content, 4))
    with pytest.raises(UserError) as error:
        load_samples(path)
    assert re.search("it calls|it holds|or is damaged", str(error.value)) and str(error.value).isprintable()
    assert str(path) in str(error.value) and os.listdir(tmp_path) == ["train_samples.pkl"]
    path.write_bytes(pickle.dumps(SAMPLES, 4))
    assert len(load_samples(path)) == 3  # the reader itself is unchanged


REAL = (
    *("os.system", "subprocess", "exec", "eval", "open", "nested in a list of arrays", "nested in the called function"),
    *("fields of objects", "INST"),
)


@pytest.mark.parametrize("name", REAL)
def test_the_attacks_are_real(tmp_path, name):
    """Python's own unpickler runs their code."""
    content = ATTACKS[name](tmp_path / "was-run")
    with contextlib.suppress(Exception):
        pickle.loads(content + b"." if isinstance(content, bytes) else pickle.dumps(content, 4))
    assert (tmp_path / "was-run").exists()


def _array(shape, content=b"", dtype="u1"):
    return pickle.dumps([Attack(RECONSTRUCT, *EMPTY, state=(1, shape, np.dtype(dtype), False, content))], 4)


DOUBLED = b")" + b"q\x00h\x00\x86" * 60  # nested tuples with 2**60 leaves
MEMORY = {
    "an array of terabytes": b"](" + called(MULTIARRAY, np.ndarray, (2**40,), b"b")[:-1] + b"Re.",
    "a state of terabytes": _array((2**40,)),
    "a state beyond 64 bits": _array((2**62, 2**62, 16)),
    "a negative state": _array((-(2**20), -(2**20)), bytes(9)),
    "a state of true": _array((True, 9), bytes(9)),
    "a state with a fractional axis": _array((4.5, 2), bytes(9)),
    "a state of endless tuples": b"]("
    + called(MULTIARRAY, *EMPTY)[:-1]
    + b"R(K\x01"
    + DOUBLED
    + b"K\x00K\x00C\x00tbe.",
    "a dtype of gigabytes": pickle.dumps([np.dtype("V2000000000")], 4),
    "bytes of exabytes": b"\x8e" + struct.pack("<Q", 2**62) + b"abc.",
    "bytes of gigabytes": b"B" + b"\xff" * 4 + b"abc.",
    "an array of bytes of exabytes": b"\x96" + struct.pack("<Q", 2**62) + b"abc.",
    "text of exabytes": b"\x8d" + struct.pack("<Q", 2**62) + b"abc.",
    "text of gigabytes": b"X" + b"\xff" * 4 + b"abc.",
    "a number of gigabytes": b"\x8b" + struct.pack("<I", 2**31 - 1) + b"abc.",
    "a frame of exabytes": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "a number of a million digits": b"I" + b"9" * 10**6 + b"\n.",
    "a far memo index": b"Nr" + b"\xff" * 3 + b"\x7f.",
    "a memo index of 4,000 digits": b"Np" + b"9" * 4000 + b"\n.",
    "lists in lists": b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
    "tuples in tuples": b")" + b"\x85" * 10**5 + b".",
    "marks": b"(" * 10**5 + b".",
    "a set of endless tuples": b"(" + DOUBLED + b"\x91.",
    "a dictionary of endless tuples": b"}" + DOUBLED + b"Ns.",
    "a name of endless tuples": DOUBLED + b"h\x00\x93.",
    "a dtype code of endless tuples": b"cnumpy\ndtype\n" + DOUBLED + b"\x85R.",
    "a list of itself": b"]q\x00h\x00a.",
    "bytes that grow": b"c_codecs\nencode\nq\x00"
    + _inner(b"0" * 64)
    + b"q\x01"
    + b"h\x00h\x01X\3\0\0\0hex\x86Rq\x01" * 40
    + b".",
    "arrays that share their bytes": pickle.dumps([bytes(10**5)], 4)[:-1]
    + b"]("
    + (GLOBAL + b"numpy._core.numeric\n_frombuffer\n(h\0cnumpy\ndtype\nU\2u1\x85RM\x10\x27K\x0a\x86U\1CtR") * 999
    + b"e.",
}


@pytest.mark.parametrize("content", MEMORY.values(), ids=MEMORY)
def test_a_pickle_with_forged_sizes_takes_no_memory(tmp_path, content):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as error:
            load_samples(path)
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value) and str(error.value).isprintable() and "MemoryError" not in str(error.value)


ONE_IN = 20  # the next tests divide the bound by it, to be faster


@pytest.fixture
def lower_bound(monkeypatch):
    monkeypatch.setattr(safe_pickle, "MOST_OPERATIONS", safe_pickle.MOST_OPERATIONS // ONE_IN)


@pytest.mark.parametrize("content", [b"]" * 10**6, b"(" + b"N" * 10**6 + b"t", b"N" + b"q\0" * 10**6])
def test_reading_stops_at_a_number_of_operations_that_grows_slowly_with_the_file(tmp_path, lower_bound, content):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(content + b".")
    most = 2**20 // ONE_IN + (len(content) + 1) // 60
    with pytest.raises(UserError, match=f"was not opened, because it takes more than {most:,} operations"):
        load_samples(path)


TINY = [np.full((1, 2, 1, 1), number, np.float32) for number in range(20_000 // ONE_IN)]


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_20_000_arrays_of_any_size_are_within_the_bound(tmp_path, lower_bound, protocol, kind):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(pickle.dumps(kind(TINY), protocol))
    assert np.array_equal(load_samples(path), TINY)


def test_20_000_appended_arrays_of_any_size_are_within_the_bound(tmp_path, lower_bound):
    path = tmp_path / "train_samples.pkl"
    records.write_samples(path, TINY)
    assert np.array_equal(load_samples(path), TINY)


def test_any_number_of_appended_images_of_28x28_is_within_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MOST_OPERATIONS", 60)
    path = tmp_path / "train_samples.pkl"
    records.write_samples(path, [np.zeros((1, 28, 28, 1), np.float32)] * 500)
    assert len(load_samples(path)) == 500


def test_any_number_of_appended_arrays_of_any_size_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_pickle, "MOST_OPERATIONS", 60)
    path = tmp_path / "train_samples.pkl"
    for shape in ((1, 1), (10, 1), (1, 8, 8, 1)):
        records.write_samples(path, [np.full(shape, number, np.float32) for number in range(500)])
        assert [sample.ravel()[0] for sample in load_samples(path)] == [*range(500)]


APPENDED = _inner(np.zeros((1, 1), np.float32))
GREEDY = {  # what is added to each array that is appended
    "more in the list": APPENDED + b"a" + b"Na" * 20,
    "more on the stack": APPENDED + b"a" + b"]" * 20,
    "more below a mark": b"(]" + APPENDED + b"a",
    "no array": b"]" + b"]a" * 25 + b"a",
    "the same array": b"h\x7ea",
}


@pytest.mark.parametrize("unit", GREEDY.values(), ids=GREEDY)
def test_only_an_array_that_is_appended_alone_gives_back_its_operations(tmp_path, lower_bound, unit):
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(b"\x80\x03]" + APPENDED + b"q\x7ea" + unit * (2**22 // len(unit)) + b".")
    with pytest.raises(UserError, match=r"more than [0-9,]+ operations"):
        load_samples(path)


def test_what_a_pickle_refers_to_is_bounded(tmp_path, monkeypatch):
    """Arrays of few operations, each with a call whose argument, which is ignored, is full of lists."""
    monkeypatch.setattr(safe_pickle, "MOST_OPERATIONS", 1000)

    def place(number):
        return number.to_bytes(4, "little")

    state = _inner(np.zeros((1, 1), np.float32).__reduce__()[2])
    call = b"cnumpy._core.multiarray\n_reconstruct\nr" + place(10**6)
    content = b"\x80\x03]" + call + _inner(EMPTY) + b"R" + state + b"r" + place(10**6 + 1) + b"ba"
    for first in range(300, 6000, 15):
        lists = b"".join(b"]r" + place(number) for number in range(first, first + 15))
        content += b"j" + place(10**6) + b"((" + lists + b"ttRj" + place(10**6 + 1) + b"ba"
    path = tmp_path / "train_samples.pkl"
    path.write_bytes(content + b".")
    with pytest.raises(UserError, match="it refers to more than"):
        load_samples(path)


@pytest.mark.parametrize("end", [b"R", b"b"])
def test_a_call_with_too_many_arguments_is_refused(tmp_path, end):
    """Three bytes of the file would repeat the work of 100,000 arguments."""
    path = tmp_path / "train_samples.pkl"
    call = called(MULTIARRAY, *EMPTY)[:-1] + b"R" if end == b"b" else b"cnumpy._core.multiarray\n_reconstruct\n"
    path.write_bytes(b"(" + b"N" * 10**5 + b"tq\x7f" + call + b"q\x7e](" + (b"h\x7eh\x7f" + end) * 100 + b"e.")
    with pytest.raises(UserError, match="a call that does not make an array"):
        load_samples(path)


def test_a_text_that_a_pickle_repeats_is_not_copied_each_time(tmp_path):
    """Each repetition takes two bytes of the file, and would take 100,000 of memory."""
    text = b"X" + (10**5).to_bytes(4, "little") + b"a" * 10**5 + b"q\0"
    encode = b"c_codecs\nencode\nq\1X\x06\0\0\0latin1q\2"
    again = b"h\1h\0h\2\x86R" * 500
    path = tmp_path / "samples.pkl"
    path.write_bytes(b"\x80\x03" + text + encode + b"](" + again + b"e.")
    with pytest.raises(UserError, match="makes more bytes than it has"):
        load_samples(path)
