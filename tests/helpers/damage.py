"""Ways to damage a file: functions of its bytes and a random.Random to other bytes."""

import gzip
import io
import json
import re
import struct
import zipfile
import zlib

from tfgan_v1 import files

NUMBERS = [0, 1, 2, 3, 7, 8, 255, 256, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
TEXTS = [
    *(b"0", b"1", b"-1", b"3", b"255", b"256", b"2147483648", b"-2147483649", b"4294967296", b"9223372036854775808"),
    *(b"1e999", b"nan", b"inf", b"-0.0", b"0.5", b"1e-400", b"0x10", b"1_0", b"9" * 400, b"9" * 5000, b"", b" "),
    *(b"null", b"true", b"None", b"True", b"[]", b"{}", b'""', b"()", b"(1,)", b"\\u0000", b"\\ud800", b"\xff", b"\r"),
]
VALUES = [
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**63, -(2**63), 10**18, 10**400, 0.5, -0.5, 1e308, 5e-324),
    *(float("nan"), float("inf"), "", " ", "a", "a\nb", "\0", "~\0", "~no such user", "\ud800", "\x1b[2J", "a" * 9999),
    *("1e5", "3", "None"),
    *("digits", "mlp", "conv", "28x28", "../..", "/dev/zero", [], {}, [0], [28, 28, 1], [[]], {"a": 1}, [None] * 999),
]


def _flip(content, chance):
    content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _set(content, chance):
    content[_place(content, chance)] = chance.choice([0, 1, 10, 34, 44, 46, 127, 128, 255, chance.randrange(256)])


def _cut_off(content, chance):
    del content[_place(content, chance) :]


def _cut_out(content, chance):
    start = _place(content, chance)
    del content[start : start + chance.choice([1, 2, 4, 8, 50])]


def _double(content, chance):
    start = _place(content, chance)
    part = content[start : start + chance.choice([1, 2, 4, 8, 50, 1000])]
    content[start:start] = part * chance.choice([1, 1, 2, 20])


def _move(content, chance):
    start = _place(content, chance)
    part = content[start : start + chance.choice([1, 4, 16, 64])]
    target = _place(content, chance)
    content[target : target + len(part)] = part


def _insert(content, chance):
    start = _place(content, chance)
    content[start:start] = bytes([chance.randrange(256)]) * chance.choice([1, 2, 4, 100, 5000])


def _number(content, chance):
    """Overwrites with a number of a likely width; lengths and offsets are such numbers."""
    start, width = _place(content, chance), chance.choice([1, 2, 4, 4, 8])
    number = chance.choice([*NUMBERS, len(content), chance.randrange(2**16)]) % 2 ** (8 * width)
    content[start : start + width] = number.to_bytes(width, chance.choice(["little", "big"]))


def _text(content, chance):
    """Replaces a number, a word or a quoted text with another."""
    found = list(re.finditer(rb"-?[0-9][0-9.e+-]*|[A-Za-z_]+|\"[^\"]*\"", content))
    if found:
        part = chance.choice(found)
        content[part.start() : part.end()] = chance.choice(TEXTS)


def _swap(content, chance):
    """Swaps two similar parts: keys, values, fields."""
    found = list(re.finditer(rb"[0-9.e+-]+|[A-Za-z_]+|\"[^\"]*\"", content))
    if len(found) > 1:
        first, second = sorted(chance.sample(found, 2), key=lambda part: part.start())
        content[second.start() : second.end()], content[first.start() : first.end()] = first[0], second[0]


def _place(content, chance):
    """A random position, often near the start, where headers are. An empty content grows by a byte."""
    if not content:
        content.append(0)
    return min(chance.randrange(len(content)), chance.choice([16, 64, 256, 2**20, 2**20]))


CHANGES = (_flip, _flip, _set, _cut_off, _cut_out, _double, _move, _insert, _number, _number, _text, _text, _swap)


def mutated(content, chance):
    """The bytes with one to five changes."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 5])):
        chance.choice(CHANGES)(content, chance)
    return bytes(content)


def png(content, chance):
    """A PNG with mutated chunks and valid checksums."""
    place, chunks = 8, [content[:8]]
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        if kind == b"IDAT" and chance.random() < 0.5:
            body = zlib.compress(mutated(zlib.decompress(body), chance))
        elif chance.random() < 0.4:
            body = mutated(body, chance)
        chunks.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
        place += 12 + length
    return b"".join(chunks)


def archive(content, chance):
    """An archive of a mutated array, with any compression and name; or a mutated archive of an array."""
    file, method = io.BytesIO(), chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    inside = chance.choice([True, False])
    names = ["x_train.npy", "arr_0.npy", "../../a\n.npy", "b", "y.npy"] if inside else ["x.npy"]
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in chance.sample(names, chance.choice([1, 1, len(names)])):
            archive.writestr(zipfile.ZipInfo(name), mutated(content, chance) if inside else content, method)
    return file.getvalue() if inside else mutated(file.getvalue(), chance)


def gzipped(content, chance):
    """Mutated bytes, gzipped; or gzipped bytes, mutated."""
    if chance.choice([True, False]):
        return gzip.compress(mutated(content, chance), mtime=0)
    return mutated(gzip.compress(content, mtime=0), chance)


def json_of_ours(content, chance):
    """A mutated text; or valid JSON with another value or key at any depth.

    Half of the latter have a valid checksum, so that their values are read, too.
    """
    if chance.choice([True, False]):
        return mutated(content, chance)
    whole = json.loads(content)
    places = [(whole, key) for key in whole]
    for holder, key in places:  # the list grows in the loop
        inner = holder[key]
        if isinstance(inner, dict | list):
            places += [(inner, key) for key in (inner if isinstance(inner, dict) else range(len(inner)))]
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        holder[chance.choice(["\n", "", "epochs", "ckpt", "a" * 9999])] = holder.pop(key)
    else:
        holder[key] = chance.choice(VALUES)
    if chance.choice([True, False]):
        return files.to_json({name: part for name, part in whole.items() if name != "sha256"}).encode()
    return json.dumps(whole).encode()
