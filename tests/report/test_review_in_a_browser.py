"""The review page in headless Chromium: it opens from a file, and its slider, keys and play button move it."""

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from tfgan_v1.report import page
from tfgan_v1.report.images import as_picture, tile

pytestmark = pytest.mark.slow
LIMIT = 30  # seconds that the browser may take; the machine may be busy


def element(browser, name):
    return browser.find_element("css selector", name)


def press(browser, *keys):
    from selenium.webdriver.common.keys import Keys

    element(browser, "body").send_keys(*(getattr(Keys, key) for key in keys))


def shown(browser):
    """(the label, the slider's value, the marker of each curve, the image)."""
    markers = [each.get_attribute("data-marker") for each in browser.find_elements("css selector", "#curves figure")]
    image = element(browser, "#sheet").get_attribute("src")
    return element(browser, "#place").text, element(browser, "#slider").get_attribute("value"), markers, image


def wait_for(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_keys_slider_play_and_clicks_move_a_run_s_page_at_any_width(browser, finished):
    browser.set_window_size(1280, 900)
    browser.get((finished.config.samples_folder / "review.html").absolute().as_uri())
    label, value, markers, last = shown(browser)
    assert (label, value, markers) == ("epoch 3", "3", ["3", "3"])
    assert element(browser, "#sheet").get_attribute("alt").endswith("at epoch 3")
    assert all(svg.get_attribute("aria-label") for svg in browser.find_elements("css selector", "svg"))

    seen = []
    for key in ("ARROW_LEFT", "HOME", "ARROW_LEFT", "ARROW_RIGHT", "END"):
        press(browser, key)
        seen.append(shown(browser))
    assert [label for label, *_ in seen] == ["epoch 2", "epoch 0", "epoch 0", "epoch 1", "epoch 3"]
    assert [markers[0] for _, _, markers, _ in seen] == ["2", "0", "0", "1", "3"]
    assert len({image for *_, image in seen}) == 4 and seen[-1][3] == last
    legend = element(browser, "#curves .legend").text
    browser.execute_script("slider.value = 2; slider.dispatchEvent(new Event('input'))")
    assert shown(browser) == seen[0] and element(browser, "#curves .legend").text != legend

    button = element(browser, "#play")
    browser.execute_script(
        "window.seen = []; new MutationObserver(() => seen.push(place.value)).observe(place, {childList: true})"
    )
    press(browser, "END")
    button.click()
    assert button.text == "Pause" and button.get_attribute("aria-pressed") == "true"
    wait_for(lambda: button.text == "Play")
    assert browser.execute_script("return seen")[1:] == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    press(browser, "SPACE")
    assert button.text == "Pause" and shown(browser)[0] == "epoch 0"
    press(browser, "SPACE")
    assert button.text == "Play"
    element(browser, "#curves svg").click()  # in the middle: epoch 1.5 of 0 to 3
    assert shown(browser)[0] in ("epoch 1", "epoch 2")

    press(browser, "END")
    for width in (1280, 800, 360):
        check_screenshot(browser, width, finished.fixed[-1])
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert browser.get_log("browser") == []


def check_screenshot(browser, width, samples):
    """Checks that a window of a width shows the grid of the samples and both lines, and nothing outside of it."""
    size = {"width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script("scrollTo(0, 0)")
    screenshot = Image.open(io.BytesIO(base64.b64decode(browser.get_screenshot_as_base64()))).convert("RGB")
    box = element(browser, "#sheet").rect
    assert box["width"] > 0.35 * min(width, 1216) - 60
    seen = screenshot.crop(edges(box)).convert("L")
    grid = as_picture(tile(samples, 4, 1)).resize(seen.size, Image.Resampling.NEAREST)
    assert np.corrcoef(np.ravel(seen), np.ravel(grid))[0, 1] > 0.95
    curve = np.asarray(screenshot.crop(edges(element(browser, "#curves svg").rect))).astype(int)
    red, blue = curve[..., 0], curve[..., 2]
    assert (red - blue > 100).sum() > 100 and (blue - red > 100).sum() > 100


def edges(box):
    left, top = round(box["x"]), round(box["y"])
    return left, top, left + round(box["width"]), top + round(box["height"])


def test_a_key_shows_real_images_a_click_enlarges_one_and_the_command_is_copied(browser, finished):
    browser.set_window_size(1280, 900)
    browser.get((finished.config.samples_folder / "review.html").absolute().as_uri())
    real = element(browser, "#real")
    assert not real.is_displayed()
    element(browser, "body").send_keys("r")
    assert real.is_displayed() and element(browser, "#sheet").is_displayed()
    for grid, caption in (
        ("#sheet", "Image 6, epoch 3. A click closes it."),
        ("#real", "Image 6, real. A click closes it."),
    ):
        element(browser, grid).click()  # in its middle, of 4x4 images
        assert element(browser, "#zoom p").text == caption
        canvas = "const c = document.querySelector('canvas'); return [c.width, c.height]"
        assert browser.execute_script(canvas) == [28, 28]
        element(browser, "#zoom").click()
    element(browser, "body").send_keys("r")
    assert not real.is_displayed()
    element(browser, "#copy").click()
    assert element(browser, "#copy").text == "Copied"
    assert browser.execute_script("return getSelection().toString()").startswith("tfgan train --epochs 3")
    assert browser.get_log("browser") == []


def test_the_page_of_a_running_run_reloads_and_keeps_its_place(browser, tmp_path):
    samples = [np.full((4, 8, 8, 1), i / 3, np.float32) for i in range(3)]
    summary = {**page.summarize_samples("some", samples[:1]), "title": "some", "shown": "4 images"}
    path = tmp_path / "run.html"
    empty = page.page({**page.SUMMARY, "title": "none"}, [])
    path.write_bytes(empty)
    browser.get(path.as_uri())
    assert element(browser, "#caption").text == "No samples yet." and not element(browser, "#sheet").is_displayed()
    for count, at in ((2, ""), (3, "#0"), (3, "")):
        text = page.page(summary, page.Grids(3).urls(samples[:count]), running=True)
        path.write_bytes(text.replace(b"}, 10000);", b"}, 500);"))
        browser.get("about:blank")  # otherwise another hash alone loads nothing
        browser.get(path.as_uri() + at)
        browser.execute_script("window.old = true")
        wait_for(lambda: not browser.execute_script("return window.old"))
        assert shown(browser)[0] == ("sample 1" if at else f"sample {count}")
    assert browser.get_log("browser") == []


def test_2000_steps_open_and_play(browser, tmp_path):
    random = np.random.default_rng(0)
    images = random.random((16, 7, 7, 1), np.float32).repeat(4, 1).repeat(4, 2)
    samples = [images * (i + 1) / 2000 for i in range(2000)]
    summary = page.summarize_samples("many", samples)
    path = tmp_path / "many.html"
    path.write_bytes(page.page(summary, page.Grids(2000).urls(samples)))
    browser.get(path.as_uri())
    assert shown(browser)[:2] == ("sample 2,000", "1999")
    press(browser, "HOME", "SPACE")
    wait_for(lambda: int(shown(browser)[1]) > 5)
    assert browser.get_log("browser") == []
