"""Lesson 08's checks pass the right answers and name the wrong ones."""

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_08 import checks, questions
from lessons_lib.lessons.lesson_08.panel import driven_ring


def svd(choose):
    return lambda W: choose(*torch.linalg.svd(W))


def companion(radius, growth):
    """Its double eigenvalue moves by the square root of float32's rounding."""
    return torch.tensor([[0.0, 4 * growth], [-(radius**2) / (4 * growth), 2 * radius]])


def test_right_answers_pass():
    assert checks.worst_direction(svd(lambda left, values, right: right[0]))
    assert checks.worst_direction(svd(lambda left, values, right: -right[0]))
    assert checks.jacobian(lambda W, h: (1 - h**2)[:, None] * W)
    assert checks.jacobian(lambda W, h: torch.diag(1 - h * h) @ W)
    assert checks.parts_first(lambda radius, growth: torch.tensor([[radius, growth], [0.0, radius]]))
    assert checks.parts_first(lambda radius, growth: [[radius, 0.0], [-2 * growth, 0.1]])
    assert checks.parts_first(companion)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (svd(lambda left, values, right: left[:, 0]), "where W sends"),
        (svd(lambda left, values, right: right[:, 0]), "rows of its third"),
        (svd(lambda left, values, right: right[-1]), "stretches least"),
        (svd(lambda left, values, right: left[0]), "no direction"),
        (svd(lambda left, values, right: 3 * right[0]), "length 3"),
        (svd(lambda left, values, right: right[:2, 0]), "one vector of 3"),
        (lambda W: torch.ones(len(W)) / len(W) ** 0.5, "the worst one"),
        (lambda W: torch.tensor([1.0, 0.0, 0.0]), "stretches yours"),
        (lambda W: torch.linalg.eig(W)[1][:, torch.linalg.eig(W)[0].abs().argmax()].real, "eigenvector"),
    ],
)
def test_a_wrong_direction_is_named(answer, said):
    assert said in checks.worst_direction(answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda W, h: (1 - h**2) * W, "columns"),
        (lambda W, h: W, "linear map"),
        (lambda W, h: (1 - h)[:, None] * W, "not 1 - h"),
        (lambda W, h: (1 - h.tanh() ** 2)[:, None] * W, "again"),
        (lambda W, h: (h**2)[:, None] * W, "not h²"),
        (lambda W, h: (1 - h**2)[:, None] * W.mT, "transposed"),
        (lambda W, h: W[:2, :2], "for 2 units"),
    ],
)
def test_a_wrong_jacobian_is_named(answer, said):
    assert said in checks.jacobian(answer).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda radius, growth: radius * torch.eye(2), "skew it"),
        (lambda radius, growth: torch.tensor([[radius, 1.0], [0.0, radius]]), "push harder"),
        (lambda radius, growth: growth * torch.eye(2), "eigenvalue"),
        (lambda radius, growth: companion(radius + 0.003, growth), "eigenvalue| of yours is 0.803"),
        (lambda radius, growth: torch.tensor([[0.8, 5.0], [0.0, 0.8]]), "for radius 0.5"),
        (lambda radius, growth: torch.eye(3), "2 x 2"),
    ],
)
def test_a_wrong_design_is_named(answer, said):
    assert said in checks.parts_first(answer).message


def test_blanks_are_not_answered():
    def direction(W):
        return ...

    def slope(W, h):
        return torch.diag(...) @ ...

    def empty(radius, growth):
        """Nothing yet."""
        ...

    verdicts = (checks.worst_direction(direction), checks.jacobian(slope), checks.parts_first(empty))
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


def test_bets_are_settled_by_what_was_measured():
    assert [questions.places(count) for count in (1, 2, 5)] == list(questions.bet_radius.options)
    assert questions.ring(1e-9) == questions.bet_inputs.answer
    assert [questions.ring(left) for left in (1.2, 20)] == ["stay apart", "fly off"]
    assert questions.reading(1e-6) == questions.bet_real.answer
    assert {questions.reading(left) for left in (0.5, 2.0)} < set(questions.bet_real.options)


def test_the_panel_settles_its_bet_at_the_driven_rotation_alone():
    assert driven_ring("rotation", 1.5, 1.0) == questions.bet_inputs.answer
    assert driven_ring("rotation", 1.5, 0.0) is driven_ring("gaussian", 1.5, 1.0) is driven_ring("rotation", 0.8, 1.0)
    assert driven_ring("rotation", 0.8, 1.0) is None
