"""Questions remember a choice, never wait, answer it at once, and leave a bet to the experiment."""

import pytest

from lessons_lib.checks import predict, question


def asked():
    return question("2 + 2?", ["3", "4"], "4", "Counting.")


def bet():
    return predict("Loss?", ["up", "down"], "down", "Less noise.")


def test_a_choice_is_told_whether_it_is_right_and_why_and_may_change():
    one = asked()
    assert one.committed is None
    one.commit("3")
    assert one.reply(one.committed) == "No. The answer is: 4. Counting."
    one.commit("4")
    assert one.reply(one.committed) == "Right. Counting."


def test_options_are_shuffled_always_the_same_way_and_a_bets_keep_their_order():
    numbers = [str(n) for n in range(8)]
    shuffled = question("Which?", numbers, "3", "It is.").options
    assert sorted(shuffled) == numbers
    assert list(shuffled) != numbers
    assert question("Which?", numbers, "3", "It is.").options == shuffled
    assert predict("Which?", numbers, "3", "It is.").options == tuple(numbers)


def test_a_bet_is_open_until_a_measurement_settles_it_and_then_the_choice_stands():
    one = bet()
    one.commit("down")
    one.commit("up")
    assert "The experiment decides" in one.reply("up")
    assert one.settle("down") == "Your bet: up. It came otherwise: down. Less noise."
    with pytest.raises(RuntimeError, match="the choice stands"):
        one.commit("down")
    assert one.committed == "up"
    one.afresh()
    assert (one.committed, one.outcome) == (None, None)


def test_evidence_that_shows_nothing_yet_leaves_a_bet_open():
    one = bet()
    one.commit("down")
    assert "The experiment decides" in one.settle(None)
    assert one.settle("down") == "Your bet: down. So it came. Less noise."


def test_an_outcome_unlike_the_lessons_own_is_told_as_it_came():
    one = bet()
    one.commit("up")
    assert one.settle("up") == (
        "Your bet: up. So it came. Not seen here is what the lesson's own runs show: down. Less noise."
    )


def test_a_bet_settled_before_the_choice_says_nothing_and_answers_the_choice_at_once():
    one = bet()
    assert one.settle("down") is None
    one.commit("up")
    assert one.reply("up").startswith("Your bet: up. It came otherwise: down.")
    assert one.locked


def test_a_self_test_question_needs_no_evidence():
    with pytest.raises(TypeError, match="settled from the start"):
        asked().settle("4")


def test_listeners_hear_of_every_change():
    one, heard = bet(), []
    one.listeners.append(lambda q: heard.append((q.committed, q.outcome)))
    one.commit("up")
    one.settle("down")
    one.settle("down")
    one.afresh()
    assert heard == [("up", None), ("up", "down"), (None, None)]


def test_unknown_options_and_answers_are_refused():
    with pytest.raises(ValueError, match="choose one of '3', '4'"):
        asked().commit("5")
    with pytest.raises(ValueError, match="no option 'sideways'"):
        predict("Loss?", ["up", "down"], "sideways", "")
    with pytest.raises(ValueError, match="no option 'sideways'"):
        bet().settle("sideways")
    with pytest.raises(ValueError, match="at least two, all different"):
        predict("Loss?", ["up", "up"], "up", "")


def test_a_static_page_shows_question_and_options_and_no_answer():
    assert repr(question("2 + 2?", ["3", "4"], "4", "Counting.")).startswith("Question: 2 + 2? [")
    assert "Counting" not in repr(asked())
