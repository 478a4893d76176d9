"""A generator's graph as a list of operations in a small vocabulary, with its weights as arrays.

What does not depend on the inputs is calculated once and is a weight, such as the scale and the bias that a batch
normalisation is at inference. docs/export.md explains each operation.
"""

import math
import posixpath
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError


class Network(NamedTuple):
    """What a program needs to run a generator."""

    operations: list  # dicts for JSON, in order: operation, inputs, output, and parameters if there are any
    weights: dict  # name -> float32 array


class Kind(NamedTuple):
    """How an operation of TensorFlow is described."""

    describe: Callable  # tf.Operation -> (name, parameters); or None if it changes nothing, or OUTSIDE
    operands: slice = slice(None)  # which of its inputs are operands, in order; parameters tell the others


OUTSIDE = object()  # an operation with attributes that the vocabulary does not have
VOCABULARY = (
    *("matmul", "conv2d", "conv2d_transpose", "add", "subtract", "multiply", "divide", "maximum", "minimum", "relu"),
    *("leaky_relu", "tanh", "sigmoid", "reshape", "slice", "tile", "concat", "depth_to_space"),
)


def _sizes(tensor):
    """The sizes of a tensor's axes; -1 for the number of images."""
    return [-1 if size is None else size for size in tensor.shape.as_list()]


def _known(describe):
    """OUTSIDE for results with another unknown size than the number of images."""

    def described(op):
        known = op.outputs[0].shape.rank is not None and -1 not in _sizes(op.outputs[0])[1:]
        return describe(op) if known else OUTSIDE

    return described


def _matmul(op):
    transposed = op.get_attr("transpose_a") or op.get_attr("transpose_b")
    return OUTSIDE if transposed else ("matmul", {})


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
    return "conv2d", {"stride": op.get_attr("strides")[1], "padding": padding}


@_known
def _conv2d_transpose(op):
    kernel, stride, sizes = _sizes(op.inputs[1])[:2], op.get_attr("strides")[1], _sizes(op.outputs[0])[1:3]
    if not _is_usual(op) or min(kernel) < stride:
        return OUTSIDE
    before = [pair[0] for pair in _padding(op, sizes, kernel)]
    return "conv2d_transpose", {
        "stride": stride,
        "crop": [[start, start + size] for start, size in zip(before, sizes, strict=True)],
    }


@_known
def _reshape(op):
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    if after[:1] != [-1] or math.prod(before) != math.prod(after):  # the number of images changes
        return OUTSIDE
    return None if before == after else ("reshape", {"shape": after})


@_known
def _slice(op):
    """A slice of any axes but the first; one that only adds axes of size 1 is a reshape."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    starts, _, steps = (tf.get_static_value(each) for each in op.inputs[1:])
    all_images = op.get_attr("begin_mask") & op.get_attr("end_mask") & 1 or op.get_attr("ellipsis_mask") & 1
    if steps is None or set(steps) != {1} or after[:1] != [-1] or not all_images:
        return OUTSIDE
    if math.prod(before) == math.prod(after):
        return _reshape(op)
    if starts is None or any(op.get_attr(f"{each}_mask") for each in ("ellipsis", "new_axis", "shrink_axis")):
        return OUTSIDE
    pairs = [[None, None]]
    for axis, (start, size) in enumerate(zip(starts[1:], after[1:], strict=False), 1):
        start = 0 if op.get_attr("begin_mask") & 1 << axis else int(start) % before[axis]
        pairs.append([start, start + size])
    return "slice", {"ranges": pairs}


@_known
def _tile(op):
    """Whatever repeats values along axes: TensorFlow's broadcast_to and tile."""
    before, after = _sizes(op.inputs[0]), _sizes(op.outputs[0])
    times = tf.get_static_value(op.inputs[1]) if op.type == "Tile" else [1]
    if len(before) != len(after) or before[0] != -1 or times is None or times[0] != 1:
        return OUTSIDE
    return "tile", {"repeats": [result // size for size, result in zip(before, after, strict=True)]}


@_known
def _concat(op):
    axis = tf.get_static_value(op.inputs[-1])
    return OUTSIDE if axis is None else ("concat", {"axis": int(axis) % op.outputs[0].shape.rank})


def _leaky_relu(op):
    return "leaky_relu", {"slope": _number(op.get_attr("alpha"))}


def _depth_to_space(op):
    if op.get_attr("data_format") != b"NHWC":
        return OUTSIDE
    return "depth_to_space", {"size": op.get_attr("block_size")}


ALIKE = {  # TensorFlow's operation -> ours, where both have the same inputs and no parameters
    **{"Add": "add", "AddV2": "add", "BiasAdd": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "divide"},
    **{"Maximum": "maximum", "Minimum": "minimum", "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"},
}
KINDS = {  # by the type of TensorFlow's operation
    **{kind: Kind(lambda op, name=name: (name, {})) for kind, name in ALIKE.items()},
    "Identity": Kind(lambda op: None),
    "MatMul": Kind(_matmul),
    "Conv2D": Kind(_conv2d),
    "Conv2DBackpropInput": Kind(_conv2d_transpose, slice(2, 0, -1)),  # its inputs are: sizes, kernel, images
    "LeakyRelu": Kind(_leaky_relu),
    "Reshape": Kind(_reshape, slice(1)),
    "StridedSlice": Kind(_slice, slice(1)),
    "BroadcastTo": Kind(_tile, slice(1)),
    "Tile": Kind(_tile, slice(1)),
    "ConcatV2": Kind(_concat, slice(-1)),
    "DepthToSpace": Kind(_depth_to_space),
}
ROLES = {"add": "bias", "subtract": "bias", "multiply": "scale", "divide": "scale"}  # of a weight; otherwise a kernel


def describe(session, inputs, output):
    """The Network from inputs, a dict of placeholders by name, to the tensor `output`, which is called "images".

    Raises UserError for an operation outside of the vocabulary.
    """
    varying = _reachable(inputs.values())
    needed = _needed(output.op, varying)
    names = {tensor.ref(): name for name, tensor in inputs.items()}  # of the values so far
    weights, operations = {}, []
    taken = {*inputs, "images"}
    for op in session.graph.get_operations():  # in the order of their creation: inputs first
        if op not in needed or op.type == "Placeholder":
            continue
        described = KINDS[op.type].describe(op) if op.type in KINDS else OUTSIDE
        if described is OUTSIDE:
            raise UserError(
                f"the generator's operation {op.type} ({op.name}) is not among those that the format npz knows "
                f"({', '.join(VOCABULARY)}); export the other formats by --format saved_model,onnx"
            )
        if described is None:
            names[op.outputs[0].ref()] = names[op.inputs[0].ref()]
            continue
        kind, parameters = described
        for tensor in op.inputs[KINDS[op.type].operands]:
            if tensor.ref() not in names:
                variables = sorted(_variables(tensor.op))
                value = session.run(tensor)
                if not variables and value.ndim == 0:
                    names[tensor.ref()] = _number(value)
                    continue
                names[tensor.ref()] = _unused(_weight_name(tensor, variables, ROLES.get(kind, "kernel")), taken)
                weights[names[tensor.ref()]] = value
        operands = [names[tensor.ref()] for tensor in op.inputs[KINDS[op.type].operands]]
        names[op.outputs[0].ref()] = _unused(f"x{len(operations) + 1}", taken)
        entry = {"operation": kind, "inputs": operands, "output": names[op.outputs[0].ref()]}
        operations.append({**entry, "parameters": parameters} if parameters else entry)
    operations[-1]["output"] = "images"
    return Network(operations, weights)


def _reachable(tensors):
    """The operations that depend on tensors."""
    found, open_ = set(), [tensor.op for tensor in tensors]
    while open_:
        op = open_.pop()
        if op not in found:
            found.add(op)
            open_.extend(user for each in op.outputs for user in each.consumers())
    return found


def _needed(op, varying):
    """The operations among `varying` by which the result of `op` depends on the inputs."""
    found, open_ = set(), [op]
    while open_:
        op = open_.pop()
        if op in varying and op not in found:
            found.add(op)
            operands = KINDS[op.type].operands if op.type in KINDS else slice(0)
            open_.extend(each.op for each in op.inputs[operands])
    return found


def _variables(op):
    """The names of the generator's variables on which an operation depends, within the scope `generator`."""
    found, open_ = set(), [op]
    while open_:
        op = open_.pop()
        if op.type == "VarHandleOp":
            found.add(op.name.removeprefix("generator/"))
        open_.extend(each.op for each in op.inputs)
    return found


def _weight_name(tensor, variables, role):
    """The name of a variable as it is, otherwise the folder of the variables and the role in the operation."""
    op = tensor.op
    while op.type == "Identity":
        op = op.inputs[0].op
    if op.type == "ReadVariableOp":
        return variables[0]
    folder = posixpath.commonpath([posixpath.dirname(each) for each in variables]) if variables else ""
    return posixpath.join(folder, role)


def _unused(name, taken):
    """The name, or the next in name_2, name_3, ... that is not taken; it is then."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def _number(value):
    """A float32 number as the shortest decimal that means it."""
    return float(str(np.float32(value)))
