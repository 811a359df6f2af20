"""Lesson 13's checks pass the right answers and name the wrong ones."""

import math

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_13 import checks


def added(what):
    return lambda a, u, b, v: (a * b, what(a, u, b, v))


def doubling(power):
    def answer(rate, inputs):
        states, span = inputs.clone(), 1
        while span < len(states):
            states = torch.cat([states[:span], states[span:] + rate ** power(span) * states[:-span]])
            span *= 2
        return states

    return answer


def test_right_answers_pass():
    assert checks.join(added(lambda a, u, b, v: b * u + v))
    assert checks.join(lambda a, u, b, v: [a * b, b * u + v])
    assert checks.scan(doubling(lambda span: span))
    assert checks.parity(lambda bit: (1 - 2 * bit, 0))
    assert checks.parity(lambda bit: [1 - 2 * bit, 0])
    assert checks.told_apart(lambda a, b: max(a) < min(b) or max(b) < min(a))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda a, u, b, v: u + v, "factor too"),
        (lambda a, u, b, v: a * u + v, "b, not a"),
        (lambda a, u, b, v: u + a * v, "other way round"),
        (lambda a, u, b, v: b * (u + v), "before"),
    ],
)
def test_a_wrong_join_is_named(what, said):
    assert said in checks.join(added(what)).message


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (lambda span: 1 + int(math.log2(span)), "right up to four"),
        (lambda span: 1, "not by rate"),
        (lambda span: 2 * span, "span times"),
        (lambda span: 0, "nothing has faded"),
    ],
)
def test_a_wrong_scan_is_named(power, said):
    assert said in checks.scan(doubling(power)).message


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda bit: (0.5 if bit else 1, 0), "never turns"),
        (lambda bit: (1, 0), "never turns"),
        (lambda bit: (-0.9 if bit else 1, 0), "fades into rounding"),
        (lambda bit: (-1.1 if bit else 1, 0), "grown to"),
        (lambda bit: (-1, 0), "the number of ones is 0"),
        (lambda bit: (1, -2 * bit), "the number of ones is 2"),
        (lambda bit: 1 - 2 * bit, "two numbers"),
    ],
)
def test_a_wrong_design_for_parity_is_named(step, said):
    assert said in checks.parity(step).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda a, b: max(a) < min(b), "either of the two"),
        (lambda a, b: sum(a) / len(a) != sum(b) / len(b), "whatever their means"),
        (lambda a, b: (max(a) - max(b)) * (min(a) - min(b)) > 0, "overlap"),
        (lambda a, b: not (min(a) < min(b) < max(a) < max(b)), "inside"),
    ],
)
def test_a_wrong_rule_is_named(answer, said):
    assert said in checks.told_apart(answer).message


def test_blanks_are_not_answered():
    def join(a, u, b, v):
        return a * b, ...

    def scan(rate, inputs):
        return rate ** ... * inputs

    def empty(first, second):
        """Nothing yet."""
        ...

    verdicts = (checks.join(join), checks.scan(scan), checks.parity(lambda bit: (..., 0)), checks.told_apart(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
