"""The ONNX file, by the converter tf2onnx: the extra `[onnx]`."""

import json
import logging

from tfgan_v1._tensorflow import tf
from tfgan_v1.errors import UserError

NAME = "generator.onnx"


def write(trained, folder):
    """Writes the ONNX file of a trained.Trained into a folder: noise, and labels in a conditional run, -> images.

    Raises UserError for a network that ONNX cannot express.
    """
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel("ERROR")
    with trained.session(trained.plain) as (session, (inputs, images)):
        graph = tf.graph_util.convert_variables_to_constants(session, session.graph_def, [images.op.name])
        tensors = {each.name: each.op.name for each in (*inputs.values(), images)}
        *inputs, output = tensors
    try:
        model, _ = tf2onnx.convert.from_graph_def(graph, input_names=inputs, output_names=[output])
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"the generator cannot be converted to ONNX ({why}); export the other formats by --format saved_model,npz"
        ) from None
    _rename(model.graph, tensors)
    onnx.helper.set_model_props(model, {name: _as_text(value) for name, value in trained.facts.items()})
    onnx.save(model, folder / NAME)


def _rename(graph, names):
    """Renames inputs and outputs, which have names of tensors of TensorFlow, such as noise:0; their first axis is n."""
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(each, each) for each in values]


def _as_text(value):
    return value if isinstance(value, str) else json.dumps(value)
