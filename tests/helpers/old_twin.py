"""What layers of old weights make of noise, in NumPy, as TensorFlow and Keras define each layer at inference."""

import math

import numpy as np

_SELU = 1.0507009873554805, 1.6732632423543772  # arXiv:1706.02515
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: _SELU[0] * np.where(x > 0, x, _SELU[1] * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.logaddexp(x, 0),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / 2**0.5)) / 2,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "linear": lambda x: x,
}


def conv(x, kernel, stride=1):
    """[n, h, w, c], [a, b, c, d] -> [n, ceil(h / stride), ceil(w / stride), d]: padding "same", more at the end."""
    totals = [max((-(-s // stride) - 1) * stride + k - s, 0) for s, k in zip(x.shape[1:3], kernel.shape, strict=False)]
    x = np.pad(x, [(0, 0), *((total // 2, total - total // 2) for total in totals), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))[:, ::stride, ::stride]
    return np.einsum("nhwcab,abcd->nhwd", windows, kernel, optimize=True)


def conv_t(x, kernel, stride=1):
    """[n, h, w, c], [a, b, d, c] -> [n, h stride, w stride, d]: each pixel adds a multiple of the kernel."""
    (n, height, width, _), (rows, columns, filters, _) = x.shape, kernel.shape
    size = [(side - 1) * stride + max(k, stride) for side, k in ((height, rows), (width, columns))]
    out = np.zeros([n, *size, filters])
    for a in range(rows):
        for b in range(columns):
            places = out[:, a : a + height * stride : stride, b : b + width * stride : stride]
            places += x @ kernel[a, b].T
    before = [max(k - stride, 0) // 2 for k in (rows, columns)]  # as conv's for an image of this size
    return out[:, before[0] :][:, : height * stride, before[1] :][:, :, : width * stride]


def max_pool(x, size, stride):
    return np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, ::stride, ::stride].max((-2, -1))


def draw(old, z):
    """The outputs of an Old for inputs z, in float64."""
    x, weights = np.float64(z), iter(old.weights)
    for word, size, number in old.layers:
        if word in ("dense", "conv", "conv_t"):
            parts = next(weights)
            kernel = np.float64(parts["kernel"])
            x = (
                x.reshape(len(x), -1) @ kernel
                if word == "dense"
                else (conv, conv_t)[word != "conv"](x, kernel, int(number))
            )
            x = x + parts.get("bias", 0)
        elif word == "batch_norm":
            parts = next(weights)
            mean, variance = parts.get("moving_mean", 0), np.float64(parts.get("moving_variance", 1))
            x = (x - mean) / np.sqrt(variance + number) * parts.get("scale", 1) + parts.get("offset", 0)
        elif word == "reshape":
            x = x.reshape(-1, *size)
        elif word == "upsample":
            x = x.repeat(2, 1).repeat(2, 2)
        elif word == "max_pool":
            x = max_pool(x, size, int(number))
        elif word == "leaky_relu":
            x = np.where(x > 0, x, number * x)
        else:
            x = ACTIVATIONS[word](x)
    assert next(weights, None) is None
    return x
