"""The classic TensorFlow 1 style GAN, alive on today's TensorFlow.

    from tfgan_v1 import Config, Generator, evaluate, export, load_samples, train, view_samples

Each name is imported on first use, so that `import tfgan_v1` is fast and loads no TensorFlow. `tf` is
tensorflow.compat.v1 with `tf.layers`, and without the messages that it prints when it is imported.
"""

from importlib import import_module

__version__ = "0.2.0"

_HOMES = {
    "LOSSES": "gan.losses",
    "MODELS": "gan.models",
    "Config": "config",
    "Generator": "report.notebook",
    "Loss": "gan.losses",
    "Model": "gan.models",
    "Optimizer": "gan.optimizers",
    "StopTraining": "errors",
    "UserError": "errors",
    "evaluate": "report.notebook",
    "export": "exporting.folder",
    "import_generator": "storage.importing",
    "layers": "gan.classic",
    "load_samples": "storage.records",
    "read_data_sets": "data.input_data",
    "show": "report.notebook",
    "tf": "gan.classic",
    "train": "training.train",
    "view_samples": "report.plots",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tfgan_v1' has no attribute {name!r}")
    return getattr(import_module(f"tfgan_v1.{_HOMES[name]}"), name)


def __dir__():
    return sorted([*globals(), *_HOMES])
