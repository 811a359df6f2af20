"""Lesson 10's checks pass the right answers and name the wrong ones."""

import math

import pytest

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_10 import checks
from lessons_lib.lessons.lesson_10.experiment import measured_context


def largest(drive, rate, d):
    return min(drive / (1 - rate), math.sqrt(d))


def solved(inside=lambda M, L, e: L * M / e, base=lambda rate: math.log(1 / rate)):
    def answer(rate, M, lipschitz, accuracy):
        return max(0, math.ceil(math.log(inside(M, lipschitz, accuracy)) / base(rate)))

    return answer


def measured_by_tensor(errors, accuracy):
    last = max((errors > accuracy).nonzero().flatten().add(1).tolist(), default=0)
    return math.inf if last == len(errors) else last + 1


def test_right_answers_pass():
    assert checks.measured_context(measured_by_tensor)
    assert checks.bound(lambda r, k, d, drive, L: L * r**k * largest(drive, r, d))
    assert checks.context_for(solved())
    assert checks.measured_context(measured_context)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r, k, d, drive, L: r**k * largest(drive, r, d), "Lipschitz"),
        (lambda r, k, d, drive, L: L * r * largest(drive, r, d), "every one of the k steps"),
        (lambda r, k, d, drive, L: L * r * k * largest(drive, r, d), "exponent"),
        (lambda r, k, d, drive, L: L * r**k, "M is missing"),
        (lambda r, k, d, drive, L: L * r ** (k - 1) * largest(drive, r, d), "not k - 1"),
        (lambda r, k, d, drive, L: L * r**k * largest(drive, r, d) / (1 - r), "again"),
    ],
)
def test_a_wrong_bound_is_named(answer, said):
    assert said in checks.bound(answer).message


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
    def bound(rate, k, d, drive, lipschitz):
        return ...

    def context(rate, M, lipschitz, accuracy):
        return max(0, math.ceil(math.log(...) / math.log(...)))

    def empty(errors, accuracy):
        """Nothing yet."""
        ...

    verdicts = (checks.bound(bound), checks.context_for(context), checks.measured_context(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
