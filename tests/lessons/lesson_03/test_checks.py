"""Lesson 03's checks pass the right answers and name the wrong ones; the plain stack's gradient is as it says."""

import math

import pytest
import torch

from lessons_lib.checks import NOT_ANSWERED
from lessons_lib.lessons.lesson_03 import checks, questions
from lessons_lib.models import CausalConvolution
from lessons_lib.stability import input_gradient


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


def mixed_radix(kernels):
    return [math.prod(kernels[:level]) for level in range(len(kernels))]


def test_right_answers_pass():
    assert checks.receptive_field(lambda kernel, dilations: 1 + sum((kernel - 1) * d for d in dilations))
    assert checks.dilated_convolution(convolution())
    assert checks.dilated_convolution(convolution(zeros=lambda n, d: 20))
    assert checks.dilations_without_holes(mixed_radix)
    assert checks.dilations_without_holes(lambda kernels: mixed_radix(kernels[::-1])[::-1])
    assert checks.dilations_without_holes(lambda kernels: torch.tensor([1, *kernels[:-1]]).cumprod(0))
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
        (lambda kernels: [1] * len(kernels), "read 7 inputs of 27 possible: 3 paths lead 1 steps back"),
        (lambda kernels: [2**level for level in range(len(kernels))], "read 15 inputs of 27"),
        (lambda kernels: [3**level for level in range(len(kernels))], "for kernels [2, 3, 4] your dilations [1, 3, 9]"),
        (lambda kernels: [2, 4, 8], "no path leads 1 steps back"),
        (lambda kernels: [1, 3], "are 2 numbers"),
        (lambda kernels: [0, 1, 2], "[0, 1, 2] must be whole numbers of at least 1"),
        (lambda kernels: [1, 2.5, 4], "[1, 2.5, 4] must be whole numbers of at least 1"),
    ],
)
def test_a_wasteful_or_leaking_design_is_named(answer, said):
    verdict = checks.dilations_without_holes(answer)
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
        return ...

    def convolved(x, weights, dilation):
        zeros = [0.0] * ...
        return zeros + x

    def half(x, weights, dilation):
        zeros = [0.0] * 4
        padded = zeros + x
        return [sum(w * padded[t + ...] for j, w in enumerate(weights)) for t in range(len(x))]

    def empty(context, kernel):
        """Nothing yet."""
        ...

    def design(kernels):
        """Nothing yet."""
        ...

    verdicts = (
        checks.receptive_field(field),
        checks.dilated_convolution(convolved),
        checks.dilated_convolution(half),
        checks.dilations_without_holes(design),
        checks.layers_needed(empty),
    )
    assert {verdict.message for verdict in verdicts} == {NOT_ANSWERED}


def test_a_bet_is_told_what_was_measured():
    assert questions.inputs_read(32) == "32 inputs"
    assert questions.inputs_read(31) is None
    for read, option in ((16, "16"), (30, "about 30"), (41, "all 41")):
        outcome = questions.holes(lambda *_, read=read: (torch.arange(43) < read).float())
        assert outcome(2, 4, 3) == option
        assert outcome(2, 4, 2) is None


class Stack(torch.nn.Module):
    """The lesson's: causal convolutions of kernel size 2 on top of each other, tanh after each."""

    def __init__(self, dilations):
        super().__init__()
        self.layers = torch.nn.ModuleList(CausalConvolution(8, 8, 2, dilation=d) for d in dilations)

    def forward(self, inputs, state=None):
        for layer in self.layers:
            inputs = torch.tanh(layer(inputs)[0])
        return inputs, None


def test_the_plain_stacks_gradient_lies_hundreds_of_times_lower_in_the_middle_and_tens_of_thousands_at_the_ends():
    inputs = torch.randn(4, 18, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def by_lag(dilations):
        gradients = []
        for seed in range(5):
            torch.manual_seed(seed)
            gradients.append(input_gradient(Stack(dilations).double(), inputs)[:16])
        return torch.stack(gradients).mean(0)

    lower = by_lag([1, 2, 4, 8]) / by_lag([1] * 15)
    for part, least, most in ((lower[6:10], 100, 1_000), (lower[[0, 15]], 10_000, 100_000)):
        assert least < part.min() <= part.max() < most
