"""tfgan_v1 as `train.py` runs it: the plan, the graph, and the calls of the Session loop."""

import tempfile
from pathlib import Path

from frameworks.systems import Trainer
from tfgan_v1 import Config, devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.config.presets import CHOICES
from tfgan_v1.gan import train_graph
from tfgan_v1.gan.step_metrics import METRICS
from tfgan_v1.training import loop
from tfgan_v1.training.plan import make_plan

ENDLESS = 10**6  # epochs or steps: more than a benchmark takes; the calls are as long as those of the preset


def trainer(name, images, choices=None, **options):
    """The Trainer of a workload; images: the path of an .npy file. options: of Config, in place of the preset's.

    choices: values of presets.Choices in place of those of every device, for this process.
    """
    CHOICES.update({device: row._replace(**(choices or {})) for device, row in CHOICES.items()})
    unit = "steps" if Config(model=name).steps else "epochs"
    with tempfile.TemporaryDirectory() as folder:  # the plan names it, but nothing is written there
        places = {"ckpt": Path(folder, "checkpoints"), "samples": Path(folder, "samples")}
        plan = make_plan(Config(model=name, dataset=images, **{unit: ENDLESS}, **places, **options))
    with devices.new_graph() as graph:
        network = train_graph.build(*plan.graph_args)
        session = tf.Session(graph=graph, config=devices.session_config(plan.config.device))
        graph.finalize()
    session.run(network.initialize, train_graph.feed(network.images, plan.dataset.images, plan.labels))
    train_steps, calls, seen = loop.make_train_fn(plan, network, session), plan.chunks(0), []

    def train():
        seen[:], _ = train_steps(*next(calls))

    def losses():
        metrics = dict(zip(METRICS[plan.reads_as], seen[-1], strict=True))
        return metrics["d_loss"], metrics["g_loss"]

    vectors = [vector for each in network.networks.spectral_norms for vector in (each.left, each.right)]
    counts = _count(network.networks.g_state), _count(network.networks.d_state) - _count(vectors)
    return Trainer(
        train, losses, plan.chunk, counts, f"{plan.config.device}, XLA {plan.config.xla}, {plan.chunk} steps per call"
    )


def _count(variables):
    return sum(variable.shape.num_elements() for variable in variables)
