"""A data set is one row of one table: with its row, it has a name, a license note, a split and test images."""

import subprocess
import sys

import numpy as np
import pytest

from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, datasets, published, splits
from tfgan_v1.data.labels import Labelled

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 1), np.uint8)
ROW = datasets.Row(
    "Trained on noise.",
    load=lambda request: Labelled(IMAGES, np.arange(40, dtype=np.int32) % 2, ("even", "odd")),
    load_test=lambda request: Labelled(IMAGES[:7]),
    period=10,
)


@pytest.fixture
def noise(monkeypatch):
    monkeypatch.setitem(data.DATASETS, "noise", ROW)
    return data.load("noise")


def test_a_row_is_all_that_a_data_set_needs(noise):
    assert np.array_equal(noise.images, IMAGES) and noise.classes == ("even", "odd")
    assert noise.facts()["name"] == "noise" and data.license_note("noise") == "Trained on noise."
    assert data.load("noise", shaping=Shaping((8, 9), 3)).images.shape == (40, 8, 9, 3)
    test = data.load_test("noise")
    assert np.array_equal(test.images, IMAGES[:7]) and not splits.is_held_out(noise, test)
    first, rest = splits.split(noise, 0.5, 0)
    assert len(first) == 20 and not set(first % 10) & set(rest % 10)
    assert datasets.period_of("noise", 40) == 10 and not splits.shares_digits(noise, None)
    with pytest.raises(UserError, match="gaussian, noise, and no file or folder"):
        data.load("no such data")


def test_a_row_may_hold_composed_images_or_points(monkeypatch):
    monkeypatch.setitem(data.DATASETS, "noise", ROW._replace(composed=True))
    assert splits.shares_digits(data.load("noise"), None)
    with pytest.raises(UserError, match="leave out --channels 1"):
        data.load("noise", shaping=Shaping(channels=1))
    row = datasets.Row("", load=lambda request: Labelled(np.full((3, 1), request.mean, np.float32)))
    monkeypatch.setitem(data.DATASETS, "threes", row)
    assert data.load("threes", mean=3.0).images.tolist() == [[3]] * 3 and data.load_test("threes") is None


def test_a_row_without_a_part_is_an_error_that_names_it():
    for row, values, part in ((datasets.Row, ["license"], "load"), (published.Published, ROW[:5], "classes")):
        with pytest.raises(TypeError, match=f"missing .*'{part}'"):
            row(*values)


def test_every_other_name_is_the_users_own_data():
    notes = {data.license_note(name) for name in data.DATASETS}
    assert len(notes) == len(data.DATASETS) == 6 and data.license_note("photos") == datasets.OWN


def test_the_names_are_known_without_what_decodes_and_downloads():
    program = "import sys; from tfgan_v1.data import DATASETS, LARGEST_SIDE; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"PIL", "pandas", "pooch", "requests", "sklearn", "scipy", "tensorflow"}.intersection(loaded)
