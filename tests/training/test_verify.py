"""`verify` finds any bit in which a run differs from what its configuration gives here, and leaves the run as it is."""

import hashlib
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

import custom_parts
from conftest import thorough
from small_runs import copied, small_config
from tfgan_v1 import Config, UserError, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.storage import checkpoints, digests, manifest, run_folder
from tfgan_v1.training import loop, recording
from tfgan_v1.training.verify import verify

SYSTEMS = {
    "mlp compiled, in epochs": {"xla": "on", "steps": None, "epochs": 3, "sample_every": 1},
    "gaussian": {"model": "gaussian", "xla": "off"},
    "points with classes, every step": {
        **{"model": "points", "dataset": "moons", "conditional": True, "labels": None, "holdout": 100},
        **{"average": 0.9, "num_samples": 30, "record": "steps", "evaluate_every": 2},
    },
    "conv": {"model": "conv"},
    "dcgan": {"model": "dcgan", "average": 0.9, "tensorboard": True, "sheets": "each"},
    "dcgan_upsample": {"model": "dcgan_upsample"},
    "tuned": {
        **{"model": "tuned", "channels": 3, "clusters": "3", "augment": "translate", "augment_strength": "adaptive"},
        **{"holdout": 8, "resident_limit": 2.0, "d_lr": "cosine:0.002:0.0002"},
    },
    "streamed": {"resident_limit": 0.0, "batches": "random", "d_steps": 2},
}
THOROUGHLY = "mlp compiled, in epochs", "gaussian", "conv", "dcgan", "dcgan_upsample"  # others have each part


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Config of a run with states at steps 4 and 6. Tests only read in its folders."""
    config = small_config(tmp_path_factory.mktemp("verified") / "run")
    train(replace(config, steps=4), verbose=0)
    return train(config, resume=True, verbose=0).config


@pytest.fixture
def copy(run, small):
    return copied(small("copy"), run)


def content(config):
    paths = [path for folder in (config.ckpt_folder, config.samples_folder) for path in sorted(folder.rglob("*"))]
    return [(path, path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in paths]


@pytest.mark.slow
@pytest.mark.parametrize("name", [thorough(each) if each in THOROUGHLY else each for each in SYSTEMS])
def test_a_run_has_the_bits_that_verify_finds_again(small, name):
    config = small(**SYSTEMS[name])
    half = {"epochs": config.epochs // 2} if config.epochs else {"steps": 3}
    train(replace(config, **half))
    config = train(config, resume=True).config
    before = content(config)
    part, whole = verify(config), verify(config, whole=True)
    assert content(config) == before
    assert part.differences == whole.differences == [] and part.sha256 == whole.sha256
    assert 1 < part.first <= part.last == whole.last and whole.first == 1
    rows = digests.read(config.samples_folder)
    assert whole.compared["digests.csv"] == len(rows) and min(rows) == 0
    assert rows.get(whole.last, [whole.sha256])[-1] == whole.sha256
    records = {path.name for path in config.samples_folder.glob("*.csv")} | {"train_samples.pkl"}
    assert records - {"evaluation.csv", "statistics.csv"} <= whole.compared.keys() and whole.variables > 10


def test_steps_limits_what_is_trained_again(run):
    found = verify(run, whole=True, steps=2)
    assert (found.first, found.last) == (1, 2) and not found.differences and found.variables == 0
    assert found.sha256 == digests.read(run.samples_folder)[2][-1]
    assert (verify(run, steps=10**6).first, verify(run, steps=10**6).last) == (5, 6)
    with pytest.raises(UserError, match=r"nothing was recorded from step 5 to 5 in .*; give more --steps"):
        verify(run, steps=1)
    with pytest.raises(UserError, match=r"nothing was recorded from step 1 to 1 in "):  # but for the initial weights
        verify(run, whole=True, steps=1)


def test_all_samples_of_a_run_with_several_intervals_are_compared(small):
    config = small(steps=4)  # with samples at 2 and 4
    train(config)
    config = train(replace(config, steps=9, sample_every=3), resume=True).config
    rows = digests.read(config.samples_folder)
    assert [*rows] == [0, 2, 4, 6, 9]
    found = verify(config, whole=True)
    assert not found.differences and found.compared["digests.csv"] == 5 and found.compared["losses.csv"] == 4


def test_training_that_diverges_where_the_run_did_not_is_a_difference(run, monkeypatch):
    monkeypatch.setattr(loop, "train_calls", lambda context, progress: [(np.ones([1, 6]), progress.step + 1)])
    found = verify(run)
    assert found.differences == [(5, "a loss or a weight, which becomes NaN or infinite")] and found.last == 5


def forged(config, change):
    """Changes the values of the newest state, as arrays by name, and writes it again with checksums that are right."""
    state = checkpoints.newest_state(config.ckpt_folder)
    reader = tf.train.load_checkpoint(str(state.prefix))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    change(values)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.Variable(value, dtype=value.dtype) for name, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(state.prefix), write_meta_graph=False, write_state=False)
    manifest.write(state.prefix, state.run_id, state.step, state.facts)


def test_one_flipped_bit_in_a_weight_is_named(copy, command):
    def flip(values):
        name = sorted(name for name in values if name.endswith("kernel") and name.startswith("generator"))[0]
        values[name].view(np.int32).flat[5] ^= 1
        flipped.append(name)

    flipped = []
    forged(copy, flip)
    found = verify(copy)
    assert found.differences == [(6, flipped[0])]
    flags = ["--ckpt", copy.ckpt, "--samples", copy.samples]
    code, out, err = command("verify", *flags)
    assert code == 1 and f"step 6 is the first that differs, in {flipped[0]}." in out and not err
    assert "\nVersions and machine of both: tfgan_v1 " in out and "\n\n" not in out
    assert "SHA-256 of the state after step 6: " in out


def test_a_state_that_is_damaged_is_named_and_not_passed_over(copy):
    path = manifest.files_of(checkpoints.newest_state(copy.ckpt_folder).prefix)[0]
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="step-6/state is damaged or another run's: it does not match its checksums"):
        verify(copy)


def test_a_run_that_began_with_other_weights_differs_from_its_first_step_on(copy):
    """As one whose data, versions or processor differ: here, its config.json says another seed."""
    saved = run_folder.read(copy)
    run_folder.write(saved._replace(config=saved.config.replace(seed=1)))
    found = verify(copy, whole=True)
    assert found.differences[0][0] == 0 and {step for step, _ in found.differences} == {0, 2, 4, 6}
    assert any(re.match(r"losses.csv \(d_loss \d\.\d+, now \d", what) for _, what in found.differences)
    assert any(what.startswith("train_samples.pkl (") for _, what in found.differences)


def test_a_record_that_was_changed_is_named(copy):
    path = copy.samples_folder / "losses.csv"
    path.write_text(path.read_text().replace(",0.", ",1.", 1))
    with pytest.raises(UserError, match=r"losses.csv was changed"):
        verify(copy)


def test_two_runs_are_compared_by_their_digests_alone(run, copy, command, tmp_path):
    path, flags = copy.samples_folder / "digests.csv", ["--ckpt", run.ckpt, "--samples", run.samples]
    code, out, err = command("verify", *flags, "--against", copy.samples)
    assert (code, err) == (0, "") and out.startswith("The same bits at 4 steps that both have, to step 6.\n")
    assert f"Versions and machine of {run.ckpt}: tfgan_v1 " in out
    lines = path.read_text().splitlines()
    step, epoch, generator, _, state = lines[3].split(",")
    path.write_text("\n".join([*lines[:3], f"{step},{epoch},{generator},{state},{state}", lines[4], ""]))
    code, out, err = command("verify", *flags, "--against", path)
    assert code == 1 and out.startswith("Step 4 is the first that differs, in: discriminator; the same up to step 2.\n")
    alone = tmp_path / "other.csv"
    alone.write_text(f"{lines[0]}\n7{lines[3][1:]}\n")
    start = tmp_path / "start.csv"
    start.write_text(f"{lines[0]}\n{lines[1]}\n")
    for given, sentence in (
        ([start], f"sample.py: {start} has no step in common with {run.samples}; both need the same --sample-every"),
        ([path, "--data-dir", "x"], "sample.py: --against trains nothing; leave out --data-dir"),
        ([alone], f"sample.py: {alone} has no step in common with {run.samples}; both need the same --sample-every"),
        ([path, "--all"], "sample.py: --against trains nothing; leave out --all"),
        ([path, "--steps", 3], "sample.py: --against trains nothing; leave out --steps"),
        ([tmp_path / "none"], f"sample.py: there is no {tmp_path / 'none'}; name a run's samples folder, or its"),
    ):
        code, out, err = command("verify", *flags, "--against", *given)
        assert (code, out) == (2, "") and err.startswith(sentence) and len(err.splitlines()) == 1
    for samples, sentence in (  # of the run itself
        (copy.samples, f"{path} was changed, or belongs to another run than {run.ckpt}; name the run's samples folder"),
        (tmp_path, f"there is no {tmp_path / 'digests.csv'}; name the run's samples folder with --samples"),
    ):
        code, out, err = command("verify", "--ckpt", run.ckpt, "--samples", samples, "--against", run.samples)
        assert (code, out) == (2, "") and err.startswith(f"sample.py: {sentence}") and len(err.splitlines()) == 1
    with pytest.raises(UserError, match=r"there is no folder .*none; name the run's samples folder with --samples"):
        verify(run.replace(samples=str(tmp_path / "none")))


@pytest.mark.parametrize("text", ["", "step,epoch\n", "step,epoch,generator,discriminator,state\n2,1,a,b,c\n"])
def test_damaged_digests_are_one_sentence(tmp_path, text):
    (tmp_path / "digests.csv").write_text(text)
    with pytest.raises(UserError, match=r"digests.csv is damaged"):
        digests.read(tmp_path)
    (tmp_path / "digests.csv").write_text("step,epoch,generator,discriminator,state\n")
    with pytest.raises(UserError, match=r"digests.csv has no digests yet"):
        digests.read(tmp_path)


def test_a_digest_is_the_sha256_of_names_types_shapes_and_bytes():
    values = {"a/b": np.arange(3, dtype=np.float32), "c": np.int64(7)}
    text = b"a/b float32 (3,)\n" + np.array([0, 1, 2], "<f4").tobytes() + b"c int64 ()\n" + (7).to_bytes(8, "little")
    assert digests.sha256(values) == hashlib.sha256(text).hexdigest()
    assert digests.sha256(dict(reversed(values.items()))) != digests.sha256(values)


def test_a_run_that_cannot_be_trained_again_is_one_sentence(small, tmp_path, copy):
    custom = small("custom")
    train(custom, loss=custom_parts.all_of_them()["loss"])
    with pytest.raises(UserError, match="has a custom loss, which only its script has"):
        verify(custom)
    saved = run_folder.read(copy)
    for changes, sentence in (
        ({"made_by": {**saved.made_by, "workers": 2}}, "was trained by 2 workers, and one process gives other bits"),
        ({"data": {**saved.data, "num_images": 0}}, "holds an imported generator, which was not trained here"),
    ):
        run_folder.write(saved._replace(**changes))
        with pytest.raises(UserError, match=sentence):
            verify(copy)
    run_folder.write(saved)
    shutil.rmtree(copy.ckpt_folder / "train_state")
    with pytest.raises(UserError, match="train_state holds no state of training; name a run's whole folder"):
        verify(copy)
    with pytest.raises(UserError, match="there is no folder"):
        verify(Config(ckpt=tmp_path / "none"))


def test_a_run_that_trains_is_one_sentence(copy):
    with run_folder.locked(copy), pytest.raises(UserError, match="is still training; verify it when it has ended"):
        verify(copy)


def test_a_run_that_goes_on_from_step_0_has_its_digests_once(small):
    straight, killed = small("straight"), small("killed")
    train(straight)
    with pytest.raises(UserError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "sample", lambda *_: (_ for _ in ()).throw(UserError("killed at the first sample")))
        train(killed)
    train(killed, resume=True)
    names = ("digests.csv", "fixed_noise.pkl", "train_samples.pkl")
    assert all(
        (straight.samples_folder / each).read_bytes() == (killed.samples_folder / each).read_bytes() for each in names
    )
