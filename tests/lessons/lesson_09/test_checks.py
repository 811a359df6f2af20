"""Lesson 09's checks accept right answers, in more than one form, and name each mistake."""

import pytest
import torch

from lessons_lib.lessons.lesson_09 import checks
from lessons_lib.stability import SpectralBall, spectral_ball_project, spectral_norm


def clipped(matrix, bound):
    left, values, right = torch.linalg.svd(matrix)
    return left @ torch.diag(values.clamp(max=bound)) @ right


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (clipped, "Right"),
        (spectral_ball_project, "Right"),
        (lambda W, b: W * b / spectral_norm(W), "rescaling"),
        (lambda W, b: W * min(1, b / spectral_norm(W)), "rescaling"),
        (lambda W, b: W.clamp(-b, b), "entries"),
        (lambda W, b: b * torch.linalg.svd(W)[0] @ torch.linalg.svd(W)[2], "those below it stay"),
        (lambda W, b: clipped(W, 0.9), "with another bound, 0.5"),
        (lambda W, b: W[:2], "the shape should be (4, 4)"),
        (lambda W, b: ..., "not answered yet"),
    ],
)
def test_clip_singular_values(answer, line):
    assert line.lower() in checks.clip_singular_values(answer).message.lower()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda row, tau: (row.abs() - tau).clamp(min=0) * row.sign(), "Right"),
        (torch.nn.functional.softshrink, "Right"),
        (lambda row, tau: (row.abs() - tau).clamp(min=0), "signs are lost"),
        (lambda row, tau: (row.abs() - tau) * row.sign(), "crossed zero"),
        (lambda row, tau: row - tau, "shrink their sizes"),
        (lambda row, tau: torch.where(row.abs() > tau, row, 0.0), "hard threshold"),
    ],
)
def test_soft_threshold(answer, line):
    assert line in checks.soft_threshold(answer).message


@torch.no_grad()
def in_place(layer, bound):
    old = layer.weight_hh_l0
    new = spectral_ball_project(old, bound)
    moved = float((new - old).norm())
    old.copy_(new)
    return moved


def replaced(layer, bound):
    new = spectral_ball_project(layer.weight_hh_l0.detach(), bound)
    moved = float((new - layer.weight_hh_l0).norm().detach())
    layer.weight_hh_l0 = torch.nn.Parameter(new)
    return moved


@torch.no_grad()
def rescaled(layer, bound):
    layer.weight_hh_l0.mul_(0.5 * bound / spectral_norm(layer.weight_hh_l0))
    return 0.0


def after_the_fact(layer, bound):
    in_place(layer, bound)
    return 0.0


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (in_place, "Right"),
        (lambda layer, bound: SpectralBall(bound).project_(layer), "Right"),
        (replaced, "replaced the parameter"),
        (rescaled, "another one of the ball was nearer"),
        (after_the_fact, "the matrix moved by"),
        (lambda layer, bound: 0.0, "did you write the result back"),
        (lambda layer, bound: ..., "ot answered yet"),
    ],
)
def test_project_after_step(answer, line):
    assert line in checks.project_after_step(answer).message
