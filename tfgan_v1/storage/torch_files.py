"""Reads the tensors that PyTorch saved, without PyTorch and without `pickle`: see safe_pickle.

Three formats: a zip archive of `data.pkl` and a file for each storage; before PyTorch 1.6, five pickles and then the
storages; and tensors within any pickle, each of which holds a file of the second kind as its storage.
"""

import io
import itertools
import math
import zipfile
from functools import partial

import numpy as np

from tfgan_v1.errors import UserError, brief
from tfgan_v1.storage import safe_pickle

MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # in the first bytes of the old format
_DTYPES = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2"}
_DTYPES |= {"Byte": "u1", "Char": "i1", "Bool": "?"}


def load(file):
    """The object in a BoundedReader file, a pickle or what PyTorch saved; arrays are instances of safe_pickle.Array.

    Bounded as safe_pickle.load, whose errors it raises.
    """
    return _Reader(file).load()


def state_dict(content):
    """The arrays by name in what `load` returned of a state dict, or of a dictionary with one and no other.

    The arrays are read-only, of the file's types. Raises UserError for any other object.
    """
    parts = [content, *content.values()] if isinstance(content, safe_pickle.Dictionary) else []
    known = {id(each): each for each in parts if isinstance(each, safe_pickle.Dictionary)}
    states = [{name: each.view for name, each in one.items() if isinstance(each, Tensor)} for one in known.values()]
    states = [each for each in states if each]
    if len(states) != 1:
        several = f" but several ({', '.join(map(brief, content))})" if states else ""
        raise UserError(f"it holds no state dict{several}; save one with torch.save(generator.state_dict(), path)")
    return states[0]


class Storage:
    """Stands for a storage: `count` numbers, whose bytes may follow later in the file."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.content = dtype, count, b""

    def fill(self, content):
        """Takes the bytes."""
        if len(content) != self.count * self.dtype.itemsize:
            raise UserError("it holds a storage whose data has another size")
        self.content = content


class Tensor(safe_pickle.Array):
    """Stands for a tensor: numbers of a storage from an offset on, at these strides."""

    def __init__(self, storage, offset, shape, strides, *_):
        valid = isinstance(storage, Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)
        valid = valid and len(shape) == len(strides) <= 32
        if not valid or not all(type(size) is int and 0 <= size < 2**63 for size in (offset, *shape, *strides)):
            raise UserError("it holds a tensor without a shape")
        count, last = math.prod(shape), sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
        if count and not count <= offset + last + 1 <= storage.count:  # with a stride of 0, one number fills gigabytes
            raise UserError(f"it holds a tensor of shape {shape} that is not within its storage")
        self._place = storage, offset, shape, strides

    @property
    def view(self):
        """The array, read-only, on bytes that others may share."""
        storage, offset, shape, strides = self._place
        if 0 in shape:
            return np.zeros(shape, storage.dtype)
        values = np.frombuffer(storage.content, storage.dtype)[offset:]
        steps = [step * storage.dtype.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(values, shape, steps, writeable=False)


class _Bytes(io.BytesIO):
    """A part of a file, as safe_pickle.load takes it."""

    size = property(lambda self: len(self.getbuffer()))


class _Reader:
    """Reads a file, whose parts share one bound of operations, and of bytes that are read again."""

    def __init__(self, file):
        self.file, self.numbers, self.bytes_left = file, itertools.count(), file.size
        self.names = {
            **{("torch", f"{name}Storage"): np.dtype(code) for name, code in _DTYPES.items()},
            **{("torch._utils", name): Tensor for name in ("_rebuild_tensor", "_rebuild_tensor_v2")},
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
            ("torch.storage", "_load_from_bytes"): self._storage_within,
            ("collections", "OrderedDict"): self._ordered,
        }

    def load(self):
        start, _ = self.file.read(14), self.file.seek(0)
        if start.startswith(b"PK\3\4"):
            return self._load_zip()
        return self._load_old(self.file) if MAGIC in start else self._pickle(self.file)

    def _pickle(self, file, persistent=None):
        return safe_pickle.load(file, self.names, persistent, self.numbers)

    def _load_zip(self):
        with zipfile.ZipFile(self.file) as archive:
            infos, storages = archive.infolist(), {}
            names = [info.filename for info in infos if info.filename.endswith("/data.pkl")]
            stored = all(info.compress_type == zipfile.ZIP_STORED for info in infos)
            if len(names) != 1 or not stored or sum(info.file_size for info in infos) > self.file.size:
                raise UserError("it is a zip archive that PyTorch did not save")
            content = self._pickle(_Bytes(archive.read(names[0])), partial(_storage, storages))
            for key, storage in storages.items():
                storage.fill(archive.read(f"{names[0].removesuffix('.pkl')}/{key}"))
            return content

    def _load_old(self, file):
        storages = {}
        *_, content, keys = [self._pickle(file, partial(_storage, storages)) for _ in range(5)]
        for key in keys:
            storage = storages.pop(_checked(key, str))
            storage.fill(file.read(int.from_bytes(file.read(8), "little") * storage.dtype.itemsize))
        if storages:
            raise UserError("it holds a tensor without its storage")
        return content

    def _ordered(self, pairs=()):
        """A dictionary of a list of pairs, as Python 2 wrote it."""
        dictionary = safe_pickle.Dictionary()
        dictionary.put([each for key, value in self._once(pairs) for each in (key, value)])
        return dictionary

    def _storage_within(self, content):
        """The storage in the bytes of a file of the old format."""
        content = content.encode("latin1") if isinstance(content, str) else content  # as Python 2 wrote bytes
        return self._load_old(_Bytes(self._once(content)))

    def _once(self, part):
        """A part of the file that is read again. Two bytes of a pickle can repeat any part, so the sum is bounded."""
        self.bytes_left -= len(part)
        if self.bytes_left < 0:
            raise UserError("it makes more bytes than it has")
        return part


def _checked(value, kind):
    """A value of exactly this type."""
    if type(value) is not kind:
        raise UserError("it holds a storage that PyTorch did not save")
    return value


def _storage(storages, identity):
    """The storage with a persistent id: its kind, type, key, device and size, and perhaps a view, which is None."""
    what, dtype, key, _, count, *view = _checked(identity, tuple)
    if _checked(what, str) != "storage" or not isinstance(dtype, np.dtype) or _checked(count, int) < 0 or any(view):
        raise UserError("it holds a storage that PyTorch did not save")
    storage = storages.setdefault(_checked(key, str), Storage(dtype, count))
    if (storage.dtype, storage.count) != (dtype, count):
        raise UserError("it holds one storage in two ways")
    return storage
