"""Tensors as PyTorch saves them, written without PyTorch: the same operations and names."""

import io
import math
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from unittest.mock import patch

import numpy as np

NAMES = {
    "torch": ["FloatStorage", "DoubleStorage", "HalfStorage", "LongStorage"],
    "torch.storage": ["_load_from_bytes"],
}
NAMES["torch._utils"] = ["_rebuild_tensor_v2", "_rebuild_parameter"]
MODULES = {}  # which have these names and nothing else, while a pickle is written
for module, names in NAMES.items():
    MODULES[module] = types.ModuleType(module)
    MODULES[module].__dict__.update({name: type(name, (), {"__module__": module}) for name in names})


def _start():
    return b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))


class Tensor:
    """A tensor of these numbers: in one file with others, or with a storage of its own within any pickle."""

    def __init__(self, array, *, offset=0, shape=None, strides=None, count=None, device="cpu", parameter=False):
        self.array = np.asarray(array, order="C")
        shape = self.array.shape if shape is None else shape
        self.place = offset, shape, strides or tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        kind = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long"}[self.array.dtype.str[1:]]
        size = self.array.size if count is None else count
        self.identity = ("storage", _named("torch", f"{kind}Storage"), str(id(self)), device, size)
        self.parameter = parameter

    def reduce(self, storage):
        call = _named("torch._utils", "_rebuild_tensor_v2"), (storage, *self.place, False, OrderedDict())
        if self.parameter:
            return _named("torch._utils", "_rebuild_parameter"), (_Call(call), True, OrderedDict())
        return call

    def __reduce__(self):
        return self.reduce(_Call((_named("torch.storage", "_load_from_bytes"), (save_old(_Storage(self)),))))


class _Call:
    def __init__(self, reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


class _Storage:
    def __init__(self, tensor):
        self.tensor = tensor


def _named(module, name):
    return getattr(MODULES[module], name)


class _Pickler(pickle.Pickler):
    def __init__(self, file, end):
        super().__init__(file, 2)
        self.end, self.tensors = end, []

    def persistent_id(self, each):
        if not isinstance(each, _Storage):
            return None
        self.tensors.append(each.tensor)
        return (*each.tensor.identity, *self.end)

    def reducer_override(self, each):
        return each.reduce(_Storage(each)) if isinstance(each, Tensor) else NotImplemented


def _pickled(content, *end):
    pickler = _Pickler(file := io.BytesIO(), end)
    with patch.dict(sys.modules, MODULES):
        pickler.dump(content)
    return file.getvalue(), {tensor.identity[2]: tensor for tensor in pickler.tensors}


def save_pickle(content, protocol=2):
    """The bytes of a pickle, as pickle.dumps writes it where PyTorch is."""
    with patch.dict(sys.modules, MODULES):
        return pickle.dumps(content, protocol)


def save_old(content):
    """The bytes of a file as before PyTorch 1.6."""
    body, tensors = _pickled(content, None)
    storages = (each.identity[4].to_bytes(8, "little") + each.array.tobytes() for each in tensors.values())
    return b"".join([_start(), body, pickle.dumps([*tensors], 2), *storages])


def save_zip(content, compression=zipfile.ZIP_STORED):
    """The bytes of a file as since PyTorch 1.6."""
    body, tensors = _pickled(content)
    with zipfile.ZipFile(file := io.BytesIO(), "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        for key, tensor in tensors.items():
            archive.writestr(f"archive/data/{key}", tensor.array.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()
