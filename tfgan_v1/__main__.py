"""`python -m tfgan_v1 train ...`, and the other commands likewise, from any folder."""

import sys

from tfgan_v1 import cli

if __name__ == "__main__":
    sys.exit(cli.process(sys.argv[1:], program="python -m tfgan_v1"))
