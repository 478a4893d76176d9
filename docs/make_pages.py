"""Makes the pages in this folder and their pictures: `python docs/make_pages.py FOLDER`.

It trains the runs in FOLDER by the commands in the pages, about ten minutes on two cores. Finished runs in FOLDER are
kept. The pictures take Chromium and its driver.
"""

import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image

from make_figures import DOCS, train
from tfgan_v1 import cli, export

GENERATOR = """
state.corners = [6, 13, 0, 9];
[state.x, state.y] = [0.5, 0.125];
changed("corners");
"""

# Picture of see-it-learn.md -> the runs on its page, the sampling point that it shows, and the height of the window.
EXPERIMENTS = {
    "see-it-learn-1.png": (("line",), 2, 860),
    "see-it-learn-2.png": (("lost", "round", "kept"), 110, 860),
    "see-it-learn-3.png": (("grid",), 12, 860),
    "see-it-learn-4.png": (("line", "smoothed"), 18, 1000),
    "see-it-learn-5.png": (("k1", "k5"), 25, 1000),
    "see-it-learn-6.png": (("won", "freed"), 15, 1000),
}
MOVE = "slider.value = {}; slider.dispatchEvent(new Event('input'))"
DIRAC = "document.querySelector('[data-word=inward]').click(); show(45)"


def screenshot(page, path, script="", ready="return true", size=(1280, 800), scale=1.5, shrink=1):
    """Writes a picture of a page after a script, in headless Chromium, with at most 256 colors.

    ready: a condition. shrink: how many pixels of the screen, to the right and down, make one.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "hide-scrollbars", "lang=en"):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))) as browser:
        window = {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        browser.get(page.absolute().as_uri())
        browser.execute_script(script)
        while not browser.execute_script(ready):
            time.sleep(0.1)
        content = browser.get_screenshot_as_png()
    Image.open(io.BytesIO(content)).convert("RGB").reduce(shrink).quantize(256).save(path, optimize=True)


def make_generator(folder):
    """Writes generator.html, a page of a conditional generator, and its picture."""
    train("generator", folder)
    to = folder / "exported"
    shutil.rmtree(to, ignore_errors=True)
    export(folder / "checkpoints" / "generator", to, formats=["page"], float16=True)
    shutil.copyfile(to / "generator.html", DOCS / "generator.html")
    done = "return document.body.dataset.ready === 'true'"
    screenshot(DOCS / "generator.html", DOCS / "generator.png", GENERATOR, done, (1280, 948))


def make_experiments(folder):
    """Writes the pictures of see-it-learn.md: a run's page, or several runs side by side."""
    for picture, (runs, point, height) in EXPERIMENTS.items():
        for run in runs:
            train(run, folder)
        page = folder / "samples" / runs[0] / "review.html"
        if len(runs) > 1:
            page = folder / f"{picture}.html"
            cli.main(["compare", *runs, "--samples", str(folder / "samples"), "--out", str(page)])
        screenshot(page, DOCS / picture, MOVE.format(point), size=(1280, height), shrink=2)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    make_generator(folder)
    make_experiments(folder)
    screenshot(DOCS / "dirac-gan.html", DOCS / "dirac-gan.png", DIRAC, size=(1180, 920), scale=0.8)
