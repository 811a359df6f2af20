"""Predictions and self-test questions: one value that remembers what the learner said.  No widgets here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from lessons_lib.checks.verdict import NOT_ANSWERED, Verdict

Listener = Callable[["Question"], None]


class Question:
    """A question with a few options, of which the learner commits to one.

    Nothing here waits: an uncommitted question answers at once that it is not answered yet, so *Run All* goes
    through.  A panel calls :meth:`commit` from a button; on a static page the text and the options are shown.

    Args:
        text: the question.
        options: what may be answered, at least two, all different.
        answer: the right option; None when only a measurement can tell (pass it to :meth:`reveal` then).
        why: one or two sentences, shown with the answer.
        label: what kind of question this is, shown before the text.

    Attributes:
        committed: the chosen option, or None.
        revealed: whether the answer was shown; from then on the choice stands.
        listeners: called with the question after every change (a panel redraws itself).
    """

    def __init__(
        self,
        text: str,
        options: Sequence[str],
        answer: str | None = None,
        why: str = "",
        label: str = "Question",
    ):
        self.text, self.options, self.why, self.label = text, tuple(options), why, label
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ValueError(f"options {list(self.options)}: give at least two, all different")
        self.answer = None if answer is None else self._known(answer)
        self.committed: str | None = None
        self.revealed = False
        self.listeners: list[Listener] = []

    def commit(self, option: str) -> None:
        """Choose an option; it may be changed until the answer is revealed.

        Raises:
            ValueError: not one of the options.
            RuntimeError: the answer was already revealed.
        """
        if self.revealed:
            raise RuntimeError("the answer was revealed: the choice stands (re-run the cell to start afresh)")
        self.committed = self._known(option)
        self._tell()

    def reveal(self, answer: str | None = None) -> str:
        """The answer, beside what was chosen, in one or two sentences.  Nothing is revealed before a choice.

        ``answer`` is what a measurement showed, for a question that was asked without one.
        """
        if self.committed is None:
            return "Not answered yet: choose first, then look."
        if answer is not None:
            self.answer = self._known(answer)
        if self.answer is None:
            return f"You said: {self.committed}. Now measure it."
        if not self.revealed:  # a listener that shows the answer asks for it here
            self.revealed = True
            self._tell()
        if self.committed == self.answer:
            return f"You said: {self.committed}. So it is. {self.why}".rstrip()
        return f"You said: {self.committed}. It is: {self.answer}. {self.why}".rstrip()

    def check(self) -> Verdict:
        """Whether the choice is right, without giving the answer away."""
        if self.committed is None:
            return Verdict(False, NOT_ANSWERED)
        if self.answer is None:
            return Verdict(False, f"You said: {self.committed}. Only the measurement can tell.")
        if self.committed == self.answer:
            return Verdict(True, f"Right. {self.why}".rstrip())
        return Verdict(False, f"Not {self.committed!r}: choose again.")

    def _known(self, option: str) -> str:
        if option not in self.options:
            raise ValueError(f"no option {option!r}: choose one of {', '.join(map(repr, self.options))}")
        return option

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener(self)

    def __repr__(self) -> str:
        return f"{self.label}: {self.text} [{' / '.join(self.options)}]"

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.label}.** {self.text}", "", *(f"- {option}" for option in self.options)]
        if self.answer is not None:
            answer = escape(f"{self.answer}. {self.why}".rstrip())
            lines += ["", f"<details><summary>The answer</summary>{answer}</details>"]
        return "\n".join(lines)


def predict(text: str, options: Sequence[str], answer: str | None = None, why: str = "") -> Question:
    """A bet on what an experiment will show; returns at once, committed or not."""
    return Question(text, options, answer, why, label="Predict")


def question(text: str, options: Sequence[str], answer: str, why: str) -> Question:
    """A self-test question: the answer is known, and ``why`` explains it."""
    return Question(text, options, answer, why)
