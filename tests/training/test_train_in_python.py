"""train(...) as Python and notebooks call it: names and options, how much it prints, how it stops, what it returns."""

import os
import signal
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import outcome
from tfgan_v1 import Config, Generator, StopTraining, UserError, show, streams, train
from tfgan_v1.gan.losses import LOSSES
from tfgan_v1.gan.models import MODELS
from tfgan_v1.report import notebook

training_of_python = import_module("tfgan_v1.training.train")


@pytest.fixture
def asked(monkeypatch):
    """A function (*arguments, **options) -> the TrainRequest that `train` makes of them; nothing is trained."""
    requests = []
    progress = SimpleNamespace(stopped_by=None)
    monkeypatch.setattr(training_of_python, "run", lambda request: requests.append(request) or progress)
    return lambda *arguments, **options: train(*arguments, **options) and requests[-1]


def test_the_name_or_path_of_the_data_and_options_are_a_config(asked):
    right = Config(model="tuned", dataset="digits", steps=30, loss="hinge", labels="labels.txt")
    options = {"model": "tuned", "steps": 30, "loss": "hinge", "labels": Path("labels.txt")}
    for request in (asked("digits", **options), asked(Path("digits"), **options), asked(dataset="digits", **options)):
        assert request.make_config() == right and request.options.items() <= right.values().items()
        assert not request.custom.names() and request.custom.images is None
    assert asked().make_config() == Config()


def test_options_override_those_of_a_config(asked):
    request = asked(Config(dataset="digits", epochs=3, name="x"), epochs=5, resume=True)
    assert request.make_config() == Config(dataset="digits", epochs=5, name="x") and request.resume


def test_a_model_and_a_loss_that_are_no_names_are_custom(asked):
    request = asked("digits", model=MODELS["mlp"], loss=LOSSES["hinge"])
    assert request.custom.names() == ["model", "loss"] and request.make_config() == Config(dataset="digits")


@pytest.mark.parametrize(
    "call, right",
    [
        (lambda: train(3), "train takes a Config, or the name or path of a data set, .* not 3"),
        (lambda: train(np.zeros((3, 8, 8))), "arrays as images=array, not ndarray of shape"),
        (lambda: train(images="faces"), "images takes an array; name .* dataset='faces'"),
        (lambda: train("digits", epoch=3), r"^there is no option 'epoch'; did you mean epochs\?$"),
        (lambda: train("digits", overwrit=True), r"did you mean overwrite\?$"),
        (lambda: train("digits", model="mpl"), "model must be one of mlp, conv"),
        (lambda: train("digits", verbose=3), "verbose must be 0, 1 or 2, not 3"),
        (lambda: train("digits", batch_size=3.5), "batch_size takes a whole number, not 3.5"),
    ],
)
def test_what_is_passed_wrongly_is_one_sentence(call, right, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with streams.speaking(flags=False), pytest.raises(UserError, match=right) as raised:
        call()
    assert "\n" not in str(raised.value)
    assert not any(tmp_path.iterdir())


def test_a_second_run_of_a_name_is_refused_in_the_words_of_python(small):
    train(small("a", steps=2), name="x", verbose=0)
    advice = 'continue it with resume=True, start another run with name="NAME", or delete this one with overwrite=True$'
    with streams.speaking(flags=False), pytest.raises(UserError, match=advice):
        train(small("a"), name="x")


# verbose


def printed(capsys, config, **options):
    capsys.readouterr()
    train(config, **options)
    return capsys.readouterr().out


def test_verbose_is_nothing_or_a_bar_or_lines(small, capsys, monkeypatch):
    assert printed(capsys, small("a"), verbose=0) == ""
    lines = printed(capsys, small("b"), verbose=2)
    assert lines.count("Discriminator Loss") == 3 and "%|" not in lines
    assert printed(capsys, small("c")).count("Discriminator Loss") == 3  # in a file, where a bar cannot be
    monkeypatch.setattr(streams, "in_notebook", lambda: True)
    lines = printed(capsys, small("d"))
    assert "%|" in lines and lines.count("Discriminator Loss") == 1 and "Step 6/6..." in lines
    assert "%|" not in printed(capsys, small("e"), verbose=2) and printed(capsys, small("f"), verbose=0) == ""


# The end


def no(step, samples, metrics):
    return step < 4


def numpy_no(step, samples, metrics):
    return np.float32(step) < 4


def stops(step, samples, metrics):
    if step == 4:
        raise StopTraining


@pytest.mark.parametrize("on_sample", [no, numpy_no, stops])
def test_on_sample_stops_a_run_without_an_error_and_it_resumes_exactly(small, on_sample, capsys):
    progress = train(small("a"), on_sample=on_sample)
    assert (progress.step, progress.stopped_by) == (4, -1) and "Stopped" not in capsys.readouterr().out
    train(small("a"), resume=True)
    train(small("b"))
    assert outcome(small("a")) == outcome(small("b"))


def test_no_other_answer_stops_a_run(small):
    answers = iter([None, 0, np.zeros(2), True, False])  # the last one is that of the last step
    progress = train(small("a", steps=10), on_sample=lambda *_: next(answers))
    assert (progress.step, progress.stopped_by) == (10, None)


def test_an_interrupted_call_says_where_it_is_saved_and_how_to_go_on(small, capsys):
    def interrupt(step, samples, metrics):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    progress = train(small("a"), steps=4, on_sample=interrupt, verbose=0)
    assert progress.stopped_by == signal.SIGINT
    saved = "Stopped by SIGINT; everything is saved at step 2 of 4. Continue with: "
    assert capsys.readouterr().out == f"{saved}train(config, steps=4, resume=True)\n"
    places = {"ckpt": small("b").ckpt, "samples": small("b").samples}
    options = {"xla": "off", "batch_size": 8, "steps": 4, "sample_every": 2, **places}
    train(**options, images=np.zeros((40, 8, 8), np.uint8), on_sample=interrupt, verbose=0)
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    assert capsys.readouterr().out == f"{saved}train({given}, images=..., resume=True)\n"


# What it returns


def test_history_has_losses_outputs_held_out_outputs_and_scores_by_step(small):
    progress = train(small("a", steps=5, holdout=16, evaluate_every=4))
    history = progress.history
    assert history.index.name == "step" and [*history.index] == [2, 4]
    assert [*history["d_loss"]] == [row.d_loss for row in progress.losses] and [*history["epoch"]] == [1, 2]
    assert [*history["D(held-out)"]] == [row.held_out for row in progress.held_out]
    score = progress.records["evaluation"].header[2]
    assert np.isnan(history[score][2]) and history[score][4] == progress.evaluation[0][2]
    assert {"g_loss", "D(x)", "D(G(z))", "seconds"} < {*history}


def test_reprs_are_short_and_html_has_the_pictures(small, preset_run):
    for model in ("mlp", "gaussian"):
        progress = preset_run(model)
        row, page = progress.losses[-1], progress.config.samples_folder / "review.html"
        done = f"step {progress.step} of 6" if progress.config.steps else "epoch 6 of 6"
        assert repr(progress) == f"Progress({done}, D {row.d_loss:.2f}, G {row.g_loss:.2f}; {page})"
        assert (
            progress._repr_html_().count("data:image/png;base64,") == 2 and "<div>Progress(" in progress._repr_html_()
        )
    with Generator.restore(preset_run("mlp").config.ckpt_folder) as generator:
        assert repr(generator) == "Generator(latest of step 6: 8x8x3)"
        assert generator._repr_html_().count("data:image/png;base64,") == 1
    assert generator._repr_html_() is None  # closed


def test_the_grid_of_a_conditional_run_has_a_column_for_each_class(small, monkeypatch):
    progress, found = train(small("a", conditional=True)), []
    monkeypatch.setattr(notebook.plots, "samples_png", lambda samples, columns: found.append(columns) or b"")
    progress._repr_html_()
    (progress.config.samples_folder / "review.json").unlink()
    progress._repr_html_()
    assert found[0] % 3 == 0 and found[1] is None


def test_show_says_once_that_it_is_for_notebooks(capsys):
    notebook._note_once.cache_clear()
    assert show(1, None, {}) is None and show(2, None, {}) is None
    assert capsys.readouterr().err == "tfgan_v1.show draws in notebooks; elsewhere, open the run's review.html\n"
