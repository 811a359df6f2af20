"""Checks of lesson 03's exercises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from math import prod

import torch

from lessons_lib.checks.exercises import exercise, named_mistake, whole


@exercise("Each layer adds its own reach, (kernel - 1) x dilation, to the one input at hand.")
def receptive_field(answer: Callable[[int, Sequence[int]], int]) -> str | None:
    """1 + (kernel - 1) x the sum of the dilations."""
    for kernel, dilations in ((2, [1, 2, 4, 8]), (3, [1, 3, 9]), (4, [1]), (1, [1, 2]), (2, [5])):
        given = answer(kernel, list(dilations))
        total = sum(dilations)
        right = 1 + (kernel - 1) * total
        case = f"for kernel {kernel} and dilations {list(dilations)} you give {given}"
        wrong = {
            "a kernel of K reaches K - 1 steps back: the input at hand is one of its K": 1 + kernel * total,
            "where is the kernel size? Each layer reaches (kernel - 1) x dilation further": 1 + total,
            "where are the dilations? They stretch each layer's reach": 1 + (kernel - 1) * len(dilations),
            "layers stand on top of each other: their reaches add up, and each is a product": 1
            + sum(kernel - 1 + d for d in dilations),
        }
        if mistake := named_mistake(
            given, right, wrong, None, named=f"{case}: {{}}", unnamed=f"{case}, expected {right}"
        ):
            return mistake
    return None


@exercise("Zeros in front make it causal. On eight numbers yours says what the library's layer says.")
def dilated_convolution(answer: Callable[[list[float], list[float], int], list[float]]) -> str | None:
    """y[t] = sum of weights[j] x[t - j dilation], with zeros before the first input: the library's layer."""
    from lessons_lib.models import CausalConvolution

    x, weights = [1.0, 2.0, -1.0, 3.0, 0.5, -2.0, 4.0, 1.5], [0.5, -1.0, 2.0]

    @torch.no_grad()
    def convolved(weights: Sequence[float], dilation: int) -> list[float]:
        layer = CausalConvolution(1, 1, len(weights), dilation=dilation).double()
        for parameter in layer.parameters():
            parameter.zero_()
        layer.convolution.weight[0, 0] = torch.tensor(weights[::-1])  # PyTorch's first weight meets the oldest input
        outputs: list[float] = layer(torch.tensor(x).double().view(1, -1, 1))[0].flatten().tolist()
        return outputs

    def looking_ahead(dilation: int) -> list[float]:
        lags = range(len(x))
        return [sum(w * x[t + j * dilation] for j, w in enumerate(weights) if t + j * dilation < len(x)) for t in lags]

    for dilation in (1, 2):
        given = answer(list(x), list(weights), dilation)
        if len(given) != len(x):
            return f"{len(x)} inputs make {len(x)} outputs, yours are {len(given)}"
        wrong = {
            "you look ahead: output t may use x[t - j * dilation], not what comes after t": looking_ahead(dilation),
            "the weights are the wrong way round: weights[0] belongs to the input at hand": convolved(
                weights[::-1], dilation
            ),
            "you left the dilation out: the inputs lie j * dilation steps back": convolved(weights, 1),
        }
        right = convolved(weights, dilation)
        wrapped = any(abs(a - b) > 1e-9 for a, b in zip(given[:dilation], right[:dilation], strict=True))
        cause = "; a negative position reads from a list's end: are there (len(weights) - 1) * dilation zeros?"
        single = answer([1.0, *[0.0] * 7], [1.0, 1.0], 2)
        shown = f"; on a single 1, with weights 1, 1 and dilation 2, yours says {[round(v, 2) for v in single]}"
        unnamed = f"for dilation {dilation} {{}}{cause if wrapped else ''}{shown}"
        if mistake := named_mistake(given, right, wrong, unnamed=unnamed):
            return mistake
    return None


@exercise("Each layer skips exactly what the layers below it cover: as many inputs as there are paths, each read once.")
def dilations_without_holes(answer: Callable[[list[int]], list[int]]) -> str | None:
    """Dilations with which layers of these kernel sizes read prod(kernels) inputs, and no hole among them."""
    for kernels in ([3, 3, 3], [2, 3, 4], [4, 2, 5]):
        returned, most = list(answer(list(kernels))), prod(kernels)
        given = [number for number in map(whole, returned) if number is not None and number >= 1]
        case = f"for kernels {kernels} your dilations {given if len(given) == len(returned) else returned}"
        if len(returned) != len(kernels):
            return f"{case} are {len(returned)} numbers: each of the {len(kernels)} layers needs one"
        if len(given) < len(returned):
            return f"{case} must be whole numbers of at least 1"
        taps = ([tap * dilation for tap in range(kernel)] for kernel, dilation in zip(kernels, given, strict=True))
        paths = Counter(map(sum, product(*taps)))
        reach = max(paths) + 1
        if hole := next((lag for lag in range(reach) if not paths[lag]), None):
            return f"{case} leave a hole: no path leads {hole} steps back, and the reach is {reach}"
        if reach < most:
            twice = next(lag for lag in range(reach) if paths[lag] > 1)
            return f"{case} read {reach} inputs of {most} possible: {paths[twice]} paths lead {twice} steps back"
    return None


@exercise("Twice the context costs one layer: the number of layers is a logarithm.")
def layers_needed(answer: Callable[[int, int], int]) -> str | None:
    """The smallest L with 1 + (kernel - 1)(2^L - 1) >= context."""

    def reach(layers: int, kernel: int) -> int:
        return 1 + (kernel - 1) * (2**layers - 1)

    for context, kernel in ((16, 2), (17, 2), (1024, 2), (1000, 3), (29, 5), (30, 5), (1, 2)):
        given = answer(context, kernel)
        right = next(layers for layers in range(1, 64) if reach(layers, kernel) >= context)
        if given == right:
            continue
        case = f"for a context of {context} and kernel {kernel}"
        if context == 1 and given == 0:
            return f"{case}: give 1 layer at least"
        if given < right:
            return f"{case} your {given} layers reach {reach(max(int(given), 0), kernel)} inputs: too few"
        return f"{case} you take {given} layers; {right} reach {reach(right, kernel)} inputs already"
    return None
