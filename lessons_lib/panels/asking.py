"""A question with buttons: what the learner commits to, before looking."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets
from IPython.display import display

from lessons_lib.checks import Question
from lessons_lib.panels.controls import close_all

_asked: dict[Question, QuestionWidget] = {}


class QuestionWidget(anywidget.AnyWidget):
    """Buttons for a question's options; pressing one chooses it.

    The page answers a click by itself, from ``replies``: a kernel that is busy with other cells answers late.
    """

    _esm = Path(__file__).with_name("asking.js")

    label = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    replies = traitlets.Dict().tag(sync=True)
    committed = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    outcome = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    is_bet = traitlets.Bool().tag(sync=True)

    def __init__(self, question: Question) -> None:
        self.question = question
        super().__init__(
            label=question.label,
            text=question.text,
            options=list(question.options),
            is_bet=question.is_bet,
        )
        question.listeners.append(self._show)
        self._show(question)
        self.observe(self._chosen, "committed")

    def __repr__(self) -> str:
        return repr(self.question)

    def close(self) -> None:
        """Let go of the question, which may be asked again."""
        if self._show in self.question.listeners:
            self.question.listeners.remove(self._show)
        super().close()

    def _chosen(self, change: object) -> None:
        if self.committed not in (None, self.question.committed) and not self.question.locked:
            self.question.commit(self.committed)

    def _show(self, question: Question) -> None:
        with self.hold_trait_notifications():
            self.replies = {option: question.reply(option) for option in question.options}
            self.outcome, self.committed = question.outcome, question.committed


def ask(*questions: Question) -> None:
    """Show questions, to be answered afresh; where one was shown before, its buttons are closed."""
    for question in questions:
        if (old := _asked.pop(question, None)) is not None:
            close_all(old)
        question.afresh()
        _asked[question] = QuestionWidget(question)
        display(_asked[question])
