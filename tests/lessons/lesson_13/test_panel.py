"""The panels draw what Newton's method guessed, and pass a state on or not, as their controls say."""

import re

import pytest
import torch

from lessons_lib.lessons.lesson_13 import newton, panel, questions, state_passing
from lessons_lib.models import looped_states, newton_guesses
from lessons_lib.runs import Run


@pytest.fixture
def explorer():
    made = panel.panel()
    yield made
    made.close()


def told(explorer):
    """Iterations and exponent, as the title says them."""
    title = explorer.plot._layouts["0"]["title"]["text"]
    count, exponent = re.fullmatch(r"(\d+) iterations for 256 steps; Lyapunov exponent ([+-][\d.]+)", title).groups()
    return int(count), float(exponent)


def test_the_count_jumps_where_the_exponent_turns_positive(explorer):
    found = {}
    for gain in (0.5, 1.0, 1.3, 1.7, 2.5):
        explorer.controls["gain"].slider.value = gain
        found[gain] = told(explorer)
    assert [exponent < 0 for _, exponent in found.values()] == [True, True, True, False, False]
    assert max(count for count, exponent in found.values() if exponent < 0) < 20
    assert min(count for count, exponent in found.values() if exponent > 0) > 60


def test_the_lines_are_the_guesses_of_newton_s_method_over_the_loop(explorer):
    explorer.controls["gain"].slider.value = 1.2
    weight, drive = newton.system(1.2, 256)
    guesses = list(newton_guesses(weight, drive, tolerance=newton.TOLERANCE))
    count, _ = told(explorer)
    assert count == len(guesses) - 1

    def shown(curve):
        return torch.tensor(explorer.plot.curves[curve].y)

    true = looped_states(weight, drive)
    drawn = [true, *(guesses[min(i, count)].states for i in panel.DRAWN)]
    for place, states in enumerate(drawn):
        torch.testing.assert_close(shown(f"0.{place}"), states[panel.WINDOW, 0], atol=1e-4, rtol=1e-4)
    for place, i in enumerate(panel.MEASURED):
        distance = (guesses[min(i, count)].states - true).abs().amax(1).clamp(min=panel.EXACT)
        torch.testing.assert_close(shown(f"1.{place}").log10(), distance.log10(), atol=1e-3, rtol=0.0)


def test_where_differences_grow_a_guess_is_right_up_to_a_front_that_moves_on():
    _, distances = panel.draw(2.0)
    fronts = [next(t for t, y in zip(line.x, line.y, strict=True) if y > 1e-3) for line in distances.data]
    print(f"first step off by .001: guesses {panel.MEASURED}: {fronts}")
    assert fronts == sorted(fronts)
    assert all(front > guess for front, guess in zip(fronts, panel.MEASURED, strict=True))


def test_what_is_drawn_stays_one_set_of_curves_whatever_the_gain():
    drawn = [panel.draw(gain, length=64) for gain in (0.5, 2.5)]
    names = [[[trace.name for trace in figure.data] for figure in figures] for figures in drawn]
    assert names[0] == names[1]
    styles = [[trace.mode for figure in figures for trace in figure.data] for figures in drawn]
    assert styles[0] == styles[1]


def test_the_gain_is_locked_until_the_learner_has_bet():
    explorer = panel.panel(questions.bet_gain)
    assert explorer.controls["gain"].slider.disabled
    explorer.close()


def test_the_switch_decides_what_the_next_step_starts_from_and_outlives_a_reset():
    run = Run(state_passing.factory("forgets slowly"), state_passing.settings(), name="passing test", optimizer="adam")
    made = panel.PassingPanel(run)
    assert run.stream.carries_state is False
    made.passing.value = True
    assert run.stream.carries_state is True
    before = run.stream
    made.buttons["Reset"].click()
    assert run.stream is not before
    assert run.stream.carries_state is True
    made.close()
    run.close()
