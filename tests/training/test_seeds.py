"""`train --seeds`: one configuration with several seeds, one ordinary run after the other."""

import json
import re
import signal

import pytest

from conftest import outcome
from tfgan_v1 import Config, files, train
from tfgan_v1.config import given_options
from tfgan_v1.config.options import as_flags
from tfgan_v1.errors import Diverged
from tfgan_v1.training import recording, seeds


@pytest.fixture
def several(command, small):
    """Trains small runs with two seeds, 3 and 4, unless flags say otherwise; `config(name)` is that of one of them."""
    base = small()
    given = given_options(base)

    def run(*flags, **options):
        options = {"name": "x", "seeds": 2, "seed": 3, **given, **options}
        return command("train", *as_flags({k: v for k, v in options.items() if v is not None}).split(), *flags)

    run.config = lambda name, **options: base.replace(name=name, **options)
    return run


def steps(out):
    """The runs that are named in what is printed, with what is said of them."""
    return re.findall(r"^Run (\S+) \(\d of \d\)( is finished)?", out, re.M)


def test_each_seed_is_a_run_like_one_that_is_started_alone(several, small):
    code, out, _ = several()
    assert code == 0 and steps(out) == [("x-seed-3", ""), ("x-seed-4", "")]
    alone = small("alone", seed=4)
    train(alone)
    assert outcome(several.config("x-seed-4")) == outcome(alone)
    for seed in (3, 4):
        saved = json.loads((several.config(f"x-seed-{seed}").ckpt_folder / "config.json").read_text())["config"]
        assert saved["seed"] == seed and "seeds" not in saved
    page = several.config("x").samples_folder / "compare.html"
    assert page.is_file() and f"Look at {page} in a browser." in out
    assert re.search(r"^ +x, 2 seeds\n  discriminator loss +[\d.]+ \([\d.]+ to [\d.]+\)\n", out, re.M), out


@pytest.mark.slow
def test_a_resume_skips_finished_runs_continues_begun_ones_and_starts_the_rest_alike(several, monkeypatch):
    real = recording.sample

    def sample(context, progress):
        real(context, progress)
        if context.plan.config.name == "x-seed-4":
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "sample", sample)
        code, out, _ = several(seeds=3, d_steps=2)
    assert code == 130 and steps(out) == [("x-seed-3", ""), ("x-seed-4", "")]
    again = re.search(r"Stopped by SIGINT; run x-seed-4 \(2 of 3\) is saved at step 2. Continue with: (.*)", out)[1]
    assert again.endswith(" --resume") and "--seeds 3" in again

    for flags in (["--resume"], ["--resume"]):  # without --seed and --d-steps, which the first run knows
        code, out, _ = several(*flags, seeds=3, seed=None)
        assert code == 0
        finished = [name for name, said in steps(out) if said]
        assert finished in (["x-seed-3"], ["x-seed-3", "x-seed-4", "x-seed-5"])
    assert finished[1:]
    for seed in (4, 5):
        config = several.config(f"x-seed-{seed}")
        alone = config.replace(name=f"alone-{seed}", seed=seed, d_steps=2)
        train(alone)
        assert outcome(config) == outcome(alone)
    code, out, _ = several("--resume", seeds=2, seed=None, steps=8)
    assert code == 0 and steps(out) == [("x-seed-3", ""), ("x-seed-4", "")] and "Resuming at step 6 of 8" in out


def test_a_run_that_diverges_is_said_and_the_others_go_on(several, monkeypatch):
    real = seeds.training.run

    def run(request):
        if request.make_config().seed == 3:
            raise Diverged("training diverged at step 2")
        return real(request)

    monkeypatch.setattr(seeds.training, "run", run)
    code, out, err = several(seeds=3)
    assert code == 4 and "training diverged at step 2; the other runs go on" in err
    assert [name for name, _ in steps(out)] == ["x-seed-3", "x-seed-4", "x-seed-5"] and "x, 2 seeds" in out


def test_what_cannot_start_is_refused_before_the_first_step(several, monkeypatch):
    train(several.config("y-seed-4"))
    train(several.config("z"))
    foreign = several.config("w").samples_folder / "compare.html"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    monkeypatch.setattr(seeds.training, "run", None)
    before = sorted(foreign.parents[1].rglob("*"))

    def refused(*flags, **options):
        code, out, err = several(*flags, **options)
        assert code == 2 and err.count("\n") == 1 and steps(out) == []
        return err

    assert "y-seed-4 already holds a run" in refused(name="y")
    assert "y-seed-4 already holds a run" in refused("--dry-run", name="y")
    assert "z is the name of a run" in refused(name="z")
    assert "compare.html is there and not of this program" in refused(name="w")
    assert "there is no run" in refused("--resume", name="v") and foreign.read_text() == "mine"
    assert "--seeds must be a whole number, at least 2 and at most 20" in refused(seeds=1)
    assert "leave out --seeds or the workers" in refused("--workers", "2")
    assert "--seed must be" in refused(seed=2**32 - 1)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}')
    assert "leave out --seeds or the workers" in refused()
    assert sorted(foreign.parents[1].rglob("*")) == before


def test_a_dry_run_names_the_runs_and_trains_none(several):
    code, out, _ = several("--dry-run", name=None, model="mlp", seeds=3)
    assert code == 0 and "runs, one after the other: mlp-seed-3, mlp-seed-4, mlp-seed-5" in out and "steps: 6" in out
    assert not several.config("mlp-seed-3").ckpt_folder.exists()


def test_runs_ends_with_how_to_compare_a_group_by_its_name(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b-seed-0", "b-seed-1", "without samples"):
        config = Config(name=name)
        files.make_folder(config.ckpt_folder)
        files.make_folder(config.samples_folder)
        (config.ckpt_folder / "config.json").write_text("{}")
        if name != "without samples":
            (config.samples_folder / "train_samples.pkl").write_bytes(b"")
    lines = command("runs")[1].splitlines()
    assert set(lines[-1].removeprefix("Side by side: tfgan compare ").split()) == {"samples/a", "samples/b"}
