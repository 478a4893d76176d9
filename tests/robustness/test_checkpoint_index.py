"""Our reader of a checkpoint's index: it agrees with TensorFlow's, and a damaged index is an error."""

import os
import tracemalloc
from pathlib import Path
from random import Random

import pytest

import damage
from tfgan_v1 import UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoint_index, checkpoints, manifest

MUTANTS = int(os.environ.get("TFGAN_MUTANTS", 2000 if os.environ.get("TFGAN_THOROUGH") else 100))
NAMES = {"generator/kernel": (5, 7), "generator/bias": (7,), "d_updates": (), **{f"d/{i:02}": (i,) for i in range(60)}}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in NAMES.items():
            kind = tf.float32 if shape else tf.int64
            tf.get_variable(name, shape, kind, tf.ones_initializer(), use_resource=True)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "state"), write_meta_graph=False)
    return folder / "state"


def test_the_entries_are_those_of_tensorflow(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    found = checkpoint_index.entries(prefix)
    assert {name: list(entry.shape) for name, entry in found.items()} == reader.get_variable_to_shape_map()
    assert {n: tf.as_dtype(e.dtype) for n, e in found.items()} == reader.get_variable_to_dtype_map()


def test_the_checksum_is_crc32c():
    crc = 0xE3069283  # of "123456789", the usual test vector
    assert checkpoint_index.masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def copy(prefix, folder, index=None, data=None):
    """A copy of a checkpoint with another index or other data."""
    for suffix, content in ((".index", index), (".data-00000-of-00001", data)):
        content = Path(str(prefix) + suffix).read_bytes() if content is None else content
        Path(folder, "state" + suffix).write_bytes(content)
    return folder / "state"


def signed(content, offset, size):
    """The content with a valid checksum for one of its blocks."""
    crc = checkpoint_index.masked_crc32c(content[offset : offset + size + 1])
    return content[: offset + size + 1] + crc.to_bytes(4, "little") + content[offset + size + 5 :]


def test_a_mutated_index_is_read_or_refused(prefix, tmp_path):
    """Half of the mutants have valid checksums, so that the entries are parsed, too."""
    chance, whole = Random(0), Path(str(prefix) + ".index").read_bytes()
    size = whole.index(b"\x00\x00\x00\x00\x01\x00\x00\x00", 0) + 8  # of the first block, which ends with one restart
    outcomes = {"refused": 0, "read": 0}
    for number in range(MUTANTS):
        if number % 2:
            changed = damage.mutated(whole, chance)
        else:
            block = bytearray(whole[:size])
            for _ in range(chance.randrange(1, 4)):
                block[chance.randrange(size)] = chance.randrange(256)
            changed = signed(bytes(block) + whole[size:], 0, size)
        try:
            found = checkpoint_index.entries(copy(prefix, tmp_path, index=changed))
            outcomes["read"] += 1
            assert all(type(name) is str and all(axis >= 0 for axis in entry.shape) for name, entry in found.items())
        except UserError as error:
            outcomes["refused"] += 1
            assert "\n" not in str(error)
    print(f"{MUTANTS:,} mutants of an index: {outcomes}")
    assert outcomes["refused"] > MUTANTS / 2


def table(*blocks):
    """An index of blocks with valid checksums; a number stands for an earlier block."""
    content, handles = b"", []
    for block in blocks:
        if isinstance(block, int):
            handles.append(handles[block])
            continue
        handles.append(varint(len(content)) + varint(len(block)))
        content += bare(block)
    index = b"".join(b"\0\1" + varint(len(handle)) + b"k" + handle for handle in handles) + NO_RESTARTS
    footer = (b"\0\0" + varint(len(content)) + varint(len(index))).ljust(40, b"\0") + checkpoint_index.MAGIC
    return content + bare(index) + footer


def bare(block):
    return signed(block + bytes(5), 0, len(block))


def varint(number):
    return bytes([*(number >> 7 * i & 127 | 128 for i in range(4)), number >> 28])


NO_RESTARTS = bytes(4)


def test_a_small_index_takes_little_memory(prefix, tmp_path):
    """Long names that share a prefix, and an index that lists a block thousands of times."""
    name = b"\0" + varint(9000) + b"\0" + b"n" * 9000
    long = name + b"".join(varint(8999) + b"\1\0" + bytes([i % 250]) for i in range(5000)) + NO_RESTARTS
    many = b"".join(b"\0\1\0" + bytes([i]) for i in range(250)) + NO_RESTARTS
    for content in (table(long), table(many, *[0] * 5000)):
        tracemalloc.start()
        try:
            with pytest.raises(UserError, match="is damaged"):
                checkpoint_index.entries(copy(prefix, tmp_path, index=content))
            assert tracemalloc.get_traced_memory()[1] < 3e6
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("cut", [1, 100])
def test_data_that_is_too_short_is_refused_before_tensorflow_reads_it(prefix, tmp_path, cut):
    data = Path(str(prefix) + ".data-00000-of-00001").read_bytes()
    with pytest.raises(UserError, match="is outside the data file"):
        checkpoint_index.entries(copy(prefix, tmp_path, data=data[:-cut]))


def test_another_file_is_refused(tmp_path, prefix):
    for content in (b"", b"x" * 100, bytes(2**18 + 1), Path(str(prefix) + ".index").read_bytes()[:-48] + bytes(48)):
        with pytest.raises(UserError, match="is damaged"):
            checkpoint_index.entries(copy(prefix, tmp_path, index=content))
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint_index.entries(tmp_path / "nothing")


def test_a_variable_of_another_type_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        kernel = tf.get_variable("kernel", [2], tf.float64, tf.ones_initializer(), use_resource=True)
        session.run(kernel.initializer)
        tf.train.Saver([kernel]).save(session, str(tmp_path / "state"), write_meta_graph=False)
    with tf.Graph().as_default(), tf.Session() as session:
        saver = checkpoints.make_saver([tf.get_variable("kernel", [2], use_resource=True)])
        checkpoint = manifest.Checkpoint(1, tmp_path / "state", {}, "")
        with pytest.raises(UserError, match=r"kernel is float64 \[2\] there and float32 \[2\] here"):
            checkpoints.restore(saver, session, checkpoint)
