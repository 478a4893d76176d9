"""Exports under the names of tf.layers and Keras: the installed Keras, and old scripts' own Savers, draw the same."""

import re
import runpy

import h5py
import numpy as np
import pytest

import export_runs
from conftest import REPOSITORY, thorough
from export_runs import Run
from tfgan_v1 import Generator, UserError, export, import_generator, train
from tfgan_v1.gan import chain
from tfgan_v1.gan.classic import tf
from tfgan_v1.storage import checkpoints

LAYERS = (
    "dense:12 elu dense:8 selu reshape:2x2x2 conv:3x3x4 gelu upsample conv_t:5x5x3:2 batch_norm:0.01 softplus "
    "dense:96 leaky_relu:0.3 reshape:8x12x1 linear"
)
RUNS = {
    **{
        f"{model} {channels}": Run(model, (8, 12, channels))
        for model in ("mlp", "conv", "dcgan", "dcgan_upsample")
        for channels in (1, 3)
    },
    "gaussian": Run("gaussian", (1,), data="gaussian"),
    "gaussian images": Run("gaussian"),
    "layers": Run("tuned", options={"clusters": "none", "noise_size": 7, "layers": LAYERS}),
}
D, N, C, T = "dense", "batch_normalization", "conv2d", "conv2d_transpose"
NAMES = {  # of each layer with weights, in order
    "mlp": [D, f"{D}_1"],
    "gaussian": [D, f"{D}_1"],
    "conv": [D, N, C, f"{N}_1", f"{C}_1", f"{N}_2", f"{C}_2"],
    "dcgan": [D, N, T, f"{N}_1", f"{T}_1", f"{N}_2", f"{T}_2", f"{N}_3", f"{T}_3"],
    "dcgan_upsample": [D, N, C, f"{N}_1", f"{C}_1"],
    "tuned": [D, f"{D}_1", C, T, N, f"{D}_2"],
}
PARTS = ("kernel", "bias"), ("scale", "offset", "moving_mean", "moving_variance")
THEIRS = {"scale": "gamma", "offset": "beta"}


@pytest.fixture(scope="module", params=RUNS)
def exported(request, tmp_path_factory):
    """(the run, its export, the right weights by layer/part, noise, the Generator's images of it)."""
    run, folder = RUNS[request.param], tmp_path_factory.mktemp("layers") / "a [1]*"
    config = export_runs.make(folder / "run", run)
    export(config.ckpt_folder, folder / "to", formats=["tf1", "keras"])
    with Generator.restore(config.ckpt_folder) as generator:
        noise, images = generator.latents(range(9)), generator(range(9))
    (folder.parent / "plain").symlink_to(folder)  # TensorFlow cannot read where there are special characters
    with tf.Graph().as_default(), tf.variable_scope("generator"):
        config.network.generator(tf.zeros([1, config.noise_size]), run.shape, None)
        ours = [*dict.fromkeys(each.op.name.rpartition("/")[0] for each in tf.global_variables())]
    values, right = tensors(folder.parent / "plain" / "run"), {}
    for layer, name in zip(ours, NAMES[run.model], strict=True):
        for part in PARTS[N in name]:
            right[f"{name}/{THEIRS.get(part, part)}"] = values.pop(f"{layer}/{part}")
    assert not values
    return run, folder.parent / "plain" / "to", right, noise, images


def tensors(checkpoint):
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def decoded(run, images):
    """Images in the network's range as those of a Generator."""
    if run.model in ("conv", "dcgan") or len(run.shape) == 1:
        return images
    return np.clip((images + 1) / 2, 0, 1)


def test_the_checkpoint_has_the_names_of_tf_layers_and_the_same_bits(exported):
    _, to, right, *_ = exported
    names = ["checkpoint", "generator.ckpt.data-00000-of-00001", "generator.ckpt.index"]
    assert sorted(path.name for path in (to / "tf1").iterdir()) == names
    assert (to / "tf1" / "checkpoint").read_text().startswith('model_checkpoint_path: "generator.ckpt"\n')
    assert same(tensors(to / "tf1"), {f"generator/{name}": value for name, value in right.items()})


def test_the_installed_keras_draws_the_same(exported):
    run, to, _, noise, images = exported
    model = runpy.run_path(str(to / "keras" / "generator.py"))["load"]()
    result = model.predict(noise, verbose=0)
    assert result.shape == images.shape and np.abs(decoded(run, result) - images).max() < 1e-5
    assert [layer.name for layer in model.layers if layer.weights] == NAMES[run.model]


def test_the_weights_have_the_layout_of_keras_2(exported):
    run, to, right, *_ = exported
    with h5py.File(to / "keras" / "generator_weights.h5") as file:
        assert (file.attrs["backend"], file.attrs["keras_version"]) == ("tensorflow", "2.4.0")
        layers = [name.decode() for name in file.attrs["layer_names"]]
        assert layers == NAMES[run.model] == sorted(file, key=layers.index)
        paths = [path.decode() for name in layers for path in file[name].attrs["weight_names"]]
        assert paths == [f"{name}:0" for name in right]  # in the order of Keras, layer by layer
        found = {path: file[path.partition("/")[0]][path][:] for path in paths}
        assert same({path.removesuffix(":0"): value for path, value in found.items()}, right)


def _doubled(x):
    return tf.image.resize_nearest_neighbor(x, [2 * side for side in x.shape.as_list()[1:3]])


def _norm(x):
    return tf.layers.batch_normalization(x, training=False)


def _old_conv(z, channels):
    x = tf.reshape(_norm(tf.layers.dense(z, 384, tf.nn.relu)), [-1, 2, 3, 64])
    for filters in (32, 16):
        x = _norm(tf.layers.conv2d(_doubled(x), filters, 3, padding="same", activation=tf.nn.relu))
    return tf.layers.conv2d(x, channels, 3, padding="same", activation=tf.sigmoid)


def _old_dcgan(z, channels):
    x = tf.reshape(tf.layers.dense(z, 768), [-1, 2, 3, 128])
    for filters, stride in ((128, 2), (64, 2), (32, 1), (channels, 1)):
        x = tf.layers.conv2d_transpose(tf.nn.relu(_norm(x)), filters, 5, stride, "same")
    return tf.sigmoid(x)


def _old_dcgan_upsample(z, channels):
    x = tf.reshape(_norm(tf.nn.leaky_relu(tf.layers.dense(z, 768), 0.2)), [-1, 2, 3, 128])
    x = tf.nn.leaky_relu(_norm(tf.layers.conv2d(_doubled(x), 64, 5, padding="same")), 0.2)
    return tf.layers.conv2d(_doubled(x), channels, 5, padding="same", activation=tf.tanh)


def _old_gaussian(z, channels):
    return tf.layers.dense(tf.layers.dense(z, 32, tf.nn.relu), channels)


OLD = {"conv": _old_conv, "dcgan": _old_dcgan, "dcgan_upsample": _old_dcgan_upsample, "gaussian": _old_gaussian}


def notebook_generator():
    """The function of the cell of the old notebook."""
    source = (REPOSITORY / "tests" / "helpers" / "old_notebook.py").read_text()
    names = {"tf": tf}
    exec(re.search(r"(?s)# %% Generator network\n(.*?)# %%", source)[1], names)
    return names["generator"]


@pytest.mark.parametrize(
    "exported", [each for each in RUNS if each not in ("layers", "gaussian images")], indirect=True
)
def test_the_saver_of_an_old_script_restores_it_and_its_graph_draws_the_same(exported):
    run, to, _, noise, images = exported
    with tf.Graph().as_default(), tf.Session() as session:
        z = tf.placeholder(tf.float32, [None, noise.shape[1]])
        if run.model == "mlp":
            drawn, _ = notebook_generator()(z, int(np.prod(run.shape)))
        else:
            with tf.variable_scope("generator"):
                drawn = OLD[run.model](z, run.shape[-1])
        saver = tf.train.Saver(tf.trainable_variables() if run.model == "mlp" else tf.global_variables("generator"))
        saver.restore(session, tf.train.latest_checkpoint(str(to / "tf1")))
        result = session.run(drawn, {z: noise}).reshape(images.shape)
    assert np.abs(decoded(run, result) - images).max() < 1e-5


REFUSED = {
    "tuned": (Run("tuned"), "its networks have layers that tf.layers and Keras lack"),
    "points": (Run("points", (2,), data="ring"), "its networks have layers that tf.layers and Keras lack"),
    "classes": (Run("mlp", classes=export_runs.ABC), "a conditional generator is no chain of layers"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("format", ["tf1", "keras"])
def test_what_they_cannot_express_is_one_sentence_that_names_the_other_formats(tmp_path, name, format):
    run, sentence = REFUSED[name]
    config = export_runs.make(tmp_path / "run", run)
    with pytest.raises(UserError, match=rf"^{sentence}.*; export .* by --format saved_model,onnx,npz,page$"):
        export(config.ckpt_folder, tmp_path / "to", formats=[format])
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("path", ["tf1", "keras/generator_weights.h5"])
@pytest.mark.parametrize("exported", [each for each in RUNS if each != "gaussian images"], indirect=True)
def test_imported_again_it_is_the_same_run(exported, tmp_path, path):
    """But for images of a preset for points, which have no range of their own."""
    run, to, _, noise, images = exported
    tuned = run.model == "tuned"
    layers = LAYERS if tuned else chain.text(chain.preset_chain(run.model, run.shape))  # images are not square here
    options = {"noise": "normal", "least": -1} if tuned else {}
    imported = import_generator(to / path, tmp_path / "run", layers=layers, **options)
    assert imported.config.model == run.model
    with Generator.restore(tmp_path / "run") as generator:
        assert np.array_equal(generator.from_latents(noise), images)


DISCRIMINATORS = {
    "mlp": [D, f"{D}_1"],
    "gaussian": [D, f"{D}_1"],
    "conv": [C, f"{C}_1", f"{C}_2", f"{C}_3", D],
    "dcgan": [C, f"{C}_1", f"{C}_2", f"{C}_3", D],
    "dcgan_upsample": [C, f"{C}_1", D],
}


@pytest.mark.parametrize(
    "model", [thorough(each) if each in ("conv", "dcgan", "dcgan_upsample") else each for each in DISCRIMINATORS]
)
def test_the_discriminator_is_exported_where_it_is_asked_for_and_training_goes_on_from_both(
    model, preset_run, tmp_path, command
):
    run = preset_run(model)
    config, shape = run.config, run.samples[0].shape[1:]
    state = tensors(checkpoints.newest_state(config.ckpt_folder).prefix)
    flags = ("--format", "tf1,keras", "--discriminator")
    assert command("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "to", *flags)[::2] == (0, "")
    found = tensors(tmp_path / "to" / "tf1")
    names = {name for name in found if name.startswith("discriminator/")}
    assert names == {f"discriminator/{name}/{part}" for name in DISCRIMINATORS[model] for part in PARTS[0]}
    images = np.random.default_rng(0).uniform(-1, 1, (4, *shape)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("discriminator", use_resource=True):
            logits = config.network.discriminator(tf.constant(images), None)
        session.run([each.assign(state[each.op.name]) for each in tf.global_variables()])
        right = session.run(logits)
    keras = runpy.run_path(str(tmp_path / "to" / "keras" / "discriminator.py"))["load"]()
    assert np.abs(keras.predict(images, verbose=0) - right).max() < 1e-5
    for folder in ("tf1", "keras") if config.network.convolutional else ():  # dense ones of 8x8 look like generators
        start = config.replace(name=folder, ckpt=tmp_path, samples=tmp_path, weights=tmp_path / "to" / folder, steps=1)
        assert train(start, verbose=0).step == 1


def test_a_discriminator_that_cannot_be_exported_is_one_sentence(tmp_path, command):
    def export_of(run, formats):
        folder = export_runs.make(tmp_path / f"run{len(list(tmp_path.iterdir()))}", run).ckpt_folder
        code, _, err = command("export", "--ckpt", folder, "--to", tmp_path / "to", "--discriminator", *formats)
        assert code == 2 and err.count("\n") == 1 and not (tmp_path / "to").exists()
        return err

    assert "--discriminator is for the formats tf1 and keras" in export_of(Run("mlp"), ["--format", "npz"])
    assert "holds a generator alone; leave out --discriminator" in export_of(Run("mlp"), ["--format", "keras"])
    packed = export_of(Run("mlp", options={"pack": 2}), ["--format", "tf1"])
    assert "its discriminator is no chain of layers that tf.layers and Keras have" in packed
