"""A run's two folders: which run may start there, and that no other file is changed."""

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from conftest import rewrite
from tfgan_v1 import Config, UserError, files
from tfgan_v1.storage import classes, manifest, names, run_folder

FACTS = {"name": "digits", "num_images": 10, "image_shape": [28, 28, 1], "sha256": "0"}


@pytest.fixture
def config(tmp_path):
    return Config(dataset="digits", ckpt=tmp_path / "checkpoints", samples=tmp_path / "samples")


@pytest.fixture
def started(config):
    """The configuration of a run whose folders hold a config.json."""
    with run_folder.locked(config):
        run_folder.write(run_folder.Saved(config, FACTS, run_folder.made_by(), "0123"))
    return config


def test_a_configuration_is_read_back_with_the_folders_of_the_reader(started, tmp_path):
    (tmp_path / "checkpoints").rename(tmp_path / "moved")
    moved = Config(ckpt=tmp_path / "moved")
    saved = run_folder.read(moved)
    assert saved.data == FACTS and saved.made_by == run_folder.made_by()
    assert saved.config == Config(dataset="digits", ckpt=tmp_path / "moved") and saved.run_id == "0123"


def test_a_folder_with_a_run_is_refused_and_the_message_has_three_alternatives(started):
    with pytest.raises(UserError, match=r"already holds a run.*--resume.*--name NAME.*--overwrite"):
        run_folder.check_can_start(started, resume=False, overwrite=False)
    assert run_folder.check_can_start(started, resume=False, overwrite=True) is None
    assert run_folder.check_can_start(started, resume=True, overwrite=False).data == FACTS
    with pytest.raises(UserError, match="give one of them"):
        run_folder.check_can_start(started, resume=True, overwrite=True)


def test_records_of_another_run_in_the_samples_folder_are_not_overwritten(config):
    config.samples_folder.mkdir()
    (config.samples_folder / "losses.csv").write_text("step,epoch,d_loss,g_loss,\n")
    with pytest.raises(
        UserError, match=r"already holds a run's records \(losses\.csv\); .*--samples.*--name.*--overwrite"
    ):
        run_folder.check_can_start(config, resume=False, overwrite=False)


@pytest.mark.parametrize("name", ["train_state", "generator.ckpt-17.data-00000-of-00001", "checkpoint"])
def test_an_error_says_that_config_json_is_missing_and_what_to_do(started, name):
    folder = started.ckpt_folder
    (folder / "config.json").unlink()
    prefix = folder / ("train_state/step-1/state" if name == "train_state" else "generator.ckpt-17")
    prefix.parent.mkdir(parents=True, exist_ok=True)
    for path in (*manifest.files_of(prefix)[:-1], *([folder / name] if name == "checkpoint" else [])):
        path.touch()
    manifest.write(prefix, "0123", manifest.step_of(prefix), {})
    missing = rf"holds a run \({re.escape(name)}\) but its config\.json is missing; restore config\.json from a copy"
    with pytest.raises(UserError, match=rf"already {missing} to continue with --resume,.*--name.*--overwrite") as error:
        run_folder.check_can_start(started, resume=False, overwrite=False)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=rf"{missing}, name another folder with --ckpt, .*--overwrite") as error:
        run_folder.check_can_start(started, resume=True, overwrite=False)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=rf"{missing}, name another folder with --weights"):
        run_folder.read(started, by="--weights")
    assert run_folder.check_can_start(started, resume=False, overwrite=True) is None


CHANGES = [("seed", 1), ("batch_size", 5), ("smooth", 0.2), ("xla", "off"), ("num_samples", 4)]


@pytest.mark.parametrize("option, value", CHANGES)
def test_an_option_that_affects_results_cannot_change_on_resume(started, option, value):
    changed = Config(**{"dataset": "digits", "ckpt": started.ckpt, "samples": started.samples, option: value})
    row = rf"--{option.replace('_', '-')} +{getattr(Config(), option)} +{value}$"
    with pytest.raises(UserError, match=rf"started with other options; .*--name NAME\n +then +now\n  {row}"):
        run_folder.check_can_start(changed, resume=True, overwrite=False)


def test_epochs_and_chunk_may_change_on_resume(started):
    changed = Config(epochs=1000, chunk=3, ckpt=started.ckpt, samples=started.samples)
    assert run_folder.check_can_start(changed, resume=True, overwrite=False)


def test_overwrite_removes_the_files_of_a_run_and_nothing_else(started):
    folder, samples = started.ckpt_folder, started.samples_folder
    (folder / "train_state" / "step-1").mkdir(parents=True)
    (folder / "train_state" / "step-1" / "state.index").touch()
    (folder / "other").mkdir()
    (samples / "sheets").mkdir()
    (samples / "losses.csv").write_text("step,epoch,d_loss,g_loss,\n")
    ours = [
        *manifest.files_of(folder / "generator.ckpt-17"),
        folder / "checkpoint",
        samples / "losses.csv",
        samples / "train_samples.pkl",
        samples / "sheets" / "000017.png",
    ]
    theirs = [
        folder / "model.h5",
        folder / "other.ckpt-5.index",
        samples / "sheets" / "family.png",
        folder / "notes.txt",
        folder / "generator.ckpt-notes.txt",
        folder / "other" / "config.json",
        samples / "favorite.png",
        samples / "samples.png",
    ]
    for path in (*ours, *theirs):
        path.touch()
    run_folder.clear(started)
    assert not any(path.exists() for path in (*ours, folder / "config.json", folder / "train_state"))
    assert all(path.exists() for path in theirs)


NAMES = [
    "train_state",
    "Train_State",
    "generator.ckpt-x.json",
    "config.json",
    "checkpoint",
    ".tfgan_v1.partial",
    ".lock",
    "samples.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_runs_file_is_refused_as_the_name_of_a_run(name):
    with pytest.raises(UserError, match=f"--name {name} is reserved"):
        run_folder.check_can_start(Config(name=name), resume=False, overwrite=False)


def test_relative_paths_are_saved_as_absolute_ones(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config.ckpt_folder.mkdir()
    run_folder.write(run_folder.Saved(Config(ckpt=config.ckpt, data_dir="data"), FACTS, {}, ""))
    assert run_folder.read(config).config.data_dir == str(tmp_path / "data")


def test_a_folder_is_locked_for_one_trainer(config, tmp_path):
    elsewhere = Config(ckpt=tmp_path / "elsewhere", samples=config.samples)
    with run_folder.locked(config):
        for other in (config, elsewhere):
            with pytest.raises(UserError, match="another process is training"), run_folder.locked(other):
                pass
    with run_folder.locked(elsewhere):
        pass


def test_both_folders_may_be_the_same(tmp_path):
    with run_folder.locked(Config(ckpt=tmp_path / "one", samples=tmp_path / "one" / ".." / "one")):
        pass


def test_the_lock_ends_with_its_process(config):
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from tfgan_v1 import Config
from tfgan_v1.storage import run_folder
with run_folder.locked(Config(ckpt={config.ckpt!r}, samples={config.samples!r})):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with run_folder.locked(config):
        pass


def damage(folder, change):
    rewrite(folder / "config.json", change)


DAMAGES = {
    "not JSON": lambda folder: (folder / "config.json").write_text("{"),
    "bytes": lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"),
    "nested too deep": lambda folder: (folder / "config.json").write_text("[" * 100_000),
    "a list": lambda folder: (folder / "config.json").write_text("[]"),
    "another format": lambda folder: damage(folder, lambda c: c.update(format=99)),
    "no data": lambda folder: damage(folder, lambda c: c.pop("data")),
    "a mistyped key": lambda folder: damage(folder, lambda c: c["config"].update(batchsize=3)),
    "a wrong value": lambda folder: damage(folder, lambda c: c["config"].update(epochs=-1)),
    "a list for a model": lambda folder: damage(folder, lambda c: c["config"].update(model=["mlp"])),
    "no run id": lambda folder: damage(folder, lambda c: c.pop("run_id")),
    "no shape": lambda folder: damage(folder, lambda c: c["data"].update(image_shape=3)),
    "a huge shape": lambda folder: damage(folder, lambda c: c["data"].update(image_shape=[10**6, 10**6, 1])),
}


@pytest.mark.parametrize("do", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_configuration_is_an_error_of_one_sentence_with_its_path(started, do):
    do(started.ckpt_folder)
    with pytest.raises(UserError) as error:
        run_folder.read(started)
    assert str(started.ckpt_folder / "config.json") in str(error.value) and "\n" not in str(error.value)


CLASSES = {"classes": ["cat", "dog"], "class_counts": [4, 6]}
NO_TEXT, NO_DICT = [None, 5, [], {}, True], [None, 5, "", "x", [], [1], True]
NO_LIST = [
    None,
    5,
    "",
    "ab",
    {},
    {"a": 1},
    True,
    [None] * 2,
    [{}, []],
    [True] * 2,
    [-1, 1],
    [float("nan")] * 2,
    [10**40] * 2,
]
WRONG = {  # an entry of config.json -> values that no run writes there
    **{("data", name): NO_TEXT for name in ("name", "sha256", "labels_sha256")},
    ("data", "num_images"): [None, -1, 1.5, "x", True, 10**30, [1]],
    ("data", "image_shape"): [*NO_LIST, [], [28, 28, 2], [28, 4097, 1], [0, 28, 1], [0], [2**24], [28, 28]],
    ("data", "classes"): [*NO_LIST, [], ["a"], ["a"] * 2, [1, 2]],
    ("data", "class_counts"): [*NO_LIST, [], [4], [0, 0], [1.5, 2], ["4", "6"]],
    ("data",): NO_DICT,
    ("made_by",): [*NO_DICT, {"numpy": []}, {"numpy?": {}}, {"": None}],
    ("run_id",): NO_TEXT,
    ("custom",): [*NO_LIST, ["\x1b[31m"], "model"],
}


@pytest.mark.parametrize("place", WRONG, ids="-".join)
def test_a_value_that_no_run_writes_is_an_error_whatever_the_checksum_says(config, place):
    facts, (*outer, key) = FACTS | CLASSES | {"labels_sha256": "1"}, place
    config.ckpt_folder.mkdir()
    for value in WRONG[place]:
        run_folder.write(run_folder.Saved(config.replace(conditional=True), facts, {"numpy": "2"}, "0"))
        assert run_folder.read(config).data == facts
        damage(config.ckpt_folder, lambda c: (c["data"] if outer else c).update({key: value}))  # noqa: B023
        with pytest.raises(UserError, match=r"config\.json is damaged \(ValueError: a value is not") as error:
            run_folder.read(config)
        assert str(error.value).isprintable()


def test_other_names_of_the_classes_are_other_labels_whatever_the_checksums_say(config):
    saved = run_folder.Saved(config, FACTS | CLASSES | {"labels_sha256": "1"}, {}, "0")
    classes.check_same(config, saved.data, saved, "")
    with pytest.raises(UserError, match="other labels than the run"):
        classes.check_same(config, saved.data | {"classes": ["cow", "dog"]}, saved, "")


def test_the_cache_is_a_place_of_this_machine_and_not_of_the_run(config, tmp_path):
    config.ckpt_folder.mkdir()
    run_folder.write(run_folder.Saved(config.replace(cache_dir=tmp_path / "mine"), FACTS, {}, "0"))
    assert "cache_dir" not in (config.ckpt_folder / "config.json").read_text()
    damage(config.ckpt_folder, lambda c: c["config"].update(cache_dir=str(tmp_path / "theirs")))
    assert run_folder.read(config).config.cache_dir is None
    asked = config.replace(cache_dir=tmp_path / "mine")
    assert run_folder.read(asked).config.cache_dir == str(tmp_path / "mine")


CHANGED = {
    "an option": (b'"smooth": 0.1', b'"smooth": 0.2'),
    "a flipped bit": (b'"digits"', b'"eigits"'),
    "the checksum": (b'"sha256": "', b'"sha256": "0'),
    "no checksum": (b'"sha256"', b'"sha255"'),
}


@pytest.mark.parametrize("before, after", CHANGED.values(), ids=CHANGED)
def test_an_edited_configuration_is_an_error(started, before, after):
    path = started.ckpt_folder / "config.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(before, after))
    assert path.read_bytes() != content
    with pytest.raises(UserError, match=r"config\.json cannot be used: it was changed or damaged .* from a copy"):
        run_folder.read(started)


def test_the_json_layout_of_a_configuration_does_not_matter(started):
    path = started.ckpt_folder / "config.json"
    saved = run_folder.read(started)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert run_folder.read(started) == saved


def test_partial_files_of_a_killed_run_are_removed_and_nothing_else(started):
    folder, samples = started.ckpt_folder, started.samples_folder
    ours = [
        folder / ".config.json.01234567.partial",
        folder / ".checkpoint.01234567.partial",
        folder / ".tfgan_v1.partial" / "generator.ckpt-1.index",
        folder / "train_state" / ".tfgan_v1.partial" / "state.index",
        folder / "train_state" / "step-1" / ".state.json.01234567.partial",
        samples / ".train_samples.pkl.01234567.partial",
        samples / ".losses.csv.01234567.partial",
        samples / ".evolution.png.01234567.partial",
        samples / "sheets" / ".000001.png.01234567.partial",
    ]
    theirs = [
        folder / "config.json",
        folder / ".notes.txt.partial",
        folder / ".partial" / "notes.txt",
        folder / "faces" / ".config.json.partial",
        folder / "train_state" / "step-1" / "state.json",
        samples / ".samples.png.partial",  # sample.py may be writing it
        samples / "my.partial",
        samples / "sheets" / ".cat.png.partial",
        samples / "sheets" / "000001.png",
    ]
    for path in (*ours, *theirs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    run_folder.remove_partials(started)
    assert not any(path.exists() for path in ours) and not (folder / ".tfgan_v1.partial").exists()
    assert all(path.exists() for path in theirs)
    (folder / ".tfgan_v1.partial").symlink_to(samples)
    run_folder.remove_partials(started)
    assert not (folder / ".tfgan_v1.partial").exists() and samples.exists()


def test_a_missing_or_empty_folder_is_an_error_of_one_sentence(config):
    with pytest.raises(UserError, match=r"there is no folder .*--ckpt"):
        run_folder.read(config)
    config.ckpt_folder.mkdir()
    with pytest.raises(UserError, match=r"holds no run.*--ckpt"):
        run_folder.read(config)


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with files.replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_synced_before_it_replaces_another(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(run_folder.os, "fsync", lambda _: calls.append("fsync"))
    monkeypatch.setattr(run_folder.os, "replace", lambda *_: calls.append("replace"))
    with files.replacing(tmp_path / "file") as partial:
        partial.write_text("new")
    assert calls == ["fsync", "replace"]


def fails(number, only=lambda *_: True):
    def call(*args):
        if only(*args):
            raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_a_file_keeps_others_out_and_the_folder_is_named(config, capsys, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", fails(number))
    with run_folder.locked(config):
        held = config.ckpt_folder / ".lock.held"
        assert re.fullmatch(f"warning: no locks on .*{held} and .* a kill\n", capsys.readouterr().err)
        with (
            pytest.raises(UserError, match=f"another .*, or remove {held} if it was"),
            run_folder.locked(config),
        ):
            pass
    with run_folder.locked(config):  # it was released
        pass


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_untouched(config, tmp_path):
    (tmp_path / "victim").write_text("mine")
    config.ckpt_folder.mkdir()
    (config.ckpt_folder / ".lock").symlink_to(tmp_path / "victim")
    for refused in (run_folder.is_taken, lambda config: run_folder.locked(config).__enter__()):
        with pytest.raises(UserError, match=r"\.lock is a link"):
            refused(config)
    assert (tmp_path / "victim").read_text() == "mine" and not config.samples_folder.exists()


def test_after_an_error_only_folders_with_content_stay(config, tmp_path):
    config = config.replace(ckpt=tmp_path / "new" / "checkpoints")
    (tmp_path / "samples").mkdir()
    with pytest.raises(ZeroDivisionError), run_folder.locked(config):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]


def test_the_loser_of_two_starts_removes_nothing_of_the_winner(config, monkeypatch):
    """Who made the folders does not matter: another process may take the lock before."""
    first, lock = config.ckpt_folder, run_folder._lock
    with ExitStack() as winner:

        def late(folder):
            winner.enter_context(lock(folder))
            return lock(folder)

        monkeypatch.setattr(run_folder, "_lock", late)
        with pytest.raises(UserError, match="another process is training"), run_folder.locked(config):
            pass
        assert [path.name for path in first.iterdir()] == [names.LOCK]


def is_folder(descriptor):
    return os.path.isdir(f"/proc/self/fd/{descriptor}")


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF]
)
def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", fails(number, is_folder))
    files.sync(tmp_path)
    with files.new_folder(tmp_path / "new") as partial:
        (partial / "file").touch()
    assert (tmp_path / "new" / "file").exists()


def test_an_error_of_the_disk_names_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fails(errno.EINVAL))  # a file on a special file system
    files.write(tmp_path / "file", "old")
    monkeypatch.setattr(os, "fsync", fails(errno.EIO))
    for call in (files.sync, lambda path: files.write(path, "new")):
        with pytest.raises(OSError, match=os.strerror(errno.EIO)) as error:
            call(tmp_path / "file")
        assert str(tmp_path) in error.value.filename
    assert (tmp_path / "file").read_text() == "old"
