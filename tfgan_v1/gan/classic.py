"""`tf` as a user imports it: with `tf.layers`, and with TensorFlow's graph mode where an old notebook asks for it."""

from tfgan_v1 import _tensorflow
from tfgan_v1.errors import note
from tfgan_v1.gan import tf_layers as layers

GRAPH_NAMES = {  # with which an old notebook begins, outside of any graph
    *("get_variable", "InteractiveSession", "placeholder", "placeholder_with_default", "reset_default_graph"),
    *("set_random_seed", "sparse_placeholder", "Variable", "variable_scope"),
}


class Classic(_tensorflow.TensorFlow):
    """tensorflow.compat.v1 with `tf.layers`. A look-up of GRAPH_NAMES ends eager execution, unless it is in a graph."""

    layers = layers

    def __getattr__(self, name):
        if name == "contrib":
            instead = "tf.layers, and tf.glorot_uniform_initializer() for xavier_initializer()"
            raise AttributeError(f"tf.contrib ended with TensorFlow 1; use {instead}")
        if name not in GRAPH_NAMES:
            return super().__getattr__(name)
        tf = _tensorflow.tf
        if tf.executing_eagerly():
            tf.disable_eager_execution()
            note(f"tf.{name} is for graphs: from here on, this process builds graphs, and sessions run them")
        return getattr(tf, name)  # not kept, so that the next look-up asks again


tf = Classic("tensorflow.compat.v1")
