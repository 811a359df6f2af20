"""The models of lesson 10 are what the theorem speaks of, and the measured k is the first that stays good."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_10 import experiment as same_predictions
from lessons_lib.models import LanguageModel, TanhRNN
from lessons_lib.stability import SpectralBall, context_for, spectral_norm, truncation_bounds


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
def test_the_measured_context_never_exceeds_the_promised_one(rate):
    core = same_predictions.recurrent(rate)
    assert math.isclose(spectral_norm(core.cells[0].weight_hh_l0), rate, rel_tol=1e-9)
    errors = same_predictions.errors(core, same_predictions.unit_inputs(120), 60)
    bounds = torch.tensor(truncation_bounds(core, range(1, 61), input_bound=1.0), dtype=torch.float64)
    assert (errors <= bounds + 1e-12).all()
    for accuracy in (1.0, 0.1, 0.01):
        promised = context_for(core, accuracy, input_bound=1.0)
        assert min(same_predictions.measured_context(errors, accuracy), 61) <= max(promised, 1)


def test_the_unstable_model_has_no_context():
    errors = same_predictions.errors(same_predictions.recurrent(1.5), same_predictions.unit_inputs(120), 60)
    assert errors[-1] > errors[0]
    assert same_predictions.measured_context(errors, 0.1) == math.inf


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.5, 0.05, 0.2, 0.01], 4),
        ([0.05, 0.01], 1),
        ([0.5, 0.1], 2),
        ([0.01, 0.5], math.inf),
        ([0.5, math.nan], math.inf),
    ],
)
def test_measured_context_looks_at_every_longer_one(errors, expected):
    assert same_predictions.measured_context(errors, 0.1) == expected
    assert same_predictions.measured_context(torch.tensor(errors, dtype=torch.float64), 0.1) == expected


def test_one_rate_for_two_layers_is_broken_and_the_triangular_matrix_is_not():
    pair = same_predictions.two_layers(0.8, 5.0)
    errors = same_predictions.errors(pair, same_predictions.one_shout(), 40)
    # L λ^k M with L = 1 and M = √2, which no state of two tanh units exceeds.
    alone = torch.tensor([math.sqrt(2) * 0.8**k for k in range(1, 41)], dtype=torch.float64)
    bounds = torch.tensor(truncation_bounds(pair, range(1, 41), input_bound=1.0), dtype=torch.float64)
    assert errors[0] <= alone[0]
    assert (errors[1:] > alone[1:]).all()
    assert errors[-1] > 50 * alone[-1]
    assert (errors <= bounds + 1e-12).all()


def test_the_loss_against_k_ends_at_the_loss_of_the_whole_past():
    torch.manual_seed(0)
    model = LanguageModel(TanhRNN(8, 8), 20, 8)
    words = torch.randint(20, (3, 30))
    losses, whole = same_predictions.loss_against_k(model, words, (1, 4, 25))
    assert losses[2] == pytest.approx(whole, abs=1e-6)
    cut = model.loss(model(words[:, 28:29])[0], words[:, 29:])
    alone, _ = same_predictions.loss_against_k(model, words[:, 27:], (1,))
    assert alone[0] == pytest.approx(float(cut.detach()), abs=1e-6)


def test_the_bound_in_nats_covers_what_the_cut_costs():
    torch.manual_seed(0)
    model = LanguageModel(TanhRNN(8, 8), 20, 8)
    SpectralBall(0.5).project_(model)
    losses, whole = same_predictions.loss_against_k(model, torch.randint(20, (3, 30)), (1, 4, 25))
    bounds = same_predictions.loss_bounds(model, (1, 4, 25))
    assert all(abs(loss - whole) <= bound for loss, bound in zip(losses, bounds, strict=True))
    SpectralBall(3.0).project_(model)
    with torch.no_grad():
        model.core.cells[0].weight_hh_l0.mul_(5)
    assert same_predictions.loss_bounds(model, (1, 4, 25)) is None


def test_what_is_stored_bears_the_lesson():
    points = same_predictions.LOSSES.read().points
    assert {(p.family, p.seed) for p in points} == {(f, s) for f in same_predictions.FAMILIES for s in range(3)}
    for point in points:
        assert point.loss[0] > point.whole
        assert abs(point.loss[-1] - point.whole) < 0.01
        assert (point.bound is None) == (point.family != "stable rnn")
        for loss, bound in zip(point.loss, point.bound or [], strict=False):
            assert abs(loss - point.whole) <= bound
