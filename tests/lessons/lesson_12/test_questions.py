"""The bets of lesson 12 are judged by the same steps of the run and its twin, wherever the twin's list begins."""

from types import SimpleNamespace

import pytest

from lessons_lib.lessons.lesson_12 import questions
from lessons_lib.runs.history import History


def told(difference: float, steps: int = 320, parted: int = 1) -> SimpleNamespace:
    """A run whose loss falls by .01 a step, and a twin that lies ``difference`` nats below it at every step."""
    loss = [10 - 0.01 * step for step in range(steps)]
    history = History(steps=list(range(steps)), loss=loss)
    history.twin_steps = list(range(parted, steps))
    history.twin_loss = [own - difference for own in loss[parted:]]
    return SimpleNamespace(history=history)


@pytest.mark.parametrize("parted", [0, 1, 40])
@pytest.mark.parametrize(("difference", "place"), [(-0.03, 0), (0.0, 1), (0.1, 2), (0.3, 3)])
def test_the_price_is_that_of_the_same_hundred_steps(difference: float, place: int, parted: int) -> None:
    for family, bet in questions.bets.items():
        assert questions.outcomes[family](told(difference, parted=parted)) == bet.options[place]


def test_before_step_300_nothing_is_seen() -> None:
    assert questions.outcomes["lstm"](told(0.1, steps=299)) is None
