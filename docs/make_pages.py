"""Makes the pages in this folder and their pictures: `python docs/make_pages.py FOLDER`.

It trains the runs in FOLDER by the commands in the pages, about two minutes on two cores. Finished runs in FOLDER are
kept. The pictures take Chromium and its driver.
"""

import io
import shutil
import sys
import time
from pathlib import Path

from PIL import Image

from make_figures import DOCS, train
from tfgan_v1 import export

GENERATOR = """
state.corners = [6, 13, 0, 9];
[state.x, state.y] = [0.5, 0.125];
changed("corners");
"""


def screenshot(page, path, script="", ready="return true", size=(1280, 800), scale=1.5):
    """Writes a picture of a page after a script, in headless Chromium, with at most 256 colors. ready: a condition."""
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
    Image.open(io.BytesIO(content)).convert("RGB").quantize(256).save(path, optimize=True)


def make_generator(folder):
    """Writes generator.html, a page of a conditional generator, and its picture."""
    train("generator", folder)
    to = folder / "exported"
    shutil.rmtree(to, ignore_errors=True)
    export(folder / "checkpoints" / "generator", to, formats=["page"], float16=True)
    shutil.copyfile(to / "generator.html", DOCS / "generator.html")
    done = "return document.body.dataset.ready === 'true'"
    screenshot(DOCS / "generator.html", DOCS / "generator.png", GENERATOR, done, (1280, 948))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    make_generator(folder)
