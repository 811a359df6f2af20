"""Lesson 02's checks pass the right answers and name the wrong ones."""

import math

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_02 import checks


def step(term):
    return lambda h, x, U, W, b: torch.tanh(W @ h + term(h, x, U, W) + b)


def lstm(cell, show=lambda o, c: o * torch.tanh(c)):
    def answer(h, c, x, U, W, b):
        i, f, g, o = (U @ x + W @ h + b).chunk(4)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = cell(i, f, g, o, c)
        return show(o, c), c

    return answer


def logit(gate):
    return math.log(gate / (1 - gate))


def test_right_answers_pass():
    assert checks.rnn_step(step(lambda h, x, U, W: U @ x))
    assert checks.lstm_step(lstm(lambda i, f, g, o, c: f * c + i * g))
    assert checks.forget_bias_for(lambda steps: logit(0.5 ** (1 / steps)))
    assert checks.forget_bias_for(lambda steps: -math.log(2 ** (1 / steps) - 1))


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (lambda h, x, U, W: U @ h, "product of U and x"),
        (lambda h, x, U, W: W @ x, "matrix of its own"),
        (lambda h, x, U, W: x, "not as it is"),
        (lambda h, x, U, W: x @ U, "transposed"),
        (lambda h, x, U, W: U * x, "written U @ x"),
        (lambda h, x, U, W: 0 * x, "does not enter"),
        (lambda h, x, U, W: 2 * U @ x, "largest difference"),
    ],
)
def test_a_wrong_term_is_named(term, said):
    verdict = checks.rnn_step(step(term))
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lstm(lambda i, f, g, o, c: i * c + f * g), "swapped"),
        (lstm(lambda i, f, g, o, c: c + i * g), "kept whole"),
        (lstm(lambda i, f, g, o, c: f * c + g), "enters whole"),
        (lstm(lambda i, f, g, o, c: o * c + i * g), "what is shown"),
        (lstm(lambda i, f, g, o, c: f * c + (1 - f) * g), "independent"),
        (lstm(lambda i, f, g, o, c: f * c + o * g), "by i, not by o"),
        (lstm(lambda i, f, g, o, c: f * c - i * g), "the new cell"),
        (lstm(lambda i, f, g, o, c: f * c + i * g, show=lambda o, c: o * c), "the new h"),
        (lambda h, c, x, U, W, b: h, "two things"),
    ],
)
def test_a_wrong_cell_is_named(answer, said):
    verdict = checks.lstm_step(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda steps: 0.5 ** (1 / steps), "that is the gate"),
        (lambda steps: logit(math.exp(-1 / steps)), "1/e is left"),
        (lambda steps: -logit(0.5 ** (1 / steps)), "wrong way round"),
        (lambda steps: math.atanh(0.5 ** (1 / steps)), "not a tanh"),
        (lambda steps: logit(1 - 1 / steps), "rather than one half"),
        (lambda steps: 3.0, "yours is 3"),
    ],
)
def test_a_wrong_bias_is_named(answer, said):
    verdict = checks.forget_bias_for(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def rnn(h, x, U, W, b):
        return torch.tanh(W @ h + ... + b)

    def cell(h, c, x, U, W, b):
        _, _, g, o = (U @ x + W @ h + b).chunk(4)
        c = ... * c + ... * g
        return o * torch.tanh(c), c

    def empty(steps):
        """Nothing yet."""
        ...

    verdicts = (checks.rnn_step(rnn), checks.lstm_step(cell), checks.forget_bias_for(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
