"""Decodes one picture of any format, mode and size into an array of the wanted shape."""

import re
import threading
import warnings
from contextlib import contextmanager, nullcontext, suppress

import numpy as np
from PIL import Image, ImageCms

from tfgan_v1.data.shapes import FITS
from tfgan_v1.files import BoundedReader

Image.init()  # fills Image.OPEN with the formats that this Pillow was built with
FORMATS = [name for name in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM") if name in Image.OPEN]  # MPO is JPEG
MOST_PIXELS = 2**26  # decoded in one picture
_MANY_PIXELS = 2**23  # larger pictures are decoded one at a time, so that memory does not grow with the cores
_one_at_a_time = threading.Lock()
_MOST_SCANS = 100  # of a JPEG: cameras and programs write up to about 20, and each takes the time of all pixels
_MOST_COMMENTS = 1000  # of a plain PPM: each copies a megabyte
_MOST_SEARCHED = 2**26  # bytes of a file; a larger one is not small
_MOST_PAGES = 2**12  # of a TIFF, that are counted

_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC, _SUBFILE = 0x0112, 258, 262, 254  # EXIF and TIFF tags
_MARKER = re.compile(rb"\xff([^\0\1\xd0-\xd8\xff])")  # of a JPEG, that a segment with its length follows
_SCAN, _END = b"\xda", b"\xd9"

# What sets a picture upright, by its EXIF orientation.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path, shaping):
    """(a picture's first frame, the number of further pages of a TIFF, whether it is an animation).

    The frame is upright: uint8 [*shaping.size, shaping.channels or 3]. Raises ValueError for an unusable picture, and
    anything that Pillow raises.
    """
    with _opened(path) as image:
        if image.format in ("JPEG", "MPO", "PPM"):
            _check_time(image)
        many = image.width * image.height > _MANY_PIXELS  # before `draft`: a progressive JPEG takes the memory of all
        image.draft(None, [2 * max(shaping.size)] * 2)  # decodes a large JPEG at a fraction of its size
        with _one_at_a_time if many else nullcontext():
            image.load()
            orientation = None
            with suppress(Exception):  # a picture with broken EXIF data is still usable
                orientation = image.getexif().get(_ORIENTATION)
            frame = eight_bits(image)
            frame = frame.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else frame
            return fitted(frame, shaping), *_further(image)


def measure(path):
    """A picture's (width, height), upright, by its header. Raises as `decode`, without decoding."""
    with _opened(path) as image:
        with suppress(Exception):
            if Image.Image.getexif(image).get(_ORIENTATION) in (5, 6, 7, 8):  # that of a PNG would decode it
                return image.size[::-1]
        return image.size


@contextmanager
def _opened(path):
    """Yields a picture that is not decoded yet, of 1 to MOST_PIXELS pixels."""
    if not path.is_file():  # a dangling link, or a pipe, which would block
        raise ValueError("it is not a file")
    if not path.stat().st_size:
        raise ValueError("it is empty")
    with BoundedReader(path) as file, Image.open(file, formats=FORMATS) as image:
        if image.width * image.height == 0:
            raise ValueError(f"it has {image.width}x{image.height} pixels")
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"it claims {image.width}x{image.height} pixels, more than {MOST_PIXELS:,}")
        yield image


def _check_time(image):
    """Raises ValueError for a small file that takes minutes: a JPEG of many scans, a plain PPM of many comments."""
    image.fp.seek(0)
    content, place, scans = image.fp.read(_MOST_SEARCHED), 0, 0
    if re.match(b"P[123]", content) and content.count(b"#") > _MOST_COMMENTS:
        raise ValueError(f"it has more than {_MOST_COMMENTS:,} comments")
    if content.count(b"\xff" + _SCAN) > _MOST_SCANS:  # perhaps in a thumbnail, or in a video behind the picture
        while (marker := _MARKER.search(content, place)) and marker[1] != _END:
            scans += marker[1] == _SCAN
            place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    if scans > _MOST_SCANS:
        raise ValueError(f"it has {scans:,} scans, more than {_MOST_SCANS}; save it anew")


def _further(image):
    """(the number of further pages of a TIFF, whether it is an animation)."""
    pages = 0
    with suppress(Exception):  # at the end, or broken
        if image.format in ("GIF", "PNG", "WEBP"):
            return 0, image.is_animated
        while image.format == "TIFF" and image.tell() < _MOST_PAGES:
            image.seek(image.tell() + 1)
            pages += not image.tag_v2.get(_SUBFILE, 0) & 5  # a smaller copy, or a mask
    return pages, False


def fitted(image, shaping):
    """A Pillow image in L, RGB or RGBA as an array: uint8 [*shaping.size, shaping.channels or 3]."""
    height, width = shaping.size
    image = FITS[shaping.fit](image, (width, height))
    canvas = Image.new("RGB", (width, height), shaping.color)
    corner = (width - image.width) // 2, (height - image.height) // 2
    canvas.paste(image, corner, image if image.mode == "RGBA" else None)
    if shaping.channels == 1:
        return np.asarray(canvas.convert("L"))[..., None]
    return np.asarray(canvas)


def resize_all(images, shaping):
    """Images, uint8 [n, h, w, c], brought to a shape; the array itself if it has that shape."""
    shaping = shaping._replace(size=shaping.size or images.shape[1:3], channels=shaping.channels or images.shape[3])
    shape = (len(images), *shaping.size, shaping.channels)
    if images.shape == shape:
        return images
    if not any(images.strides):  # blank images: a single pixel, broadcast
        return np.broadcast_to(images[0, 0, 0, 0], shape)
    result = np.empty(shape, np.uint8)
    for image, place in zip(images, result, strict=True):
        place[...] = fitted(Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image), shaping)
    return result


def is_picture(path):
    """Whether a file is a picture, by its first bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Image.open(path, formats=FORMATS).close()
        except Image.DecompressionBombError:
            return True
        except Exception:
            return False
    return True


def summarize(error):
    """Why a picture could not be decoded, in at most 120 characters."""
    if isinstance(error, Image.UnidentifiedImageError):  # its text is the whole path
        return "its format is not supported"
    summary = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return summary.splitlines()[0][:120].rstrip(".")


def eight_bits(image):
    """Converts a loaded Pillow image of any mode to L or RGB, or to RGBA if it has transparency."""
    if image.mode[0] in "IF":
        return _deep(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if image.mode == "La":  # converts only to LA
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _deep(image):
    """Converts grays of more than 8 bits, I;16, I or F: their range becomes 0 to 255, and negative values black."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    largest = values.max()
    if not np.isfinite(values).all():
        raise ValueError("it has NaN or infinite pixels")
    if image.mode == "F":
        white = next((white for white in (1, 255, 65535) if largest <= white), largest)
    elif image.mode == "I":
        white = max(65535, largest)
    else:
        white = 2 ** tags.get(_BITS_PER_SAMPLE, [16])[0] - 1
    grays = np.multiply(np.clip(values, 0, white), 255 / white, dtype=np.float32)
    np.rint(grays, out=grays)
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero, which Pillow handles only for 8 bits
        np.subtract(255, grays, out=grays)
    result = Image.fromarray(grays.astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        result = result.convert("RGBA")
        result.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return result
