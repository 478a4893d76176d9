"""Runs of six steps on 40 random images of 8x8: for everything that does not depend on what images show."""

import shutil

import numpy as np

from tfgan_v1 import Config

LABELS = np.arange(40) % 3


def small_config(folder, model="mlp", channels=1, conditional=False, **options):
    """The configuration of a short run of any preset in a folder, on random images, or on the gaussian's own points."""
    folders = {"ckpt": folder / "checkpoints", "samples": folder / "samples"}
    if model == "gaussian":
        return Config(**{"model": model, "xla": "off", "epochs": 6, "sample_every": 2, **folders, **options})
    folder.parent.mkdir(parents=True, exist_ok=True)
    path, labels = folder.parent / f"images_{channels}.npy", folder.parent / "labels.txt"
    if not path.exists():
        np.save(path, np.random.default_rng(1).integers(0, 256, (40, 8, 8, channels), np.uint8))
        labels.write_text("".join(f"{label}\n" for label in LABELS))
    few = {"batch_size": 8, "steps": 6, "sample_every": 2, "num_samples": 4, "dataset": path, "xla": "off"}
    classes = {"conditional": True, "labels": labels} if conditional else {}
    return Config(**{"model": model, **few, **folders, **classes, **options})


def copied(config, run):
    """Copies both folders of a run to those of a configuration."""
    for theirs, ours in ((run.ckpt, config.ckpt), (run.samples, config.samples)):
        shutil.copytree(theirs, ours)
    return config
