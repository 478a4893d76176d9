"""The shape of images: how inputs are brought to it, and which shape a flat row of pixels has."""

import math
from typing import NamedTuple

import numpy as np

from tfgan_v1.errors import UserError, note, warn

LARGEST_SIDE = 4096
POINTS = ()  # in place of (height, width): rows of numbers are points, even where they could be images
MOST_COLUMNS = 32  # of points that nobody has called so
CLEARLY = 0.8  # of the other layout's roughness; measured on photographs, flags and digits: 0.12 to 0.54
_BICUBIC = 3  # PIL.Image.Resampling.BICUBIC; Pillow is imported where pictures are decoded


def _crop(image, size):
    from PIL import ImageOps

    return ImageOps.fit(image, size, _BICUBIC)


def _pad(image, size):
    scale = min(size[0] / image.width, size[1] / image.height)
    return image.resize([max(1, round(side * scale)) for side in image.size], _BICUBIC)


# How a Pillow image is brought to (width, height). Smaller results are centered on the background.
FITS = {"crop": _crop, "pad": _pad, "stretch": lambda image, size: image.resize(size, _BICUBIC)}


class Shaping(NamedTuple):
    """The shape to bring images to, and how. Every field affects the pixels."""

    size: tuple | None = None  # (height, width), or POINTS; None leaves arrays unchanged and makes folders 28x28
    channels: int | None = None  # 1 or 3; None leaves arrays unchanged, and folders gray if all images are
    fit: str = "crop"  # one of FITS
    background: str = "white"  # a color that Pillow knows, for transparent and padded areas

    @property
    def color(self):
        """The background as (red, green, blue), each 0 to 255. Raises UserError if it is not a color."""
        from PIL import ImageColor

        try:
            red, green, blue = ImageColor.getrgb(self.background)
            return red, green, blue
        except ValueError:
            raise UserError(f"--background must be a color such as white or #20c0ff, not {self.background!r}") from None

    def check(self):
        """Raises UserError if images cannot have this shape."""
        if self.size and not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in self.size):
            raise UserError(f"--image-size must be two numbers of pixels, 1 to {LARGEST_SIDE:,}, not {self.size}")
        if self.channels not in (None, 1, 3):
            raise UserError(f"--channels must be 1 for gray or 3 for color, not {self.channels}")
        if self.fit not in FITS:
            raise UserError(f"--fit must be one of {', '.join(FITS)}, not {self.fit}")
        return self.color


def layout(columns, size=None, extras=(0,)):
    """The image in a row of numbers: (number of columns that are not pixels, (height, width, channels)), or None.

    size: (height, width), which is preferred if it fits; otherwise images are square. extras: the numbers of other
    columns to try, in this order. Gray is preferred to color. None for POINTS.
    """
    if size == POINTS:
        return None
    choices = [(extra, channels) for extra in extras for channels in (1, 3)]
    for extra, channels in choices if size else ():
        if math.prod(size) * channels == columns - extra:
            return extra, (*size, channels)
    for extra, channels in choices:
        side = math.isqrt(max(columns - extra, 0) // channels)
        if side > 1 and side * side * channels == columns - extra:
            return extra, (side, side, channels)
    return None


def unflatten(rows, shape, where):
    """Rows of numbers [n, height * width * channels] as images [n, *shape], shape: (height, width, channels).

    The colors of a pixel follow each other, or the planes of red, green and blue do, as in CIFAR's files: whichever is
    smoother. Says where it reads planes, and warns where the numbers do not tell. where: their name in messages.
    """
    images = rows.reshape(len(rows), *shape)
    if shape[2] == 1:
        return images
    planes = np.moveaxis(rows.reshape(len(rows), shape[2], *shape[:2]), 1, -1)
    in_turn, in_planes = roughness(images), roughness(planes)
    if in_planes < CLEARLY * in_turn:
        note(f"{where}: reads each row as three planes, red, green and blue, since the images are smoother then")
        return np.ascontiguousarray(planes)
    if in_planes and not in_turn < CLEARLY * in_planes:
        warn(f"{where} is read with the colors of a pixel in turn; if rows hold planes, save x.reshape(n, 3, h, w)")
    return images


def roughness(images, most=64):
    """The mean difference of neighbouring pixels in up to `most` of the images [n, h, w, c]."""
    few = images[:: -(-len(images) // most)].astype(np.float32)
    return sum(np.abs(np.diff(few, axis=axis)).mean() if few.shape[axis] > 1 else 0 for axis in (1, 2))
