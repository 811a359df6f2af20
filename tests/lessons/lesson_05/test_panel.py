"""The panel that measures training throughput again and again."""

import pytest

from lessons_lib.checks import predict
from lessons_lib.lessons.lesson_05.panel import ThroughputPanel
from tests.waiting import wait_for

REFERENCE = {"lengths": [1, 64], "throughput": {"lstm": [10.0, 20.0], "tcn": [1.0, 9.0], "transformer": [5.0, 6.0]}}


@pytest.fixture
def panel():
    panel = ThroughputPanel(reference=REFERENCE)
    for name, value in (("length", 4), ("width", 16), ("batch", 1)):
        panel.controls[name].type(str(value))
    yield panel
    panel.close()


def test_every_family_is_measured_at_what_the_sliders_say(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: len(panel.records) > 3)
    panel.controls["length"].type("8")
    wait_for(lambda: panel.best.get("tcn", {}).keys() == {4, 8})
    panel.player.pause()
    assert {r.family for r in panel.records} == {"lstm", "tcn", "transformer"}
    assert all(r.tokens_per_second > 0 for r in panel.records)
    assert list(panel.plot.curves["tcn"].x) == [4, 8]
    assert "length 8, width 16, batch 1" in panel.plot.alt


def test_another_width_begins_a_new_picture(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: len(panel.records) > 3)
    panel.controls["width"].type("32")
    wait_for(lambda: panel.records[-1].width == 32)
    panel.player.pause()
    assert panel.plot.figure().layout.annotations[0].text == "Training step, width 32, batch 1"
    assert sum(len(found) for found in panel.best.values()) <= 3


def test_reset_forgets_and_keeps_the_reference(panel: ThroughputPanel) -> None:
    panel.player.start()
    wait_for(lambda: panel.records)
    panel.reset()
    assert panel.records == []
    assert len(panel.plot.curves["lstm"]) == 0
    assert list(panel.plot.curves["lstm, reference"].y) == pytest.approx([10.0, 20.0])


def test_play_waits_for_the_prediction() -> None:
    bet = predict("What?", ["this", "that"], answer="this", why="It is.")
    panel = ThroughputPanel(prediction=bet, name="locked")
    assert panel.buttons["Play"].disabled
    bet.commit("this")
    assert not panel.buttons["Play"].disabled
    panel.close()
