"""What PyTorch saved is read without it, whole or not at all; and a list for each step gives its images."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from tfgan_v1 import UserError, load_samples
from tfgan_v1.files import BoundedReader
from tfgan_v1.storage import torch_files
from torch_pickles import Tensor, save_old, save_pickle, save_zip

RANDOM = np.random.default_rng(0)
FACES = [np.tanh(RANDOM.standard_normal((4, 3, 8, 6))).astype(np.float32) for _ in range(3)]
FLAT = [np.tanh(RANDOM.standard_normal((4, 784))).astype(np.float32) for _ in range(3)]
SAVERS = {"old": save_old, "zip": save_zip, **{f"pickle {n}": lambda x, n=n: save_pickle(x, n) for n in range(2, 6)}}


@pytest.fixture
def loaded(tmp_path):
    """The samples in a file of these bytes."""

    def load(content):
        (tmp_path / "samples.pkl").write_bytes(content)
        return load_samples(tmp_path / "samples.pkl")

    return load


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_tensors_are_read_without_pytorch_and_planes_become_channels(loaded, save, device, capsys):
    for arrays, right in ((FLAT, FLAT), (FACES, np.moveaxis(FACES, 2, -1))):
        assert np.array_equal(loaded(save([Tensor(each, device=device) for each in arrays])), right)
    assert capsys.readouterr().err.count("reads the axes as [n, channels, height, width]") == 1


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_an_offset_and_strides_are_those_of_the_storage(loaded, save, dtype):
    base = RANDOM.random((5, 9)).astype(dtype)
    view = Tensor(base, offset=10, shape=(3, 2), strides=(2, 9))
    sample, other = loaded(save([view, Tensor(base[:3, :2], parameter=True)]))
    right = np.lib.stride_tricks.as_strided(base.ravel()[10:], (3, 2), [2 * base.itemsize, 9 * base.itemsize])
    assert np.array_equal(sample, right) and np.array_equal(other, base[:3, :2]) and sample.dtype == dtype


@pytest.mark.parametrize("save", [save_old, save_zip])
def test_a_state_dict_is_read_by_name_also_within_a_checkpoint(tmp_path, save):
    arrays = {"main.0.weight": RANDOM.random((3, 2), np.float32), "main.1.num_batches_tracked": np.int64(7)}
    state = {name: Tensor(each) for name, each in arrays.items()}
    for content in (state, {"epoch": 3, "model": state, "optimizer": {"state": {}, 0: "Adam"}}):
        (tmp_path / "a.pth").write_bytes(save(content))
        with BoundedReader(tmp_path / "a.pth") as file:
            found = torch_files.state_dict(torch_files.load(file))
        assert [*found] == [*arrays] and all(np.array_equal(found[name], arrays[name]) for name in arrays)
    (tmp_path / "a.pth").write_bytes(save({"G": state, "D": {"b": Tensor(FLAT[0])}}))
    with BoundedReader(tmp_path / "a.pth") as file, pytest.raises(UserError, match=r"no state dict .*\('G', 'D'\)"):
        torch_files.state_dict(torch_files.load(file))


HUGE = 2**40
NOT_THERE = {  # a tensor that its storage does not hold, or no tensor
    "beyond the end": lambda: Tensor(FLAT[0], offset=1),
    "a stride too long": lambda: Tensor(FLAT[0], strides=(785, 1)),
    "a stride of nothing": lambda: Tensor(FLAT[0], shape=(HUGE, 784), strides=(0, 1)),
    "a negative stride": lambda: Tensor(FLAT[0], offset=784, strides=(-1, 1)),
    "a negative offset": lambda: Tensor(FLAT[0], offset=-1),
    "other axes than strides": lambda: Tensor(FLAT[0], strides=(1,)),
    "a fraction": lambda: Tensor(FLAT[0], offset=0.5),
    "a storage that claims more": lambda: Tensor(FLAT[0], shape=(2, HUGE), count=2 * HUGE),
    "a storage that claims less": lambda: Tensor(FLAT[0], shape=(2, 3), count=5),
}


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize("tensor", NOT_THERE.values(), ids=NOT_THERE)
def test_a_tensor_that_its_storage_does_not_hold_is_refused(loaded, save, tensor):
    with pytest.raises(UserError, match=r"it holds a (tensor|storage)"):
        loaded(save([tensor()]))


def _with(content, name, replaced):
    """A zip archive with another part."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(file := io.BytesIO(), "w") as other:
        for each in archive.namelist():
            other.writestr(each, replaced if each.endswith(name) else archive.read(each))
    return file.getvalue()


ONE = Tensor(FLAT[0])
CALL = b"ctorch.storage\n_load_from_bytes\n"
KEY = b"}" + b")q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"Ns."  # a key of 2**60 leaves
HOSTILE = {
    "a packed archive": save_zip([ONE], zipfile.ZIP_DEFLATED),
    "an archive without tensors": _with(save_zip([ONE]), "data.pkl", b""),
    "an endless key": _with(save_zip([ONE]), "data.pkl", KEY),
    "an identity that is none": _with(save_zip([ONE]), "data.pkl", b"NQ."),
    "another key": save_old([ONE]).replace(ONE.identity[2].encode(), b"a" * len(ONE.identity[2]), 1),
    "no storages": save_old([ONE])[: -FLAT[0].nbytes - 8],
    "code": save_zip([pytest.raises]),
    "bytes that are read a thousand times": b"\x80\x03C\xff" + save_old([])[:255].ljust(255) + b"q\0" + CALL + b"q\1"
    + b"(" + b"h\1h\0\x85R" * 1000 + b"t.",
    "a file in a file in a file": None,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_sentence(loaded, name):
    content = HOSTILE[name]
    for _ in range(0 if content else 60):
        content = CALL + b"B" + len(content or b".").to_bytes(4, "little") + (content or b".") + b"\x85R."
    with pytest.raises(UserError) as error:
        loaded(content)
    assert str(error.value).isprintable() and "\n" not in str(error.value)


def test_one_bound_of_operations_is_for_all_pickles_of_a_file(loaded, monkeypatch):
    monkeypatch.setattr(torch_files.safe_pickle, "MOST_OPERATIONS", 600)
    few, many = ([Tensor(np.zeros((1, 2), np.float32)) for _ in range(number)] for number in (5, 20))
    assert len(loaded(save_pickle(few))) == 5
    with pytest.raises(UserError, match=r"it takes more than [0-9,]+ operations"):
        loaded(save_pickle(many))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", [list, tuple])
def test_of_logits_and_images_the_images_are_read(loaded, place, kind):
    for low in (0, -1):
        images = [np.maximum(each, low) for each in FLAT]
        rows = [[3 * each, each] if place else [each, 3 * each] for each in images]
        assert np.array_equal(loaded(pickle.dumps([kind(row) for row in rows])), images)
    tensors = [[Tensor(each) for each in row] for row in rows]
    assert np.array_equal(loaded(save_pickle(tensors)), images)


def test_the_images_are_in_range_at_every_step_and_otherwise_a_sentence_says_so(loaded):
    small = [FLAT[0] / 9, *(3 * each for each in FLAT[1:])]  # logits that are within [-1, 1] at first
    assert np.array_equal(loaded(pickle.dumps([*map(list, zip(small, FLAT, strict=True))])), FLAT)
    for rows, which in (
        ([[each, -each] for each in FLAT], "several"),
        ([[2 * each, 3 * each] for each in FLAT], "none"),
    ):
        with pytest.raises(UserError, match=rf"holds 2 arrays for each sampling step, and {which} of them are within"):
            loaded(pickle.dumps(rows))
    for rows in ([[FLAT[0]] * 9], [[FLAT[0]] * 2, FLAT[1]], [[FLAT[0]] * 2, [FLAT[0]]], [[]]):
        with pytest.raises(UserError, match="does not hold a list of sample arrays"):
            loaded(pickle.dumps(rows))
