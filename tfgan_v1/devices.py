"""Where a run trains: the CPU or a GPU, what each can do, and TensorFlow's settings for it.

Nobody has run this on a GPU yet.
"""

import functools
import os
import platform
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from tfgan_v1._tensorflow import quiet, tf
from tfgan_v1.errors import UserError
from tfgan_v1.gan.models import MODELS

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # in /proc/cpuinfo; the last is of ARM
INSTRUCTIONS = "avx512f", "avx2", "avx"  # sets of x86, the widest first, by which libraries choose their kernels
KERNEL_VARIABLES = "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "TF_XLA_FLAGS"
BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA's compute capability, of Ampere


def resolve_device(config, model=None):
    """The configuration with the device cpu or gpu, and xla on or off. model: a custom models.Model, if any.

    Raises UserError if there is no such device, or it has no such precision.
    """
    if config.device == "gpu" and not gpus():
        raise UserError(
            "--device gpu needs a GPU, and TensorFlow sees none; install NVIDIA's libraries by pip install "
            "'tensorflow[and-cuda]', or train with --device cpu"
        )
    device = ("gpu" if gpus() else "cpu") if config.device == "auto" else config.device
    if config.precision == "bfloat16":
        check_bfloat16(device, None if model else config.model)
    fastest = fastest_xla(device, model or config.network)
    return config.replace(device=device, xla=fastest if config.xla == "auto" else config.xla)


def fastest_xla(device, model):
    """Whether XLA makes a models.Model faster: on or off."""
    # It doubles the speed of dense networks on a CPU, and makes convolutions many times slower; no GPU was measured.
    return "off" if device == "gpu" or model.convolutional else "on"


def gpus():
    """The GPUs that TensorFlow sees."""
    with quiet():
        return tf.config.list_physical_devices("GPU")


def name(device):
    """The name of a device in config.json and in the first line of a run: cpu, or the model of the GPU."""
    return _details().get("device_name", "gpu") if device == "gpu" else "cpu"


def title(config, threads, workers=1):
    """The device in the first line of a run: "the CPU, 2 threads". threads: of this worker's CPU."""
    where = f"the GPU {name('gpu')}" if config.device == "gpu" else f"the CPU, {threads} thread{'s' * (threads != 1)}"
    where += f" in each of {workers} workers" if workers > 1 else ""
    return where + (", with products in bfloat16" if config.precision == "bfloat16" else "")


def check_bfloat16(device, model):
    """Raises UserError unless bfloat16 makes training faster there. model: of a preset, or None for a custom one."""
    if device == "gpu":
        if _details().get("compute_capability", BFLOAT16_CAPABILITY) >= BFLOAT16_CAPABILITY:
            return
        problem = f"{name(device)} has no bfloat16, which begins with compute capability 8.0"
    elif not BFLOAT16_FLAGS & cpu_flags():
        flags = "avx512_bf16, amx_bf16, or bf16 of ARM"
        problem = f"/proc/cpuinfo lists no bfloat16 instructions ({flags}), so bfloat16 is slower than float32 here"
    elif model and not MODELS[model].convolutional:
        problem = f"--precision bfloat16 makes --model {model} slower than float32 on a CPU: see benchmarks/CHOICES.md"
    else:
        return
    raise UserError(f"{problem}; leave out --precision")


def cpu_flags(path="/proc/cpuinfo"):
    """The processor's features by Linux's names; none on other systems."""
    return {flag for key in ("flags", "Features") for flag in _cpu_info(path).get(key, "").split()}


def cpu_name():
    """What of the processor bits depend on: its model, cache and widest instruction set, as far as Linux tells.

    Then the variables that are set by which a library takes other kernels than this processor's.
    """
    known = _cpu_info("/proc/cpuinfo")
    numbers = [f"{name} {known[name]}" for name in ("cpu family", "model", "cache size") if name in known]
    widest = [each for each in INSTRUCTIONS if each in cpu_flags()][:1]
    chosen = [f"{name}={os.environ[name]}" for name in KERNEL_VARIABLES if os.environ.get(name)]
    model = known.get("model name") or platform.processor() or platform.machine()
    return ", ".join([model, *numbers, *widest, *chosen])


@functools.cache
def _cpu_info(path):
    """What Linux says of the last of its processors, by name; nothing on other systems."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def session_config(device):
    """The tf.ConfigProto of a session there. One on the CPU computes nothing on a GPU. See check_no_fork."""
    check_no_fork()
    threading = tf.config.threading  # what a caller in Python has set, or 0
    config = tf.ConfigProto(
        intra_op_parallelism_threads=threading.get_intra_op_parallelism_threads(),
        inter_op_parallelism_threads=threading.get_inter_op_parallelism_threads(),
        allow_soft_placement=True,  # operations without a kernel for GPUs run on the CPU
    )
    if device == "gpu":
        config.gpu_options.allow_growth = True
    else:
        config.device_count["GPU"] = 0
    return config


_first_process = functools.cache(os.getpid)  # that has used TensorFlow; its forks do not have its threads


def check_no_fork():
    """Raises UserError in a fork of a process that has used TensorFlow."""
    if os.getpid() != _first_process():
        raise UserError(
            "TensorFlow hangs in a fork of a process that has used it; start this one by spawn: "
            "multiprocessing.set_start_method('spawn')"
        )


def new_graph():
    """`tf.Graph().as_default()`; TensorFlow takes memory of a GPU as it needs it, not all at once, even for the CPU."""
    for gpu in gpus():
        with suppress(RuntimeError):  # the caller has opened the GPUs with settings of its own
            tf.config.experimental.set_memory_growth(gpu, True)
    return tf.Graph().as_default()


def require_determinism(config):
    """With --deterministic on a GPU, limits the process to deterministic operations."""
    if config.deterministic and config.device == "gpu":
        import_module("tensorflow").config.experimental.enable_op_determinism()  # compat.v1 does not have it


def _details():
    return tf.config.experimental.get_device_details(gpus()[0])
