"""Lesson 04's checks accept right answers, in more than one form, and name each mistake."""

import math

import pytest

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.corpora import ProductOfLags
from lessons_lib.lessons.lesson_04 import checks
from lessons_lib.models import detach_state
from lessons_lib.training.truncation import backward_chunked


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda t, k: range(t - t % k, t + 1), "Right"),
        (lambda t, k: list(range(t // k * k, t + 1)), "Right"),
        (lambda t, k: range(t - k + 1, t + 1), "exact truncation"),
        (lambda t, k: range(t % k, t + 1), "how far t lies"),
        (lambda t, k: range(t // k, t + 1), "number of the chunk"),
        (lambda t, k: range(t - t % k + 1, t + 1), "one position after"),
        (lambda t, k: range(t + 1), "for t = 9 and k = 4"),
        (lambda t, k: range(..., t + 1), NOT_ANSWERED),
    ],
)
def test_chunked_reach(answer, line):
    assert line in checks.chunked_reach(answer).message


def step(before, share):
    def chunked(model, inputs, targets, state, k):
        steps = inputs.shape[1]
        for first in range(0, steps, k):
            chunk = slice(first, first + k)
            features, state = model(inputs[:, chunk], before(state))
            (model.loss(features, targets[:, chunk]) * share(inputs[:, chunk].shape[1], steps, k)).backward()
        return state

    return chunked


def fair(length, steps, k):
    return length / steps


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (step(detach_state, fair), "Right"),
        (lambda *given: backward_chunked(*given)[1], "Right"),
        (step(lambda state: None, fair), "reset the state; detach"),
        (step(lambda state: None, lambda *_: 1.0), "reset the state; detach"),
        (step(lambda state: state, fair), "ran back into an earlier chunk"),
        (step(detach_state, lambda *_: 1.0), "weigh it by the chunk's share"),
        (step(detach_state, lambda length, steps, k: k / steps), "fewer than k positions"),
        (step(detach_state, lambda length, steps, k: 1 / 3), "the same weight"),
        (step(detach_state, lambda length, steps, k: length), "largest difference"),
        (lambda model, inputs, targets, state, k: state, "no gradient arrived"),
        (step(lambda state: ..., fair), NOT_ANSWERED),
        (step(detach_state, lambda *_: ...), NOT_ANSWERED),
    ],
)
def test_chunked_step(answer, line):
    assert line in checks.chunked_step(answer).message


def per_bit(seen, known, unknown):
    def loss(lags, flips, k):
        return sum(known(e) if seen(k, lag) else unknown for lag, e in zip(lags, flips, strict=True))

    return loss


def entropy(e):
    return -e * math.log(e) - (1 - e) * math.log(1 - e)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (per_bit(lambda k, lag: k >= lag, entropy, math.log(2)), "Right"),
        (lambda lags, flips, k: ProductOfLags(lags, flips).optimal_loss(k), "Right"),
        (per_bit(lambda k, lag: k >= lag, lambda e: entropy(e) / math.log(2), 1.0), "base 2"),
        (per_bit(lambda k, lag: k > lag, entropy, math.log(2)), "k >= lag"),
        (per_bit(lambda k, lag: k >= lag, entropy, 0.0), "still costs"),
        (per_bit(lambda k, lag: k >= lag, lambda e: -math.log(1 - e), math.log(2)), "so does no flip"),
        (per_bit(lambda k, lag: True, entropy, math.log(2)), "the whole past"),
        (lambda lags, flips, k: 1.0, "and k = 0: expected"),
    ],
)
def test_optimal_loss(answer, line):
    assert line in checks.optimal_loss(answer).message
