"""Checks of lesson 08's exercises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake


@exercise("The input enters both copies alike: it moves them, and never apart by more than λ allows.")
def shrinkage(answer: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """‖h' - g'‖ / ‖h - g‖ after one step of tanh(W h + x), from (W, x, first, second)."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    x, first, second = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    before = (first - second).norm()

    def after(other: Tensor) -> Tensor:
        return (torch.tanh(weight @ first + x) - other).norm() / before

    given = answer(weight, x, first, second)
    wrong = {
        "the second copy reads the input too: tanh(W h + x)": after(torch.tanh(weight @ second)),
        "the second copy goes through the tanh too": after(weight @ second + x),
        "the second copy must take its step: you subtract its old state": after(second),
        "the second copy starts from its own state, not from the first one's": after(torch.tanh(weight @ first + x)),
        "without the tanh this is the linear map's ratio": (weight @ (first - second)).norm() / before,
    }
    expected = after(torch.tanh(weight @ second + x))
    return named_mistake(given, expected, wrong)


@exercise("A radius below 1 says where it ends; the norms of the powers say what happens on the way.")
def transient_peak(answer: Callable[[Tensor, int], tuple[int, float]]) -> str | None:
    """The t in 0, ..., steps at which ‖W^t‖_2 is largest, and that norm, from (W, steps)."""
    weight = torch.tensor([[0.8, 3.0], [0.0, 0.8]], dtype=torch.float64)
    growing = torch.tensor([[1.1, 0.0], [0.0, 0.5]], dtype=torch.float64)
    for matrix, steps in ((weight, 20), (growing, 6), (0.5 * torch.eye(2, dtype=torch.float64), 4)):
        powers = [torch.linalg.matrix_power(matrix, t) for t in range(steps + 1)]
        norms = torch.stack([torch.linalg.matrix_norm(power, 2) for power in powers])
        given = answer(matrix, steps)
        if not isinstance(given, tuple) or len(given) != 2:
            return "return two numbers: the step t, and the norm there"
        when, height = int(given[0]), float(given[1])
        others = {
            "that is the Frobenius norm; the largest stretch is matrix_norm(..., 2)": torch.stack(
                [torch.linalg.matrix_norm(power) for power in powers]
            ),
            "that is the largest |eigenvalue| of each power, which knows nothing of the way there": torch.stack(
                [torch.linalg.eigvals(power).abs().max() for power in powers]
            ),
            "the last power, W^steps, is missing: range(steps + 1)": norms[:-1],
            "begin with t = 0, where the norm is 1": norms[1:],
        }
        if when == int(norms.argmax()) and mismatch(height, norms.max()) is None:
            continue
        for mistake, values in others.items():
            if mismatch(height, values.max()) is None and mismatch(height, norms.max()) is not None:
                return mistake
        if mismatch(height, norms.max()) is None:
            return f"the norm is right, the step is {int(norms.argmax())} and not {when}: count from t = 0"
        return mismatch(height, norms.max())
    return None


@exercise("The median would have hidden them.")
def share_unmerged(answer: Callable[[Tensor, float], float]) -> str | None:
    """The share of contexts whose last ratio is above the limit, from (ratios: (contexts, time), limit)."""
    ratios = torch.tensor(
        [[0.5, 0.2, 0.05], [2.0, 0.4, 0.01], [0.9, 0.8, 0.7], [0.1, 0.3, 0.25], [0.6, 0.01, 0.0]], dtype=torch.float64
    )
    for limit in (0.1, 0.6):
        last = ratios[:, -1] > limit
        expected = last.double().mean()
        given = float(answer(ratios, limit))
        wrong = {
            "that is their number: divide by the number of contexts": last.sum(),
            "that is the share that did merge": 1 - expected,
            "only the last time counts: you counted contexts that were above the limit at some time": (ratios > limit)
            .any(1)
            .double()
            .mean(),
            "only the last time counts: you counted all times": (ratios > limit).double().mean(),
            "you looked at the first time; the last one is ratios[:, -1]": (ratios[:, 0] > limit).double().mean(),
            "a row is a context, a column a time: ratios[:, -1]": (ratios[-1] > limit).double().mean(),
        }
        if mistake := named_mistake(given, expected, wrong):
            return mistake
    return None
