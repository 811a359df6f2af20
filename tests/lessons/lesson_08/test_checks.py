"""Lesson 08's checks pass the right answers and name the wrong ones."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_08 import checks


def ratio(other):
    def answer(W, x, first, second):
        return (torch.tanh(W @ first + x) - other(W, x, first, second)).norm() / (first - second).norm()

    return answer


def peak(norm=lambda power: torch.linalg.matrix_norm(power, 2), first=0, more=1, shift=0):
    def answer(W, steps):
        powers = [torch.linalg.matrix_power(W, t) for t in range(first, steps + more)]
        norms = torch.stack([norm(power) for power in powers])
        return int(norms.argmax()) + first + shift, float(norms.max())

    return answer


def test_right_answers_pass():
    assert checks.shrinkage(ratio(lambda W, x, first, second: torch.tanh(W @ second + x)))
    assert checks.transient_peak(peak())
    assert checks.share_unmerged(lambda ratios, limit: (ratios[:, -1] > limit).double().mean())
    assert checks.share_unmerged(lambda ratios, limit: sum(r > limit for r in ratios[:, -1]) / len(ratios))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda W, x, first, second: torch.tanh(W @ second), "reads the input too"),
        (lambda W, x, first, second: W @ second + x, "through the tanh"),
        (lambda W, x, first, second: second, "its old state"),
        (lambda W, x, first, second: torch.tanh(W @ first + x), "its own state"),
    ],
)
def test_a_wrong_second_copy_is_named(other, said):
    assert said in checks.shrinkage(ratio(other)).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (peak(torch.linalg.matrix_norm), "Frobenius"),
        (peak(lambda power: torch.linalg.eigvals(power).abs().max()), "eigenvalue"),
        (peak(more=0), "W^steps"),
        (peak(first=1), "begin with t = 0"),
        (peak(shift=1), "count from t = 0"),
        (lambda W, steps: 3.0, "two numbers"),
    ],
)
def test_a_wrong_peak_is_named(answer, said):
    assert said in checks.transient_peak(answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda r, limit: (r[:, -1] > limit).sum(), "their number"),
        (lambda r, limit: (r[:, -1] <= limit).double().mean(), "did merge"),
        (lambda r, limit: (r > limit).any(1).double().mean(), "at some time"),
        (lambda r, limit: (r > limit).double().mean(), "all times"),
        (lambda r, limit: (r[:, 0] > limit).double().mean(), "first time"),
        (lambda r, limit: (r[-1] > limit).double().mean(), "a row is a context"),
    ],
)
def test_a_wrong_share_is_named(answer, said):
    assert said in checks.share_unmerged(answer).message


def test_blanks_are_not_answered():
    def shrinks(W, x, first, second):
        return (torch.tanh(W @ first + x) - ...).norm() / (first - second).norm()

    def peaks(W, steps):
        return [torch.linalg.matrix_norm(W, ...) for t in range(...)]

    def empty(ratios, limit):
        """Nothing yet."""
        ...

    verdicts = (checks.shrinkage(shrinks), checks.transient_peak(peaks), checks.share_unmerged(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
