"""The recorded first minute is the lesson's own experiment, one bound at a time."""

import pytest

from lessons_lib.experiments.reading import embedded_language
from lessons_lib.lessons.lesson_00 import replay


def test_runs_are_the_same_until_the_pull_and_part_after_it():
    sizes = {"at": 10, "steps": 20, "every": 5, "reading": embedded_language()}
    alone, pulled = replay.recorded(None, **sizes), replay.recorded(0.3, **sizes)
    assert alone["steps"] == pulled["steps"] == [5, 10, 15, 20]
    assert alone["loss"][:2] == pulled["loss"][:2]
    assert alone["loss"][2:] != pulled["loss"][2:]
    assert pulled["error"][-1] < alone["error"][-1] / 100


@pytest.mark.parametrize("bound", [bound for bound in replay.BOUNDS if bound < 1])
def test_in_the_stored_replay_a_stable_bound_cuts_the_error_and_costs_no_loss(bound):
    points = {point["bound"]: point for point in replay.REPLAY.read().points}
    assert points.keys() == {None, *replay.BOUNDS}
    assert points[bound]["error"][-1] < points[None]["error"][-1] / 100
    assert sum(points[bound]["loss"][-2:]) < sum(points[None]["loss"][-2:])
