"""Reads pickles of arrays without `pickle`: NumPy's numeric arrays, lists, tuples and numbers, and nothing else.

An allow-list of names in Python's own unpickler stops foreign code but not all harm: six bytes make it fill 32 GB with
an entry 2**31 of its memo, `_reconstruct` allocates any size, and NumPy's `__setstate__` trusts its state. This module
takes only the list of operations from pickletools, which executes nothing, and builds the arrays from the file's bytes.

The work is bounded: MOST_OPERATIONS operations, and one more for each BYTES_PER_OPERATION of the file, of one to two
microseconds each. NumPy writes an array in 14 to 34 operations and `records.append_samples` in 52, so 20,000 arrays of
any size are always read, and so is any number of arrays of 28x28 float32 or more. Of arrays that are appended to the
list one by one, as `append_samples` has them, any number is read: such an array gives back its own operations.
"""

import itertools
import math
import pickletools
from types import SimpleNamespace

import numpy as np

from tfgan_v1.errors import UserError

MOST_OPERATIONS = 2**20  # in a small file
BYTES_PER_OPERATION = 60  # in a large one, for each operation above MOST_OPERATIONS
_ARRAY_OPERATIONS, _ARRAY_BYTES = 52, 150  # of an appended array: at most, and at least
_MOST_ARGUMENTS = 8  # of a call, or in the state of an object; a dtype's state has eight

_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *_CONSTANTS,
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}
_CODES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g")  # of NumPy's numbers
_DTYPES = {dtype.str[1:]: dtype for dtype in map(np.dtype, _CODES)}  # by the names that pickles have for them


def load(file, names=None, persistent=None, numbers=None):
    """The object pickled in a BoundedReader file; arrays in it are instances of Array.

    names: replacements of names besides _NAMES. persistent: of a pickle with dictionaries and persistent ids, an id ->
    an object. numbers: counts the operations of several pickles of a file. Raises UserError for any other object or too
    many operations, and any exception for a damaged pickle. Runs no code from the file, and allocates no more memory
    than the file's size and the objects around the arrays.
    """
    stack, below, memo, text_used = [], [], {}, 0  # below: the stacks before each mark
    most = most_memo = MOST_OPERATIONS + file.size // BYTES_PER_OPERATION
    arrays, last = 0, 0  # appended to the list so far, which holds nothing else; the operation that appended the last
    source = SimpleNamespace(read=file.read, readline=file.readline)  # a `tell` would cost a call at every operation
    for number, (operation, argument, _) in zip(numbers or itertools.count(), pickletools.genops(source), strict=False):
        if number >= most:
            raise UserError(f"it takes more than {number:,} operations to read")
        match operation.name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                below.append(stack)
                stack = []
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                items, stack = stack, below.pop()
                stack.append(items)
            case "APPEND":
                stack[-2].append(stack.pop())
                # All that this array took is gone again, but for what the memo keeps.
                alone = isinstance(stack[-1][-1], Array) and not below and len(stack) == 1
                if alone and len(stack[0]) == arrays + 1 <= file.size // _ARRAY_BYTES:
                    most += min(_ARRAY_OPERATIONS, number - last)
                    arrays, last = arrays + 1, number
            case "APPENDS":
                items, stack = stack, below.pop()
                stack[-1].extend(items)
            case "TUPLE":
                items, stack = stack, below.pop()
                stack.append(tuple(items))
            case name if name in _TUPLES:
                start = len(stack) - _TUPLES[name]
                stack[start:] = [tuple(stack[start:])]
            case name if name in _VALUES:
                stack.append(_CONSTANTS.get(name, argument))
            case "PUT" | "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                memo[len(memo) if argument is None else argument] = stack[-1]
                if len(memo) > most_memo:
                    raise UserError(f"it refers to more than {most_memo:,} of its parts")
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(resolve_global(*argument.split(" ", 1), names))
            case "STACK_GLOBAL":
                stack[-2:] = [resolve_global(*stack[-2:], names)]
            case "REDUCE":
                arguments = stack.pop()
                text_used += _characters(arguments, file.size - text_used)
                stack.append(stack.pop()(*arguments))
            case "BUILD":
                state = stack.pop()
                if not isinstance(stack[-1], Dictionary):  # whose attributes are not needed
                    text_used += _characters(state, file.size - text_used)
                    stack[-1].build(state)
            case "EMPTY_DICT" | "BINPERSID" as name if persistent:
                stack.append(Dictionary() if name == "EMPTY_DICT" else persistent(stack.pop()))
            case "SETITEM" | "SETITEMS" as name if persistent:
                items, stack = (stack, below.pop()) if name == "SETITEMS" else ([stack.pop(-2), stack.pop()], stack)
                stack[-1].put(items)
            case "STOP":
                return stack.pop()
            case name:
                raise UserError(f"it holds more than arrays, lists, tuples and numbers ({name})")


def _characters(values, most):
    """The number of characters among a call's arguments, which may become bytes.

    Two bytes of a pickle can repeat a text or a tuple, so both the sum of the characters and the arguments are bounded.
    """
    if not isinstance(values, tuple) or len(values) > _MOST_ARGUMENTS:
        raise UserError("it holds a call that does not make an array")
    count = sum(len(value) for value in values if isinstance(value, str))
    if count > most:
        raise UserError("it makes more bytes than it has")
    return count


class Array:
    """Stands for an array: NumPy's `_reconstruct` creates it, and its state fills it."""

    def __init__(self, *_):
        self.view = None  # NumPy's array, read-only, on bytes that others may share

    def build(self, state):
        """Takes (version, shape, dtype, whether in Fortran order, bytes)."""
        _, shape, dtype, fortran, content = state
        if isinstance(content, str):  # bytes, as Python 2 wrote them
            content = content.encode("latin1")
        valid = isinstance(shape, tuple) and len(shape) <= 32
        if not valid or not all(type(size) is int and 0 <= size < 2**63 for size in shape):
            raise UserError("it holds an array without a shape")
        if math.prod(shape) * dtype.dtype.itemsize != len(content):
            raise UserError(f"it holds an array of shape {shape} whose data has another size")
        self.view = np.frombuffer(content, dtype.dtype).reshape(shape, order="F" if fortran else "C")

    @classmethod
    def from_buffer(cls, content, dtype, shape, order):
        """The call `_frombuffer` of protocol 5."""
        array = cls()
        array.build((None, shape, dtype, "CF".index(order), content))
        return array


class Dictionary(dict):
    """A dictionary whose keys are texts or numbers."""

    def put(self, items):
        """Takes key, value, key, value ..."""
        if not all(type(key) in (str, int) for key in items[::2]):  # before it is hashed: see PickledDtype
            raise UserError("it holds a dictionary whose keys are no texts")
        self.update(zip(items[::2], items[1::2], strict=True))


class PickledDtype:
    """Stands for a dtype, numpy.dtype(code, align, copy), whose state gives its byte order."""

    def __init__(self, code, *_):
        if not isinstance(code, str):  # before it is hashed: nested tuples may take forever
            raise UserError("it holds an array of an unknown dtype")
        if code not in _DTYPES:
            raise UserError("it holds an array whose elements are not numbers")
        self.dtype = _DTYPES[code]

    def build(self, state):
        if state[1] not in ("<", ">", "=", "|"):
            raise UserError("it holds an array of unknown byte order")
        self.dtype = self.dtype.newbyteorder(state[1])


def _encoded(text, encoding):
    """Bytes, as protocols before 3 have them."""
    if encoding != "latin1":
        raise UserError("it holds text in place of bytes")
    return text.encode(encoding)


# The names under which NumPy, of any version, pickles its arrays, and their replacements.
_NAMES = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): PickledDtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Array.from_buffer for core in ("core", "_core")},
    ("_codecs", "encode"): _encoded,
}


def resolve_global(module, name, names=None):
    """The replacement of a name in a pickle. Raises UserError for a name that is neither in _NAMES nor in `names`."""
    if not (isinstance(module, str) and isinstance(name, str)):
        raise UserError("it calls something without a name")
    known = names if names and (module, name) in names else _NAMES
    if (module, name) not in known:
        raise UserError(f"it calls {module}.{name}, which does not make an array")
    return known[module, name]
