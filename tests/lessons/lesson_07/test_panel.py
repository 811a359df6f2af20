"""The panel in which n moves while an n-gram LSTM trains."""

import pytest

from lessons_lib.checks import predict
from lessons_lib.lessons.lesson_07 import experiment as n_gram
from lessons_lib.lessons.lesson_07.panel import OrderPanel
from tests.waiting import wait_for


@pytest.fixture
def panel():
    panel = OrderPanel(n_gram.made_up(n_gram.LANGUAGE, "made up"), levels={"unigram": 4.0, "bigram": 2.4})
    yield panel
    panel.close()


def test_the_next_step_uses_the_new_n_and_the_place_is_marked(panel: OrderPanel) -> None:
    panel.control.type("9")
    panel.player.start()
    wait_for(lambda: len(panel.records) > 8)
    panel.control.type("3")
    seen = len(panel.records)
    wait_for(lambda: len(panel.records) > seen + 8)
    panel.player.pause()
    assert {r.n for r in panel.records[:seen]} == {9}
    assert {r.n for r in panel.records[seen + 1 :]} == {3}
    words = panel.figure().layout.annotations
    assert "n = 3" in [word.text for word in words]


def test_the_weights_are_read_at_every_n(panel: OrderPanel) -> None:
    panel.order.n = 2
    panel.player.start()
    wait_for(lambda: any(r.by_n for r in panel.records))
    panel.player.pause()
    wait_for(lambda: len(panel.plot.curves["every n"]) > 0)
    assert list(panel.plot.curves["every n"].x) == list(range(2, n_gram.LONGEST + 1))
    assert list(panel.plot.curves["here"].x) == [2]
    wait_for(lambda: "at n = 13" in panel.plot.alt)


def test_reset_begins_again_and_keeps_the_tables_lines(panel: OrderPanel) -> None:
    panel.player.start()
    wait_for(lambda: panel.records)
    panel.reset()
    assert panel.records == []
    assert len(panel.plot.curves["training"]) == 0
    assert list(panel.plot.curves["bigram"].y) == pytest.approx([2.4, 2.4])


def test_a_cut_settles_the_bet_and_reset_goes_back_to_the_long_n() -> None:
    bet = predict("What?", ["this", "that"], answer="this", why="Because.")
    reading = n_gram.made_up(n_gram.LANGUAGE, "made up")
    panel = OrderPanel(reading, outcomes={bet: lambda cut: "that"}, levels={"unigram": 4.0}, name="bets")
    panel.player.start()
    wait_for(lambda: len(panel.records) > 12)
    assert bet.outcome is None
    panel.control.type("3")
    wait_for(lambda: bet.outcome == "that")
    panel.reset()
    assert panel.order.n == panel.control.value == n_gram.LONGEST
    panel.close()


def test_play_waits_for_the_prediction() -> None:
    bet = predict("What?", ["this", "that"], answer="this", why="Because.")
    panel = OrderPanel(n_gram.made_up(n_gram.LANGUAGE, "made up"), prediction=bet, name="locked")
    assert panel.buttons["Play"].disabled
    bet.commit("this")
    assert not panel.buttons["Play"].disabled
    panel.close()
