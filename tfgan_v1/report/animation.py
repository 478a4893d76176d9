"""Animated GIFs."""

import io

from tfgan_v1.report import plots

LEAST = 300  # pixels of width, about, to which small frames are enlarged
SHORTEST = 20  # milliseconds of a frame: browsers show shorter ones more slowly


def gif(frames, milliseconds, last_milliseconds=None):
    """Frames, each an image [h, w, c] in [0, 1] of the same shape, as the bytes of a GIF that loops.

    milliseconds: of each frame; last_milliseconds: of the last, None for the same. Grey frames keep all their levels;
    of colours, each frame has its own 256.
    """
    factor = max(1, round(LEAST / frames[0].shape[1]))
    pictures = [plots.as_picture(each.repeat(factor, axis=0).repeat(factor, axis=1)) for each in frames]
    durations = [max(SHORTEST, round(milliseconds))] * len(pictures)
    durations[-1] = round(last_milliseconds or durations[-1])
    file = io.BytesIO()
    options = {"save_all": True, "append_images": pictures[1:], "loop": 0}
    pictures[0].save(file, "GIF", duration=durations if len(pictures) > 1 else durations[0], **options)
    return file.getvalue()
