"""Old weights of every format give the same layers and the same bits, or one sentence."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import old_files
import old_twin
import torch_pickles
from conftest import REAL_DATA
from tfgan_v1 import UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import chain, models
from tfgan_v1.storage import old
from tfgan_v1.storage.old import fit, graph, hdf5, keras_files


def same(found, words=old_files.LAYERS, weights=old_files.WEIGHTS):
    """Whether an Old has exactly these layers and these bits."""
    assert chain.text(found.layers) == words and found.layers == chain.parse(words)  # to the last digit
    assert len(found.weights) == len(weights)
    for got, wanted in zip(found.weights, weights, strict=True):
        assert {part: value.tobytes() for part, value in got.items()} == {k: v.tobytes() for k, v in wanted.items()}
        assert all(value.dtype == np.float32 and value.shape == wanted[part].shape for part, value in got.items())
    return True


# The twin


def test_the_twin_draws_what_tensorflow_draws():
    rng = np.random.default_rng(0)
    x = rng.normal(size=[2, 5, 7, 3]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        for size, stride in ((3, 1), (3, 2), (4, 1), (4, 2), (5, 2), (2, 3), (1, 2)):
            kernel = rng.normal(size=[size, size, 3, 4]).astype(np.float32)
            wanted = session.run(tf.nn.conv2d(x, kernel, stride, "SAME"))
            assert np.abs(old_twin.conv(x, kernel, stride) - wanted).max() < 1e-5, (size, stride)
            kernel = kernel.transpose(0, 1, 3, 2)
            wanted = session.run(tf.nn.conv2d_transpose(x, kernel, [2, 5 * stride, 7 * stride, 4], stride, "SAME"))
            assert np.abs(old_twin.conv_t(x, kernel, stride) - wanted).max() < 1e-5, (size, stride)
        for word in ("relu", "elu", "selu", "softplus", "tanh", "sigmoid"):
            wanted = session.run(getattr(tf, word, None)(x) if hasattr(tf, word) else getattr(tf.nn, word)(x))
            assert np.abs(old_twin.ACTIVATIONS[word](np.float64(x)) - wanted).max() < 1e-6, word
        assert np.abs(old_twin.max_pool(x, (3, 3), 2) - session.run(tf.nn.max_pool2d(x, 3, 2, "VALID"))).max() == 0


# TensorFlow


@pytest.mark.parametrize("leaky, norm, flat", [("leaky_relu", "averages", False), ("maximum", "fused", False),
    ("leaky_relu", "training", False), ("maximum", "averages", True), ("maximum", "cond", False)])  # fmt: skip
def test_a_saver_of_tensorflow_1(tmp_path, leaky, norm, flat):
    z, images = old_files.tensorflow_1(tmp_path, leaky, norm, flat)
    found = old.read(tmp_path, scope="g_" if flat else None)
    assert same(found) and found.step == 100 and found.noise_size == old_files.NOISE_SIZE
    assert (found.format, found.source) == ("TensorFlow 1 Saver", "generator.ckpt-100.meta")
    assert found.notes == (f"the {'g_' if flat else 'generator'} is read, and 22 other arrays not",)
    if norm != "training":
        assert np.abs(old_twin.draw(found, z) - images).max() < 1e-5
    assert old.read(tmp_path / "generator.ckpt-100", scope="g_" if flat else None).sha256 == found.sha256


def test_both_networks_of_a_checkpoint(tmp_path):
    old_files.tensorflow_1(tmp_path)
    generator, discriminator = old.read_pair(tmp_path)
    assert same(generator) and same(discriminator, old_files.D_LAYERS, old_files.D_WEIGHTS)
    with pytest.raises(UserError, match="it is a discriminator, not a generator"):
        old.read(tmp_path, scope="discriminator")


def test_moving_averages_that_a_saver_left_out_are_absent(tmp_path):
    old_files.tensorflow_1(tmp_path, everything=False)
    found, discriminator = old.read_pair(tmp_path)
    wanted = [{part: value for part, value in each.items() if "moving" not in part} for each in old_files.WEIGHTS]
    assert same(found, weights=wanted) and found.notes == () and discriminator is None


def test_the_checkpoint_that_is_named_or_the_newest(tmp_path):
    old_files.tensorflow_1(tmp_path)
    for path in [*tmp_path.glob("generator.ckpt-100.*")]:
        shutil.copy(path, tmp_path / path.name.replace("100", "99"))
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/home/somebody\\\\else/generator.ckpt-99"\n')
    assert old.read(tmp_path).step == 99
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "gone.ckpt-7"\n')
    assert old.read(tmp_path).step == 100
    (tmp_path / "checkpoint").unlink()
    assert old.read(tmp_path).step == 100
    assert old.read(tmp_path / "generator.ckpt-99.index").step == 99
    shutil.copytree(tmp_path, tmp_path / "of [2018]*")  # which TensorFlow takes as a pattern
    assert same(old.read(tmp_path / "of [2018]*"))


@pytest.mark.parametrize("change, sentence", [
    (lambda x: tf.exp(x), r"it has the operation 'Exp' \(generator/Exp\), which import does not read"),
    (lambda x: x * 0.5 + 0.5, r"it has the operation 'Mul' \(generator/mul\), which import does not read"),
    (lambda x: tf.sigmoid(x) + tf.tanh(x), "it has more than one output|it has the operation 'AddV2'"),
    (lambda x: tf.image.resize_nearest_neighbor(x, [24, 24]), "ResizeNearest"),
])  # fmt: skip
def test_a_graph_with_more_than_a_chain_of_known_operations_is_refused(tmp_path, change, sentence):
    old_files.tensorflow_1(tmp_path, change=change)
    with pytest.raises(UserError, match=sentence):
        old.read(tmp_path)
    assert same(old.read(tmp_path, layers=chain.parse(old_files.LAYERS)))  # which win over what is not read


@pytest.mark.parametrize("layer, words", [
    (lambda x: tf.nn.max_pool2d(x, 3, 2, "VALID"), ["conv", "max_pool"]),
    (lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), None),
    (lambda x: tf.nn.conv2d(x, tf.get_variable("b/kernel", [3, 3, 2, 2]), 1, "VALID"), None),
    (lambda x: tf.nn.conv2d(x, tf.get_variable("b/kernel", [3, 3, 2, 2]), [1, 1, 2, 1], "SAME"), None),
    (lambda x: tf.nn.dropout(x, rate=0.3), ["conv"]),
    (lambda x: tf.nn.relu(x) + x, None),
    (lambda x: tf.maximum(x, 0.0), ["conv", "relu"]),
    (lambda x: tf.image.resize_nearest_neighbor(x, [18, 18], align_corners=True), None),
])  # fmt: skip
def test_operations_of_a_graph(layer, words):
    with tf.Graph().as_default() as graph_:
        with tf.variable_scope("discriminator"):
            kernel = tf.get_variable("a/kernel", [3, 3, 1, 2])
            layer(tf.nn.conv2d(tf.placeholder(tf.float32, [None, 9, 9, 1]), kernel, 1, "SAME"))
        names = {each.op.name for each in tf.global_variables()}
        content = tf.train.export_meta_graph(graph=graph_).SerializeToString()
    if words:
        assert [step.word for step, _ in graph.steps(content, "discriminator", names)] == words
    else:
        with pytest.raises(UserError, match="it has the operation"):
            graph.steps(content, "discriminator", names)


def test_a_conditional_graph_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        z, labels = (tf.placeholder(tf.float32, [None, size]) for size in (5, 10))
        for inside in (False, True):
            x = z if inside else tf.concat([z, labels], 1)
            with tf.variable_scope("generator", reuse=inside):
                x = tf.concat([z, labels], 1) if inside else x
                tf.tanh(tf.matmul(x, tf.get_variable("dense/kernel", [15, 784])))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "generator.ckpt"))
    with pytest.raises(UserError, match=r"it is a conditional generator, which import does not read yet"):
        old.read(tmp_path)


def test_a_checkpoint_of_tensorflow_2(tmp_path):
    model, judge = old_files.keras_model(), old_files.keras_model(discriminator=True)
    tf.train.Checkpoint(generator=model, discriminator=judge).write(str(tmp_path / "ckpt-3"))
    with pytest.raises(
        UserError, match=r"no preset has these weights: generator/_functional/_operations/1 5x32, .*--lay"
    ):
        old.read(tmp_path)
    words = "dense leaky_relu:0.3 reshape:2x2x8 batch_norm:0.01 upsample conv relu conv_t:2 tanh"
    found = old.read(tmp_path, layers=chain.parse(words))
    assert same(found) and (found.format, found.source, found.step) == ("tf.train.Checkpoint", "--layers", 3)
    (tmp_path / "ckpt-3.json").write_text(model.to_json())
    assert same(old.read(tmp_path)) and old.read(tmp_path).source == "ckpt-3.json"


# Keras


def keras_paths(folder):
    """Files of each version of Keras with the same weights."""
    model = old_files.keras_model()
    for name in ("k3.keras", "k3.weights.h5", "k3.h5"):
        (model.save_weights if "weights" in name else model.save)(folder / name)
    (folder / "k3.json").write_text(json.dumps(model.to_json()))  # a text within a text, as some wrote it
    old_files.keras_1(folder / "k1.h5")
    for nested in (False, True):
        stem = "nested" if nested else "k2"
        old_files.keras_2(folder / f"{stem}.h5", nested)
        old_files.keras_2(folder / f"{stem}_weights.hdf5", nested, whole=False)
        (folder / f"{stem}.json").write_text(json.dumps(old_files.keras_2_config(nested)))
    bare = (folder / "k3.weights.h5").read_bytes()
    (folder / "k2.keras").write_bytes(old_files.keras_zip(bare))
    return sorted(path for path in folder.iterdir() if path.suffix != ".json")


def test_all_files_of_keras(tmp_path):
    sources = {path.name: old.read(path).source for path in keras_paths(tmp_path) if same(old.read(path))}
    whole = ("k1.h5", "k2.h5", "k2.keras", "k3.h5", "k3.keras", "nested.h5")
    beside = {"k2_weights.hdf5": "k2.json", "k3.weights.h5": "k3.json", "nested_weights.hdf5": "nested.json"}
    assert sources == {**{name: name for name in whole}, **beside}


def test_our_reader_of_hdf5_agrees_with_the_library(tmp_path):
    for path in keras_paths(tmp_path):
        content = path.read_bytes()
        if path.suffix == ".keras":
            content = zipfile.ZipFile(path).read("model.weights.h5")
        attributes, arrays = hdf5.read(content)

        def compare(name, item, attributes=attributes, arrays=arrays):
            if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
                assert arrays[name].dtype == item.dtype and (arrays[name] == item[()]).all()
            elif isinstance(item, h5py.Dataset):
                assert arrays[name] is None
            for key, value in item.attrs.items():
                wanted = [each.decode() if isinstance(each, bytes) else each for each in np.ravel(value).tolist()]
                assert attributes[name][key] == (wanted if np.ndim(value) else wanted[0]) or not isinstance(
                    wanted[0], str
                )

        with h5py.File(io.BytesIO(content)) as file:
            file.visititems(compare)
            assert attributes.get("", {}).get("model_config") == (file.attrs.get("model_config"))


def test_groups_of_many_and_of_few_links(tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "many.h5", "w") as file:
        wanted = {
            f"g{i:04}/{j}": rng.normal(size=j + 1).astype(f"f{2 ** (1 + i % 3)}") for i in range(900) for j in (0, 2)
        }
        for name in rng.permutation([*wanted]):
            file[name] = wanted[name]
        file.attrs["text"] = "text"
        file["g0000"].attrs["texts"] = np.array(["one", "three"], "S")
    attributes, arrays = hdf5.read((tmp_path / "many.h5").read_bytes())
    assert [*arrays] == sorted(wanted) and all((arrays[name] == wanted[name]).all() for name in wanted)
    assert attributes == {"": {"text": "text"}, "g0000": {"texts": ["one", "three"]}}


def write_external(file):
    file["a"] = h5py.ExternalLink("other.h5", "/a")


def write_soft(file):
    file["a"] = h5py.SoftLink("/b")


def write_virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", (4,))
    file.create_virtual_dataset("a", layout)


@pytest.mark.parametrize("write, options, sentence", [
    (write_external, {}, "external links"),
    (write_soft, {}, "links to other places"),
    (write_virtual, {}, "virtual data sets"),
    (lambda file: file.create_dataset("a", (4,), "f4", external=[("other.bin", 0, 16)]), {}, "external storage"),
    (lambda file: file.create_dataset("a", (4,), "f4", compression="gzip"), {}, "packed"),
    (lambda file: file.create_dataset("a", (4,), "f4"), {"libver": "latest"}, "HDF5's newer layout"),
    (lambda file: file.create_dataset("layers/dense/vars/0", data=[[1, 2]]), {}, "is no array of floats"),
    (lambda file: file.create_group("a"), {}, "it has no layer with weights|does not say its layers"),
])  # fmt: skip
def test_hdf5_with_more_than_arrays_is_refused(tmp_path, write, options, sentence):
    with h5py.File(tmp_path / "a.h5", "w", **options) as file:
        write(file)
    with pytest.raises(UserError, match=sentence):
        old.read(tmp_path / "a.h5")


def test_a_small_file_cannot_claim_a_large_array(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros([2, 3], np.float32)
    content = (tmp_path / "a.h5").read_bytes()
    sizes = np.array([2, 3], "<u8").tobytes()
    assert content.count(sizes) in (1, 2)
    (tmp_path / "a.h5").write_bytes(content.replace(sizes, np.array([2**20, 2**20], "<u8").tobytes()))
    with pytest.raises(UserError, match="it is damaged"):
        old.read(tmp_path / "a.h5")


CONFIGS = [  # a change of a layer of keras_2_config, and the sentence
    (1, {"class_name": "Lambda"}, "it has the layer 'Lambda', which import does not read"),
    (1, {"class_name": "Embedding"}, "it is a conditional generator"),
    (1, {"config": {"activation": "softmax"}}, "it has the activation 'softmax'"),
    (1, {"config": {"units": 31}}, "dense_7 is dense:32 by its weights, and dense:31 by its layers"),
    (4, {"config": {"interpolation": "bilinear"}}, "UpSampling2D with interpolation 'bilinear' is not read"),
    (4, {"config": {"size": [3, 3]}}, "it has the layer 'UpSampling2D'"),
    (5, {"config": {"padding": "valid"}}, r"a convolution with padding 'valid', strides \(1, 1\) is not read"),
    (5, {"config": {"strides": [1, 2]}}, r"strides \(1, 2\) is not read"),
    (5, {"config": {"data_format": "channels_first"}}, "with data_format 'channels_first' is not read"),
    (8, {"config": {"padding": "valid"}}, "out has no padding, which import reads of images of 1x1 alone"),
    (8, {"config": {"name": "other"}}, "there are no weights for the layer conv_t"),
    (8, {"class_name": "Conv2D"}, "there are no weights|by its layers"),
    (8, {"config": {"filters": None}}, r"its layers are damaged \(TypeError\)"),
]


@pytest.mark.parametrize("index, change, sentence", CONFIGS)
def test_layers_that_are_not_read_are_named(tmp_path, index, change, sentence):
    config = old_files.keras_2_config()
    layer = config["config"]["layers"][index]
    layer["config"] |= change.get("config", {})
    layer["class_name"] = change.get("class_name", layer["class_name"])
    old_files.keras_2(tmp_path / "k2_weights.h5", whole=False)
    (tmp_path / "k2.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=sentence):
        old.read(tmp_path / "k2_weights.h5")


def networks(*names):
    """The JSON of a model of several, each a dense layer of its name."""
    parts = [{"class_name": "Sequential", "config": {"name": name, "layers": [
        {"class_name": "Dense", "config": {"name": name, "units": 3}}]}} for name in names]  # fmt: skip
    return {"class_name": "Sequential", "config": {"layers": parts}}


def functional(*layers, **more):
    """A model's JSON of layers, (class, name, the names of what it takes)."""
    parts = [
        {
            "class_name": kind,
            "name": name,
            "config": {"name": name, "units": 3},
            "inbound_nodes": [[[each, 0, 0] for each in sources]],
        }
        for kind, name, *sources in layers
    ]
    return {"class_name": "Model", "config": {"layers": parts, **more}}


@pytest.mark.parametrize("content, sentence", [
    (functional(("InputLayer", "z"), ("InputLayer", "y"), ("Concatenate", "both", "z", "y")), "conditional generator"),
    (functional(("InputLayer", "z"), ("Dense", "a", "z"), ("Dense", "b", "z")), "no chain: 'b' takes 'z'"),
    (functional(("InputLayer", "z"), ("Dense", "a", "z"), output_layers=[["a", 0], ["z", 0]]), "than one output"),
    ({"class_name": "Sequential", "config": []}, "no layer with weights|left over"),
    (networks("a", "b"), "it holds several networks; name one by --scope: a, b"),
])  # fmt: skip
def test_models_that_are_no_chain_are_refused(content, sentence):
    with pytest.raises(UserError, match=sentence):
        fit.complete(keras_files.layers(content, "generator"), fit.grouped(old_files.named()))


def test_one_of_several_networks_is_chosen_by_its_name():
    assert [name for _, name in keras_files.layers(networks("generator", "critic"), "critic")] == ["critic"]


def test_both_networks_in_one_file_of_keras(tmp_path):
    import keras

    generator, discriminator = old_files.keras_model(), old_files.keras_model(discriminator=True)
    generator.name, discriminator.name = "generator", "critic"
    keras.Sequential([keras.Input((old_files.NOISE_SIZE,)), generator, discriminator]).save(tmp_path / "gan.h5")
    assert same(old.read(tmp_path / "gan.h5"))
    found = old.read(tmp_path / "gan.h5", scope="critic", role="discriminator")
    assert same(found, old_files.D_LAYERS, old_files.D_WEIGHTS)
    with pytest.raises(UserError, match="it holds several networks; name one by --scope: generator, critic"):
        old.read(tmp_path / "gan.h5", scope="other")


def test_layers_of_a_models_json_that_change_nothing_or_have_other_forms():
    def one(kind, **config):
        content = {"class_name": "Sequential", "config": {"layers": [{"class_name": kind, "config": config}]}}
        return " ".join(
            str(layer) if layer.word in chain.WORDS else layer.word for layer, _ in keras_files.layers(content, "")
        )

    assert one("Flatten") == one("GaussianNoise") == one("Activation", activation="linear") == ""
    assert one("LeakyReLU") == "leaky_relu:0.3" and one("LeakyReLU", alpha=0.10000000149011612) == "leaky_relu:0.1"
    assert one("Activation", activation="leaky_relu") == "leaky_relu" and one("ReLU", max_value=None) == "relu"
    assert one("ReLU", negative_slope=0.1) == "leaky_relu:0.1" and one("ELU", alpha=1.0) == "elu"
    assert one("UpSampling2D", size=[4, 4]) == "upsample upsample" and one("Reshape", target_shape=[9]) == ""
    assert one("MaxPooling2D", pool_size=[3, 3], strides=[2, 2], padding="valid") == "max_pool"
    function = {"module": "builtins", "class_name": "function", "config": "gelu", "registered_name": "function"}
    assert one("Activation", activation=function) == "gelu"


# PyTorch


@pytest.mark.parametrize("save", [torch_pickles.save_old, torch_pickles.save_zip])
def test_a_state_dict_of_pytorch(tmp_path, save):
    state, words = old_files.torch_state()
    (tmp_path / "netG.pth").write_bytes(save(old_files.torch_tensors(state)))
    with pytest.raises(
        UserError, match=r"no preset has these weights: main.0 2x2x8x5, main.1 8, main.3 4x4x6x8, .*--layers"
    ):
        old.read(tmp_path / "netG.pth")
    found = old.read(tmp_path / "netG.pth", layers=chain.parse(words))
    assert chain.text(found.layers) == (
        "dense:32 reshape:2x2x8 batch_norm:1e-05 relu conv_t:4x4x6:2 batch_norm:1e-05 relu conv_t:4x4x1:2 tanh"
    )
    assert found.format == "PyTorch" and found.noise_size == old_files.NOISE_SIZE
    z = np.random.default_rng(1).normal(size=[3, old_files.NOISE_SIZE])
    assert np.abs(old_twin.draw(found, z)[..., 0] - draw_in_torchs_axes(state, z)[:, 0]).max() < 1e-6


def draw_in_torchs_axes(state, z):
    """torch.nn's layers, [n, c, h, w]: each pixel adds its multiple of the kernel; one row less for a padding of 1."""
    x = z[:, :, None, None]
    for index, stride, padding in ((0, 1, 0), (3, 2, 1), (6, 2, 1)):
        kernel = np.float64(state[f"main.{index}.weight"])
        n, _, height, width = x.shape
        out = np.zeros([n, kernel.shape[1], *((side - 1) * stride + kernel.shape[2] for side in (height, width))])
        for i in range(height):
            for j in range(width):
                place = out[:, :, i * stride :, j * stride :][:, :, : kernel.shape[2], : kernel.shape[3]]
                place += np.einsum("nc,cdab->ndab", x[:, :, i, j], kernel)
        x = out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding]
        if index < 6:
            parts = ("weight", "bias", "running_mean", "running_var")
            scale, offset, mean, variance = (state[f"main.{index + 1}.{part}"][:, None, None] for part in parts)
            x = np.maximum((x - mean) / np.sqrt(np.float64(variance) + 1e-5) * scale + offset, 0)
    return np.tanh(x)


# The presets, by shapes alone


def preset_weights(name, role, shape):
    """(arrays of a preset's network by its names in Keras, its outputs for inputs)"""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.variable_scope(role):
        if role == "generator":
            models.MODELS[name].generator(tf.zeros([1, 9]), shape, None)
        else:
            models.MODELS[name].discriminator(tf.zeros([1, *shape]), None)
        variables = tf.global_variables()
    counts, groups = {}, {}
    for variable in variables:
        scope, part = variable.op.name.rsplit("/", 1)
        rank = max(each.shape.rank for each in variables if each.op.name.startswith(f"{scope}/"))
        transposed = name == "dcgan" and role == "generator"
        kind = {1: "batch_normalization", 2: "dense", 4: "conv2d_transpose" if transposed else "conv2d"}[rank]
        if scope not in groups:
            number = counts[kind] = counts.get(kind, -1) + 1
            groups[scope] = f"{kind}_{number}" if number else kind
        part = {"scale": "gamma", "offset": "beta"}.get(part, part)
        yield f"{groups[scope]}/{part}", rng.uniform(0.5, 1, variable.shape.as_list()).astype(np.float32)


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("name", [*chain.PRESETS])
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
def test_a_preset_is_recognized_by_shapes_alone_and_that_is_said(tmp_path, name, role, shape):
    shape = (1,) if name == "gaussian" else shape
    with h5py.File(tmp_path / "a_weights.h5", "w") as file:
        arrays = dict(preset_weights(name, role, shape))
        file.attrs["layer_names"] = sorted({each.partition("/")[0].encode() for each in arrays})
        for layer in {each.partition("/")[0] for each in arrays}:
            mine = [each for each in arrays if each.startswith(f"{layer}/")]
            file.create_group(layer).attrs["weight_names"] = [f"{each}:0".encode() for each in mine]
            for each in mine:
                file[layer][f"{each}:0"] = arrays[each]
    found = old.read(tmp_path / "a_weights.h5", role=role)
    assert found.source == f"the shapes of the preset {name}"
    assert found.notes == (
        f"the layers are assumed to be those of {name}, whose shapes fit: activations have no shape",
    )
    if role == "generator":
        kept = [
            layer
            for layer in chain.preset_chain(name, shape)
            if layer.word != "reshape" or name not in ("mlp", "gaussian")
        ]
        assert found.layers == tuple(kept) and found.noise_size == 9
    else:
        assert " ".join(layer.word for layer in found.layers) == " ".join(
            word.partition(":")[0] for word in fit.DISCRIMINATORS[name].split()
        )
    assert old.read(tmp_path / "a_weights.h5", role=None).layers == found.layers


def test_the_words_of_the_presets_discriminators_are_what_they_do(tmp_path):
    """Each is drawn by the twin and by TensorFlow, with the same weights."""
    for name in chain.PRESETS:
        shape = (1,) if name == "gaussian" else (28, 28, 1)
        x = np.random.default_rng(1).uniform(-1, 1, [2, *shape]).astype(np.float32)
        with tf.Graph().as_default(), tf.Session() as session, tf.variable_scope("discriminator"):
            logits = models.MODELS[name].discriminator(tf.constant(x), None)
            session.run(tf.global_variables_initializer())
            wanted, weights = session.run((logits, {each.op.name: each for each in tf.global_variables()}))
        groups = fit.grouped(weights)
        _, steps = fit.assumed(groups, "discriminator")
        layers_, parts = fit.complete(steps, groups)
        found = old.Old(None, "", "", 0, layers_, parts, "", (), 1)
        assert np.abs(old_twin.draw(found, x) - wanted).max() < 1e-4 * max(1, np.abs(wanted).max()), name


def test_the_published_dcgan_from_two_files(tmp_path):
    """Keras's save_weights of D: conv2d, conv2d_1, conv2d_2, conv2d_3, dense."""
    for role, file in (("discriminator", "dcgan_D.h5"), ("generator", "dcgan_G.h5")):
        arrays = dict(preset_weights("dcgan", role, (28, 28, 1)))
        with h5py.File(tmp_path / file, "w") as opened:
            layers_ = dict.fromkeys(each.partition("/")[0] for each in arrays)
            opened.attrs["layer_names"] = [each.encode() for each in layers_]
            for layer in layers_:
                mine = [each for each in arrays if each.startswith(f"{layer}/")]
                opened.create_group(layer).attrs["weight_names"] = [f"{each}:0".encode() for each in mine]
                for each in mine:
                    opened[layer][f"{each}:0"] = arrays[each]
    generator, discriminator = old.read_pair(tmp_path)
    assert generator.path.name == "dcgan_G.h5" and discriminator.path.name == "dcgan_D.h5"
    assert [len(old_.weights) for old_ in (generator, discriminator)] == [9, 5]
    alone = old.read_pair(tmp_path / "dcgan_G.h5")
    assert alone[0].sha256 == generator.sha256 and alone[1] is None
    with pytest.raises(UserError, match=r"no preset has|it is a discriminator"):
        old.read(tmp_path / "dcgan_D.h5")
    shutil.copy(tmp_path / "dcgan_D.h5", tmp_path / "again_D.h5")
    with pytest.raises(UserError, match=r"two networks of a kind, again_D.h5 and dcgan_D.h5; leave one there"):
        old.read_pair(tmp_path)


# What is no generator


def test_other_files_and_folders_get_one_sentence(tmp_path):
    def refused(path, sentence, **options):
        with pytest.raises(UserError, match=sentence) as error:
            old.read(path, **options)
        assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)

    old_files.tensorflow_1(tmp_path)
    refused(
        tmp_path, r"no variables in the scope critic; name one by --scope: discriminator, generator", scope="critic"
    )
    data = tmp_path / "generator.ckpt-100.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(bytes(byte ^ (place % 16 == 0) for place, byte in enumerate(content)))
    refused(tmp_path, "its values are damaged")
    data.unlink()
    refused(tmp_path, r"generator\.ckpt-100.data-00000-of-00001 is missing beside generator.ckpt-100.index")
    index = (tmp_path / "generator.ckpt-100.index").read_bytes()
    (tmp_path / "model.ckpt").write_bytes(index)
    refused(tmp_path / "model.ckpt", "a V1 checkpoint, of TensorFlow before 0.12")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt"')
    refused(tmp_path, "a V1 checkpoint")
    refused(tmp_path / "gone.h5", "cannot be read: No such file")
    (tmp_path / "a.h5").write_bytes(b"text")
    refused(tmp_path / "a.h5", "it holds no weights")
    (tmp_path / "saved_model.pb").touch()
    refused(tmp_path, "it is a SavedModel, which TensorFlow loads itself")
    with pytest.raises(UserError, match="it is a SavedModel"):
        old.read_pair(tmp_path)
    (tmp_path / "empty").mkdir()
    refused(
        tmp_path / "empty", r"the folder has no checkpoint of TensorFlow \(\*.index\); name a file of weights in it"
    )
    judge = old_files.keras_model(discriminator=True)
    judge.save(tmp_path / "d.keras")
    refused(tmp_path / "d.keras", "it is a discriminator, not a generator")
    assert same(old.read(tmp_path / "d.keras", role="discriminator"), old_files.D_LAYERS, old_files.D_WEIGHTS)
    assert old.read(tmp_path / "d.keras", role=None).noise_size == 1
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "packed.keras").write_bytes(file.getvalue())
    refused(tmp_path / "packed.keras", "its config.json is packed too much")


@pytest.mark.parametrize("words, sentence", [
    ("dense relu dense tanh", "there are no weights for the layer dense; it has"),
    ("dense batch_norm reshape:2x2x8 upsample conv relu", "the weights out 4x4x1x6 are left over"),
    ("dense batch_norm reshape:2x2x8 conv:5x5x6 conv_t", "conv2d_3 is conv:3x3x6 by its weights, and conv:5x5x6 by"),
])  # fmt: skip
def test_layers_that_do_not_fit_the_weights(tmp_path, words, sentence):
    old_files.keras_2(tmp_path / "a.h5")
    with pytest.raises(UserError, match=sentence):
        old.read(tmp_path / "a.h5", layers=chain.parse(words))


@pytest.mark.parametrize("name, layer, part", [
    ("generator/dense_1/kernel", "generator/dense_1", "kernel"),
    ("generator/g_bn0/moving_variance", "generator/g_bn0", "moving_variance"),
    ("generator/g_h0_lin/Matrix", "generator/g_h0_lin", "kernel"),
    ("generator/g_h1/biases", "generator/g_h1", "bias"),
    ("generator/_functional/_operations/1/_kernel", "generator/_functional/_operations/1", "kernel"),
    ("G_W1", "G1", "kernel"), ("G_b1", "G1", "bias"), ("W2", "2", "kernel"),
    ("main.3.running_var", "main.3", "moving_variance"), ("convolution2d_1_W:0", "convolution2d_1", "kernel"),
    ("batchnormalization_1_running_std:0", "batchnormalization_1", "moving_variance"),
])  # fmt: skip
def test_names_of_weights(name, layer, part):
    assert fit.split(name) == (layer, part) and not fit.is_unused(name)


@pytest.mark.parametrize("name", ["generator/dense/kernel/Adam", "generator/dense/kernel/Adam_1", "beta1_power",
    "a/bias/RMSProp_1", "a/.OPTIMIZER_SLOT/g_optimizer/m", "global_step", "main.1.num_batches_tracked"])  # fmt: skip
def test_names_that_are_no_weights(name):
    assert fit.is_unused(name)


# Files that the writing libraries drew from

OLD_FILES = Path(REAL_DATA or "").parent / "old_files"
WORDS = {
    "tf2": "dense batch_norm leaky_relu:0.3 reshape:7x7x32 conv_t batch_norm leaky_relu:0.3 conv_t:2 batch_norm "
    "leaky_relu:0.3 conv_t:2 tanh"
}


@pytest.mark.skipif(not REAL_DATA or not OLD_FILES.is_dir(), reason="there are no old files beside TFGAN_DATA")
def test_each_old_file_draws_what_the_writing_library_drew(record_property):
    worst = {}
    for folder in sorted(path.parent for path in OLD_FILES.glob("*/z.npy")):
        z, images = (np.load(folder / name) for name in ("z.npy", "images.npy"))
        words = WORDS.get(folder.name[:3])
        for path in sorted(each for each in folder.iterdir() if each.suffix in old.WEIGHT_FILES) or [folder]:
            found = old.read(path, layers=words and chain.parse(words))
            if folder.name == "tf1-dcgan-g_vars":  # of variables that the optimizer trains
                assert not any(part.startswith("moving") for parts in found.weights for part in parts)
                continue
            drawn = old_twin.draw(found, z).reshape(images.shape)
            worst[f"{folder.name}/{path.name}"] = np.abs(drawn - images).max()
    assert len(worst) > 30 and max(worst.values()) < 1e-5, worst
    record_property("summary", f"{len(worst)} old files: the largest difference is {max(worst.values()):.1e}")
