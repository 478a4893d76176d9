"""The device of a run. Tests that need a GPU pretend that there is one, and TensorFlow computes on the CPU."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from conftest import rewrite
from tfgan_v1 import Config, Generator, Model, UserError, devices, train
from tfgan_v1._tensorflow import tf
from tfgan_v1.gan import layers, train_graph
from tfgan_v1.gan.models import MODELS
from tfgan_v1.storage import run_folder
from tfgan_v1.training import plan

OWN = Model(None, None, None)  # stands for any custom networks


@pytest.fixture
def gpu(monkeypatch):
    """Pretends that there is a GPU, with these details."""
    details = {"device_name": "NVIDIA T4", "compute_capability": (7, 5)}
    monkeypatch.setattr(devices, "gpus", lambda: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *_: None)
    return details


@pytest.fixture
def bfloat16(monkeypatch):
    """Pretends that the processor has bfloat16."""
    monkeypatch.setattr(devices, "cpu_flags", lambda: {"avx2", "avx512_bf16"})


def made_by(config):
    return json.loads((config.ckpt_folder / "config.json").read_text())["made_by"]


def test_auto_is_the_cpu_where_there_is_no_gpu_and_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: [])
    assert devices.resolve_device(Config()).device == "cpu"
    monkeypatch.setattr(devices, "gpus", lambda: ["GPU:0"])
    assert [devices.resolve_device(Config(device=each)).device for each in ("auto", "cpu")] == ["gpu", "cpu"]


def test_xla_auto_is_on_for_dense_networks_on_a_cpu(digits_config, gpu):
    assert plan.make_plan(digits_config(xla="auto", device="cpu")).config.xla == "on"
    assert plan.make_plan(digits_config(xla="auto", device="gpu")).config.xla == "off"
    assert plan.make_plan(digits_config(xla="on", device="gpu")).config.xla == "on"
    assert devices.resolve_device(Config(device="cpu"), OWN).xla == "off"  # nobody has measured custom networks


def test_a_gpu_that_is_not_there_is_one_sentence_before_images_are_read_or_anything_is_written(
    command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "gpus", lambda: [])
    monkeypatch.setattr(plan.data, "load", None)
    code, out, err = command("train", "--dataset", "digits", "--device", "gpu")
    assert (code, out, err.count("\n"), list(tmp_path.iterdir())) == (2, "", 1, [])
    assert "--device gpu needs a GPU, and TensorFlow sees none" in err and "train with --device cpu" in err


def test_the_device_is_said_at_the_start_and_kept_in_config_json(small, capsys, gpu):
    for device, line, name in (
        ("cpu", f"1 steps of 8 images, on the CPU, {run_folder.threads()} thread", "cpu"),
        ("gpu", "1 steps of 8 images, on the GPU NVIDIA T4.\n", "NVIDIA T4"),
    ):
        config = small(device, device=device, steps=1)
        assert train(config).config.device == device
        assert line in capsys.readouterr().out and made_by(config)["device"] == name


def test_a_resume_stays_on_the_device_and_another_is_warned_of(small, capsys, monkeypatch, gpu):
    config = small(device="cpu", steps=1)
    train(config)
    capsys.readouterr()
    assert train(replace(config, steps=2, device="auto"), resume=True).config.device == "cpu"
    assert "warning" not in capsys.readouterr().err
    train(replace(config, steps=3, device="gpu"), resume=True)
    assert "the run began with device cpu, now NVIDIA T4: from here on" in capsys.readouterr().err
    monkeypatch.setattr(devices, "gpus", lambda: [])
    with pytest.raises(UserError, match="--device gpu needs a GPU"):
        train(replace(config, steps=4, device="auto"), resume=True)


def test_a_run_of_an_earlier_version_is_resumed_on_the_cpu_without_a_warning(small, capsys, gpu):
    def forget(content):
        del content["made_by"]["device"]
        for name in ("device", "deterministic", "precision"):
            del content["config"][name]

    config = small(device="cpu", steps=1)
    train(config)
    rewrite(config.ckpt_folder / "config.json", forget)
    capsys.readouterr()
    assert train(replace(config, steps=2, device="auto"), resume=True).config.device == "cpu"
    assert capsys.readouterr().err == "" and "device" not in made_by(config)


def test_a_session_on_the_cpu_leaves_gpus_alone_and_one_on_a_gpu_takes_the_memory_that_it_needs(finished):
    assert devices.session_config("cpu").device_count == {"GPU": 0}
    on_gpu = devices.session_config("gpu")
    assert on_gpu.gpu_options.allow_growth and on_gpu.allow_soft_placement and not on_gpu.device_count
    with Generator.restore(finished.config.ckpt_folder) as generator:  # a seed is the same image everywhere
        assert generator._session._config.device_count == {"GPU": 0}


def test_the_memory_of_every_gpu_grows_unless_the_caller_has_opened_them(small, monkeypatch, gpu):
    grown = []

    def grow(which, enable):
        grown.append((which, enable))
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", grow)
    for use in (lambda: train(small(steps=1)), lambda: Generator.restore(small().ckpt_folder).close()):
        use()
        assert grown.pop() == ("GPU:0", True) and not grown


def test_threads_that_a_caller_has_set_are_kept(monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 3)
    assert {devices.session_config(device).intra_op_parallelism_threads for device in ("cpu", "gpu")} == {3}


def test_deterministic_operations_are_asked_for_on_a_gpu_alone(small, monkeypatch, gpu):
    import tensorflow

    asked = []
    monkeypatch.setattr(tensorflow.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    for device, deterministic, times in (("cpu", True, 0), ("gpu", False, 0), ("gpu", True, 1)):
        train(small(f"{device} {deterministic}", device=device, deterministic=deterministic, steps=1))
        assert len(asked) == times


@pytest.mark.parametrize("device, op, there", [("cpu", "MaxPool", False), ("gpu", "MaxPool", True)])
def test_a_graph_is_built_from_the_choices_of_its_device(device, op, there):
    with tf.Graph().as_default() as graph:
        config = Config(model="conv", device=device, batch_size=2, num_samples=2, xla="off")
        train_graph.build(config, train_graph.DataSpec((8, 8, 1), np.uint8, 4, 4), chunk=1)
        kinds = {each.type for each in graph.get_operations()}
    assert (op in kinds, "DepthToSpace" in kinds) == (there, not there)
    assert layers._numerics.get() == layers.NUMERICS["cpu"]  # of the layers that are built next


def test_bfloat16_is_refused_where_a_processor_has_none_or_a_model_gets_slower(monkeypatch, bfloat16, gpu):
    for model, row in MODELS.items():
        config = Config(model=model, precision="bfloat16", device="cpu")
        if row.convolutional:
            assert devices.resolve_device(config).precision == "bfloat16"
            continue
        with pytest.raises(
            UserError, match=f"makes --model {model} slower than float32 on a CPU.*leave out --precision$"
        ):
            devices.resolve_device(config)
        assert devices.resolve_device(config, OWN)
    with pytest.raises(UserError, match=r"NVIDIA T4 has no bfloat16.*leave out --precision"):
        devices.resolve_device(Config(model="tuned", precision="bfloat16"))
    gpu["compute_capability"] = (8, 0)
    assert devices.resolve_device(Config(model="mlp", precision="bfloat16")).device == "gpu"
    monkeypatch.setattr(devices, "cpu_flags", lambda: {"avx2"})
    with pytest.raises(UserError, match=r"lists no bfloat16 instructions.*leave out --precision"):
        devices.resolve_device(Config(model="tuned", precision="bfloat16", device="cpu"))


def test_bfloat16_is_refused_before_anything_is_written(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "cpu_flags", lambda: set())
    monkeypatch.setattr(plan.data, "load", None)
    code, out, err = command("train", "--model", "tuned", "--device", "cpu", "--precision", "bfloat16")
    assert (code, out, err.count("\n"), list(tmp_path.iterdir())) == (2, "", 1, []) and "bfloat16 instructions" in err


def test_a_run_in_bfloat16_is_resumed_in_no_other_precision(small, capsys, bfloat16):
    config = small(model="tuned", steps=1, precision="bfloat16")
    train(config)
    assert ", with products in bfloat16.\n" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"started with other options(.|\n)*--precision  bfloat16  float32"):
        train(replace(config, steps=2, precision="float32"), resume=True)


@pytest.mark.parametrize(
    "text, has", [("flags\t\t: fpu avx512_bf16 fsrm", True), ("Features\t: fp bf16", True), ("flags : fpu avx2", False)]
)
def test_what_a_processor_can_do_is_read_from_linux(tmp_path, text, has):
    (tmp_path / "cpuinfo").write_text(f"model name\t: bf16 by name only\n{text}\nbugs\t:\n")
    flags = devices.cpu_flags(tmp_path / "cpuinfo")
    assert bool(devices.BFLOAT16_FLAGS & flags) == has and "name" not in flags
    assert devices.cpu_flags(tmp_path / "none") == set()


def test_variables_that_choose_other_kernels_are_part_of_the_processors_name(monkeypatch):
    for name in devices.KERNEL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    alone = devices.cpu_name()
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert devices.cpu_name() == f"{alone}, ONEDNN_MAX_CPU_ISA=AVX2"


def test_threads_are_those_that_tensorflow_was_given(monkeypatch):
    assert run_folder.threads() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert run_folder.threads() == 7
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 3)
    assert run_folder.threads() == 3
