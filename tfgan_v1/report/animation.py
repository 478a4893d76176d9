"""Animated GIFs."""

import io

from tfgan_v1.report import plots

LEAST = 300  # pixels of width, about, to which small frames are enlarged
SHORTEST = 20  # milliseconds of a frame: browsers show shorter ones more slowly


def gif(frames, milliseconds, last_milliseconds=None):
    """Frames, each an image [h, w, c] as `plots.as_bytes` takes it, of the same shape, as the bytes of a looping GIF.

    milliseconds: of each frame; last_milliseconds: of the last, None for the same. Grey frames keep all their levels;
    of colours, each frame has its own 256.
    """
    from PIL import Image

    pictures = []
    for frame in frames:
        picture, factor = plots.as_picture(frame), enlargement(frame.shape)
        if picture.mode == "RGB":  # before it is enlarged, which keeps all frames of a long animation small
            picture = picture.quantize(256, dither=Image.Dither.NONE)
        size = factor * picture.width, factor * picture.height
        pictures.append(picture.resize(size, Image.Resampling.NEAREST))
    durations = [max(SHORTEST, round(milliseconds))] * len(pictures)
    durations[-1] = round(last_milliseconds or durations[-1])
    file = io.BytesIO()
    options = {"save_all": True, "append_images": pictures[1:], "loop": 0}
    pictures[0].save(file, "GIF", duration=durations if len(pictures) > 1 else durations[0], **options)
    return file.getvalue()


def enlargement(shape):
    """How many times as large a frame of a shape [h, w, c] is drawn."""
    return max(1, round(LEAST / shape[1]))
