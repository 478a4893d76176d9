"""Points: the toy data sets with the constants of the papers, and tables and arrays of the user's."""

import numpy as np
import pytest

from tfgan_v1 import UserError, data
from tfgan_v1.data import arrays
from tfgan_v1.data.points import MODES
from tfgan_v1.data.shapes import POINTS

AS_POINTS = data.Shaping(size=POINTS)


@pytest.mark.parametrize("name, modes, radius, deviation", [("ring", 8, 1, 0.01), ("grid", 25, np.sqrt(8), 0.05)])
def test_a_mixture_has_the_papers_constants(name, modes, radius, deviation):
    dataset, centers = data.load(name), MODES[name].centers
    assert dataset.images.shape == (100_000, 2) and dataset.images.dtype == np.float32
    assert np.bincount(dataset.labels).tolist() == [100_000 // modes] * modes == [len(dataset.labels) // modes] * modes
    apart = dataset.images - centers[dataset.labels]
    assert np.allclose(apart.mean(0), 0, atol=deviation / 50)
    assert np.allclose(apart.std(0), deviation, rtol=0.01)
    assert np.linalg.norm(dataset.images.mean(0)) < 0.01
    corner = np.linalg.norm(centers, axis=1)
    assert np.allclose(corner, 1) if name == "ring" else np.isclose(corner[[6, 8, 16, 18]], radius).all()


def test_the_grid_has_a_spacing_of_two():
    assert sorted({*MODES["grid"].centers.ravel()}) == [-4, -2, 0, 2, 4]
    assert len(np.unique(MODES["grid"].centers, axis=0)) == 25


@pytest.mark.parametrize("name", ["ring", "grid", "spiral", "moons", "circles"])
def test_the_seed_decides_the_points_and_test_points_are_others(name):
    first, again, other = data.load(name, seed=5), data.load(name, seed=5), data.load(name, seed=6)
    assert (first.images == again.images).all() and (first.labels == again.labels).all()
    test = data.load_test(name, seed=5)
    assert len(test.images) == 10_000 and test.classes == first.classes
    for unlike in (other, test):
        assert not np.isin(unlike.images[:100, 0], first.images[:, 0]).all()
    assert np.abs(first.images).max() < 5 and first.images.std(0).min() > 0.3


def test_the_arms_of_the_spiral_are_its_classes():
    """A point and its reflection are in different arms, half a turn apart."""
    dataset = data.load("spiral")
    radius, angle = np.linalg.norm(dataset.images, axis=1), np.arctan2(*dataset.images.T[::-1])
    turn = (angle - 3 * np.pi * radius - np.pi * dataset.labels) % (2 * np.pi)
    outer = radius > 0.3
    assert (np.minimum(turn, 2 * np.pi - turn)[outer] < 0.6).mean() > 0.95


TABLES = {
    # name -> (text, the points' shape, the first point, the classes, what is said)
    "a header": ("x,y\n1,2\n3,4\n5,7\n", (3, 2), [1, 2], (), "as a point of 2 numbers"),
    "no header": ("1.5,-2\n3,4\n5,7\n", (3, 2), [1.5, -2], (), "as a point of 2 numbers"),
    "three columns": ("1;2,5;3\n4;5;6\n", (2, 3), [1, 2.5, 3], (), "as a point of 3 numbers"),
    "a species": (
        "sepal_length,sepal_width,petal_length,petal_width,species\n5.1,3.5,1.4,0.2,setosa\n7,3.2,4.7,1.4,versicolor\n",
        *((2, 4), [5.1, 3.5, 1.4, 0.2], ("setosa", "versicolor"), "the column species as the labels"),
    ),
    "row numbers and a label": ("id,x,y,label\n0,1,2,7\n1,3,4,8\n", (2, 2), [1, 2], ("7", "8"), "columns id"),
    "row numbers without a header": (
        "".join(f"{row},{row * row / 7},2\n" for row in range(12)), (12, 2), [0, 2], (), "as the numbers of the rows"
    ),
    "a value and a label": ("value,label\n0.5,a\n0.7,b\n", (2, 1), [0.5], ("a", "b"), "a point of 1 number"),
    "two columns of texts": ("x,y,name,city\n1,2,ann,rome\n3,4,bob,oslo\n", (2, 2), [1, 2], (), "columns name, city"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_the_rows_of_a_table_of_few_columns_are_points(name, tmp_path, capsys):
    text, shape, first, classes, said = TABLES[name]
    path = tmp_path / "table.csv"
    path.write_text(text)
    dataset = data.load(str(path))
    assert dataset.images.shape == shape and dataset.images.dtype == np.float32
    assert dataset.images[0].tolist() == np.float32(first).tolist()
    assert dataset.classes == classes and (dataset.labels is None) == (not classes)
    assert len(dataset.columns) in (0, shape[1])
    assert said in capsys.readouterr().err


def test_a_regression_target_is_a_coordinate_and_no_label(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x1,x2,target\n1,2,0.5\n3,4,0.25\n")
    assert data.load(str(path)).images.shape == (2, 3)


def test_four_columns_are_images_unless_they_have_other_names_or_points_asks_for_them(tmp_path, capsys):
    rows = "0,255,3,4\n5,6,7,8\n"
    (tmp_path / "plain.csv").write_text(rows)
    (tmp_path / "named.csv").write_text(f"age,height,weight,income\n{rows}")
    assert data.load(str(tmp_path / "plain.csv")).images.shape == (2, 2, 2, 1)
    assert "--points reads rows as points" in capsys.readouterr().err
    assert data.load(str(tmp_path / "named.csv")).images.shape == (2, 4)
    assert data.load(str(tmp_path / "plain.csv"), shaping=AS_POINTS).images.tolist() == [[0, 255, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    "array, shape",
    [
        (np.zeros((5, 2)), (5, 2)),
        (np.zeros((5, 3), np.float32), (5, 3)),
        (np.zeros(5), (5, 1)),
        (np.zeros((5, 32)), (5, 32)),
    ],
)
def test_rows_of_floats_that_make_no_image_are_points(array, shape):
    assert arrays.to_images_or_points(array, "x").shape == shape


@pytest.mark.parametrize(
    "array", [np.arange(8).reshape(2, 4), np.zeros((5, 784)), np.zeros((5, 33)), np.ones((5, 2), bool)]
)
def test_all_rows_of_numbers_are_points_if_they_are_asked_for(array):
    points = arrays.to_images_or_points(array, "x", POINTS)
    assert points.dtype == np.float32 and (points == array).all()


@pytest.mark.parametrize(
    "array, size, says",
    [
        (np.array([[1, np.nan]]), None, "NaN, infinite"),
        (np.array([[1, 1e39]]), None, "infinite or beyond 1e+18"),
        (np.array([[1, -1e30]]), None, "infinite or beyond 1e+18"),
        (np.zeros((5, 33)), None, "with --points, [n, d]"),
        (np.zeros((5, 2), int), None, "with --points, [n, d]"),
        (np.full((5, 4), -7.5), None, "--points reads rows as points"),
        (np.zeros((5, 2, 2, 2)), POINTS, "points are floats"),
    ],
)
def test_other_arrays_are_refused_with_advice(array, size, says):
    with pytest.raises(UserError) as error:
        arrays.to_images_or_points(array, "x", size)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "text, says",
    [
        ("x,y\n1,2\n3,\n", "line 3: column 2 (y) is no number"),
        ("x,y,label\n1,2,a\n3,4,\n", "line 3: the label in column 3 is missing"),
        ("x,y\n1,2\n3,inf\n", "infinite or beyond"),
        ("x,y\n1,2\n3,nan\n", "line 3: column 2 (y) is no number"),
    ],
)
def test_a_table_of_points_with_a_hole_is_one_sentence(text, says, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        data.load(str(path))
    assert says in str(error.value)


def test_two_columns_of_decimal_commas_are_points(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b\n4,125;3,5\n-0,5;12\n")
    assert data.load(str(path)).images.tolist() == [[4.125, 3.5], [-0.5, 12]]


def test_images_are_no_points(tmp_path):
    for name in ("digits", tmp_path):
        with pytest.raises(UserError, match="--points is for tables and arrays"):
            data.load(str(name), shaping=AS_POINTS)
    with pytest.raises(UserError, match="leave out --image-size"):
        data.load("ring", shaping=data.Shaping(size=(8, 8)))


def test_an_array_of_points_may_have_labels():
    dataset = data.from_array(np.zeros((3, 2)), ["a", "b", "a"])
    assert dataset.labels.tolist() == [0, 1, 0] and dataset.classes == ("a", "b")


def test_the_columns_of_points_have_the_names_of_the_header(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,sepal_length,species,petal_length\n1,2,a,3\n2,5,b,7\n")
    assert data.load(str(path)).columns == ("sepal_length", "petal_length")
