"""What `train --dry-run` says about a run that it does not start."""

import os
import shutil

import pytest


def test_a_dry_run_says_first_what_matters_and_leaves_one_picture(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["train", "--dry-run", "--dataset", "digits", "--name", "faces", "--seed", 5]
    code, out, err = command(*flags)
    assert (code, err) == (0, "") and "--resume," not in out
    assert out.splitlines()[:5] == [
        "digits: 1,797 images of 28x28x1, 10 classes",
        "as the networks see them: samples/faces/real_images.png",
        "generator: 114,064 parameters",
        "discriminator: 100,609 parameters",
        "steps: 1,700 of 100, 17 per epoch",
    ]
    assert out.splitlines()[7:] == ["  --name faces", "  --seed 5", "  --dataset digits"]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "samples" / "faces" / "real_images.png"]
    assert "--smooth 0.1" in command(*flags, "--verbose")[1]
    assert command("train", *flags[2:], "--epochs", 1, "--xla", "off")[0] == 0  # the picture keeps no run out


PARAMETERS = {  # of the generator and the discriminator
    "conv": ("70,465 parameters, 64,097 of them", "7,697"),
    "gaussian": ("577", "97"),
    "dcgan": ("1,301,505 parameters, 1,300,801 of them", "1,080,577"),
    "dcgan_upsample": ("865,281 parameters, 852,609 of them", "212,865"),
    "tuned": ("238,180 parameters, 237,988 of them", "837,345"),
}


@pytest.mark.parametrize("model", PARAMETERS)
def test_a_dry_run_counts_the_parameters_of_every_preset(command, tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    data = [] if model == "gaussian" else ["--dataset", "digits"]
    code, out, err = command("train", "--model", model, *data, "--clusters", "none", "--dry-run")
    assert (code, err) == (0, "") and all(count in out for count in PARAMETERS[model])


def test_a_dry_run_describes_a_run_whose_folders_are_taken_and_says_what_to_add(
    command, finished, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for theirs, name in ((finished.config.ckpt_folder, "checkpoints"), (finished.config.samples_folder, "samples")):
        for copy in (name, f"{name}/mine"):
            shutil.copytree(theirs, copy, dirs_exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = command("train", "--dry-run", "--dataset", "digits", "--name", "mine")
    assert (code, err) == (0, "") and "114,064" in out and sorted(tmp_path.rglob("*")) == before
    assert out.endswith("already hold a run: to train, add --resume, --overwrite or --name NAME\n")
    code, out, err = command("train", "--dry-run", "--dataset", "digits")  # would be numbered, and is not refused
    assert code == 0 and "so this one is named mlp-2" in err and "checkpoints in checkpoints/mlp-2" in out
    assert sorted({*tmp_path.rglob("*")} - {*before}) == [
        tmp_path / "samples/mlp-2",
        tmp_path / "samples/mlp-2/real_images.png",
    ]


TOO_LONG = "a" * 300


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--ckpt", "/dev/null"], "/dev/null: Not a directory"),
        (["--samples", "/dev/null/samples"], "Not a directory"),
        (["--name", TOO_LONG], "File name too long"),
        (["--ckpt", TOO_LONG], "File name too long"),
        (["--ckpt", "/proc/run"], "/proc/run"),
    ],
)
def test_a_dry_run_refuses_the_folders_that_a_run_refuses(command, tmp_path, monkeypatch, flags, reason):
    monkeypatch.chdir(tmp_path)
    for dry_run in (["--dry-run"], []):
        code, out, err = command("train", "--dataset", "digits", *flags, *dry_run)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert reason in err and len(err) < 250 and os.listdir(tmp_path) == []
