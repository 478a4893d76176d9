"""Keras's files: the weights in HDF5, of all its versions, and the layers in JSON."""

import json
from collections import Counter

from tfgan_v1.errors import UserError, brief
from tfgan_v1.gan.chain import Layer
from tfgan_v1.storage.old import fit, hdf5

CONDITIONAL = "it is a conditional generator, which import does not read yet"
_NOTHING = {"InputLayer", "Flatten", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout"}
_RENAMED = {  # options of Keras 1 and 2 -> of Keras 3
    **{"output_dim": "units", "nb_filter": "filters", "subsample": "strides", "border_mode": "padding"},
    **{"alpha": "negative_slope", "dim_ordering": "data_format"},
}
_ONLY = {  # option -> the values that are read, if a layer has the option
    **{"data_format": (None, "channels_last", "tf"), "dilation_rate": ([1, 1], 1), "groups": (1,)},
    **{"interpolation": ("nearest",), "output_padding": (None,), "max_value": (None,), "threshold": (0, None)},
}
_ACTIVATIONS = {each: Layer(each) for each in ("relu", "elu", "selu", "softplus", "gelu", "tanh", "sigmoid")}
_ACTIVATIONS |= {"linear": None, None: None, "leaky_relu": Layer("leaky_relu", (), 0.2)}
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_VARIABLES = {4: _NORM, 3: _NORM[1:], 2: _NORM[2:]}  # of a norm with so many: where one lacks, mostly the scale
MOST_LAYERS = 500


def weights(content):
    """(the arrays by name, in order; whether the names are the layers'; the JSON text of the layers, or None)."""
    attributes, arrays = hdf5.read(content)
    root = "model_weights/" if "model_weights" in attributes else ""
    layers, found = attributes.get(root[:-1], {}).get("layer_names"), {}
    for layer in layers or ():
        names = attributes.get(f"{root}{layer}", {}).get("weight_names") or []
        pairs = {name: fit.split(name) for name in names if not fit.is_unused(name)}
        groups = {group.rpartition("/")[2] for group, _ in pairs.values()}
        own = len(groups) == 1 and min(groups).startswith(layer)  # as dense_1_1; others are of layers in this model
        for name, (group, part) in pairs.items():
            found[f"{layer if own else group.rpartition('/')[2]}/{part}"] = arrays[f"{root}{layer}/{name}"]
    if layers is None:  # Keras 3: .../batch_normalization_1/vars/0, the classes counted, not the layers' names
        counts = Counter(path.rpartition("/vars/")[0] for path in arrays)
        for path in sorted(arrays, key=fit.natural):
            group, _, index = path.rpartition("/vars/")
            norm = group.rpartition("/")[2].startswith("batch_normalization")
            if group and not fit.is_unused(path):
                found[f"{group}/{(_VARIABLES.get(norm * counts[group]) or ('kernel', 'bias'))[int(index)]}"] = arrays[
                    path
                ]
    return found, layers is not None, attributes.get("", {}).get("model_config")


def layers(content, scope):
    """The steps of a model in Keras's JSON, or in a text of it: pairs of a Layer and the name of its weights, or None.

    scope: the name of the model within it, if there are several. Raises UserError for what is no chain of known layers.
    """
    try:
        for _ in range(2):  # twice, for json.dump(model.to_json(), file)
            content = json.loads(content) if isinstance(content, str) else content
        return [step for step in _model(content, scope) if step[0]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise UserError(f"its layers are damaged ({type(error).__name__})") from None


def _model(content, scope):
    """The steps of a model, and of those within it."""
    config = content["config"] if isinstance(content["config"], dict) else {"layers": content["config"]}
    members, names = config["layers"], []
    for each in members:
        names.append(each.get("name") or (each["config"].get("name") if isinstance(each["config"], dict) else ""))
    outputs = {str(each) for each in config.get("output_layers", ()) if isinstance(each, list)}
    if sum(each["class_name"] == "InputLayer" for each in members) > 1:
        raise UserError(CONDITIONAL)
    if len(outputs) > 1 or len(members) > MOST_LAYERS:
        raise UserError(f"it has more than one output, or more than {MOST_LAYERS} layers, which import does not read")
    for before, name, each in zip(["", *names], names, members, strict=False):
        nodes = json.dumps(each.get("inbound_nodes"))
        if others := [other for other in names if other not in (before, name) and f'"{other}"' in nodes]:
            raise UserError(f"its layers are no chain: {brief(name)} takes {brief(others[0])}, which is not before it")
    models = [each for each in members if isinstance(each["config"], list) or "layers" in each["config"]]
    if len(models) > 1:
        inner = [str(each["config"].get("name")) for each in models]
        if inner.count(scope) != 1:
            raise UserError(f"it holds several networks; name one by --scope: {', '.join(inner)}")
        members = [models[inner.index(scope)]]
    steps = []
    for each in members:
        steps += _model(each, scope) if each in models else _layer(each["class_name"], each["config"])
    return steps


def _layer(kind, config):
    """The steps of one layer."""
    if kind in _NOTHING:
        return []
    config = {_RENAMED.get(option, option): value for option, value in config.items()}
    for option in _ONLY.keys() & config.keys():
        if config[option] not in _ONLY[option]:
            raise UserError(f"the layer {kind} with {option} {brief(config[option])} is not read by import")
    name, after = config.get("name"), (_activation(config.get("activation")), None)
    match kind:
        case "Activation":
            return [after]
        case "Embedding":
            raise UserError(CONDITIONAL)
        case "Dense":
            return [(Layer("dense", (int(config["units"]),)), name), after]
        case "Conv2D" | "Convolution2D":
            return [(_convolution("conv", config), name), after]
        case "Conv2DTranspose" | "Deconvolution2D":
            return [(_convolution("conv_t", config), name), after]
        case "BatchNormalization":
            return [(Layer("batch_norm", (), number(config.get("epsilon", 1e-3))), name)]
        case "LeakyReLU" | "ReLU":
            slope = number(config.get("negative_slope", 0.3 if kind == "LeakyReLU" else 0))
            return [(Layer("leaky_relu", (), slope) if slope else Layer("relu"), None)]
        case "ELU" if config.get("negative_slope", 1) == 1:
            return [(Layer("elu"), None)]
        case "UpSampling2D" if _pair(config["size"]) in ((1, 1), (2, 2), (4, 4), (8, 8)):
            return [(Layer("upsample"), None)] * (_pair(config["size"])[0].bit_length() - 1)
        case "Reshape":
            shape = tuple(map(int, config["target_shape"]))
            return [(Layer("reshape", shape), None)] if len(shape) == 3 else []
        case "MaxPooling2D" if config["padding"] == "valid":
            return [(Layer("max_pool", _pair(config["pool_size"]), float(_pair(config["strides"])[0])), None)]
    raise UserError(f"it has the layer {brief(kind)}, which import does not read")


def _convolution(word, config):
    size, stride = _pair(config.get("kernel_size") or [config["nb_row"], config["nb_col"]]), _pair(config["strides"])
    if config["padding"] == "valid" and word == "conv_t" and max(size) > min(stride):
        word = "project"  # of images of 1x1
    elif stride[0] != stride[1] or (config["padding"] != "same" and (word == "conv" and size != (1, 1))):
        padding = brief(config["padding"])
        raise UserError(f"a convolution with padding {padding}, strides {stride} is not read by import")
    return Layer(word, (*size, int(config["filters"])), float(stride[0]))


def _activation(value):
    """The Layer of an activation: a name, or the JSON of a function or a layer."""
    if isinstance(value, dict) and value["class_name"] != "function":
        return _layer(value["class_name"], value["config"])[0][0]
    value = value["config"] if isinstance(value, dict) else value
    if value not in _ACTIVATIONS:
        raise UserError(f"it has the activation {brief(value)}, which import does not read")
    return _ACTIVATIONS[value]


def _pair(value):
    first, second = value if isinstance(value, list) else [value, value]
    return int(first), int(second)


def number(value):
    """A number without the digits that float32 adds: 0.2 for 0.20000000298023224."""
    return float(f"{float(value):.6g}")
