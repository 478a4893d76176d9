"""The data sets with a name, one row each: everything that is known of a data set is in its row."""

import os
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from tfgan_v1.data import cifar, points, published, stacked
from tfgan_v1.data.labels import Labelled, classify
from tfgan_v1.data.published import TEST_IMAGES, TEST_LABELS, TRAIN_LABELS, Published
from tfgan_v1.data.warped import NUM_SOURCES, mnist_warped
from tfgan_v1.errors import UserError, did_you_mean

_STREAM = 0x9A55  # separates the draws of `gaussian` from all others with the same seed


class LoadRequest(NamedTuple):
    """What a loader may depend on: see `data.load`."""

    data_dir: str | None = None
    download: bool = True
    mean: float = 0.0
    std: float = 1.0
    seed: int = 0


class Row(NamedTuple):
    """A data set."""

    license: str  # a note for files that go elsewhere, as commonly cited; no legal advice
    load: Callable  # LoadRequest -> Labelled images or points
    load_test: Callable = lambda request: None  # as `load`, for the test images; None if there are none
    period: int = 0  # images k and k + period show one picture: no split separates them; 0 if there are none such
    pictures: bool = False  # for which the published presets are not: they are of digits, clothes and points
    of_points: bool = False  # in two dimensions, for which the presets of images are not
    modes: points.Modes | None = None  # of points, if they are a mixture: by these, samples are counted
    composed: bool = False  # of random pictures, one in each color channel: no split keeps these apart
    published: Published | None = None  # its files, if they are published


def _published(license, source):
    """The Row of a published data set."""

    def of(load):
        return lambda request: load(source, request.data_dir, published_titles(), download=request.download)

    return Row(license, load=of(published.load), load_test=of(published.load_test), published=source)


def published_titles():
    """SHA-256 of the pixels -> title of each published set of images, since all use the same file names."""
    sources = [row.published for row in DATASETS.values() if row.published]
    return {sha256: each.title for each in sources for sha256 in (each.pixels_sha256, each.test_pixels_sha256)}


def _idx_files(*folders):
    names = [f"train-images{dot}idx3-ubyte{gz}" for dot in "-." for gz in (".gz", "")]
    return tuple(f"{folder}{name}" for folder in folders for name in names)


def mnist_or_warped(request):
    """(name, Labelled) of MNIST if it is found or downloads quickly, else of mnist_warped, with a warning."""
    source = DATASETS["mnist"].published
    options = {"download": request.download, "otherwise": "mnist_warped"}
    content = published.load(source, request.data_dir, published_titles(), **options)
    return ("mnist", content) if content else ("mnist_warped", DATASETS["mnist_warped"].load(request))


def _stacked_test(request):
    digits = DATASETS["mnist"].load_test(request._replace(download=False))
    return digits and stacked.stack(digits, test=True)


def _digits(request):
    """scikit-learn's 1,797 handwritten digits, 8x8 with 17 grays, enlarged: Labelled, uint8 [1797, 28, 28, 1]."""
    # They fill the frame: with a margin, as MNIST's have, they are too small and too alike to learn from.
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = (bunch.images * (255 / 16)).round().astype(np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC)) for image in small]
    return Labelled(np.stack(large)[..., None], *classify(bunch.target))


def _gaussian(request, *, test=False):
    """1,000 draws of a normal distribution, or 10,000 other draws: Labelled, float32 [n, 1]."""
    draws = np.random.default_rng([request.seed, _STREAM, 1] if test else [request.seed, _STREAM])
    return Labelled(draws.normal(request.mean, request.std, (10_000 if test else 1000, 1)).astype(np.float32))


def _points(name):
    """The Row of points by name in `points.draw`."""
    license = "Trained on draws from a distribution given by a formula, in which nobody has rights."
    draw = partial(points.draw, name)
    return Row(license, draw, partial(draw, test=True), of_points=True, modes=points.MODES.get(name))


_MNIST = "MNIST (Yann LeCun, Corinna Cortes, Christopher J. C. Burges), commonly cited as CC BY-SA 3.0"
DATASETS = {
    "mnist": _published(
        f"Trained on {_MNIST}: name the source where you publish.",
        Published(
            "MNIST",
            (*_idx_files("mnist/", "MNIST/raw/", ""), "mnist.npz", "mnist/mnist.npz"),
            "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            tuple("0123456789"),
            {
                TRAIN_LABELS: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                TEST_IMAGES: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                TEST_LABELS: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
            "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        ),
    ),
    "fashion_mnist": _published(
        "Trained on Fashion-MNIST (Han Xiao, Kashif Rasul, Roland Vollgraf; Zalando SE), MIT license: "
        "keep the copyright notice where you pass on the data.",
        Published(
            "Fashion-MNIST",
            _idx_files("fashion-mnist/", "fashion_mnist/", "FashionMNIST/raw/", ""),
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/train-images-idx3-ubyte.gz",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            (
                *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
                *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            ),
            {
                TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                TEST_IMAGES: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                TEST_LABELS: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            },
            "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        ),
    ),
    "cifar10": Row(
        "Trained on CIFAR-10 (Alex Krizhevsky, Vinod Nair, Geoffrey Hinton; University of Toronto), published without "
        "a license: name the source where you publish.",
        load=lambda request: cifar.load(published.search_places(request.data_dir), cifar.TRAIN),
        load_test=lambda request: cifar.load(published.search_places(request.data_dir), cifar.TEST),
        pictures=True,
    ),
    "stacked_mnist": Row(
        f"Trained on stacked digits of {_MNIST}: name the source where you publish.",
        load=lambda request: stacked.stack(mnist_or_warped(request)[1]),
        load_test=_stacked_test,
        composed=True,
    ),
    "mnist_warped": Row(
        f"Trained on warped images of 5,000 digits of {_MNIST}: name the source where you publish.",
        load=lambda request: mnist_warped(),
        load_test=lambda request: DATASETS["mnist"].load_test(request._replace(download=False)),
        period=NUM_SOURCES,
    ),
    "digits": Row(
        "Trained on Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, 1998; UCI Machine "
        "Learning Repository), CC BY 4.0: name the source where you publish.",
        load=_digits,
    ),
    "gaussian": Row(
        "Trained on draws from a normal distribution, in which nobody has rights.",
        load=_gaussian,
        load_test=partial(_gaussian, test=True),
    ),
    **{name: _points(name) for name in ("ring", "grid", "spiral", "moons", "circles")},
}
# Data sets that are not built in, by regular expressions of their names {0}: what to get where, the path {1} to give.
_TO_PNG = "save its images as PNG files in a folder for each class"
ELSEWHERE = {
    "celeba": ("img_align_celeba.zip from mmlab.ie.cuhk.edu.hk/projects/CelebA.html, unpack it", "img_align_celeba"),
    "cifar100": (f"cifar-100-python.tar.gz from www.cs.toronto.edu/~kriz/cifar.html, {_TO_PNG}", "cifar100"),
    "emnist": (
        "gzip.zip from www.nist.gov/itl/products-and-services/emnist-dataset, unpack it",
        "gzip/emnist-letters-train-images-idx3-ubyte.gz",
    ),
    "ffhq": ("{1} from github.com/NVlabs/ffhq-dataset", "thumbnails128x128"),
    "imagenet": ("the training images from image-net.org, unpack them", "train"),
    "kmnist": ("{1} and kmnist-train-labels.npz from codh.rois.ac.jp/kmnist", "kmnist-train-imgs.npz"),
    "lsun": ("bedroom_val_lmdb.zip, or another, from github.com/fyu/lsun, export its pictures by data.py", "bedroom"),
    "qmnist": (
        "{1} and qmnist-train-labels-idx2-int.gz from github.com/facebookresearch/qmnist",
        "qmnist-train-images-idx3-ubyte.gz",
    ),
    "(path|chest|derma|oct|pneumonia|retina|breast|blood|tissue|organ.)mnist": ("{1} from medmnist.com", "{0}.npz"),
    "stl10": (f"stl10_binary.tar.gz from cs.stanford.edu/~acoates/stl10, {_TO_PNG}", "stl10"),
    "svhn": ("train.tar.gz from ufldl.stanford.edu/housenumbers, unpack it", "train"),
}
OWN = (
    "Trained on data of the user's own. The rights in this generator and in its images follow from the rights in these "
    "data, which tfgan_v1 does not know: before you publish or pass on either, make sure that you may."
)


def canonical(name):
    """The name in DATASETS that a text spells in another way, as CIFAR-10 does cifar10; otherwise the text itself.

    An exact name takes precedence over a file or a folder, which takes precedence over another spelling.
    """
    name = name if name is None else os.fspath(name)
    if name is None or name in DATASETS or os.path.exists(name):
        return name
    return {_letters(each): each for each in DATASETS}.get(_letters(name), name)


def _letters(name):
    """A name without what is spelled in several ways; a path with a dot or a slash keeps it."""
    return re.sub(r"[-_ ]", "", name).lower()


def unknown(name):
    """The UserError for what is no name and no path: it says where to get a data set that is not built in."""
    for known, (what, path) in ELSEWHERE.items():
        if match := re.match(known, _letters(name)):
            path = path.format(match[0])
            get = what.format(match[0], path)
            return UserError(f"{name} is not built in, and not a file; get {get}, and use --dataset {path}")
    hint = did_you_mean(_letters(name), DATASETS)
    sentence = f"{name} is not one of {', '.join(DATASETS)}, and no file or folder has that name"
    return UserError(f"{sentence}; {hint}".strip("; "))


def period_of(name, count):
    """After how many of its `count` images a data set by name shows the same pictures again: `count` for most."""
    row = DATASETS.get(name)
    return min(count, row.period or count) if row else count


def modes_of(name):
    """The points.Modes of a data set by name, or None."""
    row = DATASETS.get(name)
    return row and row.modes


def license_note(name):
    """The license note of a data set by the name that config.json has: a sentence or two."""
    return DATASETS[name].license if name in DATASETS else OWN
