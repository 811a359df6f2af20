import dataclasses
import math

import pytest
import torch

from lessons_lib.corpora import LaggedRecall, Stream
from lessons_lib.models import (
    GRU,
    LSTM,
    QRNN,
    TCN,
    GatedRecurrence,
    LanguageModel,
    LinearRecurrence,
    SelectiveRecurrence,
    TanhRNN,
    Windowed,
    seeded,
)
from lessons_lib.runs import Measurements, Probe, Run
from lessons_lib.stability import LSTMStableSet, SpectralBall, Unconstrained, gate_norms, gradient_by_lag
from lessons_lib.training import Settings


def measured(core, stable_set):
    torch.manual_seed(0)
    model = LanguageModel(core, 20, 6)
    stable_set.project_(model)
    probe = Probe(Stream(torch.randint(20, (101,)), 1, 100)[0], torch.randint(20, (2, 40)), 12, 12)
    return probe(model, Settings(5, stable_set=stable_set))


@pytest.mark.parametrize(
    ("make", "stable_set"),
    [
        (lambda: TanhRNN(6, 7), SpectralBall(0.8)),
        (lambda: TanhRNN(6, 7, 2), SpectralBall(0.5)),
        (lambda: LSTM(6, 7, input_clip=0.75), LSTMStableSet()),
    ],
)
def test_the_measured_error_lies_under_the_theorems_curve(make, stable_set):
    result = measured(make(), stable_set)
    assert len(result.truncation_error) == len(result.truncation_bound) == 12
    for error, bound in zip(result.truncation_error, result.truncation_bound, strict=True):
        assert error <= bound + 1e-6
    assert result.rate < 1
    assert math.isfinite(result.context_needed)


def test_a_model_without_a_certificate_says_so_with_infinities():
    result = measured(GRU(6, 7), Unconstrained())
    assert result.rate == result.context_needed == math.inf
    assert all(bound == math.inf for bound in result.truncation_bound)


def test_parts_merge_and_what_nobody_measured_stays_none():
    first, second = Measurements(rate=0.5, accuracy=0.1), Measurements(rate=0.0, gates={"i": 1.0})
    assert first | second == Measurements(rate=0.0, accuracy=0.1, gates={"i": 1.0})
    assert first | Measurements() == first
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.rate = 0.4


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (lambda: LinearRecurrence(6, 7), {"gradient_by_lag", "singular_values", "rate"}),
        (
            lambda: GatedRecurrence(6, 7),
            {"gradient_by_lag", "singular_values", "rate", "truncation_bound", "context_needed"},
        ),
        (
            lambda: QRNN(6, 7),
            {"gradient_by_lag", "singular_values", "rate", "truncation_bound", "context_needed"},
        ),
        (lambda: SelectiveRecurrence(6, 7), {"gradient_by_lag"}),
        (lambda: TCN(6, 7, layers=2), {"context_needed"}),
        (
            lambda: Windowed(TanhRNN(6, 7), 3),
            {"singular_values", "rate", "truncation_bound", "context_needed"},
        ),
    ],
)
def test_of_any_model_a_probe_measures_what_it_has(make, fields):
    result = measured(make(), Unconstrained())
    found = {one.name for one in dataclasses.fields(result) if getattr(result, one.name) is not None}
    assert found == fields | {"held_out_loss", "truncation_error", "accuracy"}


class Above(torch.nn.Module):
    """A core that reads what another one says."""

    context_length = None

    def __init__(self, below, above):
        super().__init__()
        self.below, self.above = below, above
        self.input_size, self.hidden_size = below.input_size, above.hidden_size

    def forward(self, inputs, state=None):
        first, second = (None, None) if state is None else state
        inputs, first = self.below(inputs, first)
        outputs, second = self.above(inputs, second)
        return outputs, (first, second)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Above(LinearRecurrence(8, 8), TanhRNN(8, 8)),
        lambda: Above(SelectiveRecurrence(8, 8), LSTM(8, 8, input_clip=0.75)),
        lambda: Above(QRNN(8, 8), GRU(8, 8)),
        lambda: Above(TanhRNN(8, 8), LSTM(8, 8, input_clip=0.75)),
        lambda: Above(GatedRecurrence(8, 8), GatedRecurrence(8, 8)),
        lambda: SelectiveRecurrence(8, 8),
    ],
)
def test_a_run_of_recurrences_without_a_common_bound_finishes_and_measures_all_but_the_bound(make):
    def factory():
        with seeded(0):
            return LanguageModel(make(), 20, 8), Stream(torch.randint(20, (201,)), 2, 10)

    probe = Probe(Stream(torch.randint(20, (101,)), 1, 100)[0], torch.randint(20, (2, 20)), 6, 6)
    run = Run(factory, Settings(5, learning_rate=0.1), name="no common bound", steps=3, probe=probe)
    run.start()
    measured = run.result(60).measured
    run.close()
    assert run.state == "finished", run.message
    assert measured.truncation_bound is None
    assert math.isfinite(measured.held_out_loss)
    assert len(measured.truncation_error) == 6


def test_a_feed_forward_model_needs_its_own_context_length_and_makes_no_error_there():
    result = measured(TCN(6, 7, layers=2), Unconstrained())
    reach = TCN(6, 7, layers=2).context_length
    assert result.context_needed == reach == 7
    assert result.truncation_error[reach - 1 :] == [0.0] * (12 - reach + 1)
    assert min(result.truncation_error[: reach - 1]) > 0


def test_gradients_are_those_of_what_a_task_asks_for():
    inputs, targets = LaggedRecall(3, symbols=5, steps=12, batch_size=4)[0]
    model = LanguageModel(TanhRNN(6, 7), 5, 6)
    asked, next_one = (
        Probe((inputs, targets), inputs, 5, 5, targets=scored)(model, Settings(5)).gradient_by_lag
        for scored in (targets, None)
    )
    assert asked == gradient_by_lag(model, inputs, 5, targets=targets).tolist() != next_one


def test_gates_are_measured_of_lstms_only():
    assert measured(GRU(6, 7), Unconstrained()).gates is None
    model = LanguageModel(LSTM(6, 7, input_clip=0.75), 20, 6)
    model.core.cells[0].weight_hh_l0.data.mul_(10)
    LSTMStableSet(0.64).project_(model)
    assert gate_norms(model) == pytest.approx({"i": 0.36, "f": 0.36**2, "z": 0.09, "o": 0.36}, rel=1e-4)
    probe = Probe(Stream(torch.randint(20, (101,)), 1, 100)[0], torch.randint(20, (2, 40)), 3, 3)
    assert probe(model, Settings(5)).gates == gate_norms(model)
    with pytest.raises(ValueError, match="does not begin with an LSTM"):
        gate_norms(GRU(6, 7))


def test_a_probe_leaves_no_gradient_behind():
    torch.manual_seed(0)
    model = LanguageModel(TanhRNN(6, 7), 20, 6)
    Probe(Stream(torch.randint(20, (101,)), 1, 100)[0], torch.randint(20, (2, 40)), 5, 5)(model, Settings(5))
    assert all(p.grad is None for p in model.parameters())
