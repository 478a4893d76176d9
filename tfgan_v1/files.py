"""Everything that writes, moves or removes files: no other module does. JSON with a checksum; pages; bounded reads."""

import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

PARTIAL = ".partial"  # ends the name of a file that is still being written
PARTIAL_FOLDER = ".tfgan_v1.partial"  # likewise, of a folder
PARTIALS = f".{{}}.{'[0-9a-f]' * 8}{PARTIAL}"  # a glob pattern for what `replacing` leaves of a file when it is killed
UNSUPPORTED = {errno.EINVAL, errno.EROFS, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # by a special file system
NO_FOLDER = UNSUPPORTED | {errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR}  # likewise, of folders: FUSE, SMB
MOST_JSON = 2**26  # bytes of config.json or a manifest, which lists every sampling step
# What `page` replaces: a style sheet, a script, or a value in double braces.
_PLACES = re.compile(r'<link rel="stylesheet" href="([\w.]+)">|<script src="([\w.]+)"></script>|\{\{(\w+)\}\}')


@contextmanager
def naming(path):
    """Gives an OSError the path that it is about, if it has none, as those of `write` and fsync, or a partial one."""
    try:
        yield
    except OSError as error:
        if not error.filename or str(error.filename).endswith(PARTIAL):
            error.filename = str(path)
        raise


@contextmanager
def replacing(path):
    """Yields a path to write to; the finished file replaces `path` atomically, or `path` stays unchanged.

    It is a new, empty file, so that no link is followed and two processes may write at once.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    with naming(path):
        partial.touch(exist_ok=False)
        try:
            yield partial
            sync(partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def writing(path, **text):
    """Yields an open file, of bytes or with the options of a text, that becomes `path` as in `replacing`."""
    with replacing(path) as partial, open(partial, "w" if text else "wb", **text) as file:
        yield file


def write(path, content):
    """Writes a text, in UTF-8, or bytes to a file, as `replacing` does."""
    with writing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def growing(path, mode, links=False, **text):
    """An open file, which is changed in place, as records and logs are. Raises OSError for a link, unless allowed."""
    no_link = 0 if links else getattr(os, "O_NOFOLLOW", 0)  # which Windows lacks
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | no_link, 0o666), **text)


def make_folder(folder, private=False):
    """Makes a folder, and those above it, if it does not exist; private: only the user may look into it."""
    folder.mkdir(0o700 if private else 0o777, parents=True, exist_ok=True)


def move(path, target):
    """Renames a file or a folder; a file replaces one that exists."""
    os.replace(path, target)


def remove(path):
    """Removes a file, a link without what it leads to, or a folder and all that is in it; nothing, if it is gone."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def remove_if_empty(folder):
    """Removes a folder, unless something is in it, or the system does not allow it."""
    with suppress(OSError):
        folder.rmdir()


def discard(folder):
    """Removes a folder, as far as possible: no error hides the one that led here. A link stays."""
    shutil.rmtree(folder, ignore_errors=True)


def make_anew(folder):
    """Makes an empty folder, in place of one that exists. Raises OSError if a link or a file has its name."""
    discard(folder)
    folder.mkdir(parents=True)


def temporary_file(folder=None, **text):
    """An open file without a name, of bytes or a text, which the system removes when it is closed."""
    return tempfile.TemporaryFile("w+" if text else "w+b", dir=folder, **text)


@contextmanager
def scratch_folder():
    """Yields a new, empty folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tfgan_v1-") as folder:
        yield Path(folder)


@contextmanager
def alias_of(folder):
    """Yields a temporary link to a folder."""
    with tempfile.TemporaryDirectory() as parent:
        alias = Path(parent, "folder")
        alias.symlink_to(folder.resolve(), target_is_directory=True)
        yield alias


@contextmanager
def new_folder(folder):
    """Yields a folder to write into, which becomes `folder`, a new or an empty one; or nothing remains of it.

    An empty one stays and gets the content: a disk may be mounted there, or the shell be in it.
    """
    exists = folder.is_dir()
    partial = folder / PARTIAL_FOLDER if exists else folder.with_name(f".{folder.name}{PARTIAL_FOLDER}")
    missing = [parent for parent in partial.parents if not parent.exists()]
    try:
        make_anew(partial)
        with naming(folder):
            yield partial
        for path in partial.rglob("*"):
            sync(path)
        if exists:
            for path in sorted(partial.iterdir()):
                move(path, folder / path.name)
        else:
            move(partial, folder)
        sync(folder.parent)
    finally:
        discard(partial)
        for parent in missing:
            remove_if_empty(parent)


def check_writable(folder):
    """Raises OSError unless a folder, or its nearest parent that exists, can be written to. Leaves no trace."""
    path = folder.absolute()
    try:
        nearest = next(parent for parent in (path, *path.parents) if _exists(parent))
        for name in path.relative_to(nearest).parts:
            _exists(nearest / name)  # raises for a name that is too long
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


def _exists(path):
    """Whether there is a file or folder. Raises OSError for a path that cannot exist."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def sync(path):
    """Flushes a file, or the names in a folder, to the disk, as far as its file system can."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # Windows cannot open folders, and flushes them itself
        return
    try:
        with naming(path):
            opened = os.open(path, os.O_RDONLY if folder else os.O_RDWR)  # some systems sync only what is writable
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
    except OSError as error:
        if error.errno not in (NO_FOLDER if folder else UNSUPPORTED):
            raise


def read_json(path):
    """The content of a JSON file. Raises ValueError if it is not JSON or longer than MOST_JSON, and OSError."""
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.stat().st_size > MOST_JSON:
        raise ValueError(f"it has more than {MOST_JSON:,} bytes")
    return json.loads(path.read_bytes())


def fits(value, form):
    """Whether a value read from JSON has a form.

    Forms: a type, of which float takes whole numbers, too, but neither NaN nor infinity; a range of whole numbers; a
    tuple of forms, one of which is enough; a list of forms, one for each item, or [form, ...] for any number; a dict of
    the forms of its entries, of which "key?" may be missing, or {...: form} for any; otherwise the value itself.
    """
    if isinstance(form, tuple):
        return any(fits(value, each) for each in form)
    if isinstance(form, list):
        forms = form[:1] * len(value) if isinstance(value, list) and form[-1] is ... else form
        return isinstance(value, list) and len(value) == len(forms) and all(map(fits, value, forms))
    if isinstance(form, dict) and isinstance(value, dict):
        if ... in form:
            return all(fits(each, form[...]) for each in value.values())
        named = [(key.removesuffix("?"), key[-1:] == "?", each) for key, each in form.items()]
        return all(fits(value[key], each) if key in value else may_miss for key, may_miss, each in named)
    if isinstance(form, range):
        return type(value) is int and value in form
    if form is float:
        return type(value) in (int, float) and abs(value) < 1e300
    return type(value) is form or (type(value) is type(form) and value == form)


def to_json(content):
    """A dict as JSON text, with the SHA-256 of its content as the last entry."""
    return json.dumps({**content, "sha256": _sha256(content)}, indent=2) + "\n"


def has_valid_checksum(content):
    """Whether a dict read from JSON is unchanged since `to_json` wrote it."""
    return content.get("sha256") == _sha256({name: part for name, part in content.items() if name != "sha256"})


def _sha256(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def page(template, **values):
    """The bytes of a page, as one file: a template with the style sheets and scripts next to it, and the values in it.

    values: texts, or what becomes JSON for the scripts.
    """

    def put(found):
        style, script, name = found.groups()
        if not name:
            kind = "style" if style else "script"
            return f"<{kind}>\n{template.with_name(style or script).read_text('utf-8')}</{kind}>"
        if isinstance(values[name], str):
            return escape(values[name])
        # No sequence of characters in a text may end the script element.
        return json.dumps(values[name], allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")

    return _PLACES.sub(put, template.read_text("utf-8")).encode("utf-8", "replace")


class BoundedReader(io.BufferedReader):
    """An open file that caps reads at its size, so that a forged length cannot allocate gigabytes."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size  # bytes

    def read(self, count=-1):
        """Up to `count` bytes; all the rest for None or a negative count."""
        return super().read(count if count is None else min(count, self.size))
