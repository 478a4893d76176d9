"""The review page in headless Chromium: it opens from a file, and its slider, keys and play button move it."""

import base64
import io
import re
import time

import numpy as np
import pytest
from PIL import Image

import fake_fields
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
        ("#sheet", "Image 6, epoch 3"),
        ("#real", "Image 6, real"),
    ):
        element(browser, grid).click()  # in its middle, of 4x4 images
        assert element(browser, "#zoom p").text == caption
        canvas = "const c = document.querySelector('#zoom canvas'); return [c.width, c.height]"
        assert browser.execute_script(canvas) == [28, 28]
        element(browser, "#zoom canvas").click()
    element(browser, "body").send_keys("r")
    assert not real.is_displayed()
    element(browser, "#copy").click()
    assert element(browser, "#copy").text == "Copied"
    assert browser.execute_script("return getSelection().toString()").startswith("tfgan train --epochs 3")
    assert browser.get_log("browser") == []


def test_the_page_of_a_running_run_follows_it_and_keeps_its_place(browser, tmp_path):
    samples = [np.full((4, 8, 8, 1), i / 9, np.float32) for i in range(9)]
    summary = {**page.summarize_samples("some", samples[:1]), "title": "some", "shown": "4 images", "command": "x"}
    path = tmp_path / "run.html"

    def write(count, running=True):
        text = page.page(summary, page.Grids(9).urls(samples[:count]), running=running)
        (tmp_path / "new").write_bytes(text.replace(b"const FOLLOW = 10000;", b"const FOLLOW = 200;"))
        (tmp_path / "new").replace(path)

    def count():
        return int(element(browser, "#slider").get_attribute("max")) + 1 if shown(browser)[0] else 0

    def follow(steps, running=True):
        write(steps, running)
        wait_for(lambda: count() == steps)

    write(0)
    browser.set_window_size(400, 400)
    browser.get(path.as_uri())
    browser.execute_script("window.old = true")
    assert element(browser, "#caption").text == "No samples yet." and not element(browser, "#sheet").is_displayed()
    assert element(browser, "#following").is_displayed()
    for steps in (2, 3):  # at the end, it stays there
        follow(steps)
        assert shown(browser)[0] == f"sample {steps}"
    press(browser, "HOME")
    element(browser, "#language").click()
    browser.execute_script("document.querySelector('#made').open = false; scrollTo(0, 150)")
    state = "return [scrollY, document.querySelector('#made').open, document.documentElement.lang]"
    before = browser.execute_script(state)
    assert before[1:] == [False, "ko"] and before[0] > 0
    follow(5)
    assert browser.execute_script(state) == before and shown(browser)[:2] == ("샘플 1", "0")
    browser.execute_script("document.querySelector('#slow').click()")
    press(browser, "SPACE")
    follow(6)
    assert element(browser, "#play").get_attribute("aria-pressed") == "true"
    follow(7, running=False)
    assert browser.execute_script("return old") and not element(browser, "#following").is_displayed()
    assert browser.find_elements("css selector", "iframe") == [] and browser.get_log("browser") == []


def field_page(tmp_path, field, running=False, **changes):
    """The address of a page of a field, whose points have no pictures of their own."""
    count = len(field["steps"])
    summary = {**page.SUMMARY, "title": "points", "unit": "step", "sample_steps": [100 * i for i in range(count)]}
    path = tmp_path / "points.html"
    content = page.page(summary | changes, [], running=running, field=(summary["sample_steps"], field))
    path.write_bytes(content)
    return path.as_uri()


def canvas_pixels(browser):
    """The pixels of the field's canvas, [height, width, 4]."""
    url = browser.execute_script("return document.querySelector('#field canvas').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA")).astype(int)


def test_a_field_of_points_has_layers_that_keys_and_boxes_switch(browser, tmp_path):
    browser.set_window_size(1280, 900)
    address = field_page(tmp_path, fake_fields.ring(6))
    browser.get(address)
    names = [each.get_attribute("data-layer") for each in browser.find_elements("css selector", "#switches input")]
    assert names == ["real", "fake", "d", "g", "gradient", "modes"]
    assert not element(browser, "#sheet").is_displayed() and not element(browser, "#whole").is_displayed()
    for i in range(len(names)):
        before = canvas_pixels(browser)
        element(browser, "body").send_keys(str(i + 1))
        without = canvas_pixels(browser)
        assert (before != without).any(), names[i]
        element(browser, f"#switches input[data-layer={names[i]}]").click()
        assert (canvas_pixels(browser) == before).all()
    hangul = "{key: 'ㄴ', code: 'KeyS', bubbles: true}"  # the key S
    browser.execute_script(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {hangul}))")
    assert element(browser, "#slow").get_attribute("aria-pressed") == "true"
    for key in "236":
        element(browser, "body").send_keys(key)
    press(browser, "HOME", "ARROW_RIGHT")
    wait_for(lambda: "off=fake%2Cd%2Cmodes" in browser.current_url and "at=100" in browser.current_url)
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert shown(browser)[0] == "step 100"
    boxes = browser.find_elements("css selector", "#switches input")
    assert [name for name, box in zip(names, boxes, strict=True) if not box.is_selected()] == ["fake", "d", "modes"]
    assert browser.get_log("browser") == []


def test_the_page_of_a_running_run_on_points_keeps_its_layers(browser, tmp_path):
    full = fake_fields.ring(6)
    full["steps"][0] = None

    def write(count):
        """A page that follows its run, first of a run of which nothing is drawn yet."""
        field = {**full, "steps": full["steps"][:count]}
        address = field_page(tmp_path, field, running=count < 6)
        text = (tmp_path / "points.html").read_bytes()
        (tmp_path / "points.html").write_bytes(text.replace(b"const FOLLOW = 10000;", b"const FOLLOW = 200;"))
        return address

    browser.set_window_size(1280, 900)
    browser.get(write(1))
    names = ["real", "fake", "d", "g", "modes"]  # there are no gradients yet
    assert [each.get_attribute("data-layer") for each in browser.find_elements("css selector", "input")[1:]] == names
    element(browser, "body").send_keys("3")
    browser.execute_script("window.old = true; document.querySelector('#options').open = true")
    press(browser, "HOME")
    for count in (3, 6):
        write(count)
        wait_for(lambda count=count: element(browser, "#slider").get_attribute("max") == str(count - 1))
        boxes = browser.find_elements("css selector", "#switches input")
        unchecked = [each.get_attribute("data-layer") for each in boxes if not each.is_selected()]
        assert len(boxes) == 6 and unchecked == ["d"]
    assert browser.execute_script("return [window.old, document.querySelector('#options').open]") == [True, True]
    assert shown(browser)[0] == "step 500" and browser.get_log("browser") == []  # it was at the end


def test_a_field_says_in_words_what_it_shows_and_reads_d_under_the_pointer(browser, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains

    field = fake_fields.ring(6)
    field["steps"][2] = None
    diagnosis = [{"x": 0, "end": 200, "kind": "collapse", "numbers": {"modes": 2}}]
    browser.set_window_size(1280, 900)
    browser.get(field_page(tmp_path, field, diagnosis=diagnosis))
    scores = field["steps"][-1]["scores"]
    words = f"{scores['modes']} of 8 modes"
    assert words in element(browser, "#numbers").text and element(browser, "#diagnosis").text == ""
    wait_for(lambda: "step 500. Points of a plane" in element(browser, "#description").get_attribute("textContent"))
    assert words in element(browser, "#field canvas").get_attribute("aria-label")
    canvas = element(browser, "#field canvas")
    ActionChains(browser).move_to_element_with_offset(canvas, 15, -8).perform()  # the middle: x and y are 0
    read = element(browser, "#numbers .readout").text
    assert re.fullmatch(r"x -?0(\.0\d+)?, y -?0(\.0\d+)?: D 0\.(5|499)", read), read
    press(browser, "HOME", "ARROW_RIGHT", "ARROW_RIGHT")
    assert element(browser, "#numbers .numbers").text == "Nothing was recorded at this step."
    assert element(browser, "#diagnosis").text.startswith("Mode collapse: G makes few kinds of samples (modes 2).")
    browser.execute_script("document.querySelector('#language').click()")
    assert element(browser, "#numbers .numbers").text == "이 스텝에는 기록이 없습니다."
    assert element(browser, "#diagnosis").text.startswith("모드 붕괴: G가 몇 종류만 만듭니다(모드 2)")
    press(browser, "ARROW_RIGHT")
    assert element(browser, "#diagnosis").text == "" and shown(browser)[0] == "스텝 300"
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("make", [fake_fields.ring, fake_fields.line])
def test_slow_motion_shows_what_is_between_two_recorded_steps(browser, tmp_path, make):
    browser.set_window_size(1280, 900)
    browser.get(field_page(tmp_path, make(3)))
    press(browser, "HOME")
    recorded = [canvas_pixels(browser)]
    press(browser, "ARROW_RIGHT")
    recorded.append(canvas_pixels(browser))
    press(browser, "HOME")
    assert not element(browser, "#between").is_displayed()
    element(browser, "body").send_keys("s")
    assert element(browser, "#slow").get_attribute("aria-pressed") == "true"
    press(browser, "SPACE")
    wait_for(lambda: element(browser, "#between").is_displayed())
    press(browser, "SPACE")
    assert element(browser, "#between").text == "between two recorded steps"
    between = canvas_pixels(browser)
    assert all((between != each).any() for each in recorded)
    marker = float(browser.find_elements("css selector", "#curves figure")[-1].get_attribute("data-marker"))
    assert 0 < marker < 200 and marker % 100
    element(browser, "body").send_keys("s")
    assert not element(browser, "#between").is_displayed()
    assert browser.get_log("browser") == []


def test_d_and_the_optimal_d_are_drawn_from_their_formulas(browser, tmp_path):
    field = fake_fields.line(3)
    browser.get(field_page(tmp_path, field))
    optimal, outputs, fake = browser.execute_script(
        "const frame = frameOf(run.field, 1);"
        "return [optimalD(run.field, frame.q), Array.from(frame.d), Array.from(frame.fake)]"
    )
    p, q = np.array(field["density"]), np.array(field["steps"][1]["q"])
    real, generated = field["targets"]
    expected = (real * p + generated * q) / (p + q)
    known = [i for i, each in enumerate(optimal) if each is not None]
    assert len(known) > 60 and np.allclose(np.array(optimal)[known].astype(float), expected[known])
    low, high = field["steps"][1]["d_range"]
    assert min(outputs) == pytest.approx(low, abs=1e-4) and max(outputs) == pytest.approx(high, abs=1e-4)
    assert len(fake) == 250 and -4 < min(fake) < max(fake) < 4
    between = browser.execute_script("return Array.from(frameOf(run.field, 0, 0.25).fake)")
    ends = [browser.execute_script(f"return Array.from(frameOf(run.field, {i}).fake)") for i in (0, 1)]
    assert np.allclose(between, 0.75 * np.array(ends[0]) + 0.25 * np.array(ends[1]), atol=1e-5)


def test_two_of_many_columns_are_chosen(browser, tmp_path):
    browser.get(field_page(tmp_path, fake_fields.columns()))
    assert len(browser.find_elements("css selector", "#switches input")) == 2  # nothing was recorded of D and G
    assert "Two of 4 columns are drawn." in element(browser, "#switches").text
    before = canvas_pixels(browser)
    browser.execute_script(
        "const one = document.querySelector('#switches select');one.value = 3; one.dispatchEvent(new Event('change'))"
    )
    assert (canvas_pixels(browser) != before).any()
    wait_for(lambda: "columns=3%2C1" in browser.current_url)
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("make", [fake_fields.ring, fake_fields.line, fake_fields.columns])
def test_a_field_fits_a_phone_a_dark_screen_and_paper(browser, tmp_path, make):
    browser.get(field_page(tmp_path, make(3)))
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    width = "const c = document.querySelector('#field canvas'); return [c.width, c.clientWidth]"
    wait_for(lambda: (sizes := browser.execute_script(width)) and sizes[0] == 2 * sizes[1])
    corners = {}
    for media, scheme in (("", "light"), ("", "dark"), ("print", "dark")):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        corners[media, scheme] = element(browser, "figure").value_of_css_property("background-color")
        if media == "print":
            assert not element(browser, "#play").is_displayed() and element(browser, "#field canvas").is_displayed()
    assert corners["", "light"] == corners["print", "dark"] != corners["", "dark"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert browser.get_log("browser") == []


def test_a_hundred_steps_of_points_take_less_than_10_mb():
    field = fake_fields.ring(2)
    assert len(page.page(page.summarize_samples("a", [np.zeros((4, 2))] * 2), [], field=([0, 1], field))) < 2e5
    assert 50 * len(str(field["steps"])) < 2e6


def test_an_image_under_the_pointer_is_shown_larger_and_the_grid_at_full_size(browser, preset_run):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.set_window_size(1280, 900)
    browser.get((preset_run("conv").config.samples_folder / "review.html").absolute().as_uri())
    lens, sheet = element(browser, "#lens"), element(browser, "#sheet")
    assert not lens.is_displayed()
    ActionChains(browser).move_to_element_with_offset(sheet, -5, -5).perform()
    assert lens.is_displayed() and lens.text.startswith("Image ")
    before = lens.text
    press(browser, "HOME")
    wait_for(lambda: lens.text != before)  # the picture beside the pointer follows the step
    ActionChains(browser).move_to_element(element(browser, "#title")).perform()
    assert not lens.is_displayed()
    element(browser, "body").send_keys("f")
    whole = element(browser, "#all img")
    assert whole.is_displayed() and whole.get_attribute("src") == sheet.get_attribute("src")
    assert whole.size["height"] > sheet.size["height"]
    element(browser, "#actual").click()
    natural = browser.execute_script("return document.querySelector('#all img').naturalWidth")
    assert whole.size["width"] == natural
    element(browser, "#all .close").click()
    assert not whole.is_displayed()
    element(browser, "body").send_keys("?")
    assert "slow motion" in element(browser, "#keys").text
    element(browser, "#keys .close").click()
    sheet.send_keys("\n")  # by the keyboard alone
    assert element(browser, "#zoom p").text.startswith("Image 1,")
    element(browser, "#following_image").click()
    assert element(browser, "#zoom p").text.startswith("Image 2,")
    element(browser, "#zoom .close").click()
    assert browser.get_log("browser") == []


def test_what_differs_from_the_preset_comes_first_and_all_is_korean_where_asked(browser, finished):
    address = (finished.config.samples_folder / "review.html").absolute().as_uri()
    browser.get(address)
    assert element(browser, "#changed").text == "Differs from the preset: --epochs 3"
    for query in ("?lang=ko", "#lang=ko"):
        browser.get("about:blank")
        browser.get(address + query)
        assert browser.execute_script("return document.documentElement.lang") == "ko"
        hidden = "return [...document.querySelectorAll('h2,button,figcaption,summary,.legend')].map(e => e.textContent)"
        english = [text for text in browser.execute_script(hidden) if re.search("[a-z]{6}", text)]
        assert english == ["English"]  # the switch to it
    element(browser, "#language").click()
    assert element(browser, "#play").text == "Play" and shown(browser)[0] == "epoch 3"
    assert browser.get_log("browser") == []


def test_of_4000_steps_every_second_opens_and_plays_and_the_page_says_so(browser, tmp_path):
    random = np.random.default_rng(0)
    images = random.random((16, 7, 7, 1), np.float32).repeat(4, 1).repeat(4, 2)
    samples = [images * (i + 1) / 4000 for i in range(4000)]
    summary = {**page.summarize_samples("many", samples), "unit": "step", "sample_steps": [*range(4000)]}
    path = tmp_path / "many.html"
    path.write_bytes(page.page(summary, page.Grids(4000).urls(samples, summary["sample_steps"])))
    browser.get(path.as_uri() + "?lang=en")
    assert shown(browser)[:2] == ("step 3,999", "2000")
    assert "2,001 of 4,000 recorded steps" in element(browser, "#caption").text
    press(browser, "HOME", "SPACE")
    wait_for(lambda: int(shown(browser)[1]) > 5)
    assert browser.get_log("browser") == []
