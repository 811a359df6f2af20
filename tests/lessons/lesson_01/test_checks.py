"""Lesson 01's checks pass the right answers and name the wrong ones."""

import pytest

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_01 import checks


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


def test_right_answers_pass():
    assert checks.oldest_input(lambda t, k: max(0, t - k + 1))
    assert checks.outputs_that_move(lambda s, k, T: range(s, min(s + k, T)))
    assert checks.measured_context(lambda model, inputs: inputs.shape[1] - min(felt(model, inputs)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda t, k: max(0, t - k), "k + 1 inputs"),
        (lambda t, k: max(0, t - k + 2), "k - 1 inputs"),
        (lambda t, k: max(0, k - t), "count back from t"),
        (lambda t, k: 100, "expected 6, yours is 100"),
    ],
)
def test_a_wrong_oldest_input_is_named(answer, said):
    verdict = checks.oldest_input(answer)
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
        (lambda m, x: m.context_length, "AttributeError"),  # not measured: what the model says of itself
    ],
)
def test_a_wrong_measurement_is_named(answer, said):
    verdict = checks.measured_context(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def oldest(t, k):
        return max(0, ...)

    def outputs(s, k, T):
        return range(..., ...)

    def empty(model, inputs):
        """Nothing yet."""
        ...

    verdicts = (
        checks.oldest_input(oldest),
        checks.outputs_that_move(outputs),
        checks.measured_context(empty),
    )
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
