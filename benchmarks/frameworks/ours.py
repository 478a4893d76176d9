"""tfgan_v1 as `train.py` runs it: the plan, the graph, and the calls of the Session loop."""

import tempfile
from pathlib import Path

from frameworks.systems import Trainer
from tfgan_v1 import Config, devices
from tfgan_v1._tensorflow import tf
from tfgan_v1.devices import check_bfloat16
from tfgan_v1.gan import layers, train_graph
from tfgan_v1.gan.train_step import STEP_METRICS
from tfgan_v1.training import loop
from tfgan_v1.training.plan import make_plan

ENDLESS = 10**6  # epochs or steps: more than a benchmark takes; the calls are as long as those of the preset


def trainer(name, images, numerics=None, **options):
    """The Trainer of a workload; images: the path of an .npy file. options: of Config, in place of the preset's.

    numerics: fields of layers.Numerics in place of those of every device, for this process. bfloat16 is accepted for
    every preset, although a run refuses it where it is slower.
    """
    layers.NUMERICS.update({device: row._replace(**(numerics or {})) for device, row in layers.NUMERICS.items()})
    devices.check_bfloat16 = lambda device, _: check_bfloat16(device, None)
    classes = {} if options.keys() & {"conditional", "clusters"} else {"clusters": "none"}  # which tuned would choose
    unit = "steps" if Config(model=name).steps else "epochs"
    with tempfile.TemporaryDirectory() as folder:  # the plan names it, but nothing is written there
        places = {"ckpt": Path(folder, "checkpoints"), "samples": Path(folder, "samples")}
        plan = make_plan(Config(model=name, dataset=images, **{unit: ENDLESS}, **places, **classes, **options))
    with devices.new_graph() as graph:
        network = train_graph.build(plan.config, plan.data_spec(), plan.chunk, plan.custom.parts)
        session = tf.Session(graph=graph, config=devices.session_config(plan.config.device))
        graph.finalize()
    session.run(network.initialize, train_graph.feed(network.inputs.images, plan.dataset.images, plan.labels))
    train_steps, calls, seen = loop.make_train_fn(plan, network, session), plan.chunks(0), []

    def train():
        seen[:], _ = train_steps(*next(calls))

    def losses():
        metrics = dict(zip(STEP_METRICS[plan.critic], seen[-1], strict=True))
        return metrics["d_loss"], metrics["g_loss"]

    vectors = [vector for each in network.networks.spectral_norms for vector in (each.left, each.right)]
    counts = _count(network.networks.g_state), _count(network.networks.d_state) - _count(vectors)
    return Trainer(
        train, losses, plan.chunk, counts, f"{plan.config.device}, XLA {plan.config.xla}, {plan.chunk} steps per call"
    )


def _count(variables):
    return sum(variable.shape.num_elements() for variable in variables)
