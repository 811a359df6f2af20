"""Lesson 00's checks accept right answers, in more than one form, and name each mistake."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_00 import checks


def with_values(change):
    """Change a matrix's singular values, given the bound."""

    def projected(matrix, bound):
        left, values, right = torch.linalg.svd(matrix)
        return left @ change(values, bound).diag() @ right

    return projected


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (with_values(lambda values, bound: values.clamp(max=bound)), "Right"),
        (lambda matrix, bound: matrix * (bound / torch.linalg.matrix_norm(matrix, 2)), "divided the whole matrix"),
        (with_values(lambda values, bound: torch.full_like(values, bound)), "the small ones too"),
        (lambda matrix, bound: matrix.clamp(-bound, bound), "clipped the entries"),
        (lambda matrix, bound: matrix, "nothing was clipped"),
        (lambda matrix, bound: matrix[:2], "the shape should be (3, 3)"),
    ],
)
def test_projected(answer, line):
    assert line in checks.projected(answer).message


def state(select):
    def truncated(matrix, inputs, k):
        h = torch.zeros(len(matrix))
        for x in select(inputs, k):
            h = torch.tanh(matrix @ h + x)
        return h

    return truncated


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (state(lambda inputs, k: inputs[-k:]), "Right"),
        (state(lambda inputs, k: inputs), "every input"),
        (state(lambda inputs, k: inputs[:k]), "first k"),
        (state(lambda inputs, k: inputs[-k + 1 :]), "too few"),
        (state(lambda inputs, k: inputs[-k - 1 :]), "too many"),
        (state(lambda inputs, k: inputs[k - 1 :]), "expected"),
        (lambda matrix, inputs, k: inputs[-1, :2], "the shape should be (3,)"),
    ],
)
def test_truncated_state(answer, line):
    assert line in checks.truncated_state(answer).message


def by_logarithm(rounding):
    return lambda rate, size, accuracy: max(0, rounding(math.log(size / accuracy) / math.log(1 / rate)))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (by_logarithm(lambda k: math.ceil(k - 1e-9)), "Right"),
        (by_logarithm(math.floor), "one too small"),
        (by_logarithm(lambda k: math.floor(k) + 1), "one too large"),
        (by_logarithm(float), "whole number"),
        (by_logarithm(lambda k: torch.tensor(math.ceil(k - 1e-9))), "Right"),
        (by_logarithm(lambda k: torch.tensor(math.floor(k))), "one too small"),
        (lambda rate, size, accuracy: math.ceil(math.log(size / accuracy) / math.log(1 / rate)), "so k is 0"),
        (lambda rate, size, accuracy: 99, "expected 3, yours is 99"),
    ],
)
def test_smallest_context(answer, line):
    assert line in checks.smallest_context(answer).message
