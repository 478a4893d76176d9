"""Opens plain and gzipped files, with every error as a UserError."""

import gzip
import zlib
from contextlib import contextmanager

from tfgan_v1.errors import UserError


def most_unpacked(size):
    """The most bytes that a packed file of `size` bytes may hold. More is a zip bomb: images do not pack so well."""
    return max(2**26, 256 * size)


def most_bytes(file, path):
    """The most bytes that can be read from a file that `opened` yields for a path."""
    size = path.stat().st_size
    return most_unpacked(size) if isinstance(file, gzip.GzipFile) else size


@contextmanager
def opened(path):
    """Yields a file of the bytes in `path`, a gzip.GzipFile if they are gzipped.

    Raises UserError for every error in opening the file, and in reading it within the with block.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged or cut off ({error}); download it again") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
