"""Pickles of arrays, read without `pickle`: NumPy's arrays of numbers, lists, tuples and numbers, and nothing else.

An allow-list of names keeps foreign code out of Python's own reader, but not all harm. Six bytes make it fill 32 GB, to
put something at place 2**31 of its memo; `_reconstruct` takes whatever memory it is told to, and NumPy's `__setstate__`
trusts its state. Here the operations come from pickletools, which only takes them apart, and what they build is ours:
arrays whose bytes are in the file.
"""

import math
import pickletools
import re

import numpy as np

from tfgan_v1.errors import UserError

MOST_OPERATIONS = 2**22  # in a small file; an array takes about 50, in 150 bytes and more
_MOST_SIDES = 32

_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
}


def load(file):
    """What is pickled in a BoundedReader file; arrays in it are instances of Array.

    Raises UserError for what is none of the kinds above, and anything at all for a pickle that is damaged. No code but
    what stands here runs, and no more memory is taken than the file is long, but for the objects around the arrays.
    """
    stack, marks, memo, texts = [], [], {}, 0
    most = max(MOST_OPERATIONS, file.size // 2)

    def since_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
        if number == most:
            raise UserError(f"it takes more than {number:,} steps to read")
        match operation.name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                stack.append(since_mark())
            case "APPEND":
                item = stack.pop()
                stack[-1].append(item)
            case "APPENDS":
                items = since_mark()
                stack[-1].extend(items)
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case name if name in _TUPLES:
                start = len(stack) - _TUPLES[name]
                stack[start:] = [tuple(stack[start:])]
            case name if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case name if name in _VALUES:
                stack.append(argument)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(resolve_global(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name = stack.pop()
                stack.append(resolve_global(stack.pop(), name))
            case "REDUCE":
                arguments = stack.pop()
                texts += _characters(arguments, file.size - texts)
                stack.append(stack.pop()(*arguments))
            case "BUILD":
                state = stack.pop()
                texts += _characters(state, file.size - texts)
                stack[-1].build(state)
            case "STOP":
                return stack.pop()
            case name:
                raise UserError(f"it holds more than arrays, lists, tuples and numbers ({name})")


def _characters(values, most):
    """How much text there is among values, of which bytes may be made. A text can be named again, at no cost."""
    count = sum(len(value) for value in values if isinstance(value, str))
    if count > most:
        raise UserError("it makes more bytes than it has")
    return count


class Array:
    """Stands for an array: what NumPy's `_reconstruct` makes, and its state fills."""

    def __init__(self, *_):
        self.view = None  # NumPy's array, on bytes that others may share and nobody may write

    def build(self, state):
        """Takes (version, shape, dtype, whether in Fortran's order, bytes)."""
        _, shape, kind, fortran, content = state
        self._fill(content, kind, shape, "F" if fortran else "C")

    @classmethod
    def from_buffer(cls, content, kind, shape, order):
        """What protocol 5 calls `_frombuffer`."""
        array = cls()
        array._fill(content, kind, shape, order)
        return array

    def _fill(self, content, kind, shape, order):
        if isinstance(content, str):  # bytes, as Python 2 wrote them
            content = content.encode("latin1")
        whole = isinstance(shape, tuple) and len(shape) <= _MOST_SIDES
        if not whole or not all(type(side) is int and 0 <= side < 2**63 for side in shape):
            raise UserError("it holds an array without a shape")
        if math.prod(shape) * kind.dtype.itemsize != len(content):
            raise UserError(f"it holds an array that claims the shape {shape}, which is not the size that it has")
        self.view = np.frombuffer(content, kind.dtype).reshape(shape, order=order)


class PickledDtype:
    """Stands for a dtype, numpy.dtype(code, align, copy), whose state says the order of its bytes."""

    def __init__(self, code, *_):
        if not (isinstance(code, str) and re.fullmatch("[biuf][0-9]{1,2}", code)):
            raise UserError("it holds an array of what are no numbers")
        self.dtype = np.dtype(code)

    def build(self, state):
        order = state[1]
        if order not in ("<", ">", "=", "|"):
            raise UserError("it holds an array whose bytes are in no known order")
        self.dtype = self.dtype.newbyteorder(order)


def _encoded(text, encoding):
    """Bytes, as protocols before 3 have them."""
    if encoding != "latin1":
        raise UserError("it holds text in place of bytes")
    return text.encode(encoding)


# The names by which NumPy, of any version, pickles its arrays, and what stands for them here.
_NAMES = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): PickledDtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Array.from_buffer for core in ("core", "_core")},
    ("_codecs", "encode"): _encoded,
}


def resolve_global(module, name):
    if not (isinstance(module, str) and isinstance(name, str)):
        raise UserError("it calls for something that has no name")
    if (module, name) not in _NAMES:
        raise UserError(f"it calls for {module}.{name}, which is no array")
    return _NAMES[module, name]
