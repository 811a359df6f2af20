"""The race's panel without a browser: locked until answered, new k and task begin again, earlier scores stay."""

import pytest

from lessons_lib.checks import predict
from lessons_lib.lessons.lesson_06 import questions, races
from lessons_lib.lessons.lesson_06.panel import RacePanel, card
from lessons_lib.lessons.lesson_06.race_tasks import TASKS
from tests.waiting import wait_for


@pytest.fixture
def panel():
    made = RacePanel(
        ["copying", "translation"],
        k=15,
        prediction=predict("?", ["yes", "no"], "yes", "Because."),
        name="tested",
        steps=2,
    )
    yield made
    made.close()


def race(panel):
    panel.player.start()
    wait_for(lambda: panel.player.state != "running")
    assert panel.player.state == "finished", panel.player.message


def test_play_unlocks_with_the_prediction_and_everyone_is_drawn_and_scored(panel):
    assert panel.buttons["Play"].disabled
    panel.prediction.commit("yes")
    assert not panel.buttons["Play"].disabled
    panel.buttons["Play"].click()
    wait_for(lambda: panel.player.state == "finished")
    names = ["TCN", *panel.task.recurrent]
    assert [s.name for s in panel.standings] == names
    assert all(len(panel.plot.curves[name]) == 2 for name in names)
    assert panel.plot.curves["TCN by k"].x.tolist() == [15]
    assert all("<td" in panel._card.value and name in panel._card.value for name in names)
    assert "TCN 0." in panel.plot.alt


def test_scores_of_earlier_k_stay_and_another_task_starts_afresh(panel):
    race(panel)
    panel.context.value = 63
    assert panel.player.state == "ready"
    assert len(panel.plot.curves["TCN"]) == 0
    race(panel)
    assert panel.plot.curves["TCN by k"].x.tolist() == [15, 63]
    panel.chooser.value = "translation"
    assert panel.context.value == panel.task.contexts[-1] == 13
    assert "convolutional by k" in panel.plot.curves
    assert panel.player.state == "ready"
    assert panel.children[-1] is panel.plot


def test_an_unfinished_race_leaves_no_final_score(panel):
    race(panel)
    kept = panel.plot.curves["LSTM by k"].y.tolist()
    panel.steps = 3
    panel.context.value = 63
    panel.player.pace = 0.01  # the second round is far away
    panel.player.start()
    wait_for(lambda: len(panel.plot.curves["TCN by k"]) == 2)
    panel.reset()
    assert panel.plot.curves["TCN by k"].x.tolist() == [15]
    assert panel.plot.curves["LSTM by k"].y.tolist() == kept


def test_races_by_batches_and_by_seconds_are_not_mixed(panel):
    race(panel)
    panel.equal.value = "seconds"
    assert all(len(panel.plot.curves[f"{name} by k"]) == 0 for name in ("TCN", *panel.task.recurrent))


def test_choosing_a_task_with_a_k_keeps_that_k(panel):
    panel.choose("translation", k=5)
    assert (panel.chooser.value, panel.context.value) == ("translation", 5)


def test_the_card_tells_what_each_may_see_and_what_it_cost():
    text = card(TASKS["copying"](), [races.Standing("TCN", 15, 25_000, 3, 1.25, 2.08, None)])
    assert all(word in text for word in ("k = 15", "25,000", ">3<", "1.2", "2.08"))
    assert "the whole past" in card(TASKS["copying"](), [races.Standing("LSTM", None, 1, 1, 1.0, 2.0, 0.5)])


def test_making_it_again_replaces_it(panel):
    again = RacePanel(["copying"], name="tested", steps=2)
    assert panel.comm is None
    again.close()


@pytest.mark.parametrize(("score", "option"), [(0.13, 2), (0.4, 1), (1.0, 0)])
def test_a_finished_race_on_copying_settles_the_bet(score, option):
    def standings(batches, k=63, ahead=0):
        return [
            races.Standing("TCN", k, 1, batches + ahead, 1.0, 0.1, 1.0),
            races.Standing("LSTM", None, 1, batches, 1.0, 0.1, score),
        ]

    assert questions.lstm_outcome("copying", standings(300)) == questions.bet_on_lstm.options[option]
    assert questions.lstm_outcome("copying", standings(270)) is None
    assert questions.lstm_outcome("copying", standings(300, k=31)) is None
    assert questions.lstm_outcome("copying", standings(300, ahead=40)) is None, "a race by seconds"
    assert questions.lstm_outcome("music", standings(300)) is None


def test_the_edge_is_judged_by_both_lags():
    assert questions.edge_outcome(1.0, 0.13) == "all, then chance"
    assert questions.edge_outcome(1.0, 0.6) == "all, then a little less"
    assert questions.edge_outcome(0.5, 0.13) is None
