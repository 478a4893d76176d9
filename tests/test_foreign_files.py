"""Files of other programs, and links: no command writes to them, and none removes them."""

import os
import shutil

import numpy as np
import pytest

from tfgan_v1.storage import files


def content_of(folder):
    """What is in a folder: bytes, or where a link leads, by path."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {path: path.readlink() if path.is_symlink() else path.read_bytes() for path in paths}


WRITERS = {  # a command -> the names that it writes
    "sample --ckpt checkpoints --out samples/samples.png": ["samples.png"],
    "sample --ckpt checkpoints --out pictures/": ["seed-0.png"],
    "review samples": ["review.html", "evolution.png", "evolution.gif"],
    "evaluate --samples images.npy --dataset digits --metrics sliced_wasserstein --out s.json": ["s.json"],
}


@pytest.mark.parametrize("line", WRITERS)
def test_a_link_with_the_name_of_a_temporary_file_is_not_followed(line, finished, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    for folder in (finished.config.ckpt_folder, finished.config.samples_folder):
        shutil.copytree(folder, folder.name)
    os.makedirs("pictures")
    np.save("images.npy", finished.samples[-1])
    (tmp_path / "victim").write_text("of the user")
    for name in WRITERS[line]:
        for folder in ("samples", "pictures", "."):
            os.symlink(tmp_path / "victim", f"{folder}/.{name}.partial")
    before = content_of(tmp_path)
    code, _, err = command(*line.split())
    assert code == 0, err
    after = content_of(tmp_path)
    assert after[tmp_path / "victim"] == b"of the user"
    assert [path for path in after if ".partial" in path.name] == [path for path in before if ".partial" in path.name]


def test_a_finished_file_has_the_permissions_of_any_new_file(tmp_path):
    with files.replacing(tmp_path / "ours") as partial:
        partial.write_text("")
    (tmp_path / "other").write_text("")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_with_the_name_of_a_partial_folder_is_not_followed(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "photo.png").touch()
    (tmp_path / ".new.partial").symlink_to(tmp_path / "theirs")
    before = content_of(tmp_path)
    with pytest.raises(OSError), files.new_folder(tmp_path / "new"):
        pass
    assert content_of(tmp_path) == before
