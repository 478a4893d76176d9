"""The words of other programs: they are read as our flags and values, which a note says, or answered by an error."""

import re

from tfgan_v1.errors import UserError

FLAGS = {  # what others call a flag -> ours, of which the first that a command has counts; {} is its value
    "--lr --learning-rate": ("--d-lr {} --g-lr {}",),
    "--optimiser --optim": ("--optimizer {}",),
    "--outdir --out-dir --output --output-dir": ("--out {}", "--to {}"),
    "--z-dim --z-size --latent-dim --latent-size --noise-dim --nz": ("--noise-size {}",),
    "--count -n --num-images --n-samples": ("--num {}", "--num-samples {}"),
    "--digit --label": ("--class {}",),
    "--data --data-path --data-root --dataroot": ("--dataset {}",),
    "--iterations --iters --max-iter --max-steps --num-steps": ("--steps {}",),
    "--num-epochs --n-epochs --max-epochs": ("--epochs {}",),
    "--batch --bs": ("--batch-size {}",),
    "--img-size --imsize --resolution --size": ("--image-size {}",),
    "--arch --gan-type --network": ("--model {}",),
    "--lambda --gp-weight": ("--penalty-weight {}",),
    "--n-critic --critic-iters": ("--d-steps {}",),
    "--num-seeds --n-seeds --repeats": ("--seeds {}",),
    "--checkpoint --checkpoint-dir --ckpt-dir": ("--ckpt {}",),
}
VALUES = {  # a flag -> what others call one of its values -> ours, with the flags that belong to it
    "--loss": {
        "wgan-gp wgangp": "wasserstein --penalty wgan_gp",
        "lsgan ls mse": "least_squares",
        "bce gan vanilla ns nsgan": "non_saturating",
        "saturating mm": "minimax",
        "ragan rasgan": "relativistic_average",
        "rpgan rsgan pairs": "relativistic",
        "r3gan": "relativistic --penalty r1,r2",
    },
    "--penalty": {"gp gradient-penalty": "wgan_gp", "r1r2 r1+r2": "r1,r2"},
    "--device": {"cuda": "gpu"},
    "--format": {"pytorch torch pt numpy": "npz"},
    "--noise": {"gaussian gauss": "normal"},
    "--augment": {"color": "colour"},
    "--metrics": {
        **{"fid": "frechet_distance", "kid": "kernel_distance", "is inception-score": "classifier_score"},
        **{"cas gan-train": "class_accuracy", "gan-test": "recognized", "intra-fid": "class_frechet_distance"},
    },
}
REMARKS = {"--metrics": "; its features are a small classifier's, not Inception's, so published scores differ"}
ANSWERS = {
    "--niter": "some count epochs by it and some steps, so use --epochs or --steps",
    "--num-workers": "images are decoded once, on all cores, so leave it out",  # to what has no single meaning here
    "--outdir --out-dir --outf --output --output-dir": "a run has two folders, --ckpt FOLDER and --samples FOLDER",
    "--gpu --gpus --ngpu --cuda": "--device takes gpu, cpu or auto, which is a GPU if there is one",
    "--loss=wgan": "use --loss wasserstein with --clip-weights 0.01, or with --penalty wgan_gp for WGAN-GP",
}


def read(argv, known):
    """(a command line in our words, notes on those that were not). Raises UserError for what has an answer only.

    known: the flags of the command. What is read goes first, so that `--lr 0.1 --d-lr 0.2` is the same in any order.
    """
    ours, kept, left, notes = [], [], list(argv), []
    while left:
        typed = left.pop(0)
        name, equals, value = typed.partition("=")
        follows = typed[:1] == "-" and not equals and left and re.match(r"[^-]|-\d", left[0])
        words = _meaning(name, left[0] if follows else value, known)
        if words is None:
            kept.append(typed)
            continue
        typed += f" {left.pop(0)}" if follows else ""
        notes.append(f"{typed} is read as {' '.join(words)}{REMARKS.get(words[0], '')}")
        ours += words
    return [*ours, *kept], notes


def _meaning(name, value, known):
    """What a flag and its value mean, as words, or None if they are ours or unknown."""
    plain = re.sub("(?<=[a-z])[A-Z]", lambda capital: f"-{capital[0].lower()}", name).replace("_", "-")
    for each in _by_word(FLAGS).get(plain, ()):
        if known.issuperset(each.split()[::2]):
            return [word for word in (part.replace("{}", value) for part in each.split()) if word]
    answers = _by_word(ANSWERS)
    for asked in (plain, f"{plain}={_plain(value)}"):
        if asked in answers and (plain in known) == (asked != plain):
            raise UserError(f"{asked} is not known here: {answers[asked]}")
    if plain not in known:
        return None
    others, parts = _by_word(VALUES.get(plain, {})), value.split(",")
    if others.keys() & {*map(_plain, parts)}:
        return [plain, *",".join(others.get(_plain(part), part.strip()) for part in parts).split(" ")]
    return [plain, *[value] * bool(value)] if plain != name else None


def _plain(text):
    return text.strip().lower().replace("_", "-")


def _by_word(table):
    return {word: meaning for words, meaning in table.items() for word in words.split()}


def hint(name, value=None):
    """What was perhaps meant by an unknown option of Config, or by an unknown value of one, such as "d_lr and g_lr"."""
    option = "--" + name.replace("_", "-")
    ours = _by_word(VALUES.get(option, {})).get(_plain(value)) if isinstance(value, str) else None
    if ours:
        return f"; did you mean {option} {ours}?"
    flags = _by_word(FLAGS).get(option, ("",))[0].split()[::2] if value is None else []
    return f"did you mean {' and '.join(flags)}?" if flags else ""
