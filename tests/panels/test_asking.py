"""A question's widget holds all that a click is told, and follows the question."""

import pytest
from ipywidgets.widgets import widget as registry

from lessons_lib.checks import predict, question
from lessons_lib.panels import QuestionWidget, ask


@pytest.fixture
def bet():
    return predict("What happens to the loss?", ["it rises", "it falls <soon>"], "it rises", "Because.")


def test_a_click_in_the_page_commits(bet):
    widget = QuestionWidget(bet)
    widget.committed = "it falls <soon>"
    assert bet.committed == "it falls <soon>"


def test_the_page_knows_what_every_choice_is_told_before_the_kernel_hears_of_it():
    widget = QuestionWidget(question("2 + 2?", ["3", "4"], "4", "Counting."))
    assert widget.replies == {"3": "No. The answer is: 4. Counting.", "4": "Right. Counting."}
    assert widget.outcome == "4"


def test_a_settled_bet_shows_and_a_later_click_changes_nothing(bet):
    widget = QuestionWidget(bet)
    widget.committed = "it falls <soon>"
    bet.settle("it rises")
    assert widget.outcome == "it rises"
    assert widget.replies["it falls <soon>"].startswith("Your bet: it falls <soon>. It came otherwise: it rises.")
    widget.committed = "it rises"
    assert bet.committed == "it falls <soon>"


def test_a_closed_widget_lets_go_of_the_question(bet):
    QuestionWidget(bet).close()
    assert bet.listeners == []


def test_a_commit_made_in_code_shows(bet):
    widget = QuestionWidget(bet)
    bet.commit("it rises")
    assert widget.committed == "it rises"


def test_asking_again_begins_afresh(bet):
    bet.commit("it rises")
    bet.settle("it rises")
    ask(bet)
    assert (bet.committed, bet.outcome) == (None, None)


def test_asking_again_closes_what_was_shown_before(bet):
    ask(bet)
    widgets = len(registry._instances)
    for _ in range(3):
        ask(bet)
    assert len(registry._instances) == widgets
    assert len(bet.listeners) == 1


def test_asking_leaves_a_panels_own_question_alone(bet):
    panels = QuestionWidget(bet)
    ask(bet)
    ask(bet)
    panels.committed = "it rises"
    assert bet.committed == "it rises"
    assert panels.comm is not None


def test_the_text_for_static_pages_holds_no_answer(bet):
    assert "Because" not in repr(QuestionWidget(bet))
