"""Bets and self-test questions: one value that remembers what the learner said.  No widgets here.

A lesson's own stand in ``lessons_lib/lessons/lesson_NN/questions.py``, so that no notebook holds an answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Listener = Callable[["Question"], None]


class Question:
    """A question with a few options, of which the learner chooses one.

    Nothing here waits: *Run All* goes through whether or not there is a choice.  A self-test question is settled from
    the start, and answers every choice at once.  A bet is settled by what the learner's own run measures, see
    :meth:`settle`; from then on the choice stands.

    Args:
        text: the question.
        options: what may be answered, at least two, all different.
        answer: the right option.
        why: one or two sentences, shown with the answer.
        is_bet: whether an experiment decides; ``answer`` is then what the lesson's own runs show.

    Attributes:
        committed: the chosen option, or None.
        outcome: the option that turned out to be right, or None while a bet is open.
        listeners: called with the question after every change (a widget redraws itself).

    Raises:
        ValueError: too few options, two alike, or an answer that is none of them.
    """

    def __init__(
        self,
        text: str,
        options: Sequence[str],
        answer: str,
        why: str,
        *,
        is_bet: bool = False,
    ):
        self.text, self.options, self.why, self.is_bet = text, tuple(options), why, is_bet
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ValueError(f"options {list(self.options)}: give at least two, all different")
        self.answer = self._known(answer)
        self.committed: str | None = None
        self.outcome: str | None = None
        self.listeners: list[Listener] = []
        self.afresh()

    @property
    def label(self) -> str:
        """What kind of question this is, in a word."""
        return "Predict" if self.is_bet else "Question"

    @property
    def locked(self) -> bool:
        """Whether the choice stands: a bet that is made and settled."""
        return self.is_bet and self.outcome is not None and self.committed is not None

    def afresh(self) -> None:
        """Forget the choice, and what a run has shown."""
        self.committed = None
        self.outcome = None if self.is_bet else self.answer
        self._tell()

    def commit(self, option: str) -> None:
        """Choose an option.

        Raises:
            ValueError: not one of the options.
            RuntimeError: a bet whose outcome the learner has seen.
        """
        if self.locked:
            raise RuntimeError("the outcome is known: the choice stands (run the cell again to start afresh)")
        self.committed = self._known(option)
        self._tell()

    def settle(self, outcome: str | None) -> str | None:
        """Tell a bet what was measured: one line about it, or None while the learner has made no choice.

        A later choice is answered at once.  None, where the measurement shows none of the options, leaves the bet
        open; once settled, a bet stays as it is.

        Raises:
            TypeError: a self-test question, which is settled from the start.
            ValueError: not one of the options.
        """
        if not self.is_bet:
            raise TypeError("a self-test question is settled from the start")
        if self.outcome is None and outcome is not None:
            self.outcome = self._known(outcome)
            self._tell()
        return None if self.committed is None else self.reply(self.committed)

    def reply(self, option: str) -> str:
        """What a learner who chooses this option is told, as things stand.

        Raises:
            ValueError: not one of the options.
        """
        self._known(option)
        if not self.is_bet:
            return f"Right. {self.why}" if option == self.answer else f"No. The answer is: {self.answer}. {self.why}"
        if self.outcome is None:
            return f"Your bet: {option}. The experiment decides."
        told = "So it came." if option == self.outcome else f"It came otherwise: {self.outcome}."
        if self.outcome == self.answer:
            return f"Your bet: {option}. {told} {self.why}"
        return f"Your bet: {option}. {told} Not seen here is what the lesson's own runs show: {self.answer}. {self.why}"

    def _known(self, option: str) -> str:
        if option not in self.options:
            raise ValueError(f"no option {option!r}: choose one of {', '.join(map(repr, self.options))}")
        return option

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener(self)

    def __repr__(self) -> str:
        return f"{self.label}: {self.text} [{' / '.join(self.options)}]"


def predict(text: str, options: Sequence[str], answer: str, why: str) -> Question:
    """A bet on what an experiment will show; its options keep their order."""
    return Question(text, options, answer, why, is_bet=True)


def question(text: str, options: Sequence[str], answer: str, why: str) -> Question:
    """A self-test question; its options are shuffled, always the same way for the same text."""
    shuffled = random.Random(text).sample(list(options), len(options))
    return Question(text, shuffled, answer, why)
