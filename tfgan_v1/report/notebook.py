"""How a run and a generator look in a notebook, and the live picture of a run that trains there.

`storage` and `sampling` are below `report` and draw nothing, so their classes get `_repr_html_` here. Whoever holds a
Progress has called `train`, which imports this module, and `tfgan_v1.Generator` is found in it.
"""

import base64
from contextlib import suppress
from functools import cache
from html import escape

from tfgan_v1 import files
from tfgan_v1.errors import note
from tfgan_v1.evaluation.evaluate import Evaluation, evaluate  # noqa: F401, tfgan_v1.evaluate is found here
from tfgan_v1.report import curves, page, plots, score_table
from tfgan_v1.sampling.generator import Generator
from tfgan_v1.storage import names
from tfgan_v1.storage.progress import Progress
from tfgan_v1.streams import beside_bars, in_notebook

_live = {}  # number of the cell that runs -> (last step, handle of its live picture)
_note_once = cache(note)


def show(step, samples, metrics):
    """Shows the last samples and losses in a notebook: one picture, which each sampling step renews.

    For train(..., on_sample=show). Elsewhere it shows nothing, and says so once.
    """
    if not in_notebook():
        return _note_once("tfgan_v1.show draws in notebooks; elsewhere, open the run's review.html")
    from IPython import display, get_ipython

    caption = f"step {step:,}: D {metrics['d_loss']:.2f}, G {metrics['g_loss']:.2f}"
    content = {"text/plain": caption, "text/html": _html(caption, plots.samples_png(samples))}
    cell = get_ipython().execution_count
    last, handle = _live.get(cell, (0, None))
    if handle and last < step:
        handle.update(content, raw=True)
    else:  # another run
        with beside_bars():  # without it, the bar as it is now would stay above the picture
            handle = display.display(content, raw=True, display_id=True)
    _live.clear()
    _live[cell] = step, handle


def _of_progress(progress):
    """A run as HTML: the last images, of the same noise if it has some, and the curves of the losses."""
    columns, (_, images), pictures = None, progress.shown, []
    if images:
        with suppress(OSError, ValueError):  # the folder may have been moved
            columns = files.read_json(progress.config.samples_folder / names.REVIEW)["columns"]
        pictures.append(plots.samples_png(images[-1], columns=columns))
    if progress.losses:
        summary = {**page.SUMMARY, "unit": progress.config.unit, "steps_per_epoch": progress.steps_per_epoch}
        curve, *_ = curves.of_run(summary, curves.Tables(progress.losses))
        pictures.append(plots.figure_png(plots.lines(curve, progress.config.unit)))
    return _html(repr(progress), *pictures)


def _of_generator(generator):
    """A generator as HTML: the images of the first 16 seeds; None once it is closed."""
    with suppress(RuntimeError):
        return _html(repr(generator), plots.samples_png(generator()))


def _html(caption, *pngs):
    urls = (f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in pngs)
    return f"<div>{escape(caption)}</div>" + " ".join(f'<img src="{url}" style="height: 300px">' for url in urls)


Evaluation.__repr__ = lambda evaluation: "\n".join(score_table.lines(evaluation))
Progress._repr_html_ = _of_progress
Generator._repr_html_ = _of_generator
