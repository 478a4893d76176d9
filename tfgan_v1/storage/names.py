"""The names of all files that a run writes into its two folders."""

import re
from fnmatch import fnmatch
from pathlib import Path

from tfgan_v1.errors import UserError, brief
from tfgan_v1.files import PARTIAL_FOLDER, PARTIALS, check_writable

LOCK = ".lock"  # in both folders
HELD = ".lock.held"  # likewise, while a run trains where the file system has no locks

# In the checkpoint folder:
CONFIG = "config.json"
CLUSTERS = "clusters.npy"  # the cluster of each image, int32 [n], where clusters are the classes
LATEST = "checkpoint"  # names the newest generator to tf.train.latest_checkpoint
# Kind of generator -> the beginning of its files' names, before "-<step>" and one of the suffixes.
GENERATORS = {"latest": "generator.ckpt", "average": "average.ckpt", "best": "best.ckpt"}
SUFFIXES = (".data-00000-of-00001", ".index", ".json")  # of a checkpoint's files, the manifest last
META = ".meta"  # of a graph, which other programs save with their checkpoints
STATE = "train_state"  # a folder with a folder step-<step> for each state

# In the samples folder:
SAMPLES = "train_samples.pkl"
FIXED_NOISE = "fixed_noise.pkl"  # images of the same noise at each sampling step
LOSSES = "losses.csv"
STATISTICS = "statistics.csv"  # of points
VIEWS = "views.pkl"  # of points: what both networks do at each sampling step
DIGESTS = "digests.csv"  # of all weights, by which two runs are compared bit by bit
HELD_OUT = "held_out.csv"  # D's outputs on training and on held-out images
AUGMENT_STRENGTH = "augment_strength.csv"  # of adaptive augmentation
EVALUATION = "evaluation.csv"  # scores while training
FILES = "files.csv"  # of a folder of images: which were used, and why the others were not
SHEETS = "sheets"  # a folder with an image grid for each set of samples
LAST_SAMPLES = "last_samples.png"
EVOLUTION = "evolution.png"
LOSS_CURVES = "losses.png"
PROBABILITIES = "probabilities.png"
D_SCORES = "d_scores.png"  # in place of PROBABILITIES where D's logits are scores
OVERFITTING = "held_out.png"
EVALUATION_CURVES = "evaluation.png"
CLUSTER_EXAMPLES = "clusters.png"  # images of each cluster
REVIEW_PAGE = "review.html"
REVIEW = "review.json"  # what the page shows besides images and tables
TENSORBOARD = "tensorboard"  # a folder of event files
DIVERGENCE = "divergence.png"  # of points

# No records of the run, and kept by --overwrite: what `sample`, `evaluate`, `review`, `compare` and --dry-run write.
GRID = "samples.png"
SCORES = "scores.json"
NEAREST = "nearest.png"  # samples with their nearest training images
OURS = "tfgan_v1"  # what a file says that no other program may have written: the text of a PNG, a GIF's comment ...
SAYS_OURS = re.compile(
    rb'^\{\s*"tfgan_v1":|Software\0tfgan_v1|!\xfe\x08tfgan_v1\0|<meta name="generator" content="tfgan_v1">'
)
REAL_IMAGES = "real_images.png"  # some of the data, as the networks see them; also of --dry-run
ANIMATION = "evolution.gif"
COMPARISON = "compare.html"  # of several runs
SEED = "-seed-"  # is between the name that the runs of `train --seeds` share and the seed of each
OUTPUTS = (GRID, SCORES, NEAREST, REAL_IMAGES, ANIMATION, COMPARISON)

# --overwrite removes these from the folders of a run, and nothing else; what is not of a run keeps a run out.
CKPT_FILES = (
    *(CONFIG, CLUSTERS, LATEST, STATE),
    *(f"{each}-*{suffix}" for each in GENERATORS.values() for suffix in (*SUFFIXES, META)),
)
SAMPLES_FILES = (
    *(SAMPLES, FIXED_NOISE, LOSSES, STATISTICS, VIEWS, DIGESTS, HELD_OUT, AUGMENT_STRENGTH, EVALUATION, FILES),
    *(SHEETS, TENSORBOARD, CLUSTER_EXAMPLES),
    *(LAST_SAMPLES, EVOLUTION, LOSS_CURVES, PROBABILITIES, D_SCORES, OVERFITTING, DIVERGENCE, EVALUATION_CURVES),
    *(REVIEW_PAGE, REVIEW),
)

FOLDERS = {  # a folder of a run -> the names of what it writes there, a regular expression
    STATE: r"step-[0-9]+",
    SHEETS: r"[0-9]{6,}\.png",
    TENSORBOARD: r"events\.out\.tfevents\..+",
}
# The files by which a run's folders are told from another program's.
CKPT_PROOFS = (CONFIG, *(f"{each}-*.json" for each in GENERATORS.values()), f"{STATE}/step-*/state.json")
SAMPLES_PROOFS = (LOSSES, REVIEW)

# What a killed run may leave half-written: see `replacing` and checkpoints._new_checkpoint.
CKPT_LEFTOVERS = (
    *(PARTIAL_FOLDER, f"{STATE}/{PARTIAL_FOLDER}", f"{STATE}/step-*/{PARTIALS.format('state.json')}"),
    *(PARTIALS.format(name) for name in (CONFIG, CLUSTERS, LATEST)),
)
SAMPLES_LEFTOVERS = (*map(PARTIALS.format, (*SAMPLES_FILES, REAL_IMAGES)), f"{SHEETS}/{PARTIALS.format('[0-9]*.png')}")


def seeds_of(folder):
    """{seed: folder} of the runs of `train --seeds` that share the name of `folder`, by their seeds."""
    parts = ((*path.name.rpartition(SEED), path) for path in folder.parent.glob(f"*{SEED}*"))
    return dict(sorted((int(seed), path) for name, _, seed, path in parts if name == folder.name and seed.isdecimal()))


def check_kind(kind):
    """Raises UserError unless it is a kind of generator."""
    if not isinstance(kind, str) or kind not in GENERATORS:
        raise UserError(f"there is no {brief(kind)} generator; the kinds are {', '.join(GENERATORS)}")


def check_free(out, flag="--out"):
    """Raises UserError for a file that has the name of a run's own, wherever it is, or is in a folder of states."""
    path = Path(out)
    own = any(fnmatch(path.name, each) for each in (*SAMPLES_FILES, *CKPT_FILES))
    if own or STATE in path.absolute().parent.parts:
        raise UserError(f"{flag} {out} has the name of a run's own record; use another")


def check_new(folder):
    """Raises UserError unless a path is a new or empty folder, and OSError unless it can be written to."""
    if folder.is_dir():
        content = sorted(path.name for path in folder.iterdir() if path.name != PARTIAL_FOLDER)
        if content:
            raise UserError(f"{folder} has something in it ({content[0]}); name a new or an empty folder with --to")
    elif folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} is a file; name a new or an empty folder with --to")
    check_writable(folder)
