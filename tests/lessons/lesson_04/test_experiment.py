"""The two cuts at k over three seeds: trained again around the longest lag, read from the artefact for every k."""

from collections import deque
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import nn

from lessons_lib.lessons.lesson_04 import experiment as truncation

LANGUAGE, LAG = truncation.LANGUAGE, max(truncation.LANGUAGE.lags)
BEST = LANGUAGE.optimal_loss(None)
by_seed = pytest.mark.parametrize("seed", truncation.SEEDS)


@cache
def loss(cut: str, k: int, seed: int) -> float:
    return truncation.point(cut, k, seed).loss


@pytest.mark.slow
@by_seed
@pytest.mark.parametrize("k", [LAG - 1, LAG])
def test_a_context_k_model_reaches_its_own_optimum(k: int, seed: int) -> None:
    assert loss("context", k, seed) == pytest.approx(LANGUAGE.optimal_loss(k), rel=0.02)


@pytest.mark.slow
@by_seed
@pytest.mark.parametrize("cut", ["chunked", "exact"])
def test_truncation_at_the_lag_reaches_the_optimum_of_the_whole_past(cut: str, seed: int) -> None:
    assert loss(cut, LAG, seed) == pytest.approx(BEST, rel=0.02)


@pytest.mark.slow
@by_seed
@pytest.mark.parametrize("cut", ["chunked", "exact"])
def test_truncation_below_the_lag_ends_between_the_two_optima(cut: str, seed: int) -> None:
    assert 1.05 * BEST < loss(cut, LAG - 1, seed) < 0.95 * LANGUAGE.optimal_loss(LAG - 1)


def test_the_published_models_keep_the_same_claims_at_every_k() -> None:
    points = truncation.ON_LANGUAGE.read().points
    assert {(p.cut, p.k, p.seed) for p in points} == {
        (cut, k, seed) for cut in truncation.CUTS for k in truncation.LENGTHS for seed in truncation.SEEDS
    }
    for point in points:
        seen = LANGUAGE.optimal_loss(point.k)
        assert point.optimum == pytest.approx(seen if point.cut == "context" else BEST)
        if point.cut == "context" or point.k >= LAG:
            assert point.loss == pytest.approx(point.optimum, rel=0.02), point
        else:
            assert 1.05 * BEST < point.loss < 0.95 * seen, point


@pytest.mark.parametrize("seed", truncation.SEEDS)
def test_trained_on_below_the_lag_a_model_loses_what_a_frozen_core_keeps(seed: int) -> None:
    points = truncation.LONGER.read().points
    free, frozen = (
        {p.steps: p.loss for p in points if (p.frozen, p.seed) == (kind, seed)} for kind in ("nothing", "the core")
    )
    assert list(free) == list(frozen) == list(truncation.LONGER_STEPS)
    assert free[150] < frozen[150] < 0.75 * LANGUAGE.optimal_loss(2)
    assert free[1_000] > 0.84 * LANGUAGE.optimal_loss(2)
    assert frozen[50] > frozen[150] > frozen[500] > frozen[1_000] < 1.15 * BEST


def test_after_150_steps_the_longer_trainings_are_the_shorter_ones() -> None:
    short = {p.seed: p.loss for p in truncation.ON_LANGUAGE.read().points if (p.cut, p.k) == ("chunked", 2)}
    for point in truncation.LONGER.read().points:
        if (point.frozen, point.steps) == ("nothing", 150):
            assert point.loss == pytest.approx(short[point.seed], rel=1e-3)


@pytest.mark.parametrize("frozen", truncation.FROZEN)
def test_what_is_frozen_stays_as_it_began_and_the_rest_is_trained(frozen: str) -> None:
    (model,) = truncation.trained_with((2, 2), seed=0, frozen=frozen)
    first = truncation.factory(seed=0)()[0].state_dict()
    stayed = {name for name, weight in model.state_dict().items() if torch.equal(weight, first[name])}
    kept = tuple(f"core.cells.0.{beginning}" for beginning in truncation.FROZEN[frozen])
    assert stayed == {name for name in first if name.startswith(kept)}


def test_on_real_words_truncation_matters_less_than_the_seed_and_context_more() -> None:
    points = truncation.ON_WORDS.read().points
    means = [sum(p.loss for p in points if p.k == k) / len(truncation.SEEDS) for k in truncation.WORD_LENGTHS]
    assert max(means) < 1.01 * min(means)
    for point in points:
        one, five, most = point.by_context[0], point.by_context[4], point.by_context[-1]
        assert one - five > 1.5 > 0.3 > five - most > 0, point


@pytest.mark.parametrize("truncation_name", ["chunked", "exact"])
def test_memory_is_a_straight_line_in_k(truncation_name: str) -> None:
    table = truncation.BATCH_SIZE * truncation.WIDTH * 4  # one float32 for each unit of each sequence
    slope = {"chunked": 3, "exact": truncation.STEPS}[truncation_name] * table
    sizes = [truncation.memory(k, truncation_name) for k in (1, 2, 6, 24)]
    assert [b - a for a, b in pairwise(sizes)] == [slope, 4 * slope, 18 * slope]


def test_saved_bytes_count_each_storage_once_and_forget_what_is_dropped() -> None:
    layer, x = nn.Linear(4, 4), torch.ones(8, 4, requires_grad=True)

    def once() -> torch.Tensor:
        return layer(x).tanh().sum()

    size = x.numel() * 4
    assert truncation.peak_saved_bytes(layer, once) == 2 * size  # the input and tanh's output, no weights
    assert truncation.peak_saved_bytes(layer, lambda: [once().backward() for _ in range(5)]) == 2 * size
    dropped: deque[torch.Tensor] = deque(maxlen=0)
    assert truncation.peak_saved_bytes(layer, lambda: dropped.extend(once() for _ in range(5))) == 2 * size
    kept: list[torch.Tensor] = []
    assert truncation.peak_saved_bytes(layer, lambda: kept.extend(once() for _ in range(5))) == 6 * size


def test_the_best_predictors_loss_on_a_sample_is_near_the_optimum() -> None:
    tokens = LANGUAGE.sample(200_000, seed=7)
    for k in (0, 1, 3, 4, None):
        assert truncation.optimal_loss_on(tokens, k) == pytest.approx(LANGUAGE.optimal_loss(k), rel=0.02)


def test_every_cut_reads_the_same_data_from_the_same_first_weights() -> None:
    whole, stream = truncation.factory(seed=1)()
    windowed, same = truncation.factory(seed=1, context_length=2)()
    assert all(torch.equal(a, b) for a, b in zip(stream[3], same[3], strict=True))
    weights = zip(whole.parameters(), windowed.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    assert windowed.context_length == 2


def test_an_unknown_cut_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="choose one of context, chunked, exact"):
        truncation.point("full", 4)


def test_a_stored_point_is_made_again(tmp_path) -> None:
    case = {"cut": "chunked", "k": 1, "seed": 0}
    (stored,) = [p for p in truncation.ON_LANGUAGE.read().points if (p.cut, p.k, p.seed) == tuple(case.values())]
    made = truncation.ON_LANGUAGE.add(case, tmp_path)
    assert truncation.ON_LANGUAGE.read(tmp_path).points == [made]
    assert made == replace(stored, loss=pytest.approx(stored.loss, rel=1e-4))  # another processor adds up otherwise


def test_real_words_are_scored_whole_and_by_context(wikitext2_present: None) -> None:
    point = truncation.words_point(2, steps=3)
    assert len(point.by_context) == truncation.WORD_CONTEXTS
    assert 3 < point.loss < 7
    assert point.by_context[-1] == pytest.approx(point.loss, rel=0.05)
