"""docs/dirac-gan.html in headless Chromium: its numbers are those of NumPy and of closed forms."""

import itertools
import re

import numpy as np
import pytest

from conftest import REPOSITORY

pytestmark = pytest.mark.slow
PAGE = REPOSITORY / "docs" / "dirac-gan.html"


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


# the derivatives by D(theta) of D's loss and of G's
SLOPES = {
    "minimax": (sigmoid, lambda t: -sigmoid(t)),
    "non_saturating": (sigmoid, lambda t: -sigmoid(-t)),
    "wasserstein": (lambda t: 1.0, lambda t: -1.0),
}
# the derivatives by psi of weight * psi^2 / 2 and weight * (|psi| - 1)^2
PENALTIES = {"r1": lambda psi: psi, "wgan_gp": lambda psi: 2 * (psi - np.sign(psi))}


def step(theta, psi, loss, penalty, turns, rate, weight):
    of_d, of_g = SLOPES[loss]
    slope = of_d(theta * psi) * theta + weight * PENALTIES.get(penalty, lambda psi: 0)(psi)
    moved = psi - rate * slope
    if penalty == "clip":
        moved = np.clip(moved, -weight, weight)
    seen = moved if turns == "alternating" else psi
    return theta - rate * of_g(theta * seen) * seen, moved


def settings(loss, penalty, turns, rate=0.2, weight=0.7):
    return {"loss": loss, "penalty": penalty, "turns": turns, "rate": rate, "weight": weight}


TURNS = ("simultaneous", "alternating")
ALL = [settings(*each) for each in itertools.product(SLOPES, ("none", "r1", "wgan_gp", "clip"), TURNS)]


@pytest.fixture
def page(browser):
    """Opens the page; page("code", values) is the value of an expression, with `a` as the list of values."""
    browser.get(PAGE.as_uri() + "?lang=en")
    yield lambda code, *values: browser.execute_script(f"const a = [...arguments]; return {code}", *values)
    assert browser.get_log("browser") == []


def test_its_steps_are_those_of_gradient_descent(page):
    for each in ALL:
        path = [(1.2, -0.8)]
        for _ in range(40):
            path.append(step(*path[-1], **each))
        np.testing.assert_allclose(page("trajectory(a[0], [1.2, -0.8], 40)", each), path, rtol=1e-9, atol=1e-12)


def test_its_eigenvalues_are_those_of_the_step_s_jacobian(page):
    assert page("jacobian(a[0])", settings("minimax", "wgan_gp", "simultaneous")) is None, "there is a kink at 0"
    for each, weight in itertools.product(ALL, (0.05, 0.7, 3.0)):
        if each["penalty"] == "wgan_gp":
            continue
        each = {**each, "weight": weight}
        small = 1e-5  # of central differences
        columns = [
            np.subtract(step(*unit, **each), step(*-unit, **each)) / (2 * small) for unit in small * np.identity(2)
        ]
        expected = np.linalg.eigvals(np.transpose(columns))
        found = [complex(*value) for value in page("eigenvalues(jacobian(a[0]))", each)]
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), atol=1e-6)
        assert abs(found[0]) >= abs(found[1])


def test_it_spirals_outward_circles_and_spirals_inward_as_the_theory_says(page):
    rate, weight = 0.1, 0.3
    size = "Math.hypot(...eigenvalues(jacobian(a[0]))[0])"
    for loss, push in (("minimax", rate / 2), ("non_saturating", rate / 2), ("wasserstein", rate)):
        at_once, in_turn = (settings(loss, "none", turns, rate) for turns in ("simultaneous", "alternating"))
        assert page(size, at_once) == pytest.approx(np.sqrt(1 + push**2), rel=1e-12)
        assert page(size, in_turn) == pytest.approx(1, rel=1e-12)
        at_once, in_turn = (settings(loss, "r1", turns, rate, weight) for turns in ("simultaneous", "alternating"))
        assert page(size, at_once) == pytest.approx(np.sqrt(1 - rate * weight + push**2), rel=1e-12)
        assert page(size, in_turn) == pytest.approx(np.sqrt(1 - rate * weight), rel=1e-12)

    # of the Wasserstein loss, a step is linear: after n steps, (1 + h^2)^(n / 2); in turn, an ellipse
    path = np.array(page("trajectory(a[0], [1, 0.5], 300)", settings("wasserstein", "none", "simultaneous", rate)))
    np.testing.assert_allclose(np.hypot(*path.T), np.hypot(1, 0.5) * (1 + rate**2) ** (np.arange(301) / 2), rtol=1e-9)
    path = np.array(page("trajectory(a[0], [1, 0.5], 300)", settings("wasserstein", "none", "alternating", rate)))
    theta, psi = path.T
    np.testing.assert_allclose(theta**2 + psi**2 - rate * theta * psi, 1.25 - 0.5 * rate, rtol=1e-9)


def test_the_sentence_says_what_the_eigenvalues_are(page):
    for each, *words in (
        (settings("wasserstein", "none", "simultaneous", 0.1), "1.005", "5.71°", "spirals outward"),
        (settings("minimax", "none", "alternating"), "the distance by 1,", "goes round"),
        (settings("non_saturating", "r1", "alternating", 0.2, 0.2), f"{np.sqrt(1 - 0.2 * 0.2):.4f}", "spirals inward"),
        (settings("minimax", "wgan_gp", "simultaneous"), "no equilibrium"),
    ):
        assert all(word in page("sentence(a[0])", each) for word in words)
    for rate, matrix, word in (
        (0.2, [[1 - 0.1**2, 0.1 * 0.4], [-0.1, 0.4]], "comes in without going round"),
        (1, [[1 - 0.5**2, -0.5 * 2], [-0.5, -2]], "runs away"),
    ):
        found = page("sentence(a[0])", settings("non_saturating", "r1", "alternating", rate, 3))
        numbers = re.findall(r"by (\N{MINUS SIGN}?[\d.]+)", found)
        numbers = [float(each.replace("\N{MINUS SIGN}", "-")) for each in numbers]
        np.testing.assert_allclose(sorted(numbers), np.sort(np.linalg.eigvals(matrix)), rtol=1e-3)
        assert word in found


def start(page):
    return page("settings.start")


def test_its_starting_point_is_dragged_clicked_and_moved_by_keys(page, browser):
    from selenium.webdriver import ActionChains, Keys

    handle, plot = (browser.find_element("css selector", name) for name in ("#start .ring", "#phase"))
    before, path = start(page), page("done.getAttribute('d')")
    ActionChains(browser).click_and_hold(handle).move_by_offset(60, 0).release().perform()
    right = 60 / plot.rect["width"] * 560 / 510 * 6
    assert (
        start(page) == pytest.approx([before[0] + right, before[1]], abs=0.05)
        and page("done.getAttribute('d')") != path
    )
    browser.find_element("css selector", "#start").send_keys(Keys.ARROW_UP, Keys.SHIFT, Keys.ARROW_LEFT)
    assert start(page) == pytest.approx([before[0] + right - 0.5, before[1] + 0.1], abs=0.05)
    assert page("document.activeElement.id") == "start"
    assert re.fullmatch("theta .*, psi .*", page("document.activeElement.getAttribute('aria-valuetext')"))
    ActionChains(browser).move_to_element_with_offset(plot, 100, -100).click().perform()
    assert start(page) == pytest.approx([1.0, 1.3], abs=0.3)
    page("(at_ => { at_.value = 7; at_.dispatchEvent(new Event('input')); })(document.getElementById('at'))")
    assert page("place.value") == "step 7" and page("points[at]") == pytest.approx(page("points[7]"))


def test_its_address_keeps_the_settings_and_a_wrong_one_is_left_out(page):
    found, at = page("remembered('loss=wasserstein&penalty=r1&turns=alternating&rate=0.5&weight=2&start=1,-2&step=9')")
    assert found == {**settings("wasserstein", "r1", "alternating", 0.5, 2), "start": [1, -2]} and at == 9
    found, at = page("remembered('loss=__proto__&penalty=x&turns=&rate=-1&weight=1e9&start=1,x&step=-1')")
    assert found == {"weight": 3} and at == 500
    page("(() => { location.hash = ''; update(EXAMPLES.inward); })()")
    address = page("new Promise(done => setTimeout(() => done(location.hash), 600))")
    assert address.startswith("#loss=non_saturating&penalty=r1")


def test_all_examples_fit_a_phone_in_both_languages(page, browser):
    for language, width in itertools.product(("en", "ko"), (1280, 360)):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(f"{PAGE.as_uri()}?lang={language}")
        seen = set()
        for button in browser.find_elements("css selector", "#presets button"):
            button.click()
            assert button.get_attribute("aria-pressed") == "true"
            assert page("document.documentElement.scrollWidth") <= width
            text = browser.find_element("css selector", "body").text
            assert not re.search(r"undefined|NaN|null|\{", text)
            assert bool(re.search("[가-힣]", text.replace("한국어", ""))) == (language == "ko")
            seen.add(browser.find_element("css selector", "#verdict").text)
        assert len(seen) == 7


def test_it_needs_no_network_and_each_word_has_both_languages(page):
    text = PAGE.read_text()
    assert not re.search(r"src=|@import|url\((?!#)|<link|fetch\(|XMLHttp", text)
    assert re.findall(r'href="([^"]*)"', text) == ["https://arxiv.org/abs/1801.04406"]
    assert all(len(words) == 2 and all(words) for words in page("WORDS").values())
    for each in page("Object.values(WORDS).map(([en, ko]) => [en, ko].map(text => text.match(/\\{\\w+\\}/g) || []))"):
        assert sorted(each[0]) == sorted(each[1])
