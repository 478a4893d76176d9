"""The page of `compare` in headless Chromium: one slider moves all runs, over steps or seconds."""

import shutil
import time

import pytest

from conftest import rewrite
from tfgan_v1.report import compare
from tfgan_v1.storage import records

pytestmark = pytest.mark.slow
LIMIT = 30  # seconds that the browser may take; the machine may be busy


@pytest.fixture(scope="module")
def pages(finished, tmp_path_factory):
    """The addresses of comparisons: of three runs, the second slower and shorter; of a run and seeds; of seeds."""
    parent = tmp_path_factory.mktemp("compared")

    def copy(name, seed=0, d_loss=None, **changes):
        folder = shutil.copytree(finished.config.samples_folder, parent / name)
        options = {"--seed": str(seed)} | changes.pop("options", {})

        def change(summary):
            for row in summary["configuration"]:
                row[1] = options.get(row[0], row[1])
            summary.update(changes)

        rewrite(folder / "review.json", change)
        rows = [row._replace(seconds=row.step / 10, d_loss=d_loss or row.d_loss) for row in finished.losses]
        records.write_table(folder / "losses.csv", records.LOSSES_HEADERS[False], rows)
        return folder

    copy("first", options={"--d-lr": "0.5"})
    wrong = {"x": 1.5, "end": 2.0, "kind": "collapse", "numbers": {}}  # in epochs
    slow = copy("slow", sample_steps=[0, 17, 34], diagnosis=[wrong])
    rows = [row._replace(seconds=row.step / 5, d_loss=0.25) for row in finished.losses[:2]]
    records.write_table(slow / "losses.csv", records.LOSSES_HEADERS[False], rows)
    copy("third")
    for seed, d_loss in ((1, 0.5), (2, 0.25), (3, 1.0)):
        copy(f"ring-seed-{seed}", seed, d_loss)
    urls = []
    for places in (["first", "slow", "third"], ["first", "ring"], ["ring"]):
        compare.write(compare.load(places, parent), parent / f"{len(places)}{places[0]}.html")
        urls.append((parent / f"{len(places)}{places[0]}.html").as_uri())
    return urls


def element(browser, name):
    return browser.find_element("css selector", name)


def texts(browser, name):
    return [each.text for each in browser.find_elements("css selector", name)]


def press(browser, *keys):
    from selenium.webdriver.common.keys import Keys

    element(browser, "body").send_keys(*(getattr(Keys, key, key) for key in keys))


def wait_for(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_slider_keys_and_the_switch_move_all_runs(browser, pages):
    browser.get(pages[0])
    images = [each.get_attribute("src") for each in browser.find_elements("css selector", "#panels img")]
    assert texts(browser, "#panels h2") == ["first", "slow", "third"] and images[0] == images[2] != images[1]
    assert element(browser, "#place").text == "step 51"
    at = texts(browser, "#panels .place")
    assert at == ["step 51 · epoch 3 · 5.1 s", "step 34 · epoch 2 · 6.8 s · ended", "step 51 · epoch 3 · 5.1 s"]
    assert "same noise" in element(browser, "#notes").text
    assert element(browser, "#panels img").get_attribute("alt").startswith("first, step 51: 16 generated images")

    assert "collapse" in element(browser, "#panels figure:nth-child(2) .why").text
    assert [len(each) > 0 for each in texts(browser, "#panels .why")] == [False, True, False]

    seen = []
    for key in ("ARROW_LEFT", "HOME", "ARROW_LEFT", "ARROW_RIGHT", "END"):
        press(browser, key)
        seen.append(element(browser, "#place").text)
    assert seen == ["step 34", "step 0", "step 0", "step 17", "step 51"]
    browser.execute_script("slider.value = 1; slider.dispatchEvent(new Event('input'))")
    assert {each.split(" ·")[0] for each in texts(browser, "#panels .place")} == {"step 17"}
    markers = [each.get_attribute("data-marker") for each in browser.find_elements("css selector", "#curves figure")]
    assert markers == ["17"] * 4

    press(browser, "t")  # by time: the slow run is behind; at 3.4 s, it has done 17 steps, the others 34
    assert element(browser, "[value=seconds]").is_selected() and element(browser, "#place").text == "1.7 s"
    press(browser, "ARROW_RIGHT")
    assert element(browser, "#place").text == "3.4 s"
    assert [each.split(" ·")[0] for each in texts(browser, "#panels .place")] == ["step 34", "step 17", "step 34"]
    element(browser, "[value=steps]").click()
    assert element(browser, "#place").text == "step 34"
    press(browser, "HOME", "SPACE")
    wait_for(lambda: element(browser, "#place").text == "step 51")
    element(browser, "#panels img").click()  # in its middle, of 4x4 images
    assert element(browser, "#zoom p").text == "Image 6, first, step 51 · epoch 3 · 5.1 s"
    element(browser, "#zoom canvas").click()
    element(browser, "#curves svg").click()  # in the middle: step 25 of 0 to 51
    assert element(browser, "#place").text in ("step 17", "step 34")
    assert browser.get_log("browser") == []


def test_tables_show_the_last_numbers_and_only_the_options_that_differ(browser, pages):
    browser.get(pages[0])
    assert texts(browser, "#options tr") == ["first slow third", "--d-lr 0.5 0.002 0.002"]
    rows = texts(browser, "#numbers tr")
    assert rows[1].split()[:2] == ["Discriminator", "loss"] and rows[1].split()[3] == "0.25"
    assert rows[3:] == ["Steps 51 34 51", "Training time 5.1 s 6.8 s 5.1 s"]
    assert texts(browser, "#panels .options") == ["--d-lr 0.5", "--d-lr 0.002", "--d-lr 0.002"]
    browser.get(pages[2])
    assert texts(browser, "#options tr") == ["ring", "--seed 1, 2, 3"]


def test_seeds_have_one_panel_with_a_choice_or_one_each_and_a_band(browser, pages):
    browser.get(pages[1])
    assert texts(browser, "#panels select option") == ["seed 1", "seed 2", "seed 3"]
    assert "The seeds differ" in element(browser, "#notes").text
    assert texts(browser, "#curves .legend span")[1].startswith("ring, median of 3 seeds ")
    assert len(browser.find_elements("css selector", "#curves path.band.c1")) == 4
    element(browser, "#panels select option:nth-child(2)").click()
    wait_for(lambda: "run1=1" in browser.execute_script("return location.hash"))
    press(browser, "HOME")
    assert element(browser, "#panels select").get_attribute("value") == "2"
    browser.get(pages[2])
    assert texts(browser, "#panels h2") == ["ring-seed-1", "ring-seed-2", "ring-seed-3"]
    bands = browser.find_elements("css selector", "#curves path.band.c0")
    height = browser.execute_script("return arguments[0].getBBox().height", bands[0])
    assert len(bands) == 4 and 88 < height < 94  # from 0.25 to 1, of 168 pixels from 0 to 2 log 2
    assert texts(browser, "#curves .legend span")[0] == "ring, median of 3 seeds 0.5"
    assert browser.get_log("browser") == []


def test_the_page_fits_speaks_korean_and_keeps_its_place(browser, pages):
    for width in (1280, 360):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for url in pages:
            browser.get("about:blank")
            browser.get(f"{url}?lang=ko")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            panels = [each.rect for each in browser.find_elements("css selector", "#panels figure")]
            assert panels[0]["y"] == panels[1]["y"] and all(each["width"] >= 140 for each in panels)
            assert element(browser, "#place").text == "스텝 51" and element(browser, "#play").text == "재생"
            controls = element(browser, ".bar").rect  # in sight, wherever the page is scrolled to
            assert browser.execute_script("return scrollY") == 0 and controls["y"] + controls["height"] <= 900
    element(browser, "#language").click()
    assert element(browser, "#place").text == "step 51" and element(browser, "html").get_attribute("lang") == "en"
    press(browser, "HOME", "t")
    wait_for(lambda: "by=seconds" in browser.execute_script("return location.hash"))
    browser.refresh()
    assert element(browser, "[value=seconds]").is_selected() and element(browser, "#place").text == "0 s"
    assert element(browser, "html").get_attribute("lang") == "en"
    element(browser, "#help").click()
    assert "steps or time" in element(browser, "#keys").text
    assert browser.get_log("browser") == []


def test_points_are_drawn_with_layers_and_slow_motion(browser, preset_run, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(preset_run("gaussian").config.samples_folder, tmp_path / name)
    compare.write(compare.load(["a", "b"], tmp_path), tmp_path / "compare.html")
    browser.get((tmp_path / "compare.html").as_uri())
    pictures = "return [...document.querySelectorAll('#panels canvas')].map(each => each.toDataURL())"
    last = browser.execute_script(pictures)
    assert len(last) == 2 and last[0] == last[1] and len(set(last[0])) > 10
    assert not element(browser, "#panels img").is_displayed() and "KL" in element(browser, "#panels .numbers").text
    press(browser, "1")  # without real points
    assert browser.execute_script(pictures)[0] != last[0]
    press(browser, "1")
    assert browser.execute_script(pictures) == last
    titles = texts(browser, "#curves h2")
    assert "KL divergence" in titles and "G's gradient" in titles
    press(browser, "HOME", "s", "SPACE")
    wait_for(lambda: element(browser, "#between").is_displayed())
    press(browser, "SPACE")
    moving = browser.execute_script(pictures)[0]
    press(browser, "HOME")
    assert browser.execute_script(pictures)[0] not in (moving, last[0])
    assert "slow" in browser.execute_script("return stateOfPage().flat().join()")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.refresh()
    first, second = (each.rect for each in browser.find_elements("css selector", "#panels figure"))
    assert second["y"] >= first["y"] + first["height"] and first["width"] > 300  # one above the other
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    assert browser.get_log("browser") == []
