"""Every preset from its first step to its records."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from conftest import tensors
from custom_parts import MODEL, SQUARES
from small_runs import copied
from tfgan_v1 import Config, Generator, UserError, files, load_samples, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers, models
from tfgan_v1.report import diagnosis
from tfgan_v1.report.pictures import plots_of
from tfgan_v1.storage import checkpoints, run_folder

RANDOM = np.random.default_rng(0)
CONVOLUTIONAL = [name for name, model in models.MODELS.items() if model.convolutional]


@pytest.mark.slow
@pytest.mark.parametrize("model", models.MODELS)
def test_a_seed_has_the_same_image_in_every_call(preset_run, model):
    with Generator.restore(preset_run(model).config.ckpt_folder) as generator:
        images = generator(range(70))
        shape = (1,) if model == "gaussian" else (8, 8, 3)
        assert images.shape == (70, *shape) and np.isfinite(images).all() and len({i.tobytes() for i in images}) == 70
        assert model == "gaussian" or (images.min() >= 0 and images.max() <= 1)
        assert np.array_equal(generator([69, 3]), images[[69, 3]])


@pytest.mark.parametrize("model", CONVOLUTIONAL)
def test_every_step_is_recorded_and_samples_are_drawn_every_n_steps(preset_run, model):
    progress = preset_run(model)
    config = progress.config
    assert [row.step for row in progress.losses] == [1, 2, 3, 4, 5, 6] and progress.sample_steps == [2, 4, 6]
    assert [row.epoch for row in progress.losses] == [1, 1, 1, 1, 1, 2]  # five batches of 8 are an epoch
    samples = load_samples(config.samples_folder / "train_samples.pkl")
    assert [sample.shape for sample in samples] == [(4, 8, 8, 3)] * 3
    sheets = sorted(path.name for path in config.samples_folder.glob("sheets/*"))
    assert sheets == (["000002.png", "000004.png", "000006.png"] if model == "dcgan_upsample" else [])
    if sheets:
        last = (config.samples_folder / "last_samples.png").read_bytes()
        assert (config.samples_folder / "sheets" / "000006.png").read_bytes() == last


def test_a_run_in_steps_prints_step_n_of_m(small, capsys):
    train(small(steps=5))
    lines = capsys.readouterr().out.splitlines()[3:]
    assert [line.split("... ")[0] for line in lines] == ["Step 2/5", "Step 4/5", "Step 5/5"]


def test_a_run_shorter_than_sample_every_has_last_samples_png(small):
    config = small(steps=1)
    assert train(config).samples == [] and load_samples(config.samples_folder / "train_samples.pkl") == []
    with Image.open(config.samples_folder / "last_samples.png") as sheet:
        assert len(np.unique(np.asarray(sheet))) > 10


@pytest.mark.slow
def test_gaussian_reports_kl_divergence_and_moments(small, capsys):
    config = small(model="gaussian", mean=3.0, std=0.5)
    progress = train(config)
    rows = list(csv.DictReader((config.samples_folder / "statistics.csv").open()))
    assert [(row["step"], row["epoch"]) for row in rows] == [("6", "2"), ("12", "4"), ("18", "6")]
    assert abs(float(rows[0]["real_mean"]) - 3) < 0.1 and abs(float(rows[0]["real_variance"]) - 0.25) < 0.05
    assert np.isclose(float(rows[-1]["fake_mean"]), progress.samples[-1].mean(), rtol=1e-4)
    assert "KL " in capsys.readouterr().out and progress.samples[-1].shape == (10_000, 1)
    assert {path.name for path in config.samples_folder.glob("*.png")} == {
        *("last_samples.png", "evolution.png", "losses.png", "probabilities.png", "divergence.png")
    }


@pytest.mark.slow
def test_gaussian_learns_a_normal_distribution(tmp_path):
    """Published: 1,000 epochs. The mean within 0.15, the deviation within 15 %, the divergence below 0.3."""
    progress = train(Config(model="gaussian", ckpt=tmp_path / "c", samples=tmp_path / "s"))
    fake = progress.samples[-1]
    rows = list(csv.DictReader((tmp_path / "s" / "statistics.csv").open()))
    assert len(rows) == 100 and float(rows[-1]["kl_divergence"]) < 0.3
    assert abs(fake.mean() - float(rows[-1]["real_mean"])) < 0.15
    assert abs(fake.std() / np.sqrt(float(rows[-1]["real_variance"])) - 1) < 0.15


@pytest.mark.slow
def test_weights_start_a_run_from_both_networks_of_another(small, preset_run):
    first = preset_run("dcgan").config
    still = {"d_lr": 1e-30, "g_lr": 1e-30}
    second = small("second", "dcgan", 3, weights=first.ckpt_folder, seed=5, steps=2, **still)
    train(second)
    before, after = (tensors(checkpoints.newest_state(run.ckpt_folder).prefix) for run in (first, second))
    kernels = [name for name in before if name.endswith("kernel")]
    assert len(kernels) == 10 and all(after[name] == before[name] for name in kernels)
    train(second.replace(steps=4), resume=True)


@pytest.mark.slow
def test_weights_of_another_model_are_refused(small, preset_run):
    second = small("second", "conv", weights=preset_run("dcgan").config.ckpt_folder)
    with pytest.raises(UserError, match="does not fit this configuration"):
        train(second)
    assert not (second.ckpt_folder / "config.json").exists()


@pytest.mark.slow
def test_a_resume_and_samples_need_the_custom_parts_of_the_run(small, preset_run, command):
    config = small(steps=2, d_batches="separate")
    train(config, model=MODEL, loss=SQUARES)
    for parts in ({}, {"model": MODEL}):
        with pytest.raises(UserError, match=r"started with a custom model and a custom loss; .* model=\.\.\., loss="):
            train(config.replace(steps=4), resume=True, **parts)
    with Generator.restore(config.ckpt_folder, model=MODEL) as generator:
        assert generator().shape == (16, 8, 8, 1)
    with pytest.raises(UserError, match="does not fit this configuration"):
        Generator.restore(config.ckpt_folder, model=models.MODELS["mlp"])
    code, _, err = command("sample", "--ckpt", config.ckpt_folder)
    assert code == 2 and "Generator.restore(folder, model=...)" in err and err.count("\n") == 1
    right = r"the built-in networks, loss and optimizers, .*; leave out model=\.\.\.$"
    with pytest.raises(UserError, match=right):
        Generator.restore(preset_run("mlp").config.ckpt_folder, model=MODEL)


@pytest.mark.parametrize(
    "model, loss, right",
    [
        (MODEL._replace(generator=lambda z, shape, training: layers.dense(z, 64, "flat")), None, r"\[2, 8, 8, 1\]"),
        (MODEL._replace(discriminator=lambda images, training: layers.conv2d(images, 1, 3, "map")), None, r"\[2, 1\]"),
        (MODEL._replace(discriminator=lambda images, training: images[:, 0, 0]), None, "no trainable variables"),
        (None, SQUARES._replace(d_fake=lambda logits, labels: logits**2), r"loss's d_fake must .* shape \[\]"),
    ],
)
def test_wrong_outputs_of_custom_parts_are_refused(small, model, loss, right):
    config = small()
    with pytest.raises(UserError, match=right):
        train(config, model=model, loss=loss)
    assert not (config.ckpt_folder / "config.json").exists()


@pytest.fixture
def pictures(tmp_path):
    """A folder of five pictures of three sizes, one of them broken."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for i, size in enumerate([(30, 40), (20, 20), (64, 8), (50, 50)]):
        Image.fromarray(RANDOM.integers(0, 256, (*size, 3), np.uint8)).save(folder / "deep" / f"{i}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder


@pytest.mark.slow
def test_files_that_cannot_be_decoded_are_listed_in_files_csv(pictures, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--model", "dcgan_upsample", "--dataset", pictures, "--image-size", "8x12", "--steps", 2]
    code, out, err = command("train", *flags, "--sample-every", 1, "--num-samples", 2, "--batch-size", 6)
    assert code == 0 and out.splitlines()[3].startswith("Step 1/2")
    left_out, few = err.splitlines()
    assert (
        "1 of 5 files" in left_out and "broken.png" in left_out and "has 4 images: the generator can only copy" in few
    )
    rows = list(csv.reader((tmp_path / "samples" / "files.csv").open()))
    assert [name for name, why in rows[1:] if not why] == [f"deep/{i}.png" for i in range(4)]
    assert [name for name, why in rows[1:] if why] == ["broken.png"]
    assert load_samples("samples/train_samples.pkl")[0].shape == (2, 8, 12, 3)

    code, _, err = command("train", "--overwrite", "--strict", *flags)
    assert code == 2 and "broken.png" in err and err.count("\n") == 1
    assert load_samples("samples/train_samples.pkl")  # nothing was lost

    os.rename(pictures, tmp_path / "elsewhere")  # the run is known by its pixels
    code, out, _ = command("train", "--resume", "--dataset", tmp_path / "elsewhere", "--steps", 3)
    assert code == 0 and out.splitlines()[3].startswith("Step 3/3")


@pytest.mark.slow
def test_a_run_in_steps_can_be_resumed_in_epochs(small, command):
    config = small()
    train(config)
    code, out, _ = command("train", "--resume", "--epochs", 2, "--ckpt", config.ckpt, "--samples", config.samples)
    assert code == 0 and out.splitlines()[3].startswith("Epoch 2/2")
    progress = train(config.replace(epochs=2, steps=None, sample_every=1), resume=True)
    assert progress.sample_steps == [2, 4, 6, 10]  # in steps up to the sixth, then in epochs of five


def test_d_first_longer_than_the_run_is_refused(small):
    with pytest.raises(UserError, match="--d-first 6 leaves no step for the generator in a run of 6 steps"):
        train(small(d_first=6))


def test_points_are_saved_as_arrays_or_a_density_plot_but_not_as_single_images(small, command, tmp_path):
    config = small(model="gaussian", epochs=1)
    train(config)
    for out in ("points.npy", "density.png"):
        code, out_text, _ = command("sample", "--ckpt", config.ckpt, "--out", tmp_path / out)
        assert code == 0 and out_text.startswith("Drew 1,000 points")
    code, _, err = command("sample", "--ckpt", config.ckpt, "--out", f"{tmp_path}/each/")
    assert code == 2 and "a .png, which shows them" in err and not (tmp_path / "each").exists()


@pytest.mark.parametrize("distribution, low", [("unit", 0.5), ("uniform", 0.1), ("normal", 0.0)])
def test_seeds_use_the_noise_distribution_of_the_run(small, distribution, low):
    """Of a generator that shows its noise, through tanh: what is never negative is never darker than gray."""

    def show(noise, shape, training):
        return tf.reshape(noise * tf.get_variable("w", [], initializer=tf.ones_initializer()), [-1, *shape])

    model = MODEL._replace(generator=show)
    config = small(noise=distribution, noise_size=64, g_lr=1e-30, steps=1)
    train(config, model=model)
    with Generator.restore(config.ckpt_folder, model=model) as generator:
        darkest = generator(range(64)).min()
    assert (
        darkest >= low
        and (distribution == "normal" or darkest < low + 0.05)
        and (distribution != "normal" or darkest < 0.1)
    )


def test_a_failure_is_said_once_with_its_steps_and_is_on_the_page(small, monkeypatch, capsys):
    limits = diagnosis.KINDS["d_won"]._replace(limits={"d_g_z": 1.0, "d_x": 0.0}, rows=2, steps=2)
    monkeypatch.setitem(diagnosis.KINDS, "d_won", limits)
    config = small(record="steps", chunk=2)
    train(config)
    said = capsys.readouterr().err
    assert said.count("the discriminator overpowers the generator") == 1 and "seen from step 1 to 6" in said
    found = files.read_json(config.samples_folder / "review.json")["diagnosis"]
    assert [(each["kind"], each["x"], each["end"]) for each in found] == [("d_won", 1, 6)]
    assert b'"kind": "d_won"' in (config.samples_folder / "review.html").read_bytes()


@pytest.mark.slow
def test_plots_are_labeled_with_epochs_or_steps(small, monkeypatch):
    drawn = {}
    monkeypatch.setattr("tfgan_v1.report.pictures.plots_of", lambda *args: drawn.update(plots_of(*args)) or drawn)

    def curve(name):
        (ax,) = drawn[name].axes
        return ax.get_xlabel(), list(ax.lines[0].get_xdata())

    train(small())
    (ax,) = drawn["evolution.png"].axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["step 0", "step 2", "step 4", "step 6"]
    assert curve("losses.png") == ("step", [2, 4, 6])
    train(small("points", "gaussian"))
    assert [ax.get_title() for ax in drawn["evolution.png"].axes][:3] == ["epoch 2", "epoch 4", "epoch 6"]
    assert curve("divergence.png") == ("epoch", [2, 4, 6])
    divergences = drawn["divergence.png"].axes[0].lines[0].get_ydata()
    assert np.allclose(divergences, sorted(divergences, reverse=True), rtol=0.5)


def test_custom_networks_may_have_any_image_size(tmp_path):
    np.save(tmp_path / "images.npy", RANDOM.integers(0, 256, (20, 10, 10, 1), np.uint8))
    flat = MODEL._replace(
        generator=lambda z, shape, training: tf.reshape(layers.dense(z, 100, "d"), [-1, *shape]),
        discriminator=lambda x, training: layers.dense(tf.reshape(x, [-1, 100]), 1, "d"),
    )
    places = {"ckpt": tmp_path / "c", "samples": tmp_path / "s"}
    config = Config(model="dcgan", dataset=tmp_path / "images.npy", steps=2, batch_size=4, **places)
    progress = train(config, model=flat)
    assert progress.config.xla == "off" and progress.step == 2


@pytest.mark.slow
def test_relative_paths_in_config_json_work_from_another_folder(small, tmp_path, monkeypatch):
    first = small("first")
    train(first)
    monkeypatch.chdir(tmp_path)
    second = small("second", dataset="images_1.npy", weights="first/checkpoints", steps=2)
    train(second)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    saved = run_folder.read(Config(ckpt=second.ckpt)).config
    assert (saved.dataset, saved.weights) == (str(tmp_path / "images_1.npy"), str(tmp_path / "first" / "checkpoints"))
    assert train(saved.replace(steps=4, ckpt=second.ckpt, samples=second.samples), resume=True).step == 4
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config(dataset="~/images_1.npy").dataset == str(tmp_path / "images_1.npy")


@pytest.mark.parametrize("model", ["gaussian", "dcgan_upsample"])
def test_overwrite_removes_every_file_that_a_run_writes(small, preset_run, model):
    config = copied(small(model=model), preset_run(model).config)
    run_folder.clear(config)
    left = [path.name for folder in (config.ckpt_folder, config.samples_folder) for path in folder.iterdir()]
    assert set(left) - {"real_images.png"} == {".lock"}  # which --dry-run writes, too
