"""The machine's lower bound for a step's time: its fewest floating-point operations at the rate of a large product.

Counts only matrix products and convolutions, forward and backward: two operations for each multiplication, padding
included, as all libraries compute it.
"""

import time
from importlib import import_module

import numpy as np

from frameworks.systems import Trainer, Unavailable, batch_sizes, system

# Multiplications of the forward pass of one image, layer by layer, of G and of D. A 5x5 kernel after an upsampling
# equals four 3x3 kernels on the small image, 36 products for each of its pixels; a 3x3 kernel equals four of 2x2, 16
# products. A transposed convolution takes the products of its kernel once for each input pixel.
PRODUCTS = {
    "mlp": (
        (100 * 128, 128 * 784),
        (784 * 128, 128 * 1),
    ),
    "conv": (
        (10 * 3136, 7 * 7 * 16 * 64 * 32, 14 * 14 * 16 * 32 * 16, 28 * 28 * 9 * 16 * 1),
        (28 * 28 * 9 * 1 * 16, 28 * 28 * 9 * 16 * 16, 13 * 13 * 9 * 16 * 16, 13 * 13 * 9 * 16 * 16, 576 * 1),
    ),
    "gaussian": (
        (16 * 32, 32 * 1),
        (1 * 32, 32 * 1),
    ),
    "dcgan": (
        (100 * 6272, 7 * 7 * 25 * 128 * 128, 14 * 14 * 25 * 128 * 64, 28 * 28 * 25 * 64 * 32, 28 * 28 * 25 * 32 * 1),
        (14 * 14 * 25 * 1 * 32, 7 * 7 * 25 * 32 * 64, 4 * 4 * 25 * 64 * 128, 4 * 4 * 25 * 128 * 256, 4096 * 1),
    ),
    "dcgan_upsample": (
        (100 * 6272, 7 * 7 * 36 * 128 * 64, 14 * 14 * 36 * 64 * 1),
        (14 * 14 * 25 * 1 * 64, 7 * 7 * 25 * 64 * 128, 6272 * 1),
    ),
    "tuned": (
        (64 * 3136, 7 * 7 * 16 * 64 * 32, 14 * 14 * 9 * 32 * 4),
        (14 * 14 * 9 * 4 * 32, 7 * 7 * 16 * 32 * 64, 3136 * 256, 256 * 1),
    ),
}
SIZES = 2048, 4096  # of the square matrices


def step_flops(name, count=1000):
    """Floating-point operations of an average step; count: images of the data set, for batches of unequal size."""
    config, (g, d) = system(name).config, PRODUCTS[name]
    sizes = batch_sizes(config, count)
    batch = sum(sizes) / len(sizes)
    # Each layer has one product forward, one for its kernel's gradient and, except for the first layer, one for its
    # input's gradient. D trains on two batches. G trains on one, through D forward and backward without gradients of
    # D's kernels. G's forward pass serves both, unless G's step has fresh noise.
    trained_g, trained_d = 3 * sum(g) - g[0], 3 * sum(d) - d[0]
    passes = trained_g + 2 * trained_d + 2 * sum(d) + (sum(g) if config.g_noise == "fresh" else 0)
    return 2 * batch * passes


def trainer(name, images):
    """The Trainer of matrix products, in the fastest size and library. One product counts as `chunk` steps."""
    products = [(library, size, product) for library in LIBRARIES for size, product in _products(library)]
    if not products:
        raise Unavailable("no library is installed")
    library, size, product = min(products, key=lambda each: _seconds(each[2]) / each[1] ** 3)
    steps = 2 * size**3 / step_flops(name, len(np.load(images, mmap_mode="r")))
    return Trainer(product, lambda: (1, 1), steps, system(name).networks.parameters, f"{library}, {size}x{size}")


def _products(library):
    """Yields (size, a function that multiplies two matrices) of a library, if it is installed."""
    try:
        make = LIBRARIES[library]
        for size in SIZES:
            left, right = np.random.default_rng(0).random((2, size, size), np.float32)
            yield size, make(left, right)
    except ImportError:
        return


def _seconds(product, times=3):
    product()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _numpy(left, right):
    return lambda: left @ right


def _tensorflow(left, right):
    tf = import_module("tensorflow")
    left, right = tf.constant(left), tf.constant(right)
    return lambda: tf.linalg.matmul(left, right).numpy()


def _torch(left, right):
    torch = import_module("torch")
    left, right = torch.from_numpy(left), torch.from_numpy(right)
    return lambda: torch.mm(left, right)


LIBRARIES = {"NumPy": _numpy, "TensorFlow": _tensorflow, "PyTorch": _torch}
