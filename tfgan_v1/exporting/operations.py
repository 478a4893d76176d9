"""A generator's graph as a list of operations in a small vocabulary, with its weights as arrays.

What does not depend on the inputs is calculated once and is a weight, such as the scale and the bias that a batch
normalization is at inference. docs/export.md explains each operation.
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
    parameters: Callable = lambda op: {}  # tf.Operation -> dict, None if it changes nothing, or OUTSIDE
    operands: slice = slice(None)  # which of its inputs are operands, in order; parameters tell the others
    weight: str = "kernel"  # what a weight among the operands is called


OUTSIDE = object()  # an operation with attributes that the vocabulary does not have


def _sizes(tensor):
    """The sizes of a tensor's axes; -1 for the number of images."""
    return [-1 if size is None else size for size in tensor.shape.as_list()]


def _known(parameters):
    """OUTSIDE for results with another unknown size than the number of images."""

    def known_parameters(op):
        known = op.outputs[0].shape.rank is not None and -1 not in _sizes(op.outputs[0])[1:]
        return parameters(op) if known else OUTSIDE

    return known_parameters


def _matmul(op):
    transposed = op.get_attr("transpose_a") or op.get_attr("transpose_b")
    return OUTSIDE if transposed else {}


def _is_usual(op):
    """Whether a convolution has the layout NHWC, "same" or "valid" padding, one stride, and no dilation."""
    layout, padding, strides = op.get_attr("data_format"), op.get_attr("padding"), op.get_attr("strides")
    usual = layout == b"NHWC" and padding in (b"SAME", b"VALID") and strides[1] == strides[2]
    return usual and set(op.get_attr("dilations")) == {1}


def _padding(op, sizes, kernel):
    """The zeros before and after each side of an image that a convolution makes smaller, by TensorFlow's rule."""
    if op.get_attr("padding") == b"VALID":
        return [[0, 0], [0, 0]]
    stride, pairs = op.get_attr("strides")[1], []
    for size, width in zip(sizes, kernel, strict=True):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        pairs.append([total // 2, total - total // 2])
    return pairs


@_known
def _conv2d(op):
    images, kernel = op.inputs
    if not _is_usual(op) or images.shape[3] != kernel.shape[2]:
        return OUTSIDE
    padding = _padding(op, _sizes(images)[1:3], _sizes(kernel)[:2])
    return {"stride": op.get_attr("strides")[1], "padding": padding}


@_known
def _conv2d_transpose(op):
    kernel, stride, sizes = _sizes(op.inputs[1])[:2], op.get_attr("strides")[1], _sizes(op.outputs[0])[1:3]
    if not _is_usual(op) or min(kernel) < stride:
        return OUTSIDE
    before = [pair[0] for pair in _padding(op, sizes, kernel)]
    return {"stride": stride, "crop": [[start, start + size] for start, size in zip(before, sizes, strict=True)]}


@_known
def _reshape(op):
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    if after[:1] != [-1] or math.prod(before) != math.prod(after):  # the number of images changes
        return OUTSIDE
    return None if before == after else {"shape": after}


@_known
def _slice(op):
    """A slice of any axes but the first. One that only adds axes of size 1 is a reshape: ("reshape", parameters)."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    starts, _, steps = map(tf.get_static_value, op.inputs[1:])
    all_images = op.get_attr("begin_mask") & op.get_attr("end_mask") & 1 or op.get_attr("ellipsis_mask") & 1
    if steps is None or set(steps) != {1} or after[:1] != [-1] or not all_images:
        return OUTSIDE
    if math.prod(before) == math.prod(after):
        return "reshape", _reshape(op)
    if starts is None or any(op.get_attr(f"{mask}_mask") for mask in ("ellipsis", "new_axis", "shrink_axis")):
        return OUTSIDE
    pairs = [[None, None]]
    for axis, (start, size) in enumerate(zip(starts[1:], after[1:], strict=False), 1):
        start = 0 if op.get_attr("begin_mask") & 1 << axis else int(start) % before[axis]
        pairs.append([start, start + size])
    return {"ranges": pairs}


@_known
def _tile(op):
    """Whatever repeats values along axes: TensorFlow's broadcast_to and tile."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    times = tf.get_static_value(op.inputs[1]) if op.type == "Tile" else [1]
    if len(before) != len(after) or before[0] != -1 or times is None or times[0] != 1:
        return OUTSIDE
    return {"repeats": [result // size for size, result in zip(before, after, strict=True)]}


@_known
def _concat(op):
    axis = tf.get_static_value(op.inputs[-1])
    return OUTSIDE if axis is None else {"axis": int(axis) % op.outputs[0].shape.rank}


def _depth_to_space(op):
    return {"size": op.get_attr("block_size")} if op.get_attr("data_format") == b"NHWC" else OUTSIDE


OPERATIONS = {  # by the type of TensorFlow's operation; docs/export.md lists the names in this order
    "Identity": Operation(None),
    "MatMul": Operation("matmul", _matmul),
    "Conv2D": Operation("conv2d", _conv2d),
    "Conv2DBackpropInput": Operation("conv2d_transpose", _conv2d_transpose, slice(2, 0, -1)),  # sizes, kernel, images
    "Add": Operation("add", weight="bias"),
    "AddV2": Operation("add", weight="bias"),
    "BiasAdd": Operation("add", weight="bias"),
    "Sub": Operation("subtract", weight="bias"),
    "Mul": Operation("multiply", weight="scale"),
    "RealDiv": Operation("divide", weight="scale"),
    "Maximum": Operation("maximum"),
    "Minimum": Operation("minimum"),
    "Relu": Operation("relu"),
    "LeakyRelu": Operation("leaky_relu", lambda op: {"slope": _number(op.get_attr("alpha"))}),
    "Tanh": Operation("tanh"),
    "Sigmoid": Operation("sigmoid"),
    "Reshape": Operation("reshape", _reshape, slice(1)),
    "StridedSlice": Operation("slice", _slice, slice(1)),
    "BroadcastTo": Operation("tile", _tile, slice(1)),
    "Tile": Operation("tile", _tile, slice(1)),
    "ConcatV2": Operation("concat", _concat, slice(-1)),
    "DepthToSpace": Operation("depth_to_space", _depth_to_space),
}


def vocabulary():
    """The names of our operations."""
    return [*dict.fromkeys(row.name for row in OPERATIONS.values() if row.name)]


def describe(session, inputs, output):
    """The Network from inputs, a dict of placeholders by name, to the tensor `output`, which is called "images".

    Raises Unsupported for an operation outside of the vocabulary.
    """
    varying = _reachable(inputs.values())
    needed = _needed(output.op, varying)
    names = {tensor.ref(): name for name, tensor in inputs.items()}  # of the values so far
    weights, operations = {}, []
    taken = {*inputs, "images"}
    for op in session.graph.get_operations():  # in the order of their creation: inputs first
        if op not in needed or op.type == "Placeholder":
            continue
        row, name, parameters = _described(op)
        if name is None:
            names[op.outputs[0].ref()] = names[op.inputs[0].ref()]
            continue
        for tensor in op.inputs[row.operands]:
            if tensor.ref() not in names:
                variables = sorted(_variables(tensor.op))
                value = session.run(tensor)
                if not variables and value.ndim == 0:
                    names[tensor.ref()] = _number(value)
                    continue
                names[tensor.ref()] = _unused(_weight_name(tensor, variables, row.weight), taken)
                weights[names[tensor.ref()]] = value
        operands = [names[tensor.ref()] for tensor in op.inputs[row.operands]]
        names[op.outputs[0].ref()] = _unused(f"x{len(operations) + 1}", taken)
        entry = {"operation": name, "inputs": operands, "output": names[op.outputs[0].ref()]}
        operations.append({**entry, "parameters": parameters} if parameters else entry)
    operations[-1]["output"] = "images"
    return Network(operations, weights)


def _described(op):
    """(row, name, parameters) of an operation; the name is None if it changes nothing. Raises Unsupported."""
    row = OPERATIONS.get(op.type)
    parameters = row.parameters(op) if row else OUTSIDE
    name, parameters = parameters if isinstance(parameters, tuple) else (row and row.name, parameters)
    if parameters is OUTSIDE:
        raise Unsupported(
            f"the generator's operation {op.type} ({op.name}) is not among those that the format npz knows "
            f"({', '.join(vocabulary())})"
        )
    return row, None if parameters is None else name, parameters


def _closure(starts, following):
    """The operations that are reached from `starts` by `following`: an operation -> operations."""
    reached, pending = set(), list(starts)
    while pending:
        op = pending.pop()
        if op not in reached:
            reached.add(op)
            pending.extend(following(op))
    return reached


def _reachable(tensors):
    """The operations that depend on tensors."""
    return _closure(
        (tensor.op for tensor in tensors), lambda op: [use for out in op.outputs for use in out.consumers()]
    )


def _needed(op, varying):
    """The operations among `varying` by which the result of `op` depends on the inputs."""

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
    unused = name if name not in taken else next(other for other in numbered if other not in taken)
    taken.add(unused)
    return unused


def _number(value):
    """A float32 number as the shortest decimal that means it."""
    return float(str(np.float32(value)))
