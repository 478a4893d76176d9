"""The rules of the layers: imports run one way, the package's root is small, and one module writes files."""

import ast
import re

import pytest

from conftest import REPOSITORY

MOST_FILES, MOST_FOLDERS = 8, 11  # in the package's root
LAYERS = (  # each imports those after it alone
    *("__main__", "cli", "commands", "training", "report", "exporting", "evaluation", "sampling", "cluster", "storage"),
    *("config", "devices", "gan", "data", "_tensorflow", "errors", "files", "streams", "__init__"),
)
ONLY = {"gan": {"_tensorflow", "errors"}, "data": {"errors", "files", "streams"}}  # what these import at most


def imports(path, package):
    """The rooms that a module imports, inside functions, too: folders of the package, or files in its root."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for _, *parts in (name.split(".") for name in names if name.startswith("tfgan_v1.")):
            yield parts[0] if list(package.glob(f"{parts[0]}*")) else "__init__"  # which has names of its own


# Calls that write, move or remove files: names, or methods of a path; and of `open`, its mode.
WRITERS = {
    "unlink", "rmdir", "rmtree", "mkdir", "makedirs", "renames", "removedirs", "touch", "symlink_to", "hardlink_to",
    "symlink", "chmod", "write_text", "write_bytes", "copy2", "copyfile", "copytree", "copyfileobj", "path.rename",
    "os.rename", "os.remove", "os.replace", "os.link", "shutil.move",
}  # fmt: skip
NO_FILES = {"os.devnull", "stderr", "archive.open"}  # what else is opened to write: descriptors, a part of an open file


def writers(path):
    """The source of each call in a module that writes, moves or removes files."""
    for node in (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)):
        called = ast.unparse(node.func)
        name, given = called.rpartition(".")[2], {ast.unparse(each) for each in node.args}
        given |= {ast.unparse(each.value) for each in node.keywords}
        opens = name in ("open", "fdopen", "FileIO") and not {called, *given} & NO_FILES
        opens = opens and any(re.fullmatch(r"'[rb]*[wax+][bt+]*'", each) for each in given)
        if not called.startswith("files.") and ({called, name} & WRITERS or called.startswith("tempfile.") or opens):
            yield ast.unparse(node)


def test_one_module_writes_moves_and_removes_files(tmp_path):
    package = REPOSITORY / "tfgan_v1"
    others = [path for path in package.rglob("*.py") if path != package / "files.py"]
    assert [(path.name, found) for path in others for found in writers(path)] == []
    lines = ["path.unlink()", "open(path, 'ab')", "path.open(mode='w')", "os.replace(a, b)", "shutil.rmtree(a)"]
    lines += ["tempfile.mkstemp()", "io.open(path, 'r+')"]
    (tmp_path / "a.py").write_text("\n".join([*lines, "open(path)", "text.replace('a', 'b')", "files.move(a, b)"]))
    assert list(writers(tmp_path / "a.py")) == lines


def broken_rules(package):
    """A sentence for each rule that a package breaks."""
    rooms = {}
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        rooms.setdefault(room, set()).update(each for each in imports(path, package) if each != room)
    if unknown := rooms.keys() - {*LAYERS}:
        yield f"no layer: {', '.join(sorted(unknown))}"
        return
    for room, imported in rooms.items():
        above = {each for each in imported if LAYERS.index(each) < LAYERS.index(room)}
        if others := above | (imported - ONLY.get(room, imported)):
            yield f"{room} imports {', '.join(sorted(others))}"
    files, folders = len([*package.glob("*.py")]), len([*package.glob("*/__init__.py")])
    if files > MOST_FILES or folders > MOST_FOLDERS:
        yield f"{files} files and {folders} folders in the root"


def test_imports_run_one_way_and_the_root_is_small():
    assert list(broken_rules(REPOSITORY / "tfgan_v1")) == []


LATE = "def late():\n    from tfgan_v1.{} import {}\n"


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({"data/__init__.py": "from tfgan_v1 import errors", "errors.py": ""}, None),
        (
            {
                "gan/noise.py": "from tfgan_v1.gan import layers\nfrom tfgan_v1._tensorflow import tf",
                "_tensorflow.py": "",
            },
            None,
        ),
        ({"gan/noise.py": LATE.format("data", "splits"), "data/splits.py": ""}, "gan imports data"),
        ({"data/x.py": LATE.format("_tensorflow", "tf"), "_tensorflow.py": ""}, "data imports _tensorflow"),
        ({"storage/x.py": "import tfgan_v1.report.page", "report/page.py": ""}, "storage imports report"),
        ({"attic/x.py": ""}, "no layer: attic"),
        ({f"{name}.py": "" for name in LAYERS[:9]}, "9 files and 0 folders in the root"),
        ({f"{name}/__init__.py": "" for name in LAYERS[:12]}, "0 files and 12 folders in the root"),
    ],
)
def test_a_broken_rule_is_found(tmp_path, files, sentence):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = list(broken_rules(tmp_path))
    assert found == [] if sentence is None else len(found) == 1 and found[0].startswith(sentence), found


def test_everything_is_printed_by_the_functions_that_escape_it():
    """exporting/run_in_*.py are programs of their own, which an export copies."""
    printing = {}
    for path in (REPOSITORY / "tfgan_v1").rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        prints = [ast.unparse(each) for each in calls]
        found = {each for each in prints if each == "print" or re.search(r"\bstd(out|err)\.write$", each)}
        if found and not path.name.startswith("run_in_"):
            printing[path.name] = found
    assert printing == {}
