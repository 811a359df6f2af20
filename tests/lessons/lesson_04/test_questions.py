"""What lesson 04's bets are told is what a run has shown."""

from dataclasses import dataclass
from itertools import pairwise

import pytest

from lessons_lib.lessons.lesson_04 import questions
from lessons_lib.runs.history import Change, History
from lessons_lib.training import Settings

LOW, HIGH = 0.41, 0.9


@dataclass
class Recorded:
    """A run that has been through these phases: a truncation length, and the losses of its steps."""

    phases: list[tuple[int, list[float]]]

    def __post_init__(self) -> None:
        self.settings, self.history = Settings(self.phases[-1][0]), History()
        for (old, losses), (new, _) in pairwise(self.phases):
            self.history.loss += losses
            self.history.changes.append(Change(len(self.history.loss), "truncation_length", old, new, at=0.0))
        self.history.loss += self.phases[-1][1]


def dip(lowest: float) -> list[float]:
    return [HIGH] * 60 + [lowest] * 60 + [HIGH] * 60


@pytest.mark.parametrize(
    ("lowest", "outcome"),
    [
        (0.88, "0.89: bit B is out of reach"),
        (0.6, "well below 0.89, well above 0.40"),
        (0.41, "0.40: k does not matter"),
    ],
)
def test_the_lowest_loss_at_two_is_told(lowest, outcome):
    assert questions.lowest_at_two(Recorded([(2, dip(lowest))])) == outcome
    assert questions.lowest_at_two(Recorded([(2, dip(lowest)), (4, [LOW] * 50)])) == outcome


def test_too_short_a_look_at_two_says_nothing():
    assert questions.lowest_at_two(Recorded([(2, [HIGH] * 100)])) is None
    assert questions.lowest_at_two(Recorded([(3, dip(0.6))])) is None
    assert questions.lowest_at_two(Recorded([(2, [])])) is None


@pytest.mark.parametrize(
    ("losses", "outcome"),
    [
        ([LOW] * 200, "stays at 0.40"),
        ([HIGH] * 200, "jumps to 0.89 at once"),
        ([LOW + 0.0025 * i for i in range(200)], "creeps up to 0.89"),
        ([LOW] * 199, None),
    ],
)
def test_what_the_loss_did_at_one_is_told(losses, outcome):
    learned = [(2, [HIGH] * 50), (4, [0.7] * 50 + [LOW] * 50)]
    assert questions.after_the_return(Recorded([*learned, (1, losses)])) == outcome
    through_three = [*learned, (3, []), (2, []), (1, losses)]
    assert questions.after_the_return(Recorded(through_three)) == outcome


def test_a_return_before_anything_was_learned_says_nothing():
    assert questions.after_the_return(Recorded([(4, [HIGH] * 200), (1, [HIGH] * 300)])) is None


@pytest.mark.parametrize(
    ("at_one", "outcome"), [(3.47, "hardly change"), (3.7, "rise by some 5 %"), (4.7, "rise by a third or more")]
)
def test_the_change_on_words_is_told(at_one, outcome):
    assert questions.from_twenty_to_one(3.46, at_one) == outcome
