"""The review page in headless Chromium: it opens from a file, and its slider, keys and play button move it."""

import base64
import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from tfgan_v1.report import page
from tfgan_v1.report.images import as_picture, tile

selenium = pytest.importorskip("selenium")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium with its chromedriver here"),
]
LIMIT = 30  # seconds that the browser may take; the machine may be busy


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(LIMIT)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, finished):
    """The page of a run of three epochs, opened from its file."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.set_window_size(1280, 900)
    browser.get("about:blank")
    browser.get((finished.config.samples_folder / "review.html").absolute().as_uri())
    return browser


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


def test_it_opens_at_the_last_step_without_a_console_error(opened):
    label, value, markers, _ = shown(opened)
    assert (label, value, markers) == ("epoch 3", "2", ["3", "3"])
    assert element(opened, "#sheet").get_attribute("alt").endswith("at epoch 3")
    assert opened.get_log("browser") == []
    assert all(each.get_attribute("aria-label") for each in opened.find_elements("css selector", "svg"))


def test_keys_and_slider_change_the_picture_and_the_markers(opened):
    seen = [shown(opened)]
    for keys in (["ARROW_LEFT"], ["HOME"], ["ARROW_LEFT"], ["ARROW_RIGHT"], ["END"]):
        press(opened, *keys)
        seen.append(shown(opened))
    assert [each[0] for each in seen] == ["epoch 3", "epoch 2", "epoch 1", "epoch 1", "epoch 2", "epoch 3"]
    assert [each[2][0] for each in seen] == ["3", "2", "1", "1", "2", "3"]
    assert len({each[3] for each in seen}) == 3
    opened.execute_script("slider.value = 1; slider.dispatchEvent(new Event('input'))")
    assert shown(opened)[0] == "epoch 2" and shown(opened)[3] == seen[1][3]
    legend = element(opened, "#curves .legend").text
    press(opened, "ARROW_RIGHT")
    assert element(opened, "#curves .legend").text != legend


def test_play_goes_from_the_first_step_to_the_last_and_stops(opened):
    button = element(opened, "#play")
    opened.execute_script(
        "window.seen = []; new MutationObserver(() => seen.push(place.value)).observe(place, {childList: true})"
    )
    button.click()
    assert button.text == "Pause" and button.get_attribute("aria-pressed") == "true"
    wait_for(lambda: button.text == "Play")
    assert opened.execute_script("return seen") == ["epoch 1", "epoch 2", "epoch 3"]
    press(opened, "SPACE")
    assert button.text == "Pause" and shown(opened)[0] == "epoch 1"
    press(opened, "SPACE")
    assert button.text == "Play"
    assert opened.get_log("browser") == []


def test_a_click_on_a_curve_goes_to_the_nearest_step(opened):
    element(opened, "#curves svg").click()  # in the middle: epoch 1.5 of 0 to 3
    assert shown(opened)[0] in ("epoch 1", "epoch 2")


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_a_screenshot_has_the_grid_the_curves_and_nothing_outside_the_window(opened, finished, width):
    size = {"width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    screenshot = Image.open(io.BytesIO(base64.b64decode(opened.get_screenshot_as_base64()))).convert("RGB")
    box = element(opened, "#sheet").rect
    assert box["width"] > 0.35 * min(width, 1216) - 60
    seen = screenshot.crop(edges(box)).convert("L")
    grid = as_picture(tile(finished.fixed[-1], 4, 1)).resize(seen.size, Image.Resampling.NEAREST)
    assert np.corrcoef(np.ravel(seen), np.ravel(grid))[0, 1] > 0.95
    curve = np.asarray(screenshot.crop(edges(element(opened, "#curves svg").rect))).astype(int)
    red, blue = curve[..., 0], curve[..., 2]
    assert (red - blue > 100).sum() > 100 and (blue - red > 100).sum() > 100  # both lines


def edges(box):
    left, top = round(box["x"]), round(box["y"])
    return left, top, left + round(box["width"]), top + round(box["height"])


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
