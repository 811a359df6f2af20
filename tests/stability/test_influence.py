"""What moves when one input moves: known in closed form for linear models, and for every family by its context."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lessons_lib.models import (
    LSTM,
    TCN,
    CausalConvolution,
    GatedRecurrence,
    LinearRecurrence,
    SelectiveRecurrence,
    TanhRNN,
    Transformer,
    WaveNet,
    Windowed,
)
from lessons_lib.stability import influence, input_gradient, reach


class Leaky(nn.Module):
    """h_t = a h_{t-1} + x_t, whose influence at lag j is a^j."""

    def __init__(self, a: float):
        super().__init__()
        self.a = a

    def forward(self, inputs, state=None):
        state = torch.zeros_like(inputs[:, 0]) if state is None else state
        outputs = []
        for x in inputs.unbind(1):
            state = self.a * state + x
            outputs.append(state)
        return torch.stack(outputs, 1), state


def sequences(time: int, size: int = 3, seed: int = 0):
    return torch.randn(4, time, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=25)
@given(st.floats(-1.5, 1.5), st.floats(0.01, 10), st.integers(1, 12), st.integers(1, 4))
def test_a_leaky_sum_feels_an_input_by_the_power_of_its_lag(a, change, time, size):
    measured = influence(Leaky(a), sequences(time, size), change)
    for s in range(time):
        for t in range(time):
            expected = change * abs(a) ** (t - s) if t >= s else 0.0
            assert measured[s, t].item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_gradient_of_a_linear_model_is_its_influence_per_change():
    torch.manual_seed(0)
    model = CausalConvolution(1, 1, 5).double()
    inputs = sequences(9, 1)
    column = influence(model, inputs, 1e-3)[:, -1].flip(0)
    torch.testing.assert_close(input_gradient(model, inputs), column / 1e-3, rtol=1e-9, atol=1e-9)
    weights = model.convolution.weight[0, 0].abs().flip(0)
    torch.testing.assert_close(input_gradient(model, inputs)[:5], weights.detach())


@pytest.mark.parametrize(
    "make",
    [
        lambda: CausalConvolution(3, 4, 3, dilation=2),
        lambda: TCN(3, 8, 2),  # a narrow one may have every rectifier shut at some lag
        lambda: WaveNet(3, 4, 3),
        lambda: Windowed(LSTM(3, 4), 6),
        lambda: Transformer(3, 4, 2, 1, window=4),
    ],
    ids=["convolution", "TCN", "WaveNet", "windowed", "Transformer"],
)
def test_reach_is_the_context_length_both_ways_and_the_future_is_not_felt(make):
    model = make().double()
    inputs = sequences(model.context_length + 5)
    measured = influence(model, inputs)
    assert not torch.tril(measured, -1).any()
    assert reach(measured[:, -1].flip(0)) == model.context_length
    assert reach(input_gradient(model, inputs)) == model.context_length


@pytest.mark.parametrize("kind", [TanhRNN, LSTM])
def test_a_recurrent_model_reaches_all_there_is(kind):
    torch.manual_seed(0)
    model = kind(3, 8).double()
    for time in (5, 20):
        assert reach(influence(model, sequences(time))[:, -1].flip(0)) == time
        assert reach(input_gradient(model, sequences(time))) == time


@pytest.mark.parametrize("kind", [Transformer, LinearRecurrence, SelectiveRecurrence, GatedRecurrence])
def test_a_normalisation_of_the_inputs_does_not_hide_that_they_are_felt(kind):
    torch.manual_seed(0)
    model = kind(8, 8, 2).double()  # as wide as its inputs: nothing stands before the first normalisation
    assert reach(influence(model, sequences(6, 8))[:, -1].flip(0)) == 6


def test_probing_leaves_the_model_as_it_was():
    model = TCN(3, 4, 2, dropout=0.5).double().train()
    inputs = sequences(8)
    first, again = (influence(model, inputs) for _ in range(2))
    assert torch.equal(first, again)
    input_gradient(model, inputs)
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_nothing_reaches_nothing_and_tokens_are_refused():
    assert reach(torch.zeros(4)) == 0
    with pytest.raises(ValueError, match="embed tokens first"):
        influence(TanhRNN(3, 4), torch.zeros(2, 5, dtype=torch.int64))
