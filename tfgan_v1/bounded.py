"""Files of which no more is asked for than they hold."""

import io
import os


class Bounded(io.BufferedReader):
    """A file to read from. Where a length in it lies, Python would take the memory first, and then find less there."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size  # bytes

    def read(self, count=-1):
        """Up to `count` bytes; with None, or less than 0, all that is left."""
        return super().read(count if count is None else min(count, self.size))
