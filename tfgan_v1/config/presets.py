"""The five published systems and our own as numbers: the defaults that each preset sets. Any flag overrides them."""

from typing import Any, NamedTuple

# What config.py must know of tables in modules that import TensorFlow; tests compare.
LOSSES = ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic_average")
LABELLED = ("non_saturating", "minimax", "least_squares", "relativistic_average")  # label smoothing is for these
SCORES = ("least_squares", "hinge", "wasserstein", "relativistic_average")  # whose logits are scores, see losses.Loss
PENALTIES = {"none": 0.0, "wgan_gp": 10.0, "dragan": 10.0, "r1": 10.0, "r2": 10.0}  # name -> the paper's weight
AUGMENTATIONS = ("translate", "cutout", "colour", "flip")
CONDITIONAL: dict[str, Any] = {"g_condition": "embedding", "d_condition": "projection", "class_frequencies": "data"}
CONDITIONAL_SAMPLES = 40  # of a conditional run: four of each of ten classes
UNLABELLED: dict[str, Any] = {"smooth": 0.0, "fake_label": 0.0, "g_label": 1.0}  # the labels without smoothing

# Defaults of all presets, unless the preset sets another.
COMMON: dict[str, Any] = {
    "num_samples": 16,
    "record": "samples",
    "sheets": "last",
    "batches": "shuffled",
    "noise": "uniform",
    "noise_size": 100,
    "g_noise": "same",
    **CONDITIONAL,
    "spectral_norm": False,
    "minibatch_stddev": False,
    "pack": 1,
    "average": 0.0,
    "loss": "non_saturating",
    "penalty": "none",
    "penalty_every": 1,
    **UNLABELLED,
    "d_loss": "mean",
    "d_batches": "joint",
    "d_steps": 1,
    "d_first": 0,
    "optimizer": "rmsprop",
    "d_decay": 0.0,
    "g_decay": 0.0,
    "beta1": 0.9,
    "beta2": 0.999,
    "rho": 0.9,
    "epsilon": 1e-7,  # Keras' default
}
PRESETS: dict[str, dict[str, Any]] = {
    # MNIST, fully connected; Adam with TensorFlow's default epsilon.
    "mlp": {
        "epochs": 100,
        "batch_size": 100,
        "smooth": 0.1,
        "d_loss": "sum",
        "optimizer": "adam",
        "d_lr": 0.002,
        "g_lr": 0.002,
        "epsilon": 1e-8,
    },
    # MNIST from a CSV file, convolution and upsampling.
    "conv": {
        "steps": 2000,
        "sample_every": 100,
        "num_samples": 64,
        "record": "steps",
        "batch_size": 64,
        "batches": "random",
        "noise": "unit",
        "noise_size": 10,
        "d_lr": 0.001,
        "g_lr": 0.002,
    },
    # A normal distribution in one dimension; labels smoothed on both sides.
    "gaussian": {
        "dataset": "gaussian",
        "epochs": 1000,
        "sample_every": 10,
        "num_samples": 10_000,  # with 1,000, empty bins alone give a perfect generator a KL of 0.21
        "batch_size": 333,
        "batches": "whole",
        "noise_size": 16,
        "smooth": 0.1,
        "fake_label": 0.1,
        "g_label": 0.9,
        "d_lr": 0.001,
        "g_lr": 0.0005,
    },
    # MNIST, transposed convolutions.
    "dcgan": {
        "steps": 40_000,
        "sample_every": 500,
        "record": "steps",
        "batch_size": 64,
        "batches": "random",
        "g_noise": "fresh",
        "d_lr": 2e-4,
        "g_lr": 1e-4,
        "d_decay": 6e-8,
        "g_decay": 3e-8,
    },
    # MNIST or faces; upsampling in the generator, dropout in the discriminator.
    "dcgan_upsample": {
        "steps": 40_001,
        "sample_every": 200,
        "num_samples": 25,
        "record": "steps",
        "sheets": "each",
        "batch_size": 32,
        "batches": "random",
        "noise": "normal",
        "d_batches": "in_turn",
        "optimizer": "adam",
        "d_lr": 0.001,
        "g_lr": 0.001,
    },
    # Our own recommendation for images of any size, found by experiment: see benchmarks/NOTES.md.
    "tuned": {
        "steps": 20_000,
        "sample_every": 500,
        "num_samples": 36,
        "record": "steps",
        "batch_size": 32,
        "noise": "normal",
        "noise_size": 64,
        "penalty": "r1",
        "penalty_weight": 1.0,
        "penalty_every": 16,
        "average": 0.999,
        "d_loss": "sum",
        "optimizer": "adam",
        "d_lr": 0.001,
        "g_lr": 0.002,
        "beta1": 0.0,
        "beta2": 0.99,
        "epsilon": 1e-8,
    },
}
SAMPLE_EVERY = {"epochs": 1, "steps": 200}  # where the run's length is in the other unit than its preset's
CONVOLUTIONAL = ("conv", "dcgan", "dcgan_upsample", "tuned")  # these make images of some sizes: see plan.check_size
ANY_SIZE = ("tuned",)  # of these: the others halve an image twice
FASTER_ALONE = ("mlp", "gaussian")  # a step takes less time than the exchange between two workers


class Choices(NamedTuple):
    """What is chosen for speed alone on a device: benchmarks/choices.py measures each choice there."""

    xla: tuple[str, ...]  # models whose training loop is compiled, where --xla is auto
    fused_pooling: bool  # layers.max_pool as maxima of neighbouring lines, compiled by XLA; otherwise TensorFlow's op
    phase_kernels: bool  # layers.upsample_conv2d as one convolution of the small image; otherwise upsampling, then it
    bfloat16: tuple[str, ...]  # models that --precision bfloat16 makes faster


CHOICES = {
    # XLA makes dense models twice as fast, and convolutions many times slower.
    "cpu": Choices(("mlp", "gaussian"), True, True, CONVOLUTIONAL),
    # TensorFlow's ordinary ops, for nothing was measured on a GPU.
    "gpu": Choices((), False, False, tuple(PRESETS)),
}
