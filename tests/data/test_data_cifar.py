"""CIFAR-10 is read from its original files, wherever they are; nothing in them is unpickled, or trusted."""

import gzip
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from tfgan_v1 import UserError, data
from tfgan_v1.data import cifar

RANDOM = np.random.default_rng(10)
NAMES = (*cifar.TRAIN, *cifar.TEST)
IMAGES = {name: RANDOM.integers(0, 256, (3, 32, 32, 3), np.uint8) for name in NAMES}
LABELS = {name: RANDOM.integers(0, 10, 3) for name in NAMES}


def planes(name):
    """The pixels as the files hold them: red, green, blue, [3, 3072]."""
    return IMAGES[name].transpose(0, 3, 1, 2).reshape(3, -1)


def binary(name):
    return np.column_stack([LABELS[name].astype(np.uint8), planes(name)]).tobytes()


def text(value):
    """A str of Python 2, which the files hold."""
    content = value.encode("latin-1")
    return (b"U" + bytes([len(content)]) if len(content) < 256 else b"T" + len(content).to_bytes(4, "little")) + content


def pickled(name, labels=None, pixels=None):
    """A batch as Python 2 pickled it: protocol 2, with NumPy's array in it, and a file's name for each image."""
    labels = LABELS[name] if labels is None else labels
    pixels = planes(name).tobytes() if pixels is None else pixels
    numbers = b"".join(b"K" + bytes([number]) for number in labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85U\x01b\x87Rq\x08"
        b"(K\x01M\x03\x00M\x00\x0c\x86cnumpy\ndtype\nq\x09U\x02u1K\x00K\x01\x87Rq\x0a(K\x03U\x01|NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + text(pixels.decode("latin-1")) + b"tb"
    )
    files = b"]q\x0b(" + b"".join(text(f"frog_{number}.png") for number in range(3)) + b"e"
    entries = [text("batch_label") + text("training batch 1 of 5"), text("labels") + b"]q\x05(" + numbers + b"e"]
    entries += [text("data") + array, text("filenames") + files]
    return b"\x80\x02}q\x01(" + b"".join(entries) + b"u."


def repickled(name, protocol):
    """A batch as Python 3 pickles it."""
    content = {"labels": LABELS[name].tolist(), b"data": planes(name), "filenames": ["labels.png"] * 3}
    return pickle.dumps(content, protocol)


def save(folder, pack, end="", names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}{end}").write_bytes(pack(name))


def archive(path, pack, end="", change=lambda member, content: [(member, content)]):
    """Writes the files into a .tar.gz in another order, after a link and a file of another name."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as file:
        link = tarfile.TarInfo("../../data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
        for name in ("readme", *reversed(NAMES)):
            content = b"as it is" if name == "readme" else pack(name)
            member = tarfile.TarInfo(f"cifar-10/{name}{end}")
            member.size = len(content)
            for each in change(member, content):
                file.addfile(each[0], io.BytesIO(each[1]))


def check(place):
    dataset, test = data.load("cifar10", place), data.load_test("cifar10", place)
    assert np.array_equal(dataset.images, np.concatenate([IMAGES[name] for name in cifar.TRAIN]))
    assert np.array_equal(dataset.labels, np.concatenate([LABELS[name] for name in cifar.TRAIN]))
    assert np.array_equal(test.images, IMAGES["test_batch"]) and np.array_equal(test.labels, LABELS["test_batch"])
    assert dataset.images.dtype == np.uint8 and dataset.labels.dtype == np.int32
    assert dataset.classes == test.classes == cifar.CLASSES and dataset.name == test.name == "cifar10"
    assert dataset.classes[0] == "airplane" and dataset.classes[9] == "truck"


@pytest.mark.parametrize("folder", ["cifar-10-batches-bin", "cifar-10-batches-py", ""])
@pytest.mark.parametrize("pack, end", [(binary, ".bin"), (pickled, "")])
def test_the_files_are_found_as_they_unpack_or_without_their_folder(tmp_path, folder, pack, end):
    save(tmp_path / folder, pack, end)
    check(tmp_path)
    check(tmp_path / folder)


@pytest.mark.parametrize("pack, end, kind", [(binary, ".bin", "binary"), (pickled, "", "python")])
def test_the_archive_need_not_be_unpacked(tmp_path, monkeypatch, pack, end, kind):
    archive(tmp_path / f"cifar-10-{kind}.tar.gz", pack, end)
    monkeypatch.setenv("TFGAN_DATA", str(tmp_path))
    check(None)
    assert [path.name for path in tmp_path.iterdir()] == [f"cifar-10-{kind}.tar.gz"]


@pytest.mark.parametrize("protocol", range(1, 6))
def test_batches_that_were_pickled_again_are_read_too(tmp_path, protocol):
    save(tmp_path, lambda name: b"\x80\x02" * (protocol == 1) + repickled(name, protocol))
    check(tmp_path)


def test_pictures_of_red_green_and_blue_have_these_colors(tmp_path):
    colors = np.repeat(np.eye(3, dtype=np.uint8) * 255, 1024, 1)
    save(tmp_path, lambda name: np.column_stack([np.arange(3, dtype=np.uint8), colors]).tobytes(), ".bin")
    assert data.load("cifar10", tmp_path).images[:3, 5, 5].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_where_it_is_missing_one_sentence_says_where_to_get_it(tmp_path):
    with pytest.raises(UserError) as error:
        data.load("cifar10", tmp_path, download=False)
    message = str(error.value)
    parts = ("not found in", str(tmp_path), "cifar-10-binary.tar.gz", "www.cs.toronto.edu/~kriz/cifar.html")
    assert all(part in message for part in (*parts, "--data-dir", "$TFGAN_DATA")) and "\n" not in message
    save(tmp_path, binary, ".bin", cifar.TRAIN)
    assert data.load_test("cifar10", tmp_path) is None and len(data.load("cifar10", tmp_path).images) == 15
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(UserError, match=r"data_batch_4\.bin cannot be read: No such file"):
        data.load("cifar10", tmp_path)


def test_a_path_of_its_files_says_how_to_name_them(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    save(folder, pickled)
    (tmp_path / "data_batch_1.bin").write_bytes(binary("data_batch_1"))
    for path in (folder, folder / "data_batch_1", tmp_path / "data_batch_1.bin"):
        with pytest.raises(UserError, match="--dataset cifar10 --data-dir") as error:
            data.load(path)
        assert "\n" not in str(error.value)


PIXELS = planes("data_batch_1").tobytes()
COMMAND = b"cos\nsystem\n(S'touch executed'\ntR"
GOOD = pickled("data_batch_1")
BROKEN = {
    "empty": b"",
    "text": b"a text that somebody saved",
    "half a record": binary("data_batch_1")[:-1],
    "a label of 10": b"\x0a" + binary("data_batch_1")[1:],
    "a command": b"\x80\x02" + COMMAND + b".",
    "a command for a key": b"\x80\x02}(" + COMMAND + text("labels") + b"]u.",
    "half a pickle": GOOD[: len(GOOD) // 2],
    "no pixels": b"\x80\x02}(" + text("labels") + b"](K\x01K\x02K\x03eu.",
    "no labels": b"\x80\x02}(" + text("data") + text(PIXELS.decode("latin-1")) + b"u.",
    "a label less": pickled("data_batch_1", labels=[1, 2]),
    "a label of 11": pickled("data_batch_1", labels=[1, 2, 11]),
    "a pixel less": pickled("data_batch_1", pixels=PIXELS[:-1]),
    "a negative label": b"\x80\x02}(" + text("data") + text(PIXELS.decode("latin-1"))
    + text("labels") + b"](K\x01K\x01J\xff\xff\xff\xffeu.",
    "claims 2 GB": b"\x80\x02T\xff\xff\xff\x7f" + PIXELS,
    "claims a negative length": b"\x80\x02T\xff\xff\xff\xff" + PIXELS,
    "claims 2**64 bytes": b"\x80\x04\x8e" + b"\xff" * 8 + PIXELS,
    "an endless line": b"\x80\x02I" + b"9" * 10**6 + b"\n.",
    "an unknown opcode": b"\x80\x02\xff",
    "another protocol": b"\x80\xff}.",
    "another pickle": pickle.dumps({"x": np.zeros((3, 3072))}),
    "too many opcodes": b"\x80\x02" + b"N0" * 2**20 + GOOD[2:],
}  # fmt: skip


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_or_hostile_batch_is_one_sentence_and_nothing_is_executed(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    for call in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, call, None)
    save(tmp_path, pickled)
    (tmp_path / "data_batch_3").write_bytes(content)
    with pytest.raises(UserError, match=r"data_batch_3 is not of CIFAR-10, or is damaged; get it again") as error:
        data.load("cifar10", tmp_path)
    assert "\n" not in str(error.value) and not os.path.exists("executed")


class Sparse(tarfile.TarInfo):
    """A file with holes, as GNU tar writes it: it may claim any size. This one has none."""

    def tobuf(self, *args):
        header = bytearray(super().tobuf(*args))
        header[386:410] = b"%011o\0%011o\0" % (0, self.size)  # the only segment: where it begins, its bytes
        header[483:495] = b"%011o\0" % self.size
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return bytes(header)


def _sparse(member, content):
    sparse = Sparse(member.name)
    sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, len(content)
    return [(sparse, content)]


def _bomb(member, content):
    zeros = tarfile.TarInfo("zeros")
    zeros.size = 2**22
    return [(zeros, bytes(2**22)), (member, content)]


def _linked(member, content):
    member.type, member.size, member.linkname = tarfile.LNKTYPE, 0, "cifar-10/test_batch"
    return [(member, b"")]


BROKEN_ARCHIVES = {"links": _linked, "sparse files": _sparse, "a zip bomb": _bomb, "a file less": lambda *_: []}


@pytest.mark.parametrize("change", BROKEN_ARCHIVES.values(), ids=BROKEN_ARCHIVES)
def test_a_hostile_archive_is_one_sentence(tmp_path, monkeypatch, change):
    monkeypatch.setattr(cifar, "_MOST_BYTES", 2**20)
    path = tmp_path / "cifar-10-python.tar.gz"
    archive(path, pickled, change=lambda *each: (change if each[0].name.endswith("batch_5") else lambda *x: [x])(*each))
    with pytest.raises(
        UserError, match=r"python\.tar\.gz is not of CIFAR-10, or is damaged; get it again from"
    ) as error:
        data.load("cifar10", tmp_path)
    assert "\n" not in str(error.value) and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-99], lambda raw: gzip.compress(gzip.decompress(raw)[:9000]), bytes]
)
def test_a_damaged_archive_is_one_sentence(tmp_path, damage):
    path = tmp_path / "cifar-10-python.tar.gz"
    archive(path, pickled)
    path.write_bytes(damage(path.read_bytes()) if damage is not bytes else b"<html>")
    with pytest.raises(UserError, match=r"python\.tar\.gz is .*damaged") as error:
        data.load("cifar10", tmp_path)
    assert "\n" not in str(error.value)
