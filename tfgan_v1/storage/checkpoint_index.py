"""Reads the index of a checkpoint without TensorFlow's reader, which a damaged or hostile index can abort.

Of 1,200 damaged indexes whose checksums were valid, 291 ended the process in TensorFlow's reader.

`<prefix>.index` is a sorted table in LevelDB's format (its doc/table_format.md): blocks of entries, each block with a
checksum. The entry of a variable's name is a message of TensorFlow's tensor_bundle.proto, with the position of its
values in `<prefix>.data-00000-of-00001`.
"""

import math
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError
from tfgan_v1.storage.manifest import files_of

FOOTER, TRAILER = 48, 5  # bytes at the end of a table and of a block
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
MOST_BYTES = 2**18  # of an index; a generator's index has a few thousand
LONGEST_NAME = 250  # bytes; prefix compression makes long names cheap, so they are bounded


class Entry(NamedTuple):
    """A variable in a checkpoint."""

    shape: tuple[int, ...]
    dtype: str  # TensorFlow's name, such as "float32"


def entries(prefix):
    """The Entry of each variable in a checkpoint, by name. Raises UserError if the index is damaged in any way."""
    data, index, _ = files_of(prefix)
    try:
        if index.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        (first, header), *rest = _table(index.read_bytes())
        if first or _message("BundleHeaderProto", header).num_shards != 1:
            raise ValueError("it needs other than one data file")
        return {name.decode(): _entry(value, data.stat().st_size) for name, value in rest}
    except OSError as error:
        raise UserError(f"{index} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError) as error:
        raise UserError(f"{index} is damaged ({error}); restore it from a copy") from None


def _entry(content, data_bytes):
    entry = _message("BundleEntryProto", content)
    shape, dtype = tuple(axis.size for axis in entry.shape.dim), tf.as_dtype(entry.dtype)
    num_bytes = entry.size if dtype == tf.string else math.prod(shape) * dtype.size
    if entry.shape.unknown_rank or min(shape, default=0) < 0 or entry.slices or entry.shard_id:
        raise ValueError("a variable is not in one piece")
    if entry.size != num_bytes or not 0 <= entry.offset <= data_bytes - num_bytes:
        raise ValueError("a variable is outside the data file")
    return Entry(shape, dtype.name)


def _message(name, content):
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import tensor_bundle_pb2

    try:
        return getattr(tensor_bundle_pb2, name).FromString(content)
    except DecodeError:
        raise ValueError("an entry is not a message") from None


def _table(content):
    """The pairs (key, value) of a table, as bytes, sorted by key."""
    if len(content) < FOOTER or not content.endswith(MAGIC):
        raise ValueError("it does not end like a table")
    *_, offset, size, _ = _varints(content[-FOOTER:], 0, 4)  # the first two: of the metaindex, which stays empty
    pairs, end = [], 0
    for _, value in _block(content, offset, size):
        offset, size, _ = _varints(value, 0, 2)
        if offset < end:
            raise ValueError("its blocks overlap")
        end = offset + size
        pairs += _block(content, offset, size)
    keys = [key for key, _ in pairs]
    if not pairs or keys != sorted(set(keys)):
        raise ValueError("its keys are not sorted and unique")
    return pairs


def _block(content, offset, size):
    """The pairs (key, value) of the block at an offset."""
    end = offset + size
    if end + TRAILER > len(content) - FOOTER:
        raise ValueError("a block is outside the file")
    compression, checksum = content[end], content[end + 1 : end + TRAILER]
    if compression or int.from_bytes(checksum, "little") != masked_crc32c(content[offset : end + 1]):
        raise ValueError("a block does not match its checksum")
    block = content[offset:end]
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key, pairs = len(block) - 4 - 4 * restarts, 0, b"", []
    while at < end:
        shared, unshared, length, at = _varints(block, at, 3)
        if shared > len(key) or at + unshared + length > end or shared + unshared > LONGEST_NAME:
            raise ValueError("an entry is outside its block")
        key = key[:shared] + block[at : at + unshared]
        at += unshared + length
        pairs.append((key, block[at - length : at]))
    return pairs


def _varints(content, at, count):
    """So many varints, seven bits per byte, least significant first, and then the position after them."""
    numbers = []
    for _ in range(count):
        size = next((size for size in range(1, 6) if content[at + size - 1] < 0x80), None)
        if size is None:
            raise ValueError("a number does not end")
        numbers.append(sum((content[at + k] & 0x7F) << 7 * k for k in range(size)))
        at += size
    return *numbers, at


def masked_crc32c(content):
    """The CRC-32C of bytes (Castagnoli's polynomial, RFC 3720, B.4), masked as in LevelDB: rotated, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_of_byte(crc):
    for _ in range(8):
        crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc


_CRC32C = [_crc_of_byte(byte) for byte in range(256)]
