"""The published digests of docs/digests.csv are those of the machine at hand, or it is one that has none yet."""

import re

import pytest

import digests
from conftest import THOROUGH, thorough

QUICK = "gaussian"


@pytest.mark.slow
@pytest.mark.parametrize("title", [title if title == QUICK else thorough(title) for title in digests.ROWS])
def test_this_machine_has_a_published_row_or_is_a_new_one(tmp_path, title, record_property):
    row, published = digests.measured(title, tmp_path), digests.read(digests.PUBLISHED)
    seen = digests.verdict(row, published)
    record_property("summary", f"{title}: {row[-1][:12]} on {', '.join(row[1:-1])}; seen on {seen}")
    assert "OTHER" not in seen or not THOROUGH  # a virtual machine may not tell which processor it has


def test_the_published_rows_are_whole_and_each_command_is_there():
    published = digests.read(digests.PUBLISHED)
    assert {row[0] for row in published} == {*digests.ROWS}
    assert all(len(row) == len(digests.HEADER) and re.fullmatch("[0-9a-f]{64}", row[-1]) for row in published)


def row(cpu, bits):
    return ("mlp", cpu, "2", "2.21.0", "2.4.6", bits)


def test_a_verdict_names_the_machines_with_the_same_bits():
    mine, same, other = (row(cpu, bits) for cpu, bits in (("a", "x"), ("b", "x"), ("a", "y")))
    assert digests.verdict(mine, [same]) == "b, 2, 2.21.0, 2.4.6"
    assert digests.verdict(mine, [other]) == "this machine had OTHER bits before"
    assert digests.verdict(mine, []) == "no machine in docs/digests.csv: a new row"


def test_writing_replaces_the_rows_of_the_same_command_and_machine(tmp_path):
    path, old, new, other = tmp_path / "digests.csv", row("a", "x"), row("a", "y"), row("b", "x")
    digests.write(path, [old, other], [new])
    assert digests.read(path) == [new, other]
