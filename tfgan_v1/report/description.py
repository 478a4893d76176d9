"""What `train --dry-run` prints: configuration, parameter counts and memory of a run, without training."""

import math
from dataclasses import fields

from tfgan_v1 import train_graph
from tfgan_v1._tensorflow import tf
from tfgan_v1.config import flag
from tfgan_v1.storage import run_folder
from tfgan_v1.storage.progress import starting_point

TENSORFLOW_BYTES = 850_000_000  # what TensorFlow takes by itself, with XLA's compiler; measured
ALIVE = 1 / 3  # share of a step's tensors that are in memory at once; measured


def describe(plan):
    """What `train` would do, in lines: the configuration, the parameter counts, and the memory that it takes."""
    config, facts = plan.config, plan.facts
    starting_point(
        plan,
        run_folder.check_can_start(config, resume=plan.resume, overwrite=plan.overwrite, custom=plan.custom.names()),
    )
    with tf.Graph().as_default():
        network = train_graph.build(*plan.graph_args)
    networks, generator = network.networks, _size(network.networks.g_state)
    discriminator = _size(network.weights) - generator
    return [
        *(f"{flag(each.name)} {getattr(config, each.name)}" for each in fields(config)),
        f"generator: {generator:,} parameters, {_size(networks.g_vars):,} of them trained",
        f"discriminator: {discriminator:,} parameters, {_size(networks.d_vars):,} of them trained",
        f"{'points' if plan.is_points else 'images'}: {facts['num_images']:,} of "
        f"{'x'.join(map(str, facts['image_shape']))} ({facts['name']})",
        *_files_lines(plan.dataset.files),
        f"steps: {plan.total_steps:,} in all, {plan.steps_per_epoch:,} in an epoch",
        f"memory: about {_memory(plan, network) / 1e9:.1f} GB",
        f"checkpoints in {config.ckpt_folder}, samples and plots in {config.samples_folder}: untouched",
    ]


def _memory(plan, network):
    """Bytes that a run will take, estimated."""
    config = plan.config
    images = 0 if plan.streamed else 2 * plan.dataset.images.nbytes  # in NumPy and in the graph
    noise = 2 * 4 * plan.chunk * config.batch_size * config.d_steps * config.noise_size  # before and after scaling
    drawn = plan.total_steps // plan.sample_every
    samples = 2 * 4 * drawn * config.num_samples * math.prod(plan.facts["image_shape"])  # as they are and as pickled
    state = 2 * 4 * _size(network.state)  # and as much for gradients
    return TENSORFLOW_BYTES + images + noise + samples + state + ALIVE * _bytes_of_step(network.single_step.metrics.op)


def _bytes_of_step(op):
    """Bytes of all the tensors that are computed for an op, as far as their shapes are known."""
    seen, waiting, total = {op}, [op], 0
    while waiting:
        each = waiting.pop()
        for tensor in each.outputs:
            known = tensor.shape.is_fully_defined() and each.type not in ("Identity", "Reshape", "ReadVariableOp")
            total += math.prod(tensor.shape.as_list()) * tensor.dtype.size if known else 0
        new = {*(tensor.op for tensor in each.inputs), *each.control_inputs} - seen
        seen |= new
        waiting += new
    return total


def _files_lines(files):
    if not files:
        return []
    left_out = [(name, why) for name, why in files if why]
    used = f"files: {len(files) - len(left_out):,} of {len(files):,} used{', left out:' if left_out else ''}"
    return [used, *(f"  {name}: {why}" for name, why in left_out)]


def _size(variables):
    return sum(math.prod(variable.shape.as_list()) for variable in variables)
