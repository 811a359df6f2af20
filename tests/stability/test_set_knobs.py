"""Whatever shows, searches or trains a stable set asks the set: its knob, its names, the models it is for."""

import math
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from lessons_lib.models import LSTM, QRNN, LinearRecurrence, TanhRNN
from lessons_lib.stability import (
    EigenvalueDisc,
    LSTMStableSet,
    LSTMWideSet,
    QRNNStableSet,
    SpectralBall,
    StableSet,
    Unconstrained,
    set_for,
    set_named,
    sets_for,
    stable_sets,
)

MODELS = {
    SpectralBall: lambda: TanhRNN(3, 8),
    LSTMStableSet: lambda: LSTM(3, 8, input_clip=0.75),
    LSTMWideSet: lambda: LSTM(3, 8, input_clip=0.75),
    EigenvalueDisc: lambda: LinearRecurrence(3, 4, units=5),
    QRNNStableSet: lambda: QRNN(3, 4),
}
TURNED = tuple(MODELS)
OURS = (Unconstrained, *TURNED)


def test_a_set_is_found_by_its_class_and_by_its_short_name_and_nowhere_listed():
    assert set(OURS) <= set(stable_sets())
    for kind in OURS:
        assert set_named(kind.__name__) is set_named(kind.name) is kind
        assert isinstance(kind(), StableSet)
    with pytest.raises(ValueError, match="choose one of Unconstrained, SpectralBall"):
        set_named("Ball")


@pytest.mark.parametrize("kind", TURNED)
def test_over_the_whole_range_a_turned_knob_gives_a_valid_set_with_that_value(kind):
    knob = kind.knob
    for share in torch.linspace(0, 1, 41).tolist():
        value = knob.low + share * (knob.high - knob.low)
        turned = kind().with_knob(value)
        assert type(turned) is kind
        assert turned.knob_value == value
        assert turned.in_short() == f"{knob.label} ≤ {value:g}"


@pytest.mark.parametrize("kind", TURNED)
def test_turned_to_where_it_stands_a_set_stays_the_same(kind):
    chosen = kind().for_inputs(0.4)
    assert chosen.with_knob(chosen.knob_value) == chosen


@pytest.mark.parametrize("kind", TURNED)
def test_a_model_projected_at_any_setting_of_the_knob_lies_in_the_set(kind):
    for value in (kind.knob.low, sum(kind.knob.search) / 2, kind.knob.high):
        module, chosen = MODELS[kind](), kind().with_knob(value)
        chosen.project_(module)
        assert chosen.contains(module)


@pytest.mark.parametrize("kind", TURNED)
def test_all_but_the_knob_is_kept(kind):
    chosen = replace(kind(), **({"input_bound": 0.4} if "input_bound" in asdict(kind()) else {}))
    value = sum(kind.knob.search) / 2
    assert asdict(chosen.with_knob(value)) == asdict(chosen) | {kind.knob.field: value}


def test_in_the_wide_set_what_stands_in_the_ceilings_way_gives_way():
    wide = LSTMWideSet(bound=0.9, lowest_ceiling=0.3, highest_ceiling=0.8)
    assert wide.with_knob(0.89) == replace(wide, highest_ceiling=0.89)
    assert wide.with_knob(0.94) == replace(wide, highest_ceiling=0.94, bound=0.97)
    assert wide.with_knob(0.2) == replace(wide, highest_ceiling=0.2, lowest_ceiling=0.2)


@pytest.mark.parametrize("kind", TURNED)
def test_every_corner_of_the_searched_space_is_a_valid_set_that_knows_its_place(kind):
    names = list(kind().searched)
    for corner in range(2 ** len(names)):
        point = {name: kind().searched[name][corner >> i & 1] for i, name in enumerate(names)}
        one = kind().at(point)
        if "lowest_ceiling" in point:  # it comes down to the highest
            point["lowest_ceiling"] = min(point["lowest_ceiling"], point["highest_ceiling"])
        assert one.point() == pytest.approx(point)


def test_without_a_knob_there_is_nothing_to_turn_or_search():
    free = Unconstrained()
    assert free.knob is None
    assert free.knob_value is None
    assert free.searched == free.point() == {}
    assert free.in_short() == "no bound"
    with pytest.raises(ValueError, match="no knob"):
        free.with_knob(0.5)


def test_a_model_is_offered_the_set_that_fits_it_with_inputs_clipped_as_its_own():
    assert set_for(TanhRNN(3, 4)) == SpectralBall()
    assert set_for(LSTM(3, 4)) == LSTMStableSet()
    assert set_for(LSTM(3, 4, input_clip=0.5)) == LSTMStableSet(input_bound=0.5)
    assert set_for(LinearRecurrence(3, 4)) == EigenvalueDisc()
    assert set_for(QRNN(3, 4)) == QRNNStableSet()
    for module in (nn.GRU(3, 4), nn.Linear(2, 2), nn.Sequential(nn.RNN(2, 2), nn.LSTM(2, 2))):
        assert set_for(module) == Unconstrained()


def test_all_sets_that_fit_a_model_are_named_in_order():
    clipped = LSTM(3, 4, input_clip=0.5)
    named = [one for one in sets_for(clipped) if one.knob is not None]
    assert named == [LSTMStableSet(input_bound=0.5), LSTMWideSet(input_bound=0.5)]
    assert sets_for(clipped, rate=0.9)[0] == set_for(clipped, rate=0.9)
    assert sets_for(nn.GRU(3, 4)) == []


@pytest.mark.parametrize("module", [TanhRNN(3, 8), LSTM(3, 8, input_clip=0.5), LinearRecurrence(3, 4, units=5)])
def test_a_promised_rate_is_kept_by_every_member(module):
    promised = set_for(module, rate=0.9)
    for parameter in module.parameters():
        parameter.data.mul_(30)
    promised.project_(module)
    assert promised.contains(module)
    assert promised.rate(module) <= 0.9 * (1 + 1e-5)


def test_nothing_is_promised_for_a_layer_that_no_set_certifies():
    assert set_for(nn.GRU(3, 4), rate=0.9) == Unconstrained()
    assert Unconstrained.promising(0.9) is None
    assert Unconstrained().rate(nn.GRU(3, 4)) == math.inf


def test_gates_are_limited_as_the_published_set_projects_them():
    module, chosen = LSTM(3, 16, input_clip=0.75), LSTMStableSet(0.7)
    module.cells[0].weight_hh_l0.data.mul_(100)
    chosen.project_(module)
    rows = [block.abs().sum(1).max().item() for block in module.cells[0].weight_hh_l0.chunk(4)]
    assert rows == pytest.approx(list(chosen.gate_limits().values()), rel=1e-4)
    assert Unconstrained().gate_limits() == {}


def test_a_set_defined_in_a_notebook_replaces_the_one_of_the_same_name(monkeypatch):
    monkeypatch.setattr("lessons_lib.stability.sets._SETS", {"Unconstrained": Unconstrained})

    def define():
        class Halved(SpectralBall):
            name = "halved"

        return Halved

    define()
    second = define()
    assert stable_sets() == [second]
    assert set_named("Halved") is second
