"""Properties of every input: written values are read back; any other input is a result or an error of one sentence."""

import gzip
import io
import json
import os
import pickle
import string
import struct
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as some_numpy

from tfgan_v1 import Config, UserError, data, files, load_samples
from tfgan_v1.config import CONDITIONS
from tfgan_v1.config.options import OneOf, value_type
from tfgan_v1.data import Shaping, arrays, tables
from tfgan_v1.gan.augmentation import AUGMENTATIONS
from tfgan_v1.gan.penalties import PENALTIES
from tfgan_v1.storage import names, records, run_folder

settings.register_profile("here", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("here")

SIDES = some.integers(1, 7)
IMAGES = some.tuples(some.integers(1, 5), SIDES, SIDES, some.sampled_from([1, 3])).flatmap(
    lambda shape: some_numpy.arrays(np.uint8, shape)
)
PACKINGS = some.sampled_from([bytes, lambda content: gzip.compress(content, mtime=0)])


def through_a_file(content, read):
    """The result of reading a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(content)
        return read(path)


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def is_a_sentence(error):
    return str(error).isprintable() and 0 < len(str(error)) < 2100


@given(IMAGES, PACKINGS)
def test_idx_is_read_back(images, pack):
    assume(images.max() > 1)  # 0 and 1 mean black and white
    content = b"\0\0\x08\x04" + struct.pack(">4I", *images.shape) + images.tobytes()
    assert np.array_equal(through_a_file(pack(content), arrays.read_idx).images, images)
    if images.shape[3] == 1:
        content = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape[:3]) + images.tobytes()
        assert np.array_equal(through_a_file(pack(content), arrays.read_idx).images, images)


@given(IMAGES, PACKINGS, some.sampled_from(",;\t"), some.sampled_from(["\n", "\r\n", "\r"]), some.booleans())
def test_a_table_is_read_back(images, pack, delimiter, end, labelled):
    rows = [["7"] * labelled + list(map(str, image.ravel())) for image in images]
    names = ["label"] * labelled + [f"pixel{number}" for number in range(images[0].size)]
    assume(images.max() > 1 and images[0].size > 1 and images.shape[3] == 1)  # in color, rows may be planes
    text = end.join(delimiter.join(row) for row in [names, *rows])
    read = through_a_file(pack(text.encode()), lambda path: tables.read_csv(path, images.shape[1:3])).images
    assert np.array_equal(read.reshape(images.shape), images)


@given(IMAGES, some.sampled_from([np.save, np.savez, np.savez_compressed]), some.sampled_from("CF"))
def test_arrays_of_bytes_are_read_back(images, save, order):
    assume(images.max() > 1)
    read = through_a_file(saved(save, np.array(images, order=order)), data.load).images
    assert read.dtype == np.uint8 and np.array_equal(read, images)


@given(IMAGES, some.sampled_from(["<i2", ">i4", "<i8", ">u2", "<u4", "<f4", ">f8"]))
def test_bytes_stored_as_larger_types_are_read_back(images, dtype):
    assume(images.max() > 1)  # fractions 0 and 1 mean black and white
    assert np.array_equal(through_a_file(saved(np.save, images.astype(dtype)), data.load).images, images)


@given(some_numpy.arrays(np.float32, some.integers(1, 50), elements=some.floats(width=32, allow_nan=False)))
def test_finite_points_are_read_back_and_others_refused(points):
    content = saved(np.save, points)
    if (np.abs(points) < 1e18).all():
        assert np.array_equal(through_a_file(content, data.load).images, points[:, None])
    else:
        with pytest.raises(UserError, match="finite"):
            through_a_file(content, data.load)


NUMBERS = some_numpy.integer_dtypes() | some_numpy.unsigned_integer_dtypes() | some_numpy.floating_dtypes()
GRIDS = some_numpy.arrays(NUMBERS, some_numpy.array_shapes(min_dims=2, max_dims=5, max_side=4))


def with_channels_last(grid):
    planes = grid.ndim == 4 and grid.shape[1] in (1, 3) and min(grid.shape[2:]) > 3  # of PyTorch
    return grid.transpose(0, 2, 3, 1) if planes else grid


@given(some.lists(GRIDS, max_size=4), some.integers(0, pickle.HIGHEST_PROTOCOL), some.sampled_from([list, tuple]))
def test_samples_are_read_back_from_any_pickle(grids, protocol, kind):
    read = through_a_file(pickle.dumps(kind(grids), protocol), load_samples)
    grids = [with_channels_last(each) for each in grids]
    assert [(each.dtype, each.shape) for each in read] == [(each.dtype, each.shape) for each in grids]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(read, grids, strict=True))


@given(some.lists(some_numpy.arrays(np.float32, (2, 3, 3, 1)), max_size=4), some.integers(0, 4))
def test_appended_samples_are_read_back(samples, first):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "samples.pkl")
        records.write_samples(path, samples[:first])
        records.append_samples(path, samples[first:])
        assert pickle.loads(path.read_bytes()) is not None
        assert [each.tobytes() for each in load_samples(path)] == [each.tobytes() for each in samples]


def values_of(each):
    """Valid values of a field."""
    kind, valid = value_type(each), each.metadata["valid"]
    if each.name == "image_size":
        return some.integers(1, 4096).map(str)
    if each.name == "clusters":
        return some.sampled_from(["auto", "none"]) | some.integers(2, 10_000).map(str)
    if each.name == "layers":
        return some.sampled_from(["dense:128 leaky_relu:0.01 dense:784 tanh", "dense batch_norm reshape:7x7x3 linear"])
    if kind is bool:
        return some.booleans()
    if isinstance(valid, OneOf):
        return some.sampled_from(valid)
    if kind is str:
        return some.text(string.ascii_letters + "0 /한글é-", min_size=1, max_size=20)
    if kind is int:
        return some.integers(valid.low, min(valid.high, 10**9))
    return some.floats(valid.low, min(valid.high, 1e9), exclude_min=valid.open_low, exclude_max=valid.open_high)


OPTIONS = {each.name: each for each in fields(Config) if not each.metadata["place"]}
# Options that exclude others, in sets that go together; the rest is free.
TOGETHER = (
    ("smooth", "fake_label", "g_label"),
    ("loss",),
    ("d_batches",),
    ("clip_weights",),
    ("spectral_norm",),
    ("d_decay", "g_decay"),
    ("decay_steps",),
    ("batch_size",),
    ("average",),
    ("average_halflife",),
)


def some_of(names):
    return some.fixed_dictionaries({}, optional={name: values_of(OPTIONS[name]) for name in names})


JUDGED = some.tuples(some.integers(1, 16), some.booleans(), some.integers(1, 1000)).map(
    lambda each: {"pack": each[0], "minibatch_stddev": each[1], "batch_size": each[0] * 4 * each[2]}
)
PENALTY = some.tuples(some.sampled_from([*PENALTIES]), some.floats(0, 1e9), some.integers(1, 10**9)).map(
    lambda each: dict(zip(("penalty", "penalty_weight", "penalty_every"), each, strict=True))
)
NAMES = some.lists(some.sampled_from([*AUGMENTATIONS]), min_size=1, unique=True)
AUGMENT = some.tuples(NAMES, some.floats(0, 1)).map(
    lambda each: {"augment": ",".join(each[0]), "augment_strength": each[1]}
)
OF_CLASSES = some_of(CONDITIONS).map(lambda each: {"conditional": True, **each})
COUPLED = {
    "pack",
    "minibatch_stddev",
    "penalty",
    "penalty_weight",
    "penalty_every",
    "augment",
    "augment_strength",
}.union(CONDITIONS, *TOGETHER)
CONFIGS = some.builds(
    lambda free, coupled: {**free, **coupled},
    some_of([name for name in OPTIONS if name not in COUPLED]),
    some.one_of(*map(some_of, TOGETHER), JUDGED, PENALTY, AUGMENT, OF_CLASSES),
)
FACTS = {"name": "digits", "num_images": 10, "image_shape": [28, 28, 1], "sha256": "0"}


@given(CONFIGS)
def test_a_configuration_is_read_back(values):
    assume(not {"epochs", "steps"} <= set(values))
    model, loss = values.get("model"), values.get("loss")
    relative = isinstance(loss, str) and loss.startswith("relativistic")
    assume(not (model == "dcgan_upsample" and relative))  # whose preset updates D in turn
    assume(values.get("clusters", "none") == "none" or "labels" not in values)
    assume(model not in ("dcgan", "points") or "decay_steps" not in values)  # whose presets have another decay
    assume(not values.get("points") or "image_size" not in values)  # which are of images
    with tempfile.TemporaryDirectory() as folder:
        config = Config(**values, ckpt=folder)
        facts = FACTS | ({"classes": ["cat"], "class_counts": [10]} if config.conditional else {})
        run_folder.write(run_folder.Saved(config, facts, run_folder.made_by(), "0123", ["loss"]))
        saved = run_folder.read(Config(ckpt=folder))
    places = ("data_dir", "labels", "weights")
    paths = {name: os.path.abspath(values[name]) for name in places if name in values}
    if values.get("dataset", "mnist") not in data.DATASETS:
        paths["dataset"] = os.path.abspath(values["dataset"])
    assert saved.config == replace(config, cache_dir=None, **paths)
    assert (saved.data, saved.run_id, saved.custom) == (facts, "0123", ["loss"])


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=10,
)
SCHEMA = {
    "format": some.just(run_folder.FORMAT),
    **dict.fromkeys(("config", "data", "made_by", "run_id", "custom", "sha256"), ANYTHING),
}


def read_config(content):
    """The Saved in a config.json with this content, or None for an error of one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, names.CONFIG).write_bytes(content)
        try:
            return run_folder.read(Config(ckpt=folder))
        except UserError as error:
            assert is_a_sentence(error)
            return None


@given(ANYTHING | some.fixed_dictionaries(SCHEMA))
def test_any_json_is_a_configuration_or_one_sentence(value):
    read_config(json.dumps(value).encode())
    if isinstance(value, dict):  # with a valid checksum, so that the values are read, too
        read_config(files.to_json({name: part for name, part in value.items() if name != "sha256"}).encode())


@given(some.sampled_from(fields(Config)), ANYTHING)
def test_any_value_of_an_option_is_taken_or_one_sentence(each, value):
    content = {"format": run_folder.FORMAT, "config": {each.name: value}, "data": FACTS, "made_by": {}}
    saved = read_config(files.to_json({**content, "run_id": "0123", "custom": []}).encode())
    if saved:
        now = getattr(saved.config, each.name)
        assert type(now) in (value_type(each), type(None))
    try:
        Config(**{each.name: value})
    except UserError as error:
        assert is_a_sentence(error)


BEGINNINGS = [
    *(
        b"",
        b"\0\0\x08\x03",
        b"\0\0\x08\x04\0\0\0\1",
        b"\x93NUMPY\1\0",
        b"\x93NUMPY\2\0",
        b"\x93NUMPY\3\0v\0{'descr': '|u1'",
    ),
    *(
        b"PK\3\4",
        b"PK\5\6",
        b"\x1f\x8b\x08\0",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF",
        b"BM",
        b"II*\0",
    ),
    *(b"P5 ", b"1,2,3,4\n", b"label,1\n", b"\x80\4]", b"cnumpy\n", b"{"),
]
CONTENTS = some.builds(
    lambda beginning, rest: beginning + rest, some.sampled_from(BEGINNINGS), some.binary(max_size=200)
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("read", [data.load, load_samples, arrays.read_idx, arrays.read_npy, arrays.read_npz])
@given(content=CONTENTS)
def test_any_bytes_are_read_or_one_sentence(read, content):
    try:
        through_a_file(content, read)
    except UserError as error:
        assert is_a_sentence(error)


@pytest.mark.filterwarnings("error")
@given(some.text(string.digits + ",;\t\n\r\". -eE#naif'", max_size=99), some.sampled_from([None, (1, 2), (2, 2)]))
def test_any_table_is_read_or_one_sentence(text, size):
    try:
        images = through_a_file(text.encode(), lambda path: tables.read_csv(path, size)).images
        assert images.ndim in (2, 4) and len(images)
    except UserError as error:
        assert is_a_sentence(error)


@given(some.text(), some.tuples(some.integers(), some.integers()), some.integers(), some.text())
def test_any_shaping_is_taken_or_one_sentence(background, size, channels, fit):
    try:
        Shaping(size, channels, fit, background).check()
    except UserError as error:
        assert is_a_sentence(error)
    try:
        Shaping(background=background).check()
    except UserError as error:
        assert is_a_sentence(error)


@given(some.lists(some.floats(width=32), min_size=6, max_size=6), some.integers(1, 10**9), some.integers(1, 10**6))
def test_losses_are_read_back(numbers, step, epoch):
    rows = [records.Losses(step, epoch, *numbers, 1.5)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "losses.csv")
        records.write_table(path, records.LOSSES_HEADERS[False], [])
        records.append_rows(path, rows)
        assert list(map(str, records.read_losses(path, step))) == list(map(str, rows))  # nan is not nan
        assert records.read_losses(path, step - 1) == []
