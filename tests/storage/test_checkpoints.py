"""Checkpoints: their content, their verification, and folders of any name."""

import errno
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tfgan_v1 import Config, UserError
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, manifest, run_folder

DATA = {"name": "digits", "num_images": 10, "image_shape": [28, 28, 1], "sha256": "0"}


def start_run(folder, run_id="0"):
    """Writes the config.json of a run."""
    run_folder.write(run_folder.Saved(Config(ckpt=folder), DATA, {}, run_id))


@pytest.fixture(autouse=True)
def _run(tmp_path):
    start_run(tmp_path)


class Weights:
    """A session with two variables, one of them the generator's, filled with one value."""

    def __init__(self, value, shape=(2, 3), name="kernel", run_id="0"):
        self.graph = tf.Graph()
        with self.graph.as_default():
            initial = tf.constant_initializer(value)
            g = tf.get_variable(f"generator/{name}", shape, initializer=initial, use_resource=True)
            other = tf.get_variable("discriminator/kernel", [4], initializer=initial, use_resource=True)
            self.generator = checkpoints.make_saver([g], run_id)
            self.state = checkpoints.make_saver([g, other], run_id)
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())
            self.value = g

    def __enter__(self):
        self.context = self.graph.as_default()
        self.context.__enter__()
        return self

    def __exit__(self, *exception):
        self.session.close()
        self.context.__exit__(*exception)


def save(folder, step, value=None, run_id="0"):
    with Weights(step if value is None else value, run_id=run_id) as weights:
        checkpoints.save_generator(weights.generator, weights.session, folder, step)
        checkpoints.save_state(weights.state, weights.session, folder, step, {"num_samples": step})


def restored(folder, find=checkpoints.newest_state):
    """(step, value) of the newest checkpoint."""
    checkpoint = find(folder)
    with Weights(-1) as weights:
        saver = weights.state if find is checkpoints.newest_state else weights.generator
        checkpoints.restore(saver, weights.session, checkpoint)
        return checkpoint.step, weights.session.run(weights.value)[0, 0]


def test_latest_checkpoint_finds_a_generator_checkpoint_with_the_generator_alone(finished):
    folder = finished.config.ckpt_folder
    latest = tf.train.latest_checkpoint(str(folder))
    assert latest == str(folder / "generator.ckpt-51")
    shapes = dict(tf.train.list_variables(latest))
    assert shapes == {
        "generator/hidden/bias": [128],
        "generator/hidden/kernel": [100, 128],
        "generator/logits/bias": [784],
        "generator/logits/kernel": [128, 784],
    }


def test_a_plain_saver_restores_a_generator(finished):
    latest = tf.train.latest_checkpoint(str(finished.config.ckpt_folder))
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("generator/hidden"):
            kernel = tf.get_variable("kernel", [100, 128])
        tf.train.Saver([kernel]).restore(session, latest)
        assert np.array_equal(session.run(kernel), tf.train.load_variable(latest, "generator/hidden/kernel"))


@pytest.mark.parametrize("name", ["plain", "run[1]*", "what?", "two words", "한글", "{a,b}", "back\\slash"])
def test_folders_of_any_name_work(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    start_run(folder)
    save(folder, 5)
    assert restored(folder) == (5, 5)
    assert restored(folder, checkpoints.newest_generator) == (5, 5)
    shutil.move(folder, tmp_path / "moved*")
    assert restored(tmp_path / "moved*", checkpoints.newest_generator) == (5, 5)


def test_the_newest_by_step_number_are_kept_and_found(tmp_path):
    for step in (8, 9, 10, 11, 100, 101, 102):
        save(tmp_path, step)
    assert restored(tmp_path) == restored(tmp_path, checkpoints.newest_generator) == (102, 102)
    kept = sorted(int(path.stem.split("-")[1]) for path in tmp_path.glob("generator.ckpt-*.json"))
    assert kept == [10, 11, 100, 101, 102] and len(list(tmp_path.glob("generator.ckpt-*"))) == 3 * 5
    assert sorted(path.name for path in (tmp_path / "train_state").iterdir()) == ["step-101", "step-102"]


DAMAGES = {
    "a flipped bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001", "json"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_replaced_by_an_older_one_and_none_left_is_an_error(tmp_path, capsys, suffix, damage):
    for step in (1, 2):
        save(tmp_path, step)
    damage(tmp_path / f"generator.ckpt-2.{suffix}")
    damage(tmp_path / "train_state" / "step-2" / f"state.{suffix}")
    assert restored(tmp_path) == restored(tmp_path, checkpoints.newest_generator) == (1, 1)
    assert "is damaged; using" in capsys.readouterr().err
    damage(tmp_path / f"generator.ckpt-1.{suffix}")
    damage(tmp_path / "train_state" / "step-1" / f"state.{suffix}")
    with pytest.raises(UserError, match="no generator checkpoint to use"):
        checkpoints.newest_generator(tmp_path)
    with pytest.raises(UserError, match="no state to continue from"):
        checkpoints.newest_state(tmp_path)


FIND = {"state": checkpoints.newest_state, "generator": checkpoints.newest_generator}


@pytest.mark.parametrize("find", FIND.values(), ids=FIND)
def test_another_runs_checkpoint_is_not_used_and_the_message_says_so(tmp_path, capsys, find):
    save(tmp_path, 1)
    save(tmp_path, 2, run_id="1")
    assert restored(tmp_path, find) == (1, 1)
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "belongs to another run than config.json; using " in message
    start_run(tmp_path, run_id="2")
    with pytest.raises(
        UserError, match=r"to (use|continue from) \(.*-2.* belongs to another run .*, and .*-1"
    ) as error:
        find(tmp_path)
    assert "\n" not in str(error.value) and not capsys.readouterr().err


def test_another_runs_checkpoint_of_the_same_step_is_replaced(tmp_path):
    save(tmp_path, 1, value=7, run_id="1")
    save(tmp_path, 1)
    assert restored(tmp_path) == restored(tmp_path, checkpoints.newest_generator) == (1, 1)


CHANGED = {"its facts": ('"num_samples": 2', '"num_samples": 3'), "its step": ('"step": 2', '"step": 3')}


@pytest.mark.parametrize("before, after", CHANGED.values(), ids=CHANGED)
def test_a_checkpoint_with_an_edited_manifest_is_not_used(tmp_path, before, after):
    for step in (1, 2):
        save(tmp_path, step)
    path = tmp_path / "train_state" / "step-2" / "state.json"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert checkpoints.newest_state(tmp_path).step == 1


def test_a_state_in_the_folder_of_another_step_is_not_used(tmp_path):
    save(tmp_path, 1)
    shutil.copytree(tmp_path / "train_state" / "step-1", tmp_path / "train_state" / "step-5")
    assert checkpoints.newest_state(tmp_path).step == 1


@pytest.mark.parametrize("content", ["[]", "{}", '{"step": 2, "facts": {}, "files": {}}', "[" * 100_000])
def test_a_checkpoint_with_a_malformed_manifest_is_not_used(tmp_path, content):
    save(tmp_path, 2)
    (tmp_path / "generator.ckpt-2.json").write_text(content)
    with pytest.raises(UserError, match="no generator checkpoint to use"):
        checkpoints.newest_generator(tmp_path)


def test_a_file_of_another_size_is_not_read(tmp_path, monkeypatch):
    save(tmp_path, 10)
    data = manifest.files_of(tmp_path / "generator.ckpt-10")[0]
    assert manifest.verified(tmp_path / "generator.ckpt-10").step == 10
    os.truncate(data, 2**36)  # sparse: it takes no place on the disk
    monkeypatch.setattr(manifest, "_sums", lambda _: pytest.fail("read"))
    assert manifest.verified(tmp_path / "generator.ckpt-10") is None


def test_a_large_file_is_hashed_in_little_memory(tmp_path):
    save(tmp_path, 10)
    os.truncate(manifest.files_of(tmp_path / "generator.ckpt-10")[0], 2**26)
    tracemalloc.start()
    try:
        manifest.write(tmp_path / "generator.ckpt-10", "0", 10, {})
        assert manifest.verified(tmp_path / "generator.ckpt-10") and tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_run_that_saved_nothing_has_no_state(tmp_path):
    assert checkpoints.newest_state(tmp_path) is None


def test_an_error_names_the_tensor_of_another_models_checkpoint(tmp_path):
    save(tmp_path, 1)
    checkpoint = checkpoints.newest_generator(tmp_path)
    for options in ({"shape": (2, 4)}, {"name": "weights"}):
        with (
            Weights(0, **options) as weights,
            pytest.raises(UserError, match="configuration: generator/kernel"),
        ):
            checkpoints.restore(weights.generator, weights.session, checkpoint)


def test_a_damaged_state_of_the_same_step_is_replaced(tmp_path):
    save(tmp_path, 1)
    DAMAGES["cut off"](tmp_path / "train_state" / "step-1" / "state.index")
    save(tmp_path, 1)
    assert restored(tmp_path) == (1, 1)


def test_an_intact_state_of_the_same_step_is_kept(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 1, value=2)
    assert restored(tmp_path) == (1, 1)


def test_changed_facts_are_saved_without_writing_the_tensors_again(tmp_path):
    save(tmp_path, 1)
    before = (tmp_path / "train_state" / "step-1" / "state.index").stat().st_ino
    with Weights(2) as weights:
        checkpoints.save_state(weights.state, weights.session, tmp_path, 1, {"num_samples": 7})
    assert checkpoints.newest_state(tmp_path).facts == {"num_samples": 7} and restored(tmp_path) == (1, 1)
    assert (tmp_path / "train_state" / "step-1" / "state.index").stat().st_ino == before


def test_a_damaged_later_state_is_removed_when_the_run_continues_from_an_earlier_one(tmp_path):
    for step in (1, 2):
        save(tmp_path, step)
    DAMAGES["empty"](tmp_path / "train_state" / "step-2" / "state.index")
    checkpoints.remove_after(tmp_path, 1)
    assert [path.name for path in (tmp_path / "train_state").iterdir()] == ["step-1"]
    save(tmp_path, 3)
    assert sorted(path.name for path in (tmp_path / "train_state").iterdir()) == ["step-1", "step-3"]


def test_incomplete_generators_are_removed_and_files_of_other_programs_are_not(tmp_path):
    for step in (1, 9):
        save(tmp_path, step)
    DAMAGES["missing"](tmp_path / "generator.ckpt-9.data-00000-of-00001")  # the first step of a removal
    for name in ("generator.ckpt-7.json", "generator.ckpt-7.meta", "generator.ckpt-8.json"):
        shutil.copy(tmp_path / "generator.ckpt-1.json", tmp_path / name)
    names = "mine-1.index", "01.index", "x.index", "3.index", "3.data-00000-of-00001", "7.meta", "7.json"
    theirs = [tmp_path / f"generator.ckpt-{name}" for name in names]
    for path in theirs:
        path.touch()
    checkpoints.remove_after(tmp_path, 2)
    assert {*tmp_path.glob("generator.ckpt-*")} == {*theirs, *manifest.files_of(tmp_path / "generator.ckpt-1")}
    for step in range(20, 26):
        save(tmp_path, step)
    assert {*theirs} < {*tmp_path.glob("generator.ckpt-*")} and not (tmp_path / "generator.ckpt-1.json").exists()


def test_the_manifest_is_there_whenever_another_file_of_a_generator_is(tmp_path, monkeypatch):
    """So that a kill at any moment leaves nothing that looks like another program's."""
    states = []
    for module, name in ((os, "replace"), (Path, "unlink")):
        real = getattr(module, name)

        def spy(*args, real=real, **options):
            real(*args, **options)
            states.append({path.suffix for path in tmp_path.glob("generator.ckpt-1.*")})

        monkeypatch.setattr(module, name, spy)
    save(tmp_path, 1)
    checkpoints.remove_after(tmp_path, 0)
    assert {".json"} in states and all(".json" in each for each in states if each)


def test_generators_of_later_steps_are_removed(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step)
    checkpoints.remove_after(tmp_path, 3)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "generator.ckpt-3")
    checkpoints.remove_after(tmp_path, 1)
    assert restored(tmp_path, checkpoints.newest_generator) == (1, 1)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "generator.ckpt-1")
    assert len(list(tmp_path.glob("generator.ckpt-*"))) == 3
    checkpoints.remove_after(tmp_path, 0)
    assert {path.name for path in tmp_path.rglob("*")} == {"config.json", "train_state"}


def test_a_state_keeps_its_facts(tmp_path):
    save(tmp_path, 3)
    assert checkpoints.newest_state(tmp_path).facts == {"num_samples": 3}


def test_a_failed_save_leaves_the_last_checkpoint_and_no_partial_files(tmp_path, monkeypatch):
    save(tmp_path, 1)
    before = sorted(path.name for path in tmp_path.rglob("*"))

    def fail(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.Saver, "save", fail)
    for attempt in (checkpoints.save_generator, lambda *args: checkpoints.save_state(*args, {})):
        with Weights(2) as weights, pytest.raises(UserError, match=r"no checkpoint .* written.*No space left") as error:
            attempt(weights.generator, weights.session, tmp_path, 2)
        assert error.value.exit_code == 3
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert restored(tmp_path) == (1, 1)


def test_a_state_that_the_system_cannot_read_is_an_error_and_not_passed_over(tmp_path, monkeypatch):
    """It may be intact; if an older one were used, it would be removed."""
    (tmp_path / "train_state" / "step-17").mkdir(parents=True)

    def failing(path, read=manifest.files.read_json):
        if path.name == "state.json":
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(manifest.files, "read_json", failing)
    with pytest.raises(UserError, match=r"cannot be read \(Input/output error"):
        checkpoints.newest_state(tmp_path)
