"""Files opened so that whatever goes wrong with them is one sentence."""

import gzip
import zlib
from contextlib import contextmanager

from tfgan_v1.errors import UserError


def most_unpacked(size):
    """Bytes that a packed file of `size` bytes may hold. Images do not pack so well: with more, it is a bomb."""
    return max(2**26, 256 * size)


def most_bytes(file, path):
    """Bytes that can be in a file that `opened` gives for a path."""
    size = path.stat().st_size
    return most_unpacked(size) if isinstance(file, gzip.GzipFile) else size


@contextmanager
def opened(path):
    """Yields a file of the bytes in `path`, unpacked if they are gzipped: then, and only then, a gzip.GzipFile.

    Raises UserError for all that can go wrong in opening and in the reading within the with block.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else open(path, "rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged or cut off ({error}); get it anew") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
