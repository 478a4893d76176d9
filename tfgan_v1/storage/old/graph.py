"""The layers of a TensorFlow 1 graph, which a Saver keeps in `.meta`: a message that is walked and never imported."""

from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan.chain import Layer
from tfgan_v1.storage.old import fit
from tfgan_v1.storage.old.keras_files import CONDITIONAL, number

MOST_BYTES, MOST_NODES, MOST_LAYERS = 2**26, 50_000, 100
_ADVICE = "give the layers by --layers"
_SAME = ("Identity", "ReadVariableOp", "Enter", "Switch", "Merge", "StopGradient", "Squeeze")
_ACTIVATIONS = ("Relu", "Elu", "Selu", "Softplus", "Tanh", "Sigmoid")
_HARMLESS = ("Shape", "Mean", "SquaredDifference", "Size", "HistogramSummary", "ImageSummary")  # while it trains


class _Value(NamedTuple):
    """What is known of a tensor."""

    kind: str = "unknown"  # chain, variable, constant, scaled, labels
    value: Any = None  # of a chain, its steps; of a variable, its name; a constant; (steps, factor) of a scaled chain
    shape: tuple = ()  # of one image, where TensorFlow knows it

    def add(self, layer, variable=None):
        """The chain with one more layer, which has this variable."""
        return _Value("chain", (*self.value, (layer, variable and fit.split(variable)[0])))


UNKNOWN = _Value()


def steps(content, scope, names):
    """The steps of the network in a scope, in the bytes of a .meta: of its first copy.

    names: of the network's variables. Raises UserError if there is no chain of known operations that has them all.
    """
    try:
        nodes = tf.MetaGraphDef.FromString(content).graph_def.node
    except DecodeError:
        raise UserError(f"its .meta is damaged; {_ADVICE}") from None
    if len(nodes) > MOST_NODES:
        raise UserError(f"its .meta has more than {MOST_NODES:,} operations; {_ADVICE}")
    nodes = _ordered(nodes)
    for start in (f"{scope}/", ""):  # the latter for variables without a scope
        best, ended = _walk(nodes, start, names)
        complete = {name for _, name in best[0] if name} >= {fit.split(name)[0] for name in names}
        if complete:
            break
    sentence = ended.get(best[0]) if start or not complete else None
    if sentence or not complete:
        raise UserError(sentence or f"its .meta has no network with all these weights; {_ADVICE}")
    if len(best) > 1:
        raise UserError("it has more than one output, which import does not read")
    return list(best[0])


def _ordered(nodes):
    """The operations, each after those that it takes, as they mostly are; but not those of a tf.cond."""
    by_name = {node.name: node for node in nodes if node.op != "NextIteration"}  # which closes a loop
    inputs = {name: [each.partition(":")[0] for each in node.input] for name, node in by_name.items()}
    try:
        return [by_name[name] for name in TopologicalSorter(inputs).static_order() if name in by_name]
    except CycleError:
        raise UserError(f"the operations in its .meta take each other; {_ADVICE}") from None


def _walk(nodes, start, names):
    """(the longest chains, each as its steps; {chain: a sentence about an unknown operation that takes it}).

    Operations whose names do not begin with `start` give what the network takes.
    """
    known, best, ended = {}, [()], {}
    for node in nodes:
        operands = [known.get(each.partition(":")[0], UNKNOWN) for each in node.input if each[:1] != "^"]
        by_kind = {each.kind: each for each in reversed(operands)}
        shapes = node.attr["_output_shapes"].list.shape
        shape = tuple(axis.size for axis in shapes[0].dim)[1:] if shapes else ()
        if node.op in ("VariableV2", "Variable", "VarHandleOp"):
            found = _Value("variable", node.name) if node.name in names else UNKNOWN
        elif node.op == "Const":
            tensor = node.attr["value"].tensor
            numbers = [*tensor.float_val[:1], *tensor.int_val[:1], 0]
            found = UNKNOWN if tensor.tensor_shape.dim else _Value("constant", numbers[0])
        elif node.op in _SAME and "variable" in by_kind:
            found = by_kind["variable"]
        elif node.op == "ConcatV2" and "chain" in by_kind and operands[-1].value != 0:  # along 0, of two batches
            found = _Value("labels", ())
        elif not node.name.startswith(start) or node.op == "Placeholder":
            found = _Value("chain", ())
        else:
            found = _operation(node, by_kind, known, shape)
        if found.kind == "chain" and len(found.value) <= MOST_LAYERS:
            best = [found.value] if len(found.value) > len(best[0]) else best
            best += [found.value] if len(found.value) == len(best[0]) and found.value not in best else []
        elif node.op not in _HARMLESS:
            found = UNKNOWN if found.kind == "chain" else found
            why = f"it has the operation {brief(node.op)} ({node.name}), which import does not read"
            why = CONDITIONAL if "labels" in (found.kind, *by_kind) else why
            ended |= {each.value: why for each in operands if each.kind in ("chain", "labels")}
        known[node.name] = found._replace(shape=shape)
    return best, ended


def _operation(node, by_kind, known, shape):
    """The _Value of an operation within the network, of its first operand of each kind; of its output, the shape."""
    x, variable, constant = (by_kind.get(kind) for kind in ("chain", "variable", "constant"))
    scope, _, part = node.name.rpartition("/")
    group, attr = scope.rpartition("/")[2].partition("_")[0], node.attr
    if not x:  # of tf.nn.batch_normalization, mul has the scale, and sub the offset
        return variable if group == "batchnorm" and variable else UNKNOWN
    match node.op:
        case "Mul" | "Add" | "AddV2" if group == "batchnorm":  # x * mul + sub
            epsilon, variable = known.get(f"{scope}/add/y", UNKNOWN), variable or known.get(f"{scope}/mul", UNKNOWN)
            if part == "mul_1" or epsilon.kind != "constant" or variable.kind != "variable":
                return x if part == "mul_1" else UNKNOWN
            return x.add(Layer("batch_norm", (), number(epsilon.value)), variable.value)
        case "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" if variable:
            epsilon = number(attr["epsilon"].f) if "epsilon" in attr else 1e-4
            return x.add(Layer("batch_norm", (), epsilon), variable.value)
        case op if op in _SAME or (group == "dropout" and op in ("Mul", "RealDiv", "SelectV2")):
            return x
        case op if op in _ACTIVATIONS:
            return x.add(Layer(op.lower()))
        case "LeakyRelu":
            return x.add(Layer("leaky_relu", (), number(attr["alpha"].f) if "alpha" in attr else 0.2))
        case "Mul" if constant:
            return _Value("scaled", (x.value, constant.value))
        case "Maximum" if "scaled" in by_kind and by_kind["scaled"].value[0] == x.value:
            return x.add(Layer("leaky_relu", (), number(by_kind["scaled"].value[1])))
        case "Maximum" if constant and constant.value == 0:
            return x.add(Layer("relu"))
        case "MatMul" if variable and not attr["transpose_a"].b and not attr["transpose_b"].b:
            return x.add(Layer("dense"), variable.value)
        case "BiasAdd" | "Add" | "AddV2" if variable and x.value and x.value[-1][1] == fit.split(variable.value)[0]:
            return x
        case "Conv2D" | "Conv2DBackpropInput" if variable and attr["data_format"].s in (b"", b"NHWC"):
            stride, other = (*attr["strides"].list.i, 0, 0, 0)[1:3]
            word = "conv" if node.op == "Conv2D" else "project" if x.shape[:2] == (1, 1) else "conv_t"
            scaled = shape[:2] == tuple(side * stride for side in x.shape[:2])  # what "same" would give
            if stride == other > 0 and (word == "project" or attr["padding"].s == b"SAME" or scaled):
                return x.add(Layer(word, (), float(stride)), variable.value)
        case "Reshape" if len(shape) == 1 or (len(shape) == 3 and -1 not in shape):
            return x if len(shape) == 1 or shape == x.shape else x.add(Layer("reshape", shape))
        case "ResizeNearestNeighbor" if (
            shape[:2] == tuple(2 * side for side in x.shape[:2]) and not attr["align_corners"].b
        ):
            return x.add(Layer("upsample"))
        case "MaxPool" if attr["padding"].s == b"VALID" and len(attr["strides"].list.i) == 4:
            size, strides = (tuple(attr[name].list.i)[1:3] for name in ("ksize", "strides"))
            return x.add(Layer("max_pool", size, float(strides[0])))
    return UNKNOWN
