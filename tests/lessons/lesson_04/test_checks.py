"""Lesson 04's checks accept right answers, in more than one form, and name each mistake."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
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
        (step(detach_state, lambda length, steps, k: torch.tensor(length / steps)), "Right"),
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


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda n: torch.diag(torch.ones(n - 1), -1), "Right"),
        (lambda n: [[float(i == j + 1) for j in range(n)] for i in range(n)], "Right"),
        (lambda n: torch.diag(torch.ones(n - 1), 1), "towards the first"),
        (torch.eye, "adds up all inputs"),
        (lambda n: torch.eye(n).roll(1, 0), "comes back to the first place"),
        (lambda n: torch.zeros(n, n), "nothing is kept"),
        (lambda n: 0.5 * torch.diag(torch.ones(n - 1), -1), "your state is [4.0, 1.5, 0.5, 0.12]"),
        (lambda n: torch.diag(torch.ones(3), -1), "the shape should be (7, 7)"),
        (lambda n: ..., NOT_ANSWERED),
    ],
)
def test_delay_line(answer, line):
    assert line in checks.delay_line(answer).message
