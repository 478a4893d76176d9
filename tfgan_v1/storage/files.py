"""Files that are whole or not there: atomic replacement, fsync, checksummed JSON, and reads of bounded size."""

import hashlib
import io
import json
import os
from contextlib import contextmanager

PARTIAL = ".partial"  # ends the name of a file that is still being written
MOST_JSON = 2**26  # bytes of config.json or a manifest, which lists every sampling step


@contextmanager
def replacing(path):
    """Yields a path to write to; the finished file takes the place of `path` in one step, or `path` stays as it was."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        yield partial
        sync(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def sync(path):
    """Brings a file, or the names in a folder, from the system's memory to the disk."""
    if path.is_dir():
        if os.name != "nt":  # which keeps the names of folders by itself, and opens none
            folder = os.open(path, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return
    with open(path, "rb+") as file:  # some systems sync only what is open for writing
        os.fsync(file.fileno())


def read_json(path):
    """What a file of ours says in JSON. Raises ValueError if it is none, or longer than any."""
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.stat().st_size > MOST_JSON:
        raise ValueError(f"it has more than {MOST_JSON:,} bytes")
    return json.loads(path.read_bytes())


def to_json(content):
    """A dict as JSON, with the SHA-256 of all the rest of it in the last place."""
    return json.dumps({**content, "sha256": _sha256(content)}, indent=2) + "\n"


def has_valid_checksum(content):
    """Whether a dict that was read from JSON is what `to_json` wrote."""
    return content.get("sha256") == _sha256({name: part for name, part in content.items() if name != "sha256"})


def _sha256(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class BoundedReader(io.BufferedReader):
    """A file to read from. Where a length in it lies, Python would take the memory first, and then find less there."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size  # bytes

    def read(self, count=-1):
        """Up to `count` bytes; with None, or less than 0, all that is left."""
        return super().read(count if count is None else min(count, self.size))
