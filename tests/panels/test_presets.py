import pytest
import torch

from lessons_lib.corpora import Stream
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LSTM, LanguageModel, TanhRNN
from lessons_lib.panels import presets_for
from lessons_lib.runs import Run
from lessons_lib.stability import LSTMStableSet, SpectralBall, layers_of
from lessons_lib.training import Settings
from tests.waiting import wait_for


@from_seed
def small(seed=0):
    return LanguageModel(TanhRNN(4, 6), 9, 4), Stream(torch.randint(9, (200,)), 2, 12)


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


def test_a_preset_stands_in_the_script_of_its_run():
    preset = presets_for(SpectralBall())[0]
    run = Run(preset.factory(small()), Settings(12, stable_set=preset.stable_set), name="preset")
    run.step()
    wait_for(lambda: run.state == "paused")
    script = run.script()
    run.close()
    names = {}
    exec(script, names)
    assert names["losses"] == run.history.loss
