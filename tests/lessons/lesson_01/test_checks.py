"""Lesson 01's checks pass the right answers and name the wrong ones."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_01 import checks, questions


def probe(model, inputs, s):
    """How far the outputs move when input s does: (time,)."""
    changed = inputs.clone()
    changed[:, s] += 1.0
    return (model(changed)[0] - model(inputs)[0]).abs().amax((0, 2))


def felt(model, inputs):
    time = inputs.shape[1]
    return [s for s in range(time) if probe(model, inputs, s)[-1] > 1e-9]


def in_place(model, inputs):
    before = model(inputs)[0]
    inputs[:, 0] += 1.0
    return int((model(inputs)[0] - before).abs().sum() > 0)


def moved(where=lambda s: s, size=lambda d: d.norm(dim=-1).mean(0), copy=torch.clone):
    def answer(model, inputs, s):
        before = model(inputs)[0]
        changed = copy(inputs)
        changed[:, where(s)] += 1.0
        return size(model(changed)[0] - before)

    return answer


def test_right_answers_pass():
    assert checks.moved(moved())
    assert checks.outputs_that_move(lambda s, k, T: range(s, min(s + k, T)))
    assert checks.measured_context(lambda model, inputs: inputs.shape[1] - min(felt(model, inputs)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (moved(size=lambda d: d.abs().mean((0, 2))), "the mean of the entries"),
        (moved(size=lambda d: d.mean((0, 2))), "cancel"),
        (moved(size=lambda d: d.norm(dim=(0, 2))), "over the sequences as well"),
        (moved(where=lambda s: slice(s, None)), "x_s alone"),
        (moved(where=lambda s: s - 1), "largest difference"),
        (lambda model, inputs, s: 0 * moved()(model, inputs, s), "nothing moved"),
        (moved(copy=lambda inputs: inputs), "inputs.clone()"),
        (lambda model, inputs, s: 3.0, "the shape should be (16,)"),
    ],
)
def test_a_wrong_experiment_is_named(answer, said):
    verdict = checks.moved(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda s, k, T: range(s, s + k), "past the end"),
        (lambda s, k, T: range(s + 1, min(s + k, T)), "begin at s"),
        (lambda s, k, T: range(s, min(s + k - 1, T)), "s + k - 1"),
        (lambda s, k, T: range(s, min(s + k + 1, T)), "one too many"),
        (lambda s, k, T: range(max(0, s - k + 1), s + 1), "depends on"),
        (lambda s, k, T: range(s, T), "whole tail"),
        (lambda s, k, T: range(1), "expected [5, 6, 7, 8]"),
    ],
)
def test_wrong_outputs_are_named(answer, said):
    verdict = checks.outputs_that_move(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (in_place, "inputs.clone()"),
        (lambda m, x: x.shape[1] - min(felt(m, x)) - 1, "the largest lag"),
        (lambda m, x: len(felt(m, x)), "farthest"),
        (lambda m, x: min(felt(m, x)), "position of the farthest"),
        (lambda m, x: x.shape[1], "whole length"),
        (lambda m, x: 0, "nothing moved"),
        (lambda m, x: 99, "expected 5, yours is 99"),
        (lambda m, x: m.context_length, "measure it from outside"),
    ],
)
def test_a_wrong_measurement_is_named(answer, said):
    verdict = checks.measured_context(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def experiment(model, inputs, s):
        changed = inputs.clone()
        changed[:, s] += ...
        moves = model(changed)[0] - ...
        return moves.norm(dim=...).mean(...)

    def outputs(s, k, T):
        return range(..., ...)

    def empty(model, inputs):
        """Nothing yet."""
        ...

    verdicts = (
        checks.moved(experiment),
        checks.outputs_that_move(outputs),
        checks.measured_context(empty),
    )
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


def test_bets_are_told_what_was_measured():
    shares = (0.0, 0.001, 0.2, 0.9)
    assert [questions.tail(share) for share in shares] == ["exactly 0", "below 5 %, and not 0", None, "about the same"]
    for last, option in ((0.0, "still 0"), (0.1, "a little more"), (0.9, "about as much")):
        outcome = questions.cliff(lambda k, last=last: torch.tensor([1.0] * 8 + [last]))
        assert outcome(9, 10).startswith(option)
        assert outcome(8, 10) is None
