"""The certified quasi-recurrent layer: projection, rate, and its bound attacked."""

import math

import pytest
import torch

from lessons_lib.models import LSTM, QRNN, GatedRecurrence, LanguageModel
from lessons_lib.stability import (
    QRNNStableSet,
    certified_rate,
    context_for,
    norm_order,
    set_for,
    truncation_bound,
    truncation_bounds,
)
from tests.stability.attacks import largest_error_by_bound, truncation_errors

WIDTH = 5


def wild(seed: int, ceiling: float, window: int) -> QRNN:
    """A layer in float64 whose gates and inputs are driven far, its ceilings anywhere below one."""
    torch.manual_seed(seed)
    core = QRNN(WIDTH, WIDTH, window=window).double()
    with torch.no_grad():
        core.gates.convolution.weight *= 1 + 9 * torch.rand(())
        core.gates.convolution.bias[WIDTH : 2 * WIDTH] += 4 * torch.rand(())
        core.ceiling.copy_(ceiling * torch.rand(WIDTH, dtype=torch.float64) ** 0.2)
        core.ceiling[0] = ceiling
    return core


def test_no_truncation_error_of_10_000_attacked_cases_lies_above_the_bound(capsys):
    layers = (wild(seed, ceiling=(0.5, 0.8, 0.9, 0.98)[seed % 4], window=1 + seed % 3) for seed in range(20))
    cases, largest = largest_error_by_bound(layers, order=math.inf, pace=3, rounds=10)
    with capsys.disabled():
        print(f"\nquasi-recurrent layer: {cases:,} cases, largest error / bound {largest:.3f}")
    assert cases == 10_000
    assert 0.8 < largest <= 1 + 1e-12  # it is attained, so rounding may lie above


def test_the_bound_is_attained_by_gates_that_hold_on():
    core = wild(0, ceiling=0.9, window=1)
    with torch.no_grad():  # every gate open, whatever is read; content at its limit
        core.gates.convolution.weight.zero_()
        core.gates.convolution.bias.fill_(40)
    inputs = torch.zeros(1, 300, WIDTH, dtype=torch.float64)
    for k, bound in zip((1, 5, 20), truncation_bounds(core, (1, 5, 20), input_bound=math.inf), strict=True):
        assert truncation_errors(core, inputs, k, math.inf).item() == pytest.approx(bound, rel=1e-9)


def test_the_bound_falls_by_the_largest_ceiling_at_every_word():
    core = wild(1, ceiling=0.9, window=2)
    assert certified_rate(core) == pytest.approx(0.9)
    assert norm_order(LanguageModel(core, 7, WIDTH)) == math.inf
    one, next_one = truncation_bounds(core, (30, 31), input_bound=math.inf)
    assert next_one / one == pytest.approx(0.9)


def test_the_context_that_the_theorem_asks_for_is_the_smallest_one():
    core = wild(1, ceiling=0.9, window=2)
    needed = int(context_for(core, 1e-3, input_bound=math.inf))
    assert truncation_bound(core, needed, input_bound=math.inf) <= 1e-3
    assert truncation_bound(core, needed - 1, input_bound=math.inf) > 1e-3


def test_what_need_not_forget_has_no_context_but_its_outputs_box():
    core = QRNN(3, 4)
    assert truncation_bound(core, 50, input_bound=math.inf) == 2
    assert context_for(core, 1e-3, input_bound=math.inf) == math.inf
    with torch.no_grad():
        core.ceiling[0] = 1.5  # counts as 1
    assert truncation_bound(core, 50, input_bound=math.inf) == 2
    with torch.no_grad():
        core.ceiling[0] = math.nan
    assert certified_rate(core) == context_for(core, 1e-3, input_bound=math.inf) == math.inf


def test_projecting_moves_every_ceiling_to_the_nearest_allowed_one_and_nothing_else():
    core, stable = QRNN(3, 4), QRNNStableSet(0.9)
    assert not stable.contains(core)
    with torch.no_grad():
        core.ceiling.copy_(torch.tensor([0.5, 1.2, -0.4, 0.9]))
    gates = core.gates.convolution.weight.clone()
    moved = stable.project_(core)
    assert core.ceiling.tolist() == pytest.approx([0.5, 0.9, 0.0, 0.9])
    assert float(moved) == pytest.approx(0.5)  # 0.3 down and 0.4 up
    assert torch.equal(core.gates.convolution.weight, gates)
    assert stable.contains(core)
    assert stable.rate(core) == certified_rate(core) == pytest.approx(0.9)
    assert float(stable.project_(core)) == 0


def test_it_is_a_set_for_quasi_recurrent_layers_only():
    assert isinstance(set_for(LanguageModel(QRNN(3, 4), 5, 3)), QRNNStableSet)
    assert not QRNNStableSet().contains(LSTM(3, 4))
    assert QRNNStableSet().rate(LSTM(3, 4)) == math.inf
    assert QRNNStableSet.promising(0.7) == QRNNStableSet(0.7)
    assert QRNNStableSet.promising(1.5) is None
    with pytest.raises(ValueError, match="holds no QRNN"):
        QRNNStableSet().project_(LSTM(3, 4))
    with pytest.raises(ValueError, match="from 0 to 1"):
        QRNNStableSet(1.1)


@pytest.mark.parametrize("other", [QRNN(3, 3), torch.nn.RNN(3, 3), GatedRecurrence(3, 3)])
def test_beside_another_recurrence_it_is_bounded_on_its_own(other):
    with pytest.raises(ValueError, match="each on its own"):
        truncation_bound(torch.nn.Sequential(QRNN(3, 3), other), 5, input_bound=1.0)
