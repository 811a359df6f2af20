"""Lesson 11's checks pass the right answers and name the wrong ones."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_11 import checks, questions
from lessons_lib.lessons.lesson_11.experiment import TwinRecord


def right_gap(recurrent, truncated, start):
    return (recurrent - truncated).norm() / max((recurrent - start).norm(), (truncated - start).norm())


def step(size=lambda alpha, t: alpha / t, shrink=lambda v, bound: v.clamp(max=bound)):
    def answer(W, gradient, alpha, t, bound):
        left, values, right = torch.linalg.svd(W - size(alpha, t) * gradient)
        return left @ torch.diag(shrink(values, bound)) @ right

    return answer


def bound(first=1, more=1, constant=False, grow=1.0):
    def answer(alpha, beta, G, N):
        distance = 0.0
        for t in range(first, N + more):
            size = alpha if constant else alpha / t
            distance = (1 + grow * size * beta) * distance + size * G
        return distance

    return answer


def test_right_answers_pass():
    assert checks.relative_gap(right_gap)
    assert checks.projected_step(step())
    assert checks.gap_bound(bound())
    assert checks.gap_bound(lambda alpha, *more: bound()(torch.tensor(alpha), *more)), "in float32"


@pytest.mark.parametrize(
    ("divisor", "said"),
    [
        (lambda r, t, s: min((r - s).norm(), (t - s).norm()), "shorter"),
        (lambda r, t, s: (r - s).norm() + (t - s).norm(), "sum"),
        (lambda r, t, s: s.norm(), "size of the start"),
        (lambda r, t, s: r.norm(), "not by their size"),
        (lambda r, t, s: (t - s).norm(), "longer of the two"),
    ],
)
def test_a_wrong_divisor_is_named(divisor, said):
    verdict = checks.relative_gap(lambda r, t, s: (r - t).norm() / divisor(r, t, s))
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (step(lambda alpha, t: alpha), "every time"),
        (step(lambda alpha, t: alpha * t), "divide alpha by t"),
        (step(lambda alpha, t: alpha / t**0.5), "root"),
        (step(lambda alpha, t: -alpha / t), "uphill"),
        (step(shrink=lambda v, b: v), "did not project"),
        (step(shrink=lambda v, b: v * (b / v.max())), "rescaling"),
        (step(shrink=lambda v, b: v.clamp(min=b)), "raised"),
        (step(shrink=lambda v, b: torch.full_like(v, b)), "every singular value"),
        (step(shrink=lambda v, b: v.clamp(max=0.8)), "right for one bound and step"),
    ],
)
def test_a_wrong_step_is_named(answer, said):
    verdict = checks.projected_step(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (bound(more=0), "too few"),
        (bound(more=2), "too many"),
        (bound(constant=True), "alpha / t in both"),
        (bound(grow=0.0), "old differences grow"),
        (lambda alpha, beta, G, N: alpha * G * N ** (alpha * beta), "how the bound grows"),
    ],
)
def test_a_wrong_recursion_is_named(answer, said):
    verdict = checks.gap_bound(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def gap(recurrent, truncated, start):
        return ...

    def projected(W, gradient, alpha, t, bound):
        return W - ... * gradient

    def empty(alpha, beta, G, N):
        """Nothing yet."""
        ...

    verdicts = (checks.relative_gap(gap), checks.projected_step(projected), checks.gap_bound(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


@pytest.mark.parametrize(
    ("step", "bound", "gap", "said"),
    [
        (99, 300.0, 0.001, None),
        (100, float("inf"), 0.001, None),
        (100, 300.0, 0.001, "to less than a thirtieth"),
        (150, 300.0, 0.03, "to about a third"),
        (150, 300.0, 0.09, "hardly"),
    ],
)
def test_the_panels_bet_is_settled_by_its_run(step, bound, gap, said):
    record = TwinRecord(step, {}, {5: 0.1, 20: gap}, {5: 1.0, 20: 1.0}, {}, {5: bound, 20: bound})
    assert questions.stable_gap(record) == said
    assert said is None or said in questions.bet_stable.options


def test_bets_are_settled_by_what_was_measured():
    assert [questions.unstable_gap(left) for left in (1.0, 0.5, 0.01)] == list(questions.bet_unstable.options)
    assert questions.rescue(1.9, 1.4) == questions.bet_rescue.answer
    assert [questions.rescue(1.4, 1.9), questions.rescue(1.5, 1.55)] == list(questions.bet_rescue.options[:2])
    assert questions.descent(0.1, 1e-6, [1.0, 0.0]) == "converges"
    assert questions.descent(0.1, 0.05, [1.0, 0.5]) == "converges more slowly"
    assert questions.descent(0.1, 9.0, [1.0, float("nan")]) == questions.bet_descent.answer
