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


def by_sort(row, radius):
    sizes = row.abs().sort(descending=True).values
    taus = (sizes.cumsum(0) - radius) / torch.arange(1, len(row) + 1)
    return taus[sizes > taus][-1]


def by_halving(row, radius):
    low, high = 0.0, float(row.abs().max())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (row.abs() - middle).clamp(min=0).sum() > radius else (low, middle)
    return low


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (by_sort, "Right"),
        (by_halving, "Right"),
        (lambda row, radius: (row.abs().sum() - radius) / len(row), "if all entries survive"),
        (lambda row, radius: row.abs().max() - radius, "the largest entry alone"),
        (lambda row, radius: by_sort(row, radius) * (row.abs() > by_sort(row, radius)).sum(), "those who pay for it"),
        (lambda row, radius: row.abs()[row.abs() > by_sort(row, radius)].min(), "what it gives up"),
        (lambda row, radius: float("nan"), "yours is nan"),
        (lambda row, radius: 1.5, "radius 2 τ is 0.5, yours is 1.5"),
        (lambda row, radius: ..., "ot answered yet"),
    ],
)
def test_threshold(answer, line):
    assert line in checks.threshold(answer).message


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda f, w, z: f + (1 - f) * abs(z) + abs(w) / 2, "Right"),
        (lambda f, w, z: f + (1 - f) * abs(z) + 2 * abs(w), "slope at most 1/4"),
        (lambda f, w, z: f + (1 - f) * abs(z) + abs(w) / 4, "up to 2, not 1"),
        (lambda f, w, z: f + abs(z) + abs(w) / 2, "true, but loose"),
        (lambda f, w, z: f + (1 - f) * abs(z), "f - f̃ is missing"),
        (lambda f, w, z: f + (1 - f) * z + w / 2, "negative"),
        (lambda f, w, z: 0.5, "largest difference"),
        (lambda f, w, z: ..., "ot answered yet"),
    ],
)
def test_unit_rate(answer, line):
    assert line in checks.unit_rate(answer).message


def test_no_pair_of_states_of_the_gated_unit_parts_faster_than_its_rate():
    generator = torch.Generator().manual_seed(0)
    for ceiling, w, z in ((0.9, 0.05, 0.5), (0.5, -0.3, 0.2)):
        a, b = torch.rand(2, 100_000, generator=generator, dtype=torch.float64) * 2 - 1
        drive = torch.randn(2, 100_000, generator=generator, dtype=torch.float64)
        most = torch.logit(torch.tensor(ceiling, dtype=torch.float64)) - abs(w)

        def step(h, w=w, z=z, most=most, drive=drive):
            f = torch.sigmoid(w * h + (most + drive[0]).clamp(max=most))
            return f * h + (1 - f) * torch.tanh(z * h + drive[1])

        largest = float(((step(a) - step(b)).abs() / (a - b).abs()).max())
        assert 0.5 * ceiling < largest <= ceiling + (1 - ceiling) * abs(z) + abs(w) / 2


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
        (lambda layer, bound: in_place(layer, bound) * float("nan"), "you returned nan"),
        (lambda layer, bound: 0.0, "did you write the result back"),
        (lambda layer, bound: ..., "ot answered yet"),
    ],
)
def test_project_after_step(answer, line):
    assert line in checks.project_after_step(answer).message
