"""The optima are compared with counts over long samples and with sums over all words, written independently."""

import itertools
from collections import Counter
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import HiddenMarkov, ProductOfLags, Renewal

LANGUAGES = [
    ProductOfLags((1, 3), (0.1, 0.2)),
    Renewal((0.1, 0.0, 0.3, 0.6)),
    HiddenMarkov([[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.2], [0.1, 0.9]]),
    HiddenMarkov([[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.2, 0.0, 0.8]], np.full((3, 3), 0.1) + 0.7 * np.eye(3)),
]


def counted_loss(tokens: torch.Tensor, context_length: int, vocabulary_size: int) -> float:
    """Entropy of the next token given ``context_length`` tokens, from the counts of a sample."""
    words = np.zeros(len(tokens) - context_length, dtype=np.int64)
    for offset in range(context_length + 1):
        words = words * vocabulary_size + tokens.numpy()[offset : offset + len(words)]

    def entropy(values: np.ndarray) -> float:
        counts = np.unique(values, return_counts=True)[1] / len(values)
        return float(-(counts * np.log(counts)).sum())

    return entropy(words) - entropy(words // vocabulary_size)


@pytest.mark.parametrize("language", LANGUAGES, ids=repr)
@pytest.mark.parametrize("context_length", [0, 1, 2, 4])
def test_the_optimum_is_what_counting_finds(language, context_length):
    sample = language.sample(400_000, seed=5)
    counted = counted_loss(sample, context_length, language.vocabulary_size)
    # Counts of a finite sample err by a few parts in a thousand; the bias of rare words is (V - 1) V^k / 2N.
    assert language.optimal_loss(context_length) == pytest.approx(counted, abs=4e-3)


@pytest.mark.parametrize("language", LANGUAGES, ids=repr)
def test_more_context_never_hurts_and_the_whole_past_is_the_limit(language):
    losses = [language.optimal_loss(k) for k in range(9)]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(losses))
    assert language.optimal_loss(None) <= losses[-1] + 1e-12
    assert language.optimal_loss(None) == pytest.approx(losses[-1], abs=0.05)


@pytest.mark.parametrize("language", LANGUAGES, ids=repr)
def test_a_sample_is_int64_repeatable_and_a_prefix_of_a_longer_one(language):
    sample = language.sample(500, seed=3)
    assert sample.shape == (500,)
    assert sample.dtype == torch.int64
    assert 0 <= sample.min() <= sample.max() < language.vocabulary_size
    assert torch.equal(sample, language.sample(500, seed=3))
    assert not torch.equal(sample, language.sample(500, seed=4))


def test_the_figures_published_with_the_languages_hold():
    language = ProductOfLags((4, 16), (0.05, 0.05))
    assert np.exp(language.optimal_loss(None)) == pytest.approx(1.487, abs=5e-4)
    ratio = np.exp(language.optimal_loss(15) - language.optimal_loss(16))
    assert ratio == pytest.approx(1.64, abs=5e-3)


def test_a_lag_is_worth_nothing_until_it_is_reached():
    language = ProductOfLags((2, 5), (0.0, 1.0))
    assert [language.optimal_loss(k) for k in range(6)] == pytest.approx(
        [2 * log(2), 2 * log(2), log(2), log(2), log(2), 0]
    )


def test_bits_without_flips_repeat_exactly_at_their_lag():
    tokens = ProductOfLags((2, 5), (0.0, 1.0)).sample(203, seed=0)
    first, second = tokens & 1, tokens >> 1
    assert torch.equal(first[2:], first[:-2])
    assert torch.equal(second[5:], 1 - second[:-5])


def test_flips_come_at_their_rate():
    tokens = ProductOfLags((7,), (0.2,)).sample(200_000, seed=1)
    assert (tokens[7:] != tokens[:-7]).double().mean().item() == pytest.approx(0.2, abs=4e-3)


def test_gaps_follow_their_distribution_and_the_start_is_stationary():
    probabilities = (0.5, 0.0, 0.0, 0.5)
    language = Renewal(probabilities)
    events = language.sample(200_000, seed=0).nonzero().flatten()
    gaps = Counter(events.diff().tolist())
    assert set(gaps) == {1, 4}
    assert gaps[1] / gaps.total() == pytest.approx(0.5, abs=0.01)
    # In the stationary process every position holds an event with the same probability, 1 / mean gap.
    first = torch.stack([language.sample(6, seed=seed) for seed in range(4000)]).double().mean(0)
    assert first.tolist() == pytest.approx([0.4] * 6, abs=0.035)


def test_a_fixed_gap_is_known_once_it_was_seen():
    language = Renewal((0.0, 0.0, 1.0))
    assert language.optimal_loss(3) == 0
    assert language.optimal_loss(None) == 0
    assert language.optimal_loss(0) == pytest.approx(log(3) - 2 / 3 * log(2))


def brute_force_hidden_markov(transition, emission, context_length):
    """H_k from the probability of every word, one path at a time."""
    values, vectors = np.linalg.eig(transition.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()

    def block_entropy(length):
        total = 0.0
        for word in itertools.product(range(emission.shape[1]), repeat=length):
            paths = 0.0
            for path in itertools.product(range(len(transition)), repeat=length):
                p = 1.0
                for t, (state, token) in enumerate(zip(path, word, strict=True)):
                    p *= (transition[path[t - 1], state] if t else stationary[state]) * emission[state, token]
                paths += p
            total -= paths * np.log(paths) if paths > 0 else 0.0
        return total

    return block_entropy(context_length + 1) - block_entropy(context_length)


def rows(states, tokens):
    weights = st.lists(st.floats(0.05, 1), min_size=tokens, max_size=tokens)
    return st.lists(weights, min_size=states, max_size=states).map(
        lambda r: np.array(r) / np.sum(r, axis=1, keepdims=True)
    )


@settings(deadline=None, max_examples=20)
@given(transition=rows(2, 2), emission=rows(2, 3), context_length=st.integers(0, 3))
def test_the_forward_recursion_sums_over_all_words_and_paths(transition, emission, context_length):
    expected = brute_force_hidden_markov(transition, emission, context_length)
    assert HiddenMarkov(transition, emission).optimal_loss(context_length) == pytest.approx(expected, abs=1e-10)


def test_merged_beliefs_keep_the_optimum_of_two_states_to_1e7():
    language = HiddenMarkov([[0.95, 0.05], [0.1, 0.9]], [[0.9, 0.1], [0.2, 0.8]])
    exact = language.optimal_loss(15)
    language._most_beliefs = 2**11
    assert language.optimal_loss(15) == pytest.approx(exact, abs=1e-7)


def test_the_entropy_rate_lies_below_every_finite_context_and_agrees_with_a_long_one():
    language = HiddenMarkov([[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.2], [0.1, 0.9]])
    assert language.optimal_loss(None) <= language.optimal_loss(14)
    assert language.optimal_loss(None) == pytest.approx(language.optimal_loss(14), abs=1e-5)


def test_a_chain_seen_without_noise_is_its_own_markov_chain():
    transition = np.array([[0.9, 0.1], [0.4, 0.6]])
    language = HiddenMarkov(transition, np.eye(2))
    rate = -(np.array([0.8, 0.2])[:, None] * transition * np.log(transition)).sum()
    assert language.stationary == pytest.approx([0.8, 0.2])
    assert language.optimal_loss(1) == pytest.approx(rate)
    assert language.optimal_loss(None) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProductOfLags((), ()), "one of each"),
        (lambda: ProductOfLags((1, 2), (0.1,)), "one of each"),
        (lambda: ProductOfLags((0,), (0.1,)), "at least 1"),
        (lambda: ProductOfLags((1.5,), (0.1,)), "whole number"),
        (lambda: ProductOfLags((1,), (1.1,)), r"\[0, 1\]"),
        (lambda: ProductOfLags((1,), (float("nan"),)), r"\[0, 1\]"),
        (lambda: Renewal(()), "not empty"),
        (lambda: Renewal((0.5, 0.4)), "sum to 1"),
        (lambda: Renewal((1.5, -0.5)), "negative"),
        (lambda: HiddenMarkov([[1.0]], [[0.5, 0.4]]), "sum to 1"),
        (lambda: HiddenMarkov([[0.5, 0.5]], [[1.0]]), "states, states"),
        (lambda: HiddenMarkov(np.eye(2), np.eye(2)), "connect its states"),
        (lambda: LANGUAGES[0].optimal_loss(-1), "None for the whole past"),
        (lambda: LANGUAGES[1].sample(0, seed=0), "at least 1 token"),
    ],
)
def test_a_language_that_makes_no_sense_says_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()
