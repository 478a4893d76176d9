"""Convolutions in NumPy."""

import numpy as np


def convolution(images, kernel, bias, stride):
    """A padded convolution in plain loops; of an odd padding the larger half is behind, as TensorFlow has it."""
    (count, height, width, _), (size, _, _, filters) = images.shape, kernel.shape
    out = np.zeros((count, -(-height // stride), -(-width // stride), filters))
    total = [
        max((n - 1) * stride + size - length, 0) for n, length in zip(out.shape[1:3], (height, width), strict=True)
    ]
    padded = np.pad(images, [(0, 0), *((pad // 2, pad - pad // 2) for pad in total), (0, 0)])
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            patch = padded[:, row * stride : row * stride + size, column * stride : column * stride + size]
            out[:, row, column] = np.einsum("nhwi,hwio->no", patch, kernel) + bias
    return out
