"""Questions remember a choice, never wait, and do not give the answer away."""

import pytest

from lessons_lib.checks import predict, question


def ask():
    return question("2 + 2?", ["3", "4"], "4", "Counting.")


def test_an_unanswered_question_says_so_at_once_and_hides_its_answer():
    asked = ask()
    assert asked.committed is None
    assert not asked.check().passed
    assert "Not answered yet" in repr(asked.check())
    assert "4" not in asked.reveal()
    assert not asked.revealed


def test_a_choice_may_change_until_the_answer_is_revealed():
    asked = ask()
    asked.commit("3")
    assert not asked.check().passed
    assert "4" not in asked.check().message
    asked.commit("4")
    assert asked.check().passed
    assert asked.reveal() == "You said: 4. So it is. Counting."
    with pytest.raises(RuntimeError, match="revealed"):
        asked.commit("3")
    assert asked.committed == "4"


def test_a_prediction_without_answer_takes_the_measured_one():
    bet = predict("Loss?", ["up", "down"], why="Less noise.")
    bet.commit("up")
    assert bet.reveal() == "You said: up. Now measure it."
    assert not bet.revealed
    assert bet.reveal("down") == "You said: up. It is: down. Less noise."


def test_listeners_hear_of_every_change():
    asked, heard = ask(), []
    asked.listeners.append(lambda q: heard.append((q.committed, q.revealed)))
    asked.commit("3")
    asked.reveal()
    assert heard == [("3", False), ("3", True)]


def test_unknown_options_and_answers_are_refused():
    with pytest.raises(ValueError, match="choose one of '3', '4'"):
        ask().commit("5")
    with pytest.raises(ValueError, match="no option 'sideways'"):
        predict("Loss?", ["up", "down"], "sideways")
    with pytest.raises(ValueError, match="at least two, all different"):
        predict("Loss?", ["up", "up"])


def test_a_static_page_shows_question_and_options_with_the_answer_folded_away():
    page = ask()._repr_markdown_()
    assert page.startswith("**Question.** 2 + 2?")
    assert "- 3\n- 4" in page
    assert page.index("<details>") < page.index("Counting.")
    assert "<details>" not in predict("Loss?", ["up", "down"])._repr_markdown_()
