"""Loss against k and contraction on text: what they must be at the ends, and for a model that sees so much alone."""

import pytest
import torch

from lessons_lib.models import LSTM, LanguageModel, TanhRNN, truncated_outputs
from lessons_lib.models.gated_recurrence import GatedRecurrence
from lessons_lib.stability import LSTMStableSet, SpectralBall
from lessons_lib.wikitext2 import forgetting

WORDS = 30


def model_of(core):
    torch.manual_seed(0)
    return LanguageModel(core, WORDS, 8)


def pages(count=12, length=21):
    return torch.randint(WORDS, (count, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("core", [TanhRNN(8, 8), LSTM(8, 8), GatedRecurrence(8, 8, bound=0.9)], ids=repr)
def test_a_window_as_long_as_the_past_predicts_as_the_whole(core):
    found = forgetting.loss_by_context(model_of(core), pages(length=11), (1, 3, 10))
    assert found["loss"][-1] == pytest.approx(found["whole"], abs=1e-6)
    assert found["error"][-1] < 1e-5
    assert found["error"][0] > 1e-3


def test_windows_are_the_truncations_of_one_sweep():
    model, words = model_of(LSTM(8, 8)), pages()
    found = forgetting.loss_by_context(model, words, (2, 5, 9))
    with torch.no_grad():
        inputs, targets = model.embed(words[:, :-1]), words[:, 9:]
        for k, outputs in enumerate(truncated_outputs(model.core, inputs, 9), start=1):
            if k in (2, 5, 9):
                expected = float(model.loss(outputs[:, 8:], targets))
                assert found["loss"][(2, 5, 9).index(k)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("core", "stable_set", "clip", "norm"),
    [
        (TanhRNN(8, 8), SpectralBall(0.8), None, "euclidean"),
        (LSTM(8, 8, input_clip=0.5), LSTMStableSet(0.7, 0.5), 0.5, "maximum"),
    ],
    ids=["rnn", "lstm"],
)
def test_every_error_of_a_stable_model_is_within_its_bound_in_the_bounds_norm(core, stable_set, clip, norm):
    model = model_of(core)
    stable_set.project_(model)
    found = forgetting.measured(model, pages(8, 301).flatten(), clip)
    assert (found["pages"], found["norm"]) == (8, norm)
    bound = found["bound"]
    assert all(error <= most for error, most in zip(found["error"], bound["error"], strict=False))
    assert found["needed"] <= bound["needed"]
    short = [error for k, error in zip(bound["lengths"], bound["error"], strict=True) if k < bound["needed"]]
    assert min(short) > found["accuracy"] >= bound["error"][len(short)]


def test_a_model_that_nothing_holds_has_no_bound():
    model = model_of(TanhRNN(8, 8))
    torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=2.0)
    assert forgetting.measured(model, pages(8, 301).flatten(), None)["bound"] is None


def test_readers_meet_under_a_contraction_by_the_bound_at_least():
    model = model_of(TanhRNN(8, 8))
    SpectralBall(0.8).project_(model)
    left = forgetting.contraction_on_text(model, pages(64, 20).flatten())
    assert 0 < left["0.5"] <= left["1"] <= 0.8**20


def test_a_page_too_short_for_k_is_refused():
    with pytest.raises(ValueError, match="needs pages of more than 40 words"):
        forgetting.loss_by_context(model_of(TanhRNN(8, 8)), pages(), (40,))
