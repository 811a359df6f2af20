"""Stable sets: what they contain, how they move a module, and that their certificates survive an attack."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lessons_lib.models import (
    GRU,
    LSTM,
    QRNN,
    LanguageModel,
    LinearRecurrence,
    RecurrentTranslator,
    SelectiveRecurrence,
    TanhRNN,
)
from lessons_lib.stability import (
    EigenvalueDisc,
    LSTMStableSet,
    LSTMWideSet,
    QRNNStableSet,
    SpectralBall,
    Unconstrained,
    layers_of,
    rates,
    set_for,
)
from lessons_lib.stability.layers import kinds_of

seeds = st.integers(0, 2**31)


def scaled(module, scale, seed=0):
    """The module with gaussian weights, each matrix of spectral norm near ``scale``; biases too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=scale / (2 * parameter.shape[-1] ** 0.5))
    return module


def at_published_constants(d=64, inputs=8, seed=0):
    """A clipped LSTM with every norm at the constants that Miller & Hardt print for f̄ = .64."""
    torch.manual_seed(seed)
    module = LSTM(inputs, d, input_clip=0.75).double()
    cell = module.cells[0]
    norms = torch.tensor([0.36, 0.128, 0.09, 0.36], dtype=torch.float64).repeat_interleave(d)
    with torch.no_grad():
        cell.weight_hh_l0.normal_()
        cell.weight_hh_l0 *= (norms / cell.weight_hh_l0.abs().sum(-1)).unsqueeze(-1)
        forget = cell.weight_ih_l0[d : 2 * d]
        forget *= 0.25 / forget.abs().sum(-1, keepdim=True)
        cell.bias_ih_l0[d : 2 * d], cell.bias_hh_l0[d : 2 * d] = 1.25, -1.0
    return module


def test_spectral_ball_moves_a_language_model_onto_the_ball_and_no_further():
    model = scaled(LanguageModel(TanhRNN(6, 12, layers=2), 20, 6), 3.0)
    kept = {k: v.clone() for k, v in model.state_dict().items()}
    parameters = [id(p) for p in model.parameters()]
    ball = SpectralBall(0.9)
    assert not ball.contains(model)
    moved = float(ball.project_(model))
    assert [id(p) for p in model.parameters()] == parameters  # in place
    change = [(model.state_dict()[k] - v).norm().item() for k, v in kept.items()]
    assert moved == pytest.approx(math.hypot(*change), rel=1e-5)
    assert [k for k, c in zip(kept, change, strict=True) if c] == [k for k in kept if "weight_hh" in k]
    assert ball.contains(model)
    assert ball.rate(model) <= 0.9 * (1 + 1e-5)
    assert float(ball.project_(model)) <= 1e-5 * moved


@settings(deadline=None, max_examples=15)
@given(seeds, st.sampled_from([0.3, 0.64, 0.9]), st.sampled_from([1.0, 30.0, 1000.0]))
def test_projecting_twice_moves_nothing_the_second_time(seed, number, scale):
    rnn = scaled(nn.RNN(3, 10), scale * number, seed)
    SpectralBall(number).project_(rnn)
    assert float(SpectralBall(number).project_(rnn)) <= 1e-5 * number
    assert SpectralBall(number).contains(rnn)
    if number > 0.5504:
        lstm = scaled(LSTM(3, 10, layers=2, input_clip=0.75), scale, seed)
        stable = LSTMStableSet(number)
        stable.project_(lstm)
        assert stable.contains(lstm)
        assert stable.rate(lstm) < 1
        assert float(stable.project_(lstm)) <= 1e-5


@settings(deadline=None, max_examples=15)
@given(seeds, st.sampled_from([0.56, 0.64, 0.95]), st.sampled_from([0.01, 1.0, 1000.0]))
def test_the_lstm_projection_is_the_nearest_point_of_the_set(seed, ceiling, scale):
    d, stable = 6, LSTMStableSet(ceiling, 0.75)
    module = scaled(LSTM(4, d, input_clip=0.75).double(), scale, seed)
    start = {k: v.clone() for k, v in module.state_dict().items()}
    stable.project_(module)
    step = {k.split(".")[-1]: start[k] - v for k, v in module.state_dict().items()}
    end = {k.split(".")[-1]: v for k, v in module.state_dict().items()}
    budget = math.log(ceiling / (1 - ceiling)) - (1 - ceiling) ** 2
    free = 1 - ceiling
    radii = torch.tensor([free, free**2, free / 4, free], dtype=torch.float64).repeat_interleave(d)
    forget = slice(d, 2 * d)
    # The maximising Z, block by block: a vertex of each row's l1 ball; both biases share one total.
    pairs = [
        (step["weight_hh_l0"], end["weight_hh_l0"], radii),
        (
            step["weight_ih_l0"][forget],
            end["weight_ih_l0"][forget],
            3 / 7 * budget / 0.75 * torch.ones(d).double(),
        ),
    ]
    for s, p, radius in pairs:
        assert (p.abs().sum(-1) <= radius * (1 + 1e-12)).all()
        most = (radius * s.abs().max(-1).values).sum()
        assert most - (s * p).sum() <= 1e-10 * most + 1e-15 * scale
    s_ih, s_hh = step["bias_ih_l0"][forget], step["bias_hh_l0"][forget]
    torch.testing.assert_close(s_ih, s_hh)  # otherwise Z could run along b_ih - b_hh without end
    most = (4 / 7 * budget * s_ih.abs()).sum()
    total = end["bias_ih_l0"][forget] + end["bias_hh_l0"][forget]
    grain = end["bias_ih_l0"][forget].abs() + end["bias_hh_l0"][forget].abs()  # two that nearly cancel round coarsely
    assert (total.abs() <= 4 / 7 * budget * (1 + 1e-12) + 1e-15 * grain).all()
    assert most - (s_ih * total).sum() <= 1e-10 * most + 1e-15 * scale
    untouched = [slice(0, d), slice(2 * d, 4 * d)]
    assert not any(step[k][rows].any() for k in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0") for rows in untouched)


def test_the_published_constants_lie_in_the_default_set_with_rate_9346():
    module = at_published_constants()
    assert LSTMStableSet().contains(module)
    assert LSTMStableSet().rate(module) == pytest.approx(0.9346, abs=5e-5)
    assert float(LSTMStableSet().project_(module)) == 0.0


def test_the_corner_of_the_closed_set_has_rate_9386():
    module, d = at_published_constants(), 64
    with torch.no_grad():
        module.cells[0].weight_hh_l0.mul_(100)
        module.cells[0].bias_ih_l0[d : 2 * d] = 3.0
        module.cells[0].weight_ih_l0[d : 2 * d] *= 100
    LSTMStableSet().project_(module)
    assert LSTMStableSet().rate(module) == pytest.approx(0.9386, abs=5e-5)


def test_a_missing_or_wider_clip_leaves_the_lstm_set():
    stable, module = LSTMStableSet(), at_published_constants()
    bare = module.cells[0]
    assert stable.contains(module)
    assert not stable.contains(bare)
    assert stable.rate(bare) == math.inf
    module.input_clip = 1.0
    assert not stable.contains(module)
    assert stable.rate(module) > 0.9346
    stacked = nn.Sequential(nn.LSTM(4, 4, num_layers=2))
    stacked.input_clip = 0.75
    assert [layer.input_limit for layer in layers_of(stacked)] == [0.75, 1.0]  # torch.nn cannot clip between


def one_step(cell, x, h, c):
    gates = x @ cell.weight_ih_l0.T + cell.bias_ih_l0 + h @ cell.weight_hh_l0.T + cell.bias_hh_l0
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@pytest.mark.parametrize("ceiling", [0.58, 0.64, 0.9])
def test_the_lstm_rate_holds_under_gradient_ascent_on_weights_inputs_and_states(ceiling):
    """Ascend the ratio of distances after and before a step, in the norm weighted by the Perron vector."""
    torch.manual_seed(0)
    d, stable = 6, LSTMStableSet(ceiling)
    module = scaled(LSTM(3, d, input_clip=0.75).double(), 4.0)
    stable.project_(module)
    cell = module.cells[0]
    box = 1 / (1 - ceiling)
    x = torch.randn(64, 3).double().requires_grad_()
    h = torch.randn(2, 64, d).double().requires_grad_()
    c = (torch.randn(2, 64, d).double() * box).requires_grad_()
    optimizer = torch.optim.Adam([x, h, c, *module.parameters()], lr=0.1)
    best = 0.0
    for _ in range(40):
        matrix = rates.lstm_max_norm_matrix(layers_of(module)[0])
        values, vectors = np.linalg.eig(matrix)
        weight = np.abs(vectors[:, values.real.argmax()].real)
        h_next, c_next = one_step(cell, x.clamp(-0.75, 0.75), h, c)

        def size(c, h, weight=weight):
            gaps = (c[0] - c[1]).abs().amax(-1) / weight[0], (h[0] - h[1]).abs().amax(-1) / weight[1]
            return torch.maximum(*gaps)

        ratio = size(c_next, h_next) / size(c, h).clamp_min(1e-9)
        assert float(ratio.detach().max()) <= stable.rate(module) * (1 + 1e-9)
        best = max(best, float(ratio.detach().max()) / stable.rate(module))
        optimizer.zero_grad()
        (-ratio.log().sum()).backward()
        optimizer.step()
        stable.project_(module)
        with torch.no_grad():
            x.clamp_(-0.75, 0.75), h.clamp_(-1, 1), c.clamp_(-box, box)
    assert best > 0.6  # the attack comes near: the certificate is not idle


def test_the_spectral_rate_holds_under_gradient_ascent_and_is_attained():
    torch.manual_seed(0)
    module = scaled(nn.RNN(3, 8).double(), 4.0)
    ball = SpectralBall(0.9)
    h, x = torch.randn(2, 64, 8).double().requires_grad_(), torch.randn(64, 3).double().requires_grad_()
    optimizer = torch.optim.Adam([h, x, *module.parameters()], lr=0.1)
    for _ in range(40):
        ball.project_(module)
        after = torch.tanh(x @ module.weight_ih_l0.T + module.bias_ih_l0 + h @ module.weight_hh_l0.T)
        ratio = (after[0] - after[1]).norm(dim=-1) / (h[0] - h[1]).norm(dim=-1)
        assert float(ratio.detach().max()) <= ball.rate(module) * (1 + 1e-9)
        optimizer.zero_grad()
        (-ratio.log().sum()).backward()
        optimizer.step()
    assert float(ratio.detach().max()) > 0.8


def test_modules_without_a_certificate_say_so():
    lstm, gru, rnn, linear = nn.LSTM(2, 3), GRU(2, 3), nn.RNN(2, 3), nn.Linear(2, 3)
    for module in (lstm, gru, linear):
        assert not SpectralBall(0.9).contains(module)
        with pytest.raises(ValueError, match=r"use LSTMStableSet|certify gru layers|holds no .* use Unconstrained"):
            SpectralBall(0.9).project_(module)
    with pytest.raises(ValueError, match="use SpectralBall"):
        LSTMStableSet().project_(rnn)
    assert SpectralBall(0.9).rate(linear) == math.inf
    assert SpectralBall(0.9).rate(gru) == LSTMStableSet().rate(rnn) == Unconstrained().rate(gru) == math.inf
    with pytest.raises(ValueError, match="bidirectional"):
        SpectralBall(0.9).contains(nn.RNN(2, 3, bidirectional=True))
    with pytest.raises(ValueError, match="proj_size"):
        LSTMStableSet().contains(nn.LSTM(2, 3, proj_size=1))
    assert LSTMStableSet().rate(nn.LSTM(2, 3, proj_size=1)) == math.inf


@pytest.mark.parametrize("other", [LinearRecurrence, SelectiveRecurrence, QRNN])
def test_beside_another_recurrence_no_set_certifies_a_layer_alone(other):
    lstm = LSTM(4, 4, input_clip=0.75)
    LSTMStableSet().project_(lstm)
    mixed = nn.Sequential(lstm, other(4, 4))
    assert set_for(lstm) == LSTMStableSet()
    assert set_for(mixed) == Unconstrained()
    for kind in (LSTMStableSet, LSTMWideSet, EigenvalueDisc, QRNNStableSet):
        assert not kind().contains(mixed)
        assert kind().rate(mixed) == math.inf


@pytest.mark.parametrize("kind", [SpectralBall, LSTMStableSet, LSTMWideSet, EigenvalueDisc, QRNNStableSet])
def test_a_projection_refuses_what_it_could_never_bring_into_the_set(kind):
    parts = [nn.RNN(4, 4), LSTM(4, 4, input_clip=0.75), LinearRecurrence(4, 4), QRNN(4, 4), SelectiveRecurrence(4, 4)]
    own = next(part for part in parts if kind.fits(part))
    others = [part for part in parts if part is not own]
    kind().project_(own)
    for other in others:
        name = next(iter(kinds_of(other)))
        for mixed in (nn.Sequential(own, other), nn.Sequential(other, own)):
            with pytest.raises(ValueError, match=rf"{kind.__name__} cannot certify {name} layers: use Unconstrained"):
                kind().project_(mixed)


def test_a_rate_leaves_no_recurrence_out():
    lstm, linear = LSTM(4, 4, input_clip=0.75), LinearRecurrence(4, 4, bound=0.99)
    LSTMStableSet().project_(lstm)
    for both in (nn.Sequential(lstm, linear), nn.Sequential(linear, lstm)):
        assert Unconstrained().rate(both) == max(Unconstrained().rate(lstm), Unconstrained().rate(linear))
    assert Unconstrained().rate(nn.Sequential(lstm, SelectiveRecurrence(4, 4))) == math.inf


def test_what_has_no_certificate_gets_no_set_and_no_rate():
    translator = RecurrentTranslator(9, 4, pad=0, bos=1, eos=2)  # its encoder reads both ways
    assert set_for(translator) == set_for(translator, 0.9) == Unconstrained()
    assert Unconstrained().rate(translator) == math.inf


def test_unconstrained_moves_nothing_and_reports_the_modules_own_rate():
    module = scaled(nn.RNN(2, 5, num_layers=3), 2.0)
    before = [p.clone() for p in module.parameters()]
    assert float(Unconstrained().project_(module)) == 0.0
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    norms = [torch.linalg.matrix_norm(getattr(module, f"weight_hh_l{i}").double(), 2) for i in range(3)]
    assert Unconstrained().rate(module) == pytest.approx(max(n.item() for n in norms), rel=1e-12)
    assert Unconstrained().contains(module)


def test_a_diverged_module_is_left_alone_and_the_distance_says_nan():
    module = nn.RNN(2, 3)
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = math.nan
    assert math.isnan(SpectralBall(0.9).project_(module))
    assert not SpectralBall(0.9).contains(module)
    assert SpectralBall(0.9).rate(module) == math.inf


def test_sets_are_hashable_values_that_refuse_numbers_without_meaning():
    assert len({SpectralBall(0.9), SpectralBall(0.9), LSTMStableSet(), LSTMStableSet(0.64, 0.75)}) == 2
    for build in (lambda: SpectralBall(-1), lambda: SpectralBall(math.nan), lambda: SpectralBall(math.inf)):
        with pytest.raises(ValueError, match="bound="):
            build()
    for ceiling in (0.55, 0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="no budget"):
            LSTMStableSet(ceiling)
    LSTMStableSet(0.5505)
    assert "0.9" in SpectralBall(0.9).describe()
    assert "Euclidean" in SpectralBall(0.9).describe()
    assert "max norm" in LSTMStableSet().describe()


def test_a_layer_without_biases_is_projected_too():
    module = scaled(nn.LSTM(3, 4, bias=False), 5.0)
    module.input_clip = 0.75
    LSTMStableSet().project_(module)
    assert LSTMStableSet().contains(module)
