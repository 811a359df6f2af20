import pytest
import torch

from lessons_lib.models import LSTM, LanguageModel, TanhRNN
from lessons_lib.panels import presets_for
from lessons_lib.stability import LSTMStableSet, SpectralBall, layers_of


def original(core=TanhRNN):
    return LanguageModel(core(4, 6), 9, 4), None


@pytest.mark.parametrize("preset", presets_for(SpectralBall()), ids=lambda preset: preset.name)
def test_every_singular_value_starts_at_the_presets_scale(preset):
    model, _ = preset.factory(original)()
    values = torch.linalg.svdvals(layers_of(model)[0].weight_hh)
    torch.testing.assert_close(values, torch.full((6,), preset.scale))


@pytest.mark.parametrize("preset", presets_for(LSTMStableSet()), ids=lambda preset: preset.name)
def test_every_gate_of_an_lstm_starts_orthogonal(preset):
    model, _ = preset.factory(lambda: original(LSTM))()
    for block in layers_of(model)[0].weight_hh.chunk(4):
        torch.testing.assert_close(torch.linalg.svdvals(block), torch.full((6,), preset.scale))


def test_a_preset_begins_the_same_every_time():
    preset = presets_for(SpectralBall())[0]
    torch.manual_seed(1)
    first, _ = preset.factory(original)()
    second, _ = preset.factory(original)()
    assert torch.equal(layers_of(first)[0].weight_hh, layers_of(second)[0].weight_hh)
