import pytest

from lessons_lib.checks import predict
from lessons_lib.panels import PredictionWidget


@pytest.fixture
def question():
    return predict("What happens to the loss?", ["it rises", "it falls <soon>"], answer="it rises", why="Because.")


def test_pressing_a_button_commits(question):
    widget = PredictionWidget(question)
    widget._buttons[1].click()
    assert question.committed == "it falls <soon>"
    assert "it falls &lt;soon&gt;" in widget._said.value
    assert [button.icon for button in widget._buttons] == ["", "check"]


def test_the_choice_stands_once_the_answer_is_revealed(question):
    widget = PredictionWidget(question)
    widget._buttons[1].click()
    question.reveal()
    assert all(button.disabled for button in widget._buttons)
    assert "It is: it rises" in widget._said.value


def test_a_closed_widget_lets_go_of_the_question(question):
    PredictionWidget(question).close()
    assert question.listeners == []


def test_a_commit_made_in_code_shows(question):
    widget = PredictionWidget(question)
    question.commit("it rises")
    assert "it rises" in widget._said.value
