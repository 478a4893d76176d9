"""What the tests share: no network, no files of the user's, and one small run to look at."""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from small_runs import small_config
from tfgan_v1 import Config, cli, data, streams
from tfgan_v1.data import datasets, published
from tfgan_v1.report import plots

REPOSITORY = Path(__file__).parents[1]
FIGURE_PNG = plots.figure_png
REAL_DATA = os.environ.get("TFGAN_DATA")
THOROUGH = bool(os.environ.get("TFGAN_THOROUGH"))  # more kills, damaged files and systems than fit into 15 minutes


def thorough(*case):
    """A case of a parametrized test for which 15 minutes have no room: it is left out unless TFGAN_THOROUGH is set."""
    return pytest.param(*case, marks=pytest.mark.thorough)


needs_mnist = pytest.mark.skipif(
    not REAL_DATA or not Path(REAL_DATA, "mnist").is_dir(), reason="TFGAN_DATA names no folder with MNIST in it"
)


def pytest_collection_modifyitems(items):
    """Leaves out what is thorough. Every test in tests/robustness is a slow one: many kills and damaged files."""
    items[:] = [item for item in items if THOROUGH or not item.get_closest_marker("thorough")]
    for item in items:
        if "robustness" in item.path.parts:
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter):
    """Prints the summaries of tests that call record_property("summary", ...): what they tried, and the outcome."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "summary":
                terminalreporter.write_line(value)


@pytest.fixture(scope="session", autouse=True)
def _sigint():
    """SIGINT has its usual effect here and in what the tests start; the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _nothing_from_outside(tmp_path_factory):
    """Hides the user's data sets, cache and network from the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))  # where pooch.os_cache looks
        patch.delenv("TFGAN_DATA", raising=False)
        patch.setattr(published, "fetch", lambda *_: (None, "the tests use no network"))
        yield


@pytest.fixture(autouse=True)
def _command_line_words():
    """Errors name flags, as the command line's; test_python_words.py tests those of Python."""
    with streams.speaking(flags=True):
        yield


@pytest.fixture
def quick_plots(request, monkeypatch):
    """Plots take half the time of a small run. So they are drawn only where a test looks at them: marked as `plots`."""
    if not request.node.get_closest_marker("plots"):
        monkeypatch.setattr(plots, "figure_png", lambda figure: b"a plot")


@pytest.fixture
def digits_config(tmp_path, quick_plots):
    """Makes configurations of short runs on the embedded digits, 17 steps an epoch, without the time to compile."""

    def make(name="run", **options):
        folders = {"ckpt": str(tmp_path / name / "checkpoints"), "samples": str(tmp_path / name / "samples")}
        return Config(**{"dataset": "digits", "epochs": 3, "xla": "off", **folders, **options})

    return make


@pytest.fixture
def small(tmp_path, quick_plots):
    """Makes configurations of runs of six steps on 40 random images of 8x8: see small_runs.small_config."""
    return lambda name="run", *args, **options: small_config(tmp_path / name, *args, **options)


@pytest.fixture(scope="session")
def preset_run(tmp_path_factory):
    """A preset -> the Progress of a small run of it, on images in color. Tests only read in its folders."""
    from tfgan_v1 import train

    @functools.cache
    def run(model):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plots, "figure_png", FIGURE_PNG)  # which the first test to ask may have replaced
            return train(small_config(tmp_path_factory.mktemp(model) / "run", model, 3))

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The Progress of a finished run of three epochs on digits. Tests only read in its folders."""
    from tfgan_v1 import train

    folder = tmp_path_factory.mktemp("finished")
    return train(Config(dataset="digits", epochs=3, ckpt=folder / "checkpoints", samples=folder / "samples"))


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """A name in export_runs.RUNS -> (the folder of its export, the inputs by name, the Generator's images of them)."""
    import export_runs
    from tfgan_v1 import Generator, export

    @functools.cache
    def make(name):
        parent = tmp_path_factory.mktemp("exports") / f"{name} [1]*"
        config = export_runs.make(parent / "run", export_runs.RUNS[name])
        assert export(config.ckpt_folder, parent / "to").formats[:4] == ("saved_model", "onnx", "npz", "page")
        with Generator.restore(config.ckpt_folder) as generator:
            inputs = {"noise": generator.latents(export_runs.SEEDS)}
            if generator.classes:
                names = generator.seed_classes(export_runs.SEEDS)
                inputs["labels"] = generator.labels(names, len(names))
            return parent / "to", inputs, generator(export_runs.SEEDS)

    return make


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium, one for all tests; without it and its driver, they are skipped."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("there is no chromium with its chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", "lang=en"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_script_timeout(30)  # seconds; the machine may be busy
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium):
    """The browser with an empty page, 1280 pixels wide, and no messages of earlier pages."""
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.set_window_size(1280, 900)
    chromium.get_log("browser")
    yield chromium
    chromium.get("about:blank")  # a page that follows a run would go on behind all later tests


@pytest.fixture
def command(capsys):
    """Runs a command line in this process: command("train", "--epochs", 3) -> (exit code, stdout, stderr)."""

    def run(*argv):
        capsys.readouterr()
        code = cli.main([str(each) for each in argv], program="train.py" if argv[0] == "train" else "sample.py")
        return code, *capsys.readouterr()

    return run


def replace_files(monkeypatch, name, files):
    """Gives the row of a published data set other files: their addresses and checksums."""
    row = datasets._published(data.DATASETS[name].license, files)
    monkeypatch.setitem(data.DATASETS, name, row)


@contextmanager
def mounted(folder, *flags):
    """A folder with something mounted on it, for as long as this lasts; where that is not possible, no test."""
    folder.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", *flags, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a mount takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def rewrite(path, change):
    """Changes what one of our JSON files holds, a dict, in a way that its checksum does not tell."""
    from tfgan_v1 import files

    content = json.loads(path.read_text())
    del content["sha256"]
    change(content)
    path.write_text(files.to_json(content))


def tensors(prefix):
    """The bytes of every tensor of a checkpoint."""
    from tfgan_v1._tensorflow import tf

    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name).tobytes() for name in reader.get_variable_to_shape_map()}


def outcome(config):
    """Everything that two equal runs must share to the bit."""
    from tfgan_v1.storage import checkpoints

    rows = list(csv.reader((config.samples_folder / "losses.csv").open()))
    state = checkpoints.newest_state(config.ckpt_folder)
    generator = checkpoints.newest_generator(config.ckpt_folder)
    return {
        "steps": (state.step, generator.step),
        "state": tensors(state.prefix),
        "generator": tensors(generator.prefix),
        "samples": (config.samples_folder / "train_samples.pkl").read_bytes(),
        "fixed noise": fixed.read_bytes() if (fixed := config.samples_folder / "fixed_noise.pkl").exists() else None,
        "losses": [row[:-1] for row in rows],  # without the seconds
        "sheet": (config.samples_folder / "last_samples.png").read_bytes(),
    }
