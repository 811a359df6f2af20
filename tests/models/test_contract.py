"""The contract is all there is to a model: a core of a reader's own is truncated, trained and measured as ours are."""

import pytest
import torch
from torch import nn

from lessons_lib.corpora import Stream
from lessons_lib.models import (
    GRU,
    LSTM,
    TCN,
    LanguageModel,
    LinearRecurrence,
    Recurrent,
    TanhRNN,
    Transformer,
    Windowed,
)
from lessons_lib.stability import gradient_by_lag, truncation_error
from lessons_lib.training import Settings, train


class Leaky(nn.Module):
    """h_t = a h_{t-1} + x_t, written by somebody who knows the contract only."""

    context_length = None

    def __init__(self, size, a=0.5):
        super().__init__()
        self.input_size = self.hidden_size = size
        self.a = nn.Parameter(torch.tensor(a))

    def zero_state(self, batch_size):
        return self.a.new_zeros(1, batch_size, self.hidden_size)

    def project(self, inputs):
        return inputs

    def step(self, projected, state):
        state = self.a * state + projected
        return state[0], state

    def forward(self, inputs, state=None):
        state = self.zero_state(len(inputs)) if state is None else state
        outputs = []
        for now in inputs.unbind(1):
            output, state = self.step(now, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state


def test_recurrent_is_what_can_be_taken_a_step_at_a_time():
    for core in (TanhRNN(3, 4), GRU(3, 4), LSTM(3, 4), Leaky(3)):
        assert isinstance(core, Recurrent)
    for core in (
        Windowed(TanhRNN(3, 4), 2),
        LinearRecurrence(3, 4),
        TCN(3, 4, layers=1),
        Transformer(4, 4, layers=1, heads=2),
    ):
        assert not isinstance(core, Recurrent)


def test_a_core_of_ones_own_forgets_as_its_formula_says():
    torch.manual_seed(0)
    core, inputs = Leaky(3).double(), torch.randn(1, 6, 3, dtype=torch.float64)
    windows = Windowed(core, 2)(inputs)[0]
    earlier = torch.cat([torch.zeros(1, 1, 3), inputs[:, :-1]], 1)
    torch.testing.assert_close(windows, inputs + 0.5 * earlier)
    errors = truncation_error(core, inputs, [1, 3, 6])
    whole = core(inputs)[0]
    assert errors[0].item() == pytest.approx(0.5 * whole[0, :-1].norm(dim=-1).max().item())
    assert errors[1].item() == pytest.approx(0.5**3 * whole[0, :-3].norm(dim=-1).max().item())
    assert errors[2] == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: TCN(3, 4, layers=2),
        lambda: Windowed(TanhRNN(3, 4), 2),
        lambda: LinearRecurrence(3, 4),
        lambda: Transformer(4, 4, layers=1, heads=2),
    ],
    ids=["TCN", "windowed", "linear", "transformer"],
)
def test_a_core_that_takes_no_steps_is_read_anew_for_each_context_length(make):
    """The error at k is that of a core which reads the last k inputs alone; none from its context length on."""
    core = make().double()
    inputs = torch.randn(2, 9, core.input_size, dtype=torch.float64)
    errors = truncation_error(core, inputs, [1, 3, 9])
    whole = core(inputs)[0]
    for k, error in zip([1, 3, 9], errors, strict=True):
        apart = [(core(inputs[:, max(0, t + 1 - k) : t + 1])[0][:, -1] - whole[:, t]).norm(dim=-1) for t in range(9)]
        torch.testing.assert_close(error, torch.stack(apart).max(), atol=1e-12, rtol=1e-9)
    assert errors[0] > 1e-6
    assert errors[2] == 0


@pytest.mark.parametrize("truncation", ["exact", "chunked"])
def test_a_core_of_ones_own_is_trained_and_measured(truncation):
    torch.manual_seed(0)
    model = LanguageModel(Leaky(3), 5, 3)
    stream = Stream(torch.arange(400) % 5, 4, 10)
    losses = [float(r.loss) for r in train(model, stream, Settings(3, truncation, learning_rate=1.0), steps=30)]
    assert losses[-1] < 0.7 * losses[0]
    tokens = torch.arange(12) % 5
    features = model(tokens[None, :-1])[0].detach().requires_grad_()
    (head,) = torch.autograd.grad(model.loss(features, tokens[None, 1:]) * 11, features)
    expected = [model.core.a.abs() ** lag * head[0, lag:].norm(dim=-1).mean() for lag in range(5)]
    torch.testing.assert_close(gradient_by_lag(model, tokens, 4), torch.stack(expected).detach())
