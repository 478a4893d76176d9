"""The index of a checkpoint, read without TensorFlow, so that a damaged or hostile one is an error and no crash.

`<prefix>.index` is a table of sorted strings in LevelDB's format (its doc/table_format.md): blocks of entries, each
with a checksum. The entries, by a variable's name, are messages of TensorFlow's tensor_bundle.proto, and say where
in `<prefix>.data-00000-of-00001` its numbers lie.
"""

import math
from typing import NamedTuple

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError

FOOTER, TRAILER = 48, 5  # bytes of what ends a table, and each block
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
MOST_BYTES = 2**18  # of an index; a generator's has some thousand
LONGEST_NAME = 250  # characters; a short entry may repeat the one before but for its end


class Entry(NamedTuple):
    """A variable in a checkpoint."""

    shape: tuple[int, ...]
    dtype: str  # by TensorFlow's name, "float32"


def entries(prefix):
    """The Entry of each variable in a checkpoint, by its name. Raises UserError unless every byte is in its place."""
    index, data = (prefix.with_name(prefix.name + suffix) for suffix in (".index", ".data-00000-of-00001"))
    try:
        if index.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        (first, header), *rest = _table(index.read_bytes())
        if first or _message("BundleHeaderProto", header).num_shards != 1:
            raise ValueError("it is not of one data file")
        return dict(_entry(name, value, data.stat().st_size) for name, value in rest)
    except OSError as error:
        raise UserError(f"{index} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, TypeError) as error:
        raise UserError(f"{index} is damaged ({error}); restore it from a copy") from None


def _entry(name, value, data_bytes):
    """(a variable's name, its Entry), by its message."""
    entry = _message("BundleEntryProto", value)
    shape, dtype = tuple(axis.size for axis in entry.shape.dim), tf.as_dtype(entry.dtype)
    bytes_of_it = math.prod(shape) * dtype.size
    if entry.shape.unknown_rank or min(shape, default=0) < 0 or entry.slices or entry.shard_id:
        raise ValueError("a variable is not in one piece")
    if entry.size != bytes_of_it or not 0 <= entry.offset <= data_bytes - bytes_of_it:
        raise ValueError("a variable lies outside the data")
    return name.decode(), Entry(shape, dtype.name)


def _message(kind, content):
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import tensor_bundle_pb2

    try:
        return getattr(tensor_bundle_pb2, kind).FromString(content)
    except DecodeError:
        raise ValueError("an entry is no message") from None


def _table(content):
    """The pairs (key, value), bytes, of a table, in order of their keys."""
    if len(content) < FOOTER or not content.endswith(MAGIC):
        raise ValueError("its end is not a table's")
    footer = content[-FOOTER:]
    _, at = _handle(footer, 0)  # of blocks about blocks, of which there are none
    index, _ = _handle(footer, at)
    found, behind = [], 0
    for _, value in _block(content, index):
        (offset, size), _ = _handle(value, 0)
        if offset < behind:
            raise ValueError("its blocks lie one in another")
        behind = offset + size
        found += _block(content, (offset, size))
    keys = [key for key, _ in found]
    if not found or keys != sorted(set(keys)):
        raise ValueError("its keys are not in order")
    return found


def _block(content, handle):
    """The pairs (key, value) of the block at a handle, (offset, size)."""
    offset, size = handle
    if offset + size + TRAILER > len(content) - FOOTER:
        raise ValueError("a block lies outside")
    block, kind = content[offset : offset + size], content[offset + size]
    sum_at = offset + size + 1
    if kind or int.from_bytes(content[sum_at : sum_at + 4], "little") != masked_crc32c(block + bytes([kind])):
        raise ValueError("a block's checksum is not its own")
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key, pairs = len(block) - 4 - 4 * restarts, 0, b"", []
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + fresh + length > end or shared + fresh > LONGEST_NAME:
            raise ValueError("an entry lies outside its block")
        key = key[:shared] + block[at : at + fresh]
        at += fresh + length
        pairs.append((key, block[at - length : at]))
    return pairs


def _handle(content, at):
    """((offset, size), where it ends)."""
    offset, at = _varint(content, at)
    size, at = _varint(content, at)
    return (offset, size), at


def _varint(content, at):
    """(a number in seven bits a byte, the least first; where it ends)."""
    number = 0
    for position in range(5):
        byte = content[at + position]
        number |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return number, at + position + 1
    raise ValueError("a number does not end")


def masked_crc32c(content):
    """The checksum of bytes by Castagnoli's polynomial (RFC 3720, B.4), turned and shifted as LevelDB keeps it."""
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
