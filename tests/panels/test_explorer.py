"""Sliders over a picture: what the plot holds is what the function drew."""

import ipywidgets
import pytest

from lessons_lib import figures
from lessons_lib.checks import predict
from lessons_lib.panels import Choice, Explorer, Knob

KNOBS = {"k": Knob("k", "how many", 1, 9, 3), "a": Knob("a", "how steep", 0.0, 2.0, 1.0, step=0.1)}


def draw(k, a):
    line = figures.Series("line", [a * i for i in range(k)])
    other = figures.Series("other", [None, 1.0], [0, 1])
    marks = {f"k = {k}": k} if k > 1 else None
    left = figures.curves([line], title=f"{k} points", x="i", y="a i", marks=marks)
    return left, figures.curves([other], title="the same", x="i", y="1")


@pytest.fixture
def explorer():
    made = Explorer(draw, KNOBS, name="test")
    yield made
    made.close()


def shown(explorer, curve="0.0"):
    return explorer.plot.curves[curve].y.tolist()


def test_a_moved_slider_draws_what_the_function_returns(explorer):
    assert shown(explorer) == [0, 1, 2]
    explorer.controls["k"].slider.value = 5
    explorer.controls["a"].type("0.5")
    assert shown(explorer) == [0, 0.5, 1, 1.5, 2]
    assert explorer.values == {"k": 5, "a": 0.5}
    assert explorer.plot._layouts["0"]["title"]["text"] == "5 points"
    assert [note["text"] for note in explorer.plot._layouts["0"]["annotations"]] == ["k = 5"]
    explorer.controls["k"].slider.value = 1
    assert explorer.plot._layouts["0"]["annotations"] == []
    assert explorer.plot._layouts["0"]["shapes"] == []


def test_the_words_follow_the_picture(explorer):
    explorer.controls["k"].slider.value = 7
    assert "7 points" in explorer.plot.alt
    assert "the same" in explorer.plot.alt


def test_the_static_figure_holds_every_plot(explorer):
    figure = explorer.figure()
    assert {trace.name for trace in figure.data} == {"line", "other"}
    assert "7 points" not in figure.layout.meta["alt"]


def test_sliders_are_locked_until_the_learner_has_bet():
    bet = predict("up or down?", ["up", "down"], answer="up", why="It goes up.")
    explorer = Explorer(draw, KNOBS, name="locked", prediction=bet)
    assert all(control.slider.disabled for control in explorer.controls.values())
    bet.commit("up")
    assert not any(control.slider.disabled for control in explorer.controls.values())
    explorer.close()
    assert explorer._show_state not in bet.listeners


def test_an_error_is_shown_and_the_last_picture_stays(explorer):
    def fails(k, a):
        raise ValueError("too <steep>")

    explorer._compute = fails
    with pytest.raises(ValueError, match="steep"):
        explorer.controls["k"].slider.value = 5
    assert "too &lt;steep&gt;" in explorer._said.value
    assert shown(explorer) == [0, 1, 2]


def test_an_explorer_of_the_same_name_leaves_no_widget_behind():
    def count():
        return len(ipywidgets.widgets.widget._instances)

    first = Explorer(draw, KNOBS, name="again")
    once = count()
    for _ in range(3):
        last = Explorer(draw, KNOBS, name="again")
    assert count() == once
    assert first.comm is None
    last.close()


def test_a_curve_that_did_not_move_is_not_sent_again(explorer):
    before = {name: curve.generation for name, curve in explorer.plot.curves.items()}
    explorer.controls["k"].slider.value = 8
    assert explorer.plot.curves["0.0"].generation > before["0.0"]
    assert explorer.plot.curves["1.0"].generation == before["1.0"]


def test_the_setting_that_a_bet_is_about_settles_it():
    bet = predict("is a line of 5 points steeper?", ["yes", "no"], "no", "its slope is a")
    explorer = Explorer(draw, KNOBS, name="bet", prediction=bet, outcome=lambda k, a: "no" if k == 5 else None)
    bet.commit("yes")
    explorer.controls["k"].slider.value = 4
    assert bet.outcome is None
    explorer.controls["k"].slider.value = 5
    assert bet.outcome == "no"
    explorer.close()


def test_a_name_is_chosen_by_its_button_and_locked_like_a_number():
    def lines(shape):
        line = figures.Series("line", {"flat": [1, 1], "steep": [0, 2]}[shape])
        return figures.curves([line], title="t", x="x", y="y")

    bet = predict("up or down?", ["up", "down"], answer="up", why="It goes up.")
    choice = Choice("shape", "which line", ("flat", "steep"), "flat")
    explorer = Explorer(lines, {"shape": choice}, name="chosen", prediction=bet)
    assert explorer.controls["shape"].buttons.disabled
    bet.commit("up")
    assert not explorer.controls["shape"].buttons.disabled
    explorer.controls["shape"].buttons.value = "steep"
    assert shown(explorer) == [0, 2]
    explorer.close()
