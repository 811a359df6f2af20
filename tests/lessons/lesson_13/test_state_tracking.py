"""Why what forgets cannot keep parity, over all bit streams; and what the trained models of the artefact could do."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from lessons_lib.corpora import RunningProducts
from lessons_lib.lessons.lesson_13 import state_tracking
from lessons_lib.lessons.lesson_13.state_tracking import least_parity_loss
from lessons_lib.models import TCN, LanguageModel, TanhRNN, Transformer
from lessons_lib.stability import SpectralBall
from lessons_lib.training import Settings, train

BITS = 10
STREAMS = (torch.arange(2**BITS)[:, None] >> torch.arange(BITS)) % 2
PARITY = STREAMS.cumsum(1) % 2


def losses(model):
    """Mean nats over all streams of ten bits, by position."""
    with torch.no_grad():
        logits = model.eval().logits(model(STREAMS)[0])
    return F.cross_entropy(logits.transpose(1, 2), PARITY, reduction="none").mean(0)


def contractive(rate, units=4, scale=1.0, seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(TanhRNN(3, units), 2, 3).double()
    for parameter in model.parameters():
        parameter.data.normal_(std=scale)
    SpectralBall(rate).project_(model)
    return model


def bounds(model, rate):
    """The theorem's loss by position: the first bit is 0, 1, 2, ... steps back."""
    rows = model.decoder.weight.detach()
    slope, diameter = float((rows[1] - rows[0]).norm()), 2 * math.sqrt(rows.shape[1])
    return torch.tensor([least_parity_loss(rate, lag, diameter=diameter, slope=slope) for lag in range(BITS)])


@settings(deadline=None, max_examples=40)
@given(rate=st.floats(0, 0.99), scale=st.floats(0.1, 5), seed=st.integers(0, 1000))
def test_no_contraction_loses_less_on_parity_than_the_theorem_says(rate, scale, seed):
    model = contractive(rate, scale=scale, seed=seed)
    assert (losses(model) >= bounds(model, rate) - 1e-12).all()


@pytest.mark.parametrize("rate", [0.3, 0.6])
def test_training_does_not_get_below_the_bound_but_pulls_it_down(rate):
    model = contractive(rate, units=8)
    before = bounds(model, rate)
    task = RunningProducts(2, steps=BITS, batch_size=64)
    how = Settings(BITS, learning_rate=0.02, stable_set=SpectralBall(rate))
    for _ in train(model, task, how, steps=150, optimizer="adam"):
        pass
    found, bound = losses(model), bounds(model, rate)
    print(f"λ = {rate}: loss {found.tolist()}, bound {bound.tolist()}")
    assert (found >= bound).all()
    assert bound[5] < before[5]
    assert found[0] < 0.5  # the first bit is its own parity
    assert found[-1] > 0.6


@settings(deadline=None, max_examples=40)
@given(rate=st.floats(0.01, 0.99), seed=st.integers(0, 1000))
def test_one_early_bit_is_lost_at_the_rate(rate, seed):
    model = contractive(rate, units=6, scale=2.0, seed=seed)
    other = STREAMS.clone()
    other[:, 0] = 1 - other[:, 0]
    with torch.no_grad():
        apart = (model(STREAMS)[0] - model(other)[0]).norm(dim=-1).amax(0)
    allowed = 2 * math.sqrt(6) * rate ** torch.arange(BITS, dtype=torch.float64)
    assert (apart <= allowed + 1e-12).all()


def test_the_bound_is_reached_by_the_best_two_scores_that_so_small_a_difference_allows():
    for delta in (0.0, 0.1, 1.0, 5.0):
        bound = least_parity_loss(1.0, 3, diameter=delta, slope=1.0)
        reached = [
            F.softplus(torch.tensor(-m).double()) + F.softplus(torch.tensor(m - delta).double())
            for m in (delta / 2, 0, delta)
        ]
        assert float(reached[0]) / 2 == pytest.approx(bound, abs=1e-7)
        assert all(float(other) / 2 >= bound - 1e-7 for other in reached)
    assert least_parity_loss(0.9, 400, diameter=16, slope=5) == pytest.approx(math.log(2), abs=1e-10)


@pytest.mark.parametrize("core", [lambda: TCN(3, 8, 1, 3), lambda: Transformer(3, 8, 2, 2, window=3)])
def test_beyond_a_window_exactly_half_of_all_streams_are_answered_right(core):
    torch.manual_seed(0)
    model = LanguageModel(core(), 2, 3).double()
    context = model.context_length
    assert context < BITS
    with torch.no_grad():
        right = (model.eval().logits(model(STREAMS)[0]).argmax(-1) == PARITY).double().mean(0)
    assert (right[context:] == 0.5).all()
    assert (losses(model)[context:] >= math.log(2) - 1e-12).all()


@pytest.mark.parametrize("model", state_tracking.CORES)
def test_every_model_trains_and_is_asked_beyond_its_training(model):
    found = state_tracking.point("permutations of 3", model, 0, steps=10)
    assert set(found.accuracy) == {"40", "100", "400"}
    assert len(found.losses) == 10
    assert found.losses[0] == pytest.approx(math.log(6), abs=0.5)
    assert found.context_length == (31 if model in ("TCN", "Transformer, window") else None)


CANNOT = [
    "TCN",
    "Transformer, window",
    "linear recurrence, fixed λ",
    "linear recurrence, λ(x) in (0, 1)",
    "stable RNN",
]


def stored(task, model):
    found = [p for p in state_tracking.TRACKING.read().points if (p.task, p.model) == (task, model)]
    assert sorted(p.seed for p in found) == list(state_tracking.SEEDS)
    print(f"{task}, {model}: " + "; ".join(str(p.accuracy) for p in found))
    return found


@pytest.mark.parametrize("task", state_tracking.TASKS)
@pytest.mark.parametrize("model", CANNOT)
def test_on_every_stored_seed_what_cannot_keep_every_input_is_at_chance_beyond_its_training(task, model):
    chance = RunningProducts(state_tracking.TASKS[task].things).chance_accuracy
    for point in stored(task, model):
        assert all(abs(point.accuracy[length] - chance) < 0.05 for length in ("100", "400"))


@pytest.mark.parametrize("model", ["RNN", "LSTM"])
def test_on_every_stored_seed_an_unbounded_recurrence_keeps_parity_ten_times_further_than_it_was_trained(model):
    for point in stored("parity", model):
        assert min(point.accuracy.values()) > 0.99
        assert point.losses[-1] < 0.01


def test_a_sign_that_the_input_turns_keeps_parity_and_fades_at_last():
    for point in stored("parity", "linear recurrence, λ(x) in (-1, 1)"):
        assert point.accuracy["100"] > 0.95
        assert point.accuracy["400"] > 0.7


def test_where_order_matters_turning_signs_is_not_enough_beyond_the_training_length_and_an_lstm_is():
    for point in stored("permutations of 3", "linear recurrence, λ(x) in (-1, 1)"):
        assert point.accuracy["40"] > 0.9
        assert point.accuracy["400"] < 0.6
    for point in stored("permutations of 3", "LSTM"):
        assert min(point.accuracy.values()) > 0.99
