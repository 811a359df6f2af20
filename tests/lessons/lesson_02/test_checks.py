"""Lesson 02's checks pass the right answers and name the wrong ones; its drawing says in words what it shows."""

import math

import pytest
import torch

from lessons_lib import figures
from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_02 import checks, questions
from lessons_lib.lessons.lesson_02.pictures import lstm_cell


def lstm(cell, show=lambda o, c: o * torch.tanh(c)):
    def answer(inputs, U, W, b):
        h = c = torch.zeros(W.shape[1], dtype=inputs.dtype)
        outputs = []
        for x in inputs:
            i, f, g, o = (U @ x + W @ h + b).chunk(4)
            i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
            c = cell(i, f, g, o, c)
            h = show(o, c)
            outputs.append(h)
        return torch.stack(outputs)

    return answer


def whole(i, f, g, o, c):
    return f * c + i * g


def logit(gate):
    return math.log(gate / (1 - gate))


def setting(block, *, twice=False, times=1.0, clean=True):
    def answer(layer, bias):
        width = layer.hidden_size
        for biases in (layer.bias_ih_l0, layer.bias_hh_l0):
            if clean:
                biases.zero_()
        for biases in (layer.bias_ih_l0, layer.bias_hh_l0)[: 2 if twice else 1]:
            biases[block * width : (block + 1) * width] = times * bias
        return layer

    return answer


def test_right_answers_pass():
    assert checks.lstm(lstm(whole))
    assert checks.forget_bias_for(lambda steps: logit(0.5 ** (1 / steps)))
    assert checks.forget_bias_for(lambda steps: -math.log(2 ** (1 / steps) - 1))
    assert checks.set_forget_bias(setting(1))
    assert checks.set_forget_bias(setting(1, twice=True, times=0.5))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lstm(lambda i, f, g, o, c: i * c + f * g), "swapped"),
        (lstm(lambda i, f, g, o, c: c + i * g), "kept whole"),
        (lstm(lambda i, f, g, o, c: f * c + g), "enters whole"),
        (lstm(lambda i, f, g, o, c: o * c + i * g), "what is shown"),
        (lstm(lambda i, f, g, o, c: f * c + (1 - f) * g), "independent"),
        (lstm(lambda i, f, g, o, c: f * c + o * g), "by i, not by o"),
        (lstm(whole, show=lambda o, c: o * c), "passes through tanh"),
        (lstm(whole, show=lambda o, c: torch.tanh(c)), "output gate o multiplies"),
        (lstm(lambda i, f, g, o, c: f * c - i * g), "for 3 inputs and 4 units, the largest difference"),
    ],
)
def test_a_wrong_cell_is_named(answer, said):
    verdict = checks.lstm(answer)
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
        (lambda steps: 3.0, "you give 3"),
    ],
)
def test_a_wrong_bias_is_named(answer, said):
    verdict = checks.forget_bias_for(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (setting(1, twice=True), "twice the bias"),
        (setting(3), "in the output gate's block"),
        (setting(0), "input gate's block"),
        (setting(2), "candidate's block"),
        (setting(1, clean=False), "something of the old biases is left"),
        (lambda layer, bias: print(end=""), "returned nothing"),
    ],
)
def test_a_bug_that_is_left_is_named(answer, said):
    verdict = checks.set_forget_bias(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def empty(steps):
        """Nothing yet."""
        ...

    blank = lstm(lambda i, f, g, o, c: ...)
    verdicts = (checks.lstm(blank), checks.forget_bias_for(empty), checks.set_forget_bias(setting(3, twice=True)))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


def test_bets_are_told_what_was_measured():
    assert [questions.rule(steps) for steps in (2, 13, 15, 100)] == ["2 steps", "14 steps", "14 steps", "100 steps"]
    for left, option in ((0.01, "less than 0.03"), (0.06, "still about 0.06"), (0.4, None), (5.0, "more than")):
        outcome = questions.feedback(lambda *_, left=left: {"LSTM": torch.tensor([1.0, left])})
        told = outcome(0.5, 3.0, 0.3)
        assert told == option or told.startswith(option)
        assert outcome(0.9, 3.0, 0.3) is None


def test_the_drawing_says_what_multiplies_and_what_adds():
    words = figures.describe(lstm_cell())
    assert all(part in words for part in ("forget gate f", "is added", "back to the four blocks"))
