"""Draw from a trained generator: `python sample.py --ckpt checkpoints`; `--help` lists the flags."""

import sys

from tfgan_v1 import cli

if __name__ == "__main__":
    sys.exit(cli.process(["sample", *sys.argv[1:]], program="sample.py"))
