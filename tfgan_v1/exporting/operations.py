"""A generator's graph as a list of operations in a small vocabulary, with its weights as arrays.

What does not depend on the inputs is calculated once and is a weight, such as the scale and the bias that a batch
normalization is at inference. run_in_numpy.py says what each operation does.
"""

import itertools
import math
import posixpath
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.exporting.trained import Unsupported


class Network(NamedTuple):
    """What a program needs to run a generator."""

    operations: list  # dicts for JSON, in order: operation, inputs, output, and parameters if there are any
    weights: dict  # name -> float32 array


class Operation(NamedTuple):
    """How an operation of TensorFlow is described."""

    name: str | None  # ours; None if it changes nothing
    parameters: Callable = lambda op: {}  # of a tf.Operation, as a dict; raises _Outside
    operands: slice = slice(None)  # which of its inputs are operands, in order; parameters tell the others
    weight: str = "kernel"  # what a weight among the operands is called
    attributes: dict = {}  # noqa: RUF012, a constant; that it must have


class _Outside(Exception):
    """An operation has attributes that the vocabulary does not have."""


def _require(condition):
    if not condition:
        raise _Outside


def _sizes(tensor):
    """The sizes of a tensor's axes, -1 for the number of images. Raises _Outside if another one is not known."""
    _require(tensor.shape.rank is not None and None not in tensor.shape.as_list()[1:])
    return [-1 if size is None else size for size in tensor.shape.as_list()]


def _stride(op):
    """The one stride of a convolution with "same" or "valid" padding. Raises _Outside for others."""
    strides = op.get_attr("strides")
    _require(strides[1] == strides[2] and op.get_attr("padding") in (b"SAME", b"VALID"))
    return strides[1]


def _padding(op, sizes, kernel):
    """The zeros before and after each side of an image that a convolution makes smaller, by TensorFlow's rule."""
    if op.get_attr("padding") == b"VALID":
        return [[0, 0], [0, 0]]
    stride, pairs = _stride(op), []
    for size, width in zip(sizes, kernel, strict=True):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        pairs.append([total // 2, total - total // 2])
    return pairs


def _conv2d(op):
    images, kernel = map(_sizes, op.inputs)
    _require(images[3] == kernel[2])
    return {"stride": _stride(op), "padding": _padding(op, images[1:3], kernel[:2])}


def _conv2d_transpose(op):
    """Of sizes, kernel, images."""
    kernel, stride, sizes = _sizes(op.inputs[1])[:2], _stride(op), _sizes(op.outputs[0])[1:3]
    _require(min(kernel) >= stride)
    before = [pair[0] for pair in _padding(op, sizes, kernel)]
    return {"stride": stride, "crop": [[start, start + size] for start, size in zip(before, sizes, strict=True)]}


def _reshape(op):
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    _require(after[:1] == [-1] and math.prod(before) == math.prod(after))  # otherwise the number of images changes
    return {"shape": after}


def _slice(op):
    """A slice of any axes but the first; {"shape": sizes} for one that only adds axes of size 1."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    masks = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    begin, end, ellipsis, new, shrunk = (op.get_attr(f"{name}_mask") for name in masks)
    starts, _, steps = map(tf.get_static_value, op.inputs[1:])
    _require(steps is not None and set(steps) == {1} and after[:1] == [-1] and (begin & end & 1 or ellipsis & 1))
    if math.prod(before) == math.prod(after):
        return _reshape(op)
    _require(starts is not None and not ellipsis and not new and not shrunk)
    pairs = [[None, None]]
    for axis, (start, size) in enumerate(zip(starts[1:], after[1:], strict=False), 1):
        start = 0 if begin & 1 << axis else int(start) % before[axis]
        pairs.append([start, start + size])
    return {"ranges": pairs}


def _tile(op):
    """Whatever repeats values along axes: TensorFlow's broadcast_to and tile."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    times = tf.get_static_value(op.inputs[1]) if op.type == "Tile" else [1]
    _require(len(before) == len(after) and before[0] == -1 and times is not None and times[0] == 1)
    return {"repeats": [result // size for size, result in zip(before, after, strict=True)]}


def _concat(op):
    axis = tf.get_static_value(op.inputs[-1])
    _require(axis is not None)
    return {"axis": int(axis) % len(_sizes(op.outputs[0]))}


NHWC = {"data_format": b"NHWC"}
UNDILATED = {**NHWC, "dilations": [1, 1, 1, 1]}
OPERATIONS = {  # by the type of TensorFlow's operation
    "Identity": Operation(None),
    "MatMul": Operation("matmul", attributes={"transpose_a": False, "transpose_b": False}),
    "Conv2D": Operation("conv2d", _conv2d, attributes=UNDILATED),
    "Conv2DBackpropInput": Operation("conv2d_transpose", _conv2d_transpose, slice(2, 0, -1), attributes=UNDILATED),
    "Add": Operation("add", weight="bias"),
    "AddV2": Operation("add", weight="bias"),
    "BiasAdd": Operation("add", weight="bias", attributes=NHWC),
    "Sub": Operation("subtract", weight="bias"),
    "Mul": Operation("multiply", weight="scale"),
    "RealDiv": Operation("divide", weight="scale"),
    "Maximum": Operation("maximum"),
    "Minimum": Operation("minimum"),
    "Neg": Operation("negative"),
    "Relu": Operation("relu"),
    "LeakyRelu": Operation("leaky_relu", lambda op: {"slope": _number(op.get_attr("alpha"))}),
    **{type: Operation(type.lower()) for type in ("Elu", "Selu", "Softplus", "Erf", "Erfc", "Tanh", "Sigmoid")},
    "Reshape": Operation("reshape", _reshape, slice(1)),
    "StridedSlice": Operation("slice", _slice, slice(1)),
    "BroadcastTo": Operation("tile", _tile, slice(1)),
    "Tile": Operation("tile", _tile, slice(1)),
    "ConcatV2": Operation("concat", _concat, slice(-1)),
    "DepthToSpace": Operation("depth_to_space", lambda op: {"size": op.get_attr("block_size")}, attributes=NHWC),
}


VOCABULARY = [*dict.fromkeys(row.name for row in OPERATIONS.values() if row.name)]


def describe_trained(trained):
    """(the Network of a trained.Trained, the shapes of its inputs by name). Raises Unsupported, as `describe`."""
    with trained.session(trained.plain) as (session, (inputs, images)):
        shapes = {name: [-1, *tensor.shape.as_list()[1:]] for name, tensor in inputs.items()}
        return describe(session, inputs, images), shapes


def describe(session, inputs, output):
    """The Network from inputs, a dict of placeholders by name, to the tensor `output`, which is called "images".

    Raises Unsupported for an operation outside of the vocabulary.
    """
    needed = _needed(output.op, inputs.values())
    names = {tensor.ref(): name for name, tensor in inputs.items()}  # of the values so far
    weights, operations = {}, []
    taken = {*inputs, "images"}
    for op in session.graph.get_operations():  # in the order of their creation: inputs first
        if op not in needed or op.type == "Placeholder":
            continue
        row, result = OPERATIONS.get(op.type), op.outputs[0].ref()
        name, parameters = _described(op, row)
        if name is None or (name == "reshape" and parameters["shape"] == _sizes(op.inputs[0])):  # it changes nothing
            names[result] = names[op.inputs[0].ref()]
            continue
        for tensor in op.inputs[row.operands]:
            if tensor.ref() in names:
                continue
            variables, value = sorted(_variables(tensor.op)), session.run(tensor)
            if not variables and value.ndim == 0:
                names[tensor.ref()] = _number(value)
            else:
                names[tensor.ref()] = _unused(_weight_name(tensor, variables, row.weight), taken)
                weights[names[tensor.ref()]] = value
        names[result] = _unused(f"x{len(operations) + 1}", taken)
        operands = [names[tensor.ref()] for tensor in op.inputs[row.operands]]
        entry = {"operation": name, "inputs": operands, "output": names[result]}
        operations.append(entry | ({"parameters": parameters} if parameters else {}))
    if not operations:
        raise Unsupported("the generator's images do not depend on its noise")
    operations[-1]["output"] = "images"
    return Network(operations, weights)


def _described(op, row):
    """(name, parameters) of an operation with this row of OPERATIONS, or None. Raises Unsupported."""
    try:
        _require(row and all(op.get_attr(name) == value for name, value in row.attributes.items()))
        parameters = row.parameters(op)
    except _Outside:
        known = f"those that the formats npz and page know ({', '.join(VOCABULARY)})"
        raise Unsupported(f"the generator's operation {op.type} ({op.name}) is not among {known}") from None
    return "reshape" if "shape" in parameters else row.name, parameters


def _closure(starts, following):
    """The operations that are reached from `starts` by `following`: an operation -> operations."""
    reached, pending = set(), list(starts)
    while pending:
        op = pending.pop()
        if op not in reached:
            reached.add(op)
            pending.extend(following(op))
    return reached


def _needed(op, inputs):
    """The operations by which the result of `op` depends on the inputs, a list of tensors."""
    starts = [tensor.op for tensor in inputs]
    varying = _closure(starts, lambda op: [use for result in op.outputs for use in result.consumers()])

    def operands(op):
        row = OPERATIONS.get(op.type)
        return [tensor.op for tensor in op.inputs[row.operands] if tensor.op in varying] if row else []

    return _closure({op} & varying, operands)


def _variables(op):
    """The names of the generator's variables on which an operation depends, within the scope `generator`."""
    sources = _closure([op], lambda op: [tensor.op for tensor in op.inputs])
    return {source.name.removeprefix("generator/") for source in sources if source.type == "VarHandleOp"}


def _weight_name(tensor, variables, role):
    """The name of a variable as it is, otherwise the folder of the variables and the role in the operation."""
    op = tensor.op
    while op.type == "Identity":
        op = op.inputs[0].op
    if op.type == "ReadVariableOp":
        return variables[0]
    folder = posixpath.commonpath([posixpath.dirname(name) for name in variables]) if variables else ""
    return posixpath.join(folder, role)


def _unused(name, taken):
    """The name, or the next in name_2, name_3, ... that is not taken; it is then."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    unused = next(other for other in itertools.chain([name], numbered) if other not in taken)
    taken.add(unused)
    return unused


def _number(value):
    """A float32 number as the shortest decimal that means it."""
    return float(str(np.float32(value)))
