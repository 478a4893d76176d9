"""The pages in docs/: their commands run, their links work, and their pictures belong to their commands."""

import re
import shlex
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

import draw_graph
import make_figures
import make_pages
from conftest import REPOSITORY, thorough
from tfgan_v1.commands import compare, evaluate, export, review, sample, train

DOCS = REPOSITORY / "docs"

# Other pages have commands for a GPU, for several machines, or for a run from elsewhere.
PAGES = [
    "conditional.md",
    "losses.md",
    "presets.md",
    "sampling.md",
    "see-it-learn.md",
    "techniques.md",
    "when-training-goes-wrong.md",
    "your-own-pictures.md",
]
LONGEST = "when-training-goes-wrong.md"  # whose runs go wrong for as long as it takes
TRAINED = {  # name of a run -> steps that are trained here, exit code, what it says; of all others a dry run is made
    "classes": (2, 0, ""),
    "clustered": (2, 0, ""),
    "drawn": (2, 0, ""),
    "long": (2, 0, ""),
    "nan": (8, 4, "training diverged"),
    "overpowered": (600, 0, "the discriminator overpowers the generator"),
}
PARSE = {"train": train, "sample": sample, "review": review, "compare": compare, "evaluate": evaluate, "export": export}
PARSE["import"] = import_module("tfgan_v1.commands.import")
COMMAND = re.compile(rf"(?:python|tfgan) ({'|'.join(PARSE)})(?:\.py)?((?: [^\s`|#&<>]+)*)")
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)")


def lines(page):
    """The commands of a page, without the word `tfgan`: lists of words."""
    return [shlex.split(line) for line in re.findall(r"^    tfgan (.*)$", (DOCS / page).read_text(), re.M)]


def value(line, flag):
    return line[line.index(flag) + 1] if flag in line else None


def without(line, *flags):
    """A command without these flags and their values."""
    return [word for i, word in enumerate(line) if word not in flags and (i == 0 or line[i - 1] not in flags)]


def scaled_down(line):
    """The arguments of a `train` that takes a moment: few steps of small batches, or a dry run."""
    if value(line, "--model") != "gaussian" and not {"--dataset", "--resume"} & {*line}:
        line = [*line, "--dataset", "digits"]
    steps, _, _ = TRAINED.get(value(line, "--name"), (None, 0, ""))
    if steps is None:
        return line if "--dry-run" in line else [*line, "--dry-run"]
    line = [*without(line, "--steps", "--sample-every"), "--sample-every", "2", "--xla", "off"]
    if "--resume" in line:
        return [*line, "--steps", str(2 * steps)]
    return [*line, "--steps", str(steps), *(["--batch-size", "8"] if steps < 100 else [])]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """The folder PICTURES of the pages: 110 small ones in color."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "PICTURES").mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (110, 12, 10, 3), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "PICTURES" / f"{i}.png")


@pytest.mark.slow
@pytest.mark.parametrize("page", [thorough(page) if page == LONGEST else page for page in PAGES])
def test_its_commands_run(page, pictures, command):
    assert lines(page)
    for script, *line in lines(page):
        if script == "train":
            _, code, says = TRAINED.get(value(line, "--name"), (None, 0, ""))
            done, out, err = command("train", *scaled_down(line))
            assert done == code and says in err, (line, out, err)
        elif script == "sample":
            done, out, err = command("sample", *line, *(["--step", "2"] if "--step" in line else []))
            assert done == 0, (line, out, err)
        else:
            assert script in ("evaluate", "compare")
            PARSE[script].parse(script, line)


def test_the_flags_of_all_commands_in_all_pages_exist():
    pages = [*REPOSITORY.glob("*.md"), *DOCS.glob("*.md")]
    found = [command for page in pages for command in COMMAND.findall(page.read_text())]
    found = [(name, flags) for name, flags in found if not {"--help", "..."} & {*flags.split()}]
    assert len(found) > 80 and {name for name, _ in found} == PARSE.keys()
    for name, flags in found:
        PARSE[name].parse(name, shlex.split(flags))


def test_pages_have_one_spelling_of_a_command():
    for page in DOCS.glob("*.md"):
        assert not re.search(r"train\.py|sample\.py|python -m tfgan_v1", page.read_text()), page


def test_the_package_names_no_file_that_is_not_installed():
    for path in (REPOSITORY / "tfgan_v1").rglob("*.py"):
        assert not re.search(r"\bdocs/|\bexamples/|python (train|sample)\.py", path.read_text()), path


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [*sorted(REPOSITORY.glob("README*.md")), *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name
)
def test_its_links_work(page):
    for path, anchor in LINK.findall(page.read_text()):
        if not re.match(r"\w+:", path):
            target = page.parent / path if path else page
            assert target.exists(), path
            assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_the_korean_readme_has_all_commands_links_and_rows_of_the_english_one():
    english, korean = ((REPOSITORY / name).read_text() for name in ("README.md", "README.ko.md"))
    for what in (r"^    (.*)$", r"^```python\n(.*?)^```$"):
        flags = re.M | (re.S if "python" in what else 0)
        assert re.findall(what, korean, flags) == re.findall(what, english, flags)
    links = [[link for link, _ in LINK.findall(text) if "README" not in link] for text in (english, korean)]
    assert links[0] == links[1]
    assert len(re.findall(r"^\| ", korean, re.M)) == len(re.findall(r"^\| ", english, re.M))


def test_each_picture_of_runs_is_in_a_page_and_has_its_commands():
    text = "".join(page.read_text() for page in DOCS.glob("*.md"))
    trainings = [line for page in DOCS.glob("*.md") for line in lines(page.name) if "--dry-run" not in line]
    names = [value(line, "--name") for line in trainings if line[0] == "train"]
    for name, panels in make_figures.PICTURES.items():
        assert f"]({name})" in text
        assert all(names.count(panel.run) == 1 for panel in panels), "each run has its command, in one page"
    drawn = [*make_figures.PICTURES, "graph.png", "losses.png"]
    assert sum((DOCS / name).stat().st_size for name in drawn) < 600_000


def test_each_experiment_has_its_commands_its_page_and_its_picture():
    text = (DOCS / "see-it-learn.md").read_text()
    parts = re.split("^## ", text, flags=re.M)[1 : len(make_pages.EXPERIMENTS) + 1]
    seen = set()
    for part, (picture, (runs, *_)) in zip(parts, make_pages.EXPERIMENTS.items(), strict=True):
        assert f"]({picture})" in part and (DOCS / picture).stat().st_size < 120_000
        trained = {*re.findall(r"^    tfgan train .*--name (\w+)$", part, re.M)}
        assert trained == {*runs} - seen, "a run is trained once, where it is first shown"
        if len(runs) > 1:
            assert f"    tfgan compare {' '.join(runs)}\n" in part
        seen |= trained


def test_the_picture_of_the_graph_names_modules_that_exist():
    modules = {path.name for path in (REPOSITORY / "tfgan_v1").rglob("*.py")}
    assert {name for box in draw_graph.BOXES.values() for name in box.module.split(", ")} <= modules
    assert draw_graph.draw().axes
