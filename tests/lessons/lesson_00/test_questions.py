"""The bets of lesson 00 are judged by what a run did, and stay open while it shows nothing."""

import pytest

from lessons_lib.lessons.lesson_00 import questions
from lessons_lib.runs import Measurements
from lessons_lib.runs.history import Change, History
from lessons_lib.stability import SpectralBall, Unconstrained


class Told:
    """A run as a bet sees it: pulled at step 10, with these losses after it; one probe at a time."""

    def __init__(self, losses=(4.0, 5.0), steps=400, bound=0.9):
        self.history = History(steps=list(range(steps)), loss=[losses[0]] * steps)
        self.history.twin_steps = list(range(10, steps))
        self.history.twin_loss = [losses[1]] * (steps - 10)
        self.history.changes.append(Change(10, "stable_set", Unconstrained(), SpectralBall(bound), 0.0))

    def probed(self, step, error):
        self.history.probes.append((step, Measurements(truncation_error=[error] * 20)))
        return self


def memory_shown(run, *probes):
    questions.bet_on_memory.afresh()
    watch = questions.Memory()
    watch(run)
    for step, error in probes:
        watch(run.probed(step, error))
    return questions.bet_on_memory.outcome


@pytest.mark.parametrize(
    ("after", "seen"), [(0.01, "more than fifty"), (5.0, "less than fifty"), (29.0, "as far apart")]
)
def test_the_memory_is_judged_by_the_error_before_the_pull_and_well_after_it(after, seen):
    assert seen in memory_shown(Told(), (2, 60.0), (8, 30.0), (12, 7.0), (16, after))


@pytest.mark.parametrize(
    ("losses", "seen"), [((4.0, 5.0), "lower"), ((5.0, 4.0), "higher"), ((4.0, 4.01), "about the same")]
)
def test_the_loss_is_judged_against_the_twins(losses, seen):
    assert questions.loss_outcome(Told(losses)) == seen


def test_a_run_that_was_not_pulled_or_not_long_enough_shows_nothing_yet():
    assert memory_shown(Told(bound=2.5), (8, 30.0), (16, 0.01)) is None
    assert memory_shown(Told(), (8, 30.0), (12, 0.01)) is None
    assert questions.loss_outcome(Told(bound=2.5)) is None
    assert questions.loss_outcome(Told(steps=250)) is None
