import math

import pytest
import torch

from lessons_lib.models import GRU, LSTM, LanguageModel, TanhRNN
from lessons_lib.runs import LanguageProbe
from lessons_lib.stability import LSTMStableSet, SpectralBall, Unconstrained
from lessons_lib.training import Settings


def measured(core, stable_set):
    torch.manual_seed(0)
    model = LanguageModel(core, 20, 6)
    stable_set.project_(model)
    probe = LanguageProbe(torch.randint(20, (101,)), torch.randint(20, (2, 40)), 12, 12)
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
    assert len(result["truncation_error"]) == len(result["truncation_bound"]) == 12
    for error, bound in zip(result["truncation_error"], result["truncation_bound"], strict=True):
        assert error <= bound + 1e-6
    assert result["rate"] < 1
    assert math.isfinite(result["context_needed"])


def test_a_model_without_a_certificate_says_so_with_infinities():
    result = measured(GRU(6, 7), Unconstrained())
    assert result["rate"] == result["context_needed"] == math.inf
    assert all(bound == math.inf for bound in result["truncation_bound"])


def test_a_probe_leaves_no_gradient_behind():
    torch.manual_seed(0)
    model = LanguageModel(TanhRNN(6, 7), 20, 6)
    LanguageProbe(torch.randint(20, (101,)), torch.randint(20, (2, 40)), 5, 5)(model, Settings(5))
    assert all(p.grad is None for p in model.parameters())
