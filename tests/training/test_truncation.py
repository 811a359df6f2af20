"""Truncated backpropagation against references that differentiate one loss at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from lessons_lib.corpora import Stream
from lessons_lib.models import GRU, LSTM, LanguageModel, TanhRNN, detach_state
from lessons_lib.training import Settings, TrainingState, training_step

STEPS = 6
kinds = st.sampled_from([TanhRNN, GRU, LSTM])


def training(kind, layers=1, steps=STEPS, seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(kind(3, 4, layers), 7, 3).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return TrainingState.begin(model, Stream(torch.randint(7, (2 * 4 * steps + 1,)), 2, steps))


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def gradient_of_step(state, **choices):
    """The gradient that one training step used (the update is far too small to matter)."""
    training_step(state, Settings(learning_rate=1e-30, **choices))
    return gradients(state.model)


def assert_equal(ours, reference):
    assert (ours - reference).norm() <= 1e-10 * reference.norm()


def reference_states(model, tokens):
    """The state before every position, from zero, detached."""
    states, state = [], None
    for t in range(tokens.shape[1]):
        states.append(state)
        with torch.no_grad():
            _, state = model(tokens[:, t : t + 1], state)
    return states


def reference_gradient(model, tokens, targets, positions, reach):
    """Sum over positions of d loss_t, where the graph of position t begins ``reach(t)`` inputs earlier."""
    states = reference_states(model, tokens)
    model.zero_grad()
    for t in positions:
        first = max(0, t + 1 - reach(t))
        features, _ = model(tokens[:, first : t + 1], detach_state(states[first]))
        loss = F.cross_entropy(model.logits(features[:, -1]), targets[:, t])
        (loss / len(positions)).backward()
    return gradients(model)


def tokens_of(state, batches):
    parts = [state.stream[i] for i in range(batches)]
    return torch.cat([p[0] for p in parts], 1), torch.cat([p[1] for p in parts], 1)


@settings(deadline=None, max_examples=20)
@given(kind=kinds, layers=st.integers(1, 2), k=st.integers(1, STEPS))
def test_chunked_truncation_reaches_back_to_the_start_of_each_chunk(kind, layers, k):
    state = training(kind, layers)
    for batch in range(2):  # the second step starts from a carried state
        ours = gradient_of_step(state, truncation_length=k)
        tokens, targets = tokens_of(state, batch + 1)
        positions = range(batch * STEPS, (batch + 1) * STEPS)
        reference = reference_gradient(state.model, tokens, targets, positions, lambda t: t % STEPS % k + 1)
        assert_equal(ours, reference)


@settings(deadline=None, max_examples=20)
@given(kind=kinds, layers=st.integers(1, 2), k=st.integers(1, STEPS))
def test_exact_truncation_reaches_k_steps_back_across_the_steps_edge(kind, layers, k):
    state = training(kind, layers)
    for batch in range(3):
        ours = gradient_of_step(state, truncation_length=k, truncation="exact")
        tokens, targets = tokens_of(state, batch + 1)
        positions = range(batch * STEPS, (batch + 1) * STEPS)
        assert_equal(ours, reference_gradient(state.model, tokens, targets, positions, lambda t: k))


@pytest.mark.parametrize("truncation", ["chunked", "exact"])
@pytest.mark.parametrize("kind", [TanhRNN, GRU, LSTM])
def test_k_equal_to_the_step_from_a_fresh_start_is_full_backpropagation(kind, truncation):
    state = training(kind)
    ours = gradient_of_step(state, truncation_length=STEPS, truncation=truncation)
    tokens, targets = state.stream[0]
    state.model.zero_grad()
    features, _ = state.model(tokens)
    F.cross_entropy(state.model.logits(features).flatten(0, 1), targets.flatten()).backward()
    assert_equal(ours, gradients(state.model))


def test_a_step_consumes_the_same_tokens_whatever_k():
    counts = set()
    for k in (1, 4, STEPS):
        for truncation in ("chunked", "exact"):
            state = training(TanhRNN)
            counts.add(training_step(state, Settings(k, truncation, 0.1)).tokens)
    assert counts == {2 * STEPS}


def test_k_longer_than_the_step_is_one_clear_line():
    with pytest.raises(ValueError, match=r"truncation_length=7 is longer than the stream's 6 steps: lower it"):
        training_step(training(TanhRNN), Settings(truncation_length=7))


def test_exact_truncation_refuses_dropout_and_models_without_a_state():
    state = training(TanhRNN)
    state.model.dropout.p = 0.5
    with pytest.raises(ValueError, match="without dropout"):
        training_step(state, Settings(2, "exact"))
