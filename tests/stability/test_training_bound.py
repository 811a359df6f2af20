"""The training theorem's constants bound what they say they bound, and its recursion what training does."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.models import GRU, LanguageModel, TanhRNN
from lessons_lib.stability import SpectralBall, TrainingConstants

WIDTH, VOCABULARY, LENGTH = 6, 4, 16


def random_model(seed, rate, scale=1.0):
    """A small float64 language model with ‖W‖_2 = rate and every other weight of the given scale."""
    generator = torch.Generator().manual_seed(seed)
    model = LanguageModel(TanhRNN(3, WIDTH), VOCABULARY, 3).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        weight = model.core.cells[0].weight_hh_l0
        # Nearly a multiple of an orthogonal matrix, so that every direction decays as slowly as it may.
        torch.nn.init.orthogonal_(weight, gain=rate, generator=generator)
    return model


def largest_input(model):
    return float(model.embedding.weight.detach().norm(dim=1).max())


def gradient(model, tokens, context=None):
    """The gradient over all weights but the embedding, of the last token's loss, from the last ``context`` inputs."""
    inputs, target = tokens[:, :-1], tokens[:, -1:]
    features, _ = model(inputs if context is None else inputs[:, -context:])
    loss = model.loss(features[:, -1:], target)
    trained = [p for name, p in model.named_parameters() if not name.startswith("embedding")]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, trained)])


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    rate=st.floats(0.05, 0.97),
    scale=st.sampled_from([0.03, 0.3, 1.0]),
    k=st.integers(1, 12),
)
def test_gradients_of_model_and_truncation_differ_by_at_most_the_bound(seed, rate, scale, k):
    model = random_model(seed, rate, scale)
    tokens = torch.randint(VOCABULARY, (1, LENGTH + 1), generator=torch.Generator().manual_seed(seed))
    found = float((gradient(model, tokens) - gradient(model, tokens, k)).norm())
    bound = TrainingConstants.of(model, largest_input(model)).gradient_gap(k)
    assert found <= bound * (1 + 1e-9) + 1e-12


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    rate=st.floats(0.05, 0.9),
    other=st.floats(0.05, 0.9),
    far=st.sampled_from([1e-4, 0.1, 1.0]),
    k=st.sampled_from([None, 1, 4]),
)
def test_gradients_at_two_weights_differ_by_at_most_the_smoothness(seed, rate, other, far, k):
    model = random_model(seed, rate, 0.3)
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in moved.named_parameters():
            if not name.startswith("embedding"):
                parameter += far * torch.randn_like(parameter)
    SpectralBall(other).project_(moved)
    tokens = torch.randint(VOCABULARY, (1, LENGTH + 1), generator=torch.Generator().manual_seed(seed))
    constants = TrainingConstants.of(model, largest_input(model))
    constants = constants.widened(TrainingConstants.of(moved, constants.inputs))
    pairs = zip(model.parameters(), moved.parameters(), strict=True)
    distance = math.sqrt(sum(float((a - b).detach().square().sum()) for a, b in pairs))
    found = float((gradient(model, tokens, k) - gradient(moved, tokens, k)).norm())
    assert found <= constants.smoothness() * distance * (1 + 1e-9)


@settings(deadline=None, max_examples=40)
@given(rate=st.floats(0, 0.99), steps=st.integers(1, 60), size=st.floats(1e-6, 0.1), k=st.integers(1, 30))
def test_the_closed_form_solves_the_recursion(rate, steps, size, k):
    constants = TrainingConstants(rate, 0.2, 0.1, 0.3, 0.5, 4)
    gap, smoothness, distance = constants.gradient_gap(k), constants.smoothness(), 0.0
    for t in range(1, steps + 1):
        distance = (1 + size * smoothness / t) * distance + size / t * gap
    found = constants.log10_weight_gap(k, steps, size)
    if distance == 0:
        assert found == -math.inf
    else:
        assert math.isclose(found, math.log10(distance), rel_tol=1e-8, abs_tol=1e-8)


def test_the_gradient_gap_falls_like_k_times_the_rate_to_the_k():
    constants = TrainingConstants(0.8, 1.0, 0.1, 1.0, 1.0, 16)
    scaled = [constants.gradient_gap(k) / (k * 0.8**k) for k in (20, 40, 80, 160)]
    assert math.isclose(scaled[-1], scaled[-2], rel_tol=0.05)
    assert math.isclose(scaled[0], scaled[-1], rel_tol=0.5)


def test_without_contraction_there_is_no_bound():
    constants = TrainingConstants(1.0, 1.0, 0.1, 1.0, 1.0, 16)
    assert constants.gradient_gap(5) == constants.smoothness() == math.inf
    assert constants.log10_weight_gap(5, 10, 1.0) == math.inf


def test_only_one_tanh_layer_has_constants():
    with pytest.raises(ValueError, match="one tanh-RNN layer"):
        TrainingConstants.of(LanguageModel(GRU(3, 3), 4, 3), 1.0)
    with pytest.raises(ValueError, match="one tanh-RNN layer"):
        TrainingConstants.of(LanguageModel(TanhRNN(3, 3, layers=2), 4, 3), 1.0)
