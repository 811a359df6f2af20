"""The twins' panel without a browser: locked until answered, steered while it runs, replaced when made again."""

import math

import pytest

from lessons_lib.checks import predict
from lessons_lib.lessons.lesson_11.experiment import TwinRecord
from lessons_lib.lessons.lesson_11.panel import TwinsPanel, in_words
from lessons_lib.stability import SpectralBall
from tests.waiting import wait_for


def after_three(record):
    return "yes" if record.step >= 3 else None


@pytest.fixture
def panel():
    bet = predict("?", ["yes", "no"], answer="yes", why="It does.")
    made = TwinsPanel(prediction=bet, outcome=after_three, name="tested", steps=4)
    yield made
    made.close()


def test_play_unlocks_with_the_prediction_and_draws_every_k(panel):
    assert panel.buttons["Play"].disabled
    panel.prediction.commit("yes")
    assert not panel.buttons["Play"].disabled
    panel.buttons["Play"].click()
    wait_for(lambda: panel.player.state == "finished")
    assert all(len(panel.plot.curves[name]) == 4 for name in ("k = 5", "k = 20", "yours"))
    assert panel.plot.curves["k = 20"].y[-1] < panel.plot.curves["k = 5"].y[-1]
    assert "says nothing" in panel.plot.alt
    assert panel.prediction.outcome == "yes"
    assert all(len(panel.plot.curves[f"loss, {name}"]) == 4 for name in ("recurrent", "k = 5", "yours"))
    assert [len(trace.x) for trace in panel.figure().data] == [4] * 7


def test_lambda_reaches_the_next_step_and_a_new_start_begins_again(panel):
    panel.bound.type("0.5")
    assert panel.settings.stable_set == SpectralBall(0.5)
    panel.starts["unstable"].click()
    assert not panel.bound.on
    panel.player.start()
    wait_for(lambda: panel.player.state == "finished")
    assert min(panel.plot.curves["k = 20"].y) > 0.5
    assert "no bound" in panel.plot.alt
    panel.context.type("7")
    assert panel.player.state == "ready"
    assert len(panel.plot.curves["k = 5"]) == 0


def test_making_it_again_replaces_it(panel):
    again = TwinsPanel(name="tested", steps=4)
    assert panel.comm is None
    again.close()


@pytest.mark.parametrize(("exponent", "said"), [(math.inf, "no bound"), (300.0, "says nothing"), (-2.0, "10^-2.0")])
def test_the_theorem_is_told_to_say_nothing_when_it_does(exponent, said):
    record = TwinRecord(3, {None: 1.0, 5: 1.0}, {5: 0.1}, {5: 0.2}, {5: 0.1}, {5: exponent})
    assert said in in_words(record, 5)
