"""Checks of lesson 07's exercises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, named_mistake
from lessons_lib.models import LSTM, LanguageModel, Predictor, Windowed, seeded


@exercise("The text gives 2.83, 1.41, 1.00 and 1.00: from n = 3 on nothing is left to guess.")
def counted_perplexity(answer: Callable[[list[str], int], Any]) -> str | None:
    """Perplexity by counting, on the lesson's text and on one of four letters."""
    for text in (("the cat the dog " * 500).split(), list("abacabadabacabaabcd" * 20)):
        for n in (1, 2, 3):
            grams = Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
            contexts = Counter(gram[:-1] for gram in grams.elements())
            once = Counter(gram[:-1] for gram in grams)
            of_all = {gram: count / grams.total() for gram, count in grams.items()}
            of_different = {gram: count / once[gram[:-1]] for gram, count in grams.items()}
            right = _mean_surprise(grams, {gram: count / contexts[gram[:-1]] for gram, count in grams.items()})
            wrong = {
                "you divide by the number of all grams: divide by how often this gram's context comes": (
                    _mean_surprise(grams, of_all)
                ),
                "you count each different gram once: count it as often as it comes (grams.elements())": (
                    _mean_surprise(grams, of_different)
                ),
            }
            given = answer(text, n)
            known = {mistake: math.exp(loss) for mistake, loss in wrong.items() if abs(loss - right) > 1e-3}
            unnamed = f"a text of {len(set(text))} words, n = {n}: {{}}"
            if mistake := named_mistake(given, math.exp(right), known, unnamed=unnamed):
                return mistake
    return None


def _mean_surprise(grams: Counter[tuple[str, ...]], probability: Mapping[tuple[str, ...], float]) -> float:
    return -math.fsum(count * math.log(probability[gram]) for gram, count in grams.items()) / grams.total()


@exercise("A zero state before every prediction, and n - 1 words read into it: so does the library's Windowed.")
def n_gram_outputs(answer: Callable[[Any, Tensor, int], Tensor]) -> str | None:
    """Outputs of a small LSTM on 30 inputs, reset before each."""
    with seeded(0):
        lstm, inputs = LSTM(3, 5).double(), torch.randn(1, 30, 3, dtype=torch.float64)
    with torch.no_grad():
        for n in (5, 2, 13):
            wrong = {
                "your windows hold n inputs: the nth word is the predicted one, so n - 1 are read": n,
                "your windows hold n - 2 inputs: slices leave their end out, so begin one earlier": n - 2,
                "every window begins at the same place: it must move along with t": None,
                "nothing is cut: every prediction must begin at a zero state, n - 1 words back": inputs.shape[1],
            }
            known = {mistake: _reading(lstm, inputs, size, n) for mistake, size in wrong.items() if size != 0}
            given = answer(lstm, inputs, n)
            if mistake := named_mistake(given, _reading(lstm, inputs, n - 1, n), known, unnamed=f"for n = {n}: {{}}"):
                return mistake
    return None


def _reading(lstm: Any, inputs: Tensor, size: int | None, n: int) -> Tensor:
    """Outputs from windows of ``size`` inputs; None: all that begin at input n - 1, or at 0."""
    if size is not None:
        return Windowed(lstm, size)(inputs)[0]
    starts = [n - 1 if t >= n - 1 else 0 for t in range(inputs.shape[1])]
    return torch.stack([lstm(inputs[:, start : t + 1])[0][:, -1] for t, start in enumerate(starts)], dim=1)


@exercise("Every word is scored from n - 1 words. Your colleague had scored those with fewer, too.")
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


def _all_positions(model: Predictor, tokens: Tensor, n: int) -> float:
    windows = tokens.unfold(0, n, 1)
    features, _ = model(windows[:, :-1])
    return float(model.loss(features, windows[:, 1:]))
