"""Lesson 12's checks accept right answers, in more than one form, and name each mistake."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_12 import checks


def gate(heard):
    def largest(recurrent, inputs, bias, clip):
        return float(torch.sigmoid(heard(recurrent, inputs, bias, clip).max()))

    return largest


def rows(matrix):
    return matrix.abs().sum(1)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (gate(lambda w, u, b, c: rows(w) + c * rows(u) + b), "Right"),
        (gate(lambda w, u, b, c: torch.cat([w, c * u], dim=1).abs().sum(1) + b), "Right"),
        (gate(lambda w, u, b, c: rows(w) + c * rows(u)), "left the bias out"),
        (gate(lambda w, u, b, c: w.abs().sum(0) + c * rows(u) + b), "over columns"),
        (gate(lambda w, u, b, c: rows(w) + b), "inputs out"),
        (gate(lambda w, u, b, c: rows(w) + rows(u) + b), "at most the clip"),
        (gate(lambda w, u, b, c: rows(w).max() + c * rows(u).max() + b.max()), "largest sum of one unit"),
        (gate(lambda w, u, b, c: w.sum(1) + c * u.sum(1) + b), "signs"),
        (lambda w, u, b, c: float((rows(w) + c * rows(u) + b).max()), "before the sigmoid"),
        (lambda w, u, b, c: 0.99, "expected"),
        (lambda w, u, b, c: ..., "Not answered"),
    ],
)
def test_largest_forget_gate(answer, line):
    assert line in checks.largest_forget_gate(answer).message


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda a, b: max(min(a), min(b)) <= min(max(a), max(b)), "Right"),
        (lambda a, b: not (max(a) < min(b) or max(b) < min(a)), "Right"),
        (lambda a, b: min(b) <= max(a), "wholly below"),
        (lambda a, b: min(a) <= min(b) <= max(a), "inside"),
        (lambda a, b: max(min(a), min(b)) < min(max(a), max(b)), "93 in common"),
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
        (lambda n: torch.tensor(2.0) / math.comb(2 * n, n), "Right"),
        (lambda n: 1 / math.comb(2 * n, n), "one side only"),
        (lambda n: 1 - 2 / math.comb(2 * n, n), "do overlap"),
        (lambda n: 2 * 0.5**n, "coin"),
        (lambda n: 0.3, "expected 0.1, yours is 0.3"),
        (lambda n: 1 / 2**n, "for n = 3 expected 0.1"),
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
