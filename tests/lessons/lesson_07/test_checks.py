"""Lesson 07's checks accept right answers, in more than one form, and name each mistake."""

import math
from itertools import pairwise

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_07 import checks
from lessons_lib.models import LanguageModel, Windowed


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda words, t, n: words[max(0, t - (n - 1)) : t], "Right"),
        (lambda words, t, n: words[:t][-(n - 1) :] if n > 1 else [], "Right"),
        (lambda words, t, n: words[max(0, t - n) : t], "those are n words"),
        (lambda words, t, n: words[max(0, n - 1) : t], "how many words there are"),
        (lambda words, t, n: words[max(0, t - n + 2) : t], "one word too few"),
        (lambda words, t, n: words[max(0, t - n + 1) : t + 1], "for t = 7 and n = 3 the model sees fg"),
        (lambda words, t, n: words[max(0, ...) : t], NOT_ANSWERED),
    ],
)
def test_context(answer, line):
    assert line in checks.context(answer).message


def table(added, turned=False):
    def bigram(tokens, unigram, a):
        counts = torch.zeros(len(unigram), len(unigram))
        for first, second in pairwise(tokens):
            row, column = (second, first) if turned else (first, second)
            counts[row, column] += 1
        return (counts + added(unigram, a)) / (counts.sum(1, keepdim=True) + a)

    return bigram


def along(dimension):
    def bigram(tokens, unigram, a):
        counts = torch.zeros(len(unigram), len(unigram))
        for first, second in pairwise(tokens):
            counts[first, second] += 1
        return (counts + a * unigram) / (counts.sum(dimension, keepdim=True) + a)

    return bigram


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (table(lambda unigram, a: a * unigram), "Right"),
        (table(lambda unigram, a: (a * unigram).expand(4, 4)), "Right"),
        (table(lambda unigram, a: a * unigram, turned=True), "the words that follow"),
        (table(lambda unigram, a: a), "alike to every entry"),
        (table(lambda unigram, a: unigram), "adds one word"),
        (table(lambda unigram, a: a / len(unigram)), "uniform choice"),
        (table(lambda unigram, a: 0), "nothing was added"),
        (table(lambda unigram, a: 2 * a * unigram), "largest difference"),
        (table(lambda unigram, a: ...), NOT_ANSWERED),
        (along(1), "Right"),
        (along(0), "down the columns"),
        (along(...), NOT_ANSWERED),
    ],
)
def test_bigram(answer, line):
    assert line in checks.bigram(answer).message


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
