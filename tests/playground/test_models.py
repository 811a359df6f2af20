"""The table of models: each with the numbers that build it, and with every stable set that says it fits."""

from dataclasses import dataclass

import pytest
import torch

from lessons_lib.models import TanhRNN
from lessons_lib.playground.entry import smallest, usual
from lessons_lib.playground.models import LSTM, MODELS, NO_SET, core, sets_of
from lessons_lib.stability import Knob, LSTMStableSet, LSTMWideSet, StableSet, sets, singular_values, stable_sets


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_offered_the_sets_that_say_they_fit_it_and_no_other(name):
    built = core(name, 8, **usual(MODELS, name).numbers)
    fitting = {kind.name for kind in stable_sets() if kind.knob is not None and kind.fits(built)}
    assert sets_of(name).keys() == fitting | {NO_SET}


@pytest.mark.parametrize("name", MODELS)
def test_a_set_is_turned_by_its_knob_from_where_it_stands(name):
    for line in sets_of(name).values():
        for knob in line.knobs.values():
            assert line.build(value=knob.high).knob_value == knob.high
            assert line.build(value=knob.value).knob.tooltip == line.says


def test_an_lstms_sets_count_on_the_clip_that_it_has():
    assert LSTM(4, 4).input_clip == 0.75
    table = sets_of("LSTM")
    assert table["published-lstm"].build(value=0.7) == LSTMStableSet(0.7, input_bound=0.75)
    assert table["wide-lstm"].build(value=0.7) == LSTMWideSet(input_bound=0.75).with_knob(0.7)


def test_a_guest_set_is_offered_to_the_models_that_it_fits(monkeypatch):
    monkeypatch.setattr(sets, "_SETS", dict(sets._SETS))

    @dataclass(frozen=True)
    class Box(StableSet):
        name = "gru-box"
        knob = Knob("size", "w", "Recurrent weights are cut at w.", 0.1, 2.0, 0.1)
        kinds = ("gru",)
        size: float = 1.0

        def contains(self, module):
            return True

        def project_(self, module):
            return torch.zeros(())

        def rate(self, module):
            return float("inf")

        def describe(self):
            return "a box"

    assert sets_of("GRU")["gru-box"].build(value=0.3) == Box(0.3)
    assert "gru-box" not in sets_of("LSTM")


@pytest.mark.parametrize("name", ["tanh-RNN", "LSTM", "GRU"])
def test_an_orthogonal_start_has_equal_singular_values_in_every_block(name):
    numbers = smallest(MODELS, name).numbers | {"gain": 1.7, "hidden_size": 12}
    weight = core(name, 5, **numbers).cells[0].weight_hh_l0
    for block in weight.split(12):
        torch.testing.assert_close(torch.linalg.svdvals(block), torch.full((12,), 1.7))


def test_without_a_gain_a_model_starts_as_pytorch_makes_it():
    torch.manual_seed(0)
    ours = core("tanh-RNN", 5, hidden_size=12, layers=1, gain=None)
    torch.manual_seed(0)
    torch.testing.assert_close(singular_values(ours), singular_values(TanhRNN(5, 12)))
