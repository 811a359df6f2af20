"""The panel that measures training throughput again and again."""

import pytest

from lessons_lib.checks import predict
from lessons_lib.lessons.lesson_05.experiment import Throughput
from lessons_lib.lessons.lesson_05.panel import ThroughputPanel, in_words
from tests.waiting import wait_for


@pytest.fixture
def panel():
    panel = ThroughputPanel()
    for name, value in (("length", 4), ("width", 16), ("batch", 1)):
        panel.controls[name].type(str(value))
    yield panel
    panel.close()


def test_every_family_is_measured_at_what_the_sliders_say(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: len(panel.records) > 3)
    panel.controls["length"].type("8")
    wait_for(lambda: panel.best[16, 1].get("tcn", {}).keys() == {4, 8})
    panel.player.pause()
    assert {r.family for r in panel.records} == {"lstm", "tcn", "transformer"}
    assert all(r.tokens_per_second > 0 for r in panel.records)
    assert list(panel.plot.curves["tcn"].x) == [4, 8]
    assert "length 8, width 16, batch 1" in panel.plot.alt


def test_another_width_has_a_picture_of_its_own_and_the_first_one_stays(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: len(panel.records) > 3)
    panel.controls["width"].type("32")
    wait_for(lambda: panel.records[-1].width == 32)
    panel.player.pause()
    assert panel.plot.figure().layout.annotations[0].text == "Training step, width 32, batch 1"
    assert len(panel.plot.curves["tcn"]) <= 1
    assert panel.best[16, 1]["lstm"].keys() == {4}


def test_the_words_tell_the_best_figure_that_the_curve_shows() -> None:
    best = {(16, 1): {"lstm": {4: 900.0}, "tcn": {4: 300.0, 8: 500.0}}}
    last = Throughput("tcn", 4, 16, 1, 200.0)
    assert in_words(last, best) == "Tokens a second, the best at length 4, width 16, batch 1: LSTM 900, TCN 300."


def test_reset_forgets(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: panel.records)
    panel.reset()
    assert panel.records == []
    assert len(panel.plot.curves["lstm"]) == 0


def test_play_waits_for_the_prediction() -> None:
    bet = predict("What?", ["this", "that"], answer="this", why="Because.")
    panel = ThroughputPanel(prediction=bet, name="locked")
    assert panel.buttons["Play"].disabled
    bet.commit("this")
    assert not panel.buttons["Play"].disabled
    panel.close()
