"""The bounds agree with the printed formulas, and are what the functions say they are."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lessons_lib.models import (
    GRU,
    LSTM,
    GatedRecurrence,
    LinearRecurrence,
    SelectiveRecurrence,
    TanhRNN,
    truncated_outputs,
)
from lessons_lib.stability import (
    LSTMStableSet,
    certified_rate,
    context_for,
    contraction_steps,
    layers_of,
    max_norm_rate,
    rates,
    truncation_bound,
)
from lessons_lib.stability.rates import forget_ceilings
from tests.stability.test_sets import at_published_constants


def recipe(rate, d=64, inputs=16, layers=1, seed=0):
    """W = rate x orthogonal, ‖U‖ = 1, no biases, float64."""
    torch.manual_seed(seed)
    module = TanhRNN(inputs, d, layers).double()
    with torch.no_grad():
        for cell in module.cells:
            nn.init.orthogonal_(cell.weight_hh_l0, gain=rate)
            nn.init.orthogonal_(cell.weight_ih_l0)
            cell.bias_ih_l0.zero_(), cell.bias_hh_l0.zero_()
    return module


def test_one_rnn_layer_has_the_printed_bound_and_context():
    for rate, context in ((0.5, 11), (0.8, 39), (0.95, 176)):
        module = recipe(rate)
        assert context_for(module, 1e-3, input_bound=1.0) == context
        printed = rate**7 * min(1 / (1 - rate), math.sqrt(64))
        assert truncation_bound(module, 7, input_bound=1.0) == pytest.approx(printed, rel=1e-10)
    assert truncation_bound(module, 7, input_bound=1.0, output_lipschitz=3.0) == pytest.approx(3 * printed)
    # Without the box: 20 instead of 8 at rate .95.
    assert context_for(module, 1e-3 * 8 / 20, input_bound=1.0) == 194


def test_biases_and_inputs_enter_as_printed():
    module = nn.RNN(3, 5).double()
    with torch.no_grad():
        module.weight_hh_l0 *= 0.7 / torch.linalg.matrix_norm(module.weight_hh_l0, 2)
    bias = (module.bias_ih_l0 + module.bias_hh_l0).norm().item()
    drive = torch.linalg.matrix_norm(module.weight_ih_l0, 2).item() * 0.1 + bias
    expected = 0.7**4 * min(drive / 0.3, math.sqrt(5))
    assert truncation_bound(module, 4, input_bound=0.1) == pytest.approx(expected, rel=1e-10)


def test_no_contraction_means_the_box_or_nothing():
    wild = recipe(1.5, d=16)
    assert truncation_bound(wild, 0, input_bound=1.0) == pytest.approx(4)
    assert truncation_bound(wild, 5000, input_bound=1.0) == pytest.approx(8)
    assert context_for(wild, 1e-3, input_bound=1.0) == math.inf
    assert context_for(wild, 4.1, input_bound=1.0) == 0
    assert context_for(recipe(0.0, d=16), 1e-3, input_bound=1.0) == 1
    relu = nn.RNN(2, 4, nonlinearity="relu").double()
    with torch.no_grad():
        relu.weight_hh_l0 *= 2 / torch.linalg.matrix_norm(relu.weight_hh_l0, 2)
    assert truncation_bound(relu, 10, input_bound=1.0) == math.inf
    assert truncation_bound(GRU(2, 3), 10, input_bound=1.0) == context_for(GRU(2, 3), 1.0, input_bound=1) == math.inf
    assert truncation_bound(nn.LSTM(2, 3), 10, input_bound=math.inf) == 2


def test_where_all_units_are_alike_the_lstm_bound_is_the_power_of_m_and_layers_are_block_triangular():
    module = at_published_constants(d=8)
    ceiling = 1 / (1 + math.exp(-(0.128 + 0.75 * 0.25 + 0.25)))
    a = 0.36 / 4 + 0.09 + 0.128 / (4 * (1 - ceiling))
    M = np.array([[ceiling, a], [ceiling, a + 0.09]])
    expected = (np.linalg.matrix_power(M, 9) @ [1 / (1 - ceiling), 1])[1]
    assert truncation_bound(module, 9, input_bound=0.75) == pytest.approx(expected, rel=1e-9)
    assert truncation_bound(module.cells[0], 9, input_bound=0.75) == pytest.approx(expected, rel=1e-9)
    stacked = LSTM(8, 8, layers=2, input_clip=0.75).double()
    for cell in stacked.cells:
        cell.load_state_dict(at_published_constants(d=8).cells[0].state_dict())
    assert truncation_bound(stacked, 9, input_bound=9.0) > expected
    for d in (64, 256):  # from the row sums of M alone, √(2d) ‖M^r‖ < 1, it would be 37 and 48
        assert contraction_steps(at_published_constants(d)) == 2
    assert contraction_steps(recipe(0.9)) == 1
    assert contraction_steps(recipe(1.1)) == math.inf


def test_units_with_a_short_memory_are_not_charged_for_one_with_a_long_memory():
    """The bound follows every unit by itself: M takes the worst forget gate and the worst row for all of them."""
    module = at_published_constants(d=8)
    with torch.no_grad():
        module.cells[0].weight_hh_l0[9:16] = 0.0  # all forget gates but the first
        module.cells[0].bias_ih_l0[9:16], module.cells[0].bias_hh_l0[9:16] = -4.0, 0.0
    layer = layers_of(module)[0]
    M = rates.lstm_max_norm_matrix(layer)
    coarse = (np.linalg.matrix_power(M, 12) @ [1 / (1 - forget_ceilings(layer).max()), 1])[1]
    assert truncation_bound(module, 12, input_bound=0.75) < 0.2 * coarse
    assert certified_rate(module) < max_norm_rate(module)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("accuracy", [10.0, 1.0, 1e-2, 1e-6])
def test_context_for_is_the_smallest_that_the_bound_allows(layers, accuracy):
    lstm = LSTM(8, 8, layers=layers, input_clip=0.75).double()
    for cell in lstm.cells:
        cell.load_state_dict(at_published_constants(d=8).cells[0].state_dict())
    for module in (recipe(0.8, d=16, layers=layers), lstm):
        k = context_for(module, accuracy, input_bound=0.5, output_lipschitz=2.0)
        bounds = [truncation_bound(module, j, input_bound=0.5, output_lipschitz=2.0) for j in range(k + 1)]
        assert bounds[-1] <= accuracy
        assert all(bound > accuracy for bound in bounds[:-1])


def test_where_nothing_contracts_in_the_long_run_a_context_that_the_bound_allows_is_found_all_the_same():
    module = recipe(1.0, d=16, inputs=16, layers=2)
    with torch.no_grad():
        module.cells[1].weight_hh_l0.mul_(0.1)
        module.cells[1].weight_ih_l0.mul_(0.001)
        module.cells[1].bias_hh_l0.fill_(1.0)  # its states may fill their box
    assert not certified_rate(module) < 1
    bounds = [truncation_bound(module, k, input_bound=math.inf) for k in range(4)]
    assert bounds == pytest.approx([4, 0.404, 0.0444, 0.00844])
    assert context_for(module, 0.05, input_bound=math.inf) == 2
    assert context_for(module, 1e-3, input_bound=math.inf) == math.inf


def small_modules():
    """Name, module of a certified kind inside its set or at the edge, bound on inputs, order of its norm."""
    for seed in range(4):
        tiny = recipe(0.7, d=1 + seed, inputs=1 + seed, seed=seed)
        yield f"nearly linear {seed}", tiny, 1e-3, 2.0
        yield f"RNN {seed}", recipe(0.5 + 0.12 * seed, d=8, inputs=4, seed=seed), 1.0, 2.0
        yield f"RNN two layers {seed}", recipe(0.8, d=6, inputs=4, layers=2, seed=seed), 0.1 + seed / 3, 2.0
        yield f"LSTM {seed}", at_published_constants(6, 4, seed), 0.75, math.inf
        torch.manual_seed(seed)
        pair = LSTM(4, 5, layers=2, input_clip=0.75).double()
        LSTMStableSet(0.6 + 0.1 * seed).project_(pair)
        yield f"LSTM two layers {seed}", pair, 0.75, math.inf


def clipped(inputs, bound, order):
    size = torch.linalg.vector_norm(inputs, ord=order, dim=-1, keepdim=True)
    return inputs * (bound / size.clamp_min(bound))


def errors(module, inputs, contexts, order):
    """(contexts, sequences): the largest error over the positions that are at least k steps in."""
    outputs, _ = module(inputs)
    return torch.stack(
        [
            torch.linalg.vector_norm(outputs - cut, ord=order, dim=-1).amax(-1)
            for cut in truncated_outputs(module, inputs, contexts)
        ]
    )


def attacked(module, inputs, bound, order, contexts, steps=5):
    """Ascend the sum of log errors over the inputs, keeping them within their bound."""
    inputs = inputs.clone().requires_grad_()
    optimizer = torch.optim.Adam([inputs], lr=0.2 * bound)
    for _ in range(steps):
        optimizer.zero_grad()
        (-(errors(module, inputs, contexts, order) + 1e-30).log().sum()).backward()
        optimizer.step()
        with torch.no_grad():
            inputs.copy_(clipped(inputs, bound, order))
    return inputs.detach()


@pytest.mark.slow
def test_bounds_hold_in_10_000_cases_half_of_them_adversarial(capsys):
    contexts, sequences, time = 10, 25, 24
    cases, worst = 0, {}
    for name, module, bound, order in small_modules():
        torch.manual_seed(1)
        inputs = torch.randn(sequences, time, module.input_size, dtype=torch.float64)
        # Long constant pushes drive the state to the edge that the bound allows for.
        inputs[: sequences // 2] = inputs[: sequences // 2, :1]
        inputs = clipped(inputs * 10, bound, order)
        hostile = attacked(module, inputs, bound, order, contexts)
        allowed = [truncation_bound(module, k + 1, input_bound=bound) for k in range(contexts)]
        allowed = torch.tensor(allowed, dtype=torch.float64).unsqueeze(-1)
        for batch in (inputs, hostile):
            with torch.no_grad():
                found = errors(module, batch, contexts, order)
            assert (found <= allowed + 1e-12 * (1 + math.sqrt(module.hidden_size))).all(), name
            cases += found.numel()
            ratio = torch.where(allowed > 1e-10, found / allowed, 0).max().item()
            worst[name] = max(worst.get(name, 0), ratio)
    with capsys.disabled():
        top = max(worst, key=worst.__getitem__)
        print(f"\n{cases} cases, largest error/bound {worst[top]:.3f} ({top})")
    assert cases >= 10_000
    assert 0.9 <= max(worst.values()) <= 1 + 1e-9


def test_stacked_layers_with_one_rate_would_break_the_bound():
    """max ‖W_l‖ taken as the λ of the whole stack is no bound: the triangular matrix is."""
    module = recipe(0.5, d=1, inputs=1, layers=2)
    inputs = torch.full((1, 40, 1), 0.01, dtype=torch.float64)
    with torch.no_grad():
        for cell in module.cells:
            cell.weight_ih_l0.fill_(1.0), cell.weight_hh_l0.fill_(0.5)
        found = errors(module, inputs, 20, 2.0)[:, 0]
    start = 0.01 / 0.5 / 0.5  # the bound on the upper layer's state
    one_rate = torch.tensor([0.5**k * start for k in range(1, 21)], dtype=torch.float64)
    triangular = [truncation_bound(module, k, input_bound=0.01) for k in range(1, 21)]
    assert (found / one_rate).max() > 5
    assert (found <= torch.tensor(triangular, dtype=torch.float64) + 1e-12).all()


def test_bounds_refuse_what_they_cannot_read():
    with pytest.raises(ValueError, match="cannot be stacked"):
        truncation_bound(nn.Sequential(nn.RNN(2, 3), nn.RNN(2, 3)), 3, input_bound=1.0)
    with pytest.raises(ValueError, match="holds no"):
        truncation_bound(nn.Linear(2, 3), 3, input_bound=1.0)
    with pytest.raises(ValueError, match="no common bound"):
        truncation_bound(nn.Sequential(nn.RNN(2, 3), nn.LSTM(3, 3)), 3, input_bound=1.0)
    for arguments in ((-1, 1.0), (3, -1.0), (3, math.nan)):
        with pytest.raises(ValueError):
            truncation_bound(nn.RNN(2, 3), arguments[0], input_bound=arguments[1])
    with pytest.raises(ValueError, match="accuracy"):
        context_for(nn.RNN(2, 3), 0.0, input_bound=1.0)


@pytest.mark.parametrize("other", [LinearRecurrence(4, 4), SelectiveRecurrence(4, 4)])
@pytest.mark.parametrize("bounded", [LSTM(4, 4, input_clip=0.75), nn.RNN(4, 4), GatedRecurrence(4, 4)])
def test_a_bound_leaves_no_recurrence_out(bounded, other):
    for module in (nn.Sequential(bounded, other), nn.Sequential(other, bounded)):
        for ask in (lambda m: truncation_bound(m, 5, input_bound=1.0), contraction_steps):
            with pytest.raises(ValueError, match="each on its own"):
                ask(module)


def test_what_has_no_bound_says_so_and_does_not_search_for_ever():
    mixed = nn.ModuleList([nn.RNN(4, 4), nn.LSTM(4, 4)])
    for module in (mixed, nn.ModuleList(list(mixed)[::-1])):
        for parameter in module.parameters():
            nn.init.zeros_(parameter)
        with pytest.raises(ValueError, match="no common bound"):
            contraction_steps(module)
    relu = nn.RNN(3, 3, nonlinearity="relu")
    nn.init.eye_(relu.weight_hh_l0)
    relu.weight_hh_l0.data.mul_(0.5)
    assert context_for(relu, 0.1, input_bound=math.inf) == math.inf
