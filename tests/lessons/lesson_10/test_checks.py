"""Lesson 10's checks pass the right answers and name the wrong ones."""

import math
from types import SimpleNamespace

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_10 import checks, questions
from lessons_lib.lessons.lesson_10.experiment import measured_context
from lessons_lib.runs import Measurements


def solved(inside=lambda M, L, e: L * M / e, base=lambda rate: math.log(1 / rate)):
    def answer(rate, M, lipschitz, accuracy):
        return max(0, math.ceil(math.log(inside(M, lipschitz, accuracy)) / base(rate)))

    return answer


def measured_by_tensor(errors, accuracy):
    last = max((errors > accuracy).nonzero().flatten().add(1).tolist(), default=0)
    return math.inf if last == len(errors) else last + 1


def test_right_answers_pass():
    assert checks.measured_context(measured_by_tensor)
    assert checks.two_errors(lambda w, gain: torch.tensor([[w, 0.0], [gain * w, w]]))
    assert checks.context_for(solved())
    assert checks.measured_context(measured_context)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (lambda w, gain: [gain, w], "new state of the lower"),
        (lambda w, gain: [0.0, w], "one rate for both"),
        (lambda w, gain: [gain * w, 0.0], "multiplied by w, too"),
        (lambda w, gain: [gain * w, 1.0], "carried over whole"),
        (lambda w, gain: [w, w], "by its gain"),
        (lambda w, gain: [w, gain * w], "first comes"),
        (lambda w, gain: [gain * w, gain * w], "from below"),
        (lambda w, gain: [4.0, 0.8], "for w = 0.5"),
    ],
)
def test_a_wrong_pair_of_errors_is_named(row, said):
    assert said in checks.two_errors(lambda w, gain: torch.tensor([[w, 0.0], row(w, gain)])).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (solved(lambda M, L, e: L / e), "M is missing"),
        (solved(lambda M, L, e: M / e), "Lipschitz"),
        (solved(lambda M, L, e: e / (L * M)), "upside down"),
        (solved(base=lambda rate: math.log(rate)), "upside down"),
        (solved(base=lambda rate: 1 - rate), "1 - rate"),
    ],
)
def test_a_wrong_context_is_named(answer, said):
    assert said in checks.context_for(answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda errors, e: next((k for k, x in enumerate(errors, 1) if x <= e), math.inf), "too large again"),
        (lambda errors, e: measured_context(errors, e) - 1, "count from 0"),
        (lambda errors, e: min(measured_context(errors, e), len(errors)), "math.inf"),
        (lambda errors, e: measured_context([x * 1.000001 for x in errors], e), "<=, not <"),
        (lambda errors, e: 5, "it is 4"),
    ],
)
def test_a_wrong_measurement_is_named(answer, said):
    assert said in checks.measured_context(answer).message


def test_blanks_are_not_answered():
    def context(rate, M, lipschitz, accuracy):
        return ...

    def pair(w, gain):
        return torch.tensor([[w, 0.0], [..., ...]])

    def empty(errors, accuracy):
        """Nothing yet."""
        ...

    verdicts = (checks.context_for(context), checks.two_errors(pair), checks.measured_context(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


def test_bets_are_settled_by_what_was_measured():
    assert [questions.slow(k) for k in (7, 70, 180, math.inf)] == ["k = 7", "k = 70", "k = 176", "k = 176"]
    assert [questions.edge(left) for left in (0.01, 1.0, 5.0)] == [
        "falls all the same",
        "stays where it is",
        "grows with k",
    ]


@pytest.mark.parametrize(
    ("steps", "rate", "last", "said"),
    [
        (100, math.inf, 0.1, None),
        (250, 0.9, 0.1, None),
        (250, math.inf, 0.1, "smaller, and no theorem says why"),
        (250, 1.5, 9.0, "as large"),
    ],
)
def test_a_free_run_settles_its_bet_once_it_has_trained(steps, rate, last, said):
    measured = Measurements(truncation_error=[10.0] * 19 + [last], rate=rate)
    run = SimpleNamespace(step_count=steps, history=SimpleNamespace(measured=measured))
    assert questions.free_run(run) == said
    assert said is None or said in questions.bet_training.options
