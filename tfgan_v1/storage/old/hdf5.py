"""Reads HDF5 files as h5py writes them for Keras, without the HDF5 library, which 3 of 4,000 damaged files never left.

From the HDF5 File Format Specification, version 3.0: groups with symbol tables, floats in one piece, texts as
attributes. Links to elsewhere, external storage, virtual or packed data sets and newer layouts are refused.
"""

import math
import struct

import numpy as np

from tfgan_v1.errors import UserError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
DEEPEST, MOST_STEPS = 16, 2**20  # groups in groups; steps of reading, besides the bytes of the file
_FLOATS = {  # of a datatype message of IEEE's numbers, little-endian: bytes 0 to 2, and from 8 on -> bytes of a number
    (bytes([0x11, 0x20, bits - 1]), struct.pack("<HHBBBBI", 0, bits, mantissa, exponent, 0, mantissa, bias)): bits // 8
    for bits, exponent, mantissa, bias in ((16, 5, 10, 15), (32, 8, 23, 127), (64, 11, 52, 1023))
}
_NEWER = "HDF5's newer layout or external links"
_REFUSED = {0x02: _NEWER, 0x06: _NEWER, 0x15: _NEWER, 0x07: "external storage", 0x0B: "packed data sets"}  # messages


def read(content):
    """({group: {name: text or list of texts}}, {data set: array}) of a file's bytes, by their paths, sorted.

    An array is read-only; None stands for one of other types. Raises UserError for what is not read, and a ValueError,
    LookupError, OverflowError or struct.error for a damaged file.
    """
    file = _File(content)
    if content[8] or content[13:15] != b"\x08\x08" or file.numbers("Q", 24)[0]:
        raise UserError(f"it has {_NEWER}, which import does not read")
    file.walk(file.numbers("Q", 64)[0], ())
    return file.attributes, file.arrays


class _File:
    def __init__(self, content):
        self.content, self.left = content, MOST_STEPS + 2 * len(content)
        self.attributes, self.arrays = {}, {}

    def numbers(self, form, start, signature=b""):
        """The numbers after a signature at an address, of these struct codes. Each call is a step."""
        self.spend(1)
        if self.content[start : start + len(signature)] != signature:
            raise ValueError(f"no {signature.decode()} at {start}")
        return struct.unpack_from("<" + form, self.content, start + len(signature))

    def spend(self, steps):
        """Counts steps, or bytes that are read: a few bytes of a file can repeat a large part of it."""
        self.left -= steps
        if self.left < 0:
            raise ValueError("it repeats its parts")

    def walk(self, address, path):
        """Reads an object: a group and what is in it, or a data set."""
        if len(path) > DEEPEST:
            raise ValueError("its groups are too deep")
        parts, name = {}, "/".join(path)
        for kind, start in self.messages(address):
            if kind in _REFUSED:
                raise UserError(f"it has {_REFUSED[kind]}, which import does not read")
            if kind == 0x0C:
                self.attributes.setdefault(name, {}).update([self.attribute(start)])
            parts[kind] = start
        if 0x11 in parts:
            for child, start in self.children(*self.numbers("QQ", parts[0x11])):
                self.walk(start, (*path, child))
        elif 0x08 in parts:
            self.arrays[name] = self.array(parts[0x01], parts[0x03], parts[0x08])

    def messages(self, address):
        """The (kind, address) of each message of an object header, IV.A.1.a."""
        version, count, size = self.numbers("BxHxxxxI", address)
        if version != 1:
            raise UserError(f"it has {_NEWER}, which import does not read")
        blocks = [(address + 16, size)]
        for start, size in blocks:
            end = start + size
            while start + 8 <= end and count:
                kind, length, flags = self.numbers("HHB", start)
                if flags & 2:
                    raise ValueError("it shares its messages")
                if kind == 0x10:
                    blocks.append(self.numbers("QQ", start + 8))
                else:
                    yield kind, start + 8
                start, count = start + 8 + length, count - 1

    def children(self, tree, heap):
        """The (name, address) of each link of a group: B-trees, III.A.1; symbol tables, III.B and C; heaps, III.D."""
        (names,), nodes = self.numbers("20xQ", heap, b"HEAP"), [tree]
        for node in nodes:
            level, count = self.numbers("xBH", node, b"TREE")
            below = [self.numbers("Q", node + 32 + 16 * each)[0] for each in range(count)]
            nodes += below if level else []
            for table in () if level else below:
                for entry in range(self.numbers("xxH", table, b"SNOD")[0]):
                    name, address, cached = self.numbers("QQI", table + 8 + 40 * entry)
                    if cached == 2:
                        raise UserError("it has links to other places, which import does not read")
                    yield self.text(names + name, self.content.index(b"\0", names + name) - names - name), address

    def text(self, start, size):
        self.spend(size)
        return struct.unpack_from(f"{size}s", self.content, start)[0].rstrip(b"\0").decode()

    def shape(self, start):
        """The sizes of a dataspace message, IV.A.2.b."""
        version, rank = self.numbers("BB", start)
        return self.numbers(f"{rank}Q", start + (8 if version == 1 else 4))

    def array(self, space, kind, layout):
        """A data set in one piece, IV.A.2.i, version 3; None if it has no floats."""
        width = _FLOATS.get((self.content[kind : kind + 3], self.content[kind + 8 : kind + 20]))
        shape, (version, where) = self.shape(space), self.numbers("BB", layout)
        if version != 3 or where > 1:
            raise UserError("it has packed or virtual data sets, which import does not read")
        start, size = self.numbers("QQ", layout + 2) if where else (layout + 4, *self.numbers("H", layout + 2))
        count = math.prod(shape)
        if not width or not count:
            return None
        if count * width != size:
            raise ValueError("a data set is of another size than its numbers")
        self.spend(size)
        return np.frombuffer(self.content, f"<f{width}", count, start).reshape(shape)

    def attribute(self, start):
        """The (name, text or list of texts) of an attribute message, IV.A.2.m; numbers are None."""
        version, *sizes = self.numbers("BxHHH", start)
        name = start + (9 if version == 3 else 8)
        kind, space, data = (
            name + sum(sizes[:n] if version > 1 else [-(-s // 8) * 8 for s in sizes[:n]]) for n in (1, 2, 3)
        )
        shape, (form, width) = self.shape(space), self.numbers("BxxxI", kind)
        read = {3: lambda at: self.text(at, width), 9: self.heap_text}.get(form & 15, lambda at: None)
        self.spend(math.prod(shape))
        texts = [read(data + width * each) for each in range(math.prod(shape))]
        return self.text(name, sizes[0]), texts if shape else texts[0]

    def heap_text(self, start):
        """A text in a global heap, III.E."""
        length, heap, number = self.numbers("IQI", start)
        index, size, start = -1, 0, heap + 16 if self.numbers("B", heap, b"GCOL") else 0
        while index != number and index:
            index, size = self.numbers("HxxxxxxQ", start)
            start += 16 + (-(-size // 8) * 8 if index != number else 0)
        return self.text(start, min(length, size) if index else 0)
