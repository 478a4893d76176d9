"""The calculation of benchmarks/scaling.py: its exchanges are those of the graph, its tables those of the docs."""

import pytest

import scaling
from conftest import REPOSITORY
from tfgan_v1._tensorflow import tf
from tfgan_v1.cluster import member
from tfgan_v1.config import Config
from tfgan_v1.gan import data_parallel, train_graph
from tfgan_v1.gan.models import MODELS

PAGE = (REPOSITORY / "docs" / "cluster-scaling.md").read_text()


def collectives(graph):
    """(type, floats) of each collective of a function's graph, in one branch of each condition."""
    for op in graph.get_operations():
        if op.type.startswith("Collective"):
            yield op.type, op.inputs[0].shape.as_list()[-1]
        for name in {"body", "else_branch", "f"} & set(op.node_def.attr):
            yield from collectives(graph._get_function(op.node_def.attr[name].func.name).graph)


@pytest.mark.parametrize(("name", "workers"), [("tuned", 2), *((name, 3) for name in scaling.PRESETS)])
def test_the_exchanges_are_those_of_a_step_of_the_graph(name, workers):
    shape, dtype, count = ((1,), "float32", 1000) if name == "gaussian" else ((28, 28, 1), "uint8", 60_000)
    config = Config(model=name, xla="off")
    with tf.Graph().as_default() as graph:
        data = train_graph.DataSpec(shape, dtype, count, count)
        built = train_graph.build(config, data, 8, workers=data_parallel.Workers(workers, 0))
        calls = [op.node_def.attr["f"].func.name for op in graph.get_operations() if "PartitionedCall" in op.type]
        (loop,) = (each for each in calls if "loop" in each)
        found = list(collectives(graph._get_function(loop).graph))
    networks = built.networks
    trained = [sum(each.shape.num_elements() for each in part) for part in (networks.d_vars, networks.g_vars)]
    assert trained == [scaling.PRESETS[name].d, scaling.PRESETS[name].g]
    expected = []
    for floats, algorithm in scaling.exchanges(scaling.PRESETS[name], workers):
        expected += {
            "all_to_all": [("CollectiveAllToAllV2", floats)],
            "ring": [("CollectiveReduceV2", floats)],
            "two": [("CollectiveAllToAllV2", -(-floats // workers))] * 2,
        }[algorithm]
    assert sorted(found) == sorted(expected)


def test_its_constants_are_those_of_the_trainer():
    assert (scaling.SMALL, scaling.SILENCE) == (data_parallel.SMALL, member.SILENCE)
    assert all(MODELS[name].convolutional for name in scaling.parse([]).compute)


def test_the_page_has_the_tables_of_the_defaults():
    given = scaling.parse([])
    for table in scaling.tables_of(given).values():
        assert table in PAGE
