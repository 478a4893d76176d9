"""The page draws what the Generator does, in headless Chromium, and everything on it can be moved, read and saved."""

import base64
import io
import json
import re
import time

import numpy as np
import pytest
from PIL import Image

import export_runs
from operation_graphs import GRAPHS, described
from tfgan_v1 import Generator, UserError, export
from tfgan_v1.exporting import page
from tfgan_v1.exporting.formats import FORMATS
from tfgan_v1.exporting.operations import Network
from tfgan_v1.gan.models import MODELS
from tfgan_v1.report.images import as_bytes

pytestmark = pytest.mark.slow
LIMIT, WITHIN, WITHIN_HALF = 60, 1e-4, 0.02  # seconds; largest differences of images
NAMES = ("</script><script>alert(1)</script>", "b<i>&amp;</i>", "고양이 {title}")


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """(a Run, options of export) -> (the page's address, the run's Config)."""

    def make(run, **options):
        parent = tmp_path_factory.mktemp("page")
        config = export_runs.make(parent / "run", run)
        export(config.ckpt_folder, parent / "to", formats=["page"], **options)
        return (parent / "to" / "generator.html").as_uri(), config

    return make


@pytest.fixture(scope="session")
def conditional(page_of):
    return page_of(export_runs.Run("tuned", classes=NAMES))


@pytest.fixture
def opened(browser):
    """Opens a page, with words after its address; at the end, the browser may have no complaint."""

    def open_page(address, words="?lang=en"):
        browser.get(address + words)
        ready(browser)
        return browser

    yield open_page
    assert browser.get_log("browser") == []


def ready(browser):
    deadline = time.monotonic() + LIMIT
    while browser.execute_script("return document.body.dataset.ready") != "true":
        assert time.monotonic() < deadline, browser.get_log("browser")
        time.sleep(0.02)


def element(browser, name):
    return browser.find_element("css selector", name)


def call(browser, script, *arguments):
    return np.array(browser.execute_script(f"return {script}", *arguments), np.float32)


def move(browser, name, value):
    """Moves a slider or chooses what a select has."""
    script = "arguments[0].value = arguments[1]; for (const name of ['input', 'change']) "
    script += "arguments[0].dispatchEvent(new Event(name))"
    browser.execute_script(script, element(browser, name), value)
    ready(browser)


def press(browser, name, *keys):
    from selenium.webdriver.common.keys import Keys

    element(browser, name).send_keys(*(getattr(Keys, key) for key in keys))
    ready(browser)


def click(browser, name):
    browser.execute_script("arguments[0].click()", element(browser, name))
    ready(browser)


def text(browser, name="#described"):
    return browser.execute_script("return arguments[0].textContent", element(browser, name))


@pytest.fixture(scope="session")
def any_page(page_of):
    return page_of(export_runs.Run("mlp"))


RUN = """(([operations, weights, inputs, noise]) => {
  for (const each of Object.values(weights)) each.data = Float64Array.from(each.data);
  const run = prepare(operations, weights, inputs, "images");
  return noise.map(each => Array.from(run({noise: each})));
})(arguments)"""


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_operation_calculates_what_tensorflow_does(any_page, browser, graph):
    if not browser.current_url.startswith(any_page[0]):
        browser.get(any_page[0])
    network, noise, right = described(GRAPHS[graph][1])
    weights = {name: {"shape": each.shape, "data": each.ravel().tolist()} for name, each in network.weights.items()}
    given = json.loads(json.dumps([network.operations, weights, {"noise": [-1, 60]}, noise.tolist()]))
    result = call(browser, RUN, *given)
    assert result.shape == (5, right[0].size) and np.allclose(result, right.reshape(5, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", export_runs.RUNS)
def test_a_seed_s_noise_class_and_image_are_those_of_the_generator(exports, browser, name):
    to, inputs, images = exports(name)
    browser.get((to / "generator.html").as_uri())
    seeds = [*export_runs.SEEDS]
    z = call(browser, "arguments[0].map(seed => Array.from(seedNoise(seed)))", seeds)
    normal = export_runs.RUNS[name].model in ("tuned", "dcgan_upsample", "points")
    assert np.abs(z - inputs["noise"]).max() < 1e-5 if normal else np.array_equal(z, inputs["noise"])
    if "labels" in inputs:
        assert np.array_equal(call(browser, "arguments[0].map(seedClass)", seeds), inputs["labels"].argmax(1))
    result = call(browser, "arguments[0].map(seed => Array.from(draw([[seed, 1]])))", seeds)
    assert np.abs(result - images.reshape(len(seeds), -1)).max() < WITHIN
    assert browser.get_log("browser") == []


def test_these_are_all_presets():
    assert {run.model for run in export_runs.RUNS.values()} == {*MODELS}


@pytest.mark.parametrize("distribution", page.DISTRIBUTIONS)
def test_the_largest_seeds_have_the_generator_s_noise(page_of, opened, distribution):
    seeds = [2**30 + 1, 2**32 - 1]
    address, config = page_of(export_runs.Run("mlp", options={"noise": distribution, "noise_size": 7}))
    with Generator.restore(config.ckpt_folder) as generator:
        right = generator.latents(seeds)
    assert np.abs(call(opened(address), "arguments[0].map(s => Array.from(seedNoise(s)))", seeds) - right).max() < 1e-6


@pytest.mark.parametrize("run", [export_runs.RUNS["tuned odd"], export_runs.Run("mlp", classes=export_runs.ABC)])
def test_weights_of_16_bits_halve_the_page_and_hardly_change_an_image(page_of, opened, run):
    (address, config), (whole, _) = page_of(run, float16=True), page_of(run)
    sizes = [len(re.search(r'id="weights">(.*?)</script>', read(each))[1]) for each in (address, whole)]
    assert abs(sizes[1] - 2 * sizes[0]) < 8
    with Generator.restore(config.ckpt_folder) as generator:
        right = generator(range(8))
    result = call(opened(address), "[...Array(8).keys()].map(seed => Array.from(draw([[seed, 1]])))")
    assert 0 < np.abs(result - right.reshape(8, -1)).max() < WITHIN_HALF


def read(address):
    from urllib.parse import unquote, urlparse

    with open(unquote(urlparse(address).path), encoding="utf-8") as file:
        return file.read()


def shown(browser):
    return call(browser, "Array.from(current)")


def test_the_pad_walks_between_the_noise_of_four_seeds(conditional, opened):
    address, config = conditional
    browser = opened(address)
    with Generator.restore(config.ckpt_folder) as generator:
        images, z = generator(range(4)).reshape(4, -1), generator.latents(range(4))
        labels = generator.labels(generator.seed_classes(range(4)), 4)

        def right(weights):
            return generator.from_latents(np.float32([weights]) @ z, np.float32([weights]) @ labels).ravel()

        assert text(browser).startswith("seed 0, class ") and np.abs(shown(browser) - images[0]).max() < WITHIN
        press(browser, "#pad", *["ARROW_RIGHT"] * 5, "ARROW_DOWN")
        assert text(browser) == "71 % seed 0, 24 % seed 1, 4 % seed 2, 1 % seed 3"
        weights = np.outer([0.95, 0.05], [0.75, 0.25]).ravel()
        assert np.abs(shown(browser) - right(weights)).max() < WITHIN
        assert element(browser, "#pad").get_attribute("aria-valuetext") == text(browser)
        rect = browser.execute_script("return document.getElementById('pad').getBoundingClientRect().toJSON()")
        events = """for (const type of ['pointerdown', 'pointermove']) document.getElementById('pad').dispatchEvent(
          new PointerEvent(type, {clientX: arguments[0], clientY: arguments[1], pointerId: 1, buttons: 1}))"""
        browser.execute_script("Element.prototype.setPointerCapture = () => {}")
        browser.execute_script(events, rect["right"], rect["bottom"])
        ready(browser)
        assert text(browser).startswith("seed 3, class ") and np.abs(shown(browser) - images[3]).max() < WITHIN
        browser.execute_script(events, rect["x"] + rect["width"] / 2, rect["y"] + rect["height"] / 2)
        assert np.abs(shown(browser) - right([0.25] * 4)).max() < WITHIN
        move(browser, "#corner_3", 9)
        press(browser, "#pad", *["ARROW_RIGHT"] * 20, *["ARROW_DOWN"] * 20)
        assert text(browser).startswith("seed 9")
        assert np.abs(shown(browser) - generator([9]).ravel()).max() < WITHIN


def test_sliders_move_along_the_directions_and_truncate(page_of, opened):
    address, config = page_of(export_runs.RUNS["tuned odd"])
    browser = opened(address)
    directions = call(browser, "directions")
    assert directions.shape == (page.NUM_DIRECTIONS, 64)
    assert np.allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-4)
    with Generator.restore(config.ckpt_folder) as generator:
        z = generator.latents([0])[0]
        move(browser, "#direction_2", 1.5)
        assert text(browser) == "seed 0 (varied)"
        right = generator.from_latents([z + 1.5 * directions[2]])
        assert np.abs(shown(browser) - right.ravel()).max() < WITHIN
        move(browser, "#truncation", 0.5)
        right = generator.from_latents([z / 2 + 1.5 * directions[2]])
        assert np.abs(shown(browser) - right.ravel()).max() < WITHIN
        assert element(browser, "#direction_2").get_attribute("aria-valuetext") == "1.50 standard deviations"
        click(browser, "#reset")
        assert text(browser) == "seed 0" and np.abs(shown(browser) - generator([0]).ravel()).max() < WITHIN


def test_uniform_noise_is_scaled_to_its_mean(page_of, opened):
    address, config = page_of(export_runs.Run("conv"))
    browser = opened(address)
    with Generator.restore(config.ckpt_folder) as generator:
        z = generator.latents([0])
        move(browser, "#truncation", 0.25)
        assert np.abs(shown(browser) - generator.from_latents(0.5 + (z - 0.5) / 4).ravel()).max() < WITHIN


def test_directions_are_the_singular_vectors_of_the_first_dense_layer():
    random = np.random.default_rng(0)
    kernel = random.standard_normal((5, 9)).astype(np.float32)
    operations = [
        {"operation": "matmul", "inputs": ["labels", "class"], "output": "x1"},
        {"operation": "concat", "inputs": ["noise", "x1"], "output": "x2", "parameters": {"axis": 1}},
        {"operation": "matmul", "inputs": ["x2", "dense"], "output": "images"},
    ]
    class_kernel = random.standard_normal((2, 2)).astype(np.float32)
    found = page.directions(Network(operations, {"class": class_kernel, "dense": kernel}), 3)
    changes = np.linalg.norm(found @ kernel[:3], axis=1)
    assert np.allclose(changes, np.linalg.svd(kernel[:3])[1], rtol=1e-5) and (np.diff(changes) < 0).all()
    assert all(row[np.abs(row).argmax()] > 0 for row in found)
    assert page.directions(Network(operations[:1], {"class": class_kernel}), 3).shape == (0, 3)


def test_a_class_is_picked_two_are_mixed_and_their_names_are_only_text(conditional, opened):
    address, config = conditional
    browser = opened(address)
    chips = browser.find_elements("css selector", "#chips span")
    assert [each.get_attribute("textContent") for each in chips] == ["of the seed", *NAMES]
    assert len(browser.find_elements("css selector", "script")) == 7
    with Generator.restore(config.ckpt_folder) as generator:
        click(browser, "#chips label:nth-child(3) input")
        assert text(browser) == f"seed 0, class {NAMES[1]}"
        assert np.abs(shown(browser) - generator([0], NAMES[1]).ravel()).max() < WITHIN
        move(browser, "#second", 2)
        move(browser, "#share", 30)
        assert text(browser, "#classes output") == "30 %"
        right = generator.from_latents(generator.latents([0]), [[0, 0.7, 0.3]])
        assert np.abs(shown(browser) - right.ravel()).max() < WITHIN


def cell_pixels(browser, index):
    script = "(c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data))(arguments[0])"
    canvas = browser.find_elements("css selector", "#grid canvas")[index]
    return call(browser, script, canvas).reshape(-1, 4)[:, :3]


def test_the_grid_shows_seeds_and_a_click_takes_one(page_of, opened):
    address, config = page_of(export_runs.RUNS["dcgan color"])
    browser = opened(address)
    with Generator.restore(config.ckpt_folder) as generator:
        right = as_bytes(generator(range(200, 232))).reshape(32, -1, 3).astype(int)
    move(browser, "#first", 200)
    labels = [each.get_attribute("textContent") for each in browser.find_elements("css selector", ".cell")]
    assert labels == [str(seed) for seed in range(200, 232)]
    for index in (0, 31):
        assert np.abs(cell_pixels(browser, index) - right[index]).max() <= 1
    click(browser, ".cell:nth-child(6)")
    assert text(browser) == "seed 205" and element(browser, "#corner_0").get_attribute("value") == "205"
    assert element(browser, ".cell:nth-child(6)").get_attribute("aria-pressed") == "true"
    click(browser, "#previous")
    click(browser, "#next")
    assert text(browser, ".cell:nth-child(1) span") == "200"
    move(browser, "#first", 2**32 + 5)
    assert text(browser, ".cell:nth-child(32) span") == str(2**32 - 1)


def test_an_image_and_the_grid_are_saved_as_png(page_of, opened):
    address, config = page_of(export_runs.RUNS["conv color"])
    browser = opened(address)
    browser.execute_script(
        "HTMLAnchorElement.prototype.click = function () { window.saved = [this.download, this.href]; }"
    )
    with Generator.restore(config.ckpt_folder) as generator:
        right = as_bytes(generator(range(32))).astype(int)

    def saved(button):
        click(browser, button)
        name, url = browser.execute_script("return saved")
        return name, np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")).astype(
            int
        )

    name, image = saved("#save")
    assert name == "seed-0.png" and image.shape == (42 * 8, 42 * 12, 3)
    assert np.abs(image[::42, ::42] - right[0]).max() <= 1
    name, grid = saved("#save_grid")
    assert name == "seeds-0-31.png"
    grid = grid[:: grid.shape[0] // 38, :: grid.shape[1] // 110]  # 4 x 8 images of 8x12 with gaps of 2 pixels
    assert grid.shape == (38, 110, 3) and np.abs(grid[10:18, 14:26] - right[9]).max() <= 1 and (grid[8] == 255).all()


def test_points_are_a_histogram_that_shows_their_density(exports, opened):
    to, _, _ = exports("gaussian")
    browser = opened((to / "generator.html").as_uri())
    cloud = call(browser, "cloud")
    assert cloud.shape == (2000, 1) and np.array_equal(call(browser, "cloud[9]"), call(browser, "draw([[9, 1]])"))
    assert len(element(browser, "#grid").find_elements("css selector", "strong")) == 16
    assert not element(browser, "#save_grid").is_displayed() and not element(browser, "#pair").is_displayed()
    assert "Plot of 2,000 generated points" in element(browser, "#image").get_attribute("aria-label")


def test_points_of_many_columns_are_pairs_of_columns(exports, opened):
    to, _, images = exports("points classes")
    browser = opened((to / "generator.html").as_uri())
    cloud = call(browser, "cloud")
    assert cloud.shape == (2000, 5) and np.abs(cloud[[*export_runs.SEEDS]] - images).max() < WITHIN
    assert len(browser.find_elements("css selector", "#pair option")) == 10
    picture = "return document.getElementById('image').toDataURL()"
    before = browser.execute_script(picture)
    move(browser, "#pair select", "2,4")
    assert browser.execute_script(picture) != before and browser.execute_script("return state.pair") == [2, 4]
    move(browser, "#pair select", "0,1")
    assert browser.execute_script(picture) == before


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_the_page_fits_every_width_and_each_control_has_a_name(conditional, opened, width):
    browser = opened(conditional[0])
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    for each in browser.find_elements("css selector", "button, input, select, [role]"):
        assert each.accessible_name or (each.get_attribute("id") == "" and not each.is_displayed()), each.get_attribute(
            "outerHTML"
        )


def test_the_language_is_that_of_the_address_and_of_the_button(conditional, opened):
    browser = opened(conditional[0], "?lang=ko")
    assert text(browser).startswith("시드 0") and text(browser, "#walk_title") == "네 시드 사이 걷기"
    click(browser, "#language")
    assert text(browser).startswith("seed 0") and element(browser, "html").get_attribute("lang") == "en"
    names = "const names = each => Object.keys(WORDS[each]).sort().join(); return [names('en'), names('ko')]"
    assert len({*browser.execute_script(names)}) == 1


def test_the_page_needs_nothing_else_and_says_who_made_it(any_page):
    content = read(any_page[0])
    assert '<meta name="generator" content="tfgan_v1">' in content
    assert not re.search(
        r"""(src|href)=["']|@import|url\(|fetch\(|https?://""", content.partition('<script type="application/json"')[0]
    )
    assert "{{" not in content


def test_what_the_page_cannot_express_is_one_sentence(command, page_of, tmp_path, monkeypatch):
    config = page_of(export_runs.Run("mlp"))[1]
    flags = ("export", "--ckpt", config.ckpt_folder, "--to", tmp_path / "to")
    code, _, err = command(*flags, "--format", "npz", "--float16")
    assert (code, err.count("\n")) == (2, 1) and "--float16 is for the format page" in err
    monkeypatch.setattr(page, "DISTRIBUTIONS", ("normal",))
    code, _, err = command(*flags, "--format", "page")
    assert (code, err.count("\n")) == (2, 1) and "the page draws noise that is normal" in err
    assert not (tmp_path / "to").exists()


def test_a_weight_too_large_for_16_bits_is_one_sentence(page_of, tmp_path, monkeypatch):
    config = page_of(export_runs.Run("mlp"))[1]
    describe = page.operations.describe_trained

    def large(trained):
        network, inputs = describe(trained)
        return Network(network.operations, {name: each * 1e6 for name, each in network.weights.items()}), inputs

    monkeypatch.setattr(page.operations, "describe_trained", large)
    with pytest.raises(UserError, match=r"too large for --float16; .*--format saved_model,onnx"):
        export(config.ckpt_folder, tmp_path / "to", formats=["page"], float16=True)
    assert FORMATS["page"].write is page.write
