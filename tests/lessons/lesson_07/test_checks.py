"""Lesson 07's checks accept right answers, in more than one form, and name each mistake."""

import math
from collections import Counter

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_07 import checks
from lessons_lib.models import LanguageModel, Windowed


def counted(contexts):
    def perplexity(text, n):
        grams = Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
        found = contexts(grams)
        return math.exp(-sum(c * math.log(c / found[gram[:-1]]) for gram, c in grams.items()) / grams.total())

    return perplexity


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (counted(lambda grams: Counter(gram[:-1] for gram in grams.elements())), "Right"),
        (counted(lambda grams: Counter(gram[:-1] for gram in grams)), "as often as it comes"),
        (counted(lambda grams: dict.fromkeys((gram[:-1] for gram in grams), grams.total())), "number of all grams"),
        (counted(lambda grams: dict.fromkeys((gram[:-1] for gram in grams), 1)), "a text of 3 words, n = 1"),
        (lambda text, n: {1: 2**1.5, 2: 2**0.5, 3: 1.0}[n], "a text of 3 words, n = 2"),
        (counted(lambda grams: ...), NOT_ANSWERED),
    ],
)
def test_counted_perplexity(answer, line):
    assert line in checks.counted_perplexity(answer).message


def reading(first):
    def outputs(lstm, inputs, n):
        windows = [inputs[:, max(0, first(t, n)) : t + 1] for t in range(inputs.shape[1])]
        return torch.stack([lstm(window)[0][:, -1] for window in windows], dim=1)

    return outputs


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (reading(lambda t, n: t + 1 - (n - 1)), "Right"),
        (lambda lstm, inputs, n: Windowed(lstm, n - 1)(inputs)[0], "Right"),
        (reading(lambda t, n: t + 1 - n), "hold n inputs"),
        (reading(lambda t, n: t + 3 - n), "n - 2 inputs"),
        (reading(lambda t, n: n - 1 if t >= n - 1 else 0), "begins at the same place"),
        (reading(lambda t, n: t - 3), "for n = 2"),
        (lambda lstm, inputs, n: lstm(inputs)[0], "nothing is cut"),
        (reading(lambda t, n: ...), NOT_ANSWERED),
    ],
)
def test_n_gram_outputs(answer, line):
    assert line in checks.n_gram_outputs(answer).message


def windowed(size=0, final=torch.exp, last=True):
    def perplexity(model, tokens, n):
        windows = tokens.unfold(0, n + size, 1)
        features, _ = model(windows[:, :-1])
        kept = slice(-1, None) if last else slice(None)
        return final(model.loss(features[:, kept], windows[:, 1:][:, kept]))

    return perplexity


def library(model, tokens, n):
    cut = LanguageModel(Windowed(model.core, n - 1), 7, 3).double()
    cut.embedding, cut.decoder = model.embedding, model.decoder
    features, _ = cut(tokens[None, :-1])
    return math.exp(float(model.loss(features[:, n - 2 :], tokens[None, n - 1 :])))


def carried(model, tokens, n):
    features, _ = model(tokens[None, :-1])
    return model.loss(features[:, n - 2 :], tokens[None, n - 1 :]).exp()


def early(model, tokens, n):
    rows = [tokens[max(0, t - n + 1) : t + 1] for t in range(1, len(tokens))]
    losses = [model.loss(model(row[None, :-1])[0][:, -1:], row[None, -1:]) for row in rows]
    return torch.stack(losses).mean().exp()


def nothing(model, tokens, n):
    """An empty body."""
    ...


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (windowed(), "Right"),
        (library, "Right"),
        (windowed(final=lambda loss: loss), "mean loss in nats"),
        (windowed(final=lambda loss: 2**loss), "take e"),
        (windowed(size=1), "n words of context"),
        (windowed(last=False), "score the last one"),
        (carried, "carried on"),
        (early, "leave them out"),
        (windowed(final=lambda loss: 3 * loss), "for n = 4"),
        (nothing, NOT_ANSWERED),
    ],
)
def test_cut_perplexity(answer, line):
    assert line in checks.cut_perplexity(answer).message
