"""Lesson 12's checks accept right answers, in more than one form, and name each mistake."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_12 import checks


def counted(count):
    def perplexity(log_p, tokens):
        return torch.exp(-log_p[tokens[:-1], tokens[1:]].sum() / count(log_p, tokens))

    return perplexity


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (counted(lambda log_p, tokens: len(tokens) - 1), "Right"),
        (lambda log_p, tokens: float(log_p[tokens[:-1], tokens[1:]].mean().neg().exp()), "Right"),
        (counted(lambda log_p, tokens: len(tokens)), "all N words"),
        (counted(lambda log_p, tokens: len(tokens) - 2), "N - 2"),
        (counted(lambda log_p, tokens: len(log_p)), "size of the vocabulary"),
        (counted(lambda log_p, tokens: 1), "did not divide"),
        (lambda log_p, tokens: 2.0, "expected"),
        (counted(lambda log_p, tokens: ...), "not answered"),
    ],
)
def test_stream_perplexity(answer, line):
    assert line.lower() in checks.stream_perplexity(answer).message.lower()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda a, b: max(min(a), min(b)) <= min(max(a), max(b)), "Right"),
        (lambda a, b: not (max(a) < min(b) or max(b) < min(a)), "Right"),
        (lambda a, b: min(b) <= max(a), "wholly below"),
        (lambda a, b: min(a) <= min(b) <= max(a), "inside"),
        (lambda a, b: True, "is False"),
        (lambda a, b: min(a), "True or False"),
    ],
)
def test_overlap(answer, line):
    assert line in checks.overlap(answer).message


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda n: 2 / math.comb(2 * n, n), "Right"),
        (lambda n: 2 * math.factorial(n) ** 2 / math.factorial(2 * n), "Right"),
        (lambda n: 1 / math.comb(2 * n, n), "one side only"),
        (lambda n: 1 - 2 / math.comb(2 * n, n), "do overlap"),
        (lambda n: 2 * 0.5**n, "coin"),
        (lambda n: 0.3, "expected 1, yours is 0.3"),
    ],
)
def test_chance_of_parting(answer, line):
    assert line in checks.chance_of_parting(answer).message


def test_the_chance_is_what_drawing_shows():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 40_000, 3, generator=generator)
    parted = (first.amax(1) < second.amin(1)) | (second.amax(1) < first.amin(1))
    assert checks.chance_of_parting(lambda n: 2 / math.comb(2 * n, n)).passed
    assert float(parted.double().mean()) == pytest.approx(2 / math.comb(6, 3), abs=0.01)
