"""Tables of every dialect give the same images; an error gives the number of the line."""

import gzip
import itertools
import tracemalloc

import numpy as np
import pytest

from conftest import REAL_DATA
from tfgan_v1 import UserError, data
from tfgan_v1.data import Shaping, tables
from tfgan_v1.data.labels import MOST_CLASSES

GRAY = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (5, 5, 5, 3), np.uint8)
SMALL = COLOUR[:, :4, :4]  # whose 48 columns and a label could as well be 7x7 grays


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(images, delimiter=",", end="\n", header=None, label=None, quoted=False, scale=1):
    """The text of a table. header: the names' prefix, "" for pandas' numbers; label: the name of its column."""
    rows = [[str(value if scale == 1 else value / scale) for value in image.ravel()] for image in images]
    names = [f"{header}{number}" for number in range(len(rows[0]))]
    if label:
        rows = [[str(number % 10), *row] for number, row in enumerate(rows)]
        names = [label, *names]
    rows = rows if header is None else [names, *rows]
    quote = '"' if quoted else ""
    return "".join(delimiter.join(f"{quote}{field}{quote}" for field in row) + end for row in rows)


VARIANTS = list(
    itertools.product(
        [GRAY, COLOUR], ",;\t", ["\n", "\r\n", "\r\r\n"], [None, "pixel", ""], [None, "label", "Class"], [False, True]
    )
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: b"\xef\xbb\xbf" + text + b"\n\n"])
def test_every_way_to_write_a_table_gives_the_same_images(tmp_path, pack):
    for images, delimiter, end, header, label, quoted in VARIANTS:
        text = table(images, delimiter, end, header, label, quoted)
        read = data.load(write(tmp_path / "images", pack(text.encode()))).images
        variant = delimiter, end, header, label, quoted
        assert read.dtype == np.uint8 and np.array_equal(read, images), variant


def test_blank_lines_and_a_missing_last_line_end_are_ignored(tmp_path):
    text = "\n" + table(GRAY).rstrip().replace("\n", "\n\n  \n,,,\n")
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, GRAY)


def test_a_label_may_be_text(tmp_path):
    text = "".join(f"cat,{line}\n" for line in table(GRAY).splitlines())
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, GRAY)


def test_a_header_with_a_label_decides_between_two_layouts(tmp_path):
    assert data.load(write(tmp_path / "a.csv", table(SMALL, label="x"))).images.shape == (5, 7, 7, 1)
    text = table(SMALL, label="label", header="pixel")
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, SMALL)


@pytest.mark.parametrize("label", [None, "y"])
@pytest.mark.parametrize("size", [(2, 8), (8, 2), (4, 4)])
def test_a_size_that_fits_decides_the_shape(tmp_path, label, size):
    for images in (GRAY, SMALL):
        path = write(tmp_path / "a.csv", table(images, label=label))
        shape = (5, *size, images.shape[3])
        assert np.array_equal(data.load(path, shaping=Shaping(size)).images, images.reshape(shape))


def test_fractions_are_scaled_from_black_to_white_wherever_the_first_one_is(tmp_path):
    images = GRAY.copy()
    images[:3] = np.where(images[:3] > 99, 255, 0)  # whole numbers, 0.0 and 1.0
    text = table(images, scale=255)
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, images)
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text.replace(".0,", ","))).images, images)
    black = table(images[:3] // 255)  # black and white is 0 and 1
    assert np.array_equal(data.load(write(tmp_path / "a.csv", black)).images, images[:3])
    assert np.array_equal(data.load(write(tmp_path / "a.csv", table(GRAY))).images, GRAY)


def row(*first, columns=16):
    return ",".join([*first, *["7"] * (columns - len(first))]) + "\n"


WRONG = {
    "a column less": (row() + row() + row(columns=15), "line 3: column 16 is missing or empty"),
    "a column more": (row() + row(columns=17), "line 2: there are 17 columns, more than in the first"),
    "a label alone": ("label,p0,p1,p2,p3\n1,2,3,4,5\n7\n1,2,3,4,5\n", "line 3: column 2 is missing or empty"),
    "a quote over the end of a line": (row() + row('"7') + row('7"'), "line 2: .* is not a number"),
    "a label that is missing": ("label,p0,p1,p2,p3\n1,2,3,4,5\nNA,2,3,4,5\n", "line 3: column 1 is missing or empty"),
    "labels in another encoding": (
        "あ,1,2,3,4\nい,5,6,7,8\n".encode("shift-jis"),
        "labels that are not in UTF-8; save the file in UTF-8",
    ),
    "a row without its last label": (
        "1,2,3,4,cat\n5,6,7,8\n",
        "line 2: column 5 is missing or empty; write",
    ),
    "all a column more": (row() + row(columns=17) * 3, "line 2: there are 17 columns, more than in the first"),
    "many columns more": (row() + row() + row(columns=99), "line 3: there are 99 columns, more than in the first"),
    "an open quote": (row() + row('"7'), "line 2 cannot be read .*; close its quotes"),
    "a word": (row() * 3 + row("7", "pixel"), "line 4: 'pixel' is not a number"),
    "an empty field": (row() + row(""), "line 2: column 1 is missing or empty"),
    "too large": (row() + row("256"), "line 2: 256"),
    "negative": (row() + row("-1"), "line 2: -1"),
    "negative among all": (row("-1", "-1") + row("0.5") + row(), "line 1: -1"),
    "negative before": (",".join(["-1"] * 16) + "\n" + row("0"), "line 2: 7 is in a table of -1 to 7"),
    "nan": (row() + row("nan"), "line 2: 'nan' is not a number"),
    "infinite": (row() + row("1e999"), "line 2: (inf|'1e999')"),
    "fractions among whole": (row() + row() + "0.5," * 15 + "1\n", "line 3: 0.5 is in a row of fractions"),
    "whole among fractions": ("0.5,0.25,1,0\n0,0,0,0\n0,0,0,2\n", "line 1: 0.5 is in a row of fractions, .* has 2;"),
    "CR CR LF": ((row() + row("x")).replace("\n", "\r\r\n"), "line 2: 'x'"),
    "blank lines": ("\n\n" + row() + "\n" + row("x"), "line 5: 'x'"),
    "a header alone": ("a,b,c,d\n", "no rows"),
    "blank": ("\n \n", "no rows"),
    "no label": ("label,p0,p1,p2,p3\n1,0,0,0,0\n,0,0,0,0\n", "line 3: column 1 is missing or empty"),
    "no square": ("1," * 33 + "\n", r"33 columns \(1, 1, 1, 1, .*\), which do not make a square image"),
    "columns of other names": (",".join("abcdefgh" * 5) + "\n" + "3," * 40 + "\n", r"40 columns \(a, b, c, d, e, f, g"),
    "prose": ("# Title\n\nDear reader, this is\nno table, 1 of many.\n", "is a text, and its first line is '# Title'"),
    "words": ("cat\ndog\n", "is a text, and its first line is 'cat'"),
    "texts in columns": ("id,label\n1,cat\n2,dog\n", "has no column of numbers; points need one"),
    "a list of points with a word": ("1.5\n2.5\nx\n", "line 3: 'x' is not a number"),
    "points that are NaN": ("value\n1.5\nnan\n", "NaN, infinite or beyond"),
    "comments alone": ("# 1 2 3 4\n# 5 6 7 8\n", "no rows"),
    "pixels of two lengths": ("emotion,pixels\n0,1 2 3 4\n1,1 2 3\n", "line 3 has not as many pixels"),
    "a line without end": (b"7" * 3000, "a row of over 2,000 characters"),
    "gzip cut off": (gzip.compress(row().encode() * 999)[:-9], "damaged or cut off"),
}


@pytest.mark.parametrize("text, reason", WRONG.values(), ids=WRONG)
def test_a_wrong_table_is_one_sentence_with_its_line(tmp_path, monkeypatch, text, reason):
    monkeypatch.setattr(tables, "_LONGEST", 2000)
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(UserError, match=reason) as error:
        data.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_large_table_takes_little_more_than_its_images(tmp_path):
    path = write(tmp_path / "a.csv", row(columns=784) * 2000)  # 3 MB of text, 12 MB as floats
    tracemalloc.start()
    try:
        images = data.load(path).images
        assert tracemalloc.get_traced_memory()[1] < images.nbytes + 2e6
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not REAL_DATA or not data.Path(REAL_DATA, "mnist_csv").is_dir(), reason="no mnist_csv")
def test_the_real_table_has_the_pixels_of_the_real_file():
    images = data.load(f"{REAL_DATA}/mnist_csv/mnist_test.csv.gz").images
    assert images.shape == (10_000, 28, 28, 1)
    assert np.array_equal(images, data.load(f"{REAL_DATA}/mnist/t10k-images-idx3-ubyte.gz").images)


def test_a_header_may_name_a_label_after_the_pixels(tmp_path):
    rows = ["a,b,c,d,class", "1,2,3,4,9", "5,6,7,8,cat"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    assert tables.read_csv(tmp_path / "t.csv").images.ravel().tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("wrong", ["256", "", "NA", "-1"])
def test_a_first_row_with_one_wrong_value_is_no_header(tmp_path, wrong):
    (tmp_path / "t.csv").write_text(f"1,{wrong},3,4\n5,6,7,8\n")
    with pytest.raises(UserError, match="line 1"):
        tables.read_csv(tmp_path / "t.csv")


DIGITS = GRAY.copy()
DIGITS[:, 0, 0] = DIGITS[:, -1, -1] = 0  # as MNIST's corners are
VALUES = [7, 0, 3, 3, 9]


def with_columns(images, first=(), last=(), delimiter=",", end="\n"):
    """The text of a table without a header that has further columns, lists of one value for each row."""
    rows = []
    for number, image in enumerate(images):
        fields = [column[number] for column in first], image.ravel(), [column[number] for column in last]
        rows.append(delimiter.join(str(field) for part in fields for field in part) + end)
    return "".join(rows)


def names(dataset):
    return [dataset.classes[label] for label in dataset.labels]


@pytest.mark.parametrize("at", ["first", "last"])
def test_the_label_is_found_at_either_end_by_its_values_and_a_line_says_so(tmp_path, capsys, at):
    dataset = data.load(write(tmp_path / "a.csv", with_columns(DIGITS, **{at: [VALUES]})))
    assert np.array_equal(dataset.images, DIGITS) and dataset.classes == ("0", "3", "7", "9")
    assert names(dataset) == list(map(str, VALUES))
    message = capsys.readouterr().err
    assert message.count("\n") == 2 and f"reads the {at} of 17 columns as the labels\n" in message
    assert "reads rows of 17 columns as images; --points reads rows as points" in message
    assert "warning" not in message


@pytest.mark.parametrize("values", [["cat", "dog", "cat", "emu", "dog"], [-1, 1, 1, -1, 1], [300, 301, 300, 301, 9]])
@pytest.mark.parametrize("at", ["first", "last"])
def test_values_that_no_pixel_has_are_labels_at_either_end(tmp_path, at, values):
    dataset = data.load(write(tmp_path / "a.csv", with_columns(GRAY, **{at: [values]})))
    assert np.array_equal(dataset.images, GRAY) and names(dataset) == list(map(str, values))


def test_where_both_ends_look_like_labels_it_takes_the_first_and_warns(tmp_path, capsys):
    images = DIGITS.copy()
    images[:, -1, -1, 0] = [1, 0, 1, 0, 0]
    dataset = data.load(write(tmp_path / "a.csv", with_columns(images, first=[VALUES])))
    assert np.array_equal(dataset.images, images) and names(dataset) == list(map(str, VALUES))
    message = capsys.readouterr().err
    assert message.startswith("warning: ") and "do not tell which" in message and "header" in message
    text = "label," + ",".join("abcdefghijklmnop") + "\n" + with_columns(images, first=[VALUES])
    assert names(data.load(write(tmp_path / "a.csv", text))) == list(map(str, VALUES))
    assert "warning" not in capsys.readouterr().err


def test_the_labels_of_a_sorted_table_are_found_by_its_last_rows(tmp_path):
    images = np.repeat(DIGITS, 400, axis=0)
    values = np.repeat([0, 1], 1000).tolist()
    dataset = data.load(write(tmp_path / "a.csv", with_columns(images, last=[values])))
    assert np.array_equal(dataset.images, images) and dataset.labels.tolist() == values


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("header", ["", "Unnamed: 0", "id", None])
@pytest.mark.parametrize("at", ["first", "last", None])
def test_row_numbers_are_neither_pixels_nor_labels(tmp_path, at, header, start):
    images, values = np.concatenate([DIGITS] * 3), VALUES * 3
    numbers = list(range(start, start + 15))
    columns = {"first": [numbers], at: [*([numbers] if at == "first" else []), values]} if at else {"first": [numbers]}
    text = with_columns(images, **columns)
    if header is not None:
        pixels = [f"pixel{number}" for number in range(16)]
        named = {"first": ["label", *pixels], "last": [*pixels, "label"], None: pixels}[at]
        text = ",".join([header, *named]) + "\n" + text
    dataset = data.load(write(tmp_path / "a.csv", text))
    assert np.array_equal(dataset.images, images)
    assert (dataset.labels is None) if at is None else (names(dataset) == list(map(str, values)))


def test_two_columns_too_many_without_row_numbers_are_refused(tmp_path):
    with pytest.raises(UserError, match="18 columns"):
        data.load(write(tmp_path / "a.csv", with_columns(GRAY, first=[VALUES, VALUES])))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", ",".join("abcdefghijklmnop") + "\n", ",".join("abcdefghijklmnop") + ",\n"])
def test_a_delimiter_may_end_every_line(tmp_path, header, delimiter):
    text = header.replace(",", delimiter) + with_columns(GRAY, delimiter=delimiter, end=f"{delimiter}\n")
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, GRAY)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_numbers_may_have_a_decimal_comma_where_no_commas_delimit(tmp_path, delimiter):
    for images in (GRAY, GRAY[:1]):
        text = table(images, delimiter, scale=255).replace(".", ",")
        assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, images)
    with pytest.raises(UserError, match=r"line 1: '0,5,' is not a number"):
        data.load(write(tmp_path / "a.csv", "0,5,;0,25;1;0\n"))


@pytest.mark.parametrize("line", ["\n", "\r", ",,,\n", '""\n', " \n"])
def test_endless_blank_lines_are_refused_before_they_take_minutes(tmp_path, monkeypatch, line):
    monkeypatch.setattr(tables, "_MOST_BLANK", 1000)
    for text, reason in ((line * 10**5, "no rows"), (row() + line * 10**5, "more than 1,000 blank lines")):
        with pytest.raises(UserError, match=reason):
            data.load(write(tmp_path / "a.csv", text))
    spaced = with_columns(GRAY, end=f"\n{line}")
    assert np.array_equal(data.load(write(tmp_path / "a.csv", spaced)).images, GRAY)


def test_more_values_than_classes_can_have_are_no_labels(tmp_path):
    count = MOST_CLASSES + 1
    images = np.zeros((count, 2, 2, 1), np.uint8)
    text = with_columns(images, first=[[f"name {number}" for number in range(count)]])
    dataset = data.load(write(tmp_path / "a.csv", text))
    assert dataset.labels is None and dataset.images.shape == (count, 2, 2, 1)


def test_a_file_that_changes_between_the_two_passes_is_one_sentence(tmp_path, monkeypatch):
    path = write(tmp_path / "a.csv", table(GRAY, label="label"))
    read_pixels = tables._read_pixels

    def shrink(*args):
        write(path, table(GRAY[:3], label="label"))
        return read_pixels(*args)

    monkeypatch.setattr(tables, "_read_pixels", shrink)
    with pytest.raises(UserError, match="changed while it was read"):
        data.load(path)


def test_lines_without_end_and_open_quotes_are_refused_before_they_take_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_LONGEST", 2**20)
    for text, reason in (
        (row() + "7" * 2**21, "line 2 begins an open quote, or a row of over 1,048,576 characters"),
        (row() + '"7' + row() * 2**18, "line 2 begins an open quote"),
        (row() + '"7\n",' * 2**18, "line 2 begins an open quote"),
    ):
        with pytest.raises(UserError, match=reason):
            data.load(write(tmp_path / "a.csv", text))


PIXELS = [f"pixel{number}" for number in range(16)]
HEADER, ROWS = ",".join(["label", *PIXELS]) + "\n", with_columns(GRAY, first=[VALUES])
RIGHT = {
    "blanks": ROWS.replace(",", " "),
    "many blanks, at the beginning and the end": "".join(
        f"  {line}  \n" for line in ROWS.replace(",", "   ").split("\n")
    ),
    "blanks, with a header": (HEADER + ROWS).replace(",", " "),
    "blanks, with a header of NumPy": "# " + (HEADER + ROWS).replace(",", " "),
    "a header of NumPy": "# " + HEADER + ROWS,
    "|": (HEADER + ROWS).replace(",", "|"),
    "| between blanks": (HEADER + ROWS).replace(",", " | "),
    "comments": f"# written by a program, in 2020\n# it is's \"\n{HEADER}# more\n{ROWS}# the end\n",
    "Excel's first line": "sep=,\r\n" + (HEADER + ROWS).replace("\n", "\r\n"),
    "Excel's first line in quotes": '"sep=;"\n' + (HEADER + ROWS).replace(",", ";"),
    "UTF-16": (HEADER + ROWS).encode("utf-16"),
    "UTF-16, the other order": b"\xfe\xff" + (HEADER + ROWS).encode("utf-16-be"),
    "gzipped UTF-16": gzip.compress((HEADER + ROWS).encode("utf-16")),
    "labels with blanks": HEADER + "".join(f"a b {line}\n" for line in ROWS.splitlines()),
    "labels with a #": "".join(f"#{line}\n" for line in ROWS.splitlines()),
    "row numbers behind the label": f"label,ID,{','.join(PIXELS)}\n"
    + with_columns(GRAY, first=[VALUES, [8, 7, 3, 2, 9]]),
    "an identifier first": f"image_id,{HEADER}" + with_columns(GRAY, first=[[8, 7, 3, 2, 9], VALUES]),
    "pandas' numbers, and a label": ",".join([*map(str, range(16)), "label"])
    + "\n"
    + with_columns(GRAY, last=[VALUES]),
    "ARFF": "% my digits\n@RELATION 'my, digits'\n\n@ATTRIBUTE 'p 0' REAL\n@ATTRIBUTE class {0,1,2,3,4,5,6,7}\n@DATA\n"
    + with_columns(DIGITS, last=[[f"'{value}'" for value in VALUES]]),
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_tables_of_other_programs_are_read(tmp_path, text):
    dataset = data.load(write(tmp_path / "a.csv", text))
    assert np.array_equal(dataset.images, DIGITS if text is RIGHT["ARFF"] else GRAY)
    assert [name.strip("ab #") for name in names(dataset)] == list(map(str, VALUES))


OTHER_COLUMNS = {
    "Usage": ("label,", ",Usage", "7,", ",Training", "leaves out the columns Usage, and reads all rows", True),
    "two unknown ones": ("a,b,", "", "7,3,", "", "leaves out the columns a, b, and", False),
    "one unknown one": ("emotion,", ",Usage", "7,", ",Training", "reads the column emotion as the labels", True),
    "a file": ("file,", "", "7.png,", "", "leaves out the columns file, and", False),
}


@pytest.mark.parametrize("first, last, before, behind, said, labelled", OTHER_COLUMNS.values(), ids=OTHER_COLUMNS)
@pytest.mark.parametrize("packed", ["{}", "{} ", '"{}"', '"[{}]"'])
def test_other_columns_are_known_by_a_header_and_pixels_may_be_in_one_field(
    tmp_path, capsys, first, last, before, behind, said, labelled, packed
):
    header = ",".join(PIXELS) if packed == "{}" else "pixels"
    mark = {"{}": ",", '"[{}]"': ", "}.get(packed, " ")
    rows = [before + packed.format(mark.join(map(str, image.ravel()))) + behind for image in GRAY]
    dataset = data.load(write(tmp_path / "a.csv", "\n".join([first + header + last, *rows])))
    assert np.array_equal(dataset.images, GRAY) and dataset.classes == (("7",) if labelled else ())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("header", ["", "height\n", '"height, in cm"\n', "# height in cm\n", "0\n", "sep=,\n", "\n"])
@pytest.mark.parametrize("end", ["\n", " \r\n", ",\n"])
def test_one_column_of_numbers_is_points(tmp_path, capsys, header, end):
    values = np.random.default_rng(0).normal(4, 0.5, 50)
    text = header + "".join(f"{value}{end}" for value in values)
    for content in (text, gzip.compress(text.encode())):
        dataset = data.load(write(tmp_path / "points.csv", content))
        assert dataset.images.dtype == np.float32
        assert np.array_equal(dataset.images, values.reshape(50, 1).astype(np.float32))
    numbered = ",value\n" + "".join(f"{number},{value}\n" for number, value in enumerate(values))
    assert np.array_equal(data.load(write(tmp_path / "points.csv", numbered)).images, dataset.images)
    assert capsys.readouterr().err == ""


def test_a_column_of_whole_numbers_is_points_and_a_line_says_that_labels_go_elsewhere(tmp_path, capsys):
    assert data.load(write(tmp_path / "points.csv", "7\n0\n3\n")).images.tolist() == [[7], [0], [3]]
    assert "give them by --labels" in capsys.readouterr().err


RANGES = {"-1 to 1": GRAY / 127.5 - 1, "0 to 1": GRAY / 255, "-1 to 1 in later rows": np.abs(GRAY / 127.5 - 1)}
RANGES["-1 to 1 in later rows"][2:] -= 1
RANGES |= {"a little above 1": GRAY / 255 * 1.04, "fractions above 1": np.maximum(GRAY, 1) - 0.4}


@pytest.mark.parametrize("delimiter", [",", " "])
@pytest.mark.parametrize("values", RANGES.values(), ids=RANGES)
def test_a_table_is_scaled_as_an_array_with_its_numbers(tmp_path, delimiter, values):
    np.save(tmp_path / "a.npy", values)
    expected = data.load(tmp_path / "a.npy").images
    text = "".join(delimiter.join(map(repr, image.ravel().tolist())) + "\n" for image in values)
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, expected)
    rows = "".join(f"{line},{number % 3}\n" for number, line in enumerate(text.replace(" ", ",").splitlines()))
    dataset = data.load(write(tmp_path / "a.csv", ",".join([*PIXELS, "y"]) + "\n" + rows))
    assert np.array_equal(dataset.images, expected) and names(dataset) == list("01201")


def test_a_label_is_found_by_its_values_beside_a_corner_of_minus_one(tmp_path):
    text = with_columns(DIGITS / 127.5 - 1, last=[VALUES])
    assert names(data.load(write(tmp_path / "a.csv", text))) == list(map(str, VALUES))


@pytest.mark.parametrize("zero", ["0", "0.0"])
def test_a_row_that_pandas_took_for_a_header_is_left_out_and_a_warning_says_so(tmp_path, capsys, zero):
    images = GRAY.copy() // 2
    images[0, :2] = images[1:, 0, 0] = 0
    others = np.arange(101, 109) / (1 if zero == "0" else 255)
    header = [zero, *(f"{zero}.{number}" for number in range(1, 8)), *(f"{value:g}" for value in others)]
    text = ",".join(header) + "\n" + with_columns(images[1:] if zero == "0" else images[1:] / 255)
    assert np.array_equal(data.load(write(tmp_path / "a.csv", text)).images, images[1:])
    assert "warning" in (said := capsys.readouterr().err) and "header=None" in said
    ramp = "".join(f"{number / 10:g}," for number in range(9)) + "\n"
    assert len(data.load(write(tmp_path / "a.csv", ramp * 3)).images) == 3
    assert "warning" not in capsys.readouterr().err


def test_three_planes_in_a_row_are_colors(tmp_path, capsys):
    images = np.zeros((9, 8, 8, 3), np.uint8)
    images[..., 0], images[..., 1] = np.add.outer(np.arange(9) * 9, np.add.outer(np.arange(8), np.arange(8) * 2)), 255
    for rows, said in ((images.reshape(9, -1), ""), (np.moveaxis(images, 3, 1).reshape(9, -1), "three planes")):
        np.savetxt(tmp_path / "a.csv", rows, "%d", ",")
        assert np.array_equal(data.load(tmp_path / "a.csv").images, images)
        message = capsys.readouterr().err
        assert said in message and message.count("\n") == bool(said)


@pytest.mark.parametrize("name", ["class_id", "category_id", "label_id"])
def test_the_numbers_of_classes_are_labels_and_those_of_images_are_not(tmp_path, name):
    table = "".join(
        f"{number % 2},{number + 50},{','.join(map(str, range(number, number + 16)))}\n" for number in range(6)
    )
    dataset = data.load(write(tmp_path / "a.csv", f"{name},image_id,{','.join(map(str, range(16)))}\n{table}"))
    assert dataset.classes == ("0", "1") and dataset.images[3, 0, 0, 0] == 3
