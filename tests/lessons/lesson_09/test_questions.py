"""What lesson 09's bets are told is what a run and its twin have shown."""

from types import SimpleNamespace

import pytest

from lessons_lib.lessons.lesson_09 import questions
from lessons_lib.runs.history import Change, History
from lessons_lib.stability import LSTMStableSet, SpectralBall, Unconstrained


def pulled(gaps, stable_set, at=320):
    """A run whose loss lies so far above its twin's, step by step, after ``stable_set`` was switched on."""
    history = History(loss=[9.0] * at + [9.0 + gap for gap in gaps])
    history.twin_steps = list(range(at, at + len(gaps)))
    history.twin_loss = [9.0] * len(gaps)
    history.changes = [Change(at, "stable_set", Unconstrained(), stable_set, 0.0)]
    return SimpleNamespace(history=history)


@pytest.mark.parametrize(("gap", "outcome"), [(-0.4, "lower"), (0.01, "about the same"), (0.3, "higher")])
def test_the_rnn_is_judged_a_hundred_steps_after_the_pull(gap, outcome):
    assert questions.after_the_pull(pulled([5.0] * 100 + [gap] * 100, SpectralBall(0.9))) == outcome


@pytest.mark.parametrize(("gap", "outcome"), [(-0.4, "falls"), (0.01, "hardly moves"), (0.3, "jumps up")])
def test_the_lstm_is_judged_at_once(gap, outcome):
    assert questions.at_the_ceiling(pulled([gap] * 5 + [-gap] * 300, LSTMStableSet(0.64))) == outcome


@pytest.mark.parametrize(
    "run",
    [
        pulled([0.3] * 150, SpectralBall(0.9)),
        pulled([0.3] * 300, SpectralBall(1.5)),
        pulled([0.3] * 300, SpectralBall(0.9), at=100),
        SimpleNamespace(history=History(loss=[9.0] * 400)),
    ],
    ids=["too soon", "another bound", "pulled too early", "no pull"],
)
def test_what_was_not_seen_is_left_open(run):
    assert questions.after_the_pull(run) is None
