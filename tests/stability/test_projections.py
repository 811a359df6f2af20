"""The projections are nearest points, from any start, and stay where they are the second time."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lessons_lib.stability import (
    LSTMStableSet,
    LSTMWideSet,
    SpectralBall,
    l1_rows_project,
    projections,
    rates,
    spectral_ball_project,
)
from lessons_lib.stability.layers import Layer
from lessons_lib.stability.projections import _chain_by_newton, _chain_by_sort, _threshold_by_sort, within_spectral_ball

seeds = st.integers(0, 2**31)
scales = st.sampled_from([1e-3, 0.5, 1.0, 1.5, 4.0, 6.0, 30.0, 1000.0])


def spectral_start(seed, size, bound, scale, kind):
    """Largest singular value scale x bound; above a face, many values are tied at the bound."""
    generator = torch.Generator().manual_seed(seed)
    u, v = (torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0] for _ in "uv")
    values = torch.rand(size, generator=generator, dtype=torch.float64)
    if kind == "face":
        values[: size // 2] = 1 / max(scale, 1.0)  # at the bound exactly
        values[size // 2 : 3 * size // 4] = 1.0
    elif kind == "corner":
        values[:] = 1.0  # a multiple of an orthogonal matrix
    values[0] = 1.0
    return bound * scale * (u * values) @ v


@settings(deadline=None, max_examples=50)
@given(
    seeds,
    st.integers(1, 24),
    st.sampled_from([0.01, 0.9, 3.0]),
    scales,
    st.sampled_from(["any", "face", "corner"]),
)
def test_spectral_projection_is_the_nearest_point(seed, size, bound, scale, kind):
    start = spectral_start(seed, size, bound, scale, kind)
    nearest = spectral_ball_project(start, bound)
    step = start - nearest
    # <step, Z - nearest> over the ball is largest at Z = bound U Vᵀ of the step, where <step, Z> = bound
    # ‖step‖_*.
    most = bound * torch.linalg.matrix_norm(step, "nuc")
    assert most - (step * nearest).sum() <= 1e-10 * most + 1e-14 * bound * start.norm()
    assert torch.linalg.matrix_norm(nearest, 2) <= bound * (1 + 1e-10)
    assert torch.equal(within_spectral_ball(start, bound, 1e-9), torch.tensor(scale <= 1.0))


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 48), scales, st.sampled_from(["any", "face", "corner"]))
def test_spectral_projection_in_float32_stays_within_1e_5(seed, size, scale, kind):
    start = spectral_start(seed, size, 0.9, scale, kind).float()
    nearest = spectral_ball_project(start, 0.9)
    assert nearest.dtype == torch.float32
    assert torch.linalg.matrix_norm(nearest.double(), 2) <= 0.9 * (1 + 1e-5)
    exact = spectral_ball_project(start.double(), 0.9)
    assert torch.linalg.matrix_norm(nearest - exact) <= 1e-5 * torch.linalg.matrix_norm(exact)


def test_spectral_projection_of_rectangles_and_radius_zero():
    wide = torch.randn(3, 7, dtype=torch.float64)
    left, values, right = torch.linalg.svd(wide, full_matrices=False)
    torch.testing.assert_close(spectral_ball_project(wide, 1.0), left * values.clamp(max=1) @ right)
    torch.testing.assert_close(spectral_ball_project(wide.mT, 1.0), (left * values.clamp(max=1) @ right).mT)
    assert not spectral_ball_project(wide, 0.0).any()


def l1_start(seed, count, width, scale, kind):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, width, generator=generator, dtype=torch.float64)
    if kind == "tied":  # above a face: equal sizes, so that the support's edge is degenerate
        rows = rows.sign() * torch.randint(0, 3, rows.shape, generator=generator)
    elif kind == "corner":  # above a vertex: one entry carries nearly everything
        rows = rows * 1e-3
        rows[:, 0] = 1.0
    return scale * rows


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 24), scales, st.sampled_from(["any", "tied", "corner"]), st.booleans())
def test_l1_projection_is_the_nearest_point(seed, width, scale, kind, weighted):
    rows = l1_start(seed, 12, width, scale, kind)
    weights = torch.rand(12, width, dtype=torch.float64) * 4 + 0.1 if weighted else torch.ones(12, width).double()
    radius = torch.linspace(0, 2, 12, dtype=torch.float64)
    nearest = l1_rows_project(rows, radius, weights)
    step = rows - nearest
    # The maximising Z is a vertex, radius/weight on one axis: <step, Z> = radius max_j |step_j| / weight_j.
    most = radius * (step.abs() / weights).max(-1).values
    gap = most - (step * nearest).sum(-1)
    assert (gap <= 1e-10 * most + 1e-14 * radius * rows.norm()).all()
    assert ((nearest.abs() * weights).sum(-1) <= radius * (1 + 1e-12)).all()


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(1, 24), scales, st.sampled_from(["any", "tied", "corner"]), st.sampled_from([0.0, 2.0]))
def test_newton_and_sort_find_the_same_threshold(seed, width, scale, kind, free_slope):
    sizes = l1_start(seed, 12, width, scale, kind).abs()
    weights = torch.rand(12, width if free_slope else 1, dtype=torch.float64) + 0.1
    radius = 0.5 * (sizes * weights).sum(-1) * torch.rand(12, dtype=torch.float64)
    radius -= torch.randn(12, dtype=torch.float64).abs() * bool(free_slope)
    newton = _chain_by_newton([sizes], [weights], radius.unsqueeze(1), free_slope).squeeze(1)
    sort = _threshold_by_sort(sizes, radius, weights, free_slope)
    level = (weights * (sizes - newton[:, None] * weights).clamp_min(0)).sum(-1) - free_slope * newton
    torch.testing.assert_close(level, radius, rtol=1e-9, atol=1e-12 * scale)
    active = radius != 0  # at radius zero every τ that is large enough will do
    torch.testing.assert_close(newton[active], sort[active], rtol=1e-9, atol=1e-12 * scale)


@settings(deadline=None, max_examples=50)
@given(seeds, st.integers(1, 5), scales, st.sampled_from(["any", "tied", "corner"]))
def test_newton_on_a_chain_shrinks_as_the_sorted_runs_do(seed, count, scale, kind):
    sizes = [l1_start(seed + block, 12, block + 1, scale, kind).abs() for block in range(count)]
    weights = [torch.rand(12, size.shape[1] if block % 2 else 1).double() + 0.1 for block, size in enumerate(sizes)]
    radii = torch.rand(12, count, dtype=torch.float64).sub(0.3).clamp_min(0)  # some constraints coincide
    newton, sort = _chain_by_newton(sizes, weights, radii), _chain_by_sort(sizes, weights, radii)
    for size, weight, found, expected in zip(sizes, weights, newton.split(1, 1), sort.split(1, 1), strict=True):
        # What is left, not the thresholds: where nothing is left, every large one will do.
        left, right = ((size - tau * weight).clamp_min(0) for tau in (found, expected))
        torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("scale", [1.5, 1000.0])
def test_l1_projection_in_float32_stays_within_1e_5(scale):
    rows = torch.randn(64, 512)
    rows *= scale / rows.abs().sum(-1, keepdim=True)
    rows[0], rows[0, 0] = 0, scale
    nearest = l1_rows_project(rows, 1.0)
    assert (nearest.double().abs().sum(-1) <= 1 + 1e-6).all()
    exact = l1_rows_project(rows.double(), 1.0)
    assert ((nearest - exact).norm(dim=-1) <= 1e-5 * exact.norm(dim=-1)).all()


def test_what_lies_inside_is_not_touched():
    rows = torch.randn(8, 16)
    rows /= rows.abs().sum(-1, keepdim=True)
    assert l1_rows_project(rows, 1.0) is rows
    rows[3] *= 2
    nearest = l1_rows_project(rows, 1.0)
    assert torch.equal(nearest[[0, 1, 2, 4, 5, 6, 7]], rows[[0, 1, 2, 4, 5, 6, 7]])
    assert not torch.equal(nearest[3], rows[3])


def test_many_balls_at_once_are_those_one_by_one(monkeypatch):
    """As CUDA projects them: one eigendecomposition for all matrices of a shape."""
    weights = [0.7 * torch.randn(*shape) for shape in ((4, 4), (6, 4), (4, 4))]
    monkeypatch.setattr(projections, "is_asynchronous", lambda tensor: True)
    found = projections.spectral_balls_project(weights, 0.9)
    for weight, nearest in zip(weights, found, strict=True):
        torch.testing.assert_close(nearest, spectral_ball_project(weight, 0.9))
    assert not torch.equal(found[0], found[2])


def projected_copies(stable_set, module, times=2):
    """The module's parameters after each of several projections, and the distances reported."""
    distances = [stable_set.project_(module) for _ in range(times)]
    return [p.detach().clone() for p in module.parameters()], distances


MODULES = {
    SpectralBall(0.9): lambda: nn.RNN(5, 40),
    LSTMStableSet(): lambda: nn.LSTM(5, 40),
    LSTMWideSet(): lambda: nn.LSTM(5, 40),
}


@pytest.mark.parametrize("stable_set", MODULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("scale", [1.0, 5.0, 1000.0])
def test_the_way_without_waits_ends_at_the_same_point(stable_set, scale, monkeypatch):
    """What CUDA runs, here on the CPU: no branches, everything in float64 or sorted."""
    torch.manual_seed(0)
    module = MODULES[stable_set]()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(scale)
    twin = copy.deepcopy(module)
    expected, distances = projected_copies(stable_set, module)
    monkeypatch.setattr(projections, "is_asynchronous", lambda tensor: True)
    found, moved = projected_copies(stable_set, twin)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-7 * scale)
    torch.testing.assert_close(moved[0], distances[0], rtol=1e-5, atol=1e-6)
    assert moved[1] <= 1e-5


@pytest.mark.cuda
@pytest.mark.parametrize("stable_set", MODULES, ids=lambda s: type(s).__name__)
def test_projections_on_cuda_equal_those_on_the_cpu(stable_set):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    torch.manual_seed(0)
    module = MODULES[stable_set]()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(5)
    twin = copy.deepcopy(module).cuda()
    expected, _ = projected_copies(stable_set, module)
    found, moved = projected_copies(stable_set, twin)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-4, atol=1e-6)
    assert moved[1] <= 1e-5
    if isinstance(stable_set, LSTMStableSet):  # and it never made the host wait
        torch.cuda.set_sync_debug_mode("error")
        try:
            stable_set.project_(twin)
        finally:
            torch.cuda.set_sync_debug_mode("default")


class OnMPS(torch.Tensor):
    """A tensor that says it lies on MPS, and like one there has no float64."""

    device = property(lambda self: torch.device("mps"))

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        if isinstance(found, OnMPS) and found.dtype == torch.float64:
            raise TypeError("MPS has no float64")
        return found.as_subclass(torch.Tensor) if func is torch.Tensor.cpu else found


def test_certificates_and_projections_need_no_float64_of_the_device():
    torch.manual_seed(0)
    shapes = ((12, 2), (12, 3), (12,), (12,))
    plain = [torch.randn(shape) / 4 for shape in shapes]
    here, there = (Layer("lstm", *parts, 0.75) for parts in (plain, [part.as_subclass(OnMPS) for part in plain]))
    for rate in (rates.lstm_unit_matrix, LSTMWideSet()._layer_rate):
        assert str(rate(there)) == str(rate(here))
    for matrix in (rates.lstm_max_norm_matrix, rates.lstm_l1_matrix):
        assert (matrix(there) == matrix(here)).all()
    assert rates.spectral_norm(there.weight_hh) == rates.spectral_norm(here.weight_hh)
    far = spectral_ball_project(there.weight_hh, 0.01).as_subclass(torch.Tensor)
    torch.testing.assert_close(far, spectral_ball_project(here.weight_hh, 0.01))
