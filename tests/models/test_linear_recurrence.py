"""The linear recurrence: one definition, two ways to run it, and eigenvalues that stay where they belong."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.models import (
    DiagonalRecurrence,
    LanguageModel,
    LinearRecurrence,
    affine_scan,
    doubling_scan,
    parallel_scan,
    sequential_scan,
)
from lessons_lib.stability import EigenvalueDisc
from lessons_lib.training import mean_loss


def problem(length, dtype=torch.complex128, batch=2, units=5, seed=0, largest=0.98):
    generator = torch.Generator().manual_seed(seed)
    real = torch.float64 if dtype == torch.complex128 else torch.float32
    radius = largest * torch.rand(units, generator=generator, dtype=real)
    eigenvalues = torch.polar(radius, 7 * torch.rand(units, generator=generator, dtype=real))
    inputs = torch.randn(batch, length, units, dtype=dtype, generator=generator)
    return eigenvalues, inputs, torch.randn(batch, units, dtype=dtype, generator=generator)


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 300), seed=st.integers(0, 1000))
def test_scan_equals_loop_in_float64(length, seed):
    eigenvalues, inputs, start = problem(length, seed=seed)
    expected = sequential_scan(eigenvalues, inputs, start)
    found = parallel_scan(eigenvalues, inputs, start)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 300), seed=st.integers(0, 1000), largest=st.sampled_from([0.98, 1.0, 1.1]))
def test_doubling_brent_kung_and_loop_are_equal_also_where_the_recurrence_is_unstable(length, seed, largest):
    eigenvalues, inputs, start = problem(length, seed=seed, largest=largest)
    eigenvalues = largest * eigenvalues / eigenvalues.abs()  # every |λ| as large as allowed
    expected = sequential_scan(eigenvalues, inputs, start)
    size = expected.abs().amax()
    for scan in (doubling_scan, parallel_scan):
        found = scan(eigenvalues, inputs, start)
        assert (found - expected).abs().max() <= 1e-10 * size
        rest = scan(eigenvalues, inputs) + eigenvalues ** torch.arange(1, length + 1)[:, None] * start[:, None]
        assert (rest - expected).abs().max() <= 1e-10 * size


def test_the_scan_of_affine_maps_with_one_diagonal_is_the_parallel_scan():
    eigenvalues, inputs, start = problem(77)
    found = affine_scan(eigenvalues.expand(77, -1), inputs[0], start[0])
    torch.testing.assert_close(found, parallel_scan(eigenvalues, inputs, start)[0], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("length", [1024, 5000])
def test_scan_equals_loop_in_float32_relative_to_the_largest_state(length):
    eigenvalues, inputs, start = problem(length, torch.complex64, batch=3, units=48)
    expected = sequential_scan(*(part.to(torch.complex128) for part in (eigenvalues, inputs, start)))
    error = (parallel_scan(eigenvalues, inputs, start) - expected).abs().max()
    assert error <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_gradients_of_scan_and_loop_agree(length):
    parts = [part.requires_grad_() for part in problem(length)]
    weights = torch.randn(2, length, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))

    def gradients(scan):
        return torch.autograd.grad((scan(*parts) * weights).real.sum(), parts)

    for found, expected in zip(gradients(parallel_scan), gradients(sequential_scan), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradcheck(parallel_scan, parts)


@pytest.mark.parametrize("bound", [None, 0.98])
def test_a_sequence_at_once_and_one_input_at_a_time_are_the_same_model(bound):
    torch.manual_seed(0)
    model = LanguageModel(LinearRecurrence(6, 8, layers=2, units=5, bound=bound), 4, 6).double()
    tokens = torch.randint(4, (2, 20))
    features, last = model(tokens)
    state, stepped = None, []
    for t in range(20):
        feature, state = model(tokens[:, t : t + 1], state)
        stepped.append(feature)
    torch.testing.assert_close(torch.cat(stepped, 1), features, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=1e-10, atol=1e-12)
    assert math.isclose(mean_loss(model, tokens[0], segment=3), mean_loss(model, tokens[0]), rel_tol=1e-10)


def test_a_later_token_moves_no_earlier_output():
    torch.manual_seed(0)
    core = LinearRecurrence(4, 8, layers=2).double()
    inputs = torch.randn(1, 12, 4, dtype=torch.float64)
    changed = inputs.clone()
    changed[0, 7] += 1
    before, after = core(inputs)[0], core(changed)[0]
    assert torch.equal(before[:, :7], after[:, :7])
    assert (before[:, 7:] != after[:, 7:]).any(-1).all()


@settings(deadline=None, max_examples=50)
@given(coordinates=st.lists(st.floats(-50, 50), min_size=8, max_size=8), bound=st.floats(0.01, 1))
def test_no_coordinates_leave_the_bound(coordinates, bound):
    layer = DiagonalRecurrence(3, 4, bound).double()
    with torch.no_grad():
        layer.coordinates.copy_(torch.tensor(coordinates).view(4, 2))
    assert layer.eigenvalues().abs().max() <= bound * (1 + 1e-15)


@pytest.mark.parametrize("bound", [None, 1.0])
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), disc=st.floats(0.1, 0.99))
def test_projection_is_the_nearest_point_and_idempotent(bound, seed, disc):
    torch.manual_seed(seed)
    layer = DiagonalRecurrence(3, 6, bound).double()
    everyone = torch.ones(6, dtype=torch.bool)
    # Sizes from 0 to 2, those over 1 only where the coordinates can express them.
    layer.set_eigenvalues_(torch.randn(6, dtype=torch.complex128), everyone)
    before = layer.eigenvalues().detach().clone()
    ball = EigenvalueDisc(disc)
    moved = ball.project_(layer)
    after = layer.eigenvalues().detach()
    assert ball.contains(layer)
    assert math.isclose(float(moved), float((after - before).abs().square().sum().sqrt()), rel_tol=1e-9, abs_tol=1e-9)
    inside = before.abs() <= disc
    assert torch.equal(after[inside], before[inside])
    # No other point of the disc is nearer: the variational inequality, unit by unit.
    others = torch.polar(disc * torch.rand(500, 6).double(), 7 * torch.rand(500, 6).double())
    assert (((before - after).conj() * (others - after)).real <= 1e-9).all()
    coordinates = layer.coordinates.detach().clone()
    assert float(ball.project_(layer)) <= 1e-12
    torch.testing.assert_close(layer.coordinates.detach(), coordinates, rtol=1e-9, atol=1e-9)


def test_the_rate_is_the_contraction_that_two_starts_show():
    torch.manual_seed(0)
    core = LinearRecurrence(4, 4, units=7, bound=0.9).double()
    rate = EigenvalueDisc(0.9).rate(core)
    inputs = torch.randn(1, 60, 4, dtype=torch.float64)
    first, second = torch.randn(2, 1, 1, 14, dtype=torch.float64)
    with torch.no_grad():
        distance = [(core(inputs[:, :t], first)[1] - core(inputs[:, :t], second)[1]).norm() for t in range(1, 61)]
    ratios = [float(b / a) for a, b in pairwise(distance)]
    assert rate * 0.99 <= max(ratios) <= rate * (1 + 1e-9)


def test_a_disc_needs_a_linear_recurrence():
    assert EigenvalueDisc(0.9).rate(torch.nn.Linear(2, 2)) == math.inf
    assert not EigenvalueDisc(0.9).contains(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="DiagonalRecurrence"):
        EigenvalueDisc(0.9).project_(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="bound"):
        EigenvalueDisc(-1.0)


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_a_bound_outside_the_unit_circle_is_refused(value):
    with pytest.raises(ValueError, match="bound"):
        DiagonalRecurrence(2, 2, value)


def test_a_diverged_eigenvalue_is_reported_and_certified_by_nothing():
    layer = DiagonalRecurrence(2, 3)
    with torch.no_grad():
        layer.coordinates[1] = math.nan
    ball = EigenvalueDisc(0.9)
    assert math.isnan(float(ball.project_(copy.deepcopy(layer))))
    assert ball.rate(layer) == math.inf
    assert not ball.contains(layer)
