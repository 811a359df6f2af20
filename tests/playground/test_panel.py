"""The playground without a browser: its widgets' callbacks are what a browser would call."""

import datetime
import html

import pytest
from ipywidgets.widgets import widget as registry
from traitlets import Bunch

from lessons_lib.playground import panel as module
from lessons_lib.playground.choice import Choice
from lessons_lib.playground.corpora import CORPORA
from lessons_lib.playground.entry import Line, smallest, usual
from lessons_lib.playground.models import MODELS, OPTIMIZERS
from lessons_lib.playground.panel import BUILD, CHANGE, Playground
from lessons_lib.stability import EigenvalueDisc, SpectralBall, Unconstrained
from tests.waiting import wait_for

SMALL = Choice(
    smallest(CORPORA, "lagged recall"), smallest(MODELS, "tanh-RNN"), usual(OPTIMIZERS, "SGD"), Line("none", {})
)
TEXT = b"the quick brown fox jumps over the lazy dog. " * 200


@pytest.fixture
def make(monkeypatch):
    """A playground that begins with something small, and at last ends whatever runs."""
    monkeypatch.setattr(module, "usual_choice", lambda: SMALL)
    monkeypatch.setattr(Playground, "_latest", None)
    made = []

    def make():
        made.append(Playground())
        return made[-1]

    yield make
    for playground in made:
        if playground.panel is not None:
            playground.panel.run.close()
        playground.close()


def said(playground) -> str:
    return html.unescape(playground._line.value)


def press(playground, button: str) -> None:
    assert playground.button.description == button
    playground.button.click()


def trained(playground):
    """Built, and with a step behind it."""
    press(playground, BUILD)
    playground.panel.buttons["Step"].click()
    wait_for(lambda: playground.panel.run.step_count == 1 and playground.panel.run.state == "paused")
    return playground.panel


def upload(playground, name: str, content: bytes) -> str:
    """What is said of a file that the page sends."""
    when = datetime.datetime.now(tz=datetime.UTC)
    file = Bunch(name=name, type="", size=len(content), content=memoryview(content), last_modified=when)
    playground.upload.value = [file]
    return html.unescape(playground._uploaded_line.value)


def test_build_gives_the_panel_of_what_was_chosen_and_folds_the_form(make):
    playground = make()
    assert playground.panel is None
    playground.corpus.controls["lag"].type("3")
    playground.optimizer.controls["learning_rate"].type("0.5")
    press(playground, BUILD)
    run = playground.panel.run
    assert playground._place.children == (playground.panel,)
    assert (run.stream.lag, run.settings.learning_rate, run.settings.stable_set) == (3, 0.5, Unconstrained())
    assert "tanh-RNN, " in said(playground)
    assert playground._form.layout.display == "none"
    press(playground, CHANGE)
    assert playground._form.layout.display == ""
    assert run.state == "ready"


def test_a_model_brings_its_own_optimiser_sets_and_numbers_and_the_others_are_remembered(make):
    playground = make()
    playground.model.controls["hidden_size"].type("16")
    playground.model.choice.value = "linear recurrence"
    assert playground.optimizer.line == usual(OPTIMIZERS, "Adam")
    assert list(playground.stable_set.choice.options) == ["none", "eigenvalue-disc"]
    playground.stable_set.choice.value = "eigenvalue-disc"
    playground.stable_set.controls["value"].type("0.9")
    press(playground, BUILD)
    assert playground.panel.run.settings.stable_set == EigenvalueDisc(0.9)
    press(playground, CHANGE)
    playground.model.choice.value = "tanh-RNN"
    assert playground.model.line.numbers["hidden_size"] == 16
    assert playground.stable_set.line == Line("none", {})


def test_without_a_set_at_first_the_panel_has_the_knob_ready(make):
    playground = make()
    press(playground, BUILD)
    control = playground.panel.controls["stable_set"]
    assert (control.on, control.slider.description) == (False, "λ")
    control._switch.value = True
    assert playground.panel.run.settings.stable_set == SpectralBall(2.5)


def test_building_again_ends_the_old_run_and_lets_it_stand_as_a_ghost(make):
    playground = make()
    old = trained(playground)
    press(playground, CHANGE)
    playground.model.choice.value = "TCN"
    press(playground, BUILD)
    new = playground.panel
    assert old.run.state == "stopped"
    assert new.run.earlier is None
    assert not new.buttons["Play"].disabled
    assert [ghost.name for ghost in new.plot.ghosts] == ["tanh-RNN, width 8, layers 1, gain 0.1 on lagged recall"]
    assert "gain 0.1 on lagged recall: no bound" in new.past._legend.value
    press(playground, CHANGE)
    playground.corpus.choice.value = "renewal"
    press(playground, BUILD)
    assert playground.panel.plot.ghosts == [], "losses on another corpus compare with nothing"


def test_building_the_same_twice_keeps_the_run(make):
    playground = make()
    panel = trained(playground)
    press(playground, CHANGE)
    press(playground, BUILD)
    assert playground.panel is panel
    assert panel.run.step_count == 1
    assert playground._form.layout.display == "none"


def test_what_does_not_fit_is_refused_in_a_line_and_nothing_is_lost(make):
    playground = make()
    panel = trained(playground)
    press(playground, CHANGE)
    playground.corpus.choice.value = "renewal"
    playground.corpus.controls["shortest"].type("20")
    press(playground, BUILD)
    assert "Not built: the shortest gap, 20, is longer than the longest, 12: change one of them." in said(playground)
    assert playground.panel is panel
    assert (panel.run.step_count, panel.run.state) == (1, "paused")
    assert playground._form.layout.display == ""
    playground.corpus.controls["shortest"].type("2")
    press(playground, BUILD)
    assert playground.panel is not panel


def test_a_failure_that_nobody_foresaw_is_said_and_raised_and_the_choice_before_can_be_built_again(make, monkeypatch):
    playground = make()
    old = trained(playground)
    press(playground, CHANGE)
    playground.model.choice.value = "TCN"
    with monkeypatch.context() as broken:
        broken.setattr(module, "TrainingPanel", lambda *args, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            playground.build()
    assert "ZeroDivisionError" in said(playground)
    assert (playground.panel, playground.built) == (None, None)
    playground.model.choice.value = "tanh-RNN"
    press(playground, BUILD)
    assert playground.panel is not old
    assert playground._place.children == (playground.panel,)
    assert playground.panel.run.state == "ready"


def test_the_cell_run_again_finds_what_was_built_and_its_living_run(make):
    first = make()
    first.corpus.controls["lag"].type("3")
    run = trained(first).run
    again = make()
    assert again.choice == first.built
    assert again.panel.run.earlier is run
    again.panel.found["go on"].click()
    assert (again.panel.run.step_count, again.panel.run.state) == (1, "paused")


def test_building_ten_times_leaves_no_widget_behind(make):
    playground = make()

    def rebuilt(model: str) -> int:
        playground.model.choice.value = model
        playground.build()
        playground._fold(False)
        return len(registry._instances)

    rebuilt("GRU")
    once = rebuilt("TCN")
    for _ in range(5):
        rebuilt("GRU")
        assert rebuilt("TCN") == once


def test_a_feed_forward_model_says_which_pictures_stay_empty(make):
    playground = make()
    playground.model.choice.value = "n-gram LSTM"
    press(playground, BUILD)
    says = {name: layout["meta"]["says"] for name, layout in playground.panel.plot._layouts.items()}
    assert "10 tokens, cannot move the loss" in says["gradient"]
    assert "direction by direction" in says["spectrum"]
    press(playground, CHANGE)
    playground.model.choice.value = "selective recurrence"
    press(playground, BUILD)
    says = {name: layout["meta"]["says"] for name, layout in playground.panel.plot._layouts.items()}
    assert "A falling line" in says["gradient"]
    assert says["spectrum"] == module.NO_MATRIX


@pytest.mark.parametrize("by", ["words", "characters"])
@pytest.mark.parametrize(
    "content",
    [TEXT, (TEXT * 600)[:5_000_000], "Über allen Gipfeln ist Ruh. ".encode("latin-1") * 200],
    ids=["small", "5 MB", "Latin-1"],
)
def test_a_text_of_ones_own_trains(make, content, by):
    playground = make()
    playground.corpus.choice.value = f"your own text, {by}"
    assert playground._upload_place.layout.display == ""
    assert "10 MB" in playground.upload.tooltip
    assert f"mine.txt: {len(content):,} characters." in upload(playground, "mine.txt", content)
    panel = trained(playground)
    assert panel.unit == by
    assert "mine.txt" in said(playground)
    assert sum(len(file.content) for file in playground.upload.value) == 0, "no page is sent it again"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "mine.txt is empty: choose a file that holds text."),
        (bytes(range(256)) * 20, "mine.txt is no text: save it as plain text first (.txt, UTF-8)."),
    ],
    ids=["empty", "binary"],
)
def test_what_is_no_text_is_refused_at_once_and_the_text_before_stays(make, content, line):
    playground = make()
    playground.corpus.choice.value = "your own text, words"
    upload(playground, "good.txt", TEXT)
    assert line in upload(playground, "mine.txt", content)
    assert playground.choice.own.name == "good.txt"
    press(playground, BUILD)
    assert "good.txt" in said(playground)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "Not built: upload a text file first, of 10 MB at most: a larger one does not arrive."),
        (b"word", "Not built: mine.txt has too few words to learn from, 1: choose a text of 1,200 or more."),
    ],
    ids=["no file", "one word"],
)
def test_too_little_text_is_refused_when_it_is_built(make, content, line):
    playground = make()
    playground.corpus.choice.value = "your own text, words"
    if content is not None:
        upload(playground, "mine.txt", content)
    press(playground, BUILD)
    assert line in said(playground)
    assert playground.panel is None


def test_a_model_of_music_can_be_heard(make, monkeypatch):
    music = Choice(usual(CORPORA, "chorales"), smallest(MODELS, "TCN"), usual(OPTIMIZERS, "Adam"), Line("none", {}))
    monkeypatch.setattr(module, "usual_choice", lambda: music)
    panel = trained(make())
    panel.listening.button.click()
    assert len(panel.listening.sound.value) > 10_000
