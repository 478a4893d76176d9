"""The lines of `train --dry-run`: what a run would train on, and its options, without training."""

import os

from tfgan_v1 import devices
from tfgan_v1.config import given_options
from tfgan_v1.config.options import flag
from tfgan_v1.gan.conditioning import make_condition
from tfgan_v1.gan.networks import DInput, count_parameters, create_networks
from tfgan_v1.report import console, pictures
from tfgan_v1.storage import run_folder
from tfgan_v1.storage.progress import starting_point
from tfgan_v1.training.evaluator import Evaluator


def describe(plan, occupied=False):
    """Lines about a planned run. Writes real_images.png. Raises UserError as `train` does.

    occupied: whether the folders hold another run, so that `train` would refuse to start.
    """
    config, data, model = plan.config, plan.metadata, plan.config.network
    saved = run_folder.check_can_start(config, plan.resume, plan.overwrite)
    starting_point(plan, saved)
    if plan.evaluate_every:
        Evaluator(plan)  # which tells if the images are too few
    with devices.new_graph():
        condition = make_condition(config, data.get("class_counts"), model)
        shape, d_input = data["image_shape"], DInput.of(config)
        networks = create_networks(model, shape, config.noise_size, d_input, condition=condition)
    verbose = bool(os.environ.get("TFGAN_VERBOSE"))
    options = config.values() if verbose else given_options(config)
    blank = not any(plan.dataset.images.strides)  # in place of those that the run would download
    shown = None if occupied or plan.is_points or blank else pictures.write_real_images(plan)
    length = f"{plan.total_steps:,}" if config.minutes is None else f"as many as fit into {config.minutes:g} minutes,"
    return [
        console.data_line(plan),
        *(_first_labels(plan.dataset) if config.conditional else []),
        *_files_lines(plan.dataset),
        *([f"as the networks see them: {shown}"] if shown else []),
        _network_line("generator", networks.g_state, networks.g_vars),
        _network_line("discriminator", networks.d_state, networks.d_vars),
        f"steps: {length} of {plan.images_per_step:,}, {plan.steps_per_epoch:,} per epoch",
        f"checkpoints in {config.ckpt_folder}, samples and plots in {config.samples_folder}: unchanged",
        f"all options of --model {config.model}:"
        if verbose
        else f"options other than of --model {config.model} (all: --verbose):",
        *(f"  {flag(name)} {value}" for name, value in options.items()),
        *(["these folders already hold a run: to train, add --resume, --overwrite or --name NAME"] if occupied else []),
    ]


def _network_line(name, variables, trained):
    count, of_them = count_parameters(variables), count_parameters(trained)
    return f"{name}: {count:,} parameters" + (f", {of_them:,} of them trained" if of_them != count else "")


def _first_labels(dataset, most=3):
    """The labels of a folder's first pictures, which show a wrong order."""
    used = [name for name, reason in dataset.files if not reason][:most]
    pairs = [f"{name} {dataset.classes[label]}" for name, label in zip(used, dataset.labels, strict=False)]
    return [f"labels: {', '.join(pairs)}, ..."] if pairs else []


def _files_lines(dataset):
    if not dataset.files:
        return []
    skipped, used = dataset.left_out(), len(dataset.images)
    used = f"files: {used:,} of {used + len(skipped):,} used{', skipped:' if skipped else ''}"
    return [used, *(f"  {name}: {reason}" for name, reason in skipped)]
