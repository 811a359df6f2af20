"""Checks of lesson 07's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, named_mistake
from lessons_lib.models import LSTM, LanguageModel, seeded


@exercise("n - 1 words, of which the last is the one just before.")
def context(answer: Callable[[Sequence[str], int, int], Sequence[str]]) -> str | None:
    """The words from which an n-gram model predicts ``words[t]``."""
    words = list("abcdefghij")
    cases = ((7, 3), (9, 5), (4, 2), (2, 6), (5, 1))
    given = [list(answer(words, t, n)) for t, n in cases]
    wrong = {
        "those are n words: the predicted one counts, so the context has n - 1": [
            words[max(0, t - n) : t] for t, n in cases
        ],
        "n - 1 is how many words there are; go that far back from t": [words[max(0, n - 1) : t] for t, n in cases],
        "those are one word too few: n - 1 words before t begin at t - (n - 1)": [
            words[max(0, t - n + 2) : t] for t, n in cases
        ],
    }
    right = [words[max(0, t - n + 1) : t] for t, n in cases]
    for (t, n), seen, expected in zip(cases, given, right, strict=True):
        if seen != expected:
            unnamed = f"for t = {t} and n = {n} the model sees {''.join(expected) or 'nothing'}, yours {''.join(seen)}"
            return named_mistake(given, right, wrong, None, unnamed=unnamed)
    return None


@exercise("Counts of pairs, and a little of the unigram for those that were never seen.")
def bigram(answer: Callable[[list[int], Tensor, float], Tensor]) -> str | None:
    """Smoothed table of pairs on a text of 40 tokens."""
    size, a = 4, 3.0
    tokens = torch.randint(size, (40,), generator=torch.Generator().manual_seed(0)).tolist()
    unigram = torch.tensor([0.1, 0.2, 0.3, 0.4])
    counts = torch.zeros(size, size)
    for first, second in pairwise(tokens):
        counts[first, second] += 1

    def table(counts: Tensor, added: Any) -> Tensor:
        return (counts + added) / (counts.sum(1, keepdim=True) + a)

    given = answer(tokens, unigram, a)
    wrong = {
        "that sums down the columns: a row must add up to 1, so sum along it": (counts + a * unigram)
        / (counts.sum(0, keepdim=True) + a),
        "your rows are the words that follow: the row is the first word, the column the second": table(
            counts.T, a * unigram
        ),
        "added alike to every entry, that is a times the vocabulary a row: multiply a by the unigram": table(counts, a),
        "that adds one word, not a of them: multiply the unigram by a": table(counts, unigram),
        "that smooths towards a uniform choice: share a out as the unigram says": table(counts, a / size),
        "nothing was added: a pair that never occurred gets probability 0": table(counts, 0.0),
    }
    return named_mistake(given, table(counts, a * unigram), wrong)


@exercise("A reset before every prediction: that is the streaming model cut at n.")
def cut_perplexity(answer: Callable[[Any, Tensor, int], Any]) -> str | None:
    """Perplexity of a small LSTM on 30 tokens, its state reset before every prediction."""
    with seeded(0):
        model = LanguageModel(LSTM(3, 5), 7, 3).double().eval()
        model.decoder.weight.data *= 20  # far from uniform: every slip shows
        tokens = torch.randint(7, (30,))

    def loss(first: int, reach: int) -> float:
        """Of the words from ``first`` on, each predicted from ``reach`` words, or as many as there are."""
        parts = []
        for t in range(first, len(tokens)):
            features, _ = model(tokens[None, max(0, t - reach) : t])
            parts.append(float(model.loss(features[:, -1:], tokens[None, t : t + 1])))
        return math.fsum(parts) / len(parts)

    with torch.no_grad():
        for n in (4, 2):
            given = answer(model, tokens, n)
            right = loss(n - 1, n - 1)
            wrong = {
                "that is the mean loss in nats; perplexity is its exponential": right,
                "you took 2 to the power of a loss in nats; take e": 2**right,
                "your windows hold n words of context: n - 1 of them, and the nth is predicted": math.exp(loss(n, n)),
                "your state was carried on: begin at zero, n - 1 words before each prediction": math.exp(
                    loss(n - 1, len(tokens))
                ),
                "the first words have fewer than n - 1 words before them: leave them out": math.exp(loss(1, n - 1)),
                "every position of your windows is scored: score the last one, which alone has n - 1 words": math.exp(
                    _all_positions(model, tokens, n)
                ),
            }
            if mistake := named_mistake(given, math.exp(right), wrong, 1e-5, unnamed=f"for n = {n}: {{}}"):
                return mistake
    return None


def _all_positions(model: Any, tokens: Tensor, n: int) -> float:
    windows = tokens.unfold(0, n, 1)
    features, _ = model(windows[:, :-1])
    return float(model.loss(features, windows[:, 1:]))
