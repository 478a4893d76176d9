"""Old weights as a run: what it draws, what is asked for, what training starts from; nothing old is touched."""

import hashlib

import numpy as np
import pytest

import old_files
import torch_pickles
from tfgan_v1 import Generator, UserError, import_generator, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import chain
from tfgan_v1.storage import run_folder

NOISE = np.linspace(-1, 1, 5 * 100, dtype=np.float32).reshape(5, 100)


def dense(x, units, name):
    kernel = tf.get_variable(
        f"{name}/kernel", [x.shape.as_list()[1], units], initializer=tf.random_normal_initializer(0, 0.1, 1)
    )
    return tf.matmul(x, kernel) + tf.get_variable(
        f"{name}/bias", [units], initializer=tf.random_normal_initializer(0, 0.1, 2)
    )


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The folder of a run of the old notebook: generator.ckpt with both networks, .meta beside; and what G draws."""
    folder = tmp_path_factory.mktemp("old")
    with tf.Graph().as_default(), tf.Session() as session:
        z = tf.placeholder(tf.float32, [None, 100])
        with tf.variable_scope("generator"):
            hidden = dense(z, 128, "dense")
            images = tf.tanh(dense(tf.maximum(0.01 * hidden, hidden), 784, "dense_1"))
        with tf.variable_scope("discriminator"):
            hidden = dense(images, 128, "dense")
            dense(tf.maximum(0.01 * hidden, hidden), 1, "dense_1")
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "generator.ckpt"), global_step=100)
        return folder, session.run(images, {z: NOISE}).reshape(5, 28, 28, 1)


def tensors(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def content(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_an_old_checkpoint_draws_what_its_notebook_drew_and_stays_as_it_is(notebook, tmp_path, command):
    folder, expected = notebook
    before = content(folder)
    code, out, err = command("import", folder, "--to", tmp_path / "new")
    assert code == 0 and "dense:128 leaky_relu:0.01 dense:784 reshape:28x28x1 tanh" in out and "model mlp" in out
    assert "its noise is that of mlp" in err
    with Generator.restore(tmp_path / "new") as generator:
        assert generator.step == 100
        np.testing.assert_allclose(generator.from_latents(NOISE) * 2 - 1, expected, atol=1e-6)
    assert content(folder) == before
    code, _, err = command("import", tmp_path / "new", "--to", tmp_path / "again")
    assert code == 2 and "it is a run of tfgan_v1" in err and not (tmp_path / "again").exists()
    saved = run_folder.read(run_folder.Config(ckpt=tmp_path / "new"))
    assert saved.config.model == "mlp" and saved.config.layers is None and saved.imported


def test_layers_that_no_preset_has_are_a_run_too(notebook, tmp_path, command):
    folder, _ = notebook
    layers = "dense elu dense sigmoid"
    done = import_generator(folder, tmp_path / "new", layers=layers, noise="normal")
    assert (done.config.model, done.layers) == ("tuned", "dense:128 elu dense:784 reshape:28x28x1 sigmoid")
    with Generator.restore(tmp_path / "new") as generator:
        images = generator.from_latents(NOISE)
        assert generator.noise == "normal" and 0.1 < images.std() < 0.5
    assert command("export", "--ckpt", tmp_path / "new", "--to", tmp_path / "out")[0] == 0
    assert (tmp_path / "out/generator.html").is_file() and (tmp_path / "out/generator.json").is_file()
    code, _, err = command("evaluate", "--ckpt", tmp_path / "new")
    assert code == 2 and "was imported; name real images like its own by --dataset" in err


@pytest.mark.parametrize(
    "options, right",
    [
        ({"layers": "dense elu dense sigmoid"}, "give it by --noise"),
        ({"layers": "dense relu dense"}, "give --range -1,1 or 0,1"),
        ({"layers": "dense relu dense tanh", "image": (32, 32, 3)}, "makes 784 numbers"),
        (
            {"layers": "dense relu dense reshape:14x14x4 tanh", "noise": "normal"},
            "make 14x14x4, and images have 1 or 3",
        ),
        ({"layers": "dense relu dense reshape:28x28x1 tanh", "image": (28, 28, 3)}, "28x28x1; leave out --image"),
        ({"layers": "dense:64 relu dense tanh"}, "dense:128 by its weights, and dense:64 by its layers"),
        ({"layers": "dense relu tanh"}, "left over"),
        ({"scope": "decoder"}, "no variables in the scope decoder"),
    ],
)
def test_what_is_missing_is_one_sentence_and_nothing_is_written(notebook, tmp_path, options, right):
    with pytest.raises(UserError, match=right):
        import_generator(notebook[0], tmp_path / "new", **options)
    assert not [*tmp_path.iterdir()]


def test_what_is_in_the_folder_stays(notebook, tmp_path):
    mine = tmp_path / "config.json"
    mine.write_text("mine")
    for to, right in ((tmp_path, r"has something in it \(config.json\)"), (mine, "is a file; name a new")):
        with pytest.raises(UserError, match=right):
            import_generator(notebook[0], to)
    assert [*tmp_path.iterdir()] == [mine] and mine.read_text() == "mine"


def test_missing_averages_are_those_of_generated_images(tmp_path):
    """A Saver of the trainable variables alone, as in the notebook; its averages were of standard normal inputs."""
    random = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("generator"):
            kernels = {"dense/kernel": random.normal(size=(100, 64)), "dense/bias": random.normal(size=64)}
            kernels |= {"batch_normalization/gamma": np.ones(64), "batch_normalization/beta": np.zeros(64)}
            for name, value in kernels.items():
                tf.get_variable(name, initializer=value.astype(np.float32))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "generator.ckpt"), write_meta_graph=False)
    done = import_generator(
        tmp_path / "generator.ckpt", tmp_path / "new", layers="dense batch_norm tanh", noise="normal"
    )
    assert "averages of batch_norm are missing" in done.notes[-1]
    found = tensors(tmp_path / "new" / "generator.ckpt-0")
    variance = (kernels["dense/kernel"] ** 2).sum(0)
    np.testing.assert_allclose(found["generator/batch_norm/moving_variance"], variance, rtol=0.1)
    error = np.abs(found["generator/batch_norm/moving_mean"] - kernels["dense/bias"]) / np.sqrt(variance)
    assert error.max() < 0.08


@pytest.mark.parametrize(
    "words, image", [("dense batch_norm reshape:4x6x3 tanh", None), ("dense batch_norm tanh", (4, 6, 3))]
)
def test_rows_of_numbers_become_images_in_pytorchs_order(tmp_path, words, image):
    """nn.Linear, nn.BatchNorm1d, and a view as [n, 3, 4, 6]: channels before rows and columns."""
    random = np.random.default_rng(0)
    shapes = {
        "0.weight": (72, 100),
        **dict.fromkeys(("0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"), 72),
    }
    state = {name: random.uniform(0.1, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    (tmp_path / "netG.pth").write_bytes(torch_pickles.save_zip(old_files.torch_tensors(state)))
    import_generator(tmp_path / "netG.pth", tmp_path / "new", layers=words, noise="normal", image=image)
    rows = NOISE @ state["0.weight"].T + state["0.bias"] - state["1.running_mean"]
    rows = rows / np.sqrt(state["1.running_var"] + 1e-5) * state["1.weight"] + state["1.bias"]
    expected = np.tanh(rows).reshape(-1, 3, 4, 6).transpose(0, 2, 3, 1)
    with Generator.restore(tmp_path / "new") as generator:
        np.testing.assert_allclose(generator.from_latents(NOISE) * 2 - 1, expected, atol=1e-5)


def test_training_starts_from_both_networks_of_an_old_checkpoint(notebook, small, tmp_path):
    folder, _ = notebook
    config = small(model="mlp", image_size=28, weights=folder, steps=1, d_lr=1e-30, g_lr=1e-30)
    train(config)
    saved, reader = tensors(config.ckpt_folder / "train_state/step-1/state"), tf.train.load_checkpoint(str(folder))
    for ours, theirs in (
        ("generator/hidden/kernel", "generator/dense/kernel"),
        ("discriminator/logits/bias", "discriminator/dense_1/bias"),
    ):
        np.testing.assert_array_equal(saved[ours], reader.get_tensor(theirs))


def test_training_starts_from_an_imported_generator_with_a_new_discriminator(notebook, small, tmp_path, capsys):
    done = import_generator(notebook[0], tmp_path / "new", layers="dense elu dense sigmoid", noise="normal")
    config = small(weights=done.folder, image_size=28, steps=1, g_lr=1e-30)
    progress = train(config)
    assert "so the discriminator starts anew" in capsys.readouterr().err
    assert progress.config.layers == chain.text(chain.parse(done.layers)) and progress.config.noise == "normal"
    one, other = (
        tensors(each) for each in (done.folder / "generator.ckpt-100", config.ckpt_folder / "generator.ckpt-1")
    )
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
    assert train(small(image_size=28, steps=2, g_lr=1e-30), resume=True).step == 2


def test_what_does_not_fit_is_one_sentence(notebook, small, tmp_path):
    with pytest.raises(UserError, match="not those of the generator here; give its --model"):
        train(small(model="dcgan", image_size=28, weights=notebook[0], steps=1))
    with pytest.raises(UserError, match=r"generator/hidden/kernel is \[100, 128\] there and \[7, 128\] here"):
        train(small(model="mlp", image_size=28, weights=notebook[0], steps=1, noise_size=7))
    done = import_generator(notebook[0], tmp_path / "new")
    with pytest.raises(
        UserError, match="imported generator without a discriminator; start a run from it with --weights"
    ):
        train(small("new", ckpt=str(done.folder)), resume=True)
