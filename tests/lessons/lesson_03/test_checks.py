"""Lesson 03's checks pass the right answers and name the wrong ones."""

import math

import pytest

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_03 import checks


def convolution(sign=-1, reverse=False, use_dilation=True, zeros=lambda n, d: (n - 1) * d):
    def answer(x, weights, dilation):
        weights = weights[::-1] if reverse else weights
        step = dilation if use_dilation else 1
        pad = zeros(len(weights), dilation)
        padded = [0.0] * pad + x + [0.0] * 10
        return [sum(w * padded[pad + t + sign * j * step] for j, w in enumerate(weights)) for t in range(len(x))]

    return answer


def wraps_around(x, weights, dilation):
    return [sum(w * x[t - j * dilation] for j, w in enumerate(weights)) for t in range(len(x))]


def loop(context, kernel, first=1):
    layers = first
    while 1 + (kernel - 1) * (2**layers - 1) < context:
        layers += 1
    return layers


def test_right_answers_pass():
    assert checks.receptive_field(lambda kernel, dilations: 1 + sum((kernel - 1) * d for d in dilations))
    assert checks.dilated_convolution(convolution())
    assert checks.dilated_convolution(convolution(zeros=lambda n, d: 20))
    assert checks.layers_needed(loop)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda K, ds: 1 + K * sum(ds), "K - 1 steps"),
        (lambda K, ds: 1 + sum(ds), "where is the kernel size"),
        (lambda K, ds: 1 + (K - 1) * len(ds), "where are the dilations"),
        (lambda K, ds: 1 + sum(K - 1 + d for d in ds), "product"),
        (lambda K, ds: (K - 1) * sum(ds), "expected 16"),
    ],
)
def test_a_wrong_receptive_field_is_named(answer, said):
    verdict = checks.receptive_field(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (convolution(sign=1), "look ahead"),
        (convolution(reverse=True), "wrong way round"),
        (convolution(use_dilation=False), "left the dilation out"),
        (wraps_around, "negative position"),
        (lambda x, weights, dilation: x[1:], "8 inputs make 8 outputs"),
        (lambda x, weights, dilation: [*x[:-1], 9.0], "largest difference"),
    ],
)
def test_a_wrong_convolution_is_named(answer, said):
    verdict = checks.dilated_convolution(answer)
    assert not verdict
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda context, kernel: max(1, math.floor(math.log2(context))), "too few"),
        (lambda context, kernel: loop(context, kernel) + 1, "you take 5 layers; 4 reach 16"),
        (lambda context, kernel: loop(context, kernel, first=0), "1 layer at least"),
        (lambda context, kernel: context - 1, "you take 15 layers"),
    ],
)
def test_a_wrong_number_of_layers_is_named(answer, said):
    verdict = checks.layers_needed(answer)
    assert not verdict
    assert said in verdict.message


def test_blanks_are_not_answered():
    def field(kernel, dilations):
        return 1 + sum(... for d in dilations)

    def convolved(x, weights, dilation):
        zeros = [0.0] * ...
        return zeros + x

    def half(x, weights, dilation):
        zeros = [0.0] * 4
        padded = zeros + x
        return [sum(w * padded[len(zeros) + ...] for j, w in enumerate(weights)) for t in range(len(x))]

    def empty(context, kernel):
        """Nothing yet."""
        ...

    verdicts = (
        checks.receptive_field(field),
        checks.dilated_convolution(convolved),
        checks.dilated_convolution(half),
        checks.layers_needed(empty),
    )
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}
