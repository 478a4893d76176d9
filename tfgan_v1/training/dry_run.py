"""What `train --dry-run` prints: configuration, parameter counts and memory of a run, without training."""

import math
from dataclasses import fields

import numpy as np

from tfgan_v1 import devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config.options import flag
from tfgan_v1.gan.conditioning import make_condition
from tfgan_v1.gan.models import MODELS
from tfgan_v1.gan.networks import View, create_networks
from tfgan_v1.storage import classes, run_folder
from tfgan_v1.storage.progress import starting_point
from tfgan_v1.training.evaluator import Evaluator

# Bytes, fitted to the peak memory of short runs; the tests compare.
TENSORFLOW = 850e6  # its code, XLA's compiler
PARAMETER = 25  # weights, optimizer slots and gradients
# Of a batch of images: the activations of a step.
PIXEL = {"conv": 870, "dcgan": 1800, "dcgan_upsample": 900, "tuned": 640}
VALUE = 40  # the same of networks without convolutions: of each number in a batch


def describe(plan, occupied=False):
    """Lines with the configuration, parameter counts and memory of a planned run. Raises UserError as `train` does.

    occupied: whether the folders hold another run, so that `train` would refuse to start.
    """
    config, facts = plan.config, plan.facts
    saved = run_folder.check_can_start(config, resume=plan.resume, overwrite=plan.overwrite, custom=plan.custom.names())
    starting_point(plan, saved)
    if plan.evaluate_every:
        Evaluator(plan)  # which tells if the images are too few
    with devices.new_graph():
        model = plan.custom.model or MODELS[config.model]
        condition = make_condition(config, facts.get("class_counts"), plan.custom.model)
        view = View.of(config)
        networks = create_networks(model, facts["image_shape"], config.noise_size, view, condition=condition)
        generator, both = _size(networks.g_state), _size(tf.global_variables())
    hint = "these folders already hold a run: to train, add --resume, --overwrite or --name NAME"
    return [
        *(f"{flag(each.name)} {getattr(config, each.name)}" for each in fields(config)),
        f"generator: {generator:,} parameters, {_size(networks.g_vars):,} of them trained",
        f"discriminator: {both - generator:,} parameters, {_size(networks.d_vars):,} of them trained",
        f"{'points' if plan.is_points else 'images'}: {facts['num_images']:,} of "
        f"{'x'.join(map(str, facts['image_shape']))} ({facts['name']})",
        *([classes.summary(plan.dataset), *_first_labels(plan.dataset)] if config.conditional else []),
        *_files_lines(plan.dataset.files),
        f"steps: {plan.total_steps:,} in all, {plan.steps_per_epoch:,} per epoch",
        f"memory: about {memory(plan, both) / 1e9:.1f} GB",
        f"checkpoints in {config.ckpt_folder}, samples and plots in {config.samples_folder}: unchanged",
        *([hint] if occupied else []),
    ]


def memory(plan, num_parameters):
    """The peak memory of a run in bytes, estimated. num_parameters: of both networks."""
    config, shape, images = plan.config, plan.facts["image_shape"], plan.dataset.images
    copies = 0 if plan.streamed else 1 if isinstance(images, np.memmap) else 2  # one in the graph, one in NumPy
    drawn = plan.total_steps // plan.sample_every * config.num_samples
    noise = plan.chunk * config.batch_size * config.d_steps * config.noise_size
    per_image = PIXEL[config.model] * math.prod(shape[:2]) if config.model in PIXEL else VALUE * math.prod(shape)
    activations = config.batch_size * per_image
    floats = 4 * 2 * (drawn * math.prod(shape) + noise)  # samples also as pickled, noise also before scaling
    return TENSORFLOW + copies * images.nbytes + PARAMETER * num_parameters + activations + floats


def _first_labels(dataset, most=3):
    """The labels of a folder's first pictures, by which a wrong order is seen."""
    used = [name for name, reason in dataset.files if not reason][:most]
    pairs = zip(used, dataset.labels[: len(used)], strict=True)
    return [f"labels: {', '.join(f'{name} {dataset.classes[label]}' for name, label in pairs)}, ..."] if used else []


def _files_lines(files):
    if not files:
        return []
    skipped = [(name, reason) for name, reason in files if reason]
    used = f"files: {len(files) - len(skipped):,} of {len(files):,} used{', skipped:' if skipped else ''}"
    return [used, *(f"  {name}: {reason}" for name, reason in skipped)]


def _size(variables):
    return sum(math.prod(variable.shape.as_list()) for variable in variables)
