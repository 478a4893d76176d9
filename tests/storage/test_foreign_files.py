"""Files of other programs, and links: no command writes to them, and none removes them."""

import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import torch_pickles
from conftest import rewrite
from tfgan_v1 import Generator, UserError, files, streams
from tfgan_v1.storage import manifest, records


def content_of(folder):
    """What is in a folder: bytes, or where a link leads, by path."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {path: path.readlink() if path.is_symlink() else path.read_bytes() for path in paths}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, in which commands use checkpoints/ and samples/."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(finished, here):
    """The same, with a finished run in it."""
    for folder in (finished.config.ckpt_folder, finished.config.samples_folder):
        shutil.copytree(folder, folder.name)
    return here


WRITERS = {  # a command -> the names that it writes
    "sample --ckpt checkpoints --out samples/samples.png": ["samples.png"],
    "sample --ckpt checkpoints --out pictures/": ["seed-0.png"],
    "review samples": ["review.html", "evolution.png", "evolution.gif"],
    "evaluate --samples images.npy --dataset digits --metrics sliced_wasserstein --out s.json": ["s.json"],
}


@pytest.mark.parametrize("line", WRITERS)
def test_a_link_with_the_name_of_a_temporary_file_is_not_followed(line, finished, run, command):
    os.makedirs("pictures")
    np.save("images.npy", finished.samples[-1])
    (run / "victim").write_text("of the user")
    for name in WRITERS[line]:
        for folder in ("samples", "pictures", "."):
            os.symlink(run / "victim", f"{folder}/.{name}.partial")
    before = content_of(run)
    code, _, err = command(*line.split())
    assert code == 0, err
    after = content_of(run)
    assert after[run / "victim"] == b"of the user"
    assert [path for path in after if ".partial" in path.name] == [path for path in before if ".partial" in path.name]


def test_a_finished_file_has_the_permissions_of_any_new_file(tmp_path):
    with files.replacing(tmp_path / "ours") as partial:
        partial.write_text("")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_with_the_name_of_a_partial_folder_is_not_followed(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "photo.png").touch()
    (tmp_path / ".new.tfgan_v1.partial").symlink_to(tmp_path / "theirs")
    before = content_of(tmp_path)
    with pytest.raises(OSError), files.new_folder(tmp_path / "new"):
        pass
    assert content_of(tmp_path) == before


def test_a_record_that_is_a_link_is_not_opened(tmp_path):
    (tmp_path / "theirs.csv").write_text("theirs")
    (tmp_path / "losses.csv").symlink_to("theirs.csv")
    with pytest.raises(OSError):
        records.append_rows(tmp_path / "losses.csv", [(1, 2)])
    assert (tmp_path / "theirs.csv").read_text() == "theirs"


OLD = ("generator.ckpt-100.data-00000-of-00001", "generator.ckpt-100.index", "generator.ckpt-100.meta", "checkpoint")
QUICK = ("--dataset", "digits", "--epochs", 1, "--xla", "off")


def write(*paths):
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{path} of the user")


def old_checkpoint(folder="checkpoints"):
    """What a notebook for TensorFlow 1 leaves."""
    write(*(f"{folder}/{name}" for name in OLD))
    Path(folder, "checkpoint").write_text('model_checkpoint_path: "generator.ckpt-100"\n')


REFUSED = {  # a command line -> what its sentence says
    "train --dataset digits --epochs 1": "checkpoint.*--name NAME",
    "train --dataset digits --epochs 1 --overwrite": "checkpoint.*--name NAME",
    "train --dataset digits --epochs 1 --dry-run": "checkpoint.*--name NAME",
    "train --resume": "a TensorFlow checkpoint of another program",
    "sample": "a TensorFlow checkpoint of another program",
    "evaluate": "a TensorFlow checkpoint of another program",
    "export --ckpt checkpoints --to new": "a TensorFlow checkpoint of another program",
}


@pytest.mark.parametrize("line", REFUSED)
def test_no_command_touches_the_checkpoint_of_another_program_or_advises_to_overwrite_it(line, here, command):
    old_checkpoint()
    before = content_of(here)
    code, _, err = command(*line.split())
    assert code == 2 and re.search(REFUSED[line], err) and err.count("\n") == 1, err
    assert "another program" in err and "--overwrite" not in err
    assert content_of(here) == before and os.listdir() == ["checkpoints"]


def test_weights_that_are_damaged_start_no_run(here, command):
    old_checkpoint()
    before = content_of(here)
    code, _, err = command("train", "--dataset", "digits", "--epochs", 1, "--name", "new", "--weights", "checkpoints")
    assert code == 2 and "checkpoints cannot be imported: " in err and "--overwrite" not in err
    assert content_of(here) == before and os.listdir() == ["checkpoints"]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A folder of what other programs save: a folder or a file for each."""
    import h5py

    from tfgan_v1._tensorflow import tf

    folder = tmp_path_factory.mktemp("old")
    for name in ("tf 1", "keras", "torch", "saved_model"):
        (folder / name).mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("generator/dense/kernel", [3, 2])
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "tf 1" / "model.ckpt"))
    with h5py.File(folder / "keras" / "generator.h5", "w") as file:
        file["kernel"] = [1.0]
    with zipfile.ZipFile(folder / "generator.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    state = {"main.0.weight": torch_pickles.Tensor(np.zeros([3, 2], np.float32))}
    (folder / "torch" / "g.pth").write_bytes(torch_pickles.save_zip(state))
    (folder / "old.pth").write_bytes(torch_pickles.save_old(state))
    (folder / "v1.ckpt").write_bytes((folder / "tf 1" / "model.ckpt.index").read_bytes())  # one file before 0.12
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"\x08\x01")
    return folder


CHECKPOINT, KERAS, TORCH = "a TensorFlow checkpoint of another program", r"a Keras file \(", "a PyTorch file"
WEIGHTS = {  # a path -> what it is, and what opens it
    "tf 1": (rf"holds {CHECKPOINT} \(model.ckpt\)", "tfgan import '{0}/tf 1' --to FOLDER"),
    **{
        f"tf 1/model.ckpt{end}": (f"is {CHECKPOINT}", "tfgan import '{0}/tf 1/model.ckpt' --to FOLDER")
        for end in ("", ".index", ".meta", ".data-00000-of-00001")
    },
    "v1.ckpt": (f"is {CHECKPOINT}", "tfgan import {0}/v1.ckpt --to FOLDER"),
    "tf 1/checkpoint": (f"is {CHECKPOINT}", "tfgan import '{0}/tf 1' --to FOLDER"),
    "keras": (rf"holds {KERAS}HDF5\) \(generator.h5\)", "tfgan import {0}/keras/generator.h5 --to FOLDER"),
    "keras/generator.h5": (f"is {KERAS}HDF5", "tfgan import {0}/keras/generator.h5 --to FOLDER"),
    "generator.keras": (rf"is {KERAS}.keras", "tfgan import {0}/generator.keras --to FOLDER"),
    "torch": (rf"holds {TORCH} \(g.pth\)", "tfgan import {0}/torch/g.pth --to FOLDER"),
    "torch/g.pth": (f"is {TORCH}", "tfgan import {0}/torch/g.pth --to FOLDER"),
    "old.pth": (f"is {TORCH}", "tfgan import {0}/old.pth --to FOLDER"),
    "saved_model": ("holds a SavedModel", "tf.saved_model.load('{0}/saved_model')"),
}


@pytest.mark.parametrize("line", ["sample --ckpt", "evaluate --ckpt", "export --to x --ckpt", "review"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_another_program_are_named_with_the_command_that_opens_them(name, line, old, here, command):
    before = content_of(old)
    code, _, err = command(*line.split(), old / name)
    kind, opens = WEIGHTS[name]
    assert code == 2 and re.search(f"{re.escape(name)},? (which )?{kind}", err), err
    assert f"; {opens.format(old)} opens it" in err and err.count("\n") == 1
    assert content_of(old) == before and os.listdir() == []


def test_in_python_the_function_is_named(old):
    with streams.speaking(flags=False):
        with pytest.raises(UserError) as error:
            Generator.restore(old / "tf 1")
        assert str(error.value).endswith(f'; tfgan_v1.import_generator("{old}/tf 1", to) opens it')


def test_a_file_in_place_of_a_folder_is_called_a_file(here, command):
    write("notes.txt")
    assert "notes.txt is a file and no run's folder; name a run's folder" in command("sample", "--ckpt", "notes.txt")[2]


@pytest.mark.parametrize("flags", [[], ["--overwrite"]])
@pytest.mark.parametrize("name", ["train_samples.pkl", "losses.csv", "evolution.png", "sheets/1.png", "tensorboard/x"])
def test_records_of_another_program_are_refused_and_stay(name, flags, here, command):
    write(f"samples/{name}")
    before = content_of(here)
    code, _, err = command("train", *QUICK, *flags)
    assert code == 2 and f"samples holds files of another program ({name.split('/')[0]})" in err and "--name" in err
    assert content_of(here) == before


def test_files_of_other_names_do_not_hinder_a_run_and_stay(here, command):
    theirs = ["checkpoints/model.h5", "checkpoints/other.ckpt-5.index", "checkpoints/generator.ckpt-mine.index"]
    theirs += ["samples/notes.txt", "samples/1.png"]
    write(*theirs)
    before = content_of(here)
    for flags in ([], ["--overwrite"], ["--resume", "--epochs", 2]):
        assert command("train", *(flags if "--resume" in flags else [*QUICK, *flags]))[0] == 0
        assert before.items() <= content_of(here).items()


BESIDE = [  # what another program may leave in the folders of a run
    "checkpoints/generator.ckpt-51.meta",
    "checkpoints/generator.ckpt-7.index",
    "checkpoints/best.ckpt-7.data-00000-of-00001",
]


@pytest.mark.parametrize("flags", [["--resume", "--epochs", 4], [*QUICK, "--overwrite"]])
@pytest.mark.parametrize("path", BESIDE)
def test_a_checkpoint_of_another_program_beside_those_of_a_run_is_refused_and_stays(path, flags, run, command):
    write(path)
    before = content_of(run)
    code, _, err = command("train", *flags)
    assert code == 2 and "another program" in err and "--name" in err
    assert content_of(run) == before


def test_a_checkpoint_that_a_trainer_removes_meanwhile_is_not_called_another_program_s(run, command, monkeypatch):
    is_ours = manifest.is_ours

    def removed_first(prefix):
        for path in prefix.parent.glob(f"{prefix.name}.*"):
            path.unlink()
        return is_ours(prefix)

    monkeypatch.setattr(manifest, "is_ours", removed_first)
    assert "another program" not in command("train", "--resume", "--epochs", 4)[2]


def test_another_program_s_list_of_checkpoints_stays(run, command):
    Path("checkpoints/checkpoint").write_text('model_checkpoint_path: "model.ckpt-100"\n')
    assert "another program (checkpoint)" in command("train", *QUICK, "--overwrite")[2]


DAMAGES = {
    "a flipped bit": lambda path: path.write_bytes(path.read_bytes().replace(b'"smooth"', b'"smooti"')),
    "no JSON": lambda path: path.write_bytes(b"{"),
    "another format": lambda path: rewrite(path, lambda content: content.update(format=2)),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_still_ours_to_overwrite(damage, run, command):
    damage(Path("checkpoints/config.json"))
    write("samples/sheets/family.png", "samples/sheets/7.png", "checkpoints/train_state/notes.txt")
    before = content_of(run)
    code, _, err = command("train", *QUICK)
    assert code == 0 and "this one is named mlp-2" in err and before.items() <= content_of(run).items()
    assert command("train", *QUICK, "--overwrite")[0] == 0
    assert {path.name for path in Path("checkpoints").glob("*ckpt-*")} == {
        path.name for path in manifest.files_of(Path("checkpoints/generator.ckpt-17"))
    }
    theirs = ("samples/sheets/family.png", "samples/sheets/7.png", "checkpoints/train_state/notes.txt")
    assert {run / each for each in theirs} <= {*content_of(run)}


LINKS = ["samples/sheets", "samples/tensorboard", "checkpoints/train_state", "checkpoints/train_state/step-99"]


@pytest.mark.parametrize("flags", [["--resume", "--epochs", 4], [*QUICK, "--overwrite"]])
@pytest.mark.parametrize("path", LINKS)
def test_nothing_is_written_or_deleted_behind_a_link_to_a_folder(path, flags, run, command):
    write("photos/20240101.png", "photos/000001.png", "photos/step-99", "photos/events.out.tfevents.1")
    if Path(path).exists():
        shutil.move(path, "away")
        shutil.copytree("away", "photos", dirs_exist_ok=True)
    os.symlink(run / "photos", path)
    before = content_of(run)
    code, _, err = command("train", *flags)
    assert code == 2 and f"{path} is a link" in err and err.count("\n") == 1, err
    assert content_of(run) == before


def test_the_folders_of_a_run_may_themselves_be_links(here, command):
    for name in ("checkpoints", "samples"):
        (here / "disk" / name).mkdir(parents=True)
        os.symlink(here / "disk" / name, name)
    for flags in (QUICK, [*QUICK, "--overwrite"], ["--resume", "--epochs", 2]):
        assert command("train", *flags)[0] == 0
    assert (here / "disk" / "checkpoints" / "generator.ckpt-34.index").exists() and Path("samples").is_symlink()


OUTPUTS = {  # a command that writes files whose names the user did not give -> the names
    "review holiday.pkl": ["holiday.html", "holiday.png", "holiday.gif"],
    "review holiday.pkl --out album": ["album/holiday.html", "album/holiday.png", "album/holiday.gif"],
    "review samples --out album": ["album/review.html", "album/evolution.png", "album/evolution.gif"],
    "review samples": ["samples/evolution.gif"],
    "review old": ["old/review.html", "old/evolution.png", "old/evolution.gif"],
    "sample --ckpt checkpoints --num 2": ["samples/samples.png"],
    "sample --ckpt checkpoints --num 2 --out album/": ["album/seed-0.png", "album/seed-1.png"],
    "evaluate --ckpt checkpoints --num 20 --metrics nearest": ["samples/scores.json", "samples/nearest.png"],
    "evaluate --ckpt checkpoints --num 20 --metrics nearest --out s.json": ["s_nearest.png"],
}


@pytest.mark.plots
@pytest.mark.parametrize("line", OUTPUTS)
def test_a_file_of_the_user_is_not_replaced_where_the_user_did_not_name_it_and_ours_is(line, run, command):
    for path in ("holiday.pkl", "old/train_samples.pkl"):
        Path(path).parent.mkdir(exist_ok=True)
        shutil.copy("samples/train_samples.pkl", path)
    Path("album").mkdir()
    argv, before = line.split(), content_of(run)
    for name in OUTPUTS[line]:
        for put in (lambda path: write(path), lambda path: os.symlink(run / "samples/losses.csv", path), os.makedirs):
            put(name)
            there = content_of(run)
            code, _, err = command(*argv)
            assert code == 2 and f"{name} " in err and err.count("\n") == 1, err
            assert content_of(run) == there
            Path(name).rmdir() if put is os.makedirs else Path(name).unlink()
    assert content_of(run) == before
    for _ in range(2):  # the second call replaces what the first has written
        code, _, err = command(*argv)
        assert code == 0, err
    assert {run / name for name in OUTPUTS[line]} <= {*content_of(run)}


def test_a_file_that_the_user_names_is_replaced(run, command):
    write("mine.png")
    assert command("sample", "--ckpt", "checkpoints", "--out", "mine.png")[0] == 0
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")
