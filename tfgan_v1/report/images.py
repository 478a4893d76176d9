"""Images as arrays, in grids, as PNG files and animated GIFs."""

import io
import math

import numpy as np

from tfgan_v1.errors import UserError
from tfgan_v1.storage import names

_GAP = 2  # pixels between the images of a grid
_LEAST, _LEAST_FRAME = 600, 300  # pixels of width, about, to which small grids and small frames are enlarged
_LONGEST = 2**16 - 1  # pixels of a side up to which an image is enlarged; more than a GIF can have
_SHORTEST = 20  # milliseconds of a frame: browsers show shorter ones more slowly


def grid_png(images, columns=None):
    """The bytes of a PNG of images [n, h, w, c], in [0, 1] or uint8, as `tile` has them. A small grid is enlarged."""
    return png(tile(as_bytes(images), columns, background=255), _LEAST)


def png(image, least=0):
    """An image [h, w] or [h, w, c], as `as_bytes` takes it, as the bytes of a PNG of about `least` pixels of width."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", names.OURS)  # see run_folder.check_outputs
    factor = _enlargement(image.shape, least)
    file = io.BytesIO()
    as_picture(image.repeat(factor, axis=0).repeat(factor, axis=1)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def gif(frames, milliseconds, last_milliseconds=None):
    """Frames, images [h, w, c] of one shape as `as_bytes` takes them, as the bytes of a looping GIF.

    milliseconds: of a frame; last_milliseconds: of the last. Gray frames keep all levels; others have 256 colors each.
    """
    from PIL import Image

    pictures = []
    for frame in frames:
        picture, factor = as_picture(frame), gif_enlargement(frame.shape)
        if picture.mode == "RGB":  # before it is enlarged, which keeps all frames of a long animation small
            picture = picture.quantize(256, dither=Image.Dither.NONE)
        size = factor * picture.width, factor * picture.height
        pictures.append(picture.resize(size, Image.Resampling.NEAREST))
    durations = [max(_SHORTEST, round(milliseconds))] * len(pictures)
    durations[-1] = round(last_milliseconds or durations[-1])
    durations = durations if len(pictures) > 1 else durations[0]
    file = io.BytesIO()
    options = {"append_images": pictures[1:], "loop": 0, "duration": durations, "comment": names.OURS}
    pictures[0].save(file, "GIF", save_all=True, **options)
    return file.getvalue()


def gif_enlargement(shape):
    """How many times as large a GIF draws a frame of a shape [h, w, c]."""
    return _enlargement(shape, _LEAST_FRAME)


def _enlargement(shape, least):
    return max(1, min(round(least / shape[1]), _LONGEST // max(shape[:2])))


def as_picture(image):
    """An image [h, w] or [h, w, c], as `as_bytes` takes it, as a Pillow image."""
    from PIL import Image

    pixels = as_bytes(image)
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[2:] == (1,) else pixels)


def shrunk(image, longest, most=math.inf):
    """An image as `as_bytes` has it, smaller by a whole factor if a side or all pixels are more than these."""
    height, width = np.shape(image)[:2]
    factor = max(math.ceil(max(height, width) / longest), math.ceil(math.sqrt(height * width / most)))
    return as_bytes(image) if factor < 2 else np.asarray(as_picture(image).reduce(factor))


def as_bytes(images):
    """Images in [0, 1] as uint8 of the same shape; those that are uint8 stay unchanged."""
    images = np.asarray(images)
    return images if images.dtype == np.uint8 else np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)


def tile(images, columns=None, background=0):
    """Images [n, h, w, c] or [n, h, w] in a grid with gaps, row by row. columns: None for the most square grid."""
    images, columns = np.asarray(images), min(columns or grid_size(len(images))[1], len(images))
    padding = [(0, -len(images) % columns), (0, _GAP), (0, _GAP)] + [(0, 0)] * (images.ndim - 3)
    cells = np.pad(images, padding, constant_values=background)
    _, height, width, *channels = cells.shape
    grid = cells.reshape(-1, columns, height, width, *channels).swapaxes(1, 2)
    return grid.reshape(-1, columns * width, *channels)[:-_GAP, :-_GAP]


def grid_size(count):
    """(rows, columns) for `count` images: the most square grid, up to 1:2, without a hole (2x4 for 8); or with one."""
    square = math.ceil(math.sqrt(count))
    columns = next((each for each in range(square, math.isqrt(2 * count) + 1) if count % each == 0), square)
    return math.ceil(count / columns), columns


def as_images(sample):
    """A sample for matplotlib: [n, h, w, 3] is unchanged; [n, h, w, 1] and [n, h * w], of squares, become [n, h, w]."""
    sample = np.asarray(sample)
    if sample.ndim == 2:
        side = math.isqrt(sample.shape[1])
        if side * side != sample.shape[1]:
            raise UserError(f"samples of {sample.shape[1]} numbers each are not square images")
        return sample.reshape(len(sample), side, side)
    return sample.squeeze(-1) if sample.shape[-1] == 1 else sample
