"""The n-gram LSTM's study: what resets are, the tables of counts, and what the artefact says."""

import math
from functools import cache
from itertools import islice

import pytest
import torch

from lessons_lib.lessons.lesson_07 import experiment as n_gram
from lessons_lib.lessons.lesson_07 import questions

TOY = n_gram.made_up(n_gram.LANGUAGE, "made up")
LANGUAGE = n_gram.LANGUAGE


@cache
def trained(n: int | None, steps: int = 300):
    model = n_gram.model(n, TOY)
    for _ in n_gram.training(model, TOY, steps=steps):
        pass
    return model.eval()


def test_an_n_gram_lstm_reaches_the_best_loss_of_its_context_and_no_more() -> None:
    for n in (3, 5):
        best = LANGUAGE.optimal_loss(n - 1)
        assert n_gram.loss(trained(n), TOY.held_out) == pytest.approx(best, abs=0.04)


def test_cut_at_n_the_unbounded_model_is_worse_than_one_trained_for_it() -> None:
    unbounded = trained(None)
    cut = dict(zip(range(2, n_gram.LONGEST + 1), n_gram.cut_losses(unbounded, TOY.held_out), strict=True))
    assert cut[4] > LANGUAGE.optimal_loss(3) + 0.1
    assert cut[n_gram.LONGEST] == pytest.approx(n_gram.loss(unbounded, TOY.held_out), abs=0.01)


def test_the_cut_of_an_n_gram_lstm_at_its_own_n_is_its_loss() -> None:
    model = trained(4, steps=20)
    assert n_gram.cut_losses(model, TOY.held_out)[4 - 2] == pytest.approx(n_gram.loss(model, TOY.held_out), rel=1e-5)


def test_tables_of_counts_are_distributions_and_the_pairs_know_the_lag_of_one() -> None:
    unigram = n_gram.frequencies(TOY.train, 4)
    pairs = n_gram.pair_frequencies(TOY.train[:-1], TOY.train[1:], unigram)
    assert float(unigram.sum()) == pytest.approx(1)
    assert torch.allclose(pairs.sum(1), torch.ones(4, dtype=torch.float64))
    found = n_gram.baselines(TOY, steps=100)
    assert found["unigram"] == pytest.approx(2 * math.log(2), rel=0.01)
    assert found["bigram"] == pytest.approx(LANGUAGE.optimal_loss(1), rel=0.02)
    assert found["bigram, same words"] >= found["bigram"] - 0.01


def test_n_moves_between_two_steps_of_a_live_training() -> None:
    order = n_gram.Order(6)
    records = n_gram.live(order, TOY, width=16)
    assert {r.n for r in islice(records, 3)} == {6}
    order.n = 2
    later = list(islice(records, n_gram.SWEEP_STEPS))
    assert {r.n for r in later} == {2}
    swept = [r for r in later if r.by_n]
    assert len(swept) == 1
    assert len(swept[0].by_n) == n_gram.LONGEST - 1


def records(*stretches: tuple[int, float, int]) -> list[n_gram.LiveRecord]:
    """(n, perplexity, steps) one after the other."""
    steps = [(n, math.log(perplexity)) for n, perplexity, count in stretches for _ in range(count)]
    return [n_gram.LiveRecord(step, n, loss) for step, (n, loss) in enumerate(steps)]


@pytest.mark.parametrize(
    ("stretches", "cut", "later"),
    [
        ([(50, 40.0, 20), (3, 120.0, 5), (3, 50.0, 115)], 2, 1),
        ([(50, 40.0, 20), (3, 120.0, 50)], 2, None),
        ([(50, 40.0, 20), (3, 41.0, 5), (3, 38.0, 115)], 0, None),
        ([(50, 40.0, 20), (3, 50.0, 5), (3, 45.0, 115)], 1, 1),
        ([(50, 40.0, 20), (3, 70.0, 5), (3, 60.0, 115)], 2, 0),
        ([(50, 40.0, 20), (3, 70.0, 5), (3, 39.0, 115)], 2, 2),
        ([(50, 40.0, 20), (3, 70.0, 50), (13, 39.0, 115)], 2, None),
        ([(50, 40.0, 20), (30, 40.0, 1), (4, 60.0, 1), (3, 70.0, 50)], 2, None),
    ],
)
def test_the_bets_are_settled_by_what_the_cut_did(stretches, cut, later) -> None:
    seen = n_gram.cut_of(records(*stretches), unigram=53.0)
    assert seen is not None
    assert questions.cut_outcome(seen) == questions.bet_on_cut.options[cut]
    expected = None if later is None else questions.bet_on_training.options[later]
    assert questions.training_outcome(seen) == expected


@pytest.mark.parametrize("stretches", [[(50, 40.0, 20)], [(50, 40.0, 5), (3, 70.0, 9)], [(13, 40.0, 20), (3, 70.0, 9)]])
def test_without_a_long_n_before_there_is_no_cut(stretches) -> None:
    assert n_gram.cut_of(records(*stretches), unigram=53.0) is None


def test_an_untrained_model_takes_all_words_for_equally_likely_before_it_has_read_any() -> None:
    assert n_gram.empty_loss(n_gram.model(None, TOY), TOY.held_out) == pytest.approx(math.log(4), abs=0.1)


@pytest.mark.parametrize("n", [1, 0])
def test_n_below_two_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="table of counts"):
        n_gram.model(n, TOY)


def test_the_published_models_say_what_the_lesson_says() -> None:
    found = n_gram.N_GRAM.read()
    mean = {n: sum(n_gram.losses_of(found.points, n)) / len(n_gram.SEEDS) for n in (None, *n_gram.ORDERS)}
    assert mean[2] > mean[3] > mean[5] > mean[8]
    assert abs(mean[13] - mean[None]) < 0.02
    cut = [p.cut for p in found.points if p.n is None]
    for losses in cut:
        assert losses[0] > found.summary["baselines"]["unigram"]  # one word from a zero state
        assert losses[13 - 2] == pytest.approx(losses[-1], abs=0.02)
