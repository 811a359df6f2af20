"""Probes agree with brute force."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lessons_lib.models import GRU, LSTM, LanguageModel, LinearRecurrence, TanhRNN, Transformer, Windowed
from lessons_lib.stability import contraction, gradient_by_lag, singular_values, truncation_error
from lessons_lib.stability.probes import probing

CORES = {
    "rnn": lambda: TanhRNN(5, 6),
    "rnn, two layers": lambda: TanhRNN(5, 6, 2),
    "gru": lambda: GRU(5, 6),
    "lstm, clipped": lambda: LSTM(5, 6, 2, input_clip=0.3),
}


def language_model(core, dropout=0.0):
    torch.manual_seed(0)
    model = LanguageModel(CORES[core](), 11, 5, dropout=dropout).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def stepped_states(model, tokens):
    """Features and states after each input, all in one graph."""
    states, features, state = [], [], None
    for t in range(tokens.shape[1]):
        feature, state = model(tokens[:, t : t + 1], state)
        flat = state if isinstance(state, tuple) else (state,)
        states.append(flat)
        features.append(feature)
    return features, states


@pytest.mark.parametrize("core", CORES)
def test_gradient_by_lag_is_what_one_backward_pass_per_position_finds(core):
    model = language_model(core, dropout=0.4)  # dropout must not act in a probe
    tokens = torch.randint(0, 11, (3, 9))
    found = gradient_by_lag(model, tokens)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    features, states = stepped_states(model, tokens[:, :-1])
    sums, counts = torch.zeros(8).double(), torch.zeros(8)
    for t in range(8):
        losses = F.cross_entropy(model.logits(features[t][:, 0]), tokens[:, t + 1], reduction="none")
        upon = torch.autograd.grad(losses.sum(), features[t], retain_graph=True)[0]
        sums[0] += upon.norm(dim=-1).sum()
        counts[0] += 3
        for lag in range(1, t + 1):
            parts = torch.autograd.grad(losses.sum(), states[t - lag], retain_graph=True)
            joint = torch.cat([p.transpose(0, 1).flatten(1) for p in parts], 1)
            sums[lag] += joint.norm(dim=1).sum()
            counts[lag] += 3
    torch.testing.assert_close(found, sums / counts, rtol=1e-8, atol=0)
    torch.testing.assert_close(gradient_by_lag(model, tokens, max_lag=3), found[:4], rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient_by_lag(model.float(), tokens).double(), found, rtol=1e-4, atol=1e-9)


def test_gradient_by_lag_counts_what_a_task_scores_and_nothing_else():
    """Two answers, the last but one and the last: entry j is the mean over those that lie j steps or more from the
    start."""
    model = language_model("rnn")
    tokens, targets = torch.randint(0, 11, (3, 6)), torch.full((3, 6), -100)
    targets[:, 4:] = torch.randint(0, 11, (3, 2))
    found = gradient_by_lag(model, tokens, targets=targets)
    features, states = stepped_states(model, tokens)
    for lag in range(1, 6):
        norms = []
        for t in range(max(4, lag), 6):
            losses = F.cross_entropy(model.logits(features[t][:, 0]), targets[:, t], reduction="none")
            (part,) = torch.autograd.grad(losses.sum(), states[t - lag], retain_graph=True)
            norms.append(part[0].norm(dim=-1))
        torch.testing.assert_close(found[lag], torch.stack(norms).mean(), rtol=1e-8, atol=0)


def test_gradient_by_lag_of_one_sequence_is_that_of_a_batch_of_one():
    model, tokens, targets = language_model("rnn"), torch.randint(0, 11, (6,)), torch.randint(0, 11, (6,))
    targets[:2] = -1
    found = gradient_by_lag(model, tokens, targets=targets)
    assert torch.equal(found, gradient_by_lag(model, tokens[None], targets=targets[None]))
    assert torch.equal(found, gradient_by_lag(model, tokens, targets=targets.masked_fill(targets < 0, -100)))


def test_gradient_by_lag_takes_one_sequence_and_refuses_what_has_no_state():
    model = language_model("rnn")
    assert gradient_by_lag(model, torch.randint(0, 11, (6,))).shape == (5,)
    assert gradient_by_lag(model, torch.randint(0, 11, (6,)), max_lag=0).shape == (1,)
    with pytest.raises(ValueError, match="feed-forward"):
        gradient_by_lag(LanguageModel(Windowed(TanhRNN(5, 6), 3), 11, 5), torch.randint(0, 11, (6,)))
    with pytest.raises(ValueError, match="keeps all it reads"):
        gradient_by_lag(LanguageModel(Transformer(8, 8), 11, 8), torch.randint(0, 11, (6,)))
    with pytest.raises(ValueError, match="two tokens"):
        gradient_by_lag(model, torch.tensor([1]))


@pytest.mark.parametrize("core", CORES)
def test_contraction_is_the_distance_of_two_separate_runs(core):
    module = CORES[core]().double()
    inputs = torch.randn(4, 7, 5, dtype=torch.float64)
    pair = isinstance(module, LSTM)

    def start():
        parts = [torch.randn(module.layers, 4, 6, dtype=torch.float64) for _ in range(1 + pair)]
        return tuple(parts) if pair else parts[0]

    first, second = start(), start()
    found = contraction(module, inputs, first, second)

    def whole(state):
        return torch.cat([s.transpose(0, 1).flatten(1) for s in (state if pair else (state,))], 1)

    for t in range(7):
        a, b = (whole(module(inputs[:, : t + 1], state)[1]) for state in (first, second))
        expected = (a - b).norm(dim=1) / (whole(first) - whole(second)).norm(dim=1)
        torch.testing.assert_close(found[:, t], expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("order", [2.0, math.inf])
def test_truncation_error_is_that_of_windowed_models(order):
    model = language_model("lstm, clipped")
    tokens = torch.randint(0, 11, (2, 12))
    found = truncation_error(model, tokens, [7, 1, 3, 12], order=order)
    full = model.logits(model(tokens)[0])
    for k, error in zip([7, 1, 3, 12], found, strict=True):
        cut = model.logits(Windowed(model.core, k)(model.embedding(tokens))[0])
        expected = torch.linalg.vector_norm(full - cut, ord=order, dim=-1).max()
        torch.testing.assert_close(error, expected, rtol=1e-8, atol=1e-14)
    assert found[-1] < 1e-14
    core_only = truncation_error(model.core, model.embedding(tokens), [3])
    assert core_only.shape == (1,)
    with pytest.raises(ValueError, match="at least"):
        truncation_error(model, tokens, [])
    with pytest.raises(ValueError, match="its own input"):
        truncation_error(model, tokens, [0])


def test_singular_values_are_those_of_each_layers_recurrent_matrix():
    module = nn.Sequential(nn.RNN(3, 5, num_layers=2), nn.LSTM(5, 4)).double()
    found = singular_values(module)
    assert found.shape == (3, 5)
    for row, w in zip(found, [module[0].weight_hh_l0, module[0].weight_hh_l1, module[1].weight_hh_l0], strict=True):
        torch.testing.assert_close(row[: w.shape[1]], torch.linalg.svd(w.detach())[1], rtol=1e-12, atol=0)
    assert not found[2, 4]
    with torch.no_grad():
        module[0].weight_hh_l0[0, 0] = math.inf
    assert singular_values(module)[0].isnan().all()
    linear = LinearRecurrence(3, 4, units=5).double()
    (sizes,) = singular_values(linear)
    torch.testing.assert_close(
        sizes, torch.linalg.svdvals(torch.diag(linear.blocks[0].recurrence.eigenvalues().detach()))
    )
    with pytest.raises(ValueError, match="holds no"):
        singular_values(nn.Linear(2, 2))


def test_two_probes_at_once_leave_cudnns_flags_alone(monkeypatch):
    """The flags belong to the process: of two probes that overlap, the second to end would restore the first one's."""
    asked = []
    monkeypatch.setattr(torch._C, "_set_cudnn_enabled", asked.append)
    first, second = probing(language_model("rnn")), probing(language_model("lstm, clipped"))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert asked == []


def test_a_probe_reads_recurrent_layers_in_training_mode_but_without_their_dropout():
    layer = nn.LSTM(5, 6, 2, dropout=0.5, batch_first=True).eval()
    inputs = torch.randn(2, 7, 5)
    expected = layer(inputs)[0]
    with probing(layer):
        assert layer.training  # else cuDNN would refuse to differentiate
        assert torch.equal(layer(inputs)[0], expected)
    assert not layer.training
    assert layer.dropout == 0.5
