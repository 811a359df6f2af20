"""Lesson 06's checks accept right answers, in more than one form, and name each mistake."""

import math
from collections import Counter

import pytest

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_06 import checks


def blocks(enough):
    def layers_needed(lag, kernel_size):
        return next(n for n in range(1, 30) if enough(1 + 2 * (kernel_size - 1) * (2**n - 1), lag))

    return layers_needed


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (blocks(lambda k, lag: k > lag), "Right"),
        (blocks(lambda k, lag: k >= lag + 1), "Right"),
        (blocks(lambda k, lag: k >= lag), "equal to the lag"),
        (blocks(lambda k, lag: k > lag + 1), "one token too many"),
        (lambda lag, kernel_size: 5, "blocks see 3 tokens"),
        (blocks(lambda k, lag: k < ...), NOT_ANSWERED),
    ],
)
def test_layers_needed(answer, line):
    assert line in checks.layers_needed(answer).message


def possible(guess, nats, seen=lambda k, lags: sum(lag < k for lag in lags) / len(lags)):
    def best_possible(k, lags, symbols):
        known = seen(k, lags)
        return known + (1 - known) * guess(symbols, lags), (1 - known) * nats(symbols, lags)

    return best_possible


def right_guess(symbols, lags):
    return 1 / symbols


def right_loss(symbols, lags):
    return math.log(symbols)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (possible(right_guess, right_loss), "Right"),
        (possible(right_guess, lambda s, _: -math.log(1 / s)), "Right"),
        (lambda *case: list(possible(right_guess, right_loss)(*case)), "Right"),
        (possible(lambda *_: 0, right_loss), "can still be guessed"),
        (possible(right_guess, lambda s, _: math.log2(s)), "in bits"),
        (possible(right_guess, lambda _, lags: math.log(len(lags))), "not among the lags"),
        (possible(right_guess, lambda s, _: math.log(1 / s)), "positive"),
        (possible(right_guess, right_loss, lambda k, lags: sum(lag <= k for lag in lags) / len(lags)), "out of sight"),
        (possible(right_guess, lambda s, _: 1.0), "loss with k = 1"),
        (lambda k, lags, symbols: 0.5, "two numbers"),
        (possible(lambda *_: ..., right_loss), NOT_ANSWERED),
        (possible(right_guess, lambda *_: ...), NOT_ANSWERED),
    ],
)
def test_best_possible(answer, line):
    assert line in checks.best_possible(answer).message


def grouped(windows, answers):
    return {w: Counter(a for v, a in zip(windows, answers, strict=True) if v == w) for w in windows}


def best(windows, answers):
    return sum(max(counts.values()) for counts in grouped(windows, answers).values()) / len(answers)


def unweighted(windows, answers):
    counts = grouped(windows, answers).values()
    return sum(max(c.values()) / c.total() for c in counts) / len(counts)


def empty(windows, answers):
    """Nothing yet."""


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (best, "Right"),
        (lambda w, a: max(Counter(a).values()) / len(a), "ignores the windows"),
        (unweighted, "weigh every window"),
        (lambda w, a: len(set(w)) / len(w), "counts windows"),
        (lambda w, a: best(w, a) * len(a), "divide it"),
        (lambda w, a: 0.9, "for the windows"),
        (lambda w, a: 8 / 11, "is 1"),
        (empty, NOT_ANSWERED),
    ],
)
def test_best_accuracy(answer, line):
    assert line in checks.best_accuracy(answer).message
