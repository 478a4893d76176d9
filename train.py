"""Train a GAN: `python train.py --epochs 100 --smooth 0.1`; `--help` lists the flags."""

import sys

from tfgan_v1 import cli

if __name__ == "__main__":
    sys.exit(cli.process(["train", *sys.argv[1:]], program="train.py"))
