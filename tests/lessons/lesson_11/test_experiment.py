"""The twins: what they read, how far they part, and that the theorem holds where it speaks."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_11 import experiment as twins
from lessons_lib.models import LSTM, LanguageModel, Windowed
from lessons_lib.stability import SpectralBall
from lessons_lib.training import Mailbox


def test_a_cut_window_makes_the_truncated_models_prediction():
    model, windows = twins.beginning()
    inputs, targets = windows[3]
    cut, cut_targets = windows.last(7)[3]
    assert torch.equal(cut, inputs[:, -7:])
    assert torch.equal(cut_targets, targets[:, -7:])
    assert (targets[:, :-1] == -100).all()
    assert (targets[:, -1] >= 0).all()
    expected = Windowed(model.core, 7)(model.embed(inputs))[0][:, -1]
    torch.testing.assert_close(model(cut)[0][:, -1], expected, rtol=1e-12, atol=1e-14)


def test_windows_are_the_text_and_the_same_ones_every_time():
    tokens = torch.arange(100)
    windows = twins.Windows(tokens, 4, 10, seed=1)
    inputs, targets = windows[5]
    assert torch.equal(inputs, windows[5][0])
    assert not torch.equal(inputs, windows[6][0])
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(10))
    assert torch.equal(targets[:, -1], inputs[:, -1] + 1)
    with pytest.raises(IndexError):
        windows[len(windows)]
    with pytest.raises(ValueError, match="too few"):
        twins.Windows(torch.arange(10), 4, 10)
    with pytest.raises(ValueError, match="last"):
        windows.last(11)


def test_stable_twins_stay_together_and_unstable_ones_part():
    stable = twins.measure(0, stable=True, steps=20)
    gap = stable[-1].relative_gap
    assert gap[5] >= 3 * gap[10]
    assert gap[10] >= 10 * gap[20]
    assert gap[20] >= 10 * gap[35]
    for record in twins.measure(0, stable=False, steps=8):
        assert min(record.relative_gap.values()) > 0.5
        assert set(record.log10_bound.values()) == {math.inf}
    assert stable[-1].losses[None] < stable[0].losses[None]
    predictions = [stable[-1].prediction_gap[k] for k in twins.CONTEXT_LENGTHS]
    assert predictions == sorted(predictions, reverse=True)
    assert not stable[-1].says_something(35)  # N^(αβ): as the paper's constants warn


def test_with_a_small_step_the_bound_says_something_and_holds():
    model, windows = twins.beginning(gain=0.3)
    how = twins.settings(0.3, step_size=2e-5)
    for record in twins.twins(model, windows, (5, 20), how, steps=10):
        assert record.says_something(20)
        for k in (5, 20):
            assert record.weight_gap[k] > 0
            assert math.log10(record.weight_gap[k]) <= record.log10_bound[k]


def test_the_start_is_left_alone_and_every_iterate_is_stable():
    model, windows = twins.beginning(gain=1.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    mailbox = Mailbox(twins.settings(0.8))
    records = twins.twins(model, windows, (5,), mailbox)
    bounds = [next(records).log10_bound[5] for _ in range(2)]
    assert all(math.isfinite(bound) for bound in bounds)
    mailbox.update(stable_set=SpectralBall(1.2))
    assert math.isfinite(next(records).log10_bound[5])  # W was inside the smaller ball still when read
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_the_theorem_does_not_cover_is_refused():
    model, windows = twins.beginning()
    with pytest.raises(ValueError, match="context_lengths"):
        twins.twins(model, windows, (50,), twins.settings())
    with pytest.raises(ValueError, match="clip"):
        twins.twins(model, windows, (5,), twins.Settings(gradient_clip=1.0))
    with pytest.raises(ValueError, match="tanh-RNN"):
        twins.twins(LanguageModel(LSTM(8, 8), 8, 8), windows, (5,), twins.settings())


def test_truncation_rescues_the_training_of_an_unstable_start():
    ends = twins.measure(0, stable=False, steps=40, context_lengths=(5,))[-20:]
    whole, cut = (sum(record.losses[k] for record in ends) / 20 for k in (None, 5))
    assert cut < whole - 0.3


def test_what_is_stored_bears_the_lesson():
    points = twins.TWINS.read().points
    last = {(p.start, p.seed, p.k): p for p in points if p.step == twins.LONG}
    assert set(last) == {
        (s, i, k) for s in ("stable", "unstable") for i in twins.SEEDS for k in (None, *twins.COMPARED)
    }
    for seed in twins.SEEDS:
        assert last["stable", seed, 20].relative_gap < 0.01
        assert last["unstable", seed, 20].relative_gap > 0.5
        assert abs(last["stable", seed, 20].loss - last["stable", seed, None].loss) < 0.01
        assert last["unstable", seed, 5].loss < last["unstable", seed, None].loss - 0.1
