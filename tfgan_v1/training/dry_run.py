"""The lines of `train --dry-run`: configuration and parameter counts of a run, without training."""

import math
from dataclasses import fields

from tfgan_v1 import devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config.options import flag
from tfgan_v1.gan.conditioning import make_condition
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.networks import DInput, create_networks
from tfgan_v1.storage import classes, run_folder
from tfgan_v1.storage.progress import starting_point
from tfgan_v1.training.evaluator import Evaluator


def describe(plan, occupied=False):
    """Lines with the configuration and parameter counts of a planned run. Raises UserError as `train` does.

    occupied: whether the folders hold another run, so that `train` would refuse to start.
    """
    config, data, model = plan.config, plan.metadata, MODELS[plan.config.model]
    saved = run_folder.check_can_start(config, resume=plan.resume, overwrite=plan.overwrite)
    starting_point(plan, saved)
    if plan.evaluate_every:
        Evaluator(plan)  # which tells if the images are too few
    with devices.new_graph():
        condition = make_condition(config, data.get("class_counts"), model)
        shape, d_input = data["image_shape"], DInput.of(config)
        networks = create_networks(model, shape, config.noise_size, d_input, condition=condition)
        generator, both = _size(networks.g_state), _size(tf.global_variables())
    return [
        *(f"{flag(each.name)} {getattr(config, each.name)}" for each in fields(config)),
        f"generator: {generator:,} parameters, {_size(networks.g_vars):,} of them trained",
        f"discriminator: {both - generator:,} parameters, {_size(networks.d_vars):,} of them trained",
        f"{'points' if plan.is_points else 'images'}: {data['num_images']:,} of "
        f"{'x'.join(map(str, data['image_shape']))} ({data['name']})",
        *([classes.summary(plan.dataset), *_first_labels(plan.dataset)] if config.conditional else []),
        *_files_lines(plan.dataset.files),
        f"steps: {plan.total_steps:,} in all, {plan.steps_per_epoch:,} per epoch",
        f"checkpoints in {config.ckpt_folder}, samples and plots in {config.samples_folder}: unchanged",
        *(["these folders already hold a run: to train, add --resume, --overwrite or --name NAME"] if occupied else []),
    ]


def _first_labels(dataset, most=3):
    """The labels of a folder's first pictures, which show a wrong order."""
    used = [name for name, reason in dataset.files if not reason][:most]
    pairs = [f"{name} {dataset.classes[label]}" for name, label in zip(used, dataset.labels, strict=False)]
    return [f"labels: {', '.join(pairs)}, ..."] if pairs else []


def _files_lines(files):
    if not files:
        return []
    skipped = [(name, reason) for name, reason in files if reason]
    used = f"files: {len(files) - len(skipped):,} of {len(files):,} used{', skipped:' if skipped else ''}"
    return [used, *(f"  {name}: {reason}" for name, reason in skipped)]


def _size(variables):
    return sum(math.prod(variable.shape.as_list()) for variable in variables)
