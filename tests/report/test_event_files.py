"""--tensorboard: TensorBoard's own reader finds the losses, samples and weights of a run in its event files."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from conftest import REPOSITORY
from tfgan_v1 import Config, tf, train
from tfgan_v1.storage import checkpoints
from tfgan_v1.training import recording

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def events_of(run):
    """What TensorBoard reads of a run, all of it."""
    folder = run.config.samples_folder / "tensorboard"
    everything = {kind: 0 for kind in event_accumulator.DEFAULT_SIZE_GUIDANCE}  # 0: no event is left out
    return event_accumulator.EventAccumulator(str(folder), size_guidance=everything).Reload()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The Progress of a run of three epochs, killed at the end of its second after it had saved step 0 alone."""
    folder = tmp_path_factory.mktemp("tensorboard")
    options = {"dataset": "digits", "xla": "off", "ckpt": folder / "checkpoints", "samples": folder / "samples"}
    config, save, saved = Config(**options, epochs=3, tensorboard=True), recording.save_state, []

    def save_once(context, progress):
        saved.append(progress.step)
        if len(saved) == 1:
            save(context, progress)
        elif progress.step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "save_state", save_once)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert saved[0] == 0 and saved[-1] > 17
    return train(config, resume=True)


def test_a_resume_begins_a_file_that_hides_later_steps_of_the_one_before(run):
    assert len(list((run.config.samples_folder / "tensorboard").iterdir())) == 2
    assert [event.step for event in events_of(run).Scalars("loss/generator")] == [17, 34, 51]


def test_the_numbers_of_losses_csv_are_scalars(run):
    events = events_of(run)
    tags = {
        "loss/discriminator": "d_loss",
        "loss/generator": "g_loss",
        "outputs/D(x)": "d_x",
        "outputs/D(G(z))": "d_g_z",
        "accuracy/discriminator": "d_accuracy",
        "accuracy/generator": "g_accuracy",
    }
    assert {*events.Tags()["scalars"]} == {*tags}
    for tag, name in tags.items():
        values = [(event.step, event.value) for event in events.Scalars(tag)]
        assert values == [(row.step, np.float32(getattr(row, name))) for row in run.losses]


def test_samples_are_images(run):
    events = events_of(run)
    assert {*events.Tags()["images"]} == {"samples", "fixed_noise"}
    for tag, samples in {"samples": run.samples, "fixed_noise": run.fixed}.items():
        pngs = events.Images(tag)
        assert [png.step for png in pngs] == [17, 34, 51]
        pixels = np.asarray(Image.open(io.BytesIO(pngs[-1].encoded_image_string))) / 255
        factor = pixels.shape[0] // 118
        assert np.allclose(pixels[: 28 * factor : factor, : 28 * factor : factor], samples[-1][0, ..., 0], atol=0.003)


def test_weights_are_histograms(run):
    events = events_of(run)
    reader = tf.train.load_checkpoint(str(checkpoints.newest_state(run.config.ckpt_folder).prefix))
    names = events.Tags()["histograms"]
    assert {*names} == {
        f"{network}/{layer}/{kind}"
        for network in ("generator", "discriminator")
        for layer in ("hidden", "logits")
        for kind in ("kernel", "bias")
    }
    for name in names:
        last, weights = events.Histograms(name)[-1], reader.get_tensor(name)
        value = last.histogram_value
        assert (last.step, value.num) == (51, weights.size)
        assert (value.min, value.max) == pytest.approx((weights.min(), weights.max()), rel=1e-6)


def test_without_the_flag_there_are_no_event_files(finished):
    assert not (finished.config.samples_folder / "tensorboard").exists()


@pytest.mark.slow
def test_event_files_are_written_without_tensorboard(tmp_path):
    code = (
        "import sys; sys.modules['tensorboard'] = None; from tfgan_v1 import Config, train; "
        "train(Config(dataset='digits', epochs=1, xla='off', tensorboard=True))"
    )
    env = {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert len(list((tmp_path / "samples" / "tensorboard").iterdir())) == 1
