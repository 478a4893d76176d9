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


# What writes, moves or removes files, by its name, also as an attribute of a path.
WRITERS = {"unlink", "rmdir", "rmtree", "mkdir", "makedirs", "rename", "renames", "removedirs", "touch", "symlink_to"}
WRITERS |= {
    "write_text",
    "write_bytes",
    "hardlink_to",
    "symlink",
    "chmod",
    "copy2",
    "copyfile",
    "copytree",
    "copyfileobj",
}
OWNERS = {"os": {"remove", "replace", "truncate", "link", "mkfifo", "mknod"}, "shutil": {"copy", "move"}}
DESCRIPTORS = {"os.devnull", "stderr"}  # and no files, which `open` gets in streams


def writers(path):
    """The calls in a module that write, move or remove files: (line, source)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).startswith("files."):
            continue
        *owner, name = ast.unparse(node.func).rsplit(".", 1)
        given = [*node.args[:2], *(each.value for each in node.keywords if each.arg == "mode")]
        modes = {each.value for each in given if isinstance(each, ast.Constant)} & {*OPENED}
        opens = name in ("open", "fdopen", "FileIO") and modes and ast.unparse(node.args[0]) not in DESCRIPTORS
        inside = owner == ["archive"]  # a part of a file that is open
        of_owner = name in OWNERS.get(*owner, ()) if owner and owner[0] in OWNERS else owner == ["tempfile"]
        if (owner and name in WRITERS) or of_owner or (opens and not inside):
            yield node.lineno, ast.unparse(node)


OPENED = [mode + more for mode in ("w", "a", "x", "r+", "rb+", "r+b", "wb", "ab", "xb") for more in ("", "+", "t")]


def test_one_module_writes_moves_and_removes_files(tmp_path):
    package = REPOSITORY / "tfgan_v1"
    others = [path for path in package.rglob("*.py") if path != package / "files.py"]
    assert [(path.name, *found) for path in others for found in writers(path)] == []
    lines = ["path.unlink()", "open(path, 'ab')", "path.open(mode='w')", "os.replace(a, b)", "shutil.rmtree(a)"]
    lines += ["tempfile.mkstemp()", "io.open(path, 'r+')"]
    (tmp_path / "a.py").write_text("\n".join([*lines, "open(path)", "text.replace('a', 'b')", "files.move(a, b)"]))
    assert [source for _, source in writers(tmp_path / "a.py")] == lines


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
